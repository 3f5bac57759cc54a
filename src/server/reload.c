#include "server/reload.h"

#include "server/keys.h"
#include "server/log.h"
#include "server/records.h"

static bool is_same_password(const struct password *a, const struct password *b)
{
    return bytes_equal(bytes_of(a->data, a->size), bytes_of(b->data, b->size));
}

static unsigned log_changes(const struct records *old, const struct records *new)
{
    unsigned count = 0;
    for (size_t i = 0; i < new->count; i++) {
        const struct record *is = &new->items[i], *was = records_find(old, is->key);
        bool is_same = was && strcmp(was->value, is->value) == 0;
        if (is_same)
            continue;
        log_line(is->needs_restart ? "%s: '%s' stays until a restart makes it '%s'"
                                   : "%s: was '%s', is '%s'",
                 is->key, was ? was->value : "", is->value);
        count++;
    }
    for (size_t i = 0; i < old->count; i++)
        if (!records_find(new, old->items[i].key)) {
            log_line("%s: was '%s', is not set", old->items[i].key, old->items[i].value);
            count++;
        }
    return count;
}

/* Whether `next` can stand with those values that a running broker keeps. */
static bool keep_values(struct options *next, const struct options *options)
{
    for (size_t i = 0; key_at(i); i++)
        if (key_at(i)->needs_restart)
            key_copy(key_at(i), next, options);
    return options_check(next, stderr) == 0;
}

unsigned reload_log(const struct options *options, const struct options *next)
{
    struct records old, new;
    records_init(&old, options);
    records_init(&new, next);
    unsigned count = log_changes(&old, &new);
    if (!is_same_password(&options->password, &next->password)) {
        log_line("password: it is another one");
        count++;
    }
    records_finish(&old);
    records_finish(&new);
    return count;
}

bool reload(struct options *options)
{
    struct options next;
    bool is_good = options_load(&next, options->words_count, options->words, stderr) == 0;
    struct options wanted = next; /* borrows what next owns */
    is_good = is_good && keep_values(&next, options);
    if (is_good) {
        if (reload_log(options, &wanted) == 0)
            log_line("the configuration was read again, nothing has changed");
        options_finish(options);
        *options = next;
    } else {
        log_line("the configuration stays as it was");
        options_finish(&next);
    }
    return is_good;
}

#include "core/globs.h"

#include "base/array.h"
#include "core/glob.h"

#include <assert.h>

/* There is one as long as it has globs. */
struct prefix {
    struct table_entry entry; /* by its bytes */
    struct list globs;
};

void globs_finish(struct globs *globs)
{
    assert(globs->globs.count == 0 && globs->prefixes.count == 0);
    table_finish(&globs->globs);
    table_finish(&globs->prefixes);
}

static struct glob *glob_of(const struct subscriber_set *set)
{
    return list_entry(set, struct glob, set);
}

static struct prefix *prefix_find(const struct globs *globs, uint64_t hash, struct bytes text)
{
    struct table_entry *entry = table_find(&globs->prefixes, hash, text);
    return entry ? list_entry(entry, struct prefix, entry) : NULL;
}

static struct prefix *prefix_make(struct globs *globs, const struct hash_key *key,
                                  struct bytes text)
{
    uint64_t hash = hash_bytes(key, text);
    struct prefix *prefix = prefix_find(globs, hash, text);
    if (prefix)
        return prefix;
    prefix = memory_create(sizeof *prefix + text.size);
    prefix->entry = (struct table_entry){hash, bytes_copy(prefix + 1, text)};
    list_init(&prefix->globs);
    table_insert(&globs->prefixes, &prefix->entry);
    globs->sizes_used[text.size]++;
    return prefix;
}

static void prefix_trim(struct globs *globs, struct prefix *prefix)
{
    if (!list_is_empty(&prefix->globs))
        return;
    globs->sizes_used[prefix->entry.name.size]--;
    table_remove(&globs->prefixes, &prefix->entry);
    memory_free(prefix);
}

struct subscriber_set *globs_add(struct globs *globs, const struct hash_key *key, struct bytes text)
{
    assert(text.size <= FRAME_NAME_MAX);
    uint64_t hash = hash_bytes(key, text);
    struct table_entry *entry = table_find(&globs->globs, hash, text);
    if (entry)
        return &list_entry(entry, struct glob, entry)->set;
    struct glob *glob = memory_create(sizeof *glob + text.size);
    glob->entry = (struct table_entry){hash, bytes_copy(glob + 1, text)};
    glob->prefix = prefix_make(globs, key, glob_prefix(text));
    list_push_back(&glob->prefix->globs, &glob->link);
    table_insert(&globs->globs, &glob->entry);
    return &glob->set;
}

struct bytes globs_text(const struct subscriber_set *set)
{
    return glob_of(set)->entry.name;
}

void globs_trim(struct globs *globs, struct subscriber_set *set)
{
    struct glob *glob = glob_of(set);
    if (set->count > 0)
        return;
    list_remove(&glob->link);
    prefix_trim(globs, glob->prefix);
    table_remove(&globs->globs, &glob->entry);
    memory_free(glob);
}

static void match_those_of(const struct prefix *prefix, struct bytes name, struct found *found)
{
    for (const struct list *link = prefix->globs.next; link != &prefix->globs; link = link->next) {
        const struct glob *glob = list_entry(link, const struct glob, link);
        if (glob_matches(glob->entry.name, name))
            subscriber_set_collect(&glob->set, found);
    }
}

void globs_match(const struct globs *globs, const struct hash_key *key, struct bytes name,
                 struct found *found)
{
    if (globs->globs.count == 0)
        return;
    for (size_t size = 0; size <= name.size; size++) {
        if (globs->sizes_used[size] == 0)
            continue;
        struct bytes text = bytes_of(name.data, size);
        const struct prefix *prefix = prefix_find(globs, hash_bytes(key, text), text);
        if (prefix)
            match_those_of(prefix, name, found);
    }
}

uint64_t globs_check(const struct globs *globs)
{
    uint64_t subscriptions = 0, prefixes = 0, linked = 0;
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&globs->globs, &at));) {
        const struct glob *glob = list_entry(entry, struct glob, entry);
        assert(glob->set.count > 0);
        assert(bytes_equal(glob->prefix->entry.name, glob_prefix(entry->name)));
        subscriptions += glob->set.count;
    }
    for (size_t at = 0; (entry = table_next(&globs->prefixes, &at));) {
        const struct prefix *prefix = list_entry(entry, struct prefix, entry);
        assert(!list_is_empty(&prefix->globs));
        for (struct list *link = prefix->globs.next; link != &prefix->globs; link = link->next)
            linked++;
    }
    for (size_t size = 0; size <= FRAME_NAME_MAX; size++)
        prefixes += globs->sizes_used[size];
    assert(linked == globs->globs.count && prefixes == globs->prefixes.count);
    return subscriptions;
}

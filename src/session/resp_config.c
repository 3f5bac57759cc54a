#include "base/array.h"
#include "core/glob.h"
#include "frame/field.h"
#include "session/resp.h"
#include "session/resp_table.h"
#include "session/say.h"
#include "session/word.h"

#include <stdio.h>
#include <string.h>

/*
 * CONFIG: the broker's settings by their own names, and by those of Redis that mean the same. What Redis
 * can be set to and the broker cannot has the one value that says how the broker is.
 */

enum { PAIRS_MAX = 64 };

/* Names of Redis's. */
static const struct alias {
    const char *name;
    const char *setting; /* of the broker; NULL: it is fixed */
    const char *value;   /* then */
    bool is_size;        /* told in bytes */
} aliases[] = {
    {"appendonly", NULL, "no", false},
    {"databases", NULL, "16", false},
    {"maxclients", "max-connections", NULL, false},
    {"maxmemory", "memory-limit", NULL, true},
    {"maxmemory-policy", NULL, "noeviction", false},
    {"notify-keyspace-events", NULL, "", false},
    {"proto-max-bulk-len", "frame-max", NULL, true},
    {"save", NULL, "", false},
    {"slowlog-log-slower-than", NULL, "-1", false},
    {"slowlog-max-len", NULL, "0", false},
    {"timeout", NULL, "0", false},
};

enum { ALIASES_COUNT = sizeof aliases / sizeof *aliases };

/* Getting. */

/* Whether one of the patterns that were noted matches a name. */
static bool is_wanted(struct bytes note, struct bytes name)
{
    for (size_t at = 0; at < note.size;) {
        struct bytes glob = bytes_of(note.data + at + 4, load_u32(note.data + at));
        if (glob_matches(glob, name))
            return true;
        at += 4 + glob.size;
    }
    return false;
}

/* The next of the records, as its key and value, which it has; false behind the last. */
static bool take_record(struct bytes *records, struct bytes *key, struct bytes *value)
{
    struct field field;
    *key = *value = (struct bytes){0};
    if (records->size == 0)
        return false;
    uint32_t size = load_u32(records->data);
    struct bytes fields = bytes_of(records->data + 4, size - 4);
    while (field_take(&fields, &field) > 0) {
        if (field_is(&field, "key"))
            *key = field.value;
        if (field_is(&field, "value"))
            *value = field.value;
    }
    *records = bytes_of(records->data + size, records->size - size);
    return true;
}

static bool find_setting(struct bytes records, const char *name, struct bytes *value)
{
    struct bytes key = {0};
    while (take_record(&records, &key, value))
        if (bytes_equal(key, bytes_text(name)))
            return true;
    return false;
}

/* `64mb` in bytes. */
static uint64_t size_of(struct bytes value)
{
    static const char units[] = "kmg";
    uint64_t size = 0;
    size_t at = 0;
    for (; at < value.size && value.data[at] >= '0' && value.data[at] <= '9'; at++)
        size = size * 10 + (uint64_t)(value.data[at] - '0');
    const char *unit = at < value.size ? strchr(units, value.data[at]) : NULL;
    return unit ? size << (10 * (unit - units + 1)) : size;
}

static void put_alias(struct pen *pen, const struct alias *alias, struct bytes records)
{
    struct bytes value = bytes_text(alias->setting ? "" : alias->value);
    if (alias->setting)
        find_setting(records, alias->setting, &value);
    pen_bulk(pen, bytes_text(alias->name));
    if (alias->is_size)
        pen_digits(pen, size_of(value));
    else
        pen_bulk(pen, value);
}

static size_t count_wanted(struct bytes note, struct bytes records)
{
    struct bytes key, value;
    size_t count = 0;
    for (size_t i = 0; i < ALIASES_COUNT; i++)
        count += is_wanted(note, bytes_text(aliases[i].name));
    while (take_record(&records, &key, &value))
        count += is_wanted(note, key);
    return count;
}

static void say_settings(struct pen *pen, const struct effect *effect)
{
    struct bytes key, value;
    if (effect->kind != EFFECT_ANSWER) {
        pen_status(pen, effect->status);
        return;
    }
    struct bytes records = slice_bytes(&effect->slice);
    pen_map(pen, count_wanted(pen->note, records));
    for (size_t i = 0; i < ALIASES_COUNT; i++)
        if (is_wanted(pen->note, bytes_text(aliases[i].name)))
            put_alias(pen, &aliases[i], records);
    while (take_record(&records, &key, &value)) {
        if (!is_wanted(pen->note, key))
            continue;
        pen_bulk(pen, key);
        pen_bulk(pen, value);
    }
}

/* Notes a pattern, for names in either case; a longer one than all names is none. */
static void note_glob(struct replies *replies, struct bytes glob)
{
    unsigned char lower[FRAME_NAME_MAX];
    if (glob.size <= sizeof lower)
        say_note_name(replies, word_lower(glob, lower));
}

static enum outcome get(struct call *call, struct command *command)
{
    command->kind = COMMAND_SETTINGS;
    call_expect(call, 1, say_settings);
    for (uint32_t i = 2; i < call->words_count; i++)
        note_glob(&call->resp->replies, call_word(call, i));
    return CALL_LAST;
}

/* Setting. */

static const struct alias *find_alias(struct bytes name)
{
    for (size_t i = 0; i < ALIASES_COUNT; i++)
        if (word_is(name, aliases[i].name))
            return &aliases[i];
    return NULL;
}

/* Why one of them is not changed. */
static void put_fault(struct pen *pen, struct bytes name, const char *why)
{
    char after[64];
    snprintf(after, sizeof after, "') - %s", why);
    pen_error_with(pen, "ERR CONFIG SET failed (possibly related to argument '", name, after);
}

static const char fixed[] = "can't set immutable config";

static void say_configured(struct pen *pen, const struct effect *effect)
{
    if (effect->kind != EFFECT_NUMBER) {
        pen_status(pen, effect->status);
        return;
    }
    enum setting_fault fault = (enum setting_fault)effect->numbers.first;
    struct bytes name = fault == SETTING_OK ? (struct bytes){0} : say_noted_name(pen, effect->id);
    switch (fault) {
    case SETTING_OK: pen_simple(pen, "OK"); break;
    case SETTING_UNKNOWN:
        pen_error_with(pen, "ERR Unknown option or number of arguments for CONFIG SET - '", name,
                       "'");
        break;
    case SETTING_FIXED: put_fault(pen, name, fixed); break;
    case SETTING_BAD_VALUE: put_fault(pen, name, "argument is none that it takes"); break;
    }
}

/* Whether what the word at `at` names was named before. */
static bool is_again(const struct call *call, uint32_t at)
{
    for (uint32_t i = 2; i < at; i += 2)
        if (bytes_equal(call_word(call, i), call_word(call, at)))
            return true;
    return false;
}

/* Reads one pair, and puts it behind the `*count` that the server is to be told, unless it is as it
 * always is; false when it cannot be, which was said then. */
static bool read_pair(struct call *call, uint32_t at, uint32_t *count)
{
    struct bytes name = call_word(call, at), value = call_word(call, at + 1);
    const struct alias *alias = find_alias(name);
    bool is_again_there = is_again(call, at);
    bool is_fixed = alias && !alias->setting;
    if (is_again_there || (is_fixed && !word_is(value, alias->value))) {
        struct pen pen = call_pen(call);
        put_fault(&pen, name, is_again_there ? "duplicate parameter" : fixed);
        return false;
    }
    if (is_fixed)
        return true;
    struct bytes *pair = &call->resp->names[2 * (*count)++];
    pair[0] = alias ? bytes_text(alias->setting) : name;
    pair[1] = value;
    return true;
}

static enum outcome set(struct call *call, struct command *command)
{
    struct resp *resp = call->resp;
    uint32_t count = 0;
    if (call->words_count % 2 != 0 || call->words_count > 2 + 2 * PAIRS_MAX)
        return call_fail_syntax(call);
    resp->names =
        array_reserve(resp->names, &resp->names_capacity, call->words_count, sizeof *resp->names);
    for (uint32_t at = 2; at < call->words_count; at += 2)
        if (!read_pair(call, at, &count))
            return CALL_DONE;
    if (count == 0)
        return call_ok(call);
    command->kind = COMMAND_CONFIGURE;
    command->configure.pairs = resp->names;
    command->configure.count = count;
    call_expect(call, 1, say_configured);
    for (uint32_t at = 2; at < call->words_count; at += 2) {
        const struct alias *alias = find_alias(call_word(call, at));
        if (!alias || alias->setting)
            say_note_name(&resp->replies, call_word(call, at));
    }
    return CALL_LAST;
}

/* The rest. */

static enum outcome resetstat(struct call *call, struct command *command)
{
    (void)command;
    return call_ok(call);
}

static enum outcome rewrite(struct call *call, struct command *command)
{
    (void)command;
    return call_fail(call, "ERR The server is running without a config file");
}

static enum outcome help(struct call *call, struct command *command)
{
    static const char *const lines[] = {
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
        NULL,
    };
    (void)command;
    return call_help(call, lines);
}

#define ADMIN (ROW_ADMIN | ROW_NOSCRIPT | ROW_LOADING | ROW_STALE)

static const struct row subcommands[] = {
    {.name = "get",
     .arity = -3,
     .flags = ADMIN,
     .handler = get,
     .summary = "The settings whose names patterns match.",
     .differs =
         "Those of ringpost.conf(5), and `maxmemory`, `maxclients` and the like for Redis's."},
    {.name = "help",
     .arity = 2,
     .flags = ROW_LOADING | ROW_STALE,
     .handler = help,
     .summary = "What subcommands there are."},
    {.name = "resetstat",
     .arity = 2,
     .flags = ADMIN,
     .handler = resetstat,
     .summary = "Replies `OK`.",
     .differs = "What is counted goes on."},
    {.name = "rewrite",
     .arity = 2,
     .flags = ADMIN,
     .handler = rewrite,
     .summary = "Is refused.",
     .differs = "The configuration file is its owner's to write."},
    {.name = "set",
     .arity = -4,
     .flags = ADMIN,
     .handler = set,
     .summary = "Changes settings, all or none, until the broker reads its file again or ends.",
     .differs = "Those that need no restart. What the broker is always like may be set to that."},
};

static const struct row rows[] = {
    {.name = "config",
     .arity = -2,
     .subcommands = subcommands,
     .subcommands_count = sizeof subcommands / sizeof *subcommands,
     .summary = "Commands about settings."},
};

const struct row_group config_rows = {"Settings", NULL, rows, sizeof rows / sizeof *rows};

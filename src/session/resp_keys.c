#include "resp/write.h"
#include "session/deadline.h"
#include "session/resp.h"
#include "session/resp_table.h"
#include "session/say.h"

enum {
    SCAN_COUNT_DEFAULT = 10,
    EMBSTR_SIZE_MAX = 44, /* bytes of a value that Redis keeps with its head */
};

/* Names, whatever has them. */

/* Asks the same of each word, and replies with the sum. */
static enum outcome ask_each(struct call *call, struct command *command, enum command_kind kind)
{
    uint32_t count = call->words_count - 1;
    uint32_t item = call_item(call, command, count, say_integer);
    if (item < count) {
        command->kind = kind;
        command->name = call_word(call, 1 + item);
    }
    return call_item_outcome(call, count);
}

static enum outcome del(struct call *call, struct command *command)
{
    return ask_each(call, command, COMMAND_DROP);
}

static enum outcome exists(struct call *call, struct command *command)
{
    return ask_each(call, command, COMMAND_EXISTS);
}

static void say_type(struct pen *pen, const struct effect *effect)
{
    static const char *const words[] = {
        [KEY_NONE] = "none", [KEY_LIST] = "list", [KEY_VALUE] = "string"};
    if (effect->kind == EFFECT_NUMBER)
        pen_simple(pen, words[effect->numbers.first]);
    else
        pen_status(pen, effect->status);
}

static enum outcome type(struct call *call, struct command *command)
{
    return call_ask(call, command, COMMAND_TYPE, say_type);
}

static enum outcome rename_key(struct call *call, struct command *command)
{
    command->key.to = call_word(call, 2);
    return call_ask(call, command, COMMAND_RENAME, say_ok);
}

/* Listing them. */

/* Names of an answer, behind where it says to go on. */
static struct bytes names_of(const struct effect *effect)
{
    struct bytes answer = slice_bytes(&effect->slice);
    return bytes_of(answer.data + sizeof(uint64_t), answer.size - sizeof(uint64_t));
}

static void say_keys(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_ANSWER)
        pen_names(pen, names_of(effect));
    else
        pen_status(pen, effect->status);
}

static enum outcome keys(struct call *call, struct command *command)
{
    if (!call_glob(call, 1, command))
        return CALL_DONE;
    call_ask(call, command, COMMAND_KEYS, say_keys);
    call_stall(call);
    return CALL_LAST;
}

/* Reads where a scan is to go on, as strtoul does; a zero ends the digits. */
static bool read_cursor(struct bytes word, uint64_t *cursor)
{
    size_t at = word.size > 0 && (word.data[0] == '+' || word.data[0] == '-');
    size_t first = at;
    *cursor = 0;
    for (; at < word.size && word.data[at] >= '0' && word.data[at] <= '9'; at++)
        if (__builtin_mul_overflow(*cursor, 10, cursor) ||
            __builtin_add_overflow(*cursor, (uint64_t)(word.data[at] - '0'), cursor))
            return false;
    if (word.size > 0 && word.data[0] == '-')
        *cursor = -*cursor;
    bool is_whole = at == word.size || word.data[at] == '\0';
    return is_whole && (at > first || first == 0);
}

/* Where the next scan goes on, and names. */
static void put_scanned(struct pen *pen, uint64_t cursor, struct bytes names)
{
    pen_array(pen, 2);
    pen_digits(pen, cursor);
    pen_names(pen, names);
}

static void say_scanned(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_ANSWER)
        put_scanned(pen, load_u64(slice_bytes(&effect->slice).data), names_of(effect));
    else
        pen_status(pen, effect->status);
}

static bool fail_syntax(struct call *call)
{
    call_fail_syntax(call);
    return false;
}

/* Reads what is scanned for; false when something is wrong, which was said then. `*is_none` when
 * there is nothing of that kind. */
static bool read_scan(struct call *call, struct command *command, bool *is_none)
{
    int64_t count;
    for (uint32_t at = 2; at < call->words_count; at += 2) {
        bool has_value = at + 1 < call->words_count;
        if (has_value && call_word_is(call, at, "count")) {
            if (!call_integer(call, at + 1, &count))
                return false;
            if (count < 1)
                return fail_syntax(call);
            command->names.count = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
        } else if (has_value && call_word_is(call, at, "match")) {
            if (!call_glob(call, at + 1, command))
                return false;
        } else if (has_value && call_word_is(call, at, "type")) {
            bool is_list = call_word_is(call, at + 1, "list");
            *is_none = !is_list && !call_word_is(call, at + 1, "string");
            command->names.type = is_list ? KEY_LIST : KEY_VALUE;
        } else {
            return fail_syntax(call);
        }
    }
    return true;
}

static enum outcome scan(struct call *call, struct command *command)
{
    bool is_none = false;
    command->names.count = SCAN_COUNT_DEFAULT;
    if (!read_cursor(call_word(call, 1), &command->names.from))
        return call_fail(call, "ERR invalid cursor");
    if (!read_scan(call, command, &is_none))
        return CALL_DONE;
    if (!is_none)
        return call_ask(call, command, COMMAND_KEYS, say_scanned);
    struct pen pen = call_pen(call);
    put_scanned(&pen, 0, (struct bytes){0});
    return CALL_DONE;
}

static enum outcome dbsize(struct call *call, struct command *command)
{
    return call_ask(call, command, COMMAND_KEYS_COUNT, say_integer);
}

static enum outcome flush(struct call *call, struct command *command, bool is_every_space)
{
    bool is_known =
        call->words_count == 1 || call_word_is(call, 1, "async") || call_word_is(call, 1, "sync");
    if (call->words_count > 2 || !is_known)
        return call_fail_syntax(call);
    command->is_every_space = is_every_space;
    return call_ask(call, command, COMMAND_FLUSH, say_ok);
}

static enum outcome flushdb(struct call *call, struct command *command)
{
    return flush(call, command, false);
}

static enum outcome flushall(struct call *call, struct command *command)
{
    return flush(call, command, true);
}

/* Lifetimes. */

/* Adds what a word says; false when it is not known, which was said then. */
static bool read_condition(struct call *call, uint32_t at, unsigned *conditions)
{
    static const char *const words[] = {"nx", "xx", "gt", "lt"};
    static const unsigned known[] = {EXPIRE_NEW, EXPIRE_THERE, EXPIRE_LATER, EXPIRE_EARLIER};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (call_word_is(call, at, words[i])) {
            *conditions |= known[i];
            return true;
        }
    }
    call_fail_with(call, "ERR Unsupported option ", call_word(call, at), "");
    return false;
}

/* Reads on which conditions a name is dropped; false when something is wrong, which was said then. */
static bool read_conditions(struct call *call, unsigned *conditions)
{
    for (uint32_t at = 3; at < call->words_count; at++)
        if (!read_condition(call, at, conditions))
            return false;
    bool is_both = (*conditions & EXPIRE_LATER) && (*conditions & EXPIRE_EARLIER);
    bool is_vain = (*conditions & EXPIRE_NEW) && *conditions != EXPIRE_NEW;
    if (is_vain)
        call_fail(call, "ERR NX and XX, GT or LT options at the same time are not compatible");
    else if (is_both)
        call_fail(call, "ERR GT and LT options at the same time are not compatible");
    return !is_vain && !is_both;
}

static enum outcome expire_at(struct call *call, struct command *command, unsigned how)
{
    if (!read_conditions(call, &command->key.conditions) ||
        !deadline_read(call, 2, how, &command->key.deadline_ms))
        return CALL_DONE;
    return call_ask(call, command, COMMAND_EXPIRE, say_integer);
}

static enum outcome expire(struct call *call, struct command *command)
{
    return expire_at(call, command, DEADLINE_SECONDS);
}

static enum outcome pexpire(struct call *call, struct command *command)
{
    return expire_at(call, command, 0);
}

static enum outcome expireat(struct call *call, struct command *command)
{
    return expire_at(call, command, DEADLINE_SECONDS | DEADLINE_ABSOLUTE);
}

static enum outcome pexpireat(struct call *call, struct command *command)
{
    return expire_at(call, command, DEADLINE_ABSOLUTE);
}

static enum outcome persist(struct call *call, struct command *command)
{
    return call_ask(call, command, COMMAND_PERSIST, say_integer);
}

/* Milliseconds as seconds, rounded; what is below zero stays. */
static void say_seconds(struct pen *pen, const struct effect *effect)
{
    struct effect seconds = *effect;
    if (effect->kind == EFFECT_NUMBER && effect->numbers.first > 0)
        seconds.numbers.first =
            effect->numbers.first / 1000 + (effect->numbers.first % 1000 >= 500);
    say_integer(pen, &seconds);
}

static enum outcome ttl(struct call *call, struct command *command)
{
    return call_ask(call, command, COMMAND_TTL, say_seconds);
}

static enum outcome pttl(struct call *call, struct command *command)
{
    return call_ask(call, command, COMMAND_TTL, say_integer);
}

/* What they are. */

/* How Redis would keep the value; what was appended to is kept raw. */
static void say_encoding(struct pen *pen, const struct effect *effect)
{
    int64_t number;
    if (effect->kind == EFFECT_ANSWER) {
        struct bytes value = slice_bytes(&effect->slice);
        const char *word = effect->is_grown                ? "raw"
                           : resp_integer(value, &number)  ? "int"
                           : value.size <= EMBSTR_SIZE_MAX ? "embstr"
                                                           : "raw";
        pen_bulk(pen, bytes_text(word));
    } else if (effect->status == STATUS_WRONG_TYPE) {
        pen_bulk(pen, bytes_text("quicklist"));
    } else {
        say_bulk(pen, effect);
    }
}

static enum outcome object_encoding(struct call *call, struct command *command)
{
    return call_ask(call, command, COMMAND_GET, say_encoding);
}

static enum outcome object_help(struct call *call, struct command *command)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        NULL,
    };
    (void)command;
    return call_help(call, lines);
}

static const struct row object_rows[] = {
    {.name = "encoding",
     .arity = 3,
     .flags = ROW_READONLY,
     .first_key = 2,
     .last_key = 2,
     .key_step = 1,
     .handler = object_encoding,
     .summary = "How Redis would keep a value."},
    {.name = "help",
     .arity = 2,
     .flags = ROW_LOADING | ROW_STALE,
     .handler = object_help,
     .summary = "What subcommands there are."},
};

#define ONE_KEY .first_key = 1, .last_key = 1, .key_step = 1
#define ALL_KEYS .first_key = 1, .last_key = -1, .key_step = 1
#define QUEUES \
    "A declared queue stays, and so does what is leased or delayed; its ready messages go."

static const struct row rows[] = {
    {.name = "dbsize",
     .arity = 1,
     .flags = ROW_READONLY | ROW_FAST,
     .handler = dbsize,
     .summary = "How many names there are."},
    {.name = "del",
     .arity = -2,
     .flags = ROW_WRITE,
     ALL_KEYS,
     .handler = del,
     .summary = "Drops lists and values.",
     .differs = QUEUES},
    {.name = "exists",
     .arity = -2,
     .flags = ROW_READONLY | ROW_FAST,
     ALL_KEYS,
     .handler = exists,
     .summary = "How many of the names there are."},
    {.name = "expire",
     .arity = -3,
     .flags = ROW_WRITE | ROW_FAST,
     ONE_KEY,
     .handler = expire,
     .summary = "Has a name dropped in so many seconds."},
    {.name = "expireat",
     .arity = -3,
     .flags = ROW_WRITE | ROW_FAST,
     ONE_KEY,
     .handler = expireat,
     .summary = "Has a name dropped at a second of the Unix time."},
    {.name = "flushall",
     .arity = -1,
     .flags = ROW_WRITE,
     .handler = flushall,
     .summary = "Drops all lists and values.",
     .differs = QUEUES},
    {.name = "flushdb",
     .arity = -1,
     .flags = ROW_WRITE,
     .handler = flushdb,
     .summary = "Drops the lists and values of the database.",
     .differs = QUEUES},
    {.name = "keys",
     .arity = 2,
     .flags = ROW_READONLY,
     .handler = keys,
     .summary = "The names that a pattern matches.",
     .differs = "At most 256 MiB of them."},
    {.name = "object",
     .arity = -2,
     .subcommands = object_rows,
     .subcommands_count = sizeof object_rows / sizeof *object_rows,
     .summary = "Commands about how values are kept."},
    {.name = "persist",
     .arity = 2,
     .flags = ROW_WRITE | ROW_FAST,
     ONE_KEY,
     .handler = persist,
     .summary = "Has a name stay."},
    {.name = "pexpire",
     .arity = -3,
     .flags = ROW_WRITE | ROW_FAST,
     ONE_KEY,
     .handler = pexpire,
     .summary = "Has a name dropped in so many milliseconds."},
    {.name = "pexpireat",
     .arity = -3,
     .flags = ROW_WRITE | ROW_FAST,
     ONE_KEY,
     .handler = pexpireat,
     .summary = "Has a name dropped at a millisecond of the Unix time."},
    {.name = "pttl",
     .arity = 2,
     .flags = ROW_READONLY | ROW_FAST,
     ONE_KEY,
     .handler = pttl,
     .summary = "Milliseconds until a name is dropped; -1: it stays; -2: there is none."},
    {.name = "rename",
     .arity = 3,
     .flags = ROW_WRITE,
     .first_key = 1,
     .last_key = 2,
     .key_step = 1,
     .handler = rename_key,
     .summary = "Gives a list or a value another name, in place of what had that."},
    {.name = "scan",
     .arity = -2,
     .flags = ROW_READONLY,
     .handler = scan,
     .summary = "The names, some at a time."},
    {.name = "ttl",
     .arity = 2,
     .flags = ROW_READONLY | ROW_FAST,
     ONE_KEY,
     .handler = ttl,
     .summary = "Seconds until a name is dropped; -1: it stays; -2: there is none."},
    {.name = "type",
     .arity = 2,
     .flags = ROW_READONLY | ROW_FAST,
     ONE_KEY,
     .handler = type,
     .summary = "Whether a name is a `list`, a `string` or `none`."},
    {.name = "unlink",
     .arity = -2,
     .flags = ROW_WRITE | ROW_FAST,
     ALL_KEYS,
     .handler = del,
     .summary = "Drops lists and values.",
     .differs = QUEUES},
};

const struct row_group key_rows = {"Names", "keyspace", rows, sizeof rows / sizeof *rows};

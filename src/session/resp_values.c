#include "base/time.h"
#include "session/deadline.h"
#include "session/resp.h"
#include "session/resp_table.h"
#include "session/say.h"

#include <limits.h>

/* Values of names: bytes, and numbers written as such. */

/* Reading. */

static enum outcome get(struct call *call, struct command *command)
{
    return call_ask(call, command, COMMAND_GET, say_bulk);
}

static enum outcome getdel(struct call *call, struct command *command)
{
    command->value.is_dropped = true;
    return call_ask(call, command, COMMAND_GET, say_bulk);
}

/* Nil when it is a list, too. */
static void say_value_or_null(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_SETTLED && effect->status == STATUS_WRONG_TYPE)
        pen_null(pen);
    else
        say_bulk(pen, effect);
}

static enum outcome mget(struct call *call, struct command *command)
{
    uint32_t count = call->words_count - 1;
    uint32_t item = call_item(call, command, count, NULL);
    if (item < count) {
        command->kind = COMMAND_GET;
        command->name = call_word(call, 1 + item);
        call_expect(call, 1, say_value_or_null);
    }
    if (call->step == 0)
        replies_last(&call->resp->replies)->opens_count = count;
    return call_item_outcome(call, count);
}

static enum outcome strlen_of(struct call *call, struct command *command)
{
    return call_ask(call, command, COMMAND_SIZE, say_integer);
}

/* Writing. */

/* `OK`, or nil when a condition was not met; when the old value is wanted, that. */
static void say_put(struct pen *pen, const struct effect *effect)
{
    bool is_ok = effect->kind == EFFECT_SETTLED && effect->status == STATUS_OK;
    (is_ok ? say_ok : say_bulk)(pen, effect);
}

/* Whether it was put. */
static void say_whether_put(struct pen *pen, const struct effect *effect)
{
    if (effect->status == STATUS_OK || effect->status == STATUS_UNMET)
        pen_integer(pen, effect->status == STATUS_OK);
    else
        pen_status(pen, effect->status);
}

static enum outcome ask_put(struct call *call, struct command *command, uint32_t value,
                            reply_say *say)
{
    command->value.value = call_word(call, value);
    return call_ask(call, command, COMMAND_PUT, say);
}

/* What the options of a SET say. */
struct set_options {
    bool is_new, is_there, keeps_deadline, wants_old;
    uint32_t deadline; /* the word that is one; 0: none */
    unsigned how;
};

/* Reads an option that says when; false when it is none. */
static bool read_when(struct call *call, uint32_t at, struct set_options *options)
{
    static const char *const words[] = {"ex", "px", "exat", "pxat"};
    static const unsigned hows[] = {DEADLINE_SECONDS, 0, DEADLINE_SECONDS | DEADLINE_ABSOLUTE,
                                    DEADLINE_ABSOLUTE};
    bool is_possible = at + 1 < call->words_count && !options->keeps_deadline && !options->deadline;
    for (size_t i = 0; is_possible && i < sizeof words / sizeof *words; i++) {
        if (!call_word_is(call, at, words[i]))
            continue;
        options->deadline = at + 1;
        options->how = hows[i] | DEADLINE_AHEAD;
        return true;
    }
    return false;
}

static bool read_options(struct call *call, struct set_options *options)
{
    for (uint32_t at = 3; at < call->words_count; at++) {
        if (call_word_is(call, at, "nx") && !options->is_there)
            options->is_new = true;
        else if (call_word_is(call, at, "xx") && !options->is_new)
            options->is_there = true;
        else if (call_word_is(call, at, "get"))
            options->wants_old = true;
        else if (call_word_is(call, at, "keepttl") && !options->deadline)
            options->keeps_deadline = true;
        else if (read_when(call, at, options))
            at++;
        else
            return false;
    }
    return true;
}

static enum outcome set(struct call *call, struct command *command)
{
    struct set_options options = {0};
    if (!read_options(call, &options))
        return call_fail_syntax(call);
    command->value.deadline_ms = TIME_NEVER;
    if (options.deadline > 0 &&
        !deadline_read(call, options.deadline, options.how, &command->value.deadline_ms))
        return CALL_DONE;
    command->value.condition = options.is_new ? PUT_NEW : options.is_there ? PUT_THERE : PUT_ALWAYS;
    command->value.keeps_deadline = options.keeps_deadline;
    command->value.wants_old = options.wants_old;
    return ask_put(call, command, 2, say_put);
}

static enum outcome getset(struct call *call, struct command *command)
{
    command->value.deadline_ms = TIME_NEVER;
    command->value.wants_old = true;
    return ask_put(call, command, 2, say_put);
}

static enum outcome setnx(struct call *call, struct command *command)
{
    command->value.deadline_ms = TIME_NEVER;
    command->value.condition = PUT_NEW;
    return ask_put(call, command, 2, say_whether_put);
}

static enum outcome set_until(struct call *call, struct command *command, unsigned unit)
{
    if (!deadline_read(call, 2, unit | DEADLINE_AHEAD, &command->value.deadline_ms))
        return CALL_DONE;
    return ask_put(call, command, 3, say_put);
}

static enum outcome setex(struct call *call, struct command *command)
{
    return set_until(call, command, DEADLINE_SECONDS);
}

static enum outcome psetex(struct call *call, struct command *command)
{
    return set_until(call, command, 0);
}

static enum outcome mset(struct call *call, struct command *command)
{
    uint32_t count = (call->words_count - 1) / 2;
    if (call->words_count % 2 == 0)
        return call_fail(call, "ERR wrong number of arguments for 'mset' command");
    uint32_t item = call_item(call, command, count, say_ok);
    if (item < count) {
        command->kind = COMMAND_PUT;
        command->name = call_word(call, 1 + 2 * item);
        command->value.value = call_word(call, 2 + 2 * item);
        command->value.deadline_ms = TIME_NEVER;
    }
    return call_item_outcome(call, count);
}

static enum outcome append(struct call *call, struct command *command)
{
    command->value.value = call_word(call, 2);
    return call_ask(call, command, COMMAND_APPEND, say_integer);
}

/* Counting. */

static enum outcome add(struct call *call, struct command *command, int64_t by)
{
    command->value.by = by;
    return call_ask(call, command, COMMAND_ADD, say_integer);
}

static enum outcome incr(struct call *call, struct command *command)
{
    return add(call, command, 1);
}

static enum outcome decr(struct call *call, struct command *command)
{
    return add(call, command, -1);
}

static enum outcome incrby(struct call *call, struct command *command)
{
    int64_t by;
    return call_integer(call, 2, &by) ? add(call, command, by) : CALL_DONE;
}

static enum outcome decrby(struct call *call, struct command *command)
{
    int64_t by;
    if (!call_integer(call, 2, &by))
        return CALL_DONE;
    if (by == INT64_MIN)
        return call_fail(call, "ERR decrement would overflow");
    return add(call, command, -by);
}

#define ONE_KEY .first_key = 1, .last_key = 1, .key_step = 1
#define WRITES (ROW_WRITE | ROW_DENYOOM)
#define BOUND "All values together are bounded, by `max-values-bytes`."

static const struct row rows[] = {
    {.name = "append",
     .arity = 3,
     .flags = WRITES | ROW_FAST,
     ONE_KEY,
     .handler = append,
     .summary = "Adds to the end of a value.",
     .differs = BOUND},
    {.name = "decr",
     .arity = 2,
     .flags = WRITES | ROW_FAST,
     ONE_KEY,
     .handler = decr,
     .summary = "Counts down."},
    {.name = "decrby",
     .arity = 3,
     .flags = WRITES | ROW_FAST,
     ONE_KEY,
     .handler = decrby,
     .summary = "Counts down by a number."},
    {.name = "get",
     .arity = 2,
     .flags = ROW_READONLY | ROW_FAST,
     ONE_KEY,
     .handler = get,
     .summary = "A value."},
    {.name = "getdel",
     .arity = 2,
     .flags = ROW_WRITE | ROW_FAST,
     ONE_KEY,
     .handler = getdel,
     .summary = "A value, which is dropped."},
    {.name = "getset",
     .arity = 3,
     .flags = WRITES | ROW_FAST,
     ONE_KEY,
     .handler = getset,
     .summary = "A value, in whose place comes another.",
     .differs = BOUND},
    {.name = "incr",
     .arity = 2,
     .flags = WRITES | ROW_FAST,
     ONE_KEY,
     .handler = incr,
     .summary = "Counts up."},
    {.name = "incrby",
     .arity = 3,
     .flags = WRITES | ROW_FAST,
     ONE_KEY,
     .handler = incrby,
     .summary = "Counts up by a number."},
    {.name = "mget",
     .arity = -2,
     .flags = ROW_READONLY | ROW_FAST,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .handler = mget,
     .summary = "Values of several names."},
    {.name = "mset",
     .arity = -3,
     .flags = WRITES,
     .first_key = 1,
     .last_key = -1,
     .key_step = 2,
     .handler = mset,
     .summary = "Gives several names values.",
     .differs = "When the bound of values is reached, some may have been given. " BOUND},
    {.name = "psetex",
     .arity = 4,
     .flags = WRITES,
     ONE_KEY,
     .handler = psetex,
     .summary = "Gives a name a value for so many milliseconds.",
     .differs = BOUND},
    {.name = "set",
     .arity = -3,
     .flags = WRITES,
     ONE_KEY,
     .handler = set,
     .summary = "Gives a name a value.",
     .differs = BOUND},
    {.name = "setex",
     .arity = 4,
     .flags = WRITES,
     ONE_KEY,
     .handler = setex,
     .summary = "Gives a name a value for so many seconds.",
     .differs = BOUND},
    {.name = "setnx",
     .arity = 3,
     .flags = WRITES | ROW_FAST,
     ONE_KEY,
     .handler = setnx,
     .summary = "Gives a name a value if there is none.",
     .differs = BOUND},
    {.name = "strlen",
     .arity = 2,
     .flags = ROW_READONLY | ROW_FAST,
     ONE_KEY,
     .handler = strlen_of,
     .summary = "The size of a value."},
};

const struct row_group value_rows = {"Values", "string", rows, sizeof rows / sizeof *rows};

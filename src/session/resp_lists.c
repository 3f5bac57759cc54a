#include "session/resp_table.h"

#include "base/array.h"
#include "base/time.h"
#include "resp/write.h"
#include "session/resp.h"
#include "session/say.h"
#include "session/session.h"

#include <errno.h>

enum { RANGE_SHORT_COUNT = 1024 }; /* messages whose answer need not be waited for */

static enum outcome push(struct call *call, struct command *command, bool at_front, bool only_there)
{
    struct composer *composer = &call->resp->composer;
    bool is_whole = call->words_count > 3;
    command->kind = COMMAND_PUSH;
    command->name = call_word(call, 1);
    if (!call_compose(call, OP_PUSH, command->name, 2, call->words_count - 1))
        return CALL_DONE;
    if (!is_whole)
        call_compose_alike(call, command->name);
    command->run = composer_run(composer);
    command->wants_number = true;
    command->at_front = at_front;
    command->is_whole = is_whole;
    command->only_there = only_there;
    call_expect(call, is_whole ? 1 : composer->count, say_integer);
    return CALL_LAST;
}

static enum outcome lpush(struct call *call, struct command *command)
{
    return push(call, command, true, false);
}

static enum outcome rpush(struct call *call, struct command *command)
{
    return push(call, command, false, false);
}

static enum outcome lpushx(struct call *call, struct command *command)
{
    return push(call, command, true, true);
}

static enum outcome rpushx(struct call *call, struct command *command)
{
    return push(call, command, false, true);
}

static uint32_t count_of(int64_t count)
{
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

/* One message for each pop of the same kind. */
static enum outcome pop_each(struct call *call, struct command *command)
{
    uint32_t count = 1;
    while (count < RESP_RUN_COUNT_MAX && call_take_same(call))
        count++;
    command->take.count = count;
    command->take.is_each = true;
    call_expect(call, count, say_bulk)->is_each = true;
    return CALL_LAST;
}

static enum outcome pop(struct call *call, struct command *command, bool from_back)
{
    int64_t count;
    command->kind = COMMAND_TAKE;
    command->name = call_word(call, 1);
    command->take.from_back = from_back;
    if (call->words_count == 2)
        return pop_each(call, command);
    if (!call_integer_within(call, 2, 0, INT64_MAX, "ERR value is out of range, must be positive",
                             &count))
        return CALL_DONE;
    command->take.count = count_of(count);
    call_expect(call, 1, say_list_or_null);
    return CALL_LAST;
}

static enum outcome lpop(struct call *call, struct command *command)
{
    if (call->words_count > 3)
        return call_fail(call, "ERR wrong number of arguments for 'lpop' command");
    return pop(call, command, false);
}

static enum outcome rpop(struct call *call, struct command *command)
{
    if (call->words_count > 3)
        return call_fail(call, "ERR wrong number of arguments for 'rpop' command");
    return pop(call, command, true);
}

static enum outcome llen(struct call *call, struct command *command)
{
    return call_ask(call, command, COMMAND_LENGTH, say_integer);
}

/* Reads the two places of a range; false when they are none, which was said then. */
static bool read_range(struct call *call, struct command *command)
{
    return call_integer(call, 2, &command->range.start) &&
           call_integer(call, 3, &command->range.stop);
}

/* Whether a range has few messages, whatever the list. */
static bool is_short(int64_t start, int64_t stop)
{
    return (start < 0) == (stop < 0) && stop - start < RANGE_SHORT_COUNT;
}

static enum outcome lrange(struct call *call, struct command *command)
{
    if (!read_range(call, command))
        return CALL_DONE;
    call_ask(call, command, COMMAND_RANGE, say_list);
    if (!is_short(command->range.start, command->range.stop))
        call_stall(call);
    return CALL_LAST;
}

/* Of a list whose length is known: what stands there instead of a number is no place in it. */
static void say_no_place(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_NUMBER && effect->numbers.first > 0)
        pen_status(pen, STATUS_NOT_A_NUMBER);
    else if (effect->kind == EFFECT_NUMBER)
        pen_null(pen);
    else
        pen_status(pen, effect->status);
}

static enum outcome lindex(struct call *call, struct command *command)
{
    int64_t index;
    if (!resp_integer(call_word(call, 2), &index))
        return call_ask(call, command, COMMAND_LENGTH, say_no_place);
    command->range.start = command->range.stop = index;
    return call_ask(call, command, COMMAND_RANGE, say_bulk);
}

static void say_no_place_to_set(struct pen *pen, const struct effect *effect)
{
    bool is_there = effect->kind == EFFECT_NUMBER && effect->numbers.first > 0;
    if (is_there || effect->kind == EFFECT_SETTLED)
        say_no_place(pen, effect);
    else
        pen_status(pen, STATUS_NO_KEY);
}

static enum outcome lset(struct call *call, struct command *command)
{
    if (!resp_integer(call_word(call, 2), &command->edit.index))
        return call_ask(call, command, COMMAND_LENGTH, say_no_place_to_set);
    if (!call_compose(call, OP_PUSH, call_word(call, 1), 3, 3))
        return CALL_DONE;
    command->edit.run = composer_run(&call->resp->composer);
    return call_ask(call, command, COMMAND_REPLACE, say_ok);
}

static enum outcome linsert(struct call *call, struct command *command)
{
    command->edit.is_before = call_word_is(call, 2, "before");
    if (!command->edit.is_before && !call_word_is(call, 2, "after"))
        return call_fail_syntax(call);
    if (!call_compose(call, OP_PUSH, call_word(call, 1), 4, 4))
        return CALL_DONE;
    command->edit.body = call_word(call, 3);
    command->edit.run = composer_run(&call->resp->composer);
    return call_ask(call, command, COMMAND_INSERT, say_integer);
}

static enum outcome lrem(struct call *call, struct command *command)
{
    if (!call_integer(call, 2, &command->edit.count))
        return CALL_DONE;
    command->edit.body = call_word(call, 3);
    return call_ask(call, command, COMMAND_REMOVE, say_integer);
}

static enum outcome ltrim(struct call *call, struct command *command)
{
    if (!read_range(call, command))
        return CALL_DONE;
    return call_ask(call, command, COMMAND_TRIM, say_ok);
}

/* Reads one option of LPOS; false when it is wrong, which was said then. */
static bool read_place_option(struct call *call, uint32_t at, struct command *command)
{
    int64_t look_max;
    if (call_word_is(call, at, "rank")) {
        if (!call_integer(call, at + 1, &command->edit.rank))
            return false;
        if (command->edit.rank == 0)
            call_fail(call, "ERR RANK can't be zero: use 1 to start from the first match, 2 from "
                            "the second ... or use negative to start from the end of the list");
        if (command->edit.rank == INT64_MIN)
            command->edit.rank = -1; /* as Redis, which cannot turn it around */
        return command->edit.rank != 0;
    }
    if (call_word_is(call, at, "count")) {
        command->edit.has_count = true;
        return call_integer_within(call, at + 1, 0, INT64_MAX, "ERR COUNT can't be negative",
                                   &command->edit.count);
    }
    if (!call_word_is(call, at, "maxlen")) {
        call_fail_syntax(call);
        return false;
    }
    bool is_read =
        call_integer_within(call, at + 1, 0, INT64_MAX, "ERR MAXLEN can't be negative", &look_max);
    command->edit.look_max = is_read ? (uint64_t)look_max : 0;
    return is_read;
}

static enum outcome lpos(struct call *call, struct command *command)
{
    command->edit.body = call_word(call, 2);
    command->edit.rank = 1;
    for (uint32_t at = 3; at < call->words_count; at += 2) {
        if (at + 1 == call->words_count)
            return call_fail_syntax(call);
        if (!read_place_option(call, at, command))
            return CALL_DONE;
    }
    return call_ask(call, command, COMMAND_FIND,
                    command->edit.has_count ? say_places : say_integer);
}

/* Which end of a list a word means; false when none, which was said then. */
static bool read_end(struct call *call, uint32_t at, bool *is_back)
{
    *is_back = call_word_is(call, at, "right");
    if (*is_back || call_word_is(call, at, "left"))
        return true;
    call_fail_syntax(call);
    return false;
}

/* Reads how long to wait, in seconds; false when that is none, which was said then. */
static bool read_timeout(struct call *call, uint32_t at, struct command *command)
{
    int64_t timeout_ms;
    int result = resp_timeout(call_word(call, at), &timeout_ms);
    if (result < 0) {
        call_fail(call, result == -EINVAL ? "ERR timeout is not a float or out of range"
                                          : "ERR timeout is negative");
        return false;
    }
    command->take.timeout_ns = ns_of_ms((uint64_t)timeout_ms);
    return true;
}

/* Asks for the first of the names in `count` words from `first` on that has something, and waits for
 * it unless that is not asked, or is not done here. */
static enum outcome wait_for(struct call *call, struct command *command, uint32_t first,
                             uint32_t count, reply_say *say)
{
    struct resp *resp = call->resp;
    resp->names = array_reserve(resp->names, &resp->names_capacity, count, sizeof *resp->names);
    command->kind = COMMAND_WAIT;
    command->take.names = resp->names;
    command->take.names_count = count;
    command->take.is_now |= call->is_inside;
    call_expect(call, 1, say);
    for (uint32_t i = 0; i < count; i++) {
        resp->names[i] = call_word(call, first + i);
        say_note_name(&resp->replies, resp->names[i]);
    }
    if (!command->take.is_now)
        call_wait(call);
    return CALL_LAST;
}

static enum outcome pop_first(struct call *call, struct command *command, bool from_back)
{
    if (!read_timeout(call, call->words_count - 1, command))
        return CALL_DONE;
    command->take.count = 1;
    command->take.from_back = from_back;
    return wait_for(call, command, 1, call->words_count - 2, say_popped);
}

static enum outcome blpop(struct call *call, struct command *command)
{
    return pop_first(call, command, false);
}

static enum outcome brpop(struct call *call, struct command *command)
{
    return pop_first(call, command, true);
}

/* Moves a message from an end of one list to one of another; `timeout` is the word that says how long
 * to wait, 0 when there is none. */
static enum outcome move(struct call *call, struct command *command, uint32_t timeout)
{
    if (timeout > 0 && !read_timeout(call, timeout, command))
        return CALL_DONE;
    command->take.count = 1;
    command->take.is_now = timeout == 0;
    command->take.is_move = true;
    command->take.to = call_word(call, 2);
    bool is_blocking = timeout > 0 && !call->is_inside;
    return wait_for(call, command, 1, 1, is_blocking ? say_moved : say_bulk);
}

static enum outcome move_between_ends(struct call *call, struct command *command, uint32_t timeout)
{
    bool to_back;
    if (!read_end(call, 3, &command->take.from_back) || !read_end(call, 4, &to_back))
        return CALL_DONE;
    command->take.to_front = !to_back;
    return move(call, command, timeout);
}

static enum outcome lmove(struct call *call, struct command *command)
{
    return move_between_ends(call, command, 0);
}

static enum outcome blmove(struct call *call, struct command *command)
{
    return move_between_ends(call, command, 5);
}

static enum outcome rpoplpush(struct call *call, struct command *command)
{
    command->take.from_back = command->take.to_front = true;
    return move(call, command, 0);
}

static enum outcome brpoplpush(struct call *call, struct command *command)
{
    command->take.from_back = command->take.to_front = true;
    return move(call, command, 3);
}

/* Reads the options of a pop of several from the word `at` on; false when one is wrong, which was
 * said then. */
static bool read_count(struct call *call, uint32_t at, int64_t *count)
{
    *count = 1;
    for (uint32_t i = at; i < call->words_count; i += 2) {
        if (i > at || i + 1 == call->words_count || !call_word_is(call, i, "count")) {
            call_fail_syntax(call);
            return false;
        }
        if (!call_integer_within(call, i + 1, 1, INT64_MAX, "ERR count should be greater than 0",
                                 count))
            return false;
    }
    return true;
}

/* Pops several from the first list there is: `numkeys key … LEFT|RIGHT [COUNT count]` from the word
 * `at` on; `timeout` as above. */
static enum outcome pop_several(struct call *call, struct command *command, uint32_t at,
                                uint32_t timeout)
{
    int64_t names_count, count;
    if (!call_integer_within(call, at, 1, INT64_MAX, "ERR numkeys should be greater than 0",
                             &names_count))
        return CALL_DONE;
    if (names_count >= (int64_t)call->words_count - at - 1)
        return call_fail_syntax(call);
    uint32_t end = at + 1 + (uint32_t)names_count;
    if (!read_end(call, end, &command->take.from_back) || !read_count(call, end + 1, &count))
        return CALL_DONE;
    for (uint32_t i = at + 1; i < end; i++)
        if (call_name_fault(call, i))
            return call_fail(call, call_name_fault(call, i));
    if (timeout > 0 && !read_timeout(call, timeout, command))
        return CALL_DONE;
    command->take.count = count_of(count);
    command->take.is_now = timeout == 0;
    return wait_for(call, command, at + 1, (uint32_t)names_count, say_popped_list);
}

static enum outcome lmpop(struct call *call, struct command *command)
{
    return pop_several(call, command, 1, 0);
}

static enum outcome blmpop(struct call *call, struct command *command)
{
    return pop_several(call, command, 2, 1);
}

#define POPS ROW_AT_END /* it settles what was popped before */

static const struct row rows[] = {
    {.name = "blmove",
     .arity = 6,
     .flags = ROW_WRITE | ROW_DENYOOM | ROW_NOSCRIPT | ROW_BLOCKING,
     .first_key = 1,
     .last_key = 2,
     .key_step = 1,
     .handler = blmove,
     .summary = "Moves a message between ends of lists, when there is one."},
    {.name = "blmpop",
     .arity = -5,
     .flags = ROW_WRITE | ROW_BLOCKING | ROW_MOVABLEKEYS | POPS,
     .handler = blmpop,
     .summary = "Pops messages from the first list that has any, when one has."},
    {.name = "blpop",
     .arity = -3,
     .flags = ROW_WRITE | ROW_NOSCRIPT | ROW_BLOCKING | POPS,
     .first_key = 1,
     .last_key = -2,
     .key_step = 1,
     .handler = blpop,
     .summary = "Pops from the front of the first list that has a message, when one has."},
    {.name = "brpop",
     .arity = -3,
     .flags = ROW_WRITE | ROW_NOSCRIPT | ROW_BLOCKING | POPS,
     .first_key = 1,
     .last_key = -2,
     .key_step = 1,
     .handler = brpop,
     .summary = "Pops from the back of the first list that has a message, when one has."},
    {.name = "brpoplpush",
     .arity = 4,
     .flags = ROW_WRITE | ROW_DENYOOM | ROW_NOSCRIPT | ROW_BLOCKING,
     .first_key = 1,
     .last_key = 2,
     .key_step = 1,
     .handler = brpoplpush,
     .summary =
         "Moves a message from the back of a list to the front of another, when there is one."},
    {.name = "lindex",
     .arity = 3,
     .flags = ROW_READONLY,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = lindex,
     .summary = "The message at a place."},
    {.name = "linsert",
     .arity = 5,
     .flags = ROW_WRITE | ROW_DENYOOM,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = linsert,
     .summary = "Puts a message before or behind another."},
    {.name = "llen",
     .arity = 2,
     .flags = ROW_READONLY | ROW_FAST,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = llen,
     .summary = "The number of messages."},
    {.name = "lmove",
     .arity = 5,
     .flags = ROW_WRITE | ROW_DENYOOM,
     .first_key = 1,
     .last_key = 2,
     .key_step = 1,
     .handler = lmove,
     .summary = "Moves a message between ends of lists."},
    {.name = "lmpop",
     .arity = -4,
     .flags = ROW_WRITE | ROW_MOVABLEKEYS | POPS,
     .handler = lmpop,
     .summary = "Pops messages from the first list that has any."},
    {.name = "lpop",
     .arity = -2,
     .flags = ROW_WRITE | ROW_FAST | POPS,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = lpop,
     .summary = "Pops from the front."},
    {.name = "lpos",
     .arity = -3,
     .flags = ROW_READONLY,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = lpos,
     .summary = "The places of messages that are alike."},
    {.name = "lpush",
     .arity = -3,
     .flags = ROW_WRITE | ROW_DENYOOM | ROW_FAST,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = lpush,
     .summary = "Pushes to the front."},
    {.name = "lpushx",
     .arity = -3,
     .flags = ROW_WRITE | ROW_DENYOOM | ROW_FAST,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = lpushx,
     .summary = "Pushes to the front of a list that there is."},
    {.name = "lrange",
     .arity = 4,
     .flags = ROW_READONLY,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = lrange,
     .summary = "The messages between two places."},
    {.name = "lrem",
     .arity = 4,
     .flags = ROW_WRITE,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = lrem,
     .summary = "Removes messages that are alike."},
    {.name = "lset",
     .arity = 4,
     .flags = ROW_WRITE | ROW_DENYOOM,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = lset,
     .summary = "Puts another message in the place of one."},
    {.name = "ltrim",
     .arity = 4,
     .flags = ROW_WRITE,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = ltrim,
     .summary = "Removes all messages but those between two places."},
    {.name = "rpop",
     .arity = -2,
     .flags = ROW_WRITE | ROW_FAST | POPS,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = rpop,
     .summary = "Pops from the back."},
    {.name = "rpoplpush",
     .arity = 3,
     .flags = ROW_WRITE | ROW_DENYOOM,
     .first_key = 1,
     .last_key = 2,
     .key_step = 1,
     .handler = rpoplpush,
     .summary = "Moves a message from the back of a list to the front of another."},
    {.name = "rpush",
     .arity = -3,
     .flags = ROW_WRITE | ROW_DENYOOM | ROW_FAST,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = rpush,
     .summary = "Pushes to the back."},
    {.name = "rpushx",
     .arity = -3,
     .flags = ROW_WRITE | ROW_DENYOOM | ROW_FAST,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = rpushx,
     .summary = "Pushes to the back of a list that there is."},
};

const struct row_group list_rows = {"Lists", "list", rows, sizeof rows / sizeof *rows};

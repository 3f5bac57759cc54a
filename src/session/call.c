#include "session/call.h"

#include "resp/write.h"
#include "session/resp_table.h"
#include "session/say.h"
#include "session/session.h"
#include "session/word.h"

#include <stdio.h>

bool call_word_is(const struct call *call, uint32_t index, const char *text)
{
    return word_is(call_word(call, index), text);
}

const char *call_name_fault(const struct call *call, uint32_t index)
{
    size_t size = call_word(call, index).size;
    return size == 0               ? "ERR a name is empty"
           : size > FRAME_NAME_MAX ? "ERR a name is longer than 1024 bytes"
                                   : NULL;
}

bool call_glob(struct call *call, uint32_t index, struct command *command)
{
    command->names.has_glob = true;
    command->names.glob = call_word(call, index);
    if (command->names.glob.size <= FRAME_NAME_MAX)
        return true;
    call_fail(call, "ERR a pattern is longer than 1024 bytes");
    return false;
}

struct pen call_pen(struct call *call)
{
    struct resp *resp = call->resp;
    return replies_pen(&resp->replies, &call->session->output, resp->version);
}

enum outcome call_ok(struct call *call)
{
    struct pen pen = call_pen(call);
    pen_simple(&pen, "OK");
    return CALL_DONE;
}

enum outcome call_fail(struct call *call, const char *error)
{
    struct pen pen = call_pen(call);
    pen_error(&pen, error);
    return CALL_DONE;
}

enum outcome call_fail_with(struct call *call, const char *before, struct bytes word,
                            const char *after)
{
    struct pen pen = call_pen(call);
    pen_error_with(&pen, before, word, after);
    return CALL_DONE;
}

enum outcome call_fail_syntax(struct call *call)
{
    return call_fail(call, "ERR syntax error");
}

enum outcome call_fail_arguments(struct call *call)
{
    char after[64], container[32];
    word_upper(call->resp->row_memo->name, container, sizeof container);
    snprintf(after, sizeof after, "'. Try %s HELP.", container);
    return call_fail_with(call, "ERR unknown subcommand or wrong number of arguments for '",
                          resp_excerpt(call_word(call, 1), RESP_EXCERPT_MAX), after);
}

enum outcome call_help(struct call *call, const char *const *lines)
{
    char first[96], container[32];
    size_t count = 0;
    word_upper(call->resp->row_memo->name, container, sizeof container);
    snprintf(first, sizeof first,
             "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", container);
    while (lines[count])
        count++;
    struct pen pen = call_pen(call);
    pen_array(&pen, count + 3);
    pen_simple(&pen, first);
    for (size_t i = 0; i < count; i++)
        pen_simple(&pen, lines[i]);
    pen_simple(&pen, "HELP");
    pen_simple(&pen, "    Prints this help.");
    return CALL_DONE;
}

bool call_integer(struct call *call, uint32_t index, int64_t *value)
{
    if (resp_integer(call_word(call, index), value))
        return true;
    call_fail(call, "ERR value is not an integer or out of range");
    return false;
}

bool call_integer_within(struct call *call, uint32_t index, int64_t least, int64_t most,
                         const char *error, int64_t *value)
{
    if (resp_integer(call_word(call, index), value) && *value >= least && *value <= most)
        return true;
    call_fail(call, error);
    return false;
}

void call_stall(struct call *call)
{
    struct resp *resp = call->resp;
    if (call->is_inside) { /* the last reply of the transaction is what stalls */
        resp->multi.is_large = true;
        return;
    }
    replies_last(&resp->replies)->is_large = true;
    resp->replies.large_count++;
    call->session->is_stalled = true;
}

void call_wait(struct call *call)
{
    call_stall(call);
    call->session->is_waiting = true;
}

struct reply *call_expect(struct call *call, uint32_t count, reply_say *say)
{
    struct resp *resp = call->resp;
    struct reply *reply =
        replies_expect(&resp->replies, resp->ticket_next, count, resp->version, say);
    resp->ticket_next += count;
    return reply;
}

enum outcome call_ask(struct call *call, struct command *command, enum command_kind kind,
                      reply_say *say)
{
    command->kind = kind;
    if (call->row->first_key > 0)
        command->name = call_word(call, (uint32_t)call->row->first_key);
    call_expect(call, 1, say);
    return CALL_LAST;
}

static bool has_brackets(const struct call *call, uint32_t count)
{
    return !call->is_inside && count > 1;
}

/* Expects what comes of one more command of several. */
static void expect_item(struct call *call, reply_say *say)
{
    if (call->step == 0 || !say) {
        call_expect(call, 1, say ? say : say_nothing)->is_joined = say;
    } else {
        replies_last(&call->resp->replies)->count++;
        call->resp->ticket_next++;
    }
}

uint32_t call_item(struct call *call, struct command *command, uint32_t count, reply_say *say)
{
    bool is_bracketed = has_brackets(call, count);
    uint32_t item = call->step - is_bracketed;
    bool is_bracket = is_bracketed && (call->step == 0 || item == count);
    if (is_bracket) {
        command->kind = call->step == 0 ? COMMAND_BEGIN : COMMAND_COMMIT;
        command->is_bare = true;
    }
    if (is_bracket || say)
        expect_item(call, say);
    return is_bracket ? count : item;
}

enum outcome call_item_outcome(const struct call *call, uint32_t count)
{
    uint32_t steps_count = has_brackets(call, count) ? count + 2 : count;
    return call->step + 1 < steps_count ? CALL_ASKS : CALL_LAST;
}

/* Bytes of a command before the line that says how long its last word is. */
static uint32_t size_before_last(const struct call *call)
{
    struct resp_span last = call->spans[call->words_count - 1];
    unsigned char head[RESP_HEAD_SIZE_MAX];
    return last.offset - (uint32_t)resp_put_bulk_head(head, last.size);
}

/* What there is of commands behind the call, if they may be taken along. */
static struct bytes following(const struct call *call)
{
    struct bytes there = input_there(&call->session->input);
    bool may_follow = !call->is_inside && there.data[0] == '*';
    return may_follow ? bytes_of(there.data + call->taken_size, there.size - call->taken_size)
                      : (struct bytes){0};
}

bool call_take_alike(struct call *call, size_t size_max, struct bytes *last_word)
{
    struct bytes in = following(call);
    if (in.size == 0)
        return false;
    if (call->same_size == 0)
        call->same_size = size_before_last(call);
    size_t same = call->same_size, size = 0, at = same + 1;
    if (in.size <= at || memcmp(in.data, call->words, same) != 0 || in.data[same] != '$')
        return false;
    if (at + 1 < in.size && in.data[at] == '0' && in.data[at + 1] != '\r')
        return false;
    for (; at < in.size && in.data[at] >= '0' && in.data[at] <= '9' && size <= size_max; at++)
        size = size * 10 + (size_t)(in.data[at] - '0');
    if (size > size_max || in.size - at < 2 * RESP_END_SIZE + size || in.data[at] != '\r' ||
        at == same + 1)
        return false;
    *last_word = bytes_of(in.data + at + RESP_END_SIZE, size);
    call->taken_size += (uint32_t)(at + 2 * RESP_END_SIZE + size);
    return true;
}

bool call_take_same(struct call *call)
{
    struct bytes in = following(call);
    if (in.size == 0 || in.size < call->size || memcmp(in.data, call->words, call->size) != 0)
        return false;
    call->taken_size += call->size;
    return true;
}

/* Bytes that a message to `name` may have. */
static size_t body_size_max(const struct call *call, struct bytes name)
{
    size_t head_size = FRAME_HEAD_SIZE + name.size, frame_max = call->session->limits->frame_max;
    return frame_max > head_size ? frame_max - head_size : 0;
}

bool call_compose(struct call *call, enum op op, struct bytes name, uint32_t first, uint32_t last)
{
    struct composer *composer = &call->resp->composer;
    size_t size_max = body_size_max(call, name);
    composer_begin(composer, op, 0, name);
    for (uint32_t i = first; i <= last; i++) {
        struct bytes body = call_word(call, i);
        if (body.size > size_max || (i > first && composer->text.size > RESP_ROOM_SIZE)) {
            call_fail(call, "ERR the message is larger than frame-max allows");
            return false;
        }
        composer_add(composer, (struct bytes){0}, body);
    }
    return true;
}

void call_compose_alike(struct call *call, struct bytes name)
{
    struct composer *composer = &call->resp->composer;
    size_t size_max = body_size_max(call, name), likely = following(call).size;
    struct bytes body;
    if (likely > 0) /* in the protocol's words they are longer */
        composer_reserve(composer, likely < RESP_RUN_SIZE_MAX ? likely : RESP_RUN_SIZE_MAX);
    while (composer->count < RESP_RUN_COUNT_MAX && composer->text.size < RESP_RUN_SIZE_MAX &&
           call_take_alike(call, size_max, &body))
        composer_add(composer, (struct bytes){0}, body);
}

#include "session/resp_table.h"

#include "frame/header.h"
#include "resp/number.h"
#include "session/request.h"
#include "session/resp.h"
#include "session/say.h"
#include "session/session.h"

/* What ringpost has and Redis has not, for clients of Redis: commands whose names begin with `RP.`. */

enum {
    HEADERS_MAX = 4, /* each option once */
    /* bytes of a block with all of them; a word that is one has FRAME_NAME_MAX at most */
    HEADERS_SIZE_MAX =
        HEADER_SIZE_MIN + HEADERS_MAX * (FIELD_HEAD_SIZE + FIELD_KEY_MAX + FRAME_NAME_MAX),
};

/* Options of RP.PUSH that become headers. */
static const struct option {
    const char *word, *key;
    bool is_number;
} options[HEADERS_MAX] = {
    {"delay", "delay", true},
    {"ttl", "ttl", true},
    {"reply-to", "reply-to", false},
    {"correlation-id", "correlation-id", false},
};

/* Puts the header that the words at `at` and behind are; returns its size, 0 when they are none, which
 * was said then. */
static size_t put_header(struct call *call, uint32_t at, unsigned char *to, unsigned *given)
{
    int64_t number;
    size_t i = 0;
    while (i < HEADERS_MAX && !call_word_is(call, at, options[i].word))
        i++;
    if (i == HEADERS_MAX || at + 1 == call->words_count || *given & 1u << i) {
        call_fail_syntax(call);
        return 0;
    }
    *given |= 1u << i;
    if (options[i].is_number)
        return call_integer_within(call, at + 1, 0, INT64_MAX,
                                   "ERR a time is in milliseconds, from 0 on", &number)
                   ? field_put_number(to, options[i].key, (uint64_t)number)
                   : 0;
    if (call_word(call, at + 1).size <= FRAME_NAME_MAX)
        return field_put_bytes(to, options[i].key, call_word(call, at + 1));
    call_fail(call, "ERR an address or id is longer than 1024 bytes");
    return 0;
}

/* Makes a header block of the words from the fourth on; no bytes when one is wrong, which was said
 * then. */
static struct bytes put_headers(struct call *call, unsigned char *block)
{
    size_t size = HEADER_SIZE_MIN;
    unsigned given = 0;
    struct header header;
    for (uint32_t at = 3; at < call->words_count; at += 2) {
        size_t added = put_header(call, at, block + size, &given);
        if (added == 0)
            return (struct bytes){0};
        size += added;
    }
    store_u32(block, (uint32_t)size);
    if (header_parse(bytes_of(block, size), &header) == 0)
        return bytes_of(block, size);
    call_fail(call, "ERR a ttl is of 1 millisecond at least");
    return (struct bytes){0};
}

static enum outcome push(struct call *call, struct command *command)
{
    unsigned char block[HEADERS_SIZE_MAX];
    struct composer *composer = &call->resp->composer;
    struct bytes name = call_word(call, 1), body = call_word(call, 2);
    struct bytes headers = put_headers(call, block);
    if (headers.size == 0)
        return CALL_DONE;
    if (FRAME_HEAD_SIZE + name.size + headers.size + body.size > call->session->limits->frame_max)
        return call_fail(call, "ERR the message is larger than frame-max allows");
    composer_begin(composer, OP_PUSH, MESSAGE_HEADERS, name);
    composer_add(composer, headers, body);
    command->run = composer_run(composer);
    command->wants_number = true;
    return call_ask(call, command, COMMAND_PUSH, say_integer);
}

/* Settles what was popped and is leased still, of one list or of all. */
static enum outcome finish(struct call *call, struct command *command, enum settle how)
{
    if (call->words_count > 2)
        return call_fail_syntax(call);
    command->kind = COMMAND_FINISH;
    command->finish.how = how;
    command->finish.is_all = call->words_count == 1;
    if (call->words_count == 2)
        command->name = call_word(call, 1);
    call_expect(call, 1, say_integer);
    return CALL_LAST;
}

static enum outcome ack(struct call *call, struct command *command)
{
    return finish(call, command, SETTLE_ACKNOWLEDGE);
}

static enum outcome give_back(struct call *call, struct command *command)
{
    return finish(call, command, SETTLE_RETURN);
}

/* Fields as a map. */
static void say_fields(struct pen *pen, const struct effect *effect)
{
    if (effect->kind != EFFECT_ANSWER) {
        pen_status(pen, effect->status);
        return;
    }
    struct field field;
    size_t count = 0;
    for (struct bytes rest = slice_bytes(&effect->slice); field_take(&rest, &field) > 0;)
        count++;
    pen_map(pen, count);
    for (struct bytes rest = slice_bytes(&effect->slice); field_take(&rest, &field) > 0;) {
        pen_bulk(pen, field.key);
        if (field.kind == FIELD_NUMBER)
            pen_integer(pen, (int64_t)field.number);
        else
            pen_bulk(pen, field.value);
    }
}

static enum outcome stats(struct call *call, struct command *command)
{
    if (call->words_count > 2)
        return call_fail_syntax(call);
    command->kind = call->words_count == 1 ? COMMAND_STATS : COMMAND_INFO;
    if (call->words_count == 2)
        command->name = call_word(call, 1);
    call_expect(call, 1, say_fields);
    call_stall(call);
    return CALL_LAST;
}

/* Reads one setting: what is a number may also be a name. */
static bool read_setting(const struct call *call, uint32_t at, struct queue_settings *settings)
{
    int64_t number;
    struct bytes value = call_word(call, at + 1);
    struct field field = {.key = call_word(call, at), .kind = FIELD_NUMBER};
    bool is_number = resp_integer(value, &number) && number >= 0;
    field.number = is_number ? (uint64_t)number : 0;
    if (is_number && request_setting(&field, settings))
        return true;
    field.kind = FIELD_BYTES;
    field.value = value;
    return request_setting(&field, settings);
}

static enum outcome queue_set(struct call *call, struct command *command)
{
    if (call->words_count % 2 == 0)
        return call_fail_syntax(call);
    command->settings = queue_settings_default();
    command->declares = true;
    for (uint32_t at = 3; at < call->words_count; at += 2)
        if (!read_setting(call, at, &command->settings))
            return call_fail_with(call, "ERR no such setting, or not with that value: '",
                                  call_word(call, at), "'");
    command->kind = COMMAND_SET;
    command->name = call_word(call, 2);
    call_expect(call, 1, say_ok);
    return CALL_LAST;
}

static const struct row queue_rows[] = {
    {.name = "set",
     .arity = -5,
     .flags = ROW_WRITE | ROW_FAST,
     .first_key = 2,
     .last_key = 2,
     .key_step = 1,
     .handler = queue_set,
     .summary =
         "Declares a queue, if it is not, and gives it settings: `RP.QUEUE SET queue key value "
         "…`, with the keys of a queue in ringpost.conf(5)."},
};

static const struct row rows[] = {
    {.name = "rp.ack",
     .arity = -1,
     .flags = ROW_WRITE | ROW_FAST | ROW_AT_END,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .handler = ack,
     .summary = "Acknowledges what this connection popped of a queue with `pop-lease`, or of all: "
                "`RP.ACK [queue]`. Returns how many messages."},
    {.name = "rp.push",
     .arity = -3,
     .flags = ROW_WRITE | ROW_DENYOOM | ROW_FAST,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = push,
     .summary =
         "Pushes to the back with headers: `RP.PUSH queue message [DELAY ms] [TTL ms] [REPLY-TO "
         "address] [CORRELATION-ID id]`. Returns the length."},
    {.name = "rp.queue",
     .arity = -2,
     .subcommands = queue_rows,
     .subcommands_count = sizeof queue_rows / sizeof *queue_rows,
     .summary = "Commands about queues."},
    {.name = "rp.return",
     .arity = -1,
     .flags = ROW_WRITE | ROW_FAST | ROW_AT_END,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .handler = give_back,
     .summary = "Gives back what this connection popped of a queue with `pop-lease`, or of all: "
                "`RP.RETURN [queue]`. Returns how many messages."},
    {.name = "rp.stats",
     .arity = -1,
     .flags = ROW_READONLY,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .handler = stats,
     .summary = "What is counted, of the broker or of one queue, as a map: `RP.STATS [queue]`."},
};

const struct row_group extra_rows = {"Beyond Redis", NULL, rows, sizeof rows / sizeof *rows};

#include "session/talk.h"

#include "base/array.h"
#include "base/time.h"
#include "check.h"
#include "core/frames.h"
#include "core/peer.h"

#include <stdio.h>
#include <stdlib.h>

void script_finish(struct script *script)
{
    free(script->data);
    *script = (struct script){0};
}

void script_put(struct script *script, const void *data, size_t size)
{
    script->data = array_reserve(script->data, &script->capacity, script->size + size, 1);
    if (size > 0)
        memcpy(script->data + script->size, data, size);
    script->size += size;
}

void script_frame(struct script *script, int op, int flags, const char *name, const void *body,
                  size_t body_size)
{
    size_t name_size = strlen(name);
    unsigned char head[FRAME_HEAD_SIZE];
    uint32_t size = (uint32_t)(FRAME_HEAD_SIZE + name_size + body_size);
    frame_head_store(head,
                     (struct frame_head){(uint8_t)op, (uint8_t)flags, (uint16_t)name_size, size});
    script_put(script, head, sizeof head);
    script_put(script, name, name_size);
    script_put(script, body, body_size);
}

void script_numbers(struct script *script, int op, int flags, const char *name, const char *shape,
                    ...)
{
    unsigned char body[64];
    size_t size = 0;
    va_list numbers;
    va_start(numbers, shape);
    for (; *shape; shape++) {
        if (*shape == '4')
            store_u32(body + size, va_arg(numbers, unsigned));
        else if (*shape == '8')
            store_u64(body + size, va_arg(numbers, uint64_t));
        size += *shape == '4' ? 4 : *shape == '8' ? 8 : 0;
        assert_true(size <= sizeof body - 8);
    }
    va_end(numbers);
    script_frame(script, op, flags, name, body, size);
}

void script_messages(struct script *script, int op, const char *name, const char *words)
{
    struct run run = frames_run((enum op)op, name, words);
    script_put(script, run.data, run.size);
    frames_free(&run);
}

void script_fields(struct script *script, int op, const char *name, const char *fields)
{
    unsigned char body[2048];
    script_frame(script, op, 0, name, body, frames_put_fields(body, fields));
}

void script_headed(struct script *script, int op, const char *name, const char *headers,
                   const char *word)
{
    struct run run = frames_headed((enum op)op, name, headers, word);
    script_put(script, run.data, run.size);
    frames_free(&run);
}

void script_hello(struct script *script)
{
    script_numbers(script, OP_HELLO, 0, "", "4", 1);
}

struct talk *talk_open(void)
{
    struct talk *talk = memory_create(sizeof *talk);
    talk->engine = engine_create((struct hash_key){1, 2});
    talk->limits = (struct session_limits){.frame_max = FRAME_SIZE_DEFAULT,
                                           .hello_timeout_ns = 5 * NS_PER_S,
                                           .silent_timeout_ns = 60 * NS_PER_S,
                                           .liveness_ns = 30 * NS_PER_S};
    talk->now = NS_PER_S;
    return talk;
}

struct session *talk_session(struct talk *talk, uint32_t peer)
{
    assert_true(peer < TALK_CONNS_MAX && talk->conns[peer].is_there);
    return &talk->conns[peer].session;
}

static void check(const struct talk *talk)
{
    if (!talk->is_unchecked)
        engine_check(talk->engine);
}

/* Hands the effects to their sessions; ends the hold of what nobody took. */
static void hand_out(struct talk *talk)
{
    for (size_t i = 0; i < talk->outbox.count; i++) {
        const struct effect *effect = &talk->outbox.effects[i];
        struct talk_conn *conn = &talk->conns[effect->peer];
        bool is_taken = conn->is_there && session_effect(&conn->session, effect);
        uint32_t owner = effect->kind == EFFECT_ANSWER ? PEER_NONE : effect->peer;
        if (effect_has_slice(effect) && !is_taken)
            engine_release(talk->engine, owner, &effect->slice, talk->now);
    }
    talk->outbox.count = 0;
}

/* Finishes the send in flight, as far as the socket takes it. */
static void finish_send(struct talk *talk, uint32_t peer, const struct iovec *vector,
                        unsigned count)
{
    struct talk_conn *conn = &talk->conns[peer];
    size_t room = conn->send_size_max ? conn->send_size_max : SIZE_MAX, sent = 0;
    for (unsigned i = 0; i < count && sent < room; i++) {
        size_t part = vector[i].iov_len < room - sent ? vector[i].iov_len : room - sent;
        script_put(&conn->said, vector[i].iov_base, part);
        sent += part;
    }
    struct slice slice;
    output_sent(&conn->session.output, sent);
    while (output_take_sent(&conn->session.output, &slice))
        engine_release(talk->engine, peer, &slice, talk->now);
}

static void write_all(struct talk *talk, uint32_t peer)
{
    struct talk_conn *conn = &talk->conns[peer];
    if (!conn->is_there)
        return;
    session_turn(&conn->session);
    while (!conn->session.output.is_sending && session_wants_send(&conn->session)) {
        unsigned count;
        const struct iovec *vector = output_begin(&conn->session.output, &count);
        assert_in_range(count, 1, OUTPUT_PIECES_MAX);
        if (!conn->is_blocked)
            finish_send(talk, peer, vector, count);
    }
}

/* Has a session take up the input that it kept back, if it can. */
static bool resume(struct talk *talk, uint32_t peer)
{
    const struct talk_conn *conn = &talk->conns[peer];
    if (!conn->is_there || !session_can_resume(&conn->session))
        return false;
    talk_hear(talk, peer, (struct bytes){0});
    return true;
}

void talk_turn(struct talk *talk)
{
    bool is_due;
    do {
        is_due = false;
        engine_tick(talk->engine, talk->now, &talk->outbox);
        check(talk);
        hand_out(talk);
        for (uint32_t peer = 0; peer < TALK_CONNS_MAX; peer++)
            write_all(talk, peer);
        for (uint32_t peer = 0; peer < TALK_CONNS_MAX; peer++)
            is_due |= resume(talk, peer);
    } while (is_due || engine_deadline(talk->engine) <= talk->now);
}

void talk_unblock(struct talk *talk, uint32_t peer)
{
    struct output *output = &talk_session(talk, peer)->output;
    talk->conns[peer].is_blocked = false;
    if (output->is_sending)
        finish_send(talk, peer, output->parcel->vector + output->parcel->vector_first,
                    output->parcel->vector_count - output->parcel->vector_first);
    talk_turn(talk);
}

void talk_connect(struct talk *talk, uint32_t peer)
{
    struct talk_conn *conn = &talk->conns[peer];
    assert_false(conn->is_there);
    session_init(&conn->session, peer, &talk->limits, talk->now);
    conn->is_there = true;
}

void talk_hello(struct talk *talk, uint32_t peer)
{
    struct script script = {0};
    talk_connect(talk, peer);
    script_hello(&script);
    talk_play(talk, peer, &script);
    talk_turn(talk);
    talk_skip(talk, peer);
}

void talk_hang_up(struct talk *talk, uint32_t peer)
{
    struct talk_conn *conn = &talk->conns[peer];
    struct slice slice;
    talk_session(talk, peer)->output.is_sending = false;
    if (conn->is_attached)
        engine_apply(talk->engine, &(struct command){.kind = COMMAND_DETACH, .peer = peer},
                     talk->now, &talk->outbox);
    while (output_take_slice(&conn->session.output, &slice))
        engine_release(talk->engine, peer, &slice, talk->now);
    session_finish(&conn->session);
    script_finish(&conn->said);
    *conn = (struct talk_conn){0};
    engine_check(talk->engine);
}

void talk_close(struct talk *talk)
{
    for (uint32_t peer = 0; peer < TALK_CONNS_MAX; peer++)
        if (talk->conns[peer].is_there)
            talk_hang_up(talk, peer);
    talk_turn(talk);
    assert_int_equal(engine_totals(talk->engine).holds, 0);
    engine_destroy(talk->engine);
    outbox_finish(&talk->outbox);
    free(talk);
}

void talk_hear(struct talk *talk, uint32_t peer, struct bytes bytes)
{
    struct talk_conn *conn = &talk->conns[peer];
    struct command command;
    unsigned char *copy = malloc(bytes.size + 1);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    session_feed(talk_session(talk, peer), bytes_of(copy, bytes.size), talk->now);
    while (session_next(&conn->session, &command)) {
        conn->is_attached = true;
        engine_apply(talk->engine, &command, talk->now, &talk->outbox);
        check(talk);
    }
    free(copy);
}

void talk_play(struct talk *talk, uint32_t peer, struct script *script)
{
    talk_hear(talk, peer, bytes_of(script->data, script->size));
    script_finish(script);
}

void talk_skip(struct talk *talk, uint32_t peer)
{
    talk->conns[peer].said.size = 0;
}

static const char *status_name(unsigned status)
{
    static const char *const names[] = {
        "none",
        "protocol",
        "unknown-op",
        "bad-frame",
        "bad-name",
        "bad-flags",
        "too-large",
        "hello",
        "version",
        "bad-field",
        "no-queue",
        "exists",
        "full",
        "deleted",
        "no-consumer",
        "no-subscription",
        "id-in-use",
        "not-leased",
        "bad-range",
        "credit",
        "window",
        "bad-pattern",
        "killed",
        "closing",
        "bad-header",
        "no-reader",
        "memory",
        "denied",
        "overflow",
        "too-many-connections",
        "too-many-from-address",
        "too-many-strangers",
        "too-many-queues",
        "too-many-subscriptions",
        "too-many-subscriptions-in-all",
        "too-many-retained",
        "dead",
        "no-client",
        "wrong-type",
    };
    assert_true(status < sizeof names / sizeof *names);
    return names[status];
}

static int tell_message(const unsigned char *frame, struct frame_head head, char *line, size_t size)
{
    char word[4096];
    frames_tell(bytes_of(frame, head.size), false, word, sizeof word);
    const char *what = head.op == OP_PUSH ? "PUSH" : "PUBLISH";
    return snprintf(line, size, "%s %.*s: %s\n", what, (int)head.name_size,
                    (const char *)frame + FRAME_HEAD_SIZE, word);
}

static int tell_context(const unsigned char *body, uint8_t flags, char *line, size_t size)
{
    uint32_t deliveries = load_u32(body + 4);
    assert_int_equal(flags & ~CONTEXT_RETAINED, deliveries ? CONTEXT_REDELIVERED : 0);
    int used = snprintf(line, size, "CONTEXT %u @%lu", load_u32(body), load_u64(body + 8));
    if (deliveries)
        used += snprintf(line + used, size - (size_t)used, " again %u", deliveries);
    if (flags & CONTEXT_RETAINED)
        used += snprintf(line + used, size - (size_t)used, " retained");
    return used + snprintf(line + used, size - (size_t)used, "\n");
}

/* One frame of the broker's in words. */
static int tell(const unsigned char *frame, char *line, size_t size)
{
    struct frame_head head = frame_head_load(frame);
    const unsigned char *body = frame + FRAME_HEAD_SIZE;
    uint32_t body_size = head.size - FRAME_HEAD_SIZE;
    if (head.op == OP_PUSH || head.op == OP_PUBLISH)
        return tell_message(frame, head, line, size);
    assert_int_equal(head.name_size, 0);
    if (head.op != OP_CONTEXT && head.op != OP_REPLY && head.op != OP_ENDED)
        assert_int_equal(head.flags, 0);
    switch (head.op) {
    case OP_WELCOME: return snprintf(line, size, "WELCOME\n");
    case OP_CONFIRM:
        assert_int_equal(body_size, 12);
        assert_int_equal(load_u32(body + 8), 1);
        return snprintf(line, size, "CONFIRM %lu\n", load_u64(body));
    case OP_ERROR:
        assert_int_equal(load_u16(body + 14), 0);
        assert_true(body_size > 16);
        return snprintf(line, size, "ERROR %lu+%u %s\n", load_u64(body), load_u32(body + 8),
                        status_name(load_u16(body + 12)));
    case OP_REPLY:
        if (body_size == 8)
            return snprintf(line, size, "REPLY %lu\n", load_u64(body));
        return snprintf(line, size, "REPLY %lu: %u bytes%s\n", load_u64(body), body_size - 8,
                        head.flags == REPLY_MORE ? " more" : "");
    case OP_CONTEXT: return tell_context(body, head.flags, line, size);
    case OP_GAP:
        assert_int_equal(body_size, 32);
        return snprintf(line, size, "GAP %u @%lu: %lu, %lu bytes\n", load_u32(body),
                        load_u64(body + 8), load_u64(body + 16), load_u64(body + 24));
    case OP_ENDED:
        return snprintf(line, size, "ENDED %s%u %s\n",
                        head.flags == ENDED_SUBSCRIPTION ? "subscription " : "", load_u32(body),
                        status_name(load_u16(body + 4)));
    case OP_LOST:
        assert_int_equal(body_size, 16);
        return snprintf(line, size, "LOST %u @%lu x%u\n", load_u32(body), load_u64(body + 8),
                        load_u32(body + 4));
    case OP_GOAWAY: return snprintf(line, size, "GOAWAY %s\n", status_name(load_u16(body)));
    default: return snprintf(line, size, "op %02x\n", head.op);
    }
}

void talk_tell(struct talk *talk, uint32_t peer)
{
    talk_turn(talk);
    struct script *said = &talk->conns[peer].said;
    size_t used = 0, at = 0;
    talk->text[0] = '\0';
    while (at < said->size) {
        struct run run;
        assert_true(frame_cut(bytes_of(said->data + at, said->size - at), UINT32_MAX, &run) > 0);
        used += (size_t)tell(run.data, talk->text + used, TALK_TEXT_MAX - used);
        assert_true(used < TALK_TEXT_MAX);
        at += run.size;
    }
    said->size = 0;
}

void talk_expect(struct talk *talk, uint32_t peer, const char *expected)
{
    talk_tell(talk, peer);
    assert_string_equal(talk->text, expected);
}

void talk_expect_refusal(struct talk *talk, uint32_t peer, struct script *script,
                         const char *status)
{
    uint64_t number = talk_session(talk, peer)->native.number_next;
    char expected[128];
    talk_turn(talk);
    talk_skip(talk, peer);
    script_numbers(script, OP_PING, 0, "", "");
    talk_play(talk, peer, script);
    snprintf(expected, sizeof expected, "ERROR %lu+1 %s\nCONFIRM %lu\nREPLY %lu\n", number, status,
             number + 1, number + 1);
    talk_expect(talk, peer, expected);
}

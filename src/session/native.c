#include "session/native.h"

#include "base/time.h"
#include "frame/field.h"
#include "session/request.h"
#include "session/session.h"

#include <assert.h>
#include <errno.h>

/*
 * Frames are numbered as they come and become commands whose ticket is the first one's number. A
 * slot remembers each command until the engine has settled it; the oldest slot says how far CONFIRM
 * may go.
 */

#define SERVER_NAME "ringpost/" RINGPOST_VERSION

enum {
    LEVEL_MEMORY = 1, /* what a CONFIRM says of the pushes it covers */
    ERROR_BODY_SIZE = 16,
    REPLY_BODY_SIZE = 8,
};

void native_init(struct native *native)
{
    *native = (struct native){.number_next = 1};
}

void native_finish(struct native *native)
{
    slots_finish(&native->slots);
}

uint32_t native_frame_max(const struct session *session)
{
    bool is_open = session->state != SESSION_HELLO;
    return is_open ? session->limits->frame_max : session_hello_max(session);
}

/* Cuts what is to be looked at together off the front of `in`, as run_cut does. */
static int cut(const struct session *session, struct bytes in, struct run *run)
{
    /* Messages with headers are looked at one by one. */
    bool is_message = session->state == SESSION_OPEN && in.size > 1 &&
                      (in.data[0] == OP_PUSH || in.data[0] == OP_PUBLISH) &&
                      !(in.data[1] & MESSAGE_HEADERS);
    return is_message ? run_cut(in, native_frame_max(session), run)
                      : frame_cut(in, native_frame_max(session), run);
}

/* Completes the frame that was kept in part; false when it is not whole even so. */
static bool complete_frame(struct session *session)
{
    struct input *input = &session->input;
    if (!input_complete(input, FRAME_HEAD_SIZE))
        return false;
    uint32_t size = frame_size(input_there(input).data);
    return size > native_frame_max(session) || input_complete(input, size);
}

/* Cuts it off what is there, which is completed if need be. */
static int cut_input(struct session *session, struct run *run)
{
    int size = cut(session, input_there(&session->input), run);
    if (size == 0 && session->input.kept.size > 0 && complete_frame(session))
        size = cut(session, input_there(&session->input), run);
    return size;
}

/* Writes the head of a broker's frame and returns where its body goes. */
static unsigned char *put_head(unsigned char *to, enum op op, uint8_t flags, size_t body_size)
{
    frame_head_store(to, (struct frame_head){.op = (uint8_t)op,
                                             .flags = flags,
                                             .size = (uint32_t)(FRAME_HEAD_SIZE + body_size)});
    return to + FRAME_HEAD_SIZE;
}

static unsigned char *put_control(struct session *session, enum op op, size_t body_size)
{
    return put_head(output_control(&session->output, FRAME_HEAD_SIZE + body_size), op, 0,
                    body_size);
}

static unsigned char *put_text(struct session *session, enum op op, uint8_t flags, size_t body_size)
{
    return put_head(output_text(&session->output, FRAME_HEAD_SIZE + body_size), op, flags,
                    body_size);
}

static void put_error(struct session *session, uint64_t first, uint32_t count, enum status status)
{
    struct bytes text = bytes_text(status_text(status));
    unsigned char *body = put_control(session, OP_ERROR, ERROR_BODY_SIZE + text.size);
    store_u64(body, first);
    store_u32(body + 8, count);
    store_u16(body + 12, (uint16_t)status);
    store_u16(body + 14, 0);
    memcpy(body + ERROR_BODY_SIZE, text.data, text.size);
}

static void put_reply(struct session *session, uint64_t number, bool has_more, struct bytes data)
{
    unsigned char *body =
        put_text(session, OP_REPLY, has_more ? REPLY_MORE : 0, REPLY_BODY_SIZE + data.size);
    store_u64(body, number);
    if (data.size > 0)
        memcpy(body + REPLY_BODY_SIZE, data.data, data.size);
}

static uint64_t settled_number(const struct session *session)
{
    return slots_settled(&session->native.slots, session->native.number_next - 1);
}

/* Says up to which frame everything is settled, when that has changed. */
static void put_confirm(struct session *session)
{
    uint64_t settled = settled_number(session);
    if (settled == session->native.confirmed)
        return;
    unsigned char *body = put_control(session, OP_CONFIRM, 12);
    store_u64(body, settled);
    store_u32(body + 8, LEVEL_MEMORY);
    session->native.confirmed = settled;
}

void native_fail(struct session *session, enum status status)
{
    put_confirm(session);
    put_error(session, 0, 0, status);
    session->state = SESSION_CLOSED;
}

/* Refuses frames before the engine sees them. */
static bool refuse(struct session *session, uint64_t first, uint32_t count, enum status status)
{
    put_error(session, first, count, status);
    session->native.is_confirm_due = true;
    if (session->native.slots.count > 0)
        slots_put(&session->native.slots, first, count)->settled_count = count;
    return false;
}

/* Refuses a frame that is not whole if there is no memory to wait for its end; what is still to come is skipped. */
static void refuse_unfinished(struct session *session)
{
    struct native *native = &session->native;
    struct bytes there = input_there(&session->input);
    bool is_short = session->state == SESSION_OPEN && session->limits->is_memory_short;
    if (!is_short || there.size < FRAME_HEAD_SIZE || frame_size(there.data) <= SHORT_SIZE_MAX)
        return;
    native->skip_size = frame_size(there.data) - (uint32_t)there.size;
    input_drop(&session->input);
    refuse(session, native->number_next++, 1, STATUS_MEMORY);
}

/* Passes over what came of a frame that was refused. */
static void skip(struct session *session)
{
    struct native *native = &session->native;
    size_t there;
    while (native->skip_size > 0 && (there = input_there(&session->input).size) > 0) {
        size_t skipped = native->skip_size < there ? native->skip_size : there;
        native->skip_size -= (uint32_t)skipped;
        input_take(&session->input, skipped);
    }
}

static void put_welcome(struct session *session, const struct introduction *client)
{
    unsigned char body[256];
    size_t size = 4;
    store_u32(body, PROTOCOL_VERSION);
    size += field_put_bytes(body + size, "server", bytes_text(SERVER_NAME));
    size += field_put_number(body + size, "connection", session->peer);
    size += field_put_number(body + size, "frame-max", session->limits->frame_max);
    size += field_put_number(body + size, "window", client->window_count);
    size += field_put_number(body + size, "window-bytes", client->window_size);
    size += field_put_number(body + size, "liveness", session->limits->liveness_ns / NS_PER_MS);
    assert(size <= sizeof body);
    memcpy(put_control(session, OP_WELCOME, size), body, size);
}

static enum status check_hello(const struct session *session, const struct run *run,
                               struct introduction *client)
{
    if (run->head.op != OP_HELLO)
        return STATUS_HELLO;
    if (run->head.flags)
        return STATUS_BAD_FLAGS;
    if (run->head.name_size)
        return STATUS_BAD_NAME;
    if (run->head.size < FRAME_HEAD_SIZE + 4)
        return STATUS_BAD_FRAME;
    struct bytes body = run_body(run);
    if (load_u32(body.data) != PROTOCOL_VERSION)
        return STATUS_VERSION;
    if (!introduction_read(bytes_of(body.data + 4, body.size - 4), client))
        return STATUS_BAD_FRAME;
    return session_admits(session, client->password) ? STATUS_OK : STATUS_DENIED;
}

static bool take_hello(struct session *session, const struct run *run, struct command *command)
{
    struct introduction client;
    enum status status = check_hello(session, run, &client);
    if (status != STATUS_OK) {
        native_fail(session, status);
        return false;
    }
    session->state = SESSION_OPEN;
    session->native.has_heartbeats = client.has_heartbeats;
    session->native.lazy_count_max =
        client.window_count / 4 < CONFIRM_LAZY_COUNT ? client.window_count / 4 : CONFIRM_LAZY_COUNT;
    put_welcome(session, &client);
    *command = (struct command){.kind = COMMAND_ATTACH, .peer = session->peer};
    command->attach.window_count = (uint32_t)client.window_count;
    command->attach.window_size = client.window_size;
    command->attach.client = client.client;
    return true;
}

/* Whether nothing but data is asked for, of which there may be much. */
static bool is_question(enum command_kind kind)
{
    return kind >= COMMAND_PEEK && kind <= COMMAND_SETTINGS;
}

/* Makes a command of a run, which it numbers; false when there is nothing for the engine to do: it was hello, or was
 * refused. */
static bool take_frames(struct session *session, const struct run *run, struct command *command)
{
    if (session->state == SESSION_HELLO)
        return take_hello(session, run, command);
    const struct rule *rule = request_rule(run->head.op);
    uint64_t first = session->native.number_next;
    session->native.number_next += run->count;
    enum status status = request_check(rule, run);
    if (status == STATUS_OK && session->is_ending && !request_is_taken_at_end(run->head.op))
        status = STATUS_CLOSING;
    if (status == STATUS_OK && session->limits->is_memory_full && is_question(rule->kind))
        status = STATUS_MEMORY;
    if (status != STATUS_OK)
        return refuse(session, first, run->count, status);
    *command = (struct command){
        .kind = rule->kind, .peer = session->peer, .ticket = first, .name = run_name(run)};
    status = request_read(command, run);
    if (status != STATUS_OK)
        return refuse(session, first, run->count, status);
    struct slot *slot = slots_put(&session->native.slots, first, run->count);
    slot->wants_reply = rule->wants_reply;
    slot->is_prompt = !rule->is_lazy;
    slot->is_large = session->is_stalled = request_is_large(rule, command);
    return true;
}

enum step native_step(struct session *session, struct command *command)
{
    struct run run;
    skip(session);
    int size = cut_input(session, &run);
    if (size == 0) {
        refuse_unfinished(session);
        return STEP_MORE;
    }
    if (size < 0) {
        native_fail(session, size == -EMSGSIZE ? STATUS_TOO_LARGE : STATUS_PROTOCOL);
        return STEP_DONE;
    }
    input_take(&session->input, (size_t)size);
    return take_frames(session, &run, command) ? STEP_COMMAND : STEP_DONE;
}

/* Settles frames from `number` on, at most `count`, as far as they are of one slot; returns how many.
 */
static uint32_t settle_slot(struct session *session, uint64_t number, uint32_t count,
                            enum status status)
{
    struct slot *slot = slots_at(&session->native.slots, number);
    uint32_t left = slot->count - slot->settled_count;
    count = count < left ? count : left;
    if (status != STATUS_OK)
        put_error(session, number, count, status);
    else if (slot->wants_reply)
        put_reply(session, number, false, (struct bytes){0});
    session->native.is_confirm_due |= slot->is_prompt || status != STATUS_OK;
    session->is_stalled &= !slot->is_large;
    slots_settle(&session->native.slots, slot, count);
    return count;
}

static void settle(struct session *session, const struct effect *effect)
{
    for (uint32_t done = 0; done < effect->count;)
        done += settle_slot(session, effect->ticket + done, effect->count - done, effect->status);
}

static void answer(struct session *session, const struct effect *effect)
{
    struct slot *slot = slots_at(&session->native.slots, effect->ticket);
    put_reply(session, effect->ticket, effect->has_more, slice_bytes(&effect->slice));
    session->native.is_confirm_due = true;
    session->is_stalled &= !slot->is_large;
    slots_settle(&session->native.slots, slot, 1);
}

/* Tells whose the next messages are, unless the client takes them for that already. */
static void put_context(struct session *session, uint8_t op, const struct effect *effect)
{
    uint8_t flags = (effect->deliveries ? CONTEXT_REDELIVERED : 0) |
                    (effect->is_retained ? CONTEXT_RETAINED : 0);
    if (session->native.context.is_known && session->native.context.op == op &&
        session->native.context.flags == flags && session->native.context.id == effect->id &&
        session->native.context.deliveries == effect->deliveries &&
        session->native.context.tag == effect->tag)
        return;
    unsigned char *body = put_text(session, OP_CONTEXT, flags, 16);
    store_u32(body, effect->id);
    store_u32(body + 4, effect->deliveries);
    store_u64(body + 8, effect->tag);
    session->native.context.is_known = true;
    session->native.context.op = op;
    session->native.context.flags = flags;
    session->native.context.id = effect->id;
    session->native.context.deliveries = effect->deliveries;
    session->native.context.tag = effect->tag;
}

/* Messages with what the client has to know of them. */
static void put_messages(struct session *session, uint8_t op, const struct effect *effect)
{
    put_context(session, op, effect);
    session->native.context.tag += effect->slice.count;
    output_slice(&session->output, &effect->slice);
}

static void put_gap(struct session *session, const struct effect *effect)
{
    unsigned char *body = put_text(session, OP_GAP, 0, 32);
    store_u32(body, effect->id);
    store_u32(body + 4, 0);
    store_u64(body + 8, effect->tag);
    store_u64(body + 16, effect->missed.count);
    store_u64(body + 24, effect->missed.size);
}

static void put_lost(struct session *session, const struct effect *effect)
{
    unsigned char *body = put_text(session, OP_LOST, 0, 16);
    store_u32(body, effect->id);
    store_u32(body + 4, effect->count);
    store_u64(body + 8, effect->tag);
}

static void put_ended(struct session *session, const struct effect *effect)
{
    uint8_t flags = effect->is_subscription ? ENDED_SUBSCRIPTION : 0;
    unsigned char *body = put_text(session, OP_ENDED, flags, 8);
    store_u32(body, effect->id);
    store_u16(body + 4, (uint16_t)effect->status);
    store_u16(body + 6, 0);
}

bool native_effect(struct session *session, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_SETTLED: settle(session, effect); break;
    case EFFECT_ANSWER: answer(session, effect); return false;
    case EFFECT_DELIVER: put_messages(session, OP_PUSH, effect); break;
    case EFFECT_MESSAGE: put_messages(session, OP_PUBLISH, effect); break;
    case EFFECT_GAP: put_gap(session, effect); break;
    case EFFECT_LOST: put_lost(session, effect); break;
    case EFFECT_ENDED: put_ended(session, effect); break;
    case EFFECT_KILLED: /* the session's */
    case EFFECT_NUMBER:
    case EFFECT_FRAMES: assert(!"an answer to what no native frame asks for");
    }
    return true;
}

/* Whether somebody waits for a CONFIRM, or it costs no segment of its own, or is long due. */
static bool wants_confirm(const struct session *session)
{
    return session->native.is_confirm_due || !output_is_empty(&session->output) ||
           settled_number(session) - session->native.confirmed >= session->native.lazy_count_max;
}

void native_confirm(struct session *session)
{
    if (session->state == SESSION_OPEN && wants_confirm(session))
        put_confirm(session);
    session->native.is_confirm_due = false;
}

void native_goodbye(struct session *session, enum status status)
{
    put_confirm(session);
    if (session->is_ending)
        return; /* it was said */
    struct bytes text = bytes_text(status_text(status));
    unsigned char *body = put_control(session, OP_GOAWAY, 4 + text.size);
    store_u16(body, (uint16_t)status);
    store_u16(body + 2, 0);
    memcpy(body + 4, text.data, text.size);
}

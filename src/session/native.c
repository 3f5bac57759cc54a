#include "session/native.h"

#include "base/time.h"
#include "frame/field.h"
#include "frame/header.h"

#include <assert.h>

/*
 * Frames are numbered as they come and become commands whose ticket is the first one's number. A
 * slot remembers each command until the engine has settled it; the oldest slot says how far CONFIRM
 * may go.
 */

#define SERVER_NAME "ringpost/" RINGPOST_VERSION

enum {
    LEVEL_MEMORY = 1,     /* what a CONFIRM says of the pushes it covers */
    CLIENT_NAME_MAX = 64, /* bytes of a client's name that are kept */
    ERROR_BODY_SIZE = 16,
    REPLY_BODY_SIZE = 8,
};

/* What a frame of an op must look like. */
struct rule {
    enum command_kind kind;
    enum { NAME_NONE, NAME_NEEDED, NAME_ALLOWED } name;
    uint8_t flags;
    bool is_free;      /* the body is a message or fields, behind `body_size` bytes */
    uint8_t body_size; /* else it has this size */
    uint8_t more_size; /* or so much more */
    bool wants_reply;
    bool is_lazy;  /* nobody waits for its CONFIRM */
    bool is_large; /* the answer is, or costs much: it comes before the next frame is looked at */
};

static const struct rule rules[] = {
    [OP_PUSH - OP_HELLO] = {.kind = COMMAND_PUSH,
                            .name = NAME_NEEDED,
                            .flags = MESSAGE_HEADERS,
                            .is_free = true},
    [OP_PUBLISH -
        OP_HELLO] = {.kind = COMMAND_PUBLISH,
                     .name = NAME_NEEDED,
                     .flags = MESSAGE_HEADERS | PUBLISH_RETAIN | PUBLISH_MUST | PUBLISH_INBOX,
                     .is_free = true,
                     .is_lazy = true},
    [OP_CONSUME - OP_HELLO] = {.kind = COMMAND_CONSUME,
                               .name = NAME_NEEDED,
                               .flags = CONSUME_BACK | CONSUME_NO_ACK,
                               .body_size = 16,
                               .wants_reply = true},
    [OP_CANCEL - OP_HELLO] = {.kind = COMMAND_CANCEL, .body_size = 4, .wants_reply = true},
    [OP_CREDIT - OP_HELLO] = {.kind = COMMAND_CREDIT, .body_size = 16, .is_lazy = true},
    [OP_ACK - OP_HELLO] = {.kind = COMMAND_SETTLE, .body_size = 16, .is_lazy = true},
    [OP_RETURN -
        OP_HELLO] = {.kind = COMMAND_SETTLE, .body_size = 16, .more_size = 8, .is_lazy = true},
    [OP_REJECT - OP_HELLO] = {.kind = COMMAND_SETTLE, .body_size = 16, .is_lazy = true},
    [OP_SUBSCRIBE - OP_HELLO] = {.kind = COMMAND_SUBSCRIBE,
                                 .name = NAME_ALLOWED,
                                 .flags = SUBSCRIBE_WILDCARD | SUBSCRIBE_INBOX,
                                 .is_free = true,
                                 .body_size = 16,
                                 .wants_reply = true},
    [OP_UNSUBSCRIBE -
        OP_HELLO] = {.kind = COMMAND_UNSUBSCRIBE, .body_size = 4, .wants_reply = true},
    [OP_DECLARE - OP_HELLO] = {.kind = COMMAND_DECLARE,
                               .name = NAME_NEEDED,
                               .is_free = true,
                               .wants_reply = true},
    [OP_DELETE - OP_HELLO] = {.kind = COMMAND_DELETE, .name = NAME_NEEDED, .wants_reply = true},
    [OP_PURGE - OP_HELLO] = {.kind = COMMAND_PURGE, .name = NAME_NEEDED, .wants_reply = true},
    [OP_PAUSE - OP_HELLO] = {.kind = COMMAND_PAUSE, .name = NAME_NEEDED, .wants_reply = true},
    [OP_RESUME - OP_HELLO] = {.kind = COMMAND_RESUME, .name = NAME_NEEDED, .wants_reply = true},
    [OP_PEEK - OP_HELLO] = {.kind = COMMAND_PEEK,
                            .name = NAME_NEEDED,
                            .flags = PEEK_BACK,
                            .body_size = 4,
                            .wants_reply = true,
                            .is_large = true},
    [OP_LIST - OP_HELLO] = {.kind = COMMAND_LIST,
                            .name = NAME_ALLOWED,
                            .body_size = 4,
                            .wants_reply = true,
                            .is_large = true},
    [OP_INFO - OP_HELLO] = {.kind = COMMAND_INFO, .name = NAME_NEEDED, .wants_reply = true},
    [OP_STATS - OP_HELLO] = {.kind = COMMAND_STATS, .wants_reply = true, .is_large = true},
    [OP_PING - OP_HELLO] = {.kind = COMMAND_PING, .wants_reply = true},
    [OP_TOUCH - OP_HELLO] = {.kind = COMMAND_TOUCH, .body_size = 16, .is_lazy = true},
    [OP_SET - OP_HELLO] = {.kind = COMMAND_SET,
                           .name = NAME_NEEDED,
                           .is_free = true,
                           .wants_reply = true},
    [OP_REDRIVE - OP_HELLO] = {.kind = COMMAND_REDRIVE,
                               .name = NAME_NEEDED,
                               .is_free = true,
                               .body_size = 4,
                               .wants_reply = true,
                               .is_large = true},
    [OP_CLIENTS - OP_HELLO] = {.kind = COMMAND_CLIENTS,
                               .body_size = 8,
                               .wants_reply = true,
                               .is_large = true},
    [OP_KILL - OP_HELLO] = {.kind = COMMAND_KILL, .body_size = 4, .wants_reply = true},
    [OP_SETTINGS - OP_HELLO] = {.kind = COMMAND_SETTINGS, .wants_reply = true, .is_large = true},
    [OP_HEARTBEAT - OP_HELLO] = {.kind = COMMAND_HEARTBEAT, .is_lazy = true},
};

/* The rule for an op that a client may send after its hello, or NULL. */
static const struct rule *rule_of(uint8_t op)
{
    size_t at = (size_t)(op - OP_HELLO);
    bool is_known = at < sizeof rules / sizeof *rules && rules[at].kind != COMMAND_ATTACH;
    return is_known ? &rules[at] : NULL;
}

uint32_t native_frame_max(const struct session *session)
{
    const struct session_limits *limits = session->limits;
    if (session->state != SESSION_HELLO)
        return limits->frame_max;
    return limits->hello_max ? limits->hello_max : FRAME_HELLO_MAX;
}

int native_cut(const struct session *session, struct bytes in, struct run *run)
{
    /* Messages with headers are looked at one by one. */
    bool is_message = session->state == SESSION_OPEN && in.size > 1 &&
                      (in.data[0] == OP_PUSH || in.data[0] == OP_PUBLISH) &&
                      !(in.data[1] & MESSAGE_HEADERS);
    return is_message ? run_cut(in, native_frame_max(session), run)
                      : frame_cut(in, native_frame_max(session), run);
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
    return slots_settled(&session->slots, session->number_next - 1);
}

/* Says up to which frame everything is settled, when that has changed. */
static void put_confirm(struct session *session)
{
    uint64_t settled = settled_number(session);
    if (settled == session->confirmed)
        return;
    unsigned char *body = put_control(session, OP_CONFIRM, 12);
    store_u64(body, settled);
    store_u32(body + 8, LEVEL_MEMORY);
    session->confirmed = settled;
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
    session->is_confirm_due = true;
    if (session->slots.count > 0)
        slots_put(&session->slots, first, count)->settled_count = count;
    return false;
}

void native_refuse(struct session *session, enum status status)
{
    refuse(session, session->number_next++, 1, status);
}

/* What a client says of itself. */
struct introduction {
    uint64_t window_count, window_size;
    struct bytes client; /* borrowed */
    bool has_heartbeats;
    struct bytes password; /* borrowed */
};

/* Reads HELLO's fields. */
static bool read_introduction(struct bytes fields, struct introduction *client)
{
    struct field field;
    *client =
        (struct introduction){.window_count = WINDOW_COUNT_MAX, .window_size = WINDOW_SIZE_MAX};
    for (int size; fields.size > 0;
         fields = bytes_of(fields.data + size, fields.size - (size_t)size)) {
        size = field_parse(fields, &field);
        if (size <= 0)
            return false;
        bool is_number = field.kind == FIELD_NUMBER && field.number > 0;
        if (field_is(&field, "window") && is_number && field.number < client->window_count)
            client->window_count = field.number;
        if (field_is(&field, "window-bytes") && is_number && field.number < client->window_size)
            client->window_size = field.number;
        if (field_is(&field, "heartbeats"))
            client->has_heartbeats = is_number;
        if (field_is(&field, "client"))
            client->client =
                bytes_of(field.value.data,
                         field.value.size < CLIENT_NAME_MAX ? field.value.size : CLIENT_NAME_MAX);
        if (field_is(&field, "password") && field.kind == FIELD_BYTES)
            client->password = field.value;
    }
    return true;
}

/* How long it takes says nothing of the password. */
static bool is_admitted(struct bytes password, struct bytes given)
{
    unsigned difference = password.size != given.size;
    for (size_t i = 0; i < given.size && password.size > 0; i++)
        difference |= given.data[i] ^ password.data[i % password.size];
    return password.size == 0 || difference == 0;
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
    if (!read_introduction(bytes_of(body.data + 4, body.size - 4), client))
        return STATUS_BAD_FRAME;
    return is_admitted(session->limits->password, client->password) ? STATUS_OK : STATUS_DENIED;
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
    session->has_heartbeats = client.has_heartbeats;
    session->lazy_count_max =
        client.window_count / 4 < CONFIRM_LAZY_COUNT ? client.window_count / 4 : CONFIRM_LAZY_COUNT;
    put_welcome(session, &client);
    *command = (struct command){.kind = COMMAND_ATTACH, .peer = session->peer};
    command->attach.window_count = (uint32_t)client.window_count;
    command->attach.window_size = client.window_size;
    command->attach.client = client.client;
    return true;
}

/* Whether the frames have the shape that their op needs. */
static enum status check(const struct rule *rule, const struct run *run)
{
    const struct frame_head *head = &run->head;
    if (head->op == OP_HELLO)
        return STATUS_HELLO;
    if (!rule)
        return STATUS_UNKNOWN_OP;
    if (head->size < FRAME_HEAD_SIZE + (uint32_t)head->name_size)
        return STATUS_BAD_FRAME;
    if (head->name_size > FRAME_NAME_MAX)
        return STATUS_BAD_NAME;
    if (rule->name != NAME_ALLOWED && (rule->name == NAME_NEEDED) != (head->name_size > 0))
        return STATUS_BAD_NAME;
    if (head->flags & ~rule->flags)
        return STATUS_BAD_FLAGS;
    size_t size = run_body(run).size;
    bool is_sized = rule->is_free ? size >= rule->body_size
                                  : size == rule->body_size ||
                                        size == (size_t)rule->body_size + rule->more_size;
    return is_sized ? STATUS_OK : STATUS_BAD_FRAME;
}

/* Whether the header block of a message, which has one, is good. */
static enum status check_headers(const struct run *run)
{
    struct header header;
    return header_parse(run_body(run), &header) == 0 && header.size <= HEADER_SIZE_MAX
               ? STATUS_OK
               : STATUS_BAD_HEADER;
}

/* One setting of a queue; false when the broker does not know it or its value is out of range. */
static bool read_setting(const struct field *field, struct queue_settings *settings)
{
    static const struct {
        const char *key;
        enum field_kind kind;
        unsigned setting;
    } keys[] = {
        {"max-messages", FIELD_NUMBER, SETTING_COUNT_MAX},
        {"max-bytes", FIELD_NUMBER, SETTING_SIZE_MAX},
        {"when-full", FIELD_BYTES, SETTING_WHEN_FULL},
        {"ttl", FIELD_NUMBER, SETTING_TTL},
        {"delivery-limit", FIELD_NUMBER, SETTING_DELIVERY_LIMIT},
        {"dead-letter", FIELD_BYTES, SETTING_DEAD_LETTER},
        {"lease-max", FIELD_NUMBER, SETTING_LEASE_MAX},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (field_is(field, keys[i].key))
            return field->kind == keys[i].kind &&
                   queue_setting_put(settings, keys[i].setting, field->number, field->value);
    return false;
}

/* Whether a broker that is ending still takes such frames. */
static bool is_taken_at_end(uint8_t op)
{
    switch (op) {
    case OP_ACK:
    case OP_RETURN:
    case OP_REJECT:
    case OP_TOUCH:
    case OP_CREDIT:
    case OP_CANCEL:
    case OP_UNSUBSCRIBE:
    case OP_HEARTBEAT:
    case OP_PING: return true;
    default: return false;
    }
}

/* Whether nothing but data is asked for, of which there may be much. */
static bool is_question(enum command_kind kind)
{
    return kind >= COMMAND_PEEK && kind <= COMMAND_SETTINGS;
}

static enum status read_settings(struct bytes fields, struct queue_settings *settings)
{
    struct field field;
    *settings = queue_settings_default();
    for (int size; fields.size > 0;
         fields = bytes_of(fields.data + size, fields.size - (size_t)size)) {
        size = field_parse(fields, &field);
        if (size <= 0)
            return STATUS_BAD_FRAME;
        if (!read_setting(&field, settings))
            return STATUS_BAD_FIELD;
    }
    return STATUS_OK;
}

static enum status read_redrive(struct command *command, struct bytes body)
{
    struct bytes fields = bytes_of(body.data + 4, body.size - 4);
    struct field field;
    command->redrive.count = load_u32(body.data);
    for (int size; fields.size > 0;
         fields = bytes_of(fields.data + size, fields.size - (size_t)size)) {
        size = field_parse(fields, &field);
        if (size <= 0)
            return STATUS_BAD_FRAME;
        bool is_name =
            field.kind == FIELD_BYTES && field.value.size > 0 && field.value.size <= FRAME_NAME_MAX;
        if (!field_is(&field, "to") || !is_name || bytes_equal(field.value, command->name))
            return STATUS_BAD_FIELD;
        command->redrive.to = field.value;
    }
    return STATUS_OK;
}

static enum status read_settle(struct command *command, uint8_t op, struct bytes body)
{
    command->settle.id = load_u32(body.data);
    command->settle.count = load_u32(body.data + 4);
    command->settle.tag = load_u64(body.data + 8);
    command->settle.delay_ms = body.size > 16 ? load_u64(body.data + 16) : 0;
    command->settle.how = op == OP_ACK      ? SETTLE_ACKNOWLEDGE
                          : op == OP_RETURN ? SETTLE_RETURN
                                            : SETTLE_REJECT;
    bool is_empty = command->settle.count == 0 || command->settle.tag == 0;
    return is_empty || command->settle.tag - 1 > UINT64_MAX - command->settle.count
               ? STATUS_BAD_RANGE
               : STATUS_OK;
}

/* One field of SUBSCRIBE; false when the broker does not know it or its value is out of range. */
static bool read_term(const struct field *field, struct command *command)
{
    if (field_is(field, "group")) {
        command->subscription.group = field->value;
        return field->kind == FIELD_BYTES && field->value.size > 0 &&
               field->value.size <= GROUP_NAME_MAX && !command->subscription.is_inbox;
    }
    if (field_is(field, "overflow")) {
        command->subscription.has_overflow = true;
        return field->kind == FIELD_BYTES &&
               overflow_named(field->value, &command->subscription.overflow);
    }
    command->subscription.no_retained = field->number == 0;
    return field_is(field, "retained") && field->kind == FIELD_NUMBER && field->number <= 1;
}

static enum status read_subscribe(struct command *command, uint8_t flags, struct bytes body)
{
    struct bytes fields = bytes_of(body.data + 16, body.size - 16);
    struct field field;
    command->subscription.id = load_u32(body.data);
    command->subscription.count_max = load_u32(body.data + 4);
    command->subscription.size_max = load_u64(body.data + 8);
    command->subscription.is_wildcard = flags & SUBSCRIBE_WILDCARD;
    command->subscription.is_inbox = flags & SUBSCRIBE_INBOX;
    if (flags == (SUBSCRIBE_WILDCARD | SUBSCRIBE_INBOX))
        return STATUS_BAD_FLAGS;
    if (command->subscription.is_inbox == (command->name.size > 0))
        return STATUS_BAD_NAME;
    for (int size; fields.size > 0;
         fields = bytes_of(fields.data + size, fields.size - (size_t)size)) {
        size = field_parse(fields, &field);
        if (size <= 0)
            return STATUS_BAD_FRAME;
        if (!read_term(&field, command))
            return STATUS_BAD_FIELD;
    }
    return STATUS_OK;
}

static enum status read_publish(struct command *command, const struct run *run)
{
    command->run = *run;
    if (run->head.flags & PUBLISH_RETAIN && run->head.flags & PUBLISH_INBOX)
        return STATUS_BAD_FLAGS;
    return run->head.flags & MESSAGE_HEADERS ? check_headers(run) : STATUS_OK;
}

/* Fills the command's arguments from the body of its frame, whose size is right. */
static enum status read_body(struct command *command, const struct run *run)
{
    const unsigned char *body = run_body(run).data;
    uint8_t flags = run->head.flags;
    switch (command->kind) {
    case COMMAND_PUSH:
        command->run = *run;
        return flags & MESSAGE_HEADERS ? check_headers(run) : STATUS_OK;
    case COMMAND_PUBLISH: return read_publish(command, run);
    case COMMAND_CONSUME:
        command->consumer.from_back = flags & CONSUME_BACK;
        command->consumer.no_ack = flags & CONSUME_NO_ACK; /* fall through */
    case COMMAND_CREDIT:
        command->consumer.credit_count = load_u32(body + 4);
        command->consumer.credit_size = load_u64(body + 8); /* fall through */
    case COMMAND_CANCEL: command->consumer.id = load_u32(body); break;
    case COMMAND_SETTLE:
    case COMMAND_TOUCH: return read_settle(command, run->head.op, run_body(run));
    case COMMAND_SUBSCRIBE: return read_subscribe(command, flags, run_body(run));
    case COMMAND_UNSUBSCRIBE: command->subscription.id = load_u32(body); break;
    case COMMAND_DECLARE:
    case COMMAND_SET: return read_settings(run_body(run), &command->settings);
    case COMMAND_REDRIVE: return read_redrive(command, run_body(run));
    case COMMAND_KILL: command->client = load_u32(body); break;
    case COMMAND_CLIENTS:
        command->look.after = load_u32(body + 4);
        command->look.count = load_u32(body);
        return command->look.count == 0 ? STATUS_BAD_RANGE : STATUS_OK;
    case COMMAND_PEEK: command->look.from_back = flags & PEEK_BACK; /* fall through */
    case COMMAND_LIST:
        command->look.count = load_u32(body);
        return command->look.count == 0 ? STATUS_BAD_RANGE : STATUS_OK;
    default: break;
    }
    return STATUS_OK;
}

bool native_command(struct session *session, const struct run *run, struct command *command)
{
    if (session->state == SESSION_HELLO)
        return take_hello(session, run, command);
    const struct rule *rule = rule_of(run->head.op);
    uint64_t first = session->number_next;
    session->number_next += run->count;
    enum status status = check(rule, run);
    if (status == STATUS_OK && session->is_ending && !is_taken_at_end(run->head.op))
        status = STATUS_CLOSING;
    if (status == STATUS_OK && session->limits->is_memory_full && is_question(rule->kind))
        status = STATUS_MEMORY;
    if (status != STATUS_OK)
        return refuse(session, first, run->count, status);
    *command = (struct command){
        .kind = rule->kind, .peer = session->peer, .ticket = first, .name = run_name(run)};
    status = read_body(command, run);
    if (status != STATUS_OK)
        return refuse(session, first, run->count, status);
    struct slot *slot = slots_put(&session->slots, first, run->count);
    slot->wants_reply = rule->wants_reply;
    slot->is_prompt = !rule->is_lazy;
    slot->is_large = rule->is_large;
    session->is_stalled = rule->is_large;
    return true;
}

/* Settles frames from `number` on, at most `count`, as far as they are of one slot; returns how many.
 */
static uint32_t settle_slot(struct session *session, uint64_t number, uint32_t count,
                            enum status status)
{
    struct slot *slot = slots_at(&session->slots, number);
    uint32_t left = slot->count - slot->settled_count;
    count = count < left ? count : left;
    if (status != STATUS_OK)
        put_error(session, number, count, status);
    else if (slot->wants_reply)
        put_reply(session, number, false, (struct bytes){0});
    session->is_confirm_due |= slot->is_prompt || status != STATUS_OK;
    session->is_stalled &= !slot->is_large;
    slots_settle(&session->slots, slot, count);
    return count;
}

static void settle(struct session *session, const struct effect *effect)
{
    for (uint32_t done = 0; done < effect->count;)
        done += settle_slot(session, effect->ticket + done, effect->count - done, effect->status);
}

static void answer(struct session *session, const struct effect *effect)
{
    struct slot *slot = slots_at(&session->slots, effect->ticket);
    put_reply(session, effect->ticket, effect->has_more, slice_bytes(&effect->slice));
    session->is_confirm_due = true;
    session->is_stalled &= !slot->is_large;
    slots_settle(&session->slots, slot, 1);
}

/* Tells whose the next messages are, unless the client takes them for that already. */
static void put_context(struct session *session, uint8_t op, const struct effect *effect)
{
    uint8_t flags = (effect->deliveries ? CONTEXT_REDELIVERED : 0) |
                    (effect->is_retained ? CONTEXT_RETAINED : 0);
    if (session->context.is_known && session->context.op == op && session->context.flags == flags &&
        session->context.id == effect->id && session->context.deliveries == effect->deliveries &&
        session->context.tag == effect->tag)
        return;
    unsigned char *body = put_text(session, OP_CONTEXT, flags, 16);
    store_u32(body, effect->id);
    store_u32(body + 4, effect->deliveries);
    store_u64(body + 8, effect->tag);
    session->context.is_known = true;
    session->context.op = op;
    session->context.flags = flags;
    session->context.id = effect->id;
    session->context.deliveries = effect->deliveries;
    session->context.tag = effect->tag;
}

/* Messages with what the client has to know of them. */
static void put_messages(struct session *session, uint8_t op, const struct effect *effect)
{
    put_context(session, op, effect);
    session->context.tag += effect->slice.count;
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

bool session_effect(struct session *session, const struct effect *effect)
{
    if (session->state == SESSION_CLOSED)
        return false;
    switch (effect->kind) {
    case EFFECT_SETTLED: settle(session, effect); break;
    case EFFECT_ANSWER: answer(session, effect); return false;
    case EFFECT_DELIVER: put_messages(session, OP_PUSH, effect); break;
    case EFFECT_MESSAGE: put_messages(session, OP_PUBLISH, effect); break;
    case EFFECT_GAP: put_gap(session, effect); break;
    case EFFECT_LOST: put_lost(session, effect); break;
    case EFFECT_ENDED: put_ended(session, effect); break;
    case EFFECT_KILLED: session_end(session, effect->status); break;
    }
    return true;
}

/* Whether somebody waits for a CONFIRM, or it costs no segment of its own, or is long due. */
static bool wants_confirm(const struct session *session)
{
    return session->is_confirm_due || !output_is_empty(&session->output) ||
           settled_number(session) - session->confirmed >= session->lazy_count_max;
}

bool session_wants_send(struct session *session)
{
    if (session->state == SESSION_OPEN && wants_confirm(session))
        put_confirm(session);
    session->is_confirm_due = false;
    return !output_is_empty(&session->output);
}

static void put_goaway(struct session *session, enum status status)
{
    put_confirm(session);
    struct bytes text = bytes_text(status_text(status));
    unsigned char *body = put_control(session, OP_GOAWAY, 4 + text.size);
    store_u16(body, (uint16_t)status);
    store_u16(body + 2, 0);
    memcpy(body + 4, text.data, text.size);
}

void session_announce_end(struct session *session)
{
    assert(session->state == SESSION_OPEN && !session->is_ending);
    put_goaway(session, STATUS_CLOSING);
    session->is_ending = true;
}

void session_end(struct session *session, enum status status)
{
    if (session->state == SESSION_CLOSED)
        return;
    if (session->is_ending)
        put_confirm(session);
    else
        put_goaway(session, status);
    session->state = SESSION_CLOSED;
}

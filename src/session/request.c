#include "session/request.h"

#include "frame/field.h"
#include "frame/header.h"
#include "session/session.h"

enum { CLIENT_NAME_MAX = 64 }; /* bytes of a client's name that are kept */

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
                            .more_size = 4,
                            .wants_reply = true,
                            .is_large = true},
    [OP_INFO - OP_HELLO] = {.kind = COMMAND_INFO,
                            .name = NAME_NEEDED,
                            .wants_reply = true,
                            .is_large = true},
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
    [OP_TOPICS - OP_HELLO] = {.kind = COMMAND_TOPICS,
                              .name = NAME_ALLOWED,
                              .body_size = 4,
                              .wants_reply = true,
                              .is_large = true},
    [OP_KILL - OP_HELLO] = {.kind = COMMAND_KILL, .body_size = 4, .wants_reply = true},
    [OP_SETTINGS - OP_HELLO] = {.kind = COMMAND_SETTINGS, .wants_reply = true, .is_large = true},
    [OP_HEARTBEAT - OP_HELLO] = {.kind = COMMAND_HEARTBEAT, .is_lazy = true},
};

const struct rule *request_rule(uint8_t op)
{
    size_t at = (size_t)(op - OP_HELLO);
    bool is_known = at < sizeof rules / sizeof *rules && rules[at].kind != COMMAND_ATTACH;
    return is_known ? &rules[at] : NULL;
}

enum status request_check(const struct rule *rule, const struct run *run)
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

bool request_is_large(const struct rule *rule, const struct command *command)
{
    /* A pattern is compared with the names of all retained messages. */
    bool is_compared = command->kind == COMMAND_SUBSCRIBE && command->subscription.is_wildcard &&
                       !command->subscription.no_retained && command->subscription.group.size == 0;
    return rule->is_large || is_compared;
}

bool request_is_taken_at_end(uint8_t op)
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

/* Whether the header block of a message, which has one, is good. */
static enum status check_headers(const struct run *run)
{
    struct header header;
    return header_parse(run_body(run), &header) == 0 && header.size <= HEADER_SIZE_MAX
               ? STATUS_OK
               : STATUS_BAD_HEADER;
}

bool request_setting(const struct field *field, struct queue_settings *settings)
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
        {"pop-lease", FIELD_BYTES, SETTING_POP_LEASE},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (field_is(field, keys[i].key))
            return field->kind == keys[i].kind &&
                   queue_setting_put(settings, keys[i].setting, field->number, field->value);
    return false;
}

static enum status read_settings(struct bytes fields, struct queue_settings *settings)
{
    struct field field;
    *settings = queue_settings_default();
    int result;
    while ((result = field_take(&fields, &field)) > 0) {
        if (!request_setting(&field, settings))
            return STATUS_BAD_FIELD;
    }
    return result < 0 ? STATUS_BAD_FRAME : STATUS_OK;
}

static enum status read_redrive(struct command *command, struct bytes body)
{
    struct bytes fields = bytes_of(body.data + 4, body.size - 4);
    struct field field;
    command->redrive.count = load_u32(body.data);
    int result;
    while ((result = field_take(&fields, &field)) > 0) {
        bool is_name =
            field.kind == FIELD_BYTES && field.value.size > 0 && field.value.size <= FRAME_NAME_MAX;
        if (!field_is(&field, "to") || !is_name || bytes_equal(field.value, command->name))
            return STATUS_BAD_FIELD;
        command->redrive.to = field.value;
    }
    return result < 0 ? STATUS_BAD_FRAME : STATUS_OK;
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
    int result;
    while ((result = field_take(&fields, &field)) > 0) {
        if (!read_term(&field, command))
            return STATUS_BAD_FIELD;
    }
    return result < 0 ? STATUS_BAD_FRAME : STATUS_OK;
}

static enum status read_publish(struct command *command, const struct run *run)
{
    command->run = *run;
    if (run->head.flags & PUBLISH_RETAIN && run->head.flags & PUBLISH_INBOX)
        return STATUS_BAD_FLAGS;
    return run->head.flags & MESSAGE_HEADERS ? check_headers(run) : STATUS_OK;
}

/* Where a list begins, and whether it goes on through the other databases. */
static enum status read_list(struct command *command, struct bytes body)
{
    command->look.count = load_u32(body.data);
    command->look.is_onward = body.size > sizeof(uint32_t);
    uint32_t space = command->look.is_onward ? load_u32(body.data + sizeof(uint32_t)) : 0;
    if (command->look.count == 0 || space >= SPACES_COUNT)
        return STATUS_BAD_RANGE;
    command->space = (uint8_t)space;
    return STATUS_OK;
}

enum status request_read(struct command *command, const struct run *run)
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
    case COMMAND_LIST: return read_list(command, run_body(run));
    case COMMAND_PEEK: command->look.from_back = flags & PEEK_BACK; /* fall through */
    case COMMAND_TOPICS:
        command->look.count = load_u32(body);
        return command->look.count == 0 ? STATUS_BAD_RANGE : STATUS_OK;
    default: break;
    }
    return STATUS_OK;
}

bool introduction_read(struct bytes fields, struct introduction *client)
{
    struct field field;
    *client =
        (struct introduction){.window_count = WINDOW_COUNT_MAX, .window_size = WINDOW_SIZE_MAX};
    int result;
    while ((result = field_take(&fields, &field)) > 0) {
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
    return result == 0;
}

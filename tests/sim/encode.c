#include "encode.h"

#include "fields.h"

void encode_number(unsigned char **to, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        *(*to)++ = (unsigned char)(value >> 8 * i);
}

unsigned char *encode_frame(struct buffer *out, uint8_t op, uint8_t flags, struct bytes name,
                            size_t body_size)
{
    size_t size = 8 + name.size + body_size;
    unsigned char *to = buffer_room(out, size);
    buffer_grow(out, size);
    *to++ = op;
    *to++ = flags;
    encode_number(&to, name.size, 2);
    encode_number(&to, size, 4);
    if (name.size > 0)
        memcpy(to, name.data, name.size);
    return to + name.size;
}

enum op encode_op(const struct command *command)
{
    static const enum op ops[] = {
        [COMMAND_PUSH] = OP_PUSH,           [COMMAND_PUBLISH] = OP_PUBLISH,
        [COMMAND_CONSUME] = OP_CONSUME,     [COMMAND_CANCEL] = OP_CANCEL,
        [COMMAND_CREDIT] = OP_CREDIT,       [COMMAND_TOUCH] = OP_TOUCH,
        [COMMAND_SUBSCRIBE] = OP_SUBSCRIBE, [COMMAND_UNSUBSCRIBE] = OP_UNSUBSCRIBE,
        [COMMAND_DECLARE] = OP_DECLARE,     [COMMAND_SET] = OP_SET,
        [COMMAND_DELETE] = OP_DELETE,       [COMMAND_PAUSE] = OP_PAUSE,
        [COMMAND_RESUME] = OP_RESUME,       [COMMAND_KILL] = OP_KILL,
        [COMMAND_HEARTBEAT] = OP_HEARTBEAT, [COMMAND_PING] = OP_PING,
        [COMMAND_PURGE] = OP_PURGE,         [COMMAND_REDRIVE] = OP_REDRIVE,
        [COMMAND_PEEK] = OP_PEEK,           [COMMAND_LIST] = OP_LIST,
        [COMMAND_INFO] = OP_INFO,           [COMMAND_CLIENTS] = OP_CLIENTS,
        [COMMAND_STATS] = OP_STATS,         [COMMAND_SETTINGS] = OP_SETTINGS,
        [COMMAND_TOPICS] = OP_TOPICS,
    };
    if (command->kind == COMMAND_SETTLE)
        return command->settle.how == SETTLE_ACKNOWLEDGE ? OP_ACK
               : command->settle.how == SETTLE_RETURN    ? OP_RETURN
                                                         : OP_REJECT;
    return ops[command->kind];
}

/* Bodies that are an id, a u32 and a u64, or only the id. */
static void put_numbers(struct buffer *out, const struct command *command, uint8_t flags,
                        struct bytes name, const uint64_t *numbers)
{
    bool is_short = command->kind == COMMAND_CANCEL || command->kind == COMMAND_UNSUBSCRIBE;
    unsigned char *to =
        encode_frame(out, (uint8_t)encode_op(command), flags, name, is_short ? 4 : 16);
    encode_number(&to, numbers[0], 4);
    if (is_short)
        return;
    encode_number(&to, numbers[1], 4);
    encode_number(&to, numbers[2], 8);
}

/* Tags, and with a RETURN the delay, if there is one. */
static void put_tags(struct buffer *out, const struct command *command)
{
    uint64_t delay_ms = command->settle.delay_ms;
    unsigned char *to = encode_frame(out, (uint8_t)encode_op(command), 0, (struct bytes){0},
                                     delay_ms > 0 ? 24 : 16);
    encode_number(&to, command->settle.id, 4);
    encode_number(&to, command->settle.count, 4);
    encode_number(&to, command->settle.tag, 8);
    if (delay_ms > 0)
        encode_number(&to, delay_ms, 8);
}

/* The settings that are given. */
static void put_settings(struct buffer *out, const struct command *command)
{
    static const char *const choices[] = {"refuse", "hold", "drop-oldest"};
    const struct queue_settings *settings = &command->settings;
    const struct {
        unsigned setting;
        const char *key;
        uint64_t value;
    } numbers[] = {
        {SETTING_COUNT_MAX, "max-messages", settings->count_max},
        {SETTING_SIZE_MAX, "max-bytes", settings->size_max},
        {SETTING_TTL, "ttl", settings->ttl_ms},
        {SETTING_DELIVERY_LIMIT, "delivery-limit", settings->delivery_limit},
        {SETTING_LEASE_MAX, "lease-max", settings->lease_max_ms},
    };
    unsigned char fields[ENCODE_FIELDS_MAX];
    size_t size = 0;
    if (settings->given & SETTING_DEAD_LETTER)
        size += fields_put_bytes(fields + size, "dead-letter", settings->dead_letter);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (settings->given & numbers[i].setting)
            size += fields_put_number(fields + size, numbers[i].key, numbers[i].value);
    if (settings->given & SETTING_WHEN_FULL)
        size +=
            fields_put_bytes(fields + size, "when-full", bytes_text(choices[settings->when_full]));
    if (settings->given & SETTING_POP_LEASE)
        size += fields_put_bytes(fields + size, "pop-lease",
                                 bytes_text(settings->pop_lease ? "connection" : "none"));
    unsigned char *to = encode_frame(out, (uint8_t)encode_op(command), 0, command->name, size);
    memcpy(to, fields, size);
}

static void put_redrive(struct buffer *out, const struct command *command)
{
    unsigned char fields[ENCODE_FIELDS_MAX];
    size_t size =
        command->redrive.to.size > 0 ? fields_put_bytes(fields, "to", command->redrive.to) : 0;
    unsigned char *to = encode_frame(out, OP_REDRIVE, 0, command->name, 4 + size);
    encode_number(&to, command->redrive.count, 4);
    memcpy(to, fields, size);
}

static void put_subscribe(struct buffer *out, const struct command *command,
                          const uint64_t *numbers)
{
    static const char *const overflows[] = {"drop-oldest", "drop-newest", "keep-last", "close"};
    unsigned char fields[ENCODE_FIELDS_MAX];
    size_t size = 0;
    if (command->subscription.group.size > 0)
        size += fields_put_bytes(fields + size, "group", command->subscription.group);
    if (command->subscription.has_overflow)
        size += fields_put_bytes(fields + size, "overflow",
                                 bytes_text(overflows[command->subscription.overflow]));
    if (command->subscription.no_retained)
        size += fields_put_number(fields + size, "retained", 0);
    uint8_t flags =
        (uint8_t)(command->subscription.is_wildcard | command->subscription.is_inbox << 1);
    unsigned char *to = encode_frame(out, OP_SUBSCRIBE, flags, command->name, 16 + size);
    encode_number(&to, numbers[0], 4);
    encode_number(&to, numbers[1], 4);
    encode_number(&to, numbers[2], 8);
    memcpy(to, fields, size);
}

void encode_command(struct buffer *out, const struct command *command)
{
    static const struct bytes no_name;
    uint8_t op = (uint8_t)encode_op(command);
    unsigned char *to;
    switch (command->kind) {
    case COMMAND_CONSUME:
    case COMMAND_CREDIT:
    case COMMAND_CANCEL: {
        uint64_t numbers[] = {command->consumer.id, command->consumer.credit_count,
                              command->consumer.credit_size};
        bool has_name = command->kind == COMMAND_CONSUME;
        uint8_t flags =
            has_name ? (uint8_t)(command->consumer.from_back | command->consumer.no_ack << 1) : 0;
        put_numbers(out, command, flags, has_name ? command->name : no_name, numbers);
        break;
    }
    case COMMAND_SETTLE:
    case COMMAND_TOUCH: put_tags(out, command); break;
    case COMMAND_SUBSCRIBE:
    case COMMAND_UNSUBSCRIBE: {
        uint64_t numbers[] = {command->subscription.id, command->subscription.count_max,
                              command->subscription.size_max};
        if (command->kind == COMMAND_SUBSCRIBE)
            put_subscribe(out, command, numbers);
        else
            put_numbers(out, command, 0, no_name, numbers);
        break;
    }
    case COMMAND_DECLARE:
    case COMMAND_SET: put_settings(out, command); break;
    case COMMAND_REDRIVE: put_redrive(out, command); break;
    case COMMAND_CLIENTS:
        to = encode_frame(out, op, 0, no_name, 8);
        encode_number(&to, command->look.count, 4);
        encode_number(&to, command->look.after, 4);
        break;
    case COMMAND_KILL:
        to = encode_frame(out, op, 0, no_name, 4);
        encode_number(&to, command->client, 4);
        break;
    case COMMAND_TOPICS:
    case COMMAND_PEEK:
    case COMMAND_LIST:
        to = encode_frame(out, op, command->look.from_back, command->name, 4);
        encode_number(&to, command->look.count, 4);
        break;
    case COMMAND_HEARTBEAT:
    case COMMAND_STATS:
    case COMMAND_SETTINGS:
    case COMMAND_PING: encode_frame(out, op, 0, no_name, 0); break;
    default: encode_frame(out, op, 0, command->name, 0); break;
    }
}

void encode_hello(struct buffer *out, uint64_t window_count, uint64_t window_size,
                  bool has_heartbeats)
{
    unsigned char fields[ENCODE_FIELDS_MAX];
    size_t size = fields_put_bytes(fields, "client", bytes_text("sim"));
    if (window_count > 0)
        size += fields_put_number(fields + size, "window", window_count);
    size += fields_put_number(fields + size, "nobody-knows-this", 1);
    size += fields_put_number(fields + size, "heartbeats", has_heartbeats);
    if (window_size > 0)
        size += fields_put_number(fields + size, "window-bytes", window_size);
    unsigned char *to = encode_frame(out, OP_HELLO, 0, (struct bytes){0}, 4 + size);
    encode_number(&to, 1, 4);
    memcpy(to, fields, size);
}

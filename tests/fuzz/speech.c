#include "speech.h"

#include "base/array.h"
#include "frame/field.h"
#include "frame/frame.h"

#include <stdlib.h>

enum {
    BODY_SIZE_MAX = 512,         /* of a frame that is no message, and of a header block */
    SAID_SIZE_MAX = 1024 * 1024, /* after so much, messages are small */
};

/* Queues and topics are called the same, and a queue may be called like a pattern. */
static const char *const names[] = {"a",   "b", "a.b",    "a.*",    ">",          "a.b.c",
                                    "*.b", "",  "a.dead", "b.dead", "a.b.dead.x", "dead"};

/* Ops whose body is numbers. */
static const struct phrase {
    uint8_t op;
    uint8_t flags; /* that it may carry */
    bool has_name;
    const char *numbers; /* their sizes, or i for an id */
} phrases[] = {
    {OP_CONSUME, CONSUME_BACK | CONSUME_NO_ACK, true, "i48"},
    {OP_CANCEL, 0, false, "i"},
    {OP_CREDIT, 0, false, "i48"},
    {OP_ACK, 0, false, "i48"},
    {OP_RETURN, 0, false, "i48"},
    {OP_RETURN, 0, false, "i488"},
    {OP_REJECT, 0, false, "i48"},
    {OP_TOUCH, 0, false, "i48"},
    {OP_SUBSCRIBE, SUBSCRIBE_WILDCARD, true, "i48"},
    {OP_SUBSCRIBE, SUBSCRIBE_INBOX, false, "i48"},
    {OP_UNSUBSCRIBE, 0, false, "i"},
    {OP_DELETE, 0, true, ""},
    {OP_PURGE, 0, true, ""},
    {OP_PAUSE, 0, true, ""},
    {OP_RESUME, 0, true, ""},
    {OP_PEEK, PEEK_BACK, true, "4"},
    {OP_LIST, 0, true, "4"},
    {OP_LIST, 0, true, "44"},
    {OP_TOPICS, 0, true, "4"},
    {OP_INFO, 0, true, ""},
    {OP_STATS, 0, false, ""},
    {OP_PING, 0, false, ""},
    {OP_CLIENTS, 0, false, "44"},
    {OP_KILL, 0, false, "4"},
    {OP_SETTINGS, 0, false, ""},
    {OP_HEARTBEAT, 0, false, ""},
};
enum { PHRASES = sizeof phrases / sizeof *phrases };

void speech_finish(struct speech *speech)
{
    free(speech->data);
    *speech = (struct speech){0};
}

static unsigned char *reserve(struct speech *speech, size_t size)
{
    speech->data = array_reserve(speech->data, &speech->capacity, speech->size + size, 1);
    speech->size += size;
    speech->said_size += size;
    return speech->data + speech->size - size;
}

/* A frame whose body is for the caller to fill. */
static unsigned char *put_frame(struct speech *speech, unsigned op, unsigned flags,
                                const char *name, size_t body_size)
{
    size_t name_size = strlen(name), size = FRAME_HEAD_SIZE + name_size + body_size;
    unsigned char *frame = reserve(speech, size);
    frame_head_store(frame, (struct frame_head){(uint8_t)op, (uint8_t)flags, (uint16_t)name_size,
                                                (uint32_t)size});
    memcpy(frame + FRAME_HEAD_SIZE, name, name_size);
    return frame + FRAME_HEAD_SIZE + name_size;
}

static void put_body(struct speech *speech, unsigned op, const char *name,
                     const unsigned char *body, size_t size)
{
    memcpy(put_frame(speech, op, 0, name, size), body, size);
}

/* Half of all speak of one queue, so that they meet. */
static const char *choose_name(struct choices *choices)
{
    unsigned byte = choose_byte(choices);
    return names[byte < 128 ? 0 : byte % (sizeof names / sizeof *names)];
}

/* Few ids, so that they meet. */
static uint64_t choose_id(struct choices *choices)
{
    unsigned byte = choose_byte(choices);
    return byte < 250 ? byte % 8 % 3 : byte;
}

void speech_hello(struct speech *speech, struct choices *choices)
{
    static const char client[] = "a name that may be longer than the sixty-four bytes "
                                 "of it that the broker keeps";
    static_assert(sizeof client > 4 + 255 / 4, "all of it is there");
    unsigned char body[BODY_SIZE_MAX];
    unsigned how = choose_byte(choices), who = choose_byte(choices);
    size_t size = 4;
    store_u32(body, how < 250 ? PROTOCOL_VERSION : how);
    if (how & 1)
        size += field_put_number(body + size, "window", 1 + how / 2 % 8);
    if (how & 2)
        size += field_put_number(body + size, "window-bytes", 50 * (1 + how / 4));
    if (who & 1)
        size += field_put_bytes(body + size, "client", bytes_of(client, 4 + who / 4));
    if (who & 2)
        size += field_put_number(body + size, "heartbeats", who >> 3 & 1);
    if (who < 240)
        size += field_put_bytes(body + size, "password",
                                bytes_text(who < 232 ? SPEECH_PASSWORD : SPEECH_PASSWORD "?"));
    put_body(speech, OP_HELLO, "", body, size);
}

/* Settings of a queue: any may be missing; some values cannot be, and at times a key. */
static size_t put_settings(unsigned char *body, struct choices *choices)
{
    static const char *const when_full[] = {"refuse", "hold", "drop-oldest", "drop-newest"};
    unsigned how = choose_byte(choices);
    size_t size = 0;
    if (how & 1)
        size += field_put_number(body + size, "max-messages", choose_below(choices, 9));
    if (how & 2)
        size += field_put_number(body + size, "max-bytes", 40 * choose_byte(choices));
    if (how & 4)
        size += field_put_bytes(body + size, "when-full",
                                bytes_text(when_full[choose_byte(choices) % 16 % 5 % 4]));
    if (how & 8)
        size += field_put_number(body + size, "ttl", choose_number(choices));
    if (how & 16)
        size += field_put_number(body + size, "delivery-limit", choose_number(choices));
    if (how & 32)
        size += field_put_bytes(body + size, "dead-letter", bytes_text(choose_name(choices)));
    if (how & 64)
        size += field_put_number(body + size, "lease-max", choose_number(choices));
    if (how & 128)
        size +=
            field_put_bytes(body + size, "pop-lease", bytes_text(how & 1 ? "connection" : "none"));
    if (how > 248)
        size += field_put_bytes(body + size, how & 1 ? "ttl" : "when-fuller", bytes_text(""));
    return size;
}

static void put_declare(struct speech *speech, struct choices *choices, unsigned op)
{
    unsigned char body[BODY_SIZE_MAX];
    const char *name = choose_name(choices);
    put_body(speech, op, name, body, put_settings(body, choices));
}

static void put_redrive(struct speech *speech, struct choices *choices)
{
    unsigned char body[BODY_SIZE_MAX];
    const char *name = choose_name(choices);
    unsigned count = choose_below(choices, 16);
    size_t size = 4;
    store_u32(body, count / 2);
    if (count % 2)
        size += field_put_bytes(body + size, "to", bytes_text(choose_name(choices)));
    put_body(speech, OP_REDRIVE, name, body, size);
}

/* A header block: mostly a good one. */
static size_t put_headers(unsigned char *block, struct choices *choices)
{
    unsigned how = choose_byte(choices);
    size_t size = 4;
    if (how & 1)
        size += field_put_number(block + size, "ttl", choose_number(choices));
    if (how & 2)
        size += field_put_number(block + size, "delay", choose_number(choices));
    if (how & 4)
        size += field_put_bytes(block + size, "reply-to", bytes_text("inbox:i"));
    if (how & 8)
        size += field_put_number(block + size, "dead-times", choose_number(choices));
    if (how & 16)
        size += field_put_bytes(block + size, "dead-queue", bytes_text(choose_name(choices)));
    if (how & 32)
        size += field_put_bytes(block + size, "x-any", choose_bytes(choices, how & 15));
    if (how > 248)
        size += field_put_bytes(block + size, how & 1 ? "delay" : "correlation-id", bytes_text(""));
    store_u32(block, (uint32_t)(how == 247 ? choose_number(choices) : size));
    return size;
}

/* Small bounds, so that they are met; any field may be missing, and some values cannot be. */
static void put_subscribe(struct speech *speech, struct choices *choices)
{
    static const char *const overflows[] = {"drop-oldest", "drop-newest", "keep-last", "close"};
    unsigned char body[BODY_SIZE_MAX];
    unsigned how = choose_byte(choices);
    size_t size = 16;
    store_u32(body, (uint32_t)choose_id(choices));
    store_u32(body + 4, choose_below(choices, 5));
    store_u64(body + 8, how & 1 ? 100 : 0);
    if (how & 2)
        size += field_put_bytes(body + size, "group", bytes_text(how & 4 ? "a" : "b"));
    if (how & 8)
        size += field_put_bytes(body + size, "overflow", bytes_text(overflows[how >> 4 & 3]));
    if (how & 64)
        size += field_put_number(body + size, "retained", how >> 7);
    if (how == 255)
        size += field_put_number(body + size, "group", 1);
    const char *name = choose_name(choices);
    memcpy(put_frame(speech, OP_SUBSCRIBE, how >> 7, name, size), body, size);
}

/* A run of messages, of one size or of two. */
static void put_messages(struct speech *speech, struct choices *choices, unsigned op)
{
    static const uint32_t sizes[] = {4, 5, 12, 40, 300, 2100, 9000, 70000};
    unsigned char block[BODY_SIZE_MAX];
    const char *name = choose_name(choices);
    unsigned how = choose_byte(choices);
    unsigned count = 1 + choose_below(choices, sizes[how % 8] < 1000 ? 16 : 4);
    unsigned flags =
        op == OP_PUBLISH ? how >> 4 & (PUBLISH_RETAIN | PUBLISH_MUST | PUBLISH_INBOX) : 0;
    size_t block_size = how & 16 ? put_headers(block, choices) : 0;
    flags |= block_size ? MESSAGE_HEADERS : 0;
    for (unsigned i = 0; i < count; i++) {
        bool is_small = speech->said_size > SAID_SIZE_MAX || (how & 8 && i % 2);
        uint32_t size = is_small ? 4 : sizes[how % 8];
        unsigned char *body = put_frame(speech, op, flags, name, block_size + size);
        bytes_copy(body, bytes_of(block, block_size));
        memset(body + block_size, '.', size);
        store_u32(body + block_size, ++speech->serial);
    }
}

static void put_phrase(struct speech *speech, struct choices *choices, const struct phrase *phrase)
{
    unsigned char body[BODY_SIZE_MAX];
    size_t size = 0;
    const char *name = phrase->has_name ? choose_name(choices) : "";
    unsigned flags = phrase->flags ? choose_byte(choices) & phrase->flags : 0;
    for (const char *number = phrase->numbers; *number; number++) {
        store_u64(body + size, *number == 'i' ? choose_id(choices) : choose_number(choices));
        size += *number == '8' ? 8 : 4;
    }
    memcpy(put_frame(speech, phrase->op, flags, name, size), body, size);
}

void speech_frames(struct speech *speech, struct choices *choices)
{
    enum { MESSAGES = 14 }; /* of the choices are messages, every second of a queue */
    unsigned what = choose_below(choices, PHRASES + 4 + MESSAGES);
    if (what < PHRASES)
        put_phrase(speech, choices, &phrases[what]);
    else if (what == PHRASES)
        put_declare(speech, choices, OP_DECLARE);
    else if (what == PHRASES + 1)
        put_declare(speech, choices, OP_SET);
    else if (what == PHRASES + 2)
        put_redrive(speech, choices);
    else if (what == PHRASES + 3)
        put_subscribe(speech, choices);
    else
        put_messages(speech, choices, what % 2 ? OP_PUSH : OP_PUBLISH);
}

void speech_settlement(struct speech *speech, struct choices *choices, uint32_t id,
                       uint64_t tag_next)
{
    static const uint8_t ops[] = {OP_ACK, OP_RETURN, OP_REJECT, OP_TOUCH};
    unsigned char body[24];
    unsigned how = choose_byte(choices), op = ops[how % 4];
    uint64_t back = 1 + how / 4 % 8;
    bool is_delayed = op == OP_RETURN && how >= 128;
    store_u32(body, id);
    store_u32(body + 4, 1 + choose_below(choices, 8));
    store_u64(body + 8, tag_next > back ? tag_next - back : 1);
    if (is_delayed)
        store_u64(body + 16, choose_number(choices));
    put_body(speech, op, "", body, is_delayed ? 24 : 16);
}

void speech_wrong(struct speech *speech, struct choices *choices)
{
    size_t start = speech->size;
    unsigned place = choose_byte(choices), mask = choose_byte(choices);
    speech_frames(speech, choices);
    speech->data[start + place % (speech->size - start)] ^= (unsigned char)mask;
}

void speech_raw(struct speech *speech, struct choices *choices)
{
    struct bytes bytes = choose_bytes(choices, choose_byte(choices));
    if (bytes.size > 0)
        memcpy(reserve(speech, bytes.size), bytes.data, bytes.size);
}

struct bytes speech_take(struct speech *speech, size_t size)
{
    size = size < speech->size ? size : speech->size;
    unsigned char *taken = memory_create(size ? size : 1);
    if (size > 0)
        memcpy(taken, speech->data, size);
    speech->size -= size;
    if (speech->size > 0)
        memmove(speech->data, speech->data + size, speech->size);
    return bytes_of(taken, size);
}

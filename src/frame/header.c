#include "frame/header.h"

#include <errno.h>

/* The keys that the protocol defines, and what is done with them when a message dies or is tried
 * again. */
enum key {
    KEY_TTL,
    KEY_DELAY,
    KEY_DEAD_TIMES,
    KEY_DEAD_DELIVERIES,
    KEY_DEAD_REASON,
    KEY_DEAD_QUEUE,
    KEY_REPLY_TO,
    KEY_CORRELATION_ID,
    KEY_TRACEPARENT,
    KEY_OTHER,
};

static const struct {
    const char *name;
    enum field_kind kind;
} keys[] = {
    [KEY_TTL] = {"ttl", FIELD_NUMBER},
    [KEY_DELAY] = {"delay", FIELD_NUMBER},
    [KEY_DEAD_TIMES] = {"dead-times", FIELD_NUMBER},
    [KEY_DEAD_DELIVERIES] = {"dead-deliveries", FIELD_NUMBER},
    [KEY_DEAD_REASON] = {"dead-reason", FIELD_BYTES},
    [KEY_DEAD_QUEUE] = {"dead-queue", FIELD_BYTES},
    [KEY_REPLY_TO] = {"reply-to", FIELD_BYTES},
    [KEY_CORRELATION_ID] = {"correlation-id", FIELD_BYTES},
    [KEY_TRACEPARENT] = {"traceparent", FIELD_BYTES},
};

static enum key key_of(const struct field *field)
{
    for (int key = 0; key < KEY_OTHER; key++)
        if (field_is(field, keys[key].name))
            return (enum key)key;
    return KEY_OTHER;
}

static bool take(struct header *header, const struct field *field)
{
    enum key key = key_of(field);
    if (key != KEY_OTHER && field->kind != keys[key].kind)
        return false;
    switch (key) {
    case KEY_TTL: header->ttl_ms = field->number; return field->number > 0;
    case KEY_DELAY: header->delay_ms = field->number; return true;
    case KEY_DEAD_TIMES: header->dead_times = field->number; return true;
    case KEY_DEAD_QUEUE:
        header->dead_queue = field->value;
        return field->value.size <= FRAME_NAME_MAX;
    default: return true;
    }
}

int header_parse(struct bytes body, struct header *header)
{
    *header = (struct header){0};
    if (body.size < HEADER_SIZE_MIN)
        return -EBADMSG;
    header->size = load_u32(body.data);
    if (header->size < HEADER_SIZE_MIN || header->size > body.size)
        return -EBADMSG;
    header->fields = bytes_of(body.data + HEADER_SIZE_MIN, header->size - HEADER_SIZE_MIN);
    struct field field;
    struct bytes rest = header->fields;
    int result;
    while ((result = field_take(&rest, &field)) > 0)
        if (!take(header, &field))
            return -EBADMSG;
    return result;
}

static struct bytes body_of(const unsigned char *frame)
{
    struct frame_head head = frame_head_load(frame);
    size_t skip = FRAME_HEAD_SIZE + (size_t)head.name_size;
    return bytes_of(frame + skip, head.size - skip);
}

struct header header_of(const unsigned char *frame)
{
    struct header header = {0};
    if (frame_head_load(frame).flags & MESSAGE_HEADERS) {
        int result = header_parse(body_of(frame), &header);
        assert(result == 0);
    }
    return header;
}

struct bytes message_body(const unsigned char *frame)
{
    struct bytes body = body_of(frame);
    uint32_t skip = frame_head_load(frame).flags & MESSAGE_HEADERS ? load_u32(body.data) : 0;
    return bytes_of(body.data + skip, body.size - skip);
}

/* Copies the fields whose keys are not in `without`, a set of bits. */
static unsigned char *put_fields(unsigned char *to, struct bytes fields, unsigned without)
{
    struct field field;
    for (int size; fields.size > 0;
         fields = bytes_of(fields.data + size, fields.size - (size_t)size)) {
        size = field_parse(fields, &field);
        assert(size > 0);
        if (without >> key_of(&field) & 1)
            continue;
        memcpy(to, fields.data, (size_t)size);
        to += size;
    }
    return to;
}

/* Begins a copy of `frame` whose header block is made anew; returns where its fields go. */
static unsigned char *begin(unsigned char *to, const unsigned char *frame)
{
    size_t size = (size_t)(body_of(frame).data - frame);
    memcpy(to, frame, size);
    return to + size + HEADER_SIZE_MIN;
}

/* Ends it behind its last field: block size, message and frame size. */
static uint32_t finish(unsigned char *to, unsigned char *end, const unsigned char *frame,
                       const struct header *header)
{
    struct bytes body = body_of(frame);
    unsigned char *block = to + (body.data - frame);
    struct frame_head head = frame_head_load(frame);
    store_u32(block, (uint32_t)(end - block));
    memcpy(end, body.data + header->size, body.size - header->size);
    head.flags |= MESSAGE_HEADERS;
    head.size = (uint32_t)(end - to + (ptrdiff_t)(body.size - header->size));
    frame_head_store(to, head);
    return head.size;
}

uint32_t header_put_dead(unsigned char *to, const unsigned char *frame,
                         const struct dead_reason *why)
{
    struct header header = header_of(frame);
    unsigned char *at =
        put_fields(begin(to, frame), header.fields,
                   1u << KEY_TTL | 1u << KEY_DELAY | 1u << KEY_DEAD_TIMES |
                       1u << KEY_DEAD_DELIVERIES | 1u << KEY_DEAD_REASON | 1u << KEY_DEAD_QUEUE);
    at += field_put_bytes(at, keys[KEY_DEAD_REASON].name, bytes_text(why->reason));
    at += field_put_bytes(at, keys[KEY_DEAD_QUEUE].name, why->queue);
    at += field_put_number(at, keys[KEY_DEAD_DELIVERIES].name, why->deliveries);
    at += field_put_number(at, keys[KEY_DEAD_TIMES].name, header.dead_times + 1);
    return finish(to, at, frame, &header);
}

uint32_t header_put_alive(unsigned char *to, const unsigned char *frame)
{
    struct header header = header_of(frame);
    if (header.size == 0) {
        memcpy(to, frame, frame_size(frame));
        return frame_size(frame);
    }
    unsigned char *at =
        put_fields(begin(to, frame), header.fields,
                   1u << KEY_DEAD_DELIVERIES | 1u << KEY_DEAD_REASON | 1u << KEY_DEAD_QUEUE);
    return finish(to, at, frame, &header);
}

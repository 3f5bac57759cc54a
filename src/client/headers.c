#include "client/headers.h"

#include "client/handle.h"
#include "frame/header.h"

#include <errno.h>

enum { DEFINED_MAX = 5 }; /* headers that the protocol defines for whoever sends */

/* All headers that the options ask for: those of the protocol, and behind them the user's own. */
struct asked {
    struct ringpost_header defined[DEFINED_MAX];
    uint32_t defined_count;
    const struct ringpost_header *own;
    uint32_t own_count;
};

static void ask_number(struct asked *asked, const char *key, uint64_t number)
{
    if (number > 0)
        asked->defined[asked->defined_count++] =
            (struct ringpost_header){.key = ringpost_text(key), .number = number};
}

static void ask_bytes(struct asked *asked, const char *key, struct ringpost_bytes bytes)
{
    if (bytes.size > 0)
        asked->defined[asked->defined_count++] =
            (struct ringpost_header){.key = ringpost_text(key), .bytes = bytes};
}

static struct asked asked_of(const struct ringpost_message_options *options)
{
    struct asked asked = {.own = options->headers, .own_count = options->header_count};
    ask_number(&asked, "ttl", options->ttl_ms);
    ask_number(&asked, "delay", options->delay_ms);
    ask_bytes(&asked, "reply-to", options->reply_to);
    ask_bytes(&asked, "correlation-id", options->correlation_id);
    ask_bytes(&asked, "traceparent", options->traceparent);
    return asked;
}

static const struct ringpost_header *asked_at(const struct asked *asked, uint32_t index)
{
    return index < asked->defined_count ? &asked->defined[index]
                                        : &asked->own[index - asked->defined_count];
}

static size_t header_size(const struct ringpost_header *header)
{
    return FIELD_HEAD_SIZE + header->key.size +
           (header->bytes.data ? header->bytes.size : sizeof header->number);
}

static bool own_is_valid(const struct ringpost_header *header)
{
    const struct ringpost_bytes *key = &header->key;
    return key->size >= 2 && key->size <= FIELD_KEY_MAX && memcmp(key->data, "x-", 2) == 0 &&
           header->bytes.size <= UINT16_MAX;
}

int headers_size(const struct ringpost_message_options *options)
{
    struct asked asked = asked_of(options);
    uint64_t count = (uint64_t)asked.defined_count + asked.own_count;
    size_t size = HEADER_SIZE_MIN;
    if (count == 0)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct ringpost_header *header = asked_at(&asked, i);
        if (i >= asked.defined_count && !own_is_valid(header))
            return -EINVAL;
        size += header_size(header);
        if (header->bytes.size > UINT16_MAX || size > HEADER_SIZE_MAX)
            return -EMSGSIZE;
    }
    return (int)size;
}

static size_t header_put(unsigned char *to, const struct ringpost_header *header)
{
    bool is_number = !header->bytes.data;
    struct bytes value =
        is_number ? bytes_of(&header->number, sizeof header->number) : bytes_from(header->bytes);
    to[0] = (unsigned char)header->key.size;
    to[1] = is_number ? FIELD_NUMBER : FIELD_BYTES;
    store_u16(to + 2, (uint16_t)value.size);
    memcpy(to + FIELD_HEAD_SIZE, header->key.data, header->key.size);
    if (value.size > 0)
        memcpy(to + FIELD_HEAD_SIZE + header->key.size, value.data, value.size);
    return header_size(header);
}

void headers_put(unsigned char *to, const struct ringpost_message_options *options, int size)
{
    struct asked asked = asked_of(options);
    unsigned char *at = to + HEADER_SIZE_MIN;
    store_u32(to, (uint32_t)size);
    for (uint32_t i = 0; i < asked.defined_count + asked.own_count; i++)
        at += header_put(at, asked_at(&asked, i));
    assert(at == to + size);
}

static bool fields_are_good(struct bytes fields)
{
    int size;
    struct field field;
    while ((size = field_parse(fields, &field)) > 0)
        fields = bytes_of(fields.data + size, fields.size - (size_t)size);
    return size == 0;
}

bool message_is_good(const unsigned char *frame)
{
    struct frame_head head = frame_head_load(frame);
    size_t skip = FRAME_HEAD_SIZE + (size_t)head.name_size;
    if (head.name_size > FRAME_NAME_MAX || skip > head.size)
        return false;
    if (!(head.flags & MESSAGE_HEADERS))
        return true;
    size_t room = head.size - skip;
    uint32_t size = room >= HEADER_SIZE_MIN ? load_u32(frame + skip) : 0;
    return size >= HEADER_SIZE_MIN && size <= room &&
           fields_are_good(
               bytes_of(frame + skip + HEADER_SIZE_MIN, size - (size_t)HEADER_SIZE_MIN));
}

struct ringpost_message message_read(const unsigned char *frame)
{
    struct frame_head head = frame_head_load(frame);
    const unsigned char *at = frame + FRAME_HEAD_SIZE, *end = frame + head.size;
    struct ringpost_message message = {.name = ringpost_bytes(at, head.name_size)};
    at += head.name_size;
    if (head.flags & MESSAGE_HEADERS) {
        uint32_t size = load_u32(at);
        message.headers = ringpost_bytes(at + HEADER_SIZE_MIN, size - (size_t)HEADER_SIZE_MIN);
        at += size;
    }
    message.body = ringpost_bytes(at, (size_t)(end - at));
    return message;
}

int ringpost_header_next(struct ringpost_bytes *headers, struct ringpost_header *header)
{
    struct field field;
    int size = field_parse(bytes_from(*headers), &field);
    if (size <= 0)
        return size < 0 ? -EBADMSG : 0;
    *header = (struct ringpost_header){.key = bytes_to(field.key), .number = field.number};
    if (field.kind == FIELD_BYTES)
        header->bytes = bytes_to(field.value);
    *headers = ringpost_bytes((const char *)headers->data + size, headers->size - (size_t)size);
    return 1;
}

int ringpost_header(struct ringpost_bytes headers, const char *key, struct ringpost_header *header)
{
    int got;
    while ((got = ringpost_header_next(&headers, header)) > 0) {
        if (bytes_equal(bytes_from(header->key), bytes_text(key)))
            return 1;
    }
    return got;
}

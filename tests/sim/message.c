#include "message.h"

#include "fields.h"

/* The body in words of eight bytes. */
static uint64_t word_of(uint64_t id, uint64_t at)
{
    return at == 0 ? id : (id + at * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
}

void message_write_body(unsigned char *to, uint64_t id, size_t size)
{
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t word = word_of(id, at);
        memcpy(to + at, &word, size - at < sizeof word ? size - at : sizeof word);
    }
}

static bool is_body(const unsigned char *body, uint64_t id, size_t size)
{
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t))
        if (load_u64(body + at) != word_of(id, at))
            return false;
    uint64_t word = word_of(id, at);
    return memcmp(body + at, &word, size - at) == 0;
}

/* Headers. */

static const unsigned char extra_bytes[HEADERS_EXTRA_MAX] = {'e', 'x', 't', 'r', 'a', 0, 0xff};

static size_t put_number(unsigned char *to, const char *key, uint64_t value)
{
    return value > 0 ? fields_put_number(to, key, value) : 0;
}

/* Writes the block as the simulation's clients do; returns its bytes. */
static uint32_t put_block(unsigned char *to, const struct headers *headers)
{
    if (!headers->is_there)
        return 0;
    size_t size = sizeof(uint32_t);
    size += put_number(to + size, "ttl", headers->ttl_ms);
    size += put_number(to + size, "dead-times", headers->dead_times);
    if (headers->extra > 0)
        size += fields_put_bytes(to + size, "x-sim", bytes_of(extra_bytes, headers->extra));
    size += put_number(to + size, "delay", headers->delay_ms);
    if (headers->dead_queue.size > 0)
        size += fields_put_bytes(to + size, "dead-queue", headers->dead_queue);
    if (headers->dead_reason) {
        size += fields_put_bytes(to + size, "dead-reason", bytes_text(headers->dead_reason));
        size += fields_put_number(to + size, "dead-deliveries", headers->dead_deliveries);
    }
    store_u32(to, (uint32_t)size);
    return (uint32_t)size;
}

uint32_t headers_size(const struct headers *headers)
{
    unsigned char block[HEADERS_SIZE_MAX];
    return put_block(block, headers);
}

struct headers headers_read(const unsigned char *frame)
{
    struct frame_head head = frame_head_load(frame);
    struct headers headers = {.is_there = (head.flags & MESSAGE_HEADERS) != 0};
    if (!headers.is_there)
        return headers;
    const unsigned char *block = frame + FRAME_HEAD_SIZE + head.name_size;
    struct bytes fields = bytes_of(block + sizeof(uint32_t), load_u32(block) - sizeof(uint32_t));
    struct bytes extra = {0};
    fields_number(fields, "ttl", &headers.ttl_ms);
    fields_number(fields, "delay", &headers.delay_ms);
    fields_number(fields, "dead-times", &headers.dead_times);
    fields_bytes(fields, "x-sim", &extra);
    fields_bytes(fields, "dead-queue", &headers.dead_queue);
    headers.extra = (uint32_t)extra.size;
    return headers;
}

static bool has_number(struct bytes fields, const char *key, uint64_t value)
{
    uint64_t there = 0;
    return fields_number(fields, key, &there) == (value > 0) && there == value;
}

static bool has_bytes(struct bytes fields, const char *key, struct bytes value)
{
    struct bytes there = {0};
    return fields_bytes(fields, key, &there) == (value.size > 0) && bytes_equal(there, value);
}

/* Whether a block of the right size holds these fields, in any order. */
static bool is_block_alike(const unsigned char *block, const struct headers *headers)
{
    struct bytes fields = bytes_of(block + sizeof(uint32_t), load_u32(block) - sizeof(uint32_t));
    struct bytes reason =
        headers->dead_reason ? bytes_text(headers->dead_reason) : (struct bytes){0};
    uint64_t deliveries = 0;
    bool has_deliveries = fields_number(fields, "dead-deliveries", &deliveries);
    return has_number(fields, "ttl", headers->ttl_ms) &&
           has_number(fields, "delay", headers->delay_ms) &&
           has_number(fields, "dead-times", headers->dead_times) &&
           has_bytes(fields, "x-sim", bytes_of(extra_bytes, headers->extra)) &&
           has_bytes(fields, "dead-queue", headers->dead_queue) &&
           has_bytes(fields, "dead-reason", reason) &&
           has_deliveries == (headers->dead_reason != NULL) &&
           deliveries == headers->dead_deliveries;
}

static bool is_block(const unsigned char *block, size_t size, const struct headers *headers)
{
    unsigned char wanted[HEADERS_SIZE_MAX];
    uint32_t wanted_size = put_block(wanted, headers);
    if (size < wanted_size || (wanted_size > 0 && load_u32(block) != wanted_size))
        return false;
    return headers->is_rewritten ? is_block_alike(block, headers)
                                 : memcmp(block, wanted, wanted_size) == 0;
}

/* Messages. */

void message_write(unsigned char *to, enum op op, struct bytes name, uint64_t id, uint32_t size,
                   const struct headers *headers)
{
    uint8_t flags = headers->is_there ? MESSAGE_HEADERS : 0;
    assert(size >= FRAME_HEAD_SIZE + name.size + headers_size(headers));
    frame_head_store(to, (struct frame_head){(uint8_t)op, flags, (uint16_t)name.size, size});
    memcpy(to + FRAME_HEAD_SIZE, name.data, name.size);
    unsigned char *body = to + FRAME_HEAD_SIZE + name.size;
    body += put_block(body, headers);
    message_write_body(body, id, (size_t)(to + size - body));
}

bool message_is(const unsigned char *frame, enum op op, struct bytes name, uint64_t id,
                uint32_t size, const struct headers *headers)
{
    struct frame_head head = frame_head_load(frame);
    uint8_t others = op == OP_PUBLISH ? PUBLISH_RETAIN | PUBLISH_MUST | PUBLISH_INBOX : 0;
    if (head.op != op || (head.flags & ~others) != (headers->is_there ? MESSAGE_HEADERS : 0) ||
        head.name_size != name.size || head.size != size ||
        memcmp(frame + FRAME_HEAD_SIZE, name.data, name.size) != 0)
        return false;
    const unsigned char *body = frame + FRAME_HEAD_SIZE + name.size;
    size_t body_size = size - FRAME_HEAD_SIZE - name.size;
    if (headers->is_there && !is_block(body, body_size, headers))
        return false;
    uint32_t block_size = headers->is_there ? load_u32(body) : 0;
    return is_body(body + block_size, id, body_size - block_size);
}

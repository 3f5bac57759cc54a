#include "message.h"

/* The body in words of eight bytes. */
static uint64_t word_of(uint64_t id, uint64_t at)
{
    return at == 0 ? id : (id + at * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
}

void message_write(unsigned char *to, enum op op, struct bytes name, uint64_t id, uint32_t size)
{
    assert(size >= FRAME_HEAD_SIZE + name.size);
    frame_head_store(to, (struct frame_head){(uint8_t)op, 0, (uint16_t)name.size, size});
    memcpy(to + FRAME_HEAD_SIZE, name.data, name.size);
    unsigned char *body = to + FRAME_HEAD_SIZE + name.size;
    size_t body_size = size - FRAME_HEAD_SIZE - name.size;
    for (size_t at = 0; at < body_size; at += sizeof(uint64_t)) {
        uint64_t word = word_of(id, at);
        memcpy(body + at, &word, body_size - at < sizeof word ? body_size - at : sizeof word);
    }
}

bool message_is(const unsigned char *frame, enum op op, struct bytes name, uint64_t id,
                uint32_t size)
{
    struct frame_head head = frame_head_load(frame);
    if (head.op != op || (op == OP_PUSH && head.flags) || head.name_size != name.size ||
        head.size != size || memcmp(frame + FRAME_HEAD_SIZE, name.data, name.size) != 0)
        return false;
    const unsigned char *body = frame + FRAME_HEAD_SIZE + name.size;
    size_t body_size = size - FRAME_HEAD_SIZE - name.size, at = 0;
    for (; at + sizeof(uint64_t) <= body_size; at += sizeof(uint64_t))
        if (load_u64(body + at) != word_of(id, at))
            return false;
    uint64_t word = word_of(id, at);
    return memcmp(body + at, &word, body_size - at) == 0;
}

bool message_id(const unsigned char *frame, uint32_t *id)
{
    struct frame_head head = frame_head_load(frame);
    if (head.size < FRAME_HEAD_SIZE + (uint32_t)head.name_size + MESSAGE_BODY_MIN)
        return false;
    *id = load_u32(frame + FRAME_HEAD_SIZE + head.name_size);
    return true;
}

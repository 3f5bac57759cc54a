#include "session/composer.h"

enum { CAPACITY_IDLE_MAX = 1024 }; /* bytes that are kept between runs */

void composer_finish(struct composer *composer)
{
    text_finish(&composer->text);
}

void composer_rest(struct composer *composer)
{
    if (composer->text.capacity > CAPACITY_IDLE_MAX)
        text_finish(&composer->text);
}

void composer_begin(struct composer *composer, enum op op, uint8_t flags, struct bytes name)
{
    composer->text.first = composer->text.size = 0;
    composer->name = name;
    composer->head =
        (struct frame_head){.op = (uint8_t)op, .flags = flags, .name_size = (uint16_t)name.size};
    composer->count = 0;
    composer->is_mixed = false;
}

void composer_reserve(struct composer *composer, size_t size)
{
    text_reserve(&composer->text, size);
    composer->text.size -= (uint32_t)size;
}

void composer_add(struct composer *composer, struct bytes headers, struct bytes body)
{
    struct bytes name = composer->name;
    size_t size = FRAME_HEAD_SIZE + name.size + headers.size + body.size;
    assert(size <= FRAME_SIZE_MAX);
    composer->is_mixed |= composer->count > 0 && composer->head.size != size;
    composer->count++;
    composer->head.size = (uint32_t)size;
    unsigned char *to = text_reserve(&composer->text, size);
    frame_head_store(to, composer->head);
    bytes_copy(to + FRAME_HEAD_SIZE, name);
    bytes_copy(to + FRAME_HEAD_SIZE + name.size, headers);
    bytes_copy(to + FRAME_HEAD_SIZE + name.size + headers.size, body);
}

struct run composer_run(const struct composer *composer)
{
    assert(composer->count > 0);
    struct bytes frames = text_bytes(&composer->text);
    return (struct run){
        .data = frames.data,
        .size = (uint32_t)frames.size,
        .count = composer->count,
        .frame_size = composer->is_mixed ? 0 : composer->head.size,
        .head = frame_head_load(frames.data),
    };
}

#include "client/input.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static struct block *block_create(size_t capacity)
{
    struct block *block = malloc(sizeof *block + capacity);
    if (block)
        *block = (struct block){.capacity = capacity};
    return block;
}

int input_init(struct input *input)
{
    struct block *block = block_create(INPUT_BLOCK_SIZE);
    *input = (struct input){.first = block, .last = block};
    return block ? 0 : -ENOMEM;
}

void input_finish(struct input *input)
{
    while (input->first) {
        struct block *next = input->first->next;
        free(input->first);
        input->first = next;
    }
    free(input->spare);
    *input = (struct input){0};
}

static size_t block_room(const struct block *block)
{
    size_t usable = block->capacity - INPUT_NOTICE_SIZE;
    return block->end < usable ? usable - block->end : 0;
}

static void move_part(struct block *from, struct block *to, size_t place)
{
    size_t part = from->end - from->scanned;
    memmove(to->data + place, from->data + from->scanned, part);
    from->end = from->scanned;
    to->scanned = place;
    to->end = place + part;
}

/* Closes the gaps that blank frames leave. Bytes in front of the read mark stay where they are. */
static void block_squeeze(struct block *block)
{
    size_t to = block->read;
    for (size_t at = block->read, size; at < block->scanned; at += size) {
        size = frame_size(block->data + at);
        if (block->data[at] == OP_NONE)
            continue;
        memmove(block->data + to, block->data + at, size);
        to += size;
    }
    block->blank = 0;
    move_part(block, block, to);
}

/* How many bytes the frame that has begun to come still needs; 1 when its head is not here yet. */
static size_t part_missing(const struct block *block, uint32_t size_max)
{
    size_t part = block->end - block->scanned;
    if (part < FRAME_HEAD_SIZE)
        return 1;
    uint32_t size = frame_size(block->data + block->scanned);
    return size > part && size <= size_max ? size - part : 1;
}

/* A block for the part of a frame at the end. It grows with what came, not with what was announced. */
static struct block *block_behind(struct input *input, size_t part, size_t missing)
{
    size_t need = part + (missing < part ? missing : part) + INPUT_ROOM_MIN + INPUT_NOTICE_SIZE;
    struct block *block = input->spare;
    if (need > INPUT_BLOCK_SIZE || !block)
        return block_create(need > INPUT_BLOCK_SIZE ? need : INPUT_BLOCK_SIZE);
    input->spare = NULL;
    *block = (struct block){.capacity = block->capacity};
    return block;
}

int input_reserve(struct input *input, uint32_t size_max)
{
    struct block *last = input->last;
    bool is_lent = input->is_lent && last == input->first;
    if (last->read == last->scanned && last->scanned > 0 && !is_lent) {
        move_part(last, last, 0);
        last->read = last->blank = 0;
    }
    if (last->blank >= last->capacity / 2 && block_room(last) < INPUT_ROOM_MIN)
        block_squeeze(last);
    size_t missing = part_missing(last, size_max), room = block_room(last);
    if (room >= INPUT_ROOM_MIN || (missing > 1 && room >= missing))
        return (int)room;
    struct block *block = block_behind(input, last->end - last->scanned, missing);
    if (!block)
        return -ENOMEM;
    move_part(last, block, 0);
    last->next = block;
    input->last = block;
    return (int)block_room(block);
}

void input_truncate(struct input *input)
{
    input->last->end = input->last->scanned;
}

void input_notice(struct input *input, unsigned op, const void *body, size_t body_size)
{
    struct block *last = input->last;
    size_t size = FRAME_HEAD_SIZE + body_size;
    assert(last->end == last->scanned);
    assert(size <= last->capacity - last->end);
    struct frame_head head = {.op = (uint8_t)op, .size = (uint32_t)size};
    frame_head_store(last->data + last->end, head);
    memcpy(last->data + last->end + FRAME_HEAD_SIZE, body, body_size);
    last->end += size;
    last->scanned += size;
}

void input_blank(struct input *input)
{
    struct block *last = input->last;
    uint32_t size = frame_size(last->data + last->scanned);
    if (last->read == last->scanned) {
        last->read += size;
    } else {
        last->data[last->scanned] = OP_NONE;
        last->blank += size;
    }
}

static void block_release(struct input *input, struct block *block)
{
    if (input->spare || block->capacity != INPUT_BLOCK_SIZE)
        free(block);
    else
        input->spare = block;
}

unsigned char *input_peek(struct input *input)
{
    struct block *block = input->first;
    assert(!input->is_lent);
    while (block->read == block->scanned) {
        if (block == input->last)
            return NULL;
        input->first = block->next;
        block_release(input, block);
        block = input->first;
    }
    return block->data + block->read;
}

uint64_t input_backlog(const struct input *input)
{
    uint64_t size = 0;
    for (const struct block *block = input->first; block; block = block->next)
        size += block->scanned - block->read;
    return size;
}

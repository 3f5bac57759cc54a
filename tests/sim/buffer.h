/* Bytes that grow at their end and are taken from their front. */
#ifndef RINGPOST_TESTS_SIM_BUFFER_H
#define RINGPOST_TESTS_SIM_BUFFER_H

#include "base/array.h"
#include "base/bytes.h"

#include <stdlib.h>

/* A zeroed buffer is empty. */
struct buffer {
    unsigned char *data;
    size_t first, end, capacity;
};

static inline size_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->first;
}

static inline const unsigned char *buffer_front(const struct buffer *buffer)
{
    return buffer->data + buffer->first;
}

/* Room for `size` bytes at the end; buffer_grow says how many of them were filled. */
static inline unsigned char *buffer_room(struct buffer *buffer, size_t size)
{
    if (buffer->first == buffer->end)
        buffer->first = buffer->end = 0;
    if (buffer->first > 0 && buffer->end + size > buffer->capacity) {
        memmove(buffer->data, buffer_front(buffer), buffer_size(buffer));
        buffer->end -= buffer->first;
        buffer->first = 0;
    }
    buffer->data = array_reserve(buffer->data, &buffer->capacity, buffer->end + size, 1);
    return buffer->data + buffer->end;
}

static inline void buffer_grow(struct buffer *buffer, size_t size)
{
    buffer->end += size;
}

static inline void buffer_take(struct buffer *buffer, size_t size)
{
    buffer->first += size;
}

static inline void buffer_finish(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

#endif

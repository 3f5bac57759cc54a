/* The bytes that wait to be written to the broker: one stretch that grows at its end. */
#ifndef RINGPOST_CLIENT_OUTPUT_H
#define RINGPOST_CLIENT_OUTPUT_H

#include "frame/frame.h"

enum {
    OUTPUT_PIECE = 64 * 1024,     /* bytes that are worth a write of their own */
    OUTPUT_MAX = 256 * 1024,      /* bytes at which messages wait for the socket */
    OUTPUT_KEEP_MAX = 1024 * 1024 /* bytes of memory that an empty output keeps */
};

struct output {
    unsigned char *data;
    size_t capacity;
    size_t start, end; /* what waits */
};

/* Returns 0 or -ENOMEM. */
int output_init(struct output *output);
void output_finish(struct output *output);

static inline size_t output_size(const struct output *output)
{
    return output->end - output->start;
}

/* Makes room for `size` more bytes; false: no memory. */
bool output_reserve(struct output *output, size_t size);

/*
 * Room for `size` bytes at the end, which the caller fills, all of them. NULL: no memory. Lent until the next
 * call on the output.
 */
static inline unsigned char *output_append(struct output *output, size_t size)
{
    if (output->capacity - output->end < size && !output_reserve(output, size))
        return NULL;
    unsigned char *place = output->data + output->end;
    output->end += size;
    return place;
}

/* Takes `size` bytes off the front. */
void output_consume(struct output *output, size_t size);

/* Drops everything. */
void output_clear(struct output *output);

#endif

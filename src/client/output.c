#include "client/output.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int output_init(struct output *output)
{
    *output = (struct output){.data = malloc(OUTPUT_MAX), .capacity = OUTPUT_MAX};
    return output->data ? 0 : -ENOMEM;
}

void output_finish(struct output *output)
{
    free(output->data);
    *output = (struct output){0};
}

bool output_reserve(struct output *output, size_t size)
{
    /* What waits is moved only when at least as much was sent before it, so that no byte moves often. */
    size_t waiting = output_size(output);
    if (output->start >= waiting && output->capacity - waiting >= size) {
        memcpy(output->data, output->data + output->start, waiting);
        output->start = 0;
        output->end = waiting;
        return true;
    }
    size_t capacity = output->capacity * 2;
    if (capacity < output->end + size)
        capacity = output->end + size;
    unsigned char *data = realloc(output->data, capacity);
    if (!data)
        return false;
    output->data = data;
    output->capacity = capacity;
    return true;
}

void output_consume(struct output *output, size_t size)
{
    assert(size <= output_size(output));
    output->start += size;
    if (output->start == output->end)
        output_clear(output);
}

void output_clear(struct output *output)
{
    output->start = output->end = 0;
    if (output->capacity <= OUTPUT_KEEP_MAX)
        return;
    unsigned char *data = realloc(output->data, OUTPUT_MAX);
    if (!data)
        return;
    output->data = data;
    output->capacity = OUTPUT_MAX;
}

#include "base/array.h"

#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAY_CAPACITY_MIN = 8, RING_CAPACITY_MIN = 4 };

static _Thread_local uint64_t used;

void memory_count(int64_t size)
{
    used += (uint64_t)size;
}

uint64_t memory_used(void)
{
    return used;
}

static void *counted_or_abort(void *memory)
{
    if (!memory) {
        fputs("ringpost: out of memory\n", stderr);
        abort();
    }
    used += malloc_usable_size(memory);
    return memory;
}

void *memory_create(size_t size)
{
    return counted_or_abort(calloc(1, size));
}

void memory_free(void *data)
{
    if (!data) /* as most of what a segment could have is */
        return;
    used -= malloc_usable_size(data);
    free(data);
}

void *memory_copy(const void *data, size_t size)
{
    char *copy = memory_create(size + 1);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

void *memory_resize(void *data, size_t count, size_t size)
{
    assert(count > 0 && size > 0);
    used -= malloc_usable_size(data);
    return counted_or_abort(reallocarray(data, count, size));
}

void *array_reserve(void *data, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity)
        return data;
    size_t grown = *capacity ? *capacity : ARRAY_CAPACITY_MIN;
    while (grown < need)
        grown *= 2;
    *capacity = grown;
    return memory_resize(data, grown, size);
}

void *ring_double(void *data, size_t *first, size_t *capacity, size_t size)
{
    size_t at = *first * size, end = *capacity * size;
    size_t grown = *capacity ? 2 * *capacity : RING_CAPACITY_MIN;
    char *ring = memory_create(grown * size);
    if (end > 0) {
        memcpy(ring, (char *)data + at, end - at);
        memcpy(ring + (end - at), data, at);
    }
    memory_free(data);
    *first = 0;
    *capacity = grown;
    return ring;
}

#include "base/array.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARRAY_CAPACITY_MIN = 8 };

static void *memory_or_abort(void *memory)
{
    if (!memory) {
        fputs("ringpost: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *memory_create(size_t size)
{
    return memory_or_abort(calloc(1, size));
}

void *memory_resize(void *data, size_t count, size_t size)
{
    assert(count > 0 && size > 0);
    return memory_or_abort(reallocarray(data, count, size));
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

#include "base/heap.h"

#include "base/array.h"

#include <malloc.h>

bool heap_has_shrunk(struct heap *heap)
{
    uint64_t size = memory_used();
    if (size > heap->peak_size)
        heap->peak_size = size;
    uint64_t freed = heap->peak_size - size;
    return freed > HEAP_SPARE_MAX && freed > heap->peak_size / 8;
}

void heap_trim(struct heap *heap)
{
    malloc_trim(0);
    heap->peak_size = memory_used();
}

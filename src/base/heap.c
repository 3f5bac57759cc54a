#include "base/heap.h"

#include <malloc.h>

void heap_trim(void)
{
    if (mallinfo2().fordblks > HEAP_SPARE_MAX)
        malloc_trim(0);
}

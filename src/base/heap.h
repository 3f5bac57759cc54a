/* When the heap's free memory goes back to the system: the C library gives back only what is at the
 * heap's end. */
#ifndef RINGPOST_BASE_HEAP_H
#define RINGPOST_BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

enum { HEAP_SPARE_MAX = 1024 * 1024 }; /* bytes of it that are always kept */

/* A zeroed one has never been trimmed. */
struct heap {
    uint64_t peak_size; /* the most that was in use since the last trim, as far as it was seen */
};

/* Whether so much has been freed since the last trim that another is worth its time, which is that
 * of a walk over all free pieces. To be asked often. */
bool heap_has_shrunk(struct heap *heap);

/* Gives the heap's free pages back. */
void heap_trim(struct heap *heap);

#endif

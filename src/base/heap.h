/* The heap's free memory, and when it goes back to the system. */
#ifndef RINGPOST_BASE_HEAP_H
#define RINGPOST_BASE_HEAP_H

enum { HEAP_SPARE_MAX = 1024 * 1024 }; /* bytes of it that are kept */

/* Gives the heap's free pages back to the system if more than HEAP_SPARE_MAX is free. */
void heap_trim(void);

#endif

/* Memory that fails once, where a test wants it to: for a program linked with --wrap for each of its functions. */
#ifndef RINGPOST_TESTS_UNIT_CLIENT_MEMORY_H
#define RINGPOST_TESTS_UNIT_CLIENT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Refuses the allocation of that number, counted from now on; 0: none. */
void memory_fail(unsigned long number);

/* Whether that allocation came. */
bool memory_has_failed(void);

/* How many allocations are not freed. */
size_t memory_live(void);

#endif

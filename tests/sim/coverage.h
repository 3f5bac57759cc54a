/* Coverage: how often each thing that a run should reach was reached. */
#ifndef RINGPOST_TESTS_SIM_COVERAGE_H
#define RINGPOST_TESTS_SIM_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COVERAGE_MAX = 256 };

struct coverage {
    const char *const *names;
    size_t count;
    uint64_t *counters;
};

/* Prints every counter, in columns. */
void coverage_print(const struct coverage *coverage);

/* The counters that are still zero, named on stderr; returns how many. */
size_t coverage_missing(const struct coverage *coverage);

#endif

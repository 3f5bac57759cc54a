#include "coverage.h"

#include <inttypes.h>
#include <stdio.h>

void coverage_print(const struct coverage *coverage)
{
    for (size_t i = 0; i < coverage->count; i++)
        if (coverage->names[i])
            printf("%12" PRIu64 "  %s\n", coverage->counters[i], coverage->names[i]);
}

size_t coverage_missing(const struct coverage *coverage)
{
    size_t missing = 0;
    for (size_t i = 0; i < coverage->count; i++)
        if (coverage->names[i] && coverage->counters[i] == 0) {
            fprintf(stderr, "never reached: %s\n", coverage->names[i]);
            missing++;
        }
    return missing;
}

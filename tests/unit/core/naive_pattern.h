/* Patterns of topics by their definition, word for word, however long it takes. */
#ifndef RINGPOST_TESTS_UNIT_CORE_NAIVE_PATTERN_H
#define RINGPOST_TESTS_UNIT_CORE_NAIVE_PATTERN_H

#include <stdbool.h>

/* Whether a valid pattern matches the name. */
bool naive_matches(const char *pattern, const char *name);

#endif

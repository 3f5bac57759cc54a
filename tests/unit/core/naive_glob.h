/* Globs by their definition, word for word, however long it takes. */
#ifndef RINGPOST_TESTS_UNIT_CORE_NAIVE_GLOB_H
#define RINGPOST_TESTS_UNIT_CORE_NAIVE_GLOB_H

#include "base/bytes.h"

/* Whether the glob matches the name. */
bool naive_glob_matches(struct bytes glob, struct bytes name);

#endif

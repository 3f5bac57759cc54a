/* How an engine is configured, as an input chooses: policies, small limits and none. */
#ifndef RINGPOST_TESTS_FUZZ_REGIME_H
#define RINGPOST_TESTS_FUZZ_REGIME_H

#include "choices.h"
#include "core/engine.h"

enum { POLICIES_MAX = 4 };

/* Everything that `config` borrows is in here. */
struct regime {
    struct engine_config config;
    struct queue_policy policies[POLICIES_MAX];
    char dead_letters[POLICIES_MAX][8];
    unsigned char settings[64];
};

/* One for the caller to free, once another one holds. */
struct regime *regime_create(struct choices *choices);

#endif

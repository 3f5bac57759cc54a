/* Retained messages: the last of each name, for those who subscribe later. */
#ifndef RINGPOST_CORE_RETAINED_H
#define RINGPOST_CORE_RETAINED_H

#include "base/hash.h"
#include "base/table.h"

enum {
    RETAINED_COUNT_DEFAULT = 100000,          /* messages */
    RETAINED_SIZE_DEFAULT = 64 * 1024 * 1024, /* bytes of their frames */
};

/* A copy of its own: in a chunk it would keep its neighbours. */
struct retained {
    struct table_entry entry; /* by name, which stands in the frame */
    uint32_t size;            /* bytes of the frame */
    unsigned char frame[];
};

struct retained_store {
    const struct hash_key *key;
    struct table messages;
    uint64_t size; /* bytes of all frames */
    uint64_t count_max, size_max;
    struct retained **found; /* room for retained_match */
    size_t found_capacity;
};

void retained_init(struct retained_store *store, const struct hash_key *key);
void retained_finish(struct retained_store *store);

/* Has other bounds hold for what comes; 0: the default. */
void retained_limit(struct retained_store *store, uint64_t count_max, uint64_t size_max);

/* Whether retained_put would keep within the bounds. */
bool retained_fits(const struct retained_store *store, const unsigned char *frame);

/* Has a message, which fits, take the place of the one of its name; an empty one only clears that. */
void retained_put(struct retained_store *store, const unsigned char *frame);

/* The message of that name, or those whose names match a valid pattern: `*count` of them, in the
 * order of their names, until the next call. */
struct retained *const *retained_match(struct retained_store *store, struct bytes name,
                                       bool is_pattern, size_t *count);

#endif

/* Values: bytes that have a name, and within one bound; a convenience beside queues. */
#ifndef RINGPOST_CORE_VALUES_H
#define RINGPOST_CORE_VALUES_H

#include "base/table.h"
#include "core/status.h"

enum {
    VALUES_SIZE_DEFAULT = 64 * 1024 * 1024, /* bytes of all values */
    VALUE_SIZE_MAX = 512 * 1024 * 1024,     /* bytes of one */
};

struct value {
    struct table_entry entry; /* by name, which stands behind the struct */
    unsigned char *data;
    size_t size, capacity; /* bytes */
    bool is_grown;         /* by an append, since it was put */
};

/* What is counted in all tables of values together. */
struct value_store {
    uint64_t size, size_max; /* bytes, with names and what keeping them takes */
};

/* Has another bound hold for what comes; 0: the default. */
void value_store_limit(struct value_store *store, uint64_t size_max);

static inline struct bytes value_bytes(const struct value *value)
{
    return bytes_of(value->data, value->size);
}

/* The value of that name, or NULL. */
struct value *value_find(const struct table *values, uint64_t hash, struct bytes name);

/* Whether a value of `size` bytes may have the name, in place of `before`, which can be NULL:
 * `values` or `too-large` when not. */
enum status value_fits(const struct value_store *store, const struct value *before,
                       struct bytes name, size_t size);

/* Gives the name a value that fits, in place of what it had. Keeps copies. */
void value_put(struct value_store *store, struct table *values, uint64_t hash, struct bytes name,
               struct bytes bytes);

/* Adds bytes at the end, if they fit. */
enum status value_append(struct value_store *store, struct value *value, struct bytes bytes);

/* Has two values have each other's bytes. */
void value_swap(struct value *a, struct value *b);

void value_drop(struct value_store *store, struct table *values, struct value *value);

/* Drops them all, and the table. */
void values_finish(struct value_store *store, struct table *values);

/* The number that a value is, in the one way to write it; false when it is none. */
bool value_number(const struct value *value, int64_t *number);

/* Asserts all that must hold of one table; returns the bytes that are counted for it. */
uint64_t values_check(const struct table *values);

#endif

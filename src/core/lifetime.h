/* Lifetimes: names, and when what has them is dropped. */
#ifndef RINGPOST_CORE_LIFETIME_H
#define RINGPOST_CORE_LIFETIME_H

#include "base/table.h"
#include "core/timers.h"

struct lifetime {
    struct table_entry entry; /* by name, which stands behind the struct */
    struct timer timer;       /* due in milliseconds: the last one of the lifetime */
    uint8_t space;            /* of the name */
};

/* The lifetime of that name, or NULL. */
struct lifetime *lifetime_find(const struct table *lifetimes, uint64_t hash, struct bytes name);

/* Makes one, which ends never yet. Keeps a copy of the name. */
struct lifetime *lifetime_create(struct table *lifetimes, uint64_t hash, struct bytes name);

/* Ends it: the name has none. */
void lifetime_end(struct timers *timers, struct table *lifetimes, struct lifetime *lifetime);

/* Ends them all. */
void lifetimes_finish(struct timers *timers, struct table *lifetimes);

#endif

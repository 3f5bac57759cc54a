/* The door: how many connections there are, and which is one too many. */
#ifndef RINGPOST_SERVER_DOOR_H
#define RINGPOST_SERVER_DOOR_H

#include "base/hash.h"
#include "base/table.h"
#include "core/status.h"
#include "ring/ring.h"

/* 0: no limit. */
struct door_limits {
    uint64_t guests_max;
    uint64_t per_address_max; /* over TCP */
    uint64_t strangers_max;   /* whose hello is not complete */
};

/* What is counted of a connection. Zeroed, nothing is. */
struct guest {
    struct host *host; /* where it comes from, if addresses are counted */
    bool is_counted, is_stranger;
};

enum { DOOR_REFUSALS = 4 }; /* kinds of refusals that are logged */

/* Zeroed, but for its limits and key, it is open. */
struct door {
    struct door_limits limits;
    struct hash_key key;
    uint64_t guests_count, strangers_count;
    struct table hosts; /* by address */
    struct {
        uint64_t count, told_ns;
    } refusals[DOOR_REFUSALS];
};

/* Frees it. All guests have left. */
void door_finish(struct door *door);

/* Lets a stranger in, or returns which limit is reached, and logs it. */
enum status door_enter(struct door *door, struct guest *guest, const struct ring_address *from,
                       uint64_t now);

/* Its hello is complete, or never will be. */
void door_know(struct door *door, struct guest *guest);

/* It is gone. Does nothing with one that never entered, or has left. */
void door_leave(struct door *door, struct guest *guest);

/* Logs that a connection was turned away for want of a descriptor. */
void door_is_blocked(struct door *door, uint64_t now);

#endif

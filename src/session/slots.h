/* Slots: a session's memory of the frames that it gave to the engine and that are not settled. */
#ifndef RINGPOST_SESSION_SLOTS_H
#define RINGPOST_SESSION_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Frames given to the engine together, until they are settled. */
struct slot {
    uint64_t first; /* the number of the first; also the command's ticket */
    uint32_t count, settled_count;
    bool wants_reply; /* success is told by a REPLY */
    bool is_prompt;   /* success is to be confirmed at once */
    bool is_large;    /* the session is stalled until it is settled */
};

/* A ring of slots, in the order of their numbers without a hole between. Zeroed ones are empty. */
struct slots {
    struct slot *ring;
    size_t first, count, capacity;
};

void slots_finish(struct slots *slots);

/* A slot for frames that come behind all others. Valid until the next call. */
struct slot *slots_put(struct slots *slots, uint64_t first, uint32_t count);

/* The slot in which frame `number`, which is not settled, is the next to be. It is cut off from
 * those of the same slot that wait before it. Valid until the next call. */
struct slot *slots_at(struct slots *slots, uint64_t number);

/* Settles the next `count` frames of a slot, which may end it. */
void slots_settle(struct slots *slots, struct slot *slot, uint32_t count);

/* The number up to which everything is settled, when `last` is the last number of all. */
uint64_t slots_settled(const struct slots *slots, uint64_t last);

#endif

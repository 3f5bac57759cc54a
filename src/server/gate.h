/*
 * The gate: effects wait here until what they speak of has been reached, and leave in the order of
 * their connection.
 *
 * A mark is a place in something that goes on: later the log's position. Connections whose effects
 * need no waiting never wait.
 */
#ifndef RINGPOST_SERVER_GATE_H
#define RINGPOST_SERVER_GATE_H

#include "core/outbox.h"

struct gate_entry {
    struct effect effect;
    uint64_t mark;
    bool is_gone;
};

/* A zeroed gate is empty. */
struct gate {
    struct gate_entry *entries;
    size_t first, count, capacity; /* entries[first] to entries[count - 1], with gaps */
};

void gate_finish(struct gate *gate);

/* Has an effect wait until `mark` is reached. */
void gate_put(struct gate *gate, const struct effect *effect, uint64_t mark);

/* The place to begin gate_take at. */
static inline size_t gate_begin(const struct gate *gate)
{
    return gate->first;
}

static inline bool gate_is_empty(const struct gate *gate)
{
    return gate->first == gate->count;
}

/* The next entry from `*at` on, which is moved behind it, or NULL. */
struct gate_entry *gate_next(struct gate *gate, size_t *at);

/* Takes an entry that gate_next gave out of the gate. */
void gate_remove(struct gate *gate, struct gate_entry *entry);

#endif

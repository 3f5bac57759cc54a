/* Queues: messages in order, each ready or leased until settled, within a bound. */
#ifndef RINGPOST_CORE_QUEUE_H
#define RINGPOST_CORE_QUEUE_H

#include "base/table.h"
#include "core/segment.h"
#include "core/settings.h"

struct consumer;

/* What becomes of a leased message. */
enum settle { SETTLE_ACKNOWLEDGE, SETTLE_RETURN, SETTLE_REJECT };

/* Since the queue was made; accepted = ready + leased + acknowledged + rejected + purged. */
struct queue_counters {
    uint64_t accepted, acknowledged, rejected, purged;
    uint64_t delivered, returned, refused;
};

struct queue {
    struct table_entry entry;     /* in the engine's table; its name is the queue's */
    struct list hot;              /* in the engine's list of queues with something to do, or none */
    struct list segments;         /* from the front to the back */
    struct segment *front, *back; /* the outermost segments with ready messages, or NULL */
    uint64_t order_next;
    size_t segment_size_next; /* bytes */

    struct queue_settings settings;
    bool is_declared, is_paused;
    bool
        has_passed; /* some consumers were passed over, for the size of the message that was next */
    uint64_t ready_count, ready_size, leased_count, leased_size;
    uint64_t waiting_count; /* held pushes */
    struct list waiting;    /* of struct held_push, first come first */
    struct list consumers;  /* all of them */
    size_t consumers_count;
    struct consumer **willing; /* heap of those who can be given something, the least laden first */
    size_t willing_count, willing_capacity;
    struct queue_counters counters;
};

/* A new queue with default settings. It keeps a copy of the name. */
struct queue *queue_create(struct bytes name, uint64_t hash);

/* Frees it and what it holds. It has no consumers, leases or waiting pushes; segments that a slice
 * still holds live on until released. */
void queue_destroy(struct queue *queue, struct arena *arena);

/* Cuts what the bound allows now off the front of `run` and appends it. Returns how many messages.
 */
uint32_t queue_push(struct queue *queue, struct arena *arena, struct run *run);

/* Bytes that may still be pushed; 0 when no further message may. */
uint64_t queue_room(const struct queue *queue);

/* Leases the messages that are next at one end: at most `count_max` and `size_max` bytes; false
 * when not even one fits. */
bool queue_lease(struct queue *queue, bool from_back, uint32_t count_max, uint64_t size_max,
                 struct stretch *stretch);

/* Settles leased messages that lie together. May free their segment. */
void queue_settle(struct queue *queue, struct arena *arena, struct segment *segment, uint32_t index,
                  uint32_t count, enum settle how);

/* Discards all ready messages; returns how many. */
uint64_t queue_purge(struct queue *queue, struct arena *arena);

/* Frees the segment if nothing needs it any more. For a segment whose last hold has ended. */
void queue_release(struct segment *segment, struct arena *arena);

/* Whether nothing would be lost if it went away. */
bool queue_is_unused(const struct queue *queue);

/* Asserts all that must hold. */
void queue_check(const struct queue *queue);

#endif

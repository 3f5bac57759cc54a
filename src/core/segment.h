/* Segments: the pieces a queue is made of, each a stretch of messages with what is known about
 * them. */
#ifndef RINGPOST_CORE_SEGMENT_H
#define RINGPOST_CORE_SEGMENT_H

#include "base/arena.h"
#include "base/list.h"
#include "core/slice.h"
#include "frame/frame.h"

enum {
    SEGMENT_SIZE_MIN = ARENA_PIECE_MIN, /* bytes, head included */
    SEGMENT_SIZE_MAX = ARENA_PIECE_MAX, /* bytes, head included, unless one frame is larger */
    DELIVERIES_MAX = UINT16_MAX,        /* where counting deliveries of one message stops */
};

struct queue;

/*
 *   data:    | frame 0 | frame 1 | … | frame count - 1 |   free   |
 *   state:     settled   leased    ready …
 *
 * A message is ready, leased or settled. Ready ones lie in [ready_first, ready_end), and both ends
 * of that are ready; when all in there are, there are no bits. Settled ones are neither ready nor
 * leased; only their number is known.
 */
struct segment {
    struct block block;
    struct list link;    /* in the queue, in queue order */
    struct queue *queue; /* NULL once the queue is gone */
    uint64_t order;      /* grows from the front of the queue to its back */
    uint32_t count;      /* messages ever appended */
    uint32_t frame_size; /* bytes of each frame when all are alike, else 0 */
    uint32_t ready_first, ready_end, ready_count;
    uint32_t leased_count;
    uint64_t *ready_bits; /* NULL while the ready ones lie together */
    uint16_t *deliveries; /* of the first deliveries_count messages; the others have none */
    uint32_t *offsets;    /* where messages begin, when sizes differ; of the first offsets_count */
    uint32_t deliveries_count;
    uint32_t offsets_count;
    size_t offsets_capacity;
};

/* Some messages of a segment that lie together. */
struct stretch {
    struct segment *segment;
    uint32_t index, count;
    uint32_t size;       /* bytes */
    uint32_t deliveries; /* of each of them, before */
};

/* A new empty segment of `size` bytes, head included; arena_fit rounds up. */
struct segment *segment_create(struct arena *arena, size_t size);

/* Frees it. There is no hold. */
void segment_destroy(struct arena *arena, struct segment *segment);

/* Bytes of head that a segment has beside its frames. */
size_t segment_head_size(void);

/* Takes the frames of `run` that there is room for off its front, as ready. Returns how many. */
uint32_t segment_append(struct segment *segment, struct run *run);

/* Leases ready messages from the front, or the back: together, delivered equally often, at most
 * `count_max` and `size_max` bytes; false when not even one fits. */
bool segment_lease(struct segment *segment, bool from_back, uint32_t count_max, uint64_t size_max,
                   struct stretch *stretch);

/* Ends the lease of messages for good. */
void segment_settle(struct segment *segment, uint32_t index, uint32_t count);

/* Makes leased messages ready again, each delivered once more. */
void segment_return(struct segment *segment, uint32_t index, uint32_t count);

/* Settles all ready messages. */
void segment_purge(struct segment *segment);

/* Where message `index` begins; the end of the last for `count`. */
uint32_t segment_offset(struct segment *segment, uint32_t index);

/* Bytes of some messages. */
uint32_t segment_size(struct segment *segment, uint32_t index, uint32_t count);

/* Bytes of all ready messages. */
uint32_t segment_ready_size(struct segment *segment);

/*
 * Looks at one ready message: the first at or behind `*at`, or from the back the last below it.
 * Moves `*at` past it. False when there is none. Start with 0, or from the back with UINT32_MAX.
 */
bool segment_next_ready(struct segment *segment, bool from_back, uint32_t *at,
                        struct stretch *stretch);

/* Moves everything ready into a new segment of the smallest size that holds it. There is no lease
 * and something is ready. */
struct segment *segment_compact(struct segment *segment, struct arena *arena);

/* Nothing ready, nothing leased, no slice out. */
static inline bool segment_is_done(const struct segment *segment)
{
    return segment->ready_count == 0 && segment->leased_count == 0 &&
           segment->block.holds_count == 0;
}

/* Asserts all that must hold. */
void segment_check(const struct segment *segment);

#endif

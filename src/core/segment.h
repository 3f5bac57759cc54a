/* Segments: the pieces a queue is made of, each a stretch of messages with what is known about
 * them. */
#ifndef RINGPOST_CORE_SEGMENT_H
#define RINGPOST_CORE_SEGMENT_H

#include "base/arena.h"
#include "base/list.h"
#include "core/histogram.h"
#include "core/slice.h"
#include "core/timers.h"
#include "frame/frame.h"

enum {
    SEGMENT_SIZE_MIN = ARENA_PIECE_MIN, /* bytes, head included */
    SEGMENT_SIZE_MAX = ARENA_PIECE_MAX, /* bytes, head included, unless one frame is larger */
    DELIVERIES_MAX = UINT16_MAX,        /* where counting deliveries of one message stops */
};

struct queue;

/* From message `index` on, up to the next mark, all arrived `after_us` microseconds after the first
 * that marks tell of, or less than a millisecond later. */
struct mark {
    uint32_t index;
    uint32_t after_us;
};

/*
 *   data:    | frame 0 | frame 1 | … | frame count - 1 |   free   |
 *   state:     settled   leased    ready …
 *
 * Frame 0 is the one nearest the front of the queue; in a reversed segment, which is what grows at the
 * front, the last one is. A message is ready, leased or settled. Ready ones lie in [ready_first, ready_end), and both ends
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
    uint32_t ready_size; /* bytes */
    uint32_t leased_count;
    uint64_t *ready_bits; /* NULL while the ready ones lie together */
    uint16_t *deliveries; /* of the first deliveries_count messages; the others have none */
    uint32_t *offsets;    /* where messages begin, when sizes differ; of the first offsets_count */
    uint64_t *arrivals;   /* of the first arrivals_count messages, which arrived in no order */
    uint32_t deliveries_count;
    uint32_t offsets_count;
    uint32_t arrivals_count;
    bool is_reversed; /* the last message is the one nearest the front of the queue */
    size_t offsets_capacity;
    uint64_t arrived_ns; /* when the first of those behind `arrivals` arrived */
    struct mark *marks;  /* of those too: what comes within a millisecond of the first has none */
    uint32_t marks_count;
    uint32_t deadlines_count;
    size_t marks_capacity;
    uint64_t *deadlines; /* of messages with a time to live of their own, as `deliveries` */
    struct timer timer;  /* in its queue's: when the first of the ready ones expires, or earlier */
};

/* Some messages of a segment that lie together. */
struct stretch {
    struct segment *segment;
    uint32_t index, count;
    uint32_t size;       /* bytes */
    uint32_t deliveries; /* of each of them, before */
    bool is_reversed;    /* to be read last message first */
};

/* Frame `i` of a stretch, in the order in which it is to be read. */
const unsigned char *stretch_frame(const struct stretch *stretch, uint32_t i);

/* A new empty segment of `size` bytes, head included; arena_fit rounds up. */
struct segment *segment_create(struct arena *arena, size_t size);

/* Frees it. There is no hold. */
void segment_destroy(struct arena *arena, struct segment *segment);

/* Bytes of head that a segment has beside its frames. */
size_t segment_head_size(void);

/* Takes the frames of `run`, which arrive at `now`, that there is room for off its front, as ready.
 * Returns how many. */
uint32_t segment_append(struct segment *segment, struct run *run, uint64_t now);

/* Leases ready messages from the end at the front of the queue, or the back: together, delivered
 * equally often, at most `count_max` and `size_max` bytes; false when not even one fits. */
bool segment_lease(struct segment *segment, bool from_back, uint32_t count_max, uint64_t size_max,
                   struct stretch *stretch);

/* Leases ready messages, wherever they lie. */
void segment_claim(struct segment *segment, uint32_t index, uint32_t count);

/* Ends the lease of messages for good. */
void segment_settle(struct segment *segment, uint32_t index, uint32_t count);

/* How often a message was delivered before. */
uint32_t segment_deliveries(const struct segment *segment, uint32_t index);
void segment_set_deliveries(struct segment *segment, uint32_t index, uint32_t deliveries);

/* How many of these messages, from the one nearest the front of the queue on, were delivered as often
 * as that one. */
uint32_t segment_count_alike(const struct segment *segment, uint32_t index, uint32_t count);

/* Makes leased messages ready again, each delivered once more. */
void segment_return(struct segment *segment, uint32_t index, uint32_t count);

/* Settles ready messages, wherever they lie. */
void segment_discard(struct segment *segment, uint32_t index, uint32_t count);

/* Settles all ready messages. */
void segment_purge(struct segment *segment);

/* Where message `index` begins; the end of the last for `count`. */
uint32_t segment_offset(struct segment *segment, uint32_t index);

/* The bytes of a stretch, for whoever holds its segment. */
static inline struct slice stretch_slice(const struct stretch *stretch)
{
    return (struct slice){
        .block = &stretch->segment->block,
        .offset = segment_offset(stretch->segment, stretch->index),
        .size = stretch->size,
        .count = stretch->count,
        .is_reversed = stretch->is_reversed,
    };
}

/* Some messages of a stretch, from `first` on in the order in which it is to be read. */
struct stretch stretch_part(const struct stretch *stretch, uint32_t first, uint32_t count);

/* Bytes of some messages. */
uint32_t segment_size(struct segment *segment, uint32_t index, uint32_t count);

/*
 * Looks at the next ready messages that lie together, at most `count_max`, and moves `*at` past them;
 * false when there are none. `deliveries` are those of one. Begin at segment_edge.
 */
bool segment_next_ready(struct segment *segment, bool from_back, uint32_t count_max, uint32_t *at,
                        struct stretch *stretch);

static inline uint32_t segment_edge(const struct segment *segment, bool from_back)
{
    return from_back != segment->is_reversed ? UINT32_MAX : 0;
}

/* Where it goes on once it has met `count` ready messages; there are as many. */
uint32_t segment_seek(const struct segment *segment, bool from_back, uint32_t count);

/* Moves the ready messages from `index` on, and all that is known of them, into a new segment of the
 * smallest size that holds them. There are some. */
struct segment *segment_move(struct segment *segment, struct arena *arena, uint32_t index);

/* Appends all that is ready in another segment, for which there is room, and all that is known of it. */
void segment_copy(struct segment *segment, struct segment *from);

/* segment_age.c: when messages arrived, and when they expire. */

/* Whether a message that arrives at `now` can be appended, as far as time goes. */
bool segment_is_young(const struct segment *segment, uint64_t now);

/* Whether one of `size` bytes can be. */
static inline bool segment_has_room(const struct segment *segment, uint32_t size, uint64_t now)
{
    return segment->block.capacity - segment->block.used >= size && segment_is_young(segment, now);
}

/* Notes that messages from `index` on arrive at `now`. */
void segment_arrive(struct segment *segment, uint32_t index, uint64_t now);

/* When message `index` arrived. */
uint64_t segment_arrival(const struct segment *segment, uint32_t index);

/* When the first of its ready messages did; there are some. */
uint64_t segment_oldest(const struct segment *segment);

/* Notes that message `index` expires at `deadline`, whatever its queue says. */
void segment_set_deadline(struct segment *segment, uint32_t index, uint64_t deadline);

/* The earliest time at which one of these messages expires, or TIME_NEVER. */
uint64_t segment_first_expiry(const struct segment *segment, uint32_t index, uint32_t count,
                              uint64_t ttl_ns);

/* The earliest time at which a ready message expires, or TIME_NEVER; `ttl_ns` is the queue's, or
 * TIME_NEVER. */
uint64_t segment_expiry(const struct segment *segment, uint64_t ttl_ns);

/* Finds ready messages from message `from` on that lie together, were delivered equally often and
 * have expired, at most `count_max`; false when there are none. */
bool segment_find_expired(struct segment *segment, uint64_t ttl_ns, uint64_t now, uint32_t from,
                          uint32_t count_max, struct stretch *stretch);

/* Notes, of messages that are about to be appended to `to`, when messages of `from` arrived and
 * expire. */
void segment_copy_times(struct segment *to, const struct segment *from, uint32_t index,
                        uint32_t count);

/* Counts how long some messages have waited. */
void segment_count_waits(const struct segment *segment, uint32_t index, uint32_t count,
                         uint64_t now, struct histogram *histogram);

/* Nothing ready, nothing leased, no slice out. */
static inline bool segment_is_done(const struct segment *segment)
{
    return segment->ready_count == 0 && segment->leased_count == 0 &&
           segment->block.holds_count == 0;
}

/* Asserts all that must hold. */
void segment_check(const struct segment *segment);

#endif

/* Queues: messages in order, each ready or leased until settled, within a bound. */
#ifndef RINGPOST_CORE_QUEUE_H
#define RINGPOST_CORE_QUEUE_H

#include "base/table.h"
#include "core/segment.h"
#include "core/settings.h"
#include "core/stock.h"

struct consumer;

#define QUEUE_ORDER_START (UINT64_MAX / 2) /* of the first segment: others come before and behind */

/* What becomes of a leased message. */
enum settle {
    SETTLE_ACKNOWLEDGE,
    SETTLE_RETURN,
    SETTLE_REJECT, /* from here on it dies */
    SETTLE_EXPIRE,
    SETTLE_OVERFLOW,
    SETTLE_EXHAUST, /* it was delivered too often */
    SETTLE_KINDS,
};

struct settlement {
    enum settle how;
    uint64_t delay_ns; /* of a return */
    bool to_back;      /* of a return: the end it was taken from */
};

/*
 * Messages since the queue was made.
 * accepted = ready + leased + delayed + the sum of `settled` without SETTLE_RETURN + purged,
 * delivered = leased + acknowledged + returned + rejected. A message that comes back for the last
 * time counts as returned and as exhausted.
 */
struct queue_counters {
    uint64_t accepted, delivered, refused, purged;
    uint64_t settled[SETTLE_KINDS];
    uint64_t dead_lettered; /* of those that died: that another queue has taken */
};

/* Times of what was delivered, and acknowledged. */
struct queue_times {
    struct histogram waited, worked;
};

struct queue {
    struct table_entry entry;     /* in its space's table; its name is the queue's */
    uint8_t space;                /* the engine's number of it */
    struct list hot;              /* in the engine's list of queues with something to do, or none */
    struct timer timer;           /* in the engine's: queue_due */
    struct list segments;         /* from the front to the back */
    struct segment *front, *back; /* the outermost segments with ready messages, or NULL */
    uint64_t order_first, order_next;
    size_t segment_size_next; /* bytes */

    struct queue_settings own;      /* as declared or set; owns its `dead_letter` */
    struct queue_settings settings; /* as they hold */
    bool is_declared, is_paused;
    bool is_shadowed; /* there is a value of its name */
    bool is_mortal;   /* its name has a lifetime, which is over when nothing is ready any more */
    bool has_passed;  /* some consumers were passed over, for the size of what was next */
    bool is_edited;   /* younger messages may stand before older ones */
    uint64_t ready_count, ready_size, leased_count, leased_size, delayed_count, delayed_size;
    uint64_t waiting_count;    /* held pushes */
    struct timers aging;       /* segments whose ready messages expire */
    struct timers delayed;     /* messages that are not ready yet */
    uint64_t delayed_order;    /* of the next one */
    struct timers leases;      /* consumers whose leases end by themselves */
    struct queue_times *times; /* NULL until something was delivered */
    struct list waiting;       /* of struct held_push, first come first */
    struct list consumers;     /* all of them */
    size_t consumers_count;
    struct consumer **willing; /* heap of those who can be given something, the least laden first */
    size_t willing_count, willing_capacity;
    struct queue_counters counters;
    uint64_t burial; /* the last one of the engine that has aged it */
    uint64_t born; /* the engine's number of it: no two queues ever have the same, and none has 0 */
    uint64_t changes;    /* of what is ready, ever */
    struct list takers;  /* of struct taker_place, first come first */
    struct list awaited; /* in the stock's list, or none */
};

/* A message that is not ready yet. */
struct delayed {
    struct timer timer; /* in its queue's */
    uint32_t deliveries;
    bool at_front; /* where it will be ready */
    unsigned char frame[];
};

/* A new queue with default settings. It keeps a copy of the name. */
struct queue *queue_create(struct bytes name, uint64_t hash);

/* Frees it and what it holds. It has no consumers, leases or waiting pushes; segments that a slice
 * still holds live on until released. */
void queue_destroy(struct queue *queue, struct stock *stock);

/* Gives the queue settings of its own, those given in `own`. It keeps a copy. */
void queue_set_own(struct queue *queue, const struct queue_settings *own);

/* Has settings hold: the queue's own, and where it has none those of `others`, which give all. What
 * `others` borrows lives until the next call. */
void queue_configure(struct queue *queue, const struct queue_settings *others);

/* Where its dead letters go, put together at `buffer`, which has room for DEAD_LETTER_NAME_MAX
 * bytes; empty: nowhere. */
enum { DEAD_LETTER_NAME_MAX = FRAME_NAME_MAX + 8 };
struct bytes queue_dead_letter(const struct queue *queue, unsigned char *buffer);

/* How messages are pushed; they add up. */
enum {
    PUSH_FRONT = 1 << 0, /* to the front, the last of them first */
    PUSH_WHOLE = 1 << 1, /* all of them, or none */
};

/*
 * Cuts what the bound allows now off the front of `run` and takes it. Returns how many messages.
 * Those whose headers ask for a delay are put aside.
 */
uint32_t queue_push(struct queue *queue, struct stock *stock, struct run *run, unsigned how);

/* Messages, and bytes of them, that count towards the bound. */
uint64_t queue_held_count(const struct queue *queue);
uint64_t queue_held_size(const struct queue *queue);

/* Bytes that may still be pushed; 0 when no further message may. */
uint64_t queue_room(const struct queue *queue);

/* Leases the messages that are next at one end: at most `count_max` and `size_max` bytes; false
 * when not even one fits. */
bool queue_lease(struct queue *queue, struct stock *stock, bool from_back, uint32_t count_max,
                 uint64_t size_max, struct stretch *stretch);

/* Discards all ready messages; returns how many. */
uint64_t queue_purge_ready(struct queue *queue, struct stock *stock);

/* Discards all ready and delayed messages; returns how many. */
uint64_t queue_purge(struct queue *queue, struct stock *stock);

/* Notes that those who wait for what is ready have something to look at. */
void queue_await(struct queue *queue, struct stock *stock);

/* Frees the segment if nothing needs it any more. For a segment whose last hold has ended. */
void queue_release(struct segment *segment, struct stock *stock);

/* Whether nothing would be lost if it went away. */
bool queue_is_unused(const struct queue *queue);

/* Asserts all that must hold. */
void queue_check(const struct queue *queue);

/* queue_settle.c: how messages leave. */

/* Settles leased messages that lie together. May free their segment. */
void queue_settle(struct queue *queue, struct stock *stock, struct segment *segment, uint32_t index,
                  uint32_t count, const struct settlement *settlement);

/* Lets ready messages die that `run` would take the place of, from the other end than it is pushed to;
 * false when none is ready, or not even its first message, or the whole, would fit without them. */
bool queue_make_room(struct queue *queue, struct stock *stock, const struct run *run, unsigned how);

/* queue_age.c: what time does. */

/* Makes ready what was delayed and is due, and lets die what has expired; AGED_MAX messages at
 * most, since so many may be due at once. */
enum { AGED_MAX = 4096 };
void queue_age(struct queue *queue, struct stock *stock);

/* When queue_age has something to do, or TIME_NEVER. */
uint64_t queue_age_due(const struct queue *queue);

/* The same, or the first lease of a consumer ends by itself. */
uint64_t queue_due(const struct queue *queue);

/* Puts a copy of a frame aside for a while. */
void queue_delay(struct queue *queue, struct stock *stock, const unsigned char *frame,
                 uint64_t delay_ns, uint32_t deliveries, bool at_front);

/* Discards all that is delayed. */
void queue_purge_delayed(struct queue *queue);

/* Has the segment looked at when the first of these messages expires, which have become ready. */
void queue_watch(struct queue *queue, struct segment *segment, uint32_t index, uint32_t count);

/* Has it looked at when the first of all its ready messages expires. */
void queue_rewatch(struct queue *queue, struct segment *segment);

/* When the first of its ready messages expires, or TIME_NEVER. */
uint64_t queue_expiry(const struct queue *queue, const struct segment *segment);

/* When the oldest ready message arrived; TIME_NEVER when there is none. */
uint64_t queue_oldest(const struct queue *queue);

/* queue_edit.c: ready messages that are discarded, as if purged, or changed, in the middle. */

/* Discards those that say `body`, at most `count_max`, beginning at one end; returns how many. */
uint64_t queue_remove(struct queue *queue, struct stock *stock, struct bytes body, bool from_back,
                      uint64_t count_max);

/* Discards so many at one end. */
void queue_shorten(struct queue *queue, struct stock *stock, bool from_back, uint64_t count);

/* Accepts a message right before a ready one, or behind it. */
void queue_insert_beside(struct queue *queue, struct stock *stock, const struct stretch *one,
                         bool is_before, const unsigned char *frame);

/* Accepts a message in the place of a ready one, which is discarded. */
void queue_replace(struct queue *queue, struct stock *stock, const struct stretch *one,
                   const unsigned char *frame);

/* queue_move.c: ready messages that go to another queue. */

/* Whether there is room in `to` for what is ready in `from`, once its own list is dropped. */
bool queue_may_take_over(const struct queue *to, const struct queue *from);

/* Moves what is ready in `from` to the front of `to`: there it is accepted, here purged. */
void queue_take_over(struct queue *to, struct queue *from, struct stock *stock);

/* queue.c, for these. */

/* Makes one message ready at an end. */
void queue_insert(struct queue *queue, struct stock *stock, const unsigned char *frame,
                  uint32_t deliveries, bool at_front);

/* Makes one ready in a segment that has room for it. */
void queue_join(struct queue *queue, struct stock *stock, struct segment *segment,
                const unsigned char *frame, uint32_t deliveries);

/* Takes a segment out with nothing in it that is ready or leased; frees it unless a slice holds it. */
void queue_drop(struct queue *queue, struct stock *stock, struct segment *segment);

/* Takes note of messages that a segment has made ready. */
void queue_add_ready(struct queue *queue, struct stock *stock, struct segment *segment,
                     uint32_t count, uint64_t size);

/* Discards ready messages that lie together, as if purged. May free their segment. */
void queue_discard(struct queue *queue, struct stock *stock, const struct stretch *stretch);

/* Takes note of ready messages that a segment has leased. */
void queue_add_leased(struct queue *queue, const struct stretch *stretch);

#endif

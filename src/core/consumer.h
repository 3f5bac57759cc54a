/* Consumers: who takes messages from a queue, with what credit, and what is leased to them. */
#ifndef RINGPOST_CORE_CONSUMER_H
#define RINGPOST_CORE_CONSUMER_H

#include "core/queue.h"

struct peer;

#define CREDIT_SIZE_MAX (UINT64_MAX / 2) /* bytes that the credit of one consumer may sum up to */

/*
 * Messages of one segment delivered one behind the other, under tags counting up. Tag tag_first + i
 * stands for message index + i, or, where they are reversed, index + count - 1 - i.
 */
struct lease {
    uint64_t tag_first;
    struct segment *segment;
    uint32_t index, count;
    uint32_t left_count; /* not settled yet */
    bool is_reversed;
    uint64_t *settled_bits; /* by place in the lease; NULL while all are left */
    uint64_t began;         /* when it was delivered */
    uint64_t at;            /* the same, or when it was last touched */
};

struct consumer {
    struct table_entry entry; /* in its peer's table, by id */
    struct list link;         /* in its queue's list */
    struct queue *queue;
    struct peer *peer;
    bool from_back, no_ack;
    bool is_keeper; /* keeps what its connection has popped: nobody sees it, and it has no credit */
    bool is_passed; /* over, since its credit did not reach for the message that was next */
    bool is_touched; /* leases may not lie in the order in which they began */
    uint32_t credit_count;
    uint64_t credit_size;
    uint64_t tag_next;
    uint64_t served;   /* when it was last given something, for fairness among the equally laden */
    size_t willing_at; /* its place in the queue's heap, from 1 on; 0: not in it */
    uint64_t leased_count;
    struct lease *leases; /* a ring, by tag */
    size_t leases_first, leases_count, leases_capacity;
    struct timer timer; /* in its queue's: when the first lease is over, or earlier */
};

static inline uint32_t consumer_id(const struct consumer *consumer)
{
    return (uint32_t)consumer->entry.hash;
}

/* A new consumer on the queue, with no credit. */
struct consumer *consumer_create(struct queue *queue, struct peer *peer, uint32_t id);

/* Returns what it has leased and frees it. */
void consumer_destroy(struct consumer *consumer, struct stock *stock);

/* Adds credit; false when that would be too much. */
bool consumer_credit(struct consumer *consumer, uint32_t count, uint64_t size);

/* Whether it could be given a message now, as far as its credit goes. */
bool consumer_has_credit(const struct consumer *consumer);

/* Takes the next messages off the queue for this consumer, at most `count_max` and `size_max`
 * bytes; false when none can be. Gives the tag of the first. */
bool consumer_take(struct consumer *consumer, struct stock *stock, uint32_t count_max,
                   uint64_t size_max, struct stretch *stretch, uint64_t *tag);

/* Puts the consumer where it belongs in the queue's heap, or, when not `is_willing`, takes it out.
 */
void consumer_rank(struct consumer *consumer, bool is_willing);

/* Asserts all that must hold. */
void consumer_check(const struct consumer *consumer);

/* consumer_lease.c: what is leased to it. */

/* Remembers a delivery, joined with the one before where it goes on from there. */
void consumer_lease(struct consumer *consumer, const struct stretch *stretch, uint64_t now);

/* Settles those of the tags that are leased; returns how many were. */
uint64_t consumer_settle(struct consumer *consumer, struct stock *stock, uint64_t tag,
                         uint32_t count, const struct settlement *settlement);

/* Settles all that it has leased; returns how many messages. */
uint64_t consumer_settle_all(struct consumer *consumer, struct stock *stock,
                             const struct settlement *settlement);

/* Begins the time of these tags anew, and of those that were leased in one piece with them; returns
 * how many of them are leased. */
uint64_t consumer_touch(struct consumer *consumer, struct stock *stock, uint64_t tag,
                        uint32_t count);

/* Returns a piece of a lease that has lasted too long, and tells its tags; false when there is none.
 * `*at`, 0 at first, keeps the place. To be called until it is false. */
bool consumer_lose(struct consumer *consumer, struct stock *stock, size_t *at, uint64_t *tag,
                   uint32_t *count);

/* Has the consumer looked at when its first lease is over: its queue's settings have changed. */
void consumer_watch(struct consumer *consumer);

/* When its oldest lease began; TIME_NEVER when there is none. */
uint64_t consumer_oldest(const struct consumer *consumer);

void consumer_check_leases(const struct consumer *consumer);

#endif

/* Subscriptions: what a connection listens to, and what waits for it there, within a bound. */
#ifndef RINGPOST_CORE_SUBSCRIPTION_H
#define RINGPOST_CORE_SUBSCRIPTION_H

#include "base/table.h"
#include "core/settings.h"
#include "core/slice.h"

struct peer;
struct subscriber_set;

struct subscription {
    struct table_entry entry; /* in its peer's table, by id */
    struct peer *peer;
    struct subscriber_set *set; /* the one it is in */
    uint32_t set_at;            /* its place there */
    bool is_wildcard;
    uint32_t count_max, waiting_count;  /* messages */
    uint64_t size_max, waiting_size;    /* bytes */
    struct list waiting;                /* its posts in the backlog, oldest first */
    uint64_t missed_count, missed_size; /* dropped since the last gap notice */
};

/* Messages waiting in a connection's backlog; with no messages, the place of a gap. */
struct post {
    struct list in_backlog, in_subscription;
    struct subscription *subscription;
    struct slice slice;
};

/* Where a connection's messages of topics wait until they can be sent, in order over all its
 * subscriptions. */
struct backlog {
    struct list posts;
    uint64_t posts_count;
};

/* Posts that are not in use. A zeroed pool is empty. */
struct post_pool {
    struct list *spare; /* linked by `next` alone */
};

void post_pool_finish(struct post_pool *pool);

static inline uint32_t subscription_id(const struct subscription *subscription)
{
    return (uint32_t)subscription->entry.hash;
}

struct subscription *subscription_create(struct peer *peer, uint32_t id, uint32_t count_max,
                                         uint64_t size_max);

/* Frees it. Nothing waits for it, and it is in no set. */
void subscription_destroy(struct subscription *subscription);

/*
 * Puts the messages of a chunk behind what waits, taking a hold of its own, and drops the oldest of
 * the subscription that are over its bound. Returns how many it dropped.
 */
uint64_t backlog_add(struct backlog *backlog, struct post_pool *pool, struct arena *arena,
                     struct subscription *subscription, const struct slice *slice);

/* Takes the first post off. Its hold goes to the caller with the slice; the post is the pool's
 * again. */
struct post backlog_take(struct backlog *backlog, struct post_pool *pool);

/* Drops all that waits for the subscription, as missed. */
void backlog_drop(struct backlog *backlog, struct post_pool *pool, struct arena *arena,
                  struct subscription *subscription);

/* Asserts all that must hold. */
void backlog_check(const struct backlog *backlog);

#endif

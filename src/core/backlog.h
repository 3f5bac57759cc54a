/* Backlogs: messages of topics that wait for one connection, in order over all its subscriptions,
 * each within a bound. */
#ifndef RINGPOST_CORE_BACKLOG_H
#define RINGPOST_CORE_BACKLOG_H

#include "base/hash.h"
#include "core/slice.h"
#include "core/subscription.h"

/*
 * Messages that wait, and how many are missing right before them; without messages, only those.
 *
 *      backlog   o-----o-----o-----o     in the order in which they go out
 *      line 1    o-----------o           each post is in one line: those of one subscription
 *      line 2          o-----------o
 */
struct post {
    struct list in_backlog, in_line;
    struct table_entry latest; /* in a line that keeps the last of each name: by that name */
    struct subscription *subscription;
    uint64_t order; /* of its first message among all that were published */
    uint64_t missed_count, missed_size;
    bool is_retained;
    struct slice slice;
};

/* What waits for one subscription: there is one only while something does. */
struct line {
    struct list posts; /* oldest first */
    struct list over;  /* in the store's list, or none */
    struct post *late; /* before which something was put last, or NULL */
    uint32_t count;    /* messages */
    uint64_t size;     /* bytes of them */
    struct table latest;
};

/* Where a connection's messages wait. */
struct backlog {
    struct list posts;
    uint64_t posts_count;
};

/* What all backlogs of an engine are made of. */
struct backlog_store {
    struct arena *arena;
    const struct hash_key *key;
    struct list *spare_posts, *spare_lines; /* linked by `next` alone */
    struct list over; /* lines over their bound whose subscriptions are to be ended */
};

/* Messages to be put into backlogs: of one name, in a chunk. */
struct batch {
    struct slice slice;
    uint64_t order; /* grows from each run published to the next */
    bool is_retained;
};

/* Messages, bytes. */
struct missed {
    uint64_t count, size;
};

void backlog_store_init(struct backlog_store *store, struct arena *arena,
                        const struct hash_key *key);
void backlog_store_finish(struct backlog_store *store);

/* How many messages wait for the subscription. */
static inline uint32_t subscription_waiting(const struct subscription *subscription)
{
    return subscription->line ? subscription->line->count : 0;
}

/* Whose line it is, in which something waits. */
static inline struct subscription *line_subscription(const struct line *line)
{
    return list_entry(line->posts.next, struct post, in_line)->subscription;
}

/*
 * Lets messages wait in their order, behind what waits for the subscription unless it is newer.
 * Takes a hold of its own. What is over the bound is dropped as the subscription has chosen, and
 * counted where it is missing; the line of one that is to be ended goes into the store's list.
 * Returns how many messages were dropped.
 */
uint64_t backlog_add(struct backlog *backlog, struct backlog_store *store,
                     struct subscription *subscription, const struct batch *batch);

/* Takes the first post off. Its hold goes to the caller with the slice. */
struct post backlog_take(struct backlog *backlog, struct backlog_store *store);

/* Takes the first post of a subscription off, which has one. */
struct post backlog_take_of(struct backlog *backlog, struct backlog_store *store,
                            struct subscription *subscription);

/* Asserts all that must hold. */
void backlog_check(const struct backlog *backlog);

#endif

/* Peers: what the engine knows about one connection. */
#ifndef RINGPOST_CORE_PEER_H
#define RINGPOST_CORE_PEER_H

#include "core/backlog.h"
#include "core/queue.h"
#include "core/topics.h"

/* Pushes that wait for room in a queue that holds its producers. */
struct held_push {
    struct list in_queue, in_peer;
    struct peer *peer;
    struct queue *queue;
    uint64_t ticket;
    struct run run;     /* in `slice` */
    struct slice slice; /* brings the hold */
};

struct peer {
    struct table_entry entry; /* in the engine's table, by id */
    uint32_t id;
    uint32_t held_count_max;
    struct bytes client, address; /* for listings; behind the struct, or `label` */
    void *label;
    struct list hot; /* in the engine's list of connections with something to send, or none */
    struct table consumers, subscriptions; /* by id */
    struct table keepers;                  /* by the number of their queue */
    struct backlog backlog;
    uint64_t unsent_sizes[BLOCK_KINDS]; /* of topics in chunks, of queues in segments */
    uint64_t unsent_max;                /* bytes of a kind; one frame may pass it */
    bool is_each;             /* each of its subscriptions that match is given what is published */
    bool was_full, was_laden; /* since it last had room for bytes, or leases, consumers were passed
                                 over for that */
    uint64_t leased_count, leased_max; /* messages leased to it, and how many may be */
    uint64_t leased_since;             /* when it last began to have any */
    size_t turn_at; /* the place in `consumers` that comes first when it has room again */
    uint64_t held_size_max, held_count, held_size;
    struct list held;
    struct queue
        *queue_memo; /* of the last push; stands while the engine's queues stay as they are */
    uint64_t queue_memo_generation;
    struct match *match_memo;
    struct taker *taker;  /* while it waits */
    struct table watches; /* by name and space */
};

/* Bytes of messages from blocks of that kind that it may be handed now; queues and topics do not
 * wait for one another. */
static inline uint64_t peer_room(const struct peer *peer, enum block_kind kind)
{
    uint64_t unsent = peer->unsent_sizes[kind];
    return unsent < peer->unsent_max ? peer->unsent_max - unsent : 0;
}

/* Messages that may still be leased to it. */
static inline uint64_t peer_lease_room(const struct peer *peer)
{
    return peer->leased_count < peer->leased_max ? peer->leased_max - peer->leased_count : 0;
}

/* Counts messages that are leased to it. */
static inline void peer_lease(struct peer *peer, uint64_t count, uint64_t now)
{
    if (peer->leased_count == 0 && count > 0)
        peer->leased_since = now;
    peer->leased_count += count;
}

#endif

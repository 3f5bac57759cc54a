/* Peers: what the engine knows about one connection. */
#ifndef RINGPOST_CORE_PEER_H
#define RINGPOST_CORE_PEER_H

#include "core/queue.h"
#include "core/subscription.h"
#include "core/topics.h"

enum {
    PEER_NONE = UINT32_MAX, /* no connection's id */
    PEER_UNSENT_MAX =
        256 *
        1024, /* bytes of messages handed to a connection and not yet sent; one frame may pass it */
};

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
    struct list hot; /* in the engine's list of connections with something to send, or none */
    struct table consumers, subscriptions; /* by id */
    struct backlog backlog;
    uint64_t unsent_size;
    bool was_full; /* since it last had room, consumers were passed over */
    uint32_t held_count_max;
    uint64_t held_size_max, held_count, held_size;
    struct list held;
    struct queue
        *queue_memo; /* of the last push; stands while the engine's queues stay as they are */
    uint64_t queue_memo_generation;
    struct match *match_memo;
};

static inline bool peer_has_room(const struct peer *peer)
{
    return peer->unsent_size < PEER_UNSENT_MAX;
}

#endif

/* Peers: what the engine knows about one connection. */
#ifndef RINGPOST_CORE_PEER_H
#define RINGPOST_CORE_PEER_H

#include "core/backlog.h"
#include "core/queue.h"
#include "core/topics.h"

enum {
    PEER_UNSENT_MAX = 256 * 1024, /* bytes of a kind handed to a connection and not yet sent; one
                                     frame may pass it */
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
    uint64_t unsent_sizes[BLOCK_KINDS]; /* of topics in chunks, of queues in segments */
    bool was_full;                      /* since it last had room, consumers were passed over */
    size_t turn_at; /* the place in `consumers` that comes first when it has room again */
    uint32_t held_count_max;
    uint64_t held_size_max, held_count, held_size;
    struct list held;
    struct queue
        *queue_memo; /* of the last push; stands while the engine's queues stay as they are */
    uint64_t queue_memo_generation;
    struct match *match_memo;
};

/* Bytes of messages from blocks of that kind that it may be handed now; queues and topics do not
 * wait for one another. */
static inline uint64_t peer_room(const struct peer *peer, enum block_kind kind)
{
    uint64_t unsent = peer->unsent_sizes[kind];
    return unsent < PEER_UNSENT_MAX ? PEER_UNSENT_MAX - unsent : 0;
}

#endif

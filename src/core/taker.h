/* Takers: connections that wait for a message of the first of some lists that will have one. */
#ifndef RINGPOST_CORE_TAKER_H
#define RINGPOST_CORE_TAKER_H

#include "core/peer.h"

/* What a pop asks for. */
struct pop {
    struct peer *peer;
    uint64_t ticket;
    uint8_t space;
    uint32_t count; /* messages, at most */
    bool from_back;
    bool is_move; /* one message, which is pushed to `to` */
    bool to_front;
    struct bytes to;
};

/* Where a taker stands in one queue's line. */
struct taker_place {
    struct list link; /* in the queue's */
    struct queue *queue;
    struct taker *taker;
};

struct taker {
    struct pop pop;
    struct timer timer;          /* in the engine's: when it gives up */
    uint32_t places_count;       /* so far */
    struct taker_place places[]; /* by the names, as they were given; behind them stands pop.to */
};

/* The taker of pop.peer, which has none yet, with room for so many names. It keeps a copy of what
 * `pop` borrows. */
struct taker *taker_create(const struct pop *pop, uint32_t names_count);

/* Puts it at the end of a queue's line, for its next name. */
void taker_join(struct taker *taker, struct queue *queue);

/* Has those in one queue's line, in their order, be the line of another, which has none. */
void takers_move(struct queue *from, struct queue *to);

/* Takes it out of all lines and frees it. Its timer is not set. */
void taker_destroy(struct taker *taker);

/* The first in a queue's line, or NULL. */
static inline struct taker_place *taker_first(const struct queue *queue)
{
    return list_is_empty(&queue->takers) ? NULL
                                         : list_entry(queue->takers.next, struct taker_place, link);
}

/* Which of the taker's names that is. */
static inline uint32_t taker_place_which(const struct taker_place *place)
{
    return (uint32_t)(place - place->taker->places);
}

/* Asserts all that must hold of a queue's line. */
void takers_check(const struct queue *queue);

#endif

/* Watches: names that connections have an eye on, to learn whether anything there has changed. */
#ifndef RINGPOST_CORE_WATCH_H
#define RINGPOST_CORE_WATCH_H

#include "core/peer.h"

/* A name that somebody watches. */
struct watched {
    struct table_entry entry; /* in the engine's table; its hash is of name and space */
    uint8_t space;
    struct list watches;
};

struct watch {
    struct table_entry entry; /* in its peer's table, as the watched one's */
    struct list link;         /* in the watched one's */
    struct watched *watched;
    uint64_t born, changes; /* of the queue of that name when it began; 0 when there was none */
    bool is_changed;        /* whatever the queue says */
};

/* Has a peer watch a name, as it is now; `queue` is the one of that name, or NULL. Does nothing
 * when it does already. `names` are all that are watched. */
void watch_begin(struct table *names, struct peer *peer, const struct watched *what,
                 const struct queue *queue);

/* Ends all watches of a peer. */
void watches_end(struct table *names, struct peer *peer);

/* Whether the name has changed, whose queue is `queue` now, or NULL. */
bool watch_has_changed(const struct watch *watch, const struct queue *queue);

/* Notes for all who watch it that the queue of a name ends. */
void watched_lose_queue(struct watched *watched, const struct queue *queue);

/* Notes for all who watch it that a name has changed. */
void watched_change(struct watched *watched);

#endif

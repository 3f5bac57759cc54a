/* What all queues of an engine share: memory for messages, the time, and messages that died. */
#ifndef RINGPOST_CORE_STOCK_H
#define RINGPOST_CORE_STOCK_H

#include "base/arena.h"
#include "base/list.h"

#include <stdint.h>

struct queue;

struct stock {
    struct arena *arena;
    uint64_t now;        /* of the engine's call in progress, in nanoseconds */
    struct list letters; /* dead letters that are to be buried before the call ends */
    bool is_burying;     /* whoever makes room for a dead letter leaves none */
    struct list awaited; /* queues that became ready while somebody waited, in that order */
};

/* A message that died, on its way to the queue for dead letters. */
struct letter {
    struct list link;
    struct queue *from;
    unsigned char frame[];
};

#endif

/* Timers: things that are due at some time, the earliest first. */
#ifndef RINGPOST_CORE_TIMERS_H
#define RINGPOST_CORE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

/* Stands in the thing that is due. A zeroed timer is not set. */
struct timer {
    uint64_t due;   /* in the clock's unit of whoever set it */
    uint64_t order; /* the lower first, among those due at once */
    size_t at;      /* its place in the heap, from 1 on; 0: not set */
};

/* A heap. A zeroed one is empty. */
struct timers {
    struct timer **heap;
    size_t count, capacity;
};

/* Frees the heap; no timer is set. */
void timers_finish(struct timers *timers);

/* Sets a timer, or sets it anew; TIME_NEVER takes it off. */
void timers_set(struct timers *timers, struct timer *timer, uint64_t due);

/* The earliest, or NULL. */
static inline struct timer *timers_first(const struct timers *timers)
{
    return timers->count ? timers->heap[0] : NULL;
}

/* When the earliest is due, or TIME_NEVER. */
uint64_t timers_due(const struct timers *timers);

/* Asserts all that must hold. */
void timers_check(const struct timers *timers);

#endif

#include "core/timers.h"

#include "base/array.h"
#include "base/time.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

void timers_finish(struct timers *timers)
{
    assert(timers->count == 0);
    memory_free(timers->heap);
    *timers = (struct timers){0};
}

static bool comes_first(const struct timer *a, const struct timer *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void put(struct timers *timers, size_t at, struct timer *timer)
{
    timers->heap[at - 1] = timer;
    timer->at = at;
}

/* Moves a timer from heap place `at` up or down to where its order holds. */
static void fix(struct timers *timers, size_t at, struct timer *timer)
{
    for (; at > 1 && comes_first(timer, timers->heap[at / 2 - 1]); at /= 2)
        put(timers, at, timers->heap[at / 2 - 1]);
    for (size_t child; (child = 2 * at) <= timers->count; at = child) {
        if (child < timers->count && comes_first(timers->heap[child], timers->heap[child - 1]))
            child++;
        if (!comes_first(timers->heap[child - 1], timer))
            break;
        put(timers, at, timers->heap[child - 1]);
    }
    put(timers, at, timer);
}

static void take_off(struct timers *timers, struct timer *timer)
{
    size_t at = timer->at;
    struct timer *last = timers->heap[--timers->count];
    timer->at = 0;
    if (last != timer)
        fix(timers, at, last);
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t due)
{
    if (due == TIME_NEVER) {
        if (timer->at > 0)
            take_off(timers, timer);
        return;
    }
    timer->due = due;
    if (timer->at == 0) {
        timers->heap = array_reserve(timers->heap, &timers->capacity, timers->count + 1,
                                     sizeof(struct timer *));
        timer->at = ++timers->count;
    }
    fix(timers, timer->at, timer);
}

uint64_t timers_due(const struct timers *timers)
{
    return timers->count ? timers->heap[0]->due : TIME_NEVER;
}

void timers_check(const struct timers *timers)
{
    for (size_t at = 1; at <= timers->count; at++) {
        assert(timers->heap[at - 1]->at == at);
        assert(at == 1 || !comes_first(timers->heap[at - 1], timers->heap[at / 2 - 1]));
    }
}

#include "client/heartbeat.h"

#include "base/time.h"
#include "client/link.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <time.h>

enum {
    /*
     * Some frame is promised each third of the liveness. What was written just behind a look is
     * noticed at the next, and missed at the one behind that: two looks make a third.
     */
    LOOKS_PER_LIVENESS = 6,
    LIVENESS_MIN_MS = 50, /* nobody can be asked for more than that */
    LIVENESS_MAX_MS = 24 * 3600 * 1000,
};

void heartbeat_set(struct heartbeat *heartbeat, uint64_t liveness_ms)
{
    if (liveness_ms > 0 && liveness_ms < LIVENESS_MIN_MS)
        liveness_ms = LIVENESS_MIN_MS;
    if (liveness_ms > LIVENESS_MAX_MS)
        liveness_ms = LIVENESS_MAX_MS;
    heartbeat->interval_ns = liveness_ms * NS_PER_MS / LOOKS_PER_LIVENESS;
    if (heartbeat->is_running)
        pthread_cond_signal(&heartbeat->changed);
}

/* Messages may be leased that were not read yet, so a consumer is enough. */
static bool may_hold_leases(const struct source_table *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        if (source_is_leasing(sources->all[i]))
            return true;
    }
    return false;
}

/* What waits to be written is as good as a heartbeat, and comes first in any case. */
static void beat(struct ringpost *handle)
{
    struct output *output = &handle->output;
    if (output_size(output) == 0 && output->capacity >= FRAME_HEAD_SIZE)
        (void)link_frame(handle, OP_HEARTBEAT, 0, bytes_of(NULL, 0), 0);
    handle->link.is_writable = true;
    link_send(handle);
}

static void look(struct ringpost *handle)
{
    bool is_heard = handle->heartbeat.is_heard;
    if (!is_heard && handle->link.state == LINK_UP && may_hold_leases(&handle->sources))
        beat(handle);
    handle->heartbeat.is_heard = false;
}

/* Returns whether the time for a look has come. */
static bool await_look(struct heartbeat *heartbeat)
{
    if (heartbeat->interval_ns == 0) {
        pthread_cond_wait(&heartbeat->changed, &heartbeat->lock);
        return false;
    }
    uint64_t due_ns = clock_ns() + heartbeat->interval_ns;
    struct timespec due = {(time_t)(due_ns / NS_PER_S), (long)(due_ns % NS_PER_S)};
    return pthread_cond_timedwait(&heartbeat->changed, &heartbeat->lock, &due) == ETIMEDOUT;
}

static void *run(void *argument)
{
    struct ringpost *handle = argument;
    struct heartbeat *heartbeat = &handle->heartbeat;
    pthread_mutex_lock(&heartbeat->lock);
    while (!heartbeat->is_ending) {
        if (await_look(heartbeat))
            look(handle);
    }
    pthread_mutex_unlock(&heartbeat->lock);
    return NULL;
}

static void locks_init(struct heartbeat *heartbeat)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&heartbeat->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&heartbeat->lock, NULL);
}

static void locks_finish(struct heartbeat *heartbeat)
{
    pthread_mutex_destroy(&heartbeat->lock);
    pthread_cond_destroy(&heartbeat->changed);
}

/* Signals are for the threads of the program. */
static int thread_create(struct ringpost *handle)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&handle->heartbeat.thread, NULL, run, handle);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

int heartbeat_start(struct ringpost *handle)
{
    struct heartbeat *heartbeat = &handle->heartbeat;
    assert(heartbeat->depth > 0);
    if (heartbeat->is_running || heartbeat->interval_ns == 0)
        return 0;
    locks_init(heartbeat);
    pthread_mutex_lock(&heartbeat->lock);
    if (thread_create(handle) != 0) {
        pthread_mutex_unlock(&heartbeat->lock);
        locks_finish(heartbeat);
        return -ENOMEM;
    }
    heartbeat->is_running = true;
    return 0;
}

void heartbeat_stop(struct heartbeat *heartbeat)
{
    assert(heartbeat->depth == 0);
    if (!heartbeat->is_running)
        return;
    pthread_mutex_lock(&heartbeat->lock);
    heartbeat->is_ending = true;
    pthread_cond_signal(&heartbeat->changed);
    pthread_mutex_unlock(&heartbeat->lock);
    pthread_join(heartbeat->thread, NULL);
    heartbeat->is_running = false;
    locks_finish(heartbeat);
}

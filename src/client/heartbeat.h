/*
 * Heartbeats: a thread that lets the broker hear from a connection on which messages are leased, whatever
 * the user's thread is busy with. It writes, and does nothing else.
 *
 * The handle belongs to the user's thread inside a call of the library, and to nobody while that waits for
 * the socket or is outside. The lock says so; without a thread there is none.
 */
#ifndef RINGPOST_CLIENT_HEARTBEAT_H
#define RINGPOST_CLIENT_HEARTBEAT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct ringpost;

struct heartbeat {
    uint64_t interval_ns; /* from one look to the next; 0: the broker asks for none */
    unsigned depth;       /* calls of the library that the user's thread is inside of */
    bool is_running;
    bool is_ending; /* the thread is to end */
    bool is_heard;  /* something was written since the last look */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* is_ending or interval_ns */
    pthread_t thread;
};

/* The broker ends a connection that it does not hear from for so long, in milliseconds; 0: it does not. */
void heartbeat_set(struct heartbeat *heartbeat, uint64_t liveness_ms);

/*
 * Starts the thread, inside a call, unless it runs already or the broker asks for nothing. Returns 0 or
 * -ENOMEM.
 */
int heartbeat_start(struct ringpost *handle);

/* Ends the thread, outside of all calls. */
void heartbeat_stop(struct heartbeat *heartbeat);

/* Around every call that changes the handle; calls may stand inside one another. */
static inline void heartbeat_enter(struct heartbeat *heartbeat)
{
    if (heartbeat->depth++ == 0 && heartbeat->is_running)
        pthread_mutex_lock(&heartbeat->lock);
}

static inline void heartbeat_leave(struct heartbeat *heartbeat)
{
    if (--heartbeat->depth == 0 && heartbeat->is_running)
        pthread_mutex_unlock(&heartbeat->lock);
}

/* Around a wait inside a call. */
static inline void heartbeat_release(struct heartbeat *heartbeat)
{
    if (heartbeat->is_running)
        pthread_mutex_unlock(&heartbeat->lock);
}

static inline void heartbeat_hold(struct heartbeat *heartbeat)
{
    if (heartbeat->is_running)
        pthread_mutex_lock(&heartbeat->lock);
}

#endif

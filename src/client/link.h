/* The connection of a handle: its states, its input and output, and waiting for them. */
#ifndef RINGPOST_CLIENT_LINK_H
#define RINGPOST_CLIENT_LINK_H

#include "client/handle.h"

/* How long a call may wait. Made by wait_for; the end is set by the first link_turn. */
struct wait {
    int timeout_ms;
    uint64_t deadline_ns;
};

static inline struct wait wait_for(int timeout_ms)
{
    return (struct wait){timeout_ms, 0};
}

/* The body of an OP_LINK_LOST notice, which stands in the input where a connection ended. */
struct link_loss {
    uint64_t first, count; /* frames that were unconfirmed, as the handle counts; count 0: none */
    int32_t error;
    uint32_t zero;
};

uint64_t clock_ns(void);

/*
 * Room in the output for a frame with `name` and `body_size` bytes of body, which the caller fills.
 * NULL: no memory. Counts it: its number is window.last.
 */
unsigned char *link_frame(struct ringpost *handle, enum op op, unsigned flags, struct bytes name,
                          size_t body_size);

/*
 * Sees to it that everything put out so far will be confirmed soon: the broker takes its time with acknowledgements,
 * credit and published messages until it is asked. Returns 0 or -ENOMEM.
 */
int link_prompt(struct ringpost *handle);

/* Remembers that there is something to write; called when it may be the first. */
void link_note_output(struct ringpost *handle);

/* Whether what waits to be written has waited long enough for a reader that does not wait itself. */
bool link_is_output_late(const struct ringpost *handle);

/* Sends what waits in the output, as far as the socket takes it. */
void link_send(struct ringpost *handle);

/* Writes what can be written: settlements, credit, then the socket. Returns 0 or -ENOMEM. */
int link_write(struct ringpost *handle);

/* Receives what can be received, once. Returns 1 when something changed, 0 or -ENOMEM. */
int link_receive(struct ringpost *handle);

/*
 * Does what can be done without waiting. Tries the socket when it may be ready, or in any case: for those who do not
 * poll. Returns 1 when something changed, 0, -ENOMEM, or -ENOTCONN when it is closed for good.
 */
int link_step(struct ringpost *handle, bool is_probing);

/*
 * Does what can be done, or waits until something can be. Returns 0 when the caller should look again,
 * -ETIMEDOUT, -EINTR, -ENOMEM or -ENOTCONN.
 */
int link_turn(struct ringpost *handle, struct wait *wait);

/* link_turn for those who do not read events: -ENOBUFS when too many wait. */
int link_turn_aside(struct ringpost *handle, struct wait *wait);

/* Waits until the connection is up. Returns 0 or as link_turn_aside. */
int link_await_up(struct ringpost *handle, struct wait *wait);

/* Ends the connection because of `error` (-errno). Does nothing without one. */
void link_break(struct ringpost *handle, int error, const char *text);

/* What poll(2) should watch the descriptor for. */
short link_events(struct ringpost *handle);

/* When a step is due though nothing happened, or TIME_NEVER. */
uint64_t link_timer(const struct ringpost *handle);

#endif

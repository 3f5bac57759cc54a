/*
 * All input and output of a shard: one submission point, one wait, no callbacks.
 *
 * Two bodies, chosen at link time: uring.c on io_uring, sim.c on a simulated network with virtual
 * time.
 */
#ifndef RINGPOST_RING_RING_H
#define RINGPOST_RING_RING_H

#include "base/bytes.h"

#include <sys/uio.h>

struct ring;

/*
 * One operation in flight. The owner embeds it, zeroed before its first use, and sets `kind` for
 * itself. From its start until the event with `is_last` it belongs to the ring: it must stay where
 * it is and must not be started again. Once ring_wait has returned that event, `is_active` is false,
 * though it and others of the io may still stand in the array: free nothing before all are handled.
 */
struct io {
    uint8_t kind;    /* the owner's: what to do with its events */
    bool is_active;  /* the ring's: started, last event not yet returned */
    uint32_t number; /* the ring's */
};

/* What happened to an io. The events of one io come in order. */
struct ring_event {
    struct io *io;
    int32_t result; /* as started; -errno for failure */
    bool is_last;   /* the io is the owner's again */
    const unsigned char
        *data; /* a receive's `result` bytes; the caller's until ring_buffer_return. Else NULL */
    uint16_t buffer; /* names `data` for ring_buffer_return */
};

struct ring_options {
    unsigned entries;     /* submissions that can wait; 0: the default */
    unsigned completions; /* completions that can wait; 0: the default */
    unsigned buffers;     /* receive buffers, a power of two; 0: the default */
    unsigned buffer_size; /* bytes of each; 0: the default */
    unsigned
        peer_timeout_s; /* within which keep-alive finds that a peer has vanished; 0: the default */
    bool is_base_only;  /* use no kernel feature newer than Linux 6.1's */
    uint64_t seed;      /* sim.c only: decides everything that chance decides */
};

/* Where to listen. */
struct ring_address {
    enum { RING_ADDRESS_TCP4, RING_ADDRESS_TCP6, RING_ADDRESS_UNIX } kind;
    unsigned char host[16]; /* network order; TCP4 uses the first four */
    uint16_t port;          /* host order; 0: any free one */
    char path[108];         /* UNIX: with its ending zero */
};

enum { RING_EVENTS_MAX = 1024 }; /* events that one ring_wait returns at most */

/* Makes a ring that belongs to the calling thread. Returns 0 or -errno (what a refusal means:
 * ring_explain); `*ring` is the caller's to destroy. */
int ring_create(struct ring **ring, const struct ring_options *options);

/* Ends all that is in flight without events, then frees everything. */
void ring_destroy(struct ring *ring);

/* Monotonic nanoseconds as of the last ring_wait. */
uint64_t ring_now(const struct ring *ring);

/* What the time of day, in nanoseconds since 1970, has more than that. It changes when somebody sets
 * the clock. */
uint64_t ring_epoch(const struct ring *ring);

/* Lets that time pass, with the thread doing nothing at all. */
void ring_sleep(struct ring *ring, uint64_t ns);

/*
 * Submits everything started since the last call and waits for an event, at most until `deadline`
 * (TIME_NEVER: as long as it takes; a time that has passed: not at all). Returns the number of
 * events put into `events`, which has room for RING_EVENTS_MAX. Never fails for a reason that the
 * caller could mend; 0 events are normal.
 */
unsigned ring_wait(struct ring *ring, uint64_t deadline, struct ring_event *events);

/* A listening socket. Returns its fd, or -errno. A unix path that nobody listens on is replaced;
 * its mode is 0600 from the start. */
int ring_listen(struct ring *ring, const struct ring_address *address);

/* The port a TCP listener has got, in host order. */
uint16_t ring_listen_port(struct ring *ring, int fd);

/* Accepts again and again: an event per connection, `result` its fd, ready for use (no delay,
 * keep-alive). -errno comes with is_last. */
void ring_accept(struct ring *ring, struct io *io, int fd);

/* Who a connection comes from; a unix socket has no path. Returns 0 or -errno. */
int ring_peer(struct ring *ring, int fd, struct ring_address *address);

/* Bytes that have come on a connection and were not received yet. */
size_t ring_unread(struct ring *ring, int fd);

/*
 * Whether a peer has not acknowledged all that was sent to it. `*silent_ns` is since when its host
 * has not been heard although it was asked again; 0 if there is no sign of that. A host that lives
 * is heard, even if nobody there reads.
 */
bool ring_silence(struct ring *ring, int fd, uint64_t *silent_ns);

/*
 * Takes the connection that waits the longest at a listener and closes it, although no descriptor
 * is free: the ring keeps one in reserve. For a listener on which no accept is active. Returns
 * whether one waited.
 */
bool ring_turn_away(struct ring *ring, int fd);

/*
 * Receives again and again into the ring's own buffers: an event per piece, `result` its bytes. 0
 * is the peer's end. -ENOBUFS: all buffers were out (or, before Linux 6.5, it was cancelled); start
 * again once some have been returned. Any event can be the last, also one with bytes.
 */
void ring_recv(struct ring *ring, struct io *io, int fd);

/* Gives a receive buffer back, by the next ring_wait at the latest. */
void ring_buffer_return(struct ring *ring, uint16_t buffer);

/*
 * Sends `count` pieces, 1 to 1024, as one. One event: `result` is the bytes that went out, perhaps
 * fewer. Array and bytes stay the caller's to keep until then. One send at a time on a descriptor:
 * the order of two would be chance.
 */
void ring_send(struct ring *ring, struct io *io, int fd, const struct iovec *pieces,
               unsigned count);

/* Waits until `fd` can be read. One event. */
void ring_poll(struct ring *ring, struct io *io, int fd);

/* Asks for the end of an active io: its last event comes soon, with its result if it was done
 * before, else with an error. */
void ring_cancel(struct ring *ring, struct io *io);

/* Tells the peer that nothing more comes; SHUT_WR or SHUT_RDWR. */
void ring_shutdown(struct ring *ring, int fd, int how);

/* Closes a descriptor on which no io is active. */
void ring_close(struct ring *ring, int fd);

/*
 * Explains why ring_create failed with `error` (-errno) on this machine, and what the operator can
 * do, as text of at most `size` bytes with its ending zero.
 */
void ring_explain(int error, char *text, size_t size);

/* Writes what this kernel offers of what the ring can use, line by line, to `text`. Returns 0, or
 * -errno as ring_create would. */
int ring_check(char *text, size_t size);

#endif

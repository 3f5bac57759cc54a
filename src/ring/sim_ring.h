/* The parts of the simulated ring, for the files of its body alone. */
#ifndef RINGPOST_RING_SIM_RING_H
#define RINGPOST_RING_SIM_RING_H

#include "base/random.h"
#include "ring/sim.h"

enum {
    NONE = -1,
    DESCRIPTOR_FIRST = 1000000, /* no real descriptor, so that a stray system call fails */
};

enum op_kind { OP_ACCEPT, OP_RECV, OP_SEND, OP_POLL, OP_KINDS };

/* A started io. */
struct op {
    struct io *io; /* NULL: free */
    enum op_kind kind;
    int fd;
    int next_free;
    bool is_queued;  /* may have something to do */
    bool is_done;    /* a send whose bytes have moved and whose event has not */
    bool is_blocked; /* a send that has waited for room */
    bool is_cancelled;
    bool is_cancel_late; /* has had its last chance */
    uint64_t due;        /* the wait before which it does nothing */
    const struct iovec *pieces;
    unsigned piece_count;
    uint64_t checksum; /* of the pieces, which must not change meanwhile */
    size_t size, sent;
    int32_t result;
};

/* Bytes on their way in one direction. */
struct stream {
    unsigned char *data;
    size_t size, head, count;
};

/* A connection. */
struct wire {
    struct stream in, out; /* as the server sees it */
    int fd;                /* the server's; NONE: not accepted yet, or closed */
    int next_free;
    bool is_used;
    bool is_client_gone; /* its number is given back */
    bool is_client_ended;
    bool is_vanished;
    bool is_server_closed;
    bool is_read_shut, is_write_shut; /* by the server */
    bool is_reset;                    /* broken, to both */
    bool is_reset_told;               /* an error is told once; then it is an end */
    bool is_ready;                    /* stands in the list of ready clients */
};

struct listener {
    struct ring_address address;
    int fd; /* NONE: free */
    int *backlog;
    size_t backlog_head, backlog_count, backlog_capacity;
};

struct descriptor {
    enum { DESCRIPTOR_FREE, DESCRIPTOR_WIRE, DESCRIPTOR_LISTENER } kind;
    int index;
    int next_free;
    int ops[OP_KINDS];
};

/* A descriptor from outside that is polled. */
struct outsider {
    int fd;
    bool is_readable;
    int op;
};

struct ring {
    struct sim_options options;
    struct sim_counters counters;
    struct random random;
    uint64_t trace;
    uint64_t time, now, deadline;

    struct op *ops;
    size_t op_count, op_capacity;
    int op_free;
    unsigned op_active_count;
    int *queue; /* ops that may have something to do */
    size_t queue_count, queue_capacity;

    unsigned char *bytes; /* of the receive buffers */
    size_t *lent_sizes;   /* by buffer; 0: free */
    uint16_t *buffers;    /* free ones */
    unsigned buffer_count, buffer_free_count, buffer_size;

    struct descriptor *descriptors;
    size_t descriptor_count, descriptor_capacity;
    int descriptor_free;
    unsigned descriptor_used_count;
    struct listener *listeners;
    size_t listener_count, listener_capacity;
    uint16_t port_next;
    struct wire *wires;
    size_t wire_count, wire_capacity;
    int wire_free;
    int *ready; /* clients for sim_ready */
    size_t ready_count, ready_capacity;
    struct outsider *outsiders;
    size_t outsider_count, outsider_capacity;
};

/* sim.c */

/* Whether an accident happens, at `rate` of 1000. A rate of zero costs no random number. */
static inline bool sim_chance(struct ring *ring, unsigned rate)
{
    return rate && random_below(&ring->random, 1000) < rate;
}

/* Lets the op, unless it is NONE, look whether it has something to do. */
void sim_op_wake(struct ring *ring, int op);

/* sim_step.c */

/* The events of one wait. */
struct batch {
    struct ring_event *events;
    unsigned count, room;
};

/* Where the descriptor of an op notes it. */
int *sim_op_place(struct ring *ring, int fd, enum op_kind kind);

/* Of the edges of all pieces: who changes or frees them before the event is found out. */
uint64_t sim_pieces_checksum(const struct op *op);

/* Lets the op do what it can and chance lets it. Returns whether it stays in the queue. */
bool sim_step(struct ring *ring, struct batch *batch, struct op *op);

/* sim_buffers.c */

void sim_buffers_init(struct ring *ring, const struct ring_options *options);
void sim_buffers_finish(struct ring *ring);
uint16_t sim_buffer_take(struct ring *ring, size_t size);
unsigned char *sim_buffer_bytes(const struct ring *ring, unsigned buffer);

/* sim_network.c */

size_t stream_push(struct stream *stream, const unsigned char *data, size_t size);
size_t stream_pop(struct stream *stream, unsigned char *data, size_t size);
void stream_clear(struct stream *stream);

void network_finish(struct ring *ring);
struct descriptor *network_descriptor(struct ring *ring, int fd);
struct wire *network_wire(struct ring *ring, int fd);
struct listener *network_listener(struct ring *ring, int fd);

/* A wire to the listener, in its backlog. */
int network_connect(struct ring *ring, struct listener *listener);

/* Takes the first wire off a backlog that is not empty and gives it a descriptor. */
int network_accept(struct ring *ring, struct listener *listener);

/* Takes the first wire off a backlog that is not empty and breaks it. */
void network_abort(struct ring *ring, struct listener *listener);

/* Breaks a wire; what was on its way to the client is lost. */
void network_reset(struct ring *ring, struct wire *wire);

/* Puts the wire's client among the ready ones. */
void network_notify(struct ring *ring, struct wire *wire);

/* Wakes the op of this kind on the wire, if there is one. */
void network_wake(struct ring *ring, const struct wire *wire, enum op_kind kind);

/* Frees the wire if neither side has it any more. */
void network_wire_drop(struct ring *ring, struct wire *wire);

struct outsider *network_outsider(struct ring *ring, int fd);

#endif

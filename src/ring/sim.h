/*
 * The test's side of the simulated ring: a network whose accidents are drawn from a seed, and a clock that only the test moves.
 *
 * A test starts the server on a ring made with its seed, then in turn moves clients, lets the server call ring_wait (which never blocks
 * here), and moves the clock. Bytes move when ring_wait runs. A client that stops reading is one on which sim_recv is not called.
 */
#ifndef RINGPOST_RING_SIM_H
#define RINGPOST_RING_SIM_H

#include "ring/ring.h"

/* Rates are per 1000; zero is never, and 1000 is always. */
struct sim_options {
    unsigned delay;           /* a step or an event waits for some more ring_waits; at most 999 */
    unsigned delay_waits_max; /* so many more at most */
    unsigned reorder; /* a wait takes the ios in random order, else the longest waiting first */
    unsigned completion_full; /* a wait returns 4 events at most */
    unsigned recv_cut;        /* a receive gets a random part of what is there */
    unsigned recv_end;        /* an event with bytes is its io's last */
    unsigned recv_starve;     /* -ENOBUFS although there are buffers */
    unsigned recv_reset;      /* the connection breaks when a receive looks: -ECONNRESET */
    unsigned send_short;      /* a send ends before its end */
    unsigned send_reset;    /* the connection breaks when a send looks: -ECONNRESET, later -EPIPE */
    unsigned accept_end;    /* an event with a descriptor is its io's last */
    unsigned accept_full;   /* -EMFILE although there are descriptors */
    unsigned accept_abort;  /* -ECONNABORTED */
    unsigned cancel_late;   /* a cancel comes after what it should have stopped */
    unsigned cancel_starve; /* a cancelled receive ends with -ENOBUFS, as before Linux 6.5 */
    unsigned in_size;       /* bytes on the way to the server, for connections made from now on */
    unsigned out_size;      /* bytes on the way to a client, likewise */
    unsigned descriptors_max; /* accepting beyond it is -EMFILE; 0: no limit */
};

/* How often each accident has happened. */
struct sim_counters {
    uint64_t waits, events;
    uint64_t delays;      /* of any step or event */
    uint64_t send_delays; /* a client could see the bytes before the server saw the send's event */
    uint64_t reorders;    /* waits with two ios or more in random order */
    uint64_t completion_fulls; /* waits that held events back */
    uint64_t recv_cuts, recv_ends, recv_starves, recv_resets;
    uint64_t recv_outs;   /* -ENOBUFS because all buffers were lent */
    uint64_t send_shorts; /* of which the caller must send the rest */
    uint64_t send_blocks; /* sends that had to wait for the client to read */
    uint64_t send_resets, send_pipes;
    uint64_t accept_ends, accept_fulls, accept_aborts;
    uint64_t cancel_wins;   /* -ECANCELED */
    uint64_t cancel_losses; /* the io's own result came first */
    uint64_t cancel_starves;
};

enum sim_state {
    SIM_OPEN,
    SIM_ENDED, /* the server's end has come, and all before it was read */
    SIM_RESET, /* broken; what sim_recv still gives had arrived before */
};

/* No accidents; room for 64 KiB in each direction. What a new ring has. */
struct sim_options sim_options_calm(void);

/* Every accident often enough to be met within some thousand events; little room. */
struct sim_options sim_options_wild(void);

void sim_configure(struct ring *ring, const struct sim_options *options);
const struct sim_counters *sim_counters(const struct ring *ring);

/* Folds everything that the ring has told the server: equal runs have equal hashes. */
uint64_t sim_trace_hash(const struct ring *ring);

/* The clock, which ring_now shows from the next ring_wait on. */
uint64_t sim_time(const struct ring *ring);
void sim_advance(struct ring *ring, uint64_t ns);

/* The deadline of the last ring_wait. */
uint64_t sim_deadline(const struct ring *ring);

/* Whether ring_wait has nothing more to tell until a client, the server or the clock moves. */
bool sim_is_quiet(const struct ring *ring);

/* What the server holds: open descriptors, receive buffers, ios in flight. For leaks. */
unsigned sim_descriptor_count(const struct ring *ring);
unsigned sim_lent_count(const struct ring *ring);
unsigned sim_active_count(const struct ring *ring);

/*
 * A new client of the listener on `port`, or at `path`. Returns its number, which is the test's until sim_close or sim_break, and then may
 * come again; or -ECONNREFUSED.
 */
int sim_connect(struct ring *ring, uint16_t port);
int sim_connect_path(struct ring *ring, const char *path);

/* The client at the other end of a connection that the server has accepted. */
int sim_client(struct ring *ring, int fd);

/* Returns how many of the bytes there was room for; 0 also if the connection is over. */
size_t sim_send(struct ring *ring, int client, const void *data, size_t size);

/* Returns how many bytes were there; all that was there if fewer than `size`. */
size_t sim_recv(struct ring *ring, int client, void *data, size_t size);

/* The bytes that wait for sim_recv. */
size_t sim_recv_size(const struct ring *ring, int client);

enum sim_state sim_state(const struct ring *ring, int client);

/* The client ends its sending; it can still receive. */
void sim_shutdown(struct ring *ring, int client);

/* The client ends with FIN, reading nothing more. */
void sim_close(struct ring *ring, int client);

/* The client ends with RST. */
void sim_break(struct ring *ring, int client);

/* From now on nothing goes from or to the client, and nobody is told. sim_break is what a keep-alive would find. */
void sim_vanish(struct ring *ring, int client);

/* The next client that has got bytes or its end since it was last returned, or -1. */
int sim_ready(struct ring *ring);

/* Makes `fd`, which is not of this network, readable or not, for ring_poll. */
void sim_set_readable(struct ring *ring, int fd, bool is_readable);

#endif

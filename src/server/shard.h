/* Shards: one ring, one engine and the connections that came in there; one thread's world. */
#ifndef RINGPOST_SERVER_SHARD_H
#define RINGPOST_SERVER_SHARD_H

#include "base/random.h"
#include "core/engine.h"
#include "ring/ring.h"
#include "server/conn.h"
#include "server/door.h"
#include "server/gate.h"
#include "session/session.h"

struct tuning;

struct shard_options {
    struct ring_options ring;
    struct tuning *tuning; /* borrowed; NULL: clients change no settings */
    struct session_limits limits;
    struct door_limits door_limits;
    uint64_t peer_timeout_ns; /* for a peer that does not acknowledge; 0: only TCP judges */
    struct engine_config engine;
    uint64_t memory_max; /* bytes that may be allocated before pushes are refused; 0: no limit */
    struct hash_key hash_key;
    unsigned answer_delay_turns; /* every answer waits up to so many turns, at random; 0 but in the
                                    simulation */
};

enum io_kind { IO_ACCEPT, IO_RECV, IO_SEND, IO_SIGNAL };

/* A listening socket of the shard. */
struct listener {
    struct io io;
    int fd;
    uint64_t retry_ns; /* when to accept again after a refusal; TIME_NEVER: it accepts */
};

enum { LISTENERS_MAX = 16 };

struct shard {
    struct ring *ring;
    struct engine *engine;
    struct outbox outbox;
    struct gate gate;
    struct shard_options options;
    struct session_facts facts;
    struct random random;
    uint64_t now, turns_count;

    struct listener listeners[LISTENERS_MAX];
    unsigned listeners_count;

    struct door door;
    struct table conns; /* by id */
    struct conn *conn_memo;
    uint32_t conn_id_next;
    struct list dirty;    /* connections that may have something to send */
    struct list starved;  /* those that found no receive buffer, the hungriest first */
    struct list resuming; /* those whose session can take up input that it kept */
    struct list ended;    /* those to be detached at the end of the turn */
    struct list timeouts[TIMEOUT_KINDS]; /* each in order of its deadlines */
    struct list watched;    /* connections whose peers may owe an acknowledgement, by watch_ns */
    unsigned refused_count; /* connections that are told why they were not let in */
    bool is_pressed;        /* memory is short: pushes are refused */
    uint64_t press_told_ns; /* when that was last logged */
    uint64_t clock_due_ns;  /* when the time of day is looked at again */
    uint64_t complaints_count, complaints_since_ns; /* of clients, of late */
    bool is_ending;

    struct io signal;
    int signal_fd; /* -1: none */
    bool is_signalled;
};

/* Makes ring and engine, for the calling thread. Returns 0 or -errno. */
int shard_init(struct shard *shard, const struct shard_options *options);

/* Ends everything at once and frees it. */
void shard_finish(struct shard *shard);

/* Listens at `address`. Returns 0 or -errno; `*port` is what a TCP listener got. */
int shard_listen(struct shard *shard, const struct ring_address *address, uint16_t *port);

/* One turn: waits for something to happen, until `deadline` at most, and does everything that
 * follows from it. */
void shard_turn(struct shard *shard, uint64_t deadline);

/* Stops accepting, tells all connections that the end is near, and from now on only lets them settle
 * what is leased to them. Turns are needed until shard_is_drained, or for as long as that may take.
 */
void shard_drain(struct shard *shard);

/* Whether nothing is leased any more. */
bool shard_is_drained(const struct shard *shard);

/* Stops accepting and says goodbye to all connections. Turns are still needed until shard_is_quiet.
 */
void shard_end(struct shard *shard);

/* Whether all connections are gone. */
bool shard_is_quiet(const struct shard *shard);

/* Has another configuration hold from now on; frame_max and liveness_ns stay. What `engine` points
 * to is borrowed until the next time. */
void shard_configure(struct shard *shard, const struct session_limits *limits,
                     const struct door_limits *door_limits, const struct engine_config *engine,
                     uint64_t memory_max);

/* Carries a command of a connection out. */
void shard_apply(struct shard *shard, const struct command *command);

/* Ends the hold of a slice that an effect for `peer` brought. */
void shard_release(struct shard *shard, uint32_t peer, const struct slice *slice);

/* Ends the hold of an effect that nobody will read, if it brought one. */
void shard_discard(struct shard *shard, const struct effect *effect);

/* Has is_signalled set when `fd` can be read. */
void shard_watch(struct shard *shard, int fd);

#endif

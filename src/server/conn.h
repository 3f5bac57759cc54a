/* Connections: a descriptor, what is in flight on it, and the session that it carries. */
#ifndef RINGPOST_SERVER_CONN_H
#define RINGPOST_SERVER_CONN_H

#include "base/list.h"
#include "base/table.h"
#include "ring/ring.h"
#include "server/door.h"
#include "session/session.h"

struct shard;

/*
 *    OPEN ----------------> DRAINING --------> PARTING --------> CLOSING --> freed
 *      |   session closed,     | last words       | peer's end      ^  all ios have ended
 *      |   or peer's end       | sent, FIN sent   | or time-out     |
 *      +-----------------------+------------------+-- an error -----+
 */
enum conn_state {
    CONN_OPEN,     /* talks */
    CONN_DRAINING, /* only sends what it has to say; what comes is thrown away */
    CONN_PARTING,  /* has said all; waits for the peer's end, so that its last words are not lost to
                      a reset */
    CONN_CLOSING,  /* waits for its ios to end */
};

enum timeout_kind {
    TIMEOUT_SILENT,   /* nothing has come yet */
    TIMEOUT_HELLO,    /* hello is not complete */
    TIMEOUT_LIVENESS, /* has it been heard of, while it has leases? Asked again and again */
    TIMEOUT_PART,     /* draining and parting take too long */
    TIMEOUT_KINDS,
};

#define CONN_PART_NS (2 * NS_PER_S) /* for last words and the peer's end */

struct conn {
    struct table_entry entry; /* in the shard's table, by id */
    uint32_t id;
    int fd;
    enum conn_state state;
    struct io recv, send;
    uint32_t gated_count; /* its effects in the gate */
    struct guest guest;
    bool is_attached;   /* the engine knows it */
    bool is_detached;   /* the engine has forgotten it: nothing more is taken */
    bool is_paused;     /* its receiving was stopped, since its requests cannot be taken yet */
    bool is_refused;    /* it was never let in */
    bool is_at_end;     /* the peer has ended its sending */
    uint64_t fed_turn;  /* the last turn in which bytes came */
    uint64_t gate_pass; /* the last pass of the gate that held one of them back */
    struct list dirty, starved, resuming, ended, timeout;
    uint64_t timeout_ns;
    uint64_t heard_ns;       /* when bytes last came */
    size_t unread_size;      /* that had come while it was not read, when its life was looked at */
    struct list watched;     /* while its peer may owe an acknowledgement of what was sent */
    uint64_t watch_ns;       /* when that is looked at next */
    uint64_t watch_since_ns; /* since when it is */
    struct session session;
};

/* A connection that has just been accepted: let in, or told why not. The shard's until it is freed.
 */
void conn_create(struct shard *shard, int fd);

/* The connection of that id, or NULL. */
struct conn *conn_find(struct shard *shard, uint32_t id);

void conn_on_recv(struct shard *shard, struct conn *conn, const struct ring_event *event);
void conn_on_send(struct shard *shard, struct conn *conn, const struct ring_event *event);

/* Puts an effect into the session's words. */
void conn_effect(struct shard *shard, struct conn *conn, const struct effect *effect);

/* Starts a send if there is anything to say and none is in flight. */
void conn_write(struct shard *shard, struct conn *conn);

/* Takes up input that the session has kept. */
void conn_resume(struct shard *shard, struct conn *conn);

/* Receives again, after it was starved of buffers. */
void conn_receive(struct shard *shard, struct conn *conn);

/* Detaches a connection that has ended from the engine. */
void conn_detach(struct shard *shard, struct conn *conn);

/* Says that the broker ends, and goes on with what is under way; a stranger is sent away. */
void conn_announce_end(struct shard *shard, struct conn *conn);

/* Says goodbye. */
void conn_end(struct shard *shard, struct conn *conn, enum status status);

/* Its deadline has come. */
void conn_on_timeout(struct shard *shard, struct conn *conn);

/* Sees whether its peer still answers; the time to do so has come. */
void conn_watch(struct shard *shard, struct conn *conn);

/* Frees what the ring no longer needs; for a shard whose ring is gone. */
void conn_destroy(struct shard *shard, struct conn *conn);

#endif

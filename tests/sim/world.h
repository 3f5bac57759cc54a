/*
 * The whole server on the simulated ring, clients that speak its protocol in bytes, and the naive twin.
 *
 *      clients --bytes--> ring --> shard, sessions --commands--> engine
 *         ^                                          |              |
 *         | each frame is what is due                | tap          | effects
 *         +--------------- dues <--- twin <----------+--------------+
 *
 * The tap stands before the engine (tap.c). It sees which frames the broker takes up and when, and requires that each is one
 * that a client has said; it lets the twin follow; and what the twin finds allowed becomes due at the clients, who compare it
 * with every byte they hear (hear.c).
 */
#ifndef RINGPOST_TESTS_SIM_WORLD_H
#define RINGPOST_TESTS_SIM_WORLD_H

#include "base/time.h"
#include "commands.h"
#include "link.h"
#include "ring/sim.h"
#include "server/shard.h"

enum {
    WORLD_CLIENTS = 10,
    WORLD_LINKS_MAX = 256, /* numbers that the ring gives to wires */
    WORLD_FRAME_MAX = 512 * 1024,
};

#define WORLD_HELLO_NS (5 * NS_PER_S)
#define WORLD_SILENT_NS (60 * NS_PER_S)
#define WORLD_LIVENESS_NS (30 * NS_PER_S)

/* What a run should reach, beside every op said and every status told. */
#define WORLD_COVERAGE(X)                                                      \
    X(RECV_CUT, "ring: receive of a part of what is there")                    \
    X(RECV_END, "ring: receive that ends with bytes")                          \
    X(RECV_STARVE, "ring: receive refused a buffer")                           \
    X(RECV_OUT, "ring: all receive buffers out")                               \
    X(RECV_RESET, "ring: reset found by a receive")                            \
    X(SEND_SHORT, "ring: short send")                                          \
    X(SEND_BLOCK, "ring: send that waits for a reader")                        \
    X(SEND_RESET, "ring: reset found by a send")                               \
    X(SEND_PIPE, "ring: send to an end that is gone")                          \
    X(SEND_DELAY, "ring: bytes seen by the client before the send is done")    \
    X(REORDER, "ring: completions out of order")                               \
    X(COMPLETION_FULL, "ring: full completion queue")                          \
    X(ACCEPT_END, "ring: accepting ends with a connection")                    \
    X(ACCEPT_FULL, "ring: no descriptor for a connection")                     \
    X(ACCEPT_ABORT, "ring: connection gone before it was accepted")            \
    X(CANCEL_WIN, "ring: io cancelled")                                        \
    X(CANCEL_LOSS, "ring: io done before its cancel")                          \
    X(CANCEL_STARVE, "ring: cancelled receive ends as a starved one")          \
    X(LEFT_FIN, "client ends with FIN")                                        \
    X(LEFT_RESET, "client ends with RST")                                      \
    X(LEFT_VANISHED, "client vanishes")                                        \
    X(LEFT_HALF, "client ends its sending")                                    \
    X(LEFT_MID_FRAME, "client ends in the midst of a frame")                   \
    X(LEFT_UNREAD, "client ends with messages due")                            \
    X(LEFT_WITH_LEASES, "client ends with messages that it has not settled")   \
    X(HALF_TOLD_ALL, "half-closed client told everything")                     \
    X(RUDE, "client that does not close when the broker has")                  \
    X(FRAMES_TOGETHER, "three frames or more in one write")                    \
    X(FRAME_CUT, "frame in several writes")                                    \
    X(HELLO_CUT, "hello in several writes")                                    \
    X(HELLO_PIPELINED, "frames right behind hello")                            \
    X(HELLO_LATE, "hello not complete in time")                                \
    X(SILENT, "connection closed for its silence")                             \
    X(DEAD_VANISHED, "client that vanished with leases found dead")            \
    X(DEAD_HEARD, "client told that it was taken for dead")                    \
    X(PART_LATE, "last words or the peer's end waited for in vain")            \
    X(READER_STOPS, "reader stops for a while")                                \
    X(RUN_REFUSED, "run of malformed messages refused by one ERROR")           \
    X(RUN_TAKEN_APART, "run taken up in several parts")                        \
    X(RUN_JOINED, "several pushes taken up as one run")                        \
    X(STALLED, "input waits behind a large answer")                            \
    X(CLOGGED, "unread answers keep the broker from reading")                  \
    X(GATED, "answers held back at the gate")                                  \
    X(GATED_GONE, "connection ends with answers at the gate")                  \
    X(SENDING_GONE, "connection ends with a send in flight")                   \
    X(CONFIRM_LONG, "one CONFIRM for a hundred frames")                        \
    X(CONFIRM_LAZY, "lazy frames unconfirmed when all is quiet")               \
    X(CONFIRM_WAITS, "CONFIRM waits for a held push when all is quiet")        \
    X(CONFIRM_OVERTAKES, "CONFIRM overtakes what was due before")              \
    X(ERROR_OVERTAKES, "ERROR overtakes what was due before")                  \
    X(ERROR_RANGE, "one ERROR for several frames")                             \
    X(CONTEXT_KEPT, "messages of a later delivery under an earlier CONTEXT")   \
    X(CONTEXT_ALTERNATES, "messages of a queue right behind those of a topic") \
    X(REDELIVERED, "message heard that was delivered before")                  \
    X(ACKED_UNSENT, "message settled while slices of its queue are out")       \
    X(GAP_HEARD, "GAP heard")                                                  \
    X(LOST_HEARD, "LOST heard")                                                \
    X(KILLED_UNHEARD, "connection killed before it was told")                  \
    X(ENDED_HEARD, "ENDED heard")                                              \
    X(GOAWAY_HEARD, "GOAWAY heard")                                            \
    X(REDIS_PUSHES, "pushes of a Redis client that become one run")            \
    X(REDIS_POPS, "pops of a Redis client that are taken up together")         \
    X(REDIS_EXEC, "transaction carried out")                                   \
    X(REDIS_CHANGED, "transaction of names that have changed")                 \
    X(REDIS_WAITS, "Redis client that waits for a list when all is quiet")     \
    X(REDIS_WRONG, "command of a Redis client refused at once")                \
    X(REDIS_BROKEN, "Redis client that breaks the protocol")                   \
    X(REDIS_HEARS, "message heard by a Redis client")                          \
    X(REDIS_GAP, "Redis client that is told of a gap")                         \
    X(REDIS_SLOW, "Redis client that is closed for its slowness")              \
    X(REDIS_INSIDE, "message in the midst of the replies of a transaction")    \
    X(REDIS_QUIT, "QUIT")                                                      \
    X(END_DRAINED, "run that ends empty")                                      \
    X(END_GOODBYE, "run that ends with goodbye in mid-traffic")                \
    X(END_RETRYING, "run that ends while accepting is to be tried again")      \
    X(END_SUDDEN, "run that ends at once in mid-traffic")

enum world_reach {
#define WORLD_ENUM(name, text) WORLD_##name,
    WORLD_COVERAGE(WORLD_ENUM)
#undef WORLD_ENUM
        WORLD_REACH_COUNT
};

enum { WORLD_OPS = OP_HEARTBEAT - OP_HELLO + 1 };

extern uint64_t world_reached[WORLD_REACH_COUNT];
extern uint64_t world_ops_said[WORLD_OPS];         /* from HELLO on */
extern uint64_t world_statuses_told[STATUS_COUNT]; /* by ERROR, ENDED or GOAWAY */

static inline void world_reach(enum world_reach what)
{
    world_reached[what]++;
}

/* What happened in all runs, for the summary. */
struct world_tally {
    uint64_t said, taken;                 /* frames */
    uint64_t messages_heard, redelivered; /* of queues and topics */
    uint64_t replies_heard;               /* by Redis clients */
    uint64_t links, turns, quiet_points;
};
extern struct world_tally world_tally;

struct world {
    struct shard shard;
    struct ring *ring; /* the shard's */
    struct commands commands;
    struct twin twin;
    struct outbox outbox;                  /* of the call being followed */
    struct link links[WORLD_LINKS_MAX];    /* by the ring's number of the wire */
    struct link *clients[WORLD_CLIENTS];   /* what each client talks on, or NULL */
    struct link *by_peer[WORLD_LINKS_MAX]; /* by the broker's number, modulo */
    uint32_t serial_next;
    uint16_t port;
    uint64_t leapt_ns; /* when a leap ended, over which the server heard nobody */
    uint64_t trace;
    bool is_trace;
    bool is_ending;    /* the server has been told to end */
    bool is_finishing; /* and is being freed with all that is in flight */

    struct {                  /* by swarm */
        unsigned weights[16]; /* of actions, by enum action of act.c */
        unsigned turn_percent, read_percent, write_percent;
        bool may_press;         /* memory may be short */
        unsigned redis_percent; /* of clients that speak the Redis protocol */
        bool has_resets;        /* of connections in use */
        bool has_aborts;        /* of connections that wait to be accepted */
        uint64_t step_ns_max;
    } swarm;
};

/* world.c: the server, its turns, and quiet points. */
void world_start(struct world *world, uint64_t seed, bool is_trace);

/* Has the engine be configured otherwise; has memory be short, or there again. */
void world_configure(struct world *world);
void world_press(struct world *world);

/* One turn of the server; the clients that read hear what there is. Returns whether the server would have slept. */
bool world_turn(struct world *world);

/* Turns until the server would sleep with nothing left to do, and sees that nobody waits for anything then. */
void world_settle(struct world *world);

/* Lets the ring go without accidents from now on. */
void world_calm(struct world *world);

/* Frees everything. The server is gone. */
void world_finish(struct world *world);

/* client.c: connections from the client's side. */
struct link *world_connect(struct world *world, bool is_hello_due);

/* Sends some of what was said, `size_max` bytes at most. */
void world_send(struct world *world, struct link *link, size_t size_max);

enum leave { LEAVE_FIN, LEAVE_RESET, LEAVE_VANISH, LEAVE_HALF };
void world_leave(struct world *world, struct link *link, enum leave how);

/* The connection that the broker knows by that number, or NULL. */
struct link *world_link(struct world *world, uint32_t peer);

/* client.c: one that speaks the Redis protocol. */
struct link *world_connect_redis(struct world *world);

/* act.c: what clients do. */
void world_choose(struct world *world);
void world_act(struct world *world);

/* bad.c: says something malformed. */
void world_say_bad(struct world *world, struct link *link);

/* Says a HELLO that is refused, instead of a good one. */
void world_say_bad_hello(struct world *world, struct link *link);

/* hear.c: hears at most `size_max` bytes of what the broker says, and the end of the connection. */
void world_hear(struct world *world, struct link *link, size_t size_max);

/* tap.c: has the tap follow this world, or none. */
void world_tap(struct world *world);

/* drain.c: ends the run in one of the ways there are. */
void world_end(struct world *world);

#endif

/*
 * The engine's naive twin: what docs/PROTOCOL.md says about queues and topics, in arrays that are
 * searched from end to end.
 *
 * The twin carries out each command by itself and foretells what must be settled at once. What the
 * engine is free to decide (who gets how much, when a waiting push comes in) it follows effect by
 * effect, and checks that each was allowed and that none is owed.
 */
#ifndef RINGPOST_TESTS_SIM_TWIN_H
#define RINGPOST_TESTS_SIM_TWIN_H

#include "base/list.h"
#include "core/engine.h"
#include "message.h"

enum {
    TWIN_QUEUES = 9,
    TWIN_PEERS = 24,
    TWIN_IDS = 5,                            /* of consumers, and of subscriptions, of one peer */
    TWIN_CONSUMERS = TWIN_IDS + TWIN_QUEUES, /* behind them the keepers of what it has popped */
    TWIN_TAKE_NAMES = 4,                     /* lists that one pop waits for */
    TWIN_TOPICS = 14,                        /* names that are published to */
    TWIN_INBOXES = 24,                       /* names of inboxes, those that are forged too */
    TWIN_NAMES = TWIN_TOPICS + TWIN_INBOXES,
    TWIN_PATTERNS = 24,
    TWIN_GROUPS = 2, /* called a and b */
};

/* All names there are. */
struct twin_names {
    struct bytes queues[TWIN_QUEUES], topics[TWIN_NAMES], patterns[TWIN_PATTERNS];
    int inboxes_count; /* that are known, behind the topics; the last names are forged ones */
};

/* Remembers the name of an inbox; returns its place among the topics, or -1. */
int names_learn(struct twin_names *names, struct bytes name);

/* What a run should reach. */
#define TWIN_COVERAGE(X)                                                           \
    X(OK, "status: ok")                                                            \
    X(NO_QUEUE, "status: no-queue")                                                \
    X(EXISTS, "status: exists")                                                    \
    X(FULL, "status: full")                                                        \
    X(DELETED, "status: deleted")                                                  \
    X(NO_CONSUMER, "status: no-consumer")                                          \
    X(NO_SUBSCRIPTION, "status: no-subscription")                                  \
    X(ID_IN_USE, "status: id-in-use")                                              \
    X(NOT_LEASED, "status: not-leased")                                            \
    X(CREDIT, "status: credit")                                                    \
    X(WINDOW, "status: window")                                                    \
    X(BAD_PATTERN, "status: bad-pattern")                                          \
    X(RUN_MIXED, "run of frames of several sizes")                                 \
    X(RUN_TINY, "message without a body")                                          \
    X(RUN_LARGE, "message larger than a segment")                                  \
    X(RUN_TORN, "run settled out of its order, since a part of it waits")          \
    X(WAIT_ADMITTED, "waiting push admitted late")                                 \
    X(WAIT_PARTLY, "waiting run admitted in part")                                 \
    X(WAIT_DEAD, "waiting push of a dead producer forgotten")                      \
    X(WAIT_REFUSED, "waiting push refused for a smaller bound")                    \
    X(DELIVERED, "delivery")                                                       \
    X(DELIVERED_BACK, "delivery from the back")                                    \
    X(DELIVERED_REVERSED, "reversed slice of several messages")                    \
    X(DELIVERED_NO_ACK, "delivery without acknowledgement")                        \
    X(DELIVERED_AGAIN, "delivery of a message that was delivered before")          \
    X(DELIVERED_THRICE, "delivery for the third time or later")                    \
    X(DELIVERED_OVER_CREDIT, "message larger than its consumer's credit")          \
    X(DELIVERED_QUANTUM, "slice of more than 64 KiB")                              \
    X(DELIVERED_RIVALS, "delivery while three consumers could have had it")        \
    X(DELIVERED_FULL_PEER, "delivery that filled its connection")                  \
    X(PASSED_OVER, "consumer passed over for the size of what was next")           \
    X(PAUSED_READY, "paused queue with ready messages and willing consumers")      \
    X(RETURNED, "message returned")                                                \
    X(RETURNED_HOLE, "return that leaves leased messages between ready ones")      \
    X(RETURNED_DEAD, "lease returned by the end of its connection")                \
    X(RETURNED_HELD, "lease returned while its slice is out")                      \
    X(SETTLED_TWICE, "tags settled that were settled before")                      \
    X(SETTLED_MIDDLE, "tags settled in the middle of a lease")                     \
    X(SETTLED_SPAN, "one range over several leases")                               \
    X(SETTLED_HUGE, "range to the end of all tags")                                \
    X(PURGED, "purge of ready messages")                                           \
    X(DELETED_LEASED, "queue deleted under leases")                                \
    X(DELETED_HELD, "queue deleted while slices of it are out")                    \
    X(ENDED, "consumer ended by a delete")                                         \
    X(QUEUE_GONE, "undeclared queue gone")                                         \
    X(SEGMENT_BITS, "segment with holes")                                          \
    X(SEGMENT_MIXED, "segment of frames of several sizes")                         \
    X(SEGMENT_DELIVERIES, "segment that counts deliveries")                        \
    X(SEGMENT_LARGE, "segment at its largest")                                     \
    X(SEGMENTS_MANY, "queue of four segments or more")                             \
    X(LEASE_BITS, "lease with holes")                                              \
    X(LEASE_REVERSED, "lease taken from the back")                                 \
    X(COMPACTED, "segment compacted")                                              \
    X(HEAP, "heap of three consumers or more")                                     \
    X(PUBLISHED, "published message with a reader")                                \
    X(PUBLISHED_NOBODY, "published message without a reader")                      \
    X(MATCHED_LITERAL, "literal match")                                            \
    X(MATCHED_STAR, "match by *")                                                  \
    X(MATCHED_REST, "match by >")                                                  \
    X(MATCHED_OVERLAP, "two subscriptions of one connection match")                \
    X(MATCH_CACHED, "match from the cache")                                        \
    X(MATCH_CHANGED, "match that a subscribe or unsubscribe has changed")          \
    X(GAP, "gap at a bound")                                                       \
    X(GAP_ALONE, "gap without a message behind it")                                \
    X(GAP_UNSUBSCRIBE, "gap at unsubscribe")                                       \
    X(BACKLOG_FULL_PEER, "backlog that waits for its connection")                  \
    X(CHUNK_LARGE, "published run larger than a shared chunk")                     \
    X(NO_READER, "status: no-reader")                                              \
    X(OVERFLOW, "status: overflow")                                                \
    X(RETAINED, "status: too-many-retained")                                       \
    X(DROPPED_NEWEST, "newest message dropped")                                    \
    X(REPLACED, "message replaced by a later one of its name")                     \
    X(KEPT_NEWER, "message that comes late and replaces none")                     \
    X(GROUP, "message for a group of one")                                         \
    X(GROUP_RIVALS, "message that several members could have had")                 \
    X(GROUP_SPLIT, "run shared among members")                                     \
    X(HEIR, "message of a member that left for another")                           \
    X(HEIR_BETWEEN, "message of a member that left between those of another")      \
    X(HEIR_NONE, "message of a member that left for nobody")                       \
    X(INBOX, "message for an inbox")                                               \
    X(INBOX_NOBODY, "message for an inbox that is not there")                      \
    X(RETAINED_AGAIN, "retained message in place of another")                      \
    X(RETAINED_CLEARED, "retained message cleared")                                \
    X(RETAINED_SENT, "retained message for a new subscription")                    \
    X(PEEK_MORE, "peek with more behind it")                                       \
    X(PEEK_BACK, "peek from the back")                                             \
    X(LIST_MORE, "list with more behind it")                                       \
    X(TOPICS_MORE, "topics with more behind them")                                 \
    X(TOPICS_ALL, "topic that is a name, a pattern and retained")                  \
    X(PING_SERVED, "ping that handed messages out")                                \
    X(RELEASED_LATE, "slice released after its connection was gone")               \
    X(DELIVERIES_SPLIT, "stretch cut since deliveries differ")                     \
    X(MEMORY, "status: memory")                                                    \
    X(QUEUES, "status: too-many-queues")                                           \
    X(DISCARDED_UNMADE, "dead letter whose queue is one too many")                 \
    X(IN_FLIGHT_FULL, "consumer whose connection has as much in flight as it may") \
    X(CONFIGURED, "settings that come by a name's pattern")                        \
    X(NO_CLIENT, "status: no-client")                                              \
    X(HEADERS, "message with headers")                                             \
    X(HEADERS_FORGED, "message that its client has made a dead letter")            \
    X(DELAYED, "push delayed")                                                     \
    X(DELAYED_FOREVER, "delay beyond the end of time")                             \
    X(PROMOTED, "delayed message due")                                             \
    X(PROMOTED_FRONT, "message returned with a delay due at the front")            \
    X(PROMOTED_BACK, "message returned with a delay due at the back")              \
    X(PROMOTED_EXPIRING, "delayed message due as another expires")                 \
    X(EXPIRED, "message expired")                                                  \
    X(EXPIRED_OWN, "message expired by its own header")                            \
    X(EXPIRED_MIDDLE, "message expired behind one that lives on")                  \
    X(EXPIRED_LEASED, "message expired while it was leased")                       \
    X(EXPIRED_SHORTENED, "ttl shortened under what waits")                         \
    X(TTL_FOREVER, "ttl beyond the end of time")                                   \
    X(AGED_APART, "queue aged by a command, without a tick")                       \
    X(REJECTED, "message rejected")                                                \
    X(EXHAUSTED, "message delivered too often")                                    \
    X(BURIED, "dead letter buried")                                                \
    X(BURIED_OWN, "dead letter buried in the queue it was in")                     \
    X(BURIED_EXHAUSTED_OWN, "exhausted message buried in the queue it was in")     \
    X(BURIED_MADE, "queue made by a dead letter")                                  \
    X(BURIED_OVER_OLDEST, "dead letter that drops the oldest")                     \
    X(DISCARDED_FULL, "dead letter refused by a full queue")                       \
    X(DISCARDED_NOWHERE, "message that dies and has nowhere to go")                \
    X(DISCARDED_UNNAMED, "dead letter whose queue cannot have its name")           \
    X(DIED_TWICE, "message that dies again")                                       \
    X(DIED_MOST, "message that was a dead letter 16 times")                        \
    X(LOST, "lease lost")                                                          \
    X(LOST_PARTLY, "lease lost in part")                                           \
    X(LOST_EXHAUSTED, "lease lost for the last time")                              \
    X(LOST_SETTLED, "lost lease settled late")                                     \
    X(LOST_SHORTENED, "lease-max shortened under leases")                          \
    X(TOUCHED, "lease touched")                                                    \
    X(TOUCHED_OUTLIVES, "touched lease that outlives lease-max")                   \
    X(OVERFLOWED, "oldest message dropped")                                        \
    X(OVERFLOWED_OWN_RUN, "message dropped by a later one of its run")             \
    X(OVERFLOWED_NONE, "nothing to drop, since all is leased or delayed")          \
    X(SET_BOUND_LOWERED, "bound lowered below what is held")                       \
    X(SET_UNDECLARED, "settings of a queue that was not declared")                 \
    X(DECLARED_AGAIN, "queue declared again, in agreement")                        \
    X(REDRIVEN, "message redriven")                                                \
    X(REDRIVEN_TO, "message redriven to a queue that was named")                   \
    X(REDRIVE_OWN, "redrive that stops at a message of the queue it is in")        \
    X(REDRIVEN_MADE, "queue made by a redrive")                                    \
    X(REDRIVE_FULL, "redrive that stops at a full queue")                          \
    X(REDRIVE_UNKNOWN, "redrive that stops at a message of no queue")              \
    X(REDRIVE_MORE, "redrive with more behind it")                                 \
    X(PURGED_DELAYED, "purge of delayed messages")                                 \
    X(DELETED_DELAYED, "queue deleted with delayed messages")                      \
    X(KILLED, "connection killed")                                                 \
    X(KILLED_SELF, "connection that kills itself")                                 \
    X(CLIENTS_MORE, "listing of connections with more behind it")                  \
    X(HEARTBEAT, "heartbeat")                                                      \
    X(TICK_DUE, "tick at its deadline")                                            \
    X(TICK_EARLY, "tick right before its deadline")                                \
    X(TICK_LATE, "tick long past its deadline")

/* The same of lists, pops and transactions. */
#define TWIN_LIST_COVERAGE(X)                                                           \
    X(OVERFLOWED_NEWEST, "message at the back dropped by one pushed to the front")      \
    X(PUSHED_FRONT, "push to the front")                                                \
    X(PUSHED_WHOLE, "whole run pushed")                                                 \
    X(PUSHED_WHOLE_REFUSED, "whole run refused that would fit in part")                 \
    X(PUSHED_NOWHERE, "push to no list, which there must be")                           \
    X(PUSHED_AWAITED, "run of which others take in between")                            \
    X(TAKEN, "messages taken")                                                          \
    X(TAKEN_BACK, "messages taken from the back")                                       \
    X(TAKEN_EACH, "several pops of one message")                                        \
    X(TAKEN_EACH_LATE, "pops of which the last find nothing")                           \
    X(TAKEN_PAUSED, "pop of a paused queue")                                            \
    X(TAKEN_PIECES, "messages taken in several pieces")                                 \
    X(TAKER, "pop that waits")                                                          \
    X(TAKER_SECOND, "pop served by another name than its first")                        \
    X(TAKER_RIVALS, "message that several wait for")                                    \
    X(TAKER_LATE, "pop that waits in vain")                                             \
    X(TAKER_DEAD, "connection ends while it waits")                                     \
    X(TAKER_OUTLIVES, "queue deleted while somebody waits")                             \
    X(TAKER_TICK, "pop served by what time makes ready")                                \
    X(TAKER_REFUSED, "message that waits to be moved, and cannot be")                   \
    X(MOVED, "message moved")                                                           \
    X(MOVED_OWN, "message moved to the other end of its list")                          \
    X(MOVED_LATE, "message moved for one that waits")                                   \
    X(KEEPER, "messages popped and leased")                                             \
    X(KEEPER_NEXT, "next pop acknowledges")                                             \
    X(KEEPER_FINISHED, "what was popped finished")                                      \
    X(KEEPER_RETURNED, "what was popped returned")                                      \
    X(KEEPER_LOST, "lease of what was popped lost")                                     \
    X(KEEPER_DEAD, "what was popped returned by the end of its connection")             \
    X(KEEPER_DELETED, "queue deleted of which somebody has popped")                     \
    X(KEEPER_FULL, "pop that leases all that may be in flight")                         \
    X(RANGE, "messages of a range")                                                     \
    X(RANGE_EMPTY, "range without messages")                                            \
    X(CHANGED, "transaction that does not take place")                                  \
    X(UNCHANGED, "transaction that takes place although names are watched")             \
    X(MATCHED_GLOB, "match by a glob")                                                  \
    X(MATCHED_EACH, "message that a connection has twice, by two of its subscriptions") \
    X(PUBLISHED_APART, "message for those who subscribed apart")                        \
    X(PUBLISHED_SELF, "connection that is told its own message before the number")      \
    X(COMMITTED_AWAITED, "transaction behind which others are served")

enum twin_reach {
#define TWIN_ENUM(name, text) REACH_##name,
    TWIN_COVERAGE(TWIN_ENUM) TWIN_LIST_COVERAGE(TWIN_ENUM)
#undef TWIN_ENUM
        REACH_COUNT
};
extern uint64_t twin_reached[REACH_COUNT];
extern const char *const twin_reach_names[REACH_COUNT];

static inline void reach(enum twin_reach what)
{
    twin_reached[what]++;
}

/* What the twin says must be settled in this call, ticket by ticket. */
struct twin_settled {
    enum twin_foretold {
        FORETOLD_STATUS,
        FORETOLD_NUMBER,
        FORETOLD_FRAMES
    } kind; /* an answer: a status OK */
    uint32_t peer;
    uint64_t number; /* of the frame, its ticket */
    enum status status;
    int64_t value;              /* NUMBER */
    uint32_t which, total, put; /* FRAMES: of which name, how many, and how many came already */
    int queue;                  /* FRAMES: whose messages */
    struct twin_held *messages; /* FRAMES */
};

struct twin_message {
    struct list link; /* in its queue, or among the delayed of it */
    uint64_t id;
    uint32_t size;
    int name; /* of its frame: the queue it was pushed to */
    struct headers headers;
    uint32_t deliveries;
    enum { MESSAGE_READY, MESSAGE_LEASED, MESSAGE_DELAYED } state;
    bool to_front;                        /* DELAYED: the end that it joins */
    uint64_t due;                         /* DELAYED: when */
    int64_t place;                        /* grows from the front to the back */
    uint64_t arrived_least, arrived_most; /* when it began to wait */
    uint64_t arrived;  /* what the engine takes for that; TIME_NEVER: not known */
    uint64_t deadline; /* by its own header */
};

struct twin_waiting {
    uint32_t peer;
    uint64_t number, id;
    uint32_t size;
    struct headers headers;
};

struct twin_queue {
    bool is_there, is_declared, is_paused;
    bool is_resumed;                     /* since the last tick, which serves those who wait */
    uint64_t changes;                    /* of what is ready, by all queues of the name ever */
    struct queue_settings own, settings; /* as given, as they hold; no NULL in the latter */
    struct list messages;                /* ready and leased, from the front to the back */
    struct list later;                   /* delayed */
    struct list *first, *last;           /* no message before or behind is ready */
    int64_t place_first, place_next;
    bool has_deadlines; /* some message had one of its own */
    struct twin_waiting *waiting;
    size_t waiting_count, waiting_capacity;
    struct queue_counters counters;
    uint64_t refused_window;
    uint64_t worked_most;               /* nanoseconds from a delivery to its acknowledgement */
    uint64_t waited_least, waited_most; /* the longest time that a message waited is between them */
    uint64_t ready, ready_size, leased, leased_size, delayed, delayed_size;
    unsigned consumers;
    struct { /* segments of the engine's queue, to see that one was compacted */
        uint64_t order;
        uint32_t count;
    } seen[64];
};

struct twin_lease {
    uint64_t tag, began, since, before; /* since it began, or was touched; before that touch */
    struct twin_message *message;
    bool is_touched;
};

struct twin_consumer {
    bool is_there, from_back, no_ack, is_passed;
    int queue;
    uint32_t credit_count;
    uint64_t credit_size, tag_next, served;
    struct twin_lease *leases;
    size_t leases_count, leases_capacity;
    uint64_t lost; /* the last tag of a lease that was lost */
};

/* A message that waits, or of size 0 the place of a gap. */
struct twin_item {
    uint32_t subscription;
    uint64_t id;
    uint32_t size;
    int topic;
    uint8_t flags; /* of its frame */
    bool is_retained;
    uint64_t order;               /* of what was published together, among all */
    uint64_t missed, missed_size; /* right before it */
};

struct twin_subscription {
    bool is_there, is_listening, is_wildcard, is_inbox;
    bool is_glob, is_apart;
    int pattern; /* for a name the index of a topic; for an inbox that is not remembered -1 */
    enum overflow overflow;
    int group; /* from 1 on; 0: none */
    uint64_t served;
    uint64_t number_next;
    uint64_t count_max, size_max;
    uint64_t waiting, waiting_size;
};

struct twin_missed {
    uint64_t count, size;
};

/* What a subscription that ends is to be told. */
struct twin_gap {
    uint32_t peer, id;
    uint64_t from;
    struct twin_missed missed;
};

/* A pop that waits. */
struct twin_taker {
    bool is_there;
    uint64_t ticket, order; /* the earlier, the smaller */
    uint64_t deadline;
    struct twin_pop {
        uint32_t count;
        bool from_back, is_move, to_front;
        int to;
    } pop;
    int queues[TWIN_TAKE_NAMES]; /* by its names */
    uint32_t names_count;
};

struct twin_peer {
    bool is_there, is_each;
    uint32_t id;
    struct twin_taker taker;
    struct {
        bool is_there;
        uint64_t changes; /* when it began */
    } watches[TWIN_QUEUES];
    uint64_t window_count, window_size, held_count, held_size;
    unsigned char client[64], address[64]; /* as it says of itself, and ends in zeros */
    uint64_t unsent, unsent_topics;
    struct twin_consumer consumers[TWIN_CONSUMERS];
    struct twin_subscription subscriptions[TWIN_IDS];
    struct twin_item *items; /* the backlog */
    size_t items_first, items_count, items_capacity;
};

struct twin_held {
    uint64_t id;
    uint32_t size;
    struct bytes name;
    uint8_t flags; /* of a publish */
    struct headers headers;
};

/* A message that died. */
struct twin_letter {
    struct twin_message *message;
    int from;
    const char *reason;
    uint64_t deliveries;
};

/* What the engine was seen to do by itself. */
struct twin_event {
    enum twin_event_kind {
        EVENT_AGE,    /* it lets a queue's messages fall due and expire */
        EVENT_LETTER, /* it writes a dead letter */
        EVENT_BURY,   /* it brings those written to their queues */
        EVENT_BURIED, /* it has */
        EVENT_END,    /* a queue goes away */
        EVENT_LOSE,   /* it ends leases of what a connection has popped */
        EVENT_SERVE,  /* the command is done, and those who wait are looked at */
    } kind;
    size_t effects_count;  /* that there were before */
    uint32_t frames_count; /* and frames in the last of them, which settles some */
    int queue;             /* whose messages */
    unsigned char *frame;  /* LETTER: a copy of what died */
    char reason[16];       /* and why */
    uint64_t deliveries;   /* and how often it had been delivered */
    uint32_t peer, count;  /* LOSE: whose, and how many */
    uint64_t tag;          /* LOSE: the first of them */
};

/* A push of which each frame is followed when the engine is done with it: others may take in between. */
struct twin_push {
    const struct command *command; /* NULL: there is none */
    struct twin_peer *peer;
    uint64_t first_id;
    uint32_t at; /* the next message */
    const unsigned char *frame;
    bool is_torn, has_waiting;
};

/* A slice that the engine has handed out. */
struct twin_hold {
    struct slice slice;
    uint32_t peer;              /* UINT32_MAX for an answer */
    enum op op;                 /* 0: an answer */
    int queue;                  /* of a push */
    struct twin_held *messages; /* in the order they are to be read */
    unsigned char *answer;      /* a copy */
};

struct twin {
    struct twin_names *names;
    struct engine *engine; /* whose twin it is */
    bool is_trace;

    struct twin_queue queues[TWIN_QUEUES];
    struct twin_peer peers[TWIN_PEERS];
    uint64_t served; /* counts deliveries, for fairness */
    struct twin_hold *holds;
    size_t holds_count, holds_capacity;

    struct twin_push push;
    uint64_t takers_order;
    uint32_t transaction;         /* the connection whose transaction is open; 0: none */
    bool is_skipped;              /* it does not take place */
    struct twin_settled *settled; /* foretold, in order */
    size_t settled_first, settled_count, settled_capacity;
    struct { /* consumers and subscriptions that are to be told their end */
        uint32_t peer, id;
        bool is_subscription;
        enum status status;
    } ended[2 * TWIN_PEERS * TWIN_IDS];
    size_t ended_count;
    struct twin_gap gaps[TWIN_PEERS * TWIN_IDS]; /* to be told by subscriptions that end */
    size_t gaps_count;
    struct { /* subscriptions to be ended for their overflow, in this order */
        uint32_t peer, id;
    } over[TWIN_PEERS * TWIN_IDS];
    size_t over_count;
    struct twin_item retained[TWIN_NAMES];
    uint64_t order, members_served;
    int groups[TWIN_GROUPS];       /* in the order in which they were made */
    struct engine_config config;   /* what holds */
    bool is_pressed;               /* memory is short */
    const struct command *command; /* being carried out */
    uint64_t now;                  /* of the call */
    uint64_t moved;                /* messages, by the last purge or redrive */
    uint64_t touched;              /* leases, by the last touch */
    bool has_more;                 /* behind the last redrive */
    uint32_t loser;                /* the last connection that lost a lease in this call */
    bool is_burying;               /* what makes room for a dead letter leaves none */
    uint32_t killed;               /* the connection that is to be ended, or PEER_NONE */

    const struct outbox *outbox; /* of the call being watched */
    struct twin_event *events;
    size_t events_count, events_capacity, events_done;
    size_t effects_done;
    struct twin_letter *letters; /* not buried yet */
    size_t letters_count, letters_capacity;
    struct { /* leases of messages whose arrival is not known yet */
        struct twin_message *message;
        uint32_t peer, consumer;
        uint64_t tag;
    } * news;
    size_t news_count, news_capacity;
    uint64_t matches[TWIN_NAMES]; /* sums of whom each topic reached last */
    struct engine_totals totals;
};

/* A twin of an engine without queues. */
void twin_init(struct twin *twin, struct engine *engine, struct twin_names *names);

/* Frees it; all peers and slices are gone. */
void twin_finish(struct twin *twin);

/* twin_queue.c: queues. */
int twin_queue_index(const struct twin *twin, struct bytes name);
/* The queue, made when there is none; NULL when there are as many as may be. */
struct twin_queue *twin_queue_make(struct twin *twin, struct bytes name);
/* Makes it, whatever limits there are. */
void twin_queue_create(struct twin *twin, int index);
void twin_queue_clear(struct twin_queue *queue);
/* It goes away: it was deleted, or it is unused. */
void twin_queue_end(struct twin *twin, int index);
bool twin_queue_is_unused(const struct twin *twin, int index);
bool twin_queue_has_room(const struct twin_queue *queue, uint32_t size);
/* Whether a push of so many bytes need not wait. */
bool twin_queue_must_settle(const struct twin_queue *queue, uint32_t size);
/* Has room for so many messages, or what is at the other end dies to make it. */
bool twin_queue_make_room(struct twin *twin, int index, uint32_t count, uint64_t size,
                          bool at_front);
/* Lets a message in, ready or delayed. */
void twin_queue_admit(struct twin *twin, struct twin_queue *queue, struct twin_message *message,
                      bool at_front);
/* Accepts a push. */
void twin_queue_accept(struct twin *twin, int index, uint64_t id, uint32_t size,
                       const struct headers *headers, bool at_front);
/* Makes a message ready at one end. */
void twin_queue_join(struct twin *twin, struct twin_queue *queue, struct twin_message *message,
                     bool at_front);
/* Takes a ready message out. */
void twin_queue_leave(struct twin_queue *queue, struct twin_message *message);
/* Makes a ready message a leased one, and back. */
void twin_queue_lease(struct twin_queue *queue, struct twin_message *message);
void twin_queue_unlease(struct twin_queue *queue, struct twin_message *message);
/* The next ready message at that end, or NULL. */
struct twin_message *twin_next(struct twin_queue *queue, bool from_back);
/* Counts a delivery, and how long the message has waited. */
void twin_note_delivery(const struct twin *twin, struct twin_queue *queue,
                        const struct twin_message *message);
/* The consumer takes a ready message, all checks done. */
void twin_take(struct twin *twin, struct twin_peer *peer, struct twin_consumer *consumer,
               struct twin_message *taken);
void twin_settle_message(struct twin *twin, const struct twin_consumer *consumer,
                         struct twin_message *message, enum settle how, uint64_t delay_ms);
uint64_t twin_purge(struct twin_queue *queue);

/* twin_push.c: pushes. */
void twin_push(struct twin *twin, struct twin_peer *peer, const struct command *command,
               uint64_t first_id);
/* Carries on with a push that is followed frame by frame, up to the one of that ticket, or to its end. */
void twin_push_on(struct twin *twin, uint32_t peer, uint64_t ticket);
void twin_push_end(struct twin *twin);

/* twin_take.c: pops. */
void twin_apply_take(struct twin *twin, struct twin_peer *peer, const struct command *command);
void twin_apply_wait(struct twin *twin, struct twin_peer *peer, const struct command *command);
/* Whether somebody waits for that queue. */
bool twin_is_awaited(const struct twin *twin, int index);
/* What waits is given messages, or told why not: FRAMES or SETTLED of that ticket. False when there is no
 * such. */
bool twin_serve(struct twin *twin, const struct effect *effect);
/* That nobody waits for what is ready; in a tick, nor longer than he wanted to. */
void twin_check_takers(struct twin *twin, bool is_tick);
/* When the first of those who wait gives up. */
uint64_t twin_takers_due(const struct twin *twin);

/* twin_keeper.c: what connections have popped of queues with pop leases. */
/* The keeper, made if need be; it has done with what it kept. */
struct twin_consumer *twin_keeper_ask(struct twin *twin, struct twin_peer *peer, int index,
                                      bool from_back);
/* Settles what was popped of a queue, and counts it. */
uint64_t twin_keeper_end(struct twin *twin, struct twin_peer *peer, int index, enum settle how,
                         uint64_t delay_ms);
void twin_apply_finish(struct twin *twin, struct twin_peer *peer, const struct command *command);
void twin_on_lose(struct twin *twin, const struct twin_event *event);

/* twin_list.c: ready messages by place, and transactions. */
void twin_apply_list(struct twin *twin, struct twin_peer *peer, const struct command *command);
void twin_apply_transaction(struct twin *twin, struct twin_peer *peer,
                            const struct command *command);

/* twin_settings.c: settings. */
/* Has settings hold, and those of `own` before the others. */
void twin_queue_configure(struct twin *twin, int index);
/* Has a configuration hold, which the engine has been given. */
void twin_configure(struct twin *twin, const struct engine_config *config);
enum status twin_declare(struct twin *twin, const struct command *command);
enum status twin_set(struct twin *twin, const struct command *command);

/* twin_age.c: what time does, and death. */
/* `ms` milliseconds after `now`, or TIME_NEVER. */
uint64_t twin_after(uint64_t now, uint64_t ms);
uint64_t twin_expiry(const struct twin_queue *queue, const struct twin_message *message);
void twin_delay(struct twin *twin, struct twin_queue *queue, struct twin_message *message,
                uint64_t delay_ms, bool to_front);
/* The message, which is nowhere any more, dies. */
void twin_die(struct twin *twin, int index, struct twin_message *message, enum settle how);
void twin_age(struct twin *twin, int index);
/* When a lease of the consumer ends by itself, a message of the queue falls due or expires,
 * something of all is due next. */
uint64_t twin_lease_end(const struct twin *twin, const struct twin_consumer *consumer);
uint64_t twin_queue_due(const struct twin_queue *queue);
uint64_t twin_due(const struct twin *twin);
/* Buries what died, in the order in which the engine did. */
void twin_bury(struct twin *twin);
/* Ends the lease of a tag by `lease-max`. */
void twin_lose(struct twin *twin, struct twin_consumer *consumer, uint64_t tag);

/* twin_watch.c: what the engine decides by itself. */
/* Watches the engine's next call. */
void twin_watch(struct twin *twin, uint64_t now, const struct outbox *outbox);
/* Notes when a tick comes, which is about to. */
void twin_note_tick(const struct twin *twin, uint64_t now);
/* The engine's queue, as it lies there, or NULL. */
const struct queue *twin_engine_queue(const struct twin *twin, int index);
/* Sees when messages arrived and leases began, in the engine's eyes. */
void twin_learn(struct twin *twin);
/* Follows the next that it was seen to do. */
void twin_on_event(struct twin *twin);
/* Follows what it did before the next effect, or frame `frame` of it. */
void twin_catch_up(struct twin *twin, uint32_t frame);
void twin_forget_events(struct twin *twin);

/* twin_command.c: commands. */
struct twin_peer *twin_peer(struct twin *twin, uint32_t id);
void twin_foretell(struct twin *twin, uint32_t peer, uint64_t number, enum status status);
void twin_foretell_number(struct twin *twin, uint32_t peer, uint64_t number, int64_t value);
/* Messages, which the caller fills in. */
struct twin_settled *twin_foretell_frames(struct twin *twin, uint32_t peer, uint64_t number,
                                          int queue, uint32_t total);
void twin_foretell_end(struct twin *twin, uint32_t peer, uint32_t id, bool is_subscription,
                       enum status status);
/* A consumer or keeper ends: what it had goes back, in order; or, when its queue goes, with that. */
void twin_consumer_end(struct twin *twin, struct twin_consumer *consumer, bool is_deleted);
/* How many messages may still be in flight on a connection. */
uint64_t twin_flight_room(const struct twin *twin, const struct twin_peer *peer);
/* Carries a command out; a run's messages are numbered from `first_id` on. `peer` has no connection
 * for an ATTACH. */
void twin_apply(struct twin *twin, struct twin_peer *peer, const struct command *command,
                uint64_t first_id);

/* twin_pattern.c: what matches. */
bool twin_matches(struct bytes pattern, bool is_wildcard, struct bytes name);
bool twin_is_pattern(struct bytes pattern);
/* Whether a glob, of which the simulation knows stars alone, matches. */
bool twin_is_glob_of(struct bytes glob, struct bytes name);

/* twin_topic.c: topics. */
void twin_publish(struct twin *twin, const struct twin_peer *peer, const struct command *command,
                  uint64_t first_id);
enum status twin_subscribe(struct twin *twin, struct twin_peer *peer,
                           const struct command *command);
enum status twin_unsubscribe(struct twin *twin, struct twin_peer *peer,
                             const struct command *command);
/* A connection of which each subscription counts hears what waits for it before one of them ends. */
void twin_unsubscribe_late(struct twin *twin, struct twin_peer *peer,
                           const struct command *command);
void twin_on_message(struct twin *twin, const struct effect *effect);
void twin_on_gap(struct twin *twin, const struct effect *effect);
/* The REPLY to a SUBSCRIBE that asked for an inbox. */
void twin_learn_inbox(struct twin *twin, struct twin_peer *peer, const struct command *command,
                      struct bytes name);
/* For a connection that ends: others get what waits for members of their groups. */
void twin_unsubscribe_all(struct twin *twin, struct twin_peer *peer);
/* Ends the subscriptions that a command has brought over their bound. */
void twin_end_overflowed(struct twin *twin);
bool twin_owes_messages(const struct twin_peer *peer);
/* Messages that the subscription is still to be told as missed. */
uint64_t twin_missed(const struct twin_peer *peer, uint32_t id);

/* twin_effect.c: effects, and what the engine owes. */
/* Follows the call that was watched: a command, or NULL for a tick. */
void twin_follow(struct twin *twin, struct twin_peer *peer, const struct command *command,
                 uint64_t first_id);
/* That nothing more could be handed out now. */
void twin_check_done(struct twin *twin, const struct twin_peer *only);
/* Ends a hold, which the caller then ends at the engine. */
void twin_release(struct twin *twin, size_t at);
/* Remembers a slice; the caller fills in its messages. */
struct twin_hold *twin_hold(struct twin *twin, const struct effect *effect, enum op op);
void twin_check_hold(const struct twin_hold *hold);

/* twin_trace.c: what happens, for people. */
void twin_trace_command(const struct twin *twin, const struct command *command);
void twin_trace_effect(const struct twin *twin, const struct effect *effect);
void twin_trace_event(const struct twin *twin, const struct twin_event *event);

/* twin_compare.c: the engine's state against the twin's. */
void twin_compare(struct twin *twin, bool is_deep);
void twin_on_answer(struct twin *twin, const struct effect *effect);

#endif

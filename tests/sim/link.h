/* Links: one connection of a client, what was said on it, and what the client is owed. */
#ifndef RINGPOST_TESTS_SIM_LINK_H
#define RINGPOST_TESTS_SIM_LINK_H

#include "buffer.h"
#include "core/command.h"
#include "core/outbox.h"
#include "redis.h"
#include "twin.h"

/*
 *    FREE --connect--> OPEN --leave--> LEFT --the broker has let go, too--> FREE
 *                       |                ^
 *                       +--> VANISHED ---+  nothing arrives, and nobody is told
 */
enum link_state { LINK_FREE, LINK_OPEN, LINK_VANISHED, LINK_LEFT };

/* A frame that the client has said; the i-th has number i + 1. */
struct said {
    uint8_t op;
    uint8_t status; /* what it came to; of a malformed one what it must come to */
    bool is_malformed, is_settled;
    bool is_told;    /* by REPLY or ERROR */
    bool is_first;   /* of what was said at once */
    uint8_t flags;   /* of a message */
    uint32_t size;   /* bytes */
    uint32_t detail; /* which queue or topic a message is for; else the place among `commands` */
    uint64_t end;    /* where it ends in all that was said */
    struct headers headers; /* of a message */
};

/* Frames that the client must hear, in this order: REPLYs, messages, GAP, LOST, ENDED. */
struct due {
    enum due_kind { DUE_REPLY, DUE_MESSAGE, DUE_GAP, DUE_LOST, DUE_ENDED } kind;
    uint8_t op;           /* MESSAGE: PUSH or PUBLISH */
    uint8_t status;       /* ENDED */
    bool has_more;        /* REPLY */
    bool is_first;        /* MESSAGE: of those that were handed out together */
    uint8_t flags;        /* MESSAGE: of its frame */
    bool is_retained;     /* MESSAGE */
    bool is_subscription; /* ENDED */
    uint32_t id;          /* of the consumer or subscription */
    uint32_t deliveries;
    uint32_t size; /* bytes: of the frame, of the REPLY's data; LOST: tags */
    uint64_t missed_count;
    union {
        uint64_t tag, number;
    };
    union {
        uint64_t message, data_hash, missed_size;
    };
    struct bytes name;
    struct headers headers; /* MESSAGE */
};

/* What a client knows of a consumer: the tags it was given and has not settled. */
struct tags {
    bool is_there; /* the consumer is */
    uint64_t *tags, next;
    size_t count, capacity;
};

struct link {
    enum link_state state;
    struct redis *redis; /* what it is in the Redis protocol; NULL: a native client */
    int wire;            /* the ring's number of the client's end */
    uint32_t serial;     /* of all links ever; its messages are numbered by it */
    uint32_t peer;       /* the broker's number of the connection; 0: not introduced yet */
    bool is_attached;
    bool is_over;                             /* the broker has ended it */
    bool is_killed;                           /* an operator has had it ended */
    bool is_reading, is_half_closed, is_rude; /* rude: does not close when the broker has */
    bool is_fatal;                            /* has said something that must end the connection */
    enum status fatal_status;
    uint64_t fatal_number;                 /* frames from here on are not taken */
    uint64_t opened_ns, half_ns, fatal_ns; /* when it was opened, half-closed, became fatal */
    uint64_t spoke_ns;                     /* its first byte went out; 0: none has */
    uint64_t sent_ns;                      /* its last one did */
    bool has_heartbeats;                   /* as its HELLO says; it does not keep the promise */
    bool was_silent;                       /* for the liveness time, before it sent again */
    uint64_t alive_ns; /* the broker has taken it for alive, with the leases it has, since then at
                          the latest; 0: it has none */
    uint64_t seen_ns, heard_ns; /* the broker has known it, and its first byte, since then at
                                          the latest; 0: not yet */
    uint64_t window_count, window_size; /* what its HELLO leads to */

    struct buffer out;            /* said and not sent yet */
    uint64_t out_size, sent_size; /* in all: said, and sent */
    uint64_t hello_size;          /* of a good HELLO; 0: there is none */
    uint64_t send_limit;          /* no more is sent */
    struct said *said;
    size_t said_count, said_capacity;
    struct command *commands; /* what was asked for, but for messages */
    size_t commands_count, commands_capacity;
    size_t sent_count; /* frames that were sent whole */
    uint64_t taken;    /* the last number that the broker has taken up */

    struct buffer in;
    bool is_welcome, is_goodbye, is_fatal_told;
    uint64_t confirmed;
    uint8_t op_heard; /* of the last message */
    struct {          /* whose the next messages are */
        bool is_known;
        uint8_t op; /* of the first message behind it; 0: none yet */
        bool is_retained;
        uint32_t id, deliveries;
        uint64_t tag;
    } context;
    struct due *dues; /* from dues_first on */
    size_t dues_first, dues_count, dues_capacity;
    struct tags consumers[TWIN_IDS];
};

/* A link on a new wire. */
void link_open(struct link *link, int wire, uint32_t serial, uint64_t now);

/* Frees everything and makes it FREE. */
void link_finish(struct link *link);

/* The frame of that number, which was said. */
static inline struct said *link_said(const struct link *link, uint64_t number)
{
    assert(number > 0 && number <= link->said_count);
    return &link->said[number - 1];
}

/* The number of message `number` of the link, among all there are. */
static inline uint64_t link_message(const struct link *link, uint64_t number)
{
    return (uint64_t)link->serial << 32 | number;
}

/* Notes a frame of `size` bytes that stands in `out`. */
struct said *link_note(struct link *link, enum op op, uint32_t size, uint32_t detail);

/* Says a command: a run of messages, for the queue or topic number `name`, with these headers each,
 * or anything else. */
void link_say(struct link *link, const struct command *command, uint32_t name,
              const struct headers *headers);

/* Whether the link says something that the broker will answer with more than CONFIRM. */
bool link_wants_reply(enum op op);

/* Adds something that the client must hear, to be filled in. */
struct due *link_owe(struct link *link, enum due_kind kind);

/* What the client must hear next of what keeps its order, or NULL. */
static inline struct due *link_next_due(const struct link *link)
{
    return link->dues_count ? &link->dues[link->dues_first] : NULL;
}

/* How far everything that the client has said is settled. */
uint64_t link_settled(const struct link *link);

uint64_t link_hash(struct bytes bytes);

/* What the client takes for settled when it says so: forgets those tags. */
void tags_forget(struct tags *tags, uint64_t tag, uint32_t count);
void tags_clear(struct tags *tags, bool is_there);
void tags_add(struct tags *tags, uint64_t tag);

#endif

/*
 * Clients that speak the Redis protocol, in bytes. What they say is known in two ways: what the broker
 * must ask of its engine for it, ticket by ticket (asks), and what must be replied, value by value
 * (wants). The tap notes at an ask what the engine has answered, which the twin has found right; so a
 * reply is known byte by byte when it comes.
 */
#ifndef RINGPOST_TESTS_SIM_REDIS_H
#define RINGPOST_TESTS_SIM_REDIS_H

#include "buffer.h"
#include "core/command.h"
#include "core/outbox.h"
#include "twin.h"

struct link;
struct world;

/* What the engine is asked for one ticket, and what it said. */
struct ask {
    struct command command; /* but for its messages, and the names it points to */
    struct bytes names[TWIN_TAKE_NAMES];
    uint64_t message;        /* the number of the first message that it pushes */
    uint32_t messages_count; /* all of one size */
    uint32_t body_size;
    uint64_t ticket; /* 0: it was not asked yet */
    enum { ANSWER_NONE, ANSWER_STATUS, ANSWER_NUMBER, ANSWER_FRAMES } answer;
    enum status status;
    int64_t number;
    uint32_t which, total, put; /* of messages */
    struct twin_held *messages;
};

/* Shapes of replies. */
enum reply_shape {
    SHAPE_TEXT,  /* as it stands there */
    SHAPE_ERROR, /* whatever its words */
    SHAPE_ANY,
    SHAPE_NUMBER,
    SHAPE_BULK,
    SHAPE_LIST,
    SHAPE_LIST_OR_NULL,
    SHAPE_POPPED,      /* the list's name, and a message */
    SHAPE_POPPED_LIST, /* the list's name, and messages */
    SHAPE_MOVED,
    SHAPE_OK,     /* when all asks came to that */
    SHAPE_CHANGE, /* of subscriptions: `text` says which, and how many there are then */
    SHAPE_EXEC,   /* as many replies as `count` says, when the ask came to OK */
};

struct want {
    enum reply_shape shape;
    const char *text;
    size_t ask;                 /* the first */
    uint32_t count;             /* of asks; EXEC: of wants behind it, which are its */
    uint8_t version;            /* of the protocol, 2 or 3 */
    uint32_t channel, channels; /* CHANGE */
    uint64_t end;               /* where what it replies to ends in all that was said */
};

/* A command in a transaction that is not carried out yet. */
struct queued {
    struct ask ask;
    enum reply_shape shape;
};

struct redis {
    uint8_t version;
    uint64_t messages; /* pushed so far */
    struct ask *asks;
    size_t asks_count, asks_capacity, asks_taken;
    struct want *wants;
    size_t wants_count, wants_capacity, wants_heard;
    struct queued *queue;
    size_t queue_count, queue_capacity;
    bool is_queuing, is_broken;
    bool is_watching;   /* has ever: the engine may be told to forget */
    uint32_t forgotten; /* tickets of that which are not settled yet */
    bool is_leaving;    /* nothing more is replied to */
    struct channel_said {
        enum { SAID_NAME, SAID_PATTERN, SAID_SHARD } kind;
        struct bytes name;
        bool is_there;
    } channels[TWIN_IDS]; /* by the subscription's id, from 1 on; none is used twice */
    uint32_t channels_count;
    struct buffer heard_next; /* messages of subscriptions that are due, in bytes */
};

struct redis *redis_create(void);
void redis_destroy(struct redis *redis);

/* redis_say.c: says some command. */
void redis_say(struct world *world, struct link *link);

/* Whether all is replied to but for one that waits. */
void redis_check_quiet(const struct world *world, const struct link *link);

/* Whether it may say nothing but about subscriptions. */
bool redis_is_listening(const struct redis *redis);

/* redis_hear.c: messages of a subscription, or what it has missed, become due. */
void redis_owe(struct link *link, const struct effect *effect, const struct twin_hold *hold);

/* redis_tap.c: a command of the engine's must be what is to be asked next. Returns the number of its
 * first message, among all there are. */
uint64_t redis_take_up(const struct world *world, struct link *link, const struct command *command);

/* Notes what a ticket of the client's has come to; `hold` has the messages of FRAMES. */
void redis_note(struct link *link, const struct effect *effect, const struct twin_hold *hold);

/* redis_hear.c: cuts a reply off what was heard, which must be what is wanted. False when none is whole. */
bool redis_hear(struct world *world, struct link *link);

#endif

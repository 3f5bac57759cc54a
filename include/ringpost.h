/*
 * libringpost: the C client of the ringpost message broker.
 *
 *     struct ringpost *handle;
 *     int error = ringpost_open(&handle, NULL, 5000);
 *     if (!error)
 *         error = ringpost_push(handle, ringpost_text("jobs"), ringpost_text("hello"), NULL, -1);
 *     if (!error)
 *         error = ringpost_flush(handle, -1);
 *
 * A handle is one connection to one broker, and belongs to one thread at a time. After fork(2) the
 * child may only close it; the connection stays the parent's. The library has no globals, handles
 * no signals and raises none.
 *
 * Leases. A broker may ask to hear from connections to which messages are leased. The library then
 * has one thread for each handle that consumes, all signals blocked, which writes a heartbeat when
 * nothing else was written for a while: work may take as long as it takes, and the leases of a
 * process that is stopped or gone go back.
 *
 * Times. Every call that can wait takes `timeout_ms`: milliseconds on CLOCK_MONOTONIC, -1 to wait
 * as long as it takes, 0 to do only what can be done without waiting. A host name (not a numeric
 * address) is looked up with getaddrinfo(3), which keeps no time limit but its own.
 *
 * Errors. Functions return zero or a count for success and -errno for failure. Any of them can
 * return -ENOMEM and leave the handle usable. Those that can wait also return
 *     -ETIMEDOUT   the time was over first
 *     -EINTR       a signal arrived while waiting; call again to go on
 *     -ENOTCONN    the connection is gone and `no_reconnect` was chosen
 *     -ECONNRESET  the connection was lost under the call: whether the broker did it is not known
 *     -ENOBUFS     events worth `backlog_max` bytes wait unread: take them with ringpost_next
 * and, when the broker refused the call, what this table says. ringpost_status then tells the exact
 * status and ringpost_error_text what the broker wrote about it.
 *     protocol, hello              -EPROTO
 *     unknown-op                   -EOPNOTSUPP
 *     bad-frame                    -EBADMSG
 *     bad-name, bad-flags, bad-field, bad-pattern, bad-header   -EINVAL
 *     too-large                    -EMSGSIZE
 *     version                      -EPROTONOSUPPORT
 *     no-queue, no-reader, no-client   -ENOENT
 *     exists, wrong-type           -EEXIST
 *     full                         -ENOSPC
 *     deleted                      -EIDRM
 *     no-consumer, no-subscription -ESRCH
 *     id-in-use, window            -EBUSY
 *     not-leased                   -ESTALE
 *     bad-range                    -ERANGE
 *     credit, overflow             -EOVERFLOW
 *     too-many-…                   -EDQUOT
 *     memory                       -ENOMEM
 *     denied                       -EACCES
 *     dead                         -ETIMEDOUT
 *     killed                       -ECONNABORTED
 *     closing                      -ESHUTDOWN
 *     any other                    -EREMOTEIO
 *
 * Structs that the caller fills begin with `size`, the size of the struct as the caller knows it;
 * every other member may be zero for its default:
 *     struct ringpost_options options = {.size = sizeof options, .server = "10.0.0.1:7464"};
 */
#ifndef RINGPOST_H
#define RINGPOST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RINGPOST_API __attribute__((visibility("default")))

#define RINGPOST_VERSION "0.1.0"
#define RINGPOST_SERVER_DEFAULT "127.0.0.1:7464"

struct ringpost;

/* Bytes that belong to somebody else: to the caller until a call returns, or as the call says. */
struct ringpost_bytes {
    const void *data;
    size_t size;
};

static inline struct ringpost_bytes ringpost_bytes(const void *data, size_t size)
{
    struct ringpost_bytes bytes = {data, size};
    return bytes;
}

/* The characters of a C string, without its end. */
static inline struct ringpost_bytes ringpost_text(const char *text)
{
    return ringpost_bytes(text, strlen(text));
}

/* The version of the library that is running, as RINGPOST_VERSION is of its header. */
RINGPOST_API const char *ringpost_version(void);

/* ---- Connections ---------------------------------------------------------------------------- */

struct ringpost_options {
    size_t size;

    /*
     * Where the broker is: HOST:PORT, HOST, [V6]:PORT or unix:PATH; several, separated by commas,
     * are tried in turn. Default: $RINGPOST_SERVER, or else RINGPOST_SERVER_DEFAULT.
     */
    const char *server;

    /* What the broker shows this connection as; at most 255 bytes. Default: none. */
    const char *client;

    /* What lets in, for a broker that asks for it; at most 1,024 bytes. */
    const char *password;

    /* How much may be unsettled at once. Default, and at most: what the broker grants. */
    uint32_t window;       /* frames */
    uint64_t window_bytes; /* bytes */

    /* What ringpost_consume gives a consumer that says nothing itself. */
    uint32_t credit_messages; /* messages, default 1,024 */
    uint64_t credit_bytes;    /* bytes, default 1 MiB */

    /* How long one address may take to accept and answer. Default 5,000 ms. */
    uint32_t connect_timeout_ms;

    /*
     * The pause between attempts doubles from min to max, and chance takes up to half off. It is
     * short again after a connection that lasted for longer than max.
     */
    uint32_t backoff_min_ms; /* default 100 */
    uint32_t backoff_max_ms; /* default 10,000 */

    /* The most that may wait in this process to be taken by ringpost_next. Default 64 MiB. */
    uint64_t backlog_max; /* bytes */

    /* 1: a lost connection stays lost. */
    int no_reconnect;
};

/*
 * Connects and says hello. NULL for `options` means all defaults. On success `*handle` is the
 * caller's to close; on failure it is NULL. Fails as soon as every address was tried once. With
 * `timeout_ms` 0 the handle is made at once and later calls set the connection up, again and again.
 *     -EINVAL  an address or an option that cannot be
 *     -ECONNREFUSED, -ENOENT, -EHOSTUNREACH ...   why the last address could not be reached
 */
RINGPOST_API int ringpost_open(struct ringpost **handle, const struct ringpost_options *options,
                               int timeout_ms);

/*
 * Sends what can be sent without waiting, ends the connection and frees everything. What was
 * delivered and not acknowledged goes back to its queue. Call ringpost_flush first to know that
 * everything arrived. NULL does nothing.
 */
RINGPOST_API void ringpost_close(struct ringpost *handle);

/* The largest frame the broker takes: 8 bytes + name + body. 0 before the first connection. */
RINGPOST_API uint32_t ringpost_frame_max(const struct ringpost *handle);

/* What the broker calls itself, such as "ringpost/0.1.0"; empty before the first connection. */
RINGPOST_API const char *ringpost_server_name(const struct ringpost *handle);

/* What the broker answers; see docs/PROTOCOL.md, section 5. */
enum ringpost_status {
    RINGPOST_STATUS_NONE = 0,
    RINGPOST_STATUS_PROTOCOL = 1,
    RINGPOST_STATUS_UNKNOWN_OP = 2,
    RINGPOST_STATUS_BAD_FRAME = 3,
    RINGPOST_STATUS_BAD_NAME = 4,
    RINGPOST_STATUS_BAD_FLAGS = 5,
    RINGPOST_STATUS_TOO_LARGE = 6,
    RINGPOST_STATUS_HELLO = 7,
    RINGPOST_STATUS_VERSION = 8,
    RINGPOST_STATUS_BAD_FIELD = 9,
    RINGPOST_STATUS_NO_QUEUE = 10,
    RINGPOST_STATUS_EXISTS = 11,
    RINGPOST_STATUS_FULL = 12,
    RINGPOST_STATUS_DELETED = 13,
    RINGPOST_STATUS_NO_CONSUMER = 14,
    RINGPOST_STATUS_NO_SUBSCRIPTION = 15,
    RINGPOST_STATUS_ID_IN_USE = 16,
    RINGPOST_STATUS_NOT_LEASED = 17,
    RINGPOST_STATUS_BAD_RANGE = 18,
    RINGPOST_STATUS_CREDIT = 19,
    RINGPOST_STATUS_WINDOW = 20,
    RINGPOST_STATUS_BAD_PATTERN = 21,
    RINGPOST_STATUS_KILLED = 22,
    RINGPOST_STATUS_CLOSING = 23,
    RINGPOST_STATUS_BAD_HEADER = 24,
    RINGPOST_STATUS_NO_READER = 25,
    RINGPOST_STATUS_MEMORY = 26,
    RINGPOST_STATUS_DENIED = 27,
    RINGPOST_STATUS_OVERFLOW = 28,
    RINGPOST_STATUS_TOO_MANY_CONNECTIONS = 29,
    RINGPOST_STATUS_TOO_MANY_FROM_ADDRESS = 30,
    RINGPOST_STATUS_TOO_MANY_STRANGERS = 31,
    RINGPOST_STATUS_TOO_MANY_QUEUES = 32,
    RINGPOST_STATUS_TOO_MANY_SUBSCRIPTIONS = 33,
    RINGPOST_STATUS_TOO_MANY_SUBSCRIPTIONS_IN_ALL = 34,
    RINGPOST_STATUS_TOO_MANY_RETAINED = 35,
    RINGPOST_STATUS_DEAD = 36,
    RINGPOST_STATUS_NO_CLIENT = 37,
    RINGPOST_STATUS_WRONG_TYPE = 38,
};

/* The broker's last refusal on this handle; RINGPOST_STATUS_NONE when it never refused anything. */
RINGPOST_API int ringpost_status(const struct ringpost *handle);

/* A status as the protocol spells it, such as "no-queue"; "unknown" for one the library lacks. */
RINGPOST_API const char *ringpost_status_name(int status);

/* The -errno that a status stands for; see the table at the top. 0 for RINGPOST_STATUS_NONE. */
RINGPOST_API int ringpost_status_errno(int status);

/*
 * The last refusal or loss of a connection in words, for people; control bytes are replaced. Never
 * NULL; borrowed until the next call on the handle.
 */
RINGPOST_API const char *ringpost_error_text(const struct ringpost *handle);

/* ---- Producing ------------------------------------------------------------------------------ */

/*
 * Appends a message to a queue, or publishes it to a topic. The message is copied and the call
 * returns at once, unless the window or the output buffer is full: then it waits, and a failure
 * means that the message was not taken. Messages are written out once 64 KiB have gathered, and by
 * ringpost_flush, ringpost_next, ringpost_step and all requests: nothing is sent by time alone.
 * `*number` (may be NULL) names the message in later events; numbers of a handle only go up.
 * What was taken is done once it is settled and no REFUSED or UNKNOWN event has named it.
 *     -EINVAL    a name that is empty or over 1,024 bytes
 *     -EMSGSIZE  8 + name + headers + body is over ringpost_frame_max
 */
RINGPOST_API int ringpost_push(struct ringpost *handle, struct ringpost_bytes queue,
                               struct ringpost_bytes body, uint64_t *number, int timeout_ms);
RINGPOST_API int ringpost_publish(struct ringpost *handle, struct ringpost_bytes topic,
                                  struct ringpost_bytes body, uint64_t *number, int timeout_ms);

/* What a message says of itself besides its body: a number, or bytes if `bytes.data` is not NULL. */
struct ringpost_header {
    struct ringpost_bytes key; /* at most 64 bytes */
    struct ringpost_bytes bytes;
    uint64_t number;
};

struct ringpost_message_options {
    size_t size;
    uint64_t ttl_ms;                      /* push: how long it may wait, ready, before it expires */
    uint64_t delay_ms;                    /* push: when it becomes ready */
    struct ringpost_bytes reply_to;       /* an address, see ringpost_send, for the answer */
    struct ringpost_bytes correlation_id; /* what the answer should carry, too */
    struct ringpost_bytes traceparent;    /* as in W3C Trace Context */
    const struct ringpost_header *headers; /* the user's own; their keys begin with "x-" */
    uint32_t header_count;
    int retain; /* publish, 1: later subscribers are sent it first; without a body: nothing */
    int must;   /* publish, 1: refused with no-reader when nobody is there */
};

/*
 * The same with what else can be said; `options` may be NULL, and is copied.
 *     -EINVAL    also: a header whose key does not begin with "x-", or what only publish can do
 *     -EMSGSIZE  also: headers of more than 64 KiB
 */
RINGPOST_API int ringpost_push_with(struct ringpost *handle, struct ringpost_bytes queue,
                                    struct ringpost_bytes body,
                                    const struct ringpost_message_options *options,
                                    uint64_t *number, int timeout_ms);
RINGPOST_API int ringpost_publish_with(struct ringpost *handle, struct ringpost_bytes topic,
                                       struct ringpost_bytes body,
                                       const struct ringpost_message_options *options,
                                       uint64_t *number, int timeout_ms);

/*
 * Writes everything out and waits until the broker has settled it. 0: all is done. Otherwise the
 * first thing that went wrong since the last flush or await: the refusal as in the table at the
 * top, or -ECONNRESET when the connection was lost with messages unconfirmed. Which messages: the
 * events that ringpost_next returns. -ETIMEDOUT: not settled yet.
 */
RINGPOST_API int ringpost_flush(struct ringpost *handle, int timeout_ms);

/*
 * As ringpost_flush, but only for everything up to `number`. -ECONNRESET also when that was sent
 * over a connection that is lost: see ringpost_is_settled.
 */
RINGPOST_API int ringpost_await(struct ringpost *handle, uint64_t number, int timeout_ms);

/*
 * 1: everything up to `number` is settled, that is done or named by a REFUSED event; 0: not yet;
 * -ECONNRESET: the number was sent over a connection that is lost; an UNKNOWN event says if it was
 * unsettled then. Does no input or output.
 */
RINGPOST_API int ringpost_is_settled(const struct ringpost *handle, uint64_t number);

/* ---- Events --------------------------------------------------------------------------------- */

enum ringpost_event_kind {
    RINGPOST_MESSAGE = 1, /* a message of a queue: id, tags, deliveries, name, headers, body */
    RINGPOST_TOPIC,       /* a message of a topic: id, first (its number), name, headers, body */
    RINGPOST_GAP,         /* a subscription missed messages here: id, first, count, bytes */
    RINGPOST_REFUSED, /* the broker refused frames: first, count, status, error, body (its text).
                             First 0 speaks of the whole connection */
    RINGPOST_UNKNOWN, /* first, count: what among these numbers no REFUSED event named was
                             unconfirmed when the connection was lost. It may be done or not */
    RINGPOST_LOST,    /* the connection was lost: error says why. A new one is being made,
                             unless `no_reconnect`. What was leased over the old one went back */
    RINGPOST_RECONNECTED, /* there is a new one; consumers and subscriptions go on, with fresh
                             credit. What was published in between is missed */
    RINGPOST_ENDED,       /* a consumer or subscription is over: id, status, error, body (text) */
    RINGPOST_GOAWAY,      /* the broker will end this connection: status, error, body (text) */
    RINGPOST_LEASES_LOST, /* messages were leased for longer than their queue allows, and went
                             back: id, tags, count. There is nothing to settle any more */
};

/*
 * Names delivered messages of one consumer, to settle them. A part of an event's tags may be
 * settled by narrowing first, count and bytes; ringpost_tags_at does that for one message.
 */
struct ringpost_tags {
    uint64_t first;
    uint64_t bytes; /* size of their frames, which returns as credit; 0: an average is taken */
    uint32_t count;
    uint32_t consumer;
    uint32_t epoch; /* the connection they came over */
    uint32_t zero;
};

/* What happened. Members that its kind does not list are zero. */
struct ringpost_event {
    int kind;                      /* enum ringpost_event_kind */
    uint32_t id;                   /* the consumer or subscription */
    struct ringpost_tags tags;     /* of the messages */
    uint64_t first;                /* number of the first frame spoken of. TOPIC, GAP: of the
                                   first message in its subscription, which counts from 1 */
    uint64_t count;                /* messages or frames spoken of */
    uint64_t bytes;                /* GAP: bytes missed. Messages: size of their frames */
    uint32_t deliveries;           /* how often the messages were delivered before */
    int status;                    /* enum ringpost_status */
    int error;                     /* -errno */
    int retained;                  /* TOPIC, 1: published before the subscription, and kept */
    struct ringpost_bytes name;    /* what the message was pushed or published under */
    struct ringpost_bytes headers; /* for ringpost_header */
    struct ringpost_bytes body;
};

/* One message of a batch. */
struct ringpost_message {
    struct ringpost_bytes name, headers, body;
};

/* Looks for a header of a message. Returns 1 with it lent from the message, or 0. */
RINGPOST_API int ringpost_header(struct ringpost_bytes headers, const char *key,
                                 struct ringpost_header *header);

/* Takes the first header off `*headers`. Returns 1 with it lent from the message, or 0. */
RINGPOST_API int ringpost_header_next(struct ringpost_bytes *headers,
                                      struct ringpost_header *header);

/*
 * Returns 1 with the next thing that happened in `*event`, 0 when the time was over first. Writes
 * out what waits to be written before it waits. Name, headers and body are lent until the next call
 * of ringpost_next, ringpost_next_batch or ringpost_close on the handle; other calls leave them be,
 * so they can be pushed on as they are.
 *
 * After LOST (with `no_reconnect`) and what stood before it, the answer is -ENOTCONN.
 */
RINGPOST_API int ringpost_next(struct ringpost *handle, struct ringpost_event *event,
                               int timeout_ms);

/*
 * The same, but takes as many messages as stand in a row (of one consumer with consecutive tags and
 * equal deliveries, or of one subscription) and are here already, at most `capacity`:
 * `event->count` of them, in `messages`; event->tags covers all. name, headers and body of the
 * event are those of the first. Other events come one by one and leave `messages` alone.
 */
RINGPOST_API int ringpost_next_batch(struct ringpost *handle, struct ringpost_event *event,
                                     struct ringpost_message *messages, uint32_t capacity,
                                     int timeout_ms);

/* The tags of message `index` of a batch alone. */
static inline struct ringpost_tags ringpost_tags_at(const struct ringpost_event *event,
                                                    const struct ringpost_message *messages,
                                                    uint32_t index)
{
    struct ringpost_tags tags = event->tags;
    tags.first += index;
    tags.count = 1;
    const struct ringpost_message *message = &messages[index];
    size_t block_size = message->headers.data ? 4 + message->headers.size : 0;
    tags.bytes = 8 + message->name.size + block_size + message->body.size;
    return tags;
}

/* ---- Queues: consuming ---------------------------------------------------------------------- */

struct ringpost_consume_options {
    size_t size;
    uint32_t messages; /* credit: how many may be unsettled. Default: the handle's */
    uint64_t bytes;    /* credit: how many bytes. Default: the handle's */
    int back;          /* 1: take from the back of the queue */
    int no_ack;        /* 1: a message is done when it is delivered; nothing is to be settled */
    int manual;        /* 1: messages and bytes are the exact first credit, also when zero; more
                          comes only by ringpost_credit */
};

/*
 * Starts to consume a queue; `options` may be NULL. Messages come as events that carry `*id`. Unless
 * `manual`, credit is given back by half the initial amount as messages are settled (`no_ack`: as
 * they are taken by ringpost_next). With `timeout_ms` 0 the request is only written, and a refusal
 * comes as an ENDED event. On failure there is no consumer.
 */
RINGPOST_API int ringpost_consume(struct ringpost *handle, struct ringpost_bytes queue,
                                  const struct ringpost_consume_options *options, uint32_t *id,
                                  int timeout_ms);

/*
 * Ends a consumer: its unsettled messages go back to the queue, those not yet taken with
 * ringpost_next are dropped here (and lost with `no_ack`). With `timeout_ms` 0 does not wait for the
 * broker's answer. The consumer is gone whatever the call returns.
 *     -ENOENT  no such consumer
 */
RINGPOST_API int ringpost_cancel(struct ringpost *handle, uint32_t id, int timeout_ms);

/*
 * Gives a `manual` consumer more credit. Written out as acknowledgements are. Without a connection
 * it does nothing: a new one begins with the first credit.
 *     -ENOENT  no such consumer
 *     -EINVAL  it is not manual
 */
RINGPOST_API int ringpost_credit(struct ringpost *handle, uint32_t id, uint32_t messages,
                                 uint64_t bytes);

/*
 * Settle messages: done; back to the queue, to be delivered again; discarded. They never wait.
 * Adjacent settlements become one frame, written out by ringpost_next when it runs out of messages,
 * when credit is due or when some milliseconds have passed, and by ringpost_flush, ringpost_step
 * and all requests; so they can reach the broker behind pushes that were made after them.
 * Tags of an earlier connection are dropped without an error: their messages went back already.
 * Tags that are not leased any more come back as a REFUSED event.
 *     -ENOENT  no such consumer (any more): its messages went back
 *     -EINVAL  an empty range, or a `no_ack` consumer
 */
RINGPOST_API int ringpost_ack(struct ringpost *handle, const struct ringpost_tags *tags);
RINGPOST_API int ringpost_return(struct ringpost *handle, const struct ringpost_tags *tags);
RINGPOST_API int ringpost_reject(struct ringpost *handle, const struct ringpost_tags *tags);

/* As ringpost_return, but the messages are not delivered again before the delay is over. */
RINGPOST_API int ringpost_return_later(struct ringpost *handle, const struct ringpost_tags *tags,
                                       uint64_t delay_ms);

/* Starts the time anew that a queue with a bound gives these leases. Errors as above. */
RINGPOST_API int ringpost_touch(struct ringpost *handle, const struct ringpost_tags *tags);

/* ---- Topics: subscribing -------------------------------------------------------------------- */

/* What happens to messages when more would wait for a subscription than it may have. */
enum ringpost_overflow {
    RINGPOST_OVERFLOW_DEFAULT = 0,
    RINGPOST_OVERFLOW_DROP_OLDEST = 1, /* the default: the oldest give way to a GAP */
    RINGPOST_OVERFLOW_DROP_NEWEST = 2, /* the newest do */
    RINGPOST_OVERFLOW_KEEP_LAST = 3,   /* one takes the place of the one of its name that waits */
    RINGPOST_OVERFLOW_CLOSE = 4,       /* the subscription is over: ENDED with `overflow` */
};

struct ringpost_subscribe_options {
    size_t size;
    int wildcard; /* 1: the topic is a pattern: tokens separated by '.', * one, > the rest */
    uint32_t max_messages; /* what may wait in the broker. Default: the broker's, 65,536 messages */
    uint64_t max_bytes;    /* and 16 MiB */
    int overflow;          /* enum ringpost_overflow */
    struct ringpost_bytes group; /* at most 255 bytes: of all subscriptions with this group one gets
                                    each message, the one for which least waits */
    int no_retained; /* 1: only what is published from now on, not what was retained before */
};

/*
 * Subscribes to a topic; `options` may be NULL. Everything published after the call returned 0 comes
 * as events that carry `*id`. With `timeout_ms` 0 the request is only written, and a refusal comes
 * as an ENDED event. On failure there is no subscription.
 */
RINGPOST_API int ringpost_subscribe(struct ringpost *handle, struct ringpost_bytes topic,
                                    const struct ringpost_subscribe_options *options, uint32_t *id,
                                    int timeout_ms);

/*
 * Ends a subscription; what was not yet taken is dropped. With `timeout_ms` 0 does not wait for the
 * broker's answer. The subscription is gone whatever the call returns.
 *     -ENOENT  no such subscription
 */
RINGPOST_API int ringpost_unsubscribe(struct ringpost *handle, uint32_t id, int timeout_ms);

/* ---- Requests and answers ------------------------------------------------------------------- */

/*
 * As ringpost_push_with or ringpost_publish_with, to "queue:NAME", "topic:NAME" or "inbox:NAME".
 *     -EINVAL  also: an address that is none of these
 */
RINGPOST_API int ringpost_send(struct ringpost *handle, struct ringpost_bytes address,
                               struct ringpost_bytes body,
                               const struct ringpost_message_options *options, uint64_t *number,
                               int timeout_ms);

/*
 * Sends a request to an address and waits for the answer: 0 with it in `*reply`, lent until the next
 * call on the handle. Other events wait meanwhile for ringpost_next. The library adds reply_to and
 * correlation_id, which must be left out of `options` (may be NULL).
 *     -ENOENT     nobody is there: no-reader, at once (for topics and inboxes)
 *     -ETIMEDOUT  no answer yet; one that comes later is dropped
 */
RINGPOST_API int ringpost_request(struct ringpost *handle, struct ringpost_bytes address,
                                  struct ringpost_bytes body,
                                  const struct ringpost_message_options *options,
                                  struct ringpost_message *reply, int timeout_ms);

/*
 * Answers the message that has these headers; as ringpost_send. Its correlation_id is added.
 *     -EDESTADDRREQ  it does not say where an answer is wanted
 */
RINGPOST_API int ringpost_reply(struct ringpost *handle, struct ringpost_bytes headers,
                                struct ringpost_bytes body,
                                const struct ringpost_message_options *options, uint64_t *number,
                                int timeout_ms);

/*
 * Makes an inbox: an address that nobody can guess, whose messages come as TOPIC events that carry
 * `*id`. ringpost_unsubscribe ends it. Failures and `timeout_ms` 0: as ringpost_subscribe.
 */
RINGPOST_API int ringpost_inbox(struct ringpost *handle, uint32_t *id, int timeout_ms);

/*
 * Its address, for reply_to. Each connection has another, and without one it is empty. Lent until
 * the next call on the handle.
 */
RINGPOST_API struct ringpost_bytes ringpost_inbox_address(struct ringpost *handle, uint32_t id);

/* ---- Queues: settings and figures ----------------------------------------------------------- */

enum ringpost_when_full {
    RINGPOST_WHEN_FULL_DEFAULT = 0,
    RINGPOST_WHEN_FULL_REFUSE = 1,      /* the push is refused with `full` */
    RINGPOST_WHEN_FULL_HOLD = 2,        /* the push waits in the broker, unsettled */
    RINGPOST_WHEN_FULL_DROP_OLDEST = 3, /* the oldest ready messages make room */
};

/* To whom a message is leased that a Redis client pops. */
enum ringpost_pop_lease {
    RINGPOST_POP_LEASE_DEFAULT = 0,
    RINGPOST_POP_LEASE_NONE = 1,       /* to nobody: it is done with */
    RINGPOST_POP_LEASE_CONNECTION = 2, /* to its connection, until the next pop, or it ends */
};

/* What stands for "none at all" where zero stands for "not said". */
enum { RINGPOST_OFF = -1 };

/* What a queue can be told. What is not said stays, or is as the broker has it for such names. */
struct ringpost_settings {
    size_t size;
    uint64_t max_messages; /* the bound */
    uint64_t max_bytes;
    int when_full;          /* enum ringpost_when_full */
    int64_t ttl_ms;         /* how long a message may wait, ready; or RINGPOST_OFF */
    int64_t delivery_limit; /* how often one is delivered before it is a dead letter; or OFF */
    int64_t lease_max_ms;   /* how long one may be leased; or OFF */
    struct ringpost_bytes dead_letter; /* the queue of dead letters; data but no size: nowhere */
    int pop_lease;                     /* enum ringpost_pop_lease */
};

/* Declares a queue; `settings` may be NULL. -EEXIST: it is declared already, with others. */
RINGPOST_API int ringpost_declare(struct ringpost *handle, struct ringpost_bytes queue,
                                  const struct ringpost_settings *settings, int timeout_ms);

/* Changes settings of a queue, for what is in it as well. -ENOENT: there is none. */
RINGPOST_API int ringpost_set(struct ringpost *handle, struct ringpost_bytes queue,
                              const struct ringpost_settings *settings, int timeout_ms);

struct ringpost_redrive_options {
    size_t size;
    uint32_t count;           /* at most so many messages; 0: all */
    struct ringpost_bytes to; /* the queue they go to; none: each to where it was */
};

/*
 * Puts dead letters back to the queues in which they died. `*count` (may be NULL) tells how many,
 * `*has_more` (may be NULL) is 1 when some are left: more were there, or one found no place.
 */
RINGPOST_API int ringpost_redrive(struct ringpost *handle, struct ringpost_bytes queue,
                                  const struct ringpost_redrive_options *options, uint64_t *count,
                                  int *has_more, int timeout_ms);

/* Discards a queue with everything in it. -ENOENT: there is none. */
RINGPOST_API int ringpost_delete(struct ringpost *handle, struct ringpost_bytes queue,
                                 int timeout_ms);

/* Discards the ready and the delayed messages of a queue; `*count` (may be NULL) tells how many. */
RINGPOST_API int ringpost_purge(struct ringpost *handle, struct ringpost_bytes queue,
                                uint64_t *count, int timeout_ms);

/* Stop and restart deliveries from a queue; pushes go on. */
RINGPOST_API int ringpost_pause(struct ringpost *handle, struct ringpost_bytes queue,
                                int timeout_ms);
RINGPOST_API int ringpost_resume(struct ringpost *handle, struct ringpost_bytes queue,
                                 int timeout_ms);

#define RINGPOST_NONE UINT64_MAX

/* What a queue holds and has seen. Set `size` before the call; what the broker leaves out is 0. */
struct ringpost_info {
    size_t size;
    struct ringpost_bytes name; /* ringpost_info: the caller's own; ringpost_list_next: lent */
    uint64_t declared, paused;  /* 1 or 0 */
    uint64_t ready, ready_bytes, leased, leased_bytes;
    uint64_t waiting; /* held pushes, not yet accepted */
    uint64_t consumers;
    uint64_t max_messages, max_bytes;
    uint64_t when_full; /* enum ringpost_when_full; 0 for one the library does not know */
    uint64_t accepted;  /* = ready + leased + delayed + acknowledged + dead_lettered + discarded */
    uint64_t acknowledged, rejected, purged;
    uint64_t delivered, returned, refused;
    uint64_t delayed, delayed_bytes;
    uint64_t ttl_ms, delivery_limit, lease_max_ms; /* 0: none */
    struct ringpost_bytes dead_letter;             /* lent until the next request; empty: nowhere */
    uint64_t dead_lettered, discarded;
    uint64_t expired, overflowed, exhausted;    /* why, with rejected and purged */
    uint64_t oldest_ready_ms, oldest_leased_ms; /* since when; RINGPOST_NONE: there is none */
    uint64_t waited_p50_us, waited_p99_us, waited_max_us; /* from arrival to delivery */
    uint64_t worked_p50_us, worked_p99_us, worked_max_us; /* from delivery to acknowledgement */
    uint64_t pop_lease; /* enum ringpost_pop_lease; 0 for one the library does not know */
    uint64_t database;  /* of the Redis protocol; names in other calls are those of database 0 */
};

RINGPOST_API int ringpost_info(struct ringpost *handle, struct ringpost_bytes queue,
                               struct ringpost_info *info, int timeout_ms);

/*
 * Walks over an answer that can be long. It is the caller's to close, before the handle. After a
 * next function returned anything but 1, only ringpost_cursor_close is of use.
 */
struct ringpost_cursor;

RINGPOST_API void ringpost_cursor_close(struct ringpost_cursor *cursor);

/*
 * All queues, in byte order of their names, one database after the other; pages are fetched as they are needed. Next returns 1
 * with `*info` (set its `size` before each call) lent until the next call on the cursor, or 0 at
 * the end.
 */
RINGPOST_API int ringpost_list(struct ringpost *handle, struct ringpost_cursor **cursor);
RINGPOST_API int ringpost_list_next(struct ringpost_cursor *cursor, struct ringpost_info *info,
                                    int timeout_ms);

/*
 * The first ready messages of a queue (with `back` 1: the last, from the back), at most `count`, and
 * no more than the broker puts into one answer. They stay in the queue. Next returns 1 with a
 * message lent until the cursor is closed, or 0 at the end.
 */
RINGPOST_API int ringpost_peek(struct ringpost *handle, struct ringpost_bytes queue, uint32_t count,
                               int back, struct ringpost_cursor **cursor, int timeout_ms);
RINGPOST_API int ringpost_peek_next(struct ringpost_cursor *cursor,
                                    struct ringpost_message *message);

/* 1: the queue had more ready messages than this answer of ringpost_peek holds. */
RINGPOST_API int ringpost_peek_has_more(const struct ringpost_cursor *cursor);

/* One figure about the broker: a number, or text when `text.data` is not NULL. */
struct ringpost_figure {
    struct ringpost_bytes key;
    struct ringpost_bytes text;
    uint64_t number;
};

/* Figures about the broker. Next returns 1 with one lent until the cursor is closed, or 0. */
RINGPOST_API int ringpost_stats(struct ringpost *handle, struct ringpost_cursor **cursor,
                                int timeout_ms);
RINGPOST_API int ringpost_stats_next(struct ringpost_cursor *cursor,
                                     struct ringpost_figure *figure);

/* A connection to the broker. Set `size` before each call. */
struct ringpost_client {
    size_t size;
    uint64_t connection; /* its id */
    struct ringpost_bytes client, address;
    uint64_t consumers, subscriptions;
    uint64_t leased;       /* messages */
    uint64_t unsent_bytes; /* given to it, and not yet taken by its socket */
    uint64_t backlog;      /* messages of topics that wait for it */
    uint64_t waiting;      /* its pushes that a full queue holds */
};

/* All connections, by id. Next returns 1 with `*client` lent until the next call, or 0. */
RINGPOST_API int ringpost_clients(struct ringpost *handle, struct ringpost_cursor **cursor);
RINGPOST_API int ringpost_clients_next(struct ringpost_cursor *cursor,
                                       struct ringpost_client *client, int timeout_ms);

/* Ends a connection. -ENOENT: there is none of that id. */
RINGPOST_API int ringpost_kill(struct ringpost *handle, uint32_t connection, int timeout_ms);

/* A name that is subscribed to, or whose last message is kept. Set `size` before each call. */
struct ringpost_topic {
    size_t size;
    struct ringpost_bytes name;
    uint64_t subscriptions;  /* to it as a name */
    uint64_t wildcards;      /* to it as a pattern */
    uint64_t retained_bytes; /* 0: nothing is kept */
    uint64_t globs;          /* to it as a Redis client's glob */
};

/* All such names, in byte order. Next returns 1 with `*topic` lent until the next call, or 0. */
RINGPOST_API int ringpost_topics(struct ringpost *handle, struct ringpost_cursor **cursor);
RINGPOST_API int ringpost_topics_next(struct ringpost_cursor *cursor, struct ringpost_topic *topic,
                                      int timeout_ms);

/* A setting of the broker. Set `size` before each call. */
struct ringpost_setting {
    size_t size;
    struct ringpost_bytes key, value;
    struct ringpost_bytes origin; /* "default", "flag", or a file and its line */
};

/* All settings of the broker. Next returns 1 with one lent until the cursor is closed, or 0. */
RINGPOST_API int ringpost_config(struct ringpost *handle, struct ringpost_cursor **cursor);
RINGPOST_API int ringpost_config_next(struct ringpost_cursor *cursor,
                                      struct ringpost_setting *setting, int timeout_ms);

/* Asks the broker for an answer; `*round_trip_ns` (may be NULL) tells how long it took. */
RINGPOST_API int ringpost_ping(struct ringpost *handle, uint64_t *round_trip_ns, int timeout_ms);

/* ---- Event loops ---------------------------------------------------------------------------- */

/*
 * To drive a handle from a loop of one's own: wait until `ringpost_fd` is ready for
 * `ringpost_events` or `ringpost_timeout` ms are over, call ringpost_step, then ringpost_next with
 * timeout 0 until it returns 0. Ask for all three each time: a new connection has a new descriptor.
 */

/* The descriptor to wait on, or -1 while there is none. The handle's own: only wait on it. */
RINGPOST_API int ringpost_fd(const struct ringpost *handle);

/* POLLIN and POLLOUT, as poll(2) takes them. */
RINGPOST_API int ringpost_events(struct ringpost *handle);

/* Milliseconds until a step is wanted although the descriptor is not ready; -1: no limit. */
RINGPOST_API int ringpost_timeout(const struct ringpost *handle);

/* Does what input and output can be done without waiting. 0, -ENOMEM or -ENOTCONN. */
RINGPOST_API int ringpost_step(struct ringpost *handle);

#ifdef __cplusplus
}
#endif

#endif

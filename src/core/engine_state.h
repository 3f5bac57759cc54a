/* The engine's inside, shared by the files that together are the engine. */
#ifndef RINGPOST_CORE_ENGINE_STATE_H
#define RINGPOST_CORE_ENGINE_STATE_H

#include "core/chunk.h"
#include "core/consumer.h"
#include "core/engine.h"
#include "core/lifetime.h"
#include "core/peer.h"
#include "core/retained.h"
#include "core/topics.h"
#include "core/values.h"

enum {
    INBOX_NAME_SIZE = 32, /* bytes of an inbox's name: 128 bits in hexadecimal digits */
    TRANSACTION_ANSWERS_SIZE_MAX = 256 * 1024 * 1024, /* bytes behind which one asks in vain */
};

/* Names that have nothing to do with those of other spaces. */
struct space {
    struct table queues, values, lifetimes; /* by name */
};

struct engine {
    struct hash_key key;
    struct arena arena;
    struct stock stock;
    struct engine_config config;
    bool is_pressed;      /* memory is short */
    struct timers timers; /* queues, by when something is due in them */
    struct timers takers; /* those who wait, by when they give up */
    uint64_t takers_count;
    struct table watched; /* names that are watched, by name and space */
    struct {
        const struct peer *peer;  /* whose transaction is open, or NULL */
        bool is_skipped;          /* its commands are not carried out */
        uint64_t answered_before; /* what answered_size was at its beginning */
    } transaction;
    uint64_t answered_size; /* bytes of all answers with data, ever */
    struct space spaces[SPACES_COUNT];
    struct value_store values;
    struct timers lifetimes;    /* by the millisecond they end with */
    uint64_t queues_count;      /* in all spaces */
    uint64_t queues_generation; /* grows when one goes */
    uint64_t queues_born;       /* ever */
    struct table peers;         /* by id */
    struct topics topics;
    struct chunk_store chunks;
    struct backlog_store posts;
    uint64_t published_order; /* counts runs published */
    struct retained_store retained;
    struct hash_key inbox_key; /* of the names of inboxes */
    uint64_t inboxes_count;    /* ever */
    uint64_t listeners_count;  /* consumers and subscriptions */
    struct list hot_queues, hot_peers;
    bool is_draining;            /* nothing is handed out any more */
    uint64_t served;             /* counts deliveries, for fairness */
    uint64_t burial;             /* counts burials and redrives: each ages a queue once */
    struct peer *peer_memo;      /* of the last command */
    struct engine_totals totals; /* those that are counted as they happen */
    unsigned char *text;         /* room to put an answer together */
    size_t text_size, text_capacity;
};

/* The connection of that id, or NULL. */
struct peer *engine_peer(struct engine *engine, uint32_t id);

/* The queue of that name as time has left it, or NULL. */
struct queue *engine_queue(struct engine *engine, uint8_t space, struct bytes name);

/* The queue of that name, made when there is none, or NULL when there are too many. What is due in it
 * is left to the caller. */
struct queue *engine_queue_make(struct engine *engine, uint8_t space, struct bytes name);

/* The queue that a client names; while memory is short it is given only what is there. */
enum status engine_queue_ask(struct engine *engine, uint8_t space, struct bytes name,
                             struct queue **queue);

/* The queue whose ready messages are the list that a command names: `no-key` when there is none. In
 * any case `*queue` is the one of that name as time has left it, or NULL. */
enum status engine_list(struct engine *engine, uint8_t space, struct bytes name,
                        struct queue **queue);

/* The next of all queues; NULL at the end. A zeroed walk is at the beginning; making queues and ending
 * them disturbs it. */
struct queue_walk {
    unsigned space;
    size_t at;
};
struct queue *engine_next_queue(const struct engine *engine, struct queue_walk *walk);

/* Has a connection keep the limits. */
void engine_limit(const struct engine *engine, struct peer *peer);

/* Has the settings hold that the queue is to have. */
void engine_configure_queue(struct engine *engine, struct queue *queue);

/* Ends a queue that holds nothing that anybody waits for. */
void engine_queue_end(struct engine *engine, struct queue *queue);

/* Whether so much memory is used that even what is seldom refused is. */
bool engine_is_overfull(const struct engine *engine);

/* Whether the connection may have one more consumer or subscription. */
enum status engine_may_listen(const struct engine *engine, const struct peer *peer);

/* Has the next tick look at the queue. */
void engine_touch(struct engine *engine, struct queue *queue);

/* Does what is due in the queue, before it is used. */
void engine_age(struct engine *engine, struct queue *queue);

/* Takes note that so many messages are no longer leased to the connection. */
void engine_unlease(struct engine *engine, struct peer *peer, uint64_t count);

/* apply_value.c, apply_key.c: commands about values, and about names whatever they are; each answers
 * itself unless it is refused. */
enum status apply_value(struct engine *engine, const struct command *command,
                        struct outbox *outbox);
enum status apply_key(struct engine *engine, const struct command *command, struct outbox *outbox);
/* How many lists and values the space has. */
uint64_t engine_keys(struct engine *engine, uint8_t space);

/* apply_push.c: messages for queues. */
void apply_push(struct engine *engine, struct peer *peer, const struct command *command,
                struct outbox *outbox);
void engine_held_forget(struct held_push *held);

/* apply_queue.c: commands about queues and their messages. */
enum status apply_consume(struct engine *engine, struct peer *peer, const struct command *command);
enum status apply_cancel(struct engine *engine, struct peer *peer, const struct command *command);
enum status apply_credit(struct engine *engine, struct peer *peer, const struct command *command);
enum status apply_settle(struct engine *engine, struct peer *peer, const struct command *command);
enum status apply_touch(struct engine *engine, struct peer *peer, const struct command *command);
enum status apply_declare(struct engine *engine, const struct command *command);
enum status apply_set(struct engine *engine, const struct command *command);
enum status apply_delete(struct engine *engine, const struct command *command,
                         struct outbox *outbox);
enum status apply_pause(struct engine *engine, const struct command *command, bool is_paused);
/* Ends a consumer that its peer's table has lost, or is losing. */
void engine_consumer_end(struct engine *engine, struct consumer *consumer);

/* bury.c: what becomes of dead letters. */
/* Makes room for one message of the broker's own, as the queue does for one that is pushed, `how` as
 * queue_push says; false when there is none. */
bool engine_make_room(struct engine *engine, struct queue *queue, const struct run *run,
                      unsigned how);
/* Brings the letters that were written to their queues. */
void engine_bury(struct engine *engine);
enum status answer_redrive(struct engine *engine, const struct command *command,
                           struct outbox *outbox);

/* dispatch.c: what a tick does. */
void dispatch_queue(struct engine *engine, struct queue *queue, struct outbox *outbox);
void dispatch_backlog(struct engine *engine, struct peer *peer, struct outbox *outbox);
/* Hands out what waits for the connection, whether or not it has room. */
void dispatch_whole_backlog(struct engine *engine, struct peer *peer, struct outbox *outbox);
void dispatch_rank(struct consumer *consumer);
/* Tells that messages are missing before what the subscription is given next. */
void dispatch_gap(struct subscription *subscription, struct missed missed, struct outbox *outbox);

/* apply_publish.c */
void apply_publish(struct engine *engine, struct peer *peer, const struct command *command,
                   struct outbox *outbox);
/* Copies a run into a chunk: what waits refers to it there. The caller releases it. */
struct batch engine_batch(struct engine *engine, const struct run *run);
/* Lets a batch wait for one subscription. */
void engine_post(struct engine *engine, struct subscription *subscription,
                 const struct batch *batch);
/* Has the next tick look at the backlog, if something waits there that can be handed out. */
void engine_touch_peer(struct engine *engine, struct peer *peer);

/* apply_topic.c: subscriptions, as they come and go. */
void apply_subscribe(struct engine *engine, struct peer *peer, const struct command *command,
                     struct outbox *outbox);
enum status apply_unsubscribe(struct engine *engine, struct peer *peer,
                              const struct command *command, struct outbox *outbox);
/* Ends the subscriptions of a connection that is ending, but for the table of them. */
void engine_subscriptions_end(struct engine *engine, struct peer *peer);
/* Ends those that are over their bound and have chosen that. */
void engine_end_overflowed(struct engine *engine, struct outbox *outbox);

/* answer.c: commands that are answered with data. */
enum status answer_purge(struct engine *engine, const struct command *command,
                         struct outbox *outbox);
enum status answer_peek(struct engine *engine, const struct command *command,
                        struct outbox *outbox);
enum status answer_list(struct engine *engine, const struct command *command,
                        struct outbox *outbox);
enum status answer_info(struct engine *engine, const struct command *command,
                        struct outbox *outbox);
enum status answer_clients(struct engine *engine, const struct command *command,
                           struct outbox *outbox);
enum status answer_settings(struct engine *engine, const struct command *command,
                            struct outbox *outbox);
enum status answer_inbox(struct engine *engine, const struct command *command, struct bytes name,
                         struct outbox *outbox);
enum status answer_stats(struct engine *engine, const struct command *command,
                         struct outbox *outbox);

/* answer_frames.c: a ticket that is answered with messages of a queue, piece by piece until all are
 * put. */
struct frames_answer {
    struct peer *peer;
    uint64_t ticket;
    uint32_t which;      /* of the names that the command has */
    uint32_t total, put; /* messages: in all, and so far */
};
void answer_frames(struct engine *engine, struct frames_answer *answer,
                   const struct stretch *stretch, struct outbox *outbox);
/* The same with bytes that a hold was taken of already. */
void answer_slice(struct engine *engine, struct frames_answer *answer, const struct slice *slice,
                  struct outbox *outbox);

/* apply_list.c: commands about lists by place. */
void apply_list(struct engine *engine, struct peer *peer, const struct command *command,
                struct outbox *outbox);

/* keeper.c: consumers of the engine's own, to which is leased what a connection pops from a queue
 * with a pop lease. There is one while something is. */
/* What keeps for a connection what it popped from a queue, or NULL. */
struct consumer *keeper_of(const struct peer *peer, const struct queue *queue);
/* What will keep what is popped next, from that end: made if need be, and empty, since what it kept
 * is acknowledged. */
struct consumer *keeper_ask(struct engine *engine, struct peer *peer, struct queue *queue,
                            bool from_back);
/* Has it keep messages of its queue. */
void keeper_lease(struct engine *engine, struct consumer *keeper, const struct stretch *stretch);
/* Settles all that it keeps; returns how many messages. */
uint64_t keeper_settle(struct engine *engine, struct consumer *keeper,
                       const struct settlement *settlement);
void keeper_end(struct engine *engine, struct consumer *keeper);
/* Settles all that is kept for a connection, and ends what keeps it; returns how many messages. */
uint64_t keepers_end(struct engine *engine, struct peer *peer, const struct settlement *settlement);
void keepers_check(const struct peer *peer);

/* apply_take.c: pops, and those that wait. */
void apply_take(struct engine *engine, struct peer *peer, const struct command *command,
                struct outbox *outbox);
void apply_wait(struct engine *engine, struct peer *peer, const struct command *command,
                struct outbox *outbox);
void apply_finish(struct engine *engine, struct peer *peer, const struct command *command,
                  struct outbox *outbox);
/* Serves those who wait for the queue; false when nobody could be. */
bool takers_serve_queue(struct engine *engine, struct queue *queue, struct outbox *outbox);
/* Serves those who wait for queues that became ready. */
void takers_serve(struct engine *engine, struct outbox *outbox);
/* Answers those who have waited long enough. */
void takers_expire(struct engine *engine, struct outbox *outbox);
/* A connection is ending, and waits no more. */
void takers_forget(struct engine *engine, struct peer *peer);

/* apply_transaction.c: commands that are carried out as one, and what is watched until then. */
void apply_watch(struct engine *engine, struct peer *peer, const struct command *command,
                 struct outbox *outbox);
void apply_unwatch(struct engine *engine, struct peer *peer, const struct command *command,
                   struct outbox *outbox);
void apply_begin(struct engine *engine, struct peer *peer, const struct command *command,
                 struct outbox *outbox);
void apply_commit(struct engine *engine, struct peer *peer, const struct command *command,
                  struct outbox *outbox);
/* What a command comes to that is not carried out, since a transaction is open; else OK. */
enum status transaction_status(const struct engine *engine, const struct command *command);
/* Notes for those who watch it that a name has changed in another way than that what is ready in
 * its queue has, which is noted there. */
void watch_touch(struct engine *engine, uint8_t space, struct bytes name);
/* The same, before a queue ends. */
void watch_queue_end(struct engine *engine, const struct queue *queue);

/* apply_client.c: commands about connections. */
enum status apply_kill(struct engine *engine, const struct command *command, struct outbox *outbox);
void apply_evict(struct engine *engine, const struct command *command, struct outbox *outbox);
void apply_label(struct peer *peer, const struct command *command, struct outbox *outbox);

/* answer_topics.c */
enum status answer_topics(struct engine *engine, const struct command *command,
                          struct outbox *outbox);
enum status answer_channels(struct engine *engine, const struct command *command,
                            struct outbox *outbox);
enum status answer_listeners(struct engine *engine, const struct command *command,
                             struct outbox *outbox);
enum status answer_globs(struct engine *engine, const struct command *command,
                         struct outbox *outbox);

enum {
    LOOK_COUNT_MAX = 1000,     /* messages, queues or topics in one answer */
    LOOK_SIZE_MAX = 64 * 1024, /* bytes of an answer beyond its first element */
};

/* The answer that is being put together: room for `size` more bytes, fields, records (their size u32,
 * and fields); and sending it. */
unsigned char *answer_reserve(struct engine *engine, size_t size);
void answer_put_number(struct engine *engine, const char *key, uint64_t value);
void answer_put_bytes(struct engine *engine, const char *key, struct bytes value);
size_t answer_begin_record(struct engine *engine);
void answer_end_record(struct engine *engine, size_t record);
enum status answer_send(struct engine *engine, const struct command *command, bool has_more,
                        struct outbox *outbox);
/* Is done with what was put together; room beyond the usual is given back. */
void answer_forget(struct engine *engine);
/* An answer of its own, of a copy of these bytes. */
struct effect *answer_bytes(struct engine *engine, const struct command *command,
                            struct bytes bytes, struct outbox *outbox);

#endif

/* An engine on a stage: commands in a word each, effects told as text, and all invariants checked
 * at every step. */
#ifndef RINGPOST_TESTS_UNIT_CORE_STAGE_H
#define RINGPOST_TESTS_UNIT_CORE_STAGE_H

#include "core/engine.h"

enum { STAGE_PEERS_MAX = 8, STAGE_TEXT_MAX = 1 << 16, STAGE_NAMES_MAX = 8 };

/* A slice that an effect brought and nobody has sent yet. */
struct stage_slice {
    uint32_t peer;
    struct slice slice;
};

/* How to listen; zeroed: as usual, to a name. */
struct listener {
    uint32_t count_max, count_default;
    uint64_t size_max, size_default;
    bool is_wildcard, is_glob, is_apart, is_inbox, no_retained;
    enum overflow overflow;
    const char *group;
};

/* How to pop; zeroed: from the front, as long as it takes. */
struct taking {
    uint8_t space;
    bool from_back, is_each, is_now, to_front;
    const char *to; /* to move it there */
    uint64_t timeout_ms;
};

struct stage {
    struct engine *engine;
    struct outbox outbox;
    uint64_t numbers[STAGE_PEERS_MAX]; /* of each peer's next frame: its tickets */
    bool is_attached[STAGE_PEERS_MAX];
    uint64_t now;
    struct stage_slice *slices; /* in the order they came */
    size_t slices_count, slices_capacity;
    char text[STAGE_TEXT_MAX];
};

struct stage *stage_open(void);

/* Detaches everyone, sends what is left and sees that nothing remains. */
void stage_close(struct stage *stage);

/* Carries a command of `peer` out under the next ticket. */
void stage_apply(struct stage *stage, uint32_t peer, struct command command);

/* A connection, with the largest window or the one given. */
void stage_attach(struct stage *stage, uint32_t peer);
void stage_attach_window(struct stage *stage, uint32_t peer, uint32_t count, uint64_t size);
/* One that is given messages once for each matching subscription. */
void stage_attach_each(struct stage *stage, uint32_t peer);
void stage_detach(struct stage *stage, uint32_t peer);

/* `words` as frames_run takes them. */
void stage_push(struct stage *stage, uint32_t peer, const char *queue, const char *words);
void stage_publish(struct stage *stage, uint32_t peer, const char *topic, const char *words);

/* The same to a list, answered with its length: `how` is of the words "front", "whole", "there". */
void stage_push_as(struct stage *stage, uint32_t peer, const char *queue, const char *words,
                   const char *how);
/* The answer is how many each reaches; `is_apart`: of those who subscribed apart. */
void stage_publish_count(struct stage *stage, uint32_t peer, const char *topic, const char *words,
                         bool is_apart);

/* One word, with headers as frames_headed takes them. */
void stage_push_headed(struct stage *stage, uint32_t peer, const char *queue, const char *headers,
                       const char *word);
/* With flags in every frame. */
void stage_publish_flags(struct stage *stage, uint32_t peer, const char *topic, const char *words,
                         uint8_t flags);

/* `count` equal frames of `size` bytes, which are told by their number. */
void stage_push_alike(struct stage *stage, uint32_t peer, const char *queue, uint32_t count,
                      uint32_t size);
void stage_publish_alike(struct stage *stage, uint32_t peer, const char *topic, uint32_t count,
                         uint32_t size);

/* `flags` as in the frame: CONSUME_BACK, CONSUME_NO_ACK. */
void stage_consume(struct stage *stage, uint32_t peer, uint32_t id, const char *queue, int flags,
                   uint32_t count, uint64_t size);
void stage_cancel(struct stage *stage, uint32_t peer, uint32_t id);
void stage_credit(struct stage *stage, uint32_t peer, uint32_t id, uint32_t count, uint64_t size);
void stage_settle(struct stage *stage, uint32_t peer, uint32_t id, uint64_t tag, uint32_t count,
                  enum settle how);
void stage_return(struct stage *stage, uint32_t peer, uint32_t id, uint64_t tag, uint32_t count,
                  uint64_t delay_ms);
void stage_touch(struct stage *stage, uint32_t peer, uint32_t id, uint64_t tag, uint32_t count);
void stage_subscribe(struct stage *stage, uint32_t peer, uint32_t id, const char *topic);
void stage_subscribe_to(struct stage *stage, uint32_t peer, uint32_t id, const char *name,
                        const struct listener *how);
void stage_subscribe_wildcard(struct stage *stage, uint32_t peer, uint32_t id, const char *pattern);
void stage_subscribe_glob(struct stage *stage, uint32_t peer, uint32_t id, const char *glob);
void stage_subscribe_apart(struct stage *stage, uint32_t peer, uint32_t id, const char *topic);
void stage_subscribe_bound(struct stage *stage, uint32_t peer, uint32_t id, const char *topic,
                           uint32_t count_max, uint64_t size_max);
void stage_unsubscribe(struct stage *stage, uint32_t peer, uint32_t id);
void stage_declare(struct stage *stage, uint32_t peer, const char *queue, uint64_t count_max,
                   uint64_t size_max, enum when_full when_full);

/* DECLARE or SET with settings as "ttl=5 dead-letter= when-full=hold". */
void stage_settings(struct stage *stage, uint32_t peer, enum command_kind kind, const char *queue,
                    const char *settings);

/* `to` is "" for where each message came from. */
void stage_redrive(struct stage *stage, uint32_t peer, const char *queue, uint32_t count,
                   const char *to);

/* TAKE, and WAIT for one of several queues with blanks between them. */
void stage_take(struct stage *stage, uint32_t peer, const char *queue, uint32_t count,
                const struct taking *how);
void stage_wait(struct stage *stage, uint32_t peer, const char *queues, uint32_t count,
                const struct taking *how);

/* RANGE, TRIM. */
void stage_range(struct stage *stage, uint32_t peer, enum command_kind kind, const char *queue,
                 int64_t start, int64_t stop);

/* The commands that need a name alone: DELETE, PURGE, PAUSE, RESUME, INFO, STATS, PING, LENGTH. */
void stage_name(struct stage *stage, uint32_t peer, enum command_kind kind, const char *name);
void stage_look(struct stage *stage, uint32_t peer, enum command_kind kind, const char *name,
                uint32_t count, bool from_back);

/* Does what is due, all of it. */
void stage_tick(struct stage *stage);

/* The same, so many milliseconds later. */
void stage_pass(struct stage *stage, uint64_t ms);

/*
 * Tells the effects since the last time in `text`, a line each:
 *     1 #5 ok x3             three frames of peer 1's ticket 5 are done
 *     1 #8 answer 8 bytes    "answer 9 bytes more" when there is more
 *     1 #9 of 3 from 1 more: a b   two of three messages of the second name; "more" follow
 *     1 #9 number 7          "number 7 to 9" for three tickets, "number 7 x3" when all have the same
 *     2 c7 @4 a b            deliveries for consumer 7 of peer 2, tags from 4 on
 *     2 c7 @4 again 2: a b   delivered twice before
 *     2 c7 @4 100 frames     without words
 *     2 s3 a b               messages for subscription 3
 *     2 s3 retained a b
 *     2 s3 gap @7 2, 30 bytes   its messages 7 and 8 are missing
 *     2 s3 ended: the subs…  the status in words
 *     2 c7 ended: no queue … the status in words
 */
void stage_tell(struct stage *stage);

/* Tells them and fails unless they are `expected`. */
void stage_expect(struct stage *stage, const char *expected);

/* Throws away what there is to tell. */
void stage_skip(struct stage *stage);

/* Copies the last answer to `to` and forgets all effects until now. Returns its bytes. */
size_t stage_answer(struct stage *stage, void *to, size_t size);

/* Bytes handed to a peer and not yet sent. */
uint64_t stage_unsent(const struct stage *stage, uint32_t peer);

/* All that was handed to a peer, or the oldest piece of it, has been sent. */
void stage_sent(struct stage *stage, uint32_t peer);
void stage_sent_one(struct stage *stage, uint32_t peer);

/* Sees that these messages are ready, from the front on, a line each: "word", or "word headers". */
void stage_expect_ready(struct stage *stage, const char *queue, const char *expected);

/* One number out of INFO; of a queue that exists. */
uint64_t stage_info(struct stage *stage, const char *queue, const char *key);

#endif

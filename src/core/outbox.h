/* The outbox: effects of the engine in the order they happened, for the sessions to put into words.
 */
#ifndef RINGPOST_CORE_OUTBOX_H
#define RINGPOST_CORE_OUTBOX_H

#include "core/slice.h"
#include "core/status.h"

enum effect_kind {
    EFFECT_SETTLED, /* `count` frames, from the one that `ticket` names on, came to `status` */
    EFFECT_ANSWER,  /* the ticket is answered with `slice`, bytes and not frames; settles it */
    EFFECT_DELIVER, /* messages of a queue for consumer `id` */
    EFFECT_MESSAGE, /* messages of a topic for subscription `id` */
    EFFECT_GAP,     /* subscription `id` missed messages here */
    EFFECT_LOST,    /* leases of consumer `id` are over */
    EFFECT_ENDED,   /* consumer or subscription `id` was ended by the broker, for `status` */
    EFFECT_KILLED,  /* the connection is to be ended, for `status` */
    EFFECT_NUMBER,  /* `numbers.count` frames from the one that `ticket` names on are answered with
                       `numbers.first`, and `numbers.step` more each; settles them */
    EFFECT_FRAMES, /* the ticket is answered with `total` messages, these and, while has_more, those
                       of the effects behind; settles it. Of a TAKE that is each: `total` tickets */
};

/* A slice in an effect brings its hold along: whoever takes the effect ends it by engine_release.
 */
struct effect {
    enum effect_kind kind;
    uint32_t peer;
    enum status status; /* SETTLED, ENDED, KILLED */
    uint32_t id; /* DELIVER, LOST, MESSAGE, GAP, ENDED; FRAMES: which of the names; NUMBER of a
                           CONFIGURE: which of the pairs */
    uint32_t deliveries;  /* DELIVER: of each message, before */
    uint32_t total;       /* FRAMES */
    bool has_more;        /* ANSWER: there is more than this; FRAMES */
    bool is_grown;        /* ANSWER of GET: APPEND has made it longer since it was put */
    bool is_retained;     /* MESSAGE */
    bool is_subscription; /* ENDED */
    union {
        uint64_t ticket; /* SETTLED, ANSWER */
        uint64_t tag;    /* DELIVER, MESSAGE, GAP: of the first message */
    };
    union {
        uint32_t count; /* SETTLED, LOST */
        struct {
            uint64_t count, size; /* messages, bytes */
        } missed;                 /* GAP */
        struct {
            uint32_t count, step;
            int64_t first;
        } numbers;          /* NUMBER */
        struct slice slice; /* ANSWER, DELIVER, MESSAGE, FRAMES */
    };
};

static inline bool effect_has_slice(const struct effect *effect)
{
    return effect->kind == EFFECT_ANSWER || effect->kind == EFFECT_DELIVER ||
           effect->kind == EFFECT_MESSAGE || effect->kind == EFFECT_FRAMES;
}

/* A zeroed outbox is empty. */
struct outbox {
    struct effect *effects;
    size_t count, capacity;
    uint64_t answers_size; /* bytes of the answers in it */
};

void outbox_finish(struct outbox *outbox);

/* Empties it, whose effects were taken. */
void outbox_clear(struct outbox *outbox);

/* Appends a zeroed effect and returns it, to be filled in before the next is put. */
struct effect *outbox_put(struct outbox *outbox, enum effect_kind kind, uint32_t peer);

/* Appends an EFFECT_SETTLED, joined with the one before where it goes on from there. */
void outbox_settle(struct outbox *outbox, uint32_t peer, uint64_t ticket, uint32_t count,
                   enum status status);

/* Appends an EFFECT_NUMBER for one ticket, or for `count` of them, each with `step` more. */
void outbox_number(struct outbox *outbox, uint32_t peer, uint64_t ticket, int64_t number);
void outbox_numbers(struct outbox *outbox, uint32_t peer, uint64_t ticket, uint32_t count,
                    int64_t first, uint32_t step);

#endif

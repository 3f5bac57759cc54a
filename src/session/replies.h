/*
 * Replies that are owed, in the order of what asked for them. What the engine answers goes straight
 * to the output when it is its turn, and is kept in words until then when it is not.
 */
#ifndef RINGPOST_SESSION_REPLIES_H
#define RINGPOST_SESSION_REPLIES_H

#include "session/pen.h"

/* Puts what a ticket came to into words; of messages what stands before them. */
typedef void reply_say(struct pen *pen, const struct effect *effect);

/* What it is in a transaction, if its replies depend on whether that takes place. */
enum reply_role { REPLY_PLAIN, REPLY_BEGIN, REPLY_COMMIT };

struct reply {
    uint64_t ticket;               /* of the first engine command that it waits for */
    uint32_t count, settled_count; /* tickets; none: it is words alone, and they are its note */
    reply_say *say;
    uint32_t note_size;
    uint32_t frames_left; /* messages that are still to come of an answer */
    uint32_t opens_count; /* items of the array that begins with it: messages of subscriptions come
                             before that, not within */
    uint8_t version;      /* of the protocol, when it was asked for */
    enum reply_role role;
    bool is_each; /* messages of one answer are for a ticket each */
    bool
        is_joined; /* all tickets come to one thing: the sum of their numbers, or the first failure */
    bool is_large;   /* the session takes nothing more until it is settled */
    bool is_skipped; /* nothing is said of it */
    bool has_number;
    int64_t sum;
    enum status failure;
    struct text kept; /* what could be said of it before its turn */
};

/* A ring of replies. Zeroed ones are empty. */
struct replies {
    struct reply *ring;
    size_t first, count, capacity;
    struct text notes;    /* of all of them, in order */
    uint32_t large_count; /* of those that are large */
};

void replies_finish(struct replies *replies);

static inline bool replies_are_empty(const struct replies *replies)
{
    return replies->count == 0;
}

/* A reply behind all others, to `count` tickets from `ticket` on. Valid until the next call. */
struct reply *replies_expect(struct replies *replies, uint64_t ticket, uint32_t count,
                             uint8_t version, reply_say *say);

/* The last reply, to have something noted of it, or more tickets joined. There is one. */
struct reply *replies_last(struct replies *replies);

/* Notes something for what will be said of the last reply. */
void replies_note(struct replies *replies, struct bytes note);

/* A pen for words that are no answer of the engine's, behind all replies; until another is expected. */
struct pen replies_pen(struct replies *replies, struct output *output, uint8_t version);

/* Says what the tickets of an effect came to. Returns whether its slice was taken. */
bool replies_settle(struct replies *replies, struct output *output, const struct effect *effect);

/* Bytes that wait for their turn. */
size_t replies_waiting_size(const struct replies *replies);

#endif

/* What a session has to say: bytes and slices, put together into one send at a time. */
#ifndef RINGPOST_SESSION_OUTPUT_H
#define RINGPOST_SESSION_OUTPUT_H

#include "core/slice.h"
#include "session/bulk.h"
#include "session/text.h"

#include <sys/uio.h>

enum {
    OUTPUT_QUANTUM = 64 * 1024, /* bytes behind which a send takes no further piece */
    OUTPUT_COPY_MAX = 2048,     /* bytes of a slice that is copied together with its neighbours */
    OUTPUT_PIECES_MAX = 64,     /* pieces of one send */
};

/* A slice, or without a block the next `slice.size` bytes of the text. */
struct piece {
    struct slice slice;
    bool is_bulks;           /* its messages are put into words when they are sent; else they go as
                                they are */
    uint32_t rendered_size;  /* bytes of the slice for which that was done */
    struct preface *preface; /* of each, or NULL */
};

/* What one send is made of. */
struct parcel {
    struct iovec vector[OUTPUT_PIECES_MAX];
    unsigned vector_first, vector_count; /* what is not sent of it */
    unsigned char *copied;               /* what was copied together for it */
    size_t copied_size, copied_capacity;
    size_t pieces_count; /* pieces in it, at the front of the output's */
};

/* A zeroed output is empty. It is small: most connections are idle most of the time. */
struct output {
    struct text control;  /* whole frames that go before the messages */
    struct text text;     /* what stands between slices */
    struct piece *pieces; /* a ring, in order */
    size_t pieces_first, pieces_count, pieces_capacity;
    size_t answers_size;   /* bytes of messages that were asked for and are not in a send yet */
    struct parcel *parcel; /* the last send that was put together; NULL in an idle one */
    bool is_sending;       /* it is in flight */
};

/* Frees everything. Slices still in it must have been taken by output_take_slice. */
void output_finish(struct output *output);

/* Room for `size` bytes at the end of the control frames, or of the messages, to be filled at once.
 */
unsigned char *output_control(struct output *output, size_t size);
unsigned char *output_text(struct output *output, size_t size);

/* Appends a slice with its hold. */
void output_slice(struct output *output, const struct slice *slice);

/* Appends messages that were asked for, with the slice's hold, as bulks. */
void output_bulks(struct output *output, const struct slice *slice);

/* Appends messages that a subscription brings, with the slice's hold, as bulks behind its preface. */
void output_messages(struct output *output, const struct slice *slice, struct preface *preface);

/* Bytes of control frames, text and answers that wait for a send of their own; the one in flight not
 * counted. */
size_t output_waiting_size(const struct output *output);

/* Whether there is anything to send. */
bool output_is_empty(const struct output *output);

/*
 * The vector of the next send: the rest of one that was cut short, else put together anew. It stays
 * until output_sent or output_finish. There is something to send, and no send in flight.
 */
const struct iovec *output_begin(struct output *output, unsigned *count);

/* `size` bytes of it went out. Returns whether the send is complete; then output_take_sent gives
 * its slices. */
bool output_sent(struct output *output, size_t size);

/* Takes the next slice whose bytes are all sent; false when there is none. The hold goes to the
 * caller. */
bool output_take_sent(struct output *output, struct slice *slice);

/* Takes any slice still in it: for the end of a session, when no send is in flight. */
bool output_take_slice(struct output *output, struct slice *slice);

#endif

/* Bulks: messages of queues and topics in the words of the Redis protocol. */
#ifndef RINGPOST_SESSION_BULK_H
#define RINGPOST_SESSION_BULK_H

#include "base/bytes.h"

/* What stands before the name of each message that a subscription brings; shared by those that are
 * not sent yet. */
struct preface {
    uint32_t refs_count;
    uint32_t size;
    unsigned char text[];
};

/* A preface with a copy of `text`, and one reference. */
struct preface *preface_create(struct bytes text);

struct preface *preface_ref(struct preface *preface);

/* Ends a reference; the last one's end frees it. NULL is nothing. */
void preface_unref(struct preface *preface);

/* Bytes that bulk_put_head takes at most. */
size_t bulk_head_size_max(const struct preface *preface, const unsigned char *frame);

/* Writes what comes before the body of a message: with a preface that and its name. Returns its
 * size. Behind the body comes resp_put_end. */
size_t bulk_put_head(unsigned char *to, const struct preface *preface, const unsigned char *frame,
                     size_t body_size);

/* Bytes of frames, back to back, as bulks. */
size_t bulks_size(struct bytes frames);

/* Writes frames as bulks, of `size` bytes, the last one first: they can only be found from the front. */
void bulks_put_reversed(unsigned char *to, size_t size, struct bytes frames);

#endif

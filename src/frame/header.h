/* Header blocks: what a message says of itself before its body. Source: docs/PROTOCOL.md, section 1.
 */
#ifndef RINGPOST_FRAME_HEADER_H
#define RINGPOST_FRAME_HEADER_H

#include "frame/field.h"
#include "frame/frame.h"

/* | block_size u32 | fields … | */
enum {
    HEADER_SIZE_MIN = 4,
    HEADER_SIZE_MAX = 64 * 1024, /* of a client's; a dead letter's may be longer */
    DEAD_TIMES_MAX = 16,         /* how often one message becomes a dead letter */
};

/* What the broker acts upon. */
struct header {
    uint32_t size;       /* bytes of the block */
    struct bytes fields; /* borrowed */
    uint64_t ttl_ms;     /* 0: none */
    uint64_t delay_ms;
    uint64_t dead_times;     /* 0: it never was a dead letter */
    struct bytes dead_queue; /* borrowed; empty: none */
};

/* Reads the block that `body` begins with. Returns 0, or -EBADMSG when it is malformed or a known
 * key has another kind or a value out of range. */
int header_parse(struct bytes body, struct header *header);

/* The header of a frame whose block was found to be good; a zeroed one when it has none. */
struct header header_of(const unsigned char *frame);

/* What a message says: the bytes behind its name and its headers, which were found to be good. */
struct bytes message_body(const unsigned char *frame);

/* Why a message became a dead letter. */
struct dead_reason {
    const char *reason;
    struct bytes queue; /* it was in */
    uint64_t deliveries;
};

/* Bytes that a frame can grow by as a dead letter. */
enum { DEAD_GROWTH_MAX = HEADER_SIZE_MIN + 4 * (FIELD_HEAD_SIZE + 16) + FRAME_NAME_MAX + 32 };

/* Writes `frame` as a dead letter at `to`, which has room for its size and DEAD_GROWTH_MAX more:
 * with the headers `dead-…` set anew, without `ttl` and `delay`. Returns its size. */
uint32_t header_put_dead(unsigned char *to, const unsigned char *frame,
                         const struct dead_reason *why);

/* Writes `frame`, a dead letter, at `to`, which has room for its size, as what is to be tried
 * again: without the headers that say why and where it was one. Returns its size. */
uint32_t header_put_alive(unsigned char *to, const unsigned char *frame);

#endif

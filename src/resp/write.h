/*
 * Replies of the Redis protocol, written into room that the caller has: each function says how much
 * at most, and returns how much it took. `version` is 2 or 3; what the first lacks, it has words for.
 */
#ifndef RINGPOST_RESP_WRITE_H
#define RINGPOST_RESP_WRITE_H

#include "resp/number.h"

/* | kind | number or text … | \r\n | */
enum {
    RESP_END_SIZE = 2,
    RESP_LINE_COST = 1 + RESP_END_SIZE, /* bytes of a line besides its text */
    RESP_HEAD_SIZE_MAX = RESP_LINE_COST + RESP_INTEGER_SIZE_MAX,
    RESP_BULK_COST =
        RESP_HEAD_SIZE_MAX + RESP_END_SIZE, /* bytes of a bulk string besides its own */
    RESP_NULL_SIZE_MAX = 5,
    RESP_VERBATIM_HEAD_SIZE_MAX = RESP_HEAD_SIZE_MAX + 4,
    RESP_EXCERPT_MAX = 128, /* bytes of a client's word that errors usually show */
};

/* `+text`, of RESP_LINE_COST bytes more than `text`, which has no end of a line in it. */
size_t resp_put_simple(unsigned char *to, struct bytes text);

/* `-text`, of RESP_LINE_COST bytes more than `text`: its code, a space, and words that may hold a
 * client's bytes, since ends of lines become spaces. */
size_t resp_put_error(unsigned char *to, struct bytes text);

/* What an error shows of a client's word: `size_max` bytes at most, and nothing from a zero on. */
struct bytes resp_excerpt(struct bytes word, size_t size_max);

/* `:value`, of RESP_HEAD_SIZE_MAX bytes at most. */
size_t resp_put_integer(unsigned char *to, int64_t value);

/* `count` of them, each `step` more than the one before; none is beyond 64 bits. */
size_t resp_put_integers(unsigned char *to, int64_t first, uint32_t step, size_t count);

/* A whole bulk string, of RESP_BULK_COST bytes more than `bytes` at most. */
size_t resp_put_bulk(unsigned char *to, struct bytes bytes);

/* The two parts of one around `size` bytes that come from elsewhere: of RESP_HEAD_SIZE_MAX bytes at
 * most, and of RESP_END_SIZE. */
size_t resp_put_bulk_head(unsigned char *to, size_t size);
size_t resp_put_end(unsigned char *to);

/* What comes before a text of `size` bytes that is for people's eyes and ends as a bulk string
 * does. Of RESP_VERBATIM_HEAD_SIZE_MAX bytes at most. */
size_t resp_put_verbatim_head(unsigned char *to, unsigned version, size_t size);

/* Nothing where a bulk string, or where an array would be; of RESP_NULL_SIZE_MAX bytes at most. */
size_t resp_put_null(unsigned char *to, unsigned version);
size_t resp_put_null_array(unsigned char *to, unsigned version);

/* Heads of what is made of `count` replies, or of as many pairs of them in a map; of
 * RESP_HEAD_SIZE_MAX bytes at most. A push is what no command has asked for. */
size_t resp_put_array(unsigned char *to, size_t count);
size_t resp_put_map(unsigned char *to, unsigned version, size_t count);
size_t resp_put_set(unsigned char *to, unsigned version, size_t count);
size_t resp_put_push(unsigned char *to, unsigned version, size_t count);

#endif

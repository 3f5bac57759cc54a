/* What a client of Redis hears: whole replies of either version, whatever they say. */
#ifndef RINGPOST_TESTS_FUZZ_EAR_H
#define RINGPOST_TESTS_FUZZ_EAR_H

#include "base/bytes.h"

enum { NESTED_MAX = 16 };

/* Zeroed: between replies. */
struct ear {
    uint64_t open[NESTED_MAX]; /* how much is still to come of what is not whole */
    unsigned open_count;
    uint64_t bulk_left;     /* bytes of a text, with its end */
    unsigned char line[64]; /* the beginning of a line */
    unsigned line_size;
    bool is_long;           /* the line is no head, and longer than that */
    uint64_t replies_count; /* whole ones */
};

/* Stops on what is no reply. */
void ear_hear(struct ear *ear, struct bytes bytes);

static inline bool ear_is_between(const struct ear *ear)
{
    return ear->open_count == 0 && ear->bulk_left == 0 && ear->line_size == 0;
}

#endif

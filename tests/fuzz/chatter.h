/* What clients of Redis say, as an input chooses: any command of the table, mostly in order, of few words. */
#ifndef RINGPOST_TESTS_FUZZ_CHATTER_H
#define RINGPOST_TESTS_FUZZ_CHATTER_H

#include "choices.h"

/* Bytes that were said and not heard yet. A zeroed chatter is silent. */
struct chatter {
    unsigned char *data;
    size_t size, capacity;
    size_t said_size; /* in all, ever */
};

#define CHATTER_PASSWORD "sesame"

void chatter_finish(struct chatter *chatter);

/* One command, or some that are alike. */
void chatter_command(struct chatter *chatter, struct choices *choices);

/* The password, rightly or not. */
void chatter_password(struct chatter *chatter, struct choices *choices);

/* Bytes as they stand in the input. */
void chatter_raw(struct chatter *chatter, struct choices *choices);

/* Takes `size` bytes off the front, or all there are, into memory of their own for the caller to free. */
struct bytes chatter_take(struct chatter *chatter, size_t size);

#endif

/* A send in flight: what a ring was given, and its bytes as they were then. */
#ifndef RINGPOST_TESTS_FUZZ_SENDING_H
#define RINGPOST_TESTS_FUZZ_SENDING_H

#include "base/bytes.h"
#include "session/output.h"

/* A zeroed one is none. */
struct sending {
    const struct iovec *vector; /* borrowed */
    unsigned vector_count;
    struct bytes bytes;
};

void sending_begin(struct sending *sending, struct output *output);
void sending_finish(struct sending *sending);

/* Nobody may have touched the bytes while the send was in flight. */
void sending_check(const struct sending *sending);

#endif

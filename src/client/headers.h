/* What a message says of itself besides its body: written for the broker, and read from frames of it. */
#ifndef RINGPOST_CLIENT_HEADERS_H
#define RINGPOST_CLIENT_HEADERS_H

#include "frame/frame.h"
#include "ringpost.h"

/*
 * Bytes of the header block that the options ask for, 0 when they ask for none, -EINVAL when it cannot be
 * or -EMSGSIZE when it would be too large.
 */
int headers_size(const struct ringpost_message_options *options);

/* Writes that block, of so many bytes. */
void headers_put(unsigned char *to, const struct ringpost_message_options *options, int size);

/* Whether a PUSH or PUBLISH has what its head announces, and headers that can be read. */
bool message_is_good(const unsigned char *frame);

/* The parts of such a frame, which lends them. */
struct ringpost_message message_read(const unsigned char *frame);

#endif

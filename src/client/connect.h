/* Making a connection: which address, when, the hello, and when to try again. */
#ifndef RINGPOST_CLIENT_CONNECT_H
#define RINGPOST_CLIENT_CONNECT_H

#include "client/handle.h"

/* Goes on while the link is DOWN or CONNECTING. Returns 1 when something changed, 0 or -ENOMEM. */
int connect_step(struct ringpost *handle);

/*
 * The broker's WELCOME came, `frame` of `size` bytes. Returns 1 when the reader should see it, 0 when not,
 * or -EPROTO.
 */
int connect_on_welcome(struct ringpost *handle, const unsigned char *frame, size_t size);

/* A connection (`was_up`) or an attempt to make one has ended: sets when the next one begins, if any. */
void connect_again(struct ringpost *handle, int error, bool was_up);

#endif

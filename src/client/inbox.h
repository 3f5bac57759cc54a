/*
 * Inboxes: subscriptions to a name that the broker makes up for each connection. The library keeps one for the
 * answers to ringpost_request; the scan gives it what comes there, so that other events can wait.
 */
#ifndef RINGPOST_CLIENT_INBOX_H
#define RINGPOST_CLIENT_INBOX_H

#include "client/handle.h"

/* The broker made an inbox and named it so. Returns 0 or -EPROTO. */
int inbox_on_reply(struct source *source, struct bytes name);

/* A message came to the inbox for answers. */
void inbox_on_message(struct ringpost *handle, const unsigned char *frame);

/* Whether it was the inbox for answers that ended; the next request makes another. */
bool inbox_on_ended(struct ringpost *handle, uint32_t id);

#endif

/* Messages on their way out. */
#ifndef RINGPOST_CLIENT_PRODUCER_H
#define RINGPOST_CLIENT_PRODUCER_H

#include "client/link.h"

struct outgoing {
    enum op op; /* PUSH or PUBLISH */
    unsigned flags;
    struct ringpost_bytes name, body;
    const struct ringpost_message_options *options; /* its headers; NULL: none */
};

/* Says where to: "queue:NAME", "topic:NAME" or "inbox:NAME". Returns 0 or -EINVAL. */
int outgoing_address(struct outgoing *outgoing, struct ringpost_bytes address);

/*
 * Puts a message out as the last frame, once there is room for it; `*number` (may be NULL) names it.
 * Returns 0 or -errno as ringpost_push.
 */
int produce(struct ringpost *handle, const struct outgoing *outgoing, uint64_t *number,
            struct wait *wait);

#endif

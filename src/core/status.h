/* What the engine answers when it refuses. The numbers are those of docs/PROTOCOL.md, section 5. */
#ifndef RINGPOST_CORE_STATUS_H
#define RINGPOST_CORE_STATUS_H

enum status {
    STATUS_OK,
    STATUS_PROTOCOL,
    STATUS_UNKNOWN_OP,
    STATUS_BAD_FRAME,
    STATUS_BAD_NAME,
    STATUS_BAD_FLAGS,
    STATUS_TOO_LARGE,
    STATUS_HELLO,
    STATUS_VERSION,
    STATUS_BAD_FIELD,
    STATUS_NO_QUEUE,
    STATUS_EXISTS,
    STATUS_FULL,
    STATUS_DELETED,
    STATUS_NO_CONSUMER,
    STATUS_NO_SUBSCRIPTION,
    STATUS_ID_IN_USE,
    STATUS_NOT_LEASED,
    STATUS_BAD_RANGE,
    STATUS_CREDIT,
    STATUS_WINDOW,
    STATUS_BAD_PATTERN,
    STATUS_LIMIT,
    STATUS_CLOSING,
    STATUS_COUNT,
};

/* A sentence for people, without its full stop. */
const char *status_text(enum status status);

#endif

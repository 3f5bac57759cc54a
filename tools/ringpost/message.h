/* What a message says of itself, as the command line has it. */
#ifndef RINGPOST_TOOLS_RINGPOST_MESSAGE_H
#define RINGPOST_TOOLS_RINGPOST_MESSAGE_H

#include "options.h"

#include <ringpost.h>

struct message {
    struct ringpost_message_options options;
    struct ringpost_header headers[HEADERS_MAX];
};

/* Fills it, borrowing from the options. Returns 0, or what to exit with after saying what is wrong. */
int message_take(struct message *message, const struct options *options);

#endif

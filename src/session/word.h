/* Words of commands of the Redis protocol. */
#ifndef RINGPOST_SESSION_WORD_H
#define RINGPOST_SESSION_WORD_H

#include "base/bytes.h"

/* Whether it is this one, in letters of either case; `text` is in lower case. */
bool word_is(struct bytes word, const char *text);

#endif

/* Words of commands of the Redis protocol. */
#ifndef RINGPOST_SESSION_WORD_H
#define RINGPOST_SESSION_WORD_H

#include "base/bytes.h"

/* Whether it is this one, in letters of either case; `text` is in lower case. */
bool word_is(struct bytes word, const char *text);

/* Copies a word in lower case to `to`, which has room for it, and names the copy. */
struct bytes word_lower(struct bytes word, unsigned char *to);

/* Copies a name, as long as there is room, in upper case. */
void word_upper(const char *name, char *to, size_t size);

#endif

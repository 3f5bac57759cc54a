/* Words of a line, as a person types them to the Redis protocol: between spaces or in quotes. */
#ifndef RINGPOST_RESP_INLINE_H
#define RINGPOST_RESP_INLINE_H

#include "base/bytes.h"

/* What is left of a line, and where its words go, which take no more room than the line. */
struct inline_text {
    const unsigned char *at, *end;
    unsigned char *to;
};

/* Takes the next word and puts it at `to`, without its quotes. Returns 1, 0 when there is none left,
 * or -EBADMSG when its quotes do not end, or end within a word. */
int inline_word(struct inline_text *text, struct bytes *word);

#endif

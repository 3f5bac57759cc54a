/* Transactions: what a client has queued to be carried out together. */
#ifndef RINGPOST_SESSION_MULTI_H
#define RINGPOST_SESSION_MULTI_H

#include "resp/parser.h"
#include "session/text.h"

enum {
    MULTI_SIZE_MAX = 16 * 1024 * 1024, /* bytes of what may be queued */
    MULTI_COMMAND_COST = 64,           /* bytes that a command counts besides its words */
    MULTI_REPLIES_SIZE_MAX =
        64 * 1024 * 1024, /* bytes of replies behind which none is carried out */
};

/* Zeroed: no transaction. */
struct multi {
    bool is_open;            /* commands are queued */
    bool is_broken;          /* one was refused: it will not be carried out */
    bool is_running;         /* it is being carried out */
    bool is_large;           /* so are answers in it */
    uint32_t count;          /* commands in it, or left in it */
    size_t size;             /* bytes that they count */
    struct text queue;       /* | words_count u32 | size u32, bytes | … */
    struct resp_span *spans; /* of the words of the command that is carried out */
    size_t spans_capacity;
};

void multi_finish(struct multi *multi);

/* Queues a command; false when there is no room for it. */
bool multi_put(struct multi *multi, const unsigned char *words, const struct resp_span *spans,
               uint32_t words_count);

/* Takes the next command, of which there is one; `*words` is what its spans are of. Returns how many
 * words it has. They live until the next call. */
uint32_t multi_take(struct multi *multi, const unsigned char **words);

#endif

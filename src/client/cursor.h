/* A walk over an answer, a page at a time. */
#ifndef RINGPOST_CLIENT_CURSOR_H
#define RINGPOST_CLIENT_CURSOR_H

#include "client/request.h"

struct ringpost_cursor {
    struct ringpost *handle;
    enum op op;              /* what the answer is to */
    bool has_more;           /* the broker has more than `page` */
    struct bytes page, rest; /* the answer, the cursor's to free, and what is left of it */
    uint32_t after;          /* CLIENTS: the last connection given out; LIST: the last database */
    size_t last_size;        /* LIST, TOPICS: the last name given out */
    unsigned char last[FRAME_NAME_MAX];
};

/* A cursor over nothing yet. NULL: no memory. */
struct ringpost_cursor *cursor_create(struct ringpost *handle, enum op op);

/* Replaces the page with the answer to `question`. Returns 0 or -errno. */
int cursor_fetch(struct ringpost_cursor *cursor, const struct question *question, int timeout_ms);

/* Passes over the first bytes of what is left. */
void cursor_skip(struct ringpost_cursor *cursor, size_t size);

#endif

/* Composers make runs of messages that came in other words than frames. */
#ifndef RINGPOST_SESSION_COMPOSER_H
#define RINGPOST_SESSION_COMPOSER_H

#include "frame/frame.h"
#include "session/text.h"

/* A zeroed composer is empty. */
struct composer {
    struct text text;
    struct bytes name;      /* borrowed */
    struct frame_head head; /* of the last frame */
    uint32_t count;
    bool is_mixed; /* frames differ in their sizes */
};

void composer_finish(struct composer *composer);

/* Gives back much memory that is not needed any more. */
void composer_rest(struct composer *composer);

/* Begins a run of messages for `name`, which stays while they are added. */
void composer_begin(struct composer *composer, enum op op, uint8_t flags, struct bytes name);

/* Makes room for so many bytes more of messages, likely to come. */
void composer_reserve(struct composer *composer, size_t size);

/* Adds a message; `headers` is a block as the flags promise, or empty. */
void composer_add(struct composer *composer, struct bytes headers, struct bytes body);

/* The run, of one message at least. It lives until the next one begins. */
struct run composer_run(const struct composer *composer);

#endif

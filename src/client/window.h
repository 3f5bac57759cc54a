/* The frames a connection has sent: their numbers, and how much of them is not settled yet. */
#ifndef RINGPOST_CLIENT_WINDOW_H
#define RINGPOST_CLIENT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WINDOW_MARKS = 128 };

/* Where in the stream a frame ended. */
struct window_mark {
    uint64_t number;
    uint64_t bytes; /* of all frames up to it */
};

struct window {
    uint64_t last;          /* number of the last frame; 0: none yet */
    uint64_t push_last;     /* number of the last PUSH or PUBLISH */
    uint64_t prompt_last;   /* number of the last frame that the broker confirms at once */
    uint64_t settled;       /* everything up to this number is */
    uint64_t bytes;         /* of all frames */
    uint64_t bytes_settled; /* of the settled ones; may be behind, never ahead */
    uint64_t mark_due;      /* when `bytes` comes to this, a mark is made */
    uint64_t frames_max, bytes_max;
    unsigned mark_first, mark_count;
    struct window_mark marks[WINDOW_MARKS]; /* a ring, oldest first */
};

/* Forgets everything, for a new connection that was granted so much. */
void window_reset(struct window *window, uint64_t frames_max, uint64_t bytes_max);

/* Makes a mark behind the last frame. */
void window_mark(struct window *window);

/* Counts a frame of `size` bytes. Returns its number. */
static inline uint64_t window_add(struct window *window, size_t size)
{
    window->last++;
    window->bytes += size;
    if (window->bytes >= window->mark_due)
        window_mark(window);
    return window->last;
}

/* Takes note that everything up to `number` is settled; false when that cannot be. */
bool window_settle(struct window *window, uint64_t number);

/* Whether a frame of `size` bytes fits. One that is larger than the window fits an empty one. */
static inline bool window_has_room(const struct window *window, size_t size)
{
    uint64_t bytes = window->bytes - window->bytes_settled;
    return window->last == window->settled ||
           (window->last - window->settled < window->frames_max &&
            bytes + size <= window->bytes_max);
}

#endif

/* A terminal that is drawn on as a whole, and given back as it was. */
#ifndef RINGPOST_TOOLS_RINGPOST_SCREEN_H
#define RINGPOST_TOOLS_RINGPOST_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct screen_size {
    int columns, lines;
};

/* Whether the standard output is a terminal. */
bool screen_is_there(void);

/* Takes it over. */
void screen_open(void);
void screen_close(void);

/* How large it is, or 80 by 24 when it does not say. */
struct screen_size screen_size(void);

/* Draws: lines that end with \n, no more and no longer than there is room for. */
void screen_draw(const char *text, size_t size);

/* Waits until `until_ns` on CLOCK_MONOTONIC. Returns whether the user wants to end: INT, TERM, q or the end of input. Returns
 * early when the size of the terminal changes. */
bool screen_wait(uint64_t until_ns);

#endif

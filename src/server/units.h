/* Numbers as people write them: counts, sizes with kb, mb or gb, durations with ms, s, m, h or d. */
#ifndef RINGPOST_SERVER_UNITS_H
#define RINGPOST_SERVER_UNITS_H

#include <stddef.h>
#include <stdint.h>

enum unit_kind {
    UNIT_COUNT,
    UNIT_SIZE,     /* in bytes; kb is 1,024 of them */
    UNIT_DURATION, /* in nanoseconds; only 0 needs no unit */
};

enum { UNITS_TEXT_SIZE = 32 }; /* room that units_write needs */

/* Reads the whole of `text`. Returns 0, or -EINVAL when it is no such number or too large a one. */
int units_read(enum unit_kind kind, const char *text, uint64_t *value);

/* Writes `value` as units_read reads it, in the largest unit that divides it. */
void units_write(enum unit_kind kind, uint64_t value, char text[UNITS_TEXT_SIZE]);

#endif

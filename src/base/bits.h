/* Sets of small numbers, one bit each, 64 to a word. */
#ifndef RINGPOST_BASE_BITS_H
#define RINGPOST_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t bits_words(uint32_t count)
{
    return ((size_t)count + 63) / 64;
}

static inline bool bits_test(const uint64_t *bits, uint32_t at)
{
    return bits[at / 64] >> at % 64 & 1;
}

/* Sets, or with `value` false clears, `count` bits from `first` on. */
void bits_fill(uint64_t *bits, uint32_t first, uint32_t count, bool value);

/* The first bit from `first` on, below `end`, that is `value`; or `end`. */
uint32_t bits_find(const uint64_t *bits, uint32_t first, uint32_t end, bool value);

/* The end (one behind it) of the last bit below `end`, not below `first`, that is `value`; or
 * `first`. */
uint32_t bits_find_last(const uint64_t *bits, uint32_t first, uint32_t end, bool value);

/* The end (one behind it) of the last of the first `count` bits from `first` on that are set; there are
 * as many. */
uint32_t bits_skip(const uint64_t *bits, uint32_t first, uint32_t count);

/* How many of the `count` bits from `first` on are set. */
uint32_t bits_count(const uint64_t *bits, uint32_t first, uint32_t count);

#endif

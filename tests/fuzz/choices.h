/* Choices that the bytes of an input make, one after the other. Behind its end all are 0. */
#ifndef RINGPOST_TESTS_FUZZ_CHOICES_H
#define RINGPOST_TESTS_FUZZ_CHOICES_H

#include "base/bytes.h"

struct choices {
    struct bytes left;
};

static inline bool choices_remain(const struct choices *choices)
{
    return choices->left.size > 0;
}

/* The next `size` bytes as they stand in the input, or what is left of it. */
static inline struct bytes choose_bytes(struct choices *choices, size_t size)
{
    struct bytes left = choices->left;
    size = size < left.size ? size : left.size;
    choices->left = bytes_of(left.data + size, left.size - size);
    return bytes_of(left.data, size);
}

/* A number from 0 to `bound` - 1, of which there are at most 256. */
static inline unsigned choose_below(struct choices *choices, unsigned bound)
{
    struct bytes byte = choose_bytes(choices, 1);
    return byte.size ? byte.data[0] % bound : 0;
}

static inline unsigned choose_byte(struct choices *choices)
{
    return choose_below(choices, 256);
}

/* Mostly a small number, so that ids, tags and counts meet; at times a size, at times a bound. */
static inline uint64_t choose_number(struct choices *choices)
{
    unsigned byte = choose_byte(choices);
    if (byte < 160)
        return byte % 16;
    if (byte < 240)
        return (byte - 159) * UINT64_C(50);
    return byte < 248 ? UINT32_MAX - (247 - byte) : UINT64_MAX - (255 - byte);
}

#endif

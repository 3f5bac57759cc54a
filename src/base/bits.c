#include "base/bits.h"

/* The bits of word `word` that lie in [first, end). */
static uint64_t mask_of(size_t word, uint32_t first, uint32_t end)
{
    uint64_t mask = ~UINT64_C(0);
    if (word == first / 64)
        mask <<= first % 64;
    if (word == (end - 1) / 64)
        mask &= ~UINT64_C(0) >> (63 - (end - 1) % 64);
    return mask;
}

void bits_fill(uint64_t *bits, uint32_t first, uint32_t count, bool value)
{
    if (count == 0)
        return;
    uint32_t end = first + count;
    for (size_t word = first / 64; word <= (end - 1) / 64; word++) {
        if (value)
            bits[word] |= mask_of(word, first, end);
        else
            bits[word] &= ~mask_of(word, first, end);
    }
}

uint32_t bits_find(const uint64_t *bits, uint32_t first, uint32_t end, bool value)
{
    if (first >= end)
        return end;
    for (size_t word = first / 64; word <= (end - 1) / 64; word++) {
        uint64_t found = (value ? bits[word] : ~bits[word]) & mask_of(word, first, end);
        if (found)
            return (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(found);
    }
    return end;
}

uint32_t bits_find_last(const uint64_t *bits, uint32_t first, uint32_t end, bool value)
{
    if (first >= end)
        return first;
    for (size_t word = (end - 1) / 64 + 1; word-- > first / 64;) {
        uint64_t found = (value ? bits[word] : ~bits[word]) & mask_of(word, first, end);
        if (found)
            return (uint32_t)(word * 64) + 64 - (uint32_t)__builtin_clzll(found);
    }
    return first;
}

uint32_t bits_skip(const uint64_t *bits, uint32_t first, uint32_t count)
{
    if (count == 0)
        return first;
    size_t word = first / 64;
    uint64_t left = bits[word] & ~UINT64_C(0) << first % 64;
    for (uint32_t set; (set = (uint32_t)__builtin_popcountll(left)) < count; left = bits[++word])
        count -= set;
    while (--count > 0)
        left &= left - 1; /* without its lowest bit */
    return (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(left) + 1;
}

uint32_t bits_count(const uint64_t *bits, uint32_t first, uint32_t count)
{
    uint32_t sum = 0;
    if (count == 0)
        return 0;
    for (size_t word = first / 64; word <= (first + count - 1) / 64; word++)
        sum += (uint32_t)__builtin_popcountll(bits[word] & mask_of(word, first, first + count));
    return sum;
}

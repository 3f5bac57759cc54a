/* Keyed hashing of names that strangers choose. */
#ifndef RINGPOST_BASE_HASH_H
#define RINGPOST_BASE_HASH_H

#include "base/bytes.h"

/* Secret of one process, so that nobody can aim at one bucket. */
struct hash_key {
    uint64_t k0, k1;
};

/* SipHash-1-3 (Aumasson and Bernstein, 2012; one compression and three finalisation rounds). */
uint64_t hash_bytes(const struct hash_key *key, struct bytes bytes);

/* Spreads the bits of a number that nobody hostile chose alone. */
static inline uint64_t hash_mix(uint64_t value)
{
    value ^= value >> 32;
    value *= UINT64_C(0xd6e8feb86659fd93);
    value ^= value >> 32;
    value *= UINT64_C(0xd6e8feb86659fd93);
    return value ^ value >> 32;
}

#endif

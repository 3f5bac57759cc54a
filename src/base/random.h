/* Repeatable random numbers: the same seed gives the same numbers. Not for secrets. */
#ifndef RINGPOST_BASE_RANDOM_H
#define RINGPOST_BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

/* SplitMix64 (Steele, Lea and Flood, 2014). */
static inline uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* A number from 0 to `bound` - 1; 0 when `bound` is 0. */
static inline uint64_t random_below(struct random *random, uint64_t bound)
{
    return bound ? (uint64_t)((unsigned __int128)random_next(random) * bound >> 64) : 0;
}

#endif

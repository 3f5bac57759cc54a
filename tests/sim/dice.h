/*
 * Dice: what a simulation draws from its seed.
 *
 * Never two draws among the arguments of a call or the values of an initializer: their order is the
 * compiler's, and a seed would mean something else under another one.
 */
#ifndef RINGPOST_TESTS_SIM_DICE_H
#define RINGPOST_TESTS_SIM_DICE_H

#include "base/random.h"

#include <stdbool.h>
#include <stddef.h>

static inline bool dice_chance(struct random *random, unsigned percent)
{
    return random_below(random, 100) < percent;
}

/* Small numbers mostly, `bound` - 1 at most. */
static inline uint32_t dice_skewed(struct random *random, uint32_t bound)
{
    uint32_t high = (uint32_t)random_below(random, bound) + 1;
    return (uint32_t)random_below(random, high);
}

static inline uint64_t dice_one_of(struct random *random, const uint64_t *values, size_t count)
{
    return values[random_below(random, count)];
}

/* One of the numbers that follow. */
#define ONE_OF(random, ...)                              \
    dice_one_of(random, (const uint64_t[]){__VA_ARGS__}, \
                sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* An index, each with the chance that its weight gives it; not all weights are zero. */
static inline unsigned dice_weighted(struct random *random, const unsigned *weights, unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += weights[i];
    uint64_t at = random_below(random, sum);
    unsigned index = 0;
    for (; at >= weights[index]; index++)
        at -= weights[index];
    return index;
}

#endif

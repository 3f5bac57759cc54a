#include "core/histogram.h"

#include "base/time.h"

enum { PER_POWER = 1 << HISTOGRAM_SHIFT };

static unsigned bucket_of(uint64_t us)
{
    if (us < PER_POWER)
        return (unsigned)us;
    if (us >= UINT64_C(1) << HISTOGRAM_POWERS)
        return HISTOGRAM_BUCKETS - 1;
    unsigned power = 63 - (unsigned)__builtin_clzll(us);
    unsigned place = (unsigned)(us >> (power - HISTOGRAM_SHIFT)) & (PER_POWER - 1);
    return (power - HISTOGRAM_SHIFT + 1) * PER_POWER + place;
}

/* The longest time of a bucket. */
static uint64_t bucket_end_us(unsigned bucket)
{
    unsigned power = bucket / PER_POWER, place = bucket % PER_POWER;
    return power == 0 ? place : (((uint64_t)PER_POWER + place + 1) << (power - 1)) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns, uint64_t count)
{
    uint64_t us = ns / NS_PER_US;
    histogram->buckets[bucket_of(us)] += count;
    histogram->count += count;
    histogram->max_us = us > histogram->max_us ? us : histogram->max_us;
}

uint64_t histogram_quantile_us(const struct histogram *histogram, unsigned permille)
{
    uint64_t wanted =
        histogram->count / 1000 * permille + (histogram->count % 1000 * permille + 999) / 1000;
    uint64_t passed = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && wanted > 0; i++) {
        passed += histogram->buckets[i];
        if (passed >= wanted)
            return bucket_end_us(i) < histogram->max_us ? bucket_end_us(i) : histogram->max_us;
    }
    return 0;
}

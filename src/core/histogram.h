/* Histograms of times, log-linear: each bucket is at most a quarter wider than the one before. */
#ifndef RINGPOST_CORE_HISTOGRAM_H
#define RINGPOST_CORE_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_SHIFT = 2,   /* 1 << 2 buckets for each power of two */
    HISTOGRAM_POWERS = 42, /* microseconds up to 1 << 42, fifty days; longer counts as that */
    HISTOGRAM_BUCKETS = (HISTOGRAM_POWERS - HISTOGRAM_SHIFT + 1) << HISTOGRAM_SHIFT,
};

/* A zeroed histogram is empty. */
struct histogram {
    uint64_t count, max_us;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Adds `count` times of `ns` nanoseconds. */
void histogram_add(struct histogram *histogram, uint64_t ns, uint64_t count);

/* The time, in microseconds, that `permille` of all times do not pass; 0 when there are none. At
 * most a quarter too high, never too low. */
uint64_t histogram_quantile_us(const struct histogram *histogram, unsigned permille);

#endif

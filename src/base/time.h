/* Units of time: all times are monotonic nanoseconds. */
#ifndef RINGPOST_BASE_TIME_H
#define RINGPOST_BASE_TIME_H

#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* No deadline at all: later than every time. */
#define TIME_NEVER UINT64_MAX

/* Milliseconds as nanoseconds; what is too long for that is TIME_NEVER. */
static inline uint64_t ns_of_ms(uint64_t ms)
{
    return ms > TIME_NEVER / NS_PER_MS ? TIME_NEVER : ms * NS_PER_MS;
}

#endif

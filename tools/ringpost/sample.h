/* The queues of a broker at one moment, and what happened since the moment before. */
#ifndef RINGPOST_TOOLS_RINGPOST_SAMPLE_H
#define RINGPOST_TOOLS_RINGPOST_SAMPLE_H

#include <ringpost.h>

struct sample_row {
    char *name; /* the sample's to free */
    size_t name_size;
    uint64_t ready, leased, delayed, waiting;
    uint64_t accepted, acknowledged;
    uint64_t oldest_ready_ms;              /* RINGPOST_NONE: nothing is ready */
    uint64_t waited_p50_us, waited_p99_us; /* of all deliveries so far */
    double in, out;                        /* accepted and acknowledged, per second */
};

struct sample {
    struct sample_row *rows; /* in the order of their names, until they are sorted */
    size_t count, capacity;
    uint64_t time_ns; /* when, on CLOCK_MONOTONIC */
    uint64_t connections;
};

/* Asks the broker. Returns 0, or -errno with what came until then. */
int sample_take(struct sample *sample, struct ringpost *handle, int timeout_ms);

/* Says what happened between two samples. Without the earlier one (its time is 0): nothing. */
void sample_compare(struct sample *now, const struct sample *before);

/* A copy of the rows in the order of waiting: the oldest first. NULL: no memory. */
const struct sample_row **sample_sorted(const struct sample *sample);

void sample_finish(struct sample *sample);

uint64_t sample_clock_ns(void);

#endif

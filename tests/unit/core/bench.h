/* A queue on a bench: without an engine, with time in the test's hands, and checked at every step. */
#ifndef RINGPOST_TESTS_UNIT_CORE_BENCH_H
#define RINGPOST_TESTS_UNIT_CORE_BENCH_H

#include "core/queue.h"

enum { ALL = UINT32_MAX };

struct bench {
    struct arena arena;
    struct stock stock;
    struct queue *queue;
};

/* A queue "q" that gives messages up neither for their deliveries nor to another queue. */
void bench_open(struct bench *bench);
void bench_close(struct bench *bench);

/* Push as far as it goes; return how many messages were accepted. */
uint32_t bench_push_run(struct bench *bench, struct run run);
uint32_t bench_push(struct bench *bench, const char *words);
uint32_t bench_push_alike(struct bench *bench, uint32_t count, uint32_t size);

/* One word, with headers as frames_headed takes them. */
uint32_t bench_push_headed(struct bench *bench, const char *headers, const char *word);

/* Leases at one end; a stretch of nothing when there is none. */
struct stretch bench_lease(struct bench *bench, bool from_back, uint32_t count_max);

void bench_settle(struct bench *bench, struct stretch stretch, enum settle how);
void bench_return(struct bench *bench, struct stretch stretch, uint64_t delay_ns, bool to_back);

/* Sees that a stretch is these words. */
void bench_expect(struct stretch stretch, const char *expected);

/* Leases at one end and acknowledges, and sees that it is these words. */
void bench_take(struct bench *bench, bool from_back, uint32_t count_max, const char *expected);

/* Lets it become `now`, and time do its work. */
void bench_age(struct bench *bench, uint64_t now);

size_t bench_segments(const struct bench *bench);

/* Begin and end a hold on the segment of a stretch. */
void bench_hold(struct stretch stretch);
void bench_release(struct bench *bench, struct stretch stretch);

#endif

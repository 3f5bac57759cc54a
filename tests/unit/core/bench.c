#include "core/bench.h"

#include "check.h"
#include "core/frames.h"

void bench_open(struct bench *bench)
{
    arena_init(&bench->arena);
    bench->stock = (struct stock){.arena = &bench->arena};
    list_init(&bench->stock.letters);
    bench->queue = queue_create(bytes_text("q"), 7);
    bench->queue->settings.dead_letter = bytes_text("");
    bench->queue->settings.delivery_limit = 0;
}

void bench_close(struct bench *bench)
{
    queue_destroy(bench->queue, &bench->stock);
    arena_finish(&bench->arena);
}

uint32_t bench_push_run(struct bench *bench, struct run run)
{
    uint32_t pushed = queue_push(bench->queue, &bench->stock, &run, 0);
    queue_check(bench->queue);
    return pushed;
}

static uint32_t push_and_free(struct bench *bench, struct run run)
{
    uint32_t pushed = bench_push_run(bench, run);
    frames_free(&run);
    return pushed;
}

uint32_t bench_push(struct bench *bench, const char *words)
{
    return push_and_free(bench, frames_run(OP_PUSH, "q", words));
}

uint32_t bench_push_alike(struct bench *bench, uint32_t count, uint32_t size)
{
    return push_and_free(bench, frames_alike(OP_PUSH, "q", count, size));
}

uint32_t bench_push_headed(struct bench *bench, const char *headers, const char *word)
{
    return push_and_free(bench, frames_headed(OP_PUSH, "q", headers, word));
}

struct stretch bench_lease(struct bench *bench, bool from_back, uint32_t count_max)
{
    struct stretch stretch = {0};
    queue_lease(bench->queue, &bench->stock, from_back, count_max, UINT64_MAX, &stretch);
    queue_check(bench->queue);
    return stretch;
}

static void settle(struct bench *bench, struct stretch stretch, struct settlement settlement)
{
    queue_settle(bench->queue, &bench->stock, stretch.segment, stretch.index, stretch.count,
                 &settlement);
    queue_check(bench->queue);
}

void bench_settle(struct bench *bench, struct stretch stretch, enum settle how)
{
    settle(bench, stretch, (struct settlement){.how = how});
}

void bench_return(struct bench *bench, struct stretch stretch, uint64_t delay_ns, bool to_back)
{
    settle(bench, stretch, (struct settlement){SETTLE_RETURN, delay_ns, to_back});
}

void bench_expect(struct stretch stretch, const char *expected)
{
    char words[4096];
    uint32_t offset = segment_offset(stretch.segment, stretch.index);
    frames_tell(bytes_of(stretch.segment->block.data + offset, stretch.size), false, words,
                sizeof words);
    assert_string_equal(words, expected);
}

void bench_take(struct bench *bench, bool from_back, uint32_t count_max, const char *expected)
{
    struct stretch stretch = bench_lease(bench, from_back, count_max);
    assert_true(stretch.count > 0);
    bench_expect(stretch, expected);
    bench_settle(bench, stretch, SETTLE_ACKNOWLEDGE);
}

void bench_age(struct bench *bench, uint64_t now)
{
    bench->stock.now = now;
    queue_age(bench->queue, &bench->stock);
    queue_check(bench->queue);
}

size_t bench_segments(const struct bench *bench)
{
    size_t count = 0;
    const struct list *head = &bench->queue->segments;
    for (const struct list *link = head->next; link != head; link = link->next)
        count++;
    return count;
}

void bench_hold(struct stretch stretch)
{
    stretch.segment->block.holds_count++;
}

void bench_release(struct bench *bench, struct stretch stretch)
{
    stretch.segment->block.holds_count--;
    queue_release(stretch.segment, &bench->stock);
}

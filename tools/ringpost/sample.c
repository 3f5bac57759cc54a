#include "sample.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

uint64_t sample_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void sample_finish(struct sample *sample)
{
    for (size_t i = 0; i < sample->count; i++)
        free(sample->rows[i].name);
    free(sample->rows);
    *sample = (struct sample){0};
}

static bool reserve(struct sample *sample)
{
    if (sample->count < sample->capacity)
        return true;
    size_t capacity = sample->capacity ? 2 * sample->capacity : 64;
    struct sample_row *rows = reallocarray(sample->rows, capacity, sizeof *rows);
    if (!rows)
        return false;
    sample->rows = rows;
    sample->capacity = capacity;
    return true;
}

static int add(struct sample *sample, const struct ringpost_info *info)
{
    char *name = reserve(sample) ? malloc(info->name.size) : NULL;
    if (!name)
        return -ENOMEM;
    memcpy(name, info->name.data, info->name.size);
    sample->rows[sample->count++] = (struct sample_row){
        .name = name,
        .name_size = info->name.size,
        .ready = info->ready,
        .leased = info->leased,
        .delayed = info->delayed,
        .waiting = info->waiting,
        .accepted = info->accepted,
        .acknowledged = info->acknowledged,
        .oldest_ready_ms = info->oldest_ready_ms,
        .waited_p50_us = info->waited_p50_us,
        .waited_p99_us = info->waited_p99_us,
    };
    return 0;
}

static int take_queues(struct sample *sample, struct ringpost *handle, int timeout_ms)
{
    struct ringpost_cursor *cursor;
    struct ringpost_info info = {.size = sizeof info};
    int got = ringpost_list(handle, &cursor);
    if (got < 0)
        return got;
    while ((got = ringpost_list_next(cursor, &info, timeout_ms)) > 0) {
        if (info.database > 0) /* rows are told apart by their names */
            continue;
        got = add(sample, &info);
        if (got < 0)
            break;
    }
    ringpost_cursor_close(cursor);
    return got;
}

static int take_stats(struct sample *sample, struct ringpost *handle, int timeout_ms)
{
    struct ringpost_cursor *cursor;
    struct ringpost_figure figure;
    int got = ringpost_stats(handle, &cursor, timeout_ms);
    if (got < 0)
        return got;
    while ((got = ringpost_stats_next(cursor, &figure)) > 0) {
        if (figure.key.size == 11 && memcmp(figure.key.data, "connections", 11) == 0)
            sample->connections = figure.number;
    }
    ringpost_cursor_close(cursor);
    return got;
}

int sample_take(struct sample *sample, struct ringpost *handle, int timeout_ms)
{
    *sample = (struct sample){0};
    int error = take_queues(sample, handle, timeout_ms);
    sample->time_ns = sample_clock_ns();
    return error ? error : take_stats(sample, handle, timeout_ms);
}

static int compare_names(const struct sample_row *a, const struct sample_row *b)
{
    size_t size = a->name_size < b->name_size ? a->name_size : b->name_size;
    int order = memcmp(a->name, b->name, size);
    return order ? order : (a->name_size > b->name_size) - (a->name_size < b->name_size);
}

/* What a counter grew by. One that is smaller than before is that of a new queue. */
static double growth(uint64_t now, uint64_t before)
{
    return (double)(now >= before ? now - before : now);
}

void sample_compare(struct sample *now, const struct sample *before)
{
    if (before->time_ns == 0 || now->time_ns <= before->time_ns)
        return;
    double seconds = (double)(now->time_ns - before->time_ns) / 1e9;
    static const struct sample_row nothing;
    for (size_t i = 0, at = 0; i < now->count; i++) {
        struct sample_row *row = &now->rows[i];
        while (at < before->count && compare_names(&before->rows[at], row) < 0)
            at++;
        bool is_old = at < before->count && compare_names(&before->rows[at], row) == 0;
        const struct sample_row *old = is_old ? &before->rows[at] : &nothing;
        row->in = growth(row->accepted, old->accepted) / seconds;
        row->out = growth(row->acknowledged, old->acknowledged) / seconds;
    }
}

static int compare_waiting(const void *left, const void *right)
{
    const struct sample_row *a = *(const struct sample_row *const *)left;
    const struct sample_row *b = *(const struct sample_row *const *)right;
    uint64_t oldest_a = a->oldest_ready_ms == RINGPOST_NONE ? 0 : a->oldest_ready_ms + 1;
    uint64_t oldest_b = b->oldest_ready_ms == RINGPOST_NONE ? 0 : b->oldest_ready_ms + 1;
    if (oldest_a != oldest_b)
        return oldest_a < oldest_b ? 1 : -1;
    if (a->waited_p99_us != b->waited_p99_us)
        return a->waited_p99_us < b->waited_p99_us ? 1 : -1;
    return compare_names(a, b);
}

const struct sample_row **sample_sorted(const struct sample *sample)
{
    const struct sample_row **rows =
        reallocarray(NULL, sample->count + 1, sizeof(struct sample_row *));
    if (!rows)
        return NULL;
    for (size_t i = 0; i < sample->count; i++)
        rows[i] = &sample->rows[i];
    qsort(rows, sample->count, sizeof(struct sample_row *), compare_waiting);
    return rows;
}

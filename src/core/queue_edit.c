#include "core/queue.h"
#include "frame/header.h"

#include <assert.h>

/* Discards those of a segment's messages that say `body`, at most `count_max`; returns how many. */
static uint64_t remove_from(struct queue *queue, struct stock *stock, struct segment *segment,
                            struct bytes body, bool from_back, uint64_t count_max)
{
    uint64_t removed = 0;
    uint32_t at = segment_edge(segment, from_back);
    struct stretch stretch;
    while (removed < count_max &&
           segment_next_ready(segment, from_back, UINT32_MAX, &at, &stretch)) {
        for (uint32_t i = 0; i < stretch.count && removed < count_max; i++) {
            if (!bytes_equal(message_body(stretch_frame(&stretch, i)), body))
                continue;
            const struct stretch one = stretch_part(&stretch, i, 1);
            queue_discard(queue, stock, &one);
            removed++;
        }
    }
    return removed;
}

uint64_t queue_remove(struct queue *queue, struct stock *stock, struct bytes body, bool from_back,
                      uint64_t count_max)
{
    uint64_t removed = 0;
    struct list *link = from_back ? queue->segments.prev : queue->segments.next, *next;
    for (; link != &queue->segments && removed < count_max; link = next) {
        struct segment *segment = list_entry(link, struct segment, link);
        next = from_back ? link->prev : link->next;
        segment->block.holds_count++; /* it stays while it is looked at */
        removed += remove_from(queue, stock, segment, body, from_back, count_max - removed);
        segment->block.holds_count--;
        queue_release(segment, stock);
    }
    return removed;
}

void queue_shorten(struct queue *queue, struct stock *stock, bool from_back, uint64_t count)
{
    assert(count <= queue->ready_count);
    while (count > 0) {
        struct segment *segment = from_back ? queue->back : queue->front;
        uint32_t at = segment_edge(segment, from_back);
        struct stretch stretch;
        bool is_any = segment_next_ready(
            segment, from_back, count < UINT32_MAX ? (uint32_t)count : UINT32_MAX, &at, &stretch);
        assert(is_any);
        count -= stretch.count;
        queue_discard(queue, stock, &stretch);
    }
}

#include "core/queue.h"

#include "base/time.h"

bool queue_may_take_over(const struct queue *to, const struct queue *from)
{
    bool stays = to->is_shadowed;
    uint64_t count = queue_held_count(to) - (stays ? 0 : to->ready_count) + from->ready_count;
    uint64_t size = queue_held_size(to) - (stays ? 0 : to->ready_size) + from->ready_size;
    return count <= to->settings.count_max && size <= to->settings.size_max;
}

/* Cuts what is ready out of a queue's segment: that itself, unless something in it is leased. */
static struct segment *cut_out(struct queue *queue, struct stock *stock, struct segment *segment)
{
    if (segment->leased_count == 0) {
        list_remove(&segment->link);
        timers_set(&queue->aging, &segment->timer, TIME_NEVER);
        return segment;
    }
    struct segment *moved = segment_move(segment, stock->arena, 0);
    queue_rewatch(queue, segment);
    return moved;
}

void queue_take_over(struct queue *to, struct queue *from, struct stock *stock)
{
    struct list *before;
    to->counters.accepted += from->ready_count;
    from->counters.purged += from->ready_count;
    for (struct list *link = from->segments.prev; link != &from->segments; link = before) {
        struct segment *segment = list_entry(link, struct segment, link);
        before = link->prev;
        if (segment->ready_count == 0)
            continue;
        struct segment *part = cut_out(from, stock, segment);
        part->queue = to;
        part->order = --to->order_first;
        list_push_front(&to->segments, &part->link);
        queue_add_ready(to, stock, part, part->ready_count, part->ready_size);
        queue_rewatch(to, part);
    }
    from->ready_count = from->ready_size = 0;
    from->front = from->back = NULL;
    from->is_mortal = false;
    from->changes++;
}

#include "base/array.h"
#include "base/time.h"
#include "core/queue.h"

#include <assert.h>
#include <stdlib.h>

/*
 * What is delayed stands in a heap of copies until it is due. What waits expires where it lies: each
 * segment whose messages can expire has a timer, due when the first of them does or earlier.
 */

static uint64_t ttl_ns(const struct queue *queue)
{
    return queue->settings.ttl_ms ? ns_of_ms(queue->settings.ttl_ms) : TIME_NEVER;
}

void queue_watch(struct queue *queue, struct segment *segment, uint32_t index, uint32_t count)
{
    uint64_t expiry = segment_first_expiry(segment, index, count, ttl_ns(queue));
    if (expiry < (segment->timer.at ? segment->timer.due : TIME_NEVER))
        timers_set(&queue->aging, &segment->timer, expiry);
}

uint64_t queue_expiry(const struct queue *queue, const struct segment *segment)
{
    return segment_expiry(segment, ttl_ns(queue));
}

void queue_rewatch(struct queue *queue, struct segment *segment)
{
    timers_set(&queue->aging, &segment->timer, queue_expiry(queue, segment));
}

void queue_delay(struct queue *queue, struct stock *stock, const unsigned char *frame,
                 uint64_t delay_ns, uint32_t deliveries, bool at_front)
{
    uint32_t size = frame_size(frame);
    struct delayed *delayed = memory_create(sizeof *delayed + size);
    delayed->deliveries = deliveries;
    delayed->at_front = at_front;
    memcpy(delayed->frame, frame, size);
    uint64_t order = queue->delayed_order++;
    delayed->timer.order = at_front ? UINT64_MAX - order : order; /* the last ends up behind */
    uint64_t last = TIME_NEVER - 1 - stock->now;
    timers_set(&queue->delayed, &delayed->timer, stock->now + (delay_ns < last ? delay_ns : last));
    queue->delayed_count++;
    queue->delayed_size += size;
}

static struct delayed *take_delayed(struct queue *queue)
{
    struct delayed *delayed = list_entry(timers_first(&queue->delayed), struct delayed, timer);
    timers_set(&queue->delayed, &delayed->timer, TIME_NEVER);
    queue->delayed_count--;
    queue->delayed_size -= frame_size(delayed->frame);
    return delayed;
}

void queue_purge_delayed(struct queue *queue)
{
    while (queue->delayed_count > 0)
        memory_free(take_delayed(queue));
}

/* Makes ready what is due; returns how many. */
static uint32_t promote(struct queue *queue, struct stock *stock)
{
    uint32_t count = 0;
    for (; count < AGED_MAX && timers_due(&queue->delayed) <= stock->now; count++) {
        struct delayed *delayed = take_delayed(queue);
        queue_insert(queue, stock, delayed->frame, delayed->deliveries, delayed->at_front);
        memory_free(delayed);
    }
    return count;
}

/* Lets what has expired in the segment die; returns how many messages. */
static uint32_t expire(struct queue *queue, struct stock *stock, struct segment *segment,
                       uint32_t count_max)
{
    static const struct settlement expiry = {.how = SETTLE_EXPIRE};
    uint32_t count = 0, from = 0;
    struct stretch stretch;
    segment->block.holds_count++; /* it stays while it is looked at */
    while (count < count_max && segment_find_expired(segment, ttl_ns(queue), stock->now, from,
                                                     count_max - count, &stretch)) {
        segment_claim(segment, stretch.index, stretch.count);
        queue_add_leased(queue, &stretch);
        queue_settle(queue, stock, segment, stretch.index, stretch.count, &expiry);
        from = stretch.index + stretch.count;
        count += stretch.count;
    }
    queue_rewatch(queue, segment);
    segment->block.holds_count--;
    queue_release(segment, stock);
    return count;
}

void queue_age(struct queue *queue, struct stock *stock)
{
    uint32_t left = AGED_MAX - promote(queue, stock);
    while (left > 0 && timers_due(&queue->aging) <= stock->now) {
        struct timer *timer = timers_first(&queue->aging);
        left -= expire(queue, stock, list_entry(timer, struct segment, timer), left);
    }
}

uint64_t queue_age_due(const struct queue *queue)
{
    uint64_t delayed = timers_due(&queue->delayed), aging = timers_due(&queue->aging);
    return delayed < aging ? delayed : aging;
}

uint64_t queue_due(const struct queue *queue)
{
    uint64_t age = queue_age_due(queue), leases = timers_due(&queue->leases);
    return age < leases ? age : leases;
}

uint64_t queue_oldest(const struct queue *queue)
{
    if (!queue->front)
        return TIME_NEVER;
    /* What came back late stands before the first segment ever made, and may be younger; as may be
     * what was inserted, before others. */
    uint64_t oldest = TIME_NEVER;
    for (const struct list *link = &queue->front->link; link != &queue->segments;
         link = link->next) {
        const struct segment *segment = list_entry(link, struct segment, link);
        if (segment->ready_count == 0)
            continue;
        uint64_t arrival = segment_oldest(segment);
        oldest = arrival < oldest ? arrival : oldest;
        if (segment->order >= QUEUE_ORDER_START && !queue->is_edited)
            break;
    }
    return oldest;
}

#include "core/consumer.h"

#include "base/array.h"
#include "base/time.h"

#include <assert.h>
#include <stdlib.h>

struct consumer *consumer_create(struct queue *queue, struct peer *peer, uint32_t id)
{
    struct consumer *consumer = memory_create(sizeof *consumer);
    consumer->entry.hash = id;
    consumer->queue = queue;
    consumer->peer = peer;
    consumer->tag_next = 1;
    list_push_back(&queue->consumers, &consumer->link);
    queue->consumers_count++;
    return consumer;
}

void consumer_destroy(struct consumer *consumer, struct stock *stock)
{
    consumer_settle_all(consumer, stock, &(struct settlement){.how = SETTLE_RETURN});
    consumer_rank(consumer, false);
    timers_set(&consumer->queue->leases, &consumer->timer, TIME_NEVER);
    list_remove(&consumer->link);
    consumer->queue->consumers_count--;
    memory_free(consumer->leases);
    memory_free(consumer);
}

bool consumer_credit(struct consumer *consumer, uint32_t count, uint64_t size)
{
    if (count > UINT32_MAX - consumer->credit_count || size > CREDIT_SIZE_MAX ||
        size > CREDIT_SIZE_MAX - consumer->credit_size)
        return false;
    consumer->credit_count += count;
    consumer->credit_size += size;
    return true;
}

/* Whether a message larger than the byte credit may go out: when nothing else is in flight, or, for
 * whom nothing ever is, while there is any credit. */
static bool may_overdraw(const struct consumer *consumer)
{
    return consumer->no_ack ? consumer->credit_size > 0 : consumer->leased_count == 0;
}

bool consumer_has_credit(const struct consumer *consumer)
{
    return consumer->credit_count > 0 && (consumer->credit_size > 0 || may_overdraw(consumer));
}

bool consumer_take(struct consumer *consumer, struct stock *stock, uint32_t count_max,
                   uint64_t size_max, struct stretch *stretch, uint64_t *tag)
{
    struct queue *queue = consumer->queue;
    assert(consumer_has_credit(consumer));
    uint32_t count = count_max < consumer->credit_count ? count_max : consumer->credit_count;
    uint64_t size = size_max < consumer->credit_size ? size_max : consumer->credit_size;
    if (!queue_lease(queue, stock, consumer->from_back, count, size, stretch) &&
        (!may_overdraw(consumer) ||
         !queue_lease(queue, stock, consumer->from_back, 1, UINT64_MAX, stretch)))
        return false;
    consumer->credit_count -= stretch->count;
    consumer->credit_size -=
        stretch->size < consumer->credit_size ? stretch->size : consumer->credit_size;
    *tag = consumer->tag_next;
    stretch->segment->block.holds_count++; /* for the slice that the caller makes of it */
    if (consumer->no_ack)
        queue_settle(queue, stock, stretch->segment, stretch->index, stretch->count,
                     &(struct settlement){.how = SETTLE_ACKNOWLEDGE});
    else
        consumer_lease(consumer, stretch, stock->now);
    consumer->tag_next += stretch->count;
    return true;
}

/* Whether `a` is to be served before `b`. */
static bool comes_first(const struct consumer *a, const struct consumer *b)
{
    return a->leased_count != b->leased_count ? a->leased_count < b->leased_count
                                              : a->served < b->served;
}

static void heap_set(struct queue *queue, size_t at, struct consumer *consumer)
{
    queue->willing[at - 1] = consumer;
    consumer->willing_at = at;
}

/* Moves the consumer at heap place `at` up or down to where its order holds. */
static void heap_fix(struct queue *queue, size_t at)
{
    struct consumer *consumer = queue->willing[at - 1];
    for (; at > 1 && comes_first(consumer, queue->willing[at / 2 - 1]); at /= 2)
        heap_set(queue, at, queue->willing[at / 2 - 1]);
    for (size_t child; (child = 2 * at) <= queue->willing_count; at = child) {
        if (child < queue->willing_count &&
            comes_first(queue->willing[child], queue->willing[child - 1]))
            child++;
        if (!comes_first(queue->willing[child - 1], consumer))
            break;
        heap_set(queue, at, queue->willing[child - 1]);
    }
    heap_set(queue, at, consumer);
}

void consumer_rank(struct consumer *consumer, bool is_willing)
{
    struct queue *queue = consumer->queue;
    size_t at = consumer->willing_at;
    if (is_willing && at == 0) {
        queue->willing = array_reserve(queue->willing, &queue->willing_capacity,
                                       queue->willing_count + 1, sizeof(struct consumer *));
        heap_set(queue, at = ++queue->willing_count, consumer);
    } else if (!is_willing && at > 0) {
        struct consumer *last = queue->willing[--queue->willing_count];
        consumer->willing_at = 0;
        if (last == consumer)
            return;
        heap_set(queue, at, last);
    }
    if (at > 0)
        heap_fix(queue, at);
}

void consumer_check(const struct consumer *consumer)
{
    consumer_check_leases(consumer);
    assert(consumer->willing_at == 0 ||
           consumer->queue->willing[consumer->willing_at - 1] == consumer);
}

#include "core/queue.h"

#include "base/array.h"

#include <assert.h>
#include <stdlib.h>

/*
 *      front of the queue                                      back
 *        segment  <->  segment  <->  segment  <->  segment
 *        (leased)      ^ front                     ^ back: pushes append here while there is room
 *
 * `front` and `back` skip segments without ready messages. A segment goes as soon as nothing in it
 * is ready, leased or held.
 */

struct queue *queue_create(struct bytes name, uint64_t hash)
{
    struct queue *queue = memory_create(sizeof *queue + name.size);
    memcpy(queue + 1, name.data, name.size);
    queue->entry = (struct table_entry){hash, bytes_of(queue + 1, name.size)};
    list_init(&queue->segments);
    list_init(&queue->waiting);
    list_init(&queue->consumers);
    queue->settings = queue_settings_default();
    queue->segment_size_next = SEGMENT_SIZE_MIN;
    return queue;
}

static struct segment *segment_of(struct list *link)
{
    return list_entry(link, struct segment, link);
}

static void drop_segment(struct queue *queue, struct arena *arena, struct segment *segment)
{
    assert(segment != queue->front && segment != queue->back);
    list_remove(&segment->link);
    segment->queue = NULL;
    if (segment->block.holds_count == 0)
        segment_destroy(arena, segment);
}

void queue_destroy(struct queue *queue, struct arena *arena)
{
    assert(list_is_empty(&queue->waiting) && list_is_empty(&queue->consumers));
    assert(queue->leased_count == 0);
    queue->front = queue->back = NULL;
    while (!list_is_empty(&queue->segments)) {
        struct segment *segment = segment_of(queue->segments.next);
        segment_purge(segment);
        drop_segment(queue, arena, segment);
    }
    list_remove(&queue->hot);
    free(queue->willing);
    free(queue);
}

uint64_t queue_room(const struct queue *queue)
{
    if (queue->ready_count + queue->leased_count >= queue->settings.count_max)
        return 0;
    uint64_t size = queue->ready_size + queue->leased_size;
    return size < queue->settings.size_max ? queue->settings.size_max - size : 0;
}

/* A segment at the back with room for the first frame of `run`, or better for all of it. */
static struct segment *segment_for(struct queue *queue, struct arena *arena, const struct run *run)
{
    if (!list_is_empty(&queue->segments)) {
        struct segment *last = segment_of(queue->segments.prev);
        if (last->block.capacity - last->block.used >= run->head.size)
            return last;
    }
    size_t size = queue->segment_size_next, need = segment_head_size() + run->size;
    if (size < need)
        size = need < SEGMENT_SIZE_MAX ? arena_fit(need) : SEGMENT_SIZE_MAX;
    queue->segment_size_next = size * 2 < SEGMENT_SIZE_MAX ? size * 2 : SEGMENT_SIZE_MAX;
    if (size < segment_head_size() + run->head.size)
        size = segment_head_size() + run->head.size;
    struct segment *segment = segment_create(arena, size);
    segment->queue = queue;
    segment->order = queue->order_next++;
    list_push_back(&queue->segments, &segment->link);
    return segment;
}

uint32_t queue_push(struct queue *queue, struct arena *arena, struct run *run)
{
    uint64_t room_count = queue->settings.count_max - (queue->ready_count + queue->leased_count);
    struct run fits;
    if (queue_room(queue) == 0 ||
        !run_split(run, room_count < UINT32_MAX ? (uint32_t)room_count : UINT32_MAX,
                   queue_room(queue), &fits))
        return 0;
    uint32_t count = fits.count;
    queue->ready_count += count;
    queue->ready_size += fits.size;
    queue->counters.accepted += count;
    while (fits.count > 0) {
        struct segment *segment = segment_for(queue, arena, &fits);
        uint32_t appended = segment_append(segment, &fits);
        assert(appended > 0);
        queue->back = segment;
        if (!queue->front)
            queue->front = segment;
    }
    return count;
}

/* Moves `front` and `back` to where ready messages are, after some were taken from their segments.
 */
static void settle_ends(struct queue *queue)
{
    if (queue->ready_count == 0) {
        queue->front = queue->back = NULL;
        return;
    }
    while (queue->front->ready_count == 0)
        queue->front = segment_of(queue->front->link.next);
    while (queue->back->ready_count == 0)
        queue->back = segment_of(queue->back->link.prev);
}

bool queue_lease(struct queue *queue, bool from_back, uint32_t count_max, uint64_t size_max,
                 struct stretch *stretch)
{
    struct segment *segment = from_back ? queue->back : queue->front;
    if (!segment || !segment_lease(segment, from_back, count_max, size_max, stretch))
        return false;
    queue->ready_count -= stretch->count;
    queue->ready_size -= stretch->size;
    queue->leased_count += stretch->count;
    queue->leased_size += stretch->size;
    queue->counters.delivered += stretch->count;
    settle_ends(queue);
    return true;
}

/* Copies what is left of a mostly settled segment into a smaller one. */
static void compact(struct queue *queue, struct arena *arena, struct segment *segment)
{
    if (segment->leased_count > 0 || segment->block.holds_count > 0 || segment->ready_count == 0)
        return;
    if (segment->ready_count > segment->count / 4 || segment->block.capacity <= SEGMENT_SIZE_MIN)
        return;
    if (segment_ready_size(segment) > segment->block.capacity / 4)
        return;
    struct segment *smaller = segment_compact(segment, arena);
    list_insert_before(&segment->link, &smaller->link);
    queue->front = queue->front == segment ? smaller : queue->front;
    queue->back = queue->back == segment ? smaller : queue->back;
    segment_purge(segment);
    drop_segment(queue, arena, segment);
}

void queue_release(struct segment *segment, struct arena *arena)
{
    struct queue *queue = segment->queue;
    if (!queue) {
        if (segment->block.holds_count == 0)
            segment_destroy(arena, segment);
    } else if (segment_is_done(segment)) {
        if (queue->ready_count == 0 && queue->leased_count == 0 &&
            queue->segment_size_next > segment->block.capacity)
            queue->segment_size_next = arena_fit(segment->block.capacity);
        drop_segment(queue, arena, segment);
    } else {
        compact(queue, arena, segment);
    }
}

static void take_back(struct queue *queue, struct segment *segment, uint32_t index, uint32_t count,
                      uint32_t size)
{
    segment_return(segment, index, count);
    queue->ready_count += count;
    queue->ready_size += size;
    queue->counters.returned += count;
    if (!queue->front || segment->order < queue->front->order)
        queue->front = segment;
    if (!queue->back || segment->order > queue->back->order)
        queue->back = segment;
}

void queue_settle(struct queue *queue, struct arena *arena, struct segment *segment, uint32_t index,
                  uint32_t count, enum settle how)
{
    uint32_t size = segment_size(segment, index, count);
    assert(queue->leased_count >= count && queue->leased_size >= size);
    queue->leased_count -= count;
    queue->leased_size -= size;
    switch (how) {
    case SETTLE_RETURN: take_back(queue, segment, index, count, size); return;
    case SETTLE_ACKNOWLEDGE: queue->counters.acknowledged += count; break;
    case SETTLE_REJECT: queue->counters.rejected += count; break;
    }
    segment_settle(segment, index, count);
    queue_release(segment, arena);
}

uint64_t queue_purge(struct queue *queue, struct arena *arena)
{
    uint64_t count = queue->ready_count;
    if (count == 0)
        return 0;
    queue->counters.purged += count;
    queue->ready_count = queue->ready_size = 0;
    queue->front = queue->back = NULL;
    for (struct list *link = queue->segments.next, *next; link != &queue->segments; link = next) {
        next = link->next;
        segment_purge(segment_of(link));
        queue_release(segment_of(link), arena);
    }
    return count;
}

bool queue_is_unused(const struct queue *queue)
{
    return !queue->is_declared && !queue->is_paused && queue->ready_count == 0 &&
           queue->leased_count == 0 && queue->consumers_count == 0 && queue->waiting_count == 0;
}

void queue_check(const struct queue *queue)
{
    uint64_t ready = 0, leased = 0;
    const struct segment *front = NULL, *back = NULL, *before = NULL;
    for (struct list *link = queue->segments.next; link != &queue->segments; link = link->next) {
        const struct segment *segment = segment_of(link);
        segment_check(segment);
        assert(segment->queue == queue);
        assert(!segment_is_done(segment));
        assert(!before || before->order < segment->order);
        front = front || segment->ready_count == 0 ? front : segment;
        back = segment->ready_count == 0 ? back : segment;
        ready += segment->ready_count;
        leased += segment->leased_count;
        before = segment;
    }
    const struct queue_counters *all = &queue->counters;
    assert(queue->front == front && queue->back == back);
    assert(queue->ready_count == ready && queue->leased_count == leased);
    assert((ready == 0) == (queue->ready_size == 0) && (leased == 0) == (queue->leased_size == 0));
    assert(all->accepted == ready + leased + all->acknowledged + all->rejected + all->purged);
    assert(all->delivered == leased + all->acknowledged + all->rejected + all->returned);
}

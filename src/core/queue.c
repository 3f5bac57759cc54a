#include "core/queue.h"

#include "base/array.h"
#include "base/time.h"
#include "frame/header.h"

#include <assert.h>
#include <stdlib.h>

/*
 *      front of the queue                                      back
 *        segment  <->  segment  <->  segment  <->  segment
 *        (leased)      ^ front                     ^ back: pushes append here while there is room
 *
 * At the front it grows in the same way, by reversed segments.
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
    list_init(&queue->takers);
    queue->settings = queue_settings_default();
    queue->segment_size_next = SEGMENT_SIZE_MIN;
    queue->order_first = queue->order_next = QUEUE_ORDER_START;
    return queue;
}

static struct segment *segment_of(struct list *link)
{
    return list_entry(link, struct segment, link);
}

void queue_drop(struct queue *queue, struct stock *stock, struct segment *segment)
{
    assert(segment != queue->front && segment != queue->back);
    list_remove(&segment->link);
    timers_set(&queue->aging, &segment->timer, TIME_NEVER);
    segment->queue = NULL;
    if (segment->block.holds_count == 0)
        segment_destroy(stock->arena, segment);
}

static void purge_ready(struct queue *queue, struct stock *stock)
{
    queue->changes += queue->ready_count > 0;
    queue->ready_count = queue->ready_size = 0;
    queue->front = queue->back = NULL;
    queue->is_mortal = false;
    for (struct list *link = queue->segments.next, *next; link != &queue->segments; link = next) {
        next = link->next;
        segment_purge(segment_of(link));
        queue_release(segment_of(link), stock);
    }
}

void queue_destroy(struct queue *queue, struct stock *stock)
{
    assert(list_is_empty(&queue->waiting) && list_is_empty(&queue->consumers));
    assert(list_is_empty(&queue->takers));
    assert(queue->timer.at == 0);
    assert(queue->leased_count == 0);
    purge_ready(queue, stock);
    while (!list_is_empty(&queue->segments)) /* a slice holds them still */
        queue_drop(queue, stock, segment_of(queue->segments.next));
    queue_purge_delayed(queue);
    timers_finish(&queue->aging);
    timers_finish(&queue->delayed);
    timers_finish(&queue->leases);
    list_remove(&queue->hot);
    list_remove(&queue->awaited);
    memory_free(queue->times);
    memory_free((void *)queue->own.dead_letter.data);
    memory_free(queue->willing);
    memory_free(queue);
}

void queue_set_own(struct queue *queue, const struct queue_settings *own)
{
    void *copy = own->dead_letter.data ? memory_create(own->dead_letter.size + 1) : NULL;
    if (own->dead_letter.size > 0)
        memcpy(copy, own->dead_letter.data, own->dead_letter.size);
    memory_free((void *)queue->own.dead_letter.data);
    queue->own = *own;
    queue->own.dead_letter.data = copy;
}

/* Has a segment looked at when another time to live would have the first of its ready messages
 * expire; of those with deadlines of their own, where they are in order, it may be earlier. */
static void age_anew(struct queue *queue, struct segment *segment)
{
    if (!segment->deadlines || segment->arrivals_count > 0)
        queue_rewatch(queue, segment);
    else if (segment->ready_count > 0)
        queue_watch(queue, segment, segment->ready_first, 1);
}

void queue_configure(struct queue *queue, const struct queue_settings *others)
{
    uint64_t ttl_before = queue->settings.ttl_ms;
    queue->settings = *others;
    queue_settings_merge(&queue->settings, &queue->own);
    if (queue->settings.ttl_ms == ttl_before)
        return;
    for (struct list *link = queue->segments.next; link != &queue->segments; link = link->next)
        age_anew(queue, segment_of(link));
}

struct bytes queue_dead_letter(const struct queue *queue, unsigned char *buffer)
{
    static const char suffix[] = ".dead";
    struct bytes name = queue->entry.name, end = bytes_text(suffix);
    if (queue->settings.dead_letter.data)
        return queue->settings.dead_letter;
    bool is_dead = name.size >= end.size &&
                   bytes_equal(bytes_of(name.data + name.size - end.size, end.size), end);
    if (is_dead || name.size + end.size > FRAME_NAME_MAX)
        return (struct bytes){0};
    memcpy(buffer, name.data, name.size);
    memcpy(buffer + name.size, end.data, end.size);
    return bytes_of(buffer, name.size + end.size);
}

uint64_t queue_held_count(const struct queue *queue)
{
    return queue->ready_count + queue->leased_count + queue->delayed_count;
}

uint64_t queue_held_size(const struct queue *queue)
{
    return queue->ready_size + queue->leased_size + queue->delayed_size;
}

uint64_t queue_room(const struct queue *queue)
{
    if (queue_held_count(queue) >= queue->settings.count_max)
        return 0;
    uint64_t size = queue_held_size(queue);
    return size < queue->settings.size_max ? queue->settings.size_max - size : 0;
}

static struct segment *add_segment(struct queue *queue, struct stock *stock, size_t size,
                                   bool at_front)
{
    struct segment *segment = segment_create(stock->arena, size);
    queue->is_edited &= !list_is_empty(&queue->segments);
    segment->queue = queue;
    segment->is_reversed = at_front;
    segment->order = at_front ? --queue->order_first : queue->order_next++;
    if (at_front)
        list_push_front(&queue->segments, &segment->link);
    else
        list_push_back(&queue->segments, &segment->link);
    return segment;
}

/* A segment at that end with room for the first frame of `run`, or better for all of it. */
static struct segment *segment_for(struct queue *queue, struct stock *stock, const struct run *run,
                                   bool at_front)
{
    if (!list_is_empty(&queue->segments)) {
        struct segment *last = segment_of(at_front ? queue->segments.next : queue->segments.prev);
        if (last->is_reversed == at_front && segment_has_room(last, run->head.size, stock->now))
            return last;
    }
    size_t size = queue->segment_size_next, need = segment_head_size() + run->size;
    if (size < need)
        size = need < SEGMENT_SIZE_MAX ? arena_fit(need) : SEGMENT_SIZE_MAX;
    queue->segment_size_next = size * 2 < SEGMENT_SIZE_MAX ? size * 2 : SEGMENT_SIZE_MAX;
    if (size < segment_head_size() + run->head.size)
        size = segment_head_size() + run->head.size;
    return add_segment(queue, stock, size, at_front);
}

void queue_await(struct queue *queue, struct stock *stock)
{
    if (!list_is_empty(&queue->takers) && !list_is_linked(&queue->awaited))
        list_push_back(&stock->awaited, &queue->awaited);
}

void queue_add_ready(struct queue *queue, struct stock *stock, struct segment *segment,
                     uint32_t count, uint64_t size)
{
    queue->changes++;
    queue_await(queue, stock);
    queue->ready_count += count;
    queue->ready_size += size;
    if (!queue->front || segment->order < queue->front->order)
        queue->front = segment;
    if (!queue->back || segment->order > queue->back->order)
        queue->back = segment;
}

/* Makes a run ready at an end. */
static void append(struct queue *queue, struct stock *stock, struct run run, bool at_front)
{
    while (run.count > 0) {
        struct segment *segment = segment_for(queue, stock, &run, at_front);
        uint32_t size = run.size;
        uint32_t appended = segment_append(segment, &run, stock->now);
        assert(appended > 0);
        queue_add_ready(queue, stock, segment, appended, size - run.size);
        queue_watch(queue, segment, segment->count - appended, appended);
    }
}

void queue_join(struct queue *queue, struct stock *stock, struct segment *segment,
                const unsigned char *frame, uint32_t deliveries)
{
    struct run run = frame_run(frame);
    uint32_t index = segment->count, size = run.size;
    queue_add_ready(queue, stock, segment, segment_append(segment, &run, stock->now), size);
    if (deliveries > 0)
        segment_set_deliveries(segment, index, deliveries);
    struct header header = header_of(frame);
    if (header.ttl_ms > 0 && header.ttl_ms < (TIME_NEVER - stock->now) / NS_PER_MS)
        segment_set_deadline(segment, index, stock->now + header.ttl_ms * NS_PER_MS);
    queue_watch(queue, segment, index, 1);
}

void queue_insert(struct queue *queue, struct stock *stock, const unsigned char *frame,
                  uint32_t deliveries, bool at_front)
{
    const struct run run = frame_run(frame);
    queue_join(queue, stock, segment_for(queue, stock, &run, at_front), frame, deliveries);
}

/* Takes frames with headers one by one. */
static void take_headed(struct queue *queue, struct stock *stock, struct run run, bool at_front)
{
    struct run one;
    while (run_split(&run, 1, UINT64_MAX, &one)) {
        uint64_t delay_ms = header_of(one.data).delay_ms;
        if (delay_ms > 0)
            queue_delay(queue, stock, one.data, ns_of_ms(delay_ms), 0, at_front);
        else
            queue_insert(queue, stock, one.data, 0, at_front);
    }
}

uint32_t queue_push(struct queue *queue, struct stock *stock, struct run *run, unsigned how)
{
    struct run fits;
    uint64_t room_size = queue_room(queue);
    if (room_size == 0)
        return 0;
    uint64_t room_count = queue->settings.count_max - queue_held_count(queue);
    if (how & PUSH_WHOLE && (run->count > room_count || run->size > room_size))
        return 0;
    if (!run_split(run, room_count < UINT32_MAX ? (uint32_t)room_count : UINT32_MAX, room_size,
                   &fits))
        return 0;
    queue->counters.accepted += fits.count;
    if (fits.head.flags & MESSAGE_HEADERS)
        take_headed(queue, stock, fits, how & PUSH_FRONT);
    else
        append(queue, stock, fits, how & PUSH_FRONT);
    return fits.count;
}

/* Moves `front` and `back` to where ready messages are, after some were taken from their segments.
 */
static void settle_ends(struct queue *queue)
{
    if (queue->ready_count == 0) {
        queue->front = queue->back = NULL;
        queue->is_mortal = false;
        return;
    }
    while (queue->front->ready_count == 0)
        queue->front = segment_of(queue->front->link.next);
    while (queue->back->ready_count == 0)
        queue->back = segment_of(queue->back->link.prev);
}

/* Takes note of ready messages that a segment no longer has. */
static void remove_ready(struct queue *queue, const struct stretch *stretch)
{
    queue->changes++;
    queue->ready_count -= stretch->count;
    queue->ready_size -= stretch->size;
    settle_ends(queue);
}

void queue_add_leased(struct queue *queue, const struct stretch *stretch)
{
    queue->leased_count += stretch->count;
    queue->leased_size += stretch->size;
    remove_ready(queue, stretch);
}

bool queue_lease(struct queue *queue, struct stock *stock, bool from_back, uint32_t count_max,
                 uint64_t size_max, struct stretch *stretch)
{
    struct segment *segment = from_back ? queue->back : queue->front;
    if (!segment || !segment_lease(segment, from_back, count_max, size_max, stretch))
        return false;
    queue_add_leased(queue, stretch);
    queue->counters.delivered += stretch->count;
    if (!queue->times)
        queue->times = memory_create(sizeof *queue->times);
    segment_count_waits(segment, stretch->index, stretch->count, stock->now, &queue->times->waited);
    return true;
}

/* Copies what is left of a mostly settled segment into a smaller one. */
static void compact(struct queue *queue, struct stock *stock, struct segment *segment)
{
    if (segment->leased_count > 0 || segment->block.holds_count > 0 || segment->ready_count == 0)
        return;
    if (segment->ready_count > segment->count / 4 || segment->block.capacity <= SEGMENT_SIZE_MIN)
        return;
    if (segment->ready_size > segment->block.capacity / 4)
        return;
    struct segment *smaller = segment_move(segment, stock->arena, 0);
    smaller->order = segment->order;
    list_insert_before(&segment->link, &smaller->link);
    queue->front = queue->front == segment ? smaller : queue->front;
    queue->back = queue->back == segment ? smaller : queue->back;
    queue_drop(queue, stock, segment);
    queue_rewatch(queue, smaller);
}

void queue_release(struct segment *segment, struct stock *stock)
{
    struct queue *queue = segment->queue;
    if (!queue) {
        if (segment->block.holds_count == 0)
            segment_destroy(stock->arena, segment);
    } else if (segment_is_done(segment)) {
        if (queue->ready_count == 0 && queue->leased_count == 0 &&
            queue->segment_size_next > segment->block.capacity)
            queue->segment_size_next = arena_fit(segment->block.capacity);
        queue_drop(queue, stock, segment);
    } else {
        compact(queue, stock, segment);
    }
}

void queue_discard(struct queue *queue, struct stock *stock, const struct stretch *stretch)
{
    segment_discard(stretch->segment, stretch->index, stretch->count);
    remove_ready(queue, stretch);
    queue->counters.purged += stretch->count;
    queue_release(stretch->segment, stock);
}

uint64_t queue_purge_ready(struct queue *queue, struct stock *stock)
{
    uint64_t count = queue->ready_count;
    queue->counters.purged += count;
    if (count > 0)
        purge_ready(queue, stock);
    return count;
}

uint64_t queue_purge(struct queue *queue, struct stock *stock)
{
    uint64_t delayed = queue->delayed_count;
    queue->counters.purged += delayed;
    queue_purge_delayed(queue);
    return delayed + queue_purge_ready(queue, stock);
}

bool queue_is_unused(const struct queue *queue)
{
    return !queue->is_declared && !queue->is_paused && queue_held_count(queue) == 0 &&
           queue->consumers_count == 0 && queue->waiting_count == 0 &&
           list_is_empty(&queue->takers);
}

static void check_counters(const struct queue *queue)
{
    const struct queue_counters *all = &queue->counters;
    uint64_t gone = all->purged, died = 0;
    for (int how = SETTLE_REJECT; how < SETTLE_KINDS; how++)
        died += all->settled[how];
    gone += died + all->settled[SETTLE_ACKNOWLEDGE];
    assert(all->accepted == queue_held_count(queue) + gone);
    assert(all->dead_lettered <= died);
    assert(all->delivered == queue->leased_count + all->settled[SETTLE_ACKNOWLEDGE] +
                                 all->settled[SETTLE_RETURN] + all->settled[SETTLE_REJECT]);
}

void queue_check(const struct queue *queue)
{
    uint64_t ready = 0, ready_size = 0, leased = 0;
    const struct segment *front = NULL, *back = NULL, *before = NULL;
    for (struct list *link = queue->segments.next; link != &queue->segments; link = link->next) {
        const struct segment *segment = segment_of(link);
        segment_check(segment);
        assert(segment->queue == queue);
        assert(!segment_is_done(segment));
        assert(!before || before->order < segment->order);
        assert(queue_expiry(queue, segment) >=
               (segment->timer.at ? segment->timer.due : TIME_NEVER));
        front = front || segment->ready_count == 0 ? front : segment;
        back = segment->ready_count == 0 ? back : segment;
        ready += segment->ready_count;
        ready_size += segment->ready_size;
        leased += segment->leased_count;
        before = segment;
    }
    assert(queue->front == front && queue->back == back);
    assert(queue->ready_count == ready && queue->leased_count == leased);
    assert(queue->ready_size == ready_size);
    assert(queue->delayed_count == queue->delayed.count);
    assert((ready == 0) == (queue->ready_size == 0) && (leased == 0) == (queue->leased_size == 0));
    timers_check(&queue->aging);
    timers_check(&queue->delayed);
    timers_check(&queue->leases);
    check_counters(queue);
}

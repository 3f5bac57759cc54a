#include "core/queue.h"

#include "base/array.h"
#include "base/time.h"
#include "frame/header.h"

#include <assert.h>
#include <stdlib.h>

#define ORDER_START (UINT64_MAX / 2) /* of the first segment: others may come before and behind */

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
    queue->order_first = queue->order_next = ORDER_START;
    return queue;
}

static struct segment *segment_of(struct list *link)
{
    return list_entry(link, struct segment, link);
}

static void drop_segment(struct queue *queue, struct stock *stock, struct segment *segment)
{
    assert(segment != queue->front && segment != queue->back);
    list_remove(&segment->link);
    timers_set(&queue->aging, &segment->timer, TIME_NEVER);
    segment->queue = NULL;
    if (segment->block.holds_count == 0)
        segment_destroy(&stock->arena, segment);
}

static void purge_ready(struct queue *queue, struct stock *stock)
{
    queue->ready_count = queue->ready_size = 0;
    queue->front = queue->back = NULL;
    for (struct list *link = queue->segments.next, *next; link != &queue->segments; link = next) {
        next = link->next;
        segment_purge(segment_of(link));
        queue_release(segment_of(link), stock);
    }
}

void queue_destroy(struct queue *queue, struct stock *stock)
{
    assert(list_is_empty(&queue->waiting) && list_is_empty(&queue->consumers));
    assert(queue->leased_count == 0);
    purge_ready(queue, stock);
    while (!list_is_empty(&queue->segments)) /* a slice holds them still */
        drop_segment(queue, stock, segment_of(queue->segments.next));
    delayed_purge(queue);
    timers_finish(&queue->aging);
    timers_finish(&queue->delayed);
    timers_finish(&queue->leases);
    list_remove(&queue->hot);
    free(queue->times);
    free((void *)queue->own.dead_letter.data);
    free(queue->willing);
    free(queue);
}

static uint64_t ttl_ns(const struct queue *queue)
{
    uint64_t ttl = queue->settings.ttl_ms;
    return ttl == 0 || ttl > TIME_NEVER / NS_PER_MS ? TIME_NEVER : ttl * NS_PER_MS;
}

/* Has the segment looked at when the first of its ready messages expires. */
static void set_timer(struct queue *queue, struct segment *segment)
{
    if (segment->deadlines || ttl_ns(queue) != TIME_NEVER || segment->timer.at > 0)
        timers_set(&queue->aging, &segment->timer, segment_expiry(segment, ttl_ns(queue)));
}

void queue_configure(struct queue *queue, const struct queue_settings *own,
                     const struct queue_settings *others)
{
    uint64_t ttl_before = queue->settings.ttl_ms;
    if (own != &queue->own) {
        void *copy = own->dead_letter.data ? memory_create(own->dead_letter.size + 1) : NULL;
        if (own->dead_letter.size > 0)
            memcpy(copy, own->dead_letter.data, own->dead_letter.size);
        free((void *)queue->own.dead_letter.data);
        queue->own = *own;
        queue->own.dead_letter.data = copy;
    }
    queue->settings = *others;
    queue_settings_merge(&queue->settings, &queue->own);
    if (queue->settings.ttl_ms == ttl_before)
        return;
    for (struct list *link = queue->segments.next; link != &queue->segments; link = link->next)
        set_timer(queue, segment_of(link));
}

/* Messages and bytes that count towards the bound. */
static uint64_t held_count(const struct queue *queue)
{
    return queue->ready_count + queue->leased_count + queue->delayed_count;
}

static uint64_t held_size(const struct queue *queue)
{
    return queue->ready_size + queue->leased_size + queue->delayed_size;
}

uint64_t queue_room(const struct queue *queue)
{
    if (held_count(queue) >= queue->settings.count_max)
        return 0;
    uint64_t size = held_size(queue);
    return size < queue->settings.size_max ? queue->settings.size_max - size : 0;
}

static struct segment *add_segment(struct queue *queue, struct stock *stock, size_t size,
                                   bool at_front)
{
    struct segment *segment = segment_create(&stock->arena, size);
    segment->queue = queue;
    segment->order = at_front ? --queue->order_first : queue->order_next++;
    if (at_front)
        list_push_front(&queue->segments, &segment->link);
    else
        list_push_back(&queue->segments, &segment->link);
    return segment;
}

/* A segment at the back with room for the first frame of `run`, or better for all of it. */
static struct segment *segment_for(struct queue *queue, struct stock *stock, const struct run *run)
{
    if (!list_is_empty(&queue->segments)) {
        struct segment *last = segment_of(queue->segments.prev);
        if (last->block.capacity - last->block.used >= run->head.size &&
            segment_is_young(last, stock->now))
            return last;
    }
    size_t size = queue->segment_size_next, need = segment_head_size() + run->size;
    if (size < need)
        size = need < SEGMENT_SIZE_MAX ? arena_fit(need) : SEGMENT_SIZE_MAX;
    queue->segment_size_next = size * 2 < SEGMENT_SIZE_MAX ? size * 2 : SEGMENT_SIZE_MAX;
    if (size < segment_head_size() + run->head.size)
        size = segment_head_size() + run->head.size;
    return add_segment(queue, stock, size, false);
}

/* Takes note of ready messages that a segment has been given. */
static void add_ready(struct queue *queue, struct segment *segment, uint32_t count, uint64_t size)
{
    queue->ready_count += count;
    queue->ready_size += size;
    if (!queue->front || segment->order < queue->front->order)
        queue->front = segment;
    if (!queue->back || segment->order > queue->back->order)
        queue->back = segment;
}

/* Makes a run ready at the back. */
static void append(struct queue *queue, struct stock *stock, struct run run)
{
    while (run.count > 0) {
        struct segment *segment = segment_for(queue, stock, &run);
        uint32_t size = run.size;
        uint32_t appended = segment_append(segment, &run, stock->now);
        assert(appended > 0);
        add_ready(queue, segment, appended, size - run.size);
        if (segment->timer.at == 0)
            set_timer(queue, segment);
    }
}

void queue_insert(struct queue *queue, struct stock *stock, const unsigned char *frame,
                  uint32_t deliveries, bool at_front)
{
    struct run run;
    int size = frame_cut(bytes_of(frame, frame_size(frame)), UINT32_MAX, &run);
    assert(size > 0);
    struct segment *segment =
        at_front ? add_segment(queue, stock, segment_head_size() + run.size, true)
                 : segment_for(queue, stock, &run);
    uint32_t index = segment->count;
    add_ready(queue, segment, segment_append(segment, &run, stock->now), (uint64_t)size);
    if (deliveries > 0)
        segment_set_deliveries(segment, index, deliveries);
    struct header header = header_of(frame);
    if (header.ttl_ms > 0 && header.ttl_ms < (TIME_NEVER - stock->now) / NS_PER_MS)
        segment_set_deadline(segment, index, stock->now + header.ttl_ms * NS_PER_MS);
    set_timer(queue, segment);
}

/* Takes frames with headers one by one. */
static void take_headed(struct queue *queue, struct stock *stock, struct run run)
{
    struct run one;
    while (run_split(&run, 1, UINT64_MAX, &one)) {
        uint64_t delay_ms = header_of(one.data).delay_ms;
        if (delay_ms > 0)
            delayed_put(queue, stock, one.data, delay_ms, 0, false);
        else
            queue_insert(queue, stock, one.data, 0, false);
    }
}

uint32_t queue_push(struct queue *queue, struct stock *stock, struct run *run)
{
    struct run fits;
    if (queue_room(queue) == 0)
        return 0;
    uint64_t room_count = queue->settings.count_max - held_count(queue);
    if (!run_split(run, room_count < UINT32_MAX ? (uint32_t)room_count : UINT32_MAX,
                   queue_room(queue), &fits))
        return 0;
    queue->counters.accepted += fits.count;
    if (fits.head.flags & MESSAGE_HEADERS)
        take_headed(queue, stock, fits);
    else
        append(queue, stock, fits);
    return fits.count;
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

static void count_leased(struct queue *queue, const struct stretch *stretch)
{
    queue->ready_count -= stretch->count;
    queue->ready_size -= stretch->size;
    queue->leased_count += stretch->count;
    queue->leased_size += stretch->size;
    settle_ends(queue);
}

bool queue_lease(struct queue *queue, struct stock *stock, bool from_back, uint32_t count_max,
                 uint64_t size_max, struct stretch *stretch)
{
    struct segment *segment = from_back ? queue->back : queue->front;
    if (!segment || !segment_lease(segment, from_back, count_max, size_max, stretch))
        return false;
    count_leased(queue, stretch);
    queue->counters.delivered += stretch->count;
    if (!queue->times)
        queue->times = memory_create(sizeof *queue->times);
    segment_count_waits(segment, stretch->index, stretch->count, stock->now,
                        &queue->times->waited);
    return true;
}

void queue_claim(struct queue *queue, const struct stretch *stretch)
{
    segment_claim(stretch->segment, stretch->index, stretch->count);
    count_leased(queue, stretch);
}

bool queue_make_room(struct queue *queue, struct stock *stock, const struct run *run)
{
    struct stretch stretch;
    struct segment *segment = queue->front;
    if (!segment || (!segment_lease(segment, false, run->count, run->size, &stretch) &&
                     !segment_lease(segment, false, 1, UINT64_MAX, &stretch)))
        return false;
    count_leased(queue, &stretch);
    queue_settle(queue, stock, segment, stretch.index, stretch.count,
                 &(struct settlement){.how = SETTLE_OVERFLOW});
    return true;
}

/* Copies what is left of a mostly settled segment into a smaller one. */
static void compact(struct queue *queue, struct stock *stock, struct segment *segment)
{
    if (segment->leased_count > 0 || segment->block.holds_count > 0 || segment->ready_count == 0)
        return;
    if (segment->ready_count > segment->count / 4 || segment->block.capacity <= SEGMENT_SIZE_MIN)
        return;
    if (segment_ready_size(segment) > segment->block.capacity / 4)
        return;
    struct segment *smaller = segment_compact(segment, &stock->arena);
    list_insert_before(&segment->link, &smaller->link);
    queue->front = queue->front == segment ? smaller : queue->front;
    queue->back = queue->back == segment ? smaller : queue->back;
    segment_purge(segment);
    drop_segment(queue, stock, segment);
    set_timer(queue, smaller);
}

void queue_release(struct segment *segment, struct stock *stock)
{
    struct queue *queue = segment->queue;
    if (!queue) {
        if (segment->block.holds_count == 0)
            segment_destroy(&stock->arena, segment);
    } else if (segment_is_done(segment)) {
        if (queue->ready_count == 0 && queue->leased_count == 0 &&
            queue->segment_size_next > segment->block.capacity)
            queue->segment_size_next = arena_fit(segment->block.capacity);
        drop_segment(queue, stock, segment);
    } else {
        compact(queue, stock, segment);
    }
}

/* Writes a letter for each message that dies, unless nobody would get it. */
static void write_letters(struct queue *queue, struct stock *stock, const struct stretch *dying,
                          enum settle how)
{
    static const char *const reasons[SETTLE_KINDS] = {
        [SETTLE_REJECT] = "rejected",
        [SETTLE_EXPIRE] = "expired",
        [SETTLE_OVERFLOW] = "overflow",
        [SETTLE_EXHAUST] = "deliveries",
    };
    bool was_delivered = how == SETTLE_REJECT || how == SETTLE_EXHAUST;
    const struct dead_reason why = {reasons[how], queue->entry.name,
                                    (uint64_t)dying->deliveries + was_delivered};
    const struct bytes *to = &queue->settings.dead_letter;
    if (to->data && to->size == 0)
        return;
    for (uint32_t i = dying->index; i < dying->index + dying->count; i++) {
        const unsigned char *frame =
            dying->segment->block.data + segment_offset(dying->segment, i);
        if (header_of(frame).dead_times >= DEAD_TIMES_MAX)
            continue;
        struct letter *letter =
            memory_resize(NULL, sizeof *letter + frame_size(frame) + DEAD_GROWTH_MAX, 1);
        *letter = (struct letter){.from = queue};
        header_put_dead(letter->frame, frame, &why);
        list_push_back(&stock->letters, &letter->link);
    }
}

static void take_back(struct queue *queue, struct stock *stock, const struct stretch *stretch,
                      const struct settlement *settlement)
{
    uint32_t limit = queue->settings.delivery_limit;
    if (limit > 0 && stretch->deliveries + 1 >= limit) {
        queue->counters.settled[SETTLE_EXHAUST] += stretch->count;
        write_letters(queue, stock, stretch, SETTLE_EXHAUST);
        segment_settle(stretch->segment, stretch->index, stretch->count);
    } else if (settlement->delay_ns > 0) {
        for (uint32_t i = stretch->index; i < stretch->index + stretch->count; i++)
            delayed_put(queue, stock,
                        stretch->segment->block.data + segment_offset(stretch->segment, i),
                        settlement->delay_ns, stretch->deliveries + 1, !settlement->to_back);
        segment_settle(stretch->segment, stretch->index, stretch->count);
    } else {
        segment_return(stretch->segment, stretch->index, stretch->count);
        add_ready(queue, stretch->segment, stretch->count, stretch->size);
        set_timer(queue, stretch->segment);
    }
}

/* Settles messages that were delivered equally often. */
static void settle_alike(struct queue *queue, struct stock *stock, const struct stretch *stretch,
                         const struct settlement *settlement)
{
    enum settle how = settlement->how;
    queue->counters.settled[how] += stretch->count;
    queue->leased_count -= stretch->count;
    queue->leased_size -= stretch->size;
    if (how == SETTLE_RETURN) {
        take_back(queue, stock, stretch, settlement);
        return;
    }
    if (how >= SETTLE_REJECT)
        write_letters(queue, stock, stretch, how);
    segment_settle(stretch->segment, stretch->index, stretch->count);
}

void queue_settle(struct queue *queue, struct stock *stock, struct segment *segment, uint32_t index,
                  uint32_t count, const struct settlement *settlement)
{
    assert(queue->leased_count >= count && queue->leased_size >= segment_size(segment, index, count));
    for (uint32_t part; count > 0; index += part, count -= part) {
        struct stretch stretch;
        part = settlement->how == SETTLE_ACKNOWLEDGE
                   ? count
                   : segment_count_alike(segment, index, count);
        stretch = (struct stretch){segment, index, part, segment_size(segment, index, part),
                                   segment_deliveries(segment, index)};
        settle_alike(queue, stock, &stretch, settlement);
    }
    queue_release(segment, stock);
}

uint64_t queue_purge(struct queue *queue, struct stock *stock)
{
    uint64_t count = queue->ready_count + queue->delayed_count;
    if (count == 0)
        return 0;
    queue->counters.purged += count;
    purge_ready(queue, stock);
    delayed_purge(queue);
    return count;
}

bool queue_is_unused(const struct queue *queue)
{
    return !queue->is_declared && !queue->is_paused && held_count(queue) == 0 &&
           queue->consumers_count == 0 && queue->waiting_count == 0;
}

static void check_counters(const struct queue *queue)
{
    const struct queue_counters *all = &queue->counters;
    uint64_t gone = all->purged, died = 0;
    for (int how = SETTLE_REJECT; how < SETTLE_KINDS; how++)
        died += all->settled[how];
    gone += died + all->settled[SETTLE_ACKNOWLEDGE];
    assert(all->accepted == held_count(queue) + gone);
    assert(all->dead_lettered <= died);
    assert(all->delivered == queue->leased_count + all->settled[SETTLE_ACKNOWLEDGE] +
                                 all->settled[SETTLE_RETURN] + all->settled[SETTLE_REJECT]);
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
        assert(segment_expiry(segment, ttl_ns(queue)) >=
               (segment->timer.at ? segment->timer.due : TIME_NEVER));
        front = front || segment->ready_count == 0 ? front : segment;
        back = segment->ready_count == 0 ? back : segment;
        ready += segment->ready_count;
        leased += segment->leased_count;
        before = segment;
    }
    assert(queue->front == front && queue->back == back);
    assert(queue->ready_count == ready && queue->leased_count == leased);
    assert(queue->delayed_count == queue->delayed.count);
    assert((ready == 0) == (queue->ready_size == 0) && (leased == 0) == (queue->leased_size == 0));
    timers_check(&queue->aging);
    timers_check(&queue->delayed);
    timers_check(&queue->leases);
    check_counters(queue);
}

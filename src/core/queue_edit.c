#include "core/queue.h"
#include "frame/header.h"

#include <assert.h>

/*
 * A message comes between others where a segment is parted: what is ready behind that place moves to a
 * segment of its own, and the new one is appended in between. Bytes stay as they are, since slices may
 * refer to them; and what is leased stays, before the place. Then small segments that stand together
 * become one, so that a list that is edited all the time does not fall to pieces.
 */

enum { UNITED_SIZE_MAX = 8 * 1024 }; /* bytes of frames */

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

static struct segment *segment_of(struct list *link)
{
    return list_entry(link, struct segment, link);
}

/* Numbers a segment that stands in its place: those on the shorter side make room. */
static void number(struct queue *queue, struct segment *segment)
{
    struct list *head = &queue->segments, *before = segment->link.prev,
                *behind = segment->link.next;
    while (before != head && behind != head) {
        before = before->prev;
        behind = behind->next;
    }
    if (before == head) {
        queue->order_first--;
        for (before = segment->link.prev; before != head; before = before->prev)
            segment_of(before)->order--;
        before = segment->link.prev;
        segment->order = before == head ? queue->order_first : segment_of(before)->order + 1;
    } else {
        queue->order_next++;
        for (behind = segment->link.next; behind != head; behind = behind->next)
            segment_of(behind)->order++;
        behind = segment->link.next;
        segment->order = (behind == head ? queue->order_next : segment_of(behind)->order) - 1;
    }
}

static void link_before(struct queue *queue, struct list *at, struct segment *segment)
{
    segment->queue = queue;
    list_insert_before(at, &segment->link);
    number(queue, segment);
}

/* Parts a segment before its message `index`. Returns the link that stands behind the gap, in the order
 * of the queue. */
static struct list *part(struct queue *queue, struct stock *stock, struct segment *segment,
                         uint32_t index)
{
    struct list *behind = segment->link.next;
    bool is_reversed = segment->is_reversed;
    if (index <= segment->ready_first)
        return is_reversed ? behind : &segment->link;
    if (index >= segment->ready_end)
        return is_reversed ? &segment->link : behind;
    struct segment *moved = segment_move(segment, stock->arena, index);
    link_before(queue, is_reversed ? &segment->link : behind, moved);
    if (is_reversed && queue->front == segment)
        queue->front = moved;
    else if (!is_reversed && queue->back == segment)
        queue->back = moved;
    queue_rewatch(queue, moved);
    return is_reversed ? &segment->link : &moved->link;
}

/* The segment for a message before `at`: one of its neighbours that grows there, or a new one. */
static struct segment *segment_before(struct queue *queue, struct stock *stock, struct list *at,
                                      uint32_t size)
{
    struct segment *before = at->prev == &queue->segments ? NULL : segment_of(at->prev);
    struct segment *behind = at == &queue->segments ? NULL : segment_of(at);
    if (before && !before->is_reversed && segment_has_room(before, size, stock->now))
        return before;
    if (behind && behind->is_reversed && segment_has_room(behind, size, stock->now))
        return behind;
    struct segment *segment = segment_create(stock->arena, segment_head_size() + size);
    link_before(queue, at, segment);
    return segment;
}

/* Whether there is little in it, all of it ready. One with nothing at all is being sent still. */
static bool is_small(const struct segment *segment)
{
    return segment->leased_count == 0 && segment->ready_count > 0 &&
           segment->ready_size <= UNITED_SIZE_MAX;
}

static bool may_unite(const struct segment *one, const struct segment *next)
{
    return one->is_reversed == next->is_reversed && is_small(one) && is_small(next) &&
           one->ready_size + next->ready_size <= UNITED_SIZE_MAX;
}

/* Makes two segments that stand together one. */
static struct segment *unite(struct queue *queue, struct stock *stock, struct segment *one,
                             struct segment *next)
{
    uint32_t size = one->ready_size + next->ready_size;
    struct segment *united = segment_create(stock->arena, segment_head_size() + size);
    united->queue = queue;
    united->is_reversed = one->is_reversed;
    united->order = one->order;
    list_insert_before(&one->link, &united->link);
    segment_copy(united, united->is_reversed ? next : one);
    segment_copy(united, united->is_reversed ? one : next);
    if (queue->front == one || queue->front == next)
        queue->front = united;
    if (queue->back == one || queue->back == next)
        queue->back = united;
    segment_purge(one);
    segment_purge(next);
    queue_drop(queue, stock, one);
    queue_drop(queue, stock, next);
    queue_rewatch(queue, united);
    return united;
}

/* Unites small segments from `link` to `last`, each of which may be the list's end. */
static void unite_small(struct queue *queue, struct stock *stock, struct list *link,
                        const struct list *last)
{
    const struct list *head = &queue->segments;
    link = link == head ? link->next : link;
    for (bool is_last = false; !is_last && link != head && link->next != head;) {
        struct segment *one = segment_of(link), *next = segment_of(link->next);
        is_last = link->next == last;
        link = may_unite(one, next) ? &unite(queue, stock, one, next)->link : link->next;
    }
}

/* Accepts a message in the gap before message `index` of a segment. */
static void accept_at(struct queue *queue, struct stock *stock, struct segment *segment,
                      uint32_t index, const unsigned char *frame)
{
    struct list *at = part(queue, stock, segment, index);
    struct segment *to = segment_before(queue, stock, at, frame_size(frame));
    queue_join(queue, stock, to, frame, 0);
    queue->counters.accepted++;
    queue->is_edited = true;
}

void queue_insert_beside(struct queue *queue, struct stock *stock, const struct stretch *one,
                         bool is_before, const unsigned char *frame)
{
    struct segment *segment = one->segment;
    struct list *before = segment->link.prev, *behind = segment->link.next;
    accept_at(queue, stock, segment, one->index + (is_before == segment->is_reversed), frame);
    queue_release(segment, stock); /* it may be far too large now */
    unite_small(queue, stock, before, behind);
}

void queue_replace(struct queue *queue, struct stock *stock, const struct stretch *one,
                   const unsigned char *frame)
{
    struct segment *segment = one->segment;
    struct list *before = segment->link.prev, *behind = segment->link.next;
    segment->block.holds_count++; /* it stays until the old one is gone */
    accept_at(queue, stock, segment, one->index + 1, frame);
    queue_discard(queue, stock, one);
    segment->block.holds_count--;
    queue_release(segment, stock);
    unite_small(queue, stock, before, behind);
}

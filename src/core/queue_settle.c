#include "base/array.h"
#include "core/queue.h"
#include "frame/header.h"

#include <assert.h>

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
    unsigned char name[DEAD_LETTER_NAME_MAX];
    if (stock->is_burying || queue_dead_letter(queue, name).size == 0)
        return;
    for (uint32_t i = 0; i < dying->count; i++) {
        const unsigned char *frame = stretch_frame(dying, i);
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
    uint32_t deliveries = stretch->deliveries + (stretch->deliveries < DELIVERIES_MAX);
    if (limit > 0 && deliveries >= limit) {
        queue->counters.settled[SETTLE_EXHAUST] += stretch->count;
        write_letters(queue, stock, stretch, SETTLE_EXHAUST);
        segment_settle(stretch->segment, stretch->index, stretch->count);
    } else if (settlement->delay_ns > 0) {
        for (uint32_t i = 0; i < stretch->count; i++)
            queue_delay(queue, stock, stretch_frame(stretch, i), settlement->delay_ns, deliveries,
                        !settlement->to_back);
        segment_settle(stretch->segment, stretch->index, stretch->count);
    } else {
        segment_return(stretch->segment, stretch->index, stretch->count);
        queue_add_ready(queue, stock, stretch->segment, stretch->count, stretch->size);
        queue_watch(queue, stretch->segment, stretch->index, stretch->count);
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
    assert(queue->leased_count >= count &&
           queue->leased_size >= segment_size(segment, index, count));
    for (uint32_t part; count > 0; count -= part) { /* in the order of the queue */
        part = settlement->how == SETTLE_ACKNOWLEDGE ? count
                                                     : segment_count_alike(segment, index, count);
        uint32_t first = segment->is_reversed ? index + count - part : index;
        const struct stretch stretch = {
            .segment = segment,
            .index = first,
            .count = part,
            .size = segment_size(segment, first, part),
            .deliveries = segment_deliveries(segment, first),
            .is_reversed = segment->is_reversed,
        };
        settle_alike(queue, stock, &stretch, settlement);
        index += segment->is_reversed ? 0 : part;
    }
    queue_release(segment, stock);
}

/* Whether so much would fit if nothing were ready. */
static bool would_fit(const struct queue *queue, uint32_t count, uint32_t size)
{
    uint64_t stays_count = queue->leased_count + queue->delayed_count;
    uint64_t stays_size = queue->leased_size + queue->delayed_size;
    uint64_t count_max = queue->settings.count_max, size_max = queue->settings.size_max;
    return stays_count <= count_max && count <= count_max - stays_count && stays_size <= size_max &&
           size <= size_max - stays_size;
}

bool queue_make_room(struct queue *queue, struct stock *stock, const struct run *run, unsigned how)
{
    static const struct settlement overflow = {.how = SETTLE_OVERFLOW};
    bool from_back = how & PUSH_FRONT, is_whole = how & PUSH_WHOLE;
    struct segment *segment = from_back ? queue->back : queue->front;
    struct stretch stretch;
    /* Of frames of several sizes one may be larger than the bound, and takes nobody's place. */
    bool is_all = is_whole || run->frame_size > 0;
    uint64_t count = queue_held_count(queue) + (is_all ? run->count : 1);
    uint64_t size = queue_held_size(queue) + (is_all ? run->size : run->head.size);
    uint64_t count_max = queue->settings.count_max, size_max = queue->settings.size_max;
    /* So many go at least, for all of these to fit. */
    uint64_t count_over = count > count_max ? count - count_max : UINT32_MAX;
    uint64_t size_over = size > size_max ? size - size_max : UINT64_MAX;
    count_over = count_over < UINT32_MAX ? count_over : UINT32_MAX;
    if (!segment ||
        !would_fit(queue, is_whole ? run->count : 1, is_whole ? run->size : run->head.size))
        return false;
    if (!segment_lease(segment, from_back, (uint32_t)count_over, size_over, &stretch) &&
        !segment_lease(segment, from_back, 1, UINT64_MAX, &stretch))
        return false;
    queue_add_leased(queue, &stretch);
    queue_settle(queue, stock, segment, stretch.index, stretch.count, &overflow);
    return true;
}

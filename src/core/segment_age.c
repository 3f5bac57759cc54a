#include "base/array.h"
#include "base/bits.h"
#include "base/time.h"
#include "core/segment.h"

#include <assert.h>

/*
 * Arrival is noted once per millisecond and segment: a mark names the first message of the next
 * stretch. So a message may be taken for up to a millisecond older than it is, and never for younger.
 * Where older messages stand behind younger ones, as edits leave them, each has its own arrival noted
 * in an array.
 */

#define MARK_NS NS_PER_MS                           /* between marks, at least */
#define SEGMENT_AGE_MAX_NS (UINT32_MAX * NS_PER_US) /* what `after_us` can tell */

bool segment_is_young(const struct segment *segment, uint64_t now)
{
    return segment->count == segment->arrivals_count ||
           now - segment->arrived_ns < SEGMENT_AGE_MAX_NS;
}

static uint64_t mark_ns(const struct segment *segment, uint32_t mark)
{
    return segment->arrived_ns + segment->marks[mark].after_us * NS_PER_US;
}

/* When the last messages arrived, those that marks tell of. */
static uint64_t last_ns(const struct segment *segment)
{
    return segment->marks_count ? mark_ns(segment, segment->marks_count - 1) : segment->arrived_ns;
}

static void add_mark(struct segment *segment, uint32_t index, uint64_t now)
{
    segment->marks = array_reserve(segment->marks, &segment->marks_capacity,
                                   segment->marks_count + 1, sizeof *segment->marks);
    segment->marks[segment->marks_count++] =
        (struct mark){index, (uint32_t)((now - segment->arrived_ns) / NS_PER_US)};
}

void segment_arrive(struct segment *segment, uint32_t index, uint64_t now)
{
    if (index == segment->arrivals_count) {
        segment->arrived_ns = now - now % NS_PER_US; /* so that marks can be copied as they are */
        return;
    }
    assert(segment_is_young(segment, now));
    if (now >= last_ns(segment) + MARK_NS)
        add_mark(segment, index, now);
}

/* How many marks stand at or before message `index`. */
static uint32_t marks_until(const struct segment *segment, uint32_t index)
{
    uint32_t low = 0, high = segment->marks_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (segment->marks[middle].index <= index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t segment_arrival(const struct segment *segment, uint32_t index)
{
    if (index < segment->arrivals_count)
        return segment->arrivals[index];
    uint32_t marks = marks_until(segment, index);
    return marks ? mark_ns(segment, marks - 1) : segment->arrived_ns;
}

void segment_set_deadline(struct segment *segment, uint32_t index, uint64_t deadline)
{
    if (index >= segment->deadlines_count) {
        uint32_t count = segment->block.capacity / (FRAME_HEAD_SIZE + 1);
        count = count < 2 * (index + 1) ? count : 2 * (index + 1);
        segment->deadlines = memory_resize(segment->deadlines, count, sizeof *segment->deadlines);
        while (segment->deadlines_count < count)
            segment->deadlines[segment->deadlines_count++] = TIME_NEVER;
    }
    segment->deadlines[index] = deadline;
}

/* When message `index` expires. */
static uint64_t expiry_of(const struct segment *segment, uint32_t index, uint64_t ttl_ns)
{
    uint64_t own = index < segment->deadlines_count ? segment->deadlines[index] : TIME_NEVER;
    if (ttl_ns == TIME_NEVER)
        return own;
    uint64_t arrival = segment_arrival(segment, index);
    uint64_t queues = ttl_ns < TIME_NEVER - arrival ? arrival + ttl_ns : TIME_NEVER;
    return own < queues ? own : queues;
}

/* Up to which message each may expire before those that stand before it. */
static uint32_t disorder_end(const struct segment *segment)
{
    return segment->arrivals_count > 0 ? segment->count : segment->deadlines_count;
}

uint64_t segment_first_expiry(const struct segment *segment, uint32_t index, uint32_t count,
                              uint64_t ttl_ns)
{
    if (ttl_ns == TIME_NEVER && !segment->deadlines)
        return TIME_NEVER;
    uint64_t first = expiry_of(segment, index, ttl_ns);
    for (uint32_t i = index + 1; i < index + count && i < disorder_end(segment); i++) {
        uint64_t expiry = expiry_of(segment, i, ttl_ns);
        first = expiry < first ? expiry : first;
    }
    return first;
}

static bool is_ready(const struct segment *segment, uint32_t index)
{
    return !segment->ready_bits || bits_test(segment->ready_bits, index);
}

uint64_t segment_expiry(const struct segment *segment, uint64_t ttl_ns)
{
    uint64_t first = TIME_NEVER;
    if (segment->ready_count == 0 || (ttl_ns == TIME_NEVER && !segment->deadlines))
        return TIME_NEVER;
    if (disorder_end(segment) == 0)
        return expiry_of(segment, segment->ready_first, ttl_ns);
    for (uint32_t i = segment->ready_first; i < segment->ready_end; i++) {
        uint64_t expiry = is_ready(segment, i) ? expiry_of(segment, i, ttl_ns) : TIME_NEVER;
        first = expiry < first ? expiry : first;
    }
    return first;
}

uint64_t segment_oldest(const struct segment *segment)
{
    assert(segment->ready_count > 0);
    uint64_t oldest = segment_arrival(segment, segment->ready_first);
    for (uint32_t i = segment->ready_first; i < segment->ready_end && segment->arrivals_count > 0;
         i++) {
        uint64_t arrival = is_ready(segment, i) ? segment_arrival(segment, i) : TIME_NEVER;
        oldest = arrival < oldest ? arrival : oldest;
    }
    return oldest;
}

static bool is_expired(const struct segment *segment, uint32_t index, uint64_t ttl_ns, uint64_t now)
{
    return is_ready(segment, index) && expiry_of(segment, index, ttl_ns) <= now;
}

bool segment_find_expired(struct segment *segment, uint64_t ttl_ns, uint64_t now, uint32_t from,
                          uint32_t count_max, struct stretch *stretch)
{
    uint32_t first = from > segment->ready_first ? from : segment->ready_first;
    uint32_t end = segment->ready_end;
    while (first < end && !is_expired(segment, first, ttl_ns, now))
        first = disorder_end(segment) > 0 || !is_ready(segment, first)
                    ? first + 1
                    : end; /* the first ready one is the oldest */
    if (first >= end)
        return false;
    uint32_t behind = first + 1;
    while (behind < end && behind - first < count_max && is_expired(segment, behind, ttl_ns, now) &&
           segment_deliveries(segment, behind) == segment_deliveries(segment, first))
        behind++;
    *stretch = (struct stretch){
        .segment = segment,
        .index = first,
        .count = behind - first,
        .size = segment_size(segment, first, behind - first),
        .deliveries = segment_deliveries(segment, first),
        .is_reversed = segment->is_reversed,
    };
    return true;
}

/* How many of the messages [index, end) arrived together with the first, and when. */
static uint32_t arrived_together(const struct segment *segment, uint32_t index, uint32_t end,
                                 uint64_t *arrival)
{
    if (index < segment->arrivals_count) {
        *arrival = segment->arrivals[index];
        return 1;
    }
    uint32_t marks = marks_until(segment, index);
    *arrival = marks ? mark_ns(segment, marks - 1) : segment->arrived_ns;
    uint32_t next = marks < segment->marks_count ? segment->marks[marks].index : end;
    return (next < end ? next : end) - index;
}

/* Writes down one by one when messages arrived. */
static void put_arrivals(uint64_t *to, const struct segment *from, uint32_t index, uint32_t count)
{
    uint64_t arrival;
    uint32_t noted = index < from->arrivals_count ? from->arrivals_count - index : 0;
    noted = noted < count ? noted : count;
    if (noted > 0)
        memcpy(to, from->arrivals + index, noted * sizeof *to);
    for (uint32_t i = noted, part; i < count; i += part) {
        part = arrived_together(from, index + i, index + count, &arrival);
        for (uint32_t at = i; at < i + part; at++)
            to[at] = arrival;
    }
}

/* Notes one by one when the messages arrived, and those that are about to be appended. */
static void copy_arrivals(struct segment *to, const struct segment *from, uint32_t index,
                          uint32_t count)
{
    uint32_t noted = to->arrivals_count;
    to->arrivals = memory_resize(to->arrivals, to->count + count, sizeof *to->arrivals);
    put_arrivals(to->arrivals + noted, to, noted, to->count - noted);
    put_arrivals(to->arrivals + to->count, from, index, count);
    to->arrivals_count = to->count + count;
    to->marks_count = 0;
}

/* Whether marks can tell when these messages arrived, behind those of `to`. */
static bool are_in_order(const struct segment *to, const struct segment *from, uint32_t index,
                         uint32_t count)
{
    return index >= from->arrivals_count &&
           (to->count == to->arrivals_count ||
            (segment_arrival(from, index) >= last_ns(to) &&
             segment_arrival(from, index + count - 1) - to->arrived_ns < SEGMENT_AGE_MAX_NS));
}

static void copy_marks(struct segment *to, const struct segment *from, uint32_t index,
                       uint32_t count)
{
    uint64_t arrival;
    for (uint32_t i = 0, part; i < count; i += part) {
        part = arrived_together(from, index + i, index + count, &arrival);
        if (to->count + i == to->arrivals_count)
            to->arrived_ns = arrival;
        else if (arrival > last_ns(to))
            add_mark(to, to->count + i, arrival);
    }
}

void segment_copy_times(struct segment *to, const struct segment *from, uint32_t index,
                        uint32_t count)
{
    if (are_in_order(to, from, index, count))
        copy_marks(to, from, index, count);
    else
        copy_arrivals(to, from, index, count);
    for (uint32_t i = 0; i < count && index + i < from->deadlines_count; i++)
        if (from->deadlines[index + i] != TIME_NEVER)
            segment_set_deadline(to, to->count + i, from->deadlines[index + i]);
}

void segment_count_waits(const struct segment *segment, uint32_t index, uint32_t count,
                         uint64_t now, struct histogram *histogram)
{
    uint64_t arrival;
    for (uint32_t end = index + count, part; index < end; index += part) {
        part = arrived_together(segment, index, end, &arrival);
        histogram_add(histogram, now - arrival, part);
    }
}

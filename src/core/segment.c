#include "core/segment.h"

#include "base/array.h"
#include "base/bits.h"
#include "base/time.h"

#include <assert.h>
#include <stdlib.h>

/* Frames are at least this large, so this bounds how many a segment can hold. */
enum { FRAME_SIZE_LEAST = FRAME_HEAD_SIZE + 1 };

static uint32_t count_max_of(const struct segment *segment)
{
    return segment->block.capacity / FRAME_SIZE_LEAST;
}

size_t segment_head_size(void)
{
    return sizeof(struct segment);
}

struct segment *segment_create(struct arena *arena, size_t size)
{
    assert(size > sizeof(struct segment));
    struct arena_span *span;
    struct segment *segment = arena_alloc(arena, size, &span);
    *segment = (struct segment){
        .block =
            {
                .kind = BLOCK_SEGMENT,
                .capacity = (uint32_t)(arena_fit(size) - sizeof *segment),
                .data = (unsigned char *)(segment + 1),
                .span = span,
            },
    };
    return segment;
}

void segment_destroy(struct arena *arena, struct segment *segment)
{
    assert(segment->block.holds_count == 0);
    assert(!list_is_linked(&segment->link) && segment->timer.at == 0);
    memory_free(segment->ready_bits);
    memory_free(segment->deliveries);
    memory_free(segment->offsets);
    memory_free(segment->arrivals);
    memory_free(segment->marks);
    memory_free(segment->deadlines);
    arena_free(arena, segment, segment->block.capacity + sizeof *segment, segment->block.span);
}

uint32_t segment_offset(struct segment *segment, uint32_t index)
{
    assert(index <= segment->count);
    if (index == segment->count)
        return segment->block.used;
    if (segment->frame_size)
        return index * segment->frame_size;
    if (index >= segment->offsets_count) {
        segment->offsets = array_reserve(segment->offsets, &segment->offsets_capacity,
                                         segment->count, sizeof *segment->offsets);
        uint32_t last = segment->offsets_count;
        uint32_t offset = last ? segment->offsets[last - 1] +
                                     frame_size(segment->block.data + segment->offsets[last - 1])
                               : 0;
        for (; last < segment->count; last++) {
            segment->offsets[last] = offset;
            offset += frame_size(segment->block.data + offset);
        }
        assert(offset == segment->block.used);
        segment->offsets_count = last;
    }
    return segment->offsets[index];
}

uint32_t segment_size(struct segment *segment, uint32_t index, uint32_t count)
{
    if (segment->frame_size)
        return count * segment->frame_size;
    return segment_offset(segment, index + count) - segment_offset(segment, index);
}

const unsigned char *stretch_frame(const struct stretch *stretch, uint32_t i)
{
    assert(i < stretch->count);
    uint32_t index = stretch->index + (stretch->is_reversed ? stretch->count - 1 - i : i);
    return stretch->segment->block.data + segment_offset(stretch->segment, index);
}

struct stretch stretch_part(const struct stretch *stretch, uint32_t first, uint32_t count)
{
    assert(first + count <= stretch->count);
    struct stretch part = *stretch;
    part.index += stretch->is_reversed ? stretch->count - first - count : first;
    part.count = count;
    part.size = segment_size(part.segment, part.index, count);
    part.deliveries = segment_deliveries(part.segment, part.index);
    return part;
}

/* Gives every message a bit of its own. */
static void make_bits(struct segment *segment)
{
    if (segment->ready_bits)
        return;
    segment->ready_bits =
        memory_create(bits_words(count_max_of(segment)) * sizeof *segment->ready_bits);
    bits_fill(segment->ready_bits, segment->ready_first, segment->ready_count, true);
}

static void drop_bits(struct segment *segment)
{
    memory_free(segment->ready_bits);
    segment->ready_bits = NULL;
}

/* Adds messages of `size` bytes, none of them ready, to the ready ones. */
static void add_ready(struct segment *segment, uint32_t index, uint32_t count, uint32_t size)
{
    uint32_t end = index + count;
    if (segment->ready_count == 0) {
        segment->ready_first = index;
        segment->ready_end = end;
    } else if (!segment->ready_bits &&
               (end == segment->ready_first || index == segment->ready_end)) {
        segment->ready_first = index < segment->ready_first ? index : segment->ready_first;
        segment->ready_end = end > segment->ready_end ? end : segment->ready_end;
    } else {
        make_bits(segment);
        bits_fill(segment->ready_bits, index, count, true);
        segment->ready_first = index < segment->ready_first ? index : segment->ready_first;
        segment->ready_end = end > segment->ready_end ? end : segment->ready_end;
    }
    segment->ready_count += count;
    segment->ready_size += size;
    if (segment->ready_bits && segment->ready_count == segment->ready_end - segment->ready_first)
        drop_bits(segment);
}

/* Takes ready messages that lie together out of the ready ones. */
static void remove_ready(struct segment *segment, uint32_t index, uint32_t count)
{
    bool at_front = index == segment->ready_first, at_end = index + count == segment->ready_end;
    if (!at_front && !at_end)
        make_bits(segment);
    segment->ready_count -= count;
    segment->ready_size -= segment_size(segment, index, count);
    if (at_front)
        segment->ready_first = index + count;
    else if (at_end)
        segment->ready_end = index;
    if (!segment->ready_bits)
        return;
    bits_fill(segment->ready_bits, index, count, false);
    if (at_front)
        segment->ready_first =
            bits_find(segment->ready_bits, segment->ready_first, segment->ready_end, true);
    if (at_end)
        segment->ready_end =
            bits_find_last(segment->ready_bits, segment->ready_first, segment->ready_end, true);
    if (segment->ready_count == segment->ready_end - segment->ready_first)
        drop_bits(segment);
}

uint32_t segment_append(struct segment *segment, struct run *run, uint64_t now)
{
    struct run fits;
    if (!run_split(run, UINT32_MAX, segment->block.capacity - segment->block.used, &fits))
        return 0;
    memcpy(segment->block.data + segment->block.used, fits.data, fits.size);
    segment->block.used += fits.size;
    if (segment->count == 0)
        segment->frame_size = fits.frame_size;
    else if (segment->frame_size != fits.frame_size)
        segment->frame_size = 0;
    uint32_t index = segment->count;
    segment_arrive(segment, index, now);
    segment->count += fits.count;
    add_ready(segment, index, fits.count, fits.size);
    assert(segment->count <= count_max_of(segment));
    return fits.count;
}

uint32_t segment_deliveries(const struct segment *segment, uint32_t index)
{
    return index < segment->deliveries_count ? segment->deliveries[index] : 0;
}

uint32_t segment_count_alike(const struct segment *segment, uint32_t index, uint32_t count)
{
    uint32_t alike = 1, last = index + count - 1;
    bool from_end = segment->is_reversed;
    if (index >= segment->deliveries_count)
        return count;
    uint32_t deliveries = segment_deliveries(segment, from_end ? last : index);
    while (alike < count &&
           segment_deliveries(segment, from_end ? last - alike : index + alike) == deliveries)
        alike++;
    return alike;
}

/* Gives every message room for how often it was delivered. */
static void make_deliveries(struct segment *segment)
{
    segment->deliveries =
        memory_resize(segment->deliveries, segment->count, sizeof *segment->deliveries);
    memset(segment->deliveries + segment->deliveries_count, 0,
           (segment->count - segment->deliveries_count) * sizeof *segment->deliveries);
    segment->deliveries_count = segment->count;
}

void segment_set_deliveries(struct segment *segment, uint32_t index, uint32_t deliveries)
{
    if (index >= segment->deliveries_count)
        make_deliveries(segment);
    segment->deliveries[index] = (uint16_t)deliveries;
}

/* Shrinks [first, end) to `count_max` of the messages that are taken first. */
static void fit_count(bool from_end, uint32_t count_max, uint32_t *first, uint32_t *end)
{
    if (*end - *first <= count_max)
        return;
    if (from_end)
        *first = *end - count_max;
    else
        *end = *first + count_max;
}

/* The ready messages at one end that lie together and were delivered equally often. */
static void find_alike(const struct segment *segment, bool from_end, uint32_t count_max,
                       uint32_t *first, uint32_t *end)
{
    *first = segment->ready_first;
    *end = segment->ready_end;
    if (segment->ready_bits && from_end)
        *first = bits_find_last(segment->ready_bits, *first, *end, false);
    else if (segment->ready_bits)
        *end = bits_find(segment->ready_bits, *first, *end, false);
    fit_count(from_end, count_max, first, end);
    if (*first >= segment->deliveries_count)
        return;
    uint32_t deliveries = segment_deliveries(segment, from_end ? *end - 1 : *first), alike = 1;
    while (alike < *end - *first &&
           segment_deliveries(segment, from_end ? *end - 1 - alike : *first + alike) == deliveries)
        alike++;
    fit_count(from_end, alike, first, end);
}

/* Shrinks [first, end), at the end that is taken last, to what `size_max` bytes hold. */
static void fit_size(struct segment *segment, bool from_end, uint64_t size_max, uint32_t *first,
                     uint32_t *end)
{
    if (segment->frame_size) {
        uint64_t fit = size_max / segment->frame_size;
        fit_count(from_end, fit < UINT32_MAX ? (uint32_t)fit : UINT32_MAX, first, end);
        return;
    }
    uint32_t low = 0, high = *end - *first; /* the largest number that fits lies in [low, high] */
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        uint32_t size = segment_size(segment, from_end ? *end - middle : *first, middle);
        if (size <= size_max)
            low = middle;
        else
            high = middle - 1;
    }
    fit_count(from_end, low, first, end);
}

bool segment_lease(struct segment *segment, bool from_back, uint32_t count_max, uint64_t size_max,
                   struct stretch *stretch)
{
    if (segment->ready_count == 0 || count_max == 0)
        return false;
    uint32_t first, end;
    bool from_end = from_back != segment->is_reversed;
    find_alike(segment, from_end, count_max, &first, &end);
    fit_size(segment, from_end, size_max, &first, &end);
    if (first == end)
        return false;
    *stretch = (struct stretch){
        .segment = segment,
        .index = first,
        .count = end - first,
        .size = segment_size(segment, first, end - first),
        .deliveries = segment_deliveries(segment, first),
        .is_reversed = from_end,
    };
    remove_ready(segment, first, end - first);
    segment->leased_count += end - first;
    return true;
}

void segment_discard(struct segment *segment, uint32_t index, uint32_t count)
{
    assert(index >= segment->ready_first && index + count <= segment->ready_end);
    remove_ready(segment, index, count);
}

void segment_claim(struct segment *segment, uint32_t index, uint32_t count)
{
    segment_discard(segment, index, count);
    segment->leased_count += count;
}

void segment_settle(struct segment *segment, uint32_t index, uint32_t count)
{
    assert(index + count <= segment->count);
    assert(segment->leased_count >= count);
    segment->leased_count -= count;
}

void segment_return(struct segment *segment, uint32_t index, uint32_t count)
{
    assert(index + count <= segment->count);
    assert(segment->leased_count >= count);
    if (segment->deliveries_count < index + count)
        make_deliveries(segment);
    for (uint32_t i = index; i < index + count; i++)
        segment->deliveries[i] += segment->deliveries[i] < DELIVERIES_MAX;
    segment->leased_count -= count;
    add_ready(segment, index, count, segment_size(segment, index, count));
}

void segment_purge(struct segment *segment)
{
    drop_bits(segment);
    segment->ready_first = segment->ready_end = segment->ready_count = segment->ready_size = 0;
}

/* The first ready messages at or behind `from` that lie together; false when there are none. */
static bool next_ready(const struct segment *segment, uint32_t from, uint32_t *first, uint32_t *end)
{
    *first = from > segment->ready_first ? from : segment->ready_first;
    *end = segment->ready_end;
    if (segment->ready_bits) {
        *first = bits_find(segment->ready_bits, *first, segment->ready_end, true);
        *end = bits_find(segment->ready_bits, *first, segment->ready_end, false);
    }
    return *first < *end;
}

/* Bytes of the ready messages from `index` on. */
static uint32_t ready_size_from(struct segment *segment, uint32_t index)
{
    uint32_t size = 0, first, end = index;
    while (next_ready(segment, end, &first, &end))
        size += segment_size(segment, first, end - first);
    return size;
}

/* Appends copies of messages that lie together, with all that is known of them, as ready. */
static void append_copies(struct segment *to, struct segment *from, uint32_t first, uint32_t count)
{
    uint32_t index = to->count, size = segment_size(from, first, count);
    uint32_t alike = count > 1 ? from->frame_size : size;
    assert(size <= to->block.capacity - to->block.used);
    memcpy(to->block.data + to->block.used, from->block.data + segment_offset(from, first), size);
    to->block.used += size;
    to->frame_size = index == 0 || to->frame_size == alike ? alike : 0;
    segment_copy_times(to, from, first, count);
    to->count += count;
    for (uint32_t i = 0; i < count && first + i < from->deliveries_count; i++)
        segment_set_deliveries(to, index + i, from->deliveries[first + i]);
    add_ready(to, index, count, size);
}

static void append_from(struct segment *to, struct segment *from, uint32_t index)
{
    uint32_t first, end = index;
    while (next_ready(from, end, &first, &end))
        append_copies(to, from, first, end - first);
}

void segment_copy(struct segment *segment, struct segment *from)
{
    append_from(segment, from, 0);
}

/* Settles the ready messages from `index` on, which are those of `moved`. */
static void purge_from(struct segment *segment, uint32_t index, const struct segment *moved)
{
    segment->ready_count -= moved->ready_count;
    segment->ready_size -= moved->ready_size;
    if (segment->ready_count == 0) {
        segment_purge(segment);
    } else if (segment->ready_bits) {
        bits_fill(segment->ready_bits, index, segment->ready_end - index, false);
        segment->ready_end = bits_find_last(segment->ready_bits, segment->ready_first, index, true);
        if (segment->ready_count == segment->ready_end - segment->ready_first)
            drop_bits(segment);
    } else {
        segment->ready_end = index;
    }
}

struct segment *segment_move(struct segment *segment, struct arena *arena, uint32_t index)
{
    assert(index < segment->ready_end);
    struct segment *moved = segment_create(arena, sizeof *moved + ready_size_from(segment, index));
    moved->queue = segment->queue;
    moved->is_reversed = segment->is_reversed;
    append_from(moved, segment, index);
    purge_from(segment, index, moved);
    return moved;
}

/* The last ready messages below `until` that lie together; false when there are none. */
static bool last_ready(const struct segment *segment, uint32_t until, uint32_t *first,
                       uint32_t *end)
{
    *first = segment->ready_first;
    *end = until < segment->ready_end ? until : segment->ready_end;
    if (segment->ready_bits) {
        *end = bits_find_last(segment->ready_bits, segment->ready_first, *end, true);
        *first = bits_find_last(segment->ready_bits, segment->ready_first, *end, false);
    }
    return *first < *end;
}

bool segment_next_ready(struct segment *segment, bool from_back, uint32_t count_max, uint32_t *at,
                        struct stretch *stretch)
{
    uint32_t first, end;
    bool from_end = from_back != segment->is_reversed;
    if (count_max == 0 || !(from_end ? last_ready(segment, *at, &first, &end)
                                     : next_ready(segment, *at, &first, &end)))
        return false;
    fit_count(from_end, count_max, &first, &end);
    *at = from_end ? first : end;
    *stretch = (struct stretch){
        .segment = segment,
        .index = first,
        .count = end - first,
        .size = segment_size(segment, first, end - first),
        .deliveries = segment_deliveries(segment, first),
        .is_reversed = from_end,
    };
    return true;
}

uint32_t segment_seek(const struct segment *segment, bool from_back, uint32_t count)
{
    assert(count <= segment->ready_count);
    bool from_end = from_back != segment->is_reversed;
    uint32_t below = from_end ? segment->ready_count - count : count;
    return segment->ready_bits ? bits_skip(segment->ready_bits, segment->ready_first, below)
                               : segment->ready_first + below;
}

void segment_check(const struct segment *segment)
{
    assert(segment->block.kind == BLOCK_SEGMENT);
    assert(segment->block.used <= segment->block.capacity);
    assert(segment->count <= count_max_of(segment));
    assert(segment->ready_count + segment->leased_count <= segment->count);
    assert(segment->ready_first <= segment->ready_end && segment->ready_end <= segment->count);
    assert(segment->ready_count <= segment->ready_end - segment->ready_first);
    assert((segment->ready_count == 0) == (segment->ready_size == 0));
    assert(segment->offsets_count <= segment->count && segment->deliveries_count <= segment->count);
    assert(segment->arrivals_count <= segment->count);
    if (segment->frame_size)
        assert((uint64_t)segment->count * segment->frame_size == segment->block.used);
    if (!segment->ready_bits) {
        assert(segment->ready_count == segment->ready_end - segment->ready_first);
        return;
    }
    assert(bits_count(segment->ready_bits, 0, segment->count) == segment->ready_count);
    assert(bits_test(segment->ready_bits, segment->ready_first));
    assert(bits_test(segment->ready_bits, segment->ready_end - 1));
}

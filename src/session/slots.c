#include "session/slots.h"

#include "base/array.h"

#include <assert.h>
#include <stdlib.h>

enum { CAPACITY_IDLE_MAX = 64 };

void slots_finish(struct slots *slots)
{
    memory_free(slots->ring);
    *slots = (struct slots){0};
}

static struct slot *slot_at(const struct slots *slots, size_t at)
{
    return &slots->ring[(slots->first + at) & (slots->capacity - 1)];
}

static bool is_settled(const struct slot *slot)
{
    return slot->settled_count == slot->count;
}

/* Joins neighbours that are settled behind a slot that waits: nothing more is to be known of them.
 */
static void join(struct slots *slots)
{
    size_t kept = 0;
    for (size_t i = 0; i < slots->count; i++) {
        const struct slot *slot = slot_at(slots, i);
        struct slot *last = kept > 0 ? slot_at(slots, kept - 1) : NULL;
        if (last && is_settled(last) && is_settled(slot) &&
            last->count <= UINT32_MAX - slot->count) {
            last->count += slot->count;
            last->settled_count += slot->count;
        } else {
            *slot_at(slots, kept++) = *slot;
        }
    }
    slots->count = kept;
}

/* Makes room for one more. */
static void reserve(struct slots *slots)
{
    if (slots->count < slots->capacity)
        return;
    join(slots);
    if (slots->count >= slots->capacity / 2)
        slots->ring =
            ring_double(slots->ring, &slots->first, &slots->capacity, sizeof *slots->ring);
}

struct slot *slots_put(struct slots *slots, uint64_t first, uint32_t count)
{
    reserve(slots);
    struct slot *slot = slot_at(slots, slots->count++);
    *slot = (struct slot){.first = first, .count = count};
    return slot;
}

/* The place of the slot that holds frame `number`. */
static size_t find(const struct slots *slots, uint64_t number)
{
    size_t low = 0, high = slots->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slot_at(slots, middle)->first + slot_at(slots, middle)->count <= number)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low < slots->count && slot_at(slots, low)->first <= number);
    return low;
}

/* Cuts the slot at `at` in two, of which the first has `count` frames. There is room for one more.
 */
static void cut(struct slots *slots, size_t at, uint32_t count)
{
    slots->count++;
    for (size_t i = slots->count - 1; i > at + 1; i--)
        *slot_at(slots, i) = *slot_at(slots, i - 1);
    struct slot *slot = slot_at(slots, at), *rest = slot_at(slots, at + 1);
    assert(count < slot->count && slot->settled_count <= count);
    *rest = *slot;
    rest->first += count;
    rest->count -= count;
    rest->settled_count = 0;
    slot->count = count;
}

struct slot *slots_at(struct slots *slots, uint64_t number)
{
    size_t at = find(slots, number);
    const struct slot *slot = slot_at(slots, at);
    if (number == slot->first + slot->settled_count)
        return slot_at(slots, at);
    reserve(slots);
    at = find(slots, number);
    cut(slots, at, (uint32_t)(number - slot_at(slots, at)->first));
    return slot_at(slots, at + 1);
}

void slots_settle(struct slots *slots, struct slot *slot, uint32_t count)
{
    assert(count <= slot->count - slot->settled_count);
    slot->settled_count += count;
    while (slots->count > 0 && is_settled(slot_at(slots, 0))) {
        slots->first = (slots->first + 1) & (slots->capacity - 1);
        slots->count--;
    }
    if (slots->count == 0 && slots->capacity > CAPACITY_IDLE_MAX)
        slots_finish(slots);
}

uint64_t slots_settled(const struct slots *slots, uint64_t last)
{
    if (slots->count == 0)
        return last;
    const struct slot *oldest = slot_at(slots, 0);
    return oldest->first + oldest->settled_count - 1;
}

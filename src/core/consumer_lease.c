#include "base/array.h"
#include "base/bits.h"
#include "base/time.h"
#include "core/consumer.h"

#include <assert.h>

static struct lease *lease_at(const struct consumer *consumer, size_t at)
{
    return &consumer->leases[(consumer->leases_first + at) & (consumer->leases_capacity - 1)];
}

static void pop_settled(struct consumer *consumer)
{
    while (consumer->leases_count > 0 && lease_at(consumer, 0)->left_count == 0) {
        memory_free(lease_at(consumer, 0)->settled_bits);
        consumer->leases_first = (consumer->leases_first + 1) & (consumer->leases_capacity - 1);
        consumer->leases_count--;
    }
}

/* Forgets leases of which nothing is left behind one that lives on. */
static void leases_squeeze(struct consumer *consumer)
{
    size_t kept = 0;
    for (size_t i = 0; i < consumer->leases_count; i++) {
        if (lease_at(consumer, i)->left_count > 0)
            *lease_at(consumer, kept++) = *lease_at(consumer, i);
        else
            memory_free(lease_at(consumer, i)->settled_bits);
    }
    consumer->leases_count = kept;
}

/* Makes room for one more. */
static void leases_reserve(struct consumer *consumer)
{
    if (consumer->leases_count < consumer->leases_capacity)
        return;
    leases_squeeze(consumer);
    if (consumer->leases_count >= consumer->leases_capacity / 2)
        consumer->leases = ring_double(consumer->leases, &consumer->leases_first,
                                       &consumer->leases_capacity, sizeof *consumer->leases);
}

/* When a lease is over that began at `at`. */
static uint64_t end_of(const struct consumer *consumer, uint64_t at)
{
    uint64_t lease_max = consumer->queue->settings.lease_max_ms;
    uint64_t span = lease_max ? ns_of_ms(lease_max) : TIME_NEVER;
    return span < TIME_NEVER - at ? at + span : TIME_NEVER;
}

void consumer_lease(struct consumer *consumer, const struct stretch *stretch, uint64_t now)
{
    if (consumer->timer.at == 0)
        timers_set(&consumer->queue->leases, &consumer->timer, end_of(consumer, now));
    consumer->leased_count += stretch->count;
    struct lease *last =
        consumer->leases_count ? lease_at(consumer, consumer->leases_count - 1) : NULL;
    if (last && last->began == now && last->segment == stretch->segment && !last->settled_bits &&
        last->left_count > 0 && last->tag_first + last->count == consumer->tag_next &&
        !last->is_reversed && !stretch->is_reversed &&
        last->index + last->count == stretch->index) {
        last->count += stretch->count;
        last->left_count += stretch->count;
        return;
    }
    leases_reserve(consumer);
    *lease_at(consumer, consumer->leases_count++) = (struct lease){
        .tag_first = consumer->tag_next,
        .segment = stretch->segment,
        .index = stretch->index,
        .count = stretch->count,
        .left_count = stretch->count,
        .is_reversed = stretch->is_reversed,
        .began = now,
        .at = now,
    };
}

/* Finds the first places in [*from, *end) of a lease that lie together and are left. */
static bool find_left(const struct lease *lease, uint32_t *from, uint32_t *end)
{
    if (lease->left_count == 0)
        return false;
    if (lease->settled_bits) {
        *from = bits_find(lease->settled_bits, *from, *end, false);
        *end = bits_find(lease->settled_bits, *from, *end, true);
    }
    return *from < *end;
}

/* Finds the last such places. */
static bool find_last_left(const struct lease *lease, uint32_t *from, uint32_t *end)
{
    if (lease->left_count == 0)
        return false;
    if (lease->settled_bits) {
        *end = bits_find_last(lease->settled_bits, *from, *end, false);
        *from = bits_find_last(lease->settled_bits, *from, *end, true);
    }
    return *from < *end;
}

/* Settles such places. */
static void settle_places(struct consumer *consumer, struct stock *stock, const struct lease *lease,
                          uint32_t from, uint32_t end, const struct settlement *settlement)
{
    struct settlement one = *settlement;
    one.to_back = consumer->from_back;
    if (one.how == SETTLE_ACKNOWLEDGE && consumer->queue->times)
        histogram_add(&consumer->queue->times->worked, stock->now - lease->began, end - from);
    uint32_t index = lease->index + (lease->is_reversed ? lease->count - end : from);
    queue_settle(consumer->queue, stock, lease->segment, index, end - from, &one);
}

/* Settles the left ones among the places [from, end) of a lease, stretch by stretch in the order of
 * the queue; returns how many. */
static uint32_t settle_left(struct consumer *consumer, struct stock *stock,
                            const struct lease *lease, uint32_t from, uint32_t end,
                            const struct settlement *settlement)
{
    uint32_t settled = 0, first = from, last = end;
    while (consumer->from_back ? find_last_left(lease, &first, &last)
                               : find_left(lease, &first, &last)) {
        settle_places(consumer, stock, lease, first, last, settlement);
        settled += last - first;
        end = consumer->from_back ? first : end;
        from = consumer->from_back ? from : last;
        first = from;
        last = end;
    }
    return settled;
}

/* Notes that the places [from, from + count) of a lease are settled, `settled` of them now. */
static void mark_settled(struct lease *lease, uint32_t from, uint32_t count, uint32_t settled)
{
    lease->left_count -= settled;
    if (lease->left_count == 0)
        return;
    if (!lease->settled_bits && from == 0) { /* the usual case: from the front, in order */
        lease->tag_first += count;
        lease->index += lease->is_reversed ? 0 : count;
        lease->count -= count;
        return;
    }
    if (!lease->settled_bits)
        lease->settled_bits = memory_create(bits_words(lease->count) * sizeof *lease->settled_bits);
    bits_fill(lease->settled_bits, from, count, true);
}

/* The place of the first lease that ends behind `tag`. */
static size_t lease_find(const struct consumer *consumer, uint64_t tag)
{
    size_t low = 0, high = consumer->leases_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct lease *lease = lease_at(consumer, middle);
        if (lease->tag_first + lease->count <= tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many leases from place `first` on begin before `end`. */
static size_t leases_until(const struct consumer *consumer, size_t first, uint64_t end)
{
    size_t at = first;
    while (at < consumer->leases_count && lease_at(consumer, at)->tag_first < end)
        at++;
    return at - first;
}

/* The places of such a lease whose tags lie in [tag, end). */
static void places_of(const struct lease *lease, uint64_t tag, uint64_t end, uint32_t *from,
                      uint32_t *to)
{
    uint64_t reach = end - lease->tag_first;
    *from = tag > lease->tag_first ? (uint32_t)(tag - lease->tag_first) : 0;
    *to = reach < lease->count ? (uint32_t)reach : lease->count;
}

uint64_t consumer_settle(struct consumer *consumer, struct stock *stock, uint64_t tag,
                         uint32_t count, const struct settlement *settlement)
{
    uint64_t settled = 0, end = tag > UINT64_MAX - count ? UINT64_MAX : tag + count;
    size_t first = lease_find(consumer, tag), leases = leases_until(consumer, first, end);
    uint32_t from, to;
    for (size_t i = 0; i < leases; i++) {
        /* In the order of the queue, in which what returns with a delay comes back. */
        size_t at = first + (consumer->from_back ? leases - 1 - i : i);
        struct lease *lease = lease_at(consumer, at);
        places_of(lease, tag, end, &from, &to);
        uint32_t part = settle_left(consumer, stock, lease, from, to, settlement);
        if (part > 0)
            mark_settled(lease, from, to - from, part);
        settled += part;
    }
    consumer->leased_count -= settled;
    pop_settled(consumer);
    return settled;
}

uint64_t consumer_settle_all(struct consumer *consumer, struct stock *stock,
                             const struct settlement *settlement)
{
    uint64_t settled = 0;
    if (consumer->leased_count > 0)
        for (uint64_t tag = lease_at(consumer, 0)->tag_first; tag < consumer->tag_next;
             tag += UINT32_MAX)
            settled += consumer_settle(consumer, stock, tag, UINT32_MAX, settlement);
    assert(consumer->leased_count == 0 && consumer->leases_count == 0);
    return settled;
}

/* How many of the places [from, end) are left. */
static uint32_t count_left(const struct lease *lease, uint32_t from, uint32_t end)
{
    if (lease->left_count == 0 || !lease->settled_bits)
        return lease->left_count ? end - from : 0;
    return end - from - bits_count(lease->settled_bits, from, end - from);
}

uint64_t consumer_touch(struct consumer *consumer, struct stock *stock, uint64_t tag,
                        uint32_t count)
{
    uint64_t touched = 0, end = tag > UINT64_MAX - count ? UINT64_MAX : tag + count;
    size_t first = lease_find(consumer, tag), leases = leases_until(consumer, first, end);
    uint32_t from, to;
    for (size_t i = 0; i < leases; i++) {
        struct lease *lease = lease_at(consumer, first + i);
        places_of(lease, tag, end, &from, &to);
        uint32_t left = count_left(lease, from, to);
        touched += left;
        lease->at = left > 0 ? stock->now : lease->at;
        consumer->is_touched |= left > 0;
    }
    return touched;
}

uint64_t consumer_oldest(const struct consumer *consumer)
{
    uint64_t oldest = TIME_NEVER;
    for (size_t i = 0; i < consumer->leases_count; i++) {
        const struct lease *lease = lease_at(consumer, i);
        if (lease->left_count > 0 && lease->at < oldest)
            oldest = lease->at;
        if (oldest != TIME_NEVER && !consumer->is_touched)
            break;
    }
    return oldest;
}

void consumer_watch(struct consumer *consumer)
{
    consumer->is_touched &= consumer->leases_count > 0;
    uint64_t oldest = consumer_oldest(consumer);
    timers_set(&consumer->queue->leases, &consumer->timer,
               oldest == TIME_NEVER ? TIME_NEVER : end_of(consumer, oldest));
}

bool consumer_lose(struct consumer *consumer, struct stock *stock, size_t *at, uint64_t *tag,
                   uint32_t *count)
{
    for (; *at < consumer->leases_count; ++*at) {
        struct lease *lease = lease_at(consumer, *at);
        uint32_t from = 0, end = lease->count;
        bool is_over = end_of(consumer, lease->at) <= stock->now;
        if (lease->left_count > 0 && !is_over && !consumer->is_touched)
            break;
        if (!is_over || !find_left(lease, &from, &end))
            continue;
        *tag = lease->tag_first + from;
        *count = end - from;
        settle_places(consumer, stock, lease, from, end,
                      &(struct settlement){.how = SETTLE_RETURN});
        mark_settled(lease, from, *count, *count);
        consumer->leased_count -= *count;
        return true;
    }
    pop_settled(consumer);
    consumer_watch(consumer);
    return false;
}

void consumer_check_leases(const struct consumer *consumer)
{
    uint64_t left = 0, tag = 0;
    for (size_t i = 0; i < consumer->leases_count; i++) {
        const struct lease *lease = lease_at(consumer, i);
        assert(lease->tag_first >= tag && lease->count >= lease->left_count);
        if (lease->left_count > 0) {
            assert(lease->segment->queue == consumer->queue);
            assert(lease->index + lease->count <= lease->segment->count);
        }
        tag = lease->tag_first + lease->count;
        left += lease->left_count;
    }
    assert(tag <= consumer->tag_next && left == consumer->leased_count);
}

#include "core/bench.h"

#include "base/time.h"
#include "check.h"
#include "core/frames.h"
#include "seed.h"

#include <stdio.h>

static const uint64_t START = 1000 * NS_PER_S, MS = NS_PER_MS;

static struct random seed;

/* A queue at START whose messages wait `ttl_ms` at most. */
static void open(struct bench *bench, uint64_t ttl_ms)
{
    bench_open(bench);
    bench->stock.now = START;
    bench->queue->settings.ttl_ms = ttl_ms;
}

static void expect_counts(const struct bench *bench, uint64_t ready, uint64_t delayed,
                          uint64_t expired)
{
    assert_int_equal(bench->queue->ready_count, ready);
    assert_int_equal(bench->queue->delayed_count, delayed);
    assert_int_equal(bench->queue->counters.settled[SETTLE_EXPIRE], expired);
}

static void a_delayed_message_is_ready_when_it_is_due_and_not_before(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    assert_int_equal(bench_push_headed(&b, "delay=5", "a"), 1);
    expect_counts(&b, 0, 1, 0);
    assert_true(queue_age_due(b.queue) == START + 5 * MS);
    bench_age(&b, START + 5 * MS - 1);
    expect_counts(&b, 0, 1, 0);
    assert_int_equal(bench_lease(&b, false, ALL).count, 0);
    bench_age(&b, START + 5 * MS);
    expect_counts(&b, 1, 0, 0);
    assert_true(queue_age_due(b.queue) == TIME_NEVER);
    bench_take(&b, false, ALL, "a");
    bench_close(&b);
}

static void what_is_delayed_by_nothing_is_ready_at_once(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push_headed(&b, "delay=0", "a");
    expect_counts(&b, 1, 0, 0);
    bench_close(&b);
}

static void the_longest_delay_ends_before_never(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push_headed(&b, "delay=18446744073709551615", "a");
    bench_push_headed(&b, "delay=18446744073709", "b");
    assert_int_equal(b.queue->delayed_count, 2);
    bench_age(&b, TIME_NEVER - 2);
    expect_counts(&b, 0, 2, 0);
    bench_age(&b, TIME_NEVER - 1);
    expect_counts(&b, 2, 0, 0);
    bench_close(&b);
}

static void what_falls_due_goes_behind_what_is_ready_in_the_order_it_came(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push_headed(&b, "delay=5", "a");
    bench_push_headed(&b, "delay=3", "b");
    bench_push_headed(&b, "delay=5", "c");
    bench_push(&b, "d");
    bench_age(&b, START + 9 * MS);
    bench_push(&b, "e");
    bench_take(&b, true, 1, "e");
    bench_take(&b, false, 1, "d");
    bench_take(&b, false, ALL, "b a c");
    bench_close(&b);
}

static void what_is_delayed_counts_towards_the_bound(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    b.queue->settings.count_max = 2;
    bench_push_headed(&b, "delay=5", "a");
    assert_int_equal(bench_push(&b, "b c"), 1);
    assert_int_equal(bench_push_headed(&b, "delay=5", "d"), 0);
    b.queue->settings.count_max = 9;
    b.queue->settings.size_max = queue_held_size(b.queue) + 10;
    assert_int_equal(bench_push(&b, "c:11"), 0);
    assert_int_equal(bench_push(&b, "c:10"), 1);
    bench_close(&b);
}

static void what_comes_back_late_is_at_the_front_in_order(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push(&b, "a b c d");
    bench_return(&b, bench_lease(&b, false, 3), 5 * MS, false);
    expect_counts(&b, 1, 3, 0);
    assert_int_equal(b.queue->counters.settled[SETTLE_RETURN], 3);
    bench_age(&b, START + 5 * MS);
    for (int i = 0; i < 3; i++) {
        struct stretch one = bench_lease(&b, false, 1);
        assert_int_equal(one.deliveries, 1);
        bench_expect(one, (const char *[]){"a", "b", "c"}[i]);
        bench_settle(&b, one, SETTLE_ACKNOWLEDGE);
    }
    bench_take(&b, false, ALL, "d");
    bench_close(&b);
}

static void what_was_taken_from_the_back_comes_back_late_there_in_order(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push(&b, "a b c d");
    bench_return(&b, bench_lease(&b, true, 3), 5 * MS, true);
    bench_age(&b, START + 5 * MS);
    bench_take(&b, true, 1, "d");
    bench_take(&b, true, 1, "c");
    bench_take(&b, false, 1, "a");
    bench_take(&b, false, ALL, "b");
    bench_close(&b);
}

/* Its headers ask for a delay of the push, not of what comes after. */
static void what_comes_back_at_once_is_not_delayed_again(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push_headed(&b, "delay=5", "a");
    bench_age(&b, START + 5 * MS);
    bench_settle(&b, bench_lease(&b, false, 1), SETTLE_RETURN);
    expect_counts(&b, 1, 0, 0);
    bench_close(&b);
}

static void deliveries_stop_counting_at_their_most_over_a_delay_too(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push(&b, "a");
    segment_set_deliveries(b.queue->front, 0, DELIVERIES_MAX);
    bench_return(&b, bench_lease(&b, false, 1), 5 * MS, false);
    bench_age(&b, START + 5 * MS);
    struct stretch again = bench_lease(&b, false, 1);
    assert_int_equal(again.deliveries, DELIVERIES_MAX);
    bench_settle(&b, again, SETTLE_ACKNOWLEDGE);
    bench_close(&b);
}

static void purging_discards_what_is_delayed_as_well(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push(&b, "a");
    bench_push_headed(&b, "delay=5", "b");
    assert_int_equal(queue_purge(b.queue, &b.stock), 2);
    queue_check(b.queue);
    assert_int_equal(b.queue->counters.purged, 2);
    assert_true(queue_age_due(b.queue) == TIME_NEVER && queue_is_unused(b.queue));
    bench_close(&b);
}

static void a_queue_with_delayed_messages_is_not_unused(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push_headed(&b, "delay=5", "b");
    assert_false(queue_is_unused(b.queue));
    bench_close(&b);
}

static void a_message_expires_when_it_has_waited_as_long_as_its_queue_says(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 5);
    bench_push(&b, "a b");
    assert_true(queue_age_due(b.queue) == START + 5 * MS);
    bench_age(&b, START + 5 * MS - 1);
    expect_counts(&b, 2, 0, 0);
    bench_age(&b, START + 5 * MS);
    expect_counts(&b, 0, 0, 2);
    assert_int_equal(bench_segments(&b), 0);
    assert_true(queue_age_due(b.queue) == TIME_NEVER);
    bench_close(&b);
}

static void of_its_own_ttl_and_the_queues_the_shorter_counts(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 5);
    bench_push_headed(&b, "ttl=9", "a");
    bench_push_headed(&b, "ttl=3", "b");
    bench_push(&b, "c");
    bench_age(&b, START + 3 * MS);
    expect_counts(&b, 2, 0, 1);
    bench_take(&b, false, 1, "a");
    assert_true(queue_age_due(b.queue) <= START + 5 * MS);
    bench_age(&b, START + 5 * MS);
    expect_counts(&b, 0, 0, 2);
    bench_close(&b);
}

static void without_a_ttl_of_the_queue_only_those_with_their_own_expire(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push(&b, "a");
    bench_push_headed(&b, "ttl=3", "b");
    bench_push(&b, "c");
    bench_age(&b, START + 1000 * MS);
    expect_counts(&b, 2, 0, 1);
    bench_take(&b, false, 1, "a");
    bench_take(&b, false, 1, "c");
    bench_close(&b);
}

static void the_longest_ttl_never_ends(void **state)
{
    (void)state;
    struct bench b;
    open(&b, UINT64_MAX);
    bench_push(&b, "a");
    bench_push_headed(&b, "ttl=18446744073709551615", "b");
    bench_push_headed(&b, "ttl=18446744073708", "c");
    assert_true(queue_age_due(b.queue) == TIME_NEVER);
    bench_age(&b, TIME_NEVER - 1);
    expect_counts(&b, 3, 0, 0);
    bench_close(&b);
}

static void what_was_delayed_waits_from_when_it_fell_due(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push_headed(&b, "delay=5 ttl=3", "a");
    bench_age(&b, START + 5 * MS);
    expect_counts(&b, 1, 0, 0);
    bench_age(&b, START + 8 * MS - 1);
    expect_counts(&b, 1, 0, 0);
    bench_age(&b, START + 8 * MS);
    expect_counts(&b, 0, 0, 1);
    bench_close(&b);
}

static void what_is_leased_does_not_expire_until_it_comes_back(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 5);
    bench_push(&b, "a b c");
    struct stretch taken = bench_lease(&b, false, 2);
    bench_age(&b, START + 9 * MS);
    expect_counts(&b, 0, 0, 1);
    bench_settle(&b, taken, SETTLE_RETURN);
    expect_counts(&b, 2, 0, 1);
    assert_true(queue_age_due(b.queue) <= START + 9 * MS);
    bench_age(&b, START + 9 * MS);
    expect_counts(&b, 0, 0, 3);
    bench_close(&b);
}

/* The segment stays for the slice alone. */
static void what_expires_under_a_slice_leaves_its_bytes(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 5);
    bench_push(&b, "a b");
    struct stretch a = bench_lease(&b, false, 1);
    bench_hold(a);
    bench_settle(&b, a, SETTLE_ACKNOWLEDGE);
    bench_age(&b, START + 9 * MS);
    expect_counts(&b, 0, 0, 1);
    bench_expect(a, "a");
    bench_release(&b, a);
    assert_int_equal(b.arena.size, 0);
    bench_close(&b);
}

/* Settings that give a time to live, or none. */
static void configure(struct bench *bench, uint64_t ttl_ms)
{
    struct queue_settings settings = queue_settings_default();
    settings.ttl_ms = ttl_ms;
    settings.dead_letter = bytes_text("");
    queue_configure(bench->queue, &settings);
    queue_check(bench->queue);
}

static void a_new_ttl_holds_for_what_waits_already(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push(&b, "a");
    bench_push(&b, "b:300");
    assert_true(queue_age_due(b.queue) == TIME_NEVER);
    configure(&b, 100);
    assert_true(queue_age_due(b.queue) == START + 100 * MS);
    configure(&b, 7);
    assert_true(queue_age_due(b.queue) == START + 7 * MS);
    bench_age(&b, START + 7 * MS - 1);
    configure(&b, 0);
    assert_true(queue_age_due(b.queue) == TIME_NEVER);
    bench_age(&b, START + 1000 * MS);
    expect_counts(&b, 2, 0, 0);
    configure(&b, 1000);
    bench_age(&b, START + 1000 * MS);
    expect_counts(&b, 0, 0, 2);
    bench_close(&b);
}

static void so_many_fall_due_at_once_and_the_rest_next_time(void **state)
{
    (void)state;
    enum { COUNT = 2 * AGED_MAX + 100 };
    struct bench b;
    open(&b, 0);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(bench_push_headed(&b, "delay=5", "a"), 1);
    bench_age(&b, START + 5 * MS);
    expect_counts(&b, AGED_MAX, COUNT - AGED_MAX, 0);
    assert_true(queue_age_due(b.queue) <= START + 5 * MS);
    bench_age(&b, START + 5 * MS);
    bench_age(&b, START + 5 * MS);
    expect_counts(&b, COUNT, 0, 0);
    assert_true(queue_age_due(b.queue) == TIME_NEVER);
    bench_close(&b);
}

static void so_many_expire_at_once_and_the_rest_next_time(void **state)
{
    (void)state;
    enum { COUNT = 2 * AGED_MAX + 100 };
    struct bench b;
    open(&b, 5);
    bench_push_alike(&b, COUNT - 50, 100);
    for (int i = 0; i < 50; i++)
        bench_push_headed(&b, "delay=5", "a");
    bench_age(&b, START + 5 * MS);
    expect_counts(&b, COUNT - AGED_MAX + 50, 0, AGED_MAX - 50);
    assert_true(queue_age_due(b.queue) <= START + 5 * MS);
    bench_age(&b, START + 5 * MS);
    bench_age(&b, START + 5 * MS);
    expect_counts(&b, 50, 0, COUNT - 50);
    bench_close(&b);
}

static void a_compact_segment_keeps_times_and_deliveries(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 500);
    bench_push(&b, "first");
    bench_take(&b, false, 1, "first");
    bench_push_alike(&b, 990, 100); /* a large segment */
    b.stock.now += 10 * MS;
    bench_push(&b, "y");
    bench_push_headed(&b, "ttl=100", "z");
    struct segment *before = b.queue->front;
    bench_settle(&b, bench_lease(&b, true, 2), SETTLE_RETURN);
    bench_settle(&b, bench_lease(&b, false, 990), SETTLE_ACKNOWLEDGE);
    assert_ptr_not_equal(b.queue->front, before); /* it has moved */
    assert_int_equal(b.queue->front->count, 2);
    assert_int_equal(segment_deliveries(b.queue->front, 0), 1);
    assert_true(segment_arrival(b.queue->front, 0) == START + 10 * MS);
    assert_true(queue_age_due(b.queue) == START + 110 * MS);
    bench_age(&b, START + 110 * MS);
    expect_counts(&b, 1, 0, 1);
    bench_age(&b, START + 510 * MS - 1);
    expect_counts(&b, 1, 0, 1);
    bench_age(&b, START + 510 * MS);
    expect_counts(&b, 0, 0, 2);
    bench_close(&b);
}

static void the_oldest_is_found_wherever_it_lies(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    assert_true(queue_oldest(b.queue) == TIME_NEVER);
    bench_push(&b, "a b");
    b.stock.now += 10 * MS;
    bench_push(&b, "c:3000");
    bench_return(&b, bench_lease(&b, false, 1), 5 * MS, false);
    bench_age(&b, START + 20 * MS); /* a is at the front, and the youngest */
    assert_true(queue_oldest(b.queue) == START);
    bench_take(&b, false, ALL, "a");
    bench_take(&b, false, ALL, "b");
    assert_true(queue_oldest(b.queue) == START + 10 * MS);
    struct stretch c = bench_lease(&b, false, 1);
    assert_true(queue_oldest(b.queue) == TIME_NEVER);
    bench_settle(&b, c, SETTLE_ACKNOWLEDGE);
    bench_close(&b);
}

static void how_long_messages_waited_is_counted_when_they_are_delivered(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push(&b, "a b");
    b.stock.now += 10 * MS;
    bench_push(&b, "c");
    b.stock.now += 20 * MS;
    assert_null(b.queue->times);
    struct stretch all = bench_lease(&b, false, ALL);
    const struct histogram *waited = &b.queue->times->waited;
    assert_int_equal(waited->count, 3);
    assert_int_equal(waited->max_us, 30000);
    assert_in_range(histogram_quantile_us(waited, 333), 20000, 25000);
    bench_settle(&b, all, SETTLE_ACKNOWLEDGE);
    bench_close(&b);
}

/* A segment with messages that came at these times, more or less. */
static void arrivals_are_told_to_a_millisecond_and_never_too_late(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static uint64_t arrived[COUNT];
    struct arena arena;
    arena_init(&arena);
    struct segment *segment = segment_create(&arena, SEGMENT_SIZE_MAX);
    struct run one = frames_run(OP_PUSH, "q", "a");
    uint64_t now = START;
    for (int i = 0; i < COUNT; i++) {
        struct run run = one;
        now += random_below(&seed, random_below(&seed, 4) ? MS / 2 : 3 * MS);
        arrived[i] = now;
        assert_int_equal(segment_append(segment, &run, now), 1);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t told = segment_arrival(segment, i);
        assert_true(told <= arrived[i] && arrived[i] - told < MS);
    }
    assert_true(segment->marks_count > 100 && segment->marks_count < COUNT);
    frames_free(&one);
    segment_purge(segment);
    segment_destroy(&arena, segment);
    arena_finish(&arena);
}

/* Past what a mark can tell, the next segment begins. */
static void a_segment_takes_nothing_an_hour_after_its_first_message(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 0);
    bench_push(&b, "a");
    b.stock.now = START + UINT32_MAX * NS_PER_US - 1;
    bench_push(&b, "b");
    assert_int_equal(bench_segments(&b), 1);
    assert_true(b.stock.now - segment_arrival(b.queue->front, 1) < MS);
    b.stock.now++;
    bench_push(&b, "c");
    assert_int_equal(bench_segments(&b), 2);
    assert_true(segment_arrival(b.queue->back, 0) == b.stock.now);
    bench_close(&b);
}

/* What is true of each message, by its number. */
enum { MESSAGES = 3000, TTL_MS = 40, LEASES = 8 };

struct life {
    uint64_t arrived, own; /* when it became ready first, and its own deadline or TIME_NEVER */
    bool is_ready;
};

struct crowd {
    struct life lives[MESSAGES];
    uint32_t count;
    struct stretch leases[LEASES];
};

static uint32_t number_of(const struct stretch *stretch, uint32_t i)
{
    const unsigned char *frame =
        stretch->segment->block.data + segment_offset(stretch->segment, stretch->index + i);
    return load_u32(frame + frame_size(frame) - 4);
}

static void push_number(struct bench *bench, struct crowd *crowd)
{
    bool has_ttl = random_below(&seed, 3) == 0;
    uint64_t ttl = 1 + random_below(&seed, 60);
    char headers[32] = "x-a=b";
    struct life life = {bench->stock.now, TIME_NEVER, true};
    if (has_ttl) {
        snprintf(headers, sizeof headers, "ttl=%lu", ttl);
        life.own = bench->stock.now + ttl * MS;
    }
    struct run run = frames_headed(OP_PUSH, "q", headers, "####");
    if (!has_ttl && random_below(&seed, 2)) {
        frames_free(&run);
        run = frames_run(OP_PUSH, "q", "####");
    }
    store_u32((unsigned char *)run.data + run.size - 4, crowd->count);
    crowd->lives[crowd->count++] = life;
    assert_int_equal(bench_push_run(bench, run), 1);
    frames_free(&run);
}

/* Leases, or settles what is leased. */
static void work(struct bench *bench, struct crowd *crowd, struct stretch *lease)
{
    bool is_leased = lease->count > 0, is_returned = random_below(&seed, 2);
    if (!is_leased)
        *lease = bench_lease(bench, random_below(&seed, 2), 1 + (uint32_t)random_below(&seed, 9));
    for (uint32_t i = 0; i < lease->count; i++)
        crowd->lives[number_of(lease, i)].is_ready = is_leased && is_returned;
    if (is_leased) {
        bench_settle(bench, *lease, is_returned ? SETTLE_RETURN : SETTLE_ACKNOWLEDGE);
        lease->count = 0;
    }
}

/* Sees that those are ready whose time is not over, and no others: of those whose time by their
 * queue is over within the next millisecond nothing is said. */
static void expect_ready(const struct bench *bench, struct crowd *crowd)
{
    static bool is_seen[MESSAGES];
    uint64_t now = bench->stock.now, ttl = bench->queue->settings.ttl_ms * MS;
    memset(is_seen, 0, sizeof is_seen);
    const struct list *head = &bench->queue->segments;
    for (const struct list *link = head->next; link != head; link = link->next) {
        struct segment *segment = list_entry(link, struct segment, link);
        struct stretch one;
        for (uint32_t at = segment_edge(segment, false);
             segment_next_ready(segment, false, 1, &at, &one);)
            is_seen[number_of(&one, 0)] = true;
    }
    for (uint32_t i = 0; i < crowd->count; i++) {
        struct life *life = &crowd->lives[i];
        bool is_over = life->own <= now || life->arrived + ttl <= now;
        bool may_be_over = is_over || life->arrived + ttl < now + MS;
        if (is_seen[i])
            assert_true(life->is_ready && !is_over);
        else if (life->is_ready)
            assert_true(may_be_over);
        life->is_ready = is_seen[i];
    }
}

static void messages_expire_in_their_time_whatever_becomes_of_their_neighbours(void **state)
{
    (void)state;
    static struct crowd crowd;
    for (int round = 0; round < 5; round++) {
        struct bench b;
        open(&b, TTL_MS);
        crowd = (struct crowd){.count = 0};
        for (int step = 0; step < 6000; step++) {
            if (crowd.count < MESSAGES && random_below(&seed, 2))
                push_number(&b, &crowd);
            else if (random_below(&seed, 3) == 0)
                work(&b, &crowd, &crowd.leases[random_below(&seed, LEASES)]);
            if (random_below(&seed, 30) == 0) {
                bench_age(&b, b.stock.now + random_below(&seed, 3 * MS));
                expect_ready(&b, &crowd);
            }
        }
        assert_true(b.queue->counters.settled[SETTLE_EXPIRE] > 50);
        for (int i = 0; i < LEASES; i++)
            if (crowd.leases[i].count > 0)
                bench_settle(&b, crowd.leases[i], SETTLE_ACKNOWLEDGE);
        bench_close(&b);
    }
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delayed_message_is_ready_when_it_is_due_and_not_before),
        cmocka_unit_test(what_is_delayed_by_nothing_is_ready_at_once),
        cmocka_unit_test(the_longest_delay_ends_before_never),
        cmocka_unit_test(what_falls_due_goes_behind_what_is_ready_in_the_order_it_came),
        cmocka_unit_test(what_is_delayed_counts_towards_the_bound),
        cmocka_unit_test(what_comes_back_late_is_at_the_front_in_order),
        cmocka_unit_test(what_was_taken_from_the_back_comes_back_late_there_in_order),
        cmocka_unit_test(what_comes_back_at_once_is_not_delayed_again),
        cmocka_unit_test(deliveries_stop_counting_at_their_most_over_a_delay_too),
        cmocka_unit_test(purging_discards_what_is_delayed_as_well),
        cmocka_unit_test(a_queue_with_delayed_messages_is_not_unused),
        cmocka_unit_test(a_message_expires_when_it_has_waited_as_long_as_its_queue_says),
        cmocka_unit_test(of_its_own_ttl_and_the_queues_the_shorter_counts),
        cmocka_unit_test(without_a_ttl_of_the_queue_only_those_with_their_own_expire),
        cmocka_unit_test(the_longest_ttl_never_ends),
        cmocka_unit_test(what_was_delayed_waits_from_when_it_fell_due),
        cmocka_unit_test(what_is_leased_does_not_expire_until_it_comes_back),
        cmocka_unit_test(what_expires_under_a_slice_leaves_its_bytes),
        cmocka_unit_test(a_new_ttl_holds_for_what_waits_already),
        cmocka_unit_test(so_many_fall_due_at_once_and_the_rest_next_time),
        cmocka_unit_test(so_many_expire_at_once_and_the_rest_next_time),
        cmocka_unit_test(a_compact_segment_keeps_times_and_deliveries),
        cmocka_unit_test(the_oldest_is_found_wherever_it_lies),
        cmocka_unit_test(how_long_messages_waited_is_counted_when_they_are_delivered),
        cmocka_unit_test(arrivals_are_told_to_a_millisecond_and_never_too_late),
        cmocka_unit_test(a_segment_takes_nothing_an_hour_after_its_first_message),
        cmocka_unit_test(messages_expire_in_their_time_whatever_becomes_of_their_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

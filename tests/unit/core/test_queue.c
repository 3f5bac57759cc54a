#include "core/bench.h"

#include "check.h"
#include "core/frames.h"
#include "seed.h"

static struct random seed;

static void a_new_queue_is_unused_and_has_the_default_bound(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    assert_true(queue_is_unused(b.queue));
    assert_int_equal(b.queue->settings.count_max, QUEUE_COUNT_DEFAULT);
    assert_int_equal(queue_room(b.queue), QUEUE_SIZE_DEFAULT);
    assert_int_equal(b.queue->settings.when_full, WHEN_FULL_REFUSE);
    assert_true(bytes_equal(b.queue->entry.name, bytes_text("q")));
    bench_close(&b);
}

static void messages_come_out_in_the_order_they_went_in(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "a b");
    bench_push(&b, "c");
    bench_take(&b, false, 2, "a b");
    bench_push(&b, "d");
    bench_take(&b, false, ALL, "c d");
    assert_int_equal(bench_lease(&b, false, ALL).count, 0);
    bench_close(&b);
}

static void they_come_out_of_the_back_as_well(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "a b c d");
    bench_take(&b, true, 1, "d");
    bench_take(&b, false, 1, "a");
    bench_push(&b, "e");
    bench_take(&b, true, 2, "e");
    bench_take(&b, true, 2, "b c");
    bench_close(&b);
}

static void push_to_a_full_queue_is_refused(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    b.queue->settings.count_max = 2;
    assert_int_equal(bench_push(&b, "a b c"), 2);
    assert_int_equal(bench_push(&b, "c"), 0);
    assert_int_equal(queue_room(b.queue), 0);
    bench_take(&b, false, 1, "a");
    assert_int_equal(bench_push(&b, "d e"), 1);
    bench_take(&b, false, ALL, "b d");
    bench_close(&b);
}

static void the_bound_counts_bytes_to_the_last(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    b.queue->settings.size_max = 100;
    assert_int_equal(bench_push(&b, "a:40 b:40 c:20 d:10"), 3);
    assert_int_equal(bench_push(&b, "d:10"), 0);
    bench_take(&b, false, 1, "a");
    assert_int_equal(queue_room(b.queue), 40);
    assert_int_equal(bench_push(&b, "e:41"), 0);
    assert_int_equal(bench_push(&b, "e:40"), 1);
    bench_close(&b);
}

static void leased_messages_count_towards_the_bound(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    b.queue->settings.count_max = 2;
    bench_push(&b, "a b");
    struct stretch both = bench_lease(&b, false, ALL);
    assert_int_equal(bench_push(&b, "c"), 0);
    bench_settle(&b, both, SETTLE_RETURN);
    assert_int_equal(bench_push(&b, "c"), 0);
    bench_take(&b, false, 1, "a");
    assert_int_equal(bench_push(&b, "c"), 1);
    bench_close(&b);
}

static void a_bound_lowered_under_what_is_there_refuses_everything(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "a b c");
    struct stretch some = bench_lease(&b, false, 2);
    b.queue->settings.count_max = 2;
    assert_int_equal(bench_push(&b, "d"), 0);
    bench_settle(&b, some, SETTLE_RETURN);
    assert_int_equal(bench_push(&b, "d"), 0);
    b.queue->settings.count_max = 10;
    b.queue->settings.size_max = 5;
    assert_int_equal(queue_room(b.queue), 0);
    assert_int_equal(bench_push(&b, "d"), 0);
    bench_close(&b);
}

static void a_long_run_lies_in_growing_segments(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "first");
    bench_push_alike(&b, 100000, 20);
    assert_in_range(bench_segments(&b), 3, 10);
    const struct segment *last = list_entry(b.queue->segments.prev, struct segment, link);
    assert_int_equal(last->block.capacity + segment_head_size(), SEGMENT_SIZE_MAX);
    uint64_t count = 0;
    for (struct stretch s; (s = bench_lease(&b, false, ALL)).count > 0; count += s.count)
        bench_settle(&b, s, SETTLE_ACKNOWLEDGE);
    assert_int_equal(count, 100001);
    assert_int_equal(bench_segments(&b), 0);
    bench_close(&b);
}

static void a_frame_larger_than_a_segment_has_one_of_its_own(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "a b:1000000 c:100");
    bench_take(&b, false, 1, "a");
    struct stretch large = bench_lease(&b, false, ALL);
    assert_int_equal(large.size, 1000000);
    assert_int_equal(large.count, 1);
    bench_settle(&b, large, SETTLE_ACKNOWLEDGE);
    bench_take(&b, false, ALL, "c");
    bench_close(&b);
}

static void a_queue_that_is_used_in_small_stays_small(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    for (int i = 0; i < 1000; i++) {
        bench_push_alike(&b, 4, 100);
        bench_settle(&b, bench_lease(&b, false, ALL), SETTLE_ACKNOWLEDGE);
        assert_int_equal(b.arena.size, 0);
    }
    assert_true(b.queue->segment_size_next <= 2 * SEGMENT_SIZE_MIN);
    bench_close(&b);
}

/* Three messages in three segments. */
static void push_apart(struct bench *bench)
{
    bench_push(bench, "a:300");
    bench_push(bench, "b:900");
    bench_push(bench, "c:2000");
    assert_int_equal(bench_segments(bench), 3);
}

static void a_stretch_does_not_span_segments(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    push_apart(&b);
    bench_take(&b, false, ALL, "a");
    bench_take(&b, true, ALL, "c");
    bench_take(&b, true, ALL, "b");
    bench_close(&b);
}

static void what_is_returned_is_at_the_front_again(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    push_apart(&b);
    struct stretch a = bench_lease(&b, false, 1), second = bench_lease(&b, false, 1);
    bench_settle(&b, second, SETTLE_RETURN);
    bench_take(&b, false, ALL, "b");
    bench_settle(&b, a, SETTLE_RETURN);
    bench_take(&b, false, ALL, "a");
    bench_take(&b, false, ALL, "c");
    bench_close(&b);
}

static void what_is_returned_is_at_the_back_again(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    push_apart(&b);
    struct stretch c = bench_lease(&b, true, 1), second = bench_lease(&b, true, 1);
    bench_settle(&b, c, SETTLE_RETURN);
    bench_settle(&b, second, SETTLE_RETURN);
    bench_take(&b, true, ALL, "c");
    bench_take(&b, true, ALL, "b");
    bench_take(&b, true, ALL, "a");
    bench_close(&b);
}

static void what_is_returned_to_an_empty_queue_is_at_both_ends(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    push_apart(&b);
    struct stretch a = bench_lease(&b, false, 1), second = bench_lease(&b, false, 1),
                   c = bench_lease(&b, false, 1);
    bench_settle(&b, second, SETTLE_RETURN);
    assert_ptr_equal(b.queue->front, second.segment);
    assert_ptr_equal(b.queue->back, second.segment);
    bench_settle(&b, a, SETTLE_RETURN);
    bench_settle(&b, c, SETTLE_RETURN);
    bench_take(&b, false, ALL, "a");
    bench_take(&b, true, ALL, "c");
    bench_close(&b);
}

static void a_push_goes_behind_segments_that_are_all_leased(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "a:300");
    struct stretch a = bench_lease(&b, false, 1);
    bench_push(&b, "b:300");
    assert_ptr_equal(b.queue->front, b.queue->back);
    bench_settle(&b, a, SETTLE_RETURN);
    bench_take(&b, false, ALL, "a");
    bench_take(&b, false, ALL, "b");
    bench_close(&b);
}

static void a_segment_goes_with_its_last_message(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "a b");
    struct stretch a = bench_lease(&b, false, 1), second = bench_lease(&b, false, 1);
    bench_settle(&b, second, SETTLE_ACKNOWLEDGE);
    assert_int_equal(bench_segments(&b), 1);
    bench_settle(&b, a, SETTLE_REJECT);
    assert_int_equal(bench_segments(&b), 0);
    assert_int_equal(b.arena.size, 0);
    bench_close(&b);
}

static void a_segment_stays_while_a_slice_is_out(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "a");
    struct stretch a = bench_lease(&b, false, 1);
    bench_hold(a);
    bench_settle(&b, a, SETTLE_ACKNOWLEDGE);
    assert_int_equal(bench_segments(&b), 1);
    bench_expect(a, "a");
    bench_push(&b, "b");
    bench_take(&b, false, ALL, "b");
    assert_int_equal(bench_segments(&b), 1);
    bench_release(&b, a);
    assert_int_equal(bench_segments(&b), 0);
    bench_close(&b);
}

static void a_slice_outlives_its_queue(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "a b c");
    struct stretch some = bench_lease(&b, false, 2);
    bench_hold(some);
    bench_hold(some);
    bench_settle(&b, some, SETTLE_RETURN);
    queue_destroy(b.queue, &b.stock);
    bench_expect(some, "a b");
    bench_release(&b, some);
    assert_true(b.arena.size > 0);
    bench_release(&b, some);
    assert_int_equal(b.arena.size, 0);
    arena_finish(&b.arena);
}

static void settling_counts_what_became_of_each(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "a b c d e f");
    bench_settle(&b, bench_lease(&b, false, 1), SETTLE_ACKNOWLEDGE);
    bench_settle(&b, bench_lease(&b, false, 2), SETTLE_REJECT);
    bench_settle(&b, bench_lease(&b, false, 3), SETTLE_RETURN);
    const struct queue_counters *counters = &b.queue->counters;
    assert_int_equal(counters->accepted, 6);
    assert_int_equal(counters->delivered, 6);
    assert_int_equal(counters->settled[SETTLE_ACKNOWLEDGE], 1);
    assert_int_equal(counters->settled[SETTLE_REJECT], 2);
    assert_int_equal(counters->settled[SETTLE_RETURN], 3);
    assert_int_equal(b.queue->ready_count, 3);
    assert_int_equal(b.queue->ready_size, 30);
    bench_close(&b);
}

static void purging_discards_what_is_ready_and_leaves_what_is_leased(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    push_apart(&b);
    bench_take(&b, false, 1, "a");
    struct stretch second = bench_lease(&b, false, 1);
    bench_push(&b, "d:300");
    assert_int_equal(queue_purge(b.queue, &b.stock), 2);
    queue_check(b.queue);
    assert_int_equal(b.queue->counters.purged, 2);
    assert_int_equal(b.queue->leased_size, 900);
    assert_int_equal(bench_segments(&b), 1);
    assert_int_equal(bench_lease(&b, false, ALL).count, 0);
    bench_push(&b, "e:300");
    bench_settle(&b, second, SETTLE_RETURN);
    bench_take(&b, false, ALL, "b");
    bench_take(&b, false, ALL, "e");
    bench_close(&b);
}

static void purging_leaves_bytes_that_are_being_sent(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "a b");
    struct stretch a = bench_lease(&b, false, 1);
    bench_hold(a);
    bench_settle(&b, a, SETTLE_ACKNOWLEDGE);
    assert_int_equal(queue_purge(b.queue, &b.stock), 1);
    bench_expect(a, "a");
    bench_release(&b, a);
    assert_int_equal(b.arena.size, 0);
    bench_close(&b);
}

/* A large segment of which all but the first and the last ten are settled; gives their lease. */
static struct stretch hollow_out(struct bench *bench)
{
    bench_push(bench, "first");
    bench_take(bench, false, 1, "first");
    bench_push_alike(bench, 990, 100);
    bench_push(bench, "y");
    struct stretch front = bench_lease(bench, false, 10);
    bench_settle(bench, bench_lease(bench, false, 970), SETTLE_ACKNOWLEDGE);
    return front;
}

static void a_mostly_settled_segment_is_made_small(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct stretch front = hollow_out(&b);
    size_t before = b.arena.size;
    bench_settle(&b, front, SETTLE_REJECT);
    assert_true(b.arena.size < before / 10);
    assert_int_equal(bench_segments(&b), 1);
    assert_int_equal(b.queue->front->ready_count, 11);
    assert_ptr_equal(b.queue->front, b.queue->back);
    bench_take(&b, true, 1, "y");
    bench_settle(&b, bench_lease(&b, false, ALL), SETTLE_ACKNOWLEDGE);
    assert_int_equal(b.arena.size, 0);
    bench_close(&b);
}

static void a_segment_is_not_moved_while_some_of_it_is_leased(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct stretch front = hollow_out(&b);
    size_t before = b.arena.size;
    bench_settle(&b, bench_lease(&b, true, 1), SETTLE_ACKNOWLEDGE);
    assert_int_equal(b.arena.size, before);
    bench_settle(&b, front, SETTLE_RETURN);
    front = bench_lease(&b, false, ALL);
    assert_int_equal(front.count, 10);
    bench_settle(&b, front, SETTLE_RETURN);
    bench_close(&b);
}

static void a_segment_is_made_small_once_its_slices_are_in(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct stretch front = hollow_out(&b);
    size_t before = b.arena.size;
    bench_hold(front);
    bench_hold(front);
    bench_settle(&b, front, SETTLE_ACKNOWLEDGE);
    bench_release(&b, front);
    assert_int_equal(b.arena.size, before);
    bench_release(&b, front);
    queue_check(b.queue);
    assert_true(b.arena.size < before / 10);
    bench_close(&b);
}

static void a_compact_segment_keeps_its_place(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct stretch front = hollow_out(&b);
    bench_push(&b, "z:200000");
    bench_settle(&b, front, SETTLE_ACKNOWLEDGE);
    assert_int_equal(bench_segments(&b), 2);
    bench_push(&b, "last");
    bench_settle(&b, bench_lease(&b, false, 10), SETTLE_ACKNOWLEDGE);
    bench_take(&b, false, ALL, "y");
    bench_take(&b, true, 1, "last");
    bench_take(&b, true, ALL, "z");
    bench_close(&b);
}

static void a_compact_segment_keeps_its_place_between_others(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "fills:290");
    struct stretch first = bench_lease(&b, false, 1), front = hollow_out(&b);
    bench_push(&b, "last:200000");
    bench_hold(front);
    bench_settle(&b, front, SETTLE_ACKNOWLEDGE);
    bench_settle(&b, first, SETTLE_RETURN);
    size_t before = b.arena.size;
    bench_release(&b, front);
    queue_check(b.queue);
    assert_true(b.arena.size < before);
    bench_take(&b, false, ALL, "fills");
    bench_settle(&b, bench_lease(&b, false, 10), SETTLE_ACKNOWLEDGE);
    bench_take(&b, false, ALL, "y");
    bench_take(&b, false, ALL, "last");
    bench_close(&b);
}

static void a_few_large_messages_are_not_worth_moving(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    bench_push(&b, "a b c d e f g h z:100000");
    struct stretch small = bench_lease(&b, false, 8);
    size_t before = b.arena.size;
    bench_settle(&b, small, SETTLE_ACKNOWLEDGE);
    assert_int_equal(b.arena.size, before);
    bench_take(&b, false, ALL, "z");
    bench_close(&b);
}

static void a_queue_that_something_holds_on_to_is_not_unused(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    struct queue *q = b.queue;
    q->is_declared = true;
    assert_false(queue_is_unused(q));
    q->is_declared = false;
    q->is_paused = true;
    assert_false(queue_is_unused(q));
    q->is_paused = false;
    q->consumers_count = 1;
    assert_false(queue_is_unused(q));
    q->consumers_count = 0;
    q->waiting_count = 1;
    assert_false(queue_is_unused(q));
    q->waiting_count = 0;
    bench_push(&b, "a");
    assert_false(queue_is_unused(q));
    struct stretch a = bench_lease(&b, false, 1);
    assert_false(queue_is_unused(q));
    bench_settle(&b, a, SETTLE_ACKNOWLEDGE);
    assert_true(queue_is_unused(q));
    bench_close(&b);
}

/* Messages by number, and which of them each lease has. */
enum { LEASES = 30, LEASE_MAX = 60, MESSAGES = 4000 };

struct crowd {
    bool is_ready[MESSAGES];
    uint32_t count;
    struct stretch leases[LEASES];
    uint32_t numbers[LEASES][LEASE_MAX];
};

static void push_numbers(struct bench *bench, struct crowd *crowd)
{
    uint32_t some = 1 + (uint32_t)random_below(&seed, 50);
    struct run run = frames_alike(OP_PUSH, "q", some, 13 + (uint32_t)random_below(&seed, 40));
    for (uint32_t i = 0; i < some; i++, crowd->count++) {
        store_u32((unsigned char *)run.data + i * run.frame_size + 9, crowd->count);
        crowd->is_ready[crowd->count] = true;
    }
    assert_int_equal(bench_push_run(bench, run), some);
    frames_free(&run);
}

static uint32_t number_of(const struct stretch *stretch, uint32_t i)
{
    uint32_t offset = segment_offset(stretch->segment, stretch->index + i);
    return load_u32(stretch->segment->block.data + offset + 9);
}

/* Leases at one end; what comes is all that is ready there, as far as it goes. */
static void lease_numbers(struct bench *bench, struct crowd *crowd, int at)
{
    bool from_back = random_below(&seed, 2);
    struct stretch stretch =
        bench_lease(bench, from_back, 1 + (uint32_t)random_below(&seed, LEASE_MAX));
    crowd->leases[at] = stretch;
    if (stretch.count == 0)
        return;
    for (uint32_t i = 0; i < stretch.count; i++) {
        uint32_t number = number_of(&stretch, i);
        assert_true(crowd->is_ready[number]);
        assert_true(i == 0 || number > crowd->numbers[at][i - 1]);
        crowd->is_ready[number] = false;
        crowd->numbers[at][i] = number;
    }
    uint32_t first = from_back ? crowd->numbers[at][0] : 0;
    uint32_t end = from_back ? crowd->count : crowd->numbers[at][stretch.count - 1];
    for (uint32_t i = first; i < end; i++)
        assert_false(crowd->is_ready[i]);
}

static void settle_numbers(struct bench *bench, struct crowd *crowd, int at)
{
    enum settle how = (enum settle)random_below(&seed, 3);
    bench_settle(bench, crowd->leases[at], how);
    for (uint32_t i = 0; i < crowd->leases[at].count; i++)
        crowd->is_ready[crowd->numbers[at][i]] = how == SETTLE_RETURN;
    crowd->leases[at].count = 0;
}

static void order_stays_however_messages_are_leased_and_returned(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct bench b;
        struct crowd crowd = {.count = 0};
        bench_open(&b);
        for (int step = 0; step < 1000; step++) {
            int at = (int)random_below(&seed, LEASES);
            if (random_below(&seed, 20) == 0 && crowd.count < MESSAGES - 50)
                push_numbers(&b, &crowd);
            else if (crowd.leases[at].count > 0)
                settle_numbers(&b, &crowd, at);
            else
                lease_numbers(&b, &crowd, at);
        }
        for (int at = 0; at < LEASES; at++)
            if (crowd.leases[at].count > 0)
                settle_numbers(&b, &crowd, at);
        bench_close(&b);
    }
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_queue_is_unused_and_has_the_default_bound),
        cmocka_unit_test(messages_come_out_in_the_order_they_went_in),
        cmocka_unit_test(they_come_out_of_the_back_as_well),
        cmocka_unit_test(push_to_a_full_queue_is_refused),
        cmocka_unit_test(the_bound_counts_bytes_to_the_last),
        cmocka_unit_test(leased_messages_count_towards_the_bound),
        cmocka_unit_test(a_bound_lowered_under_what_is_there_refuses_everything),
        cmocka_unit_test(a_long_run_lies_in_growing_segments),
        cmocka_unit_test(a_frame_larger_than_a_segment_has_one_of_its_own),
        cmocka_unit_test(a_queue_that_is_used_in_small_stays_small),
        cmocka_unit_test(a_stretch_does_not_span_segments),
        cmocka_unit_test(what_is_returned_is_at_the_front_again),
        cmocka_unit_test(what_is_returned_is_at_the_back_again),
        cmocka_unit_test(what_is_returned_to_an_empty_queue_is_at_both_ends),
        cmocka_unit_test(a_push_goes_behind_segments_that_are_all_leased),
        cmocka_unit_test(a_segment_goes_with_its_last_message),
        cmocka_unit_test(a_segment_stays_while_a_slice_is_out),
        cmocka_unit_test(a_slice_outlives_its_queue),
        cmocka_unit_test(settling_counts_what_became_of_each),
        cmocka_unit_test(purging_discards_what_is_ready_and_leaves_what_is_leased),
        cmocka_unit_test(purging_leaves_bytes_that_are_being_sent),
        cmocka_unit_test(a_mostly_settled_segment_is_made_small),
        cmocka_unit_test(a_segment_is_not_moved_while_some_of_it_is_leased),
        cmocka_unit_test(a_segment_is_made_small_once_its_slices_are_in),
        cmocka_unit_test(a_compact_segment_keeps_its_place),
        cmocka_unit_test(a_compact_segment_keeps_its_place_between_others),
        cmocka_unit_test(a_few_large_messages_are_not_worth_moving),
        cmocka_unit_test(a_queue_that_something_holds_on_to_is_not_unused),
        cmocka_unit_test(order_stays_however_messages_are_leased_and_returned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

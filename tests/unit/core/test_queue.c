#include "core/queue.h"

#include "check.h"
#include "core/frames.h"
#include "seed.h"

enum { ALL = UINT32_MAX };

static struct random seed;

struct bench {
    struct arena arena;
    struct stock stock;
    struct queue *queue;
};

static void open(struct bench *bench)
{
    arena_init(&bench->arena);
    bench->stock = (struct stock){.arena = &bench->arena};
    list_init(&bench->stock.letters);
    bench->queue = queue_create(bytes_text("q"), 7);
    bench->queue->settings.dead_letter = bytes_text(""); /* nowhere */
    bench->queue->settings.delivery_limit = 0;
}

static void close(struct bench *bench)
{
    queue_destroy(bench->queue, &bench->stock);
    arena_finish(&bench->arena);
}

/* Pushes a run as far as it goes; returns how many messages were accepted. */
static uint32_t push_run(struct bench *bench, struct run run)
{
    uint32_t pushed = queue_push(bench->queue, &bench->stock, &run);
    queue_check(bench->queue);
    return pushed;
}

static uint32_t push(struct bench *bench, const char *words)
{
    struct run run = frames_run(OP_PUSH, "q", words);
    uint32_t pushed = push_run(bench, run);
    frames_free(&run);
    return pushed;
}

static uint32_t push_alike(struct bench *bench, uint32_t count, uint32_t size)
{
    struct run run = frames_alike(OP_PUSH, "q", count, size);
    uint32_t pushed = push_run(bench, run);
    frames_free(&run);
    return pushed;
}

/* Leases at one end; a stretch of nothing when there is none. */
static struct stretch lease(struct bench *bench, bool from_back, uint32_t count_max)
{
    struct stretch stretch = {0};
    queue_lease(bench->queue, &bench->stock, from_back, count_max, UINT64_MAX, &stretch);
    queue_check(bench->queue);
    return stretch;
}

static void settle(struct bench *bench, struct stretch stretch, enum settle how)
{
    queue_settle(bench->queue, &bench->stock, stretch.segment, stretch.index, stretch.count,
                 &(struct settlement){.how = how});
    queue_check(bench->queue);
}

static void expect(struct stretch stretch, const char *expected)
{
    char words[4096];
    uint32_t offset = segment_offset(stretch.segment, stretch.index);
    frames_tell(bytes_of(stretch.segment->block.data + offset, stretch.size), false, words,
                sizeof words);
    assert_string_equal(words, expected);
}

/* Leases at one end and acknowledges, and sees that it is these words. */
static void take(struct bench *bench, bool from_back, uint32_t count_max, const char *expected)
{
    struct stretch stretch = lease(bench, from_back, count_max);
    assert_true(stretch.count > 0);
    expect(stretch, expected);
    settle(bench, stretch, SETTLE_ACKNOWLEDGE);
}

static size_t count_segments(const struct bench *bench)
{
    size_t count = 0;
    const struct list *head = &bench->queue->segments;
    for (const struct list *link = head->next; link != head; link = link->next)
        count++;
    return count;
}

static void hold(struct stretch stretch)
{
    stretch.segment->block.holds_count++;
}

static void release(struct bench *bench, struct stretch stretch)
{
    stretch.segment->block.holds_count--;
    queue_release(stretch.segment, &bench->stock);
}

static void a_new_queue_is_unused_and_has_the_default_bound(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    assert_true(queue_is_unused(b.queue));
    assert_int_equal(b.queue->settings.count_max, QUEUE_COUNT_DEFAULT);
    assert_int_equal(queue_room(b.queue), QUEUE_SIZE_DEFAULT);
    assert_int_equal(b.queue->settings.when_full, WHEN_FULL_REFUSE);
    assert_true(bytes_equal(b.queue->entry.name, bytes_text("q")));
    close(&b);
}

static void messages_come_out_in_the_order_they_went_in(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b");
    push(&b, "c");
    take(&b, false, 2, "a b");
    push(&b, "d");
    take(&b, false, ALL, "c d");
    assert_int_equal(lease(&b, false, ALL).count, 0);
    close(&b);
}

static void they_come_out_of_the_back_as_well(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b c d");
    take(&b, true, 1, "d");
    take(&b, false, 1, "a");
    push(&b, "e");
    take(&b, true, 2, "e");
    take(&b, true, 2, "b c");
    close(&b);
}

static void push_to_a_full_queue_is_refused(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    b.queue->settings.count_max = 2;
    assert_int_equal(push(&b, "a b c"), 2);
    assert_int_equal(push(&b, "c"), 0);
    assert_int_equal(queue_room(b.queue), 0);
    take(&b, false, 1, "a");
    assert_int_equal(push(&b, "d e"), 1);
    take(&b, false, ALL, "b d");
    close(&b);
}

static void the_bound_counts_bytes_to_the_last(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    b.queue->settings.size_max = 100;
    assert_int_equal(push(&b, "a:40 b:40 c:20 d:10"), 3);
    assert_int_equal(push(&b, "d:10"), 0);
    take(&b, false, 1, "a");
    assert_int_equal(queue_room(b.queue), 40);
    assert_int_equal(push(&b, "e:41"), 0);
    assert_int_equal(push(&b, "e:40"), 1);
    close(&b);
}

static void leased_messages_count_towards_the_bound(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    b.queue->settings.count_max = 2;
    push(&b, "a b");
    struct stretch both = lease(&b, false, ALL);
    assert_int_equal(push(&b, "c"), 0);
    settle(&b, both, SETTLE_RETURN);
    assert_int_equal(push(&b, "c"), 0);
    take(&b, false, 1, "a");
    assert_int_equal(push(&b, "c"), 1);
    close(&b);
}

static void a_bound_lowered_under_what_is_there_refuses_everything(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b c");
    struct stretch some = lease(&b, false, 2);
    b.queue->settings.count_max = 2;
    assert_int_equal(push(&b, "d"), 0);
    settle(&b, some, SETTLE_RETURN);
    assert_int_equal(push(&b, "d"), 0);
    b.queue->settings.count_max = 10;
    b.queue->settings.size_max = 5;
    assert_int_equal(queue_room(b.queue), 0);
    assert_int_equal(push(&b, "d"), 0);
    close(&b);
}

static void a_long_run_lies_in_growing_segments(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "first");
    push_alike(&b, 100000, 20);
    assert_in_range(count_segments(&b), 3, 10);
    const struct segment *last = list_entry(b.queue->segments.prev, struct segment, link);
    assert_int_equal(last->block.capacity + segment_head_size(), SEGMENT_SIZE_MAX);
    uint64_t count = 0;
    for (struct stretch s; (s = lease(&b, false, ALL)).count > 0; count += s.count)
        settle(&b, s, SETTLE_ACKNOWLEDGE);
    assert_int_equal(count, 100001);
    assert_int_equal(count_segments(&b), 0);
    close(&b);
}

static void a_frame_larger_than_a_segment_has_one_of_its_own(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b:1000000 c");
    take(&b, false, 1, "a");
    struct stretch large = lease(&b, false, ALL);
    assert_int_equal(large.size, 1000000);
    assert_int_equal(large.count, 1);
    settle(&b, large, SETTLE_ACKNOWLEDGE);
    take(&b, false, ALL, "c");
    close(&b);
}

static void a_queue_that_is_used_in_small_stays_small(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    for (int i = 0; i < 1000; i++) {
        push_alike(&b, 4, 100);
        settle(&b, lease(&b, false, ALL), SETTLE_ACKNOWLEDGE);
        assert_int_equal(b.arena.size, 0);
    }
    assert_true(b.queue->segment_size_next <= 2 * SEGMENT_SIZE_MIN);
    close(&b);
}

/* Three messages in three segments. */
static void push_apart(struct bench *bench)
{
    push(bench, "a:300");
    push(bench, "b:900");
    push(bench, "c:2000");
    assert_int_equal(count_segments(bench), 3);
}

static void a_stretch_does_not_span_segments(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push_apart(&b);
    take(&b, false, ALL, "a");
    take(&b, true, ALL, "c");
    take(&b, true, ALL, "b");
    close(&b);
}

static void what_is_returned_is_at_the_front_again(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push_apart(&b);
    struct stretch a = lease(&b, false, 1), second = lease(&b, false, 1);
    settle(&b, second, SETTLE_RETURN);
    take(&b, false, ALL, "b");
    settle(&b, a, SETTLE_RETURN);
    take(&b, false, ALL, "a");
    take(&b, false, ALL, "c");
    close(&b);
}

static void what_is_returned_is_at_the_back_again(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push_apart(&b);
    struct stretch c = lease(&b, true, 1), second = lease(&b, true, 1);
    settle(&b, c, SETTLE_RETURN);
    settle(&b, second, SETTLE_RETURN);
    take(&b, true, ALL, "c");
    take(&b, true, ALL, "b");
    take(&b, true, ALL, "a");
    close(&b);
}

static void what_is_returned_to_an_empty_queue_is_at_both_ends(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push_apart(&b);
    struct stretch a = lease(&b, false, 1), second = lease(&b, false, 1), c = lease(&b, false, 1);
    settle(&b, second, SETTLE_RETURN);
    assert_ptr_equal(b.queue->front, second.segment);
    assert_ptr_equal(b.queue->back, second.segment);
    settle(&b, a, SETTLE_RETURN);
    settle(&b, c, SETTLE_RETURN);
    take(&b, false, ALL, "a");
    take(&b, true, ALL, "c");
    close(&b);
}

static void a_push_goes_behind_segments_that_are_all_leased(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a:300");
    struct stretch a = lease(&b, false, 1);
    push(&b, "b:300");
    assert_ptr_equal(b.queue->front, b.queue->back);
    settle(&b, a, SETTLE_RETURN);
    take(&b, false, ALL, "a");
    take(&b, false, ALL, "b");
    close(&b);
}

static void a_segment_goes_with_its_last_message(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b");
    struct stretch a = lease(&b, false, 1), second = lease(&b, false, 1);
    settle(&b, second, SETTLE_ACKNOWLEDGE);
    assert_int_equal(count_segments(&b), 1);
    settle(&b, a, SETTLE_REJECT);
    assert_int_equal(count_segments(&b), 0);
    assert_int_equal(b.arena.size, 0);
    close(&b);
}

static void a_segment_stays_while_a_slice_is_out(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a");
    struct stretch a = lease(&b, false, 1);
    hold(a);
    settle(&b, a, SETTLE_ACKNOWLEDGE);
    assert_int_equal(count_segments(&b), 1);
    expect(a, "a");
    push(&b, "b");
    take(&b, false, ALL, "b");
    assert_int_equal(count_segments(&b), 1);
    release(&b, a);
    assert_int_equal(count_segments(&b), 0);
    close(&b);
}

static void a_slice_outlives_its_queue(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b c");
    struct stretch some = lease(&b, false, 2);
    hold(some);
    hold(some);
    settle(&b, some, SETTLE_RETURN);
    queue_destroy(b.queue, &b.stock);
    expect(some, "a b");
    release(&b, some);
    assert_true(b.arena.size > 0);
    release(&b, some);
    assert_int_equal(b.arena.size, 0);
    arena_finish(&b.arena);
}

static void settling_counts_what_became_of_each(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b c d e f");
    settle(&b, lease(&b, false, 1), SETTLE_ACKNOWLEDGE);
    settle(&b, lease(&b, false, 2), SETTLE_REJECT);
    settle(&b, lease(&b, false, 3), SETTLE_RETURN);
    const struct queue_counters *counters = &b.queue->counters;
    assert_int_equal(counters->accepted, 6);
    assert_int_equal(counters->delivered, 6);
    assert_int_equal(counters->settled[SETTLE_ACKNOWLEDGE], 1);
    assert_int_equal(counters->settled[SETTLE_REJECT], 2);
    assert_int_equal(counters->settled[SETTLE_RETURN], 3);
    assert_int_equal(b.queue->ready_count, 3);
    assert_int_equal(b.queue->ready_size, 30);
    close(&b);
}

static void purging_discards_what_is_ready_and_leaves_what_is_leased(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push_apart(&b);
    take(&b, false, 1, "a");
    struct stretch second = lease(&b, false, 1);
    push(&b, "d:300");
    assert_int_equal(queue_purge(b.queue, &b.stock), 2);
    queue_check(b.queue);
    assert_int_equal(b.queue->counters.purged, 2);
    assert_int_equal(b.queue->leased_size, 900);
    assert_int_equal(count_segments(&b), 1);
    assert_int_equal(lease(&b, false, ALL).count, 0);
    push(&b, "e:300");
    settle(&b, second, SETTLE_RETURN);
    take(&b, false, ALL, "b");
    take(&b, false, ALL, "e");
    close(&b);
}

static void purging_leaves_bytes_that_are_being_sent(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b");
    struct stretch a = lease(&b, false, 1);
    hold(a);
    settle(&b, a, SETTLE_ACKNOWLEDGE);
    assert_int_equal(queue_purge(b.queue, &b.stock), 1);
    expect(a, "a");
    release(&b, a);
    assert_int_equal(b.arena.size, 0);
    close(&b);
}

/* A large segment of which all but the first and the last ten are settled; gives their lease. */
static struct stretch hollow_out(struct bench *bench)
{
    push(bench, "first");
    take(bench, false, 1, "first");
    push_alike(bench, 990, 100);
    push(bench, "y");
    struct stretch front = lease(bench, false, 10);
    settle(bench, lease(bench, false, 970), SETTLE_ACKNOWLEDGE);
    return front;
}

static void a_mostly_settled_segment_is_made_small(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct stretch front = hollow_out(&b);
    size_t before = b.arena.size;
    settle(&b, front, SETTLE_REJECT);
    assert_true(b.arena.size < before / 10);
    assert_int_equal(count_segments(&b), 1);
    assert_int_equal(b.queue->front->ready_count, 11);
    assert_ptr_equal(b.queue->front, b.queue->back);
    take(&b, true, 1, "y");
    settle(&b, lease(&b, false, ALL), SETTLE_ACKNOWLEDGE);
    assert_int_equal(b.arena.size, 0);
    close(&b);
}

static void a_segment_is_not_moved_while_some_of_it_is_leased(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct stretch front = hollow_out(&b);
    size_t before = b.arena.size;
    settle(&b, lease(&b, true, 1), SETTLE_ACKNOWLEDGE);
    assert_int_equal(b.arena.size, before);
    settle(&b, front, SETTLE_RETURN);
    front = lease(&b, false, ALL);
    assert_int_equal(front.count, 10);
    settle(&b, front, SETTLE_RETURN);
    close(&b);
}

static void a_segment_is_made_small_once_its_slices_are_in(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct stretch front = hollow_out(&b);
    size_t before = b.arena.size;
    hold(front);
    hold(front);
    settle(&b, front, SETTLE_ACKNOWLEDGE);
    release(&b, front);
    assert_int_equal(b.arena.size, before);
    release(&b, front);
    queue_check(b.queue);
    assert_true(b.arena.size < before / 10);
    close(&b);
}

static void a_compact_segment_keeps_its_place(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct stretch front = hollow_out(&b);
    push(&b, "z:200000");
    settle(&b, front, SETTLE_ACKNOWLEDGE);
    assert_int_equal(count_segments(&b), 2);
    push(&b, "last");
    settle(&b, lease(&b, false, 10), SETTLE_ACKNOWLEDGE);
    take(&b, false, ALL, "y");
    take(&b, true, 1, "last");
    take(&b, true, ALL, "z");
    close(&b);
}

static void a_compact_segment_keeps_its_place_between_others(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "fills:300");
    struct stretch first = lease(&b, false, 1), front = hollow_out(&b);
    push(&b, "last:200000");
    hold(front);
    settle(&b, front, SETTLE_ACKNOWLEDGE);
    settle(&b, first, SETTLE_RETURN);
    size_t before = b.arena.size;
    release(&b, front);
    queue_check(b.queue);
    assert_true(b.arena.size < before);
    take(&b, false, ALL, "fills");
    settle(&b, lease(&b, false, 10), SETTLE_ACKNOWLEDGE);
    take(&b, false, ALL, "y");
    take(&b, false, ALL, "last");
    close(&b);
}

static void a_few_large_messages_are_not_worth_moving(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b c d e f g h z:100000");
    struct stretch small = lease(&b, false, 8);
    size_t before = b.arena.size;
    settle(&b, small, SETTLE_ACKNOWLEDGE);
    assert_int_equal(b.arena.size, before);
    take(&b, false, ALL, "z");
    close(&b);
}

static void a_queue_that_something_holds_on_to_is_not_unused(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
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
    push(&b, "a");
    assert_false(queue_is_unused(q));
    struct stretch a = lease(&b, false, 1);
    assert_false(queue_is_unused(q));
    settle(&b, a, SETTLE_ACKNOWLEDGE);
    assert_true(queue_is_unused(q));
    close(&b);
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
    assert_int_equal(push_run(bench, run), some);
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
    struct stretch stretch = lease(bench, from_back, 1 + (uint32_t)random_below(&seed, LEASE_MAX));
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
    settle(bench, crowd->leases[at], how);
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
        open(&b);
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
        close(&b);
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

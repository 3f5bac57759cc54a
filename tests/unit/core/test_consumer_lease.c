#include "core/consumer.h"

#include "base/time.h"
#include "check.h"
#include "core/bench.h"
#include "core/frames.h"
#include "seed.h"

#include <stdio.h>

static const uint64_t START = 1000 * NS_PER_S, MS = NS_PER_MS;

static struct random seed;

/* A consumer with all the credit there is, of a bench's queue at START that lets leases last
 * `lease_max_ms`. */
static struct consumer *open(struct bench *bench, uint64_t lease_max_ms)
{
    bench_open(bench);
    bench->stock.now = START;
    bench->queue->settings.lease_max_ms = lease_max_ms;
    struct consumer *consumer = consumer_create(bench->queue, NULL, 1);
    consumer_credit(consumer, UINT32_MAX, CREDIT_SIZE_MAX);
    return consumer;
}

static void close(struct bench *bench, struct consumer *consumer)
{
    consumer_destroy(consumer, &bench->stock);
    queue_check(bench->queue);
    assert_true(timers_due(&bench->queue->leases) == TIME_NEVER);
    bench_close(bench);
}

static void check(const struct consumer *consumer)
{
    consumer_check(consumer);
    queue_check(consumer->queue);
}

/* Takes messages at one go, whose slice is sent at once; returns the first tag. */
static uint64_t take(struct bench *bench, struct consumer *consumer, uint32_t count)
{
    struct stretch stretch;
    uint64_t tag;
    assert_true(consumer_take(consumer, &bench->stock, count, UINT64_MAX, &stretch, &tag));
    stretch.segment->block.holds_count--;
    queue_release(stretch.segment, &bench->stock);
    check(consumer);
    assert_int_equal(stretch.count, count);
    return tag;
}

static uint64_t settle(struct bench *bench, struct consumer *consumer, uint64_t tag, uint32_t count)
{
    uint64_t settled = consumer_settle(consumer, &bench->stock, tag, count,
                                       &(struct settlement){.how = SETTLE_ACKNOWLEDGE});
    check(consumer);
    return settled;
}

/* Lets it become `now` and sees that these tags are lost: "1x3 7x1". */
static void lose_and_expect(struct bench *bench, struct consumer *consumer, uint64_t now,
                            const char *expected)
{
    char lost[256] = "";
    size_t at = 0, used = 0;
    uint64_t tag;
    uint32_t count;
    bench->stock.now = now;
    while (consumer_lose(consumer, &bench->stock, &at, &tag, &count)) {
        used += (size_t)snprintf(lost + used, sizeof lost - used, "%s%lux%u", used ? " " : "", tag,
                                 count);
        assert_true(used < sizeof lost);
    }
    check(consumer);
    assert_string_equal(lost, expected);
    assert_true(timers_due(&bench->queue->leases) > now);
}

static uint64_t due(const struct bench *bench)
{
    return timers_due(&bench->queue->leases);
}

static void a_lease_is_over_after_its_time_and_not_before(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 5);
    bench_push(&b, "a b c");
    take(&b, c, 3);
    assert_true(due(&b) == START + 5 * MS);
    lose_and_expect(&b, c, START + 5 * MS - 1, "");
    lose_and_expect(&b, c, START + 5 * MS, "1x3");
    assert_int_equal(c->leased_count, 0);
    assert_true(due(&b) == TIME_NEVER);
    assert_int_equal(b.queue->counters.settled[SETTLE_RETURN], 3);
    struct stretch again = bench_lease(&b, false, ALL);
    assert_int_equal(again.deliveries, 1);
    bench_expect(again, "a b c");
    bench_settle(&b, again, SETTLE_ACKNOWLEDGE);
    close(&b, c);
}

static void leases_that_began_apart_are_over_apart(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 5);
    bench_push(&b, "a b c");
    take(&b, c, 1);
    b.stock.now += 2 * MS;
    take(&b, c, 2);
    lose_and_expect(&b, c, START + 5 * MS, "1x1");
    assert_true(due(&b) == START + 7 * MS);
    lose_and_expect(&b, c, START + 7 * MS, "2x2");
    close(&b, c);
}

static void without_a_longest_time_no_lease_is_lost(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 0);
    bench_push(&b, "a b");
    take(&b, c, 1);
    assert_true(due(&b) == TIME_NEVER);
    lose_and_expect(&b, c, TIME_NEVER - 1, "");
    b.queue->settings.lease_max_ms = UINT64_MAX;
    take(&b, c, 1);
    assert_true(due(&b) == TIME_NEVER);
    lose_and_expect(&b, c, TIME_NEVER - 1, "");
    close(&b, c);
}

static void what_is_settled_is_not_lost(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 5);
    bench_push(&b, "a b c d e f g h");
    take(&b, c, 8);
    assert_int_equal(settle(&b, c, 1, 1), 1);
    assert_int_equal(settle(&b, c, 4, 2), 2);
    assert_int_equal(settle(&b, c, 8, 1), 1);
    lose_and_expect(&b, c, START + 5 * MS, "2x2 6x2");
    assert_int_equal(settle(&b, c, 1, 8), 0);
    assert_int_equal(c->leases_count, 0);
    bench_take(&b, false, ALL, "b c");
    bench_take(&b, false, ALL, "f g");
    close(&b, c);
}

/* Tag 1 is the last message. */
static void what_was_taken_from_the_back_is_lost_by_its_tags(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 5);
    c->from_back = true;
    bench_push(&b, "a b c d e");
    take(&b, c, 5);
    assert_int_equal(settle(&b, c, 1, 1), 1); /* e */
    assert_int_equal(settle(&b, c, 3, 1), 1); /* c */
    lose_and_expect(&b, c, START + 5 * MS, "2x1 4x2");
    bench_take(&b, true, ALL, "d");
    bench_take(&b, true, ALL, "a b");
    close(&b, c);
}

static void a_lease_that_is_touched_begins_anew(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 5);
    bench_push(&b, "a b c");
    take(&b, c, 1);
    b.stock.now += MS;
    take(&b, c, 1);
    b.stock.now += MS;
    take(&b, c, 1);
    b.stock.now += 2 * MS;
    assert_int_equal(consumer_touch(c, &b.stock, 1, 1), 1);
    lose_and_expect(&b, c, START + 6 * MS, "2x1"); /* behind one that goes on */
    assert_true(due(&b) == START + 7 * MS);
    lose_and_expect(&b, c, START + 7 * MS, "3x1");
    assert_true(due(&b) == START + 9 * MS);
    lose_and_expect(&b, c, START + 9 * MS, "1x1");
    close(&b, c);
}

static void what_was_leased_in_one_piece_is_touched_together(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 5);
    bench_push(&b, "a b c");
    take(&b, c, 3);
    b.stock.now += 4 * MS;
    assert_int_equal(consumer_touch(c, &b.stock, 2, 1), 1);
    lose_and_expect(&b, c, START + 9 * MS - 1, "");
    lose_and_expect(&b, c, START + 9 * MS, "1x3");
    close(&b, c);
}

static void only_what_is_leased_is_touched(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 5);
    assert_int_equal(consumer_touch(c, &b.stock, 1, 5), 0);
    bench_push(&b, "a b c d e f");
    take(&b, c, 4);
    settle(&b, c, 2, 2);
    assert_int_equal(consumer_touch(c, &b.stock, 1, 4), 2);
    assert_int_equal(consumer_touch(c, &b.stock, 2, 2), 0);
    assert_int_equal(consumer_touch(c, &b.stock, 3, UINT32_MAX), 1);
    assert_int_equal(consumer_touch(c, &b.stock, UINT64_MAX, 1), 0);
    assert_int_equal(consumer_touch(c, &b.stock, UINT64_MAX - 3, UINT32_MAX), 0);
    close(&b, c);
}

static void nothing_is_touched_by_tags_that_are_settled(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 5);
    bench_push(&b, "a b c");
    take(&b, c, 3);
    settle(&b, c, 2, 1);
    b.stock.now += 4 * MS;
    assert_int_equal(consumer_touch(c, &b.stock, 2, 1), 0);
    lose_and_expect(&b, c, START + 5 * MS, "1x1 3x1");
    close(&b, c);
}

static void a_new_longest_time_holds_for_leases_that_last(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 0);
    bench_push(&b, "a b");
    take(&b, c, 1);
    b.stock.now += MS;
    take(&b, c, 1);
    b.queue->settings.lease_max_ms = 100;
    consumer_watch(c);
    assert_true(due(&b) == START + 100 * MS);
    b.queue->settings.lease_max_ms = 5;
    consumer_watch(c);
    assert_true(due(&b) == START + 5 * MS);
    lose_and_expect(&b, c, START + 5 * MS, "1x1");
    b.queue->settings.lease_max_ms = 0;
    consumer_watch(c);
    assert_true(due(&b) == TIME_NEVER);
    lose_and_expect(&b, c, START + 500 * MS, "");
    close(&b, c);
}

static void the_oldest_lease_is_the_one_that_began_first_or_was_not_touched(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 5);
    assert_true(consumer_oldest(c) == TIME_NEVER);
    bench_push(&b, "a b");
    take(&b, c, 1);
    b.stock.now += MS;
    take(&b, c, 1);
    assert_true(consumer_oldest(c) == START);
    b.stock.now += MS;
    consumer_touch(c, &b.stock, 1, 1);
    assert_true(consumer_oldest(c) == START + MS);
    settle(&b, c, 2, 1);
    assert_true(consumer_oldest(c) == START + 2 * MS);
    settle(&b, c, 1, 1);
    assert_true(consumer_oldest(c) == TIME_NEVER);
    close(&b, c);
}

static void how_long_was_worked_is_counted_of_what_is_acknowledged(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 0);
    bench_push(&b, "a b c");
    take(&b, c, 3);
    b.stock.now += 7 * MS;
    settle(&b, c, 1, 2);
    consumer_settle(c, &b.stock, 3, 1, &(struct settlement){.how = SETTLE_REJECT});
    assert_int_equal(b.queue->times->worked.count, 2);
    assert_int_equal(b.queue->times->worked.max_us, 7000);
    close(&b, c);
}

static void who_touches_a_lease_has_worked_on_it_since_its_delivery(void **state)
{
    (void)state;
    struct bench b;
    struct consumer *c = open(&b, 5);
    bench_push(&b, "a b");
    take(&b, c, 1);
    b.stock.now += 4 * MS;
    consumer_touch(c, &b.stock, 1, 1);
    take(&b, c, 1); /* at that very moment */
    b.stock.now += 3 * MS;
    settle(&b, c, 1, 1);
    assert_int_equal(b.queue->times->worked.max_us, 7000);
    settle(&b, c, 2, 1);
    assert_int_equal(histogram_quantile_us(&b.queue->times->worked, 500), 3071);
    close(&b, c);
}

/* What is true of each tag. */
enum { TAGS = 3000, LEASE_MAX_MS = 20 };

struct tags {
    bool is_leased[TAGS];
    uint64_t began[TAGS], touched[TAGS]; /* `touched` by its own tag alone */
    uint64_t next;
};

/* When the piece of a lease that the tag lies in was last touched at the latest: some other tag of
 * the same moment may have done it. */
static uint64_t touched_at_most(const struct tags *tags, uint64_t tag)
{
    uint64_t latest = 0;
    for (uint64_t i = 1; i < tags->next; i++)
        if (tags->began[i] == tags->began[tag] && tags->touched[i] > latest)
            latest = tags->touched[i];
    return latest;
}

/* Loses what is over; sees that nothing is lost early, and nothing stays that is long over. */
static void lose(struct bench *bench, struct consumer *consumer, struct tags *tags)
{
    uint64_t now = bench->stock.now, tag;
    uint32_t count;
    for (size_t at = 0; consumer_lose(consumer, &bench->stock, &at, &tag, &count);)
        for (uint64_t i = tag; i < tag + count; i++) {
            assert_true(tags->is_leased[i] && tags->touched[i] + LEASE_MAX_MS * MS <= now);
            tags->is_leased[i] = false;
        }
    check(consumer);
    for (uint64_t i = 1; i < tags->next; i++)
        if (tags->is_leased[i])
            assert_true(touched_at_most(tags, i) + LEASE_MAX_MS * MS > now);
    assert_true(due(bench) > now);
}

static void take_tags(struct bench *bench, struct consumer *consumer, struct tags *tags)
{
    uint32_t count = 1 + (uint32_t)random_below(&seed, 5);
    consumer->from_back = random_below(&seed, 2);
    bench_push_alike(bench, count, 20);
    struct stretch stretch;
    uint64_t tag;
    while (count > 0 && consumer_take(consumer, &bench->stock, count, UINT64_MAX, &stretch, &tag)) {
        stretch.segment->block.holds_count--;
        queue_release(stretch.segment, &bench->stock);
        assert_int_equal(tag, tags->next);
        for (uint32_t i = 0; i < stretch.count; i++, tags->next++) {
            tags->is_leased[tags->next] = true;
            tags->began[tags->next] = tags->touched[tags->next] = bench->stock.now;
        }
        count -= stretch.count;
    }
    check(consumer);
}

/* Acknowledges or touches some tags. */
static void use_tags(struct bench *bench, struct consumer *consumer, struct tags *tags)
{
    bool is_touch = random_below(&seed, 2);
    uint64_t back = 1 + random_below(&seed, 60), leased = 0;
    uint64_t tag = tags->next > back ? tags->next - back : 1;
    uint32_t count = 1 + (uint32_t)random_below(&seed, 4);
    for (uint64_t i = tag; i < tag + count && i < tags->next; i++) {
        leased += tags->is_leased[i];
        if (tags->is_leased[i] && is_touch)
            tags->touched[i] = bench->stock.now;
        tags->is_leased[i] &= is_touch;
    }
    uint64_t done = is_touch ? consumer_touch(consumer, &bench->stock, tag, count)
                             : settle(bench, consumer, tag, count);
    assert_int_equal(done, leased);
}

static void leases_end_in_their_time_however_they_are_settled_and_touched(void **state)
{
    (void)state;
    static struct tags tags;
    struct bench b;
    struct consumer *c = open(&b, LEASE_MAX_MS);
    tags = (struct tags){.next = 1};
    for (int step = 0; step < 6000 && tags.next < TAGS - 100; step++) {
        uint64_t what = random_below(&seed, 10);
        if (what == 0)
            take_tags(&b, c, &tags);
        else if (what < 7)
            use_tags(&b, c, &tags);
        else
            b.stock.now += random_below(&seed, 2 * MS);
        if (due(&b) <= b.stock.now)
            lose(&b, c, &tags);
    }
    assert_true(b.queue->counters.settled[SETTLE_RETURN] > 50);
    close(&b, c);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_is_over_after_its_time_and_not_before),
        cmocka_unit_test(leases_that_began_apart_are_over_apart),
        cmocka_unit_test(without_a_longest_time_no_lease_is_lost),
        cmocka_unit_test(what_is_settled_is_not_lost),
        cmocka_unit_test(what_was_taken_from_the_back_is_lost_by_its_tags),
        cmocka_unit_test(a_lease_that_is_touched_begins_anew),
        cmocka_unit_test(what_was_leased_in_one_piece_is_touched_together),
        cmocka_unit_test(only_what_is_leased_is_touched),
        cmocka_unit_test(nothing_is_touched_by_tags_that_are_settled),
        cmocka_unit_test(a_new_longest_time_holds_for_leases_that_last),
        cmocka_unit_test(the_oldest_lease_is_the_one_that_began_first_or_was_not_touched),
        cmocka_unit_test(how_long_was_worked_is_counted_of_what_is_acknowledged),
        cmocka_unit_test(who_touches_a_lease_has_worked_on_it_since_its_delivery),
        cmocka_unit_test(leases_end_in_their_time_however_they_are_settled_and_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/histogram.h"

#include "base/time.h"
#include "check.h"
#include "seed.h"

static struct random seed;

/* A histogram of one time. */
static struct histogram histogram_of(uint64_t us)
{
    struct histogram histogram = {0};
    histogram_add(&histogram, us * NS_PER_US, 1);
    return histogram;
}

static void an_empty_histogram_has_no_times(void **state)
{
    (void)state;
    struct histogram h = {0};
    assert_int_equal(histogram_quantile_us(&h, 500), 0);
    assert_int_equal(histogram_quantile_us(&h, 1000), 0);
    assert_int_equal(h.max_us, 0);
}

static void one_time_is_every_quantile_of_itself(void **state)
{
    (void)state;
    for (uint64_t us = 0; us < UINT64_C(1) << HISTOGRAM_POWERS; us = us * 2 + us / 3 + 1) {
        struct histogram h = histogram_of(us);
        assert_true(h.max_us == us);
        assert_true(histogram_quantile_us(&h, 1) == us);
        assert_true(histogram_quantile_us(&h, 990) == us);
    }
}

/* The longer time behind it keeps the quantile from being cut at the longest. */
static void a_quantile_is_at_most_a_quarter_too_high_and_never_too_low(void **state)
{
    (void)state;
    for (int round = 0; round < 100000; round++) {
        uint64_t us = random_next(&seed) >> (64 - random_below(&seed, HISTOGRAM_POWERS) - 1);
        struct histogram h = histogram_of(us);
        histogram_add(&h, (UINT64_C(1) << HISTOGRAM_POWERS) * NS_PER_US, 1);
        uint64_t told = histogram_quantile_us(&h, 500);
        assert_true(us >= UINT64_C(1) << HISTOGRAM_POWERS || (told >= us && told <= us + us / 4));
    }
}

static void nanoseconds_count_as_the_microseconds_that_have_passed(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, 2 * NS_PER_US - 1, 1);
    assert_int_equal(h.max_us, 1);
    assert_int_equal(histogram_quantile_us(&h, 1000), 1);
}

static void what_is_longer_than_all_buckets_is_in_the_last(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, UINT64_MAX, 3);
    assert_true(h.max_us == UINT64_MAX / NS_PER_US);
    assert_int_equal(h.buckets[HISTOGRAM_BUCKETS - 1], 3);
    assert_true(histogram_quantile_us(&h, 500) == (UINT64_C(1) << HISTOGRAM_POWERS) - 1);
}

static void a_quantile_is_the_time_that_so_many_do_not_pass(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, 1 * NS_PER_US, 500);
    histogram_add(&h, 2 * NS_PER_US, 490);
    histogram_add(&h, 3 * NS_PER_US, 10);
    assert_int_equal(h.count, 1000);
    assert_int_equal(histogram_quantile_us(&h, 500), 1);
    assert_int_equal(histogram_quantile_us(&h, 501), 2);
    assert_int_equal(histogram_quantile_us(&h, 990), 2);
    assert_int_equal(histogram_quantile_us(&h, 991), 3);
    assert_int_equal(histogram_quantile_us(&h, 1000), 3);
}

/* Of few times, p99 is the longest. */
static void a_quantile_of_few_times_is_rounded_up(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, 1 * NS_PER_US, 2);
    histogram_add(&h, 3 * NS_PER_US, 1);
    assert_int_equal(histogram_quantile_us(&h, 500), 1);
    assert_int_equal(histogram_quantile_us(&h, 667), 3);
    assert_int_equal(histogram_quantile_us(&h, 990), 3);
}

static void counts_do_not_wrap_in_a_quantile(void **state)
{
    (void)state;
    struct histogram h = {0};
    histogram_add(&h, 1 * NS_PER_US, UINT64_MAX / 2);
    histogram_add(&h, 3 * NS_PER_US, UINT64_MAX / 2);
    assert_int_equal(histogram_quantile_us(&h, 400), 1);
    assert_int_equal(histogram_quantile_us(&h, 600), 3);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_has_no_times),
        cmocka_unit_test(one_time_is_every_quantile_of_itself),
        cmocka_unit_test(a_quantile_is_at_most_a_quarter_too_high_and_never_too_low),
        cmocka_unit_test(nanoseconds_count_as_the_microseconds_that_have_passed),
        cmocka_unit_test(what_is_longer_than_all_buckets_is_in_the_last),
        cmocka_unit_test(a_quantile_is_the_time_that_so_many_do_not_pass),
        cmocka_unit_test(a_quantile_of_few_times_is_rounded_up),
        cmocka_unit_test(counts_do_not_wrap_in_a_quantile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

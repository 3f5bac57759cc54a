#include "core/timers.h"

#include "base/time.h"
#include "check.h"
#include "seed.h"

#include <stdbool.h>

enum { COUNT = 200 };

static struct random seed;

static void nothing_is_due_without_timers(void **state)
{
    (void)state;
    struct timers timers = {0};
    assert_null(timers_first(&timers));
    assert_true(timers_due(&timers) == TIME_NEVER);
    timers_finish(&timers);
}

static void the_earliest_comes_first(void **state)
{
    (void)state;
    struct timers timers = {0};
    struct timer late = {0}, early = {0}, middle = {0};
    timers_set(&timers, &late, 30);
    timers_set(&timers, &early, 10);
    timers_set(&timers, &middle, 20);
    assert_ptr_equal(timers_first(&timers), &early);
    assert_int_equal(timers_due(&timers), 10);
    timers_set(&timers, &early, TIME_NEVER);
    assert_ptr_equal(timers_first(&timers), &middle);
    timers_set(&timers, &late, 0);
    assert_ptr_equal(timers_first(&timers), &late);
    timers_set(&timers, &late, TIME_NEVER);
    timers_set(&timers, &middle, TIME_NEVER);
    timers_finish(&timers);
}

static void of_those_due_at_once_the_lower_order_comes_first(void **state)
{
    (void)state;
    struct timers timers = {0};
    struct timer all[COUNT] = {0};
    for (uint64_t i = 0; i < COUNT; i++) {
        all[i].order = i * 77 % COUNT;
        timers_set(&timers, &all[i], 5);
    }
    for (uint64_t order = 0; order < COUNT; order++) {
        struct timer *first = timers_first(&timers);
        assert_int_equal(first->order, order);
        timers_set(&timers, first, TIME_NEVER);
    }
    timers_finish(&timers);
}

static void never_takes_a_timer_off_and_does_nothing_to_one_that_is_not_set(void **state)
{
    (void)state;
    struct timers timers = {0};
    struct timer timer = {0};
    timers_set(&timers, &timer, TIME_NEVER);
    assert_int_equal(timer.at, 0);
    timers_set(&timers, &timer, TIME_NEVER - 1);
    assert_true(timers_due(&timers) == TIME_NEVER - 1);
    timers_set(&timers, &timer, TIME_NEVER);
    assert_int_equal(timer.at, 0);
    assert_int_equal(timers.count, 0);
    timers_finish(&timers);
}

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void the_first_is_the_first_of_all_however_they_are_set(void **state)
{
    (void)state;
    struct timers timers = {0};
    struct timer all[COUNT] = {0};
    for (uint64_t i = 0; i < COUNT; i++)
        all[i].order = i;
    for (int step = 0; step < 20000; step++) {
        uint64_t due = random_below(&seed, 3) ? random_below(&seed, 50) : TIME_NEVER;
        timers_set(&timers, &all[random_below(&seed, COUNT)], due);
        const struct timer *first = NULL;
        for (int i = 0; i < COUNT; i++)
            if (all[i].at > 0 && (!first || is_before(&all[i], first)))
                first = &all[i];
        assert_ptr_equal(timers_first(&timers), first);
        assert_true(timers_due(&timers) == (first ? first->due : TIME_NEVER));
        timers_check(&timers);
    }
    for (int i = 0; i < COUNT; i++)
        timers_set(&timers, &all[i], TIME_NEVER);
    timers_finish(&timers);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_due_without_timers),
        cmocka_unit_test(the_earliest_comes_first),
        cmocka_unit_test(of_those_due_at_once_the_lower_order_comes_first),
        cmocka_unit_test(never_takes_a_timer_off_and_does_nothing_to_one_that_is_not_set),
        cmocka_unit_test(the_first_is_the_first_of_all_however_they_are_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

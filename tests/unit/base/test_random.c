#include "base/random.h"

#include "check.h"

static void the_numbers_are_splitmix64s(void **state)
{
    (void)state;
    /* The values that are published for this seed. */
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317),  UINT64_C(3203168211198807973),
        UINT64_C(9817491932198370423),  UINT64_C(4593380528125082431),
        UINT64_C(16408922859458223821),
    };
    struct random random = {1234567};
    for (int i = 0; i < 5; i++)
        assert_true(random_next(&random) == expected[i]);
}

static void below_a_bound_is_below_it_and_reaches_all(void **state)
{
    (void)state;
    struct random random = {1};
    for (uint64_t bound = 1; bound < 40; bound++) {
        uint64_t seen = 0;
        for (int i = 0; i < 2000; i++) {
            uint64_t number = random_below(&random, bound);
            assert_true(number < bound);
            seen |= UINT64_C(1) << number;
        }
        assert_true(seen == (UINT64_C(1) << bound) - 1);
    }
    for (int i = 0; i < 1000; i++)
        assert_true(random_below(&random, UINT64_MAX) < UINT64_MAX);
}

static void below_nothing_is_zero(void **state)
{
    (void)state;
    struct random random = {1};
    assert_int_equal(random_below(&random, 0), 0);
    assert_int_equal(random_below(&random, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_are_splitmix64s),
        cmocka_unit_test(below_a_bound_is_below_it_and_reaches_all),
        cmocka_unit_test(below_nothing_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

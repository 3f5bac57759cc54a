#include "base/time.h"

#include "check.h"

static void milliseconds_are_a_million_nanoseconds_each(void **state)
{
    (void)state;
    assert_true(ns_of_ms(0) == 0);
    assert_true(ns_of_ms(7) == 7 * NS_PER_MS);
    assert_true(ns_of_ms(1000) == NS_PER_S);
}

static void what_is_too_long_for_nanoseconds_is_never(void **state)
{
    (void)state;
    uint64_t longest = TIME_NEVER / NS_PER_MS;
    assert_true(ns_of_ms(longest) == longest * NS_PER_MS && ns_of_ms(longest) < TIME_NEVER);
    assert_true(ns_of_ms(longest + 1) == TIME_NEVER);
    assert_true(ns_of_ms(UINT64_MAX) == TIME_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(milliseconds_are_a_million_nanoseconds_each),
        cmocka_unit_test(what_is_too_long_for_nanoseconds_is_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

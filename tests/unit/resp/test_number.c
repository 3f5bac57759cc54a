#include "resp/number.h"

#include "check.h"
#include "seed.h"

#include <errno.h>
#include <inttypes.h>

static struct random seed;

static void expect_integer(const char *text, int64_t expected)
{
    int64_t value = ~expected;
    assert_true(resp_integer(bytes_text(text), &value));
    assert_true(value == expected);
}

static void expect_no_integer(struct bytes text)
{
    int64_t value;
    assert_false(resp_integer(text, &value));
}

static void whole_numbers_are_read(void **state)
{
    (void)state;
    expect_integer("0", 0);
    expect_integer("7", 7);
    expect_integer("-1", -1);
    expect_integer("1234567890", 1234567890);
    expect_integer("9223372036854775807", INT64_MAX);
    expect_integer("-9223372036854775808", INT64_MIN);
}

static void what_is_nearly_a_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",   "-",  "--1", "+1",  "01",  "00", "-0", "-01",
                                        " 1", "1 ", "1.0", "1e3", "0x1", "a",  "1a"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_no_integer(bytes_text(texts[i]));
    expect_no_integer(bytes_of("1\0", 2));
}

static void what_64_bits_do_not_hold_is_refused(void **state)
{
    (void)state;
    expect_no_integer(bytes_text("9223372036854775808"));
    expect_no_integer(bytes_text("-9223372036854775809"));
    expect_no_integer(bytes_text("18446744073709551617"));
    expect_no_integer(bytes_text("99999999999999999999"));
    expect_no_integer(bytes_text("111111111111111111111"));
}

static int64_t any_number(void)
{
    uint64_t bits = random_next(&seed) >> random_below(&seed, 64);
    return (int64_t)(random_below(&seed, 2) ? bits : -bits);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (int round = 0; round < 100000; round++) {
        int64_t value = any_number(), read = 0;
        char expected[32];
        unsigned char text[RESP_INTEGER_SIZE_MAX];
        size_t size = resp_put_digits(text, value);
        snprintf(expected, sizeof expected, "%" PRId64, value);
        assert_true(bytes_equal(bytes_of(text, size), bytes_text(expected)));
        assert_true(resp_integer(bytes_of(text, size), &read));
        assert_true(read == value);
    }
}

static void expect_timeout(const char *text, int64_t expected)
{
    int64_t timeout_ms = -1;
    assert_int_equal(resp_timeout(bytes_text(text), &timeout_ms), 0);
    assert_true(timeout_ms == expected);
}

static void time_is_read_in_seconds_and_parts_of_them(void **state)
{
    (void)state;
    expect_timeout("0", 0);
    expect_timeout("1", 1000);
    expect_timeout("0.25", 250);
    expect_timeout(".25", 250);
    expect_timeout("1.", 1000);
    expect_timeout("+1", 1000);
    expect_timeout("25e-2", 250);
    expect_timeout("0x.8", 500);
    expect_timeout("0x1p-1", 500);
    expect_timeout("007", 7000);
}

static void time_is_rounded_up(void **state)
{
    (void)state;
    expect_timeout("0.0001", 1);
    expect_timeout("1e-4940", 1);
    expect_timeout("0.2501", 251);
    expect_timeout("-0.0001", 0);
    expect_timeout("-0", 0);
    expect_timeout("-0.001", 0); /* which is nearer to it than its number is */
}

static void time_without_end_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"-0.0011", "-1",   "inf",    "-inf",    "infinity",
                                        "INF",     "9e18", "9.3e15", "0x1p1000"};
    int64_t timeout_ms;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(resp_timeout(bytes_text(texts[i]), &timeout_ms), -ERANGE);
    expect_timeout("9223372036854775", INT64_C(9223372036854775000));
}

static void time_that_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",          "abc",  "nan", "-nan", "NAN(1)", "1,5",           " 1",      "\v1",
        "1 ",        "1e",   "0x",  "--1",  "1_0",    "1e5000",        "1e-5000", "-1e-5000",
        "0x1p99999", "infx", "i",   ".",    "+",      "0x0.001p-99999"};
    int64_t timeout_ms;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(resp_timeout(bytes_text(texts[i]), &timeout_ms), -EINVAL);
    assert_int_equal(resp_timeout(bytes_of("1\0", 2), &timeout_ms), -EINVAL);
}

static void nothing_is_not_too_small(void **state)
{
    (void)state;
    expect_timeout("0e-99999", 0);
    expect_timeout("-0.000E-99999", 0);
    expect_timeout("0x0.0p-99999", 0);
}

static void a_long_number_is_read_up_to_a_bound(void **state)
{
    (void)state;
    static unsigned char digits[RESP_FLOAT_SIZE_MAX + 1];
    int64_t timeout_ms;
    memset(digits, '0', sizeof digits);
    digits[0] = '.';
    digits[1] = '5';
    assert_int_equal(resp_timeout(bytes_of(digits, sizeof digits - 1), &timeout_ms), 0);
    assert_true(timeout_ms == 500);
    assert_int_equal(resp_timeout(bytes_of(digits, sizeof digits), &timeout_ms), -EINVAL);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_read),
        cmocka_unit_test(what_is_nearly_a_number_is_refused),
        cmocka_unit_test(what_64_bits_do_not_hold_is_refused),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(time_is_read_in_seconds_and_parts_of_them),
        cmocka_unit_test(time_is_rounded_up),
        cmocka_unit_test(time_without_end_is_refused),
        cmocka_unit_test(time_that_is_no_number_is_refused),
        cmocka_unit_test(nothing_is_not_too_small),
        cmocka_unit_test(a_long_number_is_read_up_to_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

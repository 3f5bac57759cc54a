#include "server/units.h"

#include "base/time.h"
#include "check.h"

#include <errno.h>
#include <string.h>

static void expect(enum unit_kind kind, const char *text, uint64_t expected)
{
    uint64_t value;
    assert_int_equal(units_read(kind, text, &value), 0);
    assert_true(value == expected);
}

static void expect_refusal(enum unit_kind kind, const char *text)
{
    uint64_t value;
    if (units_read(kind, text, &value) != -EINVAL)
        fail_msg("'%s' is taken", text);
}

static void sizes_have_units_of_1024_in_either_case(void **state)
{
    (void)state;
    expect(UNIT_SIZE, "0", 0);
    expect(UNIT_SIZE, "17", 17);
    expect(UNIT_SIZE, "17b", 17);
    expect(UNIT_SIZE, "4k", 4096);
    expect(UNIT_SIZE, "64mb", 64 << 20);
    expect(UNIT_SIZE, "3GB", UINT64_C(3) << 30);
}

static void durations_need_their_unit(void **state)
{
    (void)state;
    expect(UNIT_DURATION, "0", 0);
    expect(UNIT_DURATION, "500ms", 500 * NS_PER_MS);
    expect(UNIT_DURATION, "30s", 30 * NS_PER_S);
    expect(UNIT_DURATION, "2m", 120 * NS_PER_S);
    expect(UNIT_DURATION, "1h", 3600 * NS_PER_S);
    expect(UNIT_DURATION, "7d", 7 * 24 * 3600 * NS_PER_S);
    expect_refusal(UNIT_DURATION, "30");
    expect_refusal(UNIT_DURATION, "30mb");
}

static void what_is_no_number_or_too_large_a_one_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1x",
        "mb",
        "0x10",
        "1.5mb",
        "18446744073709551616",
        "17179869184gb",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int kind = UNIT_COUNT; kind <= UNIT_DURATION; kind++)
            expect_refusal((enum unit_kind)kind, bad[i]);
    expect(UNIT_COUNT, "18446744073709551615", UINT64_MAX);
    expect(UNIT_SIZE, "17179869183gb", UINT64_C(17179869183) << 30);
    expect_refusal(UNIT_COUNT, "1k");
    expect_refusal(UNIT_DURATION, "213504d");
}

static void what_is_written_reads_the_same(void **state)
{
    static const struct {
        enum unit_kind kind;
        const char *text;
    } cases[] = {
        {UNIT_COUNT, "0"},      {UNIT_COUNT, "1000000"}, {UNIT_SIZE, "0"},
        {UNIT_SIZE, "1025"},    {UNIT_SIZE, "1025kb"},   {UNIT_SIZE, "2gb"},
        {UNIT_DURATION, "0"},   {UNIT_DURATION, "90s"},  {UNIT_DURATION, "2m"},
        {UNIT_DURATION, "1ms"}, {UNIT_DURATION, "36h"},  {UNIT_DURATION, "2d"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[UNITS_TEXT_SIZE];
        uint64_t value;
        assert_int_equal(units_read(cases[i].kind, cases[i].text, &value), 0);
        units_write(cases[i].kind, value, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_units_of_1024_in_either_case),
        cmocka_unit_test(durations_need_their_unit),
        cmocka_unit_test(what_is_no_number_or_too_large_a_one_is_refused),
        cmocka_unit_test(what_is_written_reads_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

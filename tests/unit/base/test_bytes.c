#include "base/bytes.h"

#include "check.h"

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static void equal_is_by_content_and_size(void **state)
{
    (void)state;
    char copy[] = "abc";
    assert_true(bytes_equal(bytes_text("abc"), bytes_text(copy)));
    assert_false(bytes_equal(bytes_text("abc"), bytes_text("abd")));
    assert_false(bytes_equal(bytes_text("abc"), bytes_text("ab")));
    assert_false(bytes_equal(bytes_of("a\0b", 3), bytes_of("a\0c", 3)));
}

static void empty_bytes_need_no_memory(void **state)
{
    (void)state;
    assert_true(bytes_equal(bytes_of(NULL, 0), bytes_text("")));
    assert_int_equal(bytes_compare(bytes_of(NULL, 0), bytes_of(NULL, 0)), 0);
    assert_int_equal(sign(bytes_compare(bytes_of(NULL, 0), bytes_text("a"))), -1);
}

static void bytes_sort_unsigned_and_shorter_first(void **state)
{
    (void)state;
    static const char *sorted[] = {"",  "\1",   "a",    "aa",   "ab",
                                   "b", "\x7f", "\x80", "\xff", "\xff\1"};
    int count = sizeof sorted / sizeof *sorted;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            assert_int_equal(sign(bytes_compare(bytes_text(sorted[i]), bytes_text(sorted[j]))),
                             sign(i - j));
}

static void numbers_are_little_endian_at_any_alignment(void **state)
{
    (void)state;
    for (int shift = 0; shift < 8; shift++) {
        unsigned char room[16] = {0}, *at = room + shift;
        store_u64(at, UINT64_C(0x8807060504030281));
        assert_int_equal(at[0], 0x81);
        assert_int_equal(at[7], 0x88);
        assert_int_equal(load_u16(at), 0x0281);
        assert_int_equal(load_u32(at), 0x04030281);
        assert_true(load_u64(at) == UINT64_C(0x8807060504030281));
        store_u32(at, 0xf0f1f2f3);
        assert_true(load_u64(at) == UINT64_C(0x88070605f0f1f2f3));
        store_u16(at, 0xfeff);
        assert_int_equal(load_u32(at), 0xf0f1feff);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_is_by_content_and_size),
        cmocka_unit_test(empty_bytes_need_no_memory),
        cmocka_unit_test(bytes_sort_unsigned_and_shorter_first),
        cmocka_unit_test(numbers_are_little_endian_at_any_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/bits.h"

#include "check.h"
#include "seed.h"

enum { BITS = 300 };

static struct random seed;

static void filling_changes_just_what_it_names(void **state)
{
    (void)state;
    for (uint32_t first = 0; first < BITS; first += 7) {
        for (uint32_t count = 0; first + count <= BITS; count += 5) {
            uint64_t bits[5] = {0}; /* bits_words(BITS) */
            bits_fill(bits, first, count, true);
            for (uint32_t i = 0; i < BITS; i++)
                assert_int_equal(bits_test(bits, i), i >= first && i < first + count);
            assert_int_equal(bits_count(bits, 0, BITS), count);
            bits_fill(bits, 0, BITS, true);
            bits_fill(bits, first, count, false);
            assert_int_equal(bits_count(bits, 0, BITS), BITS - count);
            assert_int_equal(bits_count(bits, first, count), 0);
        }
    }
}

static void nothing_to_look_through_finds_nothing(void **state)
{
    (void)state;
    uint64_t bits[1] = {~UINT64_C(0)};
    assert_int_equal(bits_find(bits, 5, 5, true), 5);
    assert_int_equal(bits_find_last(bits, 5, 5, true), 5);
    assert_int_equal(bits_find(bits, 0, 64, false), 64);
    assert_int_equal(bits_find_last(bits, 3, 64, false), 3);
    assert_int_equal(bits_count(bits, 64, 0), 0);
}

static void words_hold_all_bits(void **state)
{
    (void)state;
    assert_int_equal(bits_words(0), 0);
    assert_int_equal(bits_words(1), 1);
    assert_int_equal(bits_words(64), 1);
    assert_int_equal(bits_words(65), 2);
    assert_int_equal(bits_words(UINT32_MAX), UINT64_C(1) << 26);
}

static void searching_agrees_with_looking_at_each_bit(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint64_t bits[5];
        for (int i = 0; i < 5; i++) {
            uint64_t word = random_next(&seed) & random_next(&seed) & random_next(&seed);
            bits[i] =
                random_below(&seed, 3) ? word & random_next(&seed) & random_next(&seed) : ~word;
        }
        uint32_t first = (uint32_t)random_below(&seed, BITS);
        uint32_t end = first + (uint32_t)random_below(&seed, BITS + 1 - first);
        bool value = random_below(&seed, 2);
        uint32_t found = first, found_last = end, count = 0;
        while (found < end && bits_test(bits, found) != value)
            found++;
        while (found_last > first && bits_test(bits, found_last - 1) != value)
            found_last--;
        for (uint32_t i = first; i < end; i++)
            count += bits_test(bits, i);
        assert_int_equal(bits_find(bits, first, end, value), found);
        assert_int_equal(bits_find_last(bits, first, end, value), found_last);
        assert_int_equal(bits_count(bits, first, end - first), count);
        uint32_t skipped = bits_skip(bits, first, count);
        assert_int_equal(bits_count(bits, first, skipped - first), count);
        assert_true(count ? bits_test(bits, skipped - 1) : skipped == first);
    }
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filling_changes_just_what_it_names),
        cmocka_unit_test(nothing_to_look_through_finds_nothing),
        cmocka_unit_test(words_hold_all_bits),
        cmocka_unit_test(searching_agrees_with_looking_at_each_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

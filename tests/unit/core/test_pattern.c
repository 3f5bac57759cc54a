#include "core/pattern.h"

#include "check.h"
#include "core/naive_pattern.h"
#include "seed.h"

enum { TEXT_MAX = 64, LEVELS = 4 };

static struct random seed;

static bool matches(const char *pattern, const char *name)
{
    return pattern_matches(bytes_text(pattern), bytes_text(name));
}

static bool is_valid(const char *pattern)
{
    return pattern_is_valid(bytes_text(pattern));
}

/* 1, 0 or -1 as `a` is more, equally or less specific. */
static int compare(const char *a, const char *b)
{
    int order = pattern_compare(bytes_text(a), bytes_text(b));
    return (order > 0) - (order < 0);
}

/* Tokens out of few letters; of a pattern, now and then a wildcard. */
static void make(char *text, bool is_pattern)
{
    uint64_t levels = 1 + random_below(&seed, LEVELS);
    size_t used = 0;
    for (uint64_t level = 0; level < levels; level++) {
        if (level > 0)
            text[used++] = '.';
        uint64_t what = random_below(&seed, 8);
        if (is_pattern && what == 0 && level + 1 == levels)
            text[used++] = '>';
        else if (is_pattern && what < 3)
            text[used++] = '*';
        else
            for (uint64_t size = random_below(&seed, 3); size > 0; size--)
                text[used++] = (char)('a' + random_below(&seed, 2));
    }
    text[used] = '\0';
}

static void a_star_stands_for_one_token_and_the_rest_for_one_or_more(void **state)
{
    (void)state;
    assert_true(matches("a.*.c", "a.b.c"));
    assert_true(matches("a.*.c", "a..c"));
    assert_false(matches("a.*.c", "a.b.b.c"));
    assert_false(matches("a.*", "a"));
    assert_true(matches("a.>", "a.b.c"));
    assert_true(matches("a.>", "a."));
    assert_false(matches("a.>", "a"));
    assert_true(matches(">", "a"));
    assert_false(matches("a", "a.b"));
    assert_false(matches("a.b", "a"));
}

static void wildcards_within_a_token_are_letters(void **state)
{
    (void)state;
    assert_false(matches("a*", "ab"));
    assert_true(matches("a*", "a*"));
    assert_false(matches(">>", "ab"));
    assert_true(is_valid("a>.b"));
}

static void the_rest_stands_last_and_levels_are_counted(void **state)
{
    (void)state;
    char deep[2 * TOPIC_LEVELS_MAX + 2];
    assert_false(is_valid(""));
    assert_false(is_valid(">.a"));
    assert_false(is_valid("a.>."));
    assert_true(is_valid("."));
    for (int i = 0; i < 2 * TOPIC_LEVELS_MAX + 1; i++)
        deep[i] = i % 2 ? '.' : '*';
    deep[2 * TOPIC_LEVELS_MAX + 1] = '\0';
    assert_false(is_valid(deep));
    deep[2 * TOPIC_LEVELS_MAX - 1] = '\0';
    assert_true(is_valid(deep));
}

static void patterns_match_what_their_definition_says(void **state)
{
    (void)state;
    int matched_count = 0;
    for (int round = 0; round < 200000; round++) {
        char pattern[TEXT_MAX], name[TEXT_MAX];
        make(pattern, true);
        make(name, false);
        if (!is_valid(pattern) || !*name)
            continue;
        assert_int_equal(matches(pattern, name), naive_matches(pattern, name));
        matched_count += matches(pattern, name);
    }
    assert_true(matched_count > 1000);
}

static void the_more_a_pattern_says_the_more_specific_it_is(void **state)
{
    (void)state;
    static const char *const rising[] = {">",   "*.>",   "*.*",   "*.b",
                                         "a.>", "a.*.>", "a.*.*", "a.b.>"};
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++)
            assert_int_equal(compare(rising[i], rising[j]), (i > j) - (i < j));
    assert_int_equal(compare("a.b", "a.b.>"), -1); /* no name matches both */
    assert_int_equal(compare("a.b", "c.d"), 0);
    assert_int_equal(compare("a.*", "b.*"), 0);
}

/* Wherever the name is the same, the pattern is. */
static void a_name_is_more_specific_than_every_wildcard_that_matches_it(void **state)
{
    (void)state;
    for (int round = 0; round < 100000; round++) {
        char pattern[TEXT_MAX], name[TEXT_MAX];
        make(pattern, true);
        make(name, false);
        if (is_valid(pattern) && *name && matches(pattern, name))
            assert_int_equal(compare(name, pattern), strcmp(name, pattern) != 0);
    }
}

static void the_order_is_one(void **state)
{
    (void)state;
    for (int round = 0; round < 200000; round++) {
        char a[TEXT_MAX], b[TEXT_MAX], c[TEXT_MAX];
        make(a, true);
        make(b, true);
        make(c, true);
        assert_int_equal(compare(a, a), 0);
        assert_int_equal(compare(a, b), -compare(b, a));
        if (compare(a, b) >= 0 && compare(b, c) >= 0)
            assert_int_equal(compare(a, c), compare(a, b) > 0 || compare(b, c) > 0);
    }
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_stands_for_one_token_and_the_rest_for_one_or_more),
        cmocka_unit_test(wildcards_within_a_token_are_letters),
        cmocka_unit_test(the_rest_stands_last_and_levels_are_counted),
        cmocka_unit_test(patterns_match_what_their_definition_says),
        cmocka_unit_test(the_more_a_pattern_says_the_more_specific_it_is),
        cmocka_unit_test(a_name_is_more_specific_than_every_wildcard_that_matches_it),
        cmocka_unit_test(the_order_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/glob.h"

#include "check.h"
#include "core/naive_glob.h"
#include "seed.h"

enum { GLOB_MAX = 10, NAME_MAX_SIZE = 6 };

static struct random seed;

static bool matches(const char *glob, const char *name)
{
    return glob_matches(bytes_text(glob), bytes_text(name));
}

/* Some bytes out of `letters`. */
static struct bytes make(unsigned char *buffer, size_t size_max, const char *letters, size_t count)
{
    size_t size = random_below(&seed, size_max + 1);
    for (size_t i = 0; i < size; i++)
        buffer[i] = (unsigned char)letters[random_below(&seed, count)];
    return bytes_of(buffer, size);
}

static void a_star_is_any_bytes_and_a_question_mark_is_one(void **state)
{
    (void)state;
    assert_true(matches("news.*", "news.art.figurative"));
    assert_true(matches("news.*", "news."));
    assert_false(matches("news.*", "news"));
    assert_true(matches("h?llo", "hello"));
    assert_false(matches("h?llo", "hllo"));
    assert_true(matches("a**b*", "ab"));
    assert_true(matches("*b*bb", "abcbb"));
    assert_false(matches("*b*bb", "abb."));
    assert_false(matches("ab", "abc"));
    assert_false(matches("abc", "ab"));
}

static void a_class_has_bytes_ranges_and_escapes(void **state)
{
    (void)state;
    assert_true(matches("[a-c]x", "bx"));
    assert_true(matches("[c-a]x", "bx"));
    assert_false(matches("[^a-c]x", "bx"));
    assert_true(matches("[\\]]", "]"));
    assert_true(matches("[\\^]", "^"));
    assert_false(matches("[]]", "]")); /* nothing, and then a bracket */
    assert_true(matches("[^]", "a"));
    assert_true(matches("[\x01-\xff]", "\x01")); /* from -1 to 1 */
    assert_false(matches("[\x01-\xff]", "\x02"));
}

static void what_is_not_closed_ends_with_the_glob(void **state)
{
    (void)state;
    assert_true(matches("[ab", "b"));
    assert_true(matches("[a-", "-"));
    assert_true(matches("[a-]", "`")); /* up to the bracket */
    assert_false(matches("[a-]", "-"));
    assert_false(matches("[", "["));
    assert_true(matches("[^", "a"));
    assert_true(matches("[\\", "\\"));
    assert_true(matches("a\\", "a\\"));
}

static void an_escaped_byte_is_itself(void **state)
{
    (void)state;
    assert_true(matches("\\*", "*"));
    assert_false(matches("\\*", "a"));
    assert_true(matches("\\a", "a"));
}

static void no_name_matches_no_glob_alone(void **state)
{
    (void)state;
    assert_true(matches("", ""));
    assert_false(matches("*", ""));
    assert_false(matches("", "a"));
}

static void globs_match_what_their_definition_says(void **state)
{
    (void)state;
    static const char parts[] = "**??[[]]^-\\\\abc\xff\0", letters[] = "abc-]\\*^[\xff\0";
    int matched_count = 0;
    for (int round = 0; round < 300000; round++) {
        unsigned char glob_bytes[GLOB_MAX], name_bytes[NAME_MAX_SIZE];
        struct bytes glob = make(glob_bytes, GLOB_MAX, parts, sizeof parts - 1);
        struct bytes name = make(name_bytes, NAME_MAX_SIZE, letters, sizeof letters - 1);
        bool is_match = glob_matches(glob, name);
        assert_int_equal(is_match, naive_glob_matches(glob, name));
        matched_count += is_match;
        struct bytes prefix = glob_prefix(glob);
        assert_true(!is_match || (prefix.size <= name.size &&
                                  bytes_equal(prefix, bytes_of(name.data, prefix.size))));
    }
    assert_true(matched_count > 5000);
}

static void the_prefix_ends_where_bytes_stand_for_others(void **state)
{
    (void)state;
    assert_int_equal(glob_prefix(bytes_text("news.*")).size, 5);
    assert_int_equal(glob_prefix(bytes_text("a[b]")).size, 1);
    assert_int_equal(glob_prefix(bytes_text("a\\?")).size, 1);
    assert_int_equal(glob_prefix(bytes_text("?")).size, 0);
    assert_int_equal(glob_prefix(bytes_text("news")).size, 4);
}

/* A matcher that tries each star again would not come back. */
static void many_stars_take_no_longer_than_glob_times_name(void **state)
{
    (void)state;
    unsigned char glob[1025], name[4096];
    for (size_t i = 0; i < sizeof glob; i++)
        glob[i] = i % 2 ? 'a' : '*';
    memset(name, 'a', sizeof name);
    glob[sizeof glob - 1] = 'b';
    assert_false(glob_matches(bytes_of(glob, sizeof glob), bytes_of(name, sizeof name)));
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_is_any_bytes_and_a_question_mark_is_one),
        cmocka_unit_test(a_class_has_bytes_ranges_and_escapes),
        cmocka_unit_test(what_is_not_closed_ends_with_the_glob),
        cmocka_unit_test(an_escaped_byte_is_itself),
        cmocka_unit_test(no_name_matches_no_glob_alone),
        cmocka_unit_test(globs_match_what_their_definition_says),
        cmocka_unit_test(the_prefix_ends_where_bytes_stand_for_others),
        cmocka_unit_test(many_stars_take_no_longer_than_glob_times_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "resp/inline.h"

#include "check.h"

#include <errno.h>
#include <stdlib.h>

enum { WORDS_MAX = 8 };

/* The words of a line. */
struct words {
    unsigned char *copy, *room; /* of the sizes they need, so that a sanitizer sees who goes past */
    struct bytes word[WORDS_MAX];
    unsigned count;
    int result;
};

static struct words words_of(struct bytes line)
{
    struct words words = {.copy = malloc(line.size + 1), .room = malloc(line.size + 1)};
    unsigned char *copy = words.copy + 1, *room = words.room + 1;
    bytes_copy(copy, line);
    struct inline_text text = {copy, copy + line.size, room};
    while ((words.result = inline_word(&text, &words.word[words.count])) > 0)
        assert_true(++words.count < WORDS_MAX);
    return words;
}

static void words_free(struct words *words)
{
    free(words->copy);
    free(words->room);
}

/* The words are those up to the NULL. */
static void expect(const char *text, const char *const *expected)
{
    struct words words = words_of(bytes_text(text));
    assert_int_equal(words.result, 0);
    for (unsigned i = 0; i < words.count; i++) {
        assert_non_null(expected[i]);
        assert_true(bytes_equal(words.word[i], bytes_text(expected[i])));
    }
    assert_null(expected[words.count]);
    words_free(&words);
}

#define EXPECT(text, ...) expect(text, (const char *const[]){__VA_ARGS__, NULL})

static void expect_refused(const char *text)
{
    struct words words = words_of(bytes_text(text));
    assert_int_equal(words.result, -EBADMSG);
    words_free(&words);
}

static void words_are_what_is_between_spaces(void **state)
{
    (void)state;
    EXPECT("LPUSH jobs job", "LPUSH", "jobs", "job");
    EXPECT("  PING\t\va\r \n", "PING", "a");
    EXPECT("", NULL);
    EXPECT(" \t\r\v\f", NULL);
}

static void rare_spaces_do_not_end_a_word(void **state)
{
    (void)state;
    EXPECT("a\vb\fc d", "a\vb\fc", "d");
}

static void quotes_keep_spaces(void **state)
{
    (void)state;
    EXPECT("ECHO \"a b\" 'c  d'", "ECHO", "a b", "c  d");
    EXPECT("\"\" ''", "", "");
    EXPECT("\"'\" '\"'", "'", "\"");
}

static void quotes_may_begin_within_a_word(void **state)
{
    (void)state;
    EXPECT("PI\"N G\" x", "PIN G", "x");
    EXPECT("a'b'", "ab");
}

static void quotes_end_with_a_word(void **state)
{
    (void)state;
    EXPECT("\"a\"\vb", "a", "b");
    expect_refused("\"a\"b");
    expect_refused("\"a\"'b'");
    expect_refused("''\"\"");
}

static void quotes_that_do_not_end_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"\"",      "'",      "a \"",      "\"abc",   "'abc",
                                        "\"abc\\", "'abc\\", "\"abc\\\"", "'abc\\'", "\"\\x4"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_refused(texts[i]);
}

static void escapes_stand_for_bytes_between_double_quotes(void **state)
{
    (void)state;
    EXPECT("\"\\n\\r\\t\\b\\a\\\\\\\"\\q\"", "\n\r\t\b\a\\\"q");
    EXPECT("\"\\x41\\xfF\\x4\\xg1\"", "A\xffx4xg1");
    EXPECT("\\x41 a\\nb", "\\x41", "a\\nb");
}

static void a_zero_can_be_written(void **state)
{
    (void)state;
    struct words words = words_of(bytes_text("\"a\\x00b\""));
    assert_int_equal(words.count, 1);
    assert_true(bytes_equal(words.word[0], bytes_of("a\0b", 3)));
    words_free(&words);
}

static void single_quotes_escape_nothing_but_themselves(void **state)
{
    (void)state;
    EXPECT("'a\\'b\\n\\x41\\'' c", "a'b\\n\\x41'", "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_what_is_between_spaces),
        cmocka_unit_test(rare_spaces_do_not_end_a_word),
        cmocka_unit_test(quotes_keep_spaces),
        cmocka_unit_test(quotes_may_begin_within_a_word),
        cmocka_unit_test(quotes_end_with_a_word),
        cmocka_unit_test(quotes_that_do_not_end_are_refused),
        cmocka_unit_test(escapes_stand_for_bytes_between_double_quotes),
        cmocka_unit_test(a_zero_can_be_written),
        cmocka_unit_test(single_quotes_escape_nothing_but_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

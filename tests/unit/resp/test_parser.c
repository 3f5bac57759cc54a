#include "resp/parser.h"

#include "base/array.h"
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 64 };

static const struct resp_limits friend = {
    .words_max = INT32_MAX, .word_size_max = 512 * 1024 * 1024, .size_max = RESP_SIZE_MAX};

static const struct resp_limits stranger = {.words_max = INT32_MAX,
                                            .word_size_max = 512 * 1024 * 1024,
                                            .size_max = 4096,
                                            .is_stranger = true};

/* Bytes as they come, moved at each step and never with more room than they need. */
struct stream {
    struct resp_parser parser;
    const struct resp_limits *limits;
    struct bytes all;
    unsigned char *copy;
    size_t came;
    int result;
};

static struct stream stream_of(const struct resp_limits *limits, struct bytes all)
{
    return (struct stream){.limits = limits, .all = all};
}

static struct bytes came(const struct stream *stream)
{
    return bytes_of(stream->copy, stream->came);
}

/* Has the stream grow to `size` bytes, and be read on. */
static int grow(struct stream *stream, size_t size)
{
    assert_true(size <= stream->all.size);
    unsigned char *copy = malloc(size ? size : 1);
    bytes_copy(copy, bytes_of(stream->all.data, size));
    free(stream->copy);
    stream->copy = copy;
    stream->came = size;
    return stream->result = resp_parse(&stream->parser, came(stream), stream->limits);
}

static void stream_free(struct stream *stream)
{
    resp_parser_finish(&stream->parser);
    free(stream->copy);
}

/* Reads byte by byte until something comes of it. */
static void read_bytes(struct stream *stream)
{
    for (size_t size = 0; size <= stream->all.size && stream->result == 0; size++)
        if (grow(stream, size) == 0)
            assert_true(stream->parser.wanted > size);
}

/* Reads what is wanted each time. */
static void read_wanted(struct stream *stream)
{
    while (grow(stream, stream->parser.wanted) == 0)
        assert_true(stream->parser.wanted > stream->came);
}

static void expect_words(const struct stream *stream, const struct bytes *words, uint32_t count)
{
    assert_int_equal(stream->result, stream->all.size);
    assert_int_equal(stream->parser.words_count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_true(bytes_equal(resp_word(&stream->parser, came(stream), i), words[i]));
}

/* However it is cut, `text` is a command of those words, and it is not over before its end. */
static void expect(const struct resp_limits *limits, struct bytes text, const struct bytes *words,
                   uint32_t count)
{
    struct stream bytewise = stream_of(limits, text), wanted = bytewise;
    read_bytes(&bytewise);
    expect_words(&bytewise, words, count);
    stream_free(&bytewise);
    read_wanted(&wanted);
    expect_words(&wanted, words, count);
    stream_free(&wanted);
    for (size_t cut = 0; cut < text.size; cut++) {
        struct stream halves = stream_of(limits, text);
        assert_int_equal(grow(&halves, cut), 0);
        assert_true(halves.parser.wanted <= text.size);
        grow(&halves, text.size);
        expect_words(&halves, words, count);
        stream_free(&halves);
    }
}

/* The words are those up to the NULL. */
static void expect_text(const char *text, const char *const *expected)
{
    struct bytes words[WORDS_MAX];
    uint32_t count = 0;
    for (; expected[count]; count++)
        words[count] = bytes_text(expected[count]);
    expect(&friend, bytes_text(text), words, count);
}

#define EXPECT(text, ...) expect_text(text, (const char *const[]){__VA_ARGS__, NULL})

/* However it is cut, `text` comes to that error with its last byte; or, with NULL, to nothing yet. */
static void expect_verdict(const struct resp_limits *limits, struct bytes text, const char *error)
{
    struct stream bytewise = stream_of(limits, text), whole = bytewise;
    read_bytes(&bytewise);
    assert_int_equal(bytewise.came, text.size);
    assert_int_equal(bytewise.result, error ? -EBADMSG : 0);
    grow(&whole, text.size);
    assert_int_equal(whole.result, error ? -EBADMSG : 0);
    assert_string_equal(bytewise.parser.error, error ? error : "");
    assert_string_equal(whole.parser.error, error ? error : "");
    stream_free(&bytewise);
    stream_free(&whole);
}

static void expect_error(const char *text, const char *error)
{
    expect_verdict(&friend, bytes_text(text), error);
}

static void expect_more(const char *text)
{
    expect_verdict(&friend, bytes_text(text), NULL);
}

static void a_command_is_an_array_of_words(void **state)
{
    (void)state;
    EXPECT("*1\r\n$4\r\nPING\r\n", "PING");
    EXPECT("*3\r\n$5\r\nLPUSH\r\n$4\r\njobs\r\n$5\r\na job\r\n", "LPUSH", "jobs", "a job");
    EXPECT("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", "ECHO", "");
    EXPECT("*1\r\n$12\r\ntwelve bytes\r\n", "twelve bytes");
}

static void a_word_may_be_any_bytes(void **state)
{
    (void)state;
    struct bytes words[] = {bytes_text("ECHO"), bytes_of("\0\r\n$1*", 6)};
    expect(&friend, bytes_of("*2\r\n$4\r\nECHO\r\n$6\r\n\0\r\n$1*\r\n", 26), words, 2);
}

static void nothing_is_a_command_of_no_words(void **state)
{
    (void)state;
    EXPECT("*0\r\n", NULL);
    EXPECT("*-1\r\n", NULL);
    EXPECT("*-9223372036854775808\r\n", NULL);
    EXPECT("\r\n", NULL);
    EXPECT("\n", NULL);
    EXPECT("  \t\r\n", NULL);
}

/* Redis looks at the return alone, and at neither byte behind a word. */
static void ends_are_two_bytes_of_which_one_matters(void **state)
{
    (void)state;
    EXPECT("*1\rX$4\rXPING\rX", "PING");
    EXPECT("*1\r\n$4\r\nPINGxx", "PING");
}

static void a_line_is_a_command(void **state)
{
    (void)state;
    EXPECT("PING\r\n", "PING");
    EXPECT("PING\n", "PING");
    EXPECT("LPUSH jobs \"a job\" '' \r\n", "LPUSH", "jobs", "a job", "");
    EXPECT("ECHO a\rb\r\r\n", "ECHO", "a", "b");
}

/* It is for the session to hang up. */
static void a_request_of_http_has_a_first_word_like_others(void **state)
{
    (void)state;
    EXPECT("POST / HTTP/1.1\r\n", "POST", "/", "HTTP/1.1");
    EXPECT("Host: localhost\r\n", "Host:", "localhost");
}

static void what_follows_is_another_command(void **state)
{
    (void)state;
    struct bytes pair = bytes_text("*1\r\n$4\r\nPING\r\n*0\r\n");
    struct stream stream = stream_of(&friend, pair);
    assert_int_equal(grow(&stream, pair.size), pair.size - 4);
    resp_parser_reset(&stream.parser);
    assert_int_equal(stream.parser.words_count, 0);
    stream_free(&stream);
    struct bytes lines = bytes_text("PING\r\nPING\r\n");
    stream = stream_of(&friend, lines);
    assert_int_equal(grow(&stream, lines.size), lines.size / 2);
    stream_free(&stream);
}

static void a_parser_reads_one_command_after_another(void **state)
{
    (void)state;
    struct resp_parser parser = {0};
    static const char *const texts[] = {"*2\r\n$4\r\nECHO\r\n$1\r\na\r\n", "ECHO \"b\"\r\n",
                                        "*2\r\n$4\r\nECHO\r\n$1\r\nc\r\n"};
    for (int i = 0; i < 3; i++) {
        struct bytes in = bytes_text(texts[i]);
        assert_int_equal(resp_parse(&parser, bytes_of(in.data, in.size / 2), &friend), 0);
        assert_int_equal(resp_parse(&parser, in, &friend), in.size);
        assert_int_equal(parser.words_count, 2);
        assert_true(bytes_equal(resp_word(&parser, in, 1), bytes_of(&"abc"[i], 1)));
        resp_parser_reset(&parser);
    }
    resp_parser_finish(&parser);
}

static void a_word_is_wanted_as_a_whole(void **state)
{
    (void)state;
    struct bytes in = bytes_text("*1\r\n$100000\r\nabc");
    struct resp_parser parser = {0};
    assert_int_equal(resp_parse(&parser, in, &friend), 0);
    assert_int_equal(parser.wanted, in.size - 3 + 100000 + 2);
    resp_parser_finish(&parser);
}

static void a_count_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const counts[] = {"*\r\n",
                                         "*x\r\n",
                                         "*+1\r\n",
                                         "*01\r\n",
                                         "* 1\r\n",
                                         "*1 \r\n",
                                         "*1\nX\r\n",
                                         "*-0\r\n",
                                         "**1\r\n",
                                         "*9223372036854775808\r\n",
                                         "*-9223372036854775809\r\n",
                                         "*2147483648\r\n"};
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++)
        expect_error(counts[i], "invalid multibulk length");
}

static void a_size_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const sizes[] = {"-1",
                                        "",
                                        "x",
                                        "+4",
                                        "04",
                                        " 4",
                                        "4 ",
                                        "4x",
                                        "-0",
                                        "00",
                                        "536870913",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "-9223372036854775808",
                                        "18446744073709551620",
                                        "99999999999999999999999"};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char text[64];
        snprintf(text, sizeof text, "*1\r\n$%s\r\n", sizes[i]);
        expect_error(text, "invalid bulk length");
        snprintf(text, sizeof text, "*2\r\n$4\r\nECHO\r\n$%s\r\n", sizes[i]);
        expect_error(text, "invalid bulk length");
    }
}

/* What is behind it makes a size that is short and in order quicker to read. */
static void a_size_that_is_none_is_refused_whatever_follows(void **state)
{
    (void)state;
    static const char *const sizes[] = {"", "04", "00", "4x", "x", "-1", "+4", " 4", "536870913"};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char text[64];
        snprintf(text, sizeof text, "*1\r\n$%s\r\nPING\r\nPING\r\n", sizes[i]);
        struct stream stream = stream_of(&friend, bytes_text(text));
        assert_int_equal(grow(&stream, stream.all.size), -EBADMSG);
        assert_string_equal(stream.parser.error, "invalid bulk length");
        stream_free(&stream);
    }
}

/* Around the most digits that are read quickly. */
static void sizes_of_any_length_are_read(void **state)
{
    (void)state;
    for (uint32_t size = 1; size <= 100 * 1000 * 1000; size *= 10) {
        char text[64];
        snprintf(text, sizeof text, "*1\r\n$%u\r\nPING\r\nPING\r\n", size);
        struct resp_parser parser = {0};
        int result = resp_parse(&parser, bytes_text(text), &friend);
        assert_int_equal(result > 0, size <= 10);
        if (result == 0)
            assert_int_equal(parser.wanted, strcspn(text, "P") + size + 2);
        resp_parser_finish(&parser);
    }
}

static void a_word_must_be_announced(void **state)
{
    (void)state;
    expect_error("*1\r\n4\r\n", "expected '$', got '4'");
    expect_error("*1\r\n\xff\r\n", "expected '$', got '\xff'");
    expect_error("*1\r\n\r\n", "expected '$', got '\r'");
    expect_error("*2\r\n$4\r\nPING\r\n*1\r\n", "expected '$', got '*'");
    expect_error("*2\r\n$4\r\nPING\r\n\n\r\n", "expected '$', got '\n'");
}

static void quotes_must_be_closed(void **state)
{
    (void)state;
    expect_error("ECHO \"a\n", "unbalanced quotes in request");
    expect_error("ECHO \"a\"b\r\n", "unbalanced quotes in request");
}

static void what_is_not_over_is_waited_for(void **state)
{
    (void)state;
    expect_more("*1\r");
    expect_more("*x");
    expect_more("*1\r\nx\r");
    expect_more("*1\r\n$536870912\r\n");
    expect_more("*1\r\n$4\r\nPING\r");
    expect_more("PING\r");
}

/* Nobody reads behind a zero in a line, and so there is no end of it. */
static void a_zero_hides_the_end_of_a_line(void **state)
{
    (void)state;
    expect_verdict(&friend, bytes_of("*\0\r\n", 4), NULL);
    expect_verdict(&friend, bytes_of("\0\r\n", 3), NULL);
    expect_verdict(&friend, bytes_of("ECHO a\0b\r\n", 10), NULL);
    expect_verdict(&friend, bytes_of("*1\r\n$1\0\r\na\r\n", 12), NULL);
}

/* Of many `filling` bytes behind a beginning, as many as a line may have, and one more. */
static void expect_line_bound(const char *before, unsigned char filling, const char *error)
{
    size_t size = strlen(before);
    const char *start = strrchr(before, '\n');
    size_t line_size = size - (start ? (size_t)(start + 1 - before) : 0);
    static unsigned char text[RESP_LINE_MAX + 64];
    memset(text, filling, sizeof text);
    bytes_copy(text, bytes_text(before));
    size += RESP_LINE_MAX - line_size;
    struct stream stream = stream_of(&friend, bytes_of(text, sizeof text));
    assert_int_equal(grow(&stream, size / 2), 0);
    assert_int_equal(grow(&stream, size), 0);
    assert_int_equal(stream.parser.wanted, size + 1);
    assert_int_equal(grow(&stream, size + 1), -EBADMSG);
    assert_string_equal(stream.parser.error, error);
    stream_free(&stream);
    stream = stream_of(&friend, bytes_of(text, sizeof text));
    assert_int_equal(grow(&stream, sizeof text), -EBADMSG);
    assert_string_equal(stream.parser.error, error);
    stream_free(&stream);
}

static void a_line_is_read_up_to_a_bound(void **state)
{
    (void)state;
    static const unsigned char fillings[] = {'1', 0};
    for (int i = 0; i < 2; i++) {
        expect_line_bound("P", fillings[i], "too big inline request");
        expect_line_bound("*", fillings[i], "too big mbulk count string");
        expect_line_bound("*1\r\n$", fillings[i], "too big bulk count string");
        expect_line_bound("*2\r\n$4\r\nECHO\r\nx", fillings[i], "too big bulk count string");
    }
}

static void the_longest_line_is_a_command(void **state)
{
    (void)state;
    static unsigned char text[RESP_LINE_MAX + 1];
    memset(text, 'a', RESP_LINE_MAX);
    text[RESP_LINE_MAX] = '\n';
    struct bytes word = bytes_of(text, RESP_LINE_MAX);
    struct stream stream = stream_of(&friend, bytes_of(text, sizeof text));
    read_wanted(&stream);
    expect_words(&stream, &word, 1);
    stream_free(&stream);
}

static void memory_is_for_what_came(void **state)
{
    (void)state;
    uint64_t before = memory_used();
    struct bytes in = bytes_text("*1000000000\r\n$0\r\n\r\n$512000000\r\n");
    struct resp_parser parser = {0};
    assert_int_equal(resp_parse(&parser, in, &friend), 0);
    assert_true(memory_used() - before <= 256);
    resp_parser_finish(&parser);
    assert_true(memory_used() == before);
}

static void a_reset_parser_keeps_little(void **state)
{
    (void)state;
    enum { WORDS = 100000 };
    uint64_t before = memory_used();
    struct resp_parser parser = {0};
    unsigned char *text = malloc(16 + 6 * WORDS);
    size_t size = (size_t)snprintf((char *)text, 16, "*%d\r\n", WORDS);
    for (int i = 0; i < WORDS; i++, size += 6)
        bytes_copy(text + size, bytes_text("$0\r\n\r\n"));
    assert_int_equal(resp_parse(&parser, bytes_of(text, size), &friend), size);
    assert_int_equal(parser.words_count, WORDS);
    resp_parser_reset(&parser);
    assert_true(memory_used() == before);
    assert_int_equal(resp_parse(&parser, bytes_text("SET a b\r\n"), &friend), 9);
    resp_parser_reset(&parser);
    assert_true(memory_used() - before <= 256);
    resp_parser_finish(&parser);
    free(text);
}

static void a_command_is_read_up_to_a_bound(void **state)
{
    (void)state;
    const struct resp_limits tight = {.words_max = 3, .word_size_max = 10, .size_max = 32};
    struct bytes whole = bytes_text("*2\r\n$10\r\n0123456789\r\n$1\r\na\r\n");
    struct bytes words[] = {bytes_text("0123456789"), bytes_text("a")};
    expect(&tight, whole, words, 2);
    expect_verdict(&tight, bytes_text("*4\r\n"), "invalid multibulk length");
    expect_verdict(&tight, bytes_text("*1\r\n$11\r\n"), "invalid bulk length");
    expect_verdict(&tight, bytes_text("*2\r\n$10\r\n0123456789\r\n$6\r\n"), "invalid bulk length");
    expect_verdict(&tight, bytes_text("*2\r\n$10\r\n0123456789\r\n$44444444444"),
                   "too big bulk count string");
    expect_verdict(&tight, bytes_text("012345678901234567890123456789012"),
                   "too big inline request");
}

/* Where its end lies within a line, the line is read to its own end. */
static void a_bound_is_the_same_however_what_passes_it_is_cut(void **state)
{
    (void)state;
    struct bytes text = bytes_text("*2\r\n$4\r\nECHO\r\n$12\r\nmore of it");
    struct resp_limits tight = friend;
    for (tight.size_max = 14; tight.size_max <= 20; tight.size_max++) {
        struct stream bytewise = stream_of(&tight, text), whole = bytewise;
        read_bytes(&bytewise);
        assert_int_equal(bytewise.result, -EBADMSG);
        assert_string_equal(bytewise.parser.error, "invalid bulk length");
        grow(&whole, text.size);
        assert_int_equal(whole.result, -EBADMSG);
        assert_string_equal(whole.parser.error, "invalid bulk length");
        stream_free(&bytewise);
        stream_free(&whole);
    }
}

static void of_a_stranger_less_is_read(void **state)
{
    (void)state;
    struct bytes auth = bytes_text("*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n");
    struct bytes words[] = {bytes_text("AUTH"), bytes_text("x")};
    expect(&stranger, auth, words, 2);
    expect_verdict(&stranger, bytes_text("*10\r\n"), NULL);
    expect_verdict(&stranger, bytes_text("*11\r\n"), "unauthenticated multibulk length");
    expect_verdict(&stranger, bytes_text("*2147483648\r\n"), "invalid multibulk length");
    expect_verdict(&stranger, bytes_text("*1\r\n$16385\r\n"), "unauthenticated bulk length");
    expect_verdict(&stranger, bytes_text("*1\r\n$4083\r\n"), NULL);
    expect_verdict(&stranger, bytes_text("*1\r\n$4084\r\n"), "unauthenticated bulk length");
    expect_verdict(&stranger, bytes_text("*1\r\n$536870913\r\n"), "invalid bulk length");
    expect_verdict(&stranger, bytes_text("a b c d e f g h i j k\r\n"),
                   "unauthenticated multibulk length");
    struct resp_limits wide = stranger;
    wide.size_max = RESP_SIZE_MAX;
    expect_verdict(&wide, bytes_text("*1\r\n$16384\r\n"), NULL);
    expect_verdict(&wide, bytes_text("*1\r\n$16385\r\n"), "unauthenticated bulk length");
}

/* Reads `cut` bytes of a command, then passes over the rest of it `step` bytes at a time. */
static void expect_skipped(struct bytes text, size_t size, size_t cut, size_t step)
{
    struct stream stream = stream_of(&friend, text);
    assert_int_equal(grow(&stream, cut), 0);
    size_t passed = 0, end = cut;
    while (stream.parser.words_left > 0) {
        assert_true(end <= text.size);
        int result = resp_skip(&stream.parser, bytes_of(text.data + passed, end - passed), &friend);
        assert_true(result >= 0);
        passed += (size_t)result;
        if (stream.parser.words_left > 0)
            end = end + step < text.size ? end + step : text.size;
    }
    assert_int_equal(passed, size);
    stream_free(&stream);
}

static void what_is_not_wanted_is_passed_over_wherever_it_is_cut(void **state)
{
    (void)state;
    static const char skipped[] = "*3\r\n$5\r\nLPUSH\r\n$0\r\n\r\n$12\r\nhello, world\r\n";
    static const char text[] = "*3\r\n$5\r\nLPUSH\r\n$0\r\n\r\n$12\r\nhello, world\r\n"
                               "*1\r\n$4\r\nPING\r\n";
    for (size_t cut = 4; cut < sizeof skipped - 1; cut++)
        for (size_t step = 1; step < 20; step++)
            expect_skipped(bytes_of(text, sizeof text - 1), sizeof skipped - 1, cut, step);
}

static void what_is_passed_over_must_be_in_order(void **state)
{
    (void)state;
    struct bytes text = bytes_text("*3\r\n$5\r\nLPUSH\r\n$3\r\nabc\r\nabc\r\n");
    struct stream stream = stream_of(&friend, text);
    assert_int_equal(grow(&stream, 20), 0);
    assert_int_equal(resp_skip(&stream.parser, text, &friend), -EBADMSG);
    assert_string_equal(stream.parser.error, "expected '$', got 'a'");
    stream_free(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_an_array_of_words),
        cmocka_unit_test(a_word_may_be_any_bytes),
        cmocka_unit_test(nothing_is_a_command_of_no_words),
        cmocka_unit_test(ends_are_two_bytes_of_which_one_matters),
        cmocka_unit_test(a_line_is_a_command),
        cmocka_unit_test(a_request_of_http_has_a_first_word_like_others),
        cmocka_unit_test(what_follows_is_another_command),
        cmocka_unit_test(a_parser_reads_one_command_after_another),
        cmocka_unit_test(a_word_is_wanted_as_a_whole),
        cmocka_unit_test(a_count_that_is_none_is_refused),
        cmocka_unit_test(a_size_that_is_none_is_refused),
        cmocka_unit_test(a_size_that_is_none_is_refused_whatever_follows),
        cmocka_unit_test(sizes_of_any_length_are_read),
        cmocka_unit_test(a_word_must_be_announced),
        cmocka_unit_test(quotes_must_be_closed),
        cmocka_unit_test(what_is_not_over_is_waited_for),
        cmocka_unit_test(a_zero_hides_the_end_of_a_line),
        cmocka_unit_test(a_line_is_read_up_to_a_bound),
        cmocka_unit_test(the_longest_line_is_a_command),
        cmocka_unit_test(memory_is_for_what_came),
        cmocka_unit_test(a_reset_parser_keeps_little),
        cmocka_unit_test(a_command_is_read_up_to_a_bound),
        cmocka_unit_test(a_bound_is_the_same_however_what_passes_it_is_cut),
        cmocka_unit_test(of_a_stranger_less_is_read),
        cmocka_unit_test(what_is_not_wanted_is_passed_over_wherever_it_is_cut),
        cmocka_unit_test(what_is_passed_over_must_be_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

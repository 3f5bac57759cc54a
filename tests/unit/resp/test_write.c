#include "resp/write.h"

#include "check.h"

#include <stdlib.h>

static unsigned char *room;

/* Room for `size` bytes and no more, so that a sanitizer sees who writes past it. */
static unsigned char *room_of(size_t size)
{
    free(room);
    room = malloc(size);
    return room;
}

static void expect(size_t size, const char *expected)
{
    assert_true(bytes_equal(bytes_of(room, size), bytes_text(expected)));
}

static int free_room(void **state)
{
    (void)state;
    free(room);
    room = NULL;
    return 0;
}

static void short_answers_are_lines(void **state)
{
    (void)state;
    expect(resp_put_simple(room_of(RESP_LINE_COST + 2), bytes_text("OK")), "+OK\r\n");
    expect(resp_put_error(room_of(RESP_LINE_COST + 8), bytes_text("ERR such")), "-ERR such\r\n");
    expect(resp_put_integer(room_of(RESP_HEAD_SIZE_MAX), -1), ":-1\r\n");
    expect(resp_put_integer(room_of(RESP_HEAD_SIZE_MAX), INT64_MIN), ":-9223372036854775808\r\n");
}

static void integers_that_count_up_are_like_those_that_stand_alone(void **state)
{
    (void)state;
    static const int64_t firsts[] = {0, 1, 8, 95, 999, -3, INT64_MAX - 20};
    unsigned char together[16 * RESP_HEAD_SIZE_MAX], alone[16 * RESP_HEAD_SIZE_MAX];
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
        for (uint32_t step = 0; step <= 2; step++) {
            size_t size = 0;
            for (uint32_t n = 0; n < 10; n++)
                size += resp_put_integer(alone + size, firsts[i] + (int64_t)n * step);
            assert_int_equal(resp_put_integers(together, firsts[i], step, 10), size);
            assert_memory_equal(together, alone, size);
        }
}

static void an_error_is_one_line_whatever_a_client_wrote(void **state)
{
    (void)state;
    expect(resp_put_error(room_of(RESP_LINE_COST + 6), bytes_text("\r\na\nb\r")), "-  a b \r\n");
}

static void an_error_shows_the_beginning_of_a_word(void **state)
{
    (void)state;
    static const char word[256] = "word";
    assert_int_equal(resp_excerpt(bytes_of(word, sizeof word), RESP_EXCERPT_MAX).size, 4);
    assert_int_equal(resp_excerpt(bytes_of(word, sizeof word), 3).size, 3);
    assert_int_equal(resp_excerpt(bytes_of(word, 2), 3).size, 2);
    assert_int_equal(resp_excerpt((struct bytes){0}, 3).size, 0);
}

static void bulk_strings_are_whole_or_in_parts(void **state)
{
    (void)state;
    struct bytes word = bytes_of("a\r\nb\0", 5);
    size_t size = resp_put_bulk(room_of(RESP_BULK_COST + 5), word);
    assert_true(bytes_equal(bytes_of(room, size), bytes_of("$5\r\na\r\nb\0\r\n", 11)));
    expect(resp_put_bulk(room_of(RESP_BULK_COST), (struct bytes){0}), "$0\r\n\r\n");
    expect(resp_put_bulk_head(room_of(RESP_HEAD_SIZE_MAX), 1048576), "$1048576\r\n");
    expect(resp_put_end(room_of(RESP_END_SIZE)), "\r\n");
}

static void texts_for_people_say_so_if_they_can(void **state)
{
    (void)state;
    expect(resp_put_verbatim_head(room_of(RESP_VERBATIM_HEAD_SIZE_MAX), 2, 10), "$10\r\n");
    expect(resp_put_verbatim_head(room_of(RESP_VERBATIM_HEAD_SIZE_MAX), 3, 10), "=14\r\ntxt:");
}

static void nothing_has_a_kind_in_the_older_protocol(void **state)
{
    (void)state;
    expect(resp_put_null(room_of(RESP_NULL_SIZE_MAX), 2), "$-1\r\n");
    expect(resp_put_null_array(room_of(RESP_NULL_SIZE_MAX), 2), "*-1\r\n");
    expect(resp_put_null(room_of(RESP_NULL_SIZE_MAX), 3), "_\r\n");
    expect(resp_put_null_array(room_of(RESP_NULL_SIZE_MAX), 3), "_\r\n");
}

static void all_is_an_array_in_the_older_protocol(void **state)
{
    (void)state;
    unsigned char *to = room_of(RESP_HEAD_SIZE_MAX);
    expect(resp_put_array(to, 3), "*3\r\n");
    expect(resp_put_map(to, 2, 3), "*6\r\n");
    expect(resp_put_set(to, 2, 3), "*3\r\n");
    expect(resp_put_push(to, 2, 3), "*3\r\n");
}

static void the_newer_protocol_has_maps_sets_and_pushes(void **state)
{
    (void)state;
    unsigned char *to = room_of(RESP_HEAD_SIZE_MAX);
    expect(resp_put_map(to, 3, 3), "%3\r\n");
    expect(resp_put_set(to, 3, 3), "~3\r\n");
    expect(resp_put_push(to, 3, 3), ">3\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_answers_are_lines),
        cmocka_unit_test(integers_that_count_up_are_like_those_that_stand_alone),
        cmocka_unit_test(an_error_is_one_line_whatever_a_client_wrote),
        cmocka_unit_test(an_error_shows_the_beginning_of_a_word),
        cmocka_unit_test(bulk_strings_are_whole_or_in_parts),
        cmocka_unit_test(texts_for_people_say_so_if_they_can),
        cmocka_unit_test(nothing_has_a_kind_in_the_older_protocol),
        cmocka_unit_test(all_is_an_array_in_the_older_protocol),
        cmocka_unit_test(the_newer_protocol_has_maps_sets_and_pushes),
    };
    return cmocka_run_group_tests(tests, NULL, free_room);
}

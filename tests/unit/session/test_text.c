#include "session/text.h"

#include "check.h"
#include "seed.h"

static struct random seed;

static void put(struct text *text, const char *what)
{
    memcpy(text_reserve(text, strlen(what)), what, strlen(what));
}

static void expect(const struct text *text, const char *expected)
{
    assert_true(bytes_equal(text_bytes(text), bytes_text(expected)));
}

static void it_grows_at_its_end_and_goes_from_its_front(void **state)
{
    (void)state;
    struct text text = {0};
    put(&text, "hello ");
    put(&text, "world");
    expect(&text, "hello world");
    text_take(&text, 6);
    expect(&text, "world");
    put(&text, "!");
    expect(&text, "world!");
    text_take(&text, 6);
    expect(&text, "");
    text_finish(&text);
}

static void what_is_taken_stays_readable_until_more_comes(void **state)
{
    (void)state;
    struct text text = {0};
    put(&text, "hello world");
    const unsigned char *taken = text_bytes(&text).data;
    text_take(&text, 6);
    text_take(&text, 5);
    assert_memory_equal(taken, "hello world", 11);
    text_finish(&text);
}

static void room_is_made_at_the_front_before_it_grows(void **state)
{
    (void)state;
    struct text text = {0};
    put(&text, "0123456789");
    size_t capacity = text.capacity;
    for (int i = 0; i < 1000; i++) {
        text_take(&text, 5);
        put(&text, "abcde");
    }
    assert_int_equal(text.capacity, capacity);
    expect(&text, "abcdeabcde");
    text_finish(&text);
}

static void much_is_not_moved_for_the_little_that_goes(void **state)
{
    (void)state;
    struct text text = {0};
    int moves = 0;
    memset(text_reserve(&text, 65536), 'x', 65536);
    for (int i = 0; i < 10000; i++) {
        text_take(&text, 1);
        uint32_t first = text.first;
        put(&text, "y");
        moves += text.first < first;
    }
    assert_in_range(moves, 0, 1);
    text_finish(&text);
}

static void resting_gives_back_the_memory_of_nothing(void **state)
{
    (void)state;
    struct text text = {0};
    text_rest(&text);
    put(&text, "ab");
    text_take(&text, 1);
    text_rest(&text);
    expect(&text, "b");
    text_take(&text, 1);
    text_rest(&text);
    assert_null(text.data);
    assert_int_equal(text.capacity, 0);
}

static void a_finished_text_begins_anew(void **state)
{
    (void)state;
    struct text text = {0};
    put(&text, "ab");
    text_finish(&text);
    expect(&text, "");
    put(&text, "c");
    expect(&text, "c");
    text_finish(&text);
    text_finish(&text);
}

/* The bytes count up, so that those that are there are known from how many came and went. */
static void no_byte_is_lost_or_moved(void **state)
{
    (void)state;
    struct text text = {0};
    uint64_t put_count = 0, taken_count = 0;
    for (int step = 0; step < 5000; step++) {
        size_t size = random_below(&seed, 100);
        if (random_below(&seed, 2)) {
            unsigned char *to = text_reserve(&text, size);
            for (size_t i = 0; i < size; i++)
                to[i] = (unsigned char)put_count++;
        } else {
            size = size < text.size ? size : text.size;
            text_take(&text, size);
            taken_count += size;
        }
        if (random_below(&seed, 10) == 0)
            text_rest(&text);
        assert_int_equal(text.size, put_count - taken_count);
        for (size_t i = 0; i < text.size; i++)
            assert_int_equal(text_bytes(&text).data[i], (unsigned char)(taken_count + i));
    }
    text_finish(&text);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_grows_at_its_end_and_goes_from_its_front),
        cmocka_unit_test(what_is_taken_stays_readable_until_more_comes),
        cmocka_unit_test(room_is_made_at_the_front_before_it_grows),
        cmocka_unit_test(much_is_not_moved_for_the_little_that_goes),
        cmocka_unit_test(resting_gives_back_the_memory_of_nothing),
        cmocka_unit_test(a_finished_text_begins_anew),
        cmocka_unit_test(no_byte_is_lost_or_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "check.h"

#include "client/window.h"

static void frames_are_numbered_from_one(void **state)
{
    (void)state;
    struct window window;
    window_reset(&window, 10, 1000);
    assert_int_equal(window_add(&window, 8), 1);
    assert_int_equal(window_add(&window, 8), 2);
}

static void a_window_of_frames_is_full_at_its_bound(void **state)
{
    (void)state;
    struct window window;
    window_reset(&window, 2, 1000);
    window_add(&window, 8);
    assert_true(window_has_room(&window, 8));
    window_add(&window, 8);
    assert_false(window_has_room(&window, 8));
    assert_true(window_settle(&window, 1));
    assert_true(window_has_room(&window, 8));
}

static void a_window_of_bytes_is_full_at_its_bound(void **state)
{
    (void)state;
    struct window window;
    window_reset(&window, 1000, 100);
    window_add(&window, 60);
    assert_true(window_has_room(&window, 40));
    assert_false(window_has_room(&window, 41));
}

static void a_frame_over_the_window_fits_an_empty_one(void **state)
{
    (void)state;
    struct window window;
    window_reset(&window, 10, 100);
    assert_true(window_has_room(&window, 500));
    window_add(&window, 500);
    assert_false(window_has_room(&window, 1));
    assert_true(window_settle(&window, 1));
    assert_true(window_has_room(&window, 500));
}

static void what_was_never_sent_cannot_be_settled(void **state)
{
    (void)state;
    struct window window;
    window_reset(&window, 10, 100);
    window_add(&window, 8);
    window_add(&window, 8);
    assert_false(window_settle(&window, 3));
    assert_true(window_settle(&window, 2));
    assert_false(window_settle(&window, 1));
    assert_true(window_settle(&window, 2));
}

/* Sends as fast as the window lets, settles in steps: the count of bytes may be behind by a little, never ahead. */
static void bytes_are_counted_behind_but_never_ahead(void **state)
{
    (void)state;
    static uint64_t ends[100001];
    struct window window;
    window_reset(&window, 100000, 6400);
    for (uint64_t number = 1; number <= 100000; number++) {
        size_t size = 8 + number * 7919 % 300;
        while (!window_has_room(&window, size))
            assert_true(window_settle(&window, window.settled + 1));
        window_add(&window, size);
        ends[number] = window.bytes;
        assert_true(window.bytes_settled <= ends[window.settled]);
        assert_true(ends[window.settled] - window.bytes_settled <= 100 + 308);
    }
}

/* Acknowledgements are not held by the window, so there can be more than it has marks for. */
static void frames_beyond_the_window_are_counted_too(void **state)
{
    (void)state;
    struct window window;
    window_reset(&window, 10, 64);
    for (int i = 0; i < 1000; i++)
        window_add(&window, 24);
    assert_false(window_has_room(&window, 1));
    assert_true(window_settle(&window, 999));
    assert_true(window.bytes_settled <= 999 * 24);
    assert_true(window_settle(&window, 1000));
    assert_int_equal(window.bytes_settled, 24000);
    assert_true(window_has_room(&window, 64));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_numbered_from_one),
        cmocka_unit_test(a_window_of_frames_is_full_at_its_bound),
        cmocka_unit_test(a_window_of_bytes_is_full_at_its_bound),
        cmocka_unit_test(a_frame_over_the_window_fits_an_empty_one),
        cmocka_unit_test(what_was_never_sent_cannot_be_settled),
        cmocka_unit_test(bytes_are_counted_behind_but_never_ahead),
        cmocka_unit_test(frames_beyond_the_window_are_counted_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

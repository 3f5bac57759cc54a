#include "server/keys.h"

#include "check.h"

#include <errno.h>

static const struct origin from_file = {ORIGIN_FILE, 3}, from_flag = {ORIGIN_FLAG, 0};

static int set(struct options *options, const char *name, const char *value, struct origin origin)
{
    const struct key *key = key_find(bytes_text(name));
    assert_non_null(key);
    return key_set(key, options, value, origin);
}

static void expect(const struct options *options, const char *name, const char *value)
{
    char text[KEY_TEXT_SIZE];
    key_format(key_find(bytes_text(name)), options, text);
    assert_string_equal(text, value);
}

static void every_default_is_in_range_and_written_as_it_reads(void **state)
{
    struct options options = {0};
    (void)state;
    keys_reset(&options);
    for (size_t i = 0; key_at(i); i++) {
        expect(&options, key_at(i)->name, key_at(i)->fallback);
        assert_int_equal(key_origin(key_at(i), &options)->kind, ORIGIN_DEFAULT);
    }
}

static void a_flag_goes_before_the_file_whichever_comes_first(void **state)
{
    struct options options = {0};
    (void)state;
    keys_reset(&options);
    assert_int_equal(set(&options, "frame-max", "8mb", from_file), 0);
    expect(&options, "frame-max", "8mb");
    assert_int_equal(set(&options, "frame-max", "16mb", from_flag), 0);
    assert_int_equal(set(&options, "frame-max", "4mb", from_file), 0);
    expect(&options, "frame-max", "16mb");
}

static void a_value_that_a_flag_overrules_is_looked_at_all_the_same(void **state)
{
    struct options options = {0};
    (void)state;
    keys_reset(&options);
    assert_int_equal(set(&options, "frame-max", "16mb", from_flag), 0);
    assert_int_equal(set(&options, "frame-max", "much", from_file), -EINVAL);
    assert_int_equal(set(&options, "listen", "[::1]:1", from_flag), 0);
    assert_int_equal(set(&options, "listen", "nowhere", from_file), -EINVAL);
    expect(&options, "listen", "[::1]:1");
}

static void addresses_of_one_origin_add_up_and_take_the_place_of_a_lesser_one(void **state)
{
    struct options options = {0};
    (void)state;
    keys_reset(&options);
    assert_int_equal(set(&options, "listen", "[::1]:1", from_file), 0);
    assert_int_equal(set(&options, "listen", "[::1]:2", from_file), 0);
    expect(&options, "listen", "[::1]:1 [::1]:2");
    assert_int_equal(set(&options, "listen", "[::1]:3", from_flag), 0);
    assert_int_equal(set(&options, "listen", "[::1]:4", from_file), 0);
    expect(&options, "listen", "[::1]:3");
    for (unsigned count = 1; count < OPTIONS_LISTEN_MAX; count++)
        assert_int_equal(set(&options, "listen", "[::1]:3", from_flag), 0);
    assert_int_equal(set(&options, "listen", "[::1]:3", from_flag), -EINVAL);
}

static void choices_and_bounds_are_told(void **state)
{
    char text[KEY_TEXT_SIZE];
    (void)state;
    key_describe(key_find(bytes_text("frame-max")), text);
    assert_string_equal(text, "SIZE of 4kb to 64mb");
    key_describe(key_find(bytes_text("ring-features")), text);
    assert_string_equal(text, "all|6.1");
    assert_null(key_find(bytes_text("frame")));
    assert_null(key_find(bytes_text("")));
}

/* No client could keep its leases if it had to be quicker than it can. */
static void the_least_liveness_is_none_or_one_that_clients_can_keep(void **state)
{
    struct options options = {0};
    char text[KEY_TEXT_SIZE];
    (void)state;
    assert_int_equal(set(&options, "liveness", "49ms", from_flag), -EINVAL);
    assert_int_equal(set(&options, "liveness", "50ms", from_flag), 0);
    assert_int_equal(set(&options, "liveness", "0", from_flag), 0);
    expect(&options, "liveness", "0");
    key_describe(key_find(bytes_text("liveness")), text);
    assert_string_equal(text, "DURATION of 0 or 50ms to 1h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_in_range_and_written_as_it_reads),
        cmocka_unit_test(a_flag_goes_before_the_file_whichever_comes_first),
        cmocka_unit_test(a_value_that_a_flag_overrules_is_looked_at_all_the_same),
        cmocka_unit_test(addresses_of_one_origin_add_up_and_take_the_place_of_a_lesser_one),
        cmocka_unit_test(choices_and_bounds_are_told),
        cmocka_unit_test(the_least_liveness_is_none_or_one_that_clients_can_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

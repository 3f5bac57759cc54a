#include "core/values.h"

#include "check.h"

enum { KEEPING_MAX = 200 }; /* bytes that a small value may cost beside name and data */

struct shelf {
    struct value_store store;
    struct table values;
};

static struct shelf open(uint64_t size_max)
{
    struct shelf shelf = {0};
    value_store_limit(&shelf.store, size_max);
    return shelf;
}

static void check(const struct shelf *shelf)
{
    assert_int_equal(values_check(&shelf->values), shelf->store.size);
}

static void close(struct shelf *shelf)
{
    check(shelf);
    values_finish(&shelf->store, &shelf->values);
    assert_int_equal(shelf->store.size, 0);
    assert_int_equal(shelf->values.count, 0);
}

/* The test's names are their own hash. */
static struct value *find(const struct shelf *shelf, const char *name)
{
    return value_find(&shelf->values, (uint64_t)name[0], bytes_text(name));
}

static enum status put(struct shelf *shelf, const char *name, struct bytes bytes)
{
    enum status status = value_fits(&shelf->store, find(shelf, name), bytes_text(name), bytes.size);
    if (status == STATUS_OK)
        value_put(&shelf->store, &shelf->values, (uint64_t)name[0], bytes_text(name), bytes);
    check(shelf);
    return status;
}

static void expect(const struct shelf *shelf, const char *name, const char *text)
{
    assert_non_null(find(shelf, name));
    assert_true(bytes_equal(value_bytes(find(shelf, name)), bytes_text(text)));
}

static void a_value_is_what_was_put_last(void **state)
{
    (void)state;
    struct shelf shelf = open(0);
    assert_null(find(&shelf, "a"));
    put(&shelf, "a", bytes_text("one"));
    put(&shelf, "b", bytes_text("other"));
    put(&shelf, "a", bytes_text("a longer one"));
    expect(&shelf, "a", "a longer one");
    put(&shelf, "a", bytes_text(""));
    expect(&shelf, "a", "");
    expect(&shelf, "b", "other");
    close(&shelf);
}

static void names_and_what_keeping_takes_count(void **state)
{
    (void)state;
    struct shelf shelf = open(0);
    put(&shelf, "a", bytes_text(""));
    assert_in_range(shelf.store.size, sizeof(struct value) + 1, KEEPING_MAX);
    value_drop(&shelf.store, &shelf.values, find(&shelf, "a"));
    assert_int_equal(shelf.store.size, 0);
    close(&shelf);
}

static void what_does_not_fit_is_refused_and_the_old_value_is_room(void **state)
{
    (void)state;
    static const unsigned char bytes[2000];
    struct shelf shelf = open(2000);
    assert_int_equal(put(&shelf, "a", bytes_of(bytes, 2000)), STATUS_VALUES);
    assert_int_equal(put(&shelf, "a", bytes_of(bytes, 1000)), STATUS_OK);
    assert_int_equal(put(&shelf, "b", bytes_of(bytes, 1000)), STATUS_VALUES);
    assert_int_equal(put(&shelf, "a", bytes_of(bytes, 1500)), STATUS_OK);
    assert_int_equal(put(&shelf, "a", bytes_of(bytes, 2000)), STATUS_VALUES);
    assert_int_equal(find(&shelf, "a")->size, 1500);
    close(&shelf);
}

static void over_a_bound_that_was_lowered_what_is_there_stays(void **state)
{
    (void)state;
    static const unsigned char bytes[1000];
    struct shelf shelf = open(10000);
    put(&shelf, "a", bytes_of(bytes, 1000));
    put(&shelf, "b", bytes_of(bytes, 1000));
    value_store_limit(&shelf.store, 1500);
    assert_int_equal(put(&shelf, "c", bytes_text("")), STATUS_VALUES);
    assert_int_equal(value_append(&shelf.store, find(&shelf, "a"), bytes_text("x")), STATUS_VALUES);
    assert_int_equal(find(&shelf, "a")->size, 1000);
    close(&shelf);
}

static void appends_reserve_as_much_again_within_the_bound(void **state)
{
    (void)state;
    struct shelf shelf = open(1000);
    put(&shelf, "a", bytes_text("a"));
    for (int i = 0; i < 99; i++) {
        size_t before = find(&shelf, "a")->capacity;
        assert_int_equal(value_append(&shelf.store, find(&shelf, "a"), bytes_text("b")), STATUS_OK);
        size_t after = find(&shelf, "a")->capacity;
        assert_true(after == before || after >= 2 * before);
        check(&shelf);
    }
    assert_int_equal(find(&shelf, "a")->size, 100);
    while (value_append(&shelf.store, find(&shelf, "a"), bytes_text("b")) == STATUS_OK)
        assert_in_range(shelf.store.size, 0, 1000);
    assert_int_equal(shelf.store.size, 1000);
    close(&shelf);
}

static void no_value_is_larger_than_one_may_be(void **state)
{
    (void)state;
    struct shelf shelf = open(UINT64_MAX);
    struct bytes huge = {(const unsigned char *)"", (size_t)VALUE_SIZE_MAX};
    assert_int_equal(value_fits(&shelf.store, NULL, bytes_text("a"), (size_t)VALUE_SIZE_MAX + 1),
                     STATUS_TOO_LARGE);
    put(&shelf, "a", bytes_text("a"));
    assert_int_equal(value_append(&shelf.store, find(&shelf, "a"), huge), STATUS_TOO_LARGE);
    close(&shelf);
}

static void values_can_swap_their_bytes(void **state)
{
    (void)state;
    struct shelf shelf = open(0);
    put(&shelf, "a", bytes_text("one"));
    put(&shelf, "b", bytes_text("another"));
    value_swap(find(&shelf, "a"), find(&shelf, "b"));
    expect(&shelf, "a", "another");
    expect(&shelf, "b", "one");
    close(&shelf);
}

static void numbers_are_written_in_one_way(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_number;
        int64_t number;
    } texts[] = {
        {"0", true, 0},
        {"-1", true, -1},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"-0", false, 0},
        {"01", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct shelf shelf = open(0);
        int64_t number;
        put(&shelf, "a", bytes_text(texts[i].text));
        assert_int_equal(value_number(find(&shelf, "a"), &number), texts[i].is_number);
        assert_true(!texts[i].is_number || number == texts[i].number);
        close(&shelf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_what_was_put_last),
        cmocka_unit_test(names_and_what_keeping_takes_count),
        cmocka_unit_test(what_does_not_fit_is_refused_and_the_old_value_is_room),
        cmocka_unit_test(over_a_bound_that_was_lowered_what_is_there_stays),
        cmocka_unit_test(appends_reserve_as_much_again_within_the_bound),
        cmocka_unit_test(no_value_is_larger_than_one_may_be),
        cmocka_unit_test(values_can_swap_their_bytes),
        cmocka_unit_test(numbers_are_written_in_one_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

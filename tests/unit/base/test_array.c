#include "base/array.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

static void created_memory_is_zeroed(void **state)
{
    (void)state;
    static const unsigned char zeros[1000];
    unsigned char *memory = memory_create(sizeof zeros);
    assert_memory_equal(memory, zeros, sizeof zeros);
    memory_free(memory);
}

static void a_copy_ends_with_a_zero(void **state)
{
    (void)state;
    char *copy = memory_copy("abc", 2);
    assert_string_equal(copy, "ab");
    memory_free(copy);
    copy = memory_copy(NULL, 0);
    assert_string_equal(copy, "");
    memory_free(copy);
}

static void resizing_keeps_the_content(void **state)
{
    (void)state;
    int *numbers = memory_resize(NULL, 2, sizeof *numbers);
    numbers[0] = 7;
    numbers[1] = 8;
    numbers = memory_resize(numbers, 1000, sizeof *numbers);
    assert_int_equal(numbers[0], 7);
    assert_int_equal(numbers[1], 8);
    memory_free(numbers);
}

static void an_array_with_room_stays_where_it_is(void **state)
{
    (void)state;
    size_t capacity = 0;
    int *numbers = array_reserve(NULL, &capacity, 5, sizeof *numbers);
    assert_true(capacity >= 5);
    size_t before = capacity;
    assert_ptr_equal(array_reserve(numbers, &capacity, before, sizeof *numbers), numbers);
    assert_int_equal(capacity, before);
    memory_free(numbers);
}

static void a_growing_array_at_least_doubles(void **state)
{
    (void)state;
    size_t capacity = 0, count = 0, moves_count = 0;
    size_t *numbers = NULL;
    while (count < 10000) {
        size_t before = capacity;
        numbers = array_reserve(numbers, &capacity, count + 1, sizeof *numbers);
        if (capacity != before) {
            assert_true(capacity >= 2 * before);
            moves_count++;
        }
        numbers[count] = count;
        count++;
    }
    for (size_t i = 0; i < count; i++)
        assert_int_equal(numbers[i], i);
    assert_true(moves_count < 15);
    memory_free(numbers);
}

static void a_large_need_is_met_at_once(void **state)
{
    (void)state;
    size_t capacity = 3;
    char *text = array_reserve(memory_create(capacity), &capacity, 100001, 1);
    assert_true(capacity >= 100001);
    memset(text, 'x', capacity);
    memory_free(text);
}

static void a_ring_that_doubles_keeps_its_order_and_begins_at_its_front(void **state)
{
    (void)state;
    size_t first = 0, capacity = 0;
    int *ring = ring_double(NULL, &first, &capacity, sizeof *ring);
    assert_int_equal(capacity, 4);
    for (int i = 0; i < 4; i++)
        ring[(i + 3) % 4] = i;
    first = 3;
    ring = ring_double(ring, &first, &capacity, sizeof *ring);
    assert_int_equal(first, 0);
    assert_int_equal(capacity, 8);
    for (int i = 0; i < 4; i++)
        assert_int_equal(ring[i], i);
    memory_free(ring);
}

static void memory_is_counted_until_it_is_freed(void **state)
{
    (void)state;
    uint64_t before = memory_used();
    char *created = memory_create(1000), *copy = memory_copy("abc", 3);
    assert_true(memory_used() >= before + 1003 && memory_used() < before + 1200);
    created = memory_resize(created, 100000, 1);
    assert_true(memory_used() >= before + 100003 && memory_used() < before + 110000);
    created = memory_resize(created, 100, 1);
    assert_true(memory_used() < before + 1200);
    size_t capacity = 0, first = 0;
    int *ring = ring_double(NULL, &first, &capacity, sizeof *ring);
    ring = ring_double(ring, &first, &capacity, sizeof *ring);
    memory_free(ring);
    memory_free(created);
    memory_free(copy);
    memory_free(NULL);
    assert_true(memory_used() == before);
    memory_count(5);
    memory_count(-2);
    assert_true(memory_used() == before + 3);
    memory_count(-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_memory_is_zeroed),
        cmocka_unit_test(a_copy_ends_with_a_zero),
        cmocka_unit_test(memory_is_counted_until_it_is_freed),
        cmocka_unit_test(resizing_keeps_the_content),
        cmocka_unit_test(an_array_with_room_stays_where_it_is),
        cmocka_unit_test(a_growing_array_at_least_doubles),
        cmocka_unit_test(a_large_need_is_met_at_once),
        cmocka_unit_test(a_ring_that_doubles_keeps_its_order_and_begins_at_its_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "session/slots.h"

#include "check.h"

/* Settles `count` frames from `number` on, which are the next of their slot or cut off to be. */
static void settle(struct slots *slots, uint64_t number, uint32_t count)
{
    slots_settle(slots, slots_at(slots, number), count);
}

static void without_slots_everything_is_settled(void **state)
{
    (void)state;
    struct slots slots = {0};
    assert_int_equal(slots_settled(&slots, 7), 7);
    slots_finish(&slots);
}

static void the_oldest_frame_that_waits_holds_back_all_behind_it(void **state)
{
    (void)state;
    struct slots slots = {0};
    slots_put(&slots, 1, 3);
    slots_put(&slots, 4, 2);
    settle(&slots, 4, 2);
    assert_int_equal(slots_settled(&slots, 5), 0);
    settle(&slots, 1, 2);
    assert_int_equal(slots_settled(&slots, 5), 2);
    settle(&slots, 3, 1);
    assert_int_equal(slots_settled(&slots, 5), 5);
    assert_int_equal(slots.count, 0);
    slots_finish(&slots);
}

static void frames_in_the_middle_of_a_slot_are_settled_apart_from_it(void **state)
{
    (void)state;
    struct slots slots = {0};
    slots_put(&slots, 1, 10)->is_prompt = true;
    struct slot *middle = slots_at(&slots, 4);
    assert_int_equal(middle->first, 4);
    assert_int_equal(middle->count, 7);
    assert_true(middle->is_prompt);
    slots_settle(&slots, middle, 2);
    settle(&slots, 8, 3);
    assert_int_equal(slots_settled(&slots, 10), 0);
    settle(&slots, 1, 3);
    assert_int_equal(slots_settled(&slots, 10), 5);
    settle(&slots, 6, 2);
    assert_int_equal(slots_settled(&slots, 10), 10);
    slots_finish(&slots);
}

static void what_is_settled_behind_a_frame_that_waits_takes_no_more_room(void **state)
{
    (void)state;
    struct slots slots = {0};
    slots_put(&slots, 1, 1);
    for (uint64_t number = 2; number < 10000; number++) {
        slots_put(&slots, number, 1);
        settle(&slots, number, 1);
    }
    assert_true(slots.capacity <= 8);
    settle(&slots, 1, 1);
    assert_int_equal(slots_settled(&slots, 9999), 9999);
    slots_finish(&slots);
}

static void many_that_wait_are_found_by_their_numbers_and_leave_no_memory(void **state)
{
    (void)state;
    struct slots slots = {0};
    for (uint64_t number = 1; number <= 3000; number += 3)
        slots_put(&slots, number, 3);
    for (uint64_t number = 3000; number > 0; number--) {
        assert_int_equal(slots_settled(&slots, 3000), 0);
        settle(&slots, number, 1);
    }
    assert_int_equal(slots_settled(&slots, 3000), 3000);
    assert_null(slots.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_slots_everything_is_settled),
        cmocka_unit_test(the_oldest_frame_that_waits_holds_back_all_behind_it),
        cmocka_unit_test(frames_in_the_middle_of_a_slot_are_settled_apart_from_it),
        cmocka_unit_test(what_is_settled_behind_a_frame_that_waits_takes_no_more_room),
        cmocka_unit_test(many_that_wait_are_found_by_their_numbers_and_leave_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

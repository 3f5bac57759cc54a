#include "session/slots.h"

#include "check.h"
#include "seed.h"

static struct random seed;

static void settle(struct slots *slots, uint64_t number, uint32_t count)
{
    slots_settle(slots, slots_at(slots, number), count);
}

static void without_slots_everything_is_settled(void **state)
{
    (void)state;
    struct slots slots = {0};
    assert_int_equal(slots_settled(&slots, 0), 0);
    assert_int_equal(slots_settled(&slots, 41), 41);
    slots_finish(&slots);
}

static void what_is_settled_ends_before_the_oldest_that_waits(void **state)
{
    (void)state;
    struct slots slots = {0};
    slots_put(&slots, 1, 3);
    slots_put(&slots, 4, 1);
    assert_int_equal(slots_settled(&slots, 4), 0);
    settle(&slots, 1, 2);
    assert_int_equal(slots_settled(&slots, 4), 2);
    settle(&slots, 4, 1);
    assert_int_equal(slots_settled(&slots, 4), 2);
    settle(&slots, 3, 1);
    assert_int_equal(slots_settled(&slots, 4), 4);
    slots_finish(&slots);
}

static void a_slot_is_cut_where_its_middle_is_settled_first(void **state)
{
    (void)state;
    struct slots slots = {0};
    slots_put(&slots, 1, 10)->wants_reply = true;
    slots_put(&slots, 11, 1)->is_prompt = true;
    struct slot *middle = slots_at(&slots, 5);
    assert_int_equal(middle->first, 5);
    assert_int_equal(middle->count, 6);
    assert_true(middle->wants_reply);
    slots_settle(&slots, middle, 2);
    assert_int_equal(slots_settled(&slots, 11), 0);
    assert_true(slots_at(&slots, 11)->is_prompt);
    settle(&slots, 1, 4);
    assert_int_equal(slots_settled(&slots, 11), 6);
    settle(&slots, 7, 4);
    settle(&slots, 11, 1);
    assert_int_equal(slots_settled(&slots, 11), 11);
    slots_finish(&slots);
}

static void what_is_settled_behind_one_that_waits_takes_no_room(void **state)
{
    (void)state;
    struct slots slots = {0};
    slots_put(&slots, 1, 1);
    for (uint64_t number = 2; number < 1000; number++) {
        slots_put(&slots, number, 1);
        settle(&slots, number, 1);
    }
    assert_true(slots.capacity <= 8);
    assert_int_equal(slots_settled(&slots, 999), 0);
    settle(&slots, 1, 1);
    assert_int_equal(slots_settled(&slots, 999), 999);
    slots_finish(&slots);
}

static void slots_that_were_many_give_their_memory_back(void **state)
{
    (void)state;
    struct slots slots = {0};
    for (uint64_t number = 1; number <= 100; number++)
        slots_put(&slots, number, 1);
    for (uint64_t number = 1; number <= 100; number++)
        settle(&slots, number, 1);
    assert_null(slots.ring);
    slots_put(&slots, 101, 1);
    settle(&slots, 101, 1);
    assert_non_null(slots.ring);
    slots_finish(&slots);
}

/* Runs come and are settled in pieces, in any order; the ring turns and grows meanwhile. */
static void what_is_settled_is_the_longest_prefix(void **state)
{
    (void)state;
    enum { NUMBERS = 6000, STEPS = 4000 };
    struct slots slots = {0};
    static bool is_settled[NUMBERS + 1];
    uint64_t last = 0, oldest = 1;
    for (int step = 0; step < STEPS; step++) {
        uint32_t count = 1 + (uint32_t)random_below(&seed, 10);
        uint64_t number = oldest + random_below(&seed, 60);
        if (random_below(&seed, 4) == 0 && last + count <= NUMBERS) {
            slots_put(&slots, last + 1, count);
            last += count;
        } else if (number <= last && !is_settled[number]) {
            struct slot *slot = slots_at(&slots, number);
            assert_int_equal(slot->first + slot->settled_count, number);
            uint32_t left = slot->count - slot->settled_count;
            count = count < left ? count : left;
            slots_settle(&slots, slot, count);
            for (uint32_t i = 0; i < count; i++) {
                assert_false(is_settled[number + i]);
                is_settled[number + i] = true;
            }
        }
        while (oldest <= last && is_settled[oldest])
            oldest++;
        assert_int_equal(slots_settled(&slots, last), oldest - 1);
    }
    slots_finish(&slots);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_slots_everything_is_settled),
        cmocka_unit_test(what_is_settled_ends_before_the_oldest_that_waits),
        cmocka_unit_test(a_slot_is_cut_where_its_middle_is_settled_first),
        cmocka_unit_test(what_is_settled_behind_one_that_waits_takes_no_room),
        cmocka_unit_test(slots_that_were_many_give_their_memory_back),
        cmocka_unit_test(what_is_settled_is_the_longest_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

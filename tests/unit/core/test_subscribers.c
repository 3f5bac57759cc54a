#include "core/subscribers.h"

#include "check.h"
#include "seed.h"

enum { COUNT = 40 };

static struct random seed;

static bool is_member(const struct subscriber_set *set, const struct subscription *subscription)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (subscriber_set_all(set)[i] == subscription)
            return true;
    return false;
}

static void a_set_of_one_has_no_array(void **state)
{
    (void)state;
    struct subscriber_set set = {0};
    struct subscription one = {0};
    subscriber_set_add(&set, &one);
    assert_int_equal(set.count, 1);
    assert_int_equal(set.capacity, 0);
    assert_ptr_equal(subscriber_set_all(&set)[0], &one);
    assert_ptr_equal(one.set, &set);
    subscriber_set_remove(&one);
    assert_null(one.set);
    assert_int_equal(set.count, 0);
}

static void the_last_takes_the_place_of_the_one_that_leaves(void **state)
{
    (void)state;
    struct subscriber_set set = {0};
    struct subscription all[3] = {0};
    for (int i = 0; i < 3; i++)
        subscriber_set_add(&set, &all[i]);
    subscriber_set_remove(&all[0]);
    assert_ptr_equal(subscriber_set_all(&set)[0], &all[2]);
    assert_int_equal(all[2].set_at, 0);
    subscriber_set_remove(&all[2]);
    assert_ptr_equal(subscriber_set_all(&set)[0], &all[1]);
    subscriber_set_remove(&all[1]);
}

static void an_emptied_set_begins_anew(void **state)
{
    (void)state;
    struct subscriber_set set = {0};
    struct subscription all[6] = {0};
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 6; i++)
            subscriber_set_add(&set, &all[i]);
        for (int i = 0; i < 6; i++)
            subscriber_set_remove(&all[i]);
        assert_int_equal(set.count, 0);
        assert_int_equal(set.capacity, 0);
    }
}

static void members_are_those_added_and_not_removed(void **state)
{
    (void)state;
    struct subscriber_set set = {0};
    struct subscription all[COUNT] = {0};
    uint32_t count = 0;
    for (int step = 0; step < 5000; step++) {
        struct subscription *one = &all[random_below(&seed, COUNT)];
        if (one->set) {
            subscriber_set_remove(one);
            count--;
        } else {
            subscriber_set_add(&set, one);
            count++;
        }
        assert_int_equal(set.count, count);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(is_member(&set, &all[i]), all[i].set != NULL);
    }
    for (int i = 0; i < COUNT; i++)
        if (all[i].set)
            subscriber_set_remove(&all[i]);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_of_one_has_no_array),
        cmocka_unit_test(the_last_takes_the_place_of_the_one_that_leaves),
        cmocka_unit_test(an_emptied_set_begins_anew),
        cmocka_unit_test(members_are_those_added_and_not_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

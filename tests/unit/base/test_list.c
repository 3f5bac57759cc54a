#include "base/list.h"

#include "check.h"

struct thing {
    int number;
    struct list link;
};

static int number_of(struct list *link)
{
    return list_entry(link, struct thing, link)->number;
}

static void a_new_list_is_empty(void **state)
{
    (void)state;
    struct list head;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_pop_front(&head));
}

static void what_is_pushed_at_the_back_comes_off_last(void **state)
{
    (void)state;
    struct list head;
    struct thing things[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    list_init(&head);
    for (int i = 0; i < 3; i++)
        list_push_back(&head, &things[i].link);
    for (int i = 0; i < 3; i++)
        assert_int_equal(number_of(list_pop_front(&head)), i);
    assert_true(list_is_empty(&head));
}

static void what_is_pushed_at_the_front_comes_off_first(void **state)
{
    (void)state;
    struct list head;
    struct thing things[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    list_init(&head);
    for (int i = 0; i < 3; i++)
        list_push_front(&head, &things[i].link);
    for (int i = 2; i >= 0; i--)
        assert_int_equal(number_of(list_pop_front(&head)), i);
}

static void an_insert_stands_before_its_place(void **state)
{
    (void)state;
    struct list head;
    struct thing things[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    list_init(&head);
    list_push_back(&head, &things[0].link);
    list_push_back(&head, &things[2].link);
    list_insert_before(&things[2].link, &things[1].link);
    for (int i = 0; i < 3; i++)
        assert_int_equal(number_of(list_pop_front(&head)), i);
}

static void a_removed_link_is_on_no_list(void **state)
{
    (void)state;
    struct list head;
    struct thing things[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    list_init(&head);
    for (int i = 0; i < 3; i++)
        list_push_back(&head, &things[i].link);
    list_remove(&things[1].link);
    assert_false(list_is_linked(&things[1].link));
    assert_int_equal(number_of(list_pop_front(&head)), 0);
    assert_int_equal(number_of(list_pop_front(&head)), 2);
    assert_true(list_is_empty(&head));
}

static void removing_twice_or_never_inserted_does_nothing(void **state)
{
    (void)state;
    struct list head;
    struct thing thing = {0};
    list_init(&head);
    list_remove(&thing.link);
    list_push_back(&head, &thing.link);
    assert_true(list_is_linked(&thing.link));
    list_remove(&thing.link);
    list_remove(&thing.link);
    assert_true(list_is_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_list_is_empty),
        cmocka_unit_test(what_is_pushed_at_the_back_comes_off_last),
        cmocka_unit_test(what_is_pushed_at_the_front_comes_off_first),
        cmocka_unit_test(an_insert_stands_before_its_place),
        cmocka_unit_test(a_removed_link_is_on_no_list),
        cmocka_unit_test(removing_twice_or_never_inserted_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/group.h"

#include "check.h"
#include "core/backlog.h"

static const struct hash_key key = {1, 2};

/* A group of three, each with a line of its own. */
struct bench {
    struct group_table table;
    struct subscription *members[3];
    struct line lines[3];
};

static void open(struct bench *bench)
{
    *bench = (struct bench){0};
    for (uint32_t i = 0; i < 3; i++) {
        bench->members[i] = subscription_create(NULL, i, &(struct topic_settings){0});
        group_join(&bench->table, &key, bench->members[i], bytes_text("workers"));
    }
}

static void close(struct bench *bench)
{
    for (uint32_t i = 0; i < 3; i++) {
        group_leave(&bench->table, bench->members[i]);
        bench->members[i]->line = NULL;
        subscription_destroy(bench->members[i]);
    }
    group_table_finish(&bench->table);
}

static void wait_for(struct bench *bench, uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t counts[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        bench->lines[i].count = counts[i];
        bench->members[i]->line = &bench->lines[i];
    }
}

static uint32_t choose(struct bench *bench)
{
    return subscription_id(group_choose(bench->members, 3));
}

static void members_of_one_name_are_one_group(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct subscription *other = subscription_create(NULL, 9, &(struct topic_settings){0});
    group_join(&b.table, &key, other, bytes_text("others"));
    assert_ptr_equal(subscription_group(b.members[0]), subscription_group(b.members[2]));
    assert_ptr_not_equal(subscription_group(b.members[0]), subscription_group(other));
    assert_true(group_id(subscription_group(other)) > group_id(subscription_group(b.members[0])));
    assert_int_equal(group_id(NULL), 0);
    group_leave(&b.table, other);
    group_leave(&b.table, other);
    subscription_destroy(other);
    close(&b);
}

static void a_group_ends_with_its_last_member(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    group_leave(&b.table, b.members[0]);
    group_leave(&b.table, b.members[1]);
    assert_int_equal(b.table.groups.count, 1);
    group_leave(&b.table, b.members[2]);
    assert_int_equal(b.table.groups.count, 0);
    close(&b);
}

static void who_has_least_waiting_is_chosen(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    wait_for(&b, 3, 1, 2);
    assert_int_equal(choose(&b), 1);
    assert_int_equal(choose(&b), 1);
    wait_for(&b, 3, 4, 2);
    assert_int_equal(choose(&b), 2);
    close(&b);
}

static void equals_take_turns(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(choose(&b), i % 3);
    wait_for(&b, 0, 5, 0);
    assert_int_equal(choose(&b), 0);
    assert_int_equal(choose(&b), 2);
    wait_for(&b, 0, 0, 0);
    assert_int_equal(choose(&b), 1);
    close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_one_name_are_one_group),
        cmocka_unit_test(a_group_ends_with_its_last_member),
        cmocka_unit_test(who_has_least_waiting_is_chosen),
        cmocka_unit_test(equals_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/subscription.h"

#include "check.h"

static void as_usual_there_are_no_terms(void **state)
{
    (void)state;
    struct subscription *s = subscription_create(NULL, 9, &(struct topic_settings){0});
    assert_int_equal(subscription_id(s), 9);
    assert_int_equal(s->number_next, 1);
    assert_null(s->terms);
    assert_null(subscription_group(s));
    assert_int_equal(subscription_count_max(s), SUBSCRIPTION_COUNT_DEFAULT);
    assert_int_equal(subscription_size_max(s), SUBSCRIPTION_SIZE_DEFAULT);
    assert_int_equal(s->overflow, OVERFLOW_DROP_OLDEST);
    subscription_destroy(s);
}

static void without_a_bound_given_there_is_the_default(void **state)
{
    (void)state;
    struct subscription *s = subscription_create(NULL, 9, &(struct topic_settings){.size_max = 5});
    assert_int_equal(subscription_count_max(s), SUBSCRIPTION_COUNT_DEFAULT);
    assert_int_equal(subscription_size_max(s), 5);
    subscription_destroy(s);
    s = subscription_create(NULL, 9, &(struct topic_settings){.count_max = 5});
    assert_int_equal(subscription_count_max(s), 5);
    assert_int_equal(subscription_size_max(s), SUBSCRIPTION_SIZE_DEFAULT);
    subscription_destroy(s);
}

static void a_choice_costs_no_terms(void **state)
{
    (void)state;
    const struct topic_settings settings = {.has_overflow = true, .overflow = OVERFLOW_CLOSE};
    struct subscription *s = subscription_create(NULL, 9, &settings);
    assert_int_equal(s->overflow, OVERFLOW_CLOSE);
    assert_null(s->terms);
    subscription_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_usual_there_are_no_terms),
        cmocka_unit_test(without_a_bound_given_there_is_the_default),
        cmocka_unit_test(a_choice_costs_no_terms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/settings.h"

#include "check.h"

enum {
    ALL_SETTINGS = SETTING_COUNT_MAX | SETTING_SIZE_MAX | SETTING_WHEN_FULL | SETTING_TTL |
                   SETTING_DELIVERY_LIMIT | SETTING_DEAD_LETTER | SETTING_LEASE_MAX |
                   SETTING_POP_LEASE,
    SETTINGS_COUNT = 8,
};

/* Settings that differ from the default in each, of which `given` count. */
static struct queue_settings other(unsigned given)
{
    return (struct queue_settings){
        .count_max = 5,
        .size_max = 500,
        .when_full = WHEN_FULL_HOLD,
        .ttl_ms = 100,
        .delivery_limit = 3,
        .lease_max_ms = 200,
        .pop_lease = POP_LEASE_CONNECTION,
        .dead_letter = bytes_text("morgue"),
        .given = given,
    };
}

static bool put_number(unsigned setting, uint64_t number, struct queue_settings *settings)
{
    *settings = queue_settings_default();
    bool is_put = queue_setting_put(settings, setting, number, (struct bytes){0});
    assert_true(!is_put || settings->given == setting);
    return is_put;
}

static bool put_text(unsigned setting, const char *text, struct queue_settings *settings)
{
    *settings = queue_settings_default();
    bool is_put = queue_setting_put(settings, setting, 0, bytes_text(text));
    assert_true(!is_put || settings->given == setting);
    return is_put;
}

static void numbers_are_put_up_to_their_extremes(void **state)
{
    (void)state;
    struct queue_settings s;
    assert_true(put_number(SETTING_COUNT_MAX, 1, &s) && s.count_max == 1);
    assert_true(put_number(SETTING_COUNT_MAX, UINT64_MAX, &s) && s.count_max == UINT64_MAX);
    assert_true(put_number(SETTING_SIZE_MAX, 1, &s) && s.size_max == 1);
    assert_true(put_number(SETTING_SIZE_MAX, UINT64_MAX, &s) && s.size_max == UINT64_MAX);
    assert_true(put_number(SETTING_TTL, 0, &s) && s.ttl_ms == 0);
    assert_true(put_number(SETTING_TTL, UINT64_MAX, &s) && s.ttl_ms == UINT64_MAX);
    assert_true(put_number(SETTING_LEASE_MAX, 0, &s) && s.lease_max_ms == 0);
    assert_true(put_number(SETTING_LEASE_MAX, UINT64_MAX, &s) && s.lease_max_ms == UINT64_MAX);
    assert_true(put_number(SETTING_DELIVERY_LIMIT, 0, &s) && s.delivery_limit == 0);
    assert_true(put_number(SETTING_DELIVERY_LIMIT, 65535, &s) && s.delivery_limit == 65535);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    struct queue_settings s;
    assert_false(put_number(SETTING_COUNT_MAX, 0, &s));
    assert_false(put_number(SETTING_SIZE_MAX, 0, &s));
    assert_false(put_number(SETTING_DELIVERY_LIMIT, 65536, &s));
    assert_false(put_number(SETTING_DELIVERY_LIMIT, UINT64_C(1) << 32, &s));
    assert_false(put_number(1 << 8, 1, &s));
}

static void when_full_is_one_of_three_words(void **state)
{
    (void)state;
    struct queue_settings s;
    assert_true(put_text(SETTING_WHEN_FULL, "hold", &s) && s.when_full == WHEN_FULL_HOLD);
    assert_true(put_text(SETTING_WHEN_FULL, "refuse", &s) && s.when_full == WHEN_FULL_REFUSE);
    assert_true(put_text(SETTING_WHEN_FULL, "drop-oldest", &s));
    assert_int_equal(s.when_full, WHEN_FULL_DROP_OLDEST);
    assert_false(put_text(SETTING_WHEN_FULL, "", &s));
    assert_false(put_text(SETTING_WHEN_FULL, "drop-newest", &s));
    assert_false(put_text(SETTING_WHEN_FULL, "hold ", &s));
}

static void a_pop_lease_is_one_of_two_words(void **state)
{
    (void)state;
    struct queue_settings s;
    assert_true(put_text(SETTING_POP_LEASE, "connection", &s));
    assert_int_equal(s.pop_lease, POP_LEASE_CONNECTION);
    assert_true(put_text(SETTING_POP_LEASE, "none", &s) && s.pop_lease == POP_LEASE_NONE);
    assert_false(put_text(SETTING_POP_LEASE, "", &s));
    assert_false(put_text(SETTING_POP_LEASE, "connections", &s));
}

static void dead_letters_go_to_any_name_or_nowhere(void **state)
{
    (void)state;
    static const unsigned char name[FRAME_NAME_MAX + 1] = "n";
    struct queue_settings s = {0};
    assert_true(put_text(SETTING_DEAD_LETTER, "", &s));
    assert_true(s.dead_letter.data && s.dead_letter.size == 0);
    assert_true(queue_setting_put(&s, SETTING_DEAD_LETTER, 0, bytes_of(name, FRAME_NAME_MAX)));
    assert_false(queue_setting_put(&s, SETTING_DEAD_LETTER, 0, bytes_of(name, FRAME_NAME_MAX + 1)));
}

static void what_is_given_is_merged_and_nothing_else(void **state)
{
    (void)state;
    for (unsigned given = 0; given <= ALL_SETTINGS; given++) {
        struct queue_settings to = queue_settings_default(), from = other(given);
        queue_settings_merge(&to, &from);
        assert_int_equal(to.given, given);
        assert_int_equal(to.count_max, given & SETTING_COUNT_MAX ? 5 : QUEUE_COUNT_DEFAULT);
        assert_int_equal(to.size_max, given & SETTING_SIZE_MAX ? 500 : QUEUE_SIZE_DEFAULT);
        assert_int_equal(to.when_full,
                         given & SETTING_WHEN_FULL ? WHEN_FULL_HOLD : WHEN_FULL_REFUSE);
        assert_int_equal(to.ttl_ms, given & SETTING_TTL ? 100 : 0);
        assert_int_equal(to.delivery_limit,
                         given & SETTING_DELIVERY_LIMIT ? 3 : DELIVERY_LIMIT_DEFAULT);
        assert_int_equal(to.lease_max_ms, given & SETTING_LEASE_MAX ? 200 : 0);
        assert_int_equal(to.pop_lease,
                         given & SETTING_POP_LEASE ? POP_LEASE_CONNECTION : POP_LEASE_NONE);
        assert_ptr_equal(to.dead_letter.data,
                         given & SETTING_DEAD_LETTER ? from.dead_letter.data : NULL);
    }
}

static void settings_agree_when_those_given_are_alike(void **state)
{
    (void)state;
    const struct queue_settings has = other(0);
    for (unsigned given = 0; given <= ALL_SETTINGS; given++) {
        struct queue_settings wanted = other(given), none = queue_settings_default();
        assert_true(queue_settings_agree(&has, &wanted));
        none.given = given;
        assert_int_equal(queue_settings_agree(&has, &none), given == 0);
    }
}

static struct queue_policy policy(const char *pattern, unsigned setting, uint64_t number)
{
    struct queue_policy made = {.pattern = bytes_text(pattern)};
    queue_setting_put(&made.settings, setting, number, (struct bytes){0});
    return made;
}

static void the_most_specific_policy_gives_each_setting(void **state)
{
    (void)state;
    const struct queue_policy policies[] = {
        policy(">", SETTING_TTL, 1),         policy(">", SETTING_COUNT_MAX, 2),
        policy("jobs.>", SETTING_TTL, 3),    policy("jobs.*", SETTING_LEASE_MAX, 4),
        policy("jobs.mail", SETTING_TTL, 5), policy("jobs.mail", SETTING_TTL, 6),
    };
    static const struct {
        const char *name;
        uint64_t ttl, count_max, lease_max;
    } rows[] = {
        {"other", 1, 2, 0},        {"jobs", 1, 2, 0},      {"jobs.print", 3, 2, 4},
        {"jobs.print.x", 3, 2, 0}, {"jobs.mail", 6, 2, 4},
    };
    for (int i = 0; i < 5; i++) {
        struct queue_settings s = queue_settings_default();
        queue_policies_merge(&s, policies, 6, bytes_text(rows[i].name));
        assert_int_equal(s.ttl_ms, rows[i].ttl);
        assert_int_equal(s.count_max, rows[i].count_max);
        assert_int_equal(s.lease_max_ms, rows[i].lease_max);
    }
}

static void topics_have_policies_too(void **state)
{
    (void)state;
    const struct topic_policy policies[] = {
        {bytes_text(">"), {.count_max = 5, .size_max = 500}},
        {bytes_text("a.*"), {.has_overflow = true, .overflow = OVERFLOW_CLOSE}},
        {bytes_text("a.b"), {.count_max = 7}},
    };
    struct topic_settings s = {0}, bare = {0};
    topic_policies_merge(&s, policies, 3, bytes_text("a.b"));
    assert_true(s.count_max == 7 && s.size_max == 500);
    assert_true(s.has_overflow && s.overflow == OVERFLOW_CLOSE);
    topic_policies_merge(&bare, policies, 3, bytes_text("x"));
    assert_true(bare.count_max == 5 && !bare.has_overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_put_up_to_their_extremes),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(when_full_is_one_of_three_words),
        cmocka_unit_test(a_pop_lease_is_one_of_two_words),
        cmocka_unit_test(dead_letters_go_to_any_name_or_nowhere),
        cmocka_unit_test(what_is_given_is_merged_and_nothing_else),
        cmocka_unit_test(settings_agree_when_those_given_are_alike),
        cmocka_unit_test(the_most_specific_policy_gives_each_setting),
        cmocka_unit_test(topics_have_policies_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/stage.h"

#include "check.h"

/* Peer 1 publishes; 2 and 3 hear a message once, 4 and 5 once for each subscription. */
static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 3; peer++)
        stage_attach(stage, peer);
    stage_attach_each(stage, 4);
    stage_attach_each(stage, 5);
    return stage;
}

static void publish_and_expect(struct stage *stage, const char *topic, const char *words,
                               const char *expected)
{
    stage_skip(stage);
    stage_publish_count(stage, 1, topic, words, false);
    stage_tick(stage);
    stage_expect(stage, expected);
}

static void a_publish_that_is_counted_says_how_many_it_reached(void **state)
{
    (void)state;
    struct stage *s = open();
    publish_and_expect(s, "t", "a", "1 #1 number 0\n");
    stage_subscribe(s, 2, 1, "t");
    stage_subscribe_wildcard(s, 2, 2, "*");
    stage_subscribe_glob(s, 3, 1, "?");
    publish_and_expect(s, "t", "a b", "1 #2 number 2 x2\n2 s1 a b\n3 s1 a b\n");
    assert_int_equal(engine_totals(s->engine).published, 3);
    stage_close(s);
}

static void each_subscription_counts_and_hears_where_each_is_given_it(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe_glob(s, 4, 1, "t*");
    stage_subscribe_glob(s, 4, 2, "*");
    stage_subscribe(s, 4, 3, "t");
    stage_subscribe(s, 5, 1, "t");
    publish_and_expect(s, "t", "a", "1 #1 number 4\n4 s3 a\n4 s1 a\n4 s2 a\n5 s1 a\n");
    publish_and_expect(s, "u", "a", "1 #2 number 1\n4 s2 a\n");
    stage_close(s);
}

static void each_message_of_a_run_is_heard_by_all_before_the_next(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 4, 1, "t");
    stage_subscribe_glob(s, 4, 2, "*");
    stage_subscribe(s, 5, 1, "t");
    publish_and_expect(s, "t", "a b",
                       "1 #1 number 3 x2\n4 s1 a\n4 s2 a\n4 s1 b\n4 s2 b\n5 s1 a b\n");
    stage_close(s);
}

static void a_group_counts_once(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe_to(s, 2, 1, "t", &(struct listener){.group = "g"});
    stage_subscribe_to(s, 3, 1, "t", &(struct listener){.group = "g"});
    stage_subscribe_to(s, 3, 2, "t", &(struct listener){.group = "h"});
    stage_subscribe(s, 4, 1, "t");
    stage_skip(s);
    stage_publish_count(s, 1, "t", "a", false);
    stage_expect(s, "1 #1 number 3\n");
    stage_close(s);
}

static void a_connection_hears_its_own_messages_before_it_is_answered(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 4, 1, "t");
    stage_subscribe_glob(s, 4, 2, "*");
    stage_skip(s);
    stage_publish(s, 1, "t", "x");
    stage_publish_count(s, 4, "t", "a b", false);
    stage_expect(s, "1 #1 ok\n4 s1 x\n4 s2 x\n"
                    "4 s1 a\n4 s2 a\n4 #3 number 2\n4 s1 b\n4 s2 b\n4 #4 number 2\n");
    stage_tick(s);
    stage_expect(s, "");
    stage_close(s);
}

static void its_own_messages_come_even_if_it_reads_nothing(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 4, 1, "t");
    stage_publish(s, 1, "t", "x:300000");
    stage_tick(s);
    stage_skip(s);
    stage_publish_count(s, 4, "t", "a", false);
    stage_expect(s, "4 s1 a\n4 #2 number 1\n");
    stage_close(s);
}

static void what_waits_goes_out_before_the_end_of_a_subscription(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 4, 1, "t");
    stage_subscribe(s, 4, 2, "u");
    stage_publish(s, 1, "t", "x:300000");
    stage_tick(s);
    stage_skip(s);
    stage_publish(s, 1, "u", "a");
    stage_publish(s, 1, "t", "b");
    stage_unsubscribe(s, 4, 1);
    stage_expect(s, "1 #2 ok x2\n4 s2 a\n4 s1 b\n4 #3 ok\n");
    stage_close(s);
}

static void those_apart_are_reached_apart_and_by_name_alone(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe_apart(s, 4, 1, "t");
    stage_subscribe_apart(s, 5, 1, "t");
    stage_subscribe(s, 4, 2, "t");
    stage_subscribe_glob(s, 4, 3, "*");
    publish_and_expect(s, "t", "a", "1 #1 number 2\n4 s2 a\n4 s3 a\n");
    stage_publish_count(s, 1, "t", "b c", true);
    stage_publish_count(s, 1, "u", "d", true);
    stage_tick(s);
    stage_expect(s, "1 #2 number 2 x2\n1 #4 number 0\n4 s1 b c\n5 s1 b c\n");
    stage_unsubscribe(s, 4, 1);
    stage_skip(s);
    stage_publish_count(s, 1, "t", "e", true);
    stage_tick(s);
    stage_expect(s, "1 #5 number 1\n5 s1 e\n");
    stage_close(s);
}

static void a_connection_hears_itself_apart_too(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe_apart(s, 4, 1, "t");
    stage_skip(s);
    stage_publish_count(s, 4, "t", "a", true);
    stage_expect(s, "4 s1 a\n4 #2 number 1\n");
    stage_close(s);
}

static void what_was_retained_is_not_sent_to_globs_and_those_apart(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_publish_flags(s, 1, "t", "a", PUBLISH_RETAIN);
    stage_subscribe_glob(s, 4, 1, "t");
    stage_subscribe_apart(s, 4, 2, "t");
    stage_subscribe(s, 4, 3, "t");
    stage_skip(s);
    stage_tick(s);
    stage_expect(s, "4 s3 retained a\n");
    stage_close(s);
}

static void short_memory_refuses_what_is_counted_too(void **state)
{
    (void)state;
    struct stage *s = open();
    engine_set_pressure(s->engine, true);
    stage_publish_count(s, 1, "t", "a b", false);
    stage_publish_count(s, 1, "t", "c", true);
    stage_expect(s, "1 #1 the broker is at its memory limit x3\n");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publish_that_is_counted_says_how_many_it_reached),
        cmocka_unit_test(each_subscription_counts_and_hears_where_each_is_given_it),
        cmocka_unit_test(each_message_of_a_run_is_heard_by_all_before_the_next),
        cmocka_unit_test(a_group_counts_once),
        cmocka_unit_test(a_connection_hears_its_own_messages_before_it_is_answered),
        cmocka_unit_test(its_own_messages_come_even_if_it_reads_nothing),
        cmocka_unit_test(what_waits_goes_out_before_the_end_of_a_subscription),
        cmocka_unit_test(those_apart_are_reached_apart_and_by_name_alone),
        cmocka_unit_test(a_connection_hears_itself_apart_too),
        cmocka_unit_test(what_was_retained_is_not_sent_to_globs_and_those_apart),
        cmocka_unit_test(short_memory_refuses_what_is_counted_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/stage.h"

#include "check.h"

/* Peer 1 publishes, the others subscribe. */
static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 4; peer++)
        stage_attach(stage, peer);
    return stage;
}

static void tick_and_expect(struct stage *stage, const char *expected)
{
    stage_tick(stage);
    stage_expect(stage, expected);
}

static void publish_and_expect(struct stage *stage, const char *topic, const char *words,
                               const char *expected)
{
    stage_publish(stage, 1, topic, words);
    stage_skip(stage);
    tick_and_expect(stage, expected);
}

/* Peer 2 reads nothing for now. */
static void fill(struct stage *stage)
{
    stage_subscribe(stage, 2, 99, "filler");
    stage_publish(stage, 1, "filler", "x:300000");
    stage_tick(stage);
    stage_skip(stage);
}

static void a_publish_that_reaches_nobody_is_done(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_publish(s, 1, "t", "a b");
    stage_expect(s, "1 #1 ok x2\n");
    tick_and_expect(s, "");
    assert_int_equal(engine_totals(s->engine).published, 2);
    assert_int_equal(engine_totals(s->engine).memory, 0);
    stage_close(s);
}

static void a_publish_reaches_every_connection_that_listens(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 2, 5, "t");
    stage_subscribe(s, 3, 6, "t");
    stage_subscribe(s, 4, 7, "u");
    stage_subscribe(s, 1, 8, "t");
    stage_skip(s);
    publish_and_expect(s, "t", "a b", "1 s8 a b\n2 s5 a b\n3 s6 a b\n");
    assert_int_equal(engine_totals(s->engine).sent, 6);
    stage_close(s);
}

static void a_publish_reaches_a_connection_once(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe_wildcard(s, 2, 6, "a.>");
    stage_subscribe(s, 2, 5, "a.b");
    stage_subscribe_wildcard(s, 2, 7, "*.b");
    stage_skip(s);
    publish_and_expect(s, "a.b", "x", "2 s5 x\n");
    publish_and_expect(s, "a.c", "x", "2 s6 x\n");
    publish_and_expect(s, "c.b", "x", "2 s7 x\n");
    stage_close(s);
}

static void subscribers_share_the_bytes(void **state)
{
    (void)state;
    struct stage *s = open();
    for (uint32_t peer = 2; peer <= 4; peer++)
        stage_subscribe(s, peer, 5, "t");
    stage_publish(s, 1, "t", "a:100000");
    stage_tick(s);
    stage_skip(s);
    assert_ptr_equal(s->slices[0].slice.block, s->slices[2].slice.block);
    assert_true(engine_totals(s->engine).memory < 2 * 131072);
    assert_int_equal(engine_totals(s->engine).holds, 3);
    stage_close(s);
}

static void a_subscription_hears_what_is_published_after_it(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_publish(s, 1, "t", "a");
    stage_subscribe(s, 2, 5, "t");
    stage_publish(s, 1, "t", "b");
    stage_skip(s);
    tick_and_expect(s, "2 s5 b\n");
    stage_close(s);
}

static void an_id_in_use_is_refused_and_leaves_the_subscription_alone(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 2, 5, "t");
    stage_subscribe(s, 2, 5, "u");
    stage_subscribe(s, 3, 5, "u");
    stage_expect(s, "2 #1 ok\n2 #2 the id is in use on this connection\n3 #1 ok\n");
    publish_and_expect(s, "u", "a", "3 s5 a\n");
    publish_and_expect(s, "t", "b", "2 s5 b\n");
    stage_close(s);
}

static void a_bad_pattern_is_refused_but_is_a_good_literal_name(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe_wildcard(s, 2, 5, ">.a");
    stage_subscribe(s, 2, 5, ">.a");
    stage_expect(s, "2 #1 '>' stands last, and a pattern has at most 32 levels\n2 #2 ok\n");
    publish_and_expect(s, ">.a", "x", "2 s5 x\n");
    assert_int_equal(engine_totals(s->engine).subscriptions, 1);
    stage_close(s);
}

static void after_unsubscribe_nothing_comes(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 2, 5, "t");
    stage_skip(s);
    publish_and_expect(s, "t", "a", "2 s5 a\n");
    stage_unsubscribe(s, 2, 5);
    stage_unsubscribe(s, 2, 5);
    stage_expect(s, "2 #2 ok\n2 #3 no subscription of that id on this connection\n");
    publish_and_expect(s, "t", "b", "");
    stage_close(s);
}

/* The publisher remembers whom its last publish reached. */
static void a_publisher_follows_those_who_come_and_go(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 2, 5, "a.b");
    stage_skip(s);
    publish_and_expect(s, "a.b", "x", "2 s5 x\n");
    stage_subscribe_wildcard(s, 3, 5, "*.b");
    stage_skip(s);
    publish_and_expect(s, "a.b", "x", "2 s5 x\n3 s5 x\n");
    stage_unsubscribe(s, 2, 5);
    stage_skip(s);
    publish_and_expect(s, "a.b", "x", "3 s5 x\n");
    stage_detach(s, 3);
    publish_and_expect(s, "a.b", "x", "");
    stage_close(s);
}

static void over_the_bound_a_gap_stands_where_messages_are_missing(void **state)
{
    (void)state;
    struct stage *s = open();
    fill(s);
    stage_subscribe_bound(s, 2, 5, "t", 2, 0);
    stage_subscribe(s, 2, 6, "u");
    stage_publish(s, 1, "u", "v");
    stage_publish(s, 1, "t", "a b c:30 d e");
    stage_publish(s, 1, "u", "w");
    stage_skip(s);
    stage_sent(s, 2);
    tick_and_expect(s, "2 s6 v\n2 s5 gap 3, 50 bytes\n2 s5 d e\n2 s6 w\n");
    assert_int_equal(engine_totals(s->engine).missed, 3);
    publish_and_expect(s, "t", "f", "2 s5 f\n");
    stage_close(s);
}

static void a_gap_is_told_even_if_nothing_comes_behind_it(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe_bound(s, 2, 5, "t", 0, 50);
    stage_skip(s);
    publish_and_expect(s, "t", "a:60", "2 s5 gap 1, 60 bytes\n");
    publish_and_expect(s, "t", "b", "2 s5 b\n");
    stage_close(s);
}

/* All were published in one turn, before anything could be handed out. */
static void a_run_longer_than_the_bound_has_its_gap_first(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe_bound(s, 2, 5, "t", 2, 0);
    stage_skip(s);
    publish_and_expect(s, "t", "a b c d", "2 s5 gap 2, 20 bytes\n2 s5 c d\n");
    stage_close(s);
}

static void one_slow_subscriber_costs_the_others_nothing(void **state)
{
    (void)state;
    struct stage *s = open();
    fill(s);
    stage_subscribe_bound(s, 2, 5, "t", 1, 0);
    stage_subscribe_bound(s, 3, 5, "t", 1, 0);
    stage_skip(s);
    publish_and_expect(s, "t", "a", "3 s5 a\n");
    publish_and_expect(s, "t", "b", "3 s5 b\n");
    stage_sent(s, 2);
    tick_and_expect(s, "2 s5 gap 1, 10 bytes\n2 s5 b\n");
    stage_close(s);
}

static void what_waits_at_unsubscribe_is_told_as_a_gap_before_the_answer(void **state)
{
    (void)state;
    struct stage *s = open();
    fill(s);
    stage_subscribe_bound(s, 2, 5, "t", 2, 0);
    stage_subscribe(s, 2, 6, "t");
    stage_publish(s, 1, "t", "a b c");
    stage_skip(s);
    stage_unsubscribe(s, 2, 5);
    stage_expect(s, "2 s5 gap 3, 30 bytes\n2 #4 ok\n");
    stage_publish(s, 1, "t", "d");
    stage_skip(s);
    stage_sent(s, 2);
    tick_and_expect(s, "2 s6 d\n");
    stage_close(s);
}

static void what_was_handed_out_before_unsubscribe_is_no_gap(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 2, 5, "t");
    stage_skip(s);
    publish_and_expect(s, "t", "a", "2 s5 a\n");
    stage_unsubscribe(s, 2, 5);
    stage_expect(s, "2 #2 ok\n");
    stage_close(s);
}

static void the_end_of_a_connection_drops_what_waits_for_it(void **state)
{
    (void)state;
    struct stage *s = open();
    fill(s);
    stage_subscribe(s, 2, 5, "t");
    stage_publish(s, 1, "t", "a:200000");
    stage_skip(s);
    stage_detach(s, 2);
    stage_expect(s, "");
    stage_sent(s, 2);
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).memory, 0);
    assert_int_equal(engine_totals(s->engine).subscriptions, 0);
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_publish_that_reaches_nobody_is_done),
        cmocka_unit_test(a_publish_reaches_every_connection_that_listens),
        cmocka_unit_test(a_publish_reaches_a_connection_once),
        cmocka_unit_test(subscribers_share_the_bytes),
        cmocka_unit_test(a_subscription_hears_what_is_published_after_it),
        cmocka_unit_test(an_id_in_use_is_refused_and_leaves_the_subscription_alone),
        cmocka_unit_test(a_bad_pattern_is_refused_but_is_a_good_literal_name),
        cmocka_unit_test(after_unsubscribe_nothing_comes),
        cmocka_unit_test(a_publisher_follows_those_who_come_and_go),
        cmocka_unit_test(over_the_bound_a_gap_stands_where_messages_are_missing),
        cmocka_unit_test(a_gap_is_told_even_if_nothing_comes_behind_it),
        cmocka_unit_test(a_run_longer_than_the_bound_has_its_gap_first),
        cmocka_unit_test(one_slow_subscriber_costs_the_others_nothing),
        cmocka_unit_test(what_waits_at_unsubscribe_is_told_as_a_gap_before_the_answer),
        cmocka_unit_test(what_was_handed_out_before_unsubscribe_is_no_gap),
        cmocka_unit_test(the_end_of_a_connection_drops_what_waits_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

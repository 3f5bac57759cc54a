#include "core/frames.h"
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
    tick_and_expect(s, "2 s6 v\n2 s5 gap @1 3, 50 bytes\n2 s5 d e\n2 s6 w\n");
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
    publish_and_expect(s, "t", "a:60", "2 s5 gap @1 1, 60 bytes\n");
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
    publish_and_expect(s, "t", "a b c d", "2 s5 gap @1 2, 20 bytes\n2 s5 c d\n");
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
    tick_and_expect(s, "2 s5 gap @1 1, 10 bytes\n2 s5 b\n");
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
    stage_expect(s, "2 s5 gap @1 3, 30 bytes\n2 #4 ok\n");
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

/* Numbers. */

static void messages_are_numbered_from_one_dropped_ones_too(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe_bound(s, 2, 5, "t", 2, 0);
    stage_publish(s, 1, "t", "a");
    stage_tick(s);
    stage_skip(s);
    stage_publish(s, 1, "t", "b c d");
    stage_tick(s);
    const struct effect *effects = s->outbox.effects;
    assert_int_equal(s->outbox.count, 3);
    assert_int_equal(effects[1].tag, 2);
    assert_int_equal(effects[1].missed.count, 1);
    assert_int_equal(effects[2].tag, 3);
    assert_int_equal(effects[2].slice.count, 2);
    stage_close(s);
}

/* Choices over the bound. */

static void the_newest_are_dropped_behind_what_waits(void **state)
{
    (void)state;
    struct stage *s = open();
    const struct listener newest = {.count_max = 2, .overflow = OVERFLOW_DROP_NEWEST};
    fill(s);
    stage_subscribe_to(s, 2, 5, "t", &newest);
    stage_publish(s, 1, "t", "a b c d");
    stage_skip(s);
    stage_sent(s, 2);
    tick_and_expect(s, "2 s5 a b\n2 s5 gap @3 2, 20 bytes\n");
    assert_int_equal(engine_totals(s->engine).missed, 2);
    stage_close(s);
}

static void the_last_message_of_each_name_is_kept(void **state)
{
    (void)state;
    struct stage *s = open();
    const struct listener last = {.is_wildcard = true, .overflow = OVERFLOW_KEEP_LAST};
    fill(s);
    stage_subscribe_to(s, 2, 5, "*", &last);
    stage_publish(s, 1, "t", "a b");
    stage_publish(s, 1, "u", "c");
    stage_publish(s, 1, "t", "d");
    stage_skip(s);
    stage_sent(s, 2);
    tick_and_expect(s, "2 s5 gap @1 2, 20 bytes\n2 s5 d\n2 s5 c\n");
    stage_close(s);
}

static void a_default_of_its_own_holds_where_no_policy_says_otherwise(void **state)
{
    (void)state;
    struct stage *s = open();
    const struct topic_policy policy = {.pattern = bytes_text("t"), .settings = {.count_max = 2}};
    const struct listener own = {.count_default = 1}, both = {.count_max = 3, .count_default = 1},
                          bytes = {.size_default = 25};
    engine_configure(s->engine,
                     &(struct engine_config){.topic_policies = &policy, .topic_policies_count = 1},
                     0);
    fill(s);
    stage_subscribe_to(s, 2, 1, "t", &own);
    stage_subscribe_to(s, 2, 2, "u", &own);
    stage_subscribe_to(s, 2, 3, "v", &both);
    stage_subscribe_to(s, 2, 4, "w", &bytes);
    for (const char *const *topic = (const char *const[]){"t", "u", "v", "w", NULL}; *topic;
         topic++)
        stage_publish(s, 1, *topic, "a b c d");
    stage_skip(s);
    stage_sent(s, 2);
    tick_and_expect(s, "2 s1 gap @1 2, 20 bytes\n2 s1 c d\n2 s2 gap @1 3, 30 bytes\n2 s2 d\n"
                       "2 s3 gap @1 1, 10 bytes\n2 s3 b c d\n2 s4 gap @1 2, 20 bytes\n2 s4 c d\n");
    stage_close(s);
}

static void a_subscription_that_chose_to_close_is_ended_with_its_gap(void **state)
{
    (void)state;
    struct stage *s = open();
    const struct listener closing = {.count_max = 2, .overflow = OVERFLOW_CLOSE};
    stage_subscribe_to(s, 2, 5, "t", &closing);
    stage_subscribe(s, 3, 5, "t");
    stage_skip(s);
    stage_publish(s, 1, "t", "a b");
    stage_expect(s, "1 #1 ok x2\n");
    stage_publish(s, 1, "t", "c");
    stage_expect(s, "1 #3 ok\n2 s5 gap @1 3, 30 bytes\n"
                    "2 s5 ended: the subscription was over its bound\n");
    tick_and_expect(s, "3 s5 a b c\n");
    assert_int_equal(engine_totals(s->engine).subscriptions, 1);
    assert_int_equal(engine_totals(s->engine).missed, 3);
    assert_int_equal(engine_totals(s->engine).overflowed, 1);
    stage_subscribe(s, 2, 5, "t");
    stage_expect(s, "2 #2 ok\n");
    stage_close(s);
}

/* Groups. */

static const struct listener member = {.group = "g"};

static void one_member_of_a_group_gets_each_message(void **state)
{
    (void)state;
    struct stage *s = open();
    for (uint32_t peer = 2; peer <= 4; peer++)
        stage_subscribe_to(s, peer, 5, peer == 4 ? "*" : "t",
                           &(struct listener){.group = "g", .is_wildcard = peer == 4});
    stage_skip(s);
    publish_and_expect(s, "t", "a", "2 s5 a\n");
    publish_and_expect(s, "t", "b", "3 s5 b\n");
    publish_and_expect(s, "t", "c", "4 s5 c\n");
    publish_and_expect(s, "u", "d", "4 s5 d\n");
    publish_and_expect(s, "t", "e", "2 s5 e\n");
    stage_close(s);
}

static void others_of_the_connection_and_other_groups_get_it_too(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe_to(s, 2, 5, "t", &member);
    stage_subscribe_to(s, 2, 6, "t", &(struct listener){.group = "h"});
    stage_subscribe(s, 2, 7, "t");
    stage_skip(s);
    publish_and_expect(s, "t", "a", "2 s7 a\n2 s5 a\n2 s6 a\n");
    stage_close(s);
}

static void a_long_run_is_shared_among_the_members(void **state)
{
    (void)state;
    struct stage *s = open();
    for (uint32_t peer = 2; peer <= 4; peer++)
        stage_subscribe_to(s, peer, 5, "t", &member);
    stage_publish_alike(s, 1, "t", 300, 20);
    stage_skip(s);
    tick_and_expect(s, "2 s5 100 frames\n3 s5 100 frames\n4 s5 100 frames\n");
    stage_publish_alike(s, 1, "t", 100, 20);
    stage_skip(s);
    tick_and_expect(s, "2 s5 64 frames\n3 s5 36 frames\n");
    stage_close(s);
}

static void who_has_most_waiting_is_given_nothing(void **state)
{
    (void)state;
    struct stage *s = open();
    fill(s);
    stage_subscribe_to(s, 2, 5, "t", &member);
    stage_subscribe_to(s, 3, 5, "t", &member);
    stage_publish(s, 1, "t", "a");
    stage_publish(s, 1, "t", "b");
    stage_skip(s);
    tick_and_expect(s, "3 s5 b\n");
    publish_and_expect(s, "t", "c", "3 s5 c\n");
    publish_and_expect(s, "t", "d", "3 s5 d\n");
    stage_close(s);
}

static void what_waits_for_a_member_that_leaves_goes_to_another_in_order(void **state)
{
    (void)state;
    struct stage *s = open();
    fill(s);
    stage_subscribe_to(s, 2, 5, "t", &member);
    stage_subscribe_to(s, 3, 5, "t", &member);
    stage_publish(s, 1, "t", "a");
    stage_publish(s, 1, "t", "b");
    stage_publish(s, 1, "t", "c");
    stage_publish(s, 1, "t", "d");
    stage_skip(s);
    stage_unsubscribe(s, 2, 5);
    stage_expect(s, "2 #3 ok\n");
    tick_and_expect(s, "3 s5 a\n3 s5 b\n3 s5 c\n3 s5 d\n");
    stage_close(s);
}

static void what_waits_for_a_member_whose_connection_ends_goes_to_another(void **state)
{
    (void)state;
    struct stage *s = open();
    fill(s);
    stage_subscribe_to(s, 2, 5, "t", &member);
    stage_subscribe_to(s, 2, 6, "t", &member);
    stage_publish(s, 1, "t", "a b");
    stage_publish(s, 1, "t", "c");
    stage_subscribe_to(s, 3, 5, "*", &(struct listener){.group = "g", .is_wildcard = true});
    stage_subscribe_to(s, 4, 5, "u", &member);
    stage_skip(s);
    stage_detach(s, 2);
    tick_and_expect(s, "3 s5 a b\n3 s5 c\n");
    stage_close(s);
}

static void what_waits_for_the_last_member_is_missed(void **state)
{
    (void)state;
    struct stage *s = open();
    fill(s);
    stage_subscribe_to(s, 2, 5, "t", &member);
    stage_subscribe_to(s, 3, 5, "u", &member);
    stage_publish(s, 1, "t", "a b");
    stage_skip(s);
    stage_unsubscribe(s, 2, 5);
    stage_expect(s, "2 s5 gap @1 2, 20 bytes\n2 #3 ok\n");
    tick_and_expect(s, "");
    stage_close(s);
}

/* One that is ended for its overflow hands what it had to another, which may overflow in turn. */
static void members_that_close_one_after_the_other_lose_nothing_in_silence(void **state)
{
    (void)state;
    struct stage *s = open();
    const struct listener closing = {.count_max = 2, .overflow = OVERFLOW_CLOSE, .group = "g"};
    for (uint32_t peer = 2; peer <= 3; peer++)
        stage_subscribe_to(s, peer, 5, "t", &closing);
    stage_skip(s);
    stage_publish(s, 1, "t", "a b c");
    stage_expect(s, "1 #1 ok x3\n2 s5 ended: the subscription was over its bound\n"
                    "3 s5 gap @1 3, 30 bytes\n3 s5 ended: the subscription was over its bound\n");
    assert_int_equal(engine_totals(s->engine).subscriptions, 0);
    stage_close(s);
}

static void a_group_whose_only_member_hangs_keeps_its_bound(void **state)
{
    (void)state;
    struct stage *s = open();
    fill(s);
    stage_subscribe_to(s, 2, 5, "t", &(struct listener){.group = "g", .count_max = 10});
    for (int i = 0; i < 100; i++)
        stage_publish(s, 1, "t", "a b c");
    stage_skip(s);
    assert_int_equal(engine_totals(s->engine).missed, 290);
    stage_close(s);
}

/* Retained messages. */

static void a_new_subscription_is_sent_what_was_retained(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_publish_flags(s, 1, "b", "x y", PUBLISH_RETAIN);
    stage_publish_flags(s, 1, "a.b", "z", PUBLISH_RETAIN);
    stage_publish_flags(s, 1, "a", "w", PUBLISH_RETAIN);
    stage_skip(s);
    stage_subscribe(s, 2, 5, "b");
    stage_subscribe_wildcard(s, 3, 5, ">");
    stage_subscribe_to(s, 4, 5, ">", &(struct listener){.is_wildcard = true, .no_retained = true});
    stage_subscribe_to(s, 4, 6, ">", &(struct listener){.is_wildcard = true, .group = "g"});
    stage_expect(s, "2 #1 ok\n3 #1 ok\n4 #1 ok x2\n");
    tick_and_expect(s, "2 s5 retained y\n3 s5 retained w z y\n");
    publish_and_expect(s, "b", "v", "2 s5 v\n3 s5 v\n4 s5 v\n4 s6 v\n");
    stage_close(s);
}

static void an_empty_message_clears_what_was_retained_and_is_delivered(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 2, 5, "t");
    stage_publish_flags(s, 1, "t", "x", PUBLISH_RETAIN);
    assert_int_equal(engine_totals(s->engine).retained, 1);
    assert_int_equal(engine_totals(s->engine).retained_size, 10);
    struct run run = frames_alike(OP_PUBLISH, "t", 1, FRAME_HEAD_SIZE + 1);
    ((unsigned char *)run.data)[1] = run.head.flags = PUBLISH_RETAIN;
    stage_apply(s, 1,
                (struct command){.kind = COMMAND_PUBLISH, .name = bytes_text("t"), .run = run});
    frames_free(&run);
    assert_int_equal(engine_totals(s->engine).retained, 0);
    assert_int_equal(engine_totals(s->engine).retained_size, 0);
    stage_skip(s);
    stage_subscribe(s, 3, 5, "t");
    stage_skip(s);
    tick_and_expect(s, "2 s5 x \n");
    stage_close(s);
}

/* Reaching somebody. */

static void a_publish_that_must_reach_somebody_is_refused_when_nobody_is_there(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_publish_flags(s, 1, "t", "a b", PUBLISH_MUST);
    stage_expect(s, "1 #1 nobody is there x2\n");
    assert_int_equal(engine_totals(s->engine).published, 0);
    stage_subscribe_to(s, 2, 5, "t", &member);
    stage_publish_flags(s, 1, "t", "c", PUBLISH_MUST);
    stage_expect(s, "2 #1 ok\n1 #3 ok\n");
    tick_and_expect(s, "2 s5 c\n");
    stage_close(s);
}

static void an_inbox_has_a_name_of_its_own_until_its_subscription_ends(void **state)
{
    (void)state;
    struct stage *s = open();
    char one[33] = "", two[33] = "";
    stage_subscribe_to(s, 2, 5, "", &(struct listener){.is_inbox = true});
    assert_int_equal(stage_answer(s, one, 32), 32);
    stage_subscribe_to(s, 3, 5, "", &(struct listener){.is_inbox = true});
    assert_int_equal(stage_answer(s, two, 32), 32);
    assert_string_not_equal(one, two);
    stage_subscribe_wildcard(s, 4, 5, ">");
    stage_publish_flags(s, 1, one, "a", PUBLISH_INBOX);
    stage_publish_flags(s, 1, "forged", "b", PUBLISH_INBOX);
    stage_publish_flags(s, 1, "forged", "c", PUBLISH_INBOX | PUBLISH_MUST);
    stage_expect(s, "4 #1 ok\n1 #1 ok x2\n1 #3 nobody is there\n");
    tick_and_expect(s, "2 s5 a\n");
    publish_and_expect(s, one, "d", "4 s5 d\n");
    stage_unsubscribe(s, 2, 5);
    stage_publish_flags(s, 1, one, "e", PUBLISH_INBOX | PUBLISH_MUST);
    stage_expect(s, "2 #2 ok\n1 #5 nobody is there\n");
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
        cmocka_unit_test(messages_are_numbered_from_one_dropped_ones_too),
        cmocka_unit_test(the_newest_are_dropped_behind_what_waits),
        cmocka_unit_test(the_last_message_of_each_name_is_kept),
        cmocka_unit_test(a_default_of_its_own_holds_where_no_policy_says_otherwise),
        cmocka_unit_test(a_subscription_that_chose_to_close_is_ended_with_its_gap),
        cmocka_unit_test(one_member_of_a_group_gets_each_message),
        cmocka_unit_test(others_of_the_connection_and_other_groups_get_it_too),
        cmocka_unit_test(a_long_run_is_shared_among_the_members),
        cmocka_unit_test(who_has_most_waiting_is_given_nothing),
        cmocka_unit_test(what_waits_for_a_member_that_leaves_goes_to_another_in_order),
        cmocka_unit_test(what_waits_for_a_member_whose_connection_ends_goes_to_another),
        cmocka_unit_test(what_waits_for_the_last_member_is_missed),
        cmocka_unit_test(members_that_close_one_after_the_other_lose_nothing_in_silence),
        cmocka_unit_test(a_group_whose_only_member_hangs_keeps_its_bound),
        cmocka_unit_test(a_new_subscription_is_sent_what_was_retained),
        cmocka_unit_test(an_empty_message_clears_what_was_retained_and_is_delivered),
        cmocka_unit_test(a_publish_that_must_reach_somebody_is_refused_when_nobody_is_there),
        cmocka_unit_test(an_inbox_has_a_name_of_its_own_until_its_subscription_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/engine.h"

#include "base/time.h"
#include "check.h"
#include "core/queue.h"
#include "core/stage.h"
#include "seed.h"

#include <stdio.h>

/* Peers 1 and 2 push, peer 3 consumes. */
enum { LOTS = 1000000 };

static const uint64_t MS = NS_PER_MS;

static struct random seed;

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 3; peer++)
        stage_attach(stage, peer);
    return stage;
}

static struct stage *open_with(const char *settings)
{
    struct stage *stage = open();
    stage_settings(stage, 1, COMMAND_DECLARE, "q", settings);
    stage_skip(stage);
    return stage;
}

static void tick_and_expect(struct stage *stage, const char *expected)
{
    stage_tick(stage);
    stage_expect(stage, expected);
}

static void pass_and_expect(struct stage *stage, uint64_t ms, const char *expected)
{
    stage_pass(stage, ms);
    stage_expect(stage, expected);
}

static void a_delayed_push_is_accepted_at_once_and_delivered_when_it_is_due(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS);
    stage_push_headed(s, 1, "q", "delay=5", "a");
    stage_skip(s);
    tick_and_expect(s, "");
    assert_true(engine_deadline(s->engine) == 5 * MS);
    assert_int_equal(stage_info(s, "q", "delayed"), 1);
    assert_int_equal(stage_info(s, "q", "accepted"), 1);
    pass_and_expect(s, 4, "");
    pass_and_expect(s, 1, "3 c7 @1 a\n");
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    stage_close(s);
}

static void a_delayed_message_is_not_seen_before_it_is_due(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_headed(s, 1, "q", "delay=5", "a");
    stage_push(s, 1, "q", "b");
    stage_expect_ready(s, "q", "b\n");
    s->now = 5 * MS; /* no tick */
    stage_expect_ready(s, "q", "b\na delay=5\n");
    stage_close(s);
}

static void an_undeclared_queue_stays_for_what_is_delayed(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_headed(s, 1, "q", "delay=5", "a");
    stage_tick(s);
    stage_skip(s);
    assert_int_equal(engine_totals(s->engine).queues, 1);
    assert_int_equal(engine_totals(s->engine).delayed, 1);
    stage_pass(s, 5);
    stage_name(s, 1, COMMAND_PURGE, "q");
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 0);
    stage_close(s);
}

static void what_is_returned_late_comes_back_in_order_at_its_end(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a b c d");
    stage_consume(s, 3, 7, "q", 0, 3, LOTS);
    stage_tick(s);
    stage_return(s, 3, 7, 1, 1, 5);
    stage_return(s, 3, 7, 2, 2, 5);
    stage_consume(s, 2, 8, "q", 0, LOTS, LOTS);
    stage_skip(s);
    tick_and_expect(s, "2 c8 @1 d\n");
    stage_return(s, 2, 8, 1, 1, 0);
    stage_name(s, 1, COMMAND_PAUSE, "q");
    stage_pass(s, 5);
    stage_skip(s);
    stage_expect_ready(s, "q", "a\nb\nc\nd\n");
    stage_close(s);
}

static void what_is_returned_late_to_the_back_is_there_in_order(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a b c d");
    stage_consume(s, 3, 7, "q", CONSUME_BACK, 3, LOTS);
    stage_tick(s);
    stage_return(s, 3, 7, 1, 3, 5);
    stage_pass(s, 5);
    stage_expect_ready(s, "q", "a\nb\nc\nd\n");
    stage_close(s);
}

/* d is settled already: what is left lies apart. */
static void holes_do_not_turn_what_is_returned_late_around(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a b c d e");
    stage_consume(s, 3, 7, "q", CONSUME_BACK, 5, LOTS);
    stage_tick(s);
    stage_settle(s, 3, 7, 2, 1, SETTLE_ACKNOWLEDGE);
    stage_return(s, 3, 7, 1, 5, 5);
    stage_pass(s, 5);
    stage_expect_ready(s, "q", "a\nb\nc\ne\n");
    stage_close(s);
}

/* Messages of many sizes taken at one end, some of them for the second time; some are settled, and
 * all that are left return late with one word. */
static void expect_order(bool from_back)
{
    enum { COUNT = 30 };
    struct stage *s = open();
    char word[16], expected[COUNT * 4] = "";
    size_t used = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(word, sizeof word, "%02d:%lu", i, 20 + random_below(&seed, 300));
        stage_push(s, 1, "q", word);
    }
    stage_consume(s, 3, 7, "q", from_back ? CONSUME_BACK : 0, 1 + random_below(&seed, COUNT), LOTS);
    stage_tick(s);
    stage_cancel(s, 3, 7);
    stage_consume(s, 3, 8, "q", from_back ? CONSUME_BACK : 0, 0, LOTS);
    uint32_t taken = 0;
    for (uint64_t part; taken < COUNT; taken += (uint32_t)part) {
        part = 1 + random_below(&seed, COUNT - taken);
        stage_credit(s, 3, 8, (uint32_t)part, LOTS);
        stage_tick(s);
    }
    bool is_gone[COUNT] = {0};
    for (int i = 0; i < COUNT; i++) {
        if (random_below(&seed, 3) > 0)
            continue;
        is_gone[from_back ? COUNT - 1 - i : i] = true;
        stage_settle(s, 3, 8, (uint64_t)i + 1, 1, SETTLE_ACKNOWLEDGE);
    }
    stage_return(s, 3, 8, 1, COUNT, 5);
    stage_pass(s, 5);
    for (int i = 0; i < COUNT; i++)
        if (!is_gone[i])
            used += (size_t)snprintf(expected + used, sizeof expected - used, "%02d\n", i);
    stage_expect_ready(s, "q", expected);
    stage_close(s);
}

static void however_it_was_taken_what_returns_late_is_in_order(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++)
        expect_order(round % 2);
}

static void the_longest_delay_of_a_return_is_borne(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a");
    stage_consume(s, 3, 7, "q", 0, 1, LOTS);
    stage_tick(s);
    stage_return(s, 3, 7, 1, 1, UINT64_MAX);
    stage_tick(s);
    assert_true(engine_deadline(s->engine) == TIME_NEVER - 1);
    assert_int_equal(stage_info(s, "q", "delayed"), 1);
    stage_close(s);
}

static void what_is_due_is_delivered_before_the_answer_to_ping(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS);
    stage_push_headed(s, 1, "q", "delay=5", "a");
    stage_tick(s);
    stage_skip(s);
    s->now = 5 * MS;
    stage_name(s, 3, COMMAND_PING, "");
    stage_expect(s, "3 c7 @1 a\n3 #2 ok\n");
    stage_close(s);
}

static void what_a_look_finds_due_is_delivered_before_the_answer_to_ping(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS);
    stage_push_headed(s, 1, "q", "delay=5", "a");
    stage_tick(s);
    s->now = 5 * MS;
    assert_int_equal(stage_info(s, "q", "ready"), 1);
    stage_skip(s);
    stage_name(s, 3, COMMAND_PING, "");
    stage_expect(s, "3 c7 @1 a\n3 #2 ok\n");
    stage_close(s);
}

static void an_expired_message_is_never_delivered(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=5");
    stage_push(s, 1, "q", "a");
    stage_tick(s);
    s->now = 5 * MS;
    stage_push(s, 1, "q", "b");
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS);
    stage_skip(s);
    tick_and_expect(s, "3 c7 @1 b\n");
    stage_close(s);
}

static void nothing_is_delivered_while_more_has_expired_than_one_tick_lets_die(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=5 dead-letter=");
    int ticks = 0;
    stage_push_alike(s, 1, "q", 3 * AGED_MAX, 20);
    stage_tick(s);
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS);
    s->now = 5 * MS;
    stage_skip(s);
    for (; ticks == 0 || engine_deadline(s->engine) <= s->now; ticks++) {
        engine_tick(s->engine, s->now, &s->outbox);
        engine_check(s->engine);
    }
    assert_in_range(ticks, 2, 4);
    stage_expect(s, "");
    assert_int_equal(stage_info(s, "q", "expired"), 3 * AGED_MAX);
    stage_close(s);
}

static void what_is_full_of_the_expired_takes_a_push(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=5 max-messages=1");
    stage_push(s, 1, "q", "a");
    stage_tick(s);
    s->now = 5 * MS;
    stage_push(s, 1, "q", "b");
    stage_expect(s, "1 #2 ok x2\n");
    stage_close(s);
}

static void what_expires_makes_room_for_pushes_that_wait(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=5 max-messages=1 when-full=hold");
    stage_push(s, 1, "q", "a b");
    stage_tick(s);
    stage_skip(s);
    pass_and_expect(s, 5, "1 #3 ok\n");
    assert_true(engine_deadline(s->engine) == 10 * MS); /* b waits from now on */
    stage_close(s);
}

static void the_deadline_is_the_first_of_all_queues(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_headed(s, 1, "a", "ttl=30", "x");
    stage_push_headed(s, 1, "b", "delay=10", "x");
    stage_settings(s, 1, COMMAND_DECLARE, "c", "lease-max=20");
    stage_push(s, 1, "c", "x");
    stage_consume(s, 3, 7, "c", 0, 1, LOTS);
    static const uint64_t deadlines[] = {10, 20, 30};
    for (int i = 0; i < 3; i++) {
        stage_tick(s);
        assert_true(engine_deadline(s->engine) == deadlines[i] * MS);
        s->now = deadlines[i] * MS;
    }
    stage_tick(s);
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    stage_close(s);
}

static void a_queue_that_goes_leaves_no_deadline(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_headed(s, 1, "q", "ttl=30", "x");
    stage_push_headed(s, 1, "q", "delay=10", "x");
    stage_tick(s);
    stage_name(s, 1, COMMAND_DELETE, "q");
    stage_tick(s);
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    stage_close(s);
}

static void a_lease_that_lasts_too_long_is_lost_and_given_to_another(void **state)
{
    (void)state;
    struct stage *s = open_with("lease-max=5");
    stage_push(s, 1, "q", "a b c");
    stage_consume(s, 3, 7, "q", 0, 3, LOTS);
    stage_tick(s);
    stage_settle(s, 3, 7, 2, 1, SETTLE_ACKNOWLEDGE);
    stage_consume(s, 2, 8, "q", 0, LOTS, LOTS);
    stage_skip(s);
    pass_and_expect(s, 4, "");
    pass_and_expect(s, 1,
                    "3 c7 lost @1 x1\n3 c7 lost @3 x1\n"
                    "2 c8 @1 again 1: a\n2 c8 @2 again 1: c\n");
    stage_settle(s, 3, 7, 1, 3, SETTLE_ACKNOWLEDGE);
    stage_expect(s, "3 #3 some of these tags are not leased to this consumer\n");
    assert_int_equal(stage_info(s, "q", "leased"), 2);
    stage_close(s);
}

static void who_loses_a_lease_may_be_given_it_again(void **state)
{
    (void)state;
    struct stage *s = open_with("lease-max=5");
    stage_push(s, 1, "q", "a");
    stage_consume(s, 3, 7, "q", 0, 2, LOTS);
    stage_tick(s);
    stage_skip(s);
    pass_and_expect(s, 5, "3 c7 lost @1 x1\n3 c7 @2 again 1: a\n");
    pass_and_expect(s, 5, "3 c7 lost @2 x1\n");
    stage_close(s);
}

static void a_lease_lost_once_too_often_kills_the_message(void **state)
{
    (void)state;
    struct stage *s = open_with("lease-max=5 delivery-limit=1");
    stage_push(s, 1, "q", "a");
    stage_consume(s, 3, 7, "q", 0, 2, LOTS);
    stage_tick(s);
    stage_skip(s);
    pass_and_expect(s, 5, "3 c7 lost @1 x1\n");
    assert_int_equal(stage_info(s, "q", "exhausted"), 1);
    assert_int_equal(stage_info(s, "q.dead", "ready"), 1);
    stage_close(s);
}

static void to_touch_a_lease_is_to_keep_it(void **state)
{
    (void)state;
    struct stage *s = open_with("lease-max=5");
    stage_push(s, 1, "q", "a");
    stage_consume(s, 3, 7, "q", 0, 1, LOTS);
    stage_tick(s);
    stage_skip(s);
    for (int i = 0; i < 10; i++) {
        pass_and_expect(s, 4, "");
        stage_touch(s, 3, 7, 1, 1);
        stage_skip(s);
    }
    pass_and_expect(s, 4, "");
    pass_and_expect(s, 1, "3 c7 lost @1 x1\n");
    stage_close(s);
}

static void touching_what_is_not_leased_is_refused(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a b");
    stage_consume(s, 3, 7, "q", 0, 2, LOTS);
    stage_tick(s);
    stage_settle(s, 3, 7, 1, 1, SETTLE_ACKNOWLEDGE);
    stage_skip(s);
    stage_touch(s, 3, 7, 2, 1);
    stage_touch(s, 3, 7, 1, 2);
    stage_touch(s, 3, 8, 1, 1);
    stage_touch(s, 2, 7, 2, 1);
    stage_expect(s, "3 #3 ok\n"
                    "3 #4 some of these tags are not leased to this consumer\n"
                    "3 #5 no consumer of that id on this connection\n"
                    "2 #1 no consumer of that id on this connection\n");
    stage_close(s);
}

static void ages_are_told_in_milliseconds(void **state)
{
    (void)state;
    struct stage *s = open_with("");
    stage_push(s, 1, "q", "a b");
    stage_consume(s, 3, 7, "q", 0, 1, LOTS);
    stage_pass(s, 20);
    stage_pass(s, 30);
    assert_int_equal(stage_info(s, "q", "oldest-ready"), 50);
    assert_int_equal(stage_info(s, "q", "oldest-leased"), 30);
    assert_int_equal(stage_info(s, "q", "waited-max"), 20000);
    stage_settle(s, 3, 7, 1, 1, SETTLE_ACKNOWLEDGE);
    assert_int_equal(stage_info(s, "q", "worked-max"), 30000);
    assert_int_equal(stage_info(s, "q", "worked-p50"), 30000);
    stage_close(s);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delayed_push_is_accepted_at_once_and_delivered_when_it_is_due),
        cmocka_unit_test(a_delayed_message_is_not_seen_before_it_is_due),
        cmocka_unit_test(an_undeclared_queue_stays_for_what_is_delayed),
        cmocka_unit_test(what_is_returned_late_comes_back_in_order_at_its_end),
        cmocka_unit_test(what_is_returned_late_to_the_back_is_there_in_order),
        cmocka_unit_test(holes_do_not_turn_what_is_returned_late_around),
        cmocka_unit_test(however_it_was_taken_what_returns_late_is_in_order),
        cmocka_unit_test(the_longest_delay_of_a_return_is_borne),
        cmocka_unit_test(what_is_due_is_delivered_before_the_answer_to_ping),
        cmocka_unit_test(what_a_look_finds_due_is_delivered_before_the_answer_to_ping),
        cmocka_unit_test(an_expired_message_is_never_delivered),
        cmocka_unit_test(nothing_is_delivered_while_more_has_expired_than_one_tick_lets_die),
        cmocka_unit_test(what_is_full_of_the_expired_takes_a_push),
        cmocka_unit_test(what_expires_makes_room_for_pushes_that_wait),
        cmocka_unit_test(the_deadline_is_the_first_of_all_queues),
        cmocka_unit_test(a_queue_that_goes_leaves_no_deadline),
        cmocka_unit_test(a_lease_that_lasts_too_long_is_lost_and_given_to_another),
        cmocka_unit_test(who_loses_a_lease_may_be_given_it_again),
        cmocka_unit_test(a_lease_lost_once_too_often_kills_the_message),
        cmocka_unit_test(to_touch_a_lease_is_to_keep_it),
        cmocka_unit_test(touching_what_is_not_leased_is_refused),
        cmocka_unit_test(ages_are_told_in_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

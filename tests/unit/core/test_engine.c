#include "core/engine.h"

#include "base/time.h"
#include "check.h"
#include "core/peer.h"
#include "core/stage.h"
#include "seed.h"

enum { LOTS = 1000000 };

static struct random seed;

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 3; peer++)
        stage_attach(stage, peer);
    return stage;
}

static void tick_and_expect(struct stage *stage, const char *expected)
{
    stage_tick(stage);
    stage_expect(stage, expected);
}

static void expect_queues(struct stage *stage, uint64_t count)
{
    stage_tick(stage);
    stage_skip(stage);
    assert_int_equal(engine_totals(stage->engine).queues, count);
}

static void destroying_nothing_does_nothing(void **state)
{
    (void)state;
    engine_destroy(NULL);
}

static void an_engine_frees_what_is_still_in_its_queues(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_alike(s, 1, "q", 10000, 100);
    stage_push(s, 1, "r", "a:5000000");
    stage_declare(s, 1, "empty", 1, 1, WHEN_FULL_REFUSE);
    stage_close(s);
}

static void there_is_something_due_only_after_a_command_that_asks_for_it(void **state)
{
    (void)state;
    struct stage *s = open();
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    stage_push(s, 1, "q", "a");
    assert_int_equal(engine_deadline(s->engine), 0);
    stage_tick(s);
    stage_subscribe(s, 2, 5, "t");
    stage_publish(s, 1, "u", "a");
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    stage_publish(s, 1, "t", "a");
    assert_int_equal(engine_deadline(s->engine), 0);
    stage_close(s);
}

static void an_undeclared_queue_goes_when_it_is_empty_and_unused(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a");
    expect_queues(s, 1);
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    stage_tick(s);
    stage_settle(s, 2, 7, 1, 1, SETTLE_ACKNOWLEDGE);
    expect_queues(s, 1);
    stage_cancel(s, 2, 7);
    expect_queues(s, 0);
    stage_close(s);
}

static void an_undeclared_queue_goes_with_its_last_lease(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    stage_push(s, 1, "q", "a");
    stage_tick(s);
    stage_cancel(s, 2, 7);
    expect_queues(s, 1);
    stage_name(s, 1, COMMAND_PURGE, "q");
    expect_queues(s, 0);
    stage_close(s);
}

static void an_undeclared_queue_goes_when_its_consumer_hangs_up(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    expect_queues(s, 1);
    stage_detach(s, 2);
    expect_queues(s, 0);
    stage_close(s);
}

static void a_paused_queue_stays_until_it_is_resumed(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a");
    stage_name(s, 1, COMMAND_PAUSE, "q");
    stage_name(s, 1, COMMAND_PURGE, "q");
    expect_queues(s, 1);
    stage_name(s, 1, COMMAND_RESUME, "q");
    expect_queues(s, 0);
    stage_close(s);
}

static void a_declared_queue_stays(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_declare(s, 1, "q", LOTS, LOTS, WHEN_FULL_REFUSE);
    stage_push(s, 1, "q", "a");
    stage_name(s, 1, COMMAND_PURGE, "q");
    stage_detach(s, 1);
    expect_queues(s, 1);
    stage_close(s);
}

/* Without a tick between, as its last message goes and the next one comes. */
static void a_queue_that_is_used_again_in_time_does_not_go(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a");
    stage_name(s, 1, COMMAND_PURGE, "q");
    stage_push(s, 1, "q", "b");
    expect_queues(s, 1);
    assert_int_equal(stage_info(s, "q", "accepted"), 2);
    stage_close(s);
}

/* A connection remembers the queue of its last push. */
static void a_push_behind_the_end_of_its_queue_makes_a_new_one(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a");
    stage_name(s, 2, COMMAND_DELETE, "q");
    stage_push(s, 1, "q", "b");
    assert_int_equal(stage_info(s, "q", "accepted"), 1);
    stage_name(s, 2, COMMAND_PURGE, "q");
    expect_queues(s, 0);
    stage_push(s, 1, "q", "c d");
    assert_int_equal(stage_info(s, "q", "accepted"), 2);
    stage_close(s);
}

static void the_end_of_a_connection_returns_its_leases_to_others(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    stage_consume(s, 2, 8, "r", 0, LOTS, LOTS);
    stage_push(s, 1, "q", "a b c");
    stage_push(s, 1, "r", "x");
    stage_skip(s);
    tick_and_expect(s, "2 c7 @1 a b c\n2 c8 @1 x\n");
    stage_settle(s, 2, 7, 2, 1, SETTLE_ACKNOWLEDGE);
    stage_consume(s, 3, 1, "q", 0, LOTS, LOTS);
    stage_skip(s);
    stage_detach(s, 2);
    tick_and_expect(s, "3 c1 @1 again 1: a\n3 c1 @2 again 1: c\n");
    assert_int_equal(stage_info(s, "r", "ready"), 1);
    stage_close(s);
}

static void a_slice_may_be_released_after_its_connection_and_queue_are_gone(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    stage_subscribe(s, 2, 5, "t");
    stage_push(s, 1, "q", "a b:200000");
    stage_publish(s, 1, "t", "x");
    stage_tick(s);
    stage_detach(s, 2);
    stage_name(s, 1, COMMAND_DELETE, "q");
    stage_skip(s);
    assert_int_equal(engine_totals(s->engine).holds, 2);
    stage_sent(s, 2);
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).memory, 0);
    stage_close(s);
}

static void what_one_connection_has_unsent_is_nothing_to_another(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", CONSUME_NO_ACK, LOTS, LOTS);
    stage_push(s, 1, "q", "a:300000");
    stage_tick(s);
    stage_detach(s, 2);
    stage_consume(s, 3, 7, "q", CONSUME_NO_ACK, LOTS, LOTS);
    stage_push(s, 1, "q", "b:300000 c");
    stage_skip(s);
    tick_and_expect(s, "3 c7 @1 b\n");
    stage_sent(s, 2);
    tick_and_expect(s, "");
    stage_sent(s, 3);
    tick_and_expect(s, "3 c7 @2 c\n");
    stage_close(s);
}

static void answers_do_not_count_as_unsent_messages(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a:600000 b");
    stage_look(s, 2, COMMAND_PEEK, "q", 1, false);
    stage_skip(s);
    assert_int_equal(stage_unsent(s, PEER_NONE), 600000);
    stage_consume(s, 2, 7, "q", CONSUME_BACK, 1, LOTS);
    stage_skip(s);
    tick_and_expect(s, "2 c7 @1 b\n");
    stage_sent(s, PEER_NONE);
    stage_close(s);
}

static void what_was_ready_goes_before_the_answer_to_a_ping(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, 2, LOTS);
    stage_push(s, 1, "q", "a b c");
    stage_push(s, 1, "elsewhere", "x");
    stage_skip(s);
    stage_name(s, 2, COMMAND_PING, "");
    stage_expect(s, "2 c7 @1 a b\n2 #2 ok\n");
    stage_name(s, 2, COMMAND_PING, "");
    stage_expect(s, "2 #3 ok\n");
    stage_close(s);
}

static void a_ping_hands_out_to_competitors_fairly(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS);
    stage_push(s, 1, "q", "a b");
    stage_skip(s);
    stage_name(s, 3, COMMAND_PING, "");
    stage_expect(s, "2 c7 @1 a b\n3 #2 ok\n");
    stage_close(s);
}

static void connections_come_and_go_under_any_ids(void **state)
{
    (void)state;
    struct stage *s = stage_open();
    for (int round = 0; round < 50; round++) {
        uint32_t peer = (uint32_t)random_below(&seed, STAGE_PEERS_MAX);
        if (s->is_attached[peer])
            stage_detach(s, peer);
        else
            stage_attach(s, peer);
        uint64_t count = 0;
        for (uint32_t i = 0; i < STAGE_PEERS_MAX; i++)
            count += s->is_attached[i];
        assert_int_equal(engine_totals(s->engine).connections, count);
    }
    stage_close(s);
}

static void totals_are_sums_over_all_queues(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, 1, LOTS);
    stage_declare(s, 1, "r", 1, LOTS, WHEN_FULL_HOLD);
    stage_push(s, 1, "q", "a b c");
    stage_push(s, 1, "r", "d e f");
    stage_tick(s);
    struct engine_totals totals = engine_totals(s->engine);
    assert_int_equal(totals.ready, 3);
    assert_int_equal(totals.leased, 1);
    assert_int_equal(totals.waiting, 2);
    assert_int_equal(totals.accepted, 4);
    assert_int_equal(totals.delivered, 1);
    assert_int_equal(totals.consumers, 1);
    assert_int_equal(totals.holds, 1);
    stage_close(s);
}

/* A command of a random kind with small arguments, so that they often meet. */
static void act(struct stage *stage, struct random *random)
{
    static const char *const names[] = {"q", "r", "t.a"};
    uint32_t peer = 1 + (uint32_t)random_below(random, 3), id = (uint32_t)random_below(random, 3);
    uint32_t number = 1 + (uint32_t)random_below(random, 8);
    const char *name = names[random_below(random, 3)];
    switch (random_below(random, 14)) {
    case 0: stage_consume(stage, peer, id, name, (int)random_below(random, 4), number, 300); break;
    case 1: stage_cancel(stage, peer, id); break;
    case 2: stage_credit(stage, peer, id, number, 200); break;
    case 3:
        stage_settle(stage, peer, id, random_below(random, 9) + 1, number,
                     (enum settle)random_below(random, 3));
        break;
    case 4: stage_subscribe_bound(stage, peer, id, name, number, 0); break;
    case 5: stage_unsubscribe(stage, peer, id); break;
    case 6: stage_declare(stage, peer, name, 2 + number, 1000, WHEN_FULL_HOLD); break;
    case 7:
        stage_name(stage, peer, random_below(random, 5) ? COMMAND_PURGE : COMMAND_DELETE, name);
        break;
    case 8:
        stage_name(stage, peer, random_below(random, 2) ? COMMAND_PAUSE : COMMAND_RESUME, name);
        break;
    case 9: stage_publish_alike(stage, peer, "t.a", number, 40); break;
    case 10: stage_tick(stage); break;
    case 11: stage_sent(stage, peer); break;
    default: stage_push_alike(stage, peer, name, number, 30 + number); break;
    }
}

static void the_same_commands_have_the_same_effects(void **state)
{
    (void)state;
    struct stage *one = open(), *two = open();
    struct random first = seed, second = seed;
    for (int step = 0; step < 3000; step++) {
        act(one, &first);
        act(two, &second);
        stage_tell(one);
        stage_expect(two, one->text);
    }
    random_next(&seed);
    stage_close(one);
    stage_close(two);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(destroying_nothing_does_nothing),
        cmocka_unit_test(an_engine_frees_what_is_still_in_its_queues),
        cmocka_unit_test(there_is_something_due_only_after_a_command_that_asks_for_it),
        cmocka_unit_test(an_undeclared_queue_goes_when_it_is_empty_and_unused),
        cmocka_unit_test(an_undeclared_queue_goes_with_its_last_lease),
        cmocka_unit_test(an_undeclared_queue_goes_when_its_consumer_hangs_up),
        cmocka_unit_test(a_paused_queue_stays_until_it_is_resumed),
        cmocka_unit_test(a_declared_queue_stays),
        cmocka_unit_test(a_queue_that_is_used_again_in_time_does_not_go),
        cmocka_unit_test(a_push_behind_the_end_of_its_queue_makes_a_new_one),
        cmocka_unit_test(the_end_of_a_connection_returns_its_leases_to_others),
        cmocka_unit_test(a_slice_may_be_released_after_its_connection_and_queue_are_gone),
        cmocka_unit_test(what_one_connection_has_unsent_is_nothing_to_another),
        cmocka_unit_test(answers_do_not_count_as_unsent_messages),
        cmocka_unit_test(what_was_ready_goes_before_the_answer_to_a_ping),
        cmocka_unit_test(a_ping_hands_out_to_competitors_fairly),
        cmocka_unit_test(connections_come_and_go_under_any_ids),
        cmocka_unit_test(totals_are_sums_over_all_queues),
        cmocka_unit_test(the_same_commands_have_the_same_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

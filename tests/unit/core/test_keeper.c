#include "base/time.h"
#include "check.h"
#include "core/stage.h"

/* Peer 1 pushes to "q", which has a pop lease, and peers 3 and 4 take. */
static const struct taking FRONT, BACK = {.from_back = true}, EACH = {.is_each = true},
                                  NOW = {.is_now = true};

static struct stage *open_with(const char *settings, const char *words)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 4; peer++)
        stage_attach(stage, peer);
    stage_settings(stage, 1, COMMAND_DECLARE, "q", settings);
    stage_push(stage, 1, "q", words);
    stage_skip(stage);
    return stage;
}

static struct stage *open(const char *words)
{
    return open_with("pop-lease=connection", words);
}

static void finish(struct stage *stage, uint32_t peer, const char *queue, enum settle how,
                   uint64_t delay_ms)
{
    struct command command = {.kind = COMMAND_FINISH, .name = bytes_text(queue)};
    command.finish.how = how;
    command.finish.delay_ms = delay_ms;
    command.finish.is_all = queue[0] == '\0';
    stage_apply(stage, peer, command);
}

static void expect_leased(struct stage *stage, uint64_t leased, uint64_t acknowledged)
{
    uint64_t since;
    assert_int_equal(stage_info(stage, "q", "leased"), leased);
    assert_int_equal(stage_info(stage, "q", "acknowledged"), acknowledged);
    assert_int_equal(engine_totals(stage->engine).settled, acknowledged);
    assert_int_equal(engine_leased(stage->engine, 3, &since), leased);
}

static void what_is_popped_stays_leased_to_the_connection(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    stage_take(s, 3, "q", 2, &FRONT);
    stage_expect(s, "3 #1 of 2 from 0: a b\n");
    expect_leased(s, 2, 0);
    assert_int_equal(stage_info(s, "q", "consumers"), 1);
    stage_close(s);
}

static void the_next_pop_acknowledges_the_one_before(void **state)
{
    (void)state;
    struct stage *s = open("a b c d");
    stage_take(s, 3, "q", 2, &FRONT);
    stage_take(s, 3, "q", 1, &BACK);
    stage_expect(s, "3 #1 of 2 from 0: a b\n3 #2 of 1 from 0: d\n");
    expect_leased(s, 1, 2);
    stage_wait(s, 3, "q", 1, &FRONT);
    stage_expect(s, "3 #3 of 1 from 0: c\n");
    expect_leased(s, 1, 3);
    stage_take(s, 3, "q", 1, &FRONT); /* there is nothing, but that is done with */
    stage_expect(s, "3 #4 nothing of that name\n");
    expect_leased(s, 0, 4);
    assert_int_equal(stage_info(s, "q", "consumers"), 0);
    stage_close(s);
}

static void who_waits_has_done_with_what_was_popped_of_all_names(void **state)
{
    (void)state;
    struct stage *s = open("a");
    stage_settings(s, 1, COMMAND_DECLARE, "r", "pop-lease=connection");
    stage_push(s, 1, "r", "b c");
    stage_take(s, 3, "r", 1, &FRONT);
    stage_take(s, 3, "q", 1, &FRONT);
    stage_skip(s);
    stage_wait(s, 3, "r q", 1, &FRONT);
    stage_expect(s, "3 #3 of 1 from 0: c\n");
    assert_int_equal(stage_info(s, "q", "leased"), 0);
    assert_int_equal(stage_info(s, "r", "leased"), 1);
    stage_wait(s, 3, "q r", 1, &FRONT);
    stage_expect(s, "");
    assert_int_equal(stage_info(s, "r", "leased"), 0);
    stage_close(s);
}

static void pops_of_other_connections_acknowledge_nothing(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    stage_take(s, 3, "q", 1, &FRONT);
    stage_take(s, 4, "q", 1, &FRONT);
    stage_expect(s, "3 #1 of 1 from 0: a\n4 #1 of 1 from 0: b\n");
    assert_int_equal(stage_info(s, "q", "leased"), 2);
    stage_close(s);
}

static void of_pops_of_one_each_the_last_is_leased(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    stage_take(s, 3, "q", 4, &EACH);
    stage_expect(s, "3 #1 of 1 from 0: a\n3 #2 of 1 from 0: b\n3 #3 of 1 from 0: c\n"
                    "3 #4 nothing of that name\n");
    expect_leased(s, 1, 2);
    stage_close(s);
}

static void who_waited_is_leased_what_comes(void **state)
{
    (void)state;
    struct stage *s = open("a");
    stage_take(s, 3, "q", 1, &FRONT);
    stage_wait(s, 3, "q", 1, &FRONT);
    stage_push(s, 1, "q", "b");
    stage_expect(s, "3 #1 of 1 from 0: a\n1 #3 ok\n3 #2 of 1 from 0: b\n");
    expect_leased(s, 1, 1);
    stage_close(s);
}

static void a_connection_that_ends_gives_back_what_it_popped_in_order_and_counted(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    stage_take(s, 3, "q", 2, &FRONT);
    stage_detach(s, 3);
    stage_expect_ready(s, "q", "a\nb\nc\n");
    stage_consume(s, 4, 7, "q", 0, 9, 999);
    stage_tick(s);
    stage_expect(s, "4 #1 ok\n4 c7 @1 again 1: a b\n4 c7 @3 c\n");
    stage_close(s);
}

static void it_goes_back_to_the_end_it_was_taken_from(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    stage_take(s, 3, "q", 2, &BACK);
    stage_expect(s, "3 #1 of 2 from 0: c b\n");
    stage_detach(s, 3);
    stage_expect_ready(s, "q", "a\nb\nc\n");
    stage_close(s);
}

static void what_comes_back_too_often_is_a_dead_letter(void **state)
{
    (void)state;
    struct stage *s = open_with("pop-lease=connection delivery-limit=2", "a");
    for (int i = 0; i < 2; i++) {
        stage_attach(s, 5);
        stage_take(s, 5, "q", 1, &FRONT);
        stage_detach(s, 5);
    }
    stage_expect_ready(s, "q", "");
    stage_expect_ready(s, "q.dead",
                       "a dead-reason=deliveries dead-queue=q dead-deliveries=2 "
                       "dead-times=1\n");
    stage_close(s);
}

static void what_comes_back_is_given_to_those_who_wait(void **state)
{
    (void)state;
    struct stage *s = open("a");
    stage_take(s, 3, "q", 1, &FRONT);
    stage_wait(s, 4, "q", 1, &FRONT);
    stage_skip(s);
    stage_detach(s, 3);
    stage_expect(s, "4 #1 of 1 from 0: a\n");
    stage_close(s);
}

static void what_was_popped_can_be_finished(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    stage_take(s, 3, "q", 2, &FRONT);
    finish(s, 3, "q", SETTLE_ACKNOWLEDGE, 0);
    finish(s, 3, "q", SETTLE_ACKNOWLEDGE, 0);
    finish(s, 3, "none", SETTLE_ACKNOWLEDGE, 0);
    stage_expect(s, "3 #1 of 2 from 0: a b\n3 #2 number 2\n3 #3 number 0\n3 #4 number 0\n");
    expect_leased(s, 0, 2);
    assert_int_equal(stage_info(s, "q", "consumers"), 0);
    stage_close(s);
}

static void what_was_popped_can_be_returned(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    stage_take(s, 3, "q", 2, &FRONT);
    finish(s, 3, "q", SETTLE_RETURN, 0);
    stage_expect(s, "3 #1 of 2 from 0: a b\n3 #2 number 2\n");
    stage_expect_ready(s, "q", "a\nb\nc\n");
    expect_leased(s, 0, 0);
    stage_take(s, 3, "q", 1, &FRONT);
    finish(s, 3, "q", SETTLE_RETURN, 5);
    stage_expect_ready(s, "q", "b\nc\n");
    stage_pass(s, 5);
    stage_expect_ready(s, "q", "a\nb\nc\n");
    stage_take(s, 3, "q", 1, &BACK);
    finish(s, 3, "q", SETTLE_RETURN, 5);
    stage_pass(s, 5);
    stage_expect_ready(s, "q", "a\nb\nc\n");
    stage_close(s);
}

static void all_that_was_popped_can_be_finished_at_once(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    stage_settings(s, 1, COMMAND_DECLARE, "r", "pop-lease=connection");
    stage_push(s, 1, "r", "x");
    stage_take(s, 3, "q", 2, &FRONT);
    stage_take(s, 3, "r", 1, &FRONT);
    stage_take(s, 4, "q", 1, &FRONT);
    stage_skip(s);
    finish(s, 3, "", SETTLE_ACKNOWLEDGE, 0);
    stage_expect(s, "3 #3 number 3\n");
    assert_int_equal(stage_info(s, "q", "leased"), 1);
    assert_int_equal(stage_info(s, "r", "leased"), 0);
    stage_close(s);
}

static void a_lease_that_lasts_too_long_is_over_in_silence(void **state)
{
    (void)state;
    struct stage *s = open_with("pop-lease=connection lease-max=5", "a b");
    stage_take(s, 3, "q", 1, &FRONT);
    stage_expect(s, "3 #1 of 1 from 0: a\n");
    stage_pass(s, 5);
    stage_expect(s, "");
    stage_expect_ready(s, "q", "a\nb\n");
    finish(s, 3, "q", SETTLE_ACKNOWLEDGE, 0);
    stage_expect(s, "3 #2 number 0\n");
    expect_leased(s, 0, 0);
    stage_close(s);
}

static void a_move_leases_nothing_but_has_done_with_what_was_popped(void **state)
{
    (void)state;
    struct stage *s = open("a b");
    stage_take(s, 3, "q", 1, &FRONT);
    stage_wait(s, 3, "q", 1, &(struct taking){.to = "t"});
    stage_expect(s, "3 #1 of 1 from 0: a\n3 #2 of 1 from 0: b\n");
    expect_leased(s, 0, 2);
    stage_close(s);
}

static void a_wait_of_a_moment_leases_too(void **state)
{
    (void)state;
    struct stage *s = open("a b");
    stage_wait(s, 3, "none q", 2, &NOW);
    stage_expect(s, "3 #1 of 2 from 1: a b\n");
    expect_leased(s, 2, 0);
    stage_close(s);
}

static void the_setting_holds_for_the_next_pop(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    stage_take(s, 3, "q", 1, &FRONT);
    stage_settings(s, 1, COMMAND_SET, "q", "pop-lease=none");
    expect_leased(s, 1, 0);
    stage_take(s, 3, "q", 1, &FRONT);
    expect_leased(s, 0, 2);
    stage_settings(s, 1, COMMAND_SET, "q", "pop-lease=connection");
    stage_take(s, 3, "q", 1, &FRONT);
    expect_leased(s, 1, 2);
    stage_close(s);
}

static void what_is_leased_is_bounded_but_a_pop_takes_one(void **state)
{
    (void)state;
    struct stage *s = open("a b c d");
    stage_settings(s, 1, COMMAND_DECLARE, "r", "pop-lease=connection");
    stage_push(s, 1, "r", "x y");
    stage_skip(s);
    engine_configure(s->engine, &(struct engine_config){.in_flight_max = 2}, s->now);
    stage_take(s, 3, "q", 9, &FRONT);
    stage_take(s, 3, "r", 9, &FRONT);
    stage_expect(s, "3 #1 of 2 from 0: a b\n3 #2 of 1 from 0: x\n");
    stage_close(s);
}

static void a_queue_that_is_deleted_takes_what_was_popped_along(void **state)
{
    (void)state;
    struct stage *s = open("a b");
    stage_take(s, 3, "q", 1, &FRONT);
    stage_skip(s);
    stage_name(s, 1, COMMAND_DELETE, "q");
    stage_expect(s, "1 #4 ok\n");
    finish(s, 3, "q", SETTLE_ACKNOWLEDGE, 0);
    stage_expect(s, "3 #2 number 0\n");
    stage_close(s);
}

static void an_undeclared_queue_is_there_while_something_popped_is_kept(void **state)
{
    (void)state;
    static const struct queue_policy policy = {
        .pattern = {(const unsigned char *)"u", 1},
        .settings = {.pop_lease = POP_LEASE_CONNECTION, .given = SETTING_POP_LEASE}};
    struct stage *s = open("a");
    engine_configure(s->engine,
                     &(struct engine_config){.queue_policies = &policy, .queue_policies_count = 1},
                     s->now);
    stage_push(s, 1, "u", "x");
    stage_take(s, 3, "u", 1, &FRONT);
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 2);
    finish(s, 3, "u", SETTLE_ACKNOWLEDGE, 0);
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 1);
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_popped_stays_leased_to_the_connection),
        cmocka_unit_test(the_next_pop_acknowledges_the_one_before),
        cmocka_unit_test(who_waits_has_done_with_what_was_popped_of_all_names),
        cmocka_unit_test(pops_of_other_connections_acknowledge_nothing),
        cmocka_unit_test(of_pops_of_one_each_the_last_is_leased),
        cmocka_unit_test(who_waited_is_leased_what_comes),
        cmocka_unit_test(a_connection_that_ends_gives_back_what_it_popped_in_order_and_counted),
        cmocka_unit_test(it_goes_back_to_the_end_it_was_taken_from),
        cmocka_unit_test(what_comes_back_too_often_is_a_dead_letter),
        cmocka_unit_test(what_comes_back_is_given_to_those_who_wait),
        cmocka_unit_test(what_was_popped_can_be_finished),
        cmocka_unit_test(what_was_popped_can_be_returned),
        cmocka_unit_test(all_that_was_popped_can_be_finished_at_once),
        cmocka_unit_test(a_lease_that_lasts_too_long_is_over_in_silence),
        cmocka_unit_test(a_move_leases_nothing_but_has_done_with_what_was_popped),
        cmocka_unit_test(a_wait_of_a_moment_leases_too),
        cmocka_unit_test(the_setting_holds_for_the_next_pop),
        cmocka_unit_test(what_is_leased_is_bounded_but_a_pop_takes_one),
        cmocka_unit_test(a_queue_that_is_deleted_takes_what_was_popped_along),
        cmocka_unit_test(an_undeclared_queue_is_there_while_something_popped_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

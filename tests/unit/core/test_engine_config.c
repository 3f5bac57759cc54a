#include "core/engine.h"

#include "base/time.h"
#include "check.h"
#include "core/frames.h"
#include "core/stage.h"

/* Peer 1 pushes and looks after queues, peers 2 and 3 consume. */
enum { LOTS = 1000000 };

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 3; peer++)
        stage_attach(stage, peer);
    return stage;
}

static void configure(struct stage *stage, struct engine_config config)
{
    engine_configure(stage->engine, &config, stage->now);
    engine_check(stage->engine);
}

static void tick_and_expect(struct stage *stage, const char *expected)
{
    stage_tick(stage);
    stage_expect(stage, expected);
}

static struct queue_policy policy(const char *pattern, unsigned setting, uint64_t number)
{
    struct queue_policy made = {.pattern = bytes_text(pattern)};
    queue_setting_put(&made.settings, setting, number, (struct bytes){0});
    return made;
}

static void a_queue_has_the_settings_of_its_name(void **state)
{
    (void)state;
    struct stage *s = open();
    const struct queue_policy policies[] = {policy(">", SETTING_TTL, 100),
                                            policy("jobs.*", SETTING_TTL, 50),
                                            policy("jobs.*", SETTING_COUNT_MAX, 1)};
    configure(s, (struct engine_config){.queue_policies = policies, .queue_policies_count = 3});
    stage_push(s, 1, "jobs.mail", "a b");
    stage_push(s, 1, "other", "a b");
    stage_expect(s, "1 #1 ok\n1 #2 the queue is full\n1 #3 ok x2\n");
    assert_int_equal(stage_info(s, "jobs.mail", "ttl"), 50);
    assert_int_equal(stage_info(s, "other", "ttl"), 100);
    configure(s, (struct engine_config){0});
    stage_close(s);
}

static void what_a_client_sets_goes_before_what_is_configured(void **state)
{
    (void)state;
    struct stage *s = open();
    const struct queue_policy policies[] = {policy(">", SETTING_TTL, 100),
                                            policy(">", SETTING_LEASE_MAX, 10)};
    configure(s, (struct engine_config){.queue_policies = policies, .queue_policies_count = 2});
    stage_settings(s, 1, COMMAND_DECLARE, "q", "ttl=7");
    assert_int_equal(stage_info(s, "q", "ttl"), 7);
    assert_int_equal(stage_info(s, "q", "lease-max"), 10);
    configure(s, (struct engine_config){0});
    assert_int_equal(stage_info(s, "q", "ttl"), 7);
    assert_int_equal(stage_info(s, "q", "lease-max"), 0);
    stage_close(s);
}

static void a_new_configuration_holds_for_what_there_is(void **state)
{
    (void)state;
    struct stage *s = open();
    const struct queue_policy policies[] = {policy("q", SETTING_TTL, 10),
                                            policy("r", SETTING_LEASE_MAX, 10),
                                            policy("s", SETTING_COUNT_MAX, 3)};
    stage_push(s, 1, "q", "a");
    stage_push(s, 1, "r", "b");
    stage_settings(s, 1, COMMAND_DECLARE, "s", "when-full=hold");
    configure(s, (struct engine_config){.queue_policies = &policies[2], .queue_policies_count = 1});
    stage_push(s, 1, "s", "c d e f");
    stage_consume(s, 2, 7, "r", 0, 1, LOTS);
    stage_tick(s);
    stage_pass(s, 20);
    stage_skip(s);
    configure(s, (struct engine_config){.queue_policies = policies, .queue_policies_count = 2});
    tick_and_expect(s, "2 c7 lost @1 x1\n1 #7 ok\n");
    assert_int_equal(stage_info(s, "q.dead", "ready"), 1);
    configure(s, (struct engine_config){0});
    stage_close(s);
}

/* What it says is gone with it. */
static void a_policy_for_dead_letters_is_forgotten_with_its_configuration(void **state)
{
    (void)state;
    struct stage *s = open();
    char name[] = "morgue";
    struct queue_policy policies[] = {{.pattern = bytes_text(">")}};
    queue_setting_put(&policies[0].settings, SETTING_DEAD_LETTER, 0, bytes_text(name));
    configure(s, (struct engine_config){.queue_policies = policies, .queue_policies_count = 1});
    stage_settings(s, 1, COMMAND_DECLARE, "q", "");
    stage_settings(s, 1, COMMAND_DECLARE, "q", "dead-letter=morgue");
    stage_expect(s, "1 #1 ok x2\n");
    configure(s, (struct engine_config){0});
    memset(name, 'x', sizeof name - 1);
    stage_settings(s, 1, COMMAND_DECLARE, "q", "dead-letter=q.dead");
    stage_expect(s, "1 #3 ok\n");
    stage_close(s);
}

static void so_many_queues_and_no_more(void **state)
{
    (void)state;
    struct stage *s = open();
    configure(s, (struct engine_config){.queues_max = 2});
    stage_push(s, 1, "a", "x");
    stage_settings(s, 1, COMMAND_DECLARE, "b", "");
    stage_push(s, 1, "c", "x y");
    stage_settings(s, 1, COMMAND_DECLARE, "c", "");
    stage_consume(s, 1, 7, "c", 0, 1, LOTS);
    stage_push(s, 1, "a", "z");
    stage_expect(s, "1 #1 ok x2\n1 #3 max-queues is reached x4\n1 #7 ok\n");
    assert_int_equal(engine_totals(s->engine).refused, 2);
    stage_name(s, 1, COMMAND_DELETE, "b");
    stage_push(s, 1, "c", "x");
    stage_expect(s, "1 #8 ok x2\n");
    stage_close(s);
}

static void a_queue_that_may_not_be_made_takes_no_dead(void **state)
{
    (void)state;
    struct stage *s = open();
    configure(s, (struct engine_config){.queues_max = 1});
    stage_settings(s, 1, COMMAND_DECLARE, "q", "ttl=5");
    stage_push(s, 1, "q", "a");
    stage_tick(s);
    stage_pass(s, 5);
    assert_int_equal(stage_info(s, "q", "discarded"), 1);
    assert_int_equal(engine_totals(s->engine).queues, 1);
    stage_close(s);
}

static void nothing_is_redriven_to_a_queue_that_may_not_be_made(void **state)
{
    (void)state;
    struct stage *s = open();
    uint64_t moved;
    configure(s, (struct engine_config){.queues_max = 1});
    stage_push(s, 1, "q", "a");
    stage_redrive(s, 1, "q", 0, "r");
    stage_answer(s, &moved, sizeof moved);
    assert_int_equal(moved, 0);
    assert_int_equal(stage_info(s, "q", "ready"), 1);
    stage_close(s);
}

static void fewer_queues_than_there_are_leaves_those(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "a", "x");
    stage_push(s, 1, "b", "x");
    configure(s, (struct engine_config){.queues_max = 1});
    stage_push(s, 1, "b", "y");
    stage_push(s, 1, "c", "y");
    stage_expect(s, "1 #1 ok x3\n1 #4 max-queues is reached\n");
    stage_close(s);
}

static void so_many_leases_of_a_connection_and_no_more(void **state)
{
    (void)state;
    struct stage *s = open();
    configure(s, (struct engine_config){.in_flight_max = 3});
    stage_push(s, 1, "q", "a b c d e f");
    stage_consume(s, 2, 7, "q", 0, 2, LOTS);
    stage_consume(s, 2, 8, "q", 0, LOTS, LOTS);
    stage_skip(s);
    tick_and_expect(s, "2 c7 @1 a b\n2 c8 @1 c\n");
    stage_settle(s, 2, 7, 1, 2, SETTLE_ACKNOWLEDGE);
    stage_skip(s);
    tick_and_expect(s, "2 c8 @2 d e\n");
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS); /* another connection has room of its own */
    stage_skip(s);
    tick_and_expect(s, "3 c7 @1 f\n");
    stage_close(s);
}

static void every_way_of_settling_makes_room_for_more_leases(void **state)
{
    (void)state;
    struct stage *s = open();
    configure(s, (struct engine_config){.in_flight_max = 1});
    stage_settings(s, 1, COMMAND_DECLARE, "q", "lease-max=5");
    stage_push(s, 1, "q", "a b c d");
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    stage_skip(s);
    tick_and_expect(s, "2 c7 @1 a\n");
    stage_settle(s, 2, 7, 1, 1, SETTLE_REJECT);
    stage_skip(s);
    tick_and_expect(s, "2 c7 @2 b\n");
    stage_return(s, 2, 7, 2, 1, 500);
    stage_skip(s);
    tick_and_expect(s, "2 c7 @3 c\n");
    stage_pass(s, 5);
    stage_expect(s, "2 c7 lost @3 x1\n2 c7 @4 again 1: c\n");
    stage_cancel(s, 2, 7);
    stage_consume(s, 2, 8, "q", 0, LOTS, LOTS);
    stage_skip(s);
    tick_and_expect(s, "2 c8 @1 again 2: c\n");
    stage_push(s, 1, "r", "x");
    stage_consume(s, 2, 9, "r", 0, LOTS, LOTS);
    stage_name(s, 1, COMMAND_DELETE, "q");
    stage_skip(s);
    tick_and_expect(s, "2 c9 @1 x\n");
    stage_close(s);
}

static void a_higher_limit_lets_more_be_leased_at_once(void **state)
{
    (void)state;
    struct stage *s = open();
    configure(s, (struct engine_config){.in_flight_max = 1});
    stage_push(s, 1, "q", "a b c");
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    stage_skip(s);
    tick_and_expect(s, "2 c7 @1 a\n");
    configure(s, (struct engine_config){.in_flight_max = 2});
    tick_and_expect(s, "2 c7 @2 b\n");
    configure(s, (struct engine_config){0});
    tick_and_expect(s, "2 c7 @3 c\n");
    configure(s, (struct engine_config){.in_flight_max = 1}); /* what is leased stays */
    tick_and_expect(s, "");
    assert_int_equal(stage_info(s, "q", "leased"), 3);
    stage_close(s);
}

/* One frame may pass it. */
static void so_many_bytes_unsent_to_a_connection_and_no_more(void **state)
{
    (void)state;
    struct stage *s = open();
    configure(s, (struct engine_config){.unsent_max = 50});
    stage_push(s, 1, "q", "a:40 b:40 c:40 d:40");
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    stage_skip(s);
    tick_and_expect(s, "2 c7 @1 a\n2 c7 @2 b\n");
    stage_sent_one(s, 2);
    tick_and_expect(s, "2 c7 @3 c\n");
    configure(s, (struct engine_config){0});
    stage_sent_one(s, 2);
    tick_and_expect(s, "2 c7 @4 d\n");
    stage_close(s);
}

static void who_needs_no_acks_has_nothing_in_flight(void **state)
{
    (void)state;
    struct stage *s = open();
    configure(s, (struct engine_config){.in_flight_max = 1});
    stage_push(s, 1, "q", "a b c");
    stage_consume(s, 2, 7, "q", CONSUME_NO_ACK, LOTS, LOTS);
    stage_tick(s);
    stage_skip(s);
    assert_int_equal(stage_info(s, "q", "acknowledged"), 3);
    /* Nor does what is in flight to another of the connection's consumers hold it up. */
    stage_push(s, 1, "r", "d");
    stage_consume(s, 2, 8, "r", 0, LOTS, LOTS);
    stage_tick(s);
    stage_push(s, 1, "q", "e f");
    stage_tick(s);
    stage_skip(s);
    assert_int_equal(stage_info(s, "q", "acknowledged"), 5);
    stage_close(s);
}

static void what_is_leased_to_a_connection_is_told_and_since_when(void **state)
{
    (void)state;
    struct stage *s = open();
    uint64_t since;
    assert_int_equal(engine_leased(s->engine, 2, &since), 0);
    assert_int_equal(engine_leased(s->engine, 77, &since), 0);
    stage_push(s, 1, "q", "a b");
    stage_consume(s, 2, 7, "q", 0, 1, LOTS);
    stage_pass(s, 10);
    assert_int_equal(engine_leased(s->engine, 2, &since), 1);
    assert_true(since == 10 * NS_PER_MS);
    stage_credit(s, 2, 7, 1, 0);
    stage_pass(s, 10);
    assert_int_equal(engine_leased(s->engine, 2, &since), 2);
    assert_true(since == 10 * NS_PER_MS);
    stage_settle(s, 2, 7, 1, 2, SETTLE_RETURN);
    assert_int_equal(engine_leased(s->engine, 2, &since), 0);
    stage_credit(s, 2, 7, 1, 0);
    stage_pass(s, 10);
    assert_int_equal(engine_leased(s->engine, 2, &since), 1);
    assert_true(since == 30 * NS_PER_MS);
    stage_close(s);
}

static void beyond_its_memory_dead_letters_are_discarded_and_counted(void **state)
{
    (void)state;
    struct stage *s = open();
    configure(s, (struct engine_config){.memory_hard_max = 1});
    stage_push(s, 1, "q", "a b");
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    stage_tick(s);
    stage_settle(s, 2, 7, 1, 1, SETTLE_REJECT);
    configure(s, (struct engine_config){.memory_hard_max = UINT64_MAX});
    stage_settle(s, 2, 7, 2, 1, SETTLE_REJECT);
    stage_skip(s);
    assert_int_equal(stage_info(s, "q", "discarded"), 1);
    assert_int_equal(stage_info(s, "q", "dead-lettered"), 1);
    stage_close(s);
}

static void under_pressure_pushes_are_refused_and_consuming_goes_on(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a b");
    engine_set_pressure(s->engine, true);
    stage_push(s, 1, "q", "c d");
    stage_push(s, 1, "new", "e");
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    stage_expect(s, "1 #1 ok x2\n1 #3 the broker is at its memory limit x3\n2 #1 ok\n");
    tick_and_expect(s, "2 c7 @1 a b\n");
    stage_settle(s, 2, 7, 1, 2, SETTLE_ACKNOWLEDGE);
    stage_expect(s, "2 #2 ok\n");
    assert_int_equal(engine_totals(s->engine).queues, 1);
    assert_int_equal(engine_totals(s->engine).refused, 3);
    stage_consume(s, 2, 8, "new", 0, LOTS, LOTS);
    stage_declare(s, 2, "new", 1, LOTS, WHEN_FULL_REFUSE);
    stage_subscribe(s, 2, 5, "t");
    stage_expect(s, "2 #3 the broker is at its memory limit x3\n");
    engine_set_pressure(s->engine, false);
    stage_push(s, 1, "q", "f");
    stage_expect(s, "1 #6 ok\n");
    stage_close(s);
}

static void an_operator_ends_a_connection_that_is_there(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_apply(s, 1, (struct command){.kind = COMMAND_KILL, .client = 3});
    stage_apply(s, 1, (struct command){.kind = COMMAND_KILL, .client = 77});
    stage_apply(s, 1, (struct command){.kind = COMMAND_KILL, .client = 1});
    stage_expect(s, "3 ended: an operator ended the connection\n"
                    "1 #1 ok\n"
                    "1 #2 no connection of that id\n"
                    "1 ended: an operator ended the connection\n"
                    "1 #3 ok\n");
    stage_close(s);
}

/* Asks for `count` connections behind `after` and sees that it is these, by id. */
static void clients_and_expect(struct stage *stage, uint32_t count, uint32_t after,
                               const char *expected, bool has_more)
{
    unsigned char room[4096];
    char text[4096] = "";
    size_t used = 0;
    stage_skip(stage);
    stage_apply(
        stage, 1,
        (struct command){.kind = COMMAND_CLIENTS, .look = {.count = count, .after = after}});
    assert_int_equal(stage->outbox.effects[stage->outbox.count - 1].has_more, has_more);
    size_t size = stage_answer(stage, room, sizeof room);
    for (size_t at = 0; at < size; at += load_u32(room + at)) {
        frames_tell_fields(bytes_of(room + at + 4, load_u32(room + at) - 4), text + used,
                           sizeof text - used - 1);
        used += strlen(text + used);
        memcpy(text + used++, "\n", 2);
    }
    assert_string_equal(text, expected);
}

static void clients_are_listed_with_what_they_hold(void **state)
{
    (void)state;
    struct stage *s = stage_open();
    stage_apply(s, 1,
                (struct command){.kind = COMMAND_ATTACH,
                                 .attach = {9, 900, bytes_text("worker"), bytes_text("::1")}});
    s->is_attached[1] = true;
    stage_attach(s, 3);
    stage_settings(s, 1, COMMAND_DECLARE, "q", "max-messages=2 when-full=hold");
    stage_push(s, 1, "q", "a:20 b:20 c d e");
    stage_subscribe(s, 3, 5, "t");
    stage_consume(s, 3, 7, "q", 0, 1, LOTS);
    stage_tick(s);
    clients_and_expect(s, 9, 0,
                       "connection=1 consumers=0 subscriptions=0 leased=0 unsent-bytes=0 backlog=0 "
                       "waiting=3 taking=0 client=worker address=::1\n"
                       "connection=3 consumers=1 subscriptions=1 leased=1 unsent-bytes=20 "
                       "backlog=0 waiting=0 taking=0 client= address=\n",
                       false);
    stage_close(s);
}

static void clients_are_listed_by_their_ids_piece_by_piece(void **state)
{
    (void)state;
    struct stage *s = stage_open();
#define CLIENT(id)                                                                                \
    "connection=" #id " consumers=0 subscriptions=0 leased=0 unsent-bytes=0 backlog=0 waiting=0 " \
    "taking=0 client= address=\n"
    for (uint32_t peer = 6; peer > 0; peer--)
        stage_attach(s, peer);
    clients_and_expect(s, 2, 0, CLIENT(1) CLIENT(2), true);
    clients_and_expect(s, 3, 2, CLIENT(3) CLIENT(4) CLIENT(5), true);
    clients_and_expect(s, 3, 5, CLIENT(6), false);
    clients_and_expect(s, UINT32_MAX, 6, "", false);
    clients_and_expect(s, UINT32_MAX, UINT32_MAX, "", false);
    stage_close(s);
}

static void settings_are_answered_with_what_was_configured(void **state)
{
    (void)state;
    struct stage *s = open();
    char room[64];
    stage_name(s, 1, COMMAND_SETTINGS, "");
    assert_int_equal(stage_answer(s, room, sizeof room), 0);
    configure(s, (struct engine_config){.settings = bytes_text("records")});
    stage_name(s, 1, COMMAND_SETTINGS, "");
    assert_int_equal(stage_answer(s, room, sizeof room), 7);
    assert_memory_equal(room, "records", 7);
    stage_close(s);
}

static void a_heartbeat_is_settled_and_nothing_else(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_name(s, 1, COMMAND_HEARTBEAT, "");
    stage_expect(s, "1 #1 ok\n");
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_has_the_settings_of_its_name),
        cmocka_unit_test(what_a_client_sets_goes_before_what_is_configured),
        cmocka_unit_test(a_new_configuration_holds_for_what_there_is),
        cmocka_unit_test(a_policy_for_dead_letters_is_forgotten_with_its_configuration),
        cmocka_unit_test(so_many_queues_and_no_more),
        cmocka_unit_test(a_queue_that_may_not_be_made_takes_no_dead),
        cmocka_unit_test(nothing_is_redriven_to_a_queue_that_may_not_be_made),
        cmocka_unit_test(fewer_queues_than_there_are_leaves_those),
        cmocka_unit_test(so_many_leases_of_a_connection_and_no_more),
        cmocka_unit_test(every_way_of_settling_makes_room_for_more_leases),
        cmocka_unit_test(a_higher_limit_lets_more_be_leased_at_once),
        cmocka_unit_test(so_many_bytes_unsent_to_a_connection_and_no_more),
        cmocka_unit_test(who_needs_no_acks_has_nothing_in_flight),
        cmocka_unit_test(what_is_leased_to_a_connection_is_told_and_since_when),
        cmocka_unit_test(beyond_its_memory_dead_letters_are_discarded_and_counted),
        cmocka_unit_test(under_pressure_pushes_are_refused_and_consuming_goes_on),
        cmocka_unit_test(an_operator_ends_a_connection_that_is_there),
        cmocka_unit_test(clients_are_listed_with_what_they_hold),
        cmocka_unit_test(clients_are_listed_by_their_ids_piece_by_piece),
        cmocka_unit_test(settings_are_answered_with_what_was_configured),
        cmocka_unit_test(a_heartbeat_is_settled_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/time.h"
#include "check.h"
#include "core/queue.h"
#include "core/stage.h"

/* Peers 1 and 2 push, peers 3 to 6 take. */
static const struct taking FRONT, BACK = {.from_back = true}, EACH = {.is_each = true},
                                  NOW = {.is_now = true};

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 6; peer++)
        stage_attach(stage, peer);
    return stage;
}

static void push(struct stage *stage, const char *queue, const char *words)
{
    stage_push(stage, 1, queue, words);
}

static struct stage *open_with(const char *words)
{
    struct stage *stage = open();
    push(stage, "q", words);
    stage_skip(stage);
    return stage;
}

static void put(struct stage *stage, const char *name)
{
    struct command command = {.kind = COMMAND_PUT, .name = bytes_text(name)};
    command.value.value = bytes_text("value");
    command.value.deadline_ms = TIME_NEVER;
    stage_apply(stage, 2, command);
}

static void push_and_skip(struct stage *stage, const char *queue, const char *words)
{
    push(stage, queue, words);
    stage_skip(stage);
}

static void a_take_is_answered_with_what_is_at_the_front(void **state)
{
    (void)state;
    struct stage *s = open_with("a b c");
    stage_take(s, 3, "q", 1, &FRONT);
    stage_expect(s, "3 #1 of 1 from 0: a\n");
    stage_take(s, 3, "q", 5, &FRONT);
    stage_expect(s, "3 #2 of 2 from 0: b c\n");
    stage_close(s);
}

static void a_take_from_the_back_comes_last_first(void **state)
{
    (void)state;
    struct stage *s = open_with("a b c");
    stage_take(s, 3, "q", 2, &BACK);
    stage_expect(s, "3 #1 of 2 from 0: c b\n");
    stage_expect_ready(s, "q", "a\n");
    stage_close(s);
}

static void messages_of_several_segments_are_one_answer(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_alike(s, 1, "q", 3000, 1000);
    stage_skip(s);
    stage_take(s, 3, "q", 2999, &FRONT);
    uint32_t count = 0;
    for (size_t i = 0; i < s->outbox.count; i++) {
        const struct effect *effect = &s->outbox.effects[i];
        assert_int_equal(effect->kind, EFFECT_FRAMES);
        assert_int_equal(effect->total, 2999);
        count += effect->slice.count;
        assert_true(effect->has_more == (count < 2999));
    }
    assert_true(s->outbox.count > 1);
    assert_int_equal(count, 2999);
    stage_skip(s);
    assert_int_equal(stage_info(s, "q", "ready"), 1);
    stage_close(s);
}

static void what_is_taken_is_settled_and_may_still_be_in_a_send(void **state)
{
    (void)state;
    struct stage *s = open_with("a b");
    stage_take(s, 3, "q", 1, &FRONT);
    stage_skip(s);
    assert_int_equal(engine_totals(s->engine).holds, 1);
    assert_int_equal(stage_info(s, "q", "leased"), 0);
    assert_int_equal(stage_info(s, "q", "acknowledged"), 1);
    assert_int_equal(engine_totals(s->engine).delivered, 1);
    assert_int_equal(engine_totals(s->engine).settled, 1);
    assert_true(stage_unsent(s, 3) > 0);
    stage_sent(s, 3);
    stage_close(s);
}

static void a_queue_without_ready_messages_is_no_list(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    stage_take(s, 3, "none", 1, &FRONT);
    stage_consume(s, 4, 7, "q", 0, 9, 999);
    stage_tick(s);
    stage_take(s, 3, "q", 1, &FRONT);
    stage_expect(s, "3 #1 nothing of that name\n4 #1 ok\n4 c7 @1 a\n3 #2 nothing of that name\n");
    stage_close(s);
}

static void nothing_may_be_asked_for(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    stage_take(s, 3, "q", 0, &FRONT);
    stage_take(s, 3, "none", 0, &FRONT);
    stage_expect(s, "3 #1 ok\n3 #2 nothing of that name\n");
    stage_close(s);
}

static void takes_of_one_each_are_answered_as_far_as_there_is_something(void **state)
{
    (void)state;
    struct stage *s = open_with("a b");
    stage_take(s, 3, "q", 5, &EACH);
    stage_take(s, 3, "q", 2, &EACH);
    stage_expect(s, "3 #1 of 2 from 0: a b\n3 #3 nothing of that name x5\n");
    stage_close(s);
}

static void spaces_are_apart(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    stage_take(s, 3, "q", 1, &(struct taking){.space = 5});
    stage_expect(s, "3 #1 nothing of that name\n");
    stage_wait(s, 3, "q", 1, &(struct taking){.space = 5});
    push(s, "q", "b");
    stage_expect(s, "1 #2 ok\n");
    stage_close(s);
}

static void a_paused_queue_is_not_taken_from(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    stage_name(s, 1, COMMAND_PAUSE, "q");
    stage_take(s, 3, "q", 1, &FRONT);
    stage_wait(s, 4, "q", 1, &FRONT);
    stage_expect(s, "1 #2 ok\n3 #1 nothing of that name\n");
    stage_name(s, 1, COMMAND_RESUME, "q");
    stage_tick(s);
    stage_expect(s, "1 #3 ok\n4 #1 of 1 from 0: a\n");
    stage_close(s);
}

static void what_expires_is_not_taken(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_headed(s, 1, "q", "ttl=5", "a");
    stage_skip(s);
    s->now = 5 * NS_PER_MS; /* no tick */
    stage_take(s, 3, "q", 1, &FRONT);
    stage_expect(s, "3 #1 nothing of that name\n");
    stage_close(s);
}

static void nothing_is_taken_while_more_has_expired_than_is_let_die_at_once(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_settings(s, 1, COMMAND_DECLARE, "q", "ttl=5 dead-letter=");
    stage_push_alike(s, 1, "q", 3 * AGED_MAX, 20);
    s->now = 4 * NS_PER_MS;
    push(s, "q", "a");
    s->now = 5 * NS_PER_MS;
    stage_skip(s);
    stage_take(s, 3, "q", 1, &FRONT);
    stage_wait(s, 3, "q", 1, &FRONT);
    while (engine_deadline(s->engine) <= s->now)
        engine_tick(s->engine, s->now, &s->outbox);
    stage_expect(s, "3 #1 nothing of that name\n3 #2 of 1 from 0: a\n");
    stage_close(s);
}

static void a_broker_that_ends_hands_nothing_out(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    stage_wait(s, 4, "w", 1, &FRONT);
    engine_drain(s->engine, &s->outbox);
    stage_take(s, 3, "q", 1, &FRONT);
    stage_wait(s, 3, "q", 1, &FRONT);
    push(s, "w", "b");
    stage_tick(s);
    stage_expect(s, "3 #1 the broker is ending x2\n1 #2 ok\n");
    stage_close(s);
}

static void a_wait_takes_from_the_first_name_that_has_something(void **state)
{
    (void)state;
    struct stage *s = open_with("a b");
    push_and_skip(s, "r", "c");
    stage_wait(s, 3, "none q r", 1, &FRONT);
    stage_wait(s, 3, "r q", 5, &FRONT);
    stage_wait(s, 3, "r q", 5, &BACK);
    stage_expect(s, "3 #1 of 1 from 1: a\n3 #2 of 1 from 0: c\n3 #3 of 1 from 1: b\n");
    stage_close(s);
}

static void a_wait_of_a_moment_is_over_at_once(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q r", 1, &NOW);
    stage_expect(s, "3 #1 nothing of that name\n");
    push(s, "q", "a");
    stage_expect(s, "1 #1 ok\n");
    stage_close(s);
}

static void who_waits_is_given_what_is_pushed(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q r", 1, &FRONT);
    stage_expect(s, "");
    push(s, "r", "a");
    stage_expect(s, "1 #1 ok\n3 #1 of 1 from 1: a\n");
    push(s, "q", "b"); /* once is enough */
    stage_expect(s, "1 #2 ok\n");
    stage_close(s);
}

static void first_come_first_served(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 5, "r q", 1, &FRONT);
    stage_wait(s, 3, "q", 1, &FRONT);
    stage_wait(s, 4, "q r", 1, &FRONT);
    push(s, "q", "a b c d");
    stage_expect(s, "1 #1 ok\n5 #1 of 1 from 1: a\n1 #2 ok\n3 #1 of 1 from 0: b\n1 #3 ok\n"
                    "4 #1 of 1 from 0: c\n1 #4 ok\n");
    stage_expect_ready(s, "q", "d\n");
    stage_close(s);
}

/* As Redis does with as many pushes. */
static void each_frame_is_a_push_for_those_who_wait(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q", 1, &BACK);
    push(s, "q", "a b c");
    stage_expect(s, "1 #1 ok\n3 #1 of 1 from 0: a\n1 #2 ok x2\n");
    stage_expect_ready(s, "q", "b\nc\n");
    stage_close(s);
}

static void who_has_waited_long_enough_is_told_so(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q r", 1, &(struct taking){.timeout_ms = 5});
    stage_wait(s, 4, "q", 1, &(struct taking){.timeout_ms = 3});
    stage_wait(s, 5, "q", 1, &FRONT);
    assert_true(engine_deadline(s->engine) == 0); /* the new queues */
    stage_tick(s);
    assert_true(engine_deadline(s->engine) == 3 * NS_PER_MS);
    stage_pass(s, 3);
    stage_expect(s, "4 #1 nothing of that name\n");
    stage_pass(s, 2);
    stage_expect(s, "3 #1 nothing of that name\n");
    stage_pass(s, 1000000);
    stage_expect(s, "");
    push(s, "q", "a");
    stage_expect(s, "1 #1 ok\n5 #1 of 1 from 0: a\n");
    stage_close(s);
}

static void the_longest_time_is_as_good_as_none(void **state)
{
    (void)state;
    struct stage *s = open();
    s->now = 5;
    stage_wait(s, 3, "q", 1, &(struct taking){.timeout_ms = UINT64_MAX});
    stage_tick(s);
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    stage_close(s);
}

static void who_is_gone_waits_no_more(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q", 1, &(struct taking){.timeout_ms = 5});
    stage_detach(s, 3);
    push(s, "q", "a");
    stage_expect(s, "1 #1 ok\n");
    stage_expect_ready(s, "q", "a\n");
    stage_close(s);
}

static void a_queue_is_there_as_long_as_somebody_waits(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q r", 1, &FRONT);
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 2);
    push_and_skip(s, "r", "a");
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 0);
    stage_close(s);
}

static void a_name_may_be_waited_for_twice(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q q", 1, &FRONT);
    push(s, "q", "a b");
    stage_expect(s, "1 #1 ok\n3 #1 of 1 from 0: a\n1 #2 ok\n");
    stage_close(s);
}

static void names_beyond_the_limit_are_not_waited_for(void **state)
{
    (void)state;
    struct stage *s = open();
    engine_configure(s->engine, &(struct engine_config){.queues_max = 2}, s->now);
    stage_wait(s, 3, "a b c", 1, &FRONT);
    stage_expect(s, "3 #1 max-queues is reached\n");
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 0);
    engine_configure(s->engine, &(struct engine_config){.listeners_per_peer_max = 2}, s->now);
    stage_wait(s, 4, "a b c", 1, &NOW);
    stage_wait(s, 4, "a b c", 1, &FRONT);
    stage_expect(s,
                 "4 #1 nothing of that name\n4 #2 max-subscriptions-per-connection is reached\n");
    engine_set_pressure(s->engine, true);
    stage_wait(s, 3, "a", 1, &FRONT);
    stage_expect(s, "3 #2 the broker is at its memory limit\n");
    stage_close(s);
}

static void what_comes_back_is_given_to_those_who_wait(void **state)
{
    (void)state;
    struct stage *s = open_with("a b");
    stage_consume(s, 4, 7, "q", 0, 2, 999);
    stage_tick(s);
    stage_skip(s);
    stage_wait(s, 3, "q", 1, &FRONT);
    stage_settle(s, 4, 7, 2, 1, SETTLE_RETURN);
    stage_expect(s, "4 #2 ok\n3 #1 of 1 from 0: b\n");
    stage_wait(s, 3, "q", 1, &FRONT);
    stage_detach(s, 4);
    stage_expect(s, "3 #2 of 1 from 0: a\n");
    stage_close(s);
}

static void what_becomes_due_is_given_to_those_who_wait(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_headed(s, 1, "q", "delay=5", "a");
    stage_skip(s);
    stage_consume(s, 4, 7, "q", 0, 2, 999);
    stage_wait(s, 3, "q", 1, &FRONT);
    stage_pass(s, 5);
    stage_expect(s, "4 #1 ok\n3 #1 of 1 from 0: a\n");
    stage_close(s);
}

static void dead_letters_are_given_to_those_who_wait(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    stage_wait(s, 3, "q.dead", 1, &FRONT);
    stage_consume(s, 4, 7, "q", 0, 1, 999);
    stage_tick(s);
    stage_skip(s);
    stage_settle(s, 4, 7, 1, 1, SETTLE_REJECT);
    stage_expect(s, "4 #2 ok\n3 #1 of 1 from 0: a\n");
    stage_close(s);
}

static void pushes_that_waited_are_given_to_those_who_wait(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_settings(s, 1, COMMAND_DECLARE, "q", "max-messages=1 when-full=hold");
    push(s, "q", "a b c");
    stage_skip(s);
    stage_consume(s, 4, 7, "q", 0, 1, 999);
    stage_tick(s);
    stage_skip(s);
    stage_wait(s, 3, "q", 1, &FRONT);
    stage_settle(s, 4, 7, 1, 1, SETTLE_ACKNOWLEDGE);
    stage_tick(s);
    stage_expect(s, "4 #2 ok\n1 #3 ok\n3 #1 of 1 from 0: b\n1 #4 ok\n");
    stage_close(s);
}

static void who_waits_goes_on_waiting_when_the_queue_is_deleted(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q r", 1, &FRONT);
    stage_wait(s, 4, "q", 1, &FRONT);
    stage_name(s, 1, COMMAND_DELETE, "q");
    stage_expect(s, "1 #1 ok\n");
    push(s, "q", "a b");
    stage_expect(s, "1 #2 ok\n3 #1 of 1 from 0: a\n1 #3 ok\n4 #1 of 1 from 0: b\n");
    stage_close(s);
}

static const struct taking FRONT_TO_BACK = {.to = "t"},
                           FRONT_TO_FRONT = {.to = "t", .to_front = true},
                           BACK_TO_FRONT = {.to = "t", .from_back = true, .to_front = true};

static void a_move_pushes_what_it_takes(void **state)
{
    (void)state;
    struct stage *s = open_with("a b c d");
    push_and_skip(s, "t", "x");
    stage_wait(s, 3, "q", 1, &FRONT_TO_BACK);
    stage_wait(s, 3, "q", 1, &FRONT_TO_FRONT);
    stage_wait(s, 3, "q", 1, &BACK_TO_FRONT);
    stage_expect(s, "3 #1 of 1 from 0: a\n3 #2 of 1 from 0: b\n3 #3 of 1 from 0: d\n");
    stage_expect_ready(s, "t", "d\nb\nx\na\n");
    stage_expect_ready(s, "q", "c\n");
    assert_int_equal(stage_info(s, "t", "accepted"), 4);
    assert_int_equal(stage_info(s, "q", "acknowledged"), 3);
    stage_close(s);
}

static void a_list_may_be_turned_upon_itself(void **state)
{
    (void)state;
    struct stage *s = open();
    const struct taking turn = {.to = "q", .from_back = true, .to_front = true};
    stage_settings(s, 1, COMMAND_DECLARE, "q", "max-messages=3");
    push_and_skip(s, "q", "a b c");
    stage_wait(s, 3, "q", 1, &turn);
    stage_wait(s, 3, "q", 1, &turn);
    stage_expect(s, "3 #1 of 1 from 0: c\n3 #2 of 1 from 0: b\n");
    stage_expect_ready(s, "q", "b\nc\na\n");
    stage_close(s);
}

static void a_list_turned_upon_itself_keeps_its_lifetime(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    struct command expire = {.kind = COMMAND_EXPIRE, .name = bytes_text("q")};
    expire.key.deadline_ms = 1000;
    stage_apply(s, 2, expire);
    stage_wait(s, 3, "q", 1, &(struct taking){.to = "q"});
    stage_wait(s, 3, "q", 1, &(struct taking){.to = "q", .to_front = true});
    stage_name(s, 2, COMMAND_TTL, "q");
    stage_expect(s, "2 #1 number 1\n3 #1 of 1 from 0: a\n3 #2 of 1 from 0: a\n"
                    "2 #2 number 1000\n");
    stage_expect_ready(s, "q", "a\n");
    stage_close(s);
}

static void a_move_that_is_refused_leaves_the_message(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    stage_settings(s, 1, COMMAND_DECLARE, "t", "max-messages=1");
    push(s, "t", "x");
    stage_skip(s);
    stage_wait(s, 3, "q", 1, &FRONT_TO_BACK);
    stage_expect(s, "3 #1 the queue is full\n");
    stage_expect_ready(s, "q", "a\n");
    stage_expect_ready(s, "t", "x\n");
    engine_configure(s->engine, &(struct engine_config){.queues_max = 2}, s->now);
    stage_wait(s, 3, "q", 1, &(struct taking){.to = "u"});
    stage_expect(s, "3 #2 max-queues is reached\n");
    stage_expect_ready(s, "q", "a\n");
    stage_close(s);
}

static void a_move_to_a_full_queue_drops_the_oldest_there_if_that_is_its_rule(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    stage_settings(s, 1, COMMAND_DECLARE, "t", "max-messages=2 when-full=drop-oldest");
    push(s, "t", "x y");
    stage_skip(s);
    stage_wait(s, 3, "q", 1, &FRONT_TO_BACK);
    stage_expect(s, "3 #1 of 1 from 0: a\n");
    stage_expect_ready(s, "t", "y\na\n");
    stage_close(s);
}

static void a_moved_message_is_not_delayed_again(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_headed(s, 1, "q", "delay=5", "a");
    stage_pass(s, 5);
    stage_skip(s);
    stage_wait(s, 3, "q", 1, &FRONT_TO_BACK);
    stage_expect(s, "3 #1 of 1 from 0: a\n");
    stage_expect_ready(s, "t", "a delay=5\n");
    stage_close(s);
}

static void a_move_serves_those_who_wait_where_it_goes(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 4, "u", 1, &FRONT);
    stage_wait(s, 3, "t", 1, &(struct taking){.to = "u"});
    stage_wait(s, 5, "q", 1, &FRONT_TO_BACK);
    push(s, "q", "a");
    stage_expect(s, "1 #1 ok\n5 #1 of 1 from 0: a\n3 #1 of 1 from 0: a\n4 #1 of 1 from 0: a\n");
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 0);
    stage_close(s);
}

static void a_wait_that_moves_is_refused_when_its_time_comes(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_settings(s, 1, COMMAND_DECLARE, "t", "max-messages=1");
    push(s, "t", "x");
    stage_wait(s, 3, "q", 1, &FRONT_TO_BACK);
    stage_wait(s, 4, "q", 1, &FRONT);
    stage_skip(s);
    push(s, "q", "a");
    stage_expect(s, "1 #3 ok\n3 #1 the queue is full\n4 #1 of 1 from 0: a\n");
    stage_close(s);
}

static void a_value_is_not_taken_from(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    put(s, "v");
    stage_skip(s);
    stage_take(s, 3, "v", 1, &FRONT);
    stage_take(s, 3, "v", 2, &EACH);
    stage_wait(s, 3, "none v q", 1, &FRONT);
    stage_wait(s, 3, "q v", 1, &FRONT);
    stage_expect(s, "3 #1 there is a value of that name x4\n3 #5 of 1 from 0: a\n");
    stage_close(s);
}

static void who_waits_does_not_mind_a_value(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q", 1, &FRONT);
    put(s, "q");
    stage_tick(s);
    push(s, "q", "a");
    stage_name(s, 2, COMMAND_DROP, "q");
    push(s, "q", "b");
    stage_expect(s, "2 #1 ok\n1 #1 there is a value of that name\n2 #2 number 1\n"
                    "1 #2 ok\n3 #1 of 1 from 0: b\n");
    stage_close(s);
}

static void what_a_value_hid_is_given_to_those_who_wait_when_it_goes(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    stage_consume(s, 4, 7, "q", 0, 2, 999);
    stage_tick(s);
    put(s, "q");
    stage_skip(s);
    stage_wait(s, 3, "q r", 1, &FRONT);
    stage_expect(s, "3 #1 there is a value of that name\n");
    stage_name(s, 2, COMMAND_DROP, "q");
    stage_wait(s, 3, "q r", 1, &FRONT);
    put(s, "q");
    stage_cancel(s, 4, 7);
    stage_tick(s);
    stage_expect(s, "2 #2 number 1\n2 #3 ok\n4 #2 ok\n");
    stage_name(s, 2, COMMAND_DROP, "q");
    stage_expect(s, "2 #4 number 1\n3 #2 of 1 from 0: a\n");
    stage_close(s);
}

static void nothing_is_moved_to_a_value(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    put(s, "t");
    stage_skip(s);
    stage_wait(s, 3, "q", 1, &FRONT_TO_BACK);
    stage_expect(s, "3 #1 there is a value of that name\n");
    stage_wait(s, 4, "w", 1, &FRONT_TO_BACK);
    stage_wait(s, 5, "w", 1, &FRONT);
    push(s, "w", "b");
    stage_expect(s, "1 #2 ok\n4 #1 there is a value of that name\n5 #1 of 1 from 0: b\n");
    stage_expect_ready(s, "q", "a\n");
    stage_close(s);
}

static void a_list_that_takes_the_name_is_given_to_those_who_wait(void **state)
{
    (void)state;
    struct stage *s = open_with("a b");
    stage_wait(s, 3, "r", 1, &FRONT);
    struct command command = {.kind = COMMAND_RENAME, .name = bytes_text("q")};
    command.key.to = bytes_text("r");
    stage_apply(s, 2, command);
    stage_expect(s, "2 #1 ok\n3 #1 of 1 from 0: a\n");
    stage_expect_ready(s, "r", "b\n");
    stage_close(s);
}

static void a_push_as_a_whole_is_there_before_anybody_is_served(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q", 2, &BACK);
    stage_wait(s, 4, "q", 1, &FRONT);
    stage_push_as(s, 1, "q", "a b c d", "whole number");
    stage_expect(s, "1 #1 number 4\n3 #1 of 2 from 0: d c\n4 #1 of 1 from 0: a\n");
    stage_close(s);
}

static void lengths_are_those_before_anybody_is_served(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q", 1, &FRONT);
    stage_wait(s, 4, "q", 1, &FRONT);
    stage_push_as(s, 1, "q", "a b c d", "number");
    stage_expect(s, "1 #1 number 1\n3 #1 of 1 from 0: a\n1 #2 number 1\n4 #1 of 1 from 0: b\n"
                    "1 #3 number 1 to 2\n");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_take_is_answered_with_what_is_at_the_front),
        cmocka_unit_test(a_take_from_the_back_comes_last_first),
        cmocka_unit_test(messages_of_several_segments_are_one_answer),
        cmocka_unit_test(what_is_taken_is_settled_and_may_still_be_in_a_send),
        cmocka_unit_test(a_queue_without_ready_messages_is_no_list),
        cmocka_unit_test(nothing_may_be_asked_for),
        cmocka_unit_test(takes_of_one_each_are_answered_as_far_as_there_is_something),
        cmocka_unit_test(spaces_are_apart),
        cmocka_unit_test(a_paused_queue_is_not_taken_from),
        cmocka_unit_test(what_expires_is_not_taken),
        cmocka_unit_test(nothing_is_taken_while_more_has_expired_than_is_let_die_at_once),
        cmocka_unit_test(a_broker_that_ends_hands_nothing_out),
        cmocka_unit_test(a_wait_takes_from_the_first_name_that_has_something),
        cmocka_unit_test(a_wait_of_a_moment_is_over_at_once),
        cmocka_unit_test(who_waits_is_given_what_is_pushed),
        cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(each_frame_is_a_push_for_those_who_wait),
        cmocka_unit_test(who_has_waited_long_enough_is_told_so),
        cmocka_unit_test(the_longest_time_is_as_good_as_none),
        cmocka_unit_test(who_is_gone_waits_no_more),
        cmocka_unit_test(a_queue_is_there_as_long_as_somebody_waits),
        cmocka_unit_test(a_name_may_be_waited_for_twice),
        cmocka_unit_test(names_beyond_the_limit_are_not_waited_for),
        cmocka_unit_test(what_comes_back_is_given_to_those_who_wait),
        cmocka_unit_test(what_becomes_due_is_given_to_those_who_wait),
        cmocka_unit_test(dead_letters_are_given_to_those_who_wait),
        cmocka_unit_test(pushes_that_waited_are_given_to_those_who_wait),
        cmocka_unit_test(who_waits_goes_on_waiting_when_the_queue_is_deleted),
        cmocka_unit_test(a_move_pushes_what_it_takes),
        cmocka_unit_test(a_list_may_be_turned_upon_itself),
        cmocka_unit_test(a_list_turned_upon_itself_keeps_its_lifetime),
        cmocka_unit_test(a_move_that_is_refused_leaves_the_message),
        cmocka_unit_test(a_move_to_a_full_queue_drops_the_oldest_there_if_that_is_its_rule),
        cmocka_unit_test(a_moved_message_is_not_delayed_again),
        cmocka_unit_test(a_move_serves_those_who_wait_where_it_goes),
        cmocka_unit_test(a_wait_that_moves_is_refused_when_its_time_comes),
        cmocka_unit_test(a_value_is_not_taken_from),
        cmocka_unit_test(who_waits_does_not_mind_a_value),
        cmocka_unit_test(what_a_value_hid_is_given_to_those_who_wait_when_it_goes),
        cmocka_unit_test(nothing_is_moved_to_a_value),
        cmocka_unit_test(a_list_that_takes_the_name_is_given_to_those_who_wait),
        cmocka_unit_test(a_push_as_a_whole_is_there_before_anybody_is_served),
        cmocka_unit_test(lengths_are_those_before_anybody_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

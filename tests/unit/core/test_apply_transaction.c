#include "base/time.h"
#include "check.h"
#include "core/frames.h"
#include "core/stage.h"

#include <string.h>

/* Peers 1 and 2 write, peers 3 and 4 wait. */
static const struct taking FRONT;

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 4; peer++)
        stage_attach(stage, peer);
    return stage;
}

static struct stage *open_with(const char *words)
{
    struct stage *stage = open();
    stage_push(stage, 2, "q", words);
    stage_skip(stage);
    return stage;
}

static void watch(struct stage *stage, const char *name)
{
    stage_name(stage, 1, COMMAND_WATCH, name);
}

static void begin(struct stage *stage)
{
    stage_name(stage, 1, COMMAND_BEGIN, "");
}

static void commit(struct stage *stage)
{
    stage_name(stage, 1, COMMAND_COMMIT, "");
}

/* Watches "q" and has a command of peer 2 come between. */
static void watch_and_begin_behind(struct stage *stage, enum command_kind kind,
                                   const char *expected)
{
    watch(stage, "q");
    stage_name(stage, 2, kind, "q");
    stage_skip(stage);
    begin(stage);
    stage_expect(stage, expected);
    commit(stage);
}

static void commands_of_a_transaction_are_carried_out(void **state)
{
    (void)state;
    struct stage *s = open();
    begin(s);
    stage_push(s, 1, "q", "a b");
    stage_take(s, 1, "q", 1, &FRONT);
    commit(s);
    stage_expect(s, "1 #1 ok x3\n1 #4 of 1 from 0: a\n1 #5 ok\n");
    stage_close(s);
}

static void who_waits_is_served_when_the_transaction_is_over(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q", 1, &(struct taking){.from_back = true});
    begin(s);
    stage_push(s, 1, "q", "a b");
    stage_expect(s, "1 #1 ok x3\n");
    commit(s);
    stage_expect(s, "1 #4 ok\n3 #1 of 1 from 0: b\n");
    stage_close(s);
}

static void queues_are_served_in_the_order_in_which_they_became_ready(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q r", 1, &FRONT);
    begin(s);
    stage_push(s, 1, "r", "a");
    stage_push(s, 1, "q", "b");
    stage_skip(s);
    commit(s);
    stage_expect(s, "1 #4 ok\n3 #1 of 1 from 1: a\n");
    stage_close(s);
}

static void what_is_taken_before_the_end_reaches_nobody_who_waits(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_wait(s, 3, "q", 1, &FRONT);
    begin(s);
    stage_push(s, 1, "q", "a");
    stage_take(s, 1, "q", 1, &FRONT);
    stage_skip(s);
    commit(s);
    stage_expect(s, "1 #4 ok\n");
    stage_close(s);
}

static void nothing_that_is_watched_has_changed(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    watch(s, "q");
    watch(s, "q");
    watch(s, "none");
    stage_push(s, 2, "r", "x");
    stage_take(s, 2, "none", 1, &FRONT);
    stage_take(s, 2, "q", 0, &FRONT);
    stage_skip(s);
    begin(s);
    commit(s);
    stage_expect(s, "1 #4 ok x2\n");
    stage_close(s);
}

static void a_transaction_is_skipped_when_something_watched_has_changed(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    watch(s, "q");
    stage_push(s, 2, "q", "b");
    stage_skip(s);
    begin(s);
    stage_push(s, 1, "q", "c d");
    stage_take(s, 1, "q", 3, &(struct taking){.is_each = true});
    stage_take(s, 1, "q", 3, &FRONT);
    commit(s);
    stage_expect(s, "1 #2 what was watched has changed\n"
                    "1 #3 the transaction is not carried out x6\n1 #9 ok\n");
    stage_expect_ready(s, "q", "a\nb\n");
    begin(s); /* nothing is watched any more */
    commit(s);
    stage_expect(s, "1 #10 ok x2\n");
    stage_close(s);
}

static void whatever_becomes_or_ceases_to_be_ready_is_a_change(void **state)
{
    (void)state;
    struct stage *s = open_with("a b c");
    const char *changed = "1 #2 what was watched has changed\n";
    watch(s, "q");
    stage_take(s, 2, "q", 1, &FRONT);
    stage_skip(s);
    begin(s);
    stage_expect(s, changed);
    commit(s);
    stage_close(s);

    s = open_with("a b c");
    watch_and_begin_behind(s, COMMAND_PURGE, changed);
    stage_close(s);

    s = open_with("a b c");
    watch_and_begin_behind(s, COMMAND_DELETE, changed);
    stage_close(s);
}

static void a_change_of_ones_own_counts(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    watch(s, "q");
    stage_push(s, 1, "q", "b");
    stage_skip(s);
    begin(s);
    commit(s);
    stage_expect(s, "1 #3 what was watched has changed\n1 #4 ok\n");
    stage_close(s);
}

static void what_was_there_in_between_is_a_change(void **state)
{
    (void)state;
    struct stage *s = open();
    watch(s, "q");
    stage_push(s, 2, "q", "a");
    stage_take(s, 2, "q", 1, &FRONT);
    stage_tick(s);
    stage_skip(s);
    assert_int_equal(engine_totals(s->engine).queues, 0);
    begin(s);
    commit(s);
    stage_expect(s, "1 #2 what was watched has changed\n1 #3 ok\n");
    stage_close(s);
}

static void a_queue_like_the_one_before_is_a_change(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    watch(s, "q");
    stage_name(s, 2, COMMAND_DELETE, "q");
    stage_push(s, 2, "q", "a");
    stage_skip(s);
    begin(s);
    commit(s);
    stage_expect(s, "1 #2 what was watched has changed\n1 #3 ok\n");
    stage_close(s);
}

static void a_queue_with_as_many_changes_as_the_one_before_is_another(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    stage_take(s, 2, "q", 1, &FRONT);
    watch(s, "q");
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 0);
    stage_push(s, 2, "q", "a");
    stage_take(s, 2, "q", 1, &FRONT);
    stage_skip(s);
    begin(s);
    commit(s);
    stage_expect(s, "1 #2 what was watched has changed\n1 #3 ok\n");
    stage_close(s);
}

static void to_wait_for_a_name_does_not_change_it(void **state)
{
    (void)state;
    struct stage *s = open();
    watch(s, "q");
    stage_wait(s, 3, "q", 1, &FRONT);
    stage_detach(s, 3);
    stage_tick(s);
    stage_skip(s);
    begin(s);
    commit(s);
    stage_expect(s, "1 #2 ok x2\n");
    stage_close(s);
}

static void what_expires_in_between_is_a_change(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_headed(s, 2, "q", "ttl=5", "a");
    stage_skip(s);
    watch(s, "q");
    s->now = 5000000; /* no tick */
    begin(s);
    commit(s);
    stage_expect(s, "1 #1 ok\n1 #2 what was watched has changed\n1 #3 ok\n");
    stage_close(s);
}

static void spaces_are_watched_apart(void **state)
{
    (void)state;
    struct stage *s = open();
    watch(s, "q");
    stage_apply(s, 1, (struct command){.kind = COMMAND_WATCH, .space = 5, .name = bytes_text("q")});
    stage_wait(s, 3, "q", 1, &(struct taking){.space = 5});
    stage_push(s, 2, "r", "a");
    stage_skip(s);
    begin(s);
    commit(s);
    stage_expect(s, "1 #3 ok x2\n");
    stage_close(s);
}

static void several_may_watch_the_same(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    watch(s, "q");
    stage_name(s, 3, COMMAND_WATCH, "q");
    stage_name(s, 4, COMMAND_WATCH, "q");
    stage_detach(s, 4);
    stage_name(s, 3, COMMAND_UNWATCH, "");
    stage_push(s, 2, "q", "b");
    stage_skip(s);
    stage_name(s, 3, COMMAND_BEGIN, "");
    stage_name(s, 3, COMMAND_COMMIT, "");
    begin(s);
    commit(s);
    stage_expect(s, "3 #3 ok x2\n1 #2 what was watched has changed\n1 #3 ok\n");
    stage_close(s);
}

static void what_is_watched_is_bounded(void **state)
{
    (void)state;
    struct stage *s = open();
    engine_configure(s->engine, &(struct engine_config){.listeners_per_peer_max = 2}, s->now);
    watch(s, "a");
    watch(s, "b");
    watch(s, "c");
    stage_expect(s, "1 #1 ok x2\n1 #3 max-subscriptions-per-connection is reached\n");
    stage_name(s, 1, COMMAND_UNWATCH, "");
    engine_set_pressure(s->engine, true);
    watch(s, "a");
    stage_expect(s, "1 #4 ok\n1 #5 the broker is at its memory limit\n");
    stage_close(s);
}

/* Whether a command of peer 2 is a change of "q", which "a" and "b" are in. */
static bool is_change(struct command command)
{
    struct stage *s = open_with("a b");
    watch(s, "q");
    command.name = bytes_text("q");
    stage_apply(s, 2, command);
    stage_skip(s);
    begin(s);
    stage_tell(s);
    bool is_changed = strcmp(s->text, "1 #2 what was watched has changed\n") == 0;
    assert_true(is_changed || strcmp(s->text, "1 #2 ok\n") == 0);
    commit(s);
    stage_close(s);
    return is_changed;
}

static struct command edit_of(enum command_kind kind, const char *body)
{
    struct command command = {.kind = kind};
    command.edit.body = bytes_text(body);
    command.edit.run = frames_run(OP_PUSH, "q", "x");
    return command;
}

static bool is_edit(enum command_kind kind, const char *body)
{
    struct command command = edit_of(kind, body);
    bool is_changed = is_change(command);
    frames_free(&command.edit.run);
    return is_changed;
}

static struct command put_of(enum put_condition condition)
{
    struct command command = {.kind = COMMAND_PUT};
    command.value.deadline_ms = TIME_NEVER;
    command.value.condition = condition;
    return command;
}

/* As redis-server 7.0 has it. */
static void edits_are_changes_if_they_do_something(void **state)
{
    (void)state;
    assert_true(is_edit(COMMAND_REPLACE, ""));
    assert_true(is_edit(COMMAND_INSERT, "a"));
    assert_false(is_edit(COMMAND_INSERT, "z"));
    assert_true(is_edit(COMMAND_REMOVE, "a"));
    assert_false(is_edit(COMMAND_REMOVE, "z"));
    assert_true(is_change((struct command){.kind = COMMAND_TRIM, .range = {0, -1}}));
    assert_false(is_change((struct command){.kind = COMMAND_RANGE, .range = {0, -1}}));
    assert_true(is_change((struct command){.kind = COMMAND_DROP}));
    assert_true(is_change((struct command){.kind = COMMAND_FLUSH}));
    assert_true(is_change(put_of(PUT_ALWAYS)));
    assert_false(is_change(put_of(PUT_NEW)));
}

static void lifetimes_are_changes_if_they_become_others(void **state)
{
    (void)state;
    struct command expire = {.kind = COMMAND_EXPIRE};
    expire.key.deadline_ms = 1000;
    assert_true(is_change(expire));
    expire.key.conditions = EXPIRE_THERE;
    assert_false(is_change(expire));
    assert_false(is_change((struct command){.kind = COMMAND_PERSIST}));
}

static void a_turn_of_one_message_is_a_change(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    watch(s, "q");
    stage_wait(s, 2, "q", 1, &(struct taking){.to = "q"});
    stage_skip(s);
    begin(s);
    commit(s);
    stage_expect(s, "1 #2 what was watched has changed\n1 #3 ok\n");
    stage_close(s);
}

static void values_are_watched_too(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_apply(s, 2, (struct command){.kind = COMMAND_PUT, .name = bytes_text("v")});
    watch(s, "v");
    stage_name(s, 2, COMMAND_GET, "v");
    stage_skip(s);
    begin(s);
    commit(s);
    watch(s, "v");
    stage_name(s, 2, COMMAND_DROP, "v");
    begin(s);
    commit(s);
    stage_expect(s, "1 #2 ok x3\n2 #3 number 1\n1 #5 what was watched has changed\n1 #6 ok\n");
    stage_close(s);
}

static void answers_of_a_transaction_do_not_fill_the_memory(void **state)
{
    (void)state;
    struct stage *s = open_with("a");
    engine_configure(s->engine, &(struct engine_config){.memory_hard_max = 1}, s->now);
    stage_name(s, 1, COMMAND_GET, "v");
    begin(s);
    stage_name(s, 1, COMMAND_GET, "v");
    stage_range(s, 1, COMMAND_RANGE, "q", 0, -1);
    stage_push(s, 1, "q", "b");
    stage_take(s, 1, "q", 1, &FRONT);
    commit(s);
    stage_range(s, 1, COMMAND_RANGE, "q", 0, -1);
    stage_expect(s, "1 #1 nothing of that name\n1 #2 ok\n"
                    "1 #3 the broker is at its memory limit x2\n1 #5 ok\n"
                    "1 #6 of 1 from 0: a\n1 #7 ok\n1 #8 of 1 from 0: b\n");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_of_a_transaction_are_carried_out),
        cmocka_unit_test(who_waits_is_served_when_the_transaction_is_over),
        cmocka_unit_test(queues_are_served_in_the_order_in_which_they_became_ready),
        cmocka_unit_test(what_is_taken_before_the_end_reaches_nobody_who_waits),
        cmocka_unit_test(nothing_that_is_watched_has_changed),
        cmocka_unit_test(a_transaction_is_skipped_when_something_watched_has_changed),
        cmocka_unit_test(whatever_becomes_or_ceases_to_be_ready_is_a_change),
        cmocka_unit_test(a_change_of_ones_own_counts),
        cmocka_unit_test(what_was_there_in_between_is_a_change),
        cmocka_unit_test(a_queue_like_the_one_before_is_a_change),
        cmocka_unit_test(a_queue_with_as_many_changes_as_the_one_before_is_another),
        cmocka_unit_test(to_wait_for_a_name_does_not_change_it),
        cmocka_unit_test(what_expires_in_between_is_a_change),
        cmocka_unit_test(spaces_are_watched_apart),
        cmocka_unit_test(several_may_watch_the_same),
        cmocka_unit_test(what_is_watched_is_bounded),
        cmocka_unit_test(edits_are_changes_if_they_do_something),
        cmocka_unit_test(lifetimes_are_changes_if_they_become_others),
        cmocka_unit_test(a_turn_of_one_message_is_a_change),
        cmocka_unit_test(values_are_watched_too),
        cmocka_unit_test(answers_of_a_transaction_do_not_fill_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

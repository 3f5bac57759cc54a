#include "base/time.h"
#include "check.h"
#include "core/stage.h"

#include <string.h>

/* Peer 1 does everything. */
static struct stage *open(void)
{
    struct stage *stage = stage_open();
    stage_attach(stage, 1);
    return stage;
}

static void apply(struct stage *stage, struct command command, enum command_kind kind,
                  const char *name)
{
    command.kind = kind;
    command.name = bytes_text(name);
    stage_apply(stage, 1, command);
}

static void ask(struct stage *stage, enum command_kind kind, const char *name)
{
    apply(stage, (struct command){0}, kind, name);
}

static void put_how(struct stage *stage, const char *name, const char *value,
                    enum put_condition condition, bool wants_old)
{
    apply(stage,
          (struct command){.value = {.value = bytes_text(value),
                                     .condition = condition,
                                     .wants_old = wants_old,
                                     .deadline_ms = TIME_NEVER}},
          COMMAND_PUT, name);
}

/* Puts a value, and forgets all effects until now. */
static void put(struct stage *stage, const char *name, const char *value)
{
    put_how(stage, name, value, PUT_ALWAYS, false);
    stage_skip(stage);
}

static void append(struct stage *stage, const char *name, const char *value)
{
    apply(stage, (struct command){.value = {.value = bytes_text(value)}}, COMMAND_APPEND, name);
}

static void add(struct stage *stage, const char *name, int64_t by)
{
    apply(stage, (struct command){.value = {.by = by}}, COMMAND_ADD, name);
}

static void expect_answer(struct stage *stage, const char *text)
{
    char answer[256];
    size_t size = stage_answer(stage, answer, sizeof answer);
    assert_true(bytes_equal(bytes_of(answer, size), bytes_text(text)));
}

static void expect_got(struct stage *stage, const char *name, const char *text)
{
    stage_skip(stage);
    ask(stage, COMMAND_GET, name);
    expect_answer(stage, text);
}

static void expect_none(struct stage *stage, const char *name)
{
    stage_skip(stage);
    ask(stage, COMMAND_EXISTS, name);
    stage_tell(stage);
    assert_non_null(strstr(stage->text, "number 0"));
}

static void a_value_is_got_as_it_was_put(void **state)
{
    (void)state;
    struct stage *s = open();
    ask(s, COMMAND_GET, "a");
    stage_expect(s, "1 #1 nothing of that name\n");
    put_how(s, "a", "one", PUT_ALWAYS, false);
    stage_expect(s, "1 #2 ok\n");
    expect_got(s, "a", "one");
    put(s, "a", "");
    expect_got(s, "a", "");
    stage_close(s);
}

static void spaces_have_values_of_their_own(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "a", "zero");
    apply(s, (struct command){.space = 5, .value = {.value = bytes_text("five")}}, COMMAND_PUT,
          "a");
    expect_got(s, "a", "zero");
    apply(s, (struct command){.space = 5}, COMMAND_GET, "a");
    expect_answer(s, "five");
    stage_close(s);
}

static void conditions_ask_whether_anything_has_the_name(void **state)
{
    (void)state;
    struct stage *s = open();
    put_how(s, "a", "one", PUT_THERE, false);
    stage_expect(s, "1 #1 the condition is not met\n");
    expect_none(s, "a");
    put_how(s, "a", "one", PUT_NEW, false);
    stage_expect(s, "1 #3 ok\n");
    put_how(s, "a", "two", PUT_NEW, false);
    stage_expect(s, "1 #4 the condition is not met\n");
    expect_got(s, "a", "one");
    put_how(s, "a", "two", PUT_THERE, false);
    expect_got(s, "a", "two");
    stage_push(s, 1, "l", "x");
    stage_skip(s);
    put_how(s, "l", "two", PUT_NEW, false);
    stage_expect(s, "1 #9 the condition is not met\n");
    stage_close(s);
}

static void the_old_value_is_told_whether_the_new_one_is_put_or_not(void **state)
{
    (void)state;
    struct stage *s = open();
    put_how(s, "a", "one", PUT_NEW, true);
    stage_expect(s, "1 #1 nothing of that name\n");
    put_how(s, "a", "two", PUT_NEW, true);
    expect_answer(s, "one");
    expect_got(s, "a", "one");
    put_how(s, "a", "two", PUT_ALWAYS, true);
    expect_answer(s, "one");
    expect_got(s, "a", "two");
    put_how(s, "b", "two", PUT_THERE, true);
    stage_expect(s, "1 #6 nothing of that name\n");
    expect_none(s, "b");
    stage_close(s);
}

static void a_value_can_be_got_and_dropped(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "a", "one");
    apply(s, (struct command){.value = {.is_dropped = true}}, COMMAND_GET, "a");
    expect_answer(s, "one");
    expect_none(s, "a");
    stage_close(s);
}

static void bytes_are_appended(void **state)
{
    (void)state;
    struct stage *s = open();
    append(s, "a", "one");
    stage_expect(s, "1 #1 number 3\n");
    append(s, "a", " two");
    stage_expect(s, "1 #2 number 7\n");
    expect_got(s, "a", "one two");
    ask(s, COMMAND_SIZE, "a");
    stage_expect(s, "1 #4 number 7\n");
    ask(s, COMMAND_SIZE, "b");
    stage_expect(s, "1 #5 number 0\n");
    stage_close(s);
}

static void numbers_are_added_to(void **state)
{
    (void)state;
    struct stage *s = open();
    add(s, "n", 5);
    stage_expect(s, "1 #1 number 5\n");
    add(s, "n", -7);
    stage_expect(s, "1 #2 number -2\n");
    expect_got(s, "n", "-2");
    put(s, "n", "9223372036854775807");
    add(s, "n", 1);
    stage_expect(s, "1 #5 the number would be out of range\n");
    add(s, "n", INT64_MIN);
    stage_expect(s, "1 #6 number -1\n");
    put(s, "n", "one");
    add(s, "n", 1);
    stage_expect(s, "1 #8 the value is not a number\n");
    expect_got(s, "n", "one");
    stage_close(s);
}

static void a_list_is_no_value(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "l", "x");
    stage_skip(s);
    ask(s, COMMAND_GET, "l");
    stage_expect(s, "1 #2 there is a value of that name\n");
    put_how(s, "l", "y", PUT_NEW, true);
    stage_expect(s, "1 #3 there is a value of that name\n");
    append(s, "l", "y");
    stage_expect(s, "1 #4 there is a value of that name\n");
    add(s, "l", 1);
    stage_expect(s, "1 #5 there is a value of that name\n");
    ask(s, COMMAND_SIZE, "l");
    stage_expect(s, "1 #6 there is a value of that name\n");
    stage_expect_ready(s, "l", "x\n");
    stage_close(s);
}

static void a_value_is_no_list(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "a", "one");
    stage_push(s, 1, "a", "x y");
    stage_expect(s, "1 #2 there is a value of that name x2\n");
    stage_take(s, 1, "a", 1, &(struct taking){0});
    stage_expect(s, "1 #4 there is a value of that name\n");
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 0);
    expect_got(s, "a", "one");
    stage_close(s);
}

static void a_value_takes_the_place_of_a_list(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "l", "x y");
    put(s, "l", "one");
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 0);
    expect_got(s, "l", "one");
    stage_push(s, 1, "l", "x");
    stage_expect(s, "1 #5 there is a value of that name\n");
    stage_close(s);
}

/* A consumer has one of two messages when a value takes the list's place. */
static void what_becomes_ready_under_a_value_is_hidden_until_that_goes(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_attach(s, 2);
    stage_push(s, 1, "l", "x y");
    stage_consume(s, 2, 7, "l", 0, 1, 100);
    stage_tick(s);
    put(s, "l", "one");
    stage_cancel(s, 2, 7);
    assert_int_equal(stage_info(s, "l", "ready"), 1);
    expect_got(s, "l", "one");
    put(s, "l", "two");
    stage_skip(s);
    ask(s, COMMAND_DROP, "l");
    stage_expect(s, "1 #6 number 1\n");
    ask(s, COMMAND_TYPE, "l");
    stage_expect(s, "1 #7 number 1\n");
    stage_expect_ready(s, "l", "x\n");
    stage_close(s);
}

/* Who waits for a list is served when what hid it goes. */
static void takers_wait_until_a_value_goes(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_attach(s, 2);
    stage_push_headed(s, 1, "l", "delay=5", "x");
    stage_wait(s, 2, "l", 1, &(struct taking){0});
    put(s, "l", "one");
    stage_pass(s, 10);
    stage_expect(s, "");
    ask(s, COMMAND_DROP, "l");
    stage_expect(s, "1 #3 number 1\n2 #1 of 1 from 0: x\n");
    stage_close(s);
}

static void a_queue_that_is_made_under_a_value_takes_no_pushes(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "a", "one");
    stage_declare(s, 1, "a", 10, 1000, WHEN_FULL_REFUSE);
    stage_skip(s);
    stage_push(s, 1, "a", "x");
    stage_expect(s, "1 #3 there is a value of that name\n");
    ask(s, COMMAND_DROP, "a");
    stage_skip(s);
    stage_push(s, 1, "a", "x");
    stage_expect(s, "1 #5 ok\n");
    stage_close(s);
}

static void values_are_bounded(void **state)
{
    (void)state;
    struct stage *s = open();
    const struct engine_config config = {.values_size_max = 200};
    engine_configure(s->engine, &config, 0);
    put(s, "a", "one");
    put_how(s, "b", "two", PUT_ALWAYS, true);
    stage_skip(s);
    put_how(s, "c", "three", PUT_ALWAYS, false);
    stage_expect(s, "1 #3 max-values-bytes is reached\n");
    append(s, "c", "three");
    stage_expect(s, "1 #4 max-values-bytes is reached\n");
    add(s, "c", 3);
    stage_expect(s, "1 #5 max-values-bytes is reached\n");
    char more[300];
    memset(more, 'x', sizeof more - 1);
    more[sizeof more - 1] = '\0';
    append(s, "a", more);
    stage_expect(s, "1 #6 max-values-bytes is reached\n");
    put_how(s, "a", more, PUT_ALWAYS, true);
    stage_expect(s, "1 #7 max-values-bytes is reached\n");
    expect_got(s, "a", "one");
    stage_close(s);
}

static void while_memory_is_short_no_value_is_written(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "a", "1");
    engine_set_pressure(s->engine, true);
    put_how(s, "a", "2", PUT_ALWAYS, false);
    stage_expect(s, "1 #2 the broker is at its memory limit\n");
    append(s, "a", "2");
    stage_expect(s, "1 #3 the broker is at its memory limit\n");
    add(s, "a", 2);
    stage_expect(s, "1 #4 the broker is at its memory limit\n");
    expect_got(s, "a", "1");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_got_as_it_was_put),
        cmocka_unit_test(spaces_have_values_of_their_own),
        cmocka_unit_test(conditions_ask_whether_anything_has_the_name),
        cmocka_unit_test(the_old_value_is_told_whether_the_new_one_is_put_or_not),
        cmocka_unit_test(a_value_can_be_got_and_dropped),
        cmocka_unit_test(bytes_are_appended),
        cmocka_unit_test(numbers_are_added_to),
        cmocka_unit_test(a_list_is_no_value),
        cmocka_unit_test(a_value_is_no_list),
        cmocka_unit_test(a_value_takes_the_place_of_a_list),
        cmocka_unit_test(what_becomes_ready_under_a_value_is_hidden_until_that_goes),
        cmocka_unit_test(takers_wait_until_a_value_goes),
        cmocka_unit_test(a_queue_that_is_made_under_a_value_takes_no_pushes),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(while_memory_is_short_no_value_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

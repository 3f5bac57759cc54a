#include "base/time.h"
#include "check.h"
#include "core/stage.h"

#include <stdio.h>
#include <string.h>

/* Peer 1 does everything; the clock stands at a second when it begins. */
static struct stage *open(void)
{
    struct stage *stage = stage_open();
    stage->now = NS_PER_S;
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

static void put(struct stage *stage, const char *name, const char *value)
{
    apply(stage, (struct command){.value = {bytes_text(value), .deadline_ms = TIME_NEVER}},
          COMMAND_PUT, name);
    stage_skip(stage);
}

static void push(struct stage *stage, const char *name, const char *words)
{
    stage_push(stage, 1, name, words);
    stage_skip(stage);
}

/* Takes so many messages and throws them away. */
static void take(struct stage *stage, const char *name, uint32_t count)
{
    stage_take(stage, 1, name, count, &(struct taking){0});
    stage_skip(stage);
}

/* The number that a command comes to. */
static int64_t number(struct stage *stage, struct command command, enum command_kind kind,
                      const char *name)
{
    stage_skip(stage);
    apply(stage, command, kind, name);
    assert_int_equal(stage->outbox.count, 1);
    assert_int_equal(stage->outbox.effects[0].kind, EFFECT_NUMBER);
    int64_t number = stage->outbox.effects[0].numbers.first;
    stage_skip(stage);
    return number;
}

static int64_t ask(struct stage *stage, enum command_kind kind, const char *name)
{
    return number(stage, (struct command){0}, kind, name);
}

static int64_t expire_if(struct stage *stage, const char *name, uint64_t deadline_ms,
                         unsigned conditions)
{
    return number(stage,
                  (struct command){.key = {.deadline_ms = deadline_ms, .conditions = conditions}},
                  COMMAND_EXPIRE, name);
}

static int64_t expire(struct stage *stage, const char *name, uint64_t deadline_ms)
{
    return expire_if(stage, name, deadline_ms, 0);
}

static void rename_to(struct stage *stage, const char *from, const char *to, const char *expected)
{
    stage_skip(stage);
    apply(stage, (struct command){.key = {.to = bytes_text(to)}}, COMMAND_RENAME, from);
    stage_tell(stage);
    assert_string_equal(strchr(strchr(stage->text, ' ') + 1, ' ') + 1, expected);
}

static void expect_got(struct stage *stage, const char *name, const char *text)
{
    char answer[64];
    stage_skip(stage);
    apply(stage, (struct command){0}, COMMAND_GET, name);
    size_t size = stage_answer(stage, answer, sizeof answer);
    assert_true(bytes_equal(bytes_of(answer, size), bytes_text(text)));
}

static void a_name_is_nothing_a_list_or_a_value(void **state)
{
    (void)state;
    struct stage *s = open();
    push(s, "l", "x");
    put(s, "v", "x");
    stage_declare(s, 1, "empty", 10, 1000, WHEN_FULL_REFUSE);
    static const char *const names[] = {"none", "empty", "l", "v"};
    static const enum key_type types[] = {KEY_NONE, KEY_NONE, KEY_LIST, KEY_VALUE};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ask(s, COMMAND_TYPE, names[i]), types[i]);
        assert_int_equal(ask(s, COMMAND_EXISTS, names[i]), types[i] != KEY_NONE);
        assert_int_equal(number(s, (struct command){.space = 1}, COMMAND_TYPE, names[i]), KEY_NONE);
    }
    assert_int_equal(ask(s, COMMAND_KEYS_COUNT, ""), 2);
    stage_close(s);
}

static void a_list_that_is_dropped_goes_with_its_queue(void **state)
{
    (void)state;
    struct stage *s = open();
    push(s, "l", "x y");
    assert_int_equal(ask(s, COMMAND_DROP, "l"), 1);
    assert_int_equal(ask(s, COMMAND_DROP, "l"), 0);
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 0);
    assert_int_equal(engine_totals(s->engine).settled, 2);
    stage_close(s);
}

static void what_else_a_queue_has_outlives_its_list(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_attach(s, 2);
    push(s, "l", "x y");
    stage_push_headed(s, 1, "l", "delay=5", "z");
    stage_consume(s, 2, 7, "l", 0, 1, 100);
    stage_tick(s);
    assert_int_equal(ask(s, COMMAND_DROP, "l"), 1);
    assert_int_equal(stage_info(s, "l", "leased"), 1);
    assert_int_equal(stage_info(s, "l", "delayed"), 1);
    assert_int_equal(stage_info(s, "l", "purged"), 1);
    stage_close(s);
}

static void a_value_is_dropped(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "v", "x");
    assert_int_equal(ask(s, COMMAND_DROP, "v"), 1);
    assert_int_equal(ask(s, COMMAND_EXISTS, "v"), 0);
    assert_int_equal(ask(s, COMMAND_DROP, "v"), 0);
    stage_close(s);
}

static void the_time_left_is_told_in_milliseconds(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "v", "x");
    push(s, "l", "x");
    assert_int_equal(ask(s, COMMAND_TTL, "none"), -2);
    assert_int_equal(ask(s, COMMAND_TTL, "v"), -1);
    assert_int_equal(expire(s, "none", 1500), 0);
    assert_int_equal(expire(s, "v", 1500), 1);
    assert_int_equal(expire(s, "l", 2000), 1);
    stage_pass(s, 300);
    assert_int_equal(ask(s, COMMAND_TTL, "v"), 200);
    assert_int_equal(ask(s, COMMAND_TTL, "l"), 700);
    assert_int_equal(ask(s, COMMAND_PERSIST, "v"), 1);
    assert_int_equal(ask(s, COMMAND_PERSIST, "v"), 0);
    assert_int_equal(ask(s, COMMAND_TTL, "v"), -1);
    assert_int_equal(ask(s, COMMAND_PERSIST, "none"), 0);
    stage_close(s);
}

static void what_is_over_is_gone_when_it_is_looked_at(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "v", "x");
    push(s, "l", "x y");
    expire(s, "v", 1500);
    expire(s, "l", 1500);
    s->now = 1501 * NS_PER_MS - 1; /* within the last millisecond */
    assert_int_equal(ask(s, COMMAND_TTL, "v"), 0);
    assert_int_equal(ask(s, COMMAND_EXISTS, "l"), 1);
    s->now++;
    assert_int_equal(ask(s, COMMAND_EXISTS, "v"), 0);
    stage_push(s, 1, "l", "z"); /* which finds nothing of the old list */
    stage_expect_ready(s, "l", "z\n");
    assert_int_equal(ask(s, COMMAND_TTL, "l"), -1);
    stage_close(s);
}

static void a_value_that_is_over_is_in_no_push_s_way(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "v", "x");
    expire(s, "v", 1500);
    s->now += NS_PER_S;
    stage_push(s, 1, "v", "y");
    stage_expect(s, "1 #3 ok\n");
    stage_close(s);
}

static void what_is_over_is_dropped_in_time_without_a_look(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "v", "x");
    push(s, "l", "x");
    expire(s, "v", 1500);
    expire(s, "l", 1400);
    stage_tick(s);
    assert_true(engine_deadline(s->engine) == 1401 * NS_PER_MS);
    stage_pass(s, 401);
    assert_int_equal(engine_totals(s->engine).queues, 0);
    assert_true(engine_deadline(s->engine) == 1501 * NS_PER_MS);
    stage_pass(s, 100);
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    stage_close(s);
}

static void a_deadline_that_has_passed_drops_at_once(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "v", "x");
    push(s, "l", "x");
    assert_int_equal(expire(s, "v", 1000), 1);
    assert_int_equal(expire(s, "l", 0), 1);
    assert_int_equal(ask(s, COMMAND_KEYS_COUNT, ""), 0);
    stage_close(s);
}

static void a_deadline_far_away_is_kept(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "v", "x");
    assert_int_equal(expire(s, "v", INT64_MAX), 1);
    assert_true(ask(s, COMMAND_TTL, "v") == INT64_MAX - 1000);
    stage_tick(s);
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    stage_close(s);
}

static void deadlines_are_set_under_conditions(void **state)
{
    (void)state;
    struct stage *s = open();
    put(s, "v", "x");
    assert_int_equal(expire_if(s, "v", 2000, EXPIRE_THERE), 0);
    assert_int_equal(expire_if(s, "v", 2000, EXPIRE_LATER), 0);
    assert_int_equal(expire_if(s, "v", 2000, EXPIRE_NEW), 1);
    assert_int_equal(expire_if(s, "v", 3000, EXPIRE_NEW), 0);
    assert_int_equal(expire_if(s, "v", 2000, EXPIRE_LATER), 0);
    assert_int_equal(expire_if(s, "v", 2001, EXPIRE_LATER), 1);
    assert_int_equal(expire_if(s, "v", 2001, EXPIRE_EARLIER), 0);
    assert_int_equal(expire_if(s, "v", 1900, EXPIRE_EARLIER | EXPIRE_LATER), 0);
    assert_int_equal(expire_if(s, "v", 1900, EXPIRE_EARLIER | EXPIRE_THERE), 1);
    assert_int_equal(ask(s, COMMAND_TTL, "v"), 900);
    ask(s, COMMAND_PERSIST, "v");
    assert_int_equal(expire_if(s, "v", 3000, EXPIRE_EARLIER), 1);
    stage_close(s);
}

static void a_list_that_becomes_empty_forgets_its_deadline(void **state)
{
    (void)state;
    struct stage *s = open();
    push(s, "l", "x y");
    expire(s, "l", 1500);
    take(s, "l", 1);
    push(s, "l", "z");
    assert_int_equal(ask(s, COMMAND_TTL, "l"), 500);
    take(s, "l", 2);
    push(s, "l", "z");
    assert_int_equal(ask(s, COMMAND_TTL, "l"), -1);
    stage_pass(s, 1000);
    stage_expect_ready(s, "l", "z\n");
    stage_close(s);
}

/* The same when the list is gone from a queue that is not. */
static void a_stale_deadline_drops_nothing_of_that_name(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_declare(s, 1, "l", 10, 1000, WHEN_FULL_REFUSE);
    push(s, "l", "x");
    expire(s, "l", 1500);
    take(s, "l", 1);
    push(s, "l", "y");
    stage_pass(s, 1000);
    stage_expect_ready(s, "l", "y\n");
    expire(s, "l", 3000);
    take(s, "l", 1);
    apply(s, (struct command){.value = {bytes_text("v"), .keeps_deadline = true}}, COMMAND_PUT,
          "l");
    assert_int_equal(ask(s, COMMAND_TTL, "l"), -1);
    stage_close(s);
}

static void a_value_s_deadline_goes_with_what_is_put_unless_it_is_kept(void **state)
{
    (void)state;
    struct stage *s = open();
    struct command command = {.value = {bytes_text("x"), .deadline_ms = 1500}};
    apply(s, command, COMMAND_PUT, "v");
    assert_int_equal(ask(s, COMMAND_TTL, "v"), 500);
    command.value.deadline_ms = TIME_NEVER;
    command.value.keeps_deadline = true;
    apply(s, command, COMMAND_PUT, "v");
    assert_int_equal(ask(s, COMMAND_TTL, "v"), 500);
    number(s, (struct command){.value = {bytes_text("x")}}, COMMAND_APPEND, "v");
    assert_int_equal(ask(s, COMMAND_TTL, "v"), 500);
    put(s, "v", "y");
    assert_int_equal(ask(s, COMMAND_TTL, "v"), -1);
    push(s, "l", "x");
    expire(s, "l", 1700);
    apply(s, command, COMMAND_PUT, "l");
    assert_int_equal(ask(s, COMMAND_TTL, "l"), 700);
    stage_close(s);
}

static void deadlines_of_queues_that_end_are_not_kept(void **state)
{
    (void)state;
    struct stage *s = open();
    push(s, "l", "x");
    expire(s, "l", 2000);
    take(s, "l", 1);
    stage_tick(s);
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    push(s, "m", "x");
    expire(s, "m", 2000);
    stage_name(s, 1, COMMAND_DELETE, "m");
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    stage_close(s);
}

static void many_that_are_over_at_once_are_dropped_in_parts(void **state)
{
    (void)state;
    struct stage *s = open();
    char name[16];
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "v%d", i);
        struct command command = {.kind = COMMAND_PUT,
                                  .peer = 1,
                                  .name = bytes_text(name),
                                  .value = {.deadline_ms = 1500}};
        engine_apply(s->engine, &command, s->now, &s->outbox);
    }
    s->now += NS_PER_S;
    engine_tick(s->engine, s->now, &s->outbox);
    assert_true(engine_deadline(s->engine) <= s->now);
    assert_int_equal(ask(s, COMMAND_KEYS_COUNT, ""), 0); /* nobody sees the others */
    stage_tick(s);
    stage_close(s);
}

static void a_value_takes_another_name_and_its_deadline_along(void **state)
{
    (void)state;
    struct stage *s = open();
    rename_to(s, "a", "b", "nothing of that name\n");
    put(s, "a", "one");
    put(s, "b", "two");
    expire(s, "a", 1500);
    expire(s, "b", 1700);
    rename_to(s, "a", "b", "ok\n");
    expect_got(s, "b", "one");
    assert_int_equal(ask(s, COMMAND_EXISTS, "a"), 0);
    assert_int_equal(ask(s, COMMAND_TTL, "b"), 500);
    rename_to(s, "b", "b", "ok\n");
    push(s, "l", "x");
    rename_to(s, "b", "l", "ok\n");
    expect_got(s, "l", "one");
    stage_push(s, 1, "b", "x"); /* the name is free */
    stage_close(s);
}

static void a_value_does_not_pass_the_bound_by_a_longer_name(void **state)
{
    (void)state;
    struct stage *s = open();
    const struct engine_config config = {.values_size_max = 200};
    char name[128];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    engine_configure(s->engine, &config, s->now);
    put(s, "a", "one");
    put(s, "b", "two");
    rename_to(s, "a", name, "max-values-bytes is reached\n");
    expect_got(s, "a", "one");
    stage_close(s);
}

static void a_list_takes_another_name_and_its_deadline_along(void **state)
{
    (void)state;
    struct stage *s = open();
    push(s, "a", "x y");
    push(s, "b", "z");
    expire(s, "a", 1500);
    rename_to(s, "a", "b", "ok\n");
    stage_expect_ready(s, "b", "x\ny\n");
    assert_int_equal(ask(s, COMMAND_EXISTS, "a"), 0);
    assert_int_equal(ask(s, COMMAND_TTL, "b"), 500);
    put(s, "v", "one");
    rename_to(s, "b", "v", "ok\n");
    stage_expect_ready(s, "v", "x\ny\n");
    push(s, "v", "z");
    stage_expect_ready(s, "v", "x\ny\nz\n");
    stage_close(s);
}

/* Of the list that moves one message is leased; it comes back to the queue it was in. */
static void what_is_leased_stays_when_a_list_takes_another_name(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_attach(s, 2);
    push(s, "a", "x y z");
    stage_consume(s, 2, 7, "a", 0, 1, 100);
    stage_tick(s);
    rename_to(s, "a", "b", "ok\n");
    stage_expect_ready(s, "b", "y\nz\n");
    stage_cancel(s, 2, 7);
    stage_expect_ready(s, "a", "x\n");
    assert_int_equal(stage_info(s, "a", "purged"), 2);
    assert_int_equal(stage_info(s, "b", "accepted"), 2);
    stage_close(s);
}

static void a_list_keeps_its_order_whatever_its_segments_are(void **state)
{
    (void)state;
    struct stage *s = open();
    push(s, "a", "c d:600 e:600");
    stage_push_as(s, 1, "a", "b:600 a", "front");
    stage_skip(s);
    push(s, "b", "x");
    rename_to(s, "a", "b", "ok\n");
    stage_expect_ready(s, "b", "a\nb\nc\nd\ne\n");
    stage_take(s, 1, "b", 5, &(struct taking){.from_back = true});
    stage_skip(s);
    stage_close(s);
}

static void a_list_that_waits_is_served_under_its_new_name(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_attach(s, 2);
    push(s, "a", "x");
    stage_wait(s, 2, "b", 1, &(struct taking){0});
    rename_to(s, "a", "b", "ok\n2 #1 of 1 from 0: x\n");
    stage_close(s);
}

static void a_list_does_not_move_where_it_has_no_room(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_declare(s, 1, "b", 2, 1000, WHEN_FULL_REFUSE);
    push(s, "b", "z");
    push(s, "a", "x y w");
    rename_to(s, "a", "b", "the queue is full\n");
    stage_expect_ready(s, "a", "x\ny\nw\n");
    stage_expect_ready(s, "b", "z\n");
    take(s, "a", 1);
    rename_to(s, "a", "b", "ok\n");
    stage_expect_ready(s, "b", "y\nw\n");
    const struct engine_config config = {.queues_max = 1};
    engine_configure(s->engine, &config, s->now);
    rename_to(s, "b", "c", "max-queues is reached\n");
    stage_close(s);
}

/* Writes the names of the answer, as "a b ", at `text`; returns where to go on. */
static uint64_t tell_names(struct stage *stage, char *text, size_t room)
{
    static unsigned char answer[1 << 20];
    size_t size = stage_answer(stage, answer, sizeof answer), used = 0;
    assert_true(size >= sizeof(uint64_t) && room > 0);
    text[0] = '\0';
    for (size_t at = sizeof(uint64_t); at < size;) {
        uint32_t name = load_u32(answer + at);
        used += (size_t)snprintf(text + used, room - used, "%.*s ", (int)name,
                                 (char *)answer + at + sizeof name);
        assert_true(used < room);
        at += sizeof name + name;
    }
    return load_u64(answer);
}

static size_t count_words(const char *text, const char *word)
{
    size_t count = 0, size = strlen(word);
    for (; (text = strstr(text, word)); text += size)
        count++;
    return count;
}

static void names_are_told_by_type_and_glob(void **state)
{
    (void)state;
    struct stage *s = open();
    char text[256];
    push(s, "list:a", "x");
    push(s, "list:b", "x");
    put(s, "value:a", "x");
    stage_declare(s, 1, "list:empty", 10, 1000, WHEN_FULL_REFUSE);
    put(s, "over", "x");
    expire(s, "over", 1001);
    s->now += NS_PER_S;
    apply(s, (struct command){0}, COMMAND_KEYS, "");
    assert_int_equal(tell_names(s, text, sizeof text), 0);
    assert_int_equal(strlen(text), strlen("list:a list:b value:a "));
    struct command command = {.names = {.has_glob = true, .glob = bytes_text("*:a")}};
    apply(s, command, COMMAND_KEYS, "");
    tell_names(s, text, sizeof text);
    assert_true(strcmp(text, "list:a value:a ") == 0 || strcmp(text, "value:a list:a ") == 0);
    command.names.type = KEY_LIST;
    apply(s, command, COMMAND_KEYS, "");
    tell_names(s, text, sizeof text);
    assert_string_equal(text, "list:a ");
    command.names.type = KEY_VALUE;
    apply(s, command, COMMAND_KEYS, "");
    tell_names(s, text, sizeof text);
    assert_string_equal(text, "value:a ");
    command.space = 3;
    apply(s, command, COMMAND_KEYS, "");
    tell_names(s, text, sizeof text);
    assert_string_equal(text, "");
    stage_close(s);
}

static void a_name_that_is_both_is_told_once(void **state)
{
    (void)state;
    struct stage *s = open();
    char text[64];
    stage_push_headed(s, 1, "a", "delay=5", "x");
    put(s, "a", "one");
    stage_pass(s, 10);
    apply(s, (struct command){0}, COMMAND_KEYS, "");
    tell_names(s, text, sizeof text);
    assert_string_equal(text, "a ");
    assert_int_equal(ask(s, COMMAND_KEYS_COUNT, ""), 1);
    stage_close(s);
}

/* Those that come and go between the pieces may be told; the others must be. */
static void a_walk_in_pieces_tells_what_is_there_throughout(void **state)
{
    (void)state;
    struct stage *s = open();
    static char all[1 << 16];
    char name[16];
    struct command command = {.names = {.count = 10}};
    size_t used = 0;
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "(%d)", i);
        if (i % 2)
            push(s, name, "x");
        else
            put(s, name, "x");
    }
    int calls = 0;
    do {
        apply(s, command, COMMAND_KEYS, "");
        command.names.from = tell_names(s, all + used, sizeof all - used);
        used += strlen(all + used);
        for (int i = 0; i < 100 && calls < 10; i++) { /* the tables grow */
            snprintf(name, sizeof name, "new%d.%d", calls, i);
            put(s, name, "");
        }
        snprintf(name, sizeof name, "(%d)", 299 - calls);
        ask(s, COMMAND_DROP, name);
    } while (command.names.from != 0 && ++calls < 200);
    assert_in_range(calls, 5, 199);
    for (int i = 0; i < 299 - calls; i++) {
        snprintf(name, sizeof name, "(%d)", i);
        assert_int_equal(count_words(all, name), 1);
    }
    stage_close(s);
}

static void nothing_is_left_of_a_space_that_is_flushed(void **state)
{
    (void)state;
    struct stage *s = open();
    push(s, "l", "x");
    put(s, "v", "x");
    expire(s, "v", 2000);
    stage_declare(s, 1, "d", 10, 1000, WHEN_FULL_REFUSE);
    push(s, "d", "x");
    apply(s, (struct command){.space = 1, .value = {.deadline_ms = TIME_NEVER}}, COMMAND_PUT, "v");
    stage_skip(s);
    apply(s, (struct command){0}, COMMAND_FLUSH, "");
    stage_expect(s, "1 #7 ok\n");
    assert_int_equal(ask(s, COMMAND_KEYS_COUNT, ""), 0);
    assert_int_equal(number(s, (struct command){.space = 1}, COMMAND_KEYS_COUNT, ""), 1);
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 1);
    assert_true(engine_deadline(s->engine) == TIME_NEVER);
    apply(s, (struct command){.is_every_space = true}, COMMAND_FLUSH, "");
    assert_int_equal(number(s, (struct command){.space = 1}, COMMAND_KEYS_COUNT, ""), 0);
    stage_close(s);
}

/* Whether a peer that watches the name when the command comes learns that it has changed. */
static bool changes(struct stage *stage, const char *watched, struct command command,
                    enum command_kind kind, const char *name)
{
    stage_name(stage, 2, COMMAND_WATCH, watched);
    apply(stage, command, kind, name);
    stage_skip(stage);
    stage_name(stage, 2, COMMAND_BEGIN, "");
    bool is_changed = stage->outbox.effects[0].status == STATUS_CHANGED;
    stage_name(stage, 2, COMMAND_COMMIT, "");
    stage_skip(stage);
    return is_changed;
}

static void who_watches_a_name_learns_what_changes_it(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_attach(s, 2);
    const struct command none = {0}, value = {.value = {bytes_text("1"), .by = 1}};
    const struct command expiry = {.key = {.deadline_ms = 5000}};
    const struct command to_w = {.key = {.to = bytes_text("w")}};
    assert_false(changes(s, "v", none, COMMAND_DROP, "v"));
    assert_true(changes(s, "v", value, COMMAND_PUT, "v"));
    assert_false(changes(s, "v", value, COMMAND_PUT, "w"));
    assert_true(changes(s, "v", value, COMMAND_APPEND, "v"));
    assert_true(changes(s, "v", value, COMMAND_ADD, "v"));
    assert_false(changes(s, "v", none, COMMAND_GET, "v"));
    assert_true(changes(s, "v", expiry, COMMAND_EXPIRE, "v"));
    assert_true(changes(s, "v", none, COMMAND_PERSIST, "v"));
    assert_false(changes(s, "v", none, COMMAND_PERSIST, "v"));
    assert_true(changes(s, "w", to_w, COMMAND_RENAME, "v"));
    assert_true(
        changes(s, "w", (struct command){.key = {.to = bytes_text("v")}}, COMMAND_RENAME, "w"));
    assert_true(changes(s, "v", none, COMMAND_DROP, "v"));
    put(s, "v", "x");
    assert_true(changes(s, "v", none, COMMAND_FLUSH, ""));
    assert_false(changes(s, "v", none, COMMAND_FLUSH, ""));
    push(s, "l", "x");
    assert_true(changes(s, "l", expiry, COMMAND_EXPIRE, "l"));
    assert_true(changes(s, "l", to_w, COMMAND_RENAME, "l"));
    assert_true(changes(s, "w", value, COMMAND_PUT, "w"));
    stage_close(s);
}

static void who_watches_a_name_learns_that_it_is_over(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_attach(s, 2);
    put(s, "v", "x");
    expire(s, "v", 1500);
    stage_name(s, 2, COMMAND_WATCH, "v");
    s->now += NS_PER_S;
    stage_skip(s);
    stage_name(s, 2, COMMAND_BEGIN, "");
    stage_expect(s, "2 #2 what was watched has changed\n");
    stage_name(s, 2, COMMAND_COMMIT, "");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_nothing_a_list_or_a_value),
        cmocka_unit_test(a_list_that_is_dropped_goes_with_its_queue),
        cmocka_unit_test(what_else_a_queue_has_outlives_its_list),
        cmocka_unit_test(a_value_is_dropped),
        cmocka_unit_test(the_time_left_is_told_in_milliseconds),
        cmocka_unit_test(what_is_over_is_gone_when_it_is_looked_at),
        cmocka_unit_test(a_value_that_is_over_is_in_no_push_s_way),
        cmocka_unit_test(what_is_over_is_dropped_in_time_without_a_look),
        cmocka_unit_test(a_deadline_that_has_passed_drops_at_once),
        cmocka_unit_test(a_deadline_far_away_is_kept),
        cmocka_unit_test(deadlines_are_set_under_conditions),
        cmocka_unit_test(a_list_that_becomes_empty_forgets_its_deadline),
        cmocka_unit_test(a_stale_deadline_drops_nothing_of_that_name),
        cmocka_unit_test(a_value_s_deadline_goes_with_what_is_put_unless_it_is_kept),
        cmocka_unit_test(deadlines_of_queues_that_end_are_not_kept),
        cmocka_unit_test(many_that_are_over_at_once_are_dropped_in_parts),
        cmocka_unit_test(a_value_takes_another_name_and_its_deadline_along),
        cmocka_unit_test(a_value_does_not_pass_the_bound_by_a_longer_name),
        cmocka_unit_test(a_list_takes_another_name_and_its_deadline_along),
        cmocka_unit_test(what_is_leased_stays_when_a_list_takes_another_name),
        cmocka_unit_test(a_list_keeps_its_order_whatever_its_segments_are),
        cmocka_unit_test(a_list_that_waits_is_served_under_its_new_name),
        cmocka_unit_test(a_list_does_not_move_where_it_has_no_room),
        cmocka_unit_test(names_are_told_by_type_and_glob),
        cmocka_unit_test(a_name_that_is_both_is_told_once),
        cmocka_unit_test(a_walk_in_pieces_tells_what_is_there_throughout),
        cmocka_unit_test(who_watches_a_name_learns_what_changes_it),
        cmocka_unit_test(who_watches_a_name_learns_that_it_is_over),
        cmocka_unit_test(nothing_is_left_of_a_space_that_is_flushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

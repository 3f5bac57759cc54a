#include "core/frames.h"
#include "core/stage.h"

#include "check.h"

#include <stdio.h>

/* Lists by place. Peer 1 asks, peer 2 consumes. */
enum { LOTS = 1000000 };

/* A list "q" of these words. */
static struct stage *open(const char *words)
{
    struct stage *stage = stage_open();
    stage_attach(stage, 1);
    stage_attach(stage, 2);
    if (*words)
        stage_push(stage, 1, "q", words);
    stage_skip(stage);
    return stage;
}

/* RANGE, its answer without the ticket. */
static void expect_range(struct stage *stage, int64_t start, int64_t stop, const char *expected)
{
    stage_range(stage, 1, COMMAND_RANGE, "q", start, stop);
    stage_tell(stage);
    const char *told = strchr(stage->text + strlen("1 #"), ' ');
    assert_string_equal(told ? told + 1 : stage->text, expected);
}

static void the_length_counts_what_is_ready(void **state)
{
    (void)state;
    struct stage *s = open("");
    stage_name(s, 1, COMMAND_LENGTH, "q");
    stage_push_as(s, 1, "q", "a b c", "");
    stage_name(s, 1, COMMAND_LENGTH, "q");
    stage_consume(s, 2, 1, "q", 0, 2, LOTS);
    stage_tick(s);
    stage_skip(s);
    stage_name(s, 1, COMMAND_LENGTH, "q");
    stage_expect(s, "1 #6 number 1\n");
    stage_close(s);
}

static void a_range_names_its_ends(void **state)
{
    (void)state;
    struct stage *s = open("a b c d e");
    expect_range(s, 0, -1, "of 5 from 0: a b c d e\n");
    expect_range(s, 1, 3, "of 3 from 0: b c d\n");
    expect_range(s, -2, -1, "of 2 from 0: d e\n");
    expect_range(s, -100, 0, "of 1 from 0: a\n");
    expect_range(s, 4, 100, "of 1 from 0: e\n");
    expect_range(s, INT64_MIN, INT64_MAX, "of 5 from 0: a b c d e\n");
    stage_close(s);
}

static void a_range_of_nothing_is_empty(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    expect_range(s, 3, 5, "ok\n");
    expect_range(s, 2, 1, "ok\n");
    expect_range(s, 0, -4, "ok\n");
    expect_range(s, INT64_MAX, INT64_MAX, "ok\n");
    expect_range(s, INT64_MIN, INT64_MIN, "ok\n");
    stage_close(s);
}

static void a_range_of_no_list_is_told_so(void **state)
{
    (void)state;
    struct stage *s = open("");
    expect_range(s, 0, -1, "nothing of that name\n");
    stage_push(s, 1, "q", "a");
    stage_consume(s, 2, 1, "q", 0, 1, LOTS);
    stage_tick(s);
    stage_skip(s);
    expect_range(s, 0, -1, "nothing of that name\n");
    stage_close(s);
}

static void a_range_has_a_piece_for_each_segment(void **state)
{
    (void)state;
    struct stage *s = open("c d");
    stage_push_as(s, 1, "q", "b a", "front");
    stage_skip(s);
    stage_range(s, 1, COMMAND_RANGE, "q", 0, -1);
    stage_expect(s, "1 #5 of 4 from 0 more: a b\n1 #5 of 4 from 0: c d\n");
    stage_range(s, 1, COMMAND_RANGE, "q", 1, 2);
    stage_expect(s, "1 #6 of 2 from 0 more: b\n1 #6 of 2 from 0: c\n");
    stage_close(s);
}

static void what_a_range_names_stays_and_may_be_taken_before_it_is_sent(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    stage_range(s, 1, COMMAND_RANGE, "q", 0, -1);
    stage_take(s, 2, "q", 3, &(struct taking){0});
    stage_expect(s, "1 #4 of 3 from 0: a b c\n2 #1 of 3 from 0: a b c\n");
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).queues, 0);
    stage_sent(s, 2);
    assert_true(stage_unsent(s, 1) > 0);
    stage_sent(s, 1);
    assert_int_equal(engine_totals(s->engine).memory, 0);
    stage_close(s);
}

static void what_others_lie_between_is_copied_together(void **state)
{
    (void)state;
    struct stage *s = open("a b c d e f");
    stage_consume(s, 2, 1, "q", 0, 4, LOTS);
    stage_tick(s);
    stage_settle(s, 2, 1, 1, 1, SETTLE_RETURN);
    stage_settle(s, 2, 1, 3, 1, SETTLE_RETURN);
    stage_skip(s);
    expect_range(s, 0, -1, "of 4 from 0: a c e f\n");
    expect_range(s, 1, 2, "of 2 from 0: c e\n");
    stage_push_as(s, 1, "q", "x", "front");
    stage_skip(s);
    expect_range(s, 0, 1, "of 2 from 0 more: x\n1 #10 of 2 from 0: a\n");
    stage_close(s);
}

static void much_that_is_copied_comes_in_pieces(void **state)
{
    (void)state;
    struct stage *s = open("");
    stage_push_alike(s, 1, "q", 200, 1000);
    stage_consume(s, 2, 1, "q", 0, 199, LOTS);
    stage_tick(s);
    for (uint64_t tag = 1; tag < 199; tag += 2)
        stage_settle(s, 2, 1, tag, 1, SETTLE_RETURN);
    stage_skip(s);
    stage_range(s, 1, COMMAND_RANGE, "q", 0, -1);
    uint32_t count = 0;
    assert_true(s->outbox.count > 1);
    for (size_t i = 0; i < s->outbox.count; i++) {
        const struct effect *effect = &s->outbox.effects[i];
        assert_int_equal(effect->total, 100);
        assert_true(effect->slice.size <= 66000);
        assert_int_equal(effect->has_more, i + 1 < s->outbox.count);
        count += effect->slice.count;
    }
    assert_int_equal(count, 100);
    stage_close(s);
}

static void trim(struct stage *stage, int64_t start, int64_t stop)
{
    stage_range(stage, 1, COMMAND_TRIM, "q", start, stop);
}

static void trimming_leaves_a_range(void **state)
{
    (void)state;
    struct stage *s = open("a b c d e");
    trim(s, 1, -2);
    stage_expect(s, "1 #6 ok\n");
    stage_expect_ready(s, "q", "b\nc\nd\n");
    trim(s, -100, 100);
    stage_expect_ready(s, "q", "b\nc\nd\n");
    assert_int_equal(stage_info(s, "q", "purged"), 2);
    stage_close(s);
}

static void trimming_to_nothing_ends_the_list_and_leaves_what_is_delayed(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    trim(s, 5, 10);
    trim(s, 0, -1);
    stage_tick(s);
    stage_expect(s, "1 #4 ok x2\n");
    assert_int_equal(engine_totals(s->engine).queues, 0);
    stage_push(s, 1, "q", "a");
    stage_push_headed(s, 1, "q", "delay=5", "later");
    trim(s, 1, 0);
    stage_pass(s, 5);
    stage_skip(s);
    stage_expect_ready(s, "q", "later delay=5\n");
    stage_close(s);
}

static void trimming_leaves_what_is_leased(void **state)
{
    (void)state;
    struct stage *s = open("a b c d");
    stage_consume(s, 2, 1, "q", 0, 2, LOTS);
    stage_tick(s);
    trim(s, 1, 1);
    stage_settle(s, 2, 1, 1, 2, SETTLE_RETURN);
    stage_skip(s);
    stage_expect_ready(s, "q", "a\nb\nd\n");
    stage_close(s);
}

static void what_is_trimmed_makes_room_for_pushes_that_wait(void **state)
{
    (void)state;
    struct stage *s = open("");
    stage_declare(s, 1, "q", 2, LOTS, WHEN_FULL_HOLD);
    stage_push(s, 1, "q", "a b c");
    stage_skip(s);
    trim(s, 1, -1);
    stage_tick(s);
    stage_expect(s, "1 #5 ok\n1 #4 ok\n");
    stage_expect_ready(s, "q", "b\nc\n");
    stage_close(s);
}

/* A command about the messages that say `body`. */
static void edit(struct stage *stage, enum command_kind kind, const char *body, int64_t count)
{
    stage_apply(stage, 1,
                (struct command){.kind = kind,
                                 .name = bytes_text("q"),
                                 .edit = {.body = bytes_text(body), .rank = 1, .count = count}});
}

static void removing_takes_those_that_are_alike(void **state)
{
    (void)state;
    struct stage *s = open("a b a aa a b");
    edit(s, COMMAND_REMOVE, "a", 0);
    edit(s, COMMAND_REMOVE, "a", 0);
    edit(s, COMMAND_REMOVE, "", 0);
    stage_expect(s, "1 #7 number 3\n1 #8 number 0\n1 #9 number 0\n");
    stage_expect_ready(s, "q", "b\naa\nb\n");
    assert_int_equal(stage_info(s, "q", "purged"), 3);
    stage_close(s);
}

static void removing_begins_at_the_end_that_is_asked_for(void **state)
{
    (void)state;
    struct stage *s = open("a:30 x a y a z");
    stage_push_as(s, 1, "q", "w a v a", "front");
    stage_skip(s);
    edit(s, COMMAND_REMOVE, "a", 1);
    edit(s, COMMAND_REMOVE, "a", -2);
    stage_expect(s, "1 #11 number 1\n1 #12 number 2\n");
    stage_expect_ready(s, "q", "v\na\nw\na\nx\ny\nz\n");
    stage_close(s);
}

static void removing_from_no_list_removes_nothing(void **state)
{
    (void)state;
    struct stage *s = open("");
    edit(s, COMMAND_REMOVE, "a", 0);
    stage_expect(s, "1 #1 number 0\n");
    stage_close(s);
}

static void what_a_message_says_is_behind_its_headers(void **state)
{
    (void)state;
    struct stage *s = open("a");
    stage_push_headed(s, 1, "q", "ttl=1000", "b");
    stage_skip(s);
    edit(s, COMMAND_FIND, "b", 0);
    edit(s, COMMAND_REMOVE, "b", 0);
    stage_expect(s, "1 #3 number 1\n1 #4 number 1\n");
    stage_close(s);
}

/* INSERT of `word` beside what says `body`, or REPLACE of what is at `index`. */
static void put(struct stage *stage, enum command_kind kind, const char *body, bool is_before,
                int64_t index, const char *word)
{
    struct run run = frames_run(OP_PUSH, "q", word);
    struct command command = {.kind = kind, .name = bytes_text("q")};
    command.edit.body = bytes_text(body);
    command.edit.is_before = is_before;
    command.edit.index = index;
    command.edit.run = run;
    stage_apply(stage, 1, command);
    frames_free(&run);
}

static void insert(struct stage *stage, const char *body, bool is_before, const char *word)
{
    put(stage, COMMAND_INSERT, body, is_before, 0, word);
}

static void replace(struct stage *stage, int64_t index, const char *word)
{
    put(stage, COMMAND_REPLACE, "", false, index, word);
}

static void a_message_is_inserted_beside_the_first_that_says_so(void **state)
{
    (void)state;
    struct stage *s = open("a b a");
    insert(s, "a", true, "x");
    insert(s, "b", false, "y");
    insert(s, "c", true, "z");
    insert(s, "x", true, "first");
    stage_expect(s, "1 #4 number 4\n1 #5 number 5\n1 #6 number -1\n1 #7 number 6\n");
    stage_expect_ready(s, "q", "first\nx\na\nb\ny\na\n");
    stage_close(s);
}

static void nothing_is_inserted_in_no_list(void **state)
{
    (void)state;
    struct stage *s = open("");
    insert(s, "a", true, "x");
    stage_expect(s, "1 #1 number 0\n");
    assert_int_equal(engine_totals(s->engine).queues, 0);
    stage_close(s);
}

static void a_message_is_replaced_by_its_place(void **state)
{
    (void)state;
    struct stage *s = open("a b c");
    replace(s, 0, "x");
    replace(s, -1, "longer");
    replace(s, 3, "y");
    replace(s, -4, "y");
    replace(s, INT64_MIN, "y");
    stage_expect(s, "1 #4 ok x2\n1 #6 no such place in the list x3\n");
    stage_expect_ready(s, "q", "x\nb\nlonger\n");
    assert_int_equal(stage_info(s, "q", "purged"), 2);
    stage_close(s);
}

static void nothing_is_replaced_in_no_list(void **state)
{
    (void)state;
    struct stage *s = open("");
    replace(s, 0, "x");
    stage_expect(s, "1 #1 nothing of that name\n");
    stage_close(s);
}

static void a_full_list_takes_replacements_that_are_no_larger(void **state)
{
    (void)state;
    struct stage *s = open("");
    stage_declare(s, 1, "q", 2, 30, WHEN_FULL_DROP_OLDEST);
    stage_push(s, 1, "q", "a b");
    stage_skip(s);
    insert(s, "a", true, "x");
    replace(s, 0, "x:20");
    replace(s, 1, "y:11");
    replace(s, 0, "z:19");
    replace(s, 1, "y:11");
    stage_expect(s, "1 #4 the queue is full\n1 #5 ok\n1 #6 the queue is full\n1 #7 ok x2\n");
    stage_expect_ready(s, "q", "z\ny\n");
    assert_int_equal(stage_info(s, "q", "refused"), 2);
    stage_close(s);
}

static void while_memory_is_short_nothing_comes_into_a_list(void **state)
{
    (void)state;
    struct stage *s = open("a b");
    engine_set_pressure(s->engine, true);
    insert(s, "a", true, "x");
    replace(s, 0, "x");
    trim(s, 0, 0);
    stage_expect(s, "1 #3 the broker is at its memory limit x2\n1 #5 ok\n");
    engine_set_pressure(s->engine, false);
    stage_close(s);
}

static void what_is_inserted_expires_by_its_own_time(void **state)
{
    (void)state;
    struct stage *s = open("");
    stage_settings(s, 1, COMMAND_DECLARE, "q", "ttl=10 dead-letter=");
    stage_push(s, 1, "q", "a b");
    stage_pass(s, 5);
    insert(s, "a", true, "x");
    replace(s, 1, "y");
    stage_pass(s, 5);
    stage_expect_ready(s, "q", "x\ny\n");
    stage_pass(s, 5);
    stage_expect_ready(s, "q", "");
    stage_skip(s);
    stage_close(s);
}

/* FIND with its options; expects these places, or with `count` -1 one effect in words. */
static void expect_places(struct stage *stage, const char *body, int64_t rank, int64_t count,
                          uint64_t look_max, const char *expected)
{
    uint64_t places[16];
    char text[64] = "";
    struct command command = {.kind = COMMAND_FIND, .name = bytes_text("q")};
    command.edit.body = bytes_text(body);
    command.edit.rank = rank;
    command.edit.has_count = count >= 0;
    command.edit.count = count;
    command.edit.look_max = look_max;
    stage_apply(stage, 1, command);
    if (count < 0) {
        stage_tell(stage);
        assert_string_equal(strchr(stage->text + strlen("1 #"), ' ') + 1, expected);
        return;
    }
    size_t size = stage_answer(stage, places, sizeof places);
    for (size_t i = 0; i < size / sizeof *places; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%lu ", places[i]);
    assert_string_equal(text, expected);
}

static void a_message_is_found_by_what_it_says(void **state)
{
    (void)state;
    struct stage *s = open("c a c b c");
    stage_push_as(s, 1, "q", "c b", "front");
    stage_skip(s);
    expect_places(s, "c", 1, -1, 0, "number 1\n");
    expect_places(s, "c", 2, -1, 0, "number 2\n");
    expect_places(s, "c", -1, -1, 0, "number 6\n");
    expect_places(s, "c", -3, -1, 0, "number 2\n");
    expect_places(s, "c", 5, -1, 0, "nothing of that name\n");
    expect_places(s, "x", 1, -1, 0, "nothing of that name\n");
    expect_places(s, "c", INT64_MIN, -1, 0, "nothing of that name\n");
    stage_close(s);
}

static void all_places_are_found_or_so_many(void **state)
{
    (void)state;
    struct stage *s = open("c a c b c c");
    expect_places(s, "c", 1, 0, 0, "0 2 4 5 ");
    expect_places(s, "c", 2, 2, 0, "2 4 ");
    expect_places(s, "c", -1, 0, 0, "5 4 2 0 ");
    expect_places(s, "c", -2, 1, 0, "4 ");
    expect_places(s, "x", 1, 0, 0, "");
    stage_close(s);
}

static void a_search_looks_at_no_more_than_it_may(void **state)
{
    (void)state;
    struct stage *s = open("c a c b c c");
    expect_places(s, "c", 1, 0, 3, "0 2 ");
    expect_places(s, "c", 1, 0, 2, "0 ");
    expect_places(s, "c", -1, 0, 1, "5 ");
    expect_places(s, "b", 1, -1, 3, "nothing of that name\n");
    expect_places(s, "c", 1, 0, 100, "0 2 4 5 ");
    stage_close(s);
}

static void a_search_of_no_list_finds_nothing(void **state)
{
    (void)state;
    struct stage *s = open("");
    expect_places(s, "c", 1, -1, 0, "nothing of that name\n");
    expect_places(s, "c", 1, 0, 0, "");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_length_counts_what_is_ready),
        cmocka_unit_test(a_range_names_its_ends),
        cmocka_unit_test(a_range_of_nothing_is_empty),
        cmocka_unit_test(a_range_of_no_list_is_told_so),
        cmocka_unit_test(a_range_has_a_piece_for_each_segment),
        cmocka_unit_test(what_a_range_names_stays_and_may_be_taken_before_it_is_sent),
        cmocka_unit_test(what_others_lie_between_is_copied_together),
        cmocka_unit_test(much_that_is_copied_comes_in_pieces),
        cmocka_unit_test(trimming_leaves_a_range),
        cmocka_unit_test(trimming_to_nothing_ends_the_list_and_leaves_what_is_delayed),
        cmocka_unit_test(trimming_leaves_what_is_leased),
        cmocka_unit_test(what_is_trimmed_makes_room_for_pushes_that_wait),
        cmocka_unit_test(removing_takes_those_that_are_alike),
        cmocka_unit_test(removing_begins_at_the_end_that_is_asked_for),
        cmocka_unit_test(removing_from_no_list_removes_nothing),
        cmocka_unit_test(what_a_message_says_is_behind_its_headers),
        cmocka_unit_test(a_message_is_found_by_what_it_says),
        cmocka_unit_test(all_places_are_found_or_so_many),
        cmocka_unit_test(a_search_looks_at_no_more_than_it_may),
        cmocka_unit_test(a_search_of_no_list_finds_nothing),
        cmocka_unit_test(a_message_is_inserted_beside_the_first_that_says_so),
        cmocka_unit_test(nothing_is_inserted_in_no_list),
        cmocka_unit_test(a_message_is_replaced_by_its_place),
        cmocka_unit_test(nothing_is_replaced_in_no_list),
        cmocka_unit_test(a_full_list_takes_replacements_that_are_no_larger),
        cmocka_unit_test(while_memory_is_short_nothing_comes_into_a_list),
        cmocka_unit_test(what_is_inserted_expires_by_its_own_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/stage.h"

#include "check.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

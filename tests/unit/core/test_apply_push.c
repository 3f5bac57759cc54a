#include "core/stage.h"

#include "check.h"

/* Pushes to lists: what the other end of a queue, and the length as an answer, make of them. Peers 1
 * and 2 push. */
enum { LOTS = 1000000 };

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    stage_attach(stage, 1);
    stage_attach(stage, 2);
    return stage;
}

/* A queue "q" for at most `count_max` messages. */
static struct stage *open_bound(uint64_t count_max, enum when_full when_full)
{
    struct stage *stage = open();
    stage_declare(stage, 2, "q", count_max, LOTS, when_full);
    stage_skip(stage);
    return stage;
}

static void each_push_of_a_run_is_told_the_length_it_has_made(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_as(s, 1, "q", "a b c", "");
    stage_push_as(s, 1, "q", "d", "");
    stage_push_as(s, 2, "q", "e", "");
    stage_expect(s, "1 #1 number 1 to 3\n1 #4 number 4\n2 #1 number 5\n");
    stage_expect_ready(s, "q", "a\nb\nc\nd\ne\n");
    stage_close(s);
}

static void the_last_pushed_to_the_front_is_the_first(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "m");
    stage_skip(s);
    stage_push_as(s, 1, "q", "c b:500 a", "front");
    stage_push_as(s, 1, "q", "x", "front");
    stage_push_as(s, 1, "q", "z", "");
    stage_expect(s, "1 #2 number 2 to 4\n1 #5 number 5\n1 #6 number 6\n");
    stage_expect_ready(s, "q", "x\na\nb\nc\nm\nz\n");
    stage_close(s);
}

static void a_long_run_at_the_front_lies_in_many_segments(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_as(s, 1, "q", "last:300000 d:400 c:400 b:400 a:400", "front whole");
    stage_push_as(s, 1, "q", "first:300000 0", "front");
    stage_expect(s, "1 #1 number 5\n1 #2 number 6 to 7\n");
    stage_consume(s, 2, 1, "q", 0, LOTS, UINT32_MAX);
    stage_tick(s);
    stage_expect(s, "2 #1 ok\n2 c1 @1 0\n2 c1 @2 first\n");
    stage_sent(s, 2);
    stage_tick(s);
    stage_expect(s, "2 c1 @3 a b c d\n2 c1 @7 last\n");
    stage_close(s);
}

static void a_whole_run_has_one_answer(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_as(s, 1, "q", "a b c", "whole");
    stage_push_as(s, 1, "q", "e d", "front whole");
    stage_expect(s, "1 #1 number 3\n1 #2 number 5\n");
    stage_expect_ready(s, "q", "d\ne\na\nb\nc\n");
    stage_close(s);
}

static void a_whole_run_is_taken_or_refused(void **state)
{
    (void)state;
    struct stage *s = open_bound(3, WHEN_FULL_REFUSE);
    stage_push_as(s, 1, "q", "a b c d", "whole");
    stage_push_as(s, 1, "q", "a b", "whole");
    stage_push_as(s, 1, "q", "c d", "whole front");
    stage_push_as(s, 1, "q", "c d", "");
    stage_expect(s, "1 #1 the queue is full\n1 #2 number 2\n1 #3 the queue is full\n"
                    "1 #4 number 3\n1 #5 the queue is full\n");
    assert_int_equal(stage_info(s, "q", "refused"), 7);
    stage_close(s);
}

static void a_whole_run_larger_than_the_bound_in_bytes_is_refused(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_declare(s, 2, "q", LOTS, 100, WHEN_FULL_REFUSE);
    stage_skip(s);
    stage_push_as(s, 1, "q", "a:60 b:50", "whole");
    stage_push_as(s, 1, "q", "a:60 b:40", "whole");
    stage_expect(s, "1 #1 the queue is full\n1 #2 number 2\n");
    stage_close(s);
}

static void who_is_told_the_length_never_waits_for_room(void **state)
{
    (void)state;
    struct stage *s = open_bound(2, WHEN_FULL_HOLD);
    stage_push_as(s, 1, "q", "a b c", "");
    stage_expect(s, "1 #1 number 1 to 2\n1 #3 the queue is full\n");
    stage_push(s, 2, "q", "held");
    stage_consume(s, 2, 1, "q", CONSUME_NO_ACK, 1, LOTS);
    stage_skip(s);
    stage_push_as(s, 1, "q", "d", "front");
    stage_expect(s, "1 #4 the queue is full\n");
    stage_tick(s);
    stage_expect(s, "2 c1 @1 a\n2 #2 ok\n");
    stage_expect_ready(s, "q", "b\nheld\n");
    stage_close(s);
}

static void a_full_queue_drops_at_the_other_end_than_is_pushed_to(void **state)
{
    (void)state;
    struct stage *s = open_bound(3, WHEN_FULL_DROP_OLDEST);
    stage_push_as(s, 1, "q", "a b c", "");
    stage_push_as(s, 1, "q", "x", "front");
    stage_push_as(s, 1, "q", "d", "");
    stage_expect(s, "1 #1 number 1 to 3\n1 #4 number 3\n1 #5 number 3\n");
    stage_expect_ready(s, "q", "a\nb\nd\n");
    assert_int_equal(stage_info(s, "q", "overflowed"), 2);
    stage_close(s);
}

static void a_whole_run_drops_what_it_takes_the_place_of_and_no_more(void **state)
{
    (void)state;
    struct stage *s = open_bound(4, WHEN_FULL_DROP_OLDEST);
    stage_push_as(s, 1, "q", "a b c", "");
    stage_push_as(s, 1, "q", "d:20 e:30 f:40", "whole");
    stage_push_as(s, 1, "q", "1 2 3 4 5", "whole");
    stage_expect(s, "1 #1 number 1 to 3\n1 #4 number 4\n1 #5 the queue is full\n");
    stage_expect_ready(s, "q", "c\nd\ne\nf\n");
    stage_close(s);
}

static void a_push_to_what_must_be_there_makes_no_queue(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_as(s, 1, "q", "a b", "there");
    stage_push_as(s, 1, "q", "a b", "there whole");
    stage_expect(s, "1 #1 number 0 x2\n1 #3 number 0\n");
    assert_int_equal(engine_totals(s->engine).queues, 0);
    stage_push(s, 1, "q", "a");
    stage_skip(s);
    stage_push_as(s, 1, "q", "b", "there front");
    stage_expect(s, "1 #5 number 2\n");
    stage_expect_ready(s, "q", "b\na\n");
    stage_close(s);
}

static void what_is_leased_is_no_list(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a");
    stage_consume(s, 2, 1, "q", 0, LOTS, LOTS);
    stage_tick(s);
    stage_skip(s);
    stage_push_as(s, 1, "q", "b", "there");
    stage_expect(s, "1 #2 number 0\n");
    stage_cancel(s, 2, 1);
    stage_skip(s);
    stage_push_as(s, 1, "q", "b", "");
    stage_expect(s, "1 #3 number 2\n");
    stage_close(s);
}

static void while_memory_is_short_pushes_are_refused(void **state)
{
    (void)state;
    struct stage *s = open();
    engine_set_pressure(s->engine, true);
    stage_push_as(s, 1, "q", "a b", "");
    stage_push_as(s, 1, "q", "a b", "whole there");
    stage_push_as(s, 1, "q", "a", "");
    stage_expect(s, "1 #1 the broker is at its memory limit x4\n");
    stage_close(s);
}

static void what_comes_back_later_joins_the_end_it_was_pushed_to(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "m");
    stage_push_as(s, 1, "q", "b a", "front");
    stage_skip(s);
    stage_consume(s, 2, 1, "q", 0, 2, LOTS);
    stage_tick(s);
    stage_expect(s, "2 #1 ok\n2 c1 @1 a b\n");
    stage_return(s, 2, 1, 1, 2, 5);
    stage_pass(s, 5);
    stage_skip(s);
    stage_expect_ready(s, "q", "a\nb\nm\n");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_push_of_a_run_is_told_the_length_it_has_made),
        cmocka_unit_test(the_last_pushed_to_the_front_is_the_first),
        cmocka_unit_test(a_long_run_at_the_front_lies_in_many_segments),
        cmocka_unit_test(a_whole_run_has_one_answer),
        cmocka_unit_test(a_whole_run_is_taken_or_refused),
        cmocka_unit_test(a_whole_run_larger_than_the_bound_in_bytes_is_refused),
        cmocka_unit_test(who_is_told_the_length_never_waits_for_room),
        cmocka_unit_test(a_full_queue_drops_at_the_other_end_than_is_pushed_to),
        cmocka_unit_test(a_whole_run_drops_what_it_takes_the_place_of_and_no_more),
        cmocka_unit_test(a_push_to_what_must_be_there_makes_no_queue),
        cmocka_unit_test(what_is_leased_is_no_list),
        cmocka_unit_test(while_memory_is_short_pushes_are_refused),
        cmocka_unit_test(what_comes_back_later_joins_the_end_it_was_pushed_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/consumer.h"
#include "core/stage.h"

#include "check.h"

/* Peers 1 and 2 push, peer 3 consumes. */
enum { LOTS = 1000000 };

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 3; peer++)
        stage_attach(stage, peer);
    return stage;
}

/* A queue "q" for at most `count_max` messages that holds its producers. */
static struct stage *open_holding(uint64_t count_max)
{
    struct stage *stage = open();
    stage_declare(stage, 3, "q", count_max, LOTS, WHEN_FULL_HOLD);
    stage_skip(stage);
    return stage;
}

static void tick_and_expect(struct stage *stage, const char *expected)
{
    stage_tick(stage);
    stage_expect(stage, expected);
}

/* Takes a message off the front of "q" and sees what it and the room it leaves bring. */
static void take_and_expect(struct stage *stage, const char *expected)
{
    stage_consume(stage, 3, 99, "q", CONSUME_NO_ACK, 1, LOTS);
    stage_skip(stage);
    tick_and_expect(stage, expected);
    stage_cancel(stage, 3, 99);
    stage_skip(stage);
}

static void a_push_is_accepted_at_once(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a b c");
    stage_push(s, 2, "q", "d");
    stage_expect(s, "1 #1 ok x3\n2 #1 ok\n");
    assert_int_equal(stage_info(s, "q", "accepted"), 4);
    assert_int_equal(stage_info(s, "q", "declared"), 0);
    stage_close(s);
}

static void pushes_go_to_the_queue_they_name(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a b");
    stage_push(s, 1, "r", "c");
    stage_push(s, 1, "q", "d");
    assert_int_equal(stage_info(s, "q", "ready"), 3);
    assert_int_equal(stage_info(s, "r", "ready"), 1);
    stage_close(s);
}

static void a_push_over_the_bound_is_refused(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_declare(s, 1, "q", 2, LOTS, WHEN_FULL_REFUSE);
    stage_push(s, 1, "q", "a b c d");
    stage_expect(s, "1 #1 ok x3\n1 #4 the queue is full x2\n");
    assert_int_equal(stage_info(s, "q", "refused"), 2);
    assert_int_equal(stage_info(s, "q", "accepted"), 2);
    stage_close(s);
}

static void a_refusal_stands_for_each_frame_of_a_run(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_declare(s, 1, "q", 10, 100, WHEN_FULL_REFUSE);
    stage_push(s, 1, "q", "a:60 b:60 c:30 d:60 e:10 f:10");
    stage_expect(s, "1 #1 ok x2\n"
                    "1 #3 the queue is full\n"
                    "1 #4 ok\n"
                    "1 #5 the queue is full\n"
                    "1 #6 ok\n"
                    "1 #7 the queue is full\n");
    stage_close(s);
}

static void a_push_that_finds_no_room_waits_where_the_queue_holds(void **state)
{
    (void)state;
    struct stage *s = open_holding(2);
    stage_push(s, 1, "q", "a b c d");
    stage_expect(s, "1 #1 ok x2\n");
    tick_and_expect(s, "");
    assert_int_equal(stage_info(s, "q", "waiting"), 2);
    stage_close(s);
}

static void waiting_pushes_are_accepted_in_order_as_room_comes(void **state)
{
    (void)state;
    struct stage *s = open_holding(1);
    stage_push(s, 1, "q", "a b c");
    stage_push(s, 2, "q", "d");
    stage_push(s, 1, "q", "e");
    stage_skip(s);
    take_and_expect(s, "3 c99 @1 a\n1 #2 ok\n");
    take_and_expect(s, "3 c99 @1 b\n1 #3 ok\n");
    take_and_expect(s, "3 c99 @1 c\n2 #1 ok\n");
    take_and_expect(s, "3 c99 @1 d\n1 #4 ok\n");
    take_and_expect(s, "3 c99 @1 e\n");
    stage_close(s);
}

static void a_waiting_run_is_accepted_as_far_as_there_is_room(void **state)
{
    (void)state;
    struct stage *s = open_holding(5);
    stage_push(s, 1, "q", "a b c d e f g h i");
    stage_consume(s, 3, 7, "q", 0, 3, LOTS);
    stage_skip(s);
    tick_and_expect(s, "3 c7 @1 a b c\n");
    stage_settle(s, 3, 7, 1, 3, SETTLE_ACKNOWLEDGE);
    stage_skip(s);
    tick_and_expect(s, "1 #6 ok x3\n");
    assert_int_equal(stage_info(s, "q", "waiting"), 1);
    stage_close(s);
}

static void what_is_accepted_late_is_handed_out_in_the_same_tick(void **state)
{
    (void)state;
    struct stage *s = open_holding(2);
    stage_push(s, 1, "q", "a b c d e");
    stage_consume(s, 3, 7, "q", CONSUME_NO_ACK, LOTS, LOTS);
    stage_skip(s);
    tick_and_expect(s, "3 c7 @1 a b\n1 #3 ok x2\n3 c7 @3 c d\n1 #5 ok\n3 c7 @5 e\n");
    assert_int_equal(engine_totals(s->engine).accepted, 5);
    stage_close(s);
}

/* Its own size would fit, but those before it wait. */
static void a_push_does_not_overtake_those_that_wait(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_declare(s, 3, "q", 10, 100, WHEN_FULL_HOLD);
    stage_push(s, 1, "q", "a:60 b:60");
    stage_push(s, 2, "q", "c:20");
    stage_skip(s);
    take_and_expect(s, "3 c99 @1 a\n1 #2 ok\n2 #1 ok\n");
    stage_close(s);
}

static void a_frame_larger_than_the_whole_bound_is_refused_though_the_queue_holds(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_declare(s, 3, "q", 10, 100, WHEN_FULL_HOLD);
    stage_push(s, 1, "q", "a:100 b:101 c:50 d:101 e:40");
    stage_expect(s, "3 #1 ok\n1 #1 ok\n1 #2 the queue is full\n1 #4 the queue is full\n");
    assert_int_equal(stage_info(s, "q", "waiting"), 2);
    take_and_expect(s, "3 c99 @1 a\n1 #3 ok\n1 #5 ok\n");
    stage_close(s);
}

static void what_waits_is_bounded_by_the_windows_frames(void **state)
{
    (void)state;
    struct stage *s = open_holding(1);
    stage_attach_window(s, 4, 2, LOTS);
    stage_push(s, 4, "q", "a b c d e");
    stage_expect(s, "4 #1 ok\n4 #4 more pushes wait than the window allows x2\n");
    take_and_expect(s, "3 c99 @1 a\n4 #2 ok\n");
    stage_push(s, 4, "q", "f g");
    stage_expect(s, "4 #7 more pushes wait than the window allows\n");
    assert_int_equal(stage_info(s, "q", "refused"), 3);
    stage_close(s);
}

static void frames_of_different_sizes_wait_as_far_as_the_windows_frames_go(void **state)
{
    (void)state;
    struct stage *s = open_holding(1);
    stage_attach_window(s, 4, 2, LOTS);
    stage_push(s, 4, "q", "a bb c dd e");
    stage_expect(s, "4 #1 ok\n4 #4 more pushes wait than the window allows x2\n");
    stage_close(s);
}

static void what_waits_is_bounded_by_the_windows_bytes(void **state)
{
    (void)state;
    struct stage *s = open_holding(1);
    stage_attach_window(s, 4, 100, 100);
    stage_push(s, 4, "q", "a b:60 c:60 d:30 e:11 f:10");
    stage_expect(s, "4 #1 ok\n"
                    "4 #3 more pushes wait than the window allows\n"
                    "4 #5 more pushes wait than the window allows\n");
    assert_int_equal(stage_info(s, "q", "waiting"), 3);
    stage_close(s);
}

static void equal_frames_wait_as_far_as_the_windows_bytes_go(void **state)
{
    (void)state;
    struct stage *s = open_holding(1);
    stage_attach_window(s, 4, 100, 100);
    stage_push_alike(s, 4, "q", 7, 30);
    stage_expect(s, "4 #1 ok\n4 #5 more pushes wait than the window allows x3\n");
    take_and_expect(s, "3 c99 @1 1 frames\n4 #2 ok\n");
    stage_push_alike(s, 4, "q", 2, 30);
    stage_expect(s, "4 #9 more pushes wait than the window allows\n");
    stage_close(s);
}

static void the_window_counts_over_all_queues_of_a_connection(void **state)
{
    (void)state;
    struct stage *s = open_holding(1);
    stage_declare(s, 3, "r", 1, LOTS, WHEN_FULL_HOLD);
    stage_attach_window(s, 4, 3, LOTS);
    stage_push(s, 4, "q", "a b c");
    stage_push(s, 4, "r", "d e f");
    stage_push(s, 1, "q", "g");
    stage_expect(s, "3 #2 ok\n4 #1 ok\n4 #4 ok\n4 #6 more pushes wait than the window allows\n");
    stage_close(s);
}

static void deleting_a_queue_refuses_the_pushes_that_wait(void **state)
{
    (void)state;
    struct stage *s = open_holding(1);
    stage_push(s, 1, "q", "a b c");
    stage_push(s, 2, "q", "d");
    stage_skip(s);
    stage_name(s, 3, COMMAND_DELETE, "q");
    stage_expect(s, "1 #2 the queue was deleted x2\n2 #1 the queue was deleted\n3 #2 ok\n");
    stage_push(s, 1, "q", "e f");
    stage_expect(s, "1 #4 ok x2\n");
    stage_close(s);
}

static void deleting_a_queue_ends_its_consumers_and_their_leases(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 3, 7, "q", 0, 2, LOTS);
    stage_consume(s, 2, 8, "q", CONSUME_BACK, 1, LOTS);
    stage_push(s, 1, "q", "a b c d");
    stage_tick(s);
    stage_skip(s);
    stage_name(s, 1, COMMAND_DELETE, "q");
    stage_expect(s, "3 c7 ended: the queue was deleted\n"
                    "2 c8 ended: the queue was deleted\n"
                    "1 #5 ok\n");
    stage_settle(s, 3, 7, 1, 1, SETTLE_ACKNOWLEDGE);
    stage_consume(s, 3, 7, "q", 0, 2, LOTS);
    stage_expect(s, "3 #2 no consumer of that id on this connection\n3 #3 ok\n");
    tick_and_expect(s, "");
    stage_close(s);
}

static void slices_of_a_deleted_queue_are_sent_all_the_same(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS);
    stage_push(s, 1, "q", "a");
    stage_tick(s);
    stage_skip(s);
    stage_name(s, 1, COMMAND_DELETE, "q");
    struct slice slice = s->slices[0].slice;
    assert_memory_equal(slice_bytes(&slice).data + FRAME_HEAD_SIZE, "qa", 2);
    stage_sent(s, 3);
    assert_int_equal(engine_totals(s->engine).memory, 0);
    stage_close(s);
}

static void purging_with_leases_out_leaves_them(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 3, 7, "q", 0, 2, LOTS);
    stage_push(s, 1, "q", "a b c d");
    stage_tick(s);
    stage_name(s, 1, COMMAND_PURGE, "q");
    stage_settle(s, 3, 7, 1, 1, SETTLE_ACKNOWLEDGE);
    stage_settle(s, 3, 7, 2, 1, SETTLE_RETURN);
    assert_int_equal(stage_info(s, "q", "purged"), 2);
    assert_int_equal(stage_info(s, "q", "acknowledged"), 1);
    assert_int_equal(stage_info(s, "q", "ready"), 1);
    stage_close(s);
}

static void purging_makes_room_for_pushes_that_wait(void **state)
{
    (void)state;
    struct stage *s = open_holding(2);
    stage_push(s, 1, "q", "a b c");
    stage_skip(s);
    stage_name(s, 3, COMMAND_PURGE, "q");
    stage_expect(s, "3 #2 answer 8 bytes\n");
    tick_and_expect(s, "1 #3 ok\n");
    stage_close(s);
}

static void a_consumer_is_known_by_its_id_on_its_connection(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, 1, 1);
    stage_consume(s, 3, 7, "q", 0, 1, 1);
    stage_consume(s, 3, 7, "other", 0, 1, 1);
    stage_consume(s, 3, 0, "q", 0, 1, 1);
    stage_consume(s, 3, UINT32_MAX, "q", 0, 1, 1);
    stage_expect(s, "2 #1 ok\n"
                    "3 #1 ok\n"
                    "3 #2 the id is in use on this connection\n"
                    "3 #3 ok x2\n");
    assert_int_equal(engine_totals(s->engine).consumers, 4);
    stage_close(s);
}

static void too_much_credit_is_refused(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 3, 7, "q", 0, 1, CREDIT_SIZE_MAX + 1);
    stage_consume(s, 3, 7, "q", 0, UINT32_MAX, CREDIT_SIZE_MAX);
    stage_credit(s, 3, 7, 1, 0);
    stage_credit(s, 3, 7, 0, 1);
    stage_credit(s, 3, 7, 0, 0);
    stage_credit(s, 3, 8, 1, 1);
    stage_expect(s, "3 #1 more credit than can be counted\n"
                    "3 #2 ok\n"
                    "3 #3 more credit than can be counted x2\n"
                    "3 #5 ok\n"
                    "3 #6 no consumer of that id on this connection\n");
    assert_int_equal(engine_totals(s->engine).queues, 1);
    stage_close(s);
}

static void cancelling_returns_the_leases_for_others_to_take(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 3, 7, "q", 0, 2, LOTS);
    stage_push(s, 1, "q", "a b c");
    stage_skip(s);
    tick_and_expect(s, "3 c7 @1 a b\n");
    stage_settle(s, 3, 7, 1, 1, SETTLE_ACKNOWLEDGE);
    stage_cancel(s, 3, 7);
    stage_cancel(s, 3, 7);
    stage_expect(s, "3 #2 ok x2\n3 #4 no consumer of that id on this connection\n");
    stage_consume(s, 2, 1, "q", 0, LOTS, LOTS);
    stage_skip(s);
    tick_and_expect(s, "2 c1 @1 again 1: b\n2 c1 @2 c\n");
    stage_close(s);
}

static void settling_what_is_not_leased_is_refused_and_the_rest_done(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS);
    stage_push(s, 1, "q", "a b c d");
    stage_tick(s);
    stage_skip(s);
    stage_settle(s, 3, 7, 2, 2, SETTLE_ACKNOWLEDGE);
    stage_settle(s, 3, 7, 2, 2, SETTLE_ACKNOWLEDGE);
    stage_settle(s, 3, 7, 1, 4, SETTLE_REJECT);
    stage_settle(s, 3, 7, 5, 1, SETTLE_RETURN);
    stage_settle(s, 3, 8, 1, 1, SETTLE_RETURN);
    stage_expect(s, "3 #2 ok\n"
                    "3 #3 some of these tags are not leased to this consumer x3\n"
                    "3 #6 no consumer of that id on this connection\n");
    assert_int_equal(stage_info(s, "q", "acknowledged"), 2);
    assert_int_equal(stage_info(s, "q", "rejected"), 2);
    assert_int_equal(engine_totals(s->engine).settled, 4);
    stage_close(s);
}

static void one_connection_does_not_settle_for_another(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS);
    stage_push(s, 1, "q", "a");
    stage_tick(s);
    stage_skip(s);
    stage_settle(s, 2, 7, 1, 1, SETTLE_ACKNOWLEDGE);
    stage_expect(s, "2 #1 no consumer of that id on this connection\n");
    assert_int_equal(stage_info(s, "q", "leased"), 1);
    stage_close(s);
}

static void declaring_again_is_done_with_the_same_settings_alone(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_declare(s, 1, "q", 5, 500, WHEN_FULL_HOLD);
    stage_declare(s, 2, "q", 5, 500, WHEN_FULL_HOLD);
    stage_declare(s, 2, "q", 6, 500, WHEN_FULL_HOLD);
    stage_declare(s, 2, "q", 5, 501, WHEN_FULL_HOLD);
    stage_declare(s, 2, "q", 5, 500, WHEN_FULL_REFUSE);
    stage_expect(s, "1 #1 ok\n2 #1 ok\n2 #2 the queue is declared with other settings x3\n");
    assert_int_equal(stage_info(s, "q", "max-messages"), 5);
    stage_close(s);
}

static void declaring_gives_settings_to_a_queue_that_is_there(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a b c");
    stage_declare(s, 1, "q", 3, LOTS, WHEN_FULL_REFUSE);
    stage_push(s, 1, "q", "d");
    stage_expect(s, "1 #1 ok x4\n1 #5 the queue is full\n");
    assert_int_equal(stage_info(s, "q", "declared"), 1);
    stage_close(s);
}

static void a_queue_that_is_not_there_is_not_looked_after(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_name(s, 1, COMMAND_DELETE, "q");
    stage_name(s, 1, COMMAND_PAUSE, "q");
    stage_name(s, 1, COMMAND_RESUME, "q");
    stage_name(s, 1, COMMAND_PURGE, "q");
    stage_name(s, 1, COMMAND_INFO, "q");
    stage_look(s, 1, COMMAND_PEEK, "q", 1, false);
    stage_expect(s, "1 #1 no queue of that name x6\n");
    assert_int_equal(engine_totals(s->engine).queues, 0);
    stage_close(s);
}

static void the_end_of_a_connection_forgets_what_it_had_waiting(void **state)
{
    (void)state;
    struct stage *s = open_holding(1);
    stage_push(s, 1, "q", "a b c");
    stage_push(s, 2, "q", "d");
    stage_skip(s);
    stage_detach(s, 1);
    assert_int_equal(stage_info(s, "q", "waiting"), 1);
    take_and_expect(s, "3 c99 @1 a\n2 #1 ok\n");
    stage_close(s);
}

static void who_waited_behind_a_connection_that_ended_may_find_room(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_declare(s, 3, "q", 10, 100, WHEN_FULL_HOLD);
    stage_push(s, 3, "q", "a:60");
    stage_push(s, 1, "q", "b:60");
    stage_push(s, 2, "q", "c:20");
    stage_tick(s);
    stage_skip(s);
    stage_detach(s, 1);
    tick_and_expect(s, "2 #1 ok\n");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_is_accepted_at_once),
        cmocka_unit_test(pushes_go_to_the_queue_they_name),
        cmocka_unit_test(a_push_over_the_bound_is_refused),
        cmocka_unit_test(a_refusal_stands_for_each_frame_of_a_run),
        cmocka_unit_test(a_push_that_finds_no_room_waits_where_the_queue_holds),
        cmocka_unit_test(waiting_pushes_are_accepted_in_order_as_room_comes),
        cmocka_unit_test(a_waiting_run_is_accepted_as_far_as_there_is_room),
        cmocka_unit_test(what_is_accepted_late_is_handed_out_in_the_same_tick),
        cmocka_unit_test(a_push_does_not_overtake_those_that_wait),
        cmocka_unit_test(a_frame_larger_than_the_whole_bound_is_refused_though_the_queue_holds),
        cmocka_unit_test(what_waits_is_bounded_by_the_windows_frames),
        cmocka_unit_test(frames_of_different_sizes_wait_as_far_as_the_windows_frames_go),
        cmocka_unit_test(what_waits_is_bounded_by_the_windows_bytes),
        cmocka_unit_test(equal_frames_wait_as_far_as_the_windows_bytes_go),
        cmocka_unit_test(the_window_counts_over_all_queues_of_a_connection),
        cmocka_unit_test(deleting_a_queue_refuses_the_pushes_that_wait),
        cmocka_unit_test(deleting_a_queue_ends_its_consumers_and_their_leases),
        cmocka_unit_test(slices_of_a_deleted_queue_are_sent_all_the_same),
        cmocka_unit_test(purging_with_leases_out_leaves_them),
        cmocka_unit_test(purging_makes_room_for_pushes_that_wait),
        cmocka_unit_test(a_consumer_is_known_by_its_id_on_its_connection),
        cmocka_unit_test(too_much_credit_is_refused),
        cmocka_unit_test(cancelling_returns_the_leases_for_others_to_take),
        cmocka_unit_test(settling_what_is_not_leased_is_refused_and_the_rest_done),
        cmocka_unit_test(one_connection_does_not_settle_for_another),
        cmocka_unit_test(declaring_again_is_done_with_the_same_settings_alone),
        cmocka_unit_test(declaring_gives_settings_to_a_queue_that_is_there),
        cmocka_unit_test(a_queue_that_is_not_there_is_not_looked_after),
        cmocka_unit_test(the_end_of_a_connection_forgets_what_it_had_waiting),
        cmocka_unit_test(who_waited_behind_a_connection_that_ended_may_find_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

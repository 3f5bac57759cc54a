#include "core/peer.h"
#include "core/stage.h"

#include "check.h"

/* Peer 1 pushes and publishes, the others consume and subscribe. */
enum { LOTS = 1000000 };

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 3; peer++)
        stage_attach(stage, peer);
    return stage;
}

/* Peers 2 and 3 consume from "q", each under id 7. */
static struct stage *open_with_two_consumers(void)
{
    struct stage *stage = open();
    stage_consume(stage, 2, 7, "q", 0, LOTS, LOTS);
    stage_consume(stage, 3, 7, "q", 0, LOTS, LOTS);
    stage_skip(stage);
    return stage;
}

static void tick_and_expect(struct stage *stage, const char *expected)
{
    stage_tick(stage);
    stage_expect(stage, expected);
}

static void push_and_expect(struct stage *stage, const char *words, const char *expected)
{
    stage_push(stage, 1, "q", words);
    stage_skip(stage);
    tick_and_expect(stage, expected);
}

static void acknowledge(struct stage *stage, uint32_t peer, uint64_t tag, uint32_t count)
{
    stage_settle(stage, peer, 7, tag, count, SETTLE_ACKNOWLEDGE);
    stage_skip(stage);
}

static void nothing_is_handed_out_before_the_tick(void **state)
{
    (void)state;
    struct stage *s = open_with_two_consumers();
    stage_push(s, 1, "q", "a");
    stage_expect(s, "1 #1 ok\n");
    tick_and_expect(s, "2 c7 @1 a\n");
    stage_close(s);
}

static void competing_consumers_get_fair_shares_in_stretches(void **state)
{
    (void)state;
    struct stage *s = open_with_two_consumers();
    stage_push_alike(s, 1, "q", 1000, 20);
    stage_skip(s);
    tick_and_expect(s, "2 c7 @1 500 frames\n"
                       "3 c7 @1 250 frames\n"
                       "3 c7 @251 125 frames\n"
                       "3 c7 @376 64 frames\n"
                       "3 c7 @440 61 frames\n");
    stage_close(s);
}

static void a_few_messages_are_not_split_among_consumers(void **state)
{
    (void)state;
    struct stage *s = open_with_two_consumers();
    push_and_expect(s, "a b c d", "2 c7 @1 a b c d\n");
    push_and_expect(s, "e f", "3 c7 @1 e f\n");
    stage_close(s);
}

static void the_consumer_with_the_fewest_unsettled_is_next(void **state)
{
    (void)state;
    struct stage *s = open_with_two_consumers();
    push_and_expect(s, "a b c", "2 c7 @1 a b c\n");
    push_and_expect(s, "d", "3 c7 @1 d\n");
    push_and_expect(s, "e", "3 c7 @2 e\n");
    push_and_expect(s, "f", "3 c7 @3 f\n");
    acknowledge(s, 2, 2, 1);
    push_and_expect(s, "g", "2 c7 @4 g\n");
    stage_close(s);
}

static void the_equally_laden_take_turns(void **state)
{
    (void)state;
    struct stage *s = open_with_two_consumers();
    for (uint64_t tag = 1; tag < 4; tag++) {
        push_and_expect(s, "a",
                        tag == 1   ? "2 c7 @1 a\n"
                        : tag == 2 ? "2 c7 @2 a\n"
                                   : "2 c7 @3 a\n");
        acknowledge(s, 2, tag, 1);
        push_and_expect(s, "b",
                        tag == 1   ? "3 c7 @1 b\n"
                        : tag == 2 ? "3 c7 @2 b\n"
                                   : "3 c7 @3 b\n");
        acknowledge(s, 3, tag, 1);
    }
    stage_close(s);
}

static void without_acks_consumers_take_turns_too(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", CONSUME_NO_ACK, LOTS, LOTS);
    stage_consume(s, 3, 7, "q", CONSUME_NO_ACK, LOTS, LOTS);
    stage_skip(s);
    push_and_expect(s, "a", "2 c7 @1 a\n");
    push_and_expect(s, "b", "3 c7 @1 b\n");
    push_and_expect(s, "c", "2 c7 @2 c\n");
    assert_int_equal(engine_totals(s->engine).settled, 3);
    stage_close(s);
}

static void a_consumer_gets_no_more_than_its_credit(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, 2, LOTS);
    stage_consume(s, 3, 7, "q", 0, 1, LOTS);
    stage_skip(s);
    push_and_expect(s, "a b c d", "2 c7 @1 a b\n3 c7 @1 c\n");
    stage_credit(s, 3, 7, 5, 0);
    stage_skip(s);
    tick_and_expect(s, "3 c7 @2 d\n");
    stage_close(s);
}

static void a_paused_queue_hands_nothing_out_until_it_is_resumed(void **state)
{
    (void)state;
    struct stage *s = open_with_two_consumers();
    stage_name(s, 1, COMMAND_PAUSE, "q");
    stage_skip(s);
    push_and_expect(s, "a", "");
    acknowledge(s, 2, 1, 1);
    push_and_expect(s, "b", "");
    stage_name(s, 1, COMMAND_RESUME, "q");
    stage_skip(s);
    tick_and_expect(s, "2 c7 @1 a b\n");
    stage_close(s);
}

static void messages_delivered_before_are_stretches_of_their_own(void **state)
{
    (void)state;
    struct stage *s = open_with_two_consumers();
    push_and_expect(s, "a b", "2 c7 @1 a b\n");
    stage_cancel(s, 3, 7);
    stage_settle(s, 2, 7, 1, 2, SETTLE_RETURN);
    stage_skip(s);
    push_and_expect(s, "c", "2 c7 @3 again 1: a b\n2 c7 @5 c\n");
    stage_settle(s, 2, 7, 4, 2, SETTLE_RETURN);
    stage_skip(s);
    tick_and_expect(s, "2 c7 @6 again 2: b\n2 c7 @7 again 1: c\n");
    stage_close(s);
}

static void from_the_back_the_newest_come_first(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", CONSUME_BACK, 2, LOTS);
    stage_skip(s);
    push_and_expect(s, "a bb ccc d", "2 c7 @1 d ccc\n");
    stage_credit(s, 2, 7, LOTS, 0);
    stage_skip(s);
    tick_and_expect(s, "2 c7 @3 bb a\n");
    stage_close(s);
}

static void one_takes_from_the_front_while_another_takes_from_the_back(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, 2, LOTS);
    stage_consume(s, 3, 7, "q", CONSUME_BACK, LOTS, LOTS);
    stage_skip(s);
    push_and_expect(s, "a b c d", "2 c7 @1 a b\n3 c7 @1 d c\n");
    stage_close(s);
}

static void a_consumer_that_does_not_read_is_given_no_more(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, UINT32_MAX);
    stage_skip(s);
    push_and_expect(s, "a:65536 b:65536 c:65536 d:65536 e:65536 f:65536 g:65536",
                    "2 c7 @1 a b c\n2 c7 @4 d\n");
    assert_int_equal(stage_unsent(s, 2), UNSENT_MAX_DEFAULT);
    push_and_expect(s, "h", "");
    stage_sent_one(s, 2);
    tick_and_expect(s, "2 c7 @5 e f\n2 c7 @7 g\n");
    stage_sent(s, 2);
    tick_and_expect(s, "2 c7 @8 h\n");
    stage_close(s);
}

static void one_message_may_pass_what_a_reader_may_have_unsent(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, UINT32_MAX);
    stage_skip(s);
    push_and_expect(s, "a b:300000 c", "2 c7 @1 a\n2 c7 @2 b\n");
    stage_sent_one(s, 2);
    tick_and_expect(s, "");
    stage_sent_one(s, 2);
    tick_and_expect(s, "2 c7 @3 c\n");
    stage_close(s);
}

static void others_take_what_a_full_reader_cannot(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, UINT32_MAX);
    stage_consume(s, 3, 7, "q", 0, LOTS, UINT32_MAX);
    stage_skip(s);
    push_and_expect(s, "a:300000", "2 c7 @1 a\n");
    acknowledge(s, 2, 1, 1);
    push_and_expect(s, "b", "3 c7 @1 b\n");
    push_and_expect(s, "c", "3 c7 @2 c\n");
    stage_sent(s, 2);
    push_and_expect(s, "d", "2 c7 @2 d\n");
    stage_close(s);
}

static void all_consumers_of_a_connection_go_on_when_it_has_room_again(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, UINT32_MAX);
    stage_consume(s, 2, 8, "other", 0, LOTS, UINT32_MAX);
    stage_skip(s);
    push_and_expect(s, "a:300000 b", "2 c7 @1 a\n");
    stage_push(s, 1, "other", "x");
    stage_skip(s);
    tick_and_expect(s, "");
    stage_sent(s, 2);
    stage_tick(s);
    assert_int_equal(stage_info(s, "q", "leased"), 2);
    assert_int_equal(stage_info(s, "other", "leased"), 1);
    stage_close(s);
}

/* It reads one message at a time, and both queues have more. */
static void consumers_of_one_connection_take_turns(void **state)
{
    (void)state;
    enum { ROUNDS = 40 };
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, UINT32_MAX);
    stage_consume(s, 2, 8, "r", 0, LOTS, UINT32_MAX);
    stage_push_alike(s, 1, "q", ROUNDS, UNSENT_MAX_DEFAULT);
    stage_push_alike(s, 1, "r", ROUNDS, UNSENT_MAX_DEFAULT);
    for (int i = 0; i < ROUNDS; i++) {
        stage_tick(s);
        stage_skip(s);
        stage_sent(s, 2);
    }
    assert_in_range(stage_info(s, "q", "leased"), 1, ROUNDS - 1);
    assert_in_range(stage_info(s, "r", "leased"), 1, ROUNDS - 1);
    stage_close(s);
}

static void whose_byte_credit_is_too_small_is_passed_over(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, 100);
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS);
    stage_skip(s);
    push_and_expect(s, "a:60", "2 c7 @1 a\n");
    push_and_expect(s, "b:60 c:60", "3 c7 @1 b c\n");
    push_and_expect(s, "d:60", "3 c7 @3 d\n");
    push_and_expect(s, "e:40", "2 c7 @2 e\n");
    stage_close(s);
}

static void a_message_that_nobodys_credit_holds_waits_for_an_acknowledgement(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, 100);
    stage_skip(s);
    push_and_expect(s, "a:60 b:200 c:10", "2 c7 @1 a\n");
    acknowledge(s, 2, 1, 1);
    tick_and_expect(s, "2 c7 @2 b\n");
    acknowledge(s, 2, 2, 1);
    tick_and_expect(s, "2 c7 @3 c\n");
    stage_close(s);
}

static void more_credit_brings_the_message_it_was_too_small_for(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 7, "q", 0, LOTS, 100);
    stage_skip(s);
    push_and_expect(s, "a:60 b:200", "2 c7 @1 a\n");
    stage_credit(s, 2, 7, 0, 160);
    stage_skip(s);
    tick_and_expect(s, "2 c7 @2 b\n");
    stage_close(s);
}

static void a_slice_holds_its_bytes_until_it_is_sent(void **state)
{
    (void)state;
    struct stage *s = open_with_two_consumers();
    push_and_expect(s, "a b", "2 c7 @1 a b\n");
    acknowledge(s, 2, 1, 2);
    assert_int_equal(engine_totals(s->engine).holds, 1);
    assert_true(engine_totals(s->engine).memory > 0);
    stage_sent(s, 2);
    stage_tick(s);
    assert_int_equal(engine_totals(s->engine).holds, 0);
    assert_int_equal(engine_totals(s->engine).memory, 0);
    stage_close(s);
}

static void messages_of_topics_go_out_in_the_order_of_publishing(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 2, 5, "t");
    stage_subscribe(s, 2, 6, "u");
    stage_skip(s);
    stage_publish(s, 1, "t", "a");
    stage_publish(s, 1, "u", "b c");
    stage_publish(s, 1, "t", "d");
    stage_expect(s, "1 #1 ok x4\n");
    tick_and_expect(s, "2 s5 a\n2 s6 b c\n2 s5 d\n");
    stage_close(s);
}

static void messages_of_topics_wait_for_a_reader_that_is_full(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 2, 5, "t");
    stage_subscribe(s, 3, 5, "t");
    stage_publish(s, 1, "t", "a:300000");
    stage_skip(s);
    tick_and_expect(s, "2 s5 a\n3 s5 a\n");
    stage_sent(s, 3);
    stage_publish(s, 1, "t", "b");
    stage_publish(s, 1, "t", "c");
    stage_skip(s);
    tick_and_expect(s, "3 s5 b c\n");
    stage_sent(s, 2);
    tick_and_expect(s, "2 s5 b c\n");
    stage_close(s);
}

static void messages_of_topics_wait_until_there_is_room(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 2, 5, "t");
    stage_publish(s, 1, "t", "a");
    stage_publish(s, 1, "t", "b:300000");
    stage_publish(s, 1, "t", "c");
    stage_skip(s);
    tick_and_expect(s, "2 s5 a\n2 s5 b\n");
    stage_sent_one(s, 2);
    tick_and_expect(s, "");
    stage_sent_one(s, 2);
    tick_and_expect(s, "2 s5 c\n");
    stage_close(s);
}

static void messages_of_queues_do_not_wait_for_messages_of_topics(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_subscribe(s, 2, 5, "t");
    stage_consume(s, 2, 7, "q", 0, LOTS, LOTS);
    stage_publish(s, 1, "t", "a:300000");
    stage_skip(s);
    tick_and_expect(s, "2 s5 a\n");
    push_and_expect(s, "b", "2 c7 @1 b\n");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_handed_out_before_the_tick),
        cmocka_unit_test(competing_consumers_get_fair_shares_in_stretches),
        cmocka_unit_test(a_few_messages_are_not_split_among_consumers),
        cmocka_unit_test(the_consumer_with_the_fewest_unsettled_is_next),
        cmocka_unit_test(the_equally_laden_take_turns),
        cmocka_unit_test(without_acks_consumers_take_turns_too),
        cmocka_unit_test(a_consumer_gets_no_more_than_its_credit),
        cmocka_unit_test(a_paused_queue_hands_nothing_out_until_it_is_resumed),
        cmocka_unit_test(messages_delivered_before_are_stretches_of_their_own),
        cmocka_unit_test(from_the_back_the_newest_come_first),
        cmocka_unit_test(one_takes_from_the_front_while_another_takes_from_the_back),
        cmocka_unit_test(a_consumer_that_does_not_read_is_given_no_more),
        cmocka_unit_test(one_message_may_pass_what_a_reader_may_have_unsent),
        cmocka_unit_test(others_take_what_a_full_reader_cannot),
        cmocka_unit_test(all_consumers_of_a_connection_go_on_when_it_has_room_again),
        cmocka_unit_test(consumers_of_one_connection_take_turns),
        cmocka_unit_test(whose_byte_credit_is_too_small_is_passed_over),
        cmocka_unit_test(a_message_that_nobodys_credit_holds_waits_for_an_acknowledgement),
        cmocka_unit_test(more_credit_brings_the_message_it_was_too_small_for),
        cmocka_unit_test(a_slice_holds_its_bytes_until_it_is_sent),
        cmocka_unit_test(messages_of_topics_go_out_in_the_order_of_publishing),
        cmocka_unit_test(messages_of_topics_wait_for_a_reader_that_is_full),
        cmocka_unit_test(messages_of_topics_wait_until_there_is_room),
        cmocka_unit_test(messages_of_queues_do_not_wait_for_messages_of_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

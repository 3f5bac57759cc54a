#include "core/stage.h"

#include "base/time.h"
#include "check.h"
#include "core/frames.h"
#include "frame/header.h"

#include <stdio.h>
#include <stdlib.h>

/* Peer 1 pushes and looks after queues, peer 2 consumes. */
enum { LOTS = 1000000 };

static struct stage *open(void)
{
    struct stage *stage = stage_open();
    stage_attach(stage, 1);
    stage_attach(stage, 2);
    return stage;
}

/* The same with a queue "q" of these settings. */
static struct stage *open_with(const char *settings)
{
    struct stage *stage = open();
    stage_settings(stage, 1, COMMAND_DECLARE, "q", settings);
    return stage;
}

/* Takes a message off a queue and settles it. */
static void take_and_settle(struct stage *stage, const char *queue, enum settle how)
{
    stage_consume(stage, 2, 99, queue, 0, 1, LOTS);
    stage_tick(stage);
    stage_settle(stage, 2, 99, 1, 1, how);
    stage_cancel(stage, 2, 99);
    stage_skip(stage);
}

/* Pushes words and rejects each. */
static void kill(struct stage *stage, const char *queue, const char *words)
{
    struct run run = frames_run(OP_PUSH, queue, words);
    stage_push(stage, 1, queue, words);
    for (uint32_t i = 0; i < run.count; i++)
        take_and_settle(stage, queue, SETTLE_REJECT);
    frames_free(&run);
}

/* How many of a queue's messages went to another, and how many away. */
static void expect_gone(struct stage *stage, const char *queue, uint64_t dead_lettered,
                        uint64_t discarded)
{
    assert_int_equal(stage_info(stage, queue, "dead-lettered"), dead_lettered);
    assert_int_equal(stage_info(stage, queue, "discarded"), discarded);
}

static void expect_queues(struct stage *stage, uint64_t count)
{
    stage_tick(stage);
    stage_skip(stage);
    assert_int_equal(engine_totals(stage->engine).queues, count);
}

static void what_is_rejected_goes_to_the_dead_with_its_reason(void **state)
{
    (void)state;
    struct stage *s = open();
    kill(s, "q", "a b");
    stage_expect_ready(s, "q.dead",
                       "a dead-reason=rejected dead-queue=q dead-deliveries=1 dead-times=1\n"
                       "b dead-reason=rejected dead-queue=q dead-deliveries=1 dead-times=1\n");
    assert_int_equal(stage_info(s, "q.dead", "accepted"), 2);
    assert_int_equal(stage_info(s, "q.dead", "declared"), 0);
    stage_close(s);
}

static void a_dead_letter_is_the_message_and_its_headers_byte_for_byte(void **state)
{
    (void)state;
    struct stage *s = open();
    unsigned char room[512];
    stage_push_headed(s, 1, "q", "ttl=90 x-a=b delay=0 reply-to=queue:r", "body");
    take_and_settle(s, "q", SETTLE_REJECT);
    stage_look(s, 1, COMMAND_PEEK, "q.dead", 9, false);
    size_t size = stage_answer(s, room, sizeof room);
    struct run expected = frames_headed(OP_PUSH, "q",
                                        "x-a=b reply-to=queue:r dead-reason=rejected dead-queue=q "
                                        "dead-deliveries=1 dead-times=1",
                                        "body");
    assert_int_equal(size, expected.size);
    assert_memory_equal(room, expected.data, size);
    frames_free(&expected);
    stage_close(s);
}

static void what_has_waited_too_long_goes_there_undelivered(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=5");
    stage_push(s, 1, "q", "a");
    stage_push_headed(s, 1, "q", "ttl=3", "b");
    stage_pass(s, 4);
    stage_expect_ready(s, "q.dead",
                       "b dead-reason=expired dead-queue=q dead-deliveries=0 dead-times=1\n");
    stage_pass(s, 1);
    assert_int_equal(stage_info(s, "q", "expired"), 2);
    assert_int_equal(stage_info(s, "q", "ready"), 0);
    assert_int_equal(stage_info(s, "q.dead", "ready"), 2);
    expect_gone(s, "q", 2, 0);
    stage_close(s);
}

static void what_comes_back_once_too_often_goes_there(void **state)
{
    (void)state;
    struct stage *s = open_with("delivery-limit=2");
    stage_push(s, 1, "q", "a");
    take_and_settle(s, "q", SETTLE_RETURN);
    assert_int_equal(stage_info(s, "q", "ready"), 1);
    take_and_settle(s, "q", SETTLE_RETURN);
    stage_expect_ready(s, "q.dead",
                       "a dead-reason=deliveries dead-queue=q dead-deliveries=2 dead-times=1\n");
    assert_int_equal(stage_info(s, "q", "exhausted"), 1);
    assert_int_equal(stage_info(s, "q", "returned"), 2);
    assert_int_equal(stage_info(s, "q", "delivered"), 2);
    stage_close(s);
}

static void sixteen_deliveries_are_enough_by_default(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push(s, 1, "q", "a");
    for (int i = 0; i < 15; i++)
        take_and_settle(s, "q", SETTLE_RETURN);
    assert_int_equal(stage_info(s, "q", "ready"), 1);
    take_and_settle(s, "q", SETTLE_RETURN);
    assert_int_equal(stage_info(s, "q.dead", "ready"), 1);
    stage_close(s);
}

static void without_a_limit_a_message_comes_back_for_ever(void **state)
{
    (void)state;
    struct stage *s = open_with("delivery-limit=0");
    stage_push(s, 1, "q", "a");
    for (int i = 0; i < 100; i++)
        take_and_settle(s, "q", SETTLE_RETURN);
    assert_int_equal(stage_info(s, "q", "ready"), 1);
    stage_close(s);
}

static void a_delayed_return_is_one_delivery_more_too(void **state)
{
    (void)state;
    struct stage *s = open_with("delivery-limit=2");
    stage_push(s, 1, "q", "a");
    for (int i = 0; i < 2; i++) {
        stage_consume(s, 2, 7, "q", 0, 1, LOTS);
        stage_tick(s);
        stage_return(s, 2, 7, 1, 1, 5);
        stage_cancel(s, 2, 7);
        stage_pass(s, 5);
    }
    assert_int_equal(stage_info(s, "q", "exhausted"), 1);
    assert_int_equal(stage_info(s, "q.dead", "ready"), 1);
    stage_close(s);
}

static void who_hangs_up_with_it_delivers_it_once_too_often(void **state)
{
    (void)state;
    struct stage *s = open_with("delivery-limit=1");
    stage_push(s, 1, "q", "a b");
    stage_consume(s, 2, 7, "q", 0, 1, LOTS);
    stage_tick(s);
    stage_skip(s);
    stage_detach(s, 2);
    assert_int_equal(stage_info(s, "q", "exhausted"), 1);
    stage_expect_ready(s, "q.dead",
                       "a dead-reason=deliveries dead-queue=q dead-deliveries=1 dead-times=1\n");
    stage_close(s);
}

static void what_makes_room_goes_there(void **state)
{
    (void)state;
    struct stage *s = open_with("max-messages=2 when-full=drop-oldest");
    stage_push(s, 1, "q", "a b");
    take_and_settle(s, "q", SETTLE_RETURN);
    stage_push(s, 1, "q", "c");
    stage_expect_ready(s, "q.dead",
                       "a dead-reason=overflow dead-queue=q dead-deliveries=1 dead-times=1\n");
    assert_int_equal(stage_info(s, "q", "overflowed"), 1);
    expect_gone(s, "q", 1, 0);
    stage_close(s);
}

static void who_waits_at_the_dead_is_given_them_in_the_same_tick(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=5");
    stage_consume(s, 2, 8, "q.dead", 0, LOTS, LOTS);
    stage_push(s, 1, "q", "a");
    stage_tick(s);
    stage_skip(s);
    stage_pass(s, 5);
    stage_expect(s, "2 c8 @1 a\n");
    stage_close(s);
}

static void a_queue_may_name_another_for_its_dead(void **state)
{
    (void)state;
    struct stage *s = open_with("dead-letter=morgue");
    kill(s, "q", "a");
    stage_expect_ready(s, "morgue",
                       "a dead-reason=rejected dead-queue=q dead-deliveries=1 dead-times=1\n");
    expect_queues(s, 2);
    stage_close(s);
}

static void without_a_queue_for_them_the_dead_are_discarded(void **state)
{
    (void)state;
    struct stage *s = open_with("dead-letter=");
    kill(s, "q", "a b");
    expect_gone(s, "q", 0, 2);
    assert_int_equal(stage_info(s, "q", "rejected"), 2);
    expect_queues(s, 1);
    stage_close(s);
}

static void the_dead_of_the_dead_are_discarded(void **state)
{
    (void)state;
    struct stage *s = open();
    kill(s, "q.dead", "a");
    expect_queues(s, 0);
    kill(s, ".dead", "a");
    expect_queues(s, 0);
    stage_settings(s, 1, COMMAND_DECLARE, "p.dead", "dead-letter=morgue");
    kill(s, "p.dead", "a");
    assert_int_equal(stage_info(s, "morgue", "ready"), 1);
    stage_close(s);
}

static void a_name_too_long_for_its_ending_has_no_queue_for_its_dead(void **state)
{
    (void)state;
    struct stage *s = open();
    char name[FRAME_NAME_MAX + 1] = "";
    memset(name, 'n', FRAME_NAME_MAX - 4);
    kill(s, name, "a");
    expect_queues(s, 0);
    name[FRAME_NAME_MAX - 5] = '\0';
    kill(s, name, "a");
    expect_queues(s, 1);
    stage_close(s);
}

static void a_queue_that_is_full_takes_no_dead(void **state)
{
    (void)state;
    struct stage *s = open_with("");
    stage_settings(s, 1, COMMAND_DECLARE, "q.dead", "max-messages=1");
    kill(s, "q", "a b");
    expect_gone(s, "q", 1, 1);
    stage_settings(s, 1, COMMAND_SET, "q.dead", "when-full=hold");
    kill(s, "q", "c");
    expect_gone(s, "q", 1, 2);
    assert_int_equal(stage_info(s, "q.dead", "waiting"), 0);
    stage_close(s);
}

static void a_queue_that_drops_its_oldest_discards_them_for_the_dead(void **state)
{
    (void)state;
    struct stage *s = open_with("");
    stage_settings(s, 1, COMMAND_DECLARE, "q.dead",
                   "max-messages=2 when-full=drop-oldest dead-letter=morgue");
    kill(s, "q", "a b c");
    expect_gone(s, "q", 3, 0);
    expect_gone(s, "q.dead", 0, 1);
    stage_expect_ready(s, "q.dead",
                       "b dead-reason=rejected dead-queue=q dead-deliveries=1 dead-times=1\n"
                       "c dead-reason=rejected dead-queue=q dead-deliveries=1 dead-times=1\n");
    expect_queues(s, 2);
    stage_close(s);
}

/* It grows as it dies, so that it does not fit where it did. */
static void a_dead_letter_larger_than_the_whole_bound_is_discarded(void **state)
{
    (void)state;
    struct stage *s = open_with("");
    stage_settings(s, 1, COMMAND_DECLARE, "q.dead", "max-bytes=100 when-full=drop-oldest");
    stage_push(s, 1, "q.dead", "x:90");
    kill(s, "q", "a:90");
    expect_gone(s, "q", 0, 1);
    assert_int_equal(stage_info(s, "q.dead", "ready"), 1);
    stage_close(s);
}

static void a_loop_ends_with_the_sixteenth_death(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_settings(s, 1, COMMAND_DECLARE, "a", "dead-letter=b");
    stage_settings(s, 1, COMMAND_DECLARE, "b", "dead-letter=a");
    stage_push(s, 1, "a", "x");
    for (int death = 0; death < 16; death++)
        take_and_settle(s, death % 2 ? "b" : "a", SETTLE_REJECT);
    stage_expect_ready(s, "a",
                       "x dead-reason=rejected dead-queue=b dead-deliveries=1 dead-times=16\n");
    take_and_settle(s, "a", SETTLE_REJECT);
    assert_int_equal(stage_info(s, "a", "ready") + stage_info(s, "b", "ready"), 0);
    expect_gone(s, "a", 8, 1);
    expect_gone(s, "b", 8, 0);
    stage_close(s);
}

static void a_queue_may_be_its_own_queue_for_the_dead(void **state)
{
    (void)state;
    struct stage *s = open_with("dead-letter=q ttl=5");
    stage_push(s, 1, "q", "a");
    stage_pass(s, 5);
    stage_expect_ready(s, "q",
                       "a dead-reason=expired dead-queue=q dead-deliveries=0 dead-times=1\n");
    for (int death = 1; death < 17; death++)
        stage_pass(s, 5);
    assert_int_equal(stage_info(s, "q", "ready"), 0);
    expect_gone(s, "q", 16, 1);
    stage_close(s);
}

/* Both happen when something dies in "q": its letter comes to where another one's time is over. */
static void what_expires_while_the_dead_are_brought_is_no_less_dead(void **state)
{
    (void)state;
    struct stage *s = open_with("dead-letter=d");
    stage_settings(s, 1, COMMAND_DECLARE, "d", "dead-letter=e ttl=5");
    stage_push(s, 1, "d", "old");
    stage_push(s, 1, "q", "new");
    stage_consume(s, 2, 7, "q", 0, 1, LOTS);
    stage_tick(s);
    s->now += 5 * NS_PER_MS;
    stage_settle(s, 2, 7, 1, 1, SETTLE_REJECT);
    stage_expect_ready(s, "e",
                       "old dead-reason=expired dead-queue=d dead-deliveries=0 dead-times=1\n");
    expect_gone(s, "d", 1, 0);
    stage_close(s);
}

/* Also when nothing but the question finds that its time is over. */
static void a_dead_letter_is_never_told_as_discarded(void **state)
{
    (void)state;
    unsigned char record[2048], info[2048];
    struct stage *s = open_with("ttl=5");
    stage_push(s, 1, "q", "a b");
    stage_tick(s);
    s->now += 5 * NS_PER_MS;
    expect_gone(s, "q", 2, 0);
    stage_push(s, 1, "q", "c");
    stage_tick(s);
    s->now += 5 * NS_PER_MS;
    stage_look(s, 1, COMMAND_LIST, "", 1, false);
    size_t size = stage_answer(s, record, sizeof record);
    stage_name(s, 1, COMMAND_INFO, "q");
    assert_int_equal(stage_answer(s, info, sizeof info), size - 4);
    assert_memory_equal(record + 4, info, size - 4);
    stage_close(s);
}

static void what_has_died_goes_where_it_was_to_go_then(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=5");
    stage_push(s, 1, "q", "a");
    stage_tick(s);
    s->now += 5 * NS_PER_MS;
    stage_settings(s, 1, COMMAND_SET, "q", "dead-letter=other");
    stage_tick(s);
    assert_int_equal(stage_info(s, "q.dead", "ready"), 1);
    stage_close(s);
}

/* No tick has come between. */
static void who_looks_at_a_queue_sees_where_its_dead_went(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=5");
    stage_push(s, 1, "q", "a");
    stage_tick(s);
    s->now += 5 * NS_PER_MS;
    expect_gone(s, "q", 1, 0);
    stage_push(s, 1, "q", "b");
    stage_tick(s);
    s->now += 5 * NS_PER_MS;
    unsigned char room[2048];
    char text[2048];
    stage_look(s, 1, COMMAND_LIST, "", 1, false);
    stage_answer(s, room, sizeof room);
    frames_tell_fields(bytes_of(room + 4, load_u32(room) - 4), text, sizeof text);
    assert_non_null(strstr(text, "name=q "));
    assert_non_null(strstr(text, " dead-lettered=2 discarded=0 "));
    stage_close(s);
}

static void deleting_a_queue_discards_what_it_holds(void **state)
{
    (void)state;
    struct stage *s = open_with("delivery-limit=1");
    stage_push(s, 1, "q", "a b c");
    stage_push_headed(s, 1, "q", "delay=5", "d");
    stage_consume(s, 2, 7, "q", 0, 2, LOTS);
    stage_tick(s);
    stage_name(s, 1, COMMAND_DELETE, "q");
    expect_queues(s, 0);
    stage_pass(s, 5);
    expect_queues(s, 0);
    stage_close(s);
}

static void what_has_expired_by_then_is_not_deleted_but_dead(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=5");
    stage_push(s, 1, "q", "a");
    stage_tick(s);
    s->now += 5 * NS_PER_MS;
    stage_name(s, 1, COMMAND_DELETE, "q");
    stage_expect_ready(s, "q.dead",
                       "a dead-reason=expired dead-queue=q dead-deliveries=0 dead-times=1\n");
    stage_close(s);
}

static void purging_a_queue_discards_what_waits_in_it(void **state)
{
    (void)state;
    struct stage *s = open_with("");
    stage_push(s, 1, "q", "a b");
    stage_push_headed(s, 1, "q", "delay=5", "c");
    stage_name(s, 1, COMMAND_PURGE, "q");
    expect_gone(s, "q", 0, 3);
    expect_queues(s, 1);
    stage_close(s);
}

/* Redrives and sees how many were moved, and whether some are left. */
static void redrive_and_expect(struct stage *stage, const char *queue, uint32_t count,
                               const char *to, uint64_t expected, bool has_more)
{
    uint64_t moved;
    stage_skip(stage);
    stage_redrive(stage, 1, queue, count, to);
    assert_int_equal(stage->outbox.effects[stage->outbox.count - 1].has_more, has_more);
    assert_int_equal(stage_answer(stage, &moved, sizeof moved), sizeof moved);
    assert_int_equal(moved, expected);
}

static void redriving_brings_each_back_to_where_it_was(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_settings(s, 1, COMMAND_DECLARE, "p", "dead-letter=morgue");
    stage_settings(s, 1, COMMAND_DECLARE, "q", "dead-letter=morgue");
    kill(s, "q", "a");
    kill(s, "p", "b");
    stage_push(s, 1, "q", "c");
    redrive_and_expect(s, "morgue", 0, "", 2, false);
    stage_expect_ready(s, "q", "c\na dead-times=1\n");
    stage_expect_ready(s, "p", "b dead-times=1\n");
    expect_queues(s, 2);
    stage_close(s);
}

static void what_is_redriven_was_acknowledged_where_it_was(void **state)
{
    (void)state;
    struct stage *s = open_with("");
    stage_settings(s, 1, COMMAND_DECLARE, "q.dead", "");
    kill(s, "q", "a b");
    redrive_and_expect(s, "q.dead", 0, "", 2, false);
    assert_int_equal(stage_info(s, "q.dead", "acknowledged"), 2);
    assert_int_equal(stage_info(s, "q.dead", "delivered"), 2);
    assert_int_equal(stage_info(s, "q", "accepted"), 4);
    stage_close(s);
}

static void redriving_takes_from_the_front_as_many_as_it_is_told(void **state)
{
    (void)state;
    struct stage *s = open();
    kill(s, "q", "a b c");
    redrive_and_expect(s, "q.dead", 2, "", 2, true);
    stage_expect_ready(s, "q", "a dead-times=1\nb dead-times=1\n");
    redrive_and_expect(s, "q.dead", 2, "", 1, false);
    stage_close(s);
}

static void redriving_may_name_another_queue(void **state)
{
    (void)state;
    struct stage *s = open();
    kill(s, "q", "a");
    stage_push(s, 1, "q.dead", "never-dead");
    redrive_and_expect(s, "q.dead", 0, "elsewhere", 2, false);
    stage_expect_ready(s, "elsewhere", "a dead-times=1\nnever-dead\n");
    stage_close(s);
}

static void redriving_stops_where_there_is_no_room(void **state)
{
    (void)state;
    struct stage *s = open_with("max-messages=2");
    kill(s, "q", "a");
    kill(s, "q", "b");
    stage_push(s, 1, "q", "c");
    redrive_and_expect(s, "q.dead", 0, "", 1, true);
    redrive_and_expect(s, "q.dead", 0, "", 0, true);
    stage_expect_ready(s, "q", "c\na dead-times=1\n");
    assert_int_equal(stage_info(s, "q", "refused"), 0);
    stage_close(s);
}

static void redriving_stops_at_what_was_nowhere(void **state)
{
    (void)state;
    struct stage *s = open();
    kill(s, "q", "a");
    stage_push(s, 1, "q.dead", "never-dead");
    kill(s, "q", "b");
    redrive_and_expect(s, "q.dead", 0, "", 1, true);
    assert_int_equal(stage_info(s, "q.dead", "ready"), 2);
    stage_close(s);
}

static void redriving_a_queue_into_itself_moves_nothing(void **state)
{
    (void)state;
    struct stage *s = open_with("dead-letter=q");
    stage_push(s, 1, "q", "a b");
    redrive_and_expect(s, "q", 0, "q", 0, true);
    take_and_settle(s, "q", SETTLE_REJECT);
    take_and_settle(s, "q", SETTLE_REJECT);
    redrive_and_expect(s, "q", 0, "", 0, true);
    assert_int_equal(stage_info(s, "q", "ready"), 2);
    stage_close(s);
}

static void only_what_is_ready_is_redriven(void **state)
{
    (void)state;
    struct stage *s = open();
    kill(s, "q", "a b");
    stage_push_headed(s, 1, "q.dead", "delay=5 dead-queue=q", "c");
    stage_consume(s, 2, 7, "q.dead", 0, 1, LOTS);
    stage_tick(s);
    redrive_and_expect(s, "q.dead", 0, "", 1, false);
    stage_expect_ready(s, "q", "b dead-times=1\n");
    stage_close(s);
}

static void redriving_what_is_not_there_is_refused(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_redrive(s, 1, "q.dead", 0, "");
    stage_expect(s, "1 #1 no queue of that name\n");
    stage_close(s);
}

static void what_is_redriven_may_die_again(void **state)
{
    (void)state;
    struct stage *s = open();
    kill(s, "q", "a");
    redrive_and_expect(s, "q.dead", 0, "", 1, false);
    take_and_settle(s, "q", SETTLE_REJECT);
    stage_expect_ready(s, "q.dead",
                       "a dead-reason=rejected dead-queue=q dead-deliveries=1 dead-times=2\n");
    stage_close(s);
}

/* What they push out comes behind them: it is not redriven in its turn, and not what is left. */
static void redriving_into_a_queue_that_drops_its_oldest_ends(void **state)
{
    (void)state;
    struct stage *s = open_with("max-messages=1 when-full=drop-oldest");
    kill(s, "q", "a");
    kill(s, "q", "b");
    stage_push(s, 1, "q", "z");
    redrive_and_expect(s, "q.dead", 0, "", 2, false);
    stage_expect_ready(s, "q", "b dead-times=1\n");
    stage_expect_ready(s, "q.dead",
                       "z dead-reason=overflow dead-queue=q dead-deliveries=0 dead-times=1\n"
                       "a dead-reason=overflow dead-queue=q dead-deliveries=0 dead-times=2\n");
    stage_close(s);
}

static void redriving_moves_ten_thousand_at_once_at_most(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_push_alike(s, 1, "q", 10001, 20);
    redrive_and_expect(s, "q", 0, "r", 10000, true);
    redrive_and_expect(s, "q", 0, "r", 1, false);
    stage_close(s);
}

static void what_is_redriven_is_handed_out_in_the_next_tick(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_consume(s, 2, 8, "r", 0, LOTS, LOTS);
    stage_push(s, 1, "q", "a");
    redrive_and_expect(s, "q", 0, "r", 1, false);
    stage_tick(s);
    stage_expect(s, "2 c8 @1 a\n");
    stage_close(s);
}

static void the_dead_of_one_queue_do_not_hurry_those_of_the_next(void **state)
{
    (void)state;
    struct stage *s = open();
    stage_settings(s, 1, COMMAND_DECLARE, "d", "ttl=1000 dead-letter=");
    stage_settings(s, 1, COMMAND_DECLARE, "e", "ttl=1000 dead-letter=d");
    for (int i = 0; i < 6; i++)
        stage_push_alike(s, 1, "d", AGED_MAX, 10);
    stage_push(s, 1, "e", "a b c");
    stage_tick(s);
    stage_skip(s);
    s->now += ns_of_ms(1000);
    engine_tick(s->engine, s->now, &s->outbox);
    assert_int_equal(engine_totals(s->engine).ready, 3 * AGED_MAX + 3); /* "d" is tended twice */
    while (engine_deadline(s->engine) <= s->now)
        engine_tick(s->engine, s->now, &s->outbox);
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_rejected_goes_to_the_dead_with_its_reason),
        cmocka_unit_test(a_dead_letter_is_the_message_and_its_headers_byte_for_byte),
        cmocka_unit_test(what_has_waited_too_long_goes_there_undelivered),
        cmocka_unit_test(what_comes_back_once_too_often_goes_there),
        cmocka_unit_test(sixteen_deliveries_are_enough_by_default),
        cmocka_unit_test(without_a_limit_a_message_comes_back_for_ever),
        cmocka_unit_test(a_delayed_return_is_one_delivery_more_too),
        cmocka_unit_test(who_hangs_up_with_it_delivers_it_once_too_often),
        cmocka_unit_test(what_makes_room_goes_there),
        cmocka_unit_test(who_waits_at_the_dead_is_given_them_in_the_same_tick),
        cmocka_unit_test(a_queue_may_name_another_for_its_dead),
        cmocka_unit_test(without_a_queue_for_them_the_dead_are_discarded),
        cmocka_unit_test(the_dead_of_the_dead_are_discarded),
        cmocka_unit_test(a_name_too_long_for_its_ending_has_no_queue_for_its_dead),
        cmocka_unit_test(a_queue_that_is_full_takes_no_dead),
        cmocka_unit_test(a_queue_that_drops_its_oldest_discards_them_for_the_dead),
        cmocka_unit_test(a_dead_letter_larger_than_the_whole_bound_is_discarded),
        cmocka_unit_test(a_loop_ends_with_the_sixteenth_death),
        cmocka_unit_test(a_queue_may_be_its_own_queue_for_the_dead),
        cmocka_unit_test(what_expires_while_the_dead_are_brought_is_no_less_dead),
        cmocka_unit_test(a_dead_letter_is_never_told_as_discarded),
        cmocka_unit_test(what_has_died_goes_where_it_was_to_go_then),
        cmocka_unit_test(who_looks_at_a_queue_sees_where_its_dead_went),
        cmocka_unit_test(deleting_a_queue_discards_what_it_holds),
        cmocka_unit_test(what_has_expired_by_then_is_not_deleted_but_dead),
        cmocka_unit_test(purging_a_queue_discards_what_waits_in_it),
        cmocka_unit_test(redriving_brings_each_back_to_where_it_was),
        cmocka_unit_test(what_is_redriven_was_acknowledged_where_it_was),
        cmocka_unit_test(redriving_takes_from_the_front_as_many_as_it_is_told),
        cmocka_unit_test(redriving_may_name_another_queue),
        cmocka_unit_test(redriving_stops_where_there_is_no_room),
        cmocka_unit_test(redriving_stops_at_what_was_nowhere),
        cmocka_unit_test(redriving_a_queue_into_itself_moves_nothing),
        cmocka_unit_test(only_what_is_ready_is_redriven),
        cmocka_unit_test(redriving_what_is_not_there_is_refused),
        cmocka_unit_test(what_is_redriven_may_die_again),
        cmocka_unit_test(redriving_into_a_queue_that_drops_its_oldest_ends),
        cmocka_unit_test(redriving_moves_ten_thousand_at_once_at_most),
        cmocka_unit_test(what_is_redriven_is_handed_out_in_the_next_tick),
        cmocka_unit_test(the_dead_of_one_queue_do_not_hurry_those_of_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

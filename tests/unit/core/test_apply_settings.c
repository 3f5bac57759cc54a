#include "core/stage.h"

#include "base/time.h"
#include "check.h"
#include "core/frames.h"
#include "seed.h"

#include <stdio.h>

/* Peers 1 and 2 push, peer 3 consumes. */
enum { LOTS = 1000000 };

static struct random seed;

static struct stage *open_with(const char *settings)
{
    struct stage *stage = stage_open();
    for (uint32_t peer = 1; peer <= 3; peer++)
        stage_attach(stage, peer);
    stage_settings(stage, 3, COMMAND_DECLARE, "q", settings);
    stage_skip(stage);
    return stage;
}

static void set(struct stage *stage, const char *settings)
{
    stage_settings(stage, 3, COMMAND_SET, "q", settings);
    stage_skip(stage);
}

static void tick_and_expect(struct stage *stage, const char *expected)
{
    stage_tick(stage);
    stage_expect(stage, expected);
}

static void what_is_declared_is_told(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=18446744073709551615 lease-max=18446744073709551615 "
                                "max-messages=18446744073709551615 delivery-limit=65535 "
                                "max-bytes=18446744073709551615 when-full=drop-oldest");
    assert_true(stage_info(s, "q", "ttl") == UINT64_MAX);
    assert_true(stage_info(s, "q", "lease-max") == UINT64_MAX);
    assert_true(stage_info(s, "q", "max-messages") == UINT64_MAX);
    assert_true(stage_info(s, "q", "max-bytes") == UINT64_MAX);
    assert_int_equal(stage_info(s, "q", "delivery-limit"), 65535);
    stage_push(s, 1, "q", "a");
    stage_consume(s, 3, 7, "q", 0, 1, LOTS);
    stage_pass(s, UINT32_MAX);
    assert_int_equal(stage_info(s, "q", "leased"), 1);
    stage_close(s);
}

static void declaring_again_with_what_holds_is_done(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=5");
    static const char *const same[] = {
        "",
        "ttl=5",
        "lease-max=0",
        "delivery-limit=16",
        "when-full=refuse",
        "dead-letter=q.dead",
        "max-messages=10000000 max-bytes=1073741824",
        "pop-lease=none",
    };
    for (int i = 0; i < 8; i++)
        stage_settings(s, 1, COMMAND_DECLARE, "q", same[i]);
    stage_expect(s, "1 #1 ok x8\n");
    stage_close(s);
}

static void declaring_again_with_any_other_setting_is_refused(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=5");
    static const char *const others[] = {
        "ttl=6",         "ttl=0",        "lease-max=1", "delivery-limit=0", "when-full=hold",
        "dead-letter=r", "dead-letter=", "max-bytes=9", "max-messages=9",   "pop-lease=connection",
    };
    for (int i = 0; i < 10; i++)
        stage_settings(s, 1, COMMAND_DECLARE, "q", others[i]);
    stage_expect(s, "1 #1 the queue is declared with other settings x10\n");
    stage_close(s);
}

static void a_queue_without_dead_letters_is_declared_so_again(void **state)
{
    (void)state;
    struct stage *s = open_with("dead-letter=");
    stage_settings(s, 1, COMMAND_DECLARE, "q", "dead-letter=");
    stage_settings(s, 1, COMMAND_DECLARE, "q", "dead-letter=q.dead");
    stage_settings(s, 1, COMMAND_DECLARE, "r.dead", "");
    stage_settings(s, 1, COMMAND_DECLARE, "r.dead", "dead-letter=");
    stage_expect(s, "1 #1 ok\n1 #2 the queue is declared with other settings\n1 #3 ok x2\n");
    stage_close(s);
}

static void setting_a_queue_that_is_not_there_is_refused(void **state)
{
    (void)state;
    struct stage *s = open_with("");
    stage_settings(s, 1, COMMAND_SET, "r", "ttl=5");
    stage_expect(s, "1 #1 no queue of that name\n");
    assert_int_equal(engine_totals(s->engine).queues, 1);
    stage_close(s);
}

static void only_what_is_given_is_set(void **state)
{
    (void)state;
    struct stage *s = open_with("ttl=500 max-messages=7");
    set(s, "lease-max=9");
    set(s, "");
    assert_int_equal(stage_info(s, "q", "ttl"), 500);
    assert_int_equal(stage_info(s, "q", "max-messages"), 7);
    assert_int_equal(stage_info(s, "q", "lease-max"), 9);
    stage_close(s);
}

static void what_is_set_holds_until_an_undeclared_queue_goes(void **state)
{
    (void)state;
    struct stage *s = open_with("");
    stage_push(s, 1, "r", "a");
    stage_settings(s, 1, COMMAND_SET, "r", "max-messages=1");
    stage_push(s, 1, "r", "b");
    stage_expect(s, "1 #1 ok x2\n1 #3 the queue is full\n");
    stage_name(s, 1, COMMAND_PURGE, "r");
    stage_tick(s);
    stage_push(s, 1, "r", "c d");
    assert_int_equal(stage_info(s, "r", "ready"), 2);
    stage_close(s);
}

static void a_new_ttl_holds_for_what_waits(void **state)
{
    (void)state;
    struct stage *s = open_with("");
    stage_push(s, 1, "q", "a");
    stage_tick(s);
    stage_pass(s, 20);
    set(s, "ttl=30");
    stage_tick(s);
    assert_true(engine_deadline(s->engine) == 30 * NS_PER_MS);
    set(s, "ttl=10");
    stage_tick(s);
    assert_int_equal(stage_info(s, "q", "expired"), 1);
    stage_close(s);
}

static void a_smaller_bound_discards_nothing(void **state)
{
    (void)state;
    struct stage *s = open_with("");
    stage_push(s, 1, "q", "a b c");
    set(s, "max-messages=1 when-full=drop-oldest");
    tick_and_expect(s, "");
    assert_int_equal(stage_info(s, "q", "ready"), 3);
    stage_push(s, 1, "q", "d");
    assert_int_equal(stage_info(s, "q", "ready"), 1);
    stage_close(s);
}

static void a_larger_bound_lets_those_in_who_wait(void **state)
{
    (void)state;
    struct stage *s = open_with("max-messages=1 when-full=hold");
    stage_push(s, 1, "q", "a b c d");
    stage_skip(s);
    set(s, "max-messages=3");
    tick_and_expect(s, "1 #2 ok x2\n");
    assert_int_equal(stage_info(s, "q", "waiting"), 1);
    stage_close(s);
}

static void who_waits_gets_in_once_the_oldest_make_room(void **state)
{
    (void)state;
    struct stage *s = open_with("max-messages=2 when-full=hold");
    stage_push(s, 1, "q", "a b c");
    stage_push(s, 2, "q", "d e");
    stage_skip(s);
    set(s, "when-full=drop-oldest");
    stage_push(s, 1, "q", "f"); /* behind them */
    tick_and_expect(s, "1 #3 ok\n2 #1 ok x2\n1 #4 ok\n");
    stage_expect_ready(s, "q", "e\nf\n");
    assert_int_equal(stage_info(s, "q", "overflowed"), 4);
    assert_int_equal(stage_info(s, "q.dead", "ready"), 4);
    stage_close(s);
}

static void who_waits_goes_on_waiting_when_the_queue_refuses(void **state)
{
    (void)state;
    struct stage *s = open_with("max-messages=1 when-full=hold");
    stage_push(s, 1, "q", "a b");
    stage_skip(s);
    set(s, "when-full=refuse");
    stage_push(s, 2, "q", "c");
    tick_and_expect(s, "2 #1 the queue is full\n");
    stage_consume(s, 3, 7, "q", CONSUME_NO_ACK, 1, LOTS);
    stage_skip(s);
    tick_and_expect(s, "3 c7 @1 a\n1 #2 ok\n");
    stage_close(s);
}

static void who_waits_with_more_than_the_new_bound_is_refused(void **state)
{
    (void)state;
    struct stage *s = open_with("max-bytes=100 when-full=hold");
    stage_push(s, 1, "q", "a:90");
    stage_push(s, 1, "q", "b:80 c:20 d:80");
    stage_skip(s);
    set(s, "max-bytes=50 when-full=drop-oldest");
    tick_and_expect(s, "1 #2 the queue is full\n1 #3 ok\n1 #4 the queue is full\n");
    stage_expect_ready(s, "q", "c\n");
    assert_int_equal(stage_info(s, "q", "refused"), 2);
    assert_int_equal(stage_info(s, "q", "waiting"), 0);
    stage_close(s);
}

static void a_new_longest_time_holds_for_leases_that_last(void **state)
{
    (void)state;
    struct stage *s = open_with("");
    stage_push(s, 1, "q", "a");
    stage_consume(s, 3, 7, "q", 0, 1, LOTS);
    stage_tick(s);
    stage_pass(s, 20);
    stage_skip(s);
    set(s, "lease-max=30");
    tick_and_expect(s, "");
    set(s, "lease-max=20");
    tick_and_expect(s, "3 c7 lost @1 x1\n");
    stage_close(s);
}

static void a_lower_limit_counts_deliveries_that_were(void **state)
{
    (void)state;
    struct stage *s = open_with("delivery-limit=0");
    stage_push(s, 1, "q", "a");
    stage_consume(s, 3, 7, "q", 0, LOTS, LOTS);
    for (uint64_t tag = 1; tag <= 5; tag++) {
        stage_tick(s);
        stage_settle(s, 3, 7, tag, 1, SETTLE_RETURN);
    }
    set(s, "delivery-limit=3");
    stage_tick(s);
    assert_int_equal(stage_info(s, "q", "leased"), 1); /* it is delivered once more */
    stage_settle(s, 3, 7, 6, 1, SETTLE_RETURN);
    assert_int_equal(stage_info(s, "q", "exhausted"), 1);
    stage_close(s);
}

static void with_nothing_ready_to_drop_a_push_is_refused(void **state)
{
    (void)state;
    struct stage *s = open_with("max-messages=2 when-full=drop-oldest");
    stage_push(s, 1, "q", "a");
    stage_push_headed(s, 1, "q", "delay=5", "b");
    stage_consume(s, 3, 7, "q", 0, 1, LOTS);
    stage_tick(s);
    stage_skip(s);
    stage_push(s, 1, "q", "c");
    stage_expect(s, "1 #3 the queue is full\n");
    stage_close(s);
}

/* What is leased leaves too little room, whoever went. */
static void the_oldest_do_not_go_in_vain(void **state)
{
    (void)state;
    struct stage *s = open_with("max-messages=9 max-bytes=100 when-full=drop-oldest");
    stage_push(s, 1, "q", "a:30 b:30 c:30");
    stage_consume(s, 3, 7, "q", 0, 1, LOTS);
    stage_tick(s);
    stage_skip(s);
    stage_push(s, 1, "q", "d:71");
    stage_expect(s, "1 #4 the queue is full\n");
    stage_expect_ready(s, "q", "b\nc\n");
    stage_push(s, 1, "q", "e:70");
    stage_expect_ready(s, "q", "e\n");
    stage_close(s);
}

static void the_oldest_do_not_go_for_what_would_never_fit(void **state)
{
    (void)state;
    struct stage *s = open_with("max-messages=3 max-bytes=100 when-full=drop-oldest");
    stage_push(s, 1, "q", "a:30 b:30 c:30");
    stage_push(s, 1, "q", "d:101");
    stage_push(s, 1, "q", "e:30 f:101 g:101");
    stage_expect(s, "1 #1 ok x3\n1 #4 the queue is full\n1 #5 ok\n1 #6 the queue is full x2\n");
    stage_expect_ready(s, "q", "b\nc\ne\n");
    stage_close(s);
}

/* The queue as it is said to be. */
enum { KEPT_MAX = 64, COUNT_MAX = 12, SIZE_MAX_BYTES = 400 };

struct naive {
    struct {
        unsigned number;
        uint32_t size;
        bool is_leased;
    } kept[KEPT_MAX];
    uint32_t count;
    uint64_t tag; /* of the oldest lease: leases are settled in order */
    uint64_t overflowed, refused;
};

static uint32_t naive_size(const struct naive *naive, bool is_leased_alone)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < naive->count; i++)
        size += naive->kept[i].is_leased || !is_leased_alone ? naive->kept[i].size : 0;
    return size;
}

static uint32_t naive_leased(const struct naive *naive)
{
    uint32_t leased = 0;
    while (leased < naive->count && naive->kept[leased].is_leased)
        leased++;
    return leased;
}

static void naive_drop(struct naive *naive, uint32_t at)
{
    naive->count--;
    memmove(naive->kept + at, naive->kept + at + 1, (naive->count - at) * sizeof *naive->kept);
}

static void naive_push(struct naive *naive, unsigned number, uint32_t size)
{
    uint32_t leased = naive_leased(naive);
    if (leased == COUNT_MAX || naive_size(naive, true) + size > SIZE_MAX_BYTES) {
        naive->refused++;
        return;
    }
    for (; naive->count == COUNT_MAX || naive_size(naive, false) + size > SIZE_MAX_BYTES;
         naive->overflowed++)
        naive_drop(naive, leased);
    naive->kept[naive->count].number = number;
    naive->kept[naive->count].is_leased = false;
    naive->kept[naive->count++].size = size;
}

/* Leases one more from the front, or acknowledges the oldest lease. */
static void work(struct stage *stage, struct naive *naive)
{
    uint32_t leased = naive_leased(naive);
    if (random_below(&seed, 2) && leased < naive->count) {
        naive->kept[leased].is_leased = true;
        stage_credit(stage, 3, 7, 1, LOTS);
        stage_tick(stage);
        stage_sent(stage, 3);
    } else if (leased > 0) {
        naive_drop(naive, 0);
        stage_settle(stage, 3, 7, ++naive->tag, 1, SETTLE_ACKNOWLEDGE);
    }
    stage_skip(stage);
}

/* A size that is small, or near the bound, or over it. */
static uint32_t any_size(void)
{
    uint64_t what = random_below(&seed, 20);
    return what == 0   ? SIZE_MAX_BYTES + (uint32_t)random_below(&seed, 3)
           : what == 1 ? SIZE_MAX_BYTES - 50
           : what < 10 ? 16 + (uint32_t)random_below(&seed, 20)
                       : 16 + (uint32_t)random_below(&seed, 60);
}

/* A run of some frames, half of the time all alike. */
static void push_any(struct stage *stage, struct naive *naive, unsigned *number)
{
    char words[2048] = "";
    size_t used = 0;
    uint32_t alike = random_below(&seed, 2) ? any_size() : 0;
    for (uint64_t count = 1 + random_below(&seed, 16); count > 0; count--, ++*number) {
        uint32_t size = alike ? alike : any_size();
        used += (size_t)snprintf(words + used, sizeof words - used, "m%u:%u ", *number, size);
        naive_push(naive, *number, size);
    }
    stage_push(stage, 1, "q", words);
}

static void expect_alike(struct stage *stage, const struct naive *naive)
{
    char expected[2048] = "";
    size_t used = 0;
    for (uint32_t i = naive_leased(naive); i < naive->count; i++)
        used += (size_t)snprintf(expected + used, sizeof expected - used, "m%u\n",
                                 naive->kept[i].number);
    stage_expect_ready(stage, "q", expected);
    assert_int_equal(stage_info(stage, "q", "leased"), naive_leased(naive));
    assert_int_equal(stage_info(stage, "q", "overflowed"), naive->overflowed);
    assert_int_equal(stage_info(stage, "q", "refused"), naive->refused);
}

static void as_many_make_room_as_are_needed_and_no_more(void **state)
{
    (void)state;
    struct naive naive = {.count = 0};
    unsigned number = 0;
    struct stage *s = open_with("max-messages=12 max-bytes=400 when-full=drop-oldest dead-letter=");
    stage_consume(s, 3, 7, "q", 0, 0, LOTS);
    for (int round = 0; round < 2000; round++) {
        if (random_below(&seed, 2))
            work(s, &naive);
        else
            push_any(s, &naive, &number);
        expect_alike(s, &naive);
    }
    assert_true(naive.overflowed > 1000 && naive.refused > 100);
    stage_close(s);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_declared_is_told),
        cmocka_unit_test(declaring_again_with_what_holds_is_done),
        cmocka_unit_test(declaring_again_with_any_other_setting_is_refused),
        cmocka_unit_test(a_queue_without_dead_letters_is_declared_so_again),
        cmocka_unit_test(setting_a_queue_that_is_not_there_is_refused),
        cmocka_unit_test(only_what_is_given_is_set),
        cmocka_unit_test(what_is_set_holds_until_an_undeclared_queue_goes),
        cmocka_unit_test(a_new_ttl_holds_for_what_waits),
        cmocka_unit_test(a_smaller_bound_discards_nothing),
        cmocka_unit_test(a_larger_bound_lets_those_in_who_wait),
        cmocka_unit_test(who_waits_gets_in_once_the_oldest_make_room),
        cmocka_unit_test(who_waits_goes_on_waiting_when_the_queue_refuses),
        cmocka_unit_test(who_waits_with_more_than_the_new_bound_is_refused),
        cmocka_unit_test(a_new_longest_time_holds_for_leases_that_last),
        cmocka_unit_test(a_lower_limit_counts_deliveries_that_were),
        cmocka_unit_test(with_nothing_ready_to_drop_a_push_is_refused),
        cmocka_unit_test(the_oldest_do_not_go_in_vain),
        cmocka_unit_test(the_oldest_do_not_go_for_what_would_never_fit),
        cmocka_unit_test(as_many_make_room_as_are_needed_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

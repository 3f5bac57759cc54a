#include "server/shard.h"

#include "base/array.h"
#include "base/time.h"
#include "check.h"
#include "frame/frame.h"
#include "ring/sim.h"

#include <stdio.h>
#include <stdlib.h>

/* A shard on the simulated ring; its clients are numbers. */
struct bench {
    struct shard shard;
    uint16_t port;
};

static void bench_open(struct bench *bench, struct door_limits limits)
{
    struct shard_options options = {
        .limits = {.frame_max = FRAME_SIZE_DEFAULT,
                   .hello_timeout_ns = 5 * NS_PER_S,
                   .silent_timeout_ns = 60 * NS_PER_S},
        .door_limits = limits,
        .peer_timeout_ns = 30 * NS_PER_S,
        .hash_key = {1, 2},
    };
    struct ring_address address = {.kind = RING_ADDRESS_TCP4};
    assert_int_equal(shard_init(&bench->shard, &options), 0);
    assert_int_equal(shard_listen(&bench->shard, &address, &bench->port), 0);
}

static void bench_close(struct bench *bench)
{
    shard_finish(&bench->shard);
}

/* Lets the server do all that it can without waiting. */
static void settle(struct bench *bench)
{
    struct ring *ring = bench->shard.ring;
    for (bool is_asleep = false; !is_asleep;) {
        bool was_quiet = sim_is_quiet(ring);
        shard_turn(&bench->shard, TIME_NEVER);
        is_asleep = was_quiet && sim_deadline(ring) > sim_time(ring);
    }
}

static void advance(struct bench *bench, uint64_t ns)
{
    sim_advance(bench->shard.ring, ns);
    settle(bench);
}

static int join(struct bench *bench)
{
    int client = sim_connect(bench->shard.ring, bench->port);
    assert_true(client >= 0);
    settle(bench);
    return client;
}

static void say_hello(struct bench *bench, int client)
{
    unsigned char hello[12];
    frame_head_store(hello, (struct frame_head){.op = OP_HELLO, .size = sizeof hello});
    store_u32(hello + FRAME_HEAD_SIZE, PROTOCOL_VERSION);
    assert_int_equal(sim_send(bench->shard.ring, client, hello, sizeof hello), sizeof hello);
    settle(bench);
}

/* A frame whose body is a number of a consumer, a count, and bytes or a tag. */
static void say(struct bench *bench, int client, enum op op, const char *name, size_t body_size,
                uint64_t last)
{
    unsigned char frame[64];
    size_t name_size = strlen(name), size = FRAME_HEAD_SIZE + name_size + body_size;
    struct frame_head head = {(uint8_t)op, 0, (uint16_t)name_size, (uint32_t)size};
    unsigned char *body = frame + FRAME_HEAD_SIZE + name_size;
    frame_head_store(frame, head);
    memcpy(frame + FRAME_HEAD_SIZE, name, name_size);
    store_u32(body, 1);
    store_u32(body + 4, 1);
    store_u64(body + 8, last);
    assert_int_equal(sim_send(bench->shard.ring, client, frame, size), size);
    settle(bench);
}

/* The next frame must have this op; returns the status in it if it is an ERROR. */
static enum status hear(struct bench *bench, int client, enum op op)
{
    unsigned char frame[512];
    assert_int_equal(sim_recv(bench->shard.ring, client, frame, FRAME_HEAD_SIZE), FRAME_HEAD_SIZE);
    struct frame_head head = frame_head_load(frame);
    assert_int_equal(head.op, op);
    assert_true(head.size <= sizeof frame);
    sim_recv(bench->shard.ring, client, frame, head.size - FRAME_HEAD_SIZE);
    settle(bench);
    return op == OP_ERROR ? (enum status)load_u16(frame + 12) : STATUS_OK;
}

static void leave(struct bench *bench, int client)
{
    sim_close(bench->shard.ring, client);
    settle(bench);
}

static void expect_welcome(struct bench *bench, int client)
{
    say_hello(bench, client);
    hear(bench, client, OP_WELCOME);
}

static void expect_refusal(struct bench *bench, enum status status)
{
    int client = join(bench);
    assert_int_equal(sim_recv_size(bench->shard.ring, client), 0);
    say_hello(bench, client);
    assert_int_equal(hear(bench, client, OP_ERROR), status);
    assert_int_equal(sim_state(bench->shard.ring, client), SIM_ENDED);
    leave(bench, client);
}

/* Has a client say a line of Redis's, and fails unless it is answered with `expected`. */
static void chat(struct bench *bench, int client, const char *line, const char *expected)
{
    char answer[256];
    assert_int_equal(sim_send(bench->shard.ring, client, line, strlen(line)), strlen(line));
    settle(bench);
    size_t size = sim_recv(bench->shard.ring, client, answer, sizeof answer - 1);
    answer[size] = '\0';
    assert_string_equal(answer, expected);
}

static void who_waits_for_a_message_gives_up_its_place_when_it_ends(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, (struct door_limits){0});
    int waiting = join(&bench), other = join(&bench);
    chat(&bench, waiting, "BLPOP q 0\r\nPING\r\n", "");
    sim_shutdown(bench.shard.ring, waiting);
    settle(&bench);
    assert_int_equal(engine_totals(bench.shard.engine).connections, 0);
    chat(&bench, other, "RPUSH q a\r\n", ":1\r\n");
    chat(&bench, other, "LLEN q\r\n", ":1\r\n");
    leave(&bench, waiting);
    bench_close(&bench);
}

static void who_waits_for_a_message_is_sent_away_when_the_broker_ends(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, (struct door_limits){0});
    int waiting = join(&bench), other = join(&bench);
    chat(&bench, waiting, "BLPOP q 0\r\n", "");
    chat(&bench, other, "PING\r\n", "+PONG\r\n");
    shard_drain(&bench.shard);
    settle(&bench);
    assert_int_equal(sim_state(bench.shard.ring, waiting), SIM_ENDED);
    chat(&bench, other, "PING\r\n", "+PONG\r\n");
    leave(&bench, waiting);
    bench_close(&bench);
}

static void what_a_client_says_before_its_end_is_carried_out(void **state)
{
    struct bench bench;
    char answer[64];
    (void)state;
    bench_open(&bench, (struct door_limits){0});
    int client = join(&bench);
    const char *said = "RPUSH q a b c\r\nLRANGE q 0 -1\r\nLRANGE q 0 -1\r\nRPUSH q d\r\n";
    sim_send(bench.shard.ring, client, said, strlen(said));
    sim_shutdown(bench.shard.ring, client);
    settle(&bench);
    assert_int_equal(engine_totals(bench.shard.engine).ready, 4);
    assert_int_equal(sim_recv(bench.shard.ring, client, answer, sizeof answer), 4 + 2 * 25 + 4);
    leave(&bench, client);
    bench_close(&bench);
}

/* What is owed to all is bounded, however much each asks for at once. */
static void a_turn_answers_so_much_and_leaves_the_rest_to_the_next(void **state)
{
    struct bench bench;
    enum { ASKERS = 20, SIZE = 900000 };
    static char value[SIZE + 64];
    int askers[ASKERS];
    (void)state;
    bench_open(&bench, (struct door_limits){0});
    for (int i = 0; i < ASKERS; i++)
        askers[i] = join(&bench);
    int size = snprintf(value, sizeof value, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", SIZE);
    memset(value + size, 'x', SIZE);
    memcpy(value + size + SIZE, "\r\n", 2);
    for (size_t at = 0; at < (size_t)size + SIZE + 2; settle(&bench))
        at += sim_send(bench.shard.ring, askers[0], value + at, (size_t)size + SIZE + 2 - at);
    uint64_t before = memory_used();
    for (int i = 0; i < ASKERS; i++)
        for (int j = 0; j < 10; j++)
            sim_send(bench.shard.ring, askers[i], "GET k\r\n", 7);
    shard_turn(&bench.shard, TIME_NEVER);
    assert_in_range(memory_used() - before, SIZE, 64 * 1024 * 1024);
    settle(&bench);
    bench_close(&bench);
}

static void one_too_many_is_told_so_and_closed(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, (struct door_limits){.guests_max = 2});
    int first = join(&bench), second = join(&bench);
    expect_welcome(&bench, first);
    expect_refusal(&bench, STATUS_CONNECTIONS);
    expect_welcome(&bench, second);
    leave(&bench, first);
    expect_welcome(&bench, join(&bench));
    expect_refusal(&bench, STATUS_CONNECTIONS);
    bench_close(&bench);
}

static void one_too_many_from_an_address_is_told_so(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, (struct door_limits){.per_address_max = 1});
    int first = join(&bench);
    expect_refusal(&bench, STATUS_FROM_ADDRESS);
    leave(&bench, first);
    expect_welcome(&bench, join(&bench));
    bench_close(&bench);
}

static void strangers_make_room_when_they_are_known_or_late(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, (struct door_limits){.strangers_max = 2});
    int first = join(&bench), second = join(&bench);
    expect_refusal(&bench, STATUS_STRANGERS);
    expect_welcome(&bench, first);
    int third = join(&bench);
    expect_refusal(&bench, STATUS_STRANGERS);
    sim_send(bench.shard.ring, second, "\x80", 1);
    settle(&bench);
    advance(&bench, 5 * NS_PER_S);
    assert_int_equal(hear(&bench, second, OP_ERROR), STATUS_HELLO);
    join(&bench);
    expect_welcome(&bench, third);
    bench_close(&bench);
}

static void a_crowd_of_refused_ones_is_not_kept_to_be_told(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, (struct door_limits){.guests_max = 1});
    join(&bench);
    for (int i = 0; i < 1000; i++)
        join(&bench);
    assert_true(sim_descriptor_count(bench.shard.ring) < 300);
    advance(&bench, 5 * NS_PER_S);
    advance(&bench, CONN_PART_NS);
    assert_int_equal(sim_descriptor_count(bench.shard.ring), 2);
    bench_close(&bench);
}

static void limits_can_change(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, (struct door_limits){0});
    int early = join(&bench);
    sim_send(bench.shard.ring, early, "\x80", 1);
    settle(&bench);
    struct session_limits limits = bench.shard.options.limits;
    limits.hello_timeout_ns = NS_PER_S;
    shard_configure(&bench.shard, &limits, &(struct door_limits){.guests_max = 2},
                    &(struct engine_config){0}, 0);
    int late = join(&bench);
    sim_send(bench.shard.ring, late, "\x80", 1);
    settle(&bench);
    expect_refusal(&bench, STATUS_CONNECTIONS);
    advance(&bench, NS_PER_S);
    assert_int_equal(hear(&bench, late, OP_ERROR), STATUS_HELLO);
    limits.hello_timeout_ns = 10 * NS_PER_S;
    shard_configure(&bench.shard, &limits, &(struct door_limits){0}, &(struct engine_config){0}, 0);
    advance(&bench, 4 * NS_PER_S);
    assert_int_equal(sim_recv_size(bench.shard.ring, early), 0);
    advance(&bench, 5 * NS_PER_S);
    assert_int_equal(hear(&bench, early, OP_ERROR), STATUS_HELLO);
    bench_close(&bench);
}

static void without_descriptors_those_who_wait_are_closed_and_later_ones_come_in(void **state)
{
    struct bench bench;
    struct sim_options options = sim_options_calm();
    (void)state;
    bench_open(&bench, (struct door_limits){0});
    int first = join(&bench);
    options.descriptors_max = 2;
    sim_configure(bench.shard.ring, &options);
    for (int i = 0; i < 100; i++) {
        int client = sim_connect(bench.shard.ring, bench.port);
        advance(&bench, 100 * NS_PER_MS);
        assert_int_equal(sim_state(bench.shard.ring, client), SIM_RESET);
        sim_close(bench.shard.ring, client);
    }
    uint64_t waits = sim_counters(bench.shard.ring)->accept_fulls;
    assert_true(waits <= 101);
    expect_welcome(&bench, first);
    leave(&bench, first);
    advance(&bench, 100 * NS_PER_MS);
    expect_welcome(&bench, join(&bench));
    bench_close(&bench);
}

static void a_peer_that_owes_and_is_not_heard_is_gone_in_its_time(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, (struct door_limits){0});
    int vanished = join(&bench), reader = join(&bench), idler = join(&bench);
    advance(&bench, 40 * NS_PER_S);
    say_hello(&bench, vanished);
    say_hello(&bench, idler);
    expect_welcome(&bench, reader);
    sim_vanish(bench.shard.ring, vanished);
    for (int seconds = 0; seconds < 29; seconds++)
        advance(&bench, NS_PER_S);
    assert_int_equal(sim_descriptor_count(bench.shard.ring), 4);
    for (int seconds = 0; seconds < 3; seconds++)
        advance(&bench, NS_PER_S);
    assert_int_equal(sim_descriptor_count(bench.shard.ring), 3);
    for (int seconds = 0; seconds < 100; seconds++)
        advance(&bench, NS_PER_S);
    assert_int_equal(sim_descriptor_count(bench.shard.ring), 3);
    hear(&bench, idler, OP_WELCOME);
    advance(&bench, 2 * NS_PER_S);
    assert_true(sim_deadline(bench.shard.ring) == TIME_NEVER);
    bench_close(&bench);
}

static void a_drained_shard_has_let_leases_be_settled_and_handed_nothing_out(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, (struct door_limits){0});
    int client = join(&bench);
    expect_welcome(&bench, client);
    for (int i = 0; i < 3; i++)
        say(&bench, client, OP_PUSH, "q", 0, 0);
    say(&bench, client, OP_CONSUME, "q", 16, 1000);
    assert_int_equal(engine_totals(bench.shard.engine).leased, 1);
    shard_drain(&bench.shard);
    settle(&bench);
    assert_false(shard_is_drained(&bench.shard));
    say(&bench, client, OP_CREDIT, "", 16, 1000);
    say(&bench, client, OP_PUSH, "q", 0, 0);
    advance(&bench, 3600 * NS_PER_S);
    assert_int_equal(engine_totals(bench.shard.engine).leased, 1);
    assert_int_equal(engine_totals(bench.shard.engine).ready, 2);
    say(&bench, client, OP_ACK, "", 16, 1);
    assert_true(shard_is_drained(&bench.shard));
    assert_false(shard_is_quiet(&bench.shard));
    shard_end(&bench.shard);
    settle(&bench);
    leave(&bench, client);
    assert_true(shard_is_quiet(&bench.shard));
    bench_close(&bench);
}

/* Pushes a message; returns whether it was refused, which must be with `status`. */
static bool is_refused(struct bench *bench, int client, enum status status)
{
    uint64_t before = engine_totals(bench->shard.engine).refused;
    say(bench, client, OP_PUSH, "q", 0, 0);
    bool is_any = engine_totals(bench->shard.engine).refused > before;
    if (is_any)
        assert_int_equal(hear(bench, client, OP_ERROR), status);
    hear(bench, client, OP_CONFIRM);
    return is_any;
}

static void set_memory_max(struct bench *bench, uint64_t size)
{
    const struct shard_options *options = &bench->shard.options;
    shard_configure(&bench->shard, &options->limits, &options->door_limits, &options->engine, size);
    settle(bench);
}

static void over_the_memory_limit_pushes_are_refused_and_consuming_goes_on(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench, (struct door_limits){0});
    int client = join(&bench);
    expect_welcome(&bench, client);
    assert_false(is_refused(&bench, client, STATUS_OK));
    set_memory_max(&bench, memory_used() - 1);
    assert_true(is_refused(&bench, client, STATUS_MEMORY));
    say(&bench, client, OP_CONSUME, "q", 16, 1000);
    say(&bench, client, OP_ACK, "", 16, 1);
    assert_int_equal(engine_totals(bench.shard.engine).settled, 1);
    set_memory_max(&bench, 2 * memory_used());
    say(&bench, client, OP_PUSH, "q", 0, 0);
    assert_int_equal(engine_totals(bench.shard.engine).accepted, 2);
    bench_close(&bench);
}

static void a_shard_gives_back_all_the_memory_that_it_took(void **state)
{
    struct bench bench;
    uint64_t before = memory_used();
    (void)state;
    bench_open(&bench, (struct door_limits){.per_address_max = 5});
    int client = join(&bench);
    expect_welcome(&bench, client);
    for (int i = 0; i < 100; i++)
        say(&bench, client, OP_PUSH, "q", 0, 0);
    say(&bench, client, OP_CONSUME, "q", 16, 1000);
    say(&bench, client, OP_RETURN, "", 16, 1);
    say(&bench, client, OP_SUBSCRIBE, "t", 16, 1000);
    say(&bench, client, OP_PUBLISH, "t", 0, 0);
    assert_true(memory_used() > before);
    bench_close(&bench);
    assert_true(memory_used() == before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_for_a_message_gives_up_its_place_when_it_ends),
        cmocka_unit_test(who_waits_for_a_message_is_sent_away_when_the_broker_ends),
        cmocka_unit_test(what_a_client_says_before_its_end_is_carried_out),
        cmocka_unit_test(a_turn_answers_so_much_and_leaves_the_rest_to_the_next),
        cmocka_unit_test(one_too_many_is_told_so_and_closed),
        cmocka_unit_test(one_too_many_from_an_address_is_told_so),
        cmocka_unit_test(strangers_make_room_when_they_are_known_or_late),
        cmocka_unit_test(a_crowd_of_refused_ones_is_not_kept_to_be_told),
        cmocka_unit_test(limits_can_change),
        cmocka_unit_test(a_peer_that_owes_and_is_not_heard_is_gone_in_its_time),
        cmocka_unit_test(a_drained_shard_has_let_leases_be_settled_and_handed_nothing_out),
        cmocka_unit_test(over_the_memory_limit_pushes_are_refused_and_consuming_goes_on),
        cmocka_unit_test(a_shard_gives_back_all_the_memory_that_it_took),
        cmocka_unit_test(without_descriptors_those_who_wait_are_closed_and_later_ones_come_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

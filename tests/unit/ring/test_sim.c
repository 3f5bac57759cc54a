/* The simulated ring, under a small echo server that keeps all rules of ring.h. */
#include "base/array.h"
#include "base/time.h"
#include "ring/sim.h"

#include "check.h"
#include "seed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

enum { PEERS = 24, STREAM_SIZE = 6000, TURNS_MAX = 200000, CONNS_MAX = 4096 };

static struct random seed;
static struct ring_event events[RING_EVENTS_MAX];

/* The server. */

enum { ACCEPTING, RECEIVING, SENDING };

struct echo {
    unsigned char *data;
    size_t count, capacity;
};

struct conn {
    struct io receiving, sending;
    int fd;
    bool is_ended, is_closing;
    struct echo waiting, out; /* what is to be sent; what is in the send in flight */
    size_t out_sent;
    struct iovec pieces[2];
};

struct server {
    struct ring *ring;
    int listener;
    struct io accepting;
    struct conn *conns[CONNS_MAX];
    unsigned conn_count;
    struct random random; /* not the ring's */
};

static void conn_flush(struct server *server, struct conn *conn)
{
    if (conn->sending.is_active || conn->is_closing)
        return;
    if (conn->out_sent == conn->out.count) {
        struct echo empty = conn->out;
        conn->out = conn->waiting;
        conn->waiting = empty;
        conn->waiting.count = 0;
        conn->out_sent = 0;
    }
    size_t left = conn->out.count - conn->out_sent;
    if (left == 0)
        return;
    size_t first = left > 1 ? left / 2 : left;
    conn->pieces[0] = (struct iovec){conn->out.data + conn->out_sent, first};
    conn->pieces[1] = (struct iovec){conn->out.data + conn->out_sent + first, left - first};
    ring_send(server->ring, &conn->sending, conn->fd, conn->pieces, left > 1 ? 2 : 1);
}

static void conn_close(struct server *server, struct conn *conn)
{
    if (conn->is_closing)
        return;
    conn->is_closing = true;
    ring_shutdown(server->ring, conn->fd, SHUT_RDWR);
    if (conn->receiving.is_active)
        ring_cancel(server->ring, &conn->receiving);
    if (conn->sending.is_active)
        ring_cancel(server->ring, &conn->sending);
}

static void conn_receive(struct server *server, struct conn *conn, const struct ring_event *event)
{
    if (event->data) {
        size_t size = (size_t)event->result;
        struct echo *waiting = &conn->waiting;
        waiting->data = array_reserve(waiting->data, &waiting->capacity, waiting->count + size, 1);
        memcpy(waiting->data + waiting->count, event->data, size);
        waiting->count += size;
        ring_buffer_return(server->ring, event->buffer);
    } else if (event->result == 0) {
        conn->is_ended = true;
    } else if (event->result != -ENOBUFS && event->result != -ECANCELED) {
        conn_close(server, conn);
    }
    /* A pause, as the broker makes when a peer is too fast. */
    if (conn->receiving.is_active && !conn->is_closing && random_below(&server->random, 20) == 0)
        ring_cancel(server->ring, &conn->receiving);
}

static void conn_sent(struct server *server, struct conn *conn, int32_t result)
{
    if (result > 0)
        conn->out_sent += (size_t)result;
    else if (result != -ECANCELED)
        conn_close(server, conn);
}

static void server_accept(struct server *server, const struct ring_event *event)
{
    if (event->result < 0) {
        assert_true(event->is_last);
        return;
    }
    assert_true(server->conn_count < CONNS_MAX);
    struct conn *conn = memory_create(sizeof *conn);
    conn->fd = event->result;
    conn->receiving.kind = RECEIVING;
    conn->sending.kind = SENDING;
    server->conns[server->conn_count++] = conn;
}

static void conn_free(struct server *server, struct conn *conn)
{
    ring_close(server->ring, conn->fd);
    free(conn->waiting.data);
    free(conn->out.data);
    free(conn);
}

static void server_tend(struct server *server)
{
    if (!server->accepting.is_active && server->listener >= 0)
        ring_accept(server->ring, &server->accepting, server->listener);
    for (unsigned i = 0; i < server->conn_count;) {
        struct conn *conn = server->conns[i];
        conn_flush(server, conn);
        bool is_idle = !conn->sending.is_active && !conn->receiving.is_active;
        if (conn->is_ended && is_idle)
            conn_close(server, conn);
        if (conn->is_closing && is_idle) {
            conn_free(server, conn);
            server->conns[i] = server->conns[--server->conn_count];
            continue;
        }
        if (!conn->receiving.is_active && !conn->is_ended && !conn->is_closing)
            ring_recv(server->ring, &conn->receiving, conn->fd);
        i++;
    }
}

static unsigned server_turn(struct server *server)
{
    unsigned count = ring_wait(server->ring, TIME_NEVER, events);
    for (unsigned i = 0; i < count; i++) {
        struct ring_event *event = &events[i];
        char *io = (char *)event->io;
        if (event->io->kind == ACCEPTING)
            server_accept(server, event);
        else if (event->io->kind == RECEIVING)
            conn_receive(server, (struct conn *)(io - offsetof(struct conn, receiving)), event);
        else
            conn_sent(server, (struct conn *)(io - offsetof(struct conn, sending)), event->result);
    }
    server_tend(server);
    return count;
}

static void server_open(struct server *server, struct ring_options options)
{
    *server = (struct server){.random = {options.seed ^ 1}};
    assert_int_equal(ring_create(&server->ring, &options), 0);
    server->listener = ring_listen(server->ring, &(struct ring_address){0});
    assert_true(server->listener >= 0);
    server_tend(server);
}

/* Ends all connections; sees that the ring has nothing left that it was given. */
static void server_close(struct server *server)
{
    int listener = server->listener;
    server->listener = -1;
    if (server->accepting.is_active)
        ring_cancel(server->ring, &server->accepting);
    for (int i = 0; i < TURNS_MAX && server->accepting.is_active; i++)
        server_turn(server);
    assert_false(server->accepting.is_active);
    for (unsigned i = 0; i < server->conn_count; i++)
        conn_close(server, server->conns[i]);
    for (int i = 0; i < TURNS_MAX && server->conn_count; i++)
        server_turn(server);
    assert_int_equal(server->conn_count, 0);
    ring_close(server->ring, listener);
    assert_int_equal(sim_active_count(server->ring), 0);
    assert_int_equal(sim_lent_count(server->ring), 0);
    assert_int_equal(sim_descriptor_count(server->ring), 0);
    ring_destroy(server->ring);
}

/* The clients: each sends a stream of its own and wants it back. */

struct peer {
    int client;
    unsigned number;
    size_t sent, got;
    bool is_over, is_broken;
};

static unsigned char stream_byte(unsigned number, size_t at)
{
    return (unsigned char)(at * 31 + at / 256 + number);
}

static void peer_send(struct ring *ring, struct peer *peer, struct random *random)
{
    unsigned char data[700];
    size_t size = 1 + random_below(random, sizeof data);
    size = size < STREAM_SIZE - peer->sent ? size : STREAM_SIZE - peer->sent;
    for (size_t i = 0; i < size; i++)
        data[i] = stream_byte(peer->number, peer->sent + i);
    peer->sent += sim_send(ring, peer->client, data, size);
    assert_true(peer->sent <= STREAM_SIZE);
}

static void peer_receive(struct ring *ring, struct peer *peer, struct random *random)
{
    unsigned char data[700];
    size_t size = sim_recv(ring, peer->client, data, 1 + random_below(random, sizeof data));
    for (size_t i = 0; i < size; i++)
        assert_int_equal(data[i], stream_byte(peer->number, peer->got + i));
    peer->got += size;
    assert_true(peer->got <= peer->sent);
}

static void peer_step(struct ring *ring, struct peer *peer, struct random *random)
{
    if (peer->is_over)
        return;
    if (random_below(random, 3))
        peer_send(ring, peer, random);
    if (random_below(random, 3))
        peer_receive(ring, peer, random);
    peer->is_broken = sim_state(ring, peer->client) == SIM_RESET;
    if (!peer->is_broken && peer->got < STREAM_SIZE)
        return;
    peer->is_over = true;
    if (random_below(random, 2))
        sim_close(ring, peer->client);
    else
        sim_break(ring, peer->client);
}

struct outcome {
    unsigned whole_count, broken_count;
    uint64_t trace;
    struct sim_counters counters;
};

/* One whole run, decided by its arguments alone. */
static struct outcome run(uint64_t run_seed, const struct sim_options *options, unsigned buffers)
{
    static struct server server;
    server_open(&server,
                (struct ring_options){.seed = run_seed, .buffers = buffers, .buffer_size = 512});
    sim_configure(server.ring, options);
    struct random random = {run_seed + 1};
    struct peer peers[PEERS] = {0};
    uint16_t port = ring_listen_port(server.ring, server.listener);
    for (unsigned i = 0; i < PEERS; i++)
        peers[i] = (struct peer){.client = sim_connect(server.ring, port), .number = i};
    struct outcome outcome = {0};
    unsigned over_count = 0;
    for (int turn = 0; over_count < PEERS; turn++) {
        assert_true(turn < TURNS_MAX);
        over_count = 0;
        for (unsigned i = 0; i < PEERS; i++) {
            peer_step(server.ring, &peers[i], &random);
            over_count += peers[i].is_over;
        }
        sim_advance(server.ring, NS_PER_US);
        server_turn(&server);
    }
    for (unsigned i = 0; i < PEERS; i++)
        *(peers[i].is_broken ? &outcome.broken_count : &outcome.whole_count) += 1;
    outcome.trace = sim_trace_hash(server.ring);
    outcome.counters = *sim_counters(server.ring);
    server_close(&server);
    return outcome;
}

static void without_accidents_streams_arrive_and_none_is_counted(void **state)
{
    (void)state;
    struct sim_options options = sim_options_calm();
    struct outcome outcome = run(random_next(&seed), &options, 64);
    assert_int_equal(outcome.whole_count, PEERS);
    const struct sim_counters *counters = &outcome.counters;
    assert_int_equal(counters->delays + counters->send_delays + counters->reorders, 0);
    assert_int_equal(counters->recv_cuts + counters->recv_ends + counters->recv_starves, 0);
    assert_int_equal(counters->send_shorts + counters->send_blocks + counters->recv_outs, 0);
    assert_int_equal(counters->accept_ends + counters->accept_fulls + counters->accept_aborts, 0);
    assert_int_equal(counters->completion_fulls + counters->cancel_starves, 0);
}

static struct sim_options wild_but_unbroken(void)
{
    struct sim_options options = sim_options_wild();
    options.recv_reset = options.send_reset = options.accept_abort = 0;
    return options;
}

static void whatever_does_not_break_a_connection_leaves_streams_intact(void **state)
{
    (void)state;
    struct sim_options options = wild_but_unbroken();
    for (int i = 0; i < 5; i++) {
        struct outcome outcome = run(random_next(&seed), &options, i % 2 ? 2 : 16);
        assert_int_equal(outcome.whole_count, PEERS);
    }
}

static void broken_connections_leave_nothing_behind(void **state)
{
    (void)state;
    struct sim_options options = sim_options_wild();
    options.recv_reset = options.send_reset = 20;
    unsigned broken_count = 0;
    for (int i = 0; i < 10; i++)
        broken_count += run(random_next(&seed), &options, 4).broken_count;
    assert_true(broken_count > 0);
}

static void equal_seeds_give_equal_runs_and_others_do_not(void **state)
{
    (void)state;
    struct sim_options options = sim_options_wild();
    uint64_t one = random_next(&seed);
    struct outcome first = run(one, &options, 4), again = run(one, &options, 4);
    assert_true(first.trace == again.trace);
    assert_memory_equal(&first.counters, &again.counters, sizeof first.counters);
    assert_true(first.trace != run(one + 1, &options, 4).trace);
}

static void every_accident_happens(void **state)
{
    (void)state;
    struct sim_options options = sim_options_wild();
    options.recv_reset = options.send_reset = 5;
    options.out_size = 600;
    uint64_t sums[sizeof(struct sim_counters) / sizeof(uint64_t)] = {0};
    for (int i = 0; i < 40; i++) {
        struct outcome outcome = run(random_next(&seed), &options, 2);
        for (size_t at = 0; at < sizeof sums / sizeof *sums; at++)
            sums[at] += ((const uint64_t *)&outcome.counters)[at];
    }
    for (size_t at = 0; at < sizeof sums / sizeof *sums; at++)
        if (sums[at] == 0)
            fail_msg("counter %zu of struct sim_counters stayed zero", at);
}

/* One connection without a server. */
struct bench {
    struct ring *ring;
    int listener, client, fd;
    struct io accepting, receiving, sending;
    struct iovec piece;
};

static void bench_open(struct bench *bench, struct ring_options options)
{
    *bench = (struct bench){.piece = {"hello", 5}};
    assert_int_equal(ring_create(&bench->ring, &options), 0);
    bench->listener = ring_listen(bench->ring, &(struct ring_address){0});
    ring_accept(bench->ring, &bench->accepting, bench->listener);
    bench->client = sim_connect(bench->ring, ring_listen_port(bench->ring, bench->listener));
    assert_int_equal(ring_wait(bench->ring, 0, events), 1);
    bench->fd = events[0].result;
    assert_true(bench->fd >= 0);
}

static void time_is_the_tests(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, (struct ring_options){0});
    uint64_t before = ring_now(bench.ring);
    sim_advance(bench.ring, 5 * NS_PER_S);
    assert_true(ring_now(bench.ring) == before);
    assert_int_equal(ring_wait(bench.ring, before + 7, events), 0);
    assert_true(ring_now(bench.ring) == before + 5 * NS_PER_S);
    assert_true(sim_deadline(bench.ring) == before + 7);
    ring_destroy(bench.ring);
}

static void a_send_waits_for_a_client_that_does_not_read(void **state)
{
    (void)state;
    struct bench bench;
    char data[5];
    bench_open(&bench, (struct ring_options){0});
    struct sim_options options = sim_options_calm();
    options.out_size = 3;
    sim_configure(bench.ring, &options);
    int client = sim_connect(bench.ring, ring_listen_port(bench.ring, bench.listener));
    assert_int_equal(ring_wait(bench.ring, 0, events), 1);
    ring_send(bench.ring, &bench.sending, events[0].result, &bench.piece, 1);
    assert_int_equal(ring_wait(bench.ring, 0, events), 0);
    assert_true(sim_is_quiet(bench.ring));
    assert_int_equal(sim_ready(bench.ring), client);
    assert_int_equal(sim_ready(bench.ring), -1);
    assert_int_equal(sim_recv_size(bench.ring, client), 3);
    assert_int_equal(sim_recv(bench.ring, client, data, 5), 3);
    assert_int_equal(ring_wait(bench.ring, 0, events), 1);
    assert_int_equal(events[0].result, 5);
    assert_int_equal(sim_recv(bench.ring, client, data + 3, 5), 2);
    assert_memory_equal(data, "hello", 5);
    ring_destroy(bench.ring);
}

static void a_vanished_client_is_silent_until_it_is_found_out(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, (struct ring_options){0});
    ring_recv(bench.ring, &bench.receiving, bench.fd);
    sim_vanish(bench.ring, bench.client);
    ring_send(bench.ring, &bench.sending, bench.fd, &bench.piece, 1);
    assert_int_equal(ring_wait(bench.ring, 0, events), 1); /* the kernel takes what has room */
    assert_int_equal(sim_send(bench.ring, bench.client, "x", 1), 0);
    assert_int_equal(sim_recv_size(bench.ring, bench.client), 0);
    sim_shutdown(bench.ring, bench.client);
    assert_int_equal(ring_wait(bench.ring, 0, events), 0);
    sim_break(bench.ring, bench.client);
    assert_int_equal(ring_wait(bench.ring, 0, events), 1);
    assert_int_equal(events[0].result, -ECONNRESET);
    assert_true(events[0].is_last);
    ring_send(bench.ring, &bench.sending, bench.fd, &bench.piece, 1);
    assert_int_equal(ring_wait(bench.ring, 0, events), 1);
    assert_int_equal(events[0].result, -EPIPE);
    ring_destroy(bench.ring);
}

static void ends_are_seen_after_the_bytes_before_them(void **state)
{
    (void)state;
    struct bench bench;
    char data[5];
    bench_open(&bench, (struct ring_options){0});
    ring_recv(bench.ring, &bench.receiving, bench.fd);
    assert_int_equal(sim_send(bench.ring, bench.client, "bye", 3), 3);
    sim_shutdown(bench.ring, bench.client);
    unsigned count = ring_wait(bench.ring, 0, events);
    assert_int_equal(count, 2);
    assert_int_equal(events[0].result, 3);
    assert_int_equal(events[1].result, 0);
    assert_true(events[1].is_last && !events[0].is_last);
    ring_buffer_return(bench.ring, events[0].buffer);
    ring_send(bench.ring, &bench.sending, bench.fd, &bench.piece, 1);
    ring_wait(bench.ring, 0, events);
    ring_close(bench.ring, bench.fd);
    assert_int_equal(sim_state(bench.ring, bench.client), SIM_OPEN);
    assert_int_equal(sim_recv(bench.ring, bench.client, data, 5), 5);
    assert_int_equal(sim_state(bench.ring, bench.client), SIM_ENDED);
    sim_close(bench.ring, bench.client);
    ring_destroy(bench.ring);
}

static void descriptors_end_and_accepting_goes_on_when_one_is_closed(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, (struct ring_options){0});
    struct sim_options options = sim_options_calm();
    options.descriptors_max = 2;
    sim_configure(bench.ring, &options);
    int client = sim_connect(bench.ring, ring_listen_port(bench.ring, bench.listener));
    assert_true(client >= 0);
    assert_int_equal(ring_wait(bench.ring, 0, events), 1);
    assert_int_equal(events[0].result, -EMFILE);
    assert_true(events[0].is_last);
    ring_close(bench.ring, bench.fd);
    ring_accept(bench.ring, &bench.accepting, bench.listener);
    assert_int_equal(ring_wait(bench.ring, 0, events), 1);
    assert_int_equal(events[0].result, bench.fd); /* the number comes again at once */
    ring_destroy(bench.ring);
}

static void addresses_are_told_apart(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, (struct ring_options){0});
    struct ring_address address = {.port = ring_listen_port(bench.ring, bench.listener)};
    assert_int_equal(ring_listen(bench.ring, &address), -EADDRINUSE);
    address = (struct ring_address){.kind = RING_ADDRESS_UNIX, .path = "/run/x"};
    assert_int_equal(sim_connect_path(bench.ring, "/run/x"), -ECONNREFUSED);
    int fd = ring_listen(bench.ring, &address);
    assert_true(fd >= 0);
    assert_true(sim_connect_path(bench.ring, "/run/x") >= 0);
    ring_close(bench.ring, fd);
    assert_int_equal(sim_connect_path(bench.ring, "/run/x"), -ECONNREFUSED);
    ring_destroy(bench.ring);
}

static void a_poll_ends_when_its_descriptor_gets_readable(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, (struct ring_options){0});
    struct io polling = {0};
    ring_poll(bench.ring, &polling, 77);
    assert_int_equal(ring_wait(bench.ring, 0, events), 0);
    sim_set_readable(bench.ring, 77, true);
    assert_int_equal(ring_wait(bench.ring, 0, events), 1);
    assert_int_equal(events[0].result, POLLIN);
    ring_destroy(bench.ring);
}

static void a_returned_buffer_is_garbage(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, (struct ring_options){0});
    ring_recv(bench.ring, &bench.receiving, bench.fd);
    sim_send(bench.ring, bench.client, "secret", 6);
    assert_int_equal(ring_wait(bench.ring, 0, events), 1);
    const unsigned char *data = events[0].data;
    assert_memory_equal(data, "secret", 6);
    ring_buffer_return(bench.ring, events[0].buffer);
#ifdef __SANITIZE_ADDRESS__
    assert_true(__asan_address_is_poisoned(data));
#else
    for (int i = 0; i < 6; i++)
        assert_int_equal(data[i], 0xDD);
#endif
    ring_destroy(bench.ring);
}

/* Mistakes, which the ring must not let pass. */

static void return_twice(struct bench *bench)
{
    ring_recv(bench->ring, &bench->receiving, bench->fd);
    sim_send(bench->ring, bench->client, "x", 1);
    ring_wait(bench->ring, 0, events);
    uint16_t buffer = events[0].buffer;
    ring_buffer_return(bench->ring, buffer);
    ring_buffer_return(bench->ring, buffer);
}

static void start_twice(struct bench *bench)
{
    ring_recv(bench->ring, &bench->receiving, bench->fd);
    ring_send(bench->ring, &bench->receiving, bench->fd, &bench->piece, 1);
}

static void send_twice(struct bench *bench)
{
    struct io another = {0};
    ring_send(bench->ring, &bench->sending, bench->fd, &bench->piece, 1);
    ring_send(bench->ring, &another, bench->fd, &bench->piece, 1);
}

static void close_early(struct bench *bench)
{
    ring_recv(bench->ring, &bench->receiving, bench->fd);
    ring_close(bench->ring, bench->fd);
}

static void close_twice(struct bench *bench)
{
    ring_close(bench->ring, bench->fd);
    ring_close(bench->ring, bench->fd);
}

static void reuse_early(struct bench *bench)
{
    ring_send(bench->ring, &bench->sending, bench->fd, &bench->piece, 1);
    bench->sending = (struct io){0};
    ring_wait(bench->ring, 0, events);
}

static void change_early(struct bench *bench)
{
    char bytes[] = "hello";
    bench->piece.iov_base = bytes;
    ring_send(bench->ring, &bench->sending, bench->fd, &bench->piece, 1);
    bytes[2] = 'x';
    ring_wait(bench->ring, 0, events);
}

static void cancel_idle(struct bench *bench)
{
    ring_cancel(bench->ring, &bench->receiving);
}

static bool is_stopped(void (*mistake)(struct bench *bench))
{
    pid_t child = fork();
    if (child == 0) {
        int quiet = open("/dev/null", O_WRONLY);
        dup2(quiet, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL); /* cmocka's would go on */
        setrlimit(RLIMIT_CORE, &(struct rlimit){0});
        struct bench bench;
        bench_open(&bench, (struct ring_options){0});
        mistake(&bench);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void breaking_the_rules_stops_the_program(void **state)
{
    (void)state;
    assert_true(is_stopped(return_twice));
    assert_true(is_stopped(start_twice));
    assert_true(is_stopped(send_twice));
    assert_true(is_stopped(close_early));
    assert_true(is_stopped(close_twice));
    assert_true(is_stopped(reuse_early));
    assert_true(is_stopped(change_early));
    assert_true(is_stopped(cancel_idle));
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_accidents_streams_arrive_and_none_is_counted),
        cmocka_unit_test(whatever_does_not_break_a_connection_leaves_streams_intact),
        cmocka_unit_test(broken_connections_leave_nothing_behind),
        cmocka_unit_test(equal_seeds_give_equal_runs_and_others_do_not),
        cmocka_unit_test(every_accident_happens),
        cmocka_unit_test(time_is_the_tests),
        cmocka_unit_test(a_send_waits_for_a_client_that_does_not_read),
        cmocka_unit_test(a_vanished_client_is_silent_until_it_is_found_out),
        cmocka_unit_test(ends_are_seen_after_the_bytes_before_them),
        cmocka_unit_test(descriptors_end_and_accepting_goes_on_when_one_is_closed),
        cmocka_unit_test(addresses_are_told_apart),
        cmocka_unit_test(a_poll_ends_when_its_descriptor_gets_readable),
        cmocka_unit_test(a_returned_buffer_is_garbage),
        cmocka_unit_test(breaking_the_rules_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

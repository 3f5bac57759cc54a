/* The user's thread is busy: it waits for the broker's socket instead of calling the library. */
#include "broker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIVENESS_MS = 60, BEATS = 3 };

int __real_poll(struct pollfd *watched, nfds_t count, int timeout_ms);

static struct broker broker;

static int setup(void **state)
{
    struct fake *fake = fake_create();
    fake->liveness_ms = LIVENESS_MS;
    broker_init(&broker, fake);
    struct ringpost_options options = {
        .size = sizeof options, .server = fake->address, .backoff_min_ms = 1};
    assert_int_equal(ringpost_open(&fake->handle, &options, WAIT_MS), 0);
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    broker_finish(&broker);
    fake_destroy(*state);
    return 0;
}

static uint32_t consume(struct fake *fake, bool no_ack)
{
    struct ringpost_consume_options options = {.size = sizeof options, .no_ack = no_ack};
    uint32_t id;
    assert_int_equal(ringpost_consume(fake->handle, ringpost_text("q"), &options, &id, WAIT_MS), 0);
    return id;
}

/* Waits for what the client's thread says by itself. */
static void hear(struct fake *fake)
{
    struct pollfd watched = {.fd = fake->fd, .events = POLLIN};
    assert_int_equal(__real_poll(&watched, 1, WAIT_MS), 1);
    broker_turn(&broker);
}

static void hear_heartbeats(struct fake *fake)
{
    uint64_t until = broker.heartbeats_count + BEATS;
    while (broker.heartbeats_count < until)
        hear(fake);
}

static void a_consumer_that_is_busy_is_heard(void **state)
{
    struct fake *fake = *state;
    consume(fake, false);
    hear_heartbeats(fake);
    fake_next(fake, RINGPOST_MESSAGE);
    hear_heartbeats(fake);
}

/* The broker answers by the numbers that it counts itself. */
static void a_heartbeat_is_numbered_like_any_frame(void **state)
{
    struct fake *fake = *state;
    struct ringpost_tags tags;
    consume(fake, false);
    tags = fake_next(fake, RINGPOST_MESSAGE).tags;
    hear_heartbeats(fake);
    uint64_t number;
    assert_int_equal(ringpost_ping(fake->handle, NULL, WAIT_MS), 0);
    hear_heartbeats(fake);
    assert_int_equal(ringpost_ack(fake->handle, &tags), 0);
    assert_int_equal(
        ringpost_push(fake->handle, ringpost_text("q"), ringpost_text("1"), &number, WAIT_MS), 0);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), 0);
    assert_int_equal(ringpost_is_settled(fake->handle, number), 1);
    assert_int_equal(broker.taken_count, 1);
}

static void what_waits_to_be_written_goes_first(void **state)
{
    struct fake *fake = *state;
    consume(fake, false);
    assert_int_equal(
        ringpost_push(fake->handle, ringpost_text("q"), ringpost_text("1"), NULL, WAIT_MS), 0);
    while (broker.taken_count == 0)
        hear(fake);
    hear_heartbeats(fake);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), 0);
}

static void a_client_that_waits_for_messages_is_heard(void **state)
{
    struct fake *fake = *state;
    broker.messages_max = 0;
    consume(fake, false);
    struct ringpost_event event;
    broker.is_patient = true;
    for (int i = 1; i <= BEATS; i++) {
        assert_int_equal(ringpost_next(fake->handle, &event, 1), 0);
        assert_true(broker.heartbeats_count >= (uint64_t)i);
    }
}

static void without_leases_there_is_no_thread(void **state)
{
    struct fake *fake = *state;
    uint32_t id;
    consume(fake, true);
    assert_int_equal(ringpost_subscribe(fake->handle, ringpost_text("t"), NULL, &id, WAIT_MS), 0);
    assert_false(fake->handle->heartbeat.is_running);
    consume(fake, false);
    assert_true(fake->handle->heartbeat.is_running);
}

static void a_connection_made_anew_has_heartbeats_as_its_broker_asks(void **state)
{
    struct fake *fake = *state;
    struct ringpost_event event = {0};
    broker.messages_max = 0;
    fake->liveness_ms = 0;
    consume(fake, false);
    broker_drop(&broker);
    while (event.kind != RINGPOST_RECONNECTED)
        assert_int_equal(ringpost_next(fake->handle, &event, WAIT_MS), 1);
    assert_int_equal(fake->handle->heartbeat.interval_ns, 0);
    fake->liveness_ms = LIVENESS_MS;
    broker_drop(&broker);
    event.kind = 0;
    while (event.kind != RINGPOST_RECONNECTED)
        assert_int_equal(ringpost_next(fake->handle, &event, WAIT_MS), 1);
    hear_heartbeats(fake);
}

static volatile sig_atomic_t signals_count;

static void on_signal(int signal)
{
    (void)signal;
    signals_count++;
}

static void signals_are_for_the_threads_of_the_program(void **state)
{
    struct fake *fake = *state;
    consume(fake, false);
    sigset_t one, pending;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    signal(SIGUSR1, on_signal);
    assert_int_equal(sigprocmask(SIG_BLOCK, &one, NULL), 0);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    hear_heartbeats(fake);
    assert_int_equal(sigpending(&pending), 0);
    assert_true(sigismember(&pending, SIGUSR1));
    assert_int_equal(signals_count, 0);
    assert_int_equal(sigprocmask(SIG_UNBLOCK, &one, NULL), 0);
    assert_int_equal(signals_count, 1);
}

static void a_child_may_close_what_stays_its_parents(void **state)
{
    struct fake *fake = *state;
    consume(fake, false);
    assert_int_equal(
        ringpost_push(fake->handle, ringpost_text("q"), ringpost_text("1"), NULL, WAIT_MS), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        ringpost_close(fake->handle);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), 0);
    assert_int_equal(broker.taken_count, 1);
    hear_heartbeats(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_consumer_that_is_busy_is_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(a_heartbeat_is_numbered_like_any_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_to_be_written_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_waits_for_messages_is_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(without_leases_there_is_no_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(a_connection_made_anew_has_heartbeats_as_its_broker_asks,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(signals_are_for_the_threads_of_the_program, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_child_may_close_what_stays_its_parents, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

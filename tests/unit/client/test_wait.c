#include "fake.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>

static int setup(void **state)
{
    struct fake *fake = fake_create();
    fake_open(fake, NULL);
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    fake_destroy(*state);
    return 0;
}

static const struct ringpost_bytes QUEUE = {"jobs", 4};

static void the_answer_to_a_call_that_gave_up_is_ignored(void **state)
{
    struct fake *fake = *state;
    uint64_t late = 1, due = 2, count;
    assert_int_equal(ringpost_purge(fake->handle, QUEUE, &count, 5), -ETIMEDOUT);
    fake_put_reply(fake, 1, false, bytes_of(&late, sizeof late));
    fake_put_reply(fake, 2, false, bytes_of(&due, sizeof due));
    assert_int_equal(ringpost_purge(fake->handle, QUEUE, &count, WAIT_MS), 0);
    assert_int_equal(count, 2);
}

static void a_call_that_a_loss_cuts_off_says_so(void **state)
{
    struct fake *fake = *state;
    fake_drop(fake);
    assert_int_equal(ringpost_ping(fake->handle, NULL, WAIT_MS), -ECONNRESET);
    fake_next(fake, RINGPOST_LOST);
}

/* Every call that can wait, by its number; -ENOSYS when there are no more. */
static int call(struct ringpost *handle, int which, int timeout_ms)
{
    static struct ringpost_cursor *cursor;
    struct ringpost_info info = {.size = sizeof info};
    struct ringpost_event event;
    struct ringpost_message message;
    uint32_t id;
    uint64_t count;
    int error;
    switch (which) {
    case 0: return ringpost_flush(handle, timeout_ms);
    case 1: return ringpost_await(handle, 1, timeout_ms);
    case 2: return ringpost_push(handle, QUEUE, QUEUE, NULL, timeout_ms);
    case 3: return ringpost_publish(handle, QUEUE, QUEUE, NULL, timeout_ms);
    case 4: return ringpost_declare(handle, QUEUE, NULL, timeout_ms);
    case 5: return ringpost_delete(handle, QUEUE, timeout_ms);
    case 6: return ringpost_purge(handle, QUEUE, &count, timeout_ms);
    case 7: return ringpost_pause(handle, QUEUE, timeout_ms);
    case 8: return ringpost_resume(handle, QUEUE, timeout_ms);
    case 9: return ringpost_info(handle, QUEUE, &info, timeout_ms);
    case 10: return ringpost_peek(handle, QUEUE, 1, 0, &cursor, timeout_ms);
    case 11: return ringpost_stats(handle, &cursor, timeout_ms);
    case 12: return ringpost_ping(handle, NULL, timeout_ms);
    case 13:
        assert_int_equal(ringpost_list(handle, &cursor), 0);
        error = ringpost_list_next(cursor, &info, timeout_ms);
        ringpost_cursor_close(cursor);
        return error;
    case 14: error = ringpost_next(handle, &event, timeout_ms); return error ? error : -ETIMEDOUT;
    case 15:
        error = ringpost_next_batch(handle, &event, &message, 1, timeout_ms);
        return error ? error : -ETIMEDOUT;
    case 16:
        return timeout_ms ? ringpost_consume(handle, QUEUE, NULL, &id, timeout_ms) : -ETIMEDOUT;
    case 17:
        return timeout_ms ? ringpost_subscribe(handle, QUEUE, NULL, &id, timeout_ms) : -ETIMEDOUT;
    default: return -ENOSYS;
    }
}

/* A handle whose window is full of what is not confirmed, by a broker that is silent. */
static void fall_silent(struct fake *fake, const struct ringpost_options *options)
{
    ringpost_close(fake->handle);
    fake_drop(fake);
    fake_open_idle(fake, options);
    fake_welcome(fake, 1, 1 << 20, FRAME_SIZE_DEFAULT);
    assert_int_equal(ringpost_push(fake->handle, QUEUE, QUEUE, NULL, 0), 0);
}

static void every_call_keeps_its_time(void **state)
{
    struct fake *fake = *state;
    fall_silent(fake, NULL);
    for (int which = 0, error = 0; error != -ENOSYS; which++) {
        error = call(fake->handle, which, 0);
        assert_true(error == -ETIMEDOUT || error == -ENOSYS);
        error = call(fake->handle, which, 2);
        assert_true(error == -ETIMEDOUT || error == -ENOSYS);
    }
    assert_int_equal(fake->handle->sources.count, 0);
}

static void cancelling_keeps_its_time(void **state)
{
    struct fake *fake = *state;
    uint32_t consumer = fake_consume(fake, NULL), topic = fake_subscribe(fake, "t", false);
    assert_int_equal(ringpost_cancel(fake->handle, consumer, 2), -ETIMEDOUT);
    assert_int_equal(ringpost_unsubscribe(fake->handle, topic, 2), -ETIMEDOUT);
    assert_int_equal(ringpost_unsubscribe(fake->handle, topic, 2), -ENOENT);
    fake_take(fake, OP_CANCEL);
    fake_take(fake, OP_UNSUBSCRIBE);
}

static void every_call_ends_with_a_connection_that_stays_lost(void **state)
{
    struct fake *fake = *state;
    struct ringpost_options options = {.size = sizeof options, .no_reconnect = 1};
    fall_silent(fake, &options);
    fake_drop(fake);
    fake_next(fake, RINGPOST_UNKNOWN);
    fake_next(fake, RINGPOST_LOST);
    assert_int_equal(ringpost_flush(fake->handle, -1), -ECONNRESET);
    for (int which = 2, error = 0; error != -ENOSYS; which++) {
        error = call(fake->handle, which, -1);
        assert_true(error == -ENOTCONN || error == -ENOSYS);
    }
}

static void on_signal(int number)
{
    (void)number;
}

static void a_signal_ends_the_wait_but_not_what_is_waited_for(void **state)
{
    struct fake *fake = *state;
    struct sigaction action = {.sa_handler = on_signal}, before;
    struct itimerval often = {.it_interval.tv_usec = 500, .it_value.tv_usec = 500}, never = {0};
    assert_int_equal(ringpost_push(fake->handle, QUEUE, QUEUE, NULL, 0), 0);
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &often, NULL);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), -EINTR);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
    fake_put_confirm(fake, 1);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_answer_to_a_call_that_gave_up_is_ignored, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_call_that_a_loss_cuts_off_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(every_call_keeps_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(cancelling_keeps_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(every_call_ends_with_a_connection_that_stays_lost, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_signal_ends_the_wait_but_not_what_is_waited_for, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

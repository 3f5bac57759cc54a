#include "fake.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

static int setup(void **state)
{
    *state = fake_create();
    return 0;
}

static int teardown(void **state)
{
    fake_destroy(*state);
    return 0;
}

static uint64_t push(struct fake *fake, const char *body)
{
    uint64_t number = 0;
    assert_int_equal(
        ringpost_push(fake->handle, ringpost_text("jobs"), ringpost_text(body), &number, 0), 0);
    return number;
}

static void pushes_are_gathered_and_numbered(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    assert_int_equal(push(fake, "one"), 1);
    assert_int_equal(push(fake, ""), 2);
    fake_take_none(fake);
    fake_step(fake);
    struct taken taken = fake_take(fake, OP_PUSH);
    assert_bytes(bytes_to(taken.name), "jobs");
    assert_bytes(bytes_to(taken.body), "one");
    assert_int_equal(taken.head.flags, 0);
    assert_bytes(bytes_to(fake_take(fake, OP_PUSH).body), "");
    fake_take_none(fake);
}

static void a_full_piece_is_written_without_being_asked(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    char body[1000];
    memset(body, 'x', sizeof body);
    for (int i = 0; i < 70; i++)
        assert_int_equal(ringpost_push(fake->handle, ringpost_text("jobs"),
                                       ringpost_bytes(body, sizeof body), NULL, 0),
                         0);
    fake_take(fake, OP_PUSH);
}

static void a_published_message_is_a_publish_frame(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint64_t number;
    assert_int_equal(
        ringpost_publish(fake->handle, ringpost_text("a.b"), ringpost_text("news"), &number, 0), 0);
    assert_int_equal(number, 1);
    fake_step(fake);
    struct taken taken = fake_take(fake, OP_PUBLISH);
    assert_bytes(bytes_to(taken.name), "a.b");
    assert_bytes(bytes_to(taken.body), "news");
}

static void names_and_sizes_are_checked_here(void **state)
{
    struct fake *fake = *state;
    char name[1025];
    memset(name, 'n', sizeof name);
    fake_open_idle(fake, NULL);
    fake_welcome(fake, 10, 1 << 20, 2000);
    struct ringpost_bytes body = ringpost_text("x");
    assert_int_equal(ringpost_push(fake->handle, ringpost_text(""), body, NULL, 0), -EINVAL);
    assert_int_equal(ringpost_push(fake->handle, ringpost_bytes(name, 1025), body, NULL, 0),
                     -EINVAL);
    assert_int_equal(ringpost_push(fake->handle, ringpost_bytes(name, 1024), body, NULL, 0), 0);
    static char large[2000];
    struct ringpost_bytes one = ringpost_text("q");
    assert_int_equal(ringpost_push(fake->handle, one, ringpost_bytes(large, 1992), NULL, 0),
                     -EMSGSIZE);
    assert_int_equal(ringpost_push(fake->handle, one, ringpost_bytes(large, 1991), NULL, 0), 0);
    assert_int_equal(ringpost_push(fake->handle, one, ringpost_bytes(large, SIZE_MAX), NULL, 0),
                     -EMSGSIZE);
}

static void flush_waits_for_the_confirm(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    assert_int_equal(ringpost_flush(fake->handle, 0), 0);
    push(fake, "one");
    push(fake, "two");
    assert_int_equal(ringpost_flush(fake->handle, 0), -ETIMEDOUT);
    assert_int_equal(ringpost_flush(fake->handle, 5), -ETIMEDOUT);
    fake_put_confirm(fake, 1);
    assert_int_equal(ringpost_flush(fake->handle, 0), -ETIMEDOUT);
    assert_int_equal(ringpost_is_settled(fake->handle, 1), 1);
    assert_int_equal(ringpost_is_settled(fake->handle, 2), 0);
    assert_int_equal(ringpost_await(fake->handle, 1, 0), 0);
    assert_int_equal(ringpost_await(fake->handle, 2, 0), -ETIMEDOUT);
    assert_int_equal(ringpost_await(fake->handle, 3, 0), -EINVAL);
    fake_put_confirm(fake, 2);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), 0);
    fake_next_none(fake);
}

/* The broker confirms a push at once, but what was only published when it is asked. */
static void flush_asks_for_the_confirm_of_what_was_published(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    assert_int_equal(
        ringpost_publish(fake->handle, ringpost_text("t"), ringpost_text("x"), NULL, 0), 0);
    assert_int_equal(ringpost_flush(fake->handle, 0), -ETIMEDOUT);
    fake_take(fake, OP_PUBLISH);
    fake_take(fake, OP_PING);
    assert_int_equal(ringpost_flush(fake->handle, 0), -ETIMEDOUT);
    fake_take_none(fake);
    push(fake, "x");
    assert_int_equal(ringpost_flush(fake->handle, 0), -ETIMEDOUT);
    fake_take(fake, OP_PUSH);
    fake_take_none(fake);
    fake_put_confirm(fake, 3);
    fake_put_reply(fake, 2, false, bytes_of(NULL, 0));
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), 0);
}

/* The confirm stands behind as much as two receives can take, and the time is over after the first. */
static void a_call_keeps_its_time_though_the_broker_never_pauses(void **state)
{
    struct fake *fake = *state;
    enum { NOTICES = 750 }; /* leave the block that they are received into room for few more */
    static const char text[230] = {[0 ... 228] = 'x'};
    fake_open(fake, NULL);
    for (int i = 0; i < NOTICES; i++)
        fake_put_goaway(fake, RINGPOST_STATUS_CLOSING, text);
    fake_step(fake);
    push(fake, "x");
    fake->is_recording = true;
    for (int i = 0; i < NOTICES; i++)
        fake_put_goaway(fake, RINGPOST_STATUS_CLOSING, text);
    fake_put_confirm(fake, 1);
    fake->is_recording = false;
    fake_put_raw(fake, fake->record, fake->record_size);
    fake_look_s = WAIT_MS / 1000 - 1;
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), -ETIMEDOUT);
    fake_look_s = 0;
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), 0);
}

static void a_full_window_holds_pushes_back(void **state)
{
    struct fake *fake = *state;
    fake_open_idle(fake, NULL);
    fake_welcome(fake, 2, 1 << 20, FRAME_SIZE_DEFAULT);
    push(fake, "one");
    push(fake, "two");
    struct ringpost_bytes queue = ringpost_text("jobs"), body = ringpost_text("three");
    assert_int_equal(ringpost_push(fake->handle, queue, body, NULL, 0), -ETIMEDOUT);
    assert_int_equal(ringpost_push(fake->handle, queue, body, NULL, 5), -ETIMEDOUT);
    fake_take(fake, OP_PUSH);
    fake_take(fake, OP_PUSH);
    fake_take_none(fake);
    fake_put_confirm(fake, 1);
    uint64_t number;
    assert_int_equal(ringpost_push(fake->handle, queue, body, &number, WAIT_MS), 0);
    assert_int_equal(number, 3);
}

static void a_window_full_of_published_messages_asks_for_their_confirm(void **state)
{
    struct fake *fake = *state;
    static char body[600];
    struct ringpost_bytes topic = ringpost_text("t"), bytes = ringpost_bytes(body, sizeof body);
    fake_open_idle(fake, NULL);
    fake_welcome(fake, 1000, 1000, 10000);
    assert_int_equal(ringpost_publish(fake->handle, topic, bytes, NULL, 0), 0);
    assert_int_equal(ringpost_publish(fake->handle, topic, bytes, NULL, 0), -ETIMEDOUT);
    fake_take(fake, OP_PUBLISH);
    fake_take(fake, OP_PING);
    fake_put_confirm(fake, 2);
    assert_int_equal(ringpost_publish(fake->handle, topic, bytes, NULL, WAIT_MS), 0);
}

static void a_socket_that_is_full_holds_pushes_back(void **state)
{
    struct fake *fake = *state;
    static char body[50000];
    struct ringpost_bytes bytes = ringpost_bytes(body, sizeof body);
    fake_open(fake, NULL);
    int taken = 0, error = 0;
    for (; error == 0 && taken < 1000; taken += error == 0)
        error = ringpost_push(fake->handle, ringpost_text("q"), bytes, NULL, 0);
    assert_int_equal(error, -ETIMEDOUT);
    assert_true(output_size(&fake->handle->output) <= OUTPUT_MAX);
    for (int i = 0; i < taken; i++)
        fake_take(fake, OP_PUSH);
    assert_int_equal(ringpost_push(fake->handle, ringpost_text("q"), bytes, NULL, WAIT_MS), 0);
}

/* Takes what is in the socket without letting the client do anything; returns how much. */
static size_t drain(struct fake *fake)
{
    ssize_t size;
    size_t sum = 0;
    while ((size = recv(fake->fd, fake->taken, FAKE_BUFFER_SIZE, MSG_DONTWAIT)) > 0)
        sum += (size_t)size;
    return sum;
}

/* Pushes messages of 50,000 bytes until the socket takes no more; returns how many. */
static size_t fill(struct fake *fake)
{
    static char body[50000];
    struct ringpost_bytes bytes = ringpost_bytes(body, sizeof body);
    size_t count = 0;
    while (ringpost_push(fake->handle, ringpost_text("q"), bytes, NULL, 0) == 0)
        count++;
    return count;
}

static void calls_that_never_wait_write_once_the_socket_has_room(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    size_t size = fill(fake) * (8 + 1 + 50000);
    size_t taken = drain(fake);
    assert_true(taken < size);
    assert_int_equal(ringpost_flush(fake->handle, 0), -ETIMEDOUT);
    taken += drain(fake);
    assert_int_equal(ringpost_flush(fake->handle, 0), -ETIMEDOUT);
    assert_int_equal(taken + drain(fake), size);
}

static void close_writes_what_the_socket_takes(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    size_t size = fill(fake) * (8 + 1 + 50000);
    size_t taken = drain(fake);
    assert_true(taken < size);
    ringpost_close(fake->handle);
    fake->handle = NULL;
    assert_true(drain(fake) > 0);
}

static void a_refusal_is_an_event_and_fails_the_flush(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    for (int i = 0; i < 5; i++)
        push(fake, "x");
    fake_put_error(fake, 2, 3, RINGPOST_STATUS_FULL, "no room");
    fake_put_confirm(fake, 5);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), -ENOSPC);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), 0);
    assert_int_equal(ringpost_status(fake->handle), RINGPOST_STATUS_FULL);
    assert_string_equal(ringpost_error_text(fake->handle), "no room");
    struct ringpost_event event = fake_next(fake, RINGPOST_REFUSED);
    assert_int_equal(event.first, 2);
    assert_int_equal(event.count, 3);
    assert_int_equal(event.status, RINGPOST_STATUS_FULL);
    assert_int_equal(event.error, -ENOSPC);
    assert_bytes(event.body, "no room");
    fake_next_none(fake);
}

static void pushes_unconfirmed_at_a_loss_are_unknown(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    for (int i = 0; i < 5; i++)
        push(fake, "x");
    fake_put_confirm(fake, 2);
    fake_step(fake);
    fake_drop(fake);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), -ECONNRESET);
    assert_int_equal(ringpost_is_settled(fake->handle, 3), -ECONNRESET);
    struct ringpost_event event = fake_next(fake, RINGPOST_UNKNOWN);
    assert_int_equal(event.first, 3);
    assert_int_equal(event.count, 3);
    fake_next(fake, RINGPOST_LOST);
    fake_next_none(fake);
}

/* The second call must not take the first one's silence for a yes. */
static void awaiting_what_is_unknown_never_says_that_it_is_done(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    for (int i = 0; i < 3; i++)
        push(fake, "x");
    fake_put_confirm(fake, 1);
    fake_step(fake);
    fake_drop(fake);
    assert_int_equal(ringpost_await(fake->handle, 1, WAIT_MS), 0);
    for (uint64_t number = 2; number <= 3; number++)
        assert_int_equal(ringpost_await(fake->handle, number, WAIT_MS), -ECONNRESET);
    fake_welcome(fake, 10, 1 << 20, FRAME_SIZE_DEFAULT);
    assert_int_equal(ringpost_await(fake->handle, 3, WAIT_MS), -ECONNRESET);
    assert_int_equal(push(fake, "y"), 4);
    fake_put_confirm(fake, 1);
    assert_int_equal(ringpost_await(fake->handle, 4, WAIT_MS), 0);
}

static void numbers_go_on_over_a_new_connection(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    push(fake, "x");
    fake_step(fake);
    fake_drop(fake);
    fake_next(fake, RINGPOST_UNKNOWN);
    fake_next(fake, RINGPOST_LOST);
    fake_welcome(fake, 10, 1 << 20, FRAME_SIZE_DEFAULT);
    assert_int_equal(push(fake, "y"), 2);
    assert_int_equal(push(fake, "z"), 3);
    fake_step(fake);
    fake_put_error(fake, 2, 1, RINGPOST_STATUS_FULL, "");
    fake_put_confirm(fake, 2);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), -ECONNRESET);
    fake_next(fake, RINGPOST_RECONNECTED);
    assert_int_equal(fake_next(fake, RINGPOST_REFUSED).first, 3);
    assert_int_equal(ringpost_is_settled(fake->handle, 3), 1);
    assert_int_equal(ringpost_is_settled(fake->handle, 1), -ECONNRESET);
}

static void a_loss_with_nothing_unconfirmed_leaves_nothing_unknown(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    push(fake, "x");
    fake_put_confirm(fake, 1);
    assert_int_equal(ringpost_flush(fake->handle, 0), 0);
    fake_drop(fake);
    fake_next(fake, RINGPOST_LOST);
    assert_int_equal(ringpost_flush(fake->handle, 0), 0);
}

static void a_push_during_a_loss_waits_for_the_new_connection(void **state)
{
    struct fake *fake = *state;
    struct ringpost_options options = {
        .size = sizeof options, .backoff_min_ms = 100000, .backoff_max_ms = 100000};
    fake_open(fake, &options);
    fake_drop(fake);
    fake_next(fake, RINGPOST_LOST);
    struct ringpost_bytes queue = ringpost_text("jobs");
    fake->handle->link.timer_ns = UINT64_MAX - 1;
    assert_int_equal(ringpost_push(fake->handle, queue, queue, NULL, 0), -ETIMEDOUT);
    assert_int_equal(ringpost_push(fake->handle, queue, queue, NULL, 5), -ETIMEDOUT);
    fake->handle->link.timer_ns = 0;
    fake_welcome(fake, 10, 1 << 20, FRAME_SIZE_DEFAULT);
    assert_int_equal(ringpost_push(fake->handle, queue, queue, NULL, 0), 0);
}

/* Nobody calls ringpost_next, so nothing may be kept that only it would take away. */
static void a_producer_that_reads_no_events_needs_no_more_memory(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    fake_drop(fake);
    fake_step(fake);
    fake_welcome(fake, 65536, 1 << 26, FRAME_SIZE_DEFAULT);
    for (uint64_t number = 1; number <= 30000; number++) {
        push(fake, "x");
        fake_step(fake);
        fake_put_confirm(fake, number);
        fake_step(fake);
        fake_take(fake, OP_PUSH);
    }
    assert_true(input_backlog(&fake->handle->input) < 2 * INPUT_BLOCK_SIZE);
    assert_ptr_equal(fake->handle->input.first, fake->handle->input.last);
}

static void too_many_unread_events_stop_who_does_not_read(void **state)
{
    struct fake *fake = *state;
    struct ringpost_options options = {.size = sizeof options, .backlog_max = 1000};
    fake_open(fake, &options);
    for (int i = 0; i < 100; i++)
        fake_put_goaway(fake, RINGPOST_STATUS_CLOSING, "again");
    fake_step(fake);
    push(fake, "x");
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), -ENOBUFS);
    assert_int_equal(ringpost_events(fake->handle), POLLOUT);
    uint64_t backlog = input_backlog(&fake->handle->input);
    fake_put_goaway(fake, RINGPOST_STATUS_CLOSING, "again");
    fake_step(fake);
    assert_int_equal(input_backlog(&fake->handle->input), backlog);
    assert_int_equal(ringpost_events(fake->handle), 0);
    for (int i = 0; i < 101; i++)
        fake_next(fake, RINGPOST_GOAWAY);
    fake_put_confirm(fake, 1);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), 0);
}

/* The body stands in the receive buffer, and must survive what a full window makes the push do. */
static void a_message_can_be_pushed_on_as_it_is_lent(void **state)
{
    struct fake *fake = *state;
    fake_open_idle(fake, NULL);
    fake_welcome(fake, 3, 1 << 20, FRAME_SIZE_DEFAULT);
    fake_consume(fake, NULL);
    push(fake, "a");
    push(fake, "b");
    fake_put_context(fake, 1, 0, 1);
    fake_put_push(fake, "jobs", "precious");
    struct ringpost_event event = fake_next(fake, RINGPOST_MESSAGE);
    char filler[60000];
    memset(filler, 'f', sizeof filler - 1);
    filler[sizeof filler - 1] = 0;
    for (int i = 0; i < 20; i++) {
        fake_put_push(fake, "jobs", filler);
        fake_step(fake);
    }
    fake_put_confirm(fake, 3);
    assert_int_equal(ringpost_push(fake->handle, event.name, event.body, NULL, WAIT_MS), 0);
    fake_step(fake);
    fake_take(fake, OP_PUSH);
    fake_take(fake, OP_PUSH);
    assert_bytes(bytes_to(fake_take(fake, OP_PUSH).body), "precious");
    assert_int_equal(fake_next(fake, RINGPOST_MESSAGE).body.size, sizeof filler - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pushes_are_gathered_and_numbered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_piece_is_written_without_being_asked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_published_message_is_a_publish_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(names_and_sizes_are_checked_here, setup, teardown),
        cmocka_unit_test_setup_teardown(flush_waits_for_the_confirm, setup, teardown),
        cmocka_unit_test_setup_teardown(flush_asks_for_the_confirm_of_what_was_published, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_call_keeps_its_time_though_the_broker_never_pauses, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_full_window_holds_pushes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_window_full_of_published_messages_asks_for_their_confirm,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_socket_that_is_full_holds_pushes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(calls_that_never_wait_write_once_the_socket_has_room, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(close_writes_what_the_socket_takes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_is_an_event_and_fails_the_flush, setup, teardown),
        cmocka_unit_test_setup_teardown(pushes_unconfirmed_at_a_loss_are_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(awaiting_what_is_unknown_never_says_that_it_is_done, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(numbers_go_on_over_a_new_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(a_loss_with_nothing_unconfirmed_leaves_nothing_unknown,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_push_during_a_loss_waits_for_the_new_connection, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_producer_that_reads_no_events_needs_no_more_memory, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(too_many_unread_events_stop_who_does_not_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_message_can_be_pushed_on_as_it_is_lent, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Every allocation of the library fails once, at every place of every scenario: the call says -ENOMEM and can be made again,
 * or the handle is closed as it is. Nothing leaks, nothing is sent twice, and nothing is called done that is not.
 */
#include "broker.h"
#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct stage {
    struct fake *fake;
    struct broker broker;
    struct ringpost_cursor *cursor;
    uint64_t pushed_count;
    bool is_giving_up; /* closes the handle after the failure, instead of going on */
};

/* An output that is empty and can hold nothing, so that each frame asks for memory. */
static void tighten(struct stage *stage)
{
    struct ringpost *handle = stage->fake->handle;
    if (!handle || output_size(&handle->output) > 0)
        return;
    free(handle->output.data);
    handle->output = (struct output){0};
}

/* Calls, and once more when that failed for want of memory. */
#define SURVIVE(expected, call)               \
    do {                                      \
        tighten(stage);                       \
        int result = (call);                  \
        if (result == -ENOMEM) {              \
            assert_true(memory_has_failed()); \
            if (stage->is_giving_up)          \
                return;                       \
            result = (call);                  \
        }                                     \
        assert_int_equal(result, expected);   \
    } while (0)

static struct ringpost_options options_of(const struct stage *stage)
{
    return (struct ringpost_options){.size = sizeof(struct ringpost_options),
                                     .server = stage->fake->address,
                                     .backoff_min_ms = 1};
}

/* What is being run, for the report of a failure; number 0: nothing. */
static struct {
    unsigned long number;
    bool is_giving_up;
} now;

static int tell(void **state)
{
    (void)state;
    if (now.number > 0)
        print_message("allocation %lu failed, and then %s\n", now.number,
                      now.is_giving_up ? "the handle was closed" : "the call was made again");
    now.number = 0;
    return 0;
}

/* One run of a scenario, in which allocation `number` fails. Returns whether the scenario has so many. */
static bool run(void (*scenario)(struct stage *), bool is_open, bool is_giving_up,
                unsigned long number)
{
    struct stage stage = {.fake = fake_create(), .is_giving_up = is_giving_up};
    size_t live = memory_live();
    now.number = number;
    now.is_giving_up = is_giving_up;
    broker_init(&stage.broker, stage.fake);
    struct ringpost_options options = options_of(&stage);
    if (is_open)
        assert_int_equal(ringpost_open(&stage.fake->handle, &options, WAIT_MS), 0);
    memory_fail(number);
    scenario(&stage);
    bool has_failed = memory_has_failed();
    memory_fail(0);
    ringpost_cursor_close(stage.cursor);
    broker_finish(&stage.broker);
    fake_destroy(stage.fake);
    assert_int_equal(memory_live(), live);
    now.number = 0;
    return has_failed;
}

static void survive(void (*scenario)(struct stage *), bool is_open)
{
    for (int is_giving_up = 0; is_giving_up <= 1; is_giving_up++) {
        unsigned long number = 1;
        while (run(scenario, is_open, is_giving_up, number))
            number++;
        assert_true(number > 1);
    }
}
static int open_handle(struct stage *stage, const char *server, int timeout_ms)
{
    struct ringpost_options options = options_of(stage);
    options.server = server;
    options.no_reconnect = 1;
    int error = ringpost_open(&stage->fake->handle, &options, timeout_ms);
    assert_int_equal(error != 0, stage->fake->handle == NULL);
    return error;
}

/* The next message, whose body is its count and what `size` leaves room for. */
static int push(struct stage *stage, size_t size)
{
    static char body[FRAME_SIZE_DEFAULT];
    int text_size = snprintf(body, 24, "%" PRIu64, stage->pushed_count + 1);
    size = size > (size_t)text_size ? size : (size_t)text_size;
    uint64_t number;
    int error = ringpost_push(stage->fake->handle, ringpost_text("q"), ringpost_bytes(body, size),
                              &number, WAIT_MS);
    stage->pushed_count += error == 0;
    return error;
}

static int consume(struct stage *stage, uint32_t *id, int timeout_ms)
{
    struct ringpost_consume_options options = {.size = sizeof options, .messages = 4};
    return ringpost_consume(stage->fake->handle, ringpost_text("q"), &options, id, timeout_ms);
}

static int next(struct stage *stage, struct ringpost_event *event)
{
    return ringpost_next(stage->fake->handle, event, WAIT_MS);
}

/* Reads events up to one of `kind`. Returns 0 or -errno. */
static int read_to(struct stage *stage, int kind)
{
    struct ringpost_event event;
    int error;
    do
        error = next(stage, &event);
    while (error == 1 && event.kind != kind);
    return error == 1 ? 0 : error;
}

static int flush(struct stage *stage)
{
    return ringpost_flush(stage->fake->handle, WAIT_MS);
}

static void open_and_flush(struct stage *stage)
{
    SURVIVE(0, open_handle(stage, stage->fake->address, WAIT_MS));
    SURVIVE(0, flush(stage));
}

static void opening(void **state)
{
    (void)state;
    survive(open_and_flush, false);
}

/* Has the fake listen on TCP, and writes its address. */
static void listen_on_tcp(struct fake *fake, char *server, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_size = sizeof address;
    close(fake->listener);
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fake->listener, 1), 0);
    getsockname(fake->listener, (struct sockaddr *)&address, &address_size);
    snprintf(server, size, "127.0.0.1:%d", ntohs(address.sin_port));
}

/* Without reconnecting an address that was passed over would be the end. */
static void open_by_steps(struct stage *stage)
{
    char server[32];
    listen_on_tcp(stage->fake, server, sizeof server);
    SURVIVE(0, open_handle(stage, server, 0));
    while (stage->fake->handle->link.state != LINK_UP) {
        SURVIVE(0, ringpost_step(stage->fake->handle));
        broker_turn(&stage->broker);
    }
}

static void opening_by_steps(void **state)
{
    (void)state;
    survive(open_by_steps, false);
}

static void push_and_publish(struct stage *stage)
{
    SURVIVE(0, push(stage, 0));
    SURVIVE(0, push(stage, 0));
    SURVIVE(0, ringpost_publish(stage->fake->handle, ringpost_text("t"), ringpost_text("3"), NULL,
                                WAIT_MS));
    SURVIVE(0, flush(stage));
    assert_int_equal(stage->broker.taken_count, 3);
    assert_int_equal(ringpost_is_settled(stage->fake->handle, 3), 1);
}

static void producing(void **state)
{
    (void)state;
    survive(push_and_publish, true);
}

static void push_large(struct stage *stage)
{
    for (int i = 0; i < 3; i++)
        SURVIVE(0, push(stage, 700000));
    SURVIVE(0, flush(stage));
    assert_int_equal(stage->broker.taken_count, 3);
}

static void producing_large_messages(void **state)
{
    (void)state;
    survive(push_large, true);
}

static void push_through_a_window(struct stage *stage)
{
    stage->broker.window = 2;
    SURVIVE(0, open_handle(stage, stage->fake->address, WAIT_MS));
    for (int i = 0; i < 5; i++)
        SURVIVE(0, push(stage, 0));
    SURVIVE(0, ringpost_await(stage->fake->handle, 5, WAIT_MS));
    assert_int_equal(stage->broker.taken_count, 5);
}

static void producing_through_a_full_window(void **state)
{
    (void)state;
    survive(push_through_a_window, false);
}

/* The broker confirms one of three and hangs up. */
static void push_and_lose(struct stage *stage)
{
    struct ringpost_event event;
    for (int i = 0; i < 3; i++)
        SURVIVE(0, push(stage, 0));
    stage->broker.confirm_max = 1;
    stage->broker.is_leaving = true;
    SURVIVE(-ECONNRESET, flush(stage));
    SURVIVE(-ECONNRESET, ringpost_await(stage->fake->handle, 2, WAIT_MS));
    assert_int_equal(ringpost_is_settled(stage->fake->handle, 3), -ECONNRESET);
    SURVIVE(1, next(stage, &event));
    assert_int_equal(event.kind, RINGPOST_UNKNOWN);
    assert_int_equal(event.first + event.count, 4);
    assert_in_range(event.first, 1, 2);
    SURVIVE(1, next(stage, &event));
    assert_int_equal(event.kind, RINGPOST_LOST);
    SURVIVE(0, push(stage, 0));
    SURVIVE(0, flush(stage));
    assert_int_equal(stage->broker.taken_count, 4);
}

static void losing_what_is_unconfirmed(void **state)
{
    (void)state;
    survive(push_and_lose, true);
}

static void consume_and_settle(struct stage *stage)
{
    struct ringpost *handle = stage->fake->handle;
    struct ringpost_event event;
    uint32_t id;
    SURVIVE(0, consume(stage, &id, WAIT_MS));
    for (int i = 0; i < 3; i++) {
        SURVIVE(1, next(stage, &event));
        assert_int_equal(event.id, id);
        assert_int_equal(event.tags.first, i + 1);
        SURVIVE(0, i == 0   ? ringpost_ack(handle, &event.tags)
                   : i == 1 ? ringpost_return(handle, &event.tags)
                            : ringpost_reject(handle, &event.tags));
    }
    SURVIVE(0, flush(stage));
    assert_int_equal(stage->broker.settled_count, 3);
    assert_int_equal(stage->broker.consumers_count, 1);
}

static void consuming(void **state)
{
    (void)state;
    survive(consume_and_settle, true);
}

/* A consumer is gone whatever the call returns, and the broker gets to know it. */
static int cancel(struct stage *stage, uint32_t id, int timeout_ms)
{
    int error = ringpost_cancel(stage->fake->handle, id, timeout_ms);
    assert_int_equal(ringpost_cancel(stage->fake->handle, id, timeout_ms), -ENOENT);
    return error == -ENOMEM && !stage->is_giving_up ? 0 : error;
}

static void start_and_stop_many(struct stage *stage)
{
    uint32_t ids[10], topic;
    for (int i = 0; i < 10; i++)
        SURVIVE(0, consume(stage, &ids[i], i % 2 ? WAIT_MS : 0));
    SURVIVE(0, ringpost_subscribe(stage->fake->handle, ringpost_text("t"), NULL, &topic, WAIT_MS));
    SURVIVE(0, flush(stage));
    assert_int_equal(stage->broker.consumers_count, 10);
    assert_int_equal(stage->broker.listened_count, 1);
    for (int i = 0; i < 10; i++)
        SURVIVE(0, cancel(stage, ids[i], i % 3 ? WAIT_MS : 0));
    SURVIVE(0, flush(stage));
    assert_int_equal(stage->broker.consumers_count, 0);
}

static void starting_and_stopping_consumers(void **state)
{
    (void)state;
    survive(start_and_stop_many, true);
}

/* What could not be cancelled on the old connection is not started on the new one. */
static void stop_and_lose(struct stage *stage)
{
    uint32_t ids[2];
    for (int i = 0; i < 2; i++)
        SURVIVE(0, consume(stage, &ids[i], WAIT_MS));
    SURVIVE(0, cancel(stage, ids[0], 0));
    broker_drop(&stage->broker);
    SURVIVE(0, read_to(stage, RINGPOST_RECONNECTED));
    SURVIVE(0, flush(stage));
    SURVIVE(0, ringpost_ping(stage->fake->handle, NULL, WAIT_MS));
    assert_int_equal(stage->broker.consumers_count, 1);
}

static void stopping_and_losing(void **state)
{
    (void)state;
    survive(stop_and_lose, true);
}

static void subscribe_and_listen(struct stage *stage)
{
    struct ringpost *handle = stage->fake->handle;
    struct ringpost_subscribe_options options = {.size = sizeof options, .wildcard = 1};
    struct ringpost_event event;
    uint32_t id;
    stage->broker.message_size = 700000;
    SURVIVE(0, ringpost_subscribe(handle, ringpost_text("a.*"), &options, &id, WAIT_MS));
    SURVIVE(0, ringpost_ping(handle, NULL, WAIT_MS));
    for (int i = 0; i < 3; i++) {
        SURVIVE(1, next(stage, &event));
        assert_int_equal(event.id, id);
        assert_int_equal(event.body.size, 700000);
    }
    int error = ringpost_unsubscribe(handle, id, WAIT_MS);
    if (error == -ENOMEM && stage->is_giving_up)
        return;
    assert_true(error == 0 || memory_has_failed());
    SURVIVE(0, flush(stage));
    assert_int_equal(stage->broker.listened_count, 0);
}

static void listening_to_large_messages(void **state)
{
    (void)state;
    survive(subscribe_and_listen, true);
}

static void give_credit(struct stage *stage)
{
    struct ringpost *handle = stage->fake->handle;
    struct ringpost_consume_options options = {.size = sizeof options, .manual = 1};
    uint32_t id;
    SURVIVE(0, ringpost_consume(handle, ringpost_text("q"), &options, &id, 0));
    SURVIVE(0, ringpost_credit(handle, id, 5, 500));
    SURVIVE(0, flush(stage));
    assert_int_equal(stage->broker.consumers_count, 1);
    assert_int_equal(source_find(&handle->sources, id)->due_count, 0);
}

static void giving_credit(void **state)
{
    (void)state;
    survive(give_credit, true);
}

static void lose_and_reconnect(struct stage *stage)
{
    struct ringpost_event event;
    uint32_t consumer, topic;
    SURVIVE(0, consume(stage, &consumer, WAIT_MS));
    SURVIVE(0, ringpost_subscribe(stage->fake->handle, ringpost_text("t"), NULL, &topic, WAIT_MS));
    broker_drop(&stage->broker);
    SURVIVE(0, read_to(stage, RINGPOST_RECONNECTED));
    for (int i = 0; i < 6; i++) {
        SURVIVE(1, next(stage, &event));
        assert_int_equal(event.id, i < 3 ? consumer : topic);
        assert_int_equal(event.tags.epoch, i < 3 ? 2 : 0);
    }
    assert_int_equal(stage->broker.connections_count, 2);
    assert_int_equal(stage->broker.consumers_count, 1);
    assert_int_equal(stage->broker.listened_count, 1);
}

static void reconnecting(void **state)
{
    (void)state;
    survive(lose_and_reconnect, true);
}

/* One round of an event loop that waits for nothing but what the handle names. */
static int loop_once(struct stage *stage)
{
    struct ringpost *handle = stage->fake->handle;
    struct pollfd watched = {.fd = ringpost_fd(handle), .events = (short)ringpost_events(handle)};
    int timeout_ms = ringpost_timeout(handle);
    bool is_timed = timeout_ms >= 0;
    assert_true(poll(&watched, 1, is_timed ? timeout_ms : WAIT_MS) > 0 || is_timed);
    return ringpost_step(handle);
}

/* Counts the messages that are here; returns 0 when there are no more, or -errno. */
static int take_ready(struct stage *stage, int *count)
{
    struct ringpost_event event;
    int error;
    while ((error = ringpost_next(stage->fake->handle, &event, 0)) == 1)
        (*count)++;
    return error;
}

static void consume_in_a_loop(struct stage *stage)
{
    uint32_t id;
    int count = 0;
    SURVIVE(0, open_handle(stage, stage->fake->address, 0));
    SURVIVE(0, consume(stage, &id, 0));
    while (count < 3) {
        SURVIVE(0, loop_once(stage));
        SURVIVE(0, take_ready(stage, &count));
    }
}

static void consuming_in_an_event_loop(void **state)
{
    (void)state;
    survive(consume_in_a_loop, false);
}

static void ask_of_queues(struct stage *stage)
{
    struct ringpost *handle = stage->fake->handle;
    struct ringpost_settings settings = {.size = sizeof settings, .max_messages = 5};
    struct ringpost_info info = {.size = sizeof info};
    struct ringpost_bytes queue = ringpost_text("q");
    uint64_t count = 0;
    SURVIVE(0, ringpost_declare(handle, queue, &settings, WAIT_MS));
    SURVIVE(0, ringpost_info(handle, queue, &info, WAIT_MS));
    assert_int_equal(info.ready, 5);
    SURVIVE(0, ringpost_pause(handle, queue, WAIT_MS));
    SURVIVE(0, ringpost_resume(handle, queue, WAIT_MS));
    SURVIVE(0, ringpost_purge(handle, queue, &count, WAIT_MS));
    assert_int_equal(count, 7);
    SURVIVE(0, ringpost_delete(handle, queue, WAIT_MS));
    SURVIVE(0, ringpost_ping(handle, NULL, WAIT_MS));
}

static void asking_of_queues(void **state)
{
    (void)state;
    survive(ask_of_queues, true);
}

/* Walks over all queues, with a new cursor. Returns how many there were, or -errno. */
static int list_all(struct stage *stage)
{
    struct ringpost_info info = {.size = sizeof info};
    int count = 0;
    ringpost_cursor_close(stage->cursor);
    int error = ringpost_list(stage->fake->handle, &stage->cursor);
    if (error)
        return error;
    while ((error = ringpost_list_next(stage->cursor, &info, WAIT_MS)) == 1)
        count++;
    return error ? error : count;
}

static void list_queues(struct stage *stage)
{
    SURVIVE(2, list_all(stage));
}

static void listing(void **state)
{
    (void)state;
    survive(list_queues, true);
}

static void peek_and_count(struct stage *stage)
{
    struct ringpost *handle = stage->fake->handle;
    struct ringpost_message message;
    struct ringpost_figure figure;
    SURVIVE(0, ringpost_peek(handle, ringpost_text("q"), 9, 0, &stage->cursor, WAIT_MS));
    SURVIVE(1, ringpost_peek_next(stage->cursor, &message));
    SURVIVE(0, ringpost_peek_next(stage->cursor, &message));
    ringpost_cursor_close(stage->cursor);
    SURVIVE(0, ringpost_stats(handle, &stage->cursor, WAIT_MS));
    SURVIVE(1, ringpost_stats_next(stage->cursor, &figure));
}

static void peeking_and_counting(void **state)
{
    (void)state;
    survive(peek_and_count, true);
}

static void request(struct stage *stage)
{
    struct ringpost *handle = stage->fake->handle;
    struct ringpost_message reply;
    struct ringpost_bytes body = ringpost_text("2+2"), address = ringpost_text("topic:sums");
    SURVIVE(0, ringpost_request(handle, address, body, NULL, &reply, WAIT_MS));
    assert_bytes(reply.body, "2+2");
    SURVIVE(0, ringpost_request(handle, address, body, NULL, &reply, WAIT_MS));
    uint32_t id;
    SURVIVE(0, ringpost_inbox(handle, &id, WAIT_MS));
}

static void requesting(void **state)
{
    (void)state;
    survive(request, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(opening, tell),
        cmocka_unit_test_teardown(opening_by_steps, tell),
        cmocka_unit_test_teardown(producing, tell),
        cmocka_unit_test_teardown(producing_large_messages, tell),
        cmocka_unit_test_teardown(producing_through_a_full_window, tell),
        cmocka_unit_test_teardown(losing_what_is_unconfirmed, tell),
        cmocka_unit_test_teardown(consuming, tell),
        cmocka_unit_test_teardown(starting_and_stopping_consumers, tell),
        cmocka_unit_test_teardown(stopping_and_losing, tell),
        cmocka_unit_test_teardown(listening_to_large_messages, tell),
        cmocka_unit_test_teardown(giving_credit, tell),
        cmocka_unit_test_teardown(reconnecting, tell),
        cmocka_unit_test_teardown(consuming_in_an_event_loop, tell),
        cmocka_unit_test_teardown(asking_of_queues, tell),
        cmocka_unit_test_teardown(listing, tell),
        cmocka_unit_test_teardown(peeking_and_counting, tell),
        cmocka_unit_test_teardown(requesting, tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

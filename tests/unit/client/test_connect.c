#include "fake.h"

#include "base/time.h"
#include "client/link.h"
#include "frame/field.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void hello_says_what_the_options_say(void **state)
{
    struct fake *fake = *state;
    struct ringpost_options options = {.size = sizeof options,
                                       .client = "tester",
                                       .password = "sesame",
                                       .window = 100,
                                       .window_bytes = 5000};
    fake_open_idle(fake, &options);
    struct taken hello = fake_accept(fake);
    unsigned char fields[128];
    size_t size = field_put_bytes(fields, "client", bytes_text("tester"));
    size += field_put_number(fields + size, "window", 100);
    size += field_put_number(fields + size, "window-bytes", 5000);
    size += field_put_bytes(fields + size, "password", bytes_text("sesame"));
    size += field_put_number(fields + size, "heartbeats", 1);
    assert_int_equal(hello.head.flags, 0);
    assert_int_equal(hello.head.name_size, 0);
    assert_int_equal(load_u32(hello.body.data), 1);
    assert_int_equal(hello.body.size, 4 + size);
    assert_memory_equal(hello.body.data + 4, fields, size);
}

static void the_longest_name_and_password_fit_the_hello(void **state)
{
    struct fake *fake = *state;
    char name[257];
    memset(name, 'n', sizeof name);
    name[256] = 0;
    struct ringpost_options options = {
        .size = sizeof options, .server = fake->address, .client = name};
    assert_int_equal(ringpost_open(&fake->handle, &options, 0), -EINVAL);
    name[255] = 0;
    options.window = UINT32_MAX;
    options.window_bytes = UINT64_MAX;
    char password[1026];
    memset(password, 'p', sizeof password);
    password[1025] = 0;
    options.password = password;
    assert_int_equal(ringpost_open(&fake->handle, &options, 0), -EINVAL);
    password[1024] = 0;
    fake_open_idle(fake, &options);
    assert_int_equal(fake_accept(fake).body.size,
                     4 + 4 + 6 + 255 + 4 + 6 + 8 + 4 + 12 + 8 + 4 + 8 + 1024 + 4 + 10 + 8);
}

static void what_the_broker_grants_holds(void **state)
{
    struct fake *fake = *state;
    fake_open_idle(fake, NULL);
    assert_int_equal(ringpost_frame_max(fake->handle), 0);
    assert_string_equal(ringpost_server_name(fake->handle), "");
    fake_welcome(fake, 12, 3456, 7890);
    assert_int_equal(ringpost_frame_max(fake->handle), 7890);
    assert_string_equal(ringpost_server_name(fake->handle), "ringpost/fake");
    assert_int_equal(fake->handle->window.frames_max, 12);
    assert_int_equal(fake->handle->window.bytes_max, 3456);
    fake_next_none(fake);
}

static void a_frame_max_from_another_world_is_capped(void **state)
{
    struct fake *fake = *state;
    fake_open_idle(fake, NULL);
    fake_welcome(fake, 12, 3456, UINT64_MAX);
    assert_int_equal(ringpost_frame_max(fake->handle), 64 * 1024 * 1024);
}

static void grants_of_nothing_are_no_grants(void **state)
{
    struct fake *fake = *state;
    static const uint64_t grants[][3] = {{0, 1, 1 << 20}, {1, 0, 1 << 20}, {1, 1, 0}, {1, 1, 100}};
    fake_open_idle(fake, NULL);
    for (size_t i = 0; i < sizeof grants / sizeof *grants; i++) {
        fake_accept(fake);
        fake_put_welcome(fake, grants[i][0], grants[i][1], grants[i][2]);
        fake_step(fake);
        assert_int_equal(fake->handle->link.state, LINK_DOWN);
        assert_int_equal(fake->handle->link.error, -EPROTO);
        fake_drop(fake);
    }
}

static void options_that_cannot_be_are_refused(void **state)
{
    struct fake *fake = *state;
    struct ringpost_options options = {.size = sizeof options, .server = "nowhere:0"};
    assert_int_equal(ringpost_open(&fake->handle, &options, 0), -EINVAL);
    assert_null(fake->handle);
    options = (struct ringpost_options){.server = fake->address};
    assert_int_equal(ringpost_open(&fake->handle, &options, 0), -EINVAL);
    struct {
        struct ringpost_options known;
        uint64_t unknown;
    } tomorrow = {{.size = sizeof tomorrow, .server = fake->address}, 0};
    assert_int_equal(ringpost_open(&fake->handle, &tomorrow.known, 0), 0);
    ringpost_close(fake->handle);
    tomorrow.unknown = 1;
    assert_int_equal(ringpost_open(&fake->handle, &tomorrow.known, 0), -EINVAL);
}

static void the_server_may_stand_in_the_environment(void **state)
{
    struct fake *fake = *state;
    setenv("RINGPOST_SERVER", fake->address, 1);
    assert_int_equal(ringpost_open(&fake->handle, NULL, 0), 0);
    unsetenv("RINGPOST_SERVER");
    fake_accept(fake);
}

static void open_fails_when_nobody_is_there(void **state)
{
    struct fake *fake = *state;
    struct ringpost_options options = {.size = sizeof options, .server = "unix:/nonexistent/x"};
    assert_int_equal(ringpost_open(&fake->handle, &options, WAIT_MS), -ENOENT);
    assert_null(fake->handle);
    options.server = "unix:/nonexistent/x,unix:/dev/null";
    assert_int_equal(ringpost_open(&fake->handle, &options, -1), -ECONNREFUSED);
}

static void open_keeps_its_time(void **state)
{
    struct fake *fake = *state;
    struct ringpost_options options = {.size = sizeof options, .server = fake->address};
    assert_int_equal(ringpost_open(&fake->handle, &options, 10), -ETIMEDOUT);
    assert_null(fake->handle);
    options.connect_timeout_ms = 1;
    assert_int_equal(ringpost_open(&fake->handle, &options, WAIT_MS), -ETIMEDOUT);
}

static void the_second_address_is_tried_when_the_first_is_dead(void **state)
{
    struct fake *fake = *state;
    char servers[200] = "unix:/nonexistent/x,";
    memcpy(servers + strlen(servers), fake->address, strlen(fake->address) + 1);
    struct ringpost_options options = {.size = sizeof options, .server = servers};
    fake_open(fake, &options);
}

/* Has the fake listen on a port of 127.0.0.1; returns it. */
static int listen_on_tcp(struct fake *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    close(fake->listener);
    fake->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fake->listener, 1), 0);
    assert_int_equal(getsockname(fake->listener, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static void tcp_works_like_the_unix_socket(void **state)
{
    struct fake *fake = *state;
    char server[32];
    snprintf(server, sizeof server, "127.0.0.1:%d", listen_on_tcp(fake));
    struct ringpost_options options = {.size = sizeof options, .server = server};
    fake_open_idle(fake, &options);
    fake_accept(fake);
}

/* It may stand for ::1 as well, where nobody listens. */
static void a_host_name_is_looked_up(void **state)
{
    struct fake *fake = *state;
    char server[32];
    snprintf(server, sizeof server, "localhost:%d", listen_on_tcp(fake));
    struct ringpost_options options = {.size = sizeof options, .server = server};
    fake_open_idle(fake, &options);
    fake_accept(fake);
}

static void a_port_where_nobody_listens_is_refused(void **state)
{
    struct fake *fake = *state;
    char server[64];
    int port = listen_on_tcp(fake);
    close(fake->listener);
    fake->listener = -1;
    snprintf(server, sizeof server, "127.0.0.1:%d,127.0.0.1:%d", port, port);
    struct ringpost_options options = {.size = sizeof options, .server = server};
    assert_int_equal(ringpost_open(&fake->handle, &options, WAIT_MS), -ECONNREFUSED);
}

static void a_hello_that_is_refused_says_why(void **state)
{
    struct fake *fake = *state;
    struct ringpost_options options = {.size = sizeof options, .no_reconnect = 1};
    fake_open_idle(fake, &options);
    fake_accept(fake);
    fake_put_error(fake, 0, 0, RINGPOST_STATUS_VERSION, "speak\nversion 1");
    fake_step(fake);
    assert_int_equal(fake->handle->link.error, -EPROTONOSUPPORT);
    assert_int_equal(ringpost_status(fake->handle), RINGPOST_STATUS_VERSION);
    assert_string_equal(ringpost_error_text(fake->handle), "speak?version 1");
    struct ringpost_event event;
    assert_int_equal(ringpost_next(fake->handle, &event, WAIT_MS), -ENOTCONN);
    assert_int_equal(ringpost_push(fake->handle, ringpost_text("q"), ringpost_text(""), NULL, -1),
                     -ENOTCONN);
}

static void a_lost_connection_is_told_and_made_again(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    fake_drop(fake);
    struct ringpost_event lost = fake_next(fake, RINGPOST_LOST);
    assert_int_equal(lost.error, -ECONNRESET);
    fake_next_none(fake);
    fake_welcome(fake, 10, 1000, FRAME_SIZE_DEFAULT);
    fake_next(fake, RINGPOST_RECONNECTED);
    fake_next_none(fake);
    assert_int_equal(fake->handle->epoch, 2);
}

static void without_reconnect_it_stays_lost(void **state)
{
    struct fake *fake = *state;
    struct ringpost_options options = {.size = sizeof options, .no_reconnect = 1};
    fake_open(fake, &options);
    fake_drop(fake);
    struct ringpost_event event;
    assert_int_equal(ringpost_next(fake->handle, &event, -1), 1);
    assert_int_equal(event.kind, RINGPOST_LOST);
    assert_int_equal(ringpost_next(fake->handle, &event, -1), -ENOTCONN);
    assert_int_equal(ringpost_ping(fake->handle, NULL, -1), -ENOTCONN);
    assert_int_equal(ringpost_step(fake->handle), -ENOTCONN);
    assert_int_equal(ringpost_fd(fake->handle), -1);
    assert_int_equal(ringpost_timeout(fake->handle), -1);
}

static void attempts_come_less_and_less_often(void **state)
{
    struct fake *fake = *state;
    struct ringpost_options options = {.size = sizeof options,
                                       .server = "unix:/nonexistent/x",
                                       .backoff_min_ms = 1000,
                                       .backoff_max_ms = 5000};
    fake_open_idle(fake, &options);
    static const int pauses[] = {1000, 2000, 4000, 5000, 5000};
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        fake->handle->link.timer_ns = 0;
        fake_step(fake);
        fake_step(fake);
        int timeout_ms = ringpost_timeout(fake->handle);
        assert_in_range(timeout_ms, pauses[i] / 2 - 100, pauses[i]);
    }
}

/* Loses the connection after `seconds`; returns how many milliseconds pass before the next attempt. */
static int lose(struct fake *fake, unsigned seconds)
{
    fake_drop(fake);
    fake_look_s = seconds;
    fake_step(fake);
    fake_look_s = 0;
    int timeout_ms = (int)((fake->handle->link.timer_ns - clock_ns()) / NS_PER_MS);
    fake->handle->link.timer_ns = 0;
    fake_welcome(fake, 10, 1000, FRAME_SIZE_DEFAULT);
    return timeout_ms;
}

static void connections_that_do_not_last_come_less_and_less_often(void **state)
{
    struct fake *fake = *state;
    struct ringpost_options options = {
        .size = sizeof options, .backoff_min_ms = 1000, .backoff_max_ms = 5000};
    fake_open(fake, &options);
    static const int pauses[] = {1000, 2000, 4000, 5000, 5000};
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++)
        assert_in_range(lose(fake, 0), pauses[i] / 2 - 100, pauses[i]);
    assert_in_range(lose(fake, 5), 0, 1000);
    assert_in_range(lose(fake, 0), 400, 1000);
    assert_in_range(lose(fake, 0), 900, 2000);
}

static void a_broker_that_drops_the_hello_is_no_event(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    fake_drop(fake);
    fake_next(fake, RINGPOST_LOST);
    for (int i = 0; i < 3; i++) {
        fake_accept(fake);
        fake_put_raw(fake, "\xc0", 1);
        fake_drop(fake);
        fake_next_none(fake);
    }
    fake_welcome(fake, 10, 1000, FRAME_SIZE_DEFAULT);
    fake_next(fake, RINGPOST_RECONNECTED);
}

static void the_brokers_last_words_are_heard(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    fake_put_goaway(fake, RINGPOST_STATUS_CLOSING, "bye");
    fake_put_error(fake, 0, 0, RINGPOST_STATUS_PROTOCOL, "what?");
    fake_drop(fake);
    assert_int_equal(ringpost_push(fake->handle, ringpost_text("q"), ringpost_text("x"), NULL, 0),
                     0);
    assert_int_equal(ringpost_flush(fake->handle, WAIT_MS), -ECONNRESET);
    struct ringpost_event event = fake_next(fake, RINGPOST_GOAWAY);
    assert_int_equal(event.status, RINGPOST_STATUS_CLOSING);
    assert_int_equal(event.error, -ESHUTDOWN);
    assert_bytes(event.body, "bye");
    event = fake_next(fake, RINGPOST_REFUSED);
    assert_int_equal(event.first, 0);
    assert_int_equal(event.count, 0);
    assert_int_equal(event.error, -EPROTO);
    fake_next(fake, RINGPOST_UNKNOWN);
    fake_next(fake, RINGPOST_LOST);
}

static void an_event_loop_is_told_what_to_wait_for(void **state)
{
    struct fake *fake = *state;
    fake_open_idle(fake, NULL);
    assert_int_equal(ringpost_fd(fake->handle), -1);
    assert_int_equal(ringpost_timeout(fake->handle), 0);
    fake_welcome(fake, 10, 100000, FRAME_SIZE_DEFAULT);
    assert_true(ringpost_fd(fake->handle) >= 0);
    assert_int_equal(ringpost_events(fake->handle), POLLIN);
    assert_int_equal(ringpost_timeout(fake->handle), -1);
    assert_int_equal(ringpost_push(fake->handle, ringpost_text("q"), ringpost_text("x"), NULL, 0),
                     0);
    assert_int_equal(ringpost_events(fake->handle), POLLIN | POLLOUT);
    fake_step(fake);
    assert_int_equal(ringpost_events(fake->handle), POLLIN);
    fake_put_goaway(fake, RINGPOST_STATUS_CLOSING, "");
    fake_step(fake);
    assert_int_equal(ringpost_timeout(fake->handle), 0);
    fake_next(fake, RINGPOST_GOAWAY);
    assert_int_equal(ringpost_timeout(fake->handle), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hello_says_what_the_options_say, setup, teardown),
        cmocka_unit_test_setup_teardown(the_longest_name_and_password_fit_the_hello, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_the_broker_grants_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frame_max_from_another_world_is_capped, setup, teardown),
        cmocka_unit_test_setup_teardown(grants_of_nothing_are_no_grants, setup, teardown),
        cmocka_unit_test_setup_teardown(options_that_cannot_be_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(the_server_may_stand_in_the_environment, setup, teardown),
        cmocka_unit_test_setup_teardown(open_fails_when_nobody_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(open_keeps_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(the_second_address_is_tried_when_the_first_is_dead, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tcp_works_like_the_unix_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(a_host_name_is_looked_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_port_where_nobody_listens_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hello_that_is_refused_says_why, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_connection_is_told_and_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(without_reconnect_it_stays_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(attempts_come_less_and_less_often, setup, teardown),
        cmocka_unit_test_setup_teardown(connections_that_do_not_last_come_less_and_less_often,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_broker_that_drops_the_hello_is_no_event, setup, teardown),
        cmocka_unit_test_setup_teardown(the_brokers_last_words_are_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(an_event_loop_is_told_what_to_wait_for, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

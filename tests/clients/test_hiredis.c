/* Programs of hiredis: test_hiredis HOST PORT SOCKET, started by test_hiredis.py, which starts the
   server too. */
#include "check.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

enum { DEADLINE_S = 30, PIPELINED_COUNT = 10000, EVENT_WAITS_MAX = 1000, MESSAGE_COUNT = 100 };

static const char *host, *socket_path;
static int port;

static redisContext *connected(redisContext *context)
{
    assert_non_null(context);
    if (context->err)
        fail_msg("no connection: %s", context->errstr);
    const struct timeval deadline = {.tv_sec = DEADLINE_S};
    assert_int_equal(redisSetTimeout(context, deadline), REDIS_OK);
    return context;
}

static redisContext *connect_tcp(void)
{
    return connected(redisConnect(host, port));
}

static redisReply *next_reply(redisContext *context)
{
    void *reply = NULL;
    if (redisGetReply(context, &reply) != REDIS_OK)
        fail_msg("no reply: %s", context->errstr);
    return reply;
}

/* The format is hiredis's: %b is bytes and their size. */
static redisReply *ask(redisContext *context, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    assert_int_equal(redisvAppendCommand(context, format, arguments), REDIS_OK);
    va_end(arguments);
    return next_reply(context);
}

static void send_now(redisContext *context)
{
    int is_done = 0;
    while (!is_done)
        assert_int_equal(redisBufferWrite(context, &is_done), REDIS_OK);
}

static void assert_text(const redisReply *reply, int type, const char *text)
{
    assert_int_equal(reply->type, type);
    assert_string_equal(reply->str, text);
}

/* Each of these ends its reply. */

static void expect_status(redisReply *reply, const char *text)
{
    assert_text(reply, REDIS_REPLY_STATUS, text);
    freeReplyObject(reply);
}

static void expect_number(redisReply *reply, long long number)
{
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    assert_int_equal(reply->integer, number);
    freeReplyObject(reply);
}

static void expect_text(redisReply *reply, const char *text)
{
    assert_text(reply, REDIS_REPLY_STRING, text);
    freeReplyObject(reply);
}

static void expect_nothing(redisReply *reply)
{
    assert_int_equal(reply->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
}

static void expect_error(redisReply *reply, const char *text)
{
    assert_text(reply, REDIS_REPLY_ERROR, text);
    freeReplyObject(reply);
}

static void expect_pair(redisReply *reply, const char *first, const char *second)
{
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, 2);
    assert_text(reply->element[0], REDIS_REPLY_STRING, first);
    assert_text(reply->element[1], REDIS_REPLY_STRING, second);
    freeReplyObject(reply);
}

static void expect_subscription(redisReply *reply, const char *kind, const char *name, int count)
{
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, 3);
    assert_text(reply->element[0], REDIS_REPLY_STRING, kind);
    assert_text(reply->element[1], REDIS_REPLY_STRING, name);
    assert_int_equal(reply->element[2]->type, REDIS_REPLY_INTEGER);
    assert_int_equal(reply->element[2]->integer, count);
    freeReplyObject(reply);
}

static void expect_message(redisReply *reply, const char *channel, const char *text)
{
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, 3);
    assert_text(reply->element[0], REDIS_REPLY_STRING, "message");
    assert_text(reply->element[1], REDIS_REPLY_STRING, channel);
    assert_text(reply->element[2], REDIS_REPLY_STRING, text);
    freeReplyObject(reply);
}

static void a_list_is_pushed_and_popped(redisContext *context)
{
    expect_status(ask(context, "SELECT 5"), "OK");
    expect_number(ask(context, "LPUSH jobs one two"), 2);
    expect_number(ask(context, "LLEN jobs"), 2);
    expect_pair(ask(context, "BLPOP jobs 0"), "jobs", "two");
    expect_text(ask(context, "RPOP jobs"), "one");
    expect_nothing(ask(context, "LPOP jobs"));
    expect_nothing(ask(context, "BLPOP jobs 0.01"));
    redisFree(context);
}

static void a_port_is_connected_to(void **state)
{
    (void)state;
    a_list_is_pushed_and_popped(connect_tcp());
}

static void a_socket_file_is_connected_to(void **state)
{
    (void)state;
    a_list_is_pushed_and_popped(connected(redisConnectUnix(socket_path)));
}

static void a_pipeline_is_answered_in_order(void **state)
{
    (void)state;
    redisContext *context = connect_tcp();
    for (int i = 0; i < PIPELINED_COUNT; i++)
        assert_int_equal(redisAppendCommand(context, "RPUSH pipeline %d", i), REDIS_OK);
    for (int i = 0; i < PIPELINED_COUNT; i++)
        assert_int_equal(redisAppendCommand(context, "LPOP pipeline"), REDIS_OK);
    for (int i = 0; i < PIPELINED_COUNT; i++)
        expect_number(next_reply(context), i + 1);
    for (int i = 0; i < PIPELINED_COUNT; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        expect_text(next_reply(context), text);
    }
    redisFree(context);
}

static void bytes_stay_as_they_are(void **state)
{
    (void)state;
    static const char bytes[] = {0, '\r', '\n', '$', (char)0xff};
    redisContext *context = connect_tcp();
    expect_number(ask(context, "RPUSH bytes %b", bytes, sizeof bytes), 1);
    redisReply *reply = ask(context, "LPOP bytes");
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_int_equal(reply->len, sizeof bytes);
    assert_memory_equal(reply->str, bytes, sizeof bytes);
    freeReplyObject(reply);
    redisFree(context);
}

static void an_error_leaves_the_connection_usable(void **state)
{
    (void)state;
    redisContext *context = connect_tcp();
    expect_status(ask(context, "SET value text"), "OK");
    expect_error(ask(context, "RPUSH value x"),
                 "WRONGTYPE Operation against a key holding the wrong kind of value");
    expect_error(ask(context, "LLEN"), "ERR wrong number of arguments for 'llen' command");
    expect_error(ask(context, "BREW tea"),
                 "ERR unknown command 'BREW', with args beginning with: 'tea' ");
    expect_text(ask(context, "GET value"), "text");
    expect_number(ask(context, "DEL value"), 1);
    redisFree(context);
}

static void a_blocking_pop_waits_for_a_push(void **state)
{
    (void)state;
    redisContext *worker = connect_tcp(), *other = connect_tcp(), *page = connect_tcp();
    assert_int_equal(redisAppendCommand(worker, "BLPOP urgent plain 0"), REDIS_OK);
    send_now(worker);
    assert_int_equal(redisAppendCommand(other, "BRPOP plain 0"), REDIS_OK);
    send_now(other);
    expect_number(ask(page, "LPUSH urgent now"), 1);
    expect_pair(next_reply(worker), "urgent", "now");
    expect_number(ask(page, "LPUSH plain later"), 1);
    expect_pair(next_reply(other), "plain", "later");
    redisFree(page);
    redisFree(other);
    redisFree(worker);
}

static void a_transaction_is_done_as_one(void **state)
{
    (void)state;
    redisContext *context = connect_tcp();
    expect_status(ask(context, "MULTI"), "OK");
    expect_status(ask(context, "RPUSH list a"), "QUEUED");
    expect_status(ask(context, "LPOP list"), "QUEUED");
    redisReply *reply = ask(context, "EXEC");
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, 2);
    assert_int_equal(reply->element[0]->integer, 1);
    assert_text(reply->element[1], REDIS_REPLY_STRING, "a");
    freeReplyObject(reply);
    redisFree(context);
}

static void a_subscriber_hears_what_is_published(void **state)
{
    (void)state;
    redisContext *listener = connect_tcp(), *page = connect_tcp();
    expect_subscription(ask(listener, "SUBSCRIBE rain sun"), "subscribe", "rain", 1);
    expect_subscription(next_reply(listener), "subscribe", "sun", 2);
    expect_number(ask(page, "PUBLISH sun shines"), 1);
    expect_message(next_reply(listener), "sun", "shines");
    expect_subscription(ask(listener, "UNSUBSCRIBE sun"), "unsubscribe", "sun", 1);
    expect_number(ask(page, "PUBLISH sun sets"), 0);
    expect_number(ask(page, "PUBLISH rain falls"), 1);
    expect_message(next_reply(listener), "rain", "falls");
    redisFree(page);
    redisFree(listener);
}

/* The adapter of an event loop for one connection: what it waits for, to be given to poll(). */
struct loop {
    short events;
    int heard_count;
    bool is_connected, is_over;
};

static void wait_to_read(void *loop)
{
    ((struct loop *)loop)->events |= POLLIN;
}

static void wait_to_read_no_more(void *loop)
{
    ((struct loop *)loop)->events &= (short)~POLLIN;
}

static void wait_to_write(void *loop)
{
    ((struct loop *)loop)->events |= POLLOUT;
}

static void wait_to_write_no_more(void *loop)
{
    ((struct loop *)loop)->events &= (short)~POLLOUT;
}

static void wait_no_more(void *loop)
{
    ((struct loop *)loop)->events = 0;
}

static void on_connect(const redisAsyncContext *context, int status)
{
    assert_int_equal(status, REDIS_OK);
    ((struct loop *)context->data)->is_connected = true;
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    assert_int_equal(status, REDIS_OK);
    ((struct loop *)context->data)->is_over = true;
}

/* Publishes as many messages as are to be heard once it has subscribed, and leaves after them. */
static void on_news(redisAsyncContext *context, void *data, void *page)
{
    const redisReply *reply = data;
    struct loop *loop = context->data;
    if (!reply)
        return; /* the connection ended */
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    if (strcmp(reply->element[0]->str, "subscribe") == 0) {
        for (int i = 0; i < MESSAGE_COUNT; i++)
            expect_number(ask(page, "PUBLISH news %d", i), 1);
        return;
    }
    if (strcmp(reply->element[0]->str, "message") != 0)
        return;
    assert_int_equal(strtol(reply->element[2]->str, NULL, 10), loop->heard_count);
    if (++loop->heard_count == MESSAGE_COUNT)
        redisAsyncDisconnect(context);
}

static void run_loop(redisAsyncContext *context, const struct loop *loop)
{
    for (int i = 0; i < EVENT_WAITS_MAX && !loop->is_over; i++) {
        struct pollfd wait = {.fd = context->c.fd, .events = loop->events};
        assert_int_equal(poll(&wait, 1, DEADLINE_S * 1000), 1);
        if (wait.revents & POLLOUT)
            redisAsyncHandleWrite(context);
        else
            redisAsyncHandleRead(context);
    }
}

static void an_event_loop_is_served_too(void **state)
{
    (void)state;
    struct loop loop = {0};
    redisContext *page = connect_tcp();
    redisAsyncContext *context = redisAsyncConnect(host, port);
    assert_int_equal(context->err, 0);
    context->data = &loop;
    context->ev.data = &loop;
    context->ev.addRead = wait_to_read;
    context->ev.delRead = wait_to_read_no_more;
    context->ev.addWrite = wait_to_write;
    context->ev.delWrite = wait_to_write_no_more;
    context->ev.cleanup = wait_no_more;
    assert_int_equal(redisAsyncSetConnectCallback(context, on_connect), REDIS_OK);
    assert_int_equal(redisAsyncSetDisconnectCallback(context, on_disconnect), REDIS_OK);
    assert_int_equal(redisAsyncCommand(context, on_news, page, "SUBSCRIBE news"), REDIS_OK);
    run_loop(context, &loop);
    assert_true(loop.is_connected && loop.is_over);
    assert_int_equal(loop.heard_count, MESSAGE_COUNT);
    redisFree(page);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: test_hiredis HOST PORT SOCKET\n");
        return 2;
    }
    host = argv[1];
    port = (int)strtol(argv[2], NULL, 10);
    socket_path = argv[3];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_is_connected_to),
        cmocka_unit_test(a_socket_file_is_connected_to),
        cmocka_unit_test(a_pipeline_is_answered_in_order),
        cmocka_unit_test(bytes_stay_as_they_are),
        cmocka_unit_test(an_error_leaves_the_connection_usable),
        cmocka_unit_test(a_blocking_pop_waits_for_a_push),
        cmocka_unit_test(a_transaction_is_done_as_one),
        cmocka_unit_test(a_subscriber_hears_what_is_published),
        cmocka_unit_test(an_event_loop_is_served_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The client library against a broker that says what the input says, and a user who does what it
 * says, on a socket and a clock that are the input's too. Whatever comes, the events and answers
 * keep to what ringpost.h promises.
 */
#include "babble.h"
#include "base/time.h"
#include "frame/frame.h"
#include "ringpost.h"
#include "target.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PUSHES_MAX = 256, SOURCES_MAX = 64, BATCH = 4, LENT_SIZE_MAX = 64 };

/* A message that was taken, and what was heard of it. */
struct pushed {
    uint64_t number;
    bool is_settled, is_unknown;
};

struct world {
    struct choices choices;
    struct ringpost *handle;
    int listener, fd; /* -1: no connection */
    struct pushed pushed[PUSHES_MAX];
    unsigned pushed_count;
    uint32_t ids[SOURCES_MAX]; /* of consumers and subscriptions that are there */
    unsigned ids_count;
    int timeout_ms;                    /* of all calls */
    struct ringpost_tags tags;         /* delivered last */
    struct ringpost_bytes lent;        /* of the last event ... */
    unsigned char copy[LENT_SIZE_MAX]; /* ... as it was then */
    unsigned char sum;                 /* of all that was lent */
};

static uint64_t now_ns; /* the client's clocks */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)
        return __real_clock_gettime(clock, now);
    now->tv_sec = (time_t)(now_ns / NS_PER_S);
    now->tv_nsec = (long)(now_ns % NS_PER_S);
    return 0;
}

int __real_poll(struct pollfd *watched, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms);

/* Nobody says anything while the client waits, so the time is over at once. */
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
    int ready = __real_poll(watched, count, 0);
    assert(timeout_ms >= 0);
    now_ns += ready == 0 ? (uint64_t)timeout_ms * NS_PER_MS : 0;
    return ready;
}

/* The client's thread only writes, and when is not for the input to say: it is never there. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument);
int __wrap_pthread_join(pthread_t thread, void **result);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *argument)
{
    (void)attributes, (void)run, (void)argument;
    *thread = pthread_self();
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
    (void)thread, (void)result;
    return 0;
}

static struct sockaddr_un listener_name = {.sun_family = AF_UNIX};

static void listener_forget(void)
{
    unlink(listener_name.sun_path);
}

/* The broker's end of all connections. */
static int listener_open(void)
{
    snprintf(listener_name.sun_path, sizeof listener_name.sun_path, "/tmp/ringpost-fuzz-%d",
             (int)getpid());
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = bind(listener, (struct sockaddr *)&listener_name, sizeof listener_name);
    assert(error == 0);
    error = listen(listener, 8);
    assert(error == 0);
    atexit(listener_forget);
    return listener;
}

/* The broker takes the next connection, or ends the one there is. */
static void accept_or_drop(struct world *world)
{
    if (world->fd >= 0) {
        close(world->fd);
        world->fd = -1;
    } else {
        world->fd = accept4(world->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
}

/* The broker reads what it was sent, and thinks nothing of it. */
static void drain(struct world *world)
{
    static unsigned char bytes[65536];
    if (world->fd >= 0)
        (void)!recv(world->fd, bytes, sizeof bytes, MSG_DONTWAIT);
}

/* Reads every byte that is lent, for a sanitizer to see. */
static void touch(struct world *world, struct ringpost_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        world->sum ^= ((const unsigned char *)bytes.data)[i];
}

static void push(struct world *world, bool is_publish)
{
    static const unsigned char body[3000];
    struct ringpost_bytes bytes = {body, choose_number(&world->choices) % sizeof body};
    uint64_t number, last = world->pushed_count ? world->pushed[world->pushed_count - 1].number : 0;
    if (world->pushed_count == PUSHES_MAX)
        return;
    int error =
        is_publish
            ? ringpost_publish(world->handle, ringpost_text("t"), bytes, &number, world->timeout_ms)
            : ringpost_push(world->handle, ringpost_text("q"), bytes, &number, world->timeout_ms);
    if (error)
        return;
    assert(number > last);
    world->pushed[world->pushed_count++] = (struct pushed){.number = number};
}

/* What is settled stays so, and what is unknown is never called done. */
static void check_pushed(struct world *world)
{
    for (unsigned i = 0; i < world->pushed_count; i++) {
        struct pushed *pushed = &world->pushed[i];
        int answer = ringpost_is_settled(world->handle, pushed->number);
        assert(answer == 0 || answer == 1 || answer == -ECONNRESET);
        assert(answer == -ECONNRESET || !pushed->is_unknown);
        assert(answer != 0 || !pushed->is_settled);
        pushed->is_settled |= answer == 1;
    }
}

static void flush(struct world *world)
{
    if (ringpost_flush(world->handle, world->timeout_ms) != 0)
        return;
    for (unsigned i = 0; i < world->pushed_count; i++)
        assert(ringpost_is_settled(world->handle, world->pushed[i].number) != 0);
}

static void await(struct world *world)
{
    uint64_t number = choose_number(&world->choices);
    if (ringpost_await(world->handle, number, world->timeout_ms) == 0)
        assert(ringpost_is_settled(world->handle, number) == 1);
}

static uint32_t *id_find(struct world *world, uint32_t id)
{
    for (unsigned i = 0; i < world->ids_count; i++)
        if (world->ids[i] == id)
            return &world->ids[i];
    return NULL;
}

static void id_remove(struct world *world, uint32_t id)
{
    uint32_t *place = id_find(world, id);
    assert(place);
    *place = world->ids[--world->ids_count];
}

static void start(struct world *world)
{
    struct ringpost_consume_options options = {.size = sizeof options, .messages = 4};
    unsigned how = choose_below(&world->choices, 8);
    uint32_t id;
    if (world->ids_count == SOURCES_MAX)
        return;
    options.manual = how == 0;
    options.no_ack = how == 1;
    int error =
        how < 4
            ? ringpost_consume(world->handle, ringpost_text("q"), &options, &id, world->timeout_ms)
            : ringpost_subscribe(world->handle, ringpost_text("t"), NULL, &id, world->timeout_ms);
    assert(error == 0 || world->timeout_ms > 0);
    if (!error)
        world->ids[world->ids_count++] = id;
}

static void stop(struct world *world)
{
    uint32_t id = (uint32_t)choose_number(&world->choices);
    if (ringpost_cancel(world->handle, id, world->timeout_ms) != -ENOENT ||
        ringpost_unsubscribe(world->handle, id, world->timeout_ms) != -ENOENT)
        id_remove(world, id); /* whatever they say */
}

static void settle(struct world *world)
{
    struct ringpost_tags tags = world->tags;
    tags.first += choose_below(&world->choices, 2);
    switch (choose_below(&world->choices, 4)) {
    case 0: (void)ringpost_ack(world->handle, &tags); break;
    case 1: (void)ringpost_return(world->handle, &tags); break;
    case 2: (void)ringpost_reject(world->handle, &tags); break;
    default: (void)ringpost_credit(world->handle, tags.consumer, 3, 30); break;
    }
}

static void walk_headers(struct world *world, struct ringpost_bytes headers)
{
    struct ringpost_header header;
    int got;
    touch(world, headers);
    while ((got = ringpost_header_next(&headers, &header)) > 0) {
        touch(world, header.key);
        touch(world, header.bytes);
    }
    assert(got == 0);
}

static void check_event(struct world *world, const struct ringpost_event *event)
{
    assert(event->error <= 0);
    touch(world, event->name);
    touch(world, event->body);
    walk_headers(world, event->headers);
    switch (event->kind) {
    case RINGPOST_MESSAGE:
        assert(event->tags.count == event->count && event->tags.consumer == event->id);
        world->tags = event->tags; /* fall through */
    case RINGPOST_TOPIC:
        assert(event->count > 0 &&
               event->bytes >= FRAME_HEAD_SIZE * event->count); /* fall through */
    case RINGPOST_GAP: assert(id_find(world, event->id)); break;
    case RINGPOST_ENDED: id_remove(world, event->id); break;
    case RINGPOST_REFUSED:
        assert(event->error < 0 && (event->first > 0) == (event->count > 0));
        break;
    case RINGPOST_UNKNOWN:
        for (unsigned i = 0; i < world->pushed_count; i++) {
            struct pushed *pushed = &world->pushed[i];
            if (pushed->number - event->first >= event->count)
                continue;
            assert(!pushed->is_settled && !pushed->is_unknown);
            pushed->is_unknown = true;
        }
        break;
    case RINGPOST_LOST: assert(event->error < 0); break;
    case RINGPOST_LEASES_LOST:
        assert(event->count > 0 && event->tags.count == event->count);
        assert(id_find(world, event->id));
        break;
    default: assert(event->kind == RINGPOST_RECONNECTED || event->kind == RINGPOST_GOAWAY);
    }
}

/* Keeps the front of what an event lends. */
static void note_lent(struct world *world, struct ringpost_bytes bytes)
{
    size_t size = bytes.size < LENT_SIZE_MAX ? bytes.size : LENT_SIZE_MAX;
    world->lent = ringpost_bytes(bytes.data, size);
    if (size > 0)
        memcpy(world->copy, bytes.data, size);
}

static void check_lent(const struct world *world)
{
    assert(bytes_equal(bytes_of(world->lent.data, world->lent.size),
                       bytes_of(world->copy, world->lent.size)));
}

static void read_events(struct world *world)
{
    world->lent = ringpost_bytes(NULL, 0);
    struct ringpost_event event;
    struct ringpost_message messages[BATCH];
    unsigned capacity = 1 + choose_below(&world->choices, BATCH);
    int result = ringpost_next_batch(world->handle, &event, messages, capacity, world->timeout_ms);
    assert(result == 0 || result == 1);
    if (result == 0)
        return;
    check_event(world, &event);
    note_lent(world, event.body);
    bool is_batch = event.kind == RINGPOST_MESSAGE || event.kind == RINGPOST_TOPIC;
    assert(!is_batch || event.count <= capacity);
    for (unsigned i = 0; is_batch && i < event.count; i++) {
        touch(world, messages[i].name);
        touch(world, messages[i].body);
        walk_headers(world, messages[i].headers);
    }
}

static void ask_for_pages(struct world *world, unsigned which)
{
    struct ringpost_cursor *cursor = NULL;
    struct ringpost_info info = {.size = sizeof info};
    struct ringpost_message message;
    struct ringpost_figure figure;
    if (which == 0 && ringpost_list(world->handle, &cursor) == 0)
        while (ringpost_list_next(cursor, &info, world->timeout_ms) == 1)
            touch(world, info.name);
    if (which == 1 && ringpost_stats(world->handle, &cursor, world->timeout_ms) == 0)
        while (ringpost_stats_next(cursor, &figure) == 1)
            touch(world, figure.key);
    if (which == 2 &&
        ringpost_peek(world->handle, ringpost_text("q"), 3, 0, &cursor, world->timeout_ms) == 0)
        while (ringpost_peek_next(cursor, &message) == 1)
            touch(world, message.body);
    ringpost_cursor_close(cursor);
}

/* Questions whose answers, if they come, came before them. */
static void ask(struct world *world)
{
    struct ringpost_info info = {.size = sizeof info};
    struct ringpost_bytes queue = ringpost_text("q");
    uint64_t count;
    unsigned which = choose_below(&world->choices, 6);
    switch (which) {
    case 3: (void)ringpost_info(world->handle, queue, &info, world->timeout_ms); break;
    case 4: (void)ringpost_purge(world->handle, queue, &count, world->timeout_ms); break;
    case 5: (void)ringpost_ping(world->handle, NULL, world->timeout_ms); break;
    default: ask_for_pages(world, which); break;
    }
}

static void request(struct world *world)
{
    struct ringpost_message reply;
    int error = ringpost_request(world->handle, ringpost_text("topic:t"), ringpost_text("?"), NULL,
                                 &reply, world->timeout_ms);
    if (error)
        return;
    touch(world, reply.body);
    walk_headers(world, reply.headers);
}

static void make_inbox(struct world *world)
{
    uint32_t id;
    if (world->ids_count == SOURCES_MAX ||
        ringpost_inbox(world->handle, &id, world->timeout_ms) != 0)
        return;
    world->ids[world->ids_count++] = id;
    touch(world, ringpost_inbox_address(world->handle, id));
}

static void look_around(struct world *world)
{
    struct ringpost_cursor *cursor = NULL;
    struct ringpost_client client = {.size = sizeof client};
    struct ringpost_topic topic = {.size = sizeof topic};
    struct ringpost_setting setting = {.size = sizeof setting};
    unsigned which = choose_below(&world->choices, 3);
    if (which == 0 && ringpost_clients(world->handle, &cursor) == 0)
        while (ringpost_clients_next(cursor, &client, world->timeout_ms) == 1)
            touch(world, client.client);
    if (which == 1 && ringpost_topics(world->handle, &cursor) == 0)
        while (ringpost_topics_next(cursor, &topic, world->timeout_ms) == 1)
            touch(world, topic.name);
    if (which == 2 && ringpost_config(world->handle, &cursor) == 0)
        while (ringpost_config_next(cursor, &setting, world->timeout_ms) == 1)
            touch(world, setting.value);
    ringpost_cursor_close(cursor);
}

/* Requests, answers, and what else goes beyond messages. */
static void converse(struct world *world)
{
    switch (choose_below(&world->choices, 8)) {
    case 0: babble_letter(world->fd, &world->choices, OP_PUSH); break;
    case 1:
    case 2: babble_letter(world->fd, &world->choices, OP_PUBLISH); break;
    case 3: request(world); break;
    case 4: make_inbox(world); break;
    case 5: (void)ringpost_touch(world->handle, &world->tags); break;
    case 6: (void)ringpost_return_later(world->handle, &world->tags, 5); break;
    default: look_around(world); break;
    }
}

static void act(struct world *world)
{
    switch (choose_below(&world->choices, 22)) {
    case 0: accept_or_drop(world); break;
    case 1: babble_welcome(world->fd, &world->choices); break;
    case 2: babble_raw(world->fd, &world->choices); break;
    case 3: babble_message(world->fd, &world->choices, OP_PUSH); break;
    case 4: babble_message(world->fd, &world->choices, OP_PUBLISH); break;
    case 5: drain(world); break;
    case 6: push(world, false); break;
    case 7: push(world, true); break;
    case 8: flush(world); break;
    case 9: await(world); break;
    case 10: start(world); break;
    case 11: stop(world); break;
    case 12: settle(world); break;
    case 13: ask(world); break;
    case 14:
    case 15: read_events(world); break;
    case 16: (void)ringpost_step(world->handle); break;
    case 17: now_ns += NS_PER_MS * choose_byte(&world->choices); break;
    case 18: babble_head(world->fd, &world->choices, OP_PUSH); break;
    case 19: babble_head(world->fd, &world->choices, OP_PUBLISH); break;
    case 20: converse(world); break;
    default: babble_control(world->fd, &world->choices); break;
    }
    check_pushed(world);
    check_lent(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int listener = -1;
    if (listener < 0)
        listener = listener_open();
    char server[sizeof listener_name.sun_path + 8];
    snprintf(server, sizeof server, "unix:%s", listener_name.sun_path);
    struct world world = {.choices = {bytes_of(data, size)}, .listener = listener, .fd = -1};
    struct ringpost_options options = {.size = sizeof options, .server = server};
    now_ns = NS_PER_S;
    world.timeout_ms = choose_below(&world.choices, 2) ? 20 : 0;
    int error = ringpost_open(&world.handle, &options, 0);
    assert(error == 0);
    while (choices_remain(&world.choices))
        act(&world);
    ringpost_close(world.handle);
    if (world.fd >= 0)
        close(world.fd);
    while ((world.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
        close(world.fd);
    return 0;
}

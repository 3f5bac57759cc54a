#include "fake.h"

#include "frame/field.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { STEPS_MAX = 64 };

uint64_t fake_coarse_ms = 1;
uint64_t fake_look_s;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    static uint64_t skipped_s;
    if (clock == CLOCK_MONOTONIC_COARSE) {
        now->tv_sec = (time_t)(fake_coarse_ms / 1000);
        now->tv_nsec = (long)(fake_coarse_ms % 1000 * 1000000);
        return 0;
    }
    skipped_s += fake_look_s;
    int error = __real_clock_gettime(clock, now);
    now->tv_sec += (time_t)(skipped_s);
    return error;
}

struct fake *fake_create(void)
{
    static struct fake one; /* large, and not to be counted among the client's allocations */
    struct fake *fake = &one;
    memset(fake, 0, offsetof(struct fake, taken));
    fake->taken_start = fake->taken_end = fake->record_size = 0;
    fake->is_recording = false;
    fake->fd = -1;
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fake->listener >= 0);
    snprintf(fake->address, sizeof fake->address, "unix:/tmp/ringpost-fake-%d", (int)getpid());
    memcpy(fake->path, strchr(fake->address, '/'), strlen(strchr(fake->address, '/')) + 1);
    unlink(fake->path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, fake->path, strlen(fake->path));
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fake->listener, 8), 0);
    return fake;
}

void fake_destroy(struct fake *fake)
{
    ringpost_close(fake->handle);
    if (fake->fd >= 0)
        close(fake->fd);
    close(fake->listener);
    unlink(fake->path);
}

struct ringpost *fake_open_idle(struct fake *fake, const struct ringpost_options *options)
{
    struct ringpost_options taken = {.size = sizeof taken, .backoff_min_ms = 1};
    if (options)
        taken = *options;
    if (!taken.server)
        taken.server = fake->address;
    assert_int_equal(ringpost_open(&fake->handle, &taken, 0), 0);
    return fake->handle;
}

struct taken fake_accept(struct fake *fake)
{
    for (int i = 0; i < STEPS_MAX && fake->handle->link.state != LINK_GREETING; i++) {
        struct pollfd none = {.fd = -1};
        fake_step(fake);
        if (fake->handle->link.state == LINK_DOWN)
            poll(&none, 1, 1);
    }
    fake->fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(fake->fd >= 0);
    fake->taken_start = fake->taken_end = 0;
    return fake_take(fake, OP_HELLO);
}

void fake_welcome(struct fake *fake, uint64_t window, uint64_t window_bytes, uint64_t frame_max)
{
    fake_accept(fake);
    fake_put_welcome(fake, window, window_bytes, frame_max);
    fake_step(fake);
    assert_int_equal(fake->handle->link.state, LINK_UP);
}

struct ringpost *fake_open(struct fake *fake, const struct ringpost_options *options)
{
    fake_open_idle(fake, options);
    fake_welcome(fake, 65536, 64 * 1024 * 1024, FRAME_SIZE_DEFAULT);
    return fake->handle;
}

void fake_drop(struct fake *fake)
{
    close(fake->fd);
    fake->fd = -1;
}

void fake_step(struct fake *fake)
{
    int error = ringpost_step(fake->handle);
    assert_true(error == 0 || error == -ENOMEM || error == -ENOTCONN);
}

uint64_t fake_number(const struct fake *fake)
{
    return fake->handle->window.last + 1;
}

static void receive(struct fake *fake)
{
    if (fake->taken_start == fake->taken_end)
        fake->taken_start = fake->taken_end = 0;
    for (;;) {
        size_t room = FAKE_BUFFER_SIZE - fake->taken_end;
        assert_true(room > 0);
        ssize_t size = recv(fake->fd, fake->taken + fake->taken_end, room, MSG_DONTWAIT);
        if (size <= 0)
            return;
        fake->taken_end += (size_t)size;
        fake_step(fake);
    }
}

struct taken fake_take(struct fake *fake, enum op op)
{
    receive(fake);
    const unsigned char *frame = fake->taken + fake->taken_start;
    size_t size = fake->taken_end - fake->taken_start;
    assert_true(size >= FRAME_HEAD_SIZE);
    struct taken taken = {.head = frame_head_load(frame)};
    assert_int_equal(taken.head.op, op);
    assert_true(size >= taken.head.size);
    size_t skip = FRAME_HEAD_SIZE + (size_t)taken.head.name_size;
    taken.name = bytes_of(frame + FRAME_HEAD_SIZE, taken.head.name_size);
    taken.body = bytes_of(frame + skip, taken.head.size - skip);
    fake->taken_start += taken.head.size;
    return taken;
}

void fake_take_none(struct fake *fake)
{
    receive(fake);
    assert_int_equal(fake->taken_end - fake->taken_start, 0);
}

void fake_put_raw(struct fake *fake, const void *data, size_t size)
{
    if (fake->is_recording) {
        assert_true(size <= FAKE_BUFFER_SIZE - fake->record_size);
        if (size > 0)
            memcpy(fake->record + fake->record_size, data, size);
        fake->record_size += size;
        return;
    }
    const char *at = data;
    while (size > 0) {
        ssize_t sent = send(fake->fd, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            /* Full: the client has to take some first. */
            assert_int_equal(errno, EAGAIN);
            fake_step(fake);
            continue;
        }
        at += sent;
        size -= (size_t)sent;
    }
}

void fake_put(struct fake *fake, unsigned op, unsigned flags, struct bytes name, struct bytes body)
{
    unsigned char head[FRAME_HEAD_SIZE];
    frame_head_store(head, (struct frame_head){
                               .op = (uint8_t)op,
                               .flags = (uint8_t)flags,
                               .name_size = (uint16_t)name.size,
                               .size = (uint32_t)(FRAME_HEAD_SIZE + name.size + body.size),
                           });
    fake_put_raw(fake, head, sizeof head);
    fake_put_raw(fake, name.data, name.size);
    fake_put_raw(fake, body.data, body.size);
}

static void put_control(struct fake *fake, enum op op, const void *body, size_t size)
{
    fake_put(fake, op, 0, bytes_of(NULL, 0), bytes_of(body, size));
}

void fake_put_welcome(struct fake *fake, uint64_t window, uint64_t window_bytes, uint64_t frame_max)
{
    unsigned char body[256];
    size_t size = 4;
    store_u32(body, PROTOCOL_VERSION);
    size += field_put_bytes(body + size, "server", bytes_text("ringpost/fake"));
    size += field_put_number(body + size, "connection", 7);
    size += field_put_number(body + size, "window", window);
    size += field_put_number(body + size, "window-bytes", window_bytes);
    size += field_put_number(body + size, "frame-max", frame_max);
    size += field_put_number(body + size, "of-tomorrow", 1);
    if (fake->liveness_ms > 0)
        size += field_put_number(body + size, "liveness", fake->liveness_ms);
    put_control(fake, OP_WELCOME, body, size);
}

void fake_put_confirm(struct fake *fake, uint64_t settled)
{
    unsigned char body[12];
    store_u64(body, settled);
    store_u32(body + 8, 1);
    put_control(fake, OP_CONFIRM, body, sizeof body);
}

void fake_put_error(struct fake *fake, uint64_t first, uint32_t count, int status, const char *text)
{
    unsigned char body[256] = {0};
    store_u64(body, first);
    store_u32(body + 8, count);
    store_u16(body + 12, (uint16_t)status);
    memcpy(body + 16, text, strlen(text));
    put_control(fake, OP_ERROR, body, 16 + strlen(text));
}

void fake_put_reply(struct fake *fake, uint64_t number, bool has_more, struct bytes body)
{
    unsigned char whole[64 * 1024];
    assert_true(body.size <= sizeof whole - 8);
    store_u64(whole, number);
    if (body.size > 0)
        memcpy(whole + 8, body.data, body.size);
    fake_put(fake, OP_REPLY, has_more ? REPLY_MORE : 0, bytes_of(NULL, 0),
             bytes_of(whole, 8 + body.size));
}

void fake_put_lost(struct fake *fake, uint32_t id, uint64_t tag, uint32_t count)
{
    unsigned char body[16];
    store_u32(body, id);
    store_u32(body + 4, count);
    store_u64(body + 8, tag);
    put_control(fake, OP_LOST, body, sizeof body);
}

void fake_put_context(struct fake *fake, uint32_t id, uint32_t deliveries, uint64_t tag)
{
    unsigned char body[16];
    store_u32(body, id);
    store_u32(body + 4, deliveries);
    store_u64(body + 8, tag);
    fake_put(fake, OP_CONTEXT, deliveries ? CONTEXT_REDELIVERED : 0, bytes_of(NULL, 0),
             bytes_of(body, sizeof body));
}

void fake_put_push(struct fake *fake, const char *name, const char *body)
{
    fake_put(fake, OP_PUSH, 0, bytes_text(name), bytes_text(body));
}

void fake_put_publish(struct fake *fake, const char *name, const char *body)
{
    fake_put(fake, OP_PUBLISH, 0, bytes_text(name), bytes_text(body));
}

void fake_put_gap(struct fake *fake, uint32_t id, uint64_t first, uint64_t messages, uint64_t bytes)
{
    unsigned char body[32] = {0};
    store_u32(body, id);
    store_u64(body + 8, first);
    store_u64(body + 16, messages);
    store_u64(body + 24, bytes);
    put_control(fake, OP_GAP, body, sizeof body);
}

void fake_put_ended(struct fake *fake, uint32_t id, int status)
{
    unsigned char body[8] = {0};
    store_u32(body, id);
    store_u16(body + 4, (uint16_t)status);
    put_control(fake, OP_ENDED, body, sizeof body);
}

void fake_put_goaway(struct fake *fake, int status, const char *text)
{
    unsigned char body[256] = {0};
    store_u16(body, (uint16_t)status);
    memcpy(body + 4, text, strlen(text));
    put_control(fake, OP_GOAWAY, body, 4 + strlen(text));
}

uint32_t fake_consume(struct fake *fake, const struct ringpost_consume_options *options)
{
    uint32_t id = 0;
    fake_put_reply(fake, fake_number(fake), false, bytes_of(NULL, 0));
    struct ringpost_bytes queue = ringpost_text("jobs");
    assert_int_equal(ringpost_consume(fake->handle, queue, options, &id, WAIT_MS), 0);
    fake_take(fake, OP_CONSUME);
    return id;
}

uint32_t fake_subscribe(struct fake *fake, const char *topic, bool is_wildcard)
{
    uint32_t id = 0;
    struct ringpost_subscribe_options options = {.size = sizeof options, .wildcard = is_wildcard};
    fake_put_reply(fake, fake_number(fake), false, bytes_of(NULL, 0));
    struct ringpost_bytes name = ringpost_text(topic);
    assert_int_equal(ringpost_subscribe(fake->handle, name, &options, &id, WAIT_MS), 0);
    fake_take(fake, OP_SUBSCRIBE);
    return id;
}

struct ringpost_event fake_next(struct fake *fake, int kind)
{
    struct ringpost_event event;
    assert_int_equal(ringpost_next(fake->handle, &event, 0), 1);
    assert_int_equal(event.kind, kind);
    return event;
}

void fake_next_none(struct fake *fake)
{
    struct ringpost_event event;
    assert_int_equal(ringpost_next(fake->handle, &event, 0), 0);
}

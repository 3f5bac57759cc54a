#include "client/link.h"

#include "base/time.h"
#include "client/connect.h"
#include "client/scan.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * One write and one receive a turn, each as large as can be. A call that finds what it wants in
 * memory makes no system call at all; what it put out goes when somebody waits, when a piece has
 * gathered, or when it is late.
 */
static const uint64_t OUTPUT_DELAY_NS = 2 * NS_PER_MS;

uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Some milliseconds behind, but nearly free. */
static uint64_t clock_coarse_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Whether the broker confirms it only with something else. */
static bool is_lazy(enum op op)
{
    return op == OP_PUBLISH || (op >= OP_CREDIT && op <= OP_REJECT) || op == OP_TOUCH ||
           op == OP_HEARTBEAT;
}

unsigned char *link_frame(struct ringpost *handle, enum op op, unsigned flags, struct bytes name,
                          size_t body_size)
{
    size_t size = FRAME_HEAD_SIZE + name.size + body_size;
    unsigned char *frame = output_append(&handle->output, size);
    if (!frame)
        return NULL;
    struct frame_head head = {
        .op = (uint8_t)op,
        .flags = (uint8_t)flags,
        .name_size = (uint16_t)name.size,
        .size = (uint32_t)size,
    };
    frame_head_store(frame, head);
    if (name.size > 0)
        memcpy(frame + FRAME_HEAD_SIZE, name.data, name.size);
    uint64_t number = window_add(&handle->window, size);
    if (!is_lazy(op))
        handle->window.prompt_last = number;
    if (!handle->link.is_output_waiting)
        link_note_output(handle);
    return frame + FRAME_HEAD_SIZE + name.size;
}

int link_prompt(struct ringpost *handle)
{
    const struct window *window = &handle->window;
    if (handle->link.state != LINK_UP)
        return 0;
    int error = sources_stage(handle);
    if (error || window->settled == window->last || window->prompt_last == window->last)
        return error;
    return link_frame(handle, OP_PING, 0, bytes_of(NULL, 0), 0) ? 0 : -ENOMEM;
}

void link_note_output(struct ringpost *handle)
{
    if (handle->link.is_output_waiting)
        return;
    handle->link.is_output_waiting = true;
    handle->link.output_tick_ns = clock_coarse_ns();
}

bool link_is_output_late(const struct ringpost *handle)
{
    const struct link *link = &handle->link;
    return link->is_output_waiting &&
           (link->is_output_urgent || clock_coarse_ns() - link->output_tick_ns >= OUTPUT_DELAY_NS);
}

/*
 * A connection that cannot be written is not given up here: the broker's last words may wait to be
 * read, and the receive behind them finds the end.
 */
void link_send(struct ringpost *handle)
{
    struct link *link = &handle->link;
    struct output *output = &handle->output;
    while (output_size(output) > 0 && link->is_writable) {
        ssize_t sent = send(link->fd, output->data + output->start, output_size(output),
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            output_consume(output, (size_t)sent);
            link->output_written += (uint64_t)sent;
            handle->heartbeat.is_heard = true;
        } else if (errno != EINTR) {
            link->is_writable = false;
            link->is_drained = link->is_drained && errno == EAGAIN;
        }
    }
}

int link_write(struct ringpost *handle)
{
    struct link *link = &handle->link;
    int error = link->state == LINK_UP ? sources_stage(handle) : 0;
    if (link->fd >= 0 && link->state != LINK_CONNECTING)
        link_send(handle);
    if (!error && output_size(&handle->output) == 0)
        link->is_output_waiting = link->is_output_urgent = false;
    return error;
}

int link_receive(struct ringpost *handle)
{
    struct link *link = &handle->link;
    struct input *input = &handle->input;
    int room = input_reserve(input, handle->scanner.size_max);
    if (room < 0)
        return room;
    ssize_t size;
    do
        size = recv(link->fd, input_room(input), (size_t)room, MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size < 0 && errno == EAGAIN) {
        link->is_drained = true;
        return 0;
    }
    if (size <= 0) {
        int error = size < 0 ? -errno : -ECONNRESET;
        link_break(handle, error, "the broker closed the connection");
        return 1;
    }
    link->is_drained = size < room;
    link->output_written = 0;
    input->last->end += (size_t)size;
    int error = scan(handle);
    if (error && handle->scanner.is_hello_refused)
        link_break(handle, error, NULL);
    else if (error)
        link_break(handle, error, "the broker sent what the protocol does not allow");
    return 1;
}

int link_step(struct ringpost *handle, bool is_probing)
{
    struct link *link = &handle->link;
    link->is_writable |= is_probing;
    if (link->state == LINK_CLOSED)
        return -ENOTCONN;
    if (link->state == LINK_DOWN || link->state == LINK_CONNECTING)
        return connect_step(handle);
    if (link->state == LINK_GREETING && clock_ns() >= link->timer_ns) {
        link_break(handle, -ETIMEDOUT, "the broker did not answer in time");
        return 1;
    }
    int error = link->state == LINK_UP ? sources_start(handle) : 0;
    if (!error)
        error = link_write(handle);
    if (error)
        return error;
    return is_probing || !link->is_drained ? link_receive(handle) : 0;
}

static int milliseconds_until(uint64_t time, uint64_t now)
{
    if (time == TIME_NEVER)
        return -1;
    uint64_t ms = time > now ? (time - now + NS_PER_MS - 1) / NS_PER_MS : 0;
    return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

/* Whether the time is over that began with the first call. A broker that never pauses does not make it longer. */
static bool wait_is_over(struct wait *wait)
{
    if (wait->timeout_ms <= 0)
        return false;
    uint64_t now = clock_ns();
    if (wait->deadline_ns == 0)
        wait->deadline_ns = now + (uint64_t)wait->timeout_ms * NS_PER_MS;
    return now >= wait->deadline_ns;
}

/* Waits for the socket, the deadline or a timer. */
static int wait_poll(struct ringpost *handle, const struct wait *wait)
{
    if (wait->timeout_ms == 0)
        return -ETIMEDOUT;
    uint64_t now = clock_ns(), until = wait->timeout_ms > 0 ? wait->deadline_ns : TIME_NEVER;
    if (now >= until)
        return -ETIMEDOUT;
    if (link_timer(handle) < until)
        until = link_timer(handle);
    struct pollfd watch = {.fd = handle->link.fd, .events = link_events(handle)};
    heartbeat_release(&handle->heartbeat);
    int error = poll(&watch, 1, milliseconds_until(until, now)) < 0 ? -errno : 0;
    heartbeat_hold(&handle->heartbeat);
    if (error)
        return error;
    if (watch.revents & ~POLLIN)
        handle->link.is_writable = true;
    if (watch.revents & ~POLLOUT)
        handle->link.is_drained = false;
    return 0;
}

int link_turn(struct ringpost *handle, struct wait *wait)
{
    if (wait_is_over(wait))
        return -ETIMEDOUT;
    int done = link_step(handle, wait->timeout_ms == 0);
    if (done != 0)
        return done < 0 ? done : 0;
    int error = wait_poll(handle, wait);
    if (error)
        return error;
    done = link_step(handle, false);
    return done < 0 ? done : 0;
}

int link_turn_aside(struct ringpost *handle, struct wait *wait)
{
    if (input_backlog(&handle->input) > handle->config.backlog_max)
        return -ENOBUFS;
    return link_turn(handle, wait);
}

int link_await_up(struct ringpost *handle, struct wait *wait)
{
    while (handle->link.state != LINK_UP) {
        int error = link_turn_aside(handle, wait);
        if (error)
            return error;
    }
    return 0;
}

/* The pushes of this connection that are not confirmed will never be heard of again. */
static void lose(struct ringpost *handle, int error)
{
    struct window *window = &handle->window;
    struct link_loss loss = {.error = error};
    if (window->push_last > window->settled) {
        loss.first = handle->base + window->settled + 1;
        loss.count = window->push_last - window->settled;
        if (!handle->flush_error)
            handle->flush_error = -ECONNRESET;
    }
    input_notice(&handle->input, OP_LINK_LOST, &loss, sizeof loss);
    handle->base += window->last;
    window_reset(window, window->frames_max, window->bytes_max);
    sources_stop(handle);
    if (handle->request.state == REQUEST_WAITING) {
        handle->request.state = REQUEST_FAILED;
        handle->request.error = -ECONNRESET;
    }
}

void link_break(struct ringpost *handle, int error, const char *text)
{
    struct link *link = &handle->link;
    if (link->fd < 0)
        return;
    close(link->fd);
    link->fd = -1;
    input_truncate(&handle->input);
    output_clear(&handle->output);
    link->is_output_waiting = link->is_output_urgent = false;
    if (text)
        text_copy(handle->text, sizeof handle->text, bytes_text(text));
    bool was_up = link->state == LINK_UP;
    if (was_up)
        lose(handle, error);
    connect_again(handle, error, was_up);
}

short link_events(struct ringpost *handle)
{
    const struct link *link = &handle->link;
    if (link->fd < 0)
        return 0;
    if (link->state == LINK_CONNECTING)
        return POLLOUT;
    bool has_start = link->state == LINK_UP && source_first(&handle->sources, SOURCE_STOPPED);
    bool has_output = has_start || handle->sources.dirty || output_size(&handle->output) > 0;
    bool has_room = input_backlog(&handle->input) <= handle->config.backlog_max;
    return (short)((has_room ? POLLIN : 0) | (has_output ? POLLOUT : 0));
}

uint64_t link_timer(const struct ringpost *handle)
{
    enum link_state state = handle->link.state;
    return state == LINK_UP || state == LINK_CLOSED ? TIME_NEVER : handle->link.timer_ns;
}

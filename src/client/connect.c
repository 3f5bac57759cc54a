#include "client/connect.h"

#include "base/time.h"
#include "client/link.h"
#include "frame/field.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    WELCOME_SIZE_MAX = 64 * 1024, /* a frame before the broker told its own bound */
    /* LIST and PEEK answer with frames that can be larger than the largest message. */
    REPLY_SIZE_EXTRA = 2 * 1024 * 1024,
    FRAME_MAX_MIN =
        FRAME_HEAD_SIZE + FRAME_NAME_MAX, /* a bound under this is no bound to work with */
    HELLO_SIZE =
        FRAME_HEAD_SIZE + 4 + 5 * (FIELD_HEAD_SIZE + 16) + CLIENT_NAME_MAX + PASSWORD_MAX + 3 * 8,
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_COUNT = 3,
};

static void set_option(int fd, int level, int option, int value)
{
    /* A refusal costs comfort only, and a unix socket refuses most. */
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

/* So that a peer that vanished without a word is found out within about a minute. */
static void set_options(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
               1000 * (KEEPALIVE_IDLE_S + KEEPALIVE_INTERVAL_S * KEEPALIVE_COUNT));
}

static uint64_t backoff_ns(struct ringpost *handle)
{
    const struct config *config = &handle->config;
    uint64_t pause = config->backoff_min_ns;
    for (uint32_t round = 1; round < handle->link.rounds && pause < config->backoff_max_ns; round++)
        pause *= 2;
    if (pause > config->backoff_max_ns)
        pause = config->backoff_max_ns;
    return pause - random_below(&handle->link.random, pause / 2 + 1);
}

/* After a loss. Many clients lose one broker at once: chance spreads their return. */
static uint64_t pause_ns(struct ringpost *handle, uint64_t now)
{
    struct link *link = &handle->link;
    bool has_lasted = now - link->up_ns >= handle->config.backoff_max_ns;
    if (has_lasted)
        link->rounds = 0;
    else if (link->rounds < UINT32_MAX)
        link->rounds++;
    return has_lasted ? random_below(&link->random, handle->config.backoff_min_ns + 1)
                      : backoff_ns(handle);
}

void connect_again(struct ringpost *handle, int error, bool was_up)
{
    struct link *link = &handle->link;
    link->error = error;
    link->state = LINK_DOWN;
    link->timer_ns = 0;
    if (!was_up)
        return;
    address_list_rewind(&link->addresses);
    uint64_t now = clock_ns();
    link->timer_ns = now + pause_ns(handle, now);
    if (!handle->config.is_reconnecting)
        link->state = LINK_CLOSED;
}

static void round_over(struct ringpost *handle)
{
    struct link *link = &handle->link;
    if (link->rounds < UINT32_MAX)
        link->rounds++;
    link->timer_ns = clock_ns() + backoff_ns(handle);
    if (!handle->config.is_reconnecting)
        link->state = LINK_CLOSED;
}

static int socket_open(const struct sockaddr_storage *address, socklen_t size)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    set_options(fd);
    if (connect(fd, (const struct sockaddr *)address, size) < 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

/* Tries the next address. */
static int connect_next(struct ringpost *handle)
{
    struct link *link = &handle->link;
    if (clock_ns() < link->timer_ns)
        return 0;
    handle->scanner = (struct scanner){.size_max = WELCOME_SIZE_MAX};
    int room = input_reserve(&handle->input, WELCOME_SIZE_MAX);
    if (room < 0)
        return room;
    struct sockaddr_storage address;
    socklen_t size;
    int found = address_list_next(&link->addresses, &address, &size);
    if (found == -ENOMEM)
        return found;
    if (found == 0)
        round_over(handle);
    int fd = found > 0 ? socket_open(&address, size) : found;
    if (fd < 0) {
        link->error = fd;
        text_copy(handle->text, sizeof handle->text, bytes_text("cannot connect"));
    }
    if (found <= 0 || fd < 0)
        return 1;
    link->fd = fd;
    link->state = LINK_CONNECTING;
    link->timer_ns = clock_ns() + handle->config.connect_timeout_ns;
    return 1;
}

static int put_hello(struct ringpost *handle)
{
    const struct config *config = &handle->config;
    unsigned char hello[HELLO_SIZE];
    size_t size = FRAME_HEAD_SIZE;
    store_u32(hello + size, PROTOCOL_VERSION);
    size += 4;
    if (config->client[0])
        size += field_put_bytes(hello + size, "client", bytes_text(config->client));
    if (config->window)
        size += field_put_number(hello + size, "window", config->window);
    if (config->window_bytes)
        size += field_put_number(hello + size, "window-bytes", config->window_bytes);
    if (config->password[0])
        size += field_put_bytes(hello + size, "password", bytes_text(config->password));
    size += field_put_number(hello + size, "heartbeats", 1);
    frame_head_store(hello, (struct frame_head){.op = OP_HELLO, .size = (uint32_t)size});
    unsigned char *frame = output_append(&handle->output, size);
    if (!frame)
        return -ENOMEM;
    memcpy(frame, hello, size);
    return 0;
}

/* Looks whether the socket is connected by now. */
static int connect_check(struct ringpost *handle)
{
    struct link *link = &handle->link;
    struct pollfd watch = {.fd = link->fd, .events = POLLOUT};
    if (poll(&watch, 1, 0) <= 0) {
        if (clock_ns() < link->timer_ns)
            return 0;
        link_break(handle, -ETIMEDOUT, "the broker cannot be reached in time");
        return 1;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        error = errno;
    if (error) {
        link_break(handle, -error, "cannot connect");
        return 1;
    }
    error = put_hello(handle);
    if (error)
        return error;
    link->state = LINK_GREETING;
    link->is_writable = true;
    link->is_drained = false;
    return 1;
}

int connect_step(struct ringpost *handle)
{
    assert(handle->link.state == LINK_DOWN || handle->link.state == LINK_CONNECTING);
    return handle->link.state == LINK_DOWN ? connect_next(handle) : connect_check(handle);
}

struct welcome {
    uint64_t frame_max, window, window_bytes, liveness_ms;
    struct bytes server;
};

static int welcome_parse(struct bytes fields, struct welcome *welcome)
{
    int size;
    struct field field;
    while ((size = field_parse(fields, &field)) > 0) {
        fields = bytes_of(fields.data + size, fields.size - (size_t)size);
        if (field_is(&field, "frame-max"))
            welcome->frame_max = field.number;
        else if (field_is(&field, "window"))
            welcome->window = field.number;
        else if (field_is(&field, "window-bytes"))
            welcome->window_bytes = field.number;
        else if (field_is(&field, "liveness"))
            welcome->liveness_ms = field.number;
        else if (field_is(&field, "server"))
            welcome->server = field.value;
    }
    return size < 0 || welcome->window == 0 || welcome->window_bytes == 0 ? -EPROTO : 0;
}

int connect_on_welcome(struct ringpost *handle, const unsigned char *frame, size_t size)
{
    struct link *link = &handle->link;
    if (link->state != LINK_GREETING || size < FRAME_HEAD_SIZE + 4)
        return -EPROTO;
    struct welcome welcome = {FRAME_SIZE_DEFAULT, 1, 1, 0, {0}};
    struct bytes fields = bytes_of(frame + FRAME_HEAD_SIZE + 4, size - FRAME_HEAD_SIZE - 4);
    if (load_u32(frame + FRAME_HEAD_SIZE) != PROTOCOL_VERSION ||
        welcome_parse(fields, &welcome) < 0 || welcome.frame_max < FRAME_MAX_MIN)
        return -EPROTO;
    if (welcome.frame_max > FRAME_SIZE_MAX)
        welcome.frame_max = FRAME_SIZE_MAX;
    handle->frame_max = (uint32_t)welcome.frame_max;
    handle->scanner.size_max = handle->frame_max + REPLY_SIZE_EXTRA;
    window_reset(&handle->window, welcome.window, welcome.window_bytes);
    text_copy(handle->server, sizeof handle->server, welcome.server);
    heartbeat_set(&handle->heartbeat, welcome.liveness_ms);
    link->state = LINK_UP;
    link->up_ns = clock_ns();
    handle->epoch++;
    /* The first connection is not news: the reader begins on it. */
    handle->reader.epoch += handle->epoch == 1;
    return handle->epoch > 1;
}

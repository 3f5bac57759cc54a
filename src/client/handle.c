#include "client/handle.h"

#include "base/time.h"
#include "client/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    CREDIT_MESSAGES_DEFAULT = 1024,
    CREDIT_BYTES_DEFAULT = 1024 * 1024,
    CONNECT_MS_DEFAULT = 5000,
    BACKOFF_MIN_MS_DEFAULT = 100,
    BACKOFF_MAX_MS_DEFAULT = 10000,
    BACKLOG_MAX_DEFAULT = 64 * 1024 * 1024,
};

const char *ringpost_version(void)
{
    return RINGPOST_VERSION;
}

void text_copy(char *to, size_t room, struct bytes text)
{
    size_t size = text.size < room - 1 ? text.size : room - 1;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = text.data[i];
        to[i] = byte < 0x20 || byte == 0x7f ? '?' : (char)byte;
    }
    to[size] = 0;
}

int options_copy(void *to, size_t to_size, const void *from)
{
    memset(to, 0, to_size);
    if (!from)
        return 0;
    size_t size;
    memcpy(&size, from, sizeof size);
    if (size < sizeof size)
        return -EINVAL;
    for (size_t i = to_size; i < size; i++) {
        if (((const unsigned char *)from)[i] != 0)
            return -EINVAL;
    }
    memcpy(to, from, size < to_size ? size : to_size);
    return 0;
}

static uint64_t value_or(uint64_t value, uint64_t fallback)
{
    return value ? value : fallback;
}

static int config_init(struct config *config, const struct ringpost_options *options)
{
    const char *client = options->client ? options->client : "";
    const char *password = options->password ? options->password : "";
    if (strlen(client) > CLIENT_NAME_MAX || strlen(password) > PASSWORD_MAX ||
        options->credit_bytes > INT64_MAX)
        return -EINVAL;
    *config = (struct config){
        .window = options->window,
        .window_bytes = options->window_bytes,
        .credit_messages =
            options->credit_messages ? options->credit_messages : CREDIT_MESSAGES_DEFAULT,
        .credit_bytes = value_or(options->credit_bytes, CREDIT_BYTES_DEFAULT),
        .connect_timeout_ns = value_or(options->connect_timeout_ms, CONNECT_MS_DEFAULT) * NS_PER_MS,
        .backoff_min_ns = value_or(options->backoff_min_ms, BACKOFF_MIN_MS_DEFAULT) * NS_PER_MS,
        .backoff_max_ns = value_or(options->backoff_max_ms, BACKOFF_MAX_MS_DEFAULT) * NS_PER_MS,
        .backlog_max = value_or(options->backlog_max, BACKLOG_MAX_DEFAULT),
        .is_reconnecting = !options->no_reconnect,
    };
    if (config->backoff_max_ns < config->backoff_min_ns)
        config->backoff_max_ns = config->backoff_min_ns;
    memcpy(config->client, client, strlen(client));
    memcpy(config->password, password, strlen(password));
    return 0;
}

static const char *server_of(const struct ringpost_options *options)
{
    const char *server = options->server ? options->server : getenv("RINGPOST_SERVER");
    return server ? server : RINGPOST_SERVER_DEFAULT;
}

static int handle_init(struct ringpost *handle, const struct ringpost_options *options)
{
    handle->link.fd = -1;
    handle->pid = getpid();
    window_reset(&handle->window, 1, 1);
    if (getrandom(&handle->link.random.state, sizeof handle->link.random.state, GRND_NONBLOCK) < 0)
        handle->link.random.state = clock_ns();
    int error = config_init(&handle->config, options);
    if (!error)
        error = address_list_init(&handle->link.addresses, server_of(options));
    if (!error)
        error = output_init(&handle->output);
    if (!error)
        error = input_init(&handle->input);
    return error;
}

static void handle_destroy(struct ringpost *handle)
{
    if (handle->link.fd >= 0)
        close(handle->link.fd);
    address_list_finish(&handle->link.addresses);
    output_finish(&handle->output);
    input_finish(&handle->input);
    source_table_finish(&handle->sources);
    free(handle->request.reply);
    free(handle);
}

/* Waits for the first connection, but not longer than until every address was tried. */
static int await_first(struct ringpost *handle, int timeout_ms)
{
    struct wait wait = wait_for(timeout_ms);
    while (handle->link.state != LINK_UP) {
        if (handle->link.rounds > 0)
            return handle->link.error ? handle->link.error : -EHOSTUNREACH;
        int error = link_turn(handle, &wait);
        if (error)
            return error;
    }
    return 0;
}

int ringpost_open(struct ringpost **handle, const struct ringpost_options *options, int timeout_ms)
{
    struct ringpost_options taken;
    *handle = NULL;
    int error = options_copy(&taken, sizeof taken, options);
    if (error)
        return error;
    struct ringpost *opened = calloc(1, sizeof *opened);
    if (!opened)
        return -ENOMEM;
    error = handle_init(opened, &taken);
    if (!error && timeout_ms != 0)
        error = await_first(opened, timeout_ms);
    if (error)
        handle_destroy(opened);
    else
        *handle = opened;
    return error;
}

/* Writes what can be written without waiting. */
static void say_rest(struct ringpost *handle)
{
    heartbeat_stop(&handle->heartbeat);
    handle->link.is_writable = true;
    if (handle->link.state == LINK_UP)
        (void)link_write(handle);
}

void ringpost_close(struct ringpost *handle)
{
    if (!handle)
        return;
    /* A child has the descriptor, but neither the thread nor a right to speak. */
    if (handle->pid == getpid())
        say_rest(handle);
    handle_destroy(handle);
}

uint32_t ringpost_frame_max(const struct ringpost *handle)
{
    return handle->frame_max;
}

const char *ringpost_server_name(const struct ringpost *handle)
{
    return handle->server;
}

int ringpost_status(const struct ringpost *handle)
{
    return handle->status;
}

const char *ringpost_error_text(const struct ringpost *handle)
{
    return handle->text;
}

int ringpost_fd(const struct ringpost *handle)
{
    return handle->link.fd;
}

int ringpost_events(struct ringpost *handle)
{
    handle_enter(handle);
    return handle_leave(handle, link_events(handle));
}

int ringpost_timeout(const struct ringpost *handle)
{
    if (input_backlog(&handle->input) > 0)
        return 0;
    uint64_t timer = link_timer(handle);
    if (timer == TIME_NEVER)
        return -1;
    uint64_t now = clock_ns();
    uint64_t ms = timer > now ? (timer - now + NS_PER_MS - 1) / NS_PER_MS : 0;
    return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

static int step(struct ringpost *handle)
{
    struct link *link = &handle->link;
    link->is_writable = true;
    if (input_backlog(&handle->input) > handle->config.backlog_max)
        return link_write(handle);
    /* Once around for a connection that is up; one that is being made goes as far as it can. */
    bool is_up;
    int done;
    do {
        is_up = link->state == LINK_UP;
        done = link_step(handle, true);
    } while (done > 0 && !is_up);
    return done < 0 ? done : 0;
}

int ringpost_step(struct ringpost *handle)
{
    handle_enter(handle);
    return handle_leave(handle, step(handle));
}

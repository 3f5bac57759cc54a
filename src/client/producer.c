#include "client/producer.h"

#include "client/headers.h"

#include <errno.h>

enum {
    /* Bytes written after which answers are read even though nobody waits for them. */
    WRITTEN_UNREAD_MAX = 256 * 1024,
};

/* Waits until a frame of `size` bytes may be put out: connection, window and socket. */
static int await_room(struct ringpost *handle, size_t size, struct wait *wait)
{
    for (;;) {
        const struct output *output = &handle->output;
        bool is_up = handle->link.state == LINK_UP;
        if (is_up && size > handle->frame_max)
            return -EMSGSIZE;
        if (is_up && window_has_room(&handle->window, size) &&
            (output_size(output) == 0 || output_size(output) + size <= OUTPUT_MAX))
            return 0;
        int error = is_up && !window_has_room(&handle->window, size) ? link_prompt(handle) : 0;
        if (!error)
            error = link_turn_aside(handle, wait);
        if (error)
            return error;
    }
}

/* A piece has gathered. What fails here shows again, and is reported, where somebody waits. */
static void write_piece(struct ringpost *handle)
{
    if (!handle->link.is_writable)
        return;
    (void)link_write(handle);
    if (handle->link.output_written >= WRITTEN_UNREAD_MAX &&
        input_backlog(&handle->input) <= handle->config.backlog_max) {
        handle->link.output_written = 0;
        (void)link_receive(handle);
    }
}

static inline bool has_room(const struct ringpost *handle, size_t size)
{
    return handle->link.state == LINK_UP && size <= handle->frame_max &&
           output_size(&handle->output) + size <= OUTPUT_MAX &&
           window_has_room(&handle->window, size);
}

int produce(struct ringpost *handle, const struct outgoing *outgoing, uint64_t *number,
            struct wait *wait)
{
    struct ringpost_bytes name = outgoing->name, body = outgoing->body;
    int block_size = outgoing->options ? headers_size(outgoing->options) : 0;
    if (!name_is_valid(name))
        return -EINVAL;
    if (block_size < 0)
        return block_size;
    if (body.size > FRAME_SIZE_MAX)
        return -EMSGSIZE;
    size_t body_size = (size_t)block_size + body.size;
    if (!has_room(handle, FRAME_HEAD_SIZE + name.size + body_size)) {
        int error = await_room(handle, FRAME_HEAD_SIZE + name.size + body_size, wait);
        if (error)
            return error;
    }
    unsigned flags = outgoing->flags | (block_size > 0 ? MESSAGE_HEADERS : 0);
    unsigned char *place = link_frame(handle, outgoing->op, flags, bytes_from(name), body_size);
    if (!place)
        return -ENOMEM;
    if (block_size > 0)
        headers_put(place, outgoing->options, block_size);
    if (body.size > 0)
        memcpy(place + block_size, body.data, body.size);
    handle->window.push_last = handle->window.last;
    if (number)
        *number = handle->base + handle->window.last;
    if (output_size(&handle->output) >= OUTPUT_PIECE)
        write_piece(handle);
    return 0;
}

static int send_one(struct ringpost *handle, const struct outgoing *outgoing, uint64_t *number,
                    int timeout_ms)
{
    struct wait wait = wait_for(timeout_ms);
    handle_enter(handle);
    return handle_leave(handle, produce(handle, outgoing, number, &wait));
}

int ringpost_push(struct ringpost *handle, struct ringpost_bytes queue, struct ringpost_bytes body,
                  uint64_t *number, int timeout_ms)
{
    struct outgoing outgoing = {.op = OP_PUSH, .name = queue, .body = body};
    return send_one(handle, &outgoing, number, timeout_ms);
}

int ringpost_publish(struct ringpost *handle, struct ringpost_bytes topic,
                     struct ringpost_bytes body, uint64_t *number, int timeout_ms)
{
    struct outgoing outgoing = {.op = OP_PUBLISH, .name = topic, .body = body};
    return send_one(handle, &outgoing, number, timeout_ms);
}

/* The flags that the options ask for, if they are for such a message. */
static int outgoing_choose(struct outgoing *outgoing)
{
    const struct ringpost_message_options *options = outgoing->options;
    if (outgoing->op == OP_PUSH && (options->retain || options->must))
        return -EINVAL;
    outgoing->flags |= (options->retain ? PUBLISH_RETAIN : 0) | (options->must ? PUBLISH_MUST : 0);
    return 0;
}

int outgoing_address(struct outgoing *outgoing, struct ringpost_bytes address)
{
    static const struct {
        const char *prefix;
        enum op op;
        unsigned flags;
    } kinds[] = {
        {"queue:", OP_PUSH, 0}, {"topic:", OP_PUBLISH, 0}, {"inbox:", OP_PUBLISH, PUBLISH_INBOX}};
    enum { PREFIX_SIZE = 6 };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (address.size <= PREFIX_SIZE || memcmp(address.data, kinds[i].prefix, PREFIX_SIZE) != 0)
            continue;
        outgoing->op = kinds[i].op;
        outgoing->flags |= kinds[i].flags;
        outgoing->name =
            ringpost_bytes((const char *)address.data + PREFIX_SIZE, address.size - PREFIX_SIZE);
        return 0;
    }
    return -EINVAL;
}

int ringpost_send(struct ringpost *handle, struct ringpost_bytes address,
                  struct ringpost_bytes body, const struct ringpost_message_options *options,
                  uint64_t *number, int timeout_ms)
{
    struct ringpost_message_options taken;
    struct outgoing outgoing = {.body = body, .options = &taken};
    int error = options_copy(&taken, sizeof taken, options);
    if (!error)
        error = outgoing_address(&outgoing, address);
    if (!error)
        error = outgoing_choose(&outgoing);
    return error ? error : send_one(handle, &outgoing, number, timeout_ms);
}

int ringpost_push_with(struct ringpost *handle, struct ringpost_bytes queue,
                       struct ringpost_bytes body, const struct ringpost_message_options *options,
                       uint64_t *number, int timeout_ms)
{
    struct ringpost_message_options taken;
    struct outgoing outgoing = {.op = OP_PUSH, .name = queue, .body = body, .options = &taken};
    int error = options_copy(&taken, sizeof taken, options);
    if (!error)
        error = outgoing_choose(&outgoing);
    return error ? error : send_one(handle, &outgoing, number, timeout_ms);
}

int ringpost_publish_with(struct ringpost *handle, struct ringpost_bytes topic,
                          struct ringpost_bytes body,
                          const struct ringpost_message_options *options, uint64_t *number,
                          int timeout_ms)
{
    struct ringpost_message_options taken;
    struct outgoing outgoing = {.op = OP_PUBLISH, .name = topic, .body = body, .options = &taken};
    int error = options_copy(&taken, sizeof taken, options);
    if (!error)
        error = outgoing_choose(&outgoing);
    return error ? error : send_one(handle, &outgoing, number, timeout_ms);
}

static int flush_error_take(struct ringpost *handle)
{
    int error = handle->flush_error;
    handle->flush_error = 0;
    return error;
}

/* Frames of an earlier connection are settled or reported as unknown; either way nothing is to come. */
static bool is_over(const struct ringpost *handle, uint64_t number)
{
    return number <= handle->base + handle->window.settled;
}

/* The broker said nothing of it, or what it said is not remembered: only the events tell. */
static bool is_lost(const struct ringpost *handle, uint64_t number)
{
    return number > 0 && number <= handle->base;
}

static int await(struct ringpost *handle, uint64_t number, int timeout_ms)
{
    struct wait wait = wait_for(timeout_ms);
    while (!is_over(handle, number)) {
        if (number > handle->base + handle->window.last)
            return -EINVAL;
        int error = link_prompt(handle);
        if (!error)
            error = link_turn_aside(handle, &wait);
        if (error)
            return error;
    }
    int error = flush_error_take(handle);
    return !error && is_lost(handle, number) ? -ECONNRESET : error;
}

int ringpost_await(struct ringpost *handle, uint64_t number, int timeout_ms)
{
    handle_enter(handle);
    return handle_leave(handle, await(handle, number, timeout_ms));
}

/* Settlements get their numbers only when they are written out. */
static int flush(struct ringpost *handle, int timeout_ms)
{
    struct wait wait = wait_for(timeout_ms);
    while (handle->sources.dirty || !is_over(handle, handle->base + handle->window.last)) {
        int error = link_prompt(handle);
        if (!error)
            error = link_turn_aside(handle, &wait);
        if (error)
            return error;
    }
    return flush_error_take(handle);
}

int ringpost_flush(struct ringpost *handle, int timeout_ms)
{
    handle_enter(handle);
    return handle_leave(handle, flush(handle, timeout_ms));
}

int ringpost_is_settled(const struct ringpost *handle, uint64_t number)
{
    if (is_lost(handle, number))
        return -ECONNRESET;
    return is_over(handle, number);
}

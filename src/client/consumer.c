#include "client/request.h"

#include <errno.h>

/* Options as asked for, with the handle's for what was left open. */
static int options_take(const struct ringpost *handle,
                        const struct ringpost_consume_options *options,
                        struct ringpost_consume_options *taken)
{
    int error = options_copy(taken, sizeof *taken, options);
    if (error || taken->bytes > INT64_MAX)
        return -EINVAL;
    if (!taken->manual && !taken->messages)
        taken->messages = handle->config.credit_messages;
    if (!taken->manual && !taken->bytes)
        taken->bytes = handle->config.credit_bytes;
    return 0;
}

int source_close(struct ringpost *handle, struct source *source, struct wait *wait)
{
    bool is_known = source->state == SOURCE_STARTING || source->state == SOURCE_ACTIVE;
    int error = source_end(handle, source);
    if (error || !is_known || wait->timeout_ms == 0)
        return error;
    error = request_await(handle, wait);
    /* With its connection it is over as well. */
    return error == -ECONNRESET ? 0 : error;
}

/* A source whose call fails does not stay; the broker is told if it may have it. */
static void source_abandon(struct ringpost *handle, struct source *source)
{
    struct wait wait = wait_for(0);
    (void)source_close(handle, source, &wait);
}

int source_open(struct ringpost *handle, struct source *source, int timeout_ms)
{
    if (timeout_ms == 0) {
        if (handle->link.state == LINK_UP)
            (void)link_step(handle, false);
        return 0;
    }
    struct wait wait = wait_for(timeout_ms);
    source->is_awaited = true;
    int error = link_await_up(handle, &wait);
    uint32_t epoch = handle->epoch;
    while (!error && source->state != SOURCE_ACTIVE && source->state != SOURCE_REFUSED) {
        error = link_turn_aside(handle, &wait);
        if (!error && (handle->link.state != LINK_UP || handle->epoch != epoch))
            error = -ECONNRESET;
    }
    if (source->state == SOURCE_REFUSED)
        error = source->status ? ringpost_status_errno(source->status) : -EREMOTEIO;
    if (error)
        source_abandon(handle, source);
    else
        source->is_awaited = false;
    return error;
}

static int consume(struct ringpost *handle, struct ringpost_bytes queue,
                   const struct ringpost_consume_options *options, uint32_t *id, int timeout_ms)
{
    struct ringpost_consume_options taken;
    int error = options_take(handle, options, &taken);
    if (error || !name_is_valid(queue))
        return -EINVAL;
    struct source *source =
        source_create(&handle->sources, SOURCE_CONSUMER, bytes_from(queue), bytes_of(NULL, 0));
    if (!source)
        return -ENOMEM;
    source->flags =
        (uint8_t)((taken.back ? CONSUME_BACK : 0) | (taken.no_ack ? CONSUME_NO_ACK : 0));
    source->is_manual = taken.manual;
    source->count = taken.messages;
    source->bytes = taken.bytes;
    *id = source->id;
    return source_open(handle, source, timeout_ms);
}

int ringpost_consume(struct ringpost *handle, struct ringpost_bytes queue,
                     const struct ringpost_consume_options *options, uint32_t *id, int timeout_ms)
{
    handle_enter(handle);
    return handle_leave(handle, consume(handle, queue, options, id, timeout_ms));
}

static struct source *consumer_find(struct ringpost *handle, uint32_t id)
{
    struct source *source = source_find(&handle->sources, id);
    return source && source->kind == SOURCE_CONSUMER ? source : NULL;
}

static int cancel(struct ringpost *handle, uint32_t id, int timeout_ms)
{
    struct source *source = consumer_find(handle, id);
    struct wait wait = wait_for(timeout_ms);
    return source ? source_close(handle, source, &wait) : -ENOENT;
}

int ringpost_cancel(struct ringpost *handle, uint32_t id, int timeout_ms)
{
    handle_enter(handle);
    return handle_leave(handle, cancel(handle, id, timeout_ms));
}

static int credit(struct ringpost *handle, uint32_t id, uint32_t messages, uint64_t bytes)
{
    struct source *source = consumer_find(handle, id);
    if (!source)
        return -ENOENT;
    if (!source->is_manual)
        return -EINVAL;
    if (bytes > INT64_MAX || source->due_bytes + bytes > INT64_MAX ||
        source->due_count + messages > UINT32_MAX)
        return -EOVERFLOW;
    /* A new connection begins with the first credit again. */
    if (handle->link.state != LINK_UP)
        return 0;
    int error = sources_start(handle);
    if (error)
        return error;
    source->due_count += messages;
    source->due_bytes += bytes;
    source_mark(&handle->sources, source);
    link_note_output(handle);
    return 0;
}

int ringpost_credit(struct ringpost *handle, uint32_t id, uint32_t messages, uint64_t bytes)
{
    handle_enter(handle);
    return handle_leave(handle, credit(handle, id, messages, bytes));
}

/* Counts what it cannot know at what it should be. */
static void credit_settled(struct ringpost *handle, struct source *source,
                           const struct ringpost_tags *tags)
{
    uint64_t count = tags->count, bytes = tags->bytes;
    if (count >= source->handed_count) {
        count = source->handed_count;
        bytes = source->handed_bytes;
    }
    if (bytes == 0 && count > 0)
        bytes = source->handed_bytes / source->handed_count * count;
    if (bytes > source->handed_bytes)
        bytes = source->handed_bytes;
    source->handed_count -= count;
    source->handed_bytes -= bytes;
    if (source->is_manual)
        return;
    source->due_count += count;
    source->due_bytes += bytes;
    if (source_is_credit_due(source))
        handle->link.is_output_urgent = true;
}

void consumer_settled(struct ringpost *handle, struct source *source,
                      const struct ringpost_tags *tags)
{
    credit_settled(handle, source, tags);
    source_mark(&handle->sources, source);
    link_note_output(handle);
}

static bool extends(const struct source *source, enum op op, const struct ringpost_tags *tags,
                    uint64_t delay_ms)
{
    return source->settle_count > 0 && source->settle_op == op &&
           source->settle_delay_ms == delay_ms &&
           source->settle_first + source->settle_count == tags->first &&
           tags->count <= UINT32_MAX - source->settle_count;
}

/* Whether these tags can be spoken of: the consumer, or NULL with what the call returns in `*error`. */
static struct source *lessee_find(struct ringpost *handle, const struct ringpost_tags *tags,
                                  int *error)
{
    *error = -EINVAL;
    if (tags->count == 0 || tags->first == 0 || tags->count - 1 > UINT64_MAX - tags->first)
        return NULL;
    *error = 0;
    if (tags->epoch != handle->epoch || handle->link.state != LINK_UP)
        return NULL;
    struct source *source = consumer_find(handle, tags->consumer);
    if (!source)
        *error = -ENOENT;
    else if (!source_is_leasing(source))
        *error = -EINVAL;
    return *error ? NULL : source;
}

static int settle(struct ringpost *handle, enum op op, const struct ringpost_tags *tags,
                  uint64_t delay_ms)
{
    int error;
    struct source *source = lessee_find(handle, tags, &error);
    if (!source)
        return error;
    if (extends(source, op, tags, delay_ms)) {
        source->settle_count += tags->count;
    } else {
        error = source_stage(handle, source);
        if (error)
            return error;
        source->settle_op = (uint8_t)op;
        source->settle_first = tags->first;
        source->settle_count = tags->count;
        source->settle_delay_ms = delay_ms;
    }
    consumer_settled(handle, source, tags);
    return 0;
}

static int touch(struct ringpost *handle, const struct ringpost_tags *tags)
{
    int error;
    struct source *source = lessee_find(handle, tags, &error);
    if (!source)
        return error;
    error = source_stage(handle, source);
    return error ? error : source_put_tags(handle, source, OP_TOUCH, tags->first, tags->count, 0);
}

int ringpost_ack(struct ringpost *handle, const struct ringpost_tags *tags)
{
    handle_enter(handle);
    return handle_leave(handle, settle(handle, OP_ACK, tags, 0));
}

int ringpost_return(struct ringpost *handle, const struct ringpost_tags *tags)
{
    handle_enter(handle);
    return handle_leave(handle, settle(handle, OP_RETURN, tags, 0));
}

int ringpost_reject(struct ringpost *handle, const struct ringpost_tags *tags)
{
    handle_enter(handle);
    return handle_leave(handle, settle(handle, OP_REJECT, tags, 0));
}

int ringpost_return_later(struct ringpost *handle, const struct ringpost_tags *tags,
                          uint64_t delay_ms)
{
    handle_enter(handle);
    return handle_leave(handle, settle(handle, OP_RETURN, tags, delay_ms));
}

int ringpost_touch(struct ringpost *handle, const struct ringpost_tags *tags)
{
    handle_enter(handle);
    return handle_leave(handle, touch(handle, tags));
}

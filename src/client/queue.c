#include "base/time.h"
#include "client/request.h"
#include "frame/field.h"

#include <errno.h>

/* Asks something about a queue that takes nothing but its name. */
static int ask(struct ringpost *handle, enum op op, struct ringpost_bytes queue, int timeout_ms)
{
    struct wait wait = wait_for(timeout_ms);
    struct question question = {.op = op, .name = bytes_from(queue)};
    return name_is_valid(queue) ? request_call(handle, &question, &wait) : -EINVAL;
}

int ringpost_delete(struct ringpost *handle, struct ringpost_bytes queue, int timeout_ms)
{
    return ask(handle, OP_DELETE, queue, timeout_ms);
}

int ringpost_purge(struct ringpost *handle, struct ringpost_bytes queue, uint64_t *count,
                   int timeout_ms)
{
    int error = ask(handle, OP_PURGE, queue, timeout_ms);
    if (error)
        return error;
    if (handle->request.reply_size < 8)
        return -EPROTO;
    if (count)
        *count = load_u64(handle->request.reply);
    return 0;
}

int ringpost_pause(struct ringpost *handle, struct ringpost_bytes queue, int timeout_ms)
{
    return ask(handle, OP_PAUSE, queue, timeout_ms);
}

int ringpost_resume(struct ringpost *handle, struct ringpost_bytes queue, int timeout_ms)
{
    return ask(handle, OP_RESUME, queue, timeout_ms);
}

static const char *when_full_word(int when_full)
{
    return when_full == RINGPOST_WHEN_FULL_HOLD ? "hold" : "refuse";
}

int ringpost_declare(struct ringpost *handle, struct ringpost_bytes queue,
                     const struct ringpost_settings *settings, int timeout_ms)
{
    struct ringpost_settings taken;
    int error = options_copy(&taken, sizeof taken, settings);
    if (error || !name_is_valid(queue) || taken.when_full < 0 ||
        taken.when_full > RINGPOST_WHEN_FULL_HOLD)
        return -EINVAL;
    struct wait wait = wait_for(timeout_ms);
    struct question question = {.op = OP_DECLARE, .name = bytes_from(queue)};
    unsigned char *body = question.body;
    size_t size = 0;
    if (taken.max_messages)
        size += field_put_number(body + size, "max-messages", taken.max_messages);
    if (taken.max_bytes)
        size += field_put_number(body + size, "max-bytes", taken.max_bytes);
    if (taken.when_full)
        size +=
            field_put_bytes(body + size, "when-full", bytes_text(when_full_word(taken.when_full)));
    question.body_size = size;
    return request_call(handle, &question, &wait);
}

int ringpost_ping(struct ringpost *handle, uint64_t *round_trip_ns, int timeout_ms)
{
    struct wait wait = wait_for(timeout_ms);
    struct question question = {.op = OP_PING};
    handle_enter(handle);
    int error = handle_leave(handle, link_await_up(handle, &wait));
    uint64_t begin = clock_ns();
    if (!error)
        error = request_call(handle, &question, &wait);
    if (!error && round_trip_ns)
        *round_trip_ns = clock_ns() - begin;
    return error;
}

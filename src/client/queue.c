#include "client/queue.h"

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

static const char *const WHEN_FULL[] = {
    [RINGPOST_WHEN_FULL_REFUSE] = "refuse",
    [RINGPOST_WHEN_FULL_HOLD] = "hold",
    [RINGPOST_WHEN_FULL_DROP_OLDEST] = "drop-oldest",
};

static const char *const POP_LEASE[] = {
    [RINGPOST_POP_LEASE_NONE] = "none",
    [RINGPOST_POP_LEASE_CONNECTION] = "connection",
};

enum {
    WHEN_FULL_COUNT = sizeof WHEN_FULL / sizeof *WHEN_FULL,
    POP_LEASE_COUNT = sizeof POP_LEASE / sizeof *POP_LEASE,
};

/* Which of the words it is, from 1 on; 0: none. */
static int find_word(const char *const *words, int count, struct bytes word)
{
    for (int i = 1; i < count; i++) {
        if (bytes_equal(word, bytes_text(words[i])))
            return i;
    }
    return 0;
}

int when_full_parse(struct bytes word)
{
    return find_word(WHEN_FULL, WHEN_FULL_COUNT, word);
}

int pop_lease_parse(struct bytes word)
{
    return find_word(POP_LEASE, POP_LEASE_COUNT, word);
}

static bool settings_are_valid(const struct ringpost_settings *settings)
{
    return settings->when_full >= 0 && settings->when_full < WHEN_FULL_COUNT &&
           settings->pop_lease >= 0 && settings->pop_lease < POP_LEASE_COUNT &&
           settings->ttl_ms >= RINGPOST_OFF && settings->delivery_limit >= RINGPOST_OFF &&
           settings->lease_max_ms >= RINGPOST_OFF && settings->dead_letter.size <= FRAME_NAME_MAX;
}

static void put_number(struct question *question, const char *key, uint64_t number)
{
    if (number > 0)
        question->body_size += field_put_number(question->body + question->body_size, key, number);
}

/* A number of which zero means something, too. */
static void put_choice(struct question *question, const char *key, int64_t choice)
{
    uint64_t number = choice == RINGPOST_OFF ? 0 : (uint64_t)choice;
    if (choice != 0)
        question->body_size += field_put_number(question->body + question->body_size, key, number);
}

static void put_bytes(struct question *question, const char *key, struct bytes bytes)
{
    if (bytes.data)
        question->body_size += field_put_bytes(question->body + question->body_size, key, bytes);
}

/* Tells a queue the settings that are given. */
static int configure(struct ringpost *handle, enum op op, struct ringpost_bytes queue,
                     const struct ringpost_settings *settings, int timeout_ms)
{
    struct ringpost_settings taken;
    struct wait wait = wait_for(timeout_ms);
    struct question question = {.op = op, .name = bytes_from(queue)};
    int error = options_copy(&taken, sizeof taken, settings);
    if (error || !name_is_valid(queue) || !settings_are_valid(&taken))
        return -EINVAL;
    put_number(&question, "max-messages", taken.max_messages);
    put_number(&question, "max-bytes", taken.max_bytes);
    if (taken.when_full)
        put_bytes(&question, "when-full", bytes_text(WHEN_FULL[taken.when_full]));
    put_choice(&question, "ttl", taken.ttl_ms);
    put_choice(&question, "delivery-limit", taken.delivery_limit);
    put_choice(&question, "lease-max", taken.lease_max_ms);
    put_bytes(&question, "dead-letter", bytes_from(taken.dead_letter));
    if (taken.pop_lease)
        put_bytes(&question, "pop-lease", bytes_text(POP_LEASE[taken.pop_lease]));
    return request_call(handle, &question, &wait);
}

int ringpost_declare(struct ringpost *handle, struct ringpost_bytes queue,
                     const struct ringpost_settings *settings, int timeout_ms)
{
    return configure(handle, OP_DECLARE, queue, settings, timeout_ms);
}

int ringpost_set(struct ringpost *handle, struct ringpost_bytes queue,
                 const struct ringpost_settings *settings, int timeout_ms)
{
    return configure(handle, OP_SET, queue, settings, timeout_ms);
}

int ringpost_redrive(struct ringpost *handle, struct ringpost_bytes queue,
                     const struct ringpost_redrive_options *options, uint64_t *count, int *has_more,
                     int timeout_ms)
{
    struct ringpost_redrive_options taken;
    struct wait wait = wait_for(timeout_ms);
    struct question question = {.op = OP_REDRIVE, .name = bytes_from(queue), .body_size = 4};
    int error = options_copy(&taken, sizeof taken, options);
    if (error || !name_is_valid(queue) || taken.to.size > FRAME_NAME_MAX)
        return -EINVAL;
    store_u32(question.body, taken.count);
    if (taken.to.size > 0)
        put_bytes(&question, "to", bytes_from(taken.to));
    error = request_call(handle, &question, &wait);
    if (!error && handle->request.reply_size < 8)
        error = -EPROTO;
    if (!error && count)
        *count = load_u64(handle->request.reply);
    if (!error && has_more)
        *has_more = handle->request.has_more;
    return error;
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

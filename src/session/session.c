#include "session/session.h"

#include "base/array.h"
#include "base/time.h"
#include "session/native.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void session_init(struct session *session, uint32_t peer, const struct session_limits *limits,
                  uint64_t now)
{
    *session =
        (struct session){.peer = peer, .limits = *limits, .opened_ns = now, .number_next = 1};
}

void session_finish(struct session *session)
{
    output_finish(&session->output);
    free(session->partial.data);
    free(session->slots);
}

void session_feed(struct session *session, struct bytes input, uint64_t now)
{
    assert(session->input.size == 0);
    session->input = input;
    if (session->first_byte_ns == 0 && input.size > 0)
        session->first_byte_ns = now > 0 ? now : 1;
}

/* Takes bytes of the input to complete the first `size` bytes of a frame. Returns whether they are
 * all there. */
static bool complete(struct session *session, size_t size)
{
    struct text *partial = &session->partial;
    size_t missing = size > partial->size ? size - partial->size : 0;
    size_t take = missing < session->input.size ? missing : session->input.size;
    if (take > 0) {
        partial->data = array_reserve(partial->data, &partial->capacity, partial->size + take, 1);
        memcpy(partial->data + partial->size, session->input.data, take);
        partial->size += take;
        session->input = bytes_of(session->input.data + take, session->input.size - take);
    }
    return take == missing;
}

/* The bytes that the next run is to be cut from: a frame that came in parts, or all that was fed.
 */
static struct bytes next_bytes(struct session *session)
{
    struct text *partial = &session->partial;
    if (partial->size == 0)
        return session->input;
    if (complete(session, FRAME_HEAD_SIZE)) {
        uint32_t size = frame_size(partial->data), max = native_frame_max(session);
        complete(session, size < max ? size : max);
    }
    return bytes_of(partial->data, partial->size);
}

/* Drops `size` bytes that next_bytes gave. */
static void drop_bytes(struct session *session, size_t size)
{
    struct text *partial = &session->partial;
    if (partial->size == 0) {
        session->input = bytes_of(session->input.data + size, session->input.size - size);
        return;
    }
    assert(size == partial->size);
    partial->size = 0; /* the command still reads the bytes */
}

/* Keeps what is no whole frame for when more comes. */
static void keep_rest(struct session *session)
{
    struct text *partial = &session->partial;
    if (partial->size == 0 && session->input.size == 0) {
        free(partial->data);
        *partial = (struct text){0};
    } else if (partial->size == 0) {
        complete(session, session->input.size);
    }
    assert(session->input.size == 0);
}

bool session_next(struct session *session, struct command *command)
{
    while (session->state != SESSION_CLOSED) {
        struct bytes bytes = next_bytes(session);
        struct run run;
        int size = native_cut(session, bytes, &run);
        if (size == 0) {
            keep_rest(session);
            return false;
        }
        if (size < 0) {
            native_fail(session, size == -EMSGSIZE ? STATUS_TOO_LARGE : STATUS_PROTOCOL);
            break;
        }
        drop_bytes(session, (size_t)size);
        if (native_command(session, &run, command))
            return true;
    }
    session->input = (struct bytes){0};
    free(session->partial.data);
    session->partial = (struct text){0};
    return false;
}

uint64_t session_deadline(const struct session *session)
{
    if (session->state != SESSION_HELLO)
        return TIME_NEVER;
    return session->first_byte_ns ? session->first_byte_ns + session->limits.hello_timeout_ns
                                  : session->opened_ns + session->limits.silent_timeout_ns;
}

void session_expire(struct session *session, uint64_t now)
{
    if (now < session_deadline(session))
        return;
    if (session->first_byte_ns)
        native_fail(session, STATUS_HELLO);
    session->state = SESSION_CLOSED;
}

bool session_is_clogged(const struct session *session)
{
    return output_waiting_size(&session->output) >= ANSWERS_PAUSE_SIZE;
}

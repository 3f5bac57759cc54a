#include "session/session.h"

#include "base/time.h"
#include "session/native.h"

#include <assert.h>
#include <errno.h>

void session_init(struct session *session, uint32_t peer, const struct session_limits *limits,
                  uint64_t now)
{
    *session = (struct session){.peer = peer, .limits = limits, .opened_ns = now, .number_next = 1};
}

void session_finish(struct session *session)
{
    output_finish(&session->output);
    text_finish(&session->partial);
    slots_finish(&session->slots);
}

void session_feed(struct session *session, struct bytes input, uint64_t now)
{
    assert(session->input.size == 0);
    size_t skipped = session->skip_size < input.size ? session->skip_size : input.size;
    session->skip_size -= (uint32_t)skipped;
    session->input = bytes_of(input.data + skipped, input.size - skipped);
    if (session->first_byte_ns == 0 && input.size > 0)
        session->first_byte_ns = now > 0 ? now : 1;
}

/* Moves bytes of the input behind what is partial, until that has `size` bytes; false when there are not enough. */
static bool complete(struct session *session, size_t size)
{
    struct text *partial = &session->partial;
    size_t missing = size > partial->size ? size - partial->size : 0;
    size_t take = missing < session->input.size ? missing : session->input.size;
    if (take > 0) {
        memcpy(text_reserve(partial, take), session->input.data, take);
        session->input = bytes_of(session->input.data + take, session->input.size - take);
    }
    return take == missing;
}

/* Completes the frame that is partial from the input; false when it is not whole even so. */
static bool complete_frame(struct session *session)
{
    if (!complete(session, FRAME_HEAD_SIZE))
        return false;
    uint32_t size = frame_size(text_bytes(&session->partial).data);
    return size > native_frame_max(session) || complete(session, size);
}

/* Keeps what cannot be taken now for later. */
static void keep_rest(struct session *session)
{
    complete(session, session->partial.size + session->input.size);
    text_rest(&session->partial);
}

/* Refuses a frame that is not whole if there is no memory to wait for its end; what is still to come is skipped. */
static void refuse_unfinished(struct session *session)
{
    struct bytes there = session->partial.size > 0 ? text_bytes(&session->partial) : session->input;
    bool is_short = session->state == SESSION_OPEN && session->limits->is_memory_short;
    if (!is_short || there.size < FRAME_HEAD_SIZE || frame_size(there.data) <= SHORT_SIZE_MAX)
        return;
    session->skip_size = frame_size(there.data) - (uint32_t)there.size;
    session->input = (struct bytes){0};
    text_finish(&session->partial);
    native_refuse(session, STATUS_MEMORY);
}

/* Cuts what is to be looked at together off the front of what is there; 0 when no frame is whole. */
static int cut(struct session *session, struct run *run)
{
    if (session->partial.size == 0)
        return native_cut(session, session->input, run);
    int size = native_cut(session, text_bytes(&session->partial), run);
    if (size == 0 && complete_frame(session))
        size = native_cut(session, text_bytes(&session->partial), run);
    return size;
}

/* Drops the front of what is there. A command may still read it. */
static void drop(struct session *session, size_t size)
{
    if (session->partial.size > 0)
        text_take(&session->partial, size);
    else
        session->input = bytes_of(session->input.data + size, session->input.size - size);
}

/* Whether answers are owed or unread, of which more would pile up. */
static bool is_held_up(const struct session *session)
{
    return session->is_stalled || session->commands_count == COMMANDS_TURN_MAX ||
           session_is_clogged(session);
}

bool session_next(struct session *session, struct command *command)
{
    while (session->state != SESSION_CLOSED) {
        struct run run;
        bool is_taking = !is_held_up(session);
        int size = is_taking ? cut(session, &run) : 0;
        if (size == 0) {
            if (is_taking)
                refuse_unfinished(session);
            keep_rest(session);
            session->is_keeping = !is_taking && session->partial.size > 0;
            return false;
        }
        if (size < 0) {
            native_fail(session, size == -EMSGSIZE ? STATUS_TOO_LARGE : STATUS_PROTOCOL);
            break;
        }
        drop(session, (size_t)size);
        if (native_command(session, &run, command)) {
            session->commands_count++;
            return true;
        }
    }
    session->input = (struct bytes){0};
    session->is_keeping = false;
    text_finish(&session->partial);
    return false;
}

bool session_is_stalled(const struct session *session)
{
    return session->is_keeping;
}

bool session_can_resume(const struct session *session)
{
    return session->is_keeping && !is_held_up(session);
}

void session_turn(struct session *session)
{
    session->commands_count = 0;
}

uint64_t session_deadline(const struct session *session)
{
    if (session->state != SESSION_HELLO)
        return TIME_NEVER;
    return session->first_byte_ns ? session->first_byte_ns + session->limits->hello_timeout_ns
                                  : session->opened_ns + session->limits->silent_timeout_ns;
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
    size_t size_max = session->limits->is_memory_short ? SHORT_SIZE_MAX : ANSWERS_PAUSE_SIZE;
    return output_waiting_size(&session->output) >= size_max;
}

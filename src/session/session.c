#include "session/session.h"

#include "base/time.h"

#include <assert.h>

void session_init(struct session *session, uint32_t peer, const struct session_limits *limits,
                  uint64_t now)
{
    *session = (struct session){.peer = peer, .limits = limits, .opened_ns = now};
    native_init(&session->native);
}

void session_finish(struct session *session)
{
    output_finish(&session->output);
    input_finish(&session->input);
    native_finish(&session->native);
    resp_destroy(session->resp);
}

/* Says why the connection ends, and ends it. */
static void fail(struct session *session, enum status status)
{
    if (session->language == LANGUAGE_RESP)
        resp_fail(session, status);
    else
        native_fail(session, status);
}

/* The first byte tells which protocol the client speaks. */
static void choose_language(struct session *session, unsigned char first_byte)
{
    session->language = first_byte & FRAME_OP_BIT ? LANGUAGE_NATIVE : LANGUAGE_RESP;
    if (session->language == LANGUAGE_RESP)
        session->resp = resp_create();
}

void session_feed(struct session *session, struct bytes input, uint64_t now)
{
    assert(session->input.fed.size == 0);
    session->input.fed = input;
    session->now = now;
    if (session->first_byte_ns > 0 || input.size == 0)
        return;
    session->first_byte_ns = now > 0 ? now : 1;
    choose_language(session, input.data[0]);
    if (session->refusal != STATUS_OK)
        fail(session, session->refusal);
}

/* Whether answers are owed or unread, of which more would pile up. */
static bool is_held_up(const struct session *session)
{
    if (session->resp && resp_is_busy(session->resp))
        return false; /* in the middle of something */
    return session->is_stalled || session->commands_count >= COMMANDS_TURN_MAX ||
           session->limits->is_turn_full || session_is_clogged(session);
}

static bool is_stranger(const struct session *session)
{
    return session->resp && resp_is_stranger(session);
}

static enum step take_step(struct session *session, struct command *command)
{
    return session->language == LANGUAGE_RESP ? resp_step(session, command)
                                              : native_step(session, command);
}

/* Nothing more is taken now. A stranger that says more than it may before that is heard is not heard
 * any more. */
static void rest(struct session *session, bool is_taking)
{
    input_keep(&session->input);
    if (is_stranger(session) && session->input.kept.size > session_hello_max(session)) {
        input_drop(&session->input);
        session->state = SESSION_CLOSED;
    }
    session->is_keeping = !is_taking && session->input.kept.size > 0;
    if (session->resp)
        resp_rest(session->resp);
}

bool session_next(struct session *session, struct command *command)
{
    while (session->state != SESSION_CLOSED) {
        bool is_taking = session->language != LANGUAGE_UNKNOWN && !is_held_up(session);
        enum step step = is_taking ? take_step(session, command) : STEP_MORE;
        if (step == STEP_MORE) {
            rest(session, is_taking);
            return false;
        }
        session->commands_count++;
        if (step == STEP_COMMAND)
            return true;
    }
    input_drop(&session->input);
    session->is_keeping = false;
    return false;
}

bool session_effect(struct session *session, const struct effect *effect)
{
    if (session->state == SESSION_CLOSED)
        return false;
    if (effect->kind == EFFECT_KILLED) {
        session_end(session, effect->status);
        return true;
    }
    return session->language == LANGUAGE_RESP ? resp_effect(session, effect)
                                              : native_effect(session, effect);
}

bool session_wants_send(struct session *session)
{
    if (session->language == LANGUAGE_NATIVE)
        native_confirm(session);
    return !output_is_empty(&session->output);
}

/* Whether what came behind a command that waits is little enough to listen on. */
static bool may_keep_more(const struct session *session)
{
    size_t size_max = session->limits->is_memory_short
                          ? SHORT_SIZE_MAX
                          : session->limits->frame_max + RESP_ROOM_SIZE;
    return session->input.kept.size < size_max;
}

bool session_is_stalled(const struct session *session)
{
    return session->is_keeping && !(session->is_waiting && may_keep_more(session));
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
    const struct session_limits *limits = session->limits;
    if (session->state != SESSION_HELLO)
        return TIME_NEVER;
    if (session->first_byte_ns > 0)
        return session->first_byte_ns + limits->hello_timeout_ns;
    bool is_refused = session->refusal != STATUS_OK;
    return session->opened_ns + (is_refused ? limits->hello_timeout_ns : limits->silent_timeout_ns);
}

void session_expire(struct session *session, uint64_t now)
{
    if (now < session_deadline(session))
        return;
    if (session->first_byte_ns > 0)
        fail(session, STATUS_HELLO);
    session->state = SESSION_CLOSED;
}

bool session_is_clogged(const struct session *session)
{
    bool is_little = session->limits->is_memory_short || is_stranger(session);
    size_t size_max = is_little ? SHORT_SIZE_MAX : ANSWERS_PAUSE_SIZE;
    size_t owed = session->resp ? replies_waiting_size(&session->resp->replies) : 0;
    return output_waiting_size(&session->output) + owed >= size_max;
}

void session_announce_end(struct session *session)
{
    assert(session->state == SESSION_OPEN && !session->is_ending);
    if (session->language == LANGUAGE_NATIVE)
        native_goodbye(session, STATUS_CLOSING);
    else if (session->is_waiting)
        session->state = SESSION_CLOSED;
    session->is_ending = true;
}

void session_end(struct session *session, enum status status)
{
    if (session->state == SESSION_CLOSED)
        return;
    if (session->language == LANGUAGE_NATIVE)
        native_goodbye(session, status);
    session->state = SESSION_CLOSED;
}

void session_refuse(struct session *session, enum status status)
{
    assert(session->language == LANGUAGE_UNKNOWN);
    session->refusal = status;
}

bool session_admits(const struct session *session, struct bytes password)
{
    struct bytes right = session->limits->password;
    unsigned difference = right.size != password.size;
    for (size_t i = 0; i < password.size && right.size > 0; i++)
        difference |= password.data[i] ^ right.data[i % right.size];
    return right.size == 0 || difference == 0;
}

uint32_t session_hello_max(const struct session *session)
{
    return session->limits->hello_max ? session->limits->hello_max : FRAME_HELLO_MAX;
}

#include "session/resp.h"

#include "base/array.h"
#include "session/resp_admit.h"
#include "session/resp_topics.h"
#include "session/say.h"
#include "session/session.h"
#include "session/word.h"

#include <limits.h>
#include <stdio.h>

/*
 * A command is parsed where it lies, found in the table, admitted, and put forward step by step by
 * its handler until that is done; only then it is taken off the input. Nothing comes between the
 * steps of one, nor between the commands of a transaction that is carried out.
 */

struct resp *resp_create(void)
{
    struct resp *resp = memory_create(sizeof *resp);
    resp->version = 2;
    resp->ticket_next = 1;
    return resp;
}

void resp_destroy(struct resp *resp)
{
    if (!resp)
        return;
    resp_parser_finish(&resp->parser);
    replies_finish(&resp->replies);
    composer_finish(&resp->composer);
    multi_finish(&resp->multi);
    channels_destroy(resp->channels);
    text_finish(&resp->name);
    text_finish(&resp->before.name);
    text_finish(&resp->library_name);
    text_finish(&resp->library_version);
    memory_free(resp->names);
    memory_free(resp);
}

bool resp_is_busy(const struct resp *resp)
{
    return resp->call.row || resp->multi.is_running;
}

bool resp_is_stranger(const struct session *session)
{
    return !session->resp->is_admitted && session->limits->password.size > 0;
}

/* Forgets a command that is over. */
static void rest_parser(struct resp *resp)
{
    if (resp->is_spent)
        resp_parser_reset(&resp->parser);
    resp->is_spent = false;
}

/* Forgets which names the last command referred to. */
static void rest_names(struct resp *resp)
{
    if (resp->names_capacity <= RESP_NAMES_KEPT_MAX)
        return;
    memory_free(resp->names);
    resp->names = NULL;
    resp->names_capacity = 0;
}

void resp_rest(struct resp *resp)
{
    rest_parser(resp);
    rest_names(resp);
    composer_rest(&resp->composer);
}

/* The session is over when all is said. */
static void end_if_left(struct session *session)
{
    const struct resp *resp = session->resp;
    if (resp->is_leaving && replies_are_empty(&resp->replies))
        session->state = SESSION_CLOSED;
}

void resp_leave(struct session *session)
{
    session->resp->is_leaving = true;
    end_if_left(session);
}

static enum step fail_protocol(struct session *session)
{
    struct resp *resp = session->resp;
    char error[64];
    snprintf(error, sizeof error, "ERR Protocol error: %s", resp->parser.error);
    struct pen pen = replies_pen(&resp->replies, &session->output, resp->version);
    pen_error(&pen, error);
    input_drop(&session->input);
    resp_leave(session);
    return STEP_DONE;
}

static struct resp_limits limits_of(const struct session *session)
{
    const struct session_limits *limits = session->limits;
    bool is_stranger = resp_is_stranger(session);
    return (struct resp_limits){
        .words_max = INT_MAX,
        .word_size_max = is_stranger ? RESP_WORD_SIZE_MAX : limits->frame_max,
        .size_max = is_stranger ? session_hello_max(session) : limits->frame_max + RESP_ROOM_SIZE,
        .is_stranger = is_stranger,
    };
}

/* Reads the next command, as resp_parse does. */
static int parse(struct session *session)
{
    struct resp *resp = session->resp;
    struct input *input = &session->input;
    struct resp_limits limits = limits_of(session);
    int size;
    rest_parser(resp);
    do
        size = resp_parse(&resp->parser, input_there(input), &limits);
    while (size == 0 && input->kept.size > 0 && input_complete(input, resp->parser.wanted));
    return size;
}

/* Refuses a command that is not whole if there is no memory to wait for its end; what is still to come
 * is passed over. */
static enum step wait_for_more(struct session *session)
{
    struct resp *resp = session->resp;
    if (!session->limits->is_memory_short || resp->parser.wanted <= SHORT_SIZE_MAX ||
        !resp->parser.has_count)
        return STEP_MORE;
    struct pen pen = replies_pen(&resp->replies, &session->output, resp->version);
    pen_status(&pen, STATUS_MEMORY);
    resp->multi.is_broken = resp->multi.is_open;
    resp->is_skipping = true;
    return STEP_DONE;
}

/* Passes over what there is of a command that was refused. */
static enum step skip(struct session *session)
{
    struct resp *resp = session->resp;
    struct input *input = &session->input;
    struct resp_limits limits = limits_of(session);
    int passed;
    do {
        passed = resp_skip(&resp->parser, input_there(input), &limits);
        if (passed < 0)
            return fail_protocol(session);
        input_take(input, (size_t)passed);
    } while (resp->parser.words_left > 0 &&
             (passed > 0 || (input->kept.size > 0 && input_complete(input, resp->parser.wanted))));
    resp->is_skipping = resp->parser.words_left > 0;
    resp->is_spent = !resp->is_skipping;
    return resp->is_skipping ? STEP_MORE : STEP_DONE;
}

/* A connection becomes one that the engine knows. */
static enum step attach(struct session *session, struct command *command)
{
    session->state = SESSION_OPEN;
    *command = (struct command){.kind = COMMAND_ATTACH, .peer = session->peer};
    command->attach.window_count = WINDOW_COUNT_MAX;
    command->attach.window_size = WINDOW_SIZE_MAX;
    command->attach.client = text_bytes(&session->resp->name);
    command->attach.is_each = true;
    return STEP_COMMAND;
}

/* Whether somebody takes this for a web server, or has a browser talk to it. */
static bool is_foreign(const struct call *call)
{
    return call_word_is(call, 0, "post") || call_word_is(call, 0, "host:");
}

/* Takes a call off the input. What was asked for still reads it until the next step. */
static void end_call(struct session *session)
{
    struct resp *resp = session->resp;
    if (!resp->call.is_inside) {
        input_take(&session->input, resp->call.taken_size);
        resp->parsed_size = 0;
        resp->is_spent = true;
    }
    resp->call = (struct call){0};
}

/* Puts the call one step forward. */
static enum step carry_on(struct session *session, struct command *command)
{
    struct resp *resp = session->resp;
    *command =
        (struct command){.peer = session->peer, .space = resp->space, .ticket = resp->ticket_next};
    enum outcome outcome = resp->call.row->handler(&resp->call, command);
    resp->call.step++;
    if (outcome != CALL_ASKS)
        end_call(session);
    end_if_left(session);
    return outcome == CALL_DONE ? STEP_DONE : STEP_COMMAND;
}

/* Begins the call of what was parsed. */
static enum step begin_call(struct session *session, struct command *command)
{
    struct resp *resp = session->resp;
    const struct resp_parser *parser = &resp->parser;
    resp->call = (struct call){
        .session = session,
        .resp = resp,
        .words = parser->unquoted ? parser->unquoted : input_there(&session->input).data,
        .spans = parser->words,
        .words_count = parser->words_count,
        .size = resp->parsed_size,
        .taken_size = resp->parsed_size,
    };
    if (resp->call.words_count > 0 && is_foreign(&resp->call)) {
        session->complaint = "said POST or Host:, as browsers do";
        session->state = SESSION_CLOSED;
    } else if (resp->call.words_count > 0) {
        resp->call.row = resp_admit(&resp->call);
    }
    if (resp->call.row)
        return carry_on(session, command);
    end_call(session);
    return STEP_DONE;
}

/* Whether so much waits to be said that nothing more of a transaction is carried out. */
static bool is_overfull(const struct session *session)
{
    return output_waiting_size(&session->output) + replies_waiting_size(&session->resp->replies) >
           MULTI_REPLIES_SIZE_MAX;
}

/* Goes on with a transaction: its next command, or its end. */
static enum step run_next(struct session *session, struct command *command)
{
    struct resp *resp = session->resp;
    struct call *call = &resp->call;
    *call = (struct call){.session = session, .resp = resp, .is_inside = true};
    if (resp->multi.count == 0) {
        resp_end_transaction(call, command);
        *call = (struct call){0};
        return STEP_COMMAND;
    }
    call->words_count = multi_take(&resp->multi, &call->words);
    call->spans = resp->multi.spans;
    if (is_overfull(session)) {
        struct pen pen = call_pen(call);
        pen_status(&pen, STATUS_MEMORY);
        return STEP_DONE;
    }
    call->row = resp_admitted(call);
    return carry_on(session, command);
}

void resp_forget_transaction(struct resp *resp)
{
    multi_finish(&resp->multi);
    resp->is_forgetting = resp->is_watching;
}

/* Has the engine forget what is watched. */
static enum step forget_watches(struct session *session, struct command *command)
{
    struct resp *resp = session->resp;
    uint64_t ticket = resp->ticket_next++;
    resp->is_watching = resp->is_forgetting = false;
    replies_expect(&resp->replies, ticket, 1, resp->version, say_nothing);
    *command = (struct command){.kind = COMMAND_UNWATCH, .peer = session->peer, .ticket = ticket};
    return STEP_COMMAND;
}

enum step resp_step(struct session *session, struct command *command)
{
    struct resp *resp = session->resp;
    if (resp->call.row)
        return carry_on(session, command);
    if (resp->multi.is_running)
        return run_next(session, command);
    if (resp->is_admitted && session->state == SESSION_HELLO)
        return attach(session, command);
    if (resp->is_forgetting)
        return forget_watches(session, command);
    if (resp->is_leaving) {
        input_drop(&session->input);
        return STEP_MORE;
    }
    if (resp->is_skipping)
        return skip(session);
    int size = resp->parsed_size > 0 ? (int)resp->parsed_size : parse(session);
    if (size == 0)
        return wait_for_more(session);
    if (size < 0)
        return fail_protocol(session);
    resp->parsed_size = (uint32_t)size;
    resp->is_admitted |= session->limits->password.size == 0;
    if (resp->is_admitted && session->state == SESSION_HELLO)
        return attach(session, command);
    return begin_call(session, command);
}

/* Nothing of the transaction that begins with that ticket has taken place. */
static void restore(struct resp *resp, uint64_t ticket)
{
    channels_undo(resp->channels, ticket);
    resp->version = resp->before.version;
    resp->space = resp->before.space;
    text_set(&resp->name, text_bytes(&resp->before.name));
}

bool resp_effect(struct session *session, const struct effect *effect)
{
    struct resp *resp = session->resp;
    if (effect->kind == EFFECT_MESSAGE || effect->kind == EFFECT_GAP ||
        effect->kind == EFFECT_ENDED)
        return resp_topics_effect(session, effect);
    if (effect->kind == EFFECT_SETTLED && effect->status == STATUS_CLOSING) {
        /* Who finds its connection ended comes back; who is told of an error gives up. */
        session->state = SESSION_CLOSED;
        return false;
    }
    if (effect->kind == EFFECT_SETTLED && effect->status == STATUS_CHANGED)
        restore(resp, effect->ticket);
    if (effect->kind == EFFECT_SETTLED)
        channels_settle(resp->channels, effect->ticket, effect->count, effect->status);
    bool is_taken = replies_settle(&resp->replies, &session->output, effect);
    session->is_stalled = resp->replies.large_count > 0;
    session->is_waiting &= session->is_stalled;
    end_if_left(session);
    return is_taken;
}

void resp_fail(struct session *session, enum status status)
{
    struct resp *resp = session->resp;
    struct pen pen = replies_pen(&resp->replies, &session->output, resp->version);
    if (status != STATUS_HELLO)
        pen_status(&pen, status);
    session->state = SESSION_CLOSED;
}

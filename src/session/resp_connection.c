#include "session/resp_table.h"

#include "resp/write.h"
#include "session/resp.h"
#include "session/resp_topics.h"
#include "session/say.h"
#include "session/session.h"
#include "session/word.h"

/* Whether a client gave the name of the one user there is, and the password. */
static bool is_right(const struct call *call, struct bytes user, struct bytes password)
{
    bool is_user = bytes_equal(user, bytes_text("default"));
    return session_admits(call->session, password) && is_user;
}

static enum outcome fail_password(struct call *call)
{
    return call_fail(call, "WRONGPASS invalid username-password pair or user is disabled.");
}

static enum outcome auth(struct call *call, struct command *command)
{
    (void)command;
    bool has_user = call->words_count == 3;
    if (call->words_count > 3)
        return call_fail_syntax(call);
    if (!has_user && call->session->limits->password.size == 0)
        return call_fail(call, "ERR AUTH <password> called without any password configured for the "
                               "default user. Are you sure your configuration is correct?");
    struct bytes user = has_user ? call_word(call, 1) : bytes_text("default");
    if (!is_right(call, user, call_word(call, call->words_count - 1)))
        return fail_password(call);
    call->resp->is_admitted = true;
    return call_ok(call);
}

/* Takes the options of a HELLO one by one: what stands before a wrong one holds. False when one is
 * wrong, which was said then. */
static bool take_options(struct call *call, bool *has_name)
{
    for (uint32_t i = 2; i < call->words_count; i++) {
        uint32_t left = call->words_count - 1 - i;
        if (call_word_is(call, i, "auth") && left >= 2) {
            if (!is_right(call, call_word(call, i + 1), call_word(call, i + 2)))
                return fail_password(call), false;
            call->resp->is_admitted = true;
            i += 2;
        } else if (call_word_is(call, i, "setname") && left >= 1) {
            if (!resp_is_plain(call_word(call, ++i)))
                return call_fail(call, RESP_BAD_NAME), false;
            text_set(&call->resp->name, call_word(call, i));
            *has_name = true;
        } else {
            call_fail_with(call, "ERR Syntax error in HELLO option '", call_word(call, i), "'");
            return false;
        }
    }
    return true;
}

static void put_pair(struct pen *pen, const char *key, const char *value)
{
    pen_bulk(pen, bytes_text(key));
    pen_bulk(pen, bytes_text(value));
}

static void say_server(struct call *call)
{
    struct pen pen = call_pen(call);
    pen_map(&pen, 7);
    put_pair(&pen, "server", "ringpost");
    put_pair(&pen, "version", RESP_SERVER_VERSION);
    pen_bulk(&pen, bytes_text("proto"));
    pen_integer(&pen, call->resp->version);
    pen_bulk(&pen, bytes_text("id"));
    pen_integer(&pen, call->session->peer);
    put_pair(&pen, "mode", "standalone");
    put_pair(&pen, "role", "master");
    pen_bulk(&pen, bytes_text("modules"));
    pen_array(&pen, 0);
}

/* Changes to a version of the protocol; 0: stays with that which there is. */
static void change_version(struct call *call, int64_t version)
{
    struct resp *resp = call->resp;
    if (!resp->is_admitted) {
        call_fail(call, "NOAUTH HELLO must be called with the client already authenticated, "
                        "otherwise the HELLO AUTH <user> <pass> option can be used to authenticate "
                        "the client and select the RESP protocol version at the same time");
        return;
    }
    if (version > 0)
        resp->version = (uint8_t)version;
    say_server(call);
}

static enum outcome hello(struct call *call, struct command *command)
{
    int64_t version = 0;
    bool has_name = false;
    if (call->words_count > 1 && !resp_integer(call_word(call, 1), &version))
        return call_fail(call, "ERR Protocol version is not an integer or out of range");
    if (call->words_count > 1 && (version < 2 || version > 3))
        return call_fail(call, "NOPROTO unsupported protocol version");
    if (take_options(call, &has_name))
        change_version(call, version);
    if (!has_name || call->session->state != SESSION_OPEN)
        return CALL_DONE; /* the engine is told the name with the rest */
    return resp_label(call, command, say_nothing);
}

static enum outcome ping(struct call *call, struct command *command)
{
    (void)command;
    bool has_text = call->words_count > 1;
    if (call->words_count > 2)
        return call_fail(call, "ERR wrong number of arguments for 'ping' command");
    struct bytes text = has_text ? call_word(call, 1) : bytes_text("");
    struct pen pen = call_pen(call);
    if (call->resp->version == 2 && !channels_are_empty(call->resp->channels)) {
        pen_array(&pen, 2);
        pen_bulk(&pen, bytes_text("pong"));
        pen_bulk(&pen, text);
    } else if (has_text) {
        pen_bulk(&pen, text);
    } else {
        pen_simple(&pen, "PONG");
    }
    return CALL_DONE;
}

static enum outcome echo(struct call *call, struct command *command)
{
    (void)command;
    struct pen pen = call_pen(call);
    pen_bulk(&pen, call_word(call, 1));
    return CALL_DONE;
}

static void say_any_ok(struct pen *pen, const struct effect *effect)
{
    (void)effect;
    pen_simple(pen, "OK");
}

/* Says that what was taken is done with, and goes. */
static enum outcome quit(struct call *call, struct command *command)
{
    if (call->session->state == SESSION_OPEN) {
        command->kind = COMMAND_FINISH;
        command->finish.how = SETTLE_ACKNOWLEDGE;
        command->finish.is_all = true;
        call_expect(call, 1, say_any_ok);
        call->resp->is_leaving = true;
        return CALL_LAST;
    }
    call_ok(call);
    call->resp->is_leaving = true;
    return CALL_DONE;
}

/* Everything is as at the connection's beginning. */
static enum outcome reset(struct call *call, struct command *command)
{
    struct resp *resp = call->resp;
    resp_forget_transaction(resp);
    if (resp_topics_leave(call, command))
        return CALL_ASKS;
    if (resp->name.size > 0) {
        text_finish(&resp->name);
        if (call->session->state == SESSION_OPEN) /* the engine knows of it */
            return resp_label(call, command, say_nothing), CALL_ASKS;
    }
    resp->version = 2;
    resp->space = 0;
    resp->is_admitted = call->session->limits->password.size == 0;
    struct pen pen = call_pen(call);
    pen_simple(&pen, "RESET");
    return CALL_DONE;
}

static enum outcome select_space(struct call *call, struct command *command)
{
    (void)command;
    int64_t space;
    if (!call_integer(call, 1, &space) ||
        !call_integer_within(call, 1, INT32_MIN, INT32_MAX,
                             "ERR value is out of range, value must between -2147483648 and "
                             "2147483647",
                             &space))
        return CALL_DONE;
    if (space < 0 || space >= SPACES_COUNT)
        return call_fail(call, "ERR DB index is out of range");
    call->resp->space = (uint8_t)space;
    return call_ok(call);
}

#define HANDSHAKE (ROW_NOSCRIPT | ROW_LOADING | ROW_STALE | ROW_FAST | ROW_NO_AUTH | ROW_ALLOW_BUSY)

static const struct row rows[] = {
    {.name = "auth",
     .arity = -2,
     .flags = HANDSHAKE,
     .handler = auth,
     .summary = "Gives the password.",
     .differs = "There is one user, `default`."},
    {.name = "echo",
     .arity = 2,
     .flags = ROW_LOADING | ROW_STALE | ROW_FAST,
     .handler = echo,
     .summary = "Returns its argument."},
    {.name = "hello",
     .arity = -1,
     .flags = HANDSHAKE,
     .handler = hello,
     .summary = "Chooses the version of the protocol."},
    {.name = "ping",
     .arity = -1,
     .flags = ROW_FAST | ROW_SUBSCRIBED | ROW_AT_END,
     .handler = ping,
     .summary = "Returns `PONG`, or its argument."},
    {.name = "quit",
     .arity = -1,
     .flags = HANDSHAKE | ROW_SUBSCRIBED | ROW_AT_ONCE | ROW_AT_END,
     .handler = quit,
     .summary = "Ends the connection.",
     .differs = "What was popped and is still leased is acknowledged."},
    {.name = "reset",
     .arity = 1,
     .flags = HANDSHAKE | ROW_SUBSCRIBED | ROW_AT_ONCE,
     .handler = reset,
     .summary = "Has everything be as at the connection's beginning."},
    {.name = "select",
     .arity = 2,
     .flags = ROW_LOADING | ROW_STALE | ROW_FAST,
     .handler = select_space,
     .summary = "Changes to another database, 0 to 15."},
};

const struct row_group connection_rows = {"Connections", "connection", rows,
                                          sizeof rows / sizeof *rows};

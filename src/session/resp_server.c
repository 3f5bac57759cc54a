#include "base/time.h"
#include "resp/number.h"
#include "session/resp.h"
#include "session/resp_table.h"
#include "session/say.h"
#include "session/session.h"

/* Commands about the broker that need not ask the engine. */

enum { SLEEP_MAX_MS = 60 * 1000 };

static enum outcome time_of_day(struct call *call, struct command *command)
{
    (void)command;
    uint64_t day_us = (call->session->now + call->session->limits->epoch_ns) / 1000;
    struct pen pen = call_pen(call);
    pen_array(&pen, 2);
    pen_digits(&pen, day_us / 1000000);
    pen_digits(&pen, day_us % 1000000);
    return CALL_DONE;
}

/* Slow commands: there are none. */

static enum outcome slowlog_get(struct call *call, struct command *command)
{
    (void)command;
    int64_t count;
    if (call->words_count > 3)
        return call_fail_arguments(call);
    if (call->words_count == 3 &&
        !call_integer_within(call, 2, -1, INT64_MAX,
                             "ERR count should be greater than or equal to -1", &count))
        return CALL_DONE;
    struct pen pen = call_pen(call);
    pen_array(&pen, 0);
    return CALL_DONE;
}

static enum outcome slowlog_len(struct call *call, struct command *command)
{
    (void)command;
    struct pen pen = call_pen(call);
    pen_integer(&pen, 0);
    return CALL_DONE;
}

static enum outcome slowlog_reset(struct call *call, struct command *command)
{
    (void)command;
    return call_ok(call);
}

static enum outcome slowlog_help(struct call *call, struct command *command)
{
    static const char *const lines[] = {
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
        NULL,
    };
    (void)command;
    return call_help(call, lines);
}

/* Functions: there are none, and so none is left. */
static enum outcome function_flush(struct call *call, struct command *command)
{
    (void)command;
    if (call->words_count > 3)
        return call_fail_arguments(call);
    if (call->words_count == 3 && !call_word_is(call, 2, "sync") && !call_word_is(call, 2, "async"))
        return call_fail(call, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    return call_ok(call);
}

static enum outcome function_help(struct call *call, struct command *command)
{
    static const char *const lines[] = {
        "FLUSH [ASYNC|SYNC]",
        "    Delete all the libraries.",
        NULL,
    };
    (void)command;
    return call_help(call, lines);
}

/* Stopping everything. */

static enum outcome debug(struct call *call, struct command *command)
{
    int64_t sleep_ms = 0;
    if (!call->session->limits->may_debug)
        return call_fail(call, "ERR DEBUG command not allowed. If the enable-debug-command option "
                               "is set to \"local\", you can run it from a local connection, "
                               "otherwise you need to set this option in the configuration file, "
                               "and then restart the server.");
    if (call->words_count != 3 || !call_word_is(call, 1, "sleep"))
        return call_fail_arguments(call);
    if (resp_timeout(call_word(call, 2), &sleep_ms) < 0)
        sleep_ms = 0; /* as Redis does with what is no time */
    command->kind = COMMAND_SLEEP;
    command->sleep_ns = (uint64_t)(sleep_ms < SLEEP_MAX_MS ? sleep_ms : SLEEP_MAX_MS) * NS_PER_MS;
    call_expect(call, 1, say_ok);
    return CALL_LAST;
}

#define ALWAYS (ROW_LOADING | ROW_STALE)
#define ADMIN (ROW_ADMIN | ROW_LOADING | ROW_STALE)

static const struct row function_rows[] = {
    {.name = "flush",
     .arity = -2,
     .flags = ROW_WRITE | ROW_NOSCRIPT,
     .handler = function_flush,
     .summary = "Replies `OK`: there are no functions."},
    {.name = "help",
     .arity = 2,
     .flags = ALWAYS,
     .handler = function_help,
     .summary = "What subcommands there are."},
};

static const struct row slowlog_rows[] = {
    {.name = "get",
     .arity = -2,
     .flags = ADMIN,
     .handler = slowlog_get,
     .summary = "An empty list.",
     .differs = "No command is noted as slow."},
    {.name = "help",
     .arity = 2,
     .flags = ALWAYS,
     .handler = slowlog_help,
     .summary = "What subcommands there are."},
    {.name = "len",
     .arity = 2,
     .flags = ADMIN,
     .handler = slowlog_len,
     .summary = "0.",
     .differs = "No command is noted as slow."},
    {.name = "reset",
     .arity = 2,
     .flags = ADMIN,
     .handler = slowlog_reset,
     .summary = "Replies `OK`."},
};

static const struct row rows[] = {
    {.name = "debug",
     .arity = -2,
     .flags = ROW_ADMIN | ROW_NOSCRIPT | ROW_LOADING | ROW_STALE,
     .handler = debug,
     .summary = "`DEBUG SLEEP seconds` stops everything, with the key `enable-debug-command`.",
     .differs = "For a minute at most, and nothing else."},
    {.name = "function",
     .arity = -2,
     .subcommands = function_rows,
     .subcommands_count = sizeof function_rows / sizeof *function_rows,
     .summary = "Commands about functions.",
     .differs = "There are none: nothing is scripted."},
    {.name = "slowlog",
     .arity = -2,
     .subcommands = slowlog_rows,
     .subcommands_count = sizeof slowlog_rows / sizeof *slowlog_rows,
     .summary = "Commands about slow commands."},
    {.name = "time",
     .arity = 1,
     .flags = ROW_LOADING | ROW_STALE | ROW_FAST,
     .handler = time_of_day,
     .summary = "The time of day, in seconds since 1970 and microseconds."},
};

const struct row_group server_rows = {"Server", NULL, rows, sizeof rows / sizeof *rows};

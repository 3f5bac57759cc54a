#include "session/resp_admit.h"

#include "resp/write.h"
#include "session/resp.h"
#include "session/session.h"
#include "session/word.h"

#include <stdio.h>

enum {
    ARGUMENTS_SIZE_MAX = 128, /* bytes of the arguments that an unknown command's error shows */
    ERROR_SIZE_MAX = 512,
};

/* Says why a command is not carried out; neither is the transaction then that it was to be of, or to
 * end. `row` is NULL for an unknown command. */
static const struct row *refuse(struct call *call, const struct row *row, const char *error)
{
    struct resp *resp = call->resp;
    resp->multi.is_broken = resp->multi.is_open;
    if (!row || !(row->flags & ROW_ENDS_MULTI)) {
        call_fail(call, error);
        return NULL;
    }
    bool has_code = strncmp(error, "ERR ", 4) == 0;
    char text[ERROR_SIZE_MAX];
    snprintf(text, sizeof text, "EXECABORT Transaction discarded because of: %s",
             error + (has_code ? 4 : 0));
    resp_forget_transaction(resp);
    call_fail(call, text);
    return NULL;
}

/* The arguments as an error shows them, `'…' ` each; a zero hides what stands behind it. */
static size_t quote_arguments(const struct call *call, char *to, size_t size_max)
{
    size_t size = 0;
    for (uint32_t i = 1; i < call->words_count && size < ARGUMENTS_SIZE_MAX; i++) {
        struct bytes word = resp_excerpt(call_word(call, i), ARGUMENTS_SIZE_MAX - size);
        size += (size_t)snprintf(to + size, size_max - size, "'%.*s' ", (int)word.size,
                                 (const char *)word.data);
    }
    return size;
}

static const struct row *refuse_unknown(struct call *call)
{
    char error[ERROR_SIZE_MAX], arguments[ARGUMENTS_SIZE_MAX + 8] = "";
    struct bytes name = resp_excerpt(call_word(call, 0), RESP_EXCERPT_MAX);
    quote_arguments(call, arguments, sizeof arguments);
    snprintf(error, sizeof error, "ERR unknown command '%.*s', with args beginning with: %s",
             (int)name.size, (const char *)name.data, arguments);
    return refuse(call, NULL, error);
}

static const struct row *refuse_unknown_subcommand(struct call *call, const struct row *row)
{
    char error[ERROR_SIZE_MAX], container[32];
    struct bytes name = resp_excerpt(call_word(call, 1), RESP_EXCERPT_MAX);
    word_upper(row->name, container, sizeof container);
    snprintf(error, sizeof error, "ERR unknown subcommand '%.*s'. Try %s HELP.", (int)name.size,
             (const char *)name.data, container);
    return refuse(call, NULL, error);
}

/* `container|name` of a subcommand, or a name alone. */
static void put_full_name(const struct call *call, const struct row *row, char *to, size_t size)
{
    const struct row *container = call->resp->row_memo;
    if (container != row)
        snprintf(to, size, "%s|%s", container->name, row->name);
    else
        snprintf(to, size, "%s", row->name);
}

static const struct row *refuse_arity(struct call *call, const struct row *row)
{
    char error[ERROR_SIZE_MAX], name[64];
    put_full_name(call, row, name, sizeof name);
    snprintf(error, sizeof error, "ERR wrong number of arguments for '%s' command", name);
    return refuse(call, row, error);
}

static const struct row *refuse_subscribed(struct call *call, const struct row *row)
{
    char error[ERROR_SIZE_MAX], name[64];
    put_full_name(call, row, name, sizeof name);
    snprintf(error, sizeof error,
             "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
             "are allowed in this context",
             name);
    return refuse(call, row, error);
}

/* The row of the command's name; the container's when it has subcommands. */
static const struct row *find(struct call *call)
{
    struct resp *resp = call->resp;
    struct bytes name = call_word(call, 0);
    if (!resp->row_memo || !word_is(name, resp->row_memo->name))
        resp->row_memo = resp_row(name);
    return resp->row_memo;
}

const struct row *resp_admitted(struct call *call)
{
    const struct row *row = find(call);
    bool is_container = row->subcommands && call->words_count > 1;
    return is_container ? resp_subcommand(row, call_word(call, 1)) : row;
}

/* Why one of the words that the row says are names may not be one; NULL when all may. */
static const char *name_fault(const struct call *call, const struct row *row)
{
    if (row->first_key == 0)
        return NULL;
    int64_t last = row->last_key < 0 ? (int64_t)call->words_count + row->last_key : row->last_key;
    const char *fault = NULL;
    for (int64_t at = row->first_key; at <= last && !fault; at += row->key_step)
        fault = call_name_fault(call, (uint32_t)at);
    return fault;
}

/* Queues a command for the transaction. */
static const struct row *queue(struct call *call)
{
    if (!multi_put(&call->resp->multi, call->words, call->spans, call->words_count))
        return refuse(call, NULL, "OOM command not allowed when used memory > 'maxmemory'.");
    struct pen pen = call_pen(call);
    pen_simple(&pen, "QUEUED");
    return NULL;
}

/* What is not about the words but about the session. */
static const struct row *admit_now(struct call *call, const struct row *row)
{
    const struct resp *resp = call->resp;
    const char *fault = name_fault(call, row);
    if (call->session->is_ending && !(row->flags & ROW_AT_END)) {
        resp_leave(call->session); /* who finds its connection ended comes back */
        return NULL;
    }
    if (!resp->is_admitted && !(row->flags & ROW_NO_AUTH))
        return refuse(call, row, "NOAUTH Authentication required.");
    if (resp->version == 2 && !channels_are_empty(resp->channels) && !(row->flags & ROW_SUBSCRIBED))
        return refuse_subscribed(call, row);
    if (fault)
        return refuse(call, row, fault);
    if (resp->multi.is_open && !(row->flags & ROW_AT_ONCE))
        return queue(call);
    return row;
}

const struct row *resp_admit(struct call *call)
{
    const struct row *row = find(call);
    if (row && row->subcommands && call->words_count > 1) {
        const struct row *subcommand = resp_subcommand(row, call_word(call, 1));
        if (!subcommand)
            return refuse_unknown_subcommand(call, row);
        row = subcommand;
    }
    if (!row)
        return refuse_unknown(call);
    if (!row_takes(row, call->words_count))
        return refuse_arity(call, row);
    return admit_now(call, row);
}

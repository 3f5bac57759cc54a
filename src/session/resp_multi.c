#include "session/resp_table.h"

#include "session/resp.h"
#include "session/say.h"
#include "session/session.h"

/*
 * A transaction is queued in words and carried out when it is whole: its commands stand between
 * BEGIN and COMMIT, and what they reply is an array that BEGIN's answer opens, or nil when something
 * that was watched has changed.
 */

static enum outcome multi(struct call *call, struct command *command)
{
    (void)command;
    if (call->resp->multi.is_open)
        return call_fail(call, "ERR MULTI calls can not be nested");
    call->resp->multi.is_open = true;
    return call_ok(call);
}

static enum outcome discard(struct call *call, struct command *command)
{
    (void)command;
    if (!call->resp->multi.is_open)
        return call_fail(call, "ERR DISCARD without MULTI");
    resp_forget_transaction(call->resp);
    return call_ok(call);
}

static enum outcome unwatch(struct call *call, struct command *command)
{
    (void)command;
    call->resp->is_forgetting |= call->resp->is_watching;
    return call_ok(call);
}

static enum outcome watch(struct call *call, struct command *command)
{
    uint32_t count = call->words_count - 1;
    if (call->resp->multi.is_open)
        return call_fail(call, "ERR WATCH inside MULTI is not allowed");
    call->resp->is_watching = true;
    uint32_t item = call_item(call, command, count, say_ok);
    if (item < count) {
        command->kind = COMMAND_WATCH;
        command->name = call_word(call, 1 + item);
    }
    return call_item_outcome(call, count);
}

/* Opens the array of what the commands reply; how many that are was noted. */
static void say_begin(struct pen *pen, const struct effect *effect)
{
    if (effect->status == STATUS_CHANGED)
        pen_null_array(pen);
    else
        pen_array(pen, load_u32(pen->note.data));
}

static enum outcome exec(struct call *call, struct command *command)
{
    struct resp *resp = call->resp;
    if (!resp->multi.is_open)
        return call_fail(call, "ERR EXEC without MULTI");
    if (resp->multi.is_broken) {
        resp_forget_transaction(resp);
        return call_fail(call, "EXECABORT Transaction discarded because of previous errors.");
    }
    unsigned char note[4];
    store_u32(note, resp->multi.count);
    command->kind = COMMAND_BEGIN;
    call_expect(call, 1, say_begin)->role = REPLY_BEGIN;
    replies_note(&resp->replies, bytes_of(note, sizeof note));
    resp->multi.is_open = false;
    resp->multi.is_running = true;
    /* What the session is afterwards may depend on whether it takes place. */
    resp->multi.is_large = resp->is_watching;
    resp->is_watching = false;
    resp->before.version = resp->version;
    resp->before.space = resp->space;
    text_set(&resp->before.name, text_bytes(&resp->name));
    return CALL_LAST;
}

void resp_end_transaction(struct call *call, struct command *command)
{
    struct resp *resp = call->resp;
    *command = (struct command){
        .kind = COMMAND_COMMIT, .peer = call->session->peer, .ticket = resp->ticket_next};
    call_expect(call, 1, say_nothing)->role = REPLY_COMMIT;
    call->is_inside = false;
    if (resp->multi.is_large)
        call_stall(call);
    multi_finish(&resp->multi);
}

#define AT_ONCE (ROW_NOSCRIPT | ROW_LOADING | ROW_STALE | ROW_FAST | ROW_ALLOW_BUSY | ROW_AT_ONCE)

static const struct row rows[] = {
    {.name = "discard",
     .arity = 1,
     .flags = AT_ONCE,
     .handler = discard,
     .summary = "Forgets what was queued."},
    {.name = "exec",
     .arity = 1,
     .flags =
         ROW_NOSCRIPT | ROW_LOADING | ROW_STALE | ROW_SKIP_SLOWLOG | ROW_AT_ONCE | ROW_ENDS_MULTI,
     .handler = exec,
     .summary = "Carries out what was queued, with nothing of others in between.",
     .differs = "Behind 64 MiB of replies nothing more is carried out; behind 256 MiB of messages "
                "and values, or while the memory is more than full, no more are read: an `OOM` "
                "error stands in their place."},
    {.name = "multi",
     .arity = 1,
     .flags = AT_ONCE,
     .handler = multi,
     .summary = "Has the next commands queued, up to `EXEC`.",
     .differs = "At most 16 MiB, each command counting 64 bytes besides its words."},
    {.name = "unwatch",
     .arity = 1,
     .flags = AT_ONCE & ~ROW_AT_ONCE,
     .handler = unwatch,
     .summary = "Forgets what is watched."},
    {.name = "watch",
     .arity = -2,
     .flags = AT_ONCE,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .handler = watch,
     .summary = "Has `EXEC` do nothing when a name changes before it."},
};

const struct row_group transaction_rows = {"Transactions", "transaction", rows,
                                           sizeof rows / sizeof *rows};

#include "session/resp_table.h"

#include "frame/field.h"
#include "resp/write.h"
#include "session/resp.h"
#include "session/say.h"
#include "session/session.h"
#include "session/word.h"

#include <stdio.h>
#include <stdlib.h>

/* Commands about connections, of which the engine tells. */

enum {
    LINE_SIZE_MAX = 256, /* bytes of a part of a line that holds no name */
    ID_SIZE = 8,         /* bytes of a noted id */
};

enum outcome resp_label(struct call *call, struct command *command, reply_say *say)
{
    command->kind = COMMAND_LABEL;
    command->label = text_bytes(&call->resp->name);
    call_expect(call, 1, say);
    return CALL_LAST;
}

bool resp_is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '!' || text.data[i] > '~')
            return false;
    return text.size <= RESP_NAME_MAX;
}

static enum outcome id(struct call *call, struct command *command)
{
    (void)command;
    struct pen pen = call_pen(call);
    pen_integer(&pen, call->session->peer);
    return CALL_DONE;
}

static enum outcome getname(struct call *call, struct command *command)
{
    (void)command;
    struct bytes name = text_bytes(&call->resp->name);
    struct pen pen = call_pen(call);
    if (name.size > 0)
        pen_bulk(&pen, name);
    else
        pen_null(&pen);
    return CALL_DONE;
}

static enum outcome setname(struct call *call, struct command *command)
{
    if (!resp_is_plain(call_word(call, 2)))
        return call_fail(call, RESP_BAD_NAME);
    text_set(&call->resp->name, call_word(call, 2));
    return resp_label(call, command, say_ok);
}

static enum outcome setinfo(struct call *call, struct command *command)
{
    (void)command;
    struct resp *resp = call->resp;
    struct text *text = call_word_is(call, 2, "lib-name")  ? &resp->library_name
                        : call_word_is(call, 2, "lib-ver") ? &resp->library_version
                                                           : NULL;
    if (!text)
        return call_fail_with(call, "ERR Unrecognized option '", call_word(call, 2), "'");
    if (!resp_is_plain(call_word(call, 3)))
        return call_fail_with(call, "ERR ", call_word(call, 2),
                              " cannot contain spaces, newlines or special characters.");
    text_set(text, call_word(call, 3));
    return call_ok(call);
}

static enum outcome take_switch(struct call *call, struct command *command)
{
    (void)command;
    bool is_known = call_word_is(call, 2, "on") || call_word_is(call, 2, "off");
    return is_known ? call_ok(call) : call_fail_syntax(call);
}

/* What a record says of a connection. */
struct client {
    uint64_t id, subscriptions, unsent_size, is_taking;
    struct bytes name, address; /* borrowed */
};

static struct client read_record(struct bytes fields)
{
    struct client client = {0};
    struct field field;
    while (field_take(&fields, &field) > 0) {
        if (field_is(&field, "connection"))
            client.id = field.number;
        else if (field_is(&field, "subscriptions"))
            client.subscriptions = field.number;
        else if (field_is(&field, "unsent-bytes"))
            client.unsent_size = field.number;
        else if (field_is(&field, "taking"))
            client.is_taking = field.number;
        else if (field_is(&field, "client"))
            client.name = field.value;
        else if (field_is(&field, "address"))
            client.address = field.value;
    }
    return client;
}

/* Appends a name as it may stand in a line. */
static void put_name(struct text *lines, struct bytes name)
{
    unsigned char *to = text_reserve(lines, name.size);
    for (size_t i = 0; i < name.size; i++)
        to[i] = name.data[i] > ' ' && name.data[i] <= '~' ? name.data[i] : '?';
}

static void put_text(struct text *lines, const char *text)
{
    size_t size = strlen(text);
    bytes_copy(text_reserve(lines, size), bytes_of(text, size));
}

/* Redis tells more of a connection. Programs take all of its numbers for granted: those that are
   not known here are -1. */
static const char unknown[] = " laddr= fd=-1 age=-1 idle=-1 psub=-1 ssub=-1 qbuf=-1 qbuf-free=-1"
                              " argv-mem=-1 multi-mem=-1 rbs=-1 rbp=-1 obl=-1 oll=-1 tot-mem=-1"
                              " events=r cmd=NULL redir=-1";
static const char unknown_of_others[] = " db=-1 multi=-1 resp=-1\n";

/* Appends a line without its end. */
static void put_line(struct text *lines, const struct client *client)
{
    char part[LINE_SIZE_MAX];
    const char *flags = client->subscriptions > 0 ? "P" : client->is_taking ? "b" : "N";
    snprintf(part, sizeof part, "id=%llu addr=%.*s name=", (unsigned long long)client->id,
             (int)client->address.size, (const char *)client->address.data);
    put_text(lines, part);
    put_name(lines, client->name);
    snprintf(part, sizeof part, " flags=%s sub=%llu omem=%llu user=default", flags,
             (unsigned long long)client->subscriptions, (unsigned long long)client->unsent_size);
    put_text(lines, part);
    put_text(lines, unknown);
}

/* Which connections a listing is of; noted for its reply. */
struct filter {
    uint32_t kind; /* KIND_… */
    uint32_t ids_count;
    /* ids u64 …, in order: there may be many, and many connections */
};

enum { KIND_ANY, KIND_NORMAL, KIND_PUBSUB, KIND_NONE };

static int compare_ids(const void *left, const void *right)
{
    uint64_t a = load_u64(left), b = load_u64(right);
    return (a > b) - (a < b);
}

static bool is_listed(const struct client *client, struct bytes note)
{
    struct filter filter;
    unsigned char id[ID_SIZE];
    memcpy(&filter, note.data, sizeof filter);
    store_u64(id, client->id);
    bool is_known = filter.ids_count == 0 || bsearch(id, note.data + sizeof filter,
                                                     filter.ids_count, sizeof id, compare_ids);
    bool is_subscriber = client->subscriptions > 0;
    return is_known && (filter.kind == KIND_ANY || (filter.kind == KIND_NORMAL && !is_subscriber) ||
                        (filter.kind == KIND_PUBSUB && is_subscriber));
}

/* The next record of an answer, which holds whole ones. */
static struct client take_record(struct bytes *records)
{
    uint32_t size = load_u32(records->data); /* its own 4 bytes included */
    struct client client = read_record(bytes_of(records->data + 4, size - 4));
    *records = bytes_of(records->data + size, records->size - size);
    return client;
}

static void say_clients(struct pen *pen, const struct effect *effect)
{
    if (effect->kind != EFFECT_ANSWER) {
        pen_status(pen, effect->status);
        return;
    }
    struct text lines = {0};
    for (struct bytes records = slice_bytes(&effect->slice); records.size > 0;) {
        struct client client = take_record(&records);
        if (!is_listed(&client, pen->note))
            continue;
        put_line(&lines, &client);
        put_text(&lines, unknown_of_others);
    }
    pen_text(pen, text_bytes(&lines));
    text_finish(&lines);
}

/* One line, of the client that asks; how it ends was noted. */
static void say_own(struct pen *pen, const struct effect *effect)
{
    struct text line = {0};
    if (effect->kind != EFFECT_ANSWER) {
        pen_status(pen, effect->status);
        return;
    }
    struct bytes records = slice_bytes(&effect->slice);
    struct client client = take_record(&records);
    put_line(&line, &client);
    bytes_copy(text_reserve(&line, pen->note.size), pen->note);
    pen_text(pen, text_bytes(&line));
    text_finish(&line);
}

static enum outcome info(struct call *call, struct command *command)
{
    const struct resp *resp = call->resp;
    struct bytes name = text_bytes(&resp->library_name),
                 version = text_bytes(&resp->library_version);
    char note[LINE_SIZE_MAX + 2 * RESP_NAME_MAX];
    command->kind = COMMAND_CLIENTS;
    command->look.count = 1;
    command->look.after = call->session->peer - 1;
    int size = snprintf(note, sizeof note, " db=%u multi=%d resp=%u lib-name=%.*s lib-ver=%.*s\n",
                        resp->space, call->is_inside ? 0 : -1, resp->version, (int)name.size,
                        (const char *)name.data, (int)version.size, (const char *)version.data);
    call_expect(call, 1, say_own);
    replies_note(&call->resp->replies, bytes_of(note, (size_t)size));
    return CALL_LAST;
}

/* Which connections are of a type; false for a word that is none, which was said then. */
static bool read_kind(struct call *call, uint32_t at, uint32_t *kind)
{
    bool is_replicating = call_word_is(call, at, "master") || call_word_is(call, at, "replica") ||
                          call_word_is(call, at, "slave");
    *kind = call_word_is(call, at, "normal")   ? KIND_NORMAL
            : call_word_is(call, at, "pubsub") ? KIND_PUBSUB
            : is_replicating                   ? KIND_NONE
                                               : KIND_ANY;
    if (*kind == KIND_ANY)
        call_fail_with(call, "ERR Unknown client type '", call_word(call, at), "'");
    return *kind != KIND_ANY;
}

/* Notes the numbers that the words from `first` on are. */
static void note_ids(struct call *call, uint32_t first)
{
    int64_t number;
    struct text ids = {0};
    for (uint32_t i = first; i < call->words_count; i++) {
        resp_integer(call_word(call, i), &number);
        store_u64(text_reserve(&ids, ID_SIZE), (uint64_t)number);
    }
    qsort(ids.data, ids.size / ID_SIZE, ID_SIZE, compare_ids);
    replies_note(&call->resp->replies, text_bytes(&ids));
    text_finish(&ids);
}

static enum outcome list(struct call *call, struct command *command)
{
    struct filter filter = {.kind = KIND_ANY};
    bool has_type = call->words_count == 4 && call_word_is(call, 2, "type");
    bool has_ids = call->words_count > 3 && call_word_is(call, 2, "id");
    int64_t number;
    if (has_type && !read_kind(call, 3, &filter.kind))
        return CALL_DONE;
    if (call->words_count > 2 && !has_type && !has_ids)
        return call_fail_syntax(call);
    filter.ids_count = has_ids ? call->words_count - 3 : 0;
    for (uint32_t i = 0; i < filter.ids_count; i++)
        if (!call_integer_within(call, 3 + i, INT64_MIN, INT64_MAX, "ERR Invalid client ID",
                                 &number))
            return CALL_DONE;
    command->kind = COMMAND_CLIENTS;
    command->look.is_whole = true;
    call_expect(call, 1, say_clients);
    replies_note(&call->resp->replies, bytes_of(&filter, sizeof filter));
    if (has_ids)
        note_ids(call, 3);
    call_stall(call);
    return CALL_LAST;
}

static void say_killed(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_NUMBER && effect->numbers.first > 0)
        pen_simple(pen, "OK");
    else if (effect->kind == EFFECT_NUMBER)
        pen_error(pen, "ERR No such client");
    else
        pen_status(pen, effect->status);
}

/* Reads `yes` or `no`; false for another word, which was said then. */
static bool read_yes(struct call *call, uint32_t at, bool *is_yes)
{
    *is_yes = call_word_is(call, at, "yes");
    if (*is_yes || call_word_is(call, at, "no"))
        return true;
    call_fail_syntax(call);
    return false;
}

static bool read_user(struct call *call, uint32_t at)
{
    if (bytes_equal(call_word(call, at), bytes_text("default")))
        return true;
    call_fail_with(call, "ERR No such user '", call_word(call, at), "'");
    return false;
}

/* Reads one condition of which connections are to end; `*is_none` when none is like that. False when
 * it is wrong, which was said then. */
static bool read_condition(struct call *call, uint32_t at, struct command *command, bool *is_none)
{
    int64_t number;
    uint32_t kind;
    if (call_word_is(call, at, "id")) {
        bool is_read = call_integer_within(call, at + 1, 1, INT64_MAX,
                                           "ERR client-id should be greater than 0", &number);
        *is_none |= is_read && number >= PEER_NONE;
        command->evict.client = is_read ? (uint32_t)number : PEER_NONE;
        return is_read;
    }
    if (call_word_is(call, at, "type")) {
        bool is_read = read_kind(call, at + 1, &kind);
        command->evict.which = kind == KIND_PUBSUB ? EVICT_SUBSCRIBERS : EVICT_OTHERS;
        *is_none |= kind == KIND_NONE;
        return is_read;
    }
    if (call_word_is(call, at, "addr")) {
        command->evict.address = call_word(call, at + 1);
        *is_none |= command->evict.address.size == 0;
        return true;
    }
    if (call_word_is(call, at, "laddr")) {
        *is_none = true;
        return true;
    }
    if (call_word_is(call, at, "user"))
        return read_user(call, at + 1);
    if (call_word_is(call, at, "skipme"))
        return read_yes(call, at + 1, &command->evict.spares_own);
    call_fail_syntax(call);
    return false;
}

static enum outcome kill_client(struct call *call, struct command *command)
{
    bool is_none = false, is_short = call->words_count == 3;
    command->kind = COMMAND_EVICT;
    command->evict.client = PEER_NONE;
    command->evict.spares_own = !is_short;
    if (is_short) {
        command->evict.address = call_word(call, 2);
        is_none = command->evict.address.size == 0;
    }
    for (uint32_t at = 2; at < call->words_count && !is_short; at += 2) {
        if (at + 1 == call->words_count)
            return call_fail_syntax(call);
        if (!read_condition(call, at, command, &is_none))
            return CALL_DONE;
    }
    if (is_none) {
        command->evict.client = 0; /* nobody's */
        command->evict.which = EVICT_ANY;
    }
    call_expect(call, 1, is_short ? say_killed : say_integer);
    return CALL_LAST;
}

#define ALWAYS (ROW_NOSCRIPT | ROW_LOADING | ROW_STALE)

static const struct row subcommands[] = {
    {.name = "getname",
     .arity = 2,
     .flags = ALWAYS,
     .handler = getname,
     .summary = "The connection's name."},
    {.name = "id",
     .arity = 2,
     .flags = ALWAYS,
     .handler = id,
     .summary = "The connection's number."},
    {.name = "info",
     .arity = 2,
     .flags = ALWAYS,
     .handler = info,
     .summary = "What is known of the connection.",
     .differs = "Fewer things are."},
    {.name = "kill",
     .arity = -3,
     .flags = ALWAYS | ROW_ADMIN,
     .handler = kill_client,
     .summary = "Ends connections.",
     .differs = "No connection is like any `LADDR`."},
    {.name = "list",
     .arity = -2,
     .flags = ALWAYS | ROW_ADMIN,
     .handler = list,
     .summary = "What is known of all connections.",
     .differs = "Fewer things are; native clients are among them."},
    {.name = "no-evict",
     .arity = 3,
     .flags = ALWAYS | ROW_ADMIN,
     .handler = take_switch,
     .summary = "Nothing; no client is evicted anyway."},
    {.name = "no-touch",
     .arity = 3,
     .flags = ALWAYS,
     .handler = take_switch,
     .summary = "Nothing; no key is older than another anyway."},
    {.name = "setinfo",
     .arity = 4,
     .flags = ALWAYS,
     .handler = setinfo,
     .summary = "Says which library the client uses."},
    {.name = "setname",
     .arity = 3,
     .flags = ALWAYS,
     .handler = setname,
     .summary = "Names the connection, for listings."},
};

static const struct row rows[] = {
    {.name = "client",
     .arity = -2,
     .subcommands = subcommands,
     .subcommands_count = sizeof subcommands / sizeof *subcommands,
     .summary = "Commands about connections."},
};

const struct row_group client_rows = {"Clients", "connection", rows, sizeof rows / sizeof *rows};

#include "core/glob.h"
#include "resp/number.h"
#include "session/resp.h"
#include "session/resp_table.h"
#include "session/word.h"

#include <stdio.h>

/* COMMAND: what the table says, told to clients. */

enum {
    FULL_NAME_SIZE = 64, /* room for `container|name` */
    CATEGORIES_MAX = 8,  /* of one command */
};

/* Places in the table. A zeroed one is the first. */

struct place {
    size_t group, row;
    size_t sub; /* 0: the command itself, else behind its subcommand of that number, from 1 on */
};

static const struct row *command_at(const struct place *place)
{
    return &resp_groups[place->group]->rows[place->row];
}

static const struct row *row_at(const struct place *place)
{
    const struct row *command = command_at(place);
    return place->sub == 0 ? command : &command->subcommands[place->sub - 1];
}

static bool is_over(const struct place *place)
{
    return place->group == resp_groups_count;
}

/* Goes on to the next command, or to what is next, subcommands included. */
static void go_on(struct place *place, bool is_deep)
{
    if (is_deep && place->sub < command_at(place)->subcommands_count) {
        place->sub++;
        return;
    }
    place->sub = 0;
    if (++place->row < resp_groups[place->group]->rows_count)
        return;
    place->row = 0;
    place->group++;
}

static size_t count_commands(void)
{
    size_t count = 0;
    for (size_t i = 0; i < resp_groups_count; i++)
        count += resp_groups[i]->rows_count;
    return count;
}

static struct bytes full_name(const struct place *place, char room[FULL_NAME_SIZE])
{
    bool is_sub = place->sub > 0;
    int size = snprintf(room, FULL_NAME_SIZE, "%s%s%s", is_sub ? command_at(place)->name : "",
                        is_sub ? "|" : "", row_at(place)->name);
    return bytes_of(room, (size_t)size);
}

/* Finds `command` or `command|subcommand`, in letters of either case. */
static bool find(struct bytes name, struct place *found)
{
    char room[FULL_NAME_SIZE];
    for (struct place at = {0}; !is_over(&at); go_on(&at, true)) {
        full_name(&at, room);
        if (!word_is(name, room))
            continue;
        *found = at;
        return true;
    }
    return false;
}

/* Categories. */

static bool has_flag(const struct place *place, uint32_t flag)
{
    return row_at(place)->flags & flag;
}

/* Those of Redis's access control that the command is of, without their `@`. */
static size_t categories_of(const struct place *place, const char *categories[CATEGORIES_MAX])
{
    size_t count = 0;
    if (resp_groups[place->group]->category && row_at(place)->handler)
        categories[count++] = resp_groups[place->group]->category;
    if (has_flag(place, ROW_WRITE))
        categories[count++] = "write";
    if (has_flag(place, ROW_READONLY))
        categories[count++] = "read";
    if (has_flag(place, ROW_BLOCKING))
        categories[count++] = "blocking";
    if (has_flag(place, ROW_ADMIN))
        categories[count++] = "admin";
    if (has_flag(place, ROW_ADMIN))
        categories[count++] = "dangerous";
    categories[count++] = has_flag(place, ROW_FAST) ? "fast" : "slow";
    return count;
}

static bool has_category(const struct place *place, struct bytes category)
{
    const char *categories[CATEGORIES_MAX];
    size_t count = categories_of(place, categories), i = 0;
    while (i < count && !word_is(category, categories[i]))
        i++;
    return i < count;
}

/* COMMAND INFO. */

static void put_flags(struct pen *pen, uint32_t flags)
{
    static const struct {
        uint32_t flag;
        const char *word;
    } known[] = {
        {ROW_WRITE, "write"},
        {ROW_READONLY, "readonly"},
        {ROW_DENYOOM, "denyoom"},
        {ROW_ADMIN, "admin"},
        {ROW_PUBSUB, "pubsub"},
        {ROW_NOSCRIPT, "noscript"},
        {ROW_BLOCKING, "blocking"},
        {ROW_LOADING, "loading"},
        {ROW_STALE, "stale"},
        {ROW_SKIP_SLOWLOG, "skip_slowlog"},
        {ROW_FAST, "fast"},
        {ROW_NO_AUTH, "no_auth"},
        {ROW_ALLOW_BUSY, "allow_busy"},
        {ROW_MOVABLEKEYS, "movablekeys"},
    };
    enum { COUNT = sizeof known / sizeof *known };
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++)
        count += (flags & known[i].flag) != 0;
    pen_set(pen, count);
    for (size_t i = 0; i < COUNT; i++)
        if (flags & known[i].flag)
            pen_simple(pen, known[i].word);
}

static void put_categories(struct pen *pen, const struct place *place)
{
    const char *categories[CATEGORIES_MAX];
    size_t count = categories_of(place, categories);
    pen_set(pen, count);
    for (size_t i = 0; i < count; i++) {
        char word[32];
        snprintf(word, sizeof word, "@%s", categories[i]);
        pen_simple(pen, word);
    }
}

/* Ten things about one command; subcommands are the last of them. */
static void put_info(struct pen *pen, const struct place *place)
{
    const struct row *row = row_at(place);
    char room[FULL_NAME_SIZE];
    pen_array(pen, 10);
    pen_bulk(pen, full_name(place, room));
    pen_integer(pen, row->arity);
    put_flags(pen, row->flags);
    pen_integer(pen, row->first_key);
    pen_integer(pen, row->last_key);
    pen_integer(pen, row->key_step);
    put_categories(pen, place);
    pen_set(pen, 0); /* tips */
    pen_set(pen, 0); /* key specifications */
    pen_set(pen, row->subcommands_count);
    struct place sub = *place;
    for (sub.sub = 1; sub.sub <= row->subcommands_count; sub.sub++)
        put_info(pen, &sub);
}

static enum outcome info_of_all(struct call *call, struct command *command)
{
    (void)command;
    struct pen pen = call_pen(call);
    pen_array(&pen, count_commands());
    for (struct place at = {0}; !is_over(&at); go_on(&at, false))
        put_info(&pen, &at);
    return CALL_DONE;
}

static enum outcome info(struct call *call, struct command *command)
{
    if (call->words_count == 2)
        return info_of_all(call, command);
    struct pen pen = call_pen(call);
    pen_array(&pen, call->words_count - 2);
    for (uint32_t i = 2; i < call->words_count; i++) {
        struct place place;
        if (find(call_word(call, i), &place))
            put_info(&pen, &place);
        else
            pen_null(&pen);
    }
    return CALL_DONE;
}

/* COMMAND DOCS. */

static void put_text(struct pen *pen, const char *key, const char *text)
{
    pen_bulk(pen, bytes_text(key));
    pen_bulk(pen, bytes_text(text));
}

static void put_docs(struct pen *pen, const struct place *place)
{
    const struct row *row = row_at(place);
    char room[FULL_NAME_SIZE];
    pen_bulk(pen, full_name(place, room));
    pen_map(pen, 2 + (row->differs != NULL) + (row->subcommands_count > 0));
    put_text(pen, "summary", row->summary);
    put_text(pen, "group", resp_groups[place->group]->name);
    if (row->differs)
        put_text(pen, "differs", row->differs);
    if (row->subcommands_count == 0)
        return;
    pen_bulk(pen, bytes_text("subcommands"));
    pen_map(pen, row->subcommands_count);
    struct place sub = *place;
    for (sub.sub = 1; sub.sub <= row->subcommands_count; sub.sub++)
        put_docs(pen, &sub);
}

static enum outcome docs_of_all(struct call *call)
{
    struct pen pen = call_pen(call);
    pen_map(&pen, count_commands());
    for (struct place at = {0}; !is_over(&at); go_on(&at, false))
        put_docs(&pen, &at);
    return CALL_DONE;
}

static enum outcome docs(struct call *call, struct command *command)
{
    (void)command;
    struct place place;
    size_t count = 0;
    if (call->words_count == 2)
        return docs_of_all(call);
    for (uint32_t i = 2; i < call->words_count; i++)
        count += find(call_word(call, i), &place);
    struct pen pen = call_pen(call);
    pen_map(&pen, count);
    for (uint32_t i = 2; i < call->words_count; i++)
        if (find(call_word(call, i), &place))
            put_docs(&pen, &place);
    return CALL_DONE;
}

/* COMMAND LIST. */

enum filter { FILTER_NONE, FILTER_ALL, FILTER_CATEGORY, FILTER_PATTERN };

static bool passes(const struct place *place, enum filter filter, struct bytes word)
{
    char room[FULL_NAME_SIZE];
    switch (filter) {
    case FILTER_ALL: return true;
    case FILTER_CATEGORY: return has_category(place, word);
    case FILTER_PATTERN: return glob_matches(word, full_name(place, room));
    default: return false;
    }
}

static enum outcome put_list(struct call *call, enum filter filter, struct bytes word)
{
    char room[FULL_NAME_SIZE];
    size_t count = 0;
    for (struct place at = {0}; !is_over(&at); go_on(&at, true))
        count += passes(&at, filter, word);
    struct pen pen = call_pen(call);
    pen_array(&pen, count);
    for (struct place at = {0}; !is_over(&at); go_on(&at, true))
        if (passes(&at, filter, word))
            pen_bulk(&pen, full_name(&at, room));
    return CALL_DONE;
}

static enum outcome list(struct call *call, struct command *command)
{
    if (call->words_count == 2)
        return put_list(call, FILTER_ALL, (struct bytes){0});
    if (call->words_count != 5 || !call_word_is(call, 2, "filterby"))
        return call_fail_syntax(call);
    struct bytes word = call_word(call, 4);
    if (call_word_is(call, 3, "module"))
        return put_list(call, FILTER_NONE, word);
    if (call_word_is(call, 3, "aclcat"))
        return put_list(call, FILTER_CATEGORY, word);
    if (call_word_is(call, 3, "pattern"))
        return call_glob(call, 4, command) ? put_list(call, FILTER_PATTERN, word) : CALL_DONE;
    return call_fail_syntax(call);
}

/* COMMAND GETKEYS. */

/* The words that are names, from `*first` to `*last`; false when they cannot be told. */
static bool find_keys(const struct call *call, const struct row *row, int64_t *first, int64_t *last)
{
    int64_t words_count = (int64_t)call->words_count - 2, count;
    *first = row->first_key;
    *last = row->last_key < 0 ? words_count + row->last_key : row->last_key;
    if (!(row->flags & ROW_MOVABLEKEYS))
        return *first > 0;
    int64_t at = row->flags & ROW_BLOCKING ? 2 : 1; /* how many there are, behind the time-out */
    if (!resp_integer(call_word(call, (uint32_t)(at + 2)), &count))
        return false;
    *first = at + 1;
    *last = at + count;
    return count > 0 && count < words_count - at;
}

static enum outcome getkeys(struct call *call, struct command *command)
{
    (void)command;
    const struct row *row = resp_row(call_word(call, 2));
    int64_t first, last, step;
    if (row && row->subcommands && call->words_count > 3)
        row = resp_subcommand(row, call_word(call, 3));
    if (!row)
        return call_fail(call, "ERR Invalid command specified");
    if (row->first_key == 0 && !(row->flags & ROW_MOVABLEKEYS))
        return call_fail(call, "ERR The command has no key arguments");
    if (!row_takes(row, call->words_count - 2))
        return call_fail(call, "ERR Invalid number of arguments specified for command");
    if (!find_keys(call, row, &first, &last))
        return call_fail(call, "ERR Invalid arguments specified for command");
    step = row->key_step > 0 ? row->key_step : 1;
    struct pen pen = call_pen(call);
    pen_array(&pen, (size_t)((last - first) / step + 1));
    for (int64_t at = first; at <= last; at += step)
        pen_bulk(&pen, call_word(call, (uint32_t)at + 2));
    return CALL_DONE;
}

static enum outcome count(struct call *call, struct command *command)
{
    (void)command;
    struct pen pen = call_pen(call);
    pen_integer(&pen, (int64_t)count_commands());
    return CALL_DONE;
}

static enum outcome help(struct call *call, struct command *command)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    Return details about all commands.",
        "COUNT",
        "    Return the total number of commands.",
        "DOCS [<command-name> ...]",
        "    Return documentation about commands, all of them without a name.",
        "GETKEYS <full-command>",
        "    Return the keys from a full command.",
        "INFO [<command-name> ...]",
        "    Return details about commands, all of them without a name.",
        "LIST [FILTERBY (ACLCAT <category>|PATTERN <pattern>|MODULE <name>)]",
        "    Return the names of commands.",
        NULL,
    };
    (void)command;
    return call_help(call, lines);
}

#define ALWAYS (ROW_LOADING | ROW_STALE)

static const struct row subcommands[] = {
    {.name = "count",
     .arity = 2,
     .flags = ALWAYS,
     .handler = count,
     .summary = "How many commands there are."},
    {.name = "docs",
     .arity = -2,
     .flags = ALWAYS,
     .handler = docs,
     .summary = "What commands do.",
     .differs = "Without arguments, versions and complexity; with how a command differs."},
    {.name = "getkeys",
     .arity = -4,
     .flags = ALWAYS,
     .handler = getkeys,
     .summary = "The names in a command."},
    {.name = "help",
     .arity = 2,
     .flags = ALWAYS,
     .handler = help,
     .summary = "What subcommands there are."},
    {.name = "info",
     .arity = -2,
     .flags = ALWAYS,
     .handler = info,
     .summary = "What commands need.",
     .differs = "Without tips and key specifications."},
    {.name = "list",
     .arity = -2,
     .flags = ALWAYS,
     .handler = list,
     .summary = "The names of commands."},
};

static const struct row rows[] = {
    {.name = "command",
     .arity = -1,
     .flags = ALWAYS,
     .handler = info_of_all,
     .subcommands = subcommands,
     .subcommands_count = sizeof subcommands / sizeof *subcommands,
     .summary = "What all commands need."},
};

const struct row_group command_rows = {"Commands", "connection", rows, sizeof rows / sizeof *rows};

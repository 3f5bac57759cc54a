#include "options.h"

#include "text.h"

#include <string.h>

enum option_kind {
    KIND_FLAG,
    KIND_TEXT,
    KIND_TEXTS,  /* as often as it is given */
    KIND_NUMBER, /* from 1 on */
    KIND_SIZE,
    KIND_WAIT,   /* seconds, or 'forever' */
    KIND_PERIOD, /* seconds, or 'none' */
    KIND_LIMIT,  /* a number from 1 on, or 'none' */
    KIND_SECONDS,
};

static const struct entry {
    struct option_entry shown;
    enum option_kind kind;
    unsigned set;     /* of enum option_set: the commands that take one of these take it */
    size_t offset;    /* in struct options */
    const char *help; /* of one line or more */
} ENTRIES[] = {
    {{"lines", 'l', NULL},
     KIND_FLAG,
     OPTION_LINES,
     offsetof(struct options, is_lines),
     "take each line of the standard input as a message"},
    {{"back", 0, NULL},
     KIND_FLAG,
     OPTION_BACK,
     offsetof(struct options, is_back),
     "from the back of the queue, the newest first"},
    {{"wildcard", 0, NULL},
     KIND_FLAG,
     OPTION_WILDCARD,
     offsetof(struct options, is_wildcard),
     "TOPIC is a pattern of tokens between dots: * stands for one,\n"
     "> at the end for one or more"},
    {{"group", 'g', "NAME"},
     KIND_TEXT,
     OPTION_GROUP,
     offsetof(struct options, group),
     "share the messages with all others of this group: each goes to one"},
    {{"count", 'n', "N"},
     KIND_NUMBER,
     OPTION_COUNT,
     offsetof(struct options, count),
     "how many; default 1, for redrive all, and for sub and reply no end"},
    {{"follow", 'f', NULL},
     KIND_FLAG,
     OPTION_FOLLOW,
     offsetof(struct options, is_follow),
     "go on without end, waiting for messages that are not there yet"},
    {{"wait", 'w', "SECONDS"},
     KIND_WAIT,
     OPTION_WAIT,
     offsetof(struct options, wait_ms),
     "how long to wait for each message, or 'forever'; without it\n"
     "pop takes what is there, and sub and reply wait forever"},
    {{"ack", 0, "HOW"},
     KIND_TEXT,
     OPTION_ACK,
     offsetof(struct options, ack),
     "auto: once it is written (default); none: at delivery;\n"
     "manual: as the standard input says, a line with 'ack',\n"
     "'return' or 'reject' for each message"},
    {{"exec", 'e', "COMMAND"},
     KIND_TEXT,
     OPTION_EXEC,
     offsetof(struct options, exec),
     "run COMMAND for each message, which is its standard input;\n"
     "exit 0 acknowledges it, any other returns it to the queue.\n"
     "For reply its standard output is the answer. RINGPOST_QUEUE\n"
     "or RINGPOST_TOPIC, and RINGPOST_DELIVERIES, are set"},
    {{"header", 'H', "KEY=VALUE"},
     KIND_TEXTS,
     OPTIONS_MESSAGE,
     offsetof(struct options, headers),
     "a header of the message; KEY begins with x-; can be repeated"},
    {{"reply-to", 0, "ADDRESS"},
     KIND_TEXT,
     OPTIONS_ANSWER,
     offsetof(struct options, reply_to),
     "where an answer is wanted: topic:NAME, queue:NAME or inbox:NAME"},
    {{"correlation-id", 0, "TEXT"},
     KIND_TEXT,
     OPTIONS_ANSWER,
     offsetof(struct options, correlation_id),
     "what the answer should carry, too"},
    {{"retain", 0, NULL},
     KIND_FLAG,
     OPTIONS_PUBLISH,
     offsetof(struct options, is_retained),
     "keep it for later subscribers; without a message: keep none"},
    {{"must", 0, NULL},
     KIND_FLAG,
     OPTIONS_PUBLISH,
     offsetof(struct options, is_wanted),
     "fail when nobody is there"},
    {{"max-messages", 0, "N"},
     KIND_NUMBER,
     OPTIONS_BOUND | OPTIONS_SUBSCRIBE,
     offsetof(struct options, max_messages),
     "the most messages that the queue holds, default 10,000,000;\n"
     "or that wait for the subscription, default 65,536"},
    {{"max-bytes", 0, "SIZE"},
     KIND_SIZE,
     OPTIONS_BOUND | OPTIONS_SUBSCRIBE,
     offsetof(struct options, max_bytes),
     "the most bytes; k, m and g are units; default 1g, or 16m"},
    {{"overflow", 0, "WHAT"},
     KIND_TEXT,
     OPTIONS_SUBSCRIBE,
     offsetof(struct options, overflow),
     "what happens beyond that: drop-oldest (default), drop-newest,\n"
     "keep-last (one for each topic), or close"},
    {{"no-retained", 0, NULL},
     KIND_FLAG,
     OPTIONS_SUBSCRIBE,
     offsetof(struct options, is_fresh),
     "only what is published from now on"},
    {{"when-full", 0, "WHAT"},
     KIND_TEXT,
     OPTIONS_QUEUE,
     offsetof(struct options, when_full),
     "refuse: a push to the full queue fails (default); hold: it waits;\n"
     "drop-oldest: the oldest messages make room"},
    {{"ttl", 0, "SECONDS"},
     KIND_PERIOD,
     OPTIONS_QUEUE | OPTIONS_PUSH,
     offsetof(struct options, ttl_ms),
     "how long a message may wait, ready, before it expires; or 'none'"},
    {{"delay", 0, "SECONDS"},
     KIND_PERIOD,
     OPTIONS_PUSH,
     offsetof(struct options, delay_ms),
     "how long it takes until the message is ready"},
    {{"delivery-limit", 0, "N"},
     KIND_LIMIT,
     OPTIONS_QUEUE,
     offsetof(struct options, delivery_limit),
     "how often a message is delivered before it is a dead letter;\n"
     "or 'none'; default 16"},
    {{"dead-letter", 0, "QUEUE"},
     KIND_TEXT,
     OPTIONS_QUEUE,
     offsetof(struct options, dead_letter),
     "where dead letters go; default the name with .dead behind it;\n"
     "'': nowhere"},
    {{"lease-max", 0, "SECONDS"},
     KIND_PERIOD,
     OPTIONS_QUEUE,
     offsetof(struct options, lease_max_ms),
     "how long a message may be leased before it goes back; or 'none'"},
    {{"pop-lease", 0, "WHAT"},
     KIND_TEXT,
     OPTIONS_QUEUE,
     offsetof(struct options, pop_lease),
     "none: what a Redis client pops is done with (default); connection:\n"
     "it goes back when the connection ends before its next pop"},
    {{"to", 0, "QUEUE"},
     KIND_TEXT,
     OPTION_TO,
     offsetof(struct options, to),
     "where the messages go, rather than to where each of them was"},
    {{"once", 0, NULL},
     KIND_FLAG,
     OPTION_ONCE,
     offsetof(struct options, is_once),
     "write the figures of one second, and end"},
    {{"json", 'j', NULL},
     KIND_FLAG,
     OPTIONS_COMMON,
     offsetof(struct options, is_json),
     "write JSON, one object a line"},
    {{"server", 's', "ADDRESS"},
     KIND_TEXT,
     OPTIONS_COMMON,
     offsetof(struct options, server),
     "HOST:PORT, [V6]:PORT or unix:PATH, or several with commas between,\n"
     "tried in turn; default $RINGPOST_SERVER, or " RINGPOST_SERVER_DEFAULT},
    {{"password-file", 0, "FILE"},
     KIND_TEXT,
     OPTIONS_COMMON,
     offsetof(struct options, password_file),
     "its first line lets in; default $RINGPOST_PASSWORD_FILE"},
    {{"timeout", 0, "SECONDS"},
     KIND_SECONDS,
     OPTIONS_COMMON,
     offsetof(struct options, timeout_ms),
     "how long the broker may take to answer; default 10"},
    {{"help", 'h', NULL},
     KIND_FLAG,
     OPTIONS_COMMON,
     offsetof(struct options, is_help),
     "explain a command"},
    {{"version", 'V', NULL},
     KIND_FLAG,
     OPTIONS_COMMON,
     offsetof(struct options, is_version),
     "write the version"},
};

enum {
    ENTRY_COUNT = sizeof ENTRIES / sizeof *ENTRIES,
    TIMEOUT_MS_DEFAULT = 10000,
    HELP_COLUMN = 30
};

/* The option that `text` begins; its value, if it stands in the same text, goes to `value`. */
static const struct entry *letter_find(const char *text, const char **value)
{
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        const struct entry *entry = &ENTRIES[i];
        if (entry->shown.letter != text[1] || (entry->kind == KIND_FLAG && text[2] != 0))
            continue;
        if (text[2] != 0)
            *value = text + 2;
        return entry;
    }
    return NULL;
}

static const struct entry *entry_find(const char *text, const char **value)
{
    *value = NULL;
    if (text[1] != '-')
        return letter_find(text, value);
    size_t size = strcspn(text + 2, "=");
    if (text[2 + size] == '=')
        *value = text + 2 + size + 1;
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        if (strlen(ENTRIES[i].shown.name) == size &&
            memcmp(ENTRIES[i].shown.name, text + 2, size) == 0)
            return &ENTRIES[i];
    }
    return NULL;
}

static bool text_add(struct texts *texts, const char *text)
{
    if (texts->count == HEADERS_MAX)
        return false;
    texts->all[texts->count++] = text;
    return true;
}

static bool period_set(int64_t *ms, const char *value)
{
    uint64_t parsed;
    *ms = RINGPOST_OFF;
    if (strcmp(value, "none") == 0)
        return true;
    if (!text_parse_period(value, INT64_MAX, &parsed))
        return false;
    *ms = parsed > 0 ? (int64_t)parsed : RINGPOST_OFF;
    return true;
}

static bool limit_set(int64_t *limit, const char *value)
{
    uint64_t parsed;
    *limit = RINGPOST_OFF;
    if (strcmp(value, "none") == 0)
        return true;
    if (!text_parse_number(value, &parsed) || parsed == 0 || parsed > INT64_MAX)
        return false;
    *limit = (int64_t)parsed;
    return true;
}

static bool wait_set(int *ms, const char *value)
{
    *ms = WAIT_FOREVER;
    return strcmp(value, "forever") == 0 || text_parse_seconds(value, ms);
}

static bool value_set(struct options *options, const struct entry *entry, const char *value)
{
    void *place = (char *)options + entry->offset;
    switch (entry->kind) {
    case KIND_FLAG: *(bool *)place = true; return true;
    case KIND_TEXT: *(const char **)place = value; return true;
    case KIND_TEXTS: return text_add(place, value);
    case KIND_NUMBER: return text_parse_number(value, place) && *(uint64_t *)place > 0;
    case KIND_SIZE: return text_parse_size(value, place) && *(uint64_t *)place > 0;
    case KIND_WAIT: return wait_set(place, value);
    case KIND_PERIOD: return period_set(place, value);
    case KIND_LIMIT: return limit_set(place, value);
    case KIND_SECONDS: return text_parse_seconds(value, place);
    }
    return false;
}

static bool argument_add(struct options *options, const char *text)
{
    if (options->argument_count == ARGUMENTS_MAX) {
        fputs("ringpost: too many arguments\n", stderr);
        return false;
    }
    options->arguments[options->argument_count++] = text;
    return true;
}

static bool is_option(const char *text)
{
    return text[0] == '-' && text[1] != 0;
}

/* Reads the option at `texts[index]`. Returns how many texts it took, or 0 after complaining. */
static int option_take(struct options *options, int count, char **texts, int index)
{
    const char *value;
    const struct entry *entry = entry_find(texts[index], &value);
    if (!entry) {
        fprintf(stderr, "ringpost: no option %s; see ringpost --help, or put -- before arguments\n",
                texts[index]);
        return 0;
    }
    int taken = 1;
    if (entry->kind == KIND_FLAG && value) {
        fprintf(stderr, "ringpost: --%s takes no value\n", entry->shown.name);
        return 0;
    }
    if (entry->kind != KIND_FLAG && !value) {
        if (index + 1 == count) {
            fprintf(stderr, "ringpost: --%s needs %s behind it\n", entry->shown.name,
                    entry->shown.argument);
            return 0;
        }
        value = texts[index + 1];
        taken = 2;
    }
    if (value_set(options, entry, value))
        return taken;
    fprintf(stderr, "ringpost: --%s %s is not a value for %s\n", entry->shown.name, value,
            entry->shown.argument);
    return 0;
}

bool options_parse(struct options *options, int count, char **texts)
{
    *options = (struct options){.timeout_ms = TIMEOUT_MS_DEFAULT, .wait_ms = WAIT_NONE};
    bool is_open = true;
    for (int i = 0; i < count;) {
        int taken = 1;
        if (is_open && strcmp(texts[i], "--") == 0)
            is_open = false;
        else if (is_open && is_option(texts[i]))
            taken = option_take(options, count, texts, i);
        else if (!argument_add(options, texts[i]))
            taken = 0;
        if (taken == 0)
            return false;
        i += taken;
    }
    return true;
}

bool options_check(int count, char **texts, unsigned set, const char *command)
{
    for (int i = 0; i < count && strcmp(texts[i], "--") != 0; i++) {
        const char *value;
        const struct entry *entry = is_option(texts[i]) ? entry_find(texts[i], &value) : NULL;
        if (!entry)
            continue;
        if (!(entry->set & (set | OPTIONS_COMMON))) {
            fprintf(stderr, "ringpost: %s takes no --%s; see ringpost %s --help\n", command,
                    entry->shown.name, command);
            return false;
        }
        if (entry->kind != KIND_FLAG && !value)
            i++;
    }
    return true;
}

/* Writes the text of an option, its further lines below the first. */
static void help_write(FILE *to, const char *text)
{
    for (const char *end; (end = strchr(text, '\n')); text = end + 1)
        fprintf(to, "%.*s\n%*s", (int)(end - text), text, HELP_COLUMN, "");
    fprintf(to, "%s\n", text);
}

void options_help(FILE *to, unsigned set)
{
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        const struct entry *entry = &ENTRIES[i];
        if (!(entry->set & set))
            continue;
        char left[40];
        snprintf(left, sizeof left, "--%s%s%s", entry->shown.name, entry->shown.argument ? " " : "",
                 entry->shown.argument ? entry->shown.argument : "");
        fprintf(to, "  %c%c%s %-23s ", entry->shown.letter ? '-' : ' ',
                entry->shown.letter ? entry->shown.letter : ' ', entry->shown.letter ? "," : " ",
                left);
        help_write(to, entry->help);
    }
}

const struct option_entry *options_next(unsigned set, size_t *place)
{
    while (*place < ENTRY_COUNT) {
        const struct entry *entry = &ENTRIES[(*place)++];
        if (entry->set & set)
            return &entry->shown;
    }
    return NULL;
}

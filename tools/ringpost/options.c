#include "options.h"

#include "text.h"

#include <stddef.h>
#include <string.h>

enum option_kind { KIND_FLAG, KIND_TEXT, KIND_NUMBER, KIND_SIZE, KIND_SECONDS };

static const struct entry {
    const char *name;
    char letter;
    enum option_kind kind;
    enum option_set set;
    size_t offset; /* in struct options */
    const char *argument;
    const char *help; /* of one line or more */
} ENTRIES[] = {
    {"lines", 'l', KIND_FLAG, OPTION_LINES, offsetof(struct options, is_lines), NULL,
     "take each line of the standard input as a message"},
    {"back", 0, KIND_FLAG, OPTION_BACK, offsetof(struct options, is_back), NULL,
     "from the back of the queue, the newest first"},
    {"wildcard", 0, KIND_FLAG, OPTION_WILDCARD, offsetof(struct options, is_wildcard), NULL,
     "TOPIC is a pattern of tokens between dots: * stands for one,\n"
     "> at the end for one or more"},
    {"count", 'n', KIND_NUMBER, OPTION_COUNT, offsetof(struct options, count), "N",
     "how many; default 1, and for sub no end"},
    {"wait", 'w', KIND_SECONDS, OPTION_WAIT, offsetof(struct options, wait_ms), "SECONDS",
     "how long to wait for each message, or 'forever'; without it\n"
     "pop takes what is there, and sub waits forever"},
    {"ack", 0, KIND_TEXT, OPTION_ACK, offsetof(struct options, ack), "HOW",
     "auto: once it is written (default); none: at delivery;\n"
     "manual: as the standard input says, a line with 'ack',\n"
     "'return' or 'reject' for each message"},
    {"exec", 'e', KIND_TEXT, OPTION_EXEC, offsetof(struct options, exec), "COMMAND",
     "run COMMAND for each message, which is its standard input;\n"
     "exit 0 acknowledges it, any other returns it to the queue.\n"
     "RINGPOST_QUEUE and RINGPOST_DELIVERIES are set"},
    {"max-messages", 0, KIND_NUMBER, OPTIONS_BOUND, offsetof(struct options, max_messages), "N",
     "the most messages the queue holds; default 10,000,000"},
    {"max-bytes", 0, KIND_SIZE, OPTIONS_BOUND, offsetof(struct options, max_bytes), "SIZE",
     "the most bytes it holds; k, m and g are units; default 1g"},
    {"when-full", 0, KIND_TEXT, OPTIONS_BOUND, offsetof(struct options, when_full), "WHAT",
     "refuse: a push to the full queue fails (default); hold: it waits"},
    {"json", 'j', KIND_FLAG, OPTIONS_COMMON, offsetof(struct options, is_json), NULL,
     "write JSON, one object a line"},
    {"server", 's', KIND_TEXT, OPTIONS_COMMON, offsetof(struct options, server), "ADDRESS",
     "HOST:PORT, [V6]:PORT or unix:PATH, or several with commas between,\n"
     "tried in turn; default $RINGPOST_SERVER, or " RINGPOST_SERVER_DEFAULT},
    {"timeout", 0, KIND_SECONDS, OPTIONS_COMMON, offsetof(struct options, timeout_ms), "SECONDS",
     "how long the broker may take to answer; default 10"},
    {"help", 'h', KIND_FLAG, OPTIONS_COMMON, offsetof(struct options, is_help), NULL,
     "explain a command"},
    {"version", 'V', KIND_FLAG, OPTIONS_COMMON, offsetof(struct options, is_version), NULL,
     "write the version"},
};

enum {
    ENTRY_COUNT = sizeof ENTRIES / sizeof *ENTRIES,
    TIMEOUT_MS_DEFAULT = 10000,
    HELP_COLUMN = 24
};

/* The option that `text` begins; its value, if it stands behind '=', goes to `value`. */
static const struct entry *entry_find(const char *text, const char **value)
{
    *value = NULL;
    if (text[1] != '-') {
        for (size_t i = 0; i < ENTRY_COUNT; i++) {
            if (ENTRIES[i].letter == text[1] && text[2] == 0)
                return &ENTRIES[i];
        }
        return NULL;
    }
    size_t size = strcspn(text + 2, "=");
    if (text[2 + size] == '=')
        *value = text + 2 + size + 1;
    for (size_t i = 0; i < ENTRY_COUNT; i++) {
        if (strlen(ENTRIES[i].name) == size && memcmp(ENTRIES[i].name, text + 2, size) == 0)
            return &ENTRIES[i];
    }
    return NULL;
}

static bool value_set(struct options *options, const struct entry *entry, const char *value)
{
    char *place = (char *)options + entry->offset;
    switch (entry->kind) {
    case KIND_FLAG: *(bool *)place = true; return true;
    case KIND_TEXT: *(const char **)place = value; return true;
    case KIND_NUMBER: return text_parse_number(value, (uint64_t *)place) && *(uint64_t *)place > 0;
    case KIND_SIZE: return text_parse_size(value, (uint64_t *)place) && *(uint64_t *)place > 0;
    case KIND_SECONDS:
        if (entry->set == OPTION_WAIT && strcmp(value, "forever") == 0) {
            *(int *)place = WAIT_FOREVER;
            return true;
        }
        return text_parse_seconds(value, (int *)place);
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
        fprintf(stderr, "ringpost: --%s takes no value\n", entry->name);
        return 0;
    }
    if (entry->kind != KIND_FLAG && !value) {
        if (index + 1 == count) {
            fprintf(stderr, "ringpost: --%s needs %s behind it\n", entry->name, entry->argument);
            return 0;
        }
        value = texts[index + 1];
        taken = 2;
    }
    if (value_set(options, entry, value))
        return taken;
    fprintf(stderr, "ringpost: --%s %s is not a value for %s\n", entry->name, value,
            entry->argument);
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
                    entry->name, command);
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
        snprintf(left, sizeof left, "--%s%s%s", entry->name, entry->argument ? " " : "",
                 entry->argument ? entry->argument : "");
        fprintf(to, "  %c%c%s %-17s ", entry->letter ? '-' : ' ',
                entry->letter ? entry->letter : ' ', entry->letter ? "," : " ", left);
        help_write(to, entry->help);
    }
}

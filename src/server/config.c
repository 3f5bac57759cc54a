#include "server/config.h"

#include "base/array.h"
#include "server/keys.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>

/*
 * inih takes the lines apart. It reads them through next_line, which refuses what inih would cut
 * silently, counts, and opens sections; inih itself tells neither lines nor sections without keys.
 */

enum {
    CONFIG_SIZE_MAX = 1024 * 1024,
    LINE_SIZE_MAX = 199,   /* what inih keeps of a line */
    SECTION_SIZE_MAX = 49, /* … and of a section's name */
    FAULTS_MAX = 20,       /* told; the rest is silence */
};

struct config {
    struct options *options;
    const char *path;
    FILE *errors;
    struct bytes rest; /* of the text */
    unsigned line;     /* number of the last line that was read */
    unsigned faults_count;
    unsigned lines[OPTIONS_KEYS_MAX]; /* by key: where it was given; 0: not yet */
    enum { IN_KEYS, IN_SECTION, IN_REFUSED } place;
};

__attribute__((format(printf, 3, 4))) static void fault(struct config *config, unsigned line,
                                                        const char *format, ...)
{
    if (config->faults_count++ >= FAULTS_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    fprintf(config->errors, "ringpostd: %s:%u: ", config->path, line);
    vfprintf(config->errors, format, arguments);
    fputc('\n', config->errors);
    va_end(arguments);
}

/* Without the white space around it. */
static struct bytes trim(struct bytes text)
{
    while (text.size > 0 && isspace(text.data[0]))
        text = bytes_of(text.data + 1, text.size - 1);
    while (text.size > 0 && isspace(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Takes the next line off what is left, trimmed. */
static bool cut_line(struct config *config, struct bytes *line)
{
    if (config->rest.size == 0)
        return false;
    const unsigned char *end = memchr(config->rest.data, '\n', config->rest.size);
    size_t size = end ? (size_t)(end - config->rest.data) : config->rest.size;
    *line = trim(bytes_of(config->rest.data, size));
    size += end ? 1 : 0;
    config->rest = bytes_of(config->rest.data + size, config->rest.size - size);
    config->line++;
    return true;
}

/* Whether `name` is `kind`, white space and something; which is left in it then. */
static bool take_kind(struct bytes *name, const char *kind)
{
    size_t size = strlen(kind);
    if (name->size <= size || memcmp(name->data, kind, size) != 0 || !isspace(name->data[size]))
        return false;
    *name = trim(bytes_of(name->data + size, name->size - size));
    return name->size > 0;
}

/* What is wrong with a section's line, or NULL. */
static const char *open_section(struct config *config, struct bytes line)
{
    const unsigned char *end = memchr(line.data, ']', line.size);
    struct bytes name = bytes_of(line.data + 1, end ? (size_t)(end - line.data) - 1 : 0);
    if (!end)
        return "a section's name ends with ']'";
    if (name.size > SECTION_SIZE_MAX)
        return "a section's name has at most 49 bytes: give a longer pattern as 'pattern = …' in it";
    name = trim(name);
    bool is_queue = take_kind(&name, "queue");
    if (!is_queue && !take_kind(&name, "topic"))
        return "a section is [queue PATTERN] or [topic PATTERN]";
    policies_open(&config->options->policies, is_queue ? POLICY_QUEUE : POLICY_TOPIC, name,
                  config->line);
    return NULL;
}

/* Looks at a line before inih does. Returns what is wrong with it, or NULL. */
static const char *look_at(struct config *config, struct bytes line)
{
    if (line.size > LINE_SIZE_MAX)
        return "a line has at most 199 bytes";
    for (size_t i = 0; i < line.size; i++)
        if (iscntrl(line.data[i]) && line.data[i] != '\t')
            return "there is a control character in this line";
    if (line.size == 0 || line.data[0] != '[')
        return NULL;
    const char *problem = open_section(config, line);
    config->place = problem ? IN_REFUSED : IN_SECTION;
    return problem;
}

/* Gives inih a line, as fgets does; an empty one in place of what it would not see whole. */
static char *next_line(char *to, int room, void *context)
{
    struct config *config = context;
    struct bytes line;
    if (!cut_line(config, &line))
        return NULL;
    assert(room > LINE_SIZE_MAX);
    const char *problem = look_at(config, line);
    if (problem) {
        fault(config, config->line, "%s", problem);
        line.size = 0;
    }
    if (line.size > 0)
        memcpy(to, line.data, line.size);
    to[line.size] = '\0';
    return to;
}

static void set_key(struct config *config, const char *name, const char *value)
{
    const struct key *key = key_find(bytes_text(name));
    struct origin origin = {ORIGIN_FILE, config->line};
    char takes[KEY_TEXT_SIZE];
    if (!key) {
        fault(config, config->line, "unknown key '%s'", name);
        return;
    }
    unsigned *line = &config->lines[key_index(key)];
    if (*line > 0 && key->kind != KEY_LISTEN)
        fault(config, config->line, "%s is given in line %u already", name, *line);
    *line = config->line;
    key_describe(key, takes);
    if (key_set(key, config->options, value, origin) < 0)
        fault(config, config->line, "%s takes %s, not '%s'", name, takes, value);
}

static int on_pair(void *context, const char *section, const char *name, const char *value)
{
    struct config *config = context;
    char problem[POLICY_PROBLEM_SIZE];
    (void)section; /* open_section has seen it, with its line */
    if (config->place == IN_KEYS)
        set_key(config, name, value);
    else if (config->place == IN_SECTION &&
             policies_set(&config->options->policies, name, value, config->line, problem) < 0)
        fault(config, config->line, "%s", problem);
    return 1;
}

/* Looks at all sections together. */
static void complete_policies(struct config *config)
{
    struct policies *policies = &config->options->policies;
    char problem[POLICY_PROBLEM_SIZE];
    policies_sort(policies);
    for (size_t i = 0; i < policies->sections_count; i++)
        if (policies_check(policies, i, problem) < 0)
            fault(config, policies->sections[i].line, "%s", problem);
    if (config->faults_count == 0)
        policies_complete(policies);
}

int config_read(struct options *options, const char *path, struct bytes text, FILE *errors)
{
    static const unsigned char byte_order_mark[] = {0xEF, 0xBB, 0xBF};
    struct config config = {.options = options, .path = path, .errors = errors, .rest = text};
    if (text.size >= 3 && memcmp(text.data, byte_order_mark, sizeof byte_order_mark) == 0)
        config.rest = bytes_of(text.data + 3, text.size - 3);
    int wrong_line = ini_parse_stream(next_line, &config, on_pair, &config);
    if (wrong_line > 0)
        fault(&config, (unsigned)wrong_line, "neither [SECTION] nor KEY = VALUE");
    complete_policies(&config);
    return config.faults_count > 0 ? -EINVAL : 0;
}

/* The whole of a file, of at most CONFIG_SIZE_MAX bytes, in `data`. Returns its size or -errno. */
static ssize_t read_whole(FILE *file, unsigned char *data)
{
    size_t size = fread(data, 1, CONFIG_SIZE_MAX + 1, file);
    if (ferror(file))
        return -errno;
    return size > CONFIG_SIZE_MAX ? -EFBIG : (ssize_t)size;
}

int config_load(struct options *options, const char *path, FILE *errors)
{
    FILE *file = fopen(path, "re");
    unsigned char *data = memory_create(CONFIG_SIZE_MAX + 1);
    ssize_t size = file ? read_whole(file, data) : -errno;
    int result = -EINVAL;
    if (size < 0)
        fprintf(errors, "ringpostd: cannot read %s: %s\n", path, strerror((int)-size));
    else
        result = config_read(options, path, bytes_of(data, (size_t)size), errors);
    if (file)
        fclose(file);
    memory_free(data);
    return result;
}

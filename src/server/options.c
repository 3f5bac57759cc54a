#include "server/options.h"

#include "frame/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

int options_parse_size(const char *text, uint64_t *value)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"", 0},   {"b", 0},   {"k", 10}, {"kb", 10},
                 {"m", 20}, {"mb", 20}, {"g", 30}, {"gb", 30}};
    char *end;
    if (*text < '0' || *text > '9')
        return -EINVAL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units && errno == 0; i++)
        if (strcasecmp(end, units[i].unit) == 0 && number <= UINT64_MAX >> units[i].shift) {
            *value = (uint64_t)number << units[i].shift;
            return 0;
        }
    return -EINVAL;
}

static int parse_port(const char *text, uint16_t *port)
{
    uint64_t value;
    if (*text < '0' || *text > '9' || options_parse_size(text, &value) < 0 || value > UINT16_MAX)
        return -EINVAL;
    *port = (uint16_t)value;
    return 0;
}

int options_parse_address(const char *text, struct ring_address *address)
{
    *address = (struct ring_address){0};
    if (strncmp(text, "unix:", 5) == 0) {
        size_t size = strlen(text + 5);
        if (size == 0 || size >= sizeof address->path)
            return -EINVAL;
        address->kind = RING_ADDRESS_UNIX;
        memcpy(address->path, text + 5, size + 1);
        return 0;
    }
    const char *colon = strrchr(text, ':');
    char host[64];
    if (!colon || (size_t)(colon - text) >= sizeof host ||
        parse_port(colon + 1, &address->port) < 0)
        return -EINVAL;
    bool is_bracketed = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
    size_t size = (size_t)(colon - text) - (is_bracketed ? 2 : 0);
    memcpy(host, text + (is_bracketed ? 1 : 0), size);
    host[size] = '\0';
    address->kind = is_bracketed ? RING_ADDRESS_TCP6 : RING_ADDRESS_TCP4;
    if (!is_bracketed && strcmp(host, "localhost") == 0)
        memcpy(host, "127.0.0.1", sizeof "127.0.0.1");
    return inet_pton(is_bracketed ? AF_INET6 : AF_INET, host, address->host) == 1 ? 0 : -EINVAL;
}

void options_format_address(const struct ring_address *address, uint16_t port, char *text,
                            size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";
    switch (address->kind) {
    case RING_ADDRESS_UNIX: snprintf(text, size, "unix:%s", address->path); return;
    case RING_ADDRESS_TCP4: inet_ntop(AF_INET, address->host, host, sizeof host); break;
    case RING_ADDRESS_TCP6: inet_ntop(AF_INET6, address->host, host, sizeof host); break;
    }
    snprintf(text, size, address->kind == RING_ADDRESS_TCP6 ? "[%s]:%u" : "%s:%u", host, port);
}

static int set_listen(struct options *options, const char *value)
{
    if (options->listen_count == OPTIONS_LISTEN_MAX)
        return -EINVAL;
    return options_parse_address(value, &options->listen[options->listen_count++]);
}

static int set_ready_file(struct options *options, const char *value)
{
    options->ready_file = value;
    return 0;
}

static int set_frame_max(struct options *options, const char *value)
{
    uint64_t size;
    if (options_parse_size(value, &size) < 0 || size < FRAME_HELLO_MAX || size > FRAME_SIZE_MAX)
        return -EINVAL;
    options->frame_max = (uint32_t)size;
    return 0;
}

static int set_ring_features(struct options *options, const char *value)
{
    options->is_base_ring = strcmp(value, "6.1") == 0;
    return options->is_base_ring || strcmp(value, "all") == 0 ? 0 : -EINVAL;
}

static const struct flag {
    const char *name, *value;
    int (*set)(struct options *options, const char *value);
    const char *help;
} flags[] = {
    {"--listen", "ADDRESS", set_listen,
     "HOST:PORT, [HOST]:PORT or unix:PATH; may be repeated; port 0 takes a free one\n(default 127.0.0.1:7464 and [::1]:7464)"},
    {"--frame-max", "SIZE", set_frame_max, "the largest frame taken, 4kb to 64mb (default 1mb)"},
    {"--ready-file", "FILE", set_ready_file,
     "once listening, write the addresses there, a line each"},
    {"--ring-features", "6.1|all", set_ring_features,
     "use only what Linux 6.1 offers of io_uring, or all there is (default)"},
};

static const struct {
    const char *name;
    int action;
    const char *help;
} actions[] = {
    {"--check-kernel", ACTION_CHECK_KERNEL,
     "say what this kernel offers, and exit: 0, or 78 if it cannot be used"},
    {"--version", ACTION_VERSION, "say the version and exit"},
    {"--help", ACTION_HELP, "say this and exit"},
};

void options_help(FILE *to)
{
    fputs(
        "usage: ringpostd [OPTION…]\n\nThe ringpost message broker. Runs in the foreground; TERM or INT ends it.\n\n",
        to);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        fprintf(to, "  %s %s\n", flags[i].name, flags[i].value);
        for (const char *line = flags[i].help; *line;) {
            int length = (int)strcspn(line, "\n");
            fprintf(to, "        %.*s\n", length, line);
            line += length + (line[length] == '\n');
        }
    }
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        fprintf(to, "  %s\n        %s\n", actions[i].name, actions[i].help);
    fputs(
        "\nexit codes: 0 ended cleanly, 64 bad usage, 69 cannot listen, 71 the system refused, 78 io_uring cannot be used here\n",
        to);
}

static const struct flag *find_flag(const char *argument, const char **value)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        size_t size = strlen(flags[i].name);
        if (strncmp(argument, flags[i].name, size) != 0 ||
            (argument[size] != '\0' && argument[size] != '='))
            continue;
        *value = argument[size] == '=' ? argument + size + 1 : NULL;
        return &flags[i];
    }
    return NULL;
}

static bool find_action(struct options *options, const char *argument)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(argument, actions[i].name) == 0) {
            options->action = actions[i].action;
            return true;
        }
    return false;
}

int options_parse(struct options *options, int argc, char **argv, char *error, size_t size)
{
    *options = (struct options){.frame_max = FRAME_SIZE_DEFAULT};
    for (int i = 1; i < argc; i++) {
        const char *value;
        if (find_action(options, argv[i]))
            continue;
        const struct flag *flag = find_flag(argv[i], &value);
        if (!flag) {
            snprintf(error, size, "unknown option '%.64s'; --help lists them", argv[i]);
            return -EINVAL;
        }
        if (!value && i + 1 < argc)
            value = argv[++i];
        if (!value || flag->set(options, value) < 0) {
            snprintf(error, size, "%s takes %s%s%.64s%s", flag->name, flag->value,
                     value ? ", not '" : "", value ? value : "", value ? "'" : "");
            return -EINVAL;
        }
    }
    if (options->listen_count == 0) {
        options_parse_address("127.0.0.1:7464", &options->listen[0]);
        options_parse_address("[::1]:7464", &options->listen[1]);
        options->listen_count = 2;
    }
    return 0;
}

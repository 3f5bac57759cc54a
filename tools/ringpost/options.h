/* What stands on the command line: options, known by a table, and the arguments between them. */
#ifndef RINGPOST_TOOLS_RINGPOST_OPTIONS_H
#define RINGPOST_TOOLS_RINGPOST_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { ARGUMENTS_MAX = 8, HEADERS_MAX = 32 };

enum { WAIT_NONE = -2, WAIT_FOREVER = -1 };

/* The values of an option that can be given again and again. */
struct texts {
    const char *all[HEADERS_MAX];
    unsigned count;
};

struct options {
    /* For every command. */
    const char *server, *password_file;
    int timeout_ms;
    bool is_json, is_help, is_version;

    /* For some. Numbers are 0, and texts NULL, when they were not given. */
    bool is_lines, is_back, is_wildcard, is_follow, is_once, is_retained, is_wanted, is_fresh;
    uint64_t count;
    int wait_ms; /* or WAIT_NONE, WAIT_FOREVER */
    const char *ack, *exec, *when_full, *dead_letter, *pop_lease, *to, *overflow, *group;
    const char *reply_to, *correlation_id;
    struct texts headers;
    uint64_t max_messages, max_bytes;
    int64_t ttl_ms, delay_ms, lease_max_ms, delivery_limit; /* or RINGPOST_OFF */

    const char *arguments[ARGUMENTS_MAX];
    int argument_count;
};

/* Which options a command takes besides those for every command: a set of these bits. */
enum option_set {
    OPTIONS_COMMON = 1,
    OPTION_LINES = 1 << 1,
    OPTION_BACK = 1 << 2,
    OPTION_WILDCARD = 1 << 3,
    OPTION_COUNT = 1 << 4,
    OPTION_WAIT = 1 << 5,
    OPTION_ACK = 1 << 6,
    OPTION_EXEC = 1 << 7,
    OPTION_FOLLOW = 1 << 8,
    OPTION_TO = 1 << 9,
    OPTION_ONCE = 1 << 10,
    OPTION_GROUP = 1 << 11,
    OPTIONS_BOUND = 1 << 12,
    OPTIONS_QUEUE = 1 << 13,   /* settings besides the bound */
    OPTIONS_PUSH = 1 << 14,    /* what only queues can do for a message */
    OPTIONS_PUBLISH = 1 << 15, /* what only topics can do for one */
    OPTIONS_MESSAGE = 1 << 16, /* headers */
    OPTIONS_ANSWER = 1 << 17,  /* where an answer is wanted */
    OPTIONS_SUBSCRIBE = 1 << 18,
};

/* What completion and pages are made of. */
struct option_entry {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: none */
};

/* The options of `set`, one after another: NULL behind the last. `*place` begins at 0. */
const struct option_entry *options_next(unsigned set, size_t *place);

/* Reads the whole command line. Returns false after saying on stderr what is wrong with it. */
bool options_parse(struct options *options, int count, char **texts);

/* Whether only options of `set` were given; else says on stderr which one `command` does not take. */
bool options_check(int count, char **texts, unsigned set, const char *command);

/* Writes what the options of `set` mean, one a line. */
void options_help(FILE *to, unsigned set);

#endif

/* What stands on the command line: options, known by a table, and the arguments between them. */
#ifndef RINGPOST_TOOLS_RINGPOST_OPTIONS_H
#define RINGPOST_TOOLS_RINGPOST_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { ARGUMENTS_MAX = 8 };

enum { WAIT_NONE = -2, WAIT_FOREVER = -1 };

struct options {
    /* For every command. */
    const char *server;
    int timeout_ms;
    bool is_json, is_help, is_version;

    /* For some. */
    bool is_lines, is_back, is_wildcard;
    uint64_t count; /* 0: not given */
    int wait_ms;    /* or WAIT_NONE, WAIT_FOREVER */
    const char *ack, *exec, *when_full;
    uint64_t max_messages, max_bytes; /* 0: not given */

    const char *arguments[ARGUMENTS_MAX];
    int argument_count;
};

/* Which options a command takes besides those for every command: a set of these bits. */
enum option_set {
    OPTIONS_COMMON = 1,
    OPTION_LINES = 2,
    OPTION_BACK = 4,
    OPTION_WILDCARD = 8,
    OPTION_COUNT = 16,
    OPTION_WAIT = 32,
    OPTION_ACK = 64,
    OPTION_EXEC = 128,
    OPTIONS_BOUND = 256,
    OPTIONS_ALL = 511,
};

/* Reads the whole command line. Returns false after saying on stderr what is wrong with it. */
bool options_parse(struct options *options, int count, char **texts);

/* Whether only options of `set` were given; else says on stderr which one `command` does not take. */
bool options_check(int count, char **texts, unsigned set, const char *command);

/* Writes what the options of `set` mean, one a line. */
void options_help(FILE *to, unsigned set);

#endif

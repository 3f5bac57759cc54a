/* Runs a command of the user's for one message. */
#ifndef RINGPOST_TOOLS_RINGPOST_EXEC_H
#define RINGPOST_TOOLS_RINGPOST_EXEC_H

#include <ringpost.h>

/* What a command wrote to its standard output; the caller's to free. */
struct output {
    char *data;
    size_t size, capacity;
};

/*
 * Runs `command` with sh, `body` as its standard input, and waits for its end. Its standard output goes to `*output`,
 * or is the program's when that is NULL. Returns its exit status, 128 + the signal that ended it, or -errno when it could
 * not be run or writes more than a message can hold.
 */
int exec_run(const char *command, struct ringpost_bytes body, struct output *output);

#endif

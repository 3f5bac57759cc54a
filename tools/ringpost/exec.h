/* Runs a command of the user's for one message. */
#ifndef RINGPOST_TOOLS_RINGPOST_EXEC_H
#define RINGPOST_TOOLS_RINGPOST_EXEC_H

#include <ringpost.h>

/*
 * Runs `command` with sh, `body` as its standard input, and waits for its end. Returns its exit status,
 * 128 + the signal that ended it, or -errno when it could not be run.
 */
int exec_run(const char *command, struct ringpost_bytes body);

#endif

/* Reading the configuration again while the broker runs. */
#ifndef RINGPOST_SERVER_RELOAD_H
#define RINGPOST_SERVER_RELOAD_H

#include "server/options.h"

/* Loads the options anew. If all is well they take the new values, but for keys that need a
 * restart; what changes is logged, and so is what is wrong. Returns whether they did. */
bool reload(struct options *options);

/* Logs how the options that hold from now on differ, key by key. Returns in how many. */
unsigned reload_log(const struct options *options, const struct options *next);

#endif

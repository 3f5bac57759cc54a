/* The broker: its shards, from start to end. */
#ifndef RINGPOST_SERVER_BROKER_H
#define RINGPOST_SERVER_BROKER_H

#include "server/options.h"

/* Runs the broker until it is told to end; on HUP it reloads the options. Returns its exit code; what went wrong was said on
 * standard error. */
int broker_run(struct options *options);

#endif

/*
 * The configuration file: keys of the whole broker, then sections that give settings by name.
 *
 *     frame-max = 4mb
 *
 *     [queue orders.>]
 *     max-messages = 1000
 *     when-full = hold
 */
#ifndef RINGPOST_SERVER_CONFIG_H
#define RINGPOST_SERVER_CONFIG_H

#include "server/options.h"

/* Reads a file into options that have their defaults and flags. Returns 0, or -EINVAL with what is
 * wrong on `errors`, a line for each fault that begins with FILE:LINE. */
int config_load(struct options *options, const char *path, FILE *errors);

/* The same with the text of a file, whose name `path` is. */
int config_read(struct options *options, const char *path, struct bytes text, FILE *errors);

#endif

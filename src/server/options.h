/* What the broker was told on its command line. */
#ifndef RINGPOST_SERVER_OPTIONS_H
#define RINGPOST_SERVER_OPTIONS_H

#include "ring/ring.h"

#include <stdio.h>

enum { OPTIONS_LISTEN_MAX = 16, PORT_DEFAULT = 7464 };

struct options {
    enum { ACTION_RUN, ACTION_HELP, ACTION_VERSION, ACTION_CHECK_KERNEL } action;
    struct ring_address listen[OPTIONS_LISTEN_MAX];
    unsigned listen_count;
    const char *ready_file; /* or NULL */
    uint32_t frame_max;     /* bytes */
    bool is_base_ring;      /* --ring-features 6.1 */
};

/* Reads the command line. Returns 0, or -EINVAL with a sentence in `error`, which has room for
 * `size` bytes. */
int options_parse(struct options *options, int argc, char **argv, char *error, size_t size);

/* Reads HOST:PORT, [HOST]:PORT or unix:PATH. Returns 0 or -EINVAL. */
int options_parse_address(const char *text, struct ring_address *address);

/* Writes an address as options_parse_address reads it, with `port` for a TCP one. */
void options_format_address(const struct ring_address *address, uint16_t port, char *text,
                            size_t size);

/* Reads a size in bytes with an optional unit: kb, mb, gb. Returns 0 or -EINVAL. */
int options_parse_size(const char *text, uint64_t *value);

void options_help(FILE *to);

#endif

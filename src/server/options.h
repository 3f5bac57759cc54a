/* What the broker was told: by its command line, and by a configuration file. Every flag is a key
 * of the file; a flag goes before it. */
#ifndef RINGPOST_SERVER_OPTIONS_H
#define RINGPOST_SERVER_OPTIONS_H

#include "ring/ring.h"
#include "server/password.h"
#include "server/policies.h"

#include <stdio.h>

enum {
    OPTIONS_LISTEN_MAX = 16,
    OPTIONS_PATH_SIZE = 4096,
    OPTIONS_KEYS_MAX = 32,
};

/* Who gave a value. */
struct origin {
    enum origin_kind { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_FLAG, ORIGIN_CLIENT } kind;
    unsigned line; /* of the file */
};

struct options {
    enum {
        ACTION_RUN,
        ACTION_HELP,
        ACTION_VERSION,
        ACTION_CHECK_KERNEL,
        ACTION_CHECK_CONFIG,
        ACTION_SHOW_CONFIG,
    } action;
    int words_count; /* of the command line, which is borrowed */
    char **words;
    char config_file[OPTIONS_PATH_SIZE];     /* or empty */
    struct origin origins[OPTIONS_KEYS_MAX]; /* by key */

    struct ring_address listen[OPTIONS_LISTEN_MAX];
    unsigned listen_count;
    char ready_file[OPTIONS_PATH_SIZE];                                   /* or empty */
    uint64_t frame_max;                                                   /* bytes */
    uint64_t connections_max, connections_per_address_max, strangers_max; /* 0: no limit */
    uint64_t queues_max, in_flight_max;                                   /* 0: no limit */
    uint64_t unsent_max;                                                  /* bytes */
    uint64_t subscriptions_per_connection_max, subscriptions_max;         /* 0: no limit */
    uint64_t retained_max, retained_size_max, values_size_max;            /* 0: no limit */
    uint64_t memory_max;                                                  /* bytes; 0: no limit */
    uint64_t tcp_timeout_ns, drain_timeout_ns, liveness_ns;
    uint64_t hello_timeout_ns, idle_hello_timeout_ns;
    uint64_t hello_max;                    /* bytes */
    uint64_t is_base_ring;                 /* ring-features 6.1 */
    char password_file[OPTIONS_PATH_SIZE]; /* or empty */
    uint64_t is_insecure; /* listens for other machines although there is no password */
    uint64_t may_debug;   /* clients may have the broker sleep */
    struct policies policies;
    struct password password; /* what stands in the file */
};

/* Reads the command line alone. Returns 0, or -EINVAL with a sentence in `error`, which has room
 * for `size` bytes. */
int options_parse(struct options *options, int argc, char **argv, char *error, size_t size);

/* Reads the command line, then the files that it names, and sees whether all of it can stand
 * together. Returns 0, or an exit code of sysexits.h
 * with sentences on `errors`, a line each. The options are the caller's to finish either way. */
int options_load(struct options *options, int argc, char **argv, FILE *errors);

/* Sees that strangers on the network need a password, or that the operator says that none is
 * needed. Returns 0, or an exit code with a sentence on `errors`. */
int options_check(const struct options *options, FILE *errors);

void options_finish(struct options *options);

void options_help(FILE *to);

#endif

/* The table of the Redis protocol's commands: what each needs, who carries it out, and what people are told of
 * it. */
#ifndef RINGPOST_SESSION_RESP_TABLE_H
#define RINGPOST_SESSION_RESP_TABLE_H

#include "session/call.h"

enum { /* what COMMAND INFO says */
       ROW_WRITE = 1 << 0,
       ROW_READONLY = 1 << 1,
       ROW_DENYOOM = 1 << 2,
       ROW_ADMIN = 1 << 3,
       ROW_PUBSUB = 1 << 4,
       ROW_NOSCRIPT = 1 << 5,
       ROW_BLOCKING = 1 << 6,
       ROW_LOADING = 1 << 7,
       ROW_STALE = 1 << 8,
       ROW_SKIP_SLOWLOG = 1 << 9,
       ROW_FAST = 1 << 10,
       ROW_NO_AUTH = 1 << 11,
       ROW_ALLOW_BUSY = 1 << 12,
       ROW_MOVABLEKEYS = 1 << 13,
       /* what it does not say */
       ROW_SUBSCRIBED = 1 << 16, /* may be sent while subscribed, in version 2 */
       ROW_AT_ONCE = 1 << 17,    /* is not queued in a transaction */
       ROW_ENDS_MULTI = 1 << 18, /* even if it is refused */
       ROW_AT_END = 1 << 19,     /* is taken while the broker ends: it settles, or asks nothing */
};

struct row {
    const char *name; /* in lower case */
    int arity;        /* words, its name included; below 0: at least */
    uint32_t flags;
    int first_key, last_key, key_step; /* words that are names; below 0: from the end; 0: none */
    call_handler *handler;             /* NULL: it has subcommands */
    const char *summary;
    const char *differs; /* from Redis, where it does */
    const struct row *subcommands;
    size_t subcommands_count;
};

/* Commands of a kind, each kind in a file of its own. */
struct row_group {
    const char *name;
    const char *category; /* of Redis's access control, or NULL */
    const struct row *rows;
    size_t rows_count;
};

extern const struct row_group client_rows;
extern const struct row_group command_rows;
extern const struct row_group config_rows;
extern const struct row_group connection_rows;
extern const struct row_group extra_rows;
extern const struct row_group info_rows;
extern const struct row_group key_rows;
extern const struct row_group list_rows;
extern const struct row_group server_rows;
extern const struct row_group topic_rows;
extern const struct row_group transaction_rows;
extern const struct row_group value_rows;

#define RESP_SERVER_VERSION "7.2.0" /* of Redis, which clients expect something of */

/* All of them, in order. */
extern const struct row_group *const resp_groups[];
extern const size_t resp_groups_count;

/* The row of a command, whose name is in letters of either case, or NULL. */
const struct row *resp_row(struct bytes name);

/* The row of a subcommand, or NULL. */
const struct row *resp_subcommand(const struct row *row, struct bytes name);

/* Whether a command of so many words may be the row's. */
bool row_takes(const struct row *row, uint32_t words_count);

#endif

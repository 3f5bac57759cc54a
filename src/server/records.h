/* What the broker is set to, as lines of key, value and origin. */
#ifndef RINGPOST_SERVER_RECORDS_H
#define RINGPOST_SERVER_RECORDS_H

#include "server/options.h"

struct record {
    char *key; /* `KEY`, `queue PATTERN KEY` or `topic PATTERN KEY` */
    char *value;
    char *
        origin; /* `default`, `flag`, `client`, or FILE:LINE, with the patterns that go before it */
    bool needs_restart;
};

/* Zeroed, there are none. */
struct records {
    struct record *items;
    size_t count, capacity;
};

/* Makes records of options; the caller's to finish. */
void records_init(struct records *records, const struct options *options);

void records_finish(struct records *records);

/* Writes them, a line each, divided by tabs. */
void records_write(const struct records *records, FILE *to);

/* Puts them into the words of SETTINGS's REPLY; the caller frees the bytes. Source: docs/PROTOCOL.md,
 * section 8. */
struct bytes records_encode(const struct records *records);

/* The record of that key, or NULL. */
const struct record *records_find(const struct records *records, const char *key);

#endif

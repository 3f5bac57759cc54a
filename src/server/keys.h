/* The keys of the configuration: one table, of which command line, configuration file, help and
 * listings are made. */
#ifndef RINGPOST_SERVER_KEYS_H
#define RINGPOST_SERVER_KEYS_H

#include "server/options.h"
#include "server/units.h"

/* A new key: 1. a field of struct options; 2. its row in keys.c; 3. ringpost.conf.5. */
struct key {
    const char *name;  /* as in the file; with "--" before it the flag */
    const char *takes; /* what its value is called; the choices, divided by '|' */
    const char *help;  /* lines */
    enum {
        KEY_LISTEN,
        KEY_PATH,
        KEY_SWITCH,
        KEY_CHOICE,
        KEY_NUMBER
    } kind;              /* a switch is a
                         choice whose flag alone means yes */
    enum unit_kind unit; /* of a number */
    bool needs_restart;  /* a running broker keeps the value it started with */
    size_t at;           /* the field's place in struct options */
    uint64_t min, max;   /* of a number */
    bool may_be_none;    /* 0, below the least, means that there is none */
    const char *fallback;
};

enum { KEY_TEXT_SIZE = 8192 }; /* room for any value, written */

/* The key at a place, or NULL behind the last. */
const struct key *key_at(size_t index);

/* Its place. */
size_t key_index(const struct key *key);

/* The key of that name, or NULL. */
const struct key *key_find(struct bytes name);

/* Has all keys take their defaults. */
void keys_reset(struct options *options);

/* Gives a key a value, unless a flag has given it another; then the value is only looked at. Values
 * of `listen` add up. Returns 0 or -EINVAL. */
int key_set(const struct key *key, struct options *options, const char *value,
            struct origin origin);

/* Gives it the value and the origin that it has in other options. */
void key_copy(const struct key *key, struct options *to, const struct options *from);

/* Writes its value as key_set reads it; addresses with blanks between them. */
void key_format(const struct key *key, const struct options *options, char text[KEY_TEXT_SIZE]);

/* Writes what values it takes: `SIZE of 4kb to 64mb`. */
void key_describe(const struct key *key, char text[KEY_TEXT_SIZE]);

/* Its origin in the options. */
const struct origin *key_origin(const struct key *key, const struct options *options);

#endif

/* A connection that misbehaves, and one that is there all the time and must not notice. */
#ifndef RINGPOST_TESTS_UNIT_SESSION_CULPRIT_H
#define RINGPOST_TESTS_UNIT_SESSION_CULPRIT_H

#include "session/talk.h"

enum { CULPRIT = 1, WITNESS = 2 };

/* The witness is there; with hello the culprit too. */
struct talk *culprit_open(void);
struct talk *culprit_open_with_hello(void);

/* Sees that the witness noticed nothing, and that nothing remains. */
void culprit_close(struct talk *talk);

/* Has the culprit say one frame and a PING behind it; the broker names the status and goes on.
 * Empties the script. */
void culprit_expect_stays(struct talk *talk, struct script *script, const char *status);

/* Bodies of fields that are not. */
enum { BROKEN_FIELDS = 9 };
extern const struct broken_fields {
    const char *data;
    size_t size;
} broken_fields[BROKEN_FIELDS];

#endif

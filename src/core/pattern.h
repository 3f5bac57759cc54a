/* Patterns: names of topics and queues as tokens, and the wildcards that stand for tokens. */
#ifndef RINGPOST_CORE_PATTERN_H
#define RINGPOST_CORE_PATTERN_H

#include "base/bytes.h"

enum {
    TOPIC_LEVELS_MAX = 32, /* tokens of a pattern */
    TOPIC_SEPARATOR = '.',
};

/* What is left of a name while its tokens are taken off; begin with tokens_of. */
struct tokens {
    struct bytes rest;
    bool is_over;
};

static inline struct tokens tokens_of(struct bytes name)
{
    return (struct tokens){.rest = name};
}

/* Takes the first token off; false when there is none left. An empty token follows a separator at
 * the end. */
bool tokens_next(struct tokens *tokens, struct bytes *token);

/* The first token of `name`, up to its separator. */
struct bytes pattern_first_token(struct bytes name);

/* Whether a token of a pattern is "*", which stands for one token, or ">", for all that are left. */
bool token_is_star(struct bytes token);
bool token_is_rest(struct bytes token);

/* Whether `name` can be a pattern: ">" stands last, and there are not too many levels. */
bool pattern_is_valid(struct bytes name);

/* Whether `name` matches a valid pattern. */
bool pattern_matches(struct bytes pattern, struct bytes name);

/* Below zero, zero or above as `a` is less, equally or more specific than `b`: from the left on, a
 * token goes before "*", and that before ">". */
int pattern_compare(struct bytes a, struct bytes b);

#endif

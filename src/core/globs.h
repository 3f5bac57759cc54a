/* Globs that are subscribed to, found by what the names that match them begin with. */
#ifndef RINGPOST_CORE_GLOBS_H
#define RINGPOST_CORE_GLOBS_H

#include "base/hash.h"
#include "base/list.h"
#include "core/subscribers.h"
#include "frame/frame.h"

/*
 *     "news."  ----  news.*  ----  news.?.x         each glob stands with those of its prefix, and a
 *     "work:"  ----  work:*                         name is held against those of the prefixes that
 *     ""       ----  *.x                            it has
 */
struct glob {
    struct table_entry entry; /* by its text */
    struct list link;         /* in its prefix */
    struct prefix *prefix;
    struct subscriber_set set;
};

/* A zeroed one is empty. */
struct globs {
    struct table globs;                      /* of struct glob */
    struct table prefixes;                   /* of struct prefix */
    uint32_t sizes_used[FRAME_NAME_MAX + 1]; /* prefixes of that size */
};

void globs_finish(struct globs *globs);

/* The set that the glob of that text stands for; made when it is new. */
struct subscriber_set *globs_add(struct globs *globs, const struct hash_key *key,
                                 struct bytes text);

/* The text of the glob that the set stands for. */
struct bytes globs_text(const struct subscriber_set *set);

/* Frees the glob that the set stands for, when it is empty. */
void globs_trim(struct globs *globs, struct subscriber_set *set);

/* Adds the subscriptions that `name` matches. */
void globs_match(const struct globs *globs, const struct hash_key *key, struct bytes name,
                 struct found *found);

/* Asserts all that must hold; returns how many subscriptions there are. */
uint64_t globs_check(const struct globs *globs);

#endif

/* Topics: who subscribed to what, and whom a name reaches. */
#ifndef RINGPOST_CORE_TOPICS_H
#define RINGPOST_CORE_TOPICS_H

#include "core/globs.h"
#include "core/group.h"
#include "core/trie.h"

enum {
    TOPICS_CACHE_SIZE = 4096, /* names whose matches are remembered */
    TOPICS_CACHED_MAX = 1024, /* readers of a name that is remembered there */
    TOPICS_BUCKETS = 256,     /* of names by their first token, for forgetting them together */
};

/*
 * Whom one name reaches: first each connection, once, by the lowest of its matching ids; one that is
 * reached by each of its subscriptions as often as it has matching ones, by id and globs last. Then
 * the members of groups, all that match, group by group.
 */
struct match {
    struct bytes name;
    uint64_t hash;
    uint32_t refs_count;
    uint32_t bucket;
    uint64_t generation, bucket_generation; /* of the topics when this was found */
    uint32_t alone_count, count;            /* subscriptions without a group; all of them */
    uint32_t receivers_count;               /* those without, and groups */
    bool has_repeats;                       /* a connection is reached more than once */
    struct subscription *subscriptions[];
};

/* A name that somebody listens to. */
struct topic {
    struct table_entry entry; /* by name */
    struct subscriber_set set;
};

struct topics {
    struct table names;   /* of struct topic */
    struct table inboxes; /* of struct topic, too */
    struct table apart;   /* likewise */
    struct trie patterns;
    struct globs globs;
    struct group_table groups;
    const struct hash_key *key;
    uint64_t generation;                         /* grows with changes that any name may feel */
    uint64_t bucket_generations[TOPICS_BUCKETS]; /* with changes felt by names of one bucket */
    struct match *cache[TOPICS_CACHE_SIZE];
    struct found found;                          /* room to collect a match in */
    uint64_t subscriptions_count, matched_count; /* names that were not remembered */
};

void topics_init(struct topics *topics, const struct hash_key *key);
void topics_finish(struct topics *topics);

/* Puts a subscription in: it listens to `name`, whatever that is; a pattern is a valid one. */
void topics_add(struct topics *topics, struct subscription *subscription, struct bytes name,
                enum listening listening);

/* Takes it out. */
void topics_remove(struct topics *topics, struct subscription *subscription);

/*
 * Whom `name` reaches now. `*memo` is the caller's last match, or NULL; it is replaced by this one,
 * and the caller owns the reference in it. Valid until the next change of the topics.
 */
const struct match *topics_match(struct topics *topics, struct bytes name, struct match **memo);

/* The subscription that has the inbox of that name, or NULL. */
struct subscription *topics_inbox(const struct topics *topics, struct bytes name);

/* Those who listen to the name as a name, or apart; NULL when nobody does. */
const struct subscriber_set *topics_named(const struct topics *topics, struct bytes name);
const struct subscriber_set *topics_apart(const struct topics *topics, struct bytes name);

/* Gives a memo's reference back; NULL is nothing. */
void match_unref(struct match *match);

/* Asserts all that must hold. */
void topics_check(const struct topics *topics);

#endif

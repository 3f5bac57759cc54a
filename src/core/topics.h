/* Topics: who subscribed to what, and whom a name reaches. */
#ifndef RINGPOST_CORE_TOPICS_H
#define RINGPOST_CORE_TOPICS_H

#include "base/hash.h"
#include "base/table.h"
#include "core/subscription.h"
#include "core/trie.h"

enum {
    TOPICS_CACHE_SIZE = 4096, /* names whose matches are remembered */
    TOPICS_CACHED_MAX = 1024, /* readers of a name that is remembered there */
    TOPICS_BUCKETS = 256,     /* of names by their first token, for forgetting them together */
};

/* Whom one name reaches: once per connection, by the lowest of its matching ids. */
struct match {
    struct bytes name;
    uint64_t hash;
    uint32_t refs_count;
    uint32_t bucket;
    uint64_t generation, bucket_generation; /* of the topics when this was found */
    uint32_t count;
    struct subscription *subscriptions[];
};

struct topics {
    struct table literals; /* of struct topic, by name */
    struct trie wildcards;
    const struct hash_key *key;
    uint64_t generation;                         /* grows with changes that any name may feel */
    uint64_t bucket_generations[TOPICS_BUCKETS]; /* with changes felt by names of one bucket */
    struct match *cache[TOPICS_CACHE_SIZE];
    struct subscription **found; /* room to collect a match in */
    size_t found_count, found_capacity;
    uint64_t subscriptions_count, matched_count; /* names that were not remembered */
};

void topics_init(struct topics *topics, const struct hash_key *key);
void topics_finish(struct topics *topics);

/* Puts a subscription in, under a literal name or a pattern. */
void topics_add(struct topics *topics, struct subscription *subscription, struct bytes name,
                bool is_wildcard);

/* Takes it out. */
void topics_remove(struct topics *topics, struct subscription *subscription);

/*
 * Whom `name` reaches now. `*memo` is the caller's last match, or NULL; it is replaced by this one,
 * and the caller owns the reference in it. Valid until the next change of the topics.
 */
const struct match *topics_match(struct topics *topics, struct bytes name, struct match **memo);

/* Gives a memo's reference back; NULL is nothing. */
void match_unref(struct match *match);

/* Asserts all that must hold. */
void topics_check(const struct topics *topics);

#endif

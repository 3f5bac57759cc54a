#include "core/topics.h"

#include "base/array.h"
#include "core/peer.h"

#include <assert.h>
#include <stdlib.h>

/*
 * A match stands while nothing that could change it has happened. Changes of literal names and of
 * patterns whose first token is literal are felt only by names of the same bucket; a pattern that
 * begins with a wildcard may be felt by every name.
 */

struct topic {
    struct table_entry entry; /* by name */
    struct subscriber_set set;
};

void topics_init(struct topics *topics, const struct hash_key *key)
{
    *topics = (struct topics){.key = key};
    trie_init(&topics->wildcards);
}

void match_unref(struct match *match)
{
    if (match && --match->refs_count == 0)
        memory_free(match);
}

void topics_finish(struct topics *topics)
{
    assert(topics->literals.count == 0);
    for (size_t i = 0; i < TOPICS_CACHE_SIZE; i++)
        match_unref(topics->cache[i]);
    table_finish(&topics->literals);
    trie_finish(&topics->wildcards);
    memory_free(topics->found);
}

static uint32_t bucket_of(const struct topics *topics, struct bytes name)
{
    return (uint32_t)(hash_bytes(topics->key, pattern_first_token(name)) % TOPICS_BUCKETS);
}

/* Forgets the matches that a change under a name or pattern that begins with the token `first` may
 * have changed. */
static void forget(struct topics *topics, struct bytes first, bool is_wildcard)
{
    bool is_open = is_wildcard && first.size == 1 && (first.data[0] == '*' || first.data[0] == '>');
    if (is_open)
        topics->generation++;
    else
        topics->bucket_generations[bucket_of(topics, first)]++;
}

void topics_add(struct topics *topics, struct subscription *subscription, struct bytes name,
                bool is_wildcard)
{
    forget(topics, pattern_first_token(name), is_wildcard);
    topics->subscriptions_count++;
    subscription->is_wildcard = is_wildcard;
    if (is_wildcard) {
        subscriber_set_add(trie_add(&topics->wildcards, topics->key, name), subscription);
        return;
    }
    uint64_t hash = hash_bytes(topics->key, name);
    struct table_entry *entry = table_find(&topics->literals, hash, name);
    if (!entry) {
        struct topic *topic = memory_create(sizeof *topic + name.size);
        memcpy(topic + 1, name.data, name.size);
        topic->entry = (struct table_entry){hash, bytes_of(topic + 1, name.size)};
        entry = &topic->entry;
        table_insert(&topics->literals, entry);
    }
    subscriber_set_add(&list_entry(entry, struct topic, entry)->set, subscription);
}

void topics_remove(struct topics *topics, struct subscription *subscription)
{
    struct subscriber_set *set = subscription->set;
    subscriber_set_remove(subscription);
    topics->subscriptions_count--;
    if (subscription->is_wildcard) {
        forget(topics, trie_first_of(set), true);
        trie_trim(&topics->wildcards, set);
        return;
    }
    struct topic *topic = list_entry(set, struct topic, set);
    forget(topics, pattern_first_token(topic->entry.name), false);
    if (set->count == 0) {
        table_remove(&topics->literals, &topic->entry);
        memory_free(topic);
    }
}

static bool is_current(const struct topics *topics, const struct match *match, struct bytes name)
{
    return match && match->generation == topics->generation &&
           match->bucket_generation == topics->bucket_generations[match->bucket] &&
           bytes_equal(match->name, name);
}

/* By connection, and by id among those of one. */
static int by_peer(const void *left, const void *right)
{
    const struct subscription *a = *(struct subscription *const *)left,
                              *b = *(struct subscription *const *)right;
    if (a->peer->id != b->peer->id)
        return a->peer->id < b->peer->id ? -1 : 1;
    return (subscription_id(a) > subscription_id(b)) - (subscription_id(a) < subscription_id(b));
}

/* Collects all subscriptions that `name` matches. */
static void find_all(struct topics *topics, struct bytes name, uint64_t hash)
{
    topics->found_count = 0;
    struct table_entry *entry = table_find(&topics->literals, hash, name);
    if (entry) {
        const struct subscriber_set *set = &list_entry(entry, struct topic, entry)->set;
        topics->found = array_reserve(topics->found, &topics->found_capacity, set->count,
                                      sizeof *topics->found);
        memcpy(topics->found, subscriber_set_all(set), set->count * sizeof *topics->found);
        topics->found_count = set->count;
    }
    trie_match(&topics->wildcards, topics->key, name, &topics->found, &topics->found_count,
               &topics->found_capacity);
}

/* Leaves one subscription of each connection among those found. */
static void keep_one_each(struct topics *topics)
{
    size_t count = 0;
    if (topics->found_count > 1)
        qsort(topics->found, topics->found_count, sizeof *topics->found, by_peer);
    for (size_t i = 0; i < topics->found_count; i++)
        if (count == 0 || topics->found[i]->peer != topics->found[count - 1]->peer)
            topics->found[count++] = topics->found[i];
    topics->found_count = count;
}

static struct match *match_create(struct topics *topics, struct bytes name, uint64_t hash)
{
    topics->matched_count++;
    find_all(topics, name, hash);
    keep_one_each(topics);
    size_t size = topics->found_count * sizeof *topics->found;
    struct match *match = memory_create(sizeof *match + size + name.size);
    if (size > 0)
        memcpy(match->subscriptions, topics->found, size);
    match->count = (uint32_t)topics->found_count;
    unsigned char *copy = (unsigned char *)&match->subscriptions[match->count];
    memcpy(copy, name.data, name.size);
    match->name = bytes_of(copy, name.size);
    match->hash = hash;
    match->bucket = bucket_of(topics, name);
    match->generation = topics->generation;
    match->bucket_generation = topics->bucket_generations[match->bucket];
    match->refs_count = 1;
    return match;
}

const struct match *topics_match(struct topics *topics, struct bytes name, struct match **memo)
{
    if (is_current(topics, *memo, name))
        return *memo;
    uint64_t hash = hash_bytes(topics->key, name);
    struct match **slot = &topics->cache[hash % TOPICS_CACHE_SIZE], *match = *slot;
    if (!is_current(topics, match, name)) {
        match = match_create(topics, name, hash);
        if (match->count <= TOPICS_CACHED_MAX) {
            match_unref(*slot);
            *slot = match;
            match->refs_count++;
        }
    } else {
        match->refs_count++;
    }
    match_unref(*memo);
    *memo = match;
    return match;
}

void topics_check(const struct topics *topics)
{
    uint64_t count = 0;
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&topics->literals, &at));) {
        const struct topic *topic = list_entry(entry, struct topic, entry);
        assert(topic->set.count > 0);
        count += topic->set.count;
    }
    for (size_t at = 0; (entry = table_next(&topics->wildcards.edges, &at));) {
        const struct trie_node *node = list_entry(entry, struct trie_node, entry);
        assert(node->set.count > 0 || node->children_count > 0);
        count += node->set.count;
    }
    assert(count == topics->subscriptions_count);
}

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

void topics_init(struct topics *topics, const struct hash_key *key)
{
    *topics = (struct topics){.key = key};
    trie_init(&topics->patterns);
}

void match_unref(struct match *match)
{
    if (match && --match->refs_count == 0)
        memory_free(match);
}

void topics_finish(struct topics *topics)
{
    assert(topics->names.count == 0 && topics->inboxes.count == 0);
    for (size_t i = 0; i < TOPICS_CACHE_SIZE; i++)
        match_unref(topics->cache[i]);
    table_finish(&topics->names);
    table_finish(&topics->inboxes);
    group_table_finish(&topics->groups);
    trie_finish(&topics->patterns);
    memory_free(topics->found.all);
}

static uint32_t bucket_of(const struct topics *topics, struct bytes name)
{
    return (uint32_t)(hash_bytes(topics->key, pattern_first_token(name)) % TOPICS_BUCKETS);
}

/* Forgets the matches that a change under a name or pattern that begins with the token `first` may
 * have changed. Inboxes are in none. */
static void forget(struct topics *topics, struct bytes first, enum listening listening)
{
    bool is_open = listening == LISTENING_PATTERN && (token_is_star(first) || token_is_rest(first));
    if (is_open)
        topics->generation++;
    else if (listening != LISTENING_INBOX)
        topics->bucket_generations[bucket_of(topics, first)]++;
}

static struct table *table_of(struct topics *topics, enum listening listening)
{
    return listening == LISTENING_INBOX ? &topics->inboxes : &topics->names;
}

static struct topic *topic_make(const struct topics *topics, struct table *table, struct bytes name)
{
    uint64_t hash = hash_bytes(topics->key, name);
    struct table_entry *entry = table_find(table, hash, name);
    if (entry)
        return list_entry(entry, struct topic, entry);
    struct topic *topic = memory_create(sizeof *topic + name.size);
    memcpy(topic + 1, name.data, name.size);
    topic->entry = (struct table_entry){hash, bytes_of(topic + 1, name.size)};
    table_insert(table, &topic->entry);
    return topic;
}

void topics_add(struct topics *topics, struct subscription *subscription, struct bytes name,
                enum listening listening)
{
    forget(topics, pattern_first_token(name), listening);
    topics->subscriptions_count++;
    subscription->listening = (uint8_t)listening;
    struct subscriber_set *set = listening == LISTENING_PATTERN
                                     ? trie_add(&topics->patterns, topics->key, name)
                                     : &topic_make(topics, table_of(topics, listening), name)->set;
    subscriber_set_add(set, subscription);
}

void topics_remove(struct topics *topics, struct subscription *subscription)
{
    struct subscriber_set *set = subscription->set;
    enum listening listening = subscription->listening;
    subscriber_set_remove(subscription);
    topics->subscriptions_count--;
    if (listening == LISTENING_PATTERN) {
        forget(topics, trie_first_of(&topics->patterns, set), listening);
        trie_trim(&topics->patterns, set);
        return;
    }
    struct topic *topic = list_entry(set, struct topic, set);
    forget(topics, pattern_first_token(topic->entry.name), listening);
    if (set->count == 0) {
        table_remove(table_of(topics, listening), &topic->entry);
        memory_free(topic);
    }
}

struct subscription *topics_inbox(const struct topics *topics, struct bytes name)
{
    struct table_entry *entry = table_find(&topics->inboxes, hash_bytes(topics->key, name), name);
    return entry ? subscriber_set_all(&list_entry(entry, struct topic, entry)->set)[0] : NULL;
}

static bool is_current(const struct topics *topics, const struct match *match, struct bytes name)
{
    return match && match->generation == topics->generation &&
           match->bucket_generation == topics->bucket_generations[match->bucket] &&
           bytes_equal(match->name, name);
}

/* Those without a group first, by connection, and by id among those of one. */
static int by_rank(const void *left, const void *right)
{
    const struct subscription *a = *(struct subscription *const *)left,
                              *b = *(struct subscription *const *)right;
    uint64_t a_group = group_id(subscription_group(a)), b_group = group_id(subscription_group(b));
    if (a_group != b_group)
        return a_group < b_group ? -1 : 1;
    if (a->peer->id != b->peer->id)
        return a->peer->id < b->peer->id ? -1 : 1;
    return (subscription_id(a) > subscription_id(b)) - (subscription_id(a) < subscription_id(b));
}

/* Collects all subscriptions that `name` matches. */
static void find_all(struct topics *topics, struct bytes name, uint64_t hash)
{
    topics->found.count = 0;
    struct table_entry *entry = table_find(&topics->names, hash, name);
    if (entry)
        subscriber_set_collect(&list_entry(entry, struct topic, entry)->set, &topics->found);
    trie_match(&topics->patterns, topics->key, name, &topics->found);
}

/* Leaves one subscription of each connection among those found, and all members of groups; returns
 * how many connections there are. */
static size_t keep_one_each(struct found *found)
{
    size_t count = 0, connections = 0;
    if (found->count > 1)
        qsort(found->all, found->count, sizeof *found->all, by_rank);
    for (size_t i = 0; i < found->count; i++) {
        struct subscription *one = found->all[i];
        bool is_member = subscription_group(one) != NULL;
        if (!is_member && count > 0 && one->peer == found->all[count - 1]->peer)
            continue;
        found->all[count++] = one;
        connections += !is_member;
    }
    found->count = count;
    return connections;
}

static struct match *match_create(struct topics *topics, struct bytes name, uint64_t hash)
{
    topics->matched_count++;
    find_all(topics, name, hash);
    const struct found *found = &topics->found;
    size_t connections = keep_one_each(&topics->found), size = found->count * sizeof *found->all;
    struct match *match = memory_create(sizeof *match + size + name.size);
    if (size > 0)
        memcpy(match->subscriptions, found->all, size);
    match->connections_count = (uint32_t)connections;
    match->count = (uint32_t)found->count;
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

static uint64_t check_table(const struct table *table)
{
    uint64_t count = 0;
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(table, &at));) {
        const struct topic *topic = list_entry(entry, struct topic, entry);
        assert(topic->set.count > 0);
        count += topic->set.count;
    }
    return count;
}

void topics_check(const struct topics *topics)
{
    uint64_t count =
        check_table(&topics->names) + check_table(&topics->inboxes) + trie_check(&topics->patterns);
    assert(count == topics->subscriptions_count);
}

#include "core/topics.h"

#include "base/array.h"
#include "core/glob.h"
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
    assert(topics->names.count == 0 && topics->inboxes.count == 0 && topics->apart.count == 0);
    for (size_t i = 0; i < TOPICS_CACHE_SIZE; i++)
        match_unref(topics->cache[i]);
    table_finish(&topics->names);
    table_finish(&topics->inboxes);
    table_finish(&topics->apart);
    group_table_finish(&topics->groups);
    trie_finish(&topics->patterns);
    globs_finish(&topics->globs);
    memory_free(topics->found.all);
}

static uint32_t bucket_of(const struct topics *topics, struct bytes name)
{
    return (uint32_t)(hash_bytes(topics->key, pattern_first_token(name)) % TOPICS_BUCKETS);
}

/* Whether names with different first tokens may match. */
static bool is_open(struct bytes name, enum listening listening)
{
    struct bytes first = pattern_first_token(name);
    if (listening == LISTENING_GLOB)
        return first.size >= glob_prefix(name).size;
    return listening == LISTENING_PATTERN && (token_is_star(first) || token_is_rest(first));
}

/* Forgets the matches that a change under a name may have changed; of a pattern the first token is
 * name enough. Inboxes and what is apart are in none. */
static void forget(struct topics *topics, struct bytes name, enum listening listening)
{
    if (listening == LISTENING_INBOX || listening == LISTENING_APART)
        return;
    if (is_open(name, listening))
        topics->generation++;
    else
        topics->bucket_generations[bucket_of(topics, name)]++;
}

static struct table *table_of(struct topics *topics, enum listening listening)
{
    return listening == LISTENING_INBOX   ? &topics->inboxes
           : listening == LISTENING_APART ? &topics->apart
                                          : &topics->names;
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

static struct subscriber_set *set_make(struct topics *topics, struct bytes name,
                                       enum listening listening)
{
    switch (listening) {
    case LISTENING_PATTERN: return trie_add(&topics->patterns, topics->key, name);
    case LISTENING_GLOB: return globs_add(&topics->globs, topics->key, name);
    default: return &topic_make(topics, table_of(topics, listening), name)->set;
    }
}

void topics_add(struct topics *topics, struct subscription *subscription, struct bytes name,
                enum listening listening)
{
    forget(topics, name, listening);
    topics->subscriptions_count++;
    subscription->listening = (uint8_t)listening;
    subscriber_set_add(set_make(topics, name, listening), subscription);
}

/* Frees the name that the set stands for, when it is empty. */
static void trim_name(struct topics *topics, struct subscriber_set *set, enum listening listening)
{
    struct topic *topic = list_entry(set, struct topic, set);
    if (set->count > 0)
        return;
    table_remove(table_of(topics, listening), &topic->entry);
    memory_free(topic);
}

void topics_remove(struct topics *topics, struct subscription *subscription)
{
    struct subscriber_set *set = subscription->set;
    enum listening listening = subscription->listening;
    subscriber_set_remove(subscription);
    topics->subscriptions_count--;
    switch (listening) {
    case LISTENING_PATTERN:
        forget(topics, trie_first_of(&topics->patterns, set), listening);
        trie_trim(&topics->patterns, set);
        break;
    case LISTENING_GLOB:
        forget(topics, globs_text(set), listening);
        globs_trim(&topics->globs, set);
        break;
    default:
        forget(topics, list_entry(set, struct topic, set)->entry.name, listening);
        trim_name(topics, set, listening);
    }
}

static const struct subscriber_set *set_find(const struct topics *topics, const struct table *table,
                                             struct bytes name)
{
    struct table_entry *entry = table_find(table, hash_bytes(topics->key, name), name);
    return entry ? &list_entry(entry, struct topic, entry)->set : NULL;
}

struct subscription *topics_inbox(const struct topics *topics, struct bytes name)
{
    const struct subscriber_set *set = set_find(topics, &topics->inboxes, name);
    return set ? subscriber_set_all(set)[0] : NULL;
}

const struct subscriber_set *topics_named(const struct topics *topics, struct bytes name)
{
    return set_find(topics, &topics->names, name);
}

const struct subscriber_set *topics_apart(const struct topics *topics, struct bytes name)
{
    return set_find(topics, &topics->apart, name);
}

static bool is_current(const struct topics *topics, const struct match *match, struct bytes name)
{
    return match && match->generation == topics->generation &&
           match->bucket_generation == topics->bucket_generations[match->bucket] &&
           bytes_equal(match->name, name);
}

static bool is_glob_of_each(const struct subscription *subscription)
{
    return subscription->listening == LISTENING_GLOB && subscription->peer->is_each;
}

/* Those without a group first, by connection, and by id among those of one, globs last where each
 * counts. */
static int by_rank(const void *left, const void *right)
{
    const struct subscription *a = *(struct subscription *const *)left,
                              *b = *(struct subscription *const *)right;
    uint64_t a_group = group_id(subscription_group(a)), b_group = group_id(subscription_group(b));
    if (a_group != b_group)
        return a_group < b_group ? -1 : 1;
    if (a->peer->id != b->peer->id)
        return a->peer->id < b->peer->id ? -1 : 1;
    if (is_glob_of_each(a) != is_glob_of_each(b))
        return is_glob_of_each(a) ? 1 : -1;
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
    globs_match(&topics->globs, topics->key, name, &topics->found);
}

/* Leaves one subscription of each connection among those found, all of those where each counts, and
 * all members of groups. */
static void keep_one_each(struct found *found)
{
    size_t count = 0;
    if (found->count > 1)
        qsort(found->all, found->count, sizeof *found->all, by_rank);
    for (size_t i = 0; i < found->count; i++) {
        struct subscription *one = found->all[i];
        bool is_each = subscription_group(one) != NULL || one->peer->is_each;
        if (is_each || count == 0 || one->peer != found->all[count - 1]->peer)
            found->all[count++] = one;
    }
    found->count = count;
}

/* Counts who is reached. */
static void match_count(struct match *match)
{
    struct subscription *const *all = match->subscriptions;
    uint32_t at = 0;
    for (; at < match->count && !subscription_group(all[at]); at++)
        match->has_repeats |= at > 0 && all[at]->peer == all[at - 1]->peer;
    match->alone_count = match->receivers_count = at;
    for (; at < match->count; at += group_members(&all[at], match->count - at))
        match->receivers_count++;
}

static struct match *match_create(struct topics *topics, struct bytes name, uint64_t hash)
{
    topics->matched_count++;
    find_all(topics, name, hash);
    const struct found *found = &topics->found;
    keep_one_each(&topics->found);
    size_t size = found->count * sizeof *found->all;
    struct match *match = memory_create(sizeof *match + size + name.size);
    if (size > 0)
        memcpy(match->subscriptions, found->all, size);
    match->count = (uint32_t)found->count;
    match_count(match);
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
    uint64_t count = check_table(&topics->names) + check_table(&topics->inboxes) +
                     check_table(&topics->apart) + trie_check(&topics->patterns) +
                     globs_check(&topics->globs);
    assert(count == topics->subscriptions_count);
}

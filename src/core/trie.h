/* The wildcard trie: patterns by their tokens. */
#ifndef RINGPOST_CORE_TRIE_H
#define RINGPOST_CORE_TRIE_H

#include "base/hash.h"
#include "base/list.h"
#include "base/table.h"
#include "core/pattern.h"
#include "core/subscribers.h"

/*
 *          root
 *           | "orders"         one node per prefix of a pattern, found by (parent, token) in one
 * table of edges; o                  "*" and ">" are tokens like any other, and their nodes are
 * also known to the parent
 *     "*" / | \ "new"
 *        o  |  o               set: those who subscribed to orders.*, to orders.new
 *           o ">"              set: those who subscribed to orders.>
 */
struct trie_node {
    struct table_entry entry; /* in `edges`; its name is `key` */
    struct {
        uint64_t parent, token; /* ids */
    } key;
    uint64_t id;
    struct trie_node *parent, *star, *rest;
    struct trie_token *token; /* the edge's; NULL at the root */
    size_t children_count;
    struct subscriber_set set;
};

struct trie {
    struct table edges, tokens;
    struct trie_node root;
    uint64_t id_next;         /* of nodes and tokens */
    struct trie_node **level; /* room for the nodes that a match has reached */
    size_t level_capacity;
};

void trie_init(struct trie *trie);
void trie_finish(struct trie *trie);

/* The set that `pattern`, a valid one, stands for; made when it is new. */
struct subscriber_set *trie_add(struct trie *trie, const struct hash_key *key,
                                struct bytes pattern);

/* The first token of the pattern that the set stands for. */
struct bytes trie_first_of(const struct subscriber_set *set);

/* Frees what the set stood for, when it is empty and no longer leads anywhere. */
void trie_trim(struct trie *trie, struct subscriber_set *set);

/* Puts the subscriptions that `name` matches behind the `*count` in `*found`, growing it. */
void trie_match(struct trie *trie, const struct hash_key *key, struct bytes name,
                struct subscription ***found, size_t *count, size_t *capacity);

#endif

/* The wildcard trie: patterns by their tokens. */
#ifndef RINGPOST_CORE_TRIE_H
#define RINGPOST_CORE_TRIE_H

#include "base/hash.h"
#include "base/table.h"
#include "core/pattern.h"
#include "core/subscribers.h"
#include "frame/frame.h"

/*
 *          root
 *           | "orders"         one node per prefix of a pattern, found by its parent and its token in
 *           o                  one table of edges; "*" and ">" are tokens like any other, and their
 *     "*" / | \ "new"          nodes are also known to the parent
 *        o  |  o               set: those who subscribed to orders.*, to orders.new
 *           o ">"              set: those who subscribed to orders.>
 *
 * There may be millions, so they are called by numbers. That of the root is 0, and so is that of no
 * child.
 */
struct trie_node {
    uint32_t parent; /* of a node that is not in use, the next one that is not */
    uint32_t star, rest;
    uint32_t children_count;
    struct trie_token *token; /* the edge's; NULL at the root and out of use */
    struct subscriber_set set;
};
static_assert(sizeof(struct trie_node) <= 40, "docs/ARCHITECTURE.md says what a pattern costs");

enum { TRIE_PAGE = 1024 }; /* nodes that are made together, and stay where they are */

struct trie {
    struct trie_node **pages; /* place `number` % TRIE_PAGE of page `number` / TRIE_PAGE */
    size_t pages_capacity;
    uint32_t nodes_end, node_spare; /* numbers that were ever in use; the first that is not now */

    uint32_t *edges; /* hash table of the numbers of all nodes but the root; 0: nothing */
    size_t edges_count, edges_capacity;

    struct table tokens; /* of struct trie_token, by text */

    uint32_t *level; /* room for the nodes that a match has reached */
    size_t level_capacity;
};

void trie_init(struct trie *trie);
void trie_finish(struct trie *trie);

/* The set that `pattern`, a valid one, stands for; made when it is new. */
struct subscriber_set *trie_add(struct trie *trie, const struct hash_key *key,
                                struct bytes pattern);

/* The first token of the pattern that the set stands for. */
struct bytes trie_first_of(const struct trie *trie, const struct subscriber_set *set);

/* Walks the patterns that have subscriptions, from a zeroed `*at` on: puts the next one together in
 * `room`, and returns how many subscriptions it has; 0 at the end. */
uint32_t trie_next(const struct trie *trie, uint32_t *at, unsigned char room[FRAME_NAME_MAX],
                   struct bytes *pattern);

/* Frees what the set stood for, when it is empty and no longer leads anywhere. */
void trie_trim(struct trie *trie, struct subscriber_set *set);

/* Adds the subscriptions that `name` matches. */
void trie_match(struct trie *trie, const struct hash_key *key, struct bytes name,
                struct found *found);

/* Asserts all that must hold; returns how many subscriptions there are. */
uint64_t trie_check(const struct trie *trie);

#endif

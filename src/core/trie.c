#include "core/trie.h"

#include "base/array.h"

#include <assert.h>
#include <stdlib.h>

struct trie_token {
    struct table_entry entry; /* in `tokens`, by text */
    uint64_t id;
    uint64_t nodes_count; /* edges that carry it */
};

void trie_init(struct trie *trie)
{
    *trie = (struct trie){0};
}

void trie_finish(struct trie *trie)
{
    assert(trie->edges.count == 0 && trie->tokens.count == 0);
    table_finish(&trie->edges);
    table_finish(&trie->tokens);
    memory_free(trie->level);
}

static struct trie_token *token_find(const struct trie *trie, const struct hash_key *key,
                                     struct bytes text, uint64_t *hash)
{
    *hash = hash_bytes(key, text);
    struct table_entry *entry = table_find(&trie->tokens, *hash, text);
    return entry ? list_entry(entry, struct trie_token, entry) : NULL;
}

static struct trie_token *token_ref(struct trie *trie, const struct hash_key *key,
                                    struct bytes text)
{
    uint64_t hash;
    struct trie_token *token = token_find(trie, key, text, &hash);
    if (!token) {
        token = memory_create(sizeof *token + text.size);
        memcpy(token + 1, text.data, text.size);
        token->entry = (struct table_entry){hash, bytes_of(token + 1, text.size)};
        token->id = ++trie->id_next;
        table_insert(&trie->tokens, &token->entry);
    }
    token->nodes_count++;
    return token;
}

static void token_unref(struct trie *trie, struct trie_token *token)
{
    if (--token->nodes_count > 0)
        return;
    table_remove(&trie->tokens, &token->entry);
    memory_free(token);
}

static uint64_t edge_hash(uint64_t parent, uint64_t token)
{
    return hash_mix(parent) + token;
}

static struct trie_node *child_find(const struct trie *trie, const struct trie_node *node,
                                    const struct trie_token *token)
{
    uint64_t key[2] = {node->id, token->id};
    struct table_entry *entry =
        table_find(&trie->edges, edge_hash(node->id, token->id), bytes_of(key, sizeof key));
    return entry ? list_entry(entry, struct trie_node, entry) : NULL;
}

static struct trie_node *child_create(struct trie *trie, struct trie_node *parent,
                                      struct trie_token *token, struct bytes text)
{
    struct trie_node *node = memory_create(sizeof *node);
    node->key.parent = parent->id;
    node->key.token = token->id;
    node->entry = (struct table_entry){edge_hash(parent->id, token->id),
                                       bytes_of(&node->key, sizeof node->key)};
    node->id = ++trie->id_next;
    node->parent = parent;
    node->token = token;
    parent->children_count++;
    if (token_is_star(text))
        parent->star = node;
    if (token_is_rest(text))
        parent->rest = node;
    table_insert(&trie->edges, &node->entry);
    return node;
}

struct subscriber_set *trie_add(struct trie *trie, const struct hash_key *key, struct bytes pattern)
{
    struct trie_node *node = &trie->root;
    struct tokens tokens = tokens_of(pattern);
    struct bytes token;
    while (tokens_next(&tokens, &token)) {
        struct trie_token *interned = token_ref(trie, key, token);
        struct trie_node *child = child_find(trie, node, interned);
        if (child)
            token_unref(trie, interned);
        node = child ? child : child_create(trie, node, interned, token);
    }
    return &node->set;
}

struct bytes trie_first_of(const struct subscriber_set *set)
{
    const struct trie_node *node = list_entry(set, const struct trie_node, set);
    assert(node->parent);
    while (node->parent->parent)
        node = node->parent;
    return node->token->entry.name;
}

void trie_trim(struct trie *trie, struct subscriber_set *set)
{
    struct trie_node *node = list_entry(set, struct trie_node, set);
    while (node->parent && node->set.count == 0 && node->children_count == 0) {
        struct trie_node *parent = node->parent;
        parent->children_count--;
        parent->star = parent->star == node ? NULL : parent->star;
        parent->rest = parent->rest == node ? NULL : parent->rest;
        table_remove(&trie->edges, &node->entry);
        token_unref(trie, node->token);
        memory_free(node);
        node = parent;
    }
}

static void collect(const struct subscriber_set *set, struct subscription ***found, size_t *count,
                    size_t *capacity)
{
    if (set->count == 0)
        return;
    *found = array_reserve(*found, capacity, *count + set->count, sizeof **found);
    memcpy(*found + *count, subscriber_set_all(set), set->count * sizeof **found);
    *count += set->count;
}

/* A level is the nodes that the tokens so far have led to; each leads on by the next token and by
 * "*". */
void trie_match(struct trie *trie, const struct hash_key *key, struct bytes name,
                struct subscription ***found, size_t *count, size_t *capacity)
{
    if (trie->edges.count == 0)
        return;
    size_t reached = 1;
    trie->level = array_reserve(trie->level, &trie->level_capacity, 2, sizeof(struct trie_node *));
    trie->level[0] = &trie->root;
    struct tokens tokens = tokens_of(name);
    struct bytes token;
    while (reached > 0 && tokens_next(&tokens, &token)) {
        uint64_t hash;
        const struct trie_token *interned = token_find(trie, key, token, &hash);
        bool is_special =
            token_is_star(token) ||
            token_is_rest(
                token); /* in a name these are no wildcards: `star` and `rest` find them */
        trie->level = array_reserve(trie->level, &trie->level_capacity, 3 * reached,
                                    sizeof(struct trie_node *));
        struct trie_node **next = trie->level + reached;
        size_t next_count = 0;
        for (size_t i = 0; i < reached; i++) {
            struct trie_node *node = trie->level[i];
            if (node->rest)
                collect(&node->rest->set, found, count, capacity);
            if (node->star)
                next[next_count++] = node->star;
            struct trie_node *child = interned && !is_special && node->children_count > 0
                                          ? child_find(trie, node, interned)
                                          : NULL;
            if (child)
                next[next_count++] = child;
        }
        memmove(trie->level, next, next_count * sizeof *next);
        reached = next_count;
    }
    for (size_t i = 0; i < reached; i++)
        collect(&trie->level[i]->set, found, count, capacity);
}

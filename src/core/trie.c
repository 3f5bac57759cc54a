#include "core/trie.h"

#include "base/array.h"
#include "base/list.h"

#include <assert.h>
#include <stdlib.h>

/*
 * The edges are an open hash table of node numbers, by linear probing, at most three quarters full;
 * what an edge leads from and by which token stands in the node it leads to. Four bytes a slot are
 * why this is not base/table.
 */

enum { ROOT = 0, NONE = 0, EDGES_MIN = 16 };

struct trie_token {
    struct table_entry entry; /* in `tokens`, by text */
    uint64_t nodes_count;     /* edges that carry it */
};

/* Nodes. */

static struct trie_node *node_at(const struct trie *trie, uint32_t number)
{
    return &trie->pages[number / TRIE_PAGE][number % TRIE_PAGE];
}

static uint32_t node_take(struct trie *trie)
{
    uint32_t number = trie->node_spare;
    if (number != NONE) {
        trie->node_spare = node_at(trie, number)->parent;
    } else {
        number = trie->nodes_end++;
        assert(trie->nodes_end != 0);
        if (number % TRIE_PAGE == 0) {
            size_t page = number / TRIE_PAGE;
            trie->pages =
                array_reserve(trie->pages, &trie->pages_capacity, page + 1, sizeof *trie->pages);
            trie->pages[page] = memory_create(TRIE_PAGE * sizeof **trie->pages);
        }
    }
    *node_at(trie, number) = (struct trie_node){0};
    return number;
}

static void node_return(struct trie *trie, uint32_t number)
{
    *node_at(trie, number) = (struct trie_node){.parent = trie->node_spare};
    trie->node_spare = number;
}

static void free_pages(struct trie *trie)
{
    for (uint32_t first = 0; first < trie->nodes_end; first += TRIE_PAGE)
        memory_free(trie->pages[first / TRIE_PAGE]);
    memory_free(trie->pages);
}

void trie_init(struct trie *trie)
{
    *trie = (struct trie){0};
    uint32_t root = node_take(trie);
    assert(root == ROOT);
}

void trie_finish(struct trie *trie)
{
    assert(trie->edges_count == 0 && trie->tokens.count == 0);
    free_pages(trie);
    memory_free(trie->edges);
    memory_free(trie->level);
    table_finish(&trie->tokens);
}

/* Tokens. */

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

/* Edges. */

static size_t home(const struct trie *trie, uint32_t parent, const struct trie_token *token)
{
    return hash_mix(token->entry.hash + parent) & (trie->edges_capacity - 1);
}

static size_t home_of(const struct trie *trie, uint32_t number)
{
    const struct trie_node *node = node_at(trie, number);
    return home(trie, node->parent, node->token);
}

/* The child of `parent` by that token, or NONE. */
static uint32_t edge_find(const struct trie *trie, uint32_t parent, const struct trie_token *token)
{
    size_t mask = trie->edges_capacity - 1;
    if (trie->edges_count == 0)
        return NONE;
    for (size_t at = home(trie, parent, token); trie->edges[at] != NONE; at = (at + 1) & mask) {
        const struct trie_node *node = node_at(trie, trie->edges[at]);
        if (node->token == token && node->parent == parent)
            return trie->edges[at];
    }
    return NONE;
}

static void edge_place(struct trie *trie, uint32_t number)
{
    size_t at = home_of(trie, number);
    while (trie->edges[at] != NONE)
        at = (at + 1) & (trie->edges_capacity - 1);
    trie->edges[at] = number;
}

static void edges_resize(struct trie *trie, size_t capacity)
{
    uint32_t *old = trie->edges;
    size_t old_capacity = trie->edges_capacity;
    trie->edges = memory_create(capacity * sizeof *trie->edges);
    trie->edges_capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i] != NONE)
            edge_place(trie, old[i]);
    memory_free(old);
}

static void edge_insert(struct trie *trie, uint32_t number)
{
    if (4 * (trie->edges_count + 1) > 3 * trie->edges_capacity)
        edges_resize(trie, trie->edges_capacity ? 2 * trie->edges_capacity : EDGES_MIN);
    edge_place(trie, number);
    trie->edges_count++;
}

static void edge_remove(struct trie *trie, uint32_t number)
{
    size_t mask = trie->edges_capacity - 1, at = home_of(trie, number);
    while (trie->edges[at] != number)
        at = (at + 1) & mask;
    for (size_t next = (at + 1) & mask; trie->edges[next] != NONE; next = (next + 1) & mask) {
        /* An edge may fill the hole when the hole lies between its home and its place. */
        if (((next - home_of(trie, trie->edges[next])) & mask) >= ((next - at) & mask)) {
            trie->edges[at] = trie->edges[next];
            at = next;
        }
    }
    trie->edges[at] = NONE;
    trie->edges_count--;
    if (trie->edges_capacity > EDGES_MIN && 8 * trie->edges_count < trie->edges_capacity)
        edges_resize(trie, trie->edges_capacity / 2);
}

/* Patterns. */

/* The child of `parent` by the token of that text; made when it is new. */
static uint32_t child_make(struct trie *trie, const struct hash_key *key, uint32_t parent,
                           struct bytes text)
{
    struct trie_token *token = token_ref(trie, key, text);
    uint32_t number = edge_find(trie, parent, token);
    if (number != NONE) {
        token_unref(trie, token);
        return number;
    }
    number = node_take(trie);
    struct trie_node *node = node_at(trie, number), *above = node_at(trie, parent);
    node->parent = parent;
    node->token = token;
    above->children_count++;
    if (token_is_star(text))
        above->star = number;
    if (token_is_rest(text))
        above->rest = number;
    edge_insert(trie, number);
    return number;
}

struct subscriber_set *trie_add(struct trie *trie, const struct hash_key *key, struct bytes pattern)
{
    uint32_t number = ROOT;
    struct tokens tokens = tokens_of(pattern);
    struct bytes token;
    while (tokens_next(&tokens, &token))
        number = child_make(trie, key, number, token);
    return &node_at(trie, number)->set;
}

struct bytes trie_first_of(const struct trie *trie, const struct subscriber_set *set)
{
    const struct trie_node *node = list_entry(set, const struct trie_node, set);
    assert(node->token);
    while (node->parent != ROOT)
        node = node_at(trie, node->parent);
    return node->token->entry.name;
}

/* The pattern that a node stands for, put together in `room` from its end. */
static struct bytes pattern_of(const struct trie *trie, const struct trie_node *node,
                               unsigned char room[FRAME_NAME_MAX])
{
    unsigned char *end = room + FRAME_NAME_MAX, *at = end;
    for (bool is_last = true; node->token; node = node_at(trie, node->parent), is_last = false) {
        struct bytes token = node->token->entry.name;
        if (!is_last)
            *--at = TOPIC_SEPARATOR;
        at -= token.size;
        memcpy(at, token.data, token.size);
    }
    assert(at >= room);
    return bytes_of(at, (size_t)(end - at));
}

uint32_t trie_next(const struct trie *trie, uint32_t *at, unsigned char room[FRAME_NAME_MAX],
                   struct bytes *pattern)
{
    while (++*at < trie->nodes_end) {
        const struct trie_node *node = node_at(trie, *at);
        if (node->set.count == 0)
            continue;
        *pattern = pattern_of(trie, node, room);
        return node->set.count;
    }
    return 0;
}

void trie_trim(struct trie *trie, struct subscriber_set *set)
{
    struct trie_node *node = list_entry(set, struct trie_node, set);
    while (node->token && node->set.count == 0 && node->children_count == 0) {
        uint32_t number = edge_find(trie, node->parent, node->token);
        struct trie_node *parent = node_at(trie, node->parent);
        parent->children_count--;
        parent->star = parent->star == number ? NONE : parent->star;
        parent->rest = parent->rest == number ? NONE : parent->rest;
        edge_remove(trie, number);
        token_unref(trie, node->token);
        node_return(trie, number);
        node = parent;
    }
}

/* Matching. */

/* A level is the nodes that the tokens so far have led to; each leads on by the next token and by
 * "*". */
void trie_match(struct trie *trie, const struct hash_key *key, struct bytes name,
                struct found *found)
{
    if (trie->edges_count == 0)
        return;
    size_t reached = 1;
    trie->level = array_reserve(trie->level, &trie->level_capacity, 2, sizeof *trie->level);
    trie->level[0] = ROOT;
    struct tokens tokens = tokens_of(name);
    struct bytes token;
    while (reached > 0 && tokens_next(&tokens, &token)) {
        uint64_t hash;
        /* In a name these are no wildcards: `star` and `rest` find them. */
        bool is_special = token_is_star(token) || token_is_rest(token);
        const struct trie_token *interned = is_special ? NULL : token_find(trie, key, token, &hash);
        trie->level =
            array_reserve(trie->level, &trie->level_capacity, 3 * reached, sizeof *trie->level);
        uint32_t *next = trie->level + reached;
        size_t next_count = 0;
        for (size_t i = 0; i < reached; i++) {
            const struct trie_node *node = node_at(trie, trie->level[i]);
            if (node->rest != NONE)
                subscriber_set_collect(&node_at(trie, node->rest)->set, found);
            if (node->star != NONE)
                next[next_count++] = node->star;
            uint32_t child = interned && node->children_count > 0
                                 ? edge_find(trie, trie->level[i], interned)
                                 : NONE;
            if (child != NONE)
                next[next_count++] = child;
        }
        memmove(trie->level, next, next_count * sizeof *next);
        reached = next_count;
    }
    for (size_t i = 0; i < reached; i++)
        subscriber_set_collect(&node_at(trie, trie->level[i])->set, found);
}

uint64_t trie_check(const struct trie *trie)
{
    uint64_t subscriptions = 0, nodes = 0;
    for (uint32_t number = 1; number < trie->nodes_end; number++) {
        const struct trie_node *node = node_at(trie, number);
        if (!node->token)
            continue;
        assert(node->set.count > 0 || node->children_count > 0);
        assert(edge_find(trie, node->parent, node->token) == number);
        subscriptions += node->set.count;
        nodes++;
    }
    assert(nodes == trie->edges_count);
    return subscriptions;
}

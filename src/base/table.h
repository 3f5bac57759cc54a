/* Hash tables of things that have a name or a number, by open addressing. The things hold their own
 * entry; the table holds pointers to it. */
#ifndef RINGPOST_BASE_TABLE_H
#define RINGPOST_BASE_TABLE_H

#include "base/bytes.h"

/* Stands in the thing that is in the table. The name's bytes are the thing's and do not change
 * while it is in. */
struct table_entry {
    uint64_t hash;
    struct bytes name; /* empty in a table of numbers, whose hash is the number */
};

/* A zeroed table is empty. */
struct table {
    struct table_entry **slots;
    size_t count, capacity;
    uint64_t salt; /* not 0 where strangers choose the numbers; set while the table is empty */
};

/* Frees the slots; the things are their owner's. */
void table_finish(struct table *table);

/* The entry of that hash and name, or NULL. */
struct table_entry *table_find(const struct table *table, uint64_t hash, struct bytes name);

/* Puts an entry in whose name is not in yet. */
void table_insert(struct table *table, struct table_entry *entry);

/* Takes out an entry that is in. */
void table_remove(struct table *table, struct table_entry *entry);

/* The next entry at or behind slot `*at`, which is moved behind it; NULL at the end. Inserting and
 * removing disturb the walk. */
struct table_entry *table_next(const struct table *table, size_t *at);

#endif

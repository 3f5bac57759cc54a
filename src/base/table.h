/* Hash tables of things that have a name or a number, by open addressing. The things hold their own
 * entry; the table holds pointers to it. */
#ifndef RINGPOST_BASE_TABLE_H
#define RINGPOST_BASE_TABLE_H

#include "base/bytes.h"

#define TABLE_CAPACITY_MAX (UINT32_C(1) << 31)

/* Stands in the thing that is in the table. The name's bytes are the thing's and do not change
 * while it is in. */
struct table_entry {
    uint64_t hash;
    struct bytes name; /* empty in a table of numbers, whose hash is the number */
};

/* A zeroed table is empty. It is small: each connection has several. */
struct table {
    struct table_entry **slots;
    uint32_t count, capacity; /* entries; slots, TABLE_CAPACITY_MAX at most */
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

/*
 * A walk in pieces, which changes of the table in between do not disturb: every entry has a place,
 * the same in all tables of that salt, and a piece is the entries of some places.
 */
struct table_piece {
    uint64_t first, last; /* places, both in */
    size_t walked;        /* slots */
};

/* The last place of the largest piece that there can be from the place `first` on. */
static inline uint64_t table_piece_last(const struct table *table, uint64_t first)
{
    return table->capacity ? first | UINT64_MAX / table->capacity : UINT64_MAX;
}

/* The next entry of a piece that is not larger than that; NULL at the end. */
struct table_entry *table_piece_next(const struct table *table, struct table_piece *piece);

#endif

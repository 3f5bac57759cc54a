#include "base/table.h"

#include "base/array.h"
#include "base/hash.h"

#include <assert.h>
#include <stdlib.h>

/* Linear probing over a power of two of slots, at most three quarters full; removing shifts what
 * follows back, so there are no marks. */

enum { TABLE_CAPACITY_MIN = 8 };

static size_t home(const struct table *table, uint64_t hash)
{
    return hash_mix(hash ^ table->salt) & (table->capacity - 1);
}

void table_finish(struct table *table)
{
    memory_free(table->slots);
    *table = (struct table){0};
}

struct table_entry *table_find(const struct table *table, uint64_t hash, struct bytes name)
{
    if (table->count == 0)
        return NULL;
    for (size_t at = home(table, hash); table->slots[at]; at = (at + 1) & (table->capacity - 1)) {
        struct table_entry *entry = table->slots[at];
        if (entry->hash == hash && bytes_equal(entry->name, name))
            return entry;
    }
    return NULL;
}

static void place(struct table *table, struct table_entry *entry)
{
    size_t at = home(table, entry->hash);
    while (table->slots[at])
        at = (at + 1) & (table->capacity - 1);
    table->slots[at] = entry;
}

static void resize(struct table *table, uint64_t capacity)
{
    assert(capacity <= TABLE_CAPACITY_MAX);
    struct table old = *table;
    table->slots = memory_create(capacity * sizeof *table->slots);
    table->capacity = (uint32_t)capacity;
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i])
            place(table, old.slots[i]);
    memory_free(old.slots);
}

void table_insert(struct table *table, struct table_entry *entry)
{
    uint64_t count = table->count, capacity = table->capacity;
    if (4 * (count + 1) > 3 * capacity)
        resize(table, capacity ? 2 * capacity : TABLE_CAPACITY_MIN);
    place(table, entry);
    table->count++;
}

void table_remove(struct table *table, struct table_entry *entry)
{
    assert(table->count > 0);
    size_t mask = table->capacity - 1, at = home(table, entry->hash);
    while (table->slots[at] != entry) {
        assert(table->slots[at]);
        at = (at + 1) & mask;
    }
    for (size_t next = (at + 1) & mask; table->slots[next]; next = (next + 1) & mask) {
        /* An entry may fill the hole when the hole lies between its home and its place. */
        if (((next - home(table, table->slots[next]->hash)) & mask) >= ((next - at) & mask)) {
            table->slots[at] = table->slots[next];
            at = next;
        }
    }
    table->slots[at] = NULL;
    table->count--;
    if (table->capacity > TABLE_CAPACITY_MIN && table->count < table->capacity / 8)
        resize(table, table->capacity / 2);
}

struct table_entry *table_next(const struct table *table, size_t *at)
{
    while (*at < table->capacity)
        if (table->slots[(*at)++])
            return table->slots[*at - 1];
    return NULL;
}

/* Its bits the other way round. */
static uint64_t reverse(uint64_t value)
{
    static const uint64_t masks[] = {
        UINT64_C(0x5555555555555555), UINT64_C(0x3333333333333333), UINT64_C(0x0f0f0f0f0f0f0f0f),
        UINT64_C(0x00ff00ff00ff00ff), UINT64_C(0x0000ffff0000ffff), UINT64_C(0x00000000ffffffff),
    };
    for (unsigned i = 0; i < sizeof masks / sizeof *masks; i++)
        value = (value & masks[i]) << (1u << i) | (value >> (1u << i) & masks[i]);
    return value;
}

/*
 * A place is a mixed hash with its bits reversed. So the places of one home lie together, whatever
 * the capacity, and whoever removes, or puts in, entries in the order of their places spreads them
 * over all the slots; in the order of the hashes themselves they would crowd at one end.
 */
struct table_entry *table_piece_next(const struct table *table, struct table_piece *piece)
{
    assert(piece->last <= table_piece_last(table, piece->first));
    size_t mask = table->capacity - 1, at = (size_t)reverse(piece->first) & mask;
    while (piece->walked < table->capacity) {
        struct table_entry *entry = table->slots[(at + piece->walked) & mask];
        if (!entry)
            return NULL; /* behind it no entry has this home */
        piece->walked++;
        uint64_t place = reverse(hash_mix(entry->hash ^ table->salt));
        if (place >= piece->first && place <= piece->last)
            return entry;
    }
    return NULL;
}

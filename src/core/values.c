#include "core/values.h"

#include "base/array.h"
#include "base/list.h"

#include <assert.h>

enum {
    VALUE_KEEPING = sizeof(struct value) + 32, /* bytes beside name and data: heads, slots */
    VALUE_SPARE_MAX = 1024 * 1024, /* bytes that an append reserves for the next, at most */
};

void value_store_limit(struct value_store *store, uint64_t size_max)
{
    store->size_max = size_max ? size_max : VALUES_SIZE_DEFAULT;
}

static struct value *value_of(struct table_entry *entry)
{
    return list_entry(entry, struct value, entry);
}

static uint64_t counted_size(const struct value *value)
{
    return VALUE_KEEPING + value->entry.name.size + value->capacity;
}

static uint64_t room(const struct value_store *store)
{
    return store->size < store->size_max ? store->size_max - store->size : 0;
}

struct value *value_find(const struct table *values, uint64_t hash, struct bytes name)
{
    struct table_entry *entry = table_find(values, hash, name);
    return entry ? value_of(entry) : NULL;
}

enum status value_fits(const struct value_store *store, const struct value *before,
                       struct bytes name, size_t size)
{
    uint64_t need = VALUE_KEEPING + name.size + size;
    if (size > VALUE_SIZE_MAX)
        return STATUS_TOO_LARGE;
    return need <= room(store) + (before ? counted_size(before) : 0) ? STATUS_OK : STATUS_VALUES;
}

/* Gives the value room for so many bytes, no more. */
static void set_capacity(struct value_store *store, struct value *value, size_t capacity)
{
    store->size += capacity;
    store->size -= value->capacity;
    value->capacity = capacity;
    if (capacity > 0) {
        value->data = memory_resize(value->data, capacity, 1);
        return;
    }
    memory_free(value->data);
    value->data = NULL;
}

static struct value *create(struct value_store *store, struct table *values, uint64_t hash,
                            struct bytes name)
{
    struct value *value = memory_create(sizeof *value + name.size);
    value->entry = (struct table_entry){hash, bytes_copy(value + 1, name)};
    table_insert(values, &value->entry);
    store->size += counted_size(value);
    return value;
}

void value_put(struct value_store *store, struct table *values, uint64_t hash, struct bytes name,
               struct bytes bytes)
{
    struct value *value = value_find(values, hash, name);
    if (!value)
        value = create(store, values, hash, name);
    if (value->capacity != bytes.size)
        set_capacity(store, value, bytes.size);
    bytes_copy(value->data, bytes);
    value->size = bytes.size;
    value->is_grown = false;
}

enum status value_append(struct value_store *store, struct value *value, struct bytes bytes)
{
    size_t size = value->size + bytes.size, spare = size < VALUE_SPARE_MAX ? size : VALUE_SPARE_MAX;
    if (size > VALUE_SIZE_MAX)
        return STATUS_TOO_LARGE;
    if (size > value->capacity) {
        uint64_t left = room(store);
        if (size - value->capacity > left)
            return STATUS_VALUES;
        left -= size - value->capacity;
        set_capacity(store, value, size + (spare < left ? spare : left));
    }
    if (bytes.size > 0)
        bytes_copy(value->data + value->size, bytes);
    value->size = size;
    value->is_grown = true;
    return STATUS_OK;
}

void value_swap(struct value *a, struct value *b)
{
    struct value before = *a;
    a->data = b->data, a->size = b->size, a->capacity = b->capacity, a->is_grown = b->is_grown;
    b->data = before.data, b->size = before.size, b->capacity = before.capacity;
    b->is_grown = before.is_grown;
}

static void destroy(struct value_store *store, struct value *value)
{
    store->size -= counted_size(value);
    memory_free(value->data);
    memory_free(value);
}

void value_drop(struct value_store *store, struct table *values, struct value *value)
{
    table_remove(values, &value->entry);
    destroy(store, value);
}

void values_finish(struct value_store *store, struct table *values)
{
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(values, &at));)
        destroy(store, value_of(entry));
    table_finish(values);
}

bool value_number(const struct value *value, int64_t *number)
{
    const unsigned char *digits = value->data;
    bool is_negative = value->size > 0 && digits[0] == '-';
    size_t at = is_negative, size = value->size;
    *number = 0;
    if (size == 1 && digits[0] == '0')
        return true;
    if (at == size || digits[at] == '0')
        return false;
    for (; at < size; at++) {
        int digit = digits[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, is_negative ? -digit : digit, number))
            return false;
    }
    return true;
}

uint64_t values_check(const struct table *values)
{
    uint64_t size = 0;
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(values, &at));) {
        const struct value *value = value_of(entry);
        assert(value->size <= value->capacity && value->size <= VALUE_SIZE_MAX);
        size += counted_size(value);
    }
    return size;
}

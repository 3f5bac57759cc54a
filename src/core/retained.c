#include "core/retained.h"

#include "base/array.h"
#include "base/list.h"
#include "core/pattern.h"
#include "frame/header.h"

#include <assert.h>
#include <stdlib.h>

void retained_init(struct retained_store *store, const struct hash_key *key)
{
    *store = (struct retained_store){.key = key};
    retained_limit(store, 0, 0);
}

void retained_limit(struct retained_store *store, uint64_t count_max, uint64_t size_max)
{
    store->count_max = count_max ? count_max : RETAINED_COUNT_DEFAULT;
    store->size_max = size_max ? size_max : RETAINED_SIZE_DEFAULT;
}

void retained_finish(struct retained_store *store)
{
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&store->messages, &at));)
        memory_free(list_entry(entry, struct retained, entry));
    table_finish(&store->messages);
    memory_free(store->found);
}

static struct retained *find(const struct retained_store *store, struct bytes name)
{
    struct table_entry *entry = table_find(&store->messages, hash_bytes(store->key, name), name);
    return entry ? list_entry(entry, struct retained, entry) : NULL;
}

/* Whether the frame says nothing, headers or not. */
static bool is_empty(const unsigned char *frame)
{
    size_t said = FRAME_HEAD_SIZE + frame_name(frame).size + header_of(frame).size;
    return frame_size(frame) == said;
}

bool retained_fits(const struct retained_store *store, const unsigned char *frame)
{
    if (is_empty(frame))
        return true;
    const struct retained *before = find(store, frame_name(frame));
    uint64_t size = store->size - (before ? before->size : 0) + frame_size(frame);
    return size <= store->size_max && (before || store->messages.count < store->count_max);
}

static void clear(struct retained_store *store, struct retained *message)
{
    store->size -= message->size;
    table_remove(&store->messages, &message->entry);
    memory_free(message);
}

void retained_put(struct retained_store *store, const unsigned char *frame)
{
    struct retained *before = find(store, frame_name(frame));
    uint32_t size = frame_size(frame);
    if (before)
        clear(store, before);
    if (is_empty(frame))
        return;
    struct retained *message = memory_create(sizeof *message + size);
    message->size = size;
    memcpy(message->frame, frame, size);
    struct bytes name = frame_name(message->frame);
    message->entry = (struct table_entry){hash_bytes(store->key, name), name};
    table_insert(&store->messages, &message->entry);
    store->size += size;
}

static int by_name(const void *left, const void *right)
{
    const struct retained *a = *(struct retained *const *)left,
                          *b = *(struct retained *const *)right;
    return bytes_compare(a->entry.name, b->entry.name);
}

static void collect(struct retained_store *store, struct retained *message, size_t *count)
{
    store->found =
        array_reserve(store->found, &store->found_capacity, *count + 1, sizeof(struct retained *));
    store->found[(*count)++] = message;
}

struct retained *const *retained_match(struct retained_store *store, struct bytes name,
                                       bool is_pattern, size_t *count)
{
    struct retained *one = is_pattern ? NULL : find(store, name);
    struct table_entry *entry;
    *count = 0;
    if (one)
        collect(store, one, count);
    for (size_t at = 0; is_pattern && (entry = table_next(&store->messages, &at));)
        if (pattern_matches(name, entry->name))
            collect(store, list_entry(entry, struct retained, entry), count);
    if (*count > 1)
        qsort(store->found, *count, sizeof(struct retained *), by_name);
    return store->found;
}

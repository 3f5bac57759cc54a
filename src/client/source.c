#include "client/source.h"

#include "client/handle.h"
#include "client/inbox.h"
#include "client/link.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { SOURCES_CAPACITY_MIN = 8 };

void source_table_finish(struct source_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->all[i]);
    free(table->all);
    *table = (struct source_table){0};
}

static bool table_reserve(struct source_table *table)
{
    if (table->count < table->capacity)
        return true;
    size_t capacity = table->capacity ? table->capacity * 2 : SOURCES_CAPACITY_MIN;
    struct source **all = reallocarray(table->all, capacity, sizeof *all);
    if (!all)
        return false;
    table->all = all;
    table->capacity = capacity;
    return true;
}

struct source *source_create(struct source_table *table, enum source_kind kind, struct bytes name,
                             struct bytes fields)
{
    assert(name.size <= FRAME_NAME_MAX);
    assert(fields.size <= UINT16_MAX);
    if (table->id_last == UINT32_MAX || !table_reserve(table))
        return NULL;
    struct source *source = malloc(sizeof *source + name.size + fields.size);
    if (!source)
        return NULL;
    *source = (struct source){
        .id = ++table->id_last,
        .kind = (uint8_t)kind,
        .name_size = (uint16_t)name.size,
        .fields_size = (uint16_t)fields.size,
    };
    if (name.size > 0)
        memcpy(source->name, name.data, name.size);
    if (fields.size > 0)
        memcpy(source->name + name.size, fields.data, fields.size);
    table->all[table->count++] = source;
    return source;
}

/* The place of the first source whose id is not below `id`. */
static size_t find_index(const struct source_table *table, uint32_t id)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->all[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct source *source_find(struct source_table *table, uint32_t id)
{
    if (table->last && table->last->id == id)
        return table->last;
    size_t index = find_index(table, id);
    if (index == table->count || table->all[index]->id != id ||
        table->all[index]->state == SOURCE_ENDING)
        return NULL;
    table->last = table->all[index];
    return table->last;
}

void source_set_state(struct source_table *table, struct source *source, enum source_state state)
{
    size_t index = find_index(table, source->id);
    if (table->from[state] > index)
        table->from[state] = index;
    source->state = (uint8_t)state;
}

/* The place of the first source in that state; behind the last if there is none. */
static size_t place_first(struct source_table *table, enum source_state state)
{
    size_t *from = &table->from[state];
    while (*from < table->count && table->all[*from]->state != state)
        (*from)++;
    return *from;
}

struct source *source_first(struct source_table *table, enum source_state state)
{
    size_t place = place_first(table, state);
    return place < table->count ? table->all[place] : NULL;
}

void source_mark(struct source_table *table, struct source *source)
{
    if (source->is_dirty)
        return;
    source->is_dirty = true;
    source->dirty_next = table->dirty;
    table->dirty = source;
}

static void unmark(struct source_table *table, struct source *source)
{
    struct source **link = &table->dirty;
    if (!source->is_dirty)
        return;
    while (*link != source)
        link = &(*link)->dirty_next;
    *link = source->dirty_next;
    source->is_dirty = false;
}

/* Nobody is to find it any more. */
static void hide(struct ringpost *handle, struct source *source)
{
    handle->sources.last = NULL;
    if (handle->reader.source == source)
        handle->reader.source = NULL;
}

void source_destroy(struct ringpost *handle, struct source *source)
{
    struct source_table *table = &handle->sources;
    size_t index = find_index(table, source->id);
    assert(index < table->count && table->all[index] == source);
    unmark(table, source);
    for (int state = 0; state < SOURCE_STATES; state++)
        table->from[state] -= table->from[state] > index;
    table->count--;
    memmove(&table->all[index], &table->all[index + 1],
            (table->count - index) * sizeof *table->all);
    hide(handle, source);
    free(source);
}

/* CONSUME and SUBSCRIBE have bodies of one shape: id u32, count u32, bytes u64, perhaps fields. */
static int source_start(struct ringpost *handle, struct source *source)
{
    enum op op = source->kind == SOURCE_CONSUMER ? OP_CONSUME : OP_SUBSCRIBE;
    int error = source_is_leasing(source) ? heartbeat_start(handle) : 0;
    if (error)
        return error;
    struct bytes name = bytes_of(source->name, source->name_size);
    unsigned char *body = link_frame(handle, op, source->flags, name, 16 + source->fields_size);
    if (!body)
        return -ENOMEM;
    store_u32(body, source->id);
    store_u32(body + 4, source->count);
    store_u64(body + 8, source->bytes);
    memcpy(body + 16, source->name + source->name_size, source->fields_size);
    source->start_number = handle->base + handle->window.last;
    source_set_state(&handle->sources, source, SOURCE_STARTING);
    return 0;
}

int sources_start(struct ringpost *handle)
{
    struct source *source;
    while ((source = source_first(&handle->sources, SOURCE_STOPPED))) {
        int error = source_start(handle, source);
        if (error)
            return error;
    }
    return 0;
}

int source_put_tags(struct ringpost *handle, const struct source *source, enum op op,
                    uint64_t first, uint32_t count, uint64_t delay_ms)
{
    unsigned char *body = link_frame(handle, op, 0, bytes_of(NULL, 0), delay_ms > 0 ? 24 : 16);
    if (!body)
        return -ENOMEM;
    store_u32(body, source->id);
    store_u32(body + 4, count);
    store_u64(body + 8, first);
    if (delay_ms > 0)
        store_u64(body + 16, delay_ms);
    return 0;
}

static int put_settlement(struct ringpost *handle, struct source *source)
{
    int error = source_put_tags(handle, source, source->settle_op, source->settle_first,
                                source->settle_count, source->settle_delay_ms);
    if (!error)
        source->settle_count = 0;
    return error;
}

static int put_credit(struct ringpost *handle, struct source *source)
{
    unsigned char *body = link_frame(handle, OP_CREDIT, 0, bytes_of(NULL, 0), 16);
    if (!body)
        return -ENOMEM;
    store_u32(body, source->id);
    store_u32(body + 4, (uint32_t)source->due_count);
    store_u64(body + 8, source->due_bytes);
    source->due_count = source->due_bytes = 0;
    return 0;
}

static int put_end(struct ringpost *handle, struct source *source)
{
    enum op op = source->kind == SOURCE_CONSUMER ? OP_CANCEL : OP_UNSUBSCRIBE;
    unsigned char *body = link_frame(handle, op, 0, bytes_of(NULL, 0), 4);
    if (!body)
        return -ENOMEM;
    store_u32(body, source->id);
    return 0;
}

int source_stage(struct ringpost *handle, struct source *source)
{
    int error = source->settle_count > 0 ? put_settlement(handle, source) : 0;
    if (!error && source->state == SOURCE_ENDING)
        error = put_end(handle, source);
    else if (!error && source_is_credit_due(source))
        error = put_credit(handle, source);
    return error;
}

int sources_stage(struct ringpost *handle)
{
    struct source_table *table = &handle->sources;
    while (table->dirty) {
        struct source *source = table->dirty;
        int error = source_stage(handle, source);
        if (error)
            return error;
        unmark(table, source);
        if (source->state == SOURCE_ENDING)
            source_destroy(handle, source);
    }
    return 0;
}

int source_end(struct ringpost *handle, struct source *source)
{
    bool is_known = source->state == SOURCE_STARTING || source->state == SOURCE_ACTIVE;
    source_set_state(&handle->sources, source, SOURCE_ENDING);
    int error = is_known ? source_stage(handle, source) : 0;
    if (!error) {
        source_destroy(handle, source);
        return 0;
    }
    hide(handle, source);
    source_mark(&handle->sources, source);
    link_note_output(handle);
    return error;
}

void sources_stop(struct ringpost *handle)
{
    struct source_table *table = &handle->sources;
    for (size_t i = table->count; i-- > 0;) {
        struct source *source = table->all[i];
        if (source->state == SOURCE_ENDING) {
            source_destroy(handle, source);
            continue;
        }
        source->is_dirty = false;
        source->settle_count = 0;
        if (source_is_inbox(source))
            source->name_size = 0;
        source->handed_count = source->handed_bytes = 0;
        source->due_count = source->due_bytes = 0;
        if (source->state != SOURCE_REFUSED)
            source_set_state(table, source, SOURCE_STOPPED);
    }
    table->dirty = NULL;
}

/*
 * The next source that starts, from `*place` on, which is moved behind it. NULL when its number is over `last`: they
 * stand in the order of their numbers.
 */
static struct source *starting_next(const struct source_table *table, size_t *place, uint64_t last)
{
    while (*place < table->count) {
        struct source *source = table->all[(*place)++];
        if (source->state == SOURCE_STARTING)
            return source->start_number <= last ? source : NULL;
    }
    return NULL;
}

int sources_on_reply(struct source_table *table, uint64_t number, struct bytes data)
{
    size_t place = place_first(table, SOURCE_STARTING);
    struct source *source;
    while ((source = starting_next(table, &place, number))) {
        if (source->start_number != number)
            continue;
        source_set_state(table, source, SOURCE_ACTIVE);
        return source_is_inbox(source) ? inbox_on_reply(source, data) : 0;
    }
    return 0;
}

size_t sources_on_error(struct source_table *table, uint64_t first, uint64_t last, int status)
{
    size_t count = 0, place = place_first(table, SOURCE_STARTING);
    struct source *source;
    while ((source = starting_next(table, &place, last))) {
        if (source->start_number < first)
            continue;
        source_set_state(table, source, SOURCE_REFUSED);
        source->status = status;
        count++;
    }
    return count;
}

struct source *source_find_refused(struct source_table *table, uint64_t first, uint64_t last)
{
    for (size_t place = place_first(table, SOURCE_REFUSED); place < table->count; place++) {
        struct source *source = table->all[place];
        if (source->state == SOURCE_REFUSED && !source->is_awaited &&
            source->start_number >= first && source->start_number <= last)
            return source;
    }
    return NULL;
}

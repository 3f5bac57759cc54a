#include "core/name.h"

#include "base/time.h"

#include <assert.h>

/*
 * A queue says of itself whether a value shadows it, and whether a lifetime is meant for what is ready
 * in it, so that pushes look nothing up. The lifetime of a list that has become empty is stale:
 * whoever meets it ends it.
 */

struct name name_of(const struct engine *engine, uint8_t space, struct bytes bytes)
{
    assert(space < SPACES_COUNT);
    return (struct name){space, hash_bytes(&engine->key, bytes), bytes};
}

struct name name_of_queue(const struct queue *queue)
{
    return (struct name){queue->space, queue->entry.hash, queue->entry.name};
}

struct queue *name_queue(const struct engine *engine, const struct name *name)
{
    struct table_entry *entry =
        table_find(&engine->spaces[name->space].queues, name->hash, name->bytes);
    return entry ? list_entry(entry, struct queue, entry) : NULL;
}

struct value *name_value(const struct engine *engine, const struct name *name)
{
    return value_find(&engine->spaces[name->space].values, name->hash, name->bytes);
}

static struct lifetime *find_lifetime(const struct engine *engine, const struct name *name)
{
    return lifetime_find(&engine->spaces[name->space].lifetimes, name->hash, name->bytes);
}

static void end_lifetime(struct engine *engine, struct lifetime *lifetime)
{
    lifetime_end(&engine->lifetimes, &engine->spaces[lifetime->space].lifetimes, lifetime);
}

static bool is_over(const struct engine *engine, const struct lifetime *lifetime)
{
    return lifetime->timer.due < engine->stock.now / NS_PER_MS;
}

enum key_type name_settle(struct engine *engine, const struct name *name)
{
    struct queue *queue = name_queue(engine, name);
    struct value *value = name_value(engine, name);
    struct lifetime *lifetime = find_lifetime(engine, name);
    if (queue)
        engine_age(engine, queue);
    if (lifetime && !value && !(queue && queue->is_mortal)) {
        end_lifetime(engine, lifetime);
    } else if (lifetime && is_over(engine, lifetime)) {
        name_drop(engine, name);
        return KEY_NONE;
    }
    if (value)
        return KEY_VALUE;
    return queue && queue->ready_count > 0 ? KEY_LIST : KEY_NONE;
}

bool name_hides(struct engine *engine, struct queue *queue)
{
    const struct name name = name_of_queue(queue);
    if (queue->is_shadowed || queue->is_mortal)
        name_settle(engine, &name);
    return queue->is_shadowed;
}

/* Discards what is ready; the tick ends the queue if nobody needs it. */
static void drop_list(struct engine *engine, struct queue *queue)
{
    engine->totals.settled += queue_purge_ready(queue, &engine->stock);
    engine_touch(engine, queue);
}

/* What became ready under a value that is gone is a list again. */
static void come_to_light(struct engine *engine, struct queue *queue)
{
    queue->is_shadowed = false;
    queue_await(queue, &engine->stock);
    engine_touch(engine, queue);
}

bool name_drop(struct engine *engine, const struct name *name)
{
    struct queue *queue = name_queue(engine, name);
    struct value *value = name_value(engine, name);
    struct lifetime *lifetime = find_lifetime(engine, name);
    bool is_there = value || (queue && queue->ready_count > 0);
    if (is_there)
        watch_touch(engine, name->space, name->bytes);
    if (value)
        value_drop(&engine->values, &engine->spaces[name->space].values, value);
    if (queue && value)
        come_to_light(engine, queue);
    else if (queue)
        drop_list(engine, queue);
    if (lifetime)
        end_lifetime(engine, lifetime);
    return is_there;
}

uint64_t name_deadline(const struct engine *engine, const struct name *name)
{
    const struct lifetime *lifetime = find_lifetime(engine, name);
    return lifetime ? lifetime->timer.due : TIME_NEVER;
}

void name_set_deadline(struct engine *engine, const struct name *name, uint64_t deadline_ms)
{
    struct queue *queue = name_queue(engine, name);
    struct lifetime *lifetime = find_lifetime(engine, name);
    watch_touch(engine, name->space, name->bytes);
    if (queue)
        queue->is_mortal =
            deadline_ms != TIME_NEVER && queue->ready_count > 0 && !queue->is_shadowed;
    if (deadline_ms == TIME_NEVER && lifetime)
        end_lifetime(engine, lifetime);
    if (deadline_ms == TIME_NEVER)
        return;
    if (!lifetime) {
        lifetime = lifetime_create(&engine->spaces[name->space].lifetimes, name->hash, name->bytes);
        lifetime->space = name->space;
    }
    timers_set(&engine->lifetimes, &lifetime->timer, deadline_ms);
}

void name_put(struct engine *engine, const struct name *name, struct bytes bytes)
{
    struct queue *queue = name_queue(engine, name);
    watch_touch(engine, name->space, name->bytes);
    if (queue && !queue->is_shadowed) {
        drop_list(engine, queue);
        queue->is_shadowed = true;
    }
    value_put(&engine->values, &engine->spaces[name->space].values, name->hash, name->bytes, bytes);
}

static enum status change_of_list(struct engine *engine, const struct name *from,
                                  const struct name *to)
{
    struct queue *source = name_queue(engine, from);
    struct queue *target = engine_queue_make(engine, to->space, to->bytes);
    if (!target)
        return STATUS_QUEUES;
    if (!queue_may_take_over(target, source))
        return STATUS_FULL;
    engine->totals.settled += source->ready_count;
    engine->totals.accepted += source->ready_count;
    name_drop(engine, to);
    queue_take_over(target, source, &engine->stock);
    engine_touch(engine, source);
    engine_touch(engine, target);
    return STATUS_OK;
}

static enum status change_of_value(struct engine *engine, const struct name *from,
                                   const struct name *to)
{
    struct value *value = name_value(engine, from);
    enum status status = value_fits(&engine->values, value, to->bytes, value->capacity);
    if (status != STATUS_OK)
        return status;
    name_put(engine, to, (struct bytes){0});
    value_swap(value, name_value(engine, to));
    return STATUS_OK;
}

enum status name_change(struct engine *engine, const struct name *from, const struct name *to)
{
    uint64_t deadline_ms = name_deadline(engine, from);
    enum status status = name_value(engine, from) ? change_of_value(engine, from, to)
                                                  : change_of_list(engine, from, to);
    if (status == STATUS_OK) {
        name_drop(engine, from);
        name_set_deadline(engine, to, deadline_ms);
    }
    return status;
}

void names_expire(struct engine *engine, size_t count_max)
{
    struct timer *timer;
    for (size_t count = 0; count < count_max && (timer = timers_first(&engine->lifetimes));
         count++) {
        struct lifetime *lifetime = list_entry(timer, struct lifetime, timer);
        const struct name name = {lifetime->space, lifetime->entry.hash, lifetime->entry.name};
        if (!is_over(engine, lifetime))
            return;
        name_settle(engine, &name);
    }
}

uint64_t names_due(const struct engine *engine)
{
    uint64_t due = timers_due(&engine->lifetimes);
    return due < TIME_NEVER ? ns_of_ms(due + 1) : TIME_NEVER;
}

void name_forget(struct engine *engine, const struct queue *queue)
{
    const struct name name = name_of_queue(queue);
    struct lifetime *lifetime = queue->is_shadowed ? NULL : find_lifetime(engine, &name);
    if (lifetime)
        end_lifetime(engine, lifetime);
}

void names_flush(struct engine *engine, uint8_t space)
{
    struct space *names = &engine->spaces[space];
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&names->queues, &at));) {
        struct queue *queue = list_entry(entry, struct queue, entry);
        drop_list(engine, queue);
        queue->is_shadowed = false;
    }
    for (size_t at = 0; (entry = table_next(&names->values, &at));)
        watch_touch(engine, space, entry->name);
    values_finish(&engine->values, &names->values);
    lifetimes_finish(&engine->lifetimes, &names->lifetimes);
}

void names_finish(struct engine *engine)
{
    for (unsigned space = 0; space < SPACES_COUNT; space++) {
        values_finish(&engine->values, &engine->spaces[space].values);
        lifetimes_finish(&engine->lifetimes, &engine->spaces[space].lifetimes);
    }
    timers_finish(&engine->lifetimes);
}

void names_check(const struct engine *engine)
{
    const struct queue *queue;
    uint64_t size = 0, lifetimes_count = 0;
    for (struct queue_walk walk = {0}; (queue = engine_next_queue(engine, &walk));) {
        const struct name name = name_of_queue(queue);
        assert(queue->is_shadowed == (name_value(engine, &name) != NULL));
        assert(!queue->is_mortal || (queue->ready_count > 0 && !queue->is_shadowed));
        assert(!queue->is_mortal || find_lifetime(engine, &name));
    }
    for (unsigned space = 0; space < SPACES_COUNT; space++) {
        size += values_check(&engine->spaces[space].values);
        lifetimes_count += engine->spaces[space].lifetimes.count;
    }
    assert(engine->values.size == size && engine->lifetimes.count == lifetimes_count);
    timers_check(&engine->lifetimes);
}

#include "core/lifetime.h"

#include "base/array.h"
#include "base/list.h"
#include "base/time.h"

static struct lifetime *lifetime_of(struct table_entry *entry)
{
    return list_entry(entry, struct lifetime, entry);
}

struct lifetime *lifetime_find(const struct table *lifetimes, uint64_t hash, struct bytes name)
{
    struct table_entry *entry = table_find(lifetimes, hash, name);
    return entry ? lifetime_of(entry) : NULL;
}

struct lifetime *lifetime_create(struct table *lifetimes, uint64_t hash, struct bytes name)
{
    struct lifetime *lifetime = memory_create(sizeof *lifetime + name.size);
    lifetime->entry = (struct table_entry){hash, bytes_copy(lifetime + 1, name)};
    table_insert(lifetimes, &lifetime->entry);
    return lifetime;
}

static void destroy(struct timers *timers, struct lifetime *lifetime)
{
    timers_set(timers, &lifetime->timer, TIME_NEVER);
    memory_free(lifetime);
}

void lifetime_end(struct timers *timers, struct table *lifetimes, struct lifetime *lifetime)
{
    table_remove(lifetimes, &lifetime->entry);
    destroy(timers, lifetime);
}

void lifetimes_finish(struct timers *timers, struct table *lifetimes)
{
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(lifetimes, &at));)
        destroy(timers, lifetime_of(entry));
    table_finish(lifetimes);
}

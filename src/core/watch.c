#include "core/watch.h"

#include "base/array.h"

#include <assert.h>

/* The name that is watched as `what`, which is not in the table. */
static struct watched *find_or_make(struct table *names, const struct watched *what)
{
    struct bytes name = what->entry.name;
    struct table_entry *entry = table_find(names, what->entry.hash, name);
    if (entry)
        return list_entry(entry, struct watched, entry);
    struct watched *watched = memory_create(sizeof *watched + name.size);
    *watched = *what;
    watched->entry.name = bytes_copy(watched + 1, name);
    list_init(&watched->watches);
    table_insert(names, &watched->entry);
    return watched;
}

void watch_begin(struct table *names, struct peer *peer, const struct watched *what,
                 const struct queue *queue)
{
    if (table_find(&peer->watches, what->entry.hash, what->entry.name))
        return;
    struct watch *watch = memory_create(sizeof *watch);
    watch->watched = find_or_make(names, what);
    watch->entry = watch->watched->entry;
    watch->born = queue ? queue->born : 0;
    watch->changes = queue ? queue->changes : 0;
    list_push_back(&watch->watched->watches, &watch->link);
    table_insert(&peer->watches, &watch->entry);
}

void watches_end(struct table *names, struct peer *peer)
{
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&peer->watches, &at));) {
        struct watch *watch = list_entry(entry, struct watch, entry);
        struct watched *watched = watch->watched;
        list_remove(&watch->link);
        memory_free(watch);
        if (!list_is_empty(&watched->watches))
            continue;
        table_remove(names, &watched->entry);
        memory_free(watched);
    }
    table_finish(&peer->watches);
}

bool watch_has_changed(const struct watch *watch, const struct queue *queue)
{
    /* Another queue than it was then has changed when anything was ever ready in it. */
    uint64_t before = queue && queue->born == watch->born ? watch->changes : 0;
    return watch->is_changed || (queue && queue->changes != before);
}

void watched_lose_queue(struct watched *watched, const struct queue *queue)
{
    for (struct list *link = watched->watches.next; link != &watched->watches; link = link->next) {
        struct watch *watch = list_entry(link, struct watch, link);
        watch->is_changed = watch_has_changed(watch, queue) || queue->ready_count > 0;
    }
}

void watched_change(struct watched *watched)
{
    for (struct list *link = watched->watches.next; link != &watched->watches; link = link->next)
        list_entry(link, struct watch, link)->is_changed = true;
}

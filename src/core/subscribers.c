#include "core/subscribers.h"

#include "base/array.h"

#include <assert.h>
#include <stdlib.h>

void subscriber_set_add(struct subscriber_set *set, struct subscription *subscription)
{
    assert(!subscription->set);
    subscription->set = set;
    subscription->set_at = set->count;
    if (set->count == 0 && set->capacity == 0) {
        set->one = subscription;
    } else if (set->count < set->capacity) {
        set->many[set->count] = subscription;
    } else {
        struct subscription *one = set->one;
        uint32_t capacity = set->capacity ? 2 * set->capacity : 4;
        set->many = memory_resize(set->capacity ? set->many : NULL, capacity,
                                  sizeof(struct subscription *));
        if (set->capacity == 0)
            set->many[0] = one;
        set->capacity = capacity;
        set->many[set->count] = subscription;
    }
    set->count++;
}

void subscriber_set_remove(struct subscription *subscription)
{
    struct subscriber_set *set = subscription->set;
    assert(set && set->count > 0);
    subscription->set = NULL;
    set->count--;
    if (set->capacity > 0) {
        struct subscription *last = set->many[set->count];
        set->many[subscription->set_at] = last;
        last->set_at = subscription->set_at;
    }
    if (set->count == 0) {
        if (set->capacity > 0)
            memory_free(set->many);
        *set = (struct subscriber_set){0};
    }
}

void subscriber_set_collect(const struct subscriber_set *set, struct found *found)
{
    if (set->count == 0)
        return;
    found->all =
        array_reserve(found->all, &found->capacity, found->count + set->count, sizeof *found->all);
    memcpy(found->all + found->count, subscriber_set_all(set), set->count * sizeof *found->all);
    found->count += set->count;
}

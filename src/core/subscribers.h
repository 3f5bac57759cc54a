/* Sets of subscriptions that listen to the same name or pattern. */
#ifndef RINGPOST_CORE_SUBSCRIBERS_H
#define RINGPOST_CORE_SUBSCRIBERS_H

#include "core/subscription.h"

/* A set of one has no array. A zeroed set is empty. */
struct subscriber_set {
    uint32_t count, capacity; /* capacity 0: `one` counts */
    union {
        struct subscription *one;
        struct subscription **many;
    };
};

/* Subscriptions that were found. The array stays for the next time; zeroed there is none. */
struct found {
    struct subscription **all;
    size_t count, capacity;
};

void subscriber_set_add(struct subscriber_set *set, struct subscription *subscription);

/* Takes a subscription out of the set it is in; the last of them may take its place. */
void subscriber_set_remove(struct subscription *subscription);

/* The members, `count` of them. */
static inline struct subscription *const *subscriber_set_all(const struct subscriber_set *set)
{
    return set->capacity ? set->many : &set->one;
}

/* Adds the members to what was found. */
void subscriber_set_collect(const struct subscriber_set *set, struct found *found);

#endif

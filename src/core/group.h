/* Groups: of all their subscriptions that match, one gets each message. */
#ifndef RINGPOST_CORE_GROUP_H
#define RINGPOST_CORE_GROUP_H

#include "base/hash.h"
#include "core/subscription.h"

enum { GROUP_STRETCH = 64 }; /* messages that a member is given, while there are so many */

/* There is one as long as it has members. */
struct group {
    struct table_entry entry; /* by name */
    uint64_t id;
    uint32_t members_count;
    uint64_t served; /* counts what was given to members */
};

/* A zeroed table is empty. */
struct group_table {
    struct table groups;
    uint64_t id_last;
};

void group_table_finish(struct group_table *table);

/* Its number, from 1 on; 0 for NULL. */
static inline uint64_t group_id(const struct group *group)
{
    return group ? group->id : 0;
}

/* Makes a subscription a member of the group of that name. */
void group_join(struct group_table *table, const struct hash_key *key,
                struct subscription *subscription, struct bytes name);

/* Ends its membership, if there is one. */
void group_leave(struct group_table *table, struct subscription *subscription);

/* How many of the `count` subscriptions are members of the first one's group, which stand together. */
uint32_t group_members(struct subscription *const *members, uint32_t count);

/* The member that is to be given what comes next: of those for whom least waits, the one that was
 * given something longest ago. There is at least one. */
struct subscription *group_choose(struct subscription *const *members, size_t count);

#endif

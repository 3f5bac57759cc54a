#include "core/group.h"

#include "base/array.h"
#include "base/list.h"
#include "core/backlog.h"

#include <assert.h>
#include <stdlib.h>

void group_table_finish(struct group_table *table)
{
    assert(table->groups.count == 0);
    table_finish(&table->groups);
}

void group_join(struct group_table *table, const struct hash_key *key,
                struct subscription *subscription, struct bytes name)
{
    assert(!subscription_group(subscription));
    uint64_t hash = hash_bytes(key, name);
    struct table_entry *entry = table_find(&table->groups, hash, name);
    if (!entry) {
        struct group *group = memory_create(sizeof *group + name.size);
        memcpy(group + 1, name.data, name.size);
        group->entry = (struct table_entry){hash, bytes_of(group + 1, name.size)};
        group->id = ++table->id_last;
        entry = &group->entry;
        table_insert(&table->groups, entry);
    }
    struct group *group = list_entry(entry, struct group, entry);
    group->members_count++;
    subscription_terms(subscription)->group = group;
}

void group_leave(struct group_table *table, struct subscription *subscription)
{
    struct group *group = subscription_group(subscription);
    if (!group)
        return;
    subscription->terms->group = NULL;
    if (--group->members_count > 0)
        return;
    table_remove(&table->groups, &group->entry);
    memory_free(group);
}

static bool comes_before(const struct subscription *a, const struct subscription *b)
{
    uint32_t a_waiting = subscription_waiting(a), b_waiting = subscription_waiting(b);
    return a_waiting < b_waiting || (a_waiting == b_waiting && a->terms->served < b->terms->served);
}

uint32_t group_members(struct subscription *const *members, uint32_t count)
{
    uint32_t at = 1;
    while (at < count && members[at]->terms->group == members[0]->terms->group)
        at++;
    return at;
}

struct subscription *group_choose(struct subscription *const *members, size_t count)
{
    struct subscription *chosen = members[0];
    for (size_t i = 1; i < count; i++)
        if (comes_before(members[i], chosen))
            chosen = members[i];
    chosen->terms->served = ++chosen->terms->group->served;
    return chosen;
}

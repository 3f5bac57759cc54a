#include "twin.h"

#include "base/array.h"
#include "core/engine_state.h"
#include "replay.h"

#include <stdlib.h>

enum { STRETCH = 64 }; /* messages that a member of a group is given, while there are so many */

/* The backlog of a connection. */

static struct twin_item *item_at(struct twin_peer *peer, size_t at)
{
    return &peer->items[peer->items_first + at];
}

static void item_insert(struct twin_peer *peer, size_t at, struct twin_item item)
{
    if (peer->items_count == 0)
        peer->items_first = 0;
    peer->items = array_reserve(peer->items, &peer->items_capacity,
                                peer->items_first + peer->items_count + 1, sizeof *peer->items);
    memmove(item_at(peer, at + 1), item_at(peer, at), (peer->items_count - at) * sizeof item);
    *item_at(peer, at) = item;
    peer->items_count++;
}

static void item_remove(struct twin_peer *peer, size_t at)
{
    peer->items_count--;
    if (at == 0)
        peer->items_first++;
    else
        memmove(item_at(peer, at), item_at(peer, at + 1),
                (peer->items_count - at) * sizeof *peer->items);
}

/* The next item of a subscription from place `at` on, or how many items there are. */
static size_t item_of(struct twin_peer *peer, uint32_t id, size_t at)
{
    while (at < peer->items_count && item_at(peer, at)->subscription != id)
        at++;
    return at;
}

static bool is_newer(const struct twin_item *item, const struct twin_item *than)
{
    return item->order > than->order || (item->order == than->order && item->id > than->id);
}

/* The place of a message: before those of its subscription that are newer than it and than all that they stand before. */
static size_t place_of(struct twin_peer *peer, const struct twin_item *new)
{
    size_t place = peer->items_count;
    for (size_t at = peer->items_count; at-- > 0;) {
        const struct twin_item *item = item_at(peer, at);
        if (item->subscription != new->subscription)
            continue;
        if (!is_newer(item, new))
            break;
        place = at;
    }
    return place;
}

static bool is_over(const struct twin_subscription *subscription, uint64_t count, uint64_t size)
{
    return subscription->waiting + count > subscription->count_max ||
           subscription->waiting_size + size > subscription->size_max;
}

static void let_wait(struct twin_peer *peer, struct twin_item item)
{
    struct twin_subscription *subscription = &peer->subscriptions[item.subscription];
    size_t place = place_of(peer, &item);
    if (place < peer->items_count)
        reach(REACH_HEIR_BETWEEN);
    item_insert(peer, place, item);
    subscription->waiting++;
    subscription->waiting_size += item.size;
}

/* Counts a message as missing before the item at `at`. */
static void miss_before(struct twin *twin, struct twin_peer *peer, size_t at, uint32_t size)
{
    item_at(peer, at)->missed++;
    item_at(peer, at)->missed_size += size;
    twin->totals.missed++;
}

/* Drops the oldest messages of a subscription while it is over its bound. What is missing is told with the next one; if there is none,
 * where the last one was. */
static void drop_oldest(struct twin *twin, struct twin_peer *peer, uint32_t id)
{
    struct twin_subscription *subscription = &peer->subscriptions[id];
    while (is_over(subscription, 0, 0)) {
        size_t at = item_of(peer, id, 0), next = item_of(peer, id, at + 1);
        struct twin_item *item = item_at(peer, at);
        if (item->size > 0) {
            miss_before(twin, peer, at, item->size);
            subscription->waiting--;
            subscription->waiting_size -= item->size;
            item->size = 0;
        }
        if (next == peer->items_count)
            continue;
        item_at(peer, next)->missed += item->missed;
        item_at(peer, next)->missed_size += item->missed_size;
        item_remove(peer, at);
    }
}

/* A new message is not taken: it is missing in its place. */
static void drop_new(struct twin *twin, struct twin_peer *peer, const struct twin_item *new)
{
    size_t at = place_of(peer, new), last = peer->items_count;
    for (size_t i = item_of(peer, new->subscription, 0); i < peer->items_count;
         i = item_of(peer, new->subscription, i + 1))
        last = i;
    if (at == peer->items_count && last < peer->items_count && item_at(peer, last)->size == 0)
        at = last;
    if (at == peer->items_count)
        item_insert(peer, at,
                    (struct twin_item){.subscription = new->subscription, .order = new->order});
    miss_before(twin, peer, at, new->size);
    reach(REACH_DROPPED_NEWEST);
}

/* A new message takes the place of the older one of its name. */
static void keep_last(struct twin *twin, struct twin_peer *peer, const struct twin_item *new)
{
    size_t at = item_of(peer, new->subscription, 0);
    while (at < peer->items_count &&
           (item_at(peer, at)->size == 0 || item_at(peer, at)->topic != new->topic))
        at = item_of(peer, new->subscription, at + 1);
    if (at == peer->items_count) {
        let_wait(peer, *new);
        return;
    }
    struct twin_item old = *item_at(peer, at);
    miss_before(twin, peer, at, is_newer(&old, new) ? new->size : old.size);
    reach(is_newer(&old, new) ? REACH_KEPT_NEWER : REACH_REPLACED);
    if (is_newer(&old, new))
        return;
    struct twin_item *item = item_at(peer, at);
    struct twin_subscription *subscription = &peer->subscriptions[new->subscription];
    subscription->waiting_size += new->size;
    subscription->waiting_size -= old.size;
    uint64_t missed = item->missed, missed_size = item->missed_size;
    *item = *new;
    item->missed = missed;
    item->missed_size = missed_size;
}

/* Notes that the subscription is to be ended. */
static void note_over(struct twin *twin, const struct twin_peer *peer, uint32_t id)
{
    for (size_t i = 0; i < twin->over_count; i++)
        if (twin->over[i].peer == peer->id && twin->over[i].id == id)
            return;
    twin->over[twin->over_count].peer = peer->id;
    twin->over[twin->over_count++].id = id;
}

/* Gives a subscription messages that were published together. */
static void give(struct twin *twin, struct twin_peer *peer, uint32_t id,
                 const struct twin_item *items, size_t count)
{
    struct twin_subscription *subscription = &peer->subscriptions[id];
    enum overflow overflow = subscription->overflow;
    for (size_t i = 0; i < count; i++) {
        struct twin_item item = items[i];
        item.subscription = id;
        if (overflow == OVERFLOW_KEEP_LAST)
            keep_last(twin, peer, &item);
        else if (overflow == OVERFLOW_DROP_NEWEST && is_over(subscription, 1, item.size))
            drop_new(twin, peer, &item);
        else
            let_wait(peer, item);
    }
    if (overflow == OVERFLOW_CLOSE && is_over(subscription, 0, 0))
        note_over(twin, peer, id);
    else if (overflow != OVERFLOW_CLOSE)
        drop_oldest(twin, peer, id);
}

/* Whom a name reaches. */

static struct bytes pattern_of(const struct twin *twin,
                               const struct twin_subscription *subscription)
{
    bool is_pattern = subscription->is_wildcard || subscription->is_glob;
    return is_pattern ? twin->names->patterns[subscription->pattern]
                      : twin->names->topics[subscription->pattern];
}

static bool is_matching(const struct twin *twin, const struct twin_subscription *subscription,
                        struct bytes name)
{
    if (!subscription->is_listening || subscription->is_inbox || subscription->is_apart)
        return false;
    if (subscription->is_glob)
        return twin_is_glob_of(pattern_of(twin, subscription), name);
    return twin_matches(pattern_of(twin, subscription), subscription->is_wildcard, name);
}

static void note_match(struct bytes pattern, bool is_wildcard)
{
    if (!is_wildcard)
        reach(REACH_MATCHED_LITERAL);
    else if (memchr(pattern.data, '*', pattern.size))
        reach(REACH_MATCHED_STAR);
    else if (memchr(pattern.data, '>', pattern.size))
        reach(REACH_MATCHED_REST);
}

/* The lowest id of the connection that matches and has no group, or -1. */
static int find_match(const struct twin *twin, const struct twin_peer *peer, struct bytes name)
{
    int found = -1, count = 0;
    for (int id = TWIN_IDS - 1; id >= 0; id--) {
        const struct twin_subscription *subscription = &peer->subscriptions[id];
        if (subscription->group || !is_matching(twin, subscription, name))
            continue;
        found = id;
        count++;
        note_match(pattern_of(twin, subscription), subscription->is_wildcard);
    }
    if (count > 1)
        reach(REACH_MATCHED_OVERLAP);
    return found;
}

/* Gives a connection of which each subscription counts what each of them matches: names before globs;
 * one message after the other. Returns how many match. */
static uint32_t give_each(struct twin *twin, struct twin_peer *peer, struct bytes name,
                          const struct twin_item *items, uint32_t count)
{
    uint32_t matches = 0;
    for (uint32_t i = 0; i < count; i++) {
        matches = 0;
        for (uint32_t at = 0; at < 2 * TWIN_IDS; at++) {
            const struct twin_subscription *one = &peer->subscriptions[at % TWIN_IDS];
            if (one->group || one->is_glob != (at >= TWIN_IDS) || !is_matching(twin, one, name))
                continue;
            give(twin, peer, at % TWIN_IDS, &items[i], 1);
            reach(one->is_glob ? REACH_MATCHED_GLOB : REACH_MATCHED_LITERAL);
            matches++;
        }
    }
    if (matches > 1)
        reach(REACH_MATCHED_EACH);
    return matches;
}

/* A member of a group, or nobody. */
struct member {
    struct twin_peer *peer;
    uint32_t id;
};

static struct twin_subscription *member_subscription(const struct member *member)
{
    return &member->peer->subscriptions[member->id];
}

/* Least waiting, then served longest ago, then the lowest numbers. */
static bool comes_before(const struct member *a, const struct member *b)
{
    const struct twin_subscription *left = member_subscription(a), *right = member_subscription(b);
    if (left->waiting != right->waiting)
        return left->waiting < right->waiting;
    if (left->served != right->served)
        return left->served < right->served;
    return a->peer->id != b->peer->id ? a->peer->id < b->peer->id : a->id < b->id;
}

/* The member that is to have a message of that name; `*count` says how many could have it. */
static struct member choose_member(struct twin *twin, int group, struct bytes name, uint32_t *count)
{
    struct member chosen = {0};
    *count = 0;
    for (int i = 0; i < TWIN_PEERS; i++)
        for (uint32_t id = 0; id < TWIN_IDS; id++) {
            struct member member = {&twin->peers[i], id};
            const struct twin_subscription *subscription = member_subscription(&member);
            if (!twin->peers[i].is_there || subscription->group != group ||
                !is_matching(twin, subscription, name))
                continue;
            ++*count;
            if (!chosen.peer || comes_before(&member, &chosen))
                chosen = member;
        }
    return chosen;
}

static void serve(struct twin *twin, const struct member *member)
{
    member_subscription(member)->served = ++twin->members_served;
}

/* Shares messages among the members of a group; returns whether there are any. */
static bool share_out(struct twin *twin, int group, struct bytes name,
                      const struct twin_item *items, uint32_t count)
{
    uint32_t members, share = 0;
    for (uint32_t at = 0; at < count; at += share) {
        struct member member = choose_member(twin, group, name, &members);
        if (members == 0)
            return false;
        share = count / members > STRETCH ? count / members : STRETCH;
        share = share < count - at ? share : count - at;
        serve(twin, &member);
        give(twin, member.peer, member.id, items + at, share);
        reach(share < count ? REACH_GROUP_SPLIT : members > 1 ? REACH_GROUP_RIVALS : REACH_GROUP);
    }
    return true;
}

static int topic_index(const struct twin *twin, struct bytes name)
{
    for (int i = 0; i < TWIN_NAMES; i++)
        if (bytes_equal(twin->names->topics[i], name))
            return i;
    REQUIRE(false, "a topic of a name that was never used");
}

/* Publishing. */

/* Messages that are published together. */
struct publication {
    int topic;
    uint8_t flags;
    struct twin_item *items;
    uint32_t count, size;
    uint32_t receivers; /* as a Redis client is told */
};

static bool publish_to_inbox(struct twin *twin, const struct publication *publication)
{
    for (int i = 0; i < TWIN_PEERS; i++)
        for (uint32_t id = 0; id < TWIN_IDS; id++) {
            const struct twin_subscription *subscription = &twin->peers[i].subscriptions[id];
            if (!twin->peers[i].is_there || !subscription->is_inbox ||
                subscription->pattern != publication->topic)
                continue;
            give(twin, &twin->peers[i], id, publication->items, publication->count);
            reach(REACH_INBOX);
            return true;
        }
    reach(REACH_INBOX_NOBODY);
    return false;
}

static void publish_apart(struct twin *twin, struct publication *publication)
{
    for (int i = 0; i < TWIN_PEERS; i++)
        for (uint32_t id = 0; id < TWIN_IDS; id++) {
            const struct twin_subscription *one = &twin->peers[i].subscriptions[id];
            if (!twin->peers[i].is_there || !one->is_listening || !one->is_apart ||
                !bytes_equal(pattern_of(twin, one), twin->names->topics[publication->topic]))
                continue;
            give(twin, &twin->peers[i], id, publication->items, publication->count);
            publication->receivers++;
            reach(REACH_PUBLISHED_APART);
        }
}

static bool publish_to_all(struct twin *twin, struct publication *publication)
{
    struct bytes name = twin->names->topics[publication->topic];
    uint64_t reached = 1;
    for (int i = 0; i < TWIN_PEERS; i++) {
        struct twin_peer *peer = &twin->peers[i];
        if (peer->is_there && peer->is_each) {
            publication->receivers +=
                give_each(twin, peer, name, publication->items, publication->count);
            continue;
        }
        int id = peer->is_there ? find_match(twin, peer, name) : -1;
        if (id < 0)
            continue;
        publication->receivers++;
        reached = reached * 31 + peer->id * 7 + (uint64_t)id;
        give(twin, peer, (uint32_t)id, publication->items, publication->count);
    }
    for (int i = 0; i < TWIN_GROUPS; i++)
        publication->receivers +=
            share_out(twin, twin->groups[i], name, publication->items, publication->count);
    if (twin->matches[publication->topic] && twin->matches[publication->topic] != reached)
        reach(REACH_MATCH_CHANGED);
    twin->matches[publication->topic] = reached;
    return publication->receivers > 0;
}

static bool is_anybody_there(struct twin *twin, struct bytes name)
{
    for (int i = 0; i < TWIN_PEERS; i++)
        for (uint32_t id = 0; id < TWIN_IDS; id++)
            if (twin->peers[i].is_there &&
                is_matching(twin, &twin->peers[i].subscriptions[id], name))
                return true;
    return false;
}

/* Whether one more can be retained, or takes the place of another. */
static bool retain(struct twin *twin, int topic, const struct twin_item *item)
{
    uint64_t count = 0, size = 0, least = FRAME_HEAD_SIZE + twin->names->topics[topic].size;
    struct twin_item *retained = &twin->retained[topic];
    for (int i = 0; i < TWIN_NAMES; i++) {
        count += i != topic && twin->retained[i].size > 0;
        size += i != topic ? twin->retained[i].size : 0;
    }
    bool is_empty = item->size == least;
    if (!is_empty && (count + 1 > twin->engine->retained.count_max ||
                      size + item->size > twin->engine->retained.size_max))
        return false;
    if (is_empty && retained->size > 0)
        reach(REACH_RETAINED_CLEARED);
    if (!is_empty && retained->size > 0)
        reach(REACH_RETAINED_AGAIN);
    *retained = is_empty ? (struct twin_item){0} : *item;
    return true;
}

static enum status publish(struct twin *twin, struct publication *publication)
{
    struct bytes name = twin->names->topics[publication->topic];
    bool is_wanted = publication->flags & PUBLISH_MUST;
    if (publication->flags & PUBLISH_INBOX)
        return publish_to_inbox(twin, publication) || !is_wanted ? STATUS_OK : STATUS_NO_READER;
    if (is_wanted && !is_anybody_there(twin, name))
        return STATUS_NO_READER;
    if (publication->flags & PUBLISH_RETAIN &&
        !retain(twin, publication->topic, publication->items))
        return STATUS_RETAINED;
    bool is_any = publish_to_all(twin, publication);
    if (is_any && publication->size > 128 * 1024)
        reach(REACH_CHUNK_LARGE);
    reach(is_any ? REACH_PUBLISHED : REACH_PUBLISHED_NOBODY);
    return STATUS_OK;
}

static bool has_any(const struct twin_peer *peer)
{
    bool is_any = false;
    for (uint32_t id = 0; id < TWIN_IDS; id++)
        is_any |= peer->subscriptions[id].is_there;
    return is_any;
}

static void foretell(struct twin *twin, const struct command *command, uint32_t at,
                     enum status status, uint32_t receivers)
{
    if (command->wants_number && status == STATUS_OK)
        twin_foretell_number(twin, command->peer, command->ticket + at, receivers);
    else
        twin_foretell(twin, command->peer, command->ticket + at, status);
}

void twin_publish(struct twin *twin, const struct twin_peer *peer, const struct command *command,
                  uint64_t first_id)
{
    uint32_t count = command->run.count;
    for (uint32_t at = 0; twin->is_pressed && at < count; at++)
        twin_foretell(twin, peer->id, command->ticket + at, STATUS_MEMORY);
    if (twin->is_pressed)
        return;
    struct twin_item *items = memory_create(count * sizeof *items);
    struct publication publication = {.topic = topic_index(twin, command->name),
                                      .flags = command->run.head.flags};
    bool hears_itself = command->wants_number && peer->is_each && has_any(peer);
    uint32_t step = publication.flags & PUBLISH_RETAIN || hears_itself ? 1 : count;
    const unsigned char *frame = command->run.data;
    for (uint32_t at = 0; at < count; at++, frame += frame_size(frame)) {
        twin->order += at % step == 0;
        items[at] = (struct twin_item){.id = first_id + at,
                                       .size = frame_size(frame),
                                       .topic = publication.topic,
                                       .flags = publication.flags,
                                       .order = twin->order};
    }
    for (uint32_t at = 0; at < count; at += step) {
        publication.items = items + at;
        publication.count = step;
        publication.size = publication.receivers = 0;
        for (uint32_t i = 0; i < step; i++)
            publication.size += items[at + i].size;
        enum status status = STATUS_OK;
        if (command->is_apart)
            publish_apart(twin, &publication);
        else
            status = publish(twin, &publication);
        twin->totals.published += status == STATUS_OK ? step : 0;
        for (uint32_t i = 0; i < step; i++)
            foretell(twin, command, at + i, status, publication.receivers);
    }
    free(items);
}

/* Subscribing. */

static int compare_names(const void *left, const void *right)
{
    return bytes_compare(*(const struct bytes *)left, *(const struct bytes *)right);
}

/* Sends the retained messages that match, in the order of their names. */
static void give_retained(struct twin *twin, struct twin_peer *peer, uint32_t id)
{
    struct bytes names[TWIN_NAMES];
    for (int i = 0; i < TWIN_NAMES; i++)
        names[i] = twin->names->topics[i];
    qsort(names, TWIN_NAMES, sizeof *names, compare_names);
    for (int i = 0; i < TWIN_NAMES; i++) {
        struct twin_item item = twin->retained[topic_index(twin, names[i])];
        bool is_twice = i > 0 && bytes_equal(names[i], names[i - 1]);
        if (item.size == 0 || is_twice || !is_matching(twin, &peer->subscriptions[id], names[i]))
            continue;
        item.is_retained = true;
        item.order = ++twin->order;
        give(twin, peer, id, &item, 1);
        reach(REACH_RETAINED_SENT);
    }
}

static int group_index(const struct command *command)
{
    struct bytes group = command->subscription.group;
    return group.size == 0 ? 0 : 1 + group.data[group.size - 1] - 'a';
}

/* The group comes behind those that there are, unless it has members. */
static void note_group(struct twin *twin, int group)
{
    for (int i = 0; i < TWIN_PEERS; i++)
        for (uint32_t id = 0; id < TWIN_IDS; id++)
            if (twin->peers[i].is_there && twin->peers[i].subscriptions[id].group == group)
                return;
    int left = 0;
    for (int i = 0; i < TWIN_GROUPS; i++)
        if (twin->groups[i] != group)
            twin->groups[left++] = twin->groups[i];
    twin->groups[TWIN_GROUPS - 1] = group;
}

enum status twin_subscribe(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    struct twin_subscription *subscription = &peer->subscriptions[command->subscription.id];
    bool is_wildcard = command->subscription.is_wildcard;
    if (subscription->is_there)
        return STATUS_ID_IN_USE;
    if (is_wildcard && !twin_is_pattern(command->name))
        return STATUS_BAD_PATTERN;
    if (twin->is_pressed)
        return STATUS_MEMORY;
    int pattern = command->subscription.is_inbox ? -1 : 0;
    while (pattern >= 0 && !bytes_equal(is_wildcard || command->subscription.is_glob
                                            ? twin->names->patterns[pattern]
                                            : twin->names->topics[pattern],
                                        command->name))
        pattern++;
    if (group_index(command))
        note_group(twin, group_index(command));
    *subscription = (struct twin_subscription){
        .is_there = true,
        .is_listening = true,
        .is_wildcard = is_wildcard,
        .is_inbox = command->subscription.is_inbox,
        .is_glob = command->subscription.is_glob,
        .is_apart = command->subscription.is_apart,
        .pattern = pattern,
        .overflow = command->subscription.has_overflow ? command->subscription.overflow
                                                       : OVERFLOW_DROP_OLDEST,
        .group = group_index(command),
        .number_next = 1,
        .count_max = command->subscription.count_max ? command->subscription.count_max : 65536,
        .size_max =
            command->subscription.size_max ? command->subscription.size_max : 16 * 1024 * 1024,
    };
    if (!command->subscription.is_inbox && !command->subscription.no_retained &&
        !subscription->group)
        give_retained(twin, peer, command->subscription.id);
    return STATUS_OK;
}

void twin_learn_inbox(struct twin *twin, struct twin_peer *peer, const struct command *command,
                      struct bytes name)
{
    REQUIRE(name.size == 32, "the name of an inbox has %zu bytes", name.size);
    for (int i = 0; i < TWIN_NAMES; i++)
        REQUIRE(!bytes_equal(twin->names->topics[i], name), "an inbox is given out twice");
    peer->subscriptions[command->subscription.id].pattern = names_learn(twin->names, name);
}

/* Leaving. */

/* Hands messages over to others of the group of who had them. */
struct handover {
    int group, topic;
    struct member to;
    uint32_t left;
};

/* Does away with an item of a subscription that listens no more; adds what is missed for good. */
static void drop(struct twin *twin, struct handover *handover, int group, struct twin_item item,
                 struct twin_missed *missed)
{
    uint32_t members;
    if (group != handover->group)
        handover->left = 0;
    handover->group = group;
    missed->count += item.missed;
    missed->size += item.missed_size;
    item.missed = item.missed_size = 0;
    if (item.size == 0)
        return;
    if (group && (handover->left == 0 || item.topic != handover->topic)) {
        handover->to = choose_member(twin, group, twin->names->topics[item.topic], &members);
        handover->left = STRETCH;
        handover->topic = item.topic;
        if (handover->to.peer)
            serve(twin, &handover->to);
    }
    handover->left -= group != 0;
    if (group && handover->to.peer) {
        give(twin, handover->to.peer, handover->to.id, &item, 1);
        reach(REACH_HEIR);
        return;
    }
    if (group)
        reach(REACH_HEIR_NONE);
    missed->count++;
    missed->size += item.size;
}

/* Ends a subscription; what it has missed is due to be told. Returns how many messages. */
static uint64_t end(struct twin *twin, struct twin_peer *peer, uint32_t id)
{
    struct twin_subscription *subscription = &peer->subscriptions[id];
    struct handover handover = {.group = -1};
    struct twin_missed missed = {0};
    subscription->is_listening = false;
    for (size_t at; (at = item_of(peer, id, 0)) < peer->items_count;) {
        struct twin_item item = *item_at(peer, at);
        item_remove(peer, at);
        subscription->waiting -= item.size > 0;
        subscription->waiting_size -= item.size;
        drop(twin, &handover, subscription->group, item, &missed);
    }
    if (missed.count > 0) {
        struct twin_gap *gap = &twin->gaps[twin->gaps_count++];
        *gap = (struct twin_gap){peer->id, id, subscription->number_next, missed};
    }
    *subscription = (struct twin_subscription){0};
    return missed.count;
}

enum status twin_unsubscribe(struct twin *twin, struct twin_peer *peer,
                             const struct command *command)
{
    if (!peer->subscriptions[command->subscription.id].is_there)
        return STATUS_NO_SUBSCRIPTION;
    if (!peer->is_each)
        end(twin, peer, command->subscription.id);
    return STATUS_OK;
}

void twin_unsubscribe_late(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    uint32_t id = command->subscription.id;
    if (!peer->is_each || !peer->subscriptions[id].is_there)
        return;
    REQUIRE(peer->items_count == 0, "a subscription ends, and not all that waits was told before");
    end(twin, peer, id);
}

void twin_unsubscribe_all(struct twin *twin, struct twin_peer *peer)
{
    struct handover handover = {.group = -1};
    struct twin_missed missed = {0};
    for (uint32_t id = 0; id < TWIN_IDS; id++)
        peer->subscriptions[id].is_listening = false;
    while (peer->items_count > 0) {
        struct twin_item item = *item_at(peer, 0);
        item_remove(peer, 0);
        drop(twin, &handover, peer->subscriptions[item.subscription].group, item, &missed);
    }
}

void twin_end_overflowed(struct twin *twin)
{
    for (size_t at = 0; at < twin->over_count; at++) {
        uint32_t id = twin->over[at].id;
        struct twin_peer *peer = twin_peer(twin, twin->over[at].peer);
        twin->totals.missed += end(twin, peer, id);
        twin_foretell_end(twin, peer->id, id, true, STATUS_OVERFLOW);
    }
    twin->over_count = 0;
}

/* Effects. */

void twin_on_message(struct twin *twin, const struct effect *effect)
{
    struct twin_peer *peer = twin_peer(twin, effect->peer);
    REQUIRE(peer && effect->id < TWIN_IDS && peer->subscriptions[effect->id].is_there,
            "messages for a subscription that is not there");
    struct twin_subscription *subscription = &peer->subscriptions[effect->id];
    bool is_own = twin->command && twin->command->peer == peer->id; /* before it is answered */
    REQUIRE(is_own || peer->unsent_topics < 256 * 1024, "messages for a connection that is full");
    if (is_own && twin->command->kind == COMMAND_PUBLISH)
        reach(REACH_PUBLISHED_SELF);
    REQUIRE(effect->slice.count > 0 && !effect->slice.is_reversed, "a strange slice of messages");
    REQUIRE(peer->items_count >= effect->slice.count, "more messages than were published");
    REQUIRE(effect->tag == subscription->number_next, "message %llu where %llu is next",
            (unsigned long long)effect->tag, (unsigned long long)subscription->number_next);
    struct twin_hold *hold = twin_hold(twin, effect, OP_PUBLISH);
    for (uint32_t i = 0; i < effect->slice.count; i++) {
        struct twin_item item = *item_at(peer, 0);
        REQUIRE(
            item.subscription == effect->id && item.size > 0,
            "message %u of %u for subscription %u, where %u bytes and a gap of %llu for %u are next",
            i, effect->slice.count, effect->id, item.size, (unsigned long long)item.missed,
            item.subscription);
        REQUIRE(item.missed == 0, "messages behind a gap that was not told");
        REQUIRE(item.is_retained == effect->is_retained, "a message is wrongly told as retained");
        hold->messages[i] = (struct twin_held){.id = item.id,
                                               .size = item.size,
                                               .name = twin->names->topics[item.topic],
                                               .flags = item.flags};
        subscription->waiting--;
        subscription->waiting_size -= item.size;
        item_remove(peer, 0);
        twin->totals.sent++;
    }
    subscription->number_next += effect->slice.count;
    peer->unsent_topics += effect->slice.size;
}

/* The gap of a subscription that has ended. */
static bool take_last_gap(struct twin *twin, const struct effect *effect)
{
    for (size_t i = 0; i < twin->gaps_count; i++) {
        const struct twin_gap *gap = &twin->gaps[i];
        if (gap->peer != effect->peer || gap->id != effect->id)
            continue;
        REQUIRE(gap->from == effect->tag && gap->missed.count == effect->missed.count &&
                    gap->missed.size == effect->missed.size,
                "the last gap of a subscription is not what was missed");
        twin->gaps[i] = twin->gaps[--twin->gaps_count];
        reach(REACH_GAP_UNSUBSCRIBE);
        return true;
    }
    return false;
}

void twin_on_gap(struct twin *twin, const struct effect *effect)
{
    if (take_last_gap(twin, effect))
        return;
    struct twin_peer *peer = twin_peer(twin, effect->peer);
    REQUIRE(peer && effect->id < TWIN_IDS && peer->subscriptions[effect->id].is_there,
            "a gap for a subscription that is not there");
    struct twin_subscription *subscription = &peer->subscriptions[effect->id];
    struct twin_item *item = peer->items_count > 0 ? item_at(peer, 0) : NULL;
    REQUIRE(item && item->subscription == effect->id && item->missed > 0,
            "a gap that is not where the messages would have been");
    REQUIRE(effect->tag == subscription->number_next && item->missed == effect->missed.count &&
                item->missed_size == effect->missed.size,
            "a gap of %llu messages from %llu, but %llu were missed from %llu",
            (unsigned long long)effect->missed.count, (unsigned long long)effect->tag,
            (unsigned long long)item->missed, (unsigned long long)subscription->number_next);
    subscription->number_next += item->missed;
    item->missed = item->missed_size = 0;
    reach(item->size > 0 ? REACH_GAP : REACH_GAP_ALONE);
    if (item->size == 0)
        item_remove(peer, 0);
}

bool twin_owes_messages(const struct twin_peer *peer)
{
    return peer->items_count > 0;
}

uint64_t twin_missed(const struct twin_peer *peer, uint32_t id)
{
    uint64_t missed = 0;
    for (size_t at = 0; at < peer->items_count; at++) {
        const struct twin_item *item = &peer->items[peer->items_first + at];
        missed += item->subscription == id ? item->missed : 0;
    }
    return missed;
}

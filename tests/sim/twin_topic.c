#include "twin.h"

#include "base/array.h"
#include "replay.h"

#include <stdlib.h>

/* Patterns, by their definition. */

static struct bytes cut_token(struct bytes *rest, bool *is_last)
{
    size_t size = 0;
    while (size < rest->size && rest->data[size] != '.')
        size++;
    struct bytes token = bytes_of(rest->data, size);
    *is_last = size == rest->size;
    *rest = *is_last ? bytes_of(rest->data + size, 0)
                     : bytes_of(rest->data + size + 1, rest->size - size - 1);
    return token;
}

static bool is_text(struct bytes token, char text)
{
    return token.size == 1 && token.data[0] == (unsigned char)text;
}

bool twin_is_pattern(struct bytes pattern)
{
    bool is_last = false;
    for (int levels = 1; !is_last; levels++) {
        struct bytes token = cut_token(&pattern, &is_last);
        if (levels > 32 || (is_text(token, '>') && !is_last))
            return false;
    }
    return true;
}

bool twin_matches(struct bytes pattern, bool is_wildcard, struct bytes name)
{
    if (!is_wildcard)
        return bytes_equal(pattern, name);
    bool is_pattern_end, is_name_end;
    do {
        struct bytes wanted = cut_token(&pattern, &is_pattern_end);
        struct bytes token = cut_token(&name, &is_name_end);
        if (is_text(wanted, '>') && is_pattern_end)
            return true;
        if (!is_text(wanted, '*') && !bytes_equal(wanted, token))
            return false;
    } while (!is_pattern_end && !is_name_end);
    return is_pattern_end && is_name_end;
}

/* The backlog of a connection. */

static struct twin_item *item_at(struct twin_peer *peer, size_t at)
{
    return &peer->items[peer->items_first + at];
}

static void item_add(struct twin_peer *peer, struct twin_item item)
{
    if (peer->items_count == 0)
        peer->items_first = 0;
    peer->items = array_reserve(peer->items, &peer->items_capacity,
                                peer->items_first + peer->items_count + 1, sizeof *peer->items);
    *item_at(peer, peer->items_count++) = item;
}

static void item_remove(struct twin_peer *peer, size_t at)
{
    if (at == 0) {
        peer->items_first++;
        peer->items_count--;
        return;
    }
    memmove(item_at(peer, at), item_at(peer, at + 1),
            (--peer->items_count - at) * sizeof *peer->items);
}

/* Drops the oldest message of a subscription that is over its bound. Where its last one was stays the place of the gap. */
static void drop_oldest(struct twin *twin, struct twin_peer *peer, uint32_t id)
{
    struct twin_subscription *subscription = &peer->subscriptions[id];
    size_t at = 0;
    while (item_at(peer, at)->subscription != id || item_at(peer, at)->is_gap)
        at++;
    struct twin_item *item = item_at(peer, at);
    subscription->waiting--;
    subscription->waiting_size -= item->size;
    subscription->missed++;
    subscription->missed_size += item->size;
    twin->totals.missed++;
    item->is_gap = true;
    if (subscription->waiting > 0)
        item_remove(peer, at);
}

static void deliver(struct twin *twin, struct twin_peer *peer, uint32_t id, uint64_t message,
                    uint32_t size, int topic)
{
    struct twin_subscription *subscription = &peer->subscriptions[id];
    item_add(peer, (struct twin_item){id, false, message, size, topic});
    subscription->waiting++;
    subscription->waiting_size += size;
    while (subscription->waiting > subscription->count_max ||
           subscription->waiting_size > subscription->size_max)
        drop_oldest(twin, peer, id);
}

static struct bytes pattern_of(const struct twin *twin,
                               const struct twin_subscription *subscription)
{
    return subscription->is_wildcard ? twin->names->patterns[subscription->pattern]
                                     : twin->names->topics[subscription->pattern];
}

/* The lowest id of the connection that matches, or -1. */
static int find_match(const struct twin *twin, const struct twin_peer *peer, struct bytes name)
{
    int found = -1, count = 0;
    for (int id = TWIN_IDS - 1; id >= 0; id--) {
        const struct twin_subscription *subscription = &peer->subscriptions[id];
        struct bytes pattern = pattern_of(twin, subscription);
        if (!subscription->is_there || !twin_matches(pattern, subscription->is_wildcard, name))
            continue;
        found = id;
        count++;
        if (!subscription->is_wildcard)
            reach(REACH_MATCHED_LITERAL);
        else if (memchr(pattern.data, '*', pattern.size))
            reach(REACH_MATCHED_STAR);
        else if (memchr(pattern.data, '>', pattern.size))
            reach(REACH_MATCHED_REST);
    }
    if (count > 1)
        reach(REACH_MATCHED_OVERLAP);
    return found;
}

static int topic_index(const struct twin *twin, struct bytes name)
{
    for (int i = 0; i < TWIN_TOPICS; i++)
        if (bytes_equal(twin->names->topics[i], name))
            return i;
    REQUIRE(false, "a topic of a name that was never used");
}

void twin_publish(struct twin *twin, const struct command *command, uint64_t first_id)
{
    int topic = topic_index(twin, command->name);
    bool is_any = false;
    uint64_t reached = 1;
    twin->totals.published += command->run.count;
    for (int i = 0; i < TWIN_PEERS; i++) {
        struct twin_peer *peer = &twin->peers[i];
        int id = peer->is_there ? find_match(twin, peer, command->name) : -1;
        if (id < 0)
            continue;
        is_any = true;
        reached = reached * 31 + peer->id * 7 + (uint64_t)id;
        const unsigned char *frame = command->run.data;
        for (uint32_t at = 0; at < command->run.count; at++, frame += frame_size(frame))
            deliver(twin, peer, (uint32_t)id, first_id + at, frame_size(frame), topic);
    }
    if (twin->matches[topic] && twin->matches[topic] != reached)
        reach(REACH_MATCH_CHANGED);
    twin->matches[topic] = reached;
    if (is_any && command->run.size > 128 * 1024)
        reach(REACH_CHUNK_LARGE);
    reach(is_any ? REACH_PUBLISHED : REACH_PUBLISHED_NOBODY);
}

enum status twin_subscribe(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    struct twin_subscription *subscription = &peer->subscriptions[command->subscription.id];
    bool is_wildcard = command->subscription.is_wildcard;
    if (subscription->is_there)
        return STATUS_ID_IN_USE;
    if (is_wildcard && !twin_is_pattern(command->name))
        return STATUS_BAD_PATTERN;
    int pattern = 0;
    while (!bytes_equal(is_wildcard ? twin->names->patterns[pattern] : twin->names->topics[pattern],
                        command->name))
        pattern++;
    *subscription = (struct twin_subscription){
        .is_there = true,
        .is_wildcard = is_wildcard,
        .pattern = pattern,
        .count_max = command->subscription.count_max ? command->subscription.count_max : 65536,
        .size_max =
            command->subscription.size_max ? command->subscription.size_max : 16 * 1024 * 1024,
    };
    return STATUS_OK;
}

enum status twin_unsubscribe(struct twin *twin, struct twin_peer *peer,
                             const struct command *command)
{
    uint32_t id = command->subscription.id;
    struct twin_subscription *subscription = &peer->subscriptions[id];
    if (!subscription->is_there)
        return STATUS_NO_SUBSCRIPTION;
    for (size_t at = 0; at < peer->items_count;)
        if (item_at(peer, at)->subscription == id)
            item_remove(peer, at);
        else
            at++;
    twin->gap.is_due = subscription->missed + subscription->waiting > 0;
    twin->gap.peer = peer->id;
    twin->gap.id = id;
    twin->gap.count = subscription->missed + subscription->waiting;
    twin->gap.size = subscription->missed_size + subscription->waiting_size;
    *subscription = (struct twin_subscription){0};
    return STATUS_OK;
}

/* Effects. */

/* Whether the first item is the place of a gap that was told already, or may be told further behind. */
static bool is_idle_place(struct twin_peer *peer)
{
    const struct twin_item *first = item_at(peer, 0);
    if (!first->is_gap || peer->subscriptions[first->subscription].missed == 0)
        return first->is_gap;
    for (size_t at = 1; at < peer->items_count; at++)
        if (item_at(peer, at)->subscription == first->subscription)
            return true;
    return false;
}

void twin_on_message(struct twin *twin, const struct effect *effect)
{
    struct twin_peer *peer = twin_peer(twin, effect->peer);
    REQUIRE(peer && effect->id < TWIN_IDS && peer->subscriptions[effect->id].is_there,
            "messages for a subscription that is not there");
    struct twin_subscription *subscription = &peer->subscriptions[effect->id];
    REQUIRE(subscription->missed == 0, "messages behind a gap that was not told");
    REQUIRE(peer->unsent_topics < 256 * 1024, "messages for a connection that is full");
    REQUIRE(effect->slice.count > 0 && !effect->slice.is_reversed, "a strange slice of messages");
    while (peer->items_count > 0 && is_idle_place(peer))
        item_remove(peer, 0);
    REQUIRE(peer->items_count >= effect->slice.count, "more messages than were published");
    struct twin_hold *hold = twin_hold(twin, effect, OP_PUBLISH);
    for (uint32_t i = 0; i < effect->slice.count; i++) {
        struct twin_item item = *item_at(peer, 0);
        REQUIRE(!item.is_gap && item.subscription == effect->id,
                "message %u of %u is not what is next for subscription %u", i, effect->slice.count,
                effect->id);
        hold->messages[i] = (struct twin_held){
            .id = item.id, .size = item.size, .name = twin->names->topics[item.topic]};
        subscription->waiting--;
        subscription->waiting_size -= item.size;
        item_remove(peer, 0);
        twin->totals.sent++;
    }
    peer->unsent_topics += effect->slice.size;
}

void twin_on_gap(struct twin *twin, const struct effect *effect)
{
    if (twin->gap.is_due) {
        REQUIRE(twin->gap.peer == effect->peer && twin->gap.id == effect->id &&
                    twin->gap.count == effect->missed.count &&
                    twin->gap.size == effect->missed.size,
                "the gap of an unsubscribe is not what was missed");
        twin->gap.is_due = false;
        reach(REACH_GAP_UNSUBSCRIBE);
        return;
    }
    struct twin_peer *peer = twin_peer(twin, effect->peer);
    REQUIRE(peer && effect->id < TWIN_IDS && peer->subscriptions[effect->id].is_there,
            "a gap for a subscription that is not there");
    struct twin_subscription *subscription = &peer->subscriptions[effect->id];
    REQUIRE(subscription->missed > 0 && subscription->missed == effect->missed.count &&
                subscription->missed_size == effect->missed.size,
            "a gap of %llu messages, but %llu were missed",
            (unsigned long long)effect->missed.count, (unsigned long long)subscription->missed);
    while (peer->items_count > 0 && item_at(peer, 0)->subscription != effect->id &&
           is_idle_place(peer))
        item_remove(peer, 0);
    REQUIRE(peer->items_count > 0 && item_at(peer, 0)->subscription == effect->id,
            "a gap that is not where the messages would have been");
    subscription->missed = subscription->missed_size = 0;
    reach(subscription->waiting > 0 ? REACH_GAP : REACH_GAP_ALONE);
    if (item_at(peer, 0)->is_gap)
        item_remove(peer, 0);
}

bool twin_owes_messages(const struct twin_peer *peer)
{
    for (uint32_t id = 0; id < TWIN_IDS; id++)
        if (peer->subscriptions[id].waiting > 0 || peer->subscriptions[id].missed > 0)
            return true;
    return false;
}

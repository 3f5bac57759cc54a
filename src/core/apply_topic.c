#include "core/engine_state.h"

#include <assert.h>

void apply_publish(struct engine *engine, struct peer *peer, const struct command *command,
                   struct outbox *outbox)
{
    const struct run *run = &command->run;
    const struct match *match = topics_match(&engine->topics, command->name, &peer->match_memo);
    engine->totals.published += run->count;
    outbox_settle(outbox, peer->id, command->ticket, run->count, STATUS_OK);
    if (match->count == 0)
        return;
    struct slice slice;
    memcpy(chunk_put(&engine->chunks, &engine->arena, run->size, &slice), run->data, run->size);
    slice.count = run->count;
    for (uint32_t i = 0; i < match->count; i++) {
        struct subscription *subscription = match->subscriptions[i];
        struct peer *reader = subscription->peer;
        engine->totals.missed +=
            backlog_add(&reader->backlog, &engine->posts, &engine->arena, subscription, &slice);
        if (peer_room(reader, BLOCK_CHUNK) > 0 && !list_is_linked(&reader->hot))
            list_push_back(&engine->hot_peers, &reader->hot);
    }
    chunk_release(slice.block, &engine->arena);
}

static struct subscription *subscription_of(struct peer *peer, uint32_t id)
{
    struct table_entry *entry = table_find(&peer->subscriptions, id, (struct bytes){0});
    return entry ? list_entry(entry, struct subscription, entry) : NULL;
}

enum status apply_subscribe(struct engine *engine, struct peer *peer, const struct command *command)
{
    if (subscription_of(peer, command->subscription.id))
        return STATUS_ID_IN_USE;
    if (command->subscription.is_wildcard && !pattern_is_valid(command->name))
        return STATUS_BAD_PATTERN;
    struct subscription *subscription =
        subscription_create(peer, command->subscription.id, command->subscription.count_max,
                            command->subscription.size_max);
    table_insert(&peer->subscriptions, &subscription->entry);
    topics_add(&engine->topics, subscription, command->name, command->subscription.is_wildcard);
    return STATUS_OK;
}

void engine_subscription_end(struct engine *engine, struct subscription *subscription)
{
    struct peer *peer = subscription->peer;
    backlog_drop(&peer->backlog, &engine->posts, &engine->arena, subscription);
    topics_remove(&engine->topics, subscription);
    subscription_destroy(subscription);
}

enum status apply_unsubscribe(struct engine *engine, struct peer *peer,
                              const struct command *command, struct outbox *outbox)
{
    struct subscription *subscription = subscription_of(peer, command->subscription.id);
    if (!subscription)
        return STATUS_NO_SUBSCRIPTION;
    backlog_drop(&peer->backlog, &engine->posts, &engine->arena, subscription);
    if (subscription->missed_count > 0) {
        struct effect *gap = outbox_put(outbox, EFFECT_GAP, peer->id);
        gap->id = subscription_id(subscription);
        gap->missed.count = subscription->missed_count;
        gap->missed.size = subscription->missed_size;
    }
    table_remove(&peer->subscriptions, &subscription->entry);
    engine_subscription_end(engine, subscription);
    return STATUS_OK;
}

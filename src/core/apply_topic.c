#include "core/engine_state.h"

/* Leaving. */

/* Hands what waited for members of groups to others. */
struct handover {
    struct engine *engine;
    const struct group *group;
    struct match *memo;
    const struct match *match; /* of the message before */
    struct subscription *to;   /* who was given that, or NULL */
    uint32_t left;             /* messages of the stretch */
};

/* Who is to have a message of that name, or NULL. */
static struct subscription *choose_heir(struct handover *handover, struct bytes name)
{
    const struct match *match = topics_match(&handover->engine->topics, name, &handover->memo);
    if (match == handover->match && handover->left > 0) {
        handover->left--;
        return handover->to;
    }
    uint32_t first = match->alone_count;
    while (first < match->count && match->subscriptions[first]->terms->group != handover->group)
        first++;
    struct subscription *const *members = &match->subscriptions[first];
    handover->match = match;
    handover->left = GROUP_STRETCH - 1;
    handover->to = first < match->count
                       ? group_choose(members, group_members(members, match->count - first))
                       : NULL;
    return handover->to;
}

/* Hands the messages of one post over, one by one; returns what nobody wants. */
static struct missed hand_over(struct handover *handover, const struct post *from)
{
    struct missed missed = {0};
    struct batch one = {
        .slice = from->slice, .order = from->order, .is_retained = from->is_retained};
    one.slice.count = 1;
    for (uint32_t i = 0; i < from->slice.count; i++, one.slice.offset += one.slice.size) {
        const unsigned char *frame = one.slice.block->data + one.slice.offset;
        one.slice.size = frame_size(frame);
        struct subscription *heir = choose_heir(handover, frame_name(frame));
        if (heir) {
            engine_post(handover->engine, heir, &one);
        } else {
            missed.count++;
            missed.size += one.slice.size;
        }
    }
    return missed;
}

/* Does away with a post of a subscription that listens no more; returns what is missed for good. */
static struct missed drop(struct handover *handover, const struct post *post)
{
    struct missed lost = {post->slice.count, post->slice.size};
    const struct group *group = subscription_group(post->subscription);
    if (group != handover->group)
        handover->match = NULL;
    handover->group = group;
    if (group && post->slice.count > 0)
        lost = hand_over(handover, post);
    if (post->slice.block)
        chunk_release(post->slice.block, &handover->engine->arena);
    return (struct missed){post->missed_count + lost.count, post->missed_size + lost.size};
}

/* Frees a subscription that listens no more and for which nothing waits. */
static void forget(struct engine *engine, struct subscription *subscription)
{
    group_leave(&engine->topics.groups, subscription);
    engine->listeners_count--;
    subscription_destroy(subscription);
}

/* Ends a subscription, and tells what it has missed; returns how many messages. */
static uint64_t end(struct engine *engine, struct subscription *subscription, struct outbox *outbox)
{
    struct peer *peer = subscription->peer;
    struct handover handover = {.engine = engine};
    struct missed missed = {0};
    topics_remove(&engine->topics, subscription);
    while (subscription->line) {
        struct post post = backlog_take_of(&peer->backlog, &engine->posts, subscription);
        struct missed some = drop(&handover, &post);
        missed.count += some.count;
        missed.size += some.size;
    }
    match_unref(handover.memo);
    if (missed.count > 0)
        dispatch_gap(subscription, missed, outbox);
    table_remove(&peer->subscriptions, &subscription->entry);
    forget(engine, subscription);
    return missed.count;
}

void engine_end_overflowed(struct engine *engine, struct outbox *outbox)
{
    for (struct list *link; (link = list_pop_front(&engine->posts.over));) {
        struct subscription *subscription = line_subscription(list_entry(link, struct line, over));
        struct peer *peer = subscription->peer;
        uint32_t id = subscription_id(subscription);
        engine->totals.missed += end(engine, subscription, outbox);
        engine->totals.overflowed++;
        struct effect *ended = outbox_put(outbox, EFFECT_ENDED, peer->id);
        ended->id = id;
        ended->is_subscription = true;
        ended->status = STATUS_OVERFLOW;
    }
}

void engine_subscriptions_end(struct engine *engine, struct peer *peer)
{
    struct handover handover = {.engine = engine};
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&peer->subscriptions, &at));)
        topics_remove(&engine->topics, list_entry(entry, struct subscription, entry));
    while (peer->backlog.posts_count > 0) {
        struct post post = backlog_take(&peer->backlog, &engine->posts);
        drop(&handover, &post);
    }
    match_unref(handover.memo);
    for (size_t at = 0; (entry = table_next(&peer->subscriptions, &at));)
        forget(engine, list_entry(entry, struct subscription, entry));
}

/* Subscribing. */

static struct subscription *subscription_of(struct peer *peer, uint32_t id)
{
    struct table_entry *entry = table_find(&peer->subscriptions, id, (struct bytes){0});
    return entry ? list_entry(entry, struct subscription, entry) : NULL;
}

/* The bounds and the choice that a subscription is to have: what it asks for, else what the policies
 * give its name, else its own defaults. */
static struct topic_settings settings_of(const struct engine *engine, const struct command *command)
{
    const struct engine_config *config = &engine->config;
    struct topic_settings settings = {0};
    topic_policies_merge(&settings, config->topic_policies, config->topic_policies_count,
                         command->name);
    if (command->subscription.count_max > 0)
        settings.count_max = command->subscription.count_max;
    if (command->subscription.size_max > 0)
        settings.size_max = command->subscription.size_max;
    if (settings.count_max == 0)
        settings.count_max = command->subscription.count_default;
    if (settings.size_max == 0)
        settings.size_max = command->subscription.size_default;
    if (command->subscription.has_overflow)
        settings.overflow = command->subscription.overflow;
    settings.has_overflow |= command->subscription.has_overflow;
    settings.no_retained |= command->subscription.no_retained;
    return settings;
}

/* Makes a name that nobody can guess: each is a hash of how many there were, under a secret key. */
static struct bytes make_inbox(struct engine *engine, char name[INBOX_NAME_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (uint64_t half = 0; half < 2; half++) {
        uint64_t input[] = {engine->inboxes_count, half};
        uint64_t hash = hash_bytes(&engine->inbox_key, bytes_of(input, sizeof input));
        for (int i = 0; i < INBOX_NAME_SIZE / 2; i++, hash >>= 4)
            *name++ = digits[hash & 15];
    }
    engine->inboxes_count++;
    return bytes_of(name - INBOX_NAME_SIZE, INBOX_NAME_SIZE);
}

/* Sends what was retained before the subscription. */
static void post_retained(struct engine *engine, struct subscription *subscription,
                          struct bytes name)
{
    size_t count;
    if (subscription->listening != LISTENING_NAME && subscription->listening != LISTENING_PATTERN)
        return;
    struct retained *const *found = retained_match(
        &engine->retained, name, subscription->listening == LISTENING_PATTERN, &count);
    for (size_t i = 0; i < count; i++) {
        struct run run = {.data = found[i]->frame, .size = found[i]->size, .count = 1};
        struct batch batch = engine_batch(engine, &run);
        batch.is_retained = true;
        engine_post(engine, subscription, &batch);
        chunk_release(batch.slice.block, &engine->arena);
    }
}

static enum status check_subscribe(const struct engine *engine, struct peer *peer,
                                   const struct command *command)
{
    if (subscription_of(peer, command->subscription.id))
        return STATUS_ID_IN_USE;
    if (command->subscription.is_wildcard && !pattern_is_valid(command->name))
        return STATUS_BAD_PATTERN;
    return engine->is_pressed ? STATUS_MEMORY : engine_may_listen(engine, peer);
}

static enum listening listening_of(const struct command *command)
{
    return command->subscription.is_inbox      ? LISTENING_INBOX
           : command->subscription.is_wildcard ? LISTENING_PATTERN
           : command->subscription.is_glob     ? LISTENING_GLOB
           : command->subscription.is_apart    ? LISTENING_APART
                                               : LISTENING_NAME;
}

void apply_subscribe(struct engine *engine, struct peer *peer, const struct command *command,
                     struct outbox *outbox)
{
    enum status status = check_subscribe(engine, peer, command);
    if (status != STATUS_OK) {
        outbox_settle(outbox, peer->id, command->ticket, 1, status);
        return;
    }
    struct topic_settings settings = settings_of(engine, command);
    struct subscription *subscription =
        subscription_create(peer, command->subscription.id, &settings);
    table_insert(&peer->subscriptions, &subscription->entry);
    engine->listeners_count++;
    if (command->subscription.group.size > 0)
        group_join(&engine->topics.groups, &engine->key, subscription, command->subscription.group);
    if (command->subscription.is_inbox) {
        char room[INBOX_NAME_SIZE];
        struct bytes name = make_inbox(engine, room);
        topics_add(&engine->topics, subscription, name, LISTENING_INBOX);
        answer_inbox(engine, command, name, outbox);
        return;
    }
    topics_add(&engine->topics, subscription, command->name, listening_of(command));
    if (!settings.no_retained && !subscription_group(subscription))
        post_retained(engine, subscription, command->name);
    outbox_settle(outbox, peer->id, command->ticket, 1, STATUS_OK);
}

enum status apply_unsubscribe(struct engine *engine, struct peer *peer,
                              const struct command *command, struct outbox *outbox)
{
    struct subscription *subscription = subscription_of(peer, command->subscription.id);
    if (!subscription)
        return STATUS_NO_SUBSCRIPTION;
    if (peer->is_each)
        dispatch_whole_backlog(engine, peer, outbox);
    end(engine, subscription, outbox);
    return STATUS_OK;
}

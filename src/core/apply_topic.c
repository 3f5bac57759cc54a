#include "core/engine_state.h"

#include <assert.h>

enum { STRETCH = 64 }; /* messages that a member of a group is given, while there are so many */

/* Publishing. */

void engine_touch_peer(struct engine *engine, struct peer *peer)
{
    if (peer->backlog.posts_count > 0 && peer_room(peer, BLOCK_CHUNK) > 0 &&
        !list_is_linked(&peer->hot))
        list_push_back(&engine->hot_peers, &peer->hot);
}

/* Lets a batch wait for one subscription. */
static void post(struct engine *engine, struct subscription *subscription,
                 const struct batch *batch)
{
    struct peer *reader = subscription->peer;
    engine->totals.missed += backlog_add(&reader->backlog, &engine->posts, subscription, batch);
    engine_touch_peer(engine, reader);
}

/* Copies a run into a chunk: what waits refers to it there. */
static struct batch batch_make(struct engine *engine, const struct run *run)
{
    struct batch batch = {.order = ++engine->published_order};
    memcpy(chunk_put(&engine->chunks, &engine->arena, run->size, &batch.slice), run->data,
           run->size);
    batch.slice.count = run->count;
    return batch;
}

/* Shares a run, which `batch` is, among members of a group: each stretch goes to the one for whom
 * least waits then. */
static void share_out(struct engine *engine, struct subscription *const *members, uint32_t count,
                      struct run run, const struct batch *batch)
{
    const unsigned char *first = run.data;
    uint32_t share = run.count / count > STRETCH ? run.count / count : STRETCH;
    for (struct run part; run.count > 0;) {
        struct batch some = *batch;
        bool is_any = run_split(&run, share, UINT64_MAX, &part);
        assert(is_any);
        some.slice.offset += (uint32_t)(part.data - first);
        some.slice.size = part.size;
        some.slice.count = part.count;
        post(engine, group_choose(members, count), &some);
    }
}

/* How many of the `count` members are of the first one's group, which stand together. */
static uint32_t members_count(struct subscription *const *members, uint32_t count)
{
    uint32_t at = 1;
    while (at < count && members[at]->terms->group == members[0]->terms->group)
        at++;
    return at;
}

static void post_to_all(struct engine *engine, const struct match *match, const struct run *run)
{
    struct batch batch = batch_make(engine, run);
    uint32_t at = 0;
    for (; at < match->connections_count; at++)
        post(engine, match->subscriptions[at], &batch);
    for (uint32_t some; at < match->count; at += some) {
        struct subscription *const *members = &match->subscriptions[at];
        some = members_count(members, match->count - at);
        share_out(engine, members, some, *run, &batch);
    }
    chunk_release(batch.slice.block, &engine->arena);
}

static bool post_to_inbox(struct engine *engine, const struct run *run)
{
    struct subscription *subscription = topics_inbox(&engine->topics, run_name(run));
    if (!subscription)
        return false;
    struct batch batch = batch_make(engine, run);
    post(engine, subscription, &batch);
    chunk_release(batch.slice.block, &engine->arena);
    return true;
}

static enum status publish(struct engine *engine, struct peer *peer, const struct run *run)
{
    bool is_wanted = run->head.flags & PUBLISH_MUST, is_retained = run->head.flags & PUBLISH_RETAIN;
    if (run->head.flags & PUBLISH_INBOX)
        return post_to_inbox(engine, run) || !is_wanted ? STATUS_OK : STATUS_NO_READER;
    const struct match *match = topics_match(&engine->topics, run_name(run), &peer->match_memo);
    if (is_wanted && match->count == 0)
        return STATUS_NO_READER;
    if (is_retained && !retained_fits(&engine->retained, run->data))
        return STATUS_RETAINED;
    if (is_retained)
        retained_put(&engine->retained, run->data);
    if (match->count > 0)
        post_to_all(engine, match, run);
    return STATUS_OK;
}

static void publish_and_settle(struct engine *engine, struct peer *peer, const struct run *run,
                               uint64_t ticket, struct outbox *outbox)
{
    enum status status = publish(engine, peer, run);
    engine->totals.published += status == STATUS_OK ? run->count : 0;
    outbox_settle(outbox, peer->id, ticket, run->count, status);
}

void apply_publish(struct engine *engine, struct peer *peer, const struct command *command,
                   struct outbox *outbox)
{
    struct run rest = command->run, one;
    if (engine->is_pressed) {
        outbox_settle(outbox, peer->id, command->ticket, rest.count, STATUS_MEMORY);
        return;
    }
    if (!(rest.head.flags & PUBLISH_RETAIN)) {
        publish_and_settle(engine, peer, &rest, command->ticket, outbox);
        return;
    }
    /* Each may be one too many to be retained. */
    for (uint64_t ticket = command->ticket; run_split(&rest, 1, UINT64_MAX, &one); ticket++)
        publish_and_settle(engine, peer, &one, ticket, outbox);
}

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
    uint32_t first = match->connections_count;
    while (first < match->count && match->subscriptions[first]->terms->group != handover->group)
        first++;
    struct subscription *const *members = &match->subscriptions[first];
    handover->match = match;
    handover->left = STRETCH - 1;
    handover->to = first < match->count
                       ? group_choose(members, members_count(members, match->count - first))
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
            post(handover->engine, heir, &one);
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
 * give its name. */
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
    struct retained *const *found = retained_match(
        &engine->retained, name, subscription->listening == LISTENING_PATTERN, &count);
    for (size_t i = 0; i < count; i++) {
        struct run run = {.data = found[i]->frame, .size = found[i]->size, .count = 1};
        struct batch batch = batch_make(engine, &run);
        batch.is_retained = true;
        post(engine, subscription, &batch);
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
    topics_add(&engine->topics, subscription, command->name,
               command->subscription.is_wildcard ? LISTENING_PATTERN : LISTENING_NAME);
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
    end(engine, subscription, outbox);
    return STATUS_OK;
}

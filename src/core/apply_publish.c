#include "core/engine_state.h"

#include <assert.h>

void engine_touch_peer(struct engine *engine, struct peer *peer)
{
    if (peer->backlog.posts_count > 0 && peer_room(peer, BLOCK_CHUNK) > 0 &&
        !list_is_linked(&peer->hot))
        list_push_back(&engine->hot_peers, &peer->hot);
}

void engine_post(struct engine *engine, struct subscription *subscription,
                 const struct batch *batch)
{
    struct peer *reader = subscription->peer;
    engine->totals.missed += backlog_add(&reader->backlog, &engine->posts, subscription, batch);
    engine_touch_peer(engine, reader);
}

struct batch engine_batch(struct engine *engine, const struct run *run)
{
    struct batch batch = {.order = ++engine->published_order};
    memcpy(chunk_put(&engine->chunks, &engine->arena, run->size, &batch.slice), run->data,
           run->size);
    batch.slice.count = run->count;
    return batch;
}

/* The part of a batch that `part` is of the run that was copied. */
static struct batch batch_part(const struct batch *batch, const struct run *run,
                               const struct run *part)
{
    struct batch some = *batch;
    some.slice.offset += (uint32_t)(part->data - run->data);
    some.slice.size = part->size;
    some.slice.count = part->count;
    return some;
}

/* Shares a run, which `batch` is, among members of a group: each stretch goes to the one for whom
 * least waits then. */
static void share_out(struct engine *engine, struct subscription *const *members, uint32_t count,
                      const struct run *run, const struct batch *batch)
{
    uint32_t share = run->count / count > GROUP_STRETCH ? run->count / count : GROUP_STRETCH;
    struct run rest = *run;
    for (struct run part; run_split(&rest, share, UINT64_MAX, &part);) {
        struct batch some = batch_part(batch, run, &part);
        engine_post(engine, group_choose(members, count), &some);
    }
}

static void post_to_alone(struct engine *engine, const struct match *match,
                          const struct batch *batch)
{
    for (uint32_t at = 0; at < match->alone_count; at++)
        engine_post(engine, match->subscriptions[at], batch);
}

/* One message after the other: all that a connection is to have of one comes before the next. */
static void post_singly_to_alone(struct engine *engine, const struct match *match,
                                 const struct run *run, const struct batch *batch)
{
    struct run rest = *run;
    for (struct run one; run_split(&rest, 1, UINT64_MAX, &one);) {
        struct batch some = batch_part(batch, run, &one);
        post_to_alone(engine, match, &some);
    }
}

static void post_to_all(struct engine *engine, const struct match *match, const struct run *run)
{
    struct batch batch = engine_batch(engine, run);
    if (match->has_repeats)
        post_singly_to_alone(engine, match, run, &batch);
    else
        post_to_alone(engine, match, &batch);
    for (uint32_t at = match->alone_count, some; at < match->count; at += some) {
        struct subscription *const *members = &match->subscriptions[at];
        some = group_members(members, match->count - at);
        share_out(engine, members, some, run, &batch);
    }
    chunk_release(batch.slice.block, &engine->arena);
}

static uint32_t post_to_inbox(struct engine *engine, const struct run *run)
{
    struct subscription *subscription = topics_inbox(&engine->topics, run_name(run));
    if (!subscription)
        return 0;
    struct batch batch = engine_batch(engine, run);
    engine_post(engine, subscription, &batch);
    chunk_release(batch.slice.block, &engine->arena);
    return 1;
}

static uint32_t post_apart(struct engine *engine, const struct run *run)
{
    const struct subscriber_set *set = topics_apart(&engine->topics, run_name(run));
    if (!set)
        return 0;
    struct batch batch = engine_batch(engine, run);
    for (uint32_t at = 0; at < set->count; at++)
        engine_post(engine, subscriber_set_all(set)[at], &batch);
    chunk_release(batch.slice.block, &engine->arena);
    return set->count;
}

static enum status publish(struct engine *engine, struct peer *peer, const struct run *run,
                           uint32_t *receivers)
{
    bool is_wanted = run->head.flags & PUBLISH_MUST, is_retained = run->head.flags & PUBLISH_RETAIN;
    if (run->head.flags & PUBLISH_INBOX) {
        *receivers = post_to_inbox(engine, run);
        return *receivers > 0 || !is_wanted ? STATUS_OK : STATUS_NO_READER;
    }
    const struct match *match = topics_match(&engine->topics, run_name(run), &peer->match_memo);
    if (is_wanted && match->count == 0)
        return STATUS_NO_READER;
    if (is_retained && !retained_fits(&engine->retained, run->data))
        return STATUS_RETAINED;
    if (is_retained)
        retained_put(&engine->retained, run->data);
    if (match->count > 0)
        post_to_all(engine, match, run);
    *receivers = match->receivers_count;
    return STATUS_OK;
}

static void publish_and_settle(struct engine *engine, struct peer *peer,
                               const struct command *command, const struct run *run,
                               uint64_t ticket, struct outbox *outbox)
{
    uint32_t receivers = 0;
    enum status status = STATUS_OK;
    if (command->is_apart)
        receivers = post_apart(engine, run);
    else
        status = publish(engine, peer, run, &receivers);
    engine->totals.published += status == STATUS_OK ? run->count : 0;
    if (status != STATUS_OK || !command->wants_number) {
        outbox_settle(outbox, peer->id, ticket, run->count, status);
        return;
    }
    if (peer->is_each)
        dispatch_whole_backlog(engine, peer, outbox);
    struct effect *answer = outbox_put(outbox, EFFECT_NUMBER, peer->id);
    answer->ticket = ticket;
    answer->numbers.count = run->count;
    answer->numbers.first = receivers;
}

/* Messages of a run are published one by one when each may be one too many to be retained, or when
 * the connection may hear them itself, which it does before each number. */
static bool is_divided(const struct peer *peer, const struct command *command)
{
    return command->run.head.flags & PUBLISH_RETAIN ||
           (command->wants_number && peer->is_each && peer->subscriptions.count > 0);
}

void apply_publish(struct engine *engine, struct peer *peer, const struct command *command,
                   struct outbox *outbox)
{
    struct run rest = command->run, one;
    uint64_t ticket = command->ticket;
    if (engine->is_pressed)
        outbox_settle(outbox, peer->id, ticket, rest.count, STATUS_MEMORY);
    else if (!is_divided(peer, command))
        publish_and_settle(engine, peer, command, &rest, ticket, outbox);
    else
        while (run_split(&rest, 1, UINT64_MAX, &one))
            publish_and_settle(engine, peer, command, &one, ticket++, outbox);
}

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

/* Shares a run, which `batch` is, among members of a group: each stretch goes to the one for whom
 * least waits then. */
static void share_out(struct engine *engine, struct subscription *const *members, uint32_t count,
                      struct run run, const struct batch *batch)
{
    const unsigned char *first = run.data;
    uint32_t share = run.count / count > GROUP_STRETCH ? run.count / count : GROUP_STRETCH;
    for (struct run part; run.count > 0;) {
        struct batch some = *batch;
        bool is_any = run_split(&run, share, UINT64_MAX, &part);
        assert(is_any);
        some.slice.offset += (uint32_t)(part.data - first);
        some.slice.size = part.size;
        some.slice.count = part.count;
        engine_post(engine, group_choose(members, count), &some);
    }
}

static void post_to_all(struct engine *engine, const struct match *match, const struct run *run)
{
    struct batch batch = engine_batch(engine, run);
    uint32_t at = 0;
    for (; at < match->connections_count; at++)
        engine_post(engine, match->subscriptions[at], &batch);
    for (uint32_t some; at < match->count; at += some) {
        struct subscription *const *members = &match->subscriptions[at];
        some = group_members(members, match->count - at);
        share_out(engine, members, some, *run, &batch);
    }
    chunk_release(batch.slice.block, &engine->arena);
}

static bool post_to_inbox(struct engine *engine, const struct run *run)
{
    struct subscription *subscription = topics_inbox(&engine->topics, run_name(run));
    if (!subscription)
        return false;
    struct batch batch = engine_batch(engine, run);
    engine_post(engine, subscription, &batch);
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

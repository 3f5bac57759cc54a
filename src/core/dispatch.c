#include "core/engine_state.h"

#include <assert.h>

enum { SHARE_MIN = 64 }; /* messages that one consumer is given at least, while there are so many */

/* Whether the consumer's connection can be handed anything for it: it reads, and settles. */
static bool is_open(const struct consumer *consumer)
{
    const struct peer *peer = consumer->peer;
    return peer_room(peer, BLOCK_SEGMENT) > 0 && (consumer->no_ack || peer_lease_room(peer) > 0);
}

void dispatch_rank(struct consumer *consumer)
{
    struct peer *peer = consumer->peer;
    consumer_rank(consumer, is_open(consumer) && consumer_has_credit(consumer));
    peer->was_full |= peer_room(peer, BLOCK_SEGMENT) == 0;
    peer->was_laden |= !consumer->no_ack && peer_lease_room(peer) == 0;
}

/* Refuses the first of some waiting pushes, which is larger than the bound has become. */
static uint32_t refuse_first(struct engine *engine, struct held_push *held)
{
    struct run one;
    bool is_there = run_split(&held->run, 1, UINT64_MAX, &one);
    assert(is_there);
    held->queue->counters.refused++;
    engine->totals.refused++;
    return one.count;
}

/* Accepts waiting pushes, first come first, as far as there is room. Returns whether any was
 * settled. */
static bool admit_held(struct engine *engine, struct queue *queue, struct outbox *outbox)
{
    bool is_any = false;
    while (!list_is_empty(&queue->waiting)) {
        struct held_push *held = list_entry(queue->waiting.next, struct held_push, in_queue);
        uint32_t size_before = held->run.size;
        bool is_too_large = held->run.head.size > queue->settings.size_max;
        uint32_t count = is_too_large ? refuse_first(engine, held)
                                      : queue_push(queue, &engine->stock, &held->run, 0);
        if (count == 0 && queue->settings.when_full == WHEN_FULL_DROP_OLDEST &&
            queue_make_room(queue, &engine->stock, &held->run, 0))
            continue;
        if (count == 0)
            break;
        is_any = true;
        engine->totals.accepted += is_too_large ? 0 : count;
        outbox_settle(outbox, held->peer->id, held->ticket, count,
                      is_too_large ? STATUS_FULL : STATUS_OK);
        held->ticket += count;
        queue->waiting_count -= count;
        held->peer->held_count -= count;
        held->peer->held_size -= size_before - held->run.size;
        if (held->run.count > 0)
            continue; /* what was dropped made room for all of it */
        chunk_release(held->slice.block, &engine->arena);
        engine_held_forget(held);
    }
    return is_any;
}

/* How many messages the next consumer may be given: a fair share, but no crumbs. */
static uint32_t share_of(const struct queue *queue)
{
    uint64_t share = queue->ready_count / queue->willing_count;
    share = share < SHARE_MIN ? SHARE_MIN : share;
    return share < UINT32_MAX ? (uint32_t)share : UINT32_MAX;
}

/* Gives messages to one consumer; false when it cannot be given any. */
static bool deliver(struct engine *engine, struct consumer *consumer, struct outbox *outbox)
{
    struct peer *peer = consumer->peer;
    struct stretch stretch;
    uint64_t tag;
    uint64_t room = peer_room(peer, BLOCK_SEGMENT);
    if (!is_open(consumer) || !consumer_has_credit(consumer))
        return false;
    uint64_t lease_room = consumer->no_ack ? UINT64_MAX : peer_lease_room(peer);
    uint32_t share = share_of(consumer->queue);
    share = share < lease_room ? share : (uint32_t)lease_room;
    if (!consumer_take(consumer, &engine->stock, share, room, &stretch, &tag) &&
        !consumer_take(consumer, &engine->stock, 1, UINT64_MAX, &stretch, &tag))
        return false;
    struct effect *effect = outbox_put(outbox, EFFECT_DELIVER, peer->id);
    effect->id = consumer_id(consumer);
    effect->deliveries = stretch.deliveries;
    effect->tag = tag;
    effect->slice = stretch_slice(&stretch);
    engine->totals.delivered += stretch.count;
    engine->totals.settled += consumer->no_ack ? stretch.count : 0;
    peer_lease(peer, consumer->no_ack ? 0 : stretch.count, engine->stock.now);
    engine->totals.holds++;
    peer->unsent_sizes[BLOCK_SEGMENT] += stretch.size;
    consumer->served = engine->served++;
    return true;
}

/* Passes a consumer over whose credit does not reach for the message that is next. */
static void pass_over(struct consumer *consumer)
{
    consumer_rank(consumer, false);
    consumer->is_passed = true;
    consumer->queue->has_passed = true;
}

/* Gives those who were passed over another chance: another message is next now. */
static void reconsider(struct queue *queue)
{
    if (!queue->has_passed)
        return;
    queue->has_passed = false;
    for (struct list *link = queue->consumers.next; link != &queue->consumers; link = link->next) {
        struct consumer *consumer = list_entry(link, struct consumer, link);
        if (consumer->is_passed)
            dispatch_rank(consumer);
        consumer->is_passed = false;
    }
}

/* Takes back what a consumer has had for longer than its queue allows. */
static void lose_leases(struct engine *engine, struct consumer *consumer, struct outbox *outbox)
{
    uint64_t tag;
    uint32_t count;
    for (size_t at = 0; consumer_lose(consumer, &engine->stock, &at, &tag, &count);) {
        engine_unlease(engine, consumer->peer, count);
        if (consumer->is_keeper)
            continue;
        struct effect *lost = outbox_put(outbox, EFFECT_LOST, consumer->peer->id);
        lost->id = consumer_id(consumer);
        lost->tag = tag;
        lost->count = count;
    }
    if (!consumer->is_keeper)
        dispatch_rank(consumer);
    else if (consumer->leased_count == 0)
        keeper_end(engine, consumer);
}

static void lose_all_leases(struct engine *engine, struct queue *queue, struct outbox *outbox)
{
    while (timers_due(&queue->leases) <= engine->stock.now)
        lose_leases(engine, list_entry(timers_first(&queue->leases), struct consumer, timer),
                    outbox);
}

static bool hand_out(struct engine *engine, struct queue *queue, struct outbox *outbox)
{
    bool is_any = false;
    bool may_go = !queue->is_paused && queue_age_due(queue) > engine->stock.now;
    while (may_go && queue->ready_count > 0 && queue->willing_count > 0) {
        struct consumer *consumer = queue->willing[0];
        if (deliver(engine, consumer, outbox)) {
            is_any = true;
            dispatch_rank(consumer);
        } else if (is_open(consumer)) {
            pass_over(consumer);
        } else {
            dispatch_rank(consumer);
        }
    }
    return is_any;
}

void dispatch_queue(struct engine *engine, struct queue *queue, struct outbox *outbox)
{
    bool is_any;
    lose_all_leases(engine, queue, outbox);
    queue_age(queue, &engine->stock);
    if (engine->is_draining)
        return;
    do {
        reconsider(queue);
        is_any = engine->takers_count > 0 && takers_serve_queue(engine, queue, outbox);
        is_any |= hand_out(engine, queue, outbox);
        is_any |= admit_held(engine, queue, outbox);
    } while (is_any);
}

void dispatch_gap(struct subscription *subscription, struct missed missed, struct outbox *outbox)
{
    struct effect *gap = outbox_put(outbox, EFFECT_GAP, subscription->peer->id);
    gap->id = subscription_id(subscription);
    gap->tag = subscription->number_next;
    gap->missed.count = missed.count;
    gap->missed.size = missed.size;
    subscription->number_next += missed.count;
}

/* Hands out the first thing that waits. */
static void dispatch_post(struct engine *engine, struct peer *peer, struct outbox *outbox)
{
    struct post post = backlog_take(&peer->backlog, &engine->posts);
    struct subscription *subscription = post.subscription;
    if (post.missed_count > 0)
        dispatch_gap(subscription, (struct missed){post.missed_count, post.missed_size}, outbox);
    if (post.slice.count == 0)
        return;
    struct effect *effect = outbox_put(outbox, EFFECT_MESSAGE, peer->id);
    effect->id = subscription_id(subscription);
    effect->is_retained = post.is_retained;
    effect->tag = subscription->number_next;
    effect->slice = post.slice;
    subscription->number_next += post.slice.count;
    engine->totals.sent += post.slice.count;
    engine->totals.holds++;
    peer->unsent_sizes[BLOCK_CHUNK] += post.slice.size;
}

void dispatch_backlog(struct engine *engine, struct peer *peer, struct outbox *outbox)
{
    while (!engine->is_draining && peer->backlog.posts_count > 0 &&
           peer_room(peer, BLOCK_CHUNK) > 0)
        dispatch_post(engine, peer, outbox);
}

void dispatch_whole_backlog(struct engine *engine, struct peer *peer, struct outbox *outbox)
{
    while (!engine->is_draining && peer->backlog.posts_count > 0)
        dispatch_post(engine, peer, outbox);
}

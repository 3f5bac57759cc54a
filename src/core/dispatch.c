#include "core/engine_state.h"

#include <assert.h>

enum { SHARE_MIN = 64 }; /* messages that one consumer is given at least, while there are so many */

void dispatch_rank(struct consumer *consumer)
{
    consumer_rank(consumer,
                  consumer_has_credit(consumer) && peer_room(consumer->peer, BLOCK_SEGMENT) > 0);
    if (peer_room(consumer->peer, BLOCK_SEGMENT) == 0)
        consumer->peer->was_full = true;
}

/* Accepts waiting pushes, first come first, as far as there is room. Returns whether any was
 * settled. */
static bool admit_held(struct engine *engine, struct queue *queue, struct outbox *outbox)
{
    bool is_any = false;
    while (!list_is_empty(&queue->waiting)) {
        struct held_push *held = list_entry(queue->waiting.next, struct held_push, in_queue);
        uint32_t size_before = held->run.size;
        uint32_t count = queue_push(queue, &engine->arena, &held->run);
        if (count == 0)
            break;
        is_any = true;
        engine->totals.accepted += count;
        outbox_settle(outbox, held->peer->id, held->ticket, count, STATUS_OK);
        held->ticket += count;
        queue->waiting_count -= count;
        held->peer->held_count -= count;
        held->peer->held_size -= size_before - held->run.size;
        if (held->run.count > 0)
            break;
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
    if (room == 0 || !consumer_has_credit(consumer))
        return false;
    uint32_t share = share_of(consumer->queue);
    if (!consumer_take(consumer, &engine->arena, share, room, &stretch, &tag) &&
        !consumer_take(consumer, &engine->arena, 1, UINT64_MAX, &stretch, &tag))
        return false;
    struct effect *effect = outbox_put(outbox, EFFECT_DELIVER, peer->id);
    effect->id = consumer_id(consumer);
    effect->deliveries = stretch.deliveries;
    effect->tag = tag;
    effect->slice = (struct slice){
        .block = &stretch.segment->block,
        .offset = segment_offset(stretch.segment, stretch.index),
        .size = stretch.size,
        .count = stretch.count,
        .is_reversed = consumer->from_back,
    };
    engine->totals.delivered += stretch.count;
    engine->totals.settled += consumer->no_ack ? stretch.count : 0;
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

static bool hand_out(struct engine *engine, struct queue *queue, struct outbox *outbox)
{
    bool is_any = false;
    while (queue->ready_count > 0 && queue->willing_count > 0 && !queue->is_paused) {
        struct consumer *consumer = queue->willing[0];
        if (deliver(engine, consumer, outbox)) {
            is_any = true;
            dispatch_rank(consumer);
        } else if (peer_room(consumer->peer, BLOCK_SEGMENT) > 0) {
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
    if (engine->is_draining)
        return;
    do {
        reconsider(queue);
        is_any = hand_out(engine, queue, outbox);
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

void dispatch_backlog(struct engine *engine, struct peer *peer, struct outbox *outbox)
{
    while (!engine->is_draining && peer->backlog.posts_count > 0 &&
           peer_room(peer, BLOCK_CHUNK) > 0) {
        struct post post = backlog_take(&peer->backlog, &engine->posts);
        struct subscription *subscription = post.subscription;
        if (post.missed_count > 0)
            dispatch_gap(subscription, (struct missed){post.missed_count, post.missed_size},
                         outbox);
        if (post.slice.count == 0)
            continue;
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
}

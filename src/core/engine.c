#include "core/engine_state.h"

#include "base/array.h"
#include "base/time.h"

#include <assert.h>
#include <stdlib.h>

/*
 * Commands change state at once; what has to be handed out is only marked hot, and a tick, once a
 * turn, hands it out. So the messages of a whole turn leave in as few slices as there are
 * consumers.
 */

struct engine *engine_create(struct hash_key key)
{
    struct engine *engine = memory_create(sizeof *engine);
    engine->key = key;
    arena_init(&engine->arena);
    topics_init(&engine->topics, &engine->key);
    retained_init(&engine->retained, &engine->key);
    backlog_store_init(&engine->posts, &engine->arena, &engine->key);
    engine->inbox_key.k0 = hash_bytes(&key, bytes_text("inbox, one half"));
    engine->inbox_key.k1 = hash_bytes(&key, bytes_text("inbox, the other half"));
    list_init(&engine->hot_queues);
    list_init(&engine->hot_peers);
    return engine;
}

void engine_destroy(struct engine *engine)
{
    if (!engine)
        return;
    assert(engine->peers.count == 0 && engine->totals.holds == 0);
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&engine->queues, &at));)
        queue_destroy(list_entry(entry, struct queue, entry), &engine->arena);
    table_finish(&engine->queues);
    table_finish(&engine->peers);
    topics_finish(&engine->topics);
    chunk_store_finish(&engine->chunks, &engine->arena);
    retained_finish(&engine->retained);
    backlog_store_finish(&engine->posts);
    arena_finish(&engine->arena);
    free(engine->text);
    free(engine);
}

struct peer *engine_peer(struct engine *engine, uint32_t id)
{
    if (engine->peer_memo && engine->peer_memo->id == id)
        return engine->peer_memo;
    struct table_entry *entry = table_find(&engine->peers, id, (struct bytes){0});
    if (entry)
        engine->peer_memo = list_entry(entry, struct peer, entry);
    return entry ? engine->peer_memo : NULL;
}

struct queue *engine_queue(struct engine *engine, struct bytes name)
{
    struct table_entry *entry = table_find(&engine->queues, hash_bytes(&engine->key, name), name);
    return entry ? list_entry(entry, struct queue, entry) : NULL;
}

struct queue *engine_queue_make(struct engine *engine, struct bytes name)
{
    struct queue *queue = engine_queue(engine, name);
    if (!queue) {
        queue = queue_create(name, hash_bytes(&engine->key, name));
        table_insert(&engine->queues, &queue->entry);
    }
    return queue;
}

void engine_touch(struct engine *engine, struct queue *queue)
{
    if (!list_is_linked(&queue->hot))
        list_push_back(&engine->hot_queues, &queue->hot);
}

static void attach(struct engine *engine, const struct command *command)
{
    assert(!engine_peer(engine, command->peer));
    struct peer *peer = memory_create(sizeof *peer);
    peer->entry.hash = command->peer;
    peer->id = command->peer;
    peer->held_count_max = command->window.count;
    peer->held_size_max = command->window.size;
    list_init(&peer->held);
    list_init(&peer->backlog.posts);
    peer->consumers.salt = peer->subscriptions.salt = engine->key.k0;
    table_insert(&engine->peers, &peer->entry);
}

static void detach(struct engine *engine, struct peer *peer)
{
    struct table_entry *entry;
    size_t at = 0;
    while (!list_is_empty(&peer->held)) {
        struct held_push *held = list_entry(peer->held.next, struct held_push, in_peer);
        engine_touch(engine, held->queue);
        chunk_release(held->slice.block, &engine->arena);
        engine_held_forget(held);
    }
    while ((entry = table_next(&peer->consumers, &at)))
        engine_consumer_end(engine, list_entry(entry, struct consumer, entry));
    engine_subscriptions_end(engine, peer);
    engine->peer_memo = NULL;
    match_unref(peer->match_memo);
    table_finish(&peer->consumers);
    table_finish(&peer->subscriptions);
    table_remove(&engine->peers, &peer->entry);
    list_remove(&peer->hot);
    free(peer);
}

static void refuse_held(struct engine *engine, struct peer *peer, struct outbox *outbox)
{
    while (!list_is_empty(&peer->held)) {
        struct held_push *held = list_entry(peer->held.next, struct held_push, in_peer);
        outbox_settle(outbox, peer->id, held->ticket, held->run.count, STATUS_CLOSING);
        chunk_release(held->slice.block, &engine->arena);
        engine_held_forget(held);
    }
}

void engine_drain(struct engine *engine, struct outbox *outbox)
{
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&engine->peers, &at));)
        refuse_held(engine, list_entry(entry, struct peer, entry), outbox);
    engine->is_draining = true;
}

/* Hands out what is ready for the peer's consumers: it goes before the answer to PING. A queue that
 * is not hot has nothing to hand out. */
static void serve(struct engine *engine, struct peer *peer, struct outbox *outbox)
{
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&peer->consumers, &at));) {
        struct queue *queue = list_entry(entry, struct consumer, entry)->queue;
        if (!list_is_linked(&queue->hot))
            continue;
        list_remove(&queue->hot);
        dispatch_queue(engine, queue, outbox);
    }
}

void engine_apply(struct engine *engine, const struct command *command, uint64_t now,
                  struct outbox *outbox)
{
    (void)now;
    if (command->kind == COMMAND_ATTACH) {
        attach(engine, command);
        return;
    }
    struct peer *peer = engine_peer(engine, command->peer);
    assert(peer);
    enum status status = STATUS_OK;
    switch (command->kind) {
    case COMMAND_ATTACH: break;
    case COMMAND_DETACH:
        detach(engine, peer);
        engine_end_overflowed(engine, outbox);
        return;
    case COMMAND_PUSH: apply_push(engine, peer, command, outbox); return;
    case COMMAND_PUBLISH:
        apply_publish(engine, peer, command, outbox);
        engine_end_overflowed(engine, outbox);
        return;
    case COMMAND_SUBSCRIBE:
        apply_subscribe(engine, peer, command, outbox);
        engine_end_overflowed(engine, outbox);
        return;
    case COMMAND_CONSUME: status = apply_consume(engine, peer, command); break;
    case COMMAND_CANCEL: status = apply_cancel(engine, peer, command); break;
    case COMMAND_CREDIT: status = apply_credit(engine, peer, command); break;
    case COMMAND_SETTLE: status = apply_settle(engine, peer, command); break;
    case COMMAND_UNSUBSCRIBE: status = apply_unsubscribe(engine, peer, command, outbox); break;
    case COMMAND_DECLARE: status = apply_declare(engine, command); break;
    case COMMAND_DELETE: status = apply_delete(engine, command, outbox); break;
    case COMMAND_PAUSE: status = apply_pause(engine, command, true); break;
    case COMMAND_RESUME: status = apply_pause(engine, command, false); break;
    case COMMAND_PURGE: status = answer_purge(engine, command, outbox); break;
    case COMMAND_PEEK: status = answer_peek(engine, command, outbox); break;
    case COMMAND_LIST: status = answer_list(engine, command, outbox); break;
    case COMMAND_INFO: status = answer_info(engine, command, outbox); break;
    case COMMAND_STATS: status = answer_stats(engine, command, outbox); break;
    case COMMAND_PING: serve(engine, peer, outbox); break;
    }
    bool is_answered =
        command->kind >= COMMAND_PURGE && command->kind <= COMMAND_STATS && status == STATUS_OK;
    if (!is_answered)
        outbox_settle(outbox, peer->id, command->ticket, 1, status);
    engine_end_overflowed(engine, outbox);
}

void engine_tick(struct engine *engine, uint64_t now, struct outbox *outbox)
{
    (void)now;
    struct list *link;
    while ((link = list_pop_front(&engine->hot_queues))) {
        struct queue *queue = list_entry(link, struct queue, hot);
        dispatch_queue(engine, queue, outbox);
        if (queue_is_unused(queue)) {
            engine->queues_generation++;
            table_remove(&engine->queues, &queue->entry);
            queue_destroy(queue, &engine->arena);
        }
    }
    while ((link = list_pop_front(&engine->hot_peers)))
        dispatch_backlog(engine, list_entry(link, struct peer, hot), outbox);
    chunk_store_rest(&engine->chunks, &engine->arena);
}

uint64_t engine_deadline(const struct engine *engine)
{
    return list_is_empty(&engine->hot_queues) && list_is_empty(&engine->hot_peers) ? TIME_NEVER : 0;
}

/* Looks again at consumers from the place `at` of their peer's table on. */
static void reconsider_from(struct engine *engine, struct peer *peer, size_t at)
{
    struct table_entry *entry;
    while ((entry = table_next(&peer->consumers, &at))) {
        struct consumer *consumer = list_entry(entry, struct consumer, entry);
        dispatch_rank(consumer);
        engine_touch(engine, consumer->queue);
    }
}

/* Room again at a connection that was full: those who were passed over can be given something,
 * another one first each time. */
static void has_room_again(struct engine *engine, struct peer *peer)
{
    peer->was_full = false;
    peer->turn_at = peer->turn_at < peer->consumers.capacity ? peer->turn_at + 1 : 0;
    reconsider_from(engine, peer, peer->turn_at);
    reconsider_from(engine, peer, 0);
}

void engine_release(struct engine *engine, uint32_t peer_id, const struct slice *slice,
                    uint64_t now)
{
    (void)now;
    assert(slice->block->holds_count > 0 && engine->totals.holds > 0);
    enum block_kind kind = slice->block->kind;
    uint32_t size = slice->size;
    engine->totals.holds--;
    if (kind == BLOCK_CHUNK) {
        chunk_release(slice->block, &engine->arena);
    } else {
        slice->block->holds_count--;
        queue_release(list_entry(slice->block, struct segment, block), &engine->arena);
    }
    struct peer *peer = peer_id == PEER_NONE ? NULL : engine_peer(engine, peer_id);
    if (!peer)
        return;
    assert(peer->unsent_sizes[kind] >= size);
    peer->unsent_sizes[kind] -= size;
    if (peer->was_full && peer_room(peer, BLOCK_SEGMENT) > 0)
        has_room_again(engine, peer);
    engine_touch_peer(engine, peer);
}

struct engine_totals engine_totals(const struct engine *engine)
{
    struct engine_totals totals = engine->totals;
    totals.queues = engine->queues.count;
    totals.connections = engine->peers.count;
    totals.subscriptions = engine->topics.subscriptions_count;
    totals.retained = engine->retained.messages.count;
    totals.retained_size = engine->retained.size;
    totals.memory = engine->arena.size;
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&engine->queues, &at));) {
        const struct queue *queue = list_entry(entry, struct queue, entry);
        totals.consumers += queue->consumers_count;
        totals.ready += queue->ready_count;
        totals.leased += queue->leased_count;
        totals.waiting += queue->waiting_count;
    }
    return totals;
}

void engine_check(const struct engine *engine)
{
    struct table_entry *entry, *inner;
    for (size_t at = 0; (entry = table_next(&engine->queues, &at));)
        queue_check(list_entry(entry, struct queue, entry));
    for (size_t at = 0; (entry = table_next(&engine->peers, &at));) {
        const struct peer *peer = list_entry(entry, struct peer, entry);
        backlog_check(&peer->backlog);
        for (size_t in = 0; (inner = table_next(&peer->consumers, &in));)
            consumer_check(list_entry(inner, struct consumer, entry));
    }
    topics_check(&engine->topics);
}

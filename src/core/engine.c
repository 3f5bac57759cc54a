#include "core/name.h"

#include "base/array.h"
#include "base/time.h"
#include "core/taker.h"
#include "core/watch.h"

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
    engine->stock.arena = &engine->arena;
    list_init(&engine->stock.letters);
    list_init(&engine->stock.awaited);
    topics_init(&engine->topics, &engine->key);
    retained_init(&engine->retained, &engine->key);
    backlog_store_init(&engine->posts, &engine->arena, &engine->key);
    engine->inbox_key.k0 = hash_bytes(&key, bytes_text("inbox, one half"));
    engine->inbox_key.k1 = hash_bytes(&key, bytes_text("inbox, the other half"));
    value_store_limit(&engine->values, 0);
    list_init(&engine->hot_queues);
    list_init(&engine->hot_peers);
    return engine;
}

void engine_destroy(struct engine *engine)
{
    if (!engine)
        return;
    assert(engine->peers.count == 0 && engine->totals.holds == 0);
    struct queue *queue;
    for (struct queue_walk walk = {0}; (queue = engine_next_queue(engine, &walk));) {
        timers_set(&engine->timers, &queue->timer, TIME_NEVER);
        queue_destroy(queue, &engine->stock);
    }
    timers_finish(&engine->timers);
    timers_finish(&engine->takers);
    names_finish(engine);
    for (unsigned space = 0; space < SPACES_COUNT; space++)
        table_finish(&engine->spaces[space].queues);
    table_finish(&engine->peers);
    table_finish(&engine->watched);
    topics_finish(&engine->topics);
    chunk_store_finish(&engine->chunks, &engine->arena);
    retained_finish(&engine->retained);
    backlog_store_finish(&engine->posts);
    arena_finish(&engine->arena);
    memory_free(engine->text);
    memory_free(engine);
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

void engine_age(struct engine *engine, struct queue *queue)
{
    if (queue_age_due(queue) > engine->stock.now)
        return;
    queue_age(queue, &engine->stock);
    engine_touch(engine, queue); /* what is ready now waits for its consumers */
}

static struct queue *find_queue(struct engine *engine, uint8_t space, struct bytes name)
{
    const struct name full = name_of(engine, space, name);
    return name_queue(engine, &full);
}

struct queue *engine_next_queue(const struct engine *engine, struct queue_walk *walk)
{
    for (; walk->space < SPACES_COUNT; walk->space++, walk->at = 0) {
        struct table_entry *entry = table_next(&engine->spaces[walk->space].queues, &walk->at);
        if (entry)
            return list_entry(entry, struct queue, entry);
    }
    return NULL;
}

struct queue *engine_queue(struct engine *engine, uint8_t space, struct bytes name)
{
    struct queue *queue = find_queue(engine, space, name);
    if (queue)
        engine_age(engine, queue);
    return queue;
}

static struct queue *add_queue(struct engine *engine, const struct name *name)
{
    struct queue *queue = queue_create(name->bytes, name->hash);
    queue->space = name->space;
    queue->is_shadowed = name_value(engine, name);
    queue->born = ++engine->queues_born;
    table_insert(&engine->spaces[name->space].queues, &queue->entry);
    engine->queues_count++;
    engine_configure_queue(engine, queue);
    return queue;
}

struct queue *engine_queue_make(struct engine *engine, uint8_t space, struct bytes name)
{
    const struct name full = name_of(engine, space, name);
    struct queue *queue = name_queue(engine, &full);
    uint64_t queues_max = engine->config.queues_max;
    if (!queue && queues_max > 0 && engine->queues_count >= queues_max)
        return NULL;
    return queue ? queue : add_queue(engine, &full);
}

enum status engine_queue_ask(struct engine *engine, uint8_t space, struct bytes name,
                             struct queue **queue)
{
    if (engine->is_pressed && !find_queue(engine, space, name))
        return STATUS_MEMORY;
    *queue = engine_queue_make(engine, space, name);
    return *queue ? STATUS_OK : STATUS_QUEUES;
}

void engine_queue_end(struct engine *engine, struct queue *queue)
{
    assert(list_is_empty(&engine->stock.letters));
    engine->queues_generation++;
    const struct name name = name_of_queue(queue);
    watch_queue_end(engine, queue);
    name_forget(engine, queue);
    timers_set(&engine->timers, &queue->timer, TIME_NEVER);
    table_remove(&engine->spaces[queue->space].queues, &queue->entry);
    engine->queues_count--;
    if (!list_is_empty(&queue->takers)) /* they wait for the next of that name */
        takers_move(queue, add_queue(engine, &name));
    queue_destroy(queue, &engine->stock);
}

void engine_touch(struct engine *engine, struct queue *queue)
{
    if (!list_is_linked(&queue->hot))
        list_push_back(&engine->hot_queues, &queue->hot);
}

enum status engine_list(struct engine *engine, uint8_t space, struct bytes name,
                        struct queue **queue)
{
    const struct name full = name_of(engine, space, name);
    enum key_type type = name_settle(engine, &full);
    *queue = name_queue(engine, &full);
    return type == KEY_LIST ? STATUS_OK : type == KEY_NONE ? STATUS_NO_KEY : STATUS_WRONG_TYPE;
}

static void attach(struct engine *engine, const struct command *command)
{
    assert(!engine_peer(engine, command->peer));
    struct bytes client = command->attach.client, address = command->attach.address;
    struct peer *peer = memory_create(sizeof *peer + client.size + address.size);
    peer->client = bytes_copy(peer + 1, client);
    peer->address = bytes_copy((unsigned char *)(peer + 1) + client.size, address);
    peer->entry.hash = command->peer;
    peer->id = command->peer;
    engine_limit(engine, peer);
    peer->is_each = command->attach.is_each;
    peer->held_count_max = command->attach.window_count;
    peer->held_size_max = command->attach.window_size;
    list_init(&peer->held);
    list_init(&peer->backlog.posts);
    peer->consumers.salt = peer->subscriptions.salt = engine->key.k0;
    table_insert(&engine->peers, &peer->entry);
}

static void detach(struct engine *engine, struct peer *peer)
{
    struct table_entry *entry;
    size_t at = 0;
    assert(engine->transaction.peer != peer);
    peer->was_full = peer->was_laden = false; /* no room again */
    while (!list_is_empty(&peer->held)) {
        struct held_push *held = list_entry(peer->held.next, struct held_push, in_peer);
        engine_touch(engine, held->queue);
        chunk_release(held->slice.block, &engine->arena);
        engine_held_forget(held);
    }
    takers_forget(engine, peer);
    watches_end(&engine->watched, peer);
    while ((entry = table_next(&peer->consumers, &at)))
        engine_consumer_end(engine, list_entry(entry, struct consumer, entry));
    keepers_end(engine, peer, &(struct settlement){.how = SETTLE_RETURN});
    engine_subscriptions_end(engine, peer);
    engine->peer_memo = NULL;
    match_unref(peer->match_memo);
    table_finish(&peer->consumers);
    table_finish(&peer->subscriptions);
    table_remove(&engine->peers, &peer->entry);
    list_remove(&peer->hot);
    memory_free(peer->label);
    memory_free(peer);
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

/* Hands out what a hot queue has, and lets it go when it is done with. */
static void tend(struct engine *engine, struct queue *queue, struct outbox *outbox)
{
    dispatch_queue(engine, queue, outbox);
    engine_bury(engine);
    takers_serve(engine, outbox);
    if (list_is_linked(&queue->hot))
        return; /* its own dead letters: it is looked at again */
    if (queue_is_unused(queue))
        engine_queue_end(engine, queue);
    else
        timers_set(&engine->timers, &queue->timer, queue_due(queue));
}

/* Tends all queues that were touched, or in which something is due. */
static void tend_all(struct engine *engine, struct outbox *outbox)
{
    struct list *link;
    while (timers_due(&engine->timers) <= engine->stock.now) {
        struct queue *queue = list_entry(timers_first(&engine->timers), struct queue, timer);
        timers_set(&engine->timers, &queue->timer, TIME_NEVER);
        engine_touch(engine, queue);
    }
    while ((link = list_pop_front(&engine->hot_queues)))
        tend(engine, list_entry(link, struct queue, hot), outbox);
}

/* Carries out a command whose frame is settled, or answered, at once. */
static void apply(struct engine *engine, struct peer *peer, const struct command *command,
                  struct outbox *outbox)
{
    enum status status = STATUS_OK;
    switch (command->kind) {
    case COMMAND_CONSUME: status = apply_consume(engine, peer, command); break;
    case COMMAND_CANCEL: status = apply_cancel(engine, peer, command); break;
    case COMMAND_CREDIT: status = apply_credit(engine, peer, command); break;
    case COMMAND_SETTLE: status = apply_settle(engine, peer, command); break;
    case COMMAND_TOUCH: status = apply_touch(engine, peer, command); break;
    case COMMAND_UNSUBSCRIBE: status = apply_unsubscribe(engine, peer, command, outbox); break;
    case COMMAND_DECLARE: status = apply_declare(engine, command); break;
    case COMMAND_SET: status = apply_set(engine, command); break;
    case COMMAND_DELETE: status = apply_delete(engine, command, outbox); break;
    case COMMAND_PAUSE: status = apply_pause(engine, command, true); break;
    case COMMAND_RESUME: status = apply_pause(engine, command, false); break;
    case COMMAND_KILL: status = apply_kill(engine, command, outbox); break;
    case COMMAND_PURGE: status = answer_purge(engine, command, outbox); break;
    case COMMAND_REDRIVE: status = answer_redrive(engine, command, outbox); break;
    case COMMAND_PEEK: status = answer_peek(engine, command, outbox); break;
    case COMMAND_LIST: status = answer_list(engine, command, outbox); break;
    case COMMAND_INFO: status = answer_info(engine, command, outbox); break;
    case COMMAND_CLIENTS: status = answer_clients(engine, command, outbox); break;
    case COMMAND_TOPICS: status = answer_topics(engine, command, outbox); break;
    case COMMAND_STATS: status = answer_stats(engine, command, outbox); break;
    case COMMAND_SETTINGS: status = answer_settings(engine, command, outbox); break;
    case COMMAND_LABEL: apply_label(peer, command, outbox); break;
    case COMMAND_EVICT: apply_evict(engine, command, outbox); break;
    case COMMAND_GET:
    case COMMAND_PUT:
    case COMMAND_APPEND:
    case COMMAND_ADD:
    case COMMAND_SIZE: status = apply_value(engine, command, outbox); break;
    case COMMAND_EXISTS:
    case COMMAND_TYPE:
    case COMMAND_DROP:
    case COMMAND_RENAME:
    case COMMAND_EXPIRE:
    case COMMAND_PERSIST:
    case COMMAND_TTL:
    case COMMAND_KEYS:
    case COMMAND_KEYS_COUNT:
    case COMMAND_FLUSH: status = apply_key(engine, command, outbox); break;
    case COMMAND_PING: tend_all(engine, outbox); break; /* what is ready goes before the REPLY */
    case COMMAND_CHANNELS: status = answer_channels(engine, command, outbox); break;
    case COMMAND_LISTENERS: status = answer_listeners(engine, command, outbox); break;
    case COMMAND_GLOBS: status = answer_globs(engine, command, outbox); break;
    case COMMAND_CONFIGURE: outbox_number(outbox, peer->id, command->ticket, SETTING_FIXED); break;
    case COMMAND_SLEEP: outbox_settle(outbox, peer->id, command->ticket, 1, STATUS_OK); break;
    default: assert(command->kind == COMMAND_HEARTBEAT);
    }
    if (command->kind < COMMAND_PURGE || status != STATUS_OK)
        outbox_settle(outbox, peer->id, command->ticket, 1, status);
}

/* What follows from a command, before the next. */
static void conclude(struct engine *engine, struct outbox *outbox)
{
    engine_end_overflowed(engine, outbox);
    engine_bury(engine);
    if (!list_is_empty(&engine->stock.awaited))
        takers_serve(engine, outbox);
}

/* Whether somebody waits for what is pushed there. */
static bool is_awaited(struct engine *engine, const struct command *command)
{
    if (engine->takers_count == 0)
        return false;
    const struct queue *queue = find_queue(engine, command->space, command->name);
    return queue && !list_is_empty(&queue->takers);
}

/* Carries pushes out. While somebody waits, each frame is a command of its own. */
static void push(struct engine *engine, struct peer *peer, const struct command *command,
                 struct outbox *outbox)
{
    struct command part = *command;
    struct run run = command->run;
    while (run.count > 1 && !command->is_whole && is_awaited(engine, command)) {
        run_split(&run, 1, UINT64_MAX, &part.run);
        apply_push(engine, peer, &part, outbox);
        conclude(engine, outbox);
        part.ticket++;
    }
    part.run = run;
    apply_push(engine, peer, &part, outbox);
}

void engine_apply(struct engine *engine, const struct command *command, uint64_t now,
                  struct outbox *outbox)
{
    engine->stock.now = now;
    assert(!engine->transaction.peer || engine->transaction.peer->id == command->peer);
    if (command->kind == COMMAND_ATTACH) {
        attach(engine, command);
        return;
    }
    struct peer *peer = engine_peer(engine, command->peer);
    assert(peer);
    enum status status = transaction_status(engine, command);
    if (status != STATUS_OK) {
        outbox_settle(outbox, peer->id, command->ticket, command_tickets(command), status);
        return;
    }
    switch (command->kind) {
    case COMMAND_DETACH: detach(engine, peer); break;
    case COMMAND_PUSH: push(engine, peer, command, outbox); break;
    case COMMAND_PUBLISH: apply_publish(engine, peer, command, outbox); break;
    case COMMAND_SUBSCRIBE: apply_subscribe(engine, peer, command, outbox); break;
    case COMMAND_TAKE: apply_take(engine, peer, command, outbox); break;
    case COMMAND_WAIT: apply_wait(engine, peer, command, outbox); break;
    case COMMAND_LENGTH:
    case COMMAND_RANGE:
    case COMMAND_FIND:
    case COMMAND_REPLACE:
    case COMMAND_INSERT:
    case COMMAND_REMOVE:
    case COMMAND_TRIM: apply_list(engine, peer, command, outbox); break;
    case COMMAND_FINISH: apply_finish(engine, peer, command, outbox); break;
    case COMMAND_WATCH: apply_watch(engine, peer, command, outbox); break;
    case COMMAND_UNWATCH: apply_unwatch(engine, peer, command, outbox); break;
    case COMMAND_BEGIN: apply_begin(engine, peer, command, outbox); break;
    case COMMAND_COMMIT: apply_commit(engine, peer, command, outbox); break;
    default: apply(engine, peer, command, outbox);
    }
    conclude(engine, outbox);
}

void engine_tick(struct engine *engine, uint64_t now, struct outbox *outbox)
{
    struct list *link;
    engine->stock.now = now;
    assert(!engine->transaction.peer);
    takers_expire(engine, outbox);
    names_expire(engine, NAMES_EXPIRED_MAX);
    tend_all(engine, outbox);
    while ((link = list_pop_front(&engine->hot_peers)))
        dispatch_backlog(engine, list_entry(link, struct peer, hot), outbox);
    chunk_store_rest(&engine->chunks, &engine->arena);
}

uint64_t engine_deadline(const struct engine *engine)
{
    bool is_hot = !list_is_empty(&engine->hot_queues) || !list_is_empty(&engine->hot_peers);
    uint64_t due = timers_due(&engine->timers), takers = timers_due(&engine->takers);
    uint64_t names = names_due(engine);
    due = due < takers ? due : takers;
    return is_hot ? 0 : due < names ? due : names;
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
    peer->was_full = peer->was_laden = false;
    peer->turn_at = peer->turn_at < peer->consumers.capacity ? peer->turn_at + 1 : 0;
    reconsider_from(engine, peer, peer->turn_at);
    reconsider_from(engine, peer, 0);
}

void engine_unlease(struct engine *engine, struct peer *peer, uint64_t count)
{
    assert(peer->leased_count >= count);
    peer->leased_count -= count;
    if (peer->was_laden && peer_lease_room(peer) > 0)
        has_room_again(engine, peer);
}

uint64_t engine_leased(const struct engine *engine, uint32_t id, uint64_t *since)
{
    struct table_entry *entry = table_find(&engine->peers, id, (struct bytes){0});
    const struct peer *peer = entry ? list_entry(entry, struct peer, entry) : NULL;
    *since = peer ? peer->leased_since : 0;
    return peer ? peer->leased_count : 0;
}

void engine_release(struct engine *engine, uint32_t peer_id, const struct slice *slice,
                    uint64_t now)
{
    engine->stock.now = now;
    assert(slice->block->holds_count > 0 && engine->totals.holds > 0);
    enum block_kind kind = slice->block->kind;
    uint32_t size = slice->size;
    engine->totals.holds--;
    if (kind == BLOCK_CHUNK) {
        chunk_release(slice->block, &engine->arena);
    } else {
        slice->block->holds_count--;
        queue_release(list_entry(slice->block, struct segment, block), &engine->stock);
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
    totals.queues = engine->queues_count;
    totals.connections = engine->peers.count;
    totals.subscriptions = engine->topics.subscriptions_count;
    totals.retained = engine->retained.messages.count;
    totals.retained_size = engine->retained.size;
    totals.memory = engine->arena.size;
    totals.topics = engine->topics.names.count;
    totals.globs = engine->topics.globs.globs.count;
    totals.apart = engine->topics.apart.count;
    totals.taking = engine->takers_count;
    totals.values_size = engine->values.size;
    for (unsigned space = 0; space < SPACES_COUNT; space++)
        totals.values += engine->spaces[space].values.count;
    const struct queue *queue;
    for (struct queue_walk walk = {0}; (queue = engine_next_queue(engine, &walk));) {
        totals.consumers += queue->consumers_count;
        totals.ready += queue->ready_count;
        totals.leased += queue->leased_count;
        totals.delayed += queue->delayed_count;
        totals.waiting += queue->waiting_count;
    }
    return totals;
}

void engine_check(const struct engine *engine)
{
    struct table_entry *entry, *inner;
    uint64_t listeners_count = 0;
    const struct queue *queue;
    uint64_t queues_count = 0;
    for (struct queue_walk walk = {0}; (queue = engine_next_queue(engine, &walk));) {
        queue_check(queue);
        takers_check(queue);
        queues_count++;
    }
    assert(engine->queues_count == queues_count);
    for (size_t at = 0; (entry = table_next(&engine->peers, &at));) {
        const struct peer *peer = list_entry(entry, struct peer, entry);
        backlog_check(&peer->backlog);
        listeners_count += peer->consumers.count + peer->subscriptions.count;
        for (size_t in = 0; (inner = table_next(&peer->consumers, &in));)
            consumer_check(list_entry(inner, struct consumer, entry));
        keepers_check(peer);
    }
    topics_check(&engine->topics);
    names_check(engine);
    assert(engine->listeners_count == listeners_count);
    assert(engine->transaction.peer || list_is_empty(&engine->stock.awaited));
    timers_check(&engine->takers);
}

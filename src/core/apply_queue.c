#include "core/engine_state.h"

#include "base/time.h"

#include <assert.h>

static struct consumer *consumer_of(struct peer *peer, uint32_t id)
{
    struct table_entry *entry = table_find(&peer->consumers, id, (struct bytes){0});
    return entry ? list_entry(entry, struct consumer, entry) : NULL;
}

enum status apply_consume(struct engine *engine, struct peer *peer, const struct command *command)
{
    if (consumer_of(peer, command->consumer.id))
        return STATUS_ID_IN_USE;
    if (command->consumer.credit_size > CREDIT_SIZE_MAX)
        return STATUS_CREDIT;
    enum status status = engine_may_listen(engine, peer);
    struct queue *queue;
    if (status == STATUS_OK)
        status = engine_queue_ask(engine, command->space, command->name, &queue);
    if (status != STATUS_OK)
        return status;
    engine->listeners_count++;
    struct consumer *consumer = consumer_create(queue, peer, command->consumer.id);
    consumer->from_back = command->consumer.from_back;
    consumer->no_ack = command->consumer.no_ack;
    consumer->served = engine->served++;
    bool is_credited =
        consumer_credit(consumer, command->consumer.credit_count, command->consumer.credit_size);
    assert(is_credited);
    table_insert(&peer->consumers, &consumer->entry);
    dispatch_rank(consumer);
    engine_touch(engine, queue);
    return STATUS_OK;
}

void engine_consumer_end(struct engine *engine, struct consumer *consumer)
{
    struct queue *queue = consumer->queue;
    engine_unlease(engine, consumer->peer, consumer->leased_count);
    engine->listeners_count -= !consumer->is_keeper;
    consumer_destroy(consumer, &engine->stock);
    engine_touch(engine, queue);
}

enum status apply_cancel(struct engine *engine, struct peer *peer, const struct command *command)
{
    struct consumer *consumer = consumer_of(peer, command->consumer.id);
    if (!consumer)
        return STATUS_NO_CONSUMER;
    table_remove(&peer->consumers, &consumer->entry);
    engine_consumer_end(engine, consumer);
    return STATUS_OK;
}

enum status apply_credit(struct engine *engine, struct peer *peer, const struct command *command)
{
    struct consumer *consumer = consumer_of(peer, command->consumer.id);
    if (!consumer)
        return STATUS_NO_CONSUMER;
    if (!consumer_credit(consumer, command->consumer.credit_count, command->consumer.credit_size))
        return STATUS_CREDIT;
    dispatch_rank(consumer);
    engine_touch(engine, consumer->queue);
    return STATUS_OK;
}

enum status apply_settle(struct engine *engine, struct peer *peer, const struct command *command)
{
    struct consumer *consumer = consumer_of(peer, command->settle.id);
    const struct settlement settlement = {.how = command->settle.how,
                                          .delay_ns = ns_of_ms(command->settle.delay_ms)};
    if (!consumer)
        return STATUS_NO_CONSUMER;
    uint64_t settled = consumer_settle(consumer, &engine->stock, command->settle.tag,
                                       command->settle.count, &settlement);
    if (settled > 0) {
        if (settlement.how != SETTLE_RETURN)
            engine->totals.settled += settled;
        engine_unlease(engine, peer, settled);
        dispatch_rank(consumer);
        engine_touch(engine, consumer->queue);
    }
    return settled == command->settle.count ? STATUS_OK : STATUS_NOT_LEASED;
}

enum status apply_touch(struct engine *engine, struct peer *peer, const struct command *command)
{
    struct consumer *consumer = consumer_of(peer, command->settle.id);
    if (!consumer)
        return STATUS_NO_CONSUMER;
    uint64_t touched =
        consumer_touch(consumer, &engine->stock, command->settle.tag, command->settle.count);
    return touched == command->settle.count ? STATUS_OK : STATUS_NOT_LEASED;
}

/* Gives the queue settings of its own, which hold from now on. */
static void set_own(struct engine *engine, struct queue *queue, const struct queue_settings *given)
{
    struct queue_settings own = queue->own;
    engine_bury(engine); /* what has died goes where it was to go then */
    queue_settings_merge(&own, given);
    queue_set_own(queue, &own);
    engine_configure_queue(engine, queue);
}

/* Whether what is given is what holds; a queue for dead letters by its name, whoever gave it. */
static bool holds_already(const struct queue *queue, const struct queue_settings *given)
{
    unsigned char buffer[DEAD_LETTER_NAME_MAX];
    struct queue_settings has = queue->settings;
    has.dead_letter = queue_dead_letter(queue, buffer);
    return queue_settings_agree(&has, given);
}

enum status apply_declare(struct engine *engine, const struct command *command)
{
    struct queue *queue;
    enum status status = engine_queue_ask(engine, command->space, command->name, &queue);
    if (status != STATUS_OK)
        return status;
    engine_age(engine, queue);
    if (queue->is_declared)
        return holds_already(queue, &command->settings) ? STATUS_OK : STATUS_EXISTS;
    queue->is_declared = true;
    set_own(engine, queue, &command->settings);
    return STATUS_OK;
}

enum status apply_set(struct engine *engine, const struct command *command)
{
    struct queue *queue = engine_queue(engine, command->space, command->name);
    if (!queue)
        return command->declares ? apply_declare(engine, command) : STATUS_NO_QUEUE;
    queue->is_declared |= command->declares;
    set_own(engine, queue, &command->settings);
    return STATUS_OK;
}

/* Ends a consumer of a queue that is deleted. */
static void end_deleted(struct engine *engine, struct consumer *consumer, struct outbox *outbox)
{
    if (consumer->is_keeper) {
        keeper_end(engine, consumer);
        return;
    }
    struct effect *ended = outbox_put(outbox, EFFECT_ENDED, consumer->peer->id);
    ended->id = consumer_id(consumer);
    ended->status = STATUS_DELETED;
    table_remove(&consumer->peer->consumers, &consumer->entry);
    engine_consumer_end(engine, consumer);
}

enum status apply_delete(struct engine *engine, const struct command *command,
                         struct outbox *outbox)
{
    struct queue *queue = engine_queue(engine, command->space, command->name);
    if (!queue)
        return STATUS_NO_QUEUE;
    engine_bury(engine); /* what has expired is not deleted, but dead */
    while (!list_is_empty(&queue->waiting)) {
        struct held_push *held = list_entry(queue->waiting.next, struct held_push, in_queue);
        outbox_settle(outbox, held->peer->id, held->ticket, held->run.count, STATUS_DELETED);
        chunk_release(held->slice.block, &engine->arena);
        engine_held_forget(held);
    }
    queue->settings.delivery_limit = 0; /* what is leased is discarded, not dead */
    while (!list_is_empty(&queue->consumers))
        end_deleted(engine, list_entry(queue->consumers.next, struct consumer, link), outbox);
    engine_queue_end(engine, queue);
    return STATUS_OK;
}

enum status apply_pause(struct engine *engine, const struct command *command, bool is_paused)
{
    struct queue *queue = engine_queue(engine, command->space, command->name);
    if (!queue)
        return STATUS_NO_QUEUE;
    queue->is_paused = is_paused;
    engine_touch(engine, queue);
    return STATUS_OK;
}

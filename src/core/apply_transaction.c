#include "core/engine_state.h"

#include "core/watch.h"

#include <assert.h>

/*
 * The commands of a transaction come one by one, but nobody else's in between, and nobody who waits
 * is served before it is over.
 */

/* What a watch of that name is of. */
static struct watched watched_of(const struct engine *engine, uint8_t space, struct bytes name)
{
    uint64_t hash = hash_bytes(&engine->key, name) + space; /* another one in each space */
    return (struct watched){.entry = {hash, name}, .space = space};
}

/* That name, if anybody watches it. */
static struct watched *find_watched(const struct engine *engine, uint8_t space, struct bytes name)
{
    if (engine->watched.count == 0)
        return NULL;
    struct watched what = watched_of(engine, space, name);
    struct table_entry *entry = table_find(&engine->watched, what.entry.hash, name);
    return entry ? list_entry(entry, struct watched, entry) : NULL;
}

void watch_touch(struct engine *engine, uint8_t space, struct bytes name)
{
    struct watched *watched = find_watched(engine, space, name);
    if (watched)
        watched_change(watched);
}

void watch_queue_end(struct engine *engine, const struct queue *queue)
{
    struct watched *watched = find_watched(engine, queue->space, queue->entry.name);
    if (watched)
        watched_lose_queue(watched, queue);
}

/* Whether anything has changed that the peer watches. */
static bool has_changed(struct engine *engine, const struct peer *peer)
{
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&peer->watches, &at));) {
        const struct watch *watch = list_entry(entry, struct watch, entry);
        struct queue *queue;
        engine_list(engine, watch->watched->space, entry->name, &queue); /* as time has left it */
        if (watch_has_changed(watch, queue))
            return true;
    }
    return false;
}

void apply_watch(struct engine *engine, struct peer *peer, const struct command *command,
                 struct outbox *outbox)
{
    struct watched what = watched_of(engine, command->space, command->name);
    uint64_t count_max = engine->config.listeners_per_peer_max;
    enum status status = engine->is_pressed ? STATUS_MEMORY : STATUS_OK;
    struct queue *queue;
    if (count_max > 0 && peer->watches.count >= count_max)
        status = STATUS_SUBSCRIPTIONS;
    if (status == STATUS_OK) {
        engine_list(engine, command->space, command->name, &queue); /* as time has left it */
        watch_begin(&engine->watched, peer, &what, queue);
    }
    outbox_settle(outbox, peer->id, command->ticket, 1, status);
}

void apply_unwatch(struct engine *engine, struct peer *peer, const struct command *command,
                   struct outbox *outbox)
{
    watches_end(&engine->watched, peer);
    outbox_settle(outbox, peer->id, command->ticket, 1, STATUS_OK);
}

bool engine_skips(const struct engine *engine)
{
    return engine->transaction.is_skipped;
}

void apply_begin(struct engine *engine, struct peer *peer, const struct command *command,
                 struct outbox *outbox)
{
    assert(!engine->transaction.peer);
    engine->transaction.peer = peer;
    engine->transaction.answered_before = engine->answered_size;
    engine->transaction.is_skipped = !command->is_bare && has_changed(engine, peer);
    if (!command->is_bare)
        watches_end(&engine->watched, peer);
    outbox_settle(outbox, peer->id, command->ticket, 1,
                  engine->transaction.is_skipped ? STATUS_CHANGED : STATUS_OK);
}

void apply_commit(struct engine *engine, struct peer *peer, const struct command *command,
                  struct outbox *outbox)
{
    assert(engine->transaction.peer == peer);
    engine->transaction.peer = NULL;
    engine->transaction.is_skipped = false;
    outbox_settle(outbox, peer->id, command->ticket, 1, STATUS_OK);
}

/* Whether an answer may be far longer than its command. */
static bool is_answered_at_length(const struct command *command)
{
    switch (command->kind) {
    case COMMAND_RANGE:
    case COMMAND_FIND:
    case COMMAND_GET:
    case COMMAND_KEYS:
    case COMMAND_CHANNELS:
    case COMMAND_CLIENTS:
    case COMMAND_INFO:
    case COMMAND_STATS: return true;
    case COMMAND_PUT: return command->value.wants_old;
    default: return false;
    }
}

enum status transaction_status(const struct engine *engine, const struct command *command)
{
    if (!engine->transaction.peer || command->kind == COMMAND_COMMIT)
        return STATUS_OK;
    if (engine->transaction.is_skipped)
        return STATUS_SKIPPED;
    /* Nobody is sent any answer before it is over: they must not fill the memory. */
    bool is_much =
        engine->answered_size - engine->transaction.answered_before > TRANSACTION_ANSWERS_SIZE_MAX;
    bool is_too_much = is_much || engine_is_overfull(engine);
    return is_too_much && is_answered_at_length(command) ? STATUS_MEMORY : STATUS_OK;
}

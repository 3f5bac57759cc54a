#include "core/engine_state.h"

#include "base/array.h"

/* Commands about connections. */

static void evict(const struct peer *peer, struct outbox *outbox)
{
    outbox_put(outbox, EFFECT_KILLED, peer->id)->status = STATUS_KILLED;
}

enum status apply_kill(struct engine *engine, const struct command *command, struct outbox *outbox)
{
    const struct peer *peer = engine_peer(engine, command->client);
    if (!peer)
        return STATUS_NO_CLIENT;
    evict(peer, outbox);
    return STATUS_OK;
}

/* Whether the connection is as a command asks for. */
static bool is_meant(const struct peer *peer, const struct command *command)
{
    bool is_subscriber = peer->subscriptions.count > 0;
    if (command->evict.client != PEER_NONE && command->evict.client != peer->id)
        return false;
    if (command->evict.address.size > 0 && !bytes_equal(command->evict.address, peer->address))
        return false;
    if (command->evict.which != EVICT_ANY &&
        is_subscriber != (command->evict.which == EVICT_SUBSCRIBERS))
        return false;
    return !command->evict.spares_own || peer->id != command->peer;
}

void apply_evict(struct engine *engine, const struct command *command, struct outbox *outbox)
{
    struct table_entry *entry;
    int64_t count = 0;
    for (size_t at = 0; (entry = table_next(&engine->peers, &at));)
        count += is_meant(list_entry(entry, struct peer, entry), command);
    outbox_number(outbox, command->peer, command->ticket, count); /* before its own end */
    for (size_t at = 0; (entry = table_next(&engine->peers, &at));) {
        const struct peer *peer = list_entry(entry, struct peer, entry);
        if (is_meant(peer, command))
            evict(peer, outbox);
    }
}

void apply_label(struct peer *peer, const struct command *command, struct outbox *outbox)
{
    memory_free(peer->label);
    peer->label =
        command->label.size > 0 ? memory_copy(command->label.data, command->label.size) : NULL;
    peer->client = bytes_of(peer->label, command->label.size);
    outbox_settle(outbox, peer->id, command->ticket, 1, STATUS_OK);
}

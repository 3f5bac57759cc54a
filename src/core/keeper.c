#include "core/engine_state.h"

#include <assert.h>

struct consumer *keeper_of(const struct peer *peer, const struct queue *queue)
{
    struct table_entry *entry = table_find(&peer->keepers, queue->born, (struct bytes){0});
    return entry ? list_entry(entry, struct consumer, entry) : NULL;
}

void keepers_check(const struct peer *peer)
{
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&peer->keepers, &at));) {
        const struct consumer *keeper = list_entry(entry, struct consumer, entry);
        consumer_check(keeper);
        assert(keeper->is_keeper && keeper->peer == peer && keeper->willing_at == 0);
        assert(entry->hash == keeper->queue->born && keeper->leased_count > 0);
    }
}

struct consumer *keeper_ask(struct engine *engine, struct peer *peer, struct queue *queue,
                            bool from_back)
{
    struct consumer *keeper = keeper_of(peer, queue);
    if (keeper) {
        keeper_settle(engine, keeper, &(struct settlement){.how = SETTLE_ACKNOWLEDGE});
    } else {
        keeper = consumer_create(queue, peer, 0);
        keeper->is_keeper = true;
        keeper->entry.hash = queue->born;
        table_insert(&peer->keepers, &keeper->entry);
    }
    keeper->from_back = from_back;
    return keeper;
}

void keeper_lease(struct engine *engine, struct consumer *keeper, const struct stretch *stretch)
{
    consumer_lease(keeper, stretch, engine->stock.now);
    keeper->tag_next += stretch->count;
    peer_lease(keeper->peer, stretch->count, engine->stock.now);
}

uint64_t keeper_settle(struct engine *engine, struct consumer *keeper,
                       const struct settlement *settlement)
{
    uint64_t settled = consumer_settle_all(keeper, &engine->stock, settlement);
    if (settlement->how != SETTLE_RETURN)
        engine->totals.settled += settled;
    engine_unlease(engine, keeper->peer, settled);
    engine_touch(engine, keeper->queue);
    return settled;
}

void keeper_end(struct engine *engine, struct consumer *keeper)
{
    assert(keeper->is_keeper);
    table_remove(&keeper->peer->keepers, &keeper->entry);
    engine_consumer_end(engine, keeper);
}

uint64_t keepers_end(struct engine *engine, struct peer *peer, const struct settlement *settlement)
{
    struct table_entry *entry;
    uint64_t settled = 0;
    for (size_t at = 0; (entry = table_next(&peer->keepers, &at));) {
        struct consumer *keeper = list_entry(entry, struct consumer, entry);
        settled += keeper_settle(engine, keeper, settlement);
        engine_consumer_end(engine, keeper);
    }
    table_finish(&peer->keepers);
    return settled;
}

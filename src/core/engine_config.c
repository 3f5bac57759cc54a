/* What the engine is told: settings by name, limits, and that memory is short. */
#include "core/engine_state.h"

#include "base/array.h"

void engine_configure_queue(struct engine *engine, struct queue *queue)
{
    const struct engine_config *config = &engine->config;
    struct queue_settings settings = queue_settings_default();
    queue_policies_merge(&settings, config->queue_policies, config->queue_policies_count,
                         queue->entry.name);
    queue_configure(queue, &settings);
    for (struct list *link = queue->consumers.next; link != &queue->consumers; link = link->next)
        consumer_watch(list_entry(link, struct consumer, link));
    engine_touch(engine, queue);
}

void engine_limit(const struct engine *engine, struct peer *peer)
{
    const struct engine_config *config = &engine->config;
    peer->leased_max = config->in_flight_max ? config->in_flight_max : UINT64_MAX;
    peer->unsent_max = config->unsent_max ? config->unsent_max : UNSENT_MAX_DEFAULT;
}

void engine_configure(struct engine *engine, const struct engine_config *config, uint64_t now)
{
    struct table_entry *entry;
    engine->stock.now = now;
    engine->config = *config;
    retained_limit(&engine->retained, config->retained_count_max, config->retained_size_max);
    value_store_limit(&engine->values, config->values_size_max);
    struct queue *queue;
    for (struct queue_walk walk = {0}; (queue = engine_next_queue(engine, &walk));)
        engine_configure_queue(engine, queue);
    for (size_t at = 0; (entry = table_next(&engine->peers, &at));) {
        struct peer *peer = list_entry(entry, struct peer, entry);
        engine_limit(engine, peer);
        engine_unlease(engine, peer, 0);
    }
}

enum status engine_may_listen(const struct engine *engine, const struct peer *peer)
{
    const struct engine_config *config = &engine->config;
    uint64_t own = peer->consumers.count + peer->subscriptions.count;
    if (config->listeners_per_peer_max > 0 && own >= config->listeners_per_peer_max)
        return STATUS_SUBSCRIPTIONS;
    if (config->listeners_max > 0 && engine->listeners_count >= config->listeners_max)
        return STATUS_SUBSCRIPTIONS_IN_ALL;
    return STATUS_OK;
}

bool engine_is_overfull(const struct engine *engine)
{
    uint64_t max = engine->config.memory_hard_max;
    return max > 0 && memory_used() > max;
}

void engine_set_pressure(struct engine *engine, bool is_pressed)
{
    engine->is_pressed = is_pressed;
}

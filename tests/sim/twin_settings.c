/* Settings of the twin's queues: those given over those of every queue. */
#include "replay.h"
#include "twin.h"

/* The queue for dead letters of a queue that does not say; nowhere if that cannot have its name. */
static struct bytes usual_dead_letter(const struct twin *twin, int index)
{
    static const char suffix[] = ".dead";
    struct bytes name = twin->names->queues[index], end = bytes_text(suffix);
    if (name.size + end.size > FRAME_NAME_MAX ||
        (name.size >= end.size &&
         memcmp(name.data + name.size - end.size, end.data, end.size) == 0))
        return bytes_of(suffix, 0);
    for (int i = 0; i < TWIN_QUEUES; i++) {
        struct bytes other = twin->names->queues[i];
        if (other.size == name.size + end.size && memcmp(other.data, name.data, name.size) == 0 &&
            memcmp(other.data + name.size, end.data, end.size) == 0)
            return other;
    }
    REQUIRE(false, "there is no name for the dead letters of queue %d", index);
}

/* Puts those that are given in place of those there were. */
static void put_over(struct queue_settings *to, const struct queue_settings *given)
{
    struct queue_settings before = *to;
    *to = *given;
    if (!(given->given & SETTING_COUNT_MAX))
        to->count_max = before.count_max;
    if (!(given->given & SETTING_SIZE_MAX))
        to->size_max = before.size_max;
    if (!(given->given & SETTING_WHEN_FULL))
        to->when_full = before.when_full;
    if (!(given->given & SETTING_TTL))
        to->ttl_ms = before.ttl_ms;
    if (!(given->given & SETTING_DELIVERY_LIMIT))
        to->delivery_limit = before.delivery_limit;
    if (!(given->given & SETTING_LEASE_MAX))
        to->lease_max_ms = before.lease_max_ms;
    if (!(given->given & SETTING_POP_LEASE))
        to->pop_lease = before.pop_lease;
    if (!(given->given & SETTING_DEAD_LETTER))
        to->dead_letter = before.dead_letter;
    to->given = before.given | given->given;
}

/* Those of every queue; over them those that its name's patterns give, the most specific last; over
 * them its own. */
void twin_queue_configure(struct twin *twin, int index)
{
    struct twin_queue *queue = &twin->queues[index];
    queue->settings = (struct queue_settings){
        .count_max = 10000000,
        .size_max = UINT64_C(1024) * 1024 * 1024,
        .delivery_limit = 16,
        .dead_letter = usual_dead_letter(twin, index),
    };
    for (size_t i = 0; i < twin->config.queue_policies_count; i++) {
        const struct queue_policy *policy = &twin->config.queue_policies[i];
        if (!twin_matches(policy->pattern, true, twin->names->queues[index]))
            continue;
        put_over(&queue->settings, &policy->settings);
        if (policy->settings.given)
            reach(REACH_CONFIGURED);
    }
    put_over(&queue->settings, &queue->own);
}

void twin_configure(struct twin *twin, const struct engine_config *config)
{
    twin->config = *config;
    for (int i = 0; i < TWIN_QUEUES; i++)
        if (twin->queues[i].is_there)
            twin_queue_configure(twin, i);
}

static bool is_shorter(uint64_t ms, uint64_t before)
{
    return ms > 0 && (before == 0 || ms < before);
}

/* Has the given settings hold. */
static void give(struct twin *twin, int index, const struct queue_settings *given)
{
    struct twin_queue *queue = &twin->queues[index];
    struct queue_settings before = queue->settings;
    struct queue_settings kept = *given;
    if (kept.dead_letter.size > 0) /* as the twin keeps names */
        kept.dead_letter = twin->names->queues[twin_queue_index(twin, kept.dead_letter)];
    else
        kept.dead_letter = bytes_of("", 0);
    put_over(&queue->own, &kept);
    twin_queue_configure(twin, index);
    const struct queue_settings *now = &queue->settings;
    if (queue->ready + queue->leased > now->count_max)
        reach(REACH_SET_BOUND_LOWERED);
    if (queue->ready > 0 && is_shorter(now->ttl_ms, before.ttl_ms))
        reach(REACH_EXPIRED_SHORTENED);
    if (queue->leased > 0 && is_shorter(now->lease_max_ms, before.lease_max_ms))
        reach(REACH_LOST_SHORTENED);
}

static bool agrees(const struct queue_settings *has, const struct queue_settings *wanted)
{
    unsigned given = wanted->given;
    return (!(given & SETTING_COUNT_MAX) || has->count_max == wanted->count_max) &&
           (!(given & SETTING_SIZE_MAX) || has->size_max == wanted->size_max) &&
           (!(given & SETTING_WHEN_FULL) || has->when_full == wanted->when_full) &&
           (!(given & SETTING_TTL) || has->ttl_ms == wanted->ttl_ms) &&
           (!(given & SETTING_DELIVERY_LIMIT) || has->delivery_limit == wanted->delivery_limit) &&
           (!(given & SETTING_DEAD_LETTER) || bytes_equal(has->dead_letter, wanted->dead_letter)) &&
           (!(given & SETTING_LEASE_MAX) || has->lease_max_ms == wanted->lease_max_ms) &&
           (!(given & SETTING_POP_LEASE) || has->pop_lease == wanted->pop_lease);
}

enum status twin_declare(struct twin *twin, const struct command *command)
{
    int index = twin_queue_index(twin, command->name);
    if (twin->is_pressed && !twin->queues[index].is_there)
        return STATUS_MEMORY;
    struct twin_queue *queue = twin_queue_make(twin, command->name);
    if (!queue)
        return STATUS_QUEUES;
    bool was_declared = queue->is_declared;
    queue->is_declared = true;
    if (was_declared && !agrees(&queue->settings, &command->settings))
        return STATUS_EXISTS;
    if (was_declared)
        reach(REACH_DECLARED_AGAIN);
    else
        give(twin, index, &command->settings);
    return STATUS_OK;
}

enum status twin_set(struct twin *twin, const struct command *command)
{
    int index = twin_queue_index(twin, command->name);
    struct twin_queue *queue = &twin->queues[index];
    if (!queue->is_there)
        return command->declares ? twin_declare(twin, command) : STATUS_NO_QUEUE;
    if (!queue->is_declared)
        reach(REACH_SET_UNDECLARED);
    queue->is_declared |= command->declares;
    give(twin, index, &command->settings);
    return STATUS_OK;
}

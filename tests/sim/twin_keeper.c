/* Keepers: consumers that keep what a connection has popped of queues with pop leases. */
#include "replay.h"
#include "twin.h"

#include <stdlib.h>

static struct twin_consumer *keeper_of(struct twin_peer *peer, int index)
{
    return &peer->consumers[TWIN_IDS + index];
}

/* What it has leased in this call is not looked at any more. */
static void forget_news(struct twin *twin, const struct twin_peer *peer, int index)
{
    size_t left = 0;
    for (size_t i = 0; i < twin->news_count; i++)
        if (twin->news[i].peer != peer->id ||
            twin->news[i].consumer != (uint32_t)(TWIN_IDS + index))
            twin->news[left++] = twin->news[i];
    twin->news_count = left;
}

/* Settles what it keeps; returns how many messages. */
static uint64_t settle(struct twin *twin, struct twin_peer *peer, struct twin_consumer *keeper,
                       enum settle how, uint64_t delay_ms)
{
    uint64_t count = keeper->leases_count;
    struct twin_queue *queue = &twin->queues[keeper->queue];
    forget_news(twin, peer, keeper->queue);
    for (size_t i = 0; i < count; i++) {
        const struct twin_lease *lease = &keeper->leases[keeper->from_back ? count - 1 - i : i];
        uint64_t worked = twin->now - lease->began;
        if (how == SETTLE_ACKNOWLEDGE && worked > queue->worked_most)
            queue->worked_most = worked;
        twin_settle_message(twin, keeper, lease->message, how, delay_ms);
    }
    twin->totals.settled += how == SETTLE_ACKNOWLEDGE ? count : 0;
    keeper->leases_count = 0;
    return count;
}

struct twin_consumer *twin_keeper_ask(struct twin *twin, struct twin_peer *peer, int index,
                                      bool from_back)
{
    struct twin_consumer *keeper = keeper_of(peer, index);
    if (keeper->is_there) {
        settle(twin, peer, keeper, SETTLE_ACKNOWLEDGE, 0);
        reach(REACH_KEEPER_NEXT);
    } else {
        *keeper = (struct twin_consumer){.is_there = true, .queue = index, .tag_next = 1};
        twin->queues[index].consumers++;
    }
    keeper->from_back = from_back;
    reach(REACH_KEEPER);
    return keeper;
}

uint64_t twin_keeper_end(struct twin *twin, struct twin_peer *peer, int index, enum settle how,
                         uint64_t delay_ms)
{
    struct twin_consumer *keeper = keeper_of(peer, index);
    if (!keeper->is_there)
        return 0;
    uint64_t count = settle(twin, peer, keeper, how, delay_ms);
    twin_consumer_end(twin, keeper, false);
    return count;
}

void twin_apply_finish(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    enum settle how = command->finish.how;
    uint64_t settled = 0;
    for (int i = 0; i < TWIN_QUEUES; i++)
        if (command->finish.is_all || bytes_equal(command->name, twin->names->queues[i]))
            settled += twin_keeper_end(twin, peer, i, how, command->finish.delay_ms);
    if (settled > 0)
        reach(how == SETTLE_RETURN ? REACH_KEEPER_RETURNED : REACH_KEEPER_FINISHED);
    twin_foretell_number(twin, peer->id, command->ticket, (int64_t)settled);
}

void twin_on_lose(struct twin *twin, const struct twin_event *event)
{
    struct twin_peer *peer = twin_peer(twin, event->peer);
    REQUIRE(peer, "a lease of a connection is lost that is not there");
    struct twin_consumer *keeper = keeper_of(peer, event->queue);
    twin->loser = event->peer;
    reach(REACH_KEEPER_LOST);
    for (uint32_t i = 0; i < event->count; i++)
        twin_lose(twin, keeper, event->tag + (keeper->from_back ? event->count - 1 - i : i));
    if (keeper->leases_count == 0)
        twin_consumer_end(twin, keeper, false);
}

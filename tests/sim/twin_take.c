/* Pops, and who waits to pop. When somebody waits and is served is the engine's to decide: the twin
 * sees that it was his turn, and in the end that nobody waits for what is ready. */
#include "base/array.h"
#include "base/time.h"
#include "replay.h"
#include "twin.h"

#include <inttypes.h>
#include <stdlib.h>

static struct twin_held held_of(const struct twin *twin, const struct twin_message *message)
{
    return (struct twin_held){.id = message->id,
                              .size = message->size,
                              .name = twin->names->queues[message->name],
                              .headers = message->headers};
}

/* Messages that may be taken of a queue. */
static bool has_any(const struct twin *twin, int index)
{
    const struct twin_queue *queue = &twin->queues[index];
    return queue->is_there && queue->ready > 0 && !queue->is_paused;
}

static void take_one(struct twin *twin, struct twin_peer *peer, int index, bool from_back,
                     struct twin_consumer *keeper, struct twin_held *held)
{
    struct twin_queue *queue = &twin->queues[index];
    struct twin_message *message = twin_next(queue, from_back);
    REQUIRE(message && twin_expiry(queue, message) > twin->now, "a pop of what has expired");
    *held = held_of(twin, message);
    if (keeper) {
        twin_take(twin, peer, keeper, message);
        return;
    }
    twin_note_delivery(twin, queue, message);
    twin_queue_leave(queue, message);
    free(message);
    queue->counters.settled[SETTLE_ACKNOWLEDGE]++;
    twin->totals.settled++;
}

/* How many messages a pop may take: of those that are leased one at least. */
static uint32_t total_of(const struct twin *twin, const struct twin_peer *peer, int index,
                         uint32_t count)
{
    const struct twin_queue *queue = &twin->queues[index];
    uint64_t total = queue->ready < count ? queue->ready : count;
    uint64_t room = twin_flight_room(twin, peer);
    if (queue->settings.pop_lease == POP_LEASE_NONE || total <= room)
        return (uint32_t)total;
    reach(REACH_KEEPER_FULL);
    return room > 0 ? (uint32_t)room : 1;
}

/* Takes what there is, up to `count`, and foretells the answer; returns how many messages. */
static uint32_t take(struct twin *twin, struct twin_peer *peer, uint64_t ticket, int index,
                     uint32_t which, uint32_t count, bool from_back)
{
    bool is_leased = twin->queues[index].settings.pop_lease == POP_LEASE_CONNECTION;
    struct twin_consumer *keeper = is_leased ? twin_keeper_ask(twin, peer, index, from_back) : NULL;
    uint32_t total = total_of(twin, peer, index, count);
    struct twin_settled *frames = twin_foretell_frames(twin, peer->id, ticket, index, total);
    frames->which = which;
    for (uint32_t i = 0; i < total; i++)
        take_one(twin, peer, index, from_back, keeper, &frames->messages[i]);
    twin->totals.delivered += total;
    reach(from_back ? REACH_TAKEN_BACK : REACH_TAKEN);
    return total;
}

static uint32_t take_each(struct twin *twin, struct twin_peer *peer, const struct command *command,
                          int index)
{
    uint32_t taken = 0, count = command->take.count;
    bool from_back = command->take.from_back;
    if (twin->queues[index].settings.pop_lease == POP_LEASE_NONE)
        taken = take(twin, peer, command->ticket, index, 0, count, from_back);
    while (taken < count && has_any(twin, index))
        taken += take(twin, peer, command->ticket + taken, index, 0, 1, from_back);
    reach(taken > 1 ? REACH_TAKEN_EACH : REACH_TAKEN);
    if (taken < count)
        reach(REACH_TAKEN_EACH_LATE);
    return taken;
}

/* Whoever pops from a queue has done with what was popped before. */
static void settle_popped(struct twin *twin, struct twin_peer *peer, int index)
{
    if (twin_keeper_end(twin, peer, index, SETTLE_ACKNOWLEDGE, 0) > 0)
        reach(REACH_KEEPER_NEXT);
}

void twin_apply_take(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    int index = twin_queue_index(twin, command->name);
    uint32_t answered = 0, tickets = command_tickets(command);
    enum status status = STATUS_NO_KEY;
    settle_popped(twin, peer, index);
    if (twin->queues[index].is_paused)
        reach(REACH_TAKEN_PAUSED);
    if (has_any(twin, index) && command->take.count == 0)
        status = STATUS_OK;
    else if (has_any(twin, index) && command->take.is_each)
        answered = take_each(twin, peer, command, index);
    else if (has_any(twin, index))
        answered = take(twin, peer, command->ticket, index, 0, command->take.count,
                        command->take.from_back) > 0;
    for (; answered < tickets; answered++)
        twin_foretell(twin, peer->id, command->ticket + answered, status);
}

/* Moves. */

/* Makes the queue that is moved to, with room for what comes. */
static enum status move_target(struct twin *twin, const struct twin_pop *pop, int from)
{
    const struct twin_message *message = twin_next(&twin->queues[from], pop->from_back);
    if (twin->is_pressed && !twin->queues[pop->to].is_there)
        return STATUS_MEMORY;
    if (!twin_queue_make(twin, twin->names->queues[pop->to]))
        return STATUS_QUEUES;
    if (pop->to == from)
        return STATUS_OK;
    return twin_queue_make_room(twin, pop->to, 1, message->size, pop->to_front) ? STATUS_OK
                                                                                : STATUS_FULL;
}

/* Moves the message that is next, and foretells the answer. What is refused stays. */
static enum status move(struct twin *twin, struct twin_peer *peer, uint64_t ticket,
                        const struct twin_pop *pop, int from)
{
    enum status status = move_target(twin, pop, from);
    if (status != STATUS_OK)
        return status;
    struct twin_message *copy = memory_create(sizeof *copy);
    *copy = *twin_next(&twin->queues[from], pop->from_back);
    copy->deliveries = 0;
    copy->arrived_least = twin->now;
    struct twin_queue *to = &twin->queues[pop->to];
    twin_queue_join(twin, to, copy, pop->to_front);
    to->counters.accepted++;
    twin->totals.accepted++;
    struct twin_settled *frames = twin_foretell_frames(twin, peer->id, ticket, from, 1);
    take_one(twin, peer, from, pop->from_back, NULL, frames->messages);
    twin->totals.delivered++;
    reach(pop->to == from ? REACH_MOVED_OWN : REACH_MOVED);
    return STATUS_OK;
}

/* Waiting. */

static struct twin_taker taker_of(struct twin *twin, const struct command *command)
{
    struct twin_taker taker = {
        .is_there = true,
        .ticket = command->ticket,
        .deadline = TIME_NEVER,
        .names_count = command->take.names_count,
        .pop = {.count = command->take.count,
                .from_back = command->take.from_back,
                .is_move = command->take.is_move,
                .to_front = command->take.to_front,
                .to = command->take.is_move ? twin_queue_index(twin, command->take.to) : -1},
    };
    uint64_t timeout = command->take.timeout_ns;
    if (timeout > 0 && timeout < TIME_NEVER - twin->now)
        taker.deadline = twin->now + timeout;
    REQUIRE(taker.names_count <= TWIN_TAKE_NAMES, "a pop of too many lists");
    for (uint32_t i = 0; i < taker.names_count; i++)
        taker.queues[i] = twin_queue_index(twin, command->take.names[i]);
    return taker;
}

/* Pops from the list that stands at `which` among the names. */
static enum status pop_from(struct twin *twin, struct twin_peer *peer,
                            const struct twin_taker *taker, uint32_t which)
{
    const struct twin_pop *pop = &taker->pop;
    int index = taker->queues[which];
    if (pop->is_move)
        return move(twin, peer, taker->ticket, pop, index);
    take(twin, peer, taker->ticket, index, which, pop->count, pop->from_back);
    return STATUS_OK;
}

/* Stands in all lines; the queues are made if need be. */
static enum status wait_in_lines(struct twin *twin, struct twin_peer *peer,
                                 const struct twin_taker *taker)
{
    for (uint32_t i = 0; i < taker->names_count; i++) {
        if (twin->is_pressed && !twin->queues[taker->queues[i]].is_there)
            return STATUS_MEMORY;
        if (!twin_queue_make(twin, twin->names->queues[taker->queues[i]]))
            return STATUS_QUEUES;
    }
    peer->taker = *taker;
    peer->taker.order = ++twin->takers_order;
    reach(REACH_TAKER);
    return STATUS_OK;
}

void twin_apply_wait(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    struct twin_taker taker = taker_of(twin, command);
    enum status status = STATUS_NO_KEY;
    REQUIRE(!peer->taker.is_there, "a connection waits twice");
    for (uint32_t i = 0; i < taker.names_count; i++)
        settle_popped(twin, peer, taker.queues[i]);
    for (uint32_t i = 0; i < taker.names_count && status == STATUS_NO_KEY; i++)
        if (has_any(twin, taker.queues[i]))
            status = pop_from(twin, peer, &taker, i);
    if (status == STATUS_NO_KEY && !command->take.is_now)
        status = wait_in_lines(twin, peer, &taker);
    if (status != STATUS_OK)
        twin_foretell(twin, peer->id, command->ticket, status);
}

static bool waits_for(const struct twin_peer *peer, int index)
{
    bool is_any = false;
    for (uint32_t i = 0; peer->is_there && peer->taker.is_there && i < peer->taker.names_count; i++)
        is_any |= peer->taker.queues[i] == index;
    return is_any;
}

bool twin_is_awaited(const struct twin *twin, int index)
{
    for (int i = 0; i < TWIN_PEERS; i++)
        if (waits_for(&twin->peers[i], index))
            return true;
    return false;
}

/* That nobody else has waited longer for that queue. */
static void check_turn(const struct twin *twin, const struct twin_taker *served, int index)
{
    for (int i = 0; i < TWIN_PEERS; i++) {
        const struct twin_taker *other = &twin->peers[i].taker;
        if (other == served || !waits_for(&twin->peers[i], index))
            continue;
        reach(REACH_TAKER_RIVALS);
        REQUIRE(other->order > served->order, "connection %u has waited longer", twin->peers[i].id);
    }
}

/* Whether one that waits can be told that status now. */
static bool ends_with(struct twin *twin, struct twin_peer *peer, const struct twin_taker *taker,
                      enum status status)
{
    if (status == STATUS_NO_KEY) {
        reach(REACH_TAKER_LATE);
        return taker->deadline <= twin->now;
    }
    reach(REACH_TAKER_REFUSED);
    return taker->pop.is_move && has_any(twin, taker->queues[0]) &&
           move(twin, peer, taker->ticket, &taker->pop, taker->queues[0]) == status;
}

bool twin_serve(struct twin *twin, const struct effect *effect)
{
    struct twin_peer *peer = twin_peer(twin, effect->peer);
    if (!peer || !peer->taker.is_there || peer->taker.ticket != effect->ticket)
        return false;
    struct twin_taker taker = peer->taker;
    REQUIRE(twin->transaction == 0, "connection %u is served in a transaction", peer->id);
    peer->taker.is_there = false;
    if (effect->kind == EFFECT_SETTLED) {
        REQUIRE(ends_with(twin, peer, &taker, effect->status),
                "connection %u waits, and is told status %d", peer->id, effect->status);
        return true;
    }
    REQUIRE(effect->kind == EFFECT_FRAMES && effect->id < taker.names_count &&
                has_any(twin, taker.queues[effect->id]),
            "connection %u waits, and is given what is not there", peer->id);
    peer->taker.is_there = true;
    check_turn(twin, &peer->taker, taker.queues[effect->id]);
    peer->taker.is_there = false;
    enum status status = pop_from(twin, peer, &taker, effect->id);
    REQUIRE(status == STATUS_OK, "a message is moved that cannot be: %d", status);
    if (effect->id > 0)
        reach(REACH_TAKER_SECOND);
    if (taker.pop.is_move)
        reach(REACH_MOVED_LATE);
    if (!twin->command)
        reach(REACH_TAKER_TICK);
    if (twin->command && twin->command->kind == COMMAND_COMMIT)
        reach(REACH_COMMITTED_AWAITED);
    return true;
}

void twin_check_takers(struct twin *twin, bool is_tick)
{
    for (int i = 0; i < TWIN_PEERS; i++) {
        const struct twin_peer *peer = &twin->peers[i];
        const struct twin_taker *taker = &peer->taker;
        if (!peer->is_there || !taker->is_there)
            continue;
        REQUIRE(!is_tick || taker->deadline > twin->now, "connection %u waits for too long",
                peer->id);
        for (uint32_t name = 0; name < taker->names_count; name++)
            REQUIRE(!has_any(twin, taker->queues[name]) ||
                        (!is_tick && twin->queues[taker->queues[name]].is_resumed),
                    "connection %u waits for queue %d, which has something", peer->id,
                    taker->queues[name]);
    }
    for (int i = 0; i < TWIN_QUEUES && is_tick; i++)
        twin->queues[i].is_resumed = false;
}

uint64_t twin_takers_due(const struct twin *twin)
{
    uint64_t first = TIME_NEVER;
    for (int i = 0; i < TWIN_PEERS; i++) {
        const struct twin_peer *peer = &twin->peers[i];
        if (peer->is_there && peer->taker.is_there && peer->taker.deadline < first)
            first = peer->taker.deadline;
    }
    return first;
}

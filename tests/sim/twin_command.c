#include "twin.h"

#include "base/array.h"
#include "replay.h"

#include <stdlib.h>

uint64_t twin_reached[REACH_COUNT];

const char *const twin_reach_names[REACH_COUNT] = {
#define TWIN_TEXT(name, text) text,
    TWIN_COVERAGE(TWIN_TEXT) TWIN_LIST_COVERAGE(TWIN_TEXT)
#undef TWIN_TEXT
};

/* Lookups, all of them from end to end. */

struct twin_peer *twin_peer(struct twin *twin, uint32_t id)
{
    for (int i = 0; i < TWIN_PEERS; i++)
        if (twin->peers[i].is_there && twin->peers[i].id == id)
            return &twin->peers[i];
    return NULL;
}

static struct twin_settled *foretell(struct twin *twin, uint32_t peer, uint64_t number)
{
    twin->settled = array_reserve(twin->settled, &twin->settled_capacity, twin->settled_count + 1,
                                  sizeof *twin->settled);
    struct twin_settled *settled = &twin->settled[twin->settled_count++];
    *settled = (struct twin_settled){.peer = peer, .number = number};
    return settled;
}

void twin_foretell(struct twin *twin, uint32_t peer, uint64_t number, enum status status)
{
    foretell(twin, peer, number)->status = status;
}

void twin_foretell_number(struct twin *twin, uint32_t peer, uint64_t number, int64_t value)
{
    struct twin_settled *settled = foretell(twin, peer, number);
    settled->kind = FORETOLD_NUMBER;
    settled->value = value;
}

struct twin_settled *twin_foretell_frames(struct twin *twin, uint32_t peer, uint64_t number,
                                          int queue, uint32_t total)
{
    struct twin_settled *settled = foretell(twin, peer, number);
    settled->kind = FORETOLD_FRAMES;
    settled->queue = queue;
    settled->total = total;
    settled->messages = memory_create(total * sizeof *settled->messages);
    return settled;
}

void twin_foretell_end(struct twin *twin, uint32_t peer, uint32_t id, bool is_subscription,
                       enum status status)
{
    size_t at = twin->ended_count++;
    twin->ended[at].peer = peer;
    twin->ended[at].id = id;
    twin->ended[at].is_subscription = is_subscription;
    twin->ended[at].status = status;
}

void twin_init(struct twin *twin, struct engine *engine, struct twin_names *names)
{
    *twin = (struct twin){.engine = engine, .names = names, .killed = PEER_NONE};
    for (int i = 0; i < TWIN_GROUPS; i++)
        twin->groups[i] = i + 1;
}

void twin_finish(struct twin *twin)
{
    assert(twin->holds_count == 0);
    for (int i = 0; i < TWIN_QUEUES; i++)
        twin_queue_clear(&twin->queues[i]);
    free(twin->holds);
    free(twin->settled);
    free(twin->events);
    free(twin->letters);
    free(twin->news);
    *twin = (struct twin){0};
}

static bool queue_is_held(const struct twin *twin, int index)
{
    for (size_t i = 0; i < twin->holds_count; i++)
        if (twin->holds[i].op == OP_PUSH && twin->holds[i].queue == index)
            return true;
    return false;
}

/* Commands. */

static enum status consume(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    struct twin_consumer *consumer = &peer->consumers[command->consumer.id];
    if (consumer->is_there)
        return STATUS_ID_IN_USE;
    if (command->consumer.credit_size > INT64_MAX)
        return STATUS_CREDIT;
    if (twin->is_pressed && !twin->queues[twin_queue_index(twin, command->name)].is_there)
        return STATUS_MEMORY;
    struct twin_queue *queue = twin_queue_make(twin, command->name);
    if (!queue)
        return STATUS_QUEUES;
    queue->consumers++;
    *consumer = (struct twin_consumer){
        .is_there = true,
        .from_back = command->consumer.from_back,
        .no_ack = command->consumer.no_ack,
        .queue = twin_queue_index(twin, command->name),
        .credit_count = command->consumer.credit_count,
        .credit_size = command->consumer.credit_size,
        .tag_next = 1,
        .served = twin->served++,
    };
    return STATUS_OK;
}

void twin_consumer_end(struct twin *twin, struct twin_consumer *consumer, bool is_deleted)
{
    struct twin_queue *queue = &twin->queues[consumer->queue];
    for (size_t i = 0; i < consumer->leases_count && !is_deleted; i++)
        twin_settle_message(twin, consumer, consumer->leases[i].message, SETTLE_RETURN, 0);
    if (consumer->leases_count > 0 && queue_is_held(twin, consumer->queue))
        reach(REACH_RETURNED_HELD);
    queue->consumers--;
    free(consumer->leases);
    *consumer = (struct twin_consumer){0};
}

static enum status credit(struct twin_peer *peer, const struct command *command)
{
    struct twin_consumer *consumer = &peer->consumers[command->consumer.id];
    if (!consumer->is_there)
        return STATUS_NO_CONSUMER;
    unsigned __int128 count =
        (unsigned __int128)consumer->credit_count + command->consumer.credit_count;
    unsigned __int128 size =
        (unsigned __int128)consumer->credit_size + command->consumer.credit_size;
    if (count > UINT32_MAX || size > INT64_MAX)
        return STATUS_CREDIT;
    consumer->credit_count = (uint32_t)count;
    consumer->credit_size = (uint64_t)size;
    return STATUS_OK;
}

/* Settles a lease, or begins it anew. */
static void settle_lease(struct twin *twin, struct twin_consumer *consumer,
                         struct twin_lease *lease, const struct command *command)
{
    struct twin_queue *queue = &twin->queues[consumer->queue];
    uint64_t lease_max = queue->settings.lease_max_ms;
    if (command->kind == COMMAND_TOUCH) {
        lease->before = lease->since;
        lease->since = twin->now;
        lease->is_touched = lease_max > 0;
        reach(REACH_TOUCHED);
        return;
    }
    if (lease->is_touched && lease_max > 0 && twin->now >= twin_after(lease->began, lease_max))
        reach(REACH_TOUCHED_OUTLIVES);
    if (command->settle.how == SETTLE_ACKNOWLEDGE && twin->now - lease->began > queue->worked_most)
        queue->worked_most = twin->now - lease->began;
    twin_settle_message(twin, consumer, lease->message, command->settle.how,
                        command->settle.delay_ms);
    twin->totals.settled += command->settle.how != SETTLE_RETURN;
}

static void note_settle(const struct twin_consumer *consumer, const struct command *command,
                        uint64_t settled)
{
    uint64_t first = command->settle.tag, last = first + command->settle.count - 1;
    bool is_before = false, is_behind = false;
    for (size_t i = 0; i < consumer->leases_count; i++) {
        is_before |= consumer->leases[i].tag < first;
        is_behind |= consumer->leases[i].tag > last;
    }
    if (settled > 0 && is_before && is_behind)
        reach(REACH_SETTLED_MIDDLE);
    if (settled < command->settle.count && first < consumer->tag_next)
        reach(REACH_SETTLED_TWICE);
    if (settled > 0 && command->settle.count == UINT32_MAX)
        reach(REACH_SETTLED_HUGE);
    if (settled > 100)
        reach(REACH_SETTLED_SPAN);
    if (consumer->lost > 0 && consumer->lost >= first && consumer->lost <= last)
        reach(REACH_LOST_SETTLED);
}

/* By tag; taken from the back, the last first, so that what goes back together keeps its order. */
static enum status settle(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    struct twin_consumer *consumer = &peer->consumers[command->settle.id];
    if (!consumer->is_there)
        return STATUS_NO_CONSUMER;
    uint64_t settled = 0;
    size_t left = 0, count = consumer->leases_count;
    unsigned __int128 first = command->settle.tag, end = first + command->settle.count;
    for (size_t i = 0; i < count; i++) {
        struct twin_lease *lease = &consumer->leases[consumer->from_back ? count - 1 - i : i];
        if (lease->tag < first || lease->tag >= end)
            continue;
        settle_lease(twin, consumer, lease, command);
        settled++;
    }
    for (size_t i = 0; i < count && command->kind == COMMAND_SETTLE; i++) {
        struct twin_lease lease = consumer->leases[i];
        if (lease.tag < first || lease.tag >= end)
            consumer->leases[left++] = lease;
    }
    if (command->kind == COMMAND_SETTLE)
        consumer->leases_count = left;
    twin->touched = settled;
    note_settle(consumer, command, settled);
    return settled == command->settle.count ? STATUS_OK : STATUS_NOT_LEASED;
}

/* Queues. */

static enum status delete_queue(struct twin *twin, const struct command *command)
{
    int index = twin_queue_index(twin, command->name);
    struct twin_queue *queue = &twin->queues[index];
    if (!queue->is_there)
        return STATUS_NO_QUEUE;
    for (size_t i = 0; i < queue->waiting_count; i++) {
        const struct twin_waiting *waiting = &queue->waiting[i];
        struct twin_peer *peer = twin_peer(twin, waiting->peer);
        twin_foretell(twin, waiting->peer, waiting->number, STATUS_DELETED);
        peer->held_count--;
        peer->held_size -= waiting->size;
    }
    if (queue->leased > 0)
        reach(REACH_DELETED_LEASED);
    queue->changes += queue->leased > 0; /* it comes back before it goes */
    if (queue->delayed > 0)
        reach(REACH_DELETED_DELAYED);
    if (queue_is_held(twin, index))
        reach(REACH_DELETED_HELD);
    for (int i = 0; i < TWIN_PEERS; i++)
        for (uint32_t id = 0; id < TWIN_CONSUMERS; id++) {
            struct twin_consumer *consumer = &twin->peers[i].consumers[id];
            if (!consumer->is_there || consumer->queue != index)
                continue;
            twin_consumer_end(twin, consumer, true);
            if (id >= TWIN_IDS)
                reach(REACH_KEEPER_DELETED);
            else
                twin_foretell_end(twin, twin->peers[i].id, id, false, STATUS_DELETED);
        }
    twin_queue_clear(queue);
    if (!twin_is_awaited(twin, index))
        return STATUS_OK;
    reach(REACH_TAKER_OUTLIVES);
    twin_queue_create(twin, index);
    return STATUS_OK;
}

static enum status purge(struct twin *twin, const struct command *command)
{
    struct twin_queue *queue = &twin->queues[twin_queue_index(twin, command->name)];
    if (!queue->is_there)
        return STATUS_NO_QUEUE;
    if (queue->ready > 0)
        reach(REACH_PURGED);
    if (queue->delayed > 0)
        reach(REACH_PURGED_DELAYED);
    twin->moved = twin_purge(queue);
    twin->totals.settled += twin->moved;
    return STATUS_OK;
}

/* Redriving. */

/* The message in front is copied to where it is tried again, and then acknowledged; false if it
 * stays. */
static bool redrive_one(struct twin *twin, int index, const struct command *command)
{
    struct twin_queue *queue = &twin->queues[index];
    struct twin_message *message = twin_next(queue, false);
    struct bytes name =
        command->redrive.to.size > 0 ? command->redrive.to : message->headers.dead_queue;
    if (name.size == 0) {
        reach(REACH_REDRIVE_UNKNOWN);
        return false;
    }
    int to = twin_queue_index(twin, name);
    if (to == index) {
        reach(REACH_REDRIVE_OWN);
        return false;
    }
    bool is_made = !twin->queues[to].is_there;
    struct twin_queue *target = twin_queue_make(twin, name);
    if (!target)
        return false;
    if (is_made)
        reach(REACH_REDRIVEN_MADE);
    struct twin_message *copy = memory_create(sizeof *copy);
    *copy = *message;
    copy->headers.dead_reason = NULL;
    copy->headers.dead_queue = (struct bytes){0};
    copy->headers.dead_deliveries = 0;
    copy->size -= headers_size(&message->headers) - headers_size(&copy->headers);
    copy->deliveries = 0;
    if (!twin_queue_make_room(twin, to, 1, copy->size, false)) {
        free(copy);
        reach(REACH_REDRIVE_FULL);
        return false;
    }
    twin_note_delivery(twin, queue, message);
    twin_queue_leave(queue, message);
    free(message);
    queue->counters.settled[SETTLE_ACKNOWLEDGE]++;
    twin_queue_admit(twin, target, copy, false);
    reach(REACH_REDRIVEN);
    if (command->redrive.to.size > 0)
        reach(REACH_REDRIVEN_TO);
    return true;
}

#define REDRIVEN_SIZE_MAX (16 * 1024 * 1024) /* bytes of messages at once; the last may pass it */

static enum status redrive(struct twin *twin, const struct command *command)
{
    int index = twin_queue_index(twin, command->name);
    struct twin_queue *queue = &twin->queues[index];
    if (!queue->is_there)
        return STATUS_NO_QUEUE;
    uint64_t count = queue->ready;
    if (command->redrive.count > 0 && command->redrive.count < count)
        count = command->redrive.count;
    count = count < 10000 ? count : 10000;
    uint64_t size = 0;
    twin->moved = 0;
    while (twin->moved < count && queue->ready > 0 && size < REDRIVEN_SIZE_MAX) {
        uint32_t next = twin_next(queue, false)->size;
        if (!redrive_one(twin, index, command))
            break;
        size += next;
        twin->moved++;
    }
    twin->totals.delivered += twin->moved;
    twin->totals.settled += twin->moved;
    twin->has_more = queue->ready > 0;
    if (twin->has_more && twin->moved > 0)
        reach(REACH_REDRIVE_MORE);
    return STATUS_OK;
}

static enum status pause(struct twin *twin, const struct command *command, bool is_paused)
{
    struct twin_queue *queue = &twin->queues[twin_queue_index(twin, command->name)];
    if (!queue->is_there)
        return STATUS_NO_QUEUE;
    queue->is_resumed |= queue->is_paused && !is_paused;
    queue->is_paused = is_paused;
    return STATUS_OK;
}

static enum status cancel(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    struct twin_consumer *consumer = &peer->consumers[command->consumer.id];
    if (!consumer->is_there)
        return STATUS_NO_CONSUMER;
    twin_consumer_end(twin, consumer, false);
    return STATUS_OK;
}

static enum status kill_client(struct twin *twin, const struct command *command)
{
    if (!twin_peer(twin, command->client))
        return STATUS_NO_CLIENT;
    twin->killed = command->client;
    reach(command->client == command->peer ? REACH_KILLED_SELF : REACH_KILLED);
    return STATUS_OK;
}

static enum status look(struct twin *twin, const struct command *command)
{
    bool needs_queue = command->kind == COMMAND_PEEK || command->kind == COMMAND_INFO;
    if (needs_queue && !twin->queues[twin_queue_index(twin, command->name)].is_there)
        return STATUS_NO_QUEUE;
    return STATUS_OK;
}

/* Connections. */

static void attach(struct twin_peer *peer, const struct command *command)
{
    REQUIRE(command->attach.client.size < sizeof peer->client &&
                command->attach.address.size < sizeof peer->address,
            "a long name of a client");
    *peer = (struct twin_peer){
        .is_there = true,
        .id = command->peer,
        .window_count = command->attach.window_count,
        .window_size = command->attach.window_size,
        .is_each = command->attach.is_each,
    };
    bytes_copy(peer->client, command->attach.client);
    bytes_copy(peer->address, command->attach.address);
}

static void detach(struct twin *twin, struct twin_peer *peer)
{
    for (int i = 0; i < TWIN_QUEUES; i++) {
        struct twin_queue *queue = &twin->queues[i];
        size_t left = 0;
        for (size_t at = 0; at < queue->waiting_count; at++)
            if (queue->waiting[at].peer != peer->id)
                queue->waiting[left++] = queue->waiting[at];
            else
                reach(REACH_WAIT_DEAD);
        queue->waiting_count = left;
    }
    if (peer->taker.is_there)
        reach(REACH_TAKER_DEAD);
    for (uint32_t id = 0; id < TWIN_CONSUMERS; id++) {
        struct twin_consumer *consumer = &peer->consumers[id];
        if (!consumer->is_there)
            continue;
        if (consumer->leases_count > 0)
            reach(id < TWIN_IDS ? REACH_RETURNED_DEAD : REACH_KEEPER_DEAD);
        twin_consumer_end(twin, consumer, false);
    }
    twin_unsubscribe_all(twin, peer);
    free(peer->items);
    *peer = (struct twin_peer){0};
    twin_end_overflowed(twin);
}

/* Commands about queues. */
static enum status apply_queue(struct twin *twin, struct twin_peer *peer,
                               const struct command *command)
{
    switch (command->kind) {
    case COMMAND_CONSUME: return consume(twin, peer, command);
    case COMMAND_CANCEL: return cancel(twin, peer, command);
    case COMMAND_CREDIT: return credit(peer, command);
    case COMMAND_SETTLE:
    case COMMAND_TOUCH: return settle(twin, peer, command);
    case COMMAND_DECLARE: return twin_declare(twin, command);
    case COMMAND_SET: return twin_set(twin, command);
    case COMMAND_DELETE: return delete_queue(twin, command);
    case COMMAND_PURGE: return purge(twin, command);
    case COMMAND_REDRIVE: return redrive(twin, command);
    case COMMAND_PAUSE:
    case COMMAND_RESUME: return pause(twin, command, command->kind == COMMAND_PAUSE);
    default: return look(twin, command);
    }
}

void twin_apply(struct twin *twin, struct twin_peer *peer, const struct command *command,
                uint64_t first_id)
{
    enum status status = STATUS_OK;
    if (twin->is_skipped && command->kind != COMMAND_COMMIT) {
        for (uint32_t i = 0; i < command_tickets(command); i++)
            twin_foretell(twin, peer->id, command->ticket + i, STATUS_SKIPPED);
        return;
    }
    switch (command->kind) {
    case COMMAND_ATTACH: attach(peer, command); return;
    case COMMAND_DETACH: detach(twin, peer); return;
    case COMMAND_PUSH: twin_push(twin, peer, command, first_id); return;
    case COMMAND_TAKE: twin_apply_take(twin, peer, command); return;
    case COMMAND_WAIT: twin_apply_wait(twin, peer, command); return;
    case COMMAND_FINISH: twin_apply_finish(twin, peer, command); return;
    case COMMAND_LENGTH:
    case COMMAND_RANGE: twin_apply_list(twin, peer, command); return;
    case COMMAND_WATCH:
    case COMMAND_UNWATCH:
    case COMMAND_BEGIN:
    case COMMAND_COMMIT: twin_apply_transaction(twin, peer, command); return;
    case COMMAND_PUBLISH:
        twin_publish(twin, peer, command, first_id);
        twin_end_overflowed(twin);
        return;
    case COMMAND_SUBSCRIBE: status = twin_subscribe(twin, peer, command); break;
    case COMMAND_UNSUBSCRIBE: status = twin_unsubscribe(twin, peer, command); break;
    case COMMAND_KILL: status = kill_client(twin, command); break;
    case COMMAND_HEARTBEAT: reach(REACH_HEARTBEAT); break;
    default: status = apply_queue(twin, peer, command); break;
    }
    twin_foretell(twin, peer->id, command->ticket, status);
    twin_end_overflowed(twin);
}

#include "twin.h"

#include "base/array.h"
#include "replay.h"

#include <stdlib.h>

uint64_t twin_reached[REACH_COUNT];

const char *const twin_reach_names[REACH_COUNT] = {
#define TWIN_TEXT(name, text) text,
    TWIN_COVERAGE(TWIN_TEXT)
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

void twin_foretell(struct twin *twin, uint32_t peer, uint64_t number, enum status status)
{
    twin->settled = array_reserve(twin->settled, &twin->settled_capacity, twin->settled_count + 1,
                                  sizeof *twin->settled);
    twin->settled[twin->settled_count++] = (struct twin_settled){peer, number, status};
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

/* A client's headers, its queue's name as the twin keeps it. */
static struct headers read_headers(const struct twin *twin, const unsigned char *frame)
{
    struct headers headers = headers_read(frame);
    if (headers.dead_queue.size > 0)
        headers.dead_queue = twin->names->queues[twin_queue_index(twin, headers.dead_queue)];
    return headers;
}

static bool may_wait(const struct twin_queue *queue, uint32_t size)
{
    enum when_full when_full = queue->settings.when_full;
    return size <= queue->settings.size_max &&
           (when_full == WHEN_FULL_HOLD ||
            (when_full == WHEN_FULL_DROP_OLDEST && queue->waiting_count > 0));
}

static void wait(struct twin_peer *peer, struct twin_queue *queue, struct twin_waiting waiting)
{
    queue->waiting = array_reserve(queue->waiting, &queue->waiting_capacity,
                                   queue->waiting_count + 1, sizeof *queue->waiting);
    queue->waiting[queue->waiting_count++] = waiting;
    peer->held_count++;
    peer->held_size += waiting.size;
}

/* Refuses a run that no queue is there for. */
static void refuse_all(struct twin *twin, const struct twin_peer *peer,
                       const struct command *command, enum status status)
{
    for (uint32_t at = 0; at < command->run.count; at++)
        twin_foretell(twin, peer->id, command->ticket + at, status);
    twin->totals.refused += command->run.count;
}

static void push(struct twin *twin, struct twin_peer *peer, const struct command *command,
                 uint64_t first_id)
{
    int index = twin_queue_index(twin, command->name);
    struct twin_queue *queue = twin->is_pressed ? NULL : twin_queue_make(twin, command->name);
    if (!queue) {
        refuse_all(twin, peer, command, twin->is_pressed ? STATUS_MEMORY : STATUS_QUEUES);
        return;
    }
    const unsigned char *frame = command->run.data;
    bool is_torn = false, has_waiting = false;
    uint64_t may_go = queue->ready + queue->counters.settled[SETTLE_OVERFLOW];
    for (uint32_t at = 0; at < command->run.count; at++, frame += frame_size(frame)) {
        uint32_t size = frame_size(frame);
        struct headers headers = read_headers(twin, frame);
        enum status status = STATUS_OK;
        if (queue->waiting_count == 0 && twin_queue_make_room(twin, index, size)) {
            twin_queue_accept(twin, index, first_id + at, size, &headers);
        } else if (!may_wait(queue, size)) {
            status = STATUS_FULL;
            queue->counters.refused++;
            twin->totals.refused++;
        } else if (peer->held_count + 1 > peer->window_count ||
                   peer->held_size + size > peer->window_size) {
            status = STATUS_WINDOW;
            queue->refused_window++;
        } else {
            wait(peer, queue,
                 (struct twin_waiting){peer->id, command->ticket + at, first_id + at, size,
                                       headers});
            has_waiting = true;
            continue;
        }
        is_torn |= has_waiting;
        twin_foretell(twin, peer->id, command->ticket + at, status);
    }
    if (is_torn)
        reach(REACH_RUN_TORN);
    if (queue->counters.settled[SETTLE_OVERFLOW] > may_go)
        reach(REACH_OVERFLOWED_OWN_RUN);
}

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

/* What it had goes back, in order; or, when its queue goes, with that. */
static void consumer_end(struct twin *twin, struct twin_consumer *consumer, bool is_deleted)
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
    if (queue->delayed > 0)
        reach(REACH_DELETED_DELAYED);
    if (queue_is_held(twin, index))
        reach(REACH_DELETED_HELD);
    for (int i = 0; i < TWIN_PEERS; i++)
        for (uint32_t id = 0; id < TWIN_IDS; id++) {
            struct twin_consumer *consumer = &twin->peers[i].consumers[id];
            if (!consumer->is_there || consumer->queue != index)
                continue;
            consumer_end(twin, consumer, true);
            twin_foretell_end(twin, twin->peers[i].id, id, false, STATUS_DELETED);
        }
    twin_queue_clear(queue);
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
    if (!twin_queue_make_room(twin, to, copy->size)) {
        free(copy);
        reach(REACH_REDRIVE_FULL);
        return false;
    }
    twin_note_delivery(twin, queue, message);
    twin_queue_leave(queue, message);
    free(message);
    queue->counters.settled[SETTLE_ACKNOWLEDGE]++;
    twin_queue_admit(twin, target, copy);
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
    queue->is_paused = is_paused;
    return STATUS_OK;
}

static enum status cancel(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    struct twin_consumer *consumer = &peer->consumers[command->consumer.id];
    if (!consumer->is_there)
        return STATUS_NO_CONSUMER;
    consumer_end(twin, consumer, false);
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
    for (uint32_t id = 0; id < TWIN_IDS; id++) {
        struct twin_consumer *consumer = &peer->consumers[id];
        if (!consumer->is_there)
            continue;
        if (consumer->leases_count > 0)
            reach(REACH_RETURNED_DEAD);
        consumer_end(twin, consumer, false);
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
    switch (command->kind) {
    case COMMAND_ATTACH: attach(peer, command); return;
    case COMMAND_DETACH: detach(twin, peer); return;
    case COMMAND_PUSH: push(twin, peer, command, first_id); return;
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

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

int twin_queue_index(const struct twin *twin, struct bytes name)
{
    for (int i = 0; i < TWIN_QUEUES; i++)
        if (bytes_equal(twin->names->queues[i], name))
            return i;
    REQUIRE(false, "a queue of a name that was never used");
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

/* Queues. */

static struct twin_queue *queue_make(struct twin *twin, struct bytes name)
{
    struct twin_queue *queue = &twin->queues[twin_queue_index(twin, name)];
    if (!queue->is_there) {
        queue->is_there = true;
        queue->settings = (struct queue_settings){.count_max = 10000000,
                                                  .size_max = UINT64_C(1024) * 1024 * 1024};
    }
    return queue;
}

static void queue_clear(struct twin_queue *queue)
{
    free(queue->messages);
    free(queue->waiting);
    *queue = (struct twin_queue){0};
}

void twin_init(struct twin *twin, struct engine *engine, struct twin_names *names)
{
    *twin = (struct twin){.engine = engine, .names = names};
    for (int i = 0; i < TWIN_GROUPS; i++)
        twin->groups[i] = i + 1;
}

void twin_finish(struct twin *twin)
{
    assert(twin->holds_count == 0);
    for (int i = 0; i < TWIN_QUEUES; i++)
        queue_clear(&twin->queues[i]);
    free(twin->holds);
    free(twin->settled);
    *twin = (struct twin){0};
}

bool twin_queue_has_room(const struct twin_queue *queue, uint32_t size)
{
    return queue->ready + queue->leased < queue->settings.count_max &&
           queue->ready_size + queue->leased_size < queue->settings.size_max &&
           size <= queue->settings.size_max - queue->ready_size - queue->leased_size;
}

void twin_queue_append(struct twin_queue *queue, uint64_t id, uint32_t size)
{
    queue->messages = array_reserve(queue->messages, &queue->messages_capacity,
                                    queue->messages_count + 1, sizeof *queue->messages);
    queue->messages[queue->messages_count++] = (struct twin_message){.id = id, .size = size};
    queue->end = queue->messages_count;
    queue->ready++;
    queue->ready_size += size;
    queue->counters.accepted++;
}

struct twin_message *twin_next(struct twin_queue *queue, bool from_back)
{
    if (queue->ready == 0)
        return NULL;
    while (queue->messages[queue->first].state != MESSAGE_READY)
        queue->first++;
    while (queue->messages[queue->end - 1].state != MESSAGE_READY)
        queue->end--;
    return from_back ? &queue->messages[queue->end - 1] : &queue->messages[queue->first];
}

void twin_take(struct twin_queue *queue, struct twin_consumer *consumer, struct twin_message *taken)
{
    queue->ready--;
    queue->ready_size -= taken->size;
    queue->leased++;
    queue->leased_size += taken->size;
    queue->counters.delivered++;
    taken->state = MESSAGE_LEASED;
    size_t index = (size_t)(taken - queue->messages);
    if (consumer->no_ack) {
        twin_settle_message(queue, index, SETTLE_ACKNOWLEDGE);
    } else {
        consumer->leases = array_reserve(consumer->leases, &consumer->leases_capacity,
                                         consumer->leases_count + 1, sizeof *consumer->leases);
        consumer->leases[consumer->leases_count++] = (struct twin_lease){consumer->tag_next, index};
    }
    consumer->tag_next++;
}

void twin_settle_message(struct twin_queue *queue, size_t index, enum settle how)
{
    struct twin_message *message = &queue->messages[index];
    REQUIRE(message->state == MESSAGE_LEASED, "the twin settles what is not leased");
    queue->leased--;
    queue->leased_size -= message->size;
    message->state = MESSAGE_DONE;
    if (how == SETTLE_ACKNOWLEDGE)
        queue->counters.acknowledged++;
    if (how == SETTLE_REJECT)
        queue->counters.rejected++;
    if (how != SETTLE_RETURN)
        return;
    queue->counters.returned++;
    message->state = MESSAGE_READY;
    message->deliveries += message->deliveries < 65535;
    queue->ready++;
    queue->ready_size += message->size;
    queue->first = index < queue->first ? index : queue->first;
    queue->end = index + 1 > queue->end ? index + 1 : queue->end;
    reach(REACH_RETURNED);
    for (size_t i = index + 1; i < queue->end; i++)
        if (queue->messages[i].state == MESSAGE_LEASED) {
            reach(REACH_RETURNED_HOLE);
            break;
        }
}

static bool queue_is_held(const struct twin *twin, int index)
{
    for (size_t i = 0; i < twin->holds_count; i++)
        if (twin->holds[i].op == OP_PUSH && twin->holds[i].queue == index)
            return true;
    return false;
}

void twin_drop_unused(struct twin *twin)
{
    for (int i = 0; i < TWIN_QUEUES; i++) {
        struct twin_queue *queue = &twin->queues[i];
        if (!queue->is_there || queue->is_declared || queue->is_paused || queue->consumers > 0 ||
            queue->ready + queue->leased + queue->waiting_count > 0)
            continue;
        reach(REACH_QUEUE_GONE);
        queue_clear(queue);
    }
}

/* Commands. */

static void push(struct twin *twin, struct twin_peer *peer, const struct command *command,
                 uint64_t first_id)
{
    struct twin_queue *queue = queue_make(twin, command->name);
    const unsigned char *frame = command->run.data;
    bool is_torn = false, has_waiting = false;
    for (uint32_t at = 0; at < command->run.count; at++, frame += frame_size(frame)) {
        uint32_t size = frame_size(frame);
        enum status status = STATUS_OK;
        if (queue->waiting_count == 0 && twin_queue_has_room(queue, size)) {
            twin_queue_append(queue, first_id + at, size);
            twin->totals.accepted++;
        } else if (queue->settings.when_full != WHEN_FULL_HOLD || size > queue->settings.size_max) {
            status = STATUS_FULL;
            queue->counters.refused++;
            twin->totals.refused++;
        } else if (peer->held_count + 1 > peer->window_count ||
                   peer->held_size + size > peer->window_size) {
            status = STATUS_WINDOW;
            queue->refused_window++;
        } else {
            queue->waiting = array_reserve(queue->waiting, &queue->waiting_capacity,
                                           queue->waiting_count + 1, sizeof *queue->waiting);
            queue->waiting[queue->waiting_count++] =
                (struct twin_waiting){peer->id, command->ticket + at, first_id + at, size};
            peer->held_count++;
            peer->held_size += size;
            has_waiting = true;
            continue;
        }
        is_torn |= has_waiting;
        twin_foretell(twin, peer->id, command->ticket + at, status);
    }
    if (is_torn)
        reach(REACH_RUN_TORN);
}

static enum status consume(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    struct twin_consumer *consumer = &peer->consumers[command->consumer.id];
    if (consumer->is_there)
        return STATUS_ID_IN_USE;
    if (command->consumer.credit_size > INT64_MAX)
        return STATUS_CREDIT;
    queue_make(twin, command->name)->consumers++;
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

static void consumer_end(struct twin *twin, struct twin_consumer *consumer)
{
    struct twin_queue *queue = &twin->queues[consumer->queue];
    for (size_t i = 0; i < consumer->leases_count; i++)
        twin_settle_message(queue, consumer->leases[i].message, SETTLE_RETURN);
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

static enum status settle(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    struct twin_consumer *consumer = &peer->consumers[command->settle.id];
    if (!consumer->is_there)
        return STATUS_NO_CONSUMER;
    struct twin_queue *queue = &twin->queues[consumer->queue];
    uint64_t settled = 0, left = 0;
    unsigned __int128 first = command->settle.tag, end = first + command->settle.count;
    bool is_before = false, is_behind = false;
    for (size_t i = 0; i < consumer->leases_count; i++) {
        struct twin_lease lease = consumer->leases[i];
        if (lease.tag >= first && lease.tag < end) {
            twin_settle_message(queue, lease.message, command->settle.how);
            twin->totals.settled += command->settle.how != SETTLE_RETURN;
            settled++;
        } else {
            is_before |= lease.tag < first;
            is_behind |= lease.tag >= end;
            consumer->leases[left++] = lease;
        }
    }
    consumer->leases_count = left;
    if (settled > 0 && is_before && is_behind)
        reach(REACH_SETTLED_MIDDLE);
    if (settled < command->settle.count && first < consumer->tag_next)
        reach(REACH_SETTLED_TWICE);
    if (settled > 0 && command->settle.count == UINT32_MAX)
        reach(REACH_SETTLED_HUGE);
    if (settled > 100)
        reach(REACH_SETTLED_SPAN);
    return settled == command->settle.count ? STATUS_OK : STATUS_NOT_LEASED;
}

static enum status declare(struct twin *twin, const struct command *command)
{
    const struct queue_settings *settings = &command->settings;
    struct twin_queue *queue = queue_make(twin, command->name);
    if (queue->is_declared)
        return queue->settings.count_max == settings->count_max &&
                       queue->settings.size_max == settings->size_max &&
                       queue->settings.when_full == settings->when_full
                   ? STATUS_OK
                   : STATUS_EXISTS;
    queue->settings = *settings;
    queue->is_declared = true;
    if (queue->ready + queue->leased > settings->count_max)
        reach(REACH_WAIT_SMALLER_BOUND);
    return STATUS_OK;
}

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
    if (queue_is_held(twin, index))
        reach(REACH_DELETED_HELD);
    for (int i = 0; i < TWIN_PEERS; i++)
        for (uint32_t id = 0; id < TWIN_IDS; id++) {
            struct twin_consumer *consumer = &twin->peers[i].consumers[id];
            if (!consumer->is_there || consumer->queue != index)
                continue;
            consumer_end(twin, consumer);
            twin_foretell_end(twin, twin->peers[i].id, id, false, STATUS_DELETED);
        }
    queue_clear(queue);
    return STATUS_OK;
}

static enum status purge(struct twin *twin, const struct command *command)
{
    struct twin_queue *queue = &twin->queues[twin_queue_index(twin, command->name)];
    if (!queue->is_there)
        return STATUS_NO_QUEUE;
    for (size_t i = 0; i < queue->messages_count; i++)
        if (queue->messages[i].state == MESSAGE_READY) {
            queue->messages[i].state = MESSAGE_DONE;
            queue->counters.purged++;
            twin->totals.settled++;
        }
    if (queue->ready > 0)
        reach(REACH_PURGED);
    twin->purged = queue->ready;
    queue->ready = queue->ready_size = 0;
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
    consumer_end(twin, consumer);
    return STATUS_OK;
}

static enum status look(struct twin *twin, const struct command *command)
{
    bool needs_queue = command->kind == COMMAND_PEEK || command->kind == COMMAND_INFO;
    if (needs_queue && !twin->queues[twin_queue_index(twin, command->name)].is_there)
        return STATUS_NO_QUEUE;
    return STATUS_OK;
}

void twin_apply(struct twin *twin, struct twin_peer *peer, const struct command *command,
                uint64_t first_id)
{
    enum status status = STATUS_OK;
    twin->command = command;
    if (twin->is_trace)
        twin_trace_command(twin, command);
    switch (command->kind) {
    case COMMAND_ATTACH:
    case COMMAND_DETACH: REQUIRE(false, "not for here");
    case COMMAND_PUSH: push(twin, peer, command, first_id); return;
    case COMMAND_PUBLISH:
        twin_publish(twin, peer, command, first_id);
        twin_end_overflowed(twin);
        return;
    case COMMAND_CONSUME: status = consume(twin, peer, command); break;
    case COMMAND_CANCEL: status = cancel(twin, peer, command); break;
    case COMMAND_CREDIT: status = credit(peer, command); break;
    case COMMAND_SETTLE: status = settle(twin, peer, command); break;
    case COMMAND_SUBSCRIBE: status = twin_subscribe(twin, peer, command); break;
    case COMMAND_UNSUBSCRIBE: status = twin_unsubscribe(twin, peer, command); break;
    case COMMAND_DECLARE: status = declare(twin, command); break;
    case COMMAND_DELETE: status = delete_queue(twin, command); break;
    case COMMAND_PURGE: status = purge(twin, command); break;
    case COMMAND_PAUSE:
    case COMMAND_RESUME: status = pause(twin, command, command->kind == COMMAND_PAUSE); break;
    case COMMAND_PEEK:
    case COMMAND_LIST:
    case COMMAND_INFO:
    case COMMAND_STATS:
    case COMMAND_PING: status = look(twin, command); break;
    }
    twin_foretell(twin, peer->id, command->ticket, status);
    twin_end_overflowed(twin);
}

/* Connections. */

void twin_attach(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    (void)twin;
    *peer = (struct twin_peer){
        .is_there = true,
        .id = command->peer,
        .window_count = command->window.count,
        .window_size = command->window.size,
    };
}

void twin_detach(struct twin *twin, struct twin_peer *peer)
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
        consumer_end(twin, consumer);
    }
    twin_unsubscribe_all(twin, peer);
    free(peer->items);
    *peer = (struct twin_peer){0};
    twin_end_overflowed(twin);
}

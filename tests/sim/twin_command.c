#include "model.h"

#include "base/array.h"
#include "replay.h"

#include <stdlib.h>

/* Lookups, all of them from end to end. */

struct twin_peer *twin_peer(struct model *model, uint32_t id)
{
    for (int i = 0; i < MODEL_PEERS; i++)
        if (model->peers[i].is_there && model->peers[i].id == id)
            return &model->peers[i];
    return NULL;
}

int twin_queue_index(const struct model *model, struct bytes name)
{
    for (int i = 0; i < MODEL_QUEUES; i++)
        if (bytes_equal(model->queue_names[i], name))
            return i;
    REQUIRE(false, "a queue of a name that was never used");
}

void twin_foretell(struct model *model, uint32_t peer, uint64_t number, enum status status)
{
    model->settled = array_reserve(model->settled, &model->settled_capacity,
                                   model->settled_count + 1, sizeof *model->settled);
    model->settled[model->settled_count++] = (struct twin_settled){peer, number, status};
}

/* Queues. */

static struct twin_queue *queue_make(struct model *model, struct bytes name)
{
    struct twin_queue *queue = &model->queues[twin_queue_index(model, name)];
    if (!queue->is_there) {
        queue->is_there = true;
        queue->settings =
            (struct queue_settings){10000000, UINT64_C(1024) * 1024 * 1024, WHEN_FULL_REFUSE};
    }
    return queue;
}

static void queue_clear(struct twin_queue *queue)
{
    free(queue->messages);
    free(queue->waiting);
    *queue = (struct twin_queue){0};
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

static bool queue_is_held(const struct model *model, int index)
{
    for (size_t i = 0; i < model->holds_count; i++)
        if (model->holds[i].op == OP_PUSH && model->holds[i].queue == index)
            return true;
    return false;
}

void twin_drop_unused(struct model *model)
{
    for (int i = 0; i < MODEL_QUEUES; i++) {
        struct twin_queue *queue = &model->queues[i];
        if (!queue->is_there || queue->is_declared || queue->is_paused || queue->consumers > 0 ||
            queue->ready + queue->leased + queue->waiting_count > 0)
            continue;
        reach(REACH_QUEUE_GONE);
        queue_clear(queue);
    }
}

/* Commands. */

static void push(struct model *model, struct twin_peer *peer, const struct command *command,
                 uint64_t first_id)
{
    struct twin_queue *queue = queue_make(model, command->name);
    const unsigned char *frame = command->run.data;
    bool is_torn = false, has_waiting = false;
    for (uint32_t at = 0; at < command->run.count; at++, frame += frame_size(frame)) {
        uint32_t size = frame_size(frame);
        enum status status = STATUS_OK;
        if (queue->waiting_count == 0 && twin_queue_has_room(queue, size)) {
            twin_queue_append(queue, first_id + at, size);
            model->totals.accepted++;
        } else if (queue->settings.when_full != WHEN_FULL_HOLD || size > queue->settings.size_max) {
            status = STATUS_FULL;
            queue->counters.refused++;
            model->totals.refused++;
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
        twin_foretell(model, peer->id, command->ticket + at, status);
    }
    if (is_torn)
        reach(REACH_RUN_TORN);
}

static enum status consume(struct model *model, struct twin_peer *peer,
                           const struct command *command)
{
    struct twin_consumer *consumer = &peer->consumers[command->consumer.id];
    if (consumer->is_there)
        return STATUS_ID_IN_USE;
    if (command->consumer.credit_size > INT64_MAX)
        return STATUS_CREDIT;
    queue_make(model, command->name)->consumers++;
    *consumer = (struct twin_consumer){
        .is_there = true,
        .from_back = command->consumer.from_back,
        .no_ack = command->consumer.no_ack,
        .queue = twin_queue_index(model, command->name),
        .credit_count = command->consumer.credit_count,
        .credit_size = command->consumer.credit_size,
        .tag_next = 1,
        .served = model->served++,
    };
    return STATUS_OK;
}

static void consumer_end(struct model *model, struct twin_consumer *consumer)
{
    struct twin_queue *queue = &model->queues[consumer->queue];
    for (size_t i = 0; i < consumer->leases_count; i++)
        twin_settle_message(queue, consumer->leases[i].message, SETTLE_RETURN);
    if (consumer->leases_count > 0 && queue_is_held(model, consumer->queue))
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

static enum status settle(struct model *model, struct twin_peer *peer,
                          const struct command *command)
{
    struct twin_consumer *consumer = &peer->consumers[command->settle.id];
    if (!consumer->is_there)
        return STATUS_NO_CONSUMER;
    struct twin_queue *queue = &model->queues[consumer->queue];
    uint64_t settled = 0, left = 0;
    unsigned __int128 first = command->settle.tag, end = first + command->settle.count;
    bool is_before = false, is_behind = false;
    for (size_t i = 0; i < consumer->leases_count; i++) {
        struct twin_lease lease = consumer->leases[i];
        if (lease.tag >= first && lease.tag < end) {
            twin_settle_message(queue, lease.message, command->settle.how);
            model->totals.settled += command->settle.how != SETTLE_RETURN;
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

static enum status declare(struct model *model, const struct command *command)
{
    const struct queue_settings *settings = &command->settings;
    struct twin_queue *queue = queue_make(model, command->name);
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

static enum status delete_queue(struct model *model, const struct command *command)
{
    int index = twin_queue_index(model, command->name);
    struct twin_queue *queue = &model->queues[index];
    if (!queue->is_there)
        return STATUS_NO_QUEUE;
    for (size_t i = 0; i < queue->waiting_count; i++) {
        const struct twin_waiting *waiting = &queue->waiting[i];
        struct twin_peer *peer = twin_peer(model, waiting->peer);
        twin_foretell(model, waiting->peer, waiting->number, STATUS_DELETED);
        peer->held_count--;
        peer->held_size -= waiting->size;
    }
    if (queue->leased > 0)
        reach(REACH_DELETED_LEASED);
    if (queue_is_held(model, index))
        reach(REACH_DELETED_HELD);
    for (int i = 0; i < MODEL_PEERS; i++)
        for (uint32_t id = 0; id < MODEL_IDS; id++) {
            struct twin_consumer *consumer = &model->peers[i].consumers[id];
            if (!consumer->is_there || consumer->queue != index)
                continue;
            consumer_end(model, consumer);
            model->ended[model->ended_count].peer = model->peers[i].id;
            model->ended[model->ended_count++].id = id;
        }
    queue_clear(queue);
    return STATUS_OK;
}

static enum status purge(struct model *model, const struct command *command)
{
    struct twin_queue *queue = &model->queues[twin_queue_index(model, command->name)];
    if (!queue->is_there)
        return STATUS_NO_QUEUE;
    for (size_t i = 0; i < queue->messages_count; i++)
        if (queue->messages[i].state == MESSAGE_READY) {
            queue->messages[i].state = MESSAGE_DONE;
            queue->counters.purged++;
            model->totals.settled++;
        }
    if (queue->ready > 0)
        reach(REACH_PURGED);
    model->purged = queue->ready;
    queue->ready = queue->ready_size = 0;
    return STATUS_OK;
}

static enum status pause(struct model *model, const struct command *command, bool is_paused)
{
    struct twin_queue *queue = &model->queues[twin_queue_index(model, command->name)];
    if (!queue->is_there)
        return STATUS_NO_QUEUE;
    queue->is_paused = is_paused;
    return STATUS_OK;
}

static enum status cancel(struct model *model, struct twin_peer *peer,
                          const struct command *command)
{
    struct twin_consumer *consumer = &peer->consumers[command->consumer.id];
    if (!consumer->is_there)
        return STATUS_NO_CONSUMER;
    consumer_end(model, consumer);
    return STATUS_OK;
}

static enum status look(struct model *model, const struct command *command)
{
    bool needs_queue = command->kind == COMMAND_PEEK || command->kind == COMMAND_INFO;
    if (needs_queue && !model->queues[twin_queue_index(model, command->name)].is_there)
        return STATUS_NO_QUEUE;
    return STATUS_OK;
}

void twin_apply(struct model *model, struct twin_peer *peer, const struct command *command,
                uint64_t first_id)
{
    enum status status = STATUS_OK;
    switch (command->kind) {
    case COMMAND_ATTACH:
    case COMMAND_DETACH: REQUIRE(false, "not for here");
    case COMMAND_PUSH: push(model, peer, command, first_id); return;
    case COMMAND_PUBLISH:
        for (uint32_t at = 0; at < command->run.count; at++)
            twin_foretell(model, peer->id, command->ticket + at, STATUS_OK);
        twin_publish(model, command, first_id);
        return;
    case COMMAND_CONSUME: status = consume(model, peer, command); break;
    case COMMAND_CANCEL: status = cancel(model, peer, command); break;
    case COMMAND_CREDIT: status = credit(peer, command); break;
    case COMMAND_SETTLE: status = settle(model, peer, command); break;
    case COMMAND_SUBSCRIBE: status = twin_subscribe(model, peer, command); break;
    case COMMAND_UNSUBSCRIBE: status = twin_unsubscribe(model, peer, command); break;
    case COMMAND_DECLARE: status = declare(model, command); break;
    case COMMAND_DELETE: status = delete_queue(model, command); break;
    case COMMAND_PURGE: status = purge(model, command); break;
    case COMMAND_PAUSE:
    case COMMAND_RESUME: status = pause(model, command, command->kind == COMMAND_PAUSE); break;
    case COMMAND_PEEK:
    case COMMAND_LIST:
    case COMMAND_INFO:
    case COMMAND_STATS:
    case COMMAND_PING: status = look(model, command); break;
    }
    twin_foretell(model, peer->id, command->ticket, status);
}

/* Connections. */

void twin_attach(struct model *model, struct twin_peer *peer, const struct command *command)
{
    (void)model;
    *peer = (struct twin_peer){
        .is_there = true,
        .id = command->peer,
        .window_count = command->window.count,
        .window_size = command->window.size,
        .ticket_next = 1,
    };
}

void twin_detach(struct model *model, struct twin_peer *peer)
{
    for (int i = 0; i < MODEL_QUEUES; i++) {
        struct twin_queue *queue = &model->queues[i];
        size_t left = 0;
        for (size_t at = 0; at < queue->waiting_count; at++)
            if (queue->waiting[at].peer != peer->id)
                queue->waiting[left++] = queue->waiting[at];
            else
                reach(REACH_WAIT_DEAD);
        queue->waiting_count = left;
    }
    for (uint32_t id = 0; id < MODEL_IDS; id++) {
        struct twin_consumer *consumer = &peer->consumers[id];
        if (!consumer->is_there)
            continue;
        if (consumer->leases_count > 0)
            reach(REACH_RETURNED_DEAD);
        consumer_end(model, consumer);
    }
    free(peer->items);
    *peer = (struct twin_peer){0};
}

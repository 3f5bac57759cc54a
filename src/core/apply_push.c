#include "core/name.h"

#include "base/array.h"

void engine_held_forget(struct held_push *held)
{
    held->queue->waiting_count -= held->run.count;
    held->peer->held_count -= held->run.count;
    held->peer->held_size -= held->run.size;
    list_remove(&held->in_queue);
    list_remove(&held->in_peer);
    memory_free(held);
}

/* Lets frames at the front of `run` wait for room. */
static void hold(struct engine *engine, struct peer *peer, struct queue *queue,
                 const struct run *run, uint64_t ticket)
{
    struct held_push *held = memory_create(sizeof *held);
    *held = (struct held_push){.peer = peer, .queue = queue, .ticket = ticket, .run = *run};
    unsigned char *copy = chunk_put(&engine->chunks, &engine->arena, run->size, &held->slice);
    memcpy(copy, run->data, run->size);
    held->run.data = copy;
    list_push_back(&queue->waiting, &held->in_queue);
    list_push_back(&peer->held, &held->in_peer);
    queue->waiting_count += run->count;
    peer->held_count += run->count;
    peer->held_size += run->size;
}

/* Cuts what may wait off the front of `run`: within the peer's window, and no frame larger than the queue's bound. */
static bool split_holdable(struct run *run, const struct peer *peer, uint64_t frame_max,
                           struct run *part)
{
    uint64_t count_room = peer->held_count_max - peer->held_count;
    uint64_t size_room = peer->held_size_max - peer->held_size, size = 0;
    uint32_t count = 0;
    if (run->frame_size)
        return run_split(run, (uint32_t)count_room, size_room, part);
    for (; count < run->count && count < count_room; count++) {
        uint32_t next = frame_size(run->data + size);
        if (next > frame_max || size + next > size_room)
            break;
        size += next;
    }
    return count > 0 && run_split(run, count, UINT64_MAX, part);
}

static struct queue *push_target(struct engine *engine, struct peer *peer,
                                 const struct command *command)
{
    if (peer->queue_memo && peer->queue_memo_generation == engine->queues_generation &&
        peer->queue_memo->space == command->space &&
        bytes_equal(peer->queue_memo->entry.name, command->name))
        return peer->queue_memo;
    peer->queue_memo = engine_queue_make(engine, command->space, command->name);
    peer->queue_memo_generation = engine->queues_generation;
    return peer->queue_memo;
}

/* Whether pushes may wait: also behind those that wait since it held its producers. */
static bool keeps_waiting(const struct queue *queue)
{
    return queue->settings.when_full == WHEN_FULL_HOLD ||
           (queue->settings.when_full == WHEN_FULL_DROP_OLDEST && !list_is_empty(&queue->waiting));
}

/* Whether older messages may go so that the first of `run` fits. */
static bool drops_oldest(const struct queue *queue, const struct run *run)
{
    return queue->settings.when_full == WHEN_FULL_DROP_OLDEST && list_is_empty(&queue->waiting) &&
           run->head.size <= queue->settings.size_max;
}

/* What a command pushes, as far as it has come. */
struct push {
    const struct command *command;
    struct peer *peer;
    struct queue *queue;
    struct run run; /* what is left */
    struct outbox *outbox;
};

static uint64_t ticket_of(const struct push *push)
{
    return push->command->ticket + (push->command->run.count - push->run.count);
}

static void accept(struct engine *engine, const struct push *push, uint64_t ticket, uint32_t count)
{
    const struct command *command = push->command;
    int64_t length = (int64_t)push->queue->ready_count;
    engine->totals.accepted += count;
    if (!command->wants_number)
        outbox_settle(push->outbox, command->peer, ticket, command->is_whole ? 1 : count,
                      STATUS_OK);
    else if (command->is_whole)
        outbox_number(push->outbox, command->peer, ticket, length);
    else
        outbox_numbers(push->outbox, command->peer, ticket, count, length - count + 1, 1);
}

static void refuse(struct engine *engine, struct push *push, uint64_t ticket, enum status status)
{
    struct run refused;
    run_split(&push->run, push->command->is_whole ? UINT32_MAX : 1, UINT64_MAX, &refused);
    push->queue->counters.refused += refused.count;
    engine->totals.refused += refused.count;
    outbox_settle(push->outbox, push->peer->id, ticket, 1, status);
}

/* Lets older messages go. Where each frame tells how long the list is then, it takes its place alone. */
static bool make_room(struct engine *engine, const struct push *push, unsigned how)
{
    bool is_single = push->command->wants_number && !push->command->is_whole;
    const struct run one = is_single ? frame_run(push->run.data) : push->run;
    return queue_make_room(push->queue, &engine->stock, &one, how);
}

/* Does what can be done at once with the next frames. */
static void push_some(struct engine *engine, struct push *push, unsigned how)
{
    struct queue *queue = push->queue;
    struct run *run = &push->run, part;
    uint64_t ticket = ticket_of(push), frame_max = queue->settings.size_max;
    bool may_wait = how == 0 && !push->command->wants_number && keeps_waiting(queue) &&
                    run->head.size <= frame_max;
    uint32_t accepted =
        list_is_empty(&queue->waiting) ? queue_push(queue, &engine->stock, run, how) : 0;
    if (accepted > 0)
        accept(engine, push, ticket, accepted);
    else if (drops_oldest(queue, run) && make_room(engine, push, how))
        return;
    else if (may_wait && split_holdable(run, push->peer, frame_max, &part))
        hold(engine, push->peer, queue, &part, ticket);
    else
        refuse(engine, push, ticket, may_wait ? STATUS_WINDOW : STATUS_FULL);
}

/* Finds the queue that is pushed to. */
static enum status find_target(struct engine *engine, struct push *push)
{
    if (engine->is_pressed)
        return STATUS_MEMORY;
    if (push->command->only_there)
        return engine_list(engine, push->command->space, push->command->name, &push->queue);
    push->queue = push_target(engine, push->peer, push->command);
    if (!push->queue)
        return STATUS_QUEUES;
    return name_hides(engine, push->queue) ? STATUS_WRONG_TYPE : STATUS_OK;
}

/* Answers a push that reaches no queue. */
static void refuse_all(struct engine *engine, const struct push *push, enum status status)
{
    uint32_t tickets_count = push->command->is_whole ? 1 : push->run.count;
    if (status == STATUS_NO_KEY) {
        outbox_numbers(push->outbox, push->peer->id, push->command->ticket, tickets_count, 0, 0);
        return;
    }
    outbox_settle(push->outbox, push->peer->id, push->command->ticket, tickets_count, status);
    engine->totals.refused += push->run.count;
}

void apply_push(struct engine *engine, struct peer *peer, const struct command *command,
                struct outbox *outbox)
{
    struct push push = {.command = command, .peer = peer, .run = command->run, .outbox = outbox};
    unsigned how = (command->at_front ? PUSH_FRONT : 0U) | (command->is_whole ? PUSH_WHOLE : 0U);
    enum status status = find_target(engine, &push);
    if (status != STATUS_OK) {
        refuse_all(engine, &push, status);
        return;
    }
    engine_touch(engine, push.queue);
    engine_age(engine, push.queue);
    while (push.run.count > 0)
        push_some(engine, &push, how);
}

#include "core/engine_state.h"

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

void apply_push(struct engine *engine, struct peer *peer, const struct command *command,
                struct outbox *outbox)
{
    struct queue *queue = engine->is_pressed ? NULL : push_target(engine, peer, command);
    struct run run = command->run, part;
    if (!queue) {
        outbox_settle(outbox, peer->id, command->ticket, run.count,
                      engine->is_pressed ? STATUS_MEMORY : STATUS_QUEUES);
        engine->totals.refused += run.count;
        return;
    }
    engine_touch(engine, queue);
    engine_age(engine, queue);
    while (run.count > 0) {
        uint64_t ticket = command->ticket + (command->run.count - run.count);
        uint64_t frame_max = queue->settings.size_max;
        bool may_wait = keeps_waiting(queue) && run.head.size <= frame_max;
        uint32_t accepted =
            list_is_empty(&queue->waiting) ? queue_push(queue, &engine->stock, &run) : 0;
        if (accepted > 0) {
            engine->totals.accepted += accepted;
            outbox_settle(outbox, peer->id, ticket, accepted, STATUS_OK);
        } else if (drops_oldest(queue, &run) && queue_make_room(queue, &engine->stock, &run)) {
            continue;
        } else if (may_wait && split_holdable(&run, peer, frame_max, &part)) {
            hold(engine, peer, queue, &part, ticket);
        } else {
            run_split(&run, 1, UINT64_MAX, &part);
            queue->counters.refused++;
            engine->totals.refused++;
            outbox_settle(outbox, peer->id, ticket, 1, may_wait ? STATUS_WINDOW : STATUS_FULL);
        }
    }
}

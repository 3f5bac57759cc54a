#include "core/engine_state.h"

#include "base/array.h"
#include "frame/header.h"

#include <assert.h>
#include <stdlib.h>

enum {
    REDRIVE_COUNT_MAX = 10000,           /* messages that one command moves */
    REDRIVE_SIZE_MAX = 16 * 1024 * 1024, /* bytes of them; the last may pass it */
};

bool engine_make_room(struct engine *engine, struct queue *queue, const struct run *run,
                      unsigned how)
{
    bool may_drop = queue->settings.when_full == WHEN_FULL_DROP_OLDEST;
    while (queue_room(queue) < run->size)
        if (!may_drop || !queue_make_room(queue, &engine->stock, run, how))
            return false;
    return true;
}

/* Pushes one message of the broker's own; false when there is no room. */
static bool put(struct engine *engine, struct queue *queue, const unsigned char *frame)
{
    struct run run = frame_run(frame);
    if (!engine_make_room(engine, queue, &run, 0))
        return false;
    queue_push(queue, &engine->stock, &run, 0);
    engine->totals.accepted++;
    engine_touch(engine, queue);
    return true;
}

/* The queue of that name, made when there is none. What is due there is done once for all that it is
 * brought: else each of many letters would let AGED_MAX messages more die. */
static struct queue *target(struct engine *engine, uint8_t space, struct bytes name)
{
    struct queue *queue = engine_queue_make(engine, space, name);
    if (queue && queue->burial != engine->burial) {
        queue->burial = engine->burial;
        engine_age(engine, queue);
    }
    return queue;
}

void engine_bury(struct engine *engine)
{
    struct list *link;
    unsigned char buffer[DEAD_LETTER_NAME_MAX];
    engine->burial++;
    while ((link = list_pop_front(&engine->stock.letters))) {
        struct letter *letter = list_entry(link, struct letter, link);
        struct queue *from = letter->from;
        struct queue *to = target(engine, from->space, queue_dead_letter(from, buffer));
        engine->stock.is_burying = true;
        if (to && !engine_is_overfull(engine) && put(engine, to, letter->frame))
            from->counters.dead_lettered++;
        engine->stock.is_burying = false;
        memory_free(letter);
    }
}

/* Where a message is to be tried again. */
static struct queue *redrive_target(struct engine *engine, const struct command *command,
                                    const unsigned char *frame)
{
    struct bytes name =
        command->redrive.to.size ? command->redrive.to : header_of(frame).dead_queue;
    return name.size ? target(engine, command->space, name) : NULL;
}

/* Moves the message at the front to where it is tried again; returns its bytes, 0 when that cannot
 * be. */
static uint32_t redrive_one(struct engine *engine, struct queue *queue,
                            const struct command *command)
{
    struct stretch one;
    uint32_t at = queue->front ? segment_edge(queue->front, false) : 0;
    if (!queue->front || !segment_next_ready(queue->front, false, 1, &at, &one))
        return 0;
    uint32_t size = one.size;
    const unsigned char *frame = stretch_frame(&one, 0);
    unsigned char *alive = memory_create(one.size);
    header_put_alive(alive, frame);
    struct queue *to = redrive_target(engine, command, frame);
    bool is_moved = to && to != queue && put(engine, to, alive);
    memory_free(alive);
    if (is_moved && queue_lease(queue, &engine->stock, false, 1, UINT64_MAX, &one))
        queue_settle(queue, &engine->stock, one.segment, one.index, 1,
                     &(struct settlement){.how = SETTLE_ACKNOWLEDGE});
    return is_moved ? size : 0;
}

enum status answer_redrive(struct engine *engine, const struct command *command,
                           struct outbox *outbox)
{
    struct queue *queue = engine_queue(engine, command->space, command->name);
    if (!queue)
        return STATUS_NO_QUEUE;
    uint64_t count = queue->ready_count, moved = 0, moved_size = 0;
    engine->burial++;
    if (command->redrive.count > 0 && command->redrive.count < count)
        count = command->redrive.count;
    count = count < REDRIVE_COUNT_MAX ? count : REDRIVE_COUNT_MAX;
    for (uint32_t size; moved < count && moved_size < REDRIVE_SIZE_MAX &&
                        (size = redrive_one(engine, queue, command)) > 0;
         moved++)
        moved_size += size;
    engine->totals.delivered += moved;
    engine->totals.settled += moved;
    engine_touch(engine, queue);
    store_u64(answer_reserve(engine, sizeof moved), moved);
    engine->text_size += sizeof moved;
    return answer_send(engine, command, queue->ready_count > 0, outbox);
}

/* Pushes, message by message. */
#include "base/array.h"
#include "replay.h"
#include "twin.h"

/* A client's headers, its queue's name as the twin keeps it. */
static struct headers read_headers(const struct twin *twin, const unsigned char *frame)
{
    struct headers headers = headers_read(frame);
    if (headers.dead_queue.size > 0)
        headers.dead_queue = twin->names->queues[twin_queue_index(twin, headers.dead_queue)];
    return headers;
}

static bool may_wait(const struct twin_queue *queue, const struct command *command, uint32_t size)
{
    enum when_full when_full = queue->settings.when_full;
    return !command->wants_number && !command->is_whole && !command->at_front &&
           size <= queue->settings.size_max &&
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

/* Answers what reaches no queue, all tickets alike. */
static void refuse_all(struct twin *twin, const struct command *command, enum status status)
{
    for (uint32_t at = 0; at < command_tickets(command); at++)
        twin_foretell(twin, command->peer, command->ticket + at, status);
    twin->totals.refused += command->run.count;
}

static void count_refused(struct twin *twin, struct twin_queue *queue, uint32_t count)
{
    queue->counters.refused += count;
    twin->totals.refused += count;
}

static void foretell_accepted(struct twin *twin, const struct command *command, uint64_t ticket,
                              const struct twin_queue *queue)
{
    if (command->wants_number)
        twin_foretell_number(twin, command->peer, ticket, (int64_t)queue->ready);
    else
        twin_foretell(twin, command->peer, ticket, STATUS_OK);
}

/* All of a run or none of it. */
static void push_whole(struct twin *twin, const struct command *command, uint64_t first_id)
{
    int index = twin_queue_index(twin, command->name);
    struct twin_queue *queue = &twin->queues[index];
    const struct run *run = &command->run;
    const unsigned char *frame = run->data;
    if (queue->waiting_count > 0 || run->head.size > queue->settings.size_max ||
        !twin_queue_make_room(twin, index, run->count, run->size, command->at_front)) {
        if (twin_queue_has_room(queue, run->head.size))
            reach(REACH_PUSHED_WHOLE_REFUSED);
        count_refused(twin, queue, run->count);
        twin_foretell(twin, command->peer, command->ticket, STATUS_FULL);
        return;
    }
    for (uint32_t at = 0; at < run->count; at++, frame += frame_size(frame)) {
        struct headers headers = read_headers(twin, frame);
        twin_queue_accept(twin, index, first_id + at, frame_size(frame), &headers,
                          command->at_front);
    }
    reach(REACH_PUSHED_WHOLE);
    foretell_accepted(twin, command, command->ticket, queue);
}

/* The next message of a push. */
static void push_next(struct twin *twin, struct twin_push *push)
{
    const struct command *command = push->command;
    struct twin_peer *peer = push->peer;
    int index = twin_queue_index(twin, command->name);
    struct twin_queue *queue = &twin->queues[index];
    uint32_t at = push->at++, size = frame_size(push->frame);
    struct headers headers = read_headers(twin, push->frame);
    uint64_t ticket = command->ticket + at;
    push->frame += size;
    push->is_torn |= push->has_waiting;
    if (queue->waiting_count == 0 &&
        twin_queue_make_room(twin, index, 1, size, command->at_front)) {
        twin_queue_accept(twin, index, push->first_id + at, size, &headers, command->at_front);
        foretell_accepted(twin, command, ticket, queue);
    } else if (!may_wait(queue, command, size)) {
        count_refused(twin, queue, 1);
        twin_foretell(twin, peer->id, ticket, STATUS_FULL);
    } else if (peer->held_count + 1 > peer->window_count ||
               peer->held_size + size > peer->window_size) {
        queue->refused_window++;
        twin_foretell(twin, peer->id, ticket, STATUS_WINDOW);
    } else {
        wait(peer, queue,
             (struct twin_waiting){peer->id, ticket, push->first_id + at, size, headers});
        push->is_torn &= push->has_waiting;
        push->has_waiting = true;
    }
}

/* What is to be said of a push that has no queue to go to, STATUS_OK if it has. */
static enum status find_target(struct twin *twin, const struct command *command)
{
    const struct twin_queue *queue = &twin->queues[twin_queue_index(twin, command->name)];
    if (twin->is_pressed)
        return STATUS_MEMORY;
    if (command->only_there)
        return queue->ready > 0 ? STATUS_OK : STATUS_NO_KEY;
    return twin_queue_make(twin, command->name) ? STATUS_OK : STATUS_QUEUES;
}

static void push_nowhere(struct twin *twin, const struct command *command)
{
    for (uint32_t at = 0; at < command_tickets(command); at++)
        twin_foretell_number(twin, command->peer, command->ticket + at, 0);
    reach(REACH_PUSHED_NOWHERE);
}

void twin_push(struct twin *twin, struct twin_peer *peer, const struct command *command,
               uint64_t first_id)
{
    enum status status = find_target(twin, command);
    if (status == STATUS_NO_KEY) {
        push_nowhere(twin, command);
        return;
    }
    if (status != STATUS_OK) {
        refuse_all(twin, command, status);
        return;
    }
    int index = twin_queue_index(twin, command->name);
    struct twin_queue *queue = &twin->queues[index];
    if (command->at_front)
        reach(REACH_PUSHED_FRONT);
    if (command->is_whole) {
        push_whole(twin, command, first_id);
        return;
    }
    twin->push = (struct twin_push){
        .command = command, .peer = peer, .first_id = first_id, .frame = command->run.data};
    if (command->run.count > 1 && twin_is_awaited(twin, index)) {
        reach(REACH_PUSHED_AWAITED);
        return; /* others may take what it brings in between */
    }
    uint64_t may_go = queue->ready + queue->counters.settled[SETTLE_OVERFLOW];
    twin_push_end(twin);
    if (queue->counters.settled[SETTLE_OVERFLOW] > may_go)
        reach(REACH_OVERFLOWED_OWN_RUN);
}

void twin_push_on(struct twin *twin, uint32_t peer, uint64_t ticket)
{
    struct twin_push *push = &twin->push;
    const struct command *command = push->command;
    if (!command || command->peer != peer || ticket < command->ticket)
        return;
    while (push->at < command->run.count && command->ticket + push->at <= ticket)
        push_next(twin, push);
}

void twin_push_end(struct twin *twin)
{
    struct twin_push *push = &twin->push;
    while (push->command && push->at < push->command->run.count)
        push_next(twin, push);
    if (push->is_torn)
        reach(REACH_RUN_TORN);
    *push = (struct twin_push){0};
}

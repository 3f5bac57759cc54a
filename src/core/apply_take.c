#include "core/name.h"

#include "base/time.h"
#include "core/taker.h"

#include <assert.h>

/*
 * Pops. Who finds nothing to take may wait in the lines of all names that it gave; lines are served
 * when a command is over, so that whoever waits sees lists as commands leave them, and queues in
 * the order in which they became ready.
 */

static const struct settlement acknowledged = {.how = SETTLE_ACKNOWLEDGE};

static struct pop pop_of(struct peer *peer, const struct command *command)
{
    return (struct pop){
        .peer = peer,
        .ticket = command->ticket,
        .space = command->space,
        .count = command->take.count,
        .from_back = command->take.from_back,
        .is_move = command->take.is_move,
        .to_front = command->take.to_front,
        .to = command->take.to,
    };
}

/* Whether the queue has anything that may be taken now. */
static bool may_take(struct engine *engine, struct queue *queue)
{
    return !name_hides(engine, queue) && queue->ready_count > 0 && !queue->is_paused &&
           !engine->is_draining && queue_age_due(queue) > engine->stock.now;
}

/* Takes the messages that are next, `total` of them, and answers with them; they are done with,
 * unless there is a keeper. */
static void hand_over(struct engine *engine, const struct pop *pop, struct queue *queue,
                      struct consumer *keeper, struct frames_answer *answer, struct outbox *outbox)
{
    struct stretch stretch;
    while (answer->put < answer->total) {
        bool is_any = queue_lease(queue, &engine->stock, pop->from_back,
                                  answer->total - answer->put, UINT64_MAX, &stretch);
        assert(is_any);
        answer_frames(engine, answer, &stretch, outbox);
        if (keeper)
            keeper_lease(engine, keeper, &stretch);
        else
            queue_settle(queue, &engine->stock, stretch.segment, stretch.index, stretch.count,
                         &acknowledged);
    }
    engine->totals.delivered += answer->total;
    engine->totals.settled += keeper ? 0 : answer->total;
    engine_touch(engine, queue); /* it has room, or nothing at all */
}

/* How many messages a pop may take. What is leased to a connection is bounded, but a pop takes one
 * at least: what was popped before is settled by then. */
static uint32_t total_of(const struct pop *pop, const struct queue *queue)
{
    uint64_t total = queue->ready_count < pop->count ? queue->ready_count : pop->count;
    uint64_t room = peer_lease_room(pop->peer);
    if (queue->settings.pop_lease == POP_LEASE_CONNECTION && total > room)
        total = room > 0 ? room : 1;
    return (uint32_t)total;
}

/* Answers with what there is, up to what is asked for; returns how many messages. */
static uint32_t take(struct engine *engine, const struct pop *pop, struct queue *queue,
                     uint32_t which, struct outbox *outbox)
{
    bool is_leased = queue->settings.pop_lease == POP_LEASE_CONNECTION;
    struct consumer *keeper =
        is_leased ? keeper_ask(engine, pop->peer, queue, pop->from_back) : NULL;
    struct frames_answer answer = {.peer = pop->peer, .ticket = pop->ticket, .which = which};
    answer.total = total_of(pop, queue);
    hand_over(engine, pop, queue, keeper, &answer, outbox);
    return answer.total;
}

/* As many pops of one message, each of which has done with the one before. */
static uint32_t take_each(struct engine *engine, const struct pop *pop, struct queue *queue,
                          struct outbox *outbox)
{
    struct pop one = *pop;
    uint32_t taken = 0;
    if (queue->settings.pop_lease == POP_LEASE_NONE)
        return take(engine, pop, queue, 0, outbox);
    for (one.count = 1; taken < pop->count && may_take(engine, queue); one.ticket++)
        taken += take(engine, &one, queue, 0, outbox);
    return taken;
}

/* The queue that a pop moves a frame to, which has room for it. */
static enum status move_target(struct engine *engine, const struct pop *pop,
                               const struct queue *from, const unsigned char *frame,
                               struct queue **to)
{
    struct run run = frame_run(frame);
    enum status status = engine_list(engine, pop->space, pop->to, to);
    if (status == STATUS_NO_KEY)
        status = engine_queue_ask(engine, pop->space, pop->to, to);
    if (status != STATUS_OK)
        return status;
    engine_touch(engine, *to);
    return *to == from || engine_make_room(engine, *to, &run, pop->to_front ? PUSH_FRONT : 0)
               ? STATUS_OK
               : STATUS_FULL;
}

/* Moves the message that is next, and answers with it. What is refused stays where it is. */
static enum status move(struct engine *engine, const struct pop *pop, struct queue *queue,
                        struct outbox *outbox)
{
    struct segment *segment = pop->from_back ? queue->back : queue->front;
    struct stretch next;
    struct queue *to;
    uint32_t at = segment_edge(segment, pop->from_back);
    bool is_any = segment_next_ready(segment, pop->from_back, 1, &at, &next);
    assert(is_any);
    const unsigned char *frame = stretch_frame(&next, 0);
    enum status status = move_target(engine, pop, queue, frame, &to);
    if (status != STATUS_OK)
        return status;
    /* The other way round a list of one message would end, and forget its lifetime, when it is turned
     * upon itself. */
    queue_insert(to, &engine->stock, frame, 0, pop->to_front);
    to->counters.accepted++;
    engine->totals.accepted++;
    struct frames_answer answer = {.peer = pop->peer, .ticket = pop->ticket, .total = 1};
    hand_over(engine, pop, queue, NULL, &answer, outbox);
    return STATUS_OK;
}

/* Has a pop take from a queue that has something. */
static enum status pop_from(struct engine *engine, const struct pop *pop, struct queue *queue,
                            uint32_t which, struct outbox *outbox)
{
    if (pop->is_move)
        return move(engine, pop, queue, outbox);
    take(engine, pop, queue, which, outbox);
    return STATUS_OK;
}

/* Whoever pops from a queue again has done with what was popped before. */
static void settle_popped(struct engine *engine, struct peer *peer, uint8_t space,
                          const struct bytes *names, uint32_t names_count)
{
    for (uint32_t i = 0; i < names_count && peer->keepers.count > 0; i++) {
        struct queue *queue = engine_queue(engine, space, names[i]);
        struct consumer *keeper = queue ? keeper_of(peer, queue) : NULL;
        if (!keeper)
            continue;
        keeper_settle(engine, keeper, &acknowledged);
        keeper_end(engine, keeper);
    }
}

void apply_take(struct engine *engine, struct peer *peer, const struct command *command,
                struct outbox *outbox)
{
    struct pop pop = pop_of(peer, command);
    struct queue *queue;
    uint32_t tickets = command_tickets(command), answered = 0;
    settle_popped(engine, peer, pop.space, &command->name, 1);
    enum status status = engine_list(engine, pop.space, command->name, &queue);
    if (engine->is_draining)
        status = STATUS_CLOSING;
    else if (status == STATUS_OK && !may_take(engine, queue))
        status = STATUS_NO_KEY;
    if (status == STATUS_OK && pop.count > 0) {
        uint32_t taken = command->take.is_each ? take_each(engine, &pop, queue, outbox)
                                               : take(engine, &pop, queue, 0, outbox);
        answered = command->take.is_each ? taken : 1;
        status = STATUS_NO_KEY; /* for those that came too late */
    }
    if (answered < tickets)
        outbox_settle(outbox, peer->id, pop.ticket + answered, tickets - answered, status);
}

void apply_finish(struct engine *engine, struct peer *peer, const struct command *command,
                  struct outbox *outbox)
{
    const struct settlement settlement = {.how = command->finish.how,
                                          .delay_ns = ns_of_ms(command->finish.delay_ms)};
    uint64_t settled = 0;
    struct queue *queue =
        command->finish.is_all ? NULL : engine_queue(engine, command->space, command->name);
    struct consumer *keeper = queue ? keeper_of(peer, queue) : NULL;
    if (command->finish.is_all)
        settled = keepers_end(engine, peer, &settlement);
    if (keeper) {
        settled = keeper_settle(engine, keeper, &settlement);
        keeper_end(engine, keeper);
    }
    outbox_number(outbox, peer->id, command->ticket, (int64_t)settled);
}

/* Takes from the first name that has something; `no-key` when none has. */
static enum status take_first(struct engine *engine, const struct pop *pop,
                              const struct command *command, struct outbox *outbox)
{
    for (uint32_t i = 0; i < command->take.names_count; i++) {
        struct queue *queue;
        enum status status = engine_list(engine, pop->space, command->take.names[i], &queue);
        if (status == STATUS_OK && may_take(engine, queue))
            return pop_from(engine, pop, queue, i, outbox);
        if (status != STATUS_OK && status != STATUS_NO_KEY)
            return status;
    }
    return STATUS_NO_KEY;
}

/* Ends a taker's waiting. */
static void forget(struct engine *engine, struct taker *taker)
{
    for (uint32_t i = 0; i < taker->places_count; i++)
        engine_touch(engine, taker->places[i].queue); /* which may be unused now */
    timers_set(&engine->takers, &taker->timer, TIME_NEVER);
    engine->takers_count--;
    taker_destroy(taker);
}

/* Has a pop wait for the first of its names that becomes ready. */
static enum status wait_for_first(struct engine *engine, const struct pop *pop,
                                  const struct command *command)
{
    uint64_t names_max = engine->config.listeners_per_peer_max;
    if (names_max > 0 && command->take.names_count > names_max)
        return STATUS_SUBSCRIPTIONS;
    struct taker *taker = taker_create(pop, command->take.names_count);
    uint64_t timeout_ns = command->take.timeout_ns;
    engine->takers_count++;
    if (timeout_ns > 0 && timeout_ns < TIME_NEVER - engine->stock.now)
        timers_set(&engine->takers, &taker->timer, engine->stock.now + timeout_ns);
    for (uint32_t i = 0; i < command->take.names_count; i++) {
        struct queue *queue;
        enum status status = engine_queue_ask(engine, pop->space, command->take.names[i], &queue);
        if (status != STATUS_OK) {
            forget(engine, taker);
            return status;
        }
        taker_join(taker, queue);
    }
    return STATUS_OK;
}

void apply_wait(struct engine *engine, struct peer *peer, const struct command *command,
                struct outbox *outbox)
{
    struct pop pop = pop_of(peer, command);
    assert(!peer->taker && command->take.names_count > 0);
    assert(!pop.is_move || (command->take.names_count == 1 && pop.count == 1));
    settle_popped(engine, peer, pop.space, command->take.names, command->take.names_count);
    enum status status =
        engine->is_draining ? STATUS_CLOSING : take_first(engine, &pop, command, outbox);
    if (status == STATUS_NO_KEY && !command->take.is_now)
        status = wait_for_first(engine, &pop, command);
    if (status != STATUS_OK)
        outbox_settle(outbox, peer->id, pop.ticket, 1, status);
}

bool takers_serve_queue(struct engine *engine, struct queue *queue, struct outbox *outbox)
{
    bool is_any = false;
    struct taker_place *place;
    while (!engine->transaction.peer && (place = taker_first(queue)) && may_take(engine, queue)) {
        struct taker *taker = place->taker;
        enum status status = pop_from(engine, &taker->pop, queue, taker_place_which(place), outbox);
        if (status != STATUS_OK)
            outbox_settle(outbox, taker->pop.peer->id, taker->pop.ticket, 1, status);
        forget(engine, taker);
        is_any = true;
    }
    return is_any;
}

void takers_serve(struct engine *engine, struct outbox *outbox)
{
    struct list *link;
    while (!engine->transaction.peer && (link = list_pop_front(&engine->stock.awaited))) {
        struct queue *queue = list_entry(link, struct queue, awaited);
        engine_age(engine, queue); /* what came back may have expired, and others behind it not */
        takers_serve_queue(engine, queue, outbox);
        engine_bury(engine);
    }
}

void takers_expire(struct engine *engine, struct outbox *outbox)
{
    while (timers_due(&engine->takers) <= engine->stock.now) {
        struct taker *taker = list_entry(timers_first(&engine->takers), struct taker, timer);
        outbox_settle(outbox, taker->pop.peer->id, taker->pop.ticket, 1, STATUS_NO_KEY);
        forget(engine, taker);
    }
}

void takers_forget(struct engine *engine, struct peer *peer)
{
    if (peer->taker)
        forget(engine, peer->taker);
}

#include "twin.h"

#include "base/array.h"
#include "base/time.h"
#include "replay.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PEER_FULL = 256 * 1024, SHARE_LEAST = 64, NOBODY = UINT32_MAX };

/* Slices out. */

struct twin_hold *twin_hold(struct twin *twin, const struct effect *effect, enum op op)
{
    const struct slice *slice = &effect->slice;
    twin->holds = array_reserve(twin->holds, &twin->holds_capacity, twin->holds_count + 1,
                                sizeof *twin->holds);
    struct twin_hold *hold = &twin->holds[twin->holds_count++];
    *hold = (struct twin_hold){
        .slice = *slice,
        .peer = op ? effect->peer : NOBODY,
        .op = op,
        .queue = -1,
    };
    if (op) {
        hold->messages = memory_create(slice->count * sizeof *hold->messages);
    } else {
        hold->answer = memory_create(slice->size + 1);
        memcpy(hold->answer, slice_bytes(slice).data, slice->size);
    }
    return hold;
}

/* That the bytes of a slice are those of its messages; at once, and when it is released. */
void twin_check_hold(const struct twin_hold *hold)
{
    struct bytes bytes = slice_bytes(&hold->slice);
    if (!hold->op) {
        REQUIRE(memcmp(bytes.data, hold->answer, bytes.size) == 0,
                "an answer changed in its slice");
        return;
    }
    size_t offset = 0;
    for (uint32_t i = 0; i < hold->slice.count; i++) {
        const struct twin_held *message =
            &hold->messages[hold->slice.is_reversed ? hold->slice.count - 1 - i : i];
        REQUIRE(offset + message->size <= bytes.size &&
                    message_is(bytes.data + offset, hold->op, message->name, message->id,
                               message->size, &message->headers) &&
                    (hold->op == OP_PUSH || bytes.data[offset + 1] == message->flags),
                "message %u of %u in a slice is not message %llu of %u bytes", i, hold->slice.count,
                (unsigned long long)message->id, message->size);
        offset += message->size;
    }
    REQUIRE(offset == bytes.size, "a slice with bytes behind its messages");
}

/* What a connection has not been sent yet counts by where it lies. */
static uint64_t *unsent_of(struct twin_peer *peer, const struct slice *slice)
{
    return slice->block->kind == BLOCK_SEGMENT ? &peer->unsent : &peer->unsent_topics;
}

void twin_release(struct twin *twin, size_t at)
{
    struct twin_hold hold = twin->holds[at];
    memmove(&twin->holds[at], &twin->holds[at + 1],
            (--twin->holds_count - at) * sizeof *twin->holds);
    twin_check_hold(&hold);
    struct twin_peer *peer = twin_peer(twin, hold.peer);
    if (peer)
        *unsent_of(peer, &hold.slice) -= hold.slice.size;
    else if (hold.op)
        reach(REACH_RELEASED_LATE);
    free(hold.messages);
    free(hold.answer);
}

/* Deliveries. */

static bool may_overdraw(const struct twin_consumer *consumer)
{
    return consumer->no_ack ? consumer->credit_size > 0 : consumer->leases_count == 0;
}

static bool has_credit_for(const struct twin_consumer *consumer, uint32_t size)
{
    return consumer->credit_count > 0 && (size <= consumer->credit_size || may_overdraw(consumer));
}

uint64_t twin_flight_room(const struct twin *twin, const struct twin_peer *peer)
{
    uint64_t in_flight = 0, most = twin->config.in_flight_max;
    for (uint32_t id = 0; id < TWIN_CONSUMERS; id++)
        in_flight += peer->consumers[id].leases_count;
    if (most == 0)
        return UINT64_MAX;
    return in_flight < most ? most - in_flight : 0;
}

/* Whether the connection can be handed anything for this consumer. */
static bool takes(const struct twin *twin, const struct twin_peer *peer,
                  const struct twin_consumer *consumer)
{
    return peer->unsent < PEER_FULL && (consumer->no_ack || twin_flight_room(twin, peer) > 0);
}

/* Whether the consumer could be given something now. */
static bool is_owed(struct twin *twin, const struct twin_peer *peer,
                    const struct twin_consumer *consumer)
{
    struct twin_queue *queue = &twin->queues[consumer->queue];
    if (!consumer->is_there || queue->is_paused || queue->ready == 0 ||
        !takes(twin, peer, consumer))
        return false;
    return has_credit_for(consumer, twin_next(queue, consumer->from_back)->size);
}

/*
 * That nobody should have been served before this consumer; returns how many could have been. Those
 * who could not have been given what was next at some time in this tick are left out: when their
 * turn comes again is the engine's to decide.
 */
static unsigned check_turn(struct twin *twin, const struct twin_consumer *served)
{
    unsigned rivals = 0;
    for (int i = 0; i < TWIN_PEERS; i++)
        for (uint32_t id = 0; id < TWIN_IDS; id++) {
            struct twin_peer *peer = &twin->peers[i];
            struct twin_consumer *other = &peer->consumers[id];
            if (!peer->is_there || !other->is_there || other->queue != served->queue)
                continue;
            if (!is_owed(twin, peer, other))
                other->is_passed |= other->credit_count > 0 && takes(twin, peer, other);
            if (other->is_passed || !is_owed(twin, peer, other))
                continue;
            rivals++;
            REQUIRE(served->is_passed || served->leases_count < other->leases_count ||
                        (served->leases_count == other->leases_count &&
                         served->served <= other->served),
                    "a consumer with %zu leases was served before one with %zu",
                    served->leases_count, other->leases_count);
        }
    return rivals;
}

static void note_delivery(const struct twin_queue *queue, const struct twin_consumer *consumer,
                          const struct effect *effect, unsigned rivals)
{
    const struct slice *slice = &effect->slice;
    reach(REACH_DELIVERED);
    if (consumer->from_back)
        reach(REACH_DELIVERED_BACK);
    if (slice->is_reversed && slice->count > 1)
        reach(REACH_DELIVERED_REVERSED);
    if (consumer->no_ack)
        reach(REACH_DELIVERED_NO_ACK);
    if (effect->deliveries > 0)
        reach(REACH_DELIVERED_AGAIN);
    if (effect->deliveries > 1)
        reach(REACH_DELIVERED_THRICE);
    if (slice->size > consumer->credit_size)
        reach(REACH_DELIVERED_OVER_CREDIT);
    if (slice->size > 64 * 1024)
        reach(REACH_DELIVERED_QUANTUM);
    if (rivals >= 3)
        reach(REACH_DELIVERED_RIVALS);
    (void)queue;
}

static void take_messages(struct twin *twin, struct twin_peer *peer, struct twin_consumer *consumer,
                          const struct effect *effect)
{
    struct twin_queue *queue = &twin->queues[consumer->queue];
    struct twin_hold *hold = twin_hold(twin, effect, OP_PUSH);
    hold->queue = consumer->queue;
    uint64_t size = 0;
    for (uint32_t i = 0; i < effect->slice.count; i++) {
        struct twin_message *message = twin_next(queue, consumer->from_back);
        REQUIRE(message, "more messages than are ready");
        REQUIRE(message->deliveries == effect->deliveries,
                "message %llu was delivered %u times before, not %u",
                (unsigned long long)message->id, message->deliveries, effect->deliveries);
        REQUIRE(twin_expiry(queue, message) > twin->now,
                "message %" PRIu64 " is delivered, which has expired", message->id);
        hold->messages[i] = (struct twin_held){.id = message->id,
                                               .size = message->size,
                                               .name = twin->names->queues[message->name],
                                               .headers = message->headers};
        size += message->size;
        twin_take(twin, peer, consumer, message);
    }
    twin_check_hold(hold);
    REQUIRE(size == effect->slice.size, "a slice of another size than its messages");
    struct twin_message *next = twin_next(queue, consumer->from_back);
    if (next && next->deliveries != effect->deliveries)
        reach(REACH_DELIVERIES_SPLIT);
}

static void on_deliver(struct twin *twin, const struct effect *effect)
{
    struct twin_peer *peer = twin_peer(twin, effect->peer);
    REQUIRE(peer && effect->id < TWIN_IDS && peer->consumers[effect->id].is_there,
            "a delivery to consumer %u, which is not there", effect->id);
    struct twin_consumer *consumer = &peer->consumers[effect->id];
    struct twin_queue *queue = &twin->queues[consumer->queue];
    const struct slice *slice = &effect->slice;
    REQUIRE(slice->count > 0, "an empty delivery");
    REQUIRE(!queue->is_paused, "a delivery from a paused queue");
    REQUIRE(is_owed(twin, peer, consumer), "a delivery to a consumer that cannot have it");
    unsigned rivals = check_turn(twin, consumer);
    REQUIRE(effect->tag == consumer->tag_next, "tag %llu where %llu is next",
            (unsigned long long)effect->tag, (unsigned long long)consumer->tag_next);
    REQUIRE(slice->count <= consumer->credit_count, "a delivery beyond the credit's messages");
    REQUIRE(slice->size <= consumer->credit_size || (slice->count == 1 && may_overdraw(consumer)),
            "a delivery beyond the credit's bytes");
    REQUIRE(slice->count == 1 || peer->unsent + slice->size <= PEER_FULL,
            "a delivery beyond what a connection is handed at once");
    REQUIRE(slice->count <= SHARE_LEAST || slice->count <= queue->ready / (rivals ? rivals : 1),
            "a delivery of %u of %llu messages that %u consumers compete for", slice->count,
            (unsigned long long)queue->ready, rivals);
    REQUIRE(consumer->no_ack || slice->count <= twin_flight_room(twin, peer),
            "a delivery beyond what may be in flight");
    note_delivery(queue, consumer, effect, rivals);
    take_messages(twin, peer, consumer, effect);
    consumer->credit_count -= slice->count;
    consumer->credit_size -=
        slice->size < consumer->credit_size ? slice->size : consumer->credit_size;
    consumer->served = twin->served++;
    peer->unsent += slice->size;
    twin->totals.delivered += slice->count;
    twin->totals.settled += consumer->no_ack ? slice->count : 0;
    if (peer->unsent >= PEER_FULL)
        reach(REACH_DELIVERED_FULL_PEER);
    if (twin->command && twin->command->kind == COMMAND_PING)
        reach(REACH_PING_SERVED);
}

/* Settling. */

/* A waiting push comes in, or is refused if the bound has become smaller than it is. */
static void admit(struct twin *twin, int index, enum status status)
{
    struct twin_queue *queue = &twin->queues[index];
    struct twin_waiting first = queue->waiting[0];
    struct twin_peer *peer = twin_peer(twin, first.peer);
    memmove(queue->waiting, queue->waiting + 1, --queue->waiting_count * sizeof first);
    peer->held_count--;
    peer->held_size -= first.size;
    if (first.size > queue->settings.size_max) {
        REQUIRE(status == STATUS_FULL, "a waiting push came to status %d", status);
        queue->counters.refused++;
        twin->totals.refused++;
        reach(REACH_WAIT_REFUSED);
        return;
    }
    REQUIRE(status == STATUS_OK, "a waiting push came to status %d", status);
    REQUIRE(twin_queue_make_room(twin, index, 1, first.size, false),
            "a waiting push of %u bytes came into queue %d without room", first.size, index);
    twin_queue_accept(twin, index, first.id, first.size, &first.headers, false);
    reach(REACH_WAIT_ADMITTED);
    if (queue->waiting_count > 0 && queue->waiting[0].number == first.number + 1 &&
        queue->waiting[0].peer == first.peer && !twin_queue_has_room(queue, queue->waiting[0].size))
        reach(REACH_WAIT_PARTLY);
}

/* What was not foretold must be a waiting push, the first of its queue. */
static void settle_waiting(struct twin *twin, const struct effect *effect, uint64_t number)
{
    for (int i = 0; i < TWIN_QUEUES; i++) {
        const struct twin_queue *queue = &twin->queues[i];
        if (queue->waiting_count > 0 && queue->waiting[0].peer == effect->peer &&
            queue->waiting[0].number == number) {
            admit(twin, i, effect->status);
            return;
        }
    }
    REQUIRE(false, "frame %" PRIu64 " of connection %u is settled, which nothing foretold", number,
            effect->peer);
}

static bool is_answered(const struct twin *twin)
{
    if (!twin->command)
        return false;
    return (twin->command->kind >= COMMAND_PURGE && twin->command->kind <= COMMAND_SETTINGS) ||
           (twin->command->kind == COMMAND_SUBSCRIBE && twin->command->subscription.is_inbox);
}

static void on_settled(struct twin *twin, const struct effect *effect)
{
    REQUIRE(effect->count > 0, "nothing is settled");
    for (uint32_t i = 0; i < effect->count; i++) {
        uint64_t number = effect->ticket + i;
        twin_catch_up(twin, i);
        twin_push_on(twin, effect->peer, number);
        const struct twin_settled *next = &twin->settled[twin->settled_first];
        bool is_next = twin->settled_first < twin->settled_count && next->peer == effect->peer &&
                       next->number == number;
        if (!is_next && !twin_serve(twin, effect))
            settle_waiting(twin, effect, number);
        if (!is_next)
            continue;
        REQUIRE(next->kind == FORETOLD_STATUS && next->status == effect->status,
                "frame %llu came to status %d, not %d", (unsigned long long)number, effect->status,
                next->status);
        static const enum twin_reach reaches[STATUS_ALL_COUNT] = {
            [STATUS_NO_QUEUE] = REACH_NO_QUEUE,
            [STATUS_EXISTS] = REACH_EXISTS,
            [STATUS_FULL] = REACH_FULL,
            [STATUS_DELETED] = REACH_DELETED,
            [STATUS_NO_CONSUMER] = REACH_NO_CONSUMER,
            [STATUS_ID_IN_USE] = REACH_ID_IN_USE,
            [STATUS_NOT_LEASED] = REACH_NOT_LEASED,
            [STATUS_CREDIT] = REACH_CREDIT,
            [STATUS_WINDOW] = REACH_WINDOW,
            [STATUS_BAD_PATTERN] = REACH_BAD_PATTERN,
            [STATUS_NO_SUBSCRIPTION] = REACH_NO_SUBSCRIPTION,
            [STATUS_NO_CLIENT] = REACH_NO_CLIENT,
            [STATUS_NO_READER] = REACH_NO_READER,
            [STATUS_RETAINED] = REACH_RETAINED,
            [STATUS_MEMORY] = REACH_MEMORY,
            [STATUS_QUEUES] = REACH_QUEUES,
        };
        reach(reaches[effect->status]); /* what has none counts as OK */
        twin->settled_first++;
        REQUIRE(effect->status != STATUS_OK || !is_answered(twin),
                "no data where an answer has some");
        /* What may be in flight since a lease was lost may come later. */
        bool has_gained = twin->config.in_flight_max > 0 && twin->loser == effect->peer;
        if (twin->command && twin->command->kind == COMMAND_PING && !has_gained)
            twin_check_done(twin, twin_peer(twin, effect->peer));
    }
}

static void on_answer(struct twin *twin, const struct effect *effect)
{
    const struct twin_settled *next = &twin->settled[twin->settled_first];
    REQUIRE(is_answered(twin) && twin->settled_first < twin->settled_count &&
                next->peer == effect->peer && next->number == effect->ticket &&
                next->status == STATUS_OK,
            "an answer that nothing foretold");
    twin->settled_first++;
    twin_on_answer(twin, effect);
    twin_hold(twin, effect, 0);
}

/* The next that was foretold, which must be this. */
static struct twin_settled *next_foretold(struct twin *twin, enum twin_foretold kind, uint32_t peer,
                                          uint64_t number)
{
    struct twin_settled *next = &twin->settled[twin->settled_first];
    REQUIRE(twin->settled_first < twin->settled_count && next->kind == kind && next->peer == peer &&
                next->number == number,
            "frame %" PRIu64 " of connection %u is answered, which nothing foretold", number, peer);
    return next;
}

static void on_number(struct twin *twin, const struct effect *effect)
{
    int64_t value = effect->numbers.first;
    for (uint32_t i = 0; i < effect->numbers.count; i++, value += effect->numbers.step) {
        uint64_t number = effect->ticket + i;
        twin_push_on(twin, effect->peer, number);
        const struct twin_settled *next =
            next_foretold(twin, FORETOLD_NUMBER, effect->peer, number);
        REQUIRE(next->value == value, "number %" PRId64 ", not %" PRId64, value, next->value);
        twin->settled_first++;
    }
}

/* What was foretold last comes first. */
static void bring_forward(struct twin *twin)
{
    struct twin_settled last = twin->settled[twin->settled_count - 1];
    struct twin_settled *first = &twin->settled[twin->settled_first];
    memmove(first + 1, first, (twin->settled_count - 1 - twin->settled_first) * sizeof last);
    *first = last;
}

static void on_frames(struct twin *twin, const struct effect *effect)
{
    struct twin_peer *peer = twin_peer(twin, effect->peer);
    const struct twin_settled *first = &twin->settled[twin->settled_first];
    bool is_next = twin->settled_first < twin->settled_count && first->kind == FORETOLD_FRAMES &&
                   first->peer == effect->peer && first->number == effect->ticket;
    if (!is_next && twin_serve(twin, effect))
        bring_forward(twin);
    struct twin_settled *next = next_foretold(twin, FORETOLD_FRAMES, effect->peer, effect->ticket);
    REQUIRE(effect->total == next->total && effect->id == next->which && effect->slice.count > 0 &&
                effect->slice.count <= next->total - next->put,
            "%u of %u messages, where %u of %u are due", effect->slice.count, effect->total,
            next->total - next->put, next->total);
    struct twin_hold *hold = twin_hold(twin, effect, OP_PUSH);
    hold->queue = next->queue;
    memcpy(hold->messages, next->messages + next->put,
           effect->slice.count * sizeof *hold->messages);
    twin_check_hold(hold);
    if (next->put > 0)
        reach(REACH_TAKEN_PIECES);
    *unsent_of(peer, &effect->slice) += effect->slice.size;
    next->put += effect->slice.count;
    REQUIRE(effect->has_more == (next->put < next->total), "an answer whose flag `more` is wrong");
    if (effect->has_more)
        return;
    free(next->messages);
    twin->settled_first++;
}

/* Whether the subscription is still to be told what it has missed. */
static bool is_gap_due(const struct twin *twin, const struct effect *effect)
{
    for (size_t i = 0; i < twin->gaps_count; i++)
        if (twin->gaps[i].peer == effect->peer && twin->gaps[i].id == effect->id)
            return true;
    return false;
}

static void on_ended(struct twin *twin, const struct effect *effect)
{
    for (size_t i = 0; i < twin->ended_count; i++)
        if (twin->ended[i].peer == effect->peer && twin->ended[i].id == effect->id &&
            twin->ended[i].is_subscription == effect->is_subscription) {
            REQUIRE(effect->status == twin->ended[i].status, "an end for status %d",
                    effect->status);
            REQUIRE(!effect->is_subscription || !is_gap_due(twin, effect),
                    "an end before its gap was told");
            twin->ended[i] = twin->ended[--twin->ended_count];
            reach(effect->is_subscription ? REACH_OVERFLOW : REACH_ENDED);
            return;
        }
    REQUIRE(false, "%u ended, which nothing foretold", effect->id);
}

static void on_lost(struct twin *twin, const struct effect *effect)
{
    struct twin_peer *peer = twin_peer(twin, effect->peer);
    REQUIRE(peer && effect->id < TWIN_IDS && peer->consumers[effect->id].is_there &&
                effect->count > 0,
            "leases lost of consumer %u, which is not there", effect->id);
    struct twin_consumer *consumer = &peer->consumers[effect->id];
    bool from_back = consumer->from_back;
    twin->loser = effect->peer;
    for (uint32_t i = 0; i < effect->count; i++)
        twin_lose(twin, consumer, effect->tag + (from_back ? effect->count - 1 - i : i));
}

static void on_killed(struct twin *twin, const struct effect *effect)
{
    REQUIRE(effect->peer == twin->killed && effect->status == STATUS_KILLED,
            "connection %u is to be ended, which nothing foretold", effect->peer);
    twin->killed = PEER_NONE;
}

/* Calls. */

static void on_effect(struct twin *twin, const struct effect *effect)
{
    if (twin->is_trace)
        twin_trace_effect(twin, effect);
    switch (effect->kind) {
    case EFFECT_SETTLED: on_settled(twin, effect); break;
    case EFFECT_ANSWER: on_answer(twin, effect); break;
    case EFFECT_DELIVER: on_deliver(twin, effect); break;
    case EFFECT_MESSAGE:
        twin_on_message(twin, effect);
        twin_check_hold(&twin->holds[twin->holds_count - 1]);
        break;
    case EFFECT_GAP: twin_on_gap(twin, effect); break;
    case EFFECT_LOST: on_lost(twin, effect); break;
    case EFFECT_ENDED: on_ended(twin, effect); break;
    case EFFECT_KILLED: on_killed(twin, effect); break;
    case EFFECT_NUMBER: on_number(twin, effect); break;
    case EFFECT_FRAMES: on_frames(twin, effect); break;
    }
}

/* Everything that was foretold must have come. */
static void check_foretold(struct twin *twin)
{
    REQUIRE(twin->settled_first == twin->settled_count, "%zu frames should have been settled",
            twin->settled_count - twin->settled_first);
    twin->settled_first = twin->settled_count = 0;
    REQUIRE(twin->ended_count == 0, "%zu ends should have been told", twin->ended_count);
    REQUIRE(twin->gaps_count == 0, "a gap should have been told at the end of a subscription");
    REQUIRE(twin->killed == PEER_NONE, "connection %u should have been ended", twin->killed);
    REQUIRE(twin->letters_count == 0, "a message died and was not buried");
}

static void begin_call(struct twin *twin, const struct command *command)
{
    for (int i = 0; i < TWIN_PEERS; i++)
        for (uint32_t id = 0; id < TWIN_IDS; id++)
            twin->peers[i].consumers[id].is_passed = false;
    twin->command = command;
    twin->touched = 0;
    twin->loser = PEER_NONE;
    twin->effects_done = 0;
    if (twin->is_trace && command)
        twin_trace_command(twin, command);
}

/* Whether it was done before the command: what time did; and the burial of what had died then, if
 * the command would change where that goes. */
static bool is_before(const struct twin_event *event, enum command_kind kind)
{
    if (event->kind == EVENT_BURY)
        return kind == COMMAND_DELETE || kind == COMMAND_SET || kind == COMMAND_DECLARE;
    return event->kind != EVENT_END && event->kind != EVENT_SERVE && kind != COMMAND_PING;
}

void twin_follow(struct twin *twin, struct twin_peer *peer, const struct command *command,
                 uint64_t first_id)
{
    begin_call(twin, command);
    while (command && twin->events_done < twin->events_count &&
           is_before(&twin->events[twin->events_done], command->kind))
        twin_on_event(twin);
    if (command)
        twin_apply(twin, peer, command, first_id);
    for (; twin->effects_done < twin->outbox->count; twin->effects_done++) {
        twin_catch_up(twin, 0);
        on_effect(twin, &twin->outbox->effects[twin->effects_done]);
    }
    twin_push_end(twin);
    if (command && command->kind == COMMAND_UNSUBSCRIBE && !twin->is_skipped)
        twin_unsubscribe_late(twin, peer, command);
    twin_catch_up(twin, UINT32_MAX);
    check_foretold(twin);
    if (twin->transaction == 0)
        twin_check_takers(twin, false);
    twin_forget_events(twin);
    twin_learn(twin);
    twin->command = NULL;
}

static void check_consumers(struct twin *twin, const struct twin_peer *peer)
{
    for (uint32_t id = 0; id < TWIN_IDS; id++) {
        const struct twin_consumer *consumer = &peer->consumers[id];
        if (!consumer->is_there)
            continue;
        struct twin_queue *queue = &twin->queues[consumer->queue];
        REQUIRE(!is_owed(twin, peer, consumer),
                "consumer %u of connection %u was not given what is ready for it", id, peer->id);
        if (queue->is_paused && queue->ready > 0 && consumer->credit_count > 0)
            reach(REACH_PAUSED_READY);
        if (!queue->is_paused && queue->ready > 0 && consumer->credit_count > 0)
            reach(takes(twin, peer, consumer) ? REACH_PASSED_OVER : REACH_IN_FLIGHT_FULL);
    }
}

void twin_check_done(struct twin *twin, const struct twin_peer *only)
{
    for (int i = 0; i < TWIN_PEERS; i++) {
        struct twin_peer *peer = &twin->peers[i];
        if (!peer->is_there || (only && peer != only))
            continue;
        check_consumers(twin, peer);
        if (only)
            continue;
        for (uint32_t id = 0; id < TWIN_CONSUMERS; id++)
            REQUIRE(twin_lease_end(twin, &peer->consumers[id]) > twin->now,
                    "consumer %u of connection %u should have lost a lease", id, peer->id);
        REQUIRE(peer->unsent_topics >= PEER_FULL || !twin_owes_messages(peer),
                "connection %u was not given the messages or gaps that wait for it", peer->id);
        if (twin_owes_messages(peer))
            reach(REACH_BACKLOG_FULL_PEER);
    }
    if (!only)
        twin_check_takers(twin, true);
    for (int i = 0; i < TWIN_QUEUES && !only; i++) {
        const struct twin_queue *queue = &twin->queues[i];
        REQUIRE(!twin_queue_is_unused(twin, i), "queue %d should be gone", i);
        REQUIRE(!queue->is_there || twin_queue_due(queue) > twin->now,
                "a message of queue %d should have fallen due or expired", i);
        REQUIRE(queue->waiting_count == 0 || !twin_queue_must_settle(queue, queue->waiting[0].size),
                "a push waits although there is room");
    }
}

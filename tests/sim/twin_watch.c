/*
 * What the engine is free to decide, and is watched doing, by the linker's --wrap: when it lets a
 * queue's messages fall due and expire, in which order it writes and buries dead letters, and which
 * arrival several messages share.
 */
#include "base/array.h"
#include "base/time.h"
#include "core/engine_state.h"
#include "frame/header.h"
#include "replay.h"
#include "twin.h"

#include <inttypes.h>
#include <stdlib.h>

/* What is watched, and what stands behind it. The names are the linker's. */
void __real_queue_age(struct queue *queue, struct stock *stock);
void __real_queue_destroy(struct queue *queue, struct stock *stock);
void __real_engine_bury(struct engine *engine);
uint32_t __real_header_put_dead(unsigned char *to, const unsigned char *frame,
                                const struct dead_reason *why);
bool __real_consumer_lose(struct consumer *consumer, struct stock *stock, size_t *at, uint64_t *tag,
                          uint32_t *count);
bool __wrap_consumer_lose(struct consumer *consumer, struct stock *stock, size_t *at, uint64_t *tag,
                          uint32_t *count);
void __real_takers_serve(struct engine *engine, struct outbox *outbox);
void __wrap_takers_serve(struct engine *engine, struct outbox *outbox);
void __wrap_queue_age(struct queue *queue, struct stock *stock);
void __wrap_queue_destroy(struct queue *queue, struct stock *stock);
void __wrap_engine_bury(struct engine *engine);
uint32_t __wrap_header_put_dead(unsigned char *to, const unsigned char *frame,
                                const struct dead_reason *why);

static struct twin *watched; /* whose engine carries out a call */

static struct twin_event *note(enum twin_event_kind kind, int queue)
{
    watched->events = array_reserve(watched->events, &watched->events_capacity,
                                    watched->events_count + 1, sizeof *watched->events);
    struct twin_event *event = &watched->events[watched->events_count++];
    const struct outbox *outbox = watched->outbox;
    const struct effect *last = outbox->count > 0 ? &outbox->effects[outbox->count - 1] : NULL;
    *event = (struct twin_event){
        .kind = kind,
        .effects_count = outbox->count,
        .frames_count = last && last->kind == EFFECT_SETTLED ? last->count : UINT32_MAX,
        .queue = queue,
    };
    return event;
}

void __wrap_queue_age(struct queue *queue, struct stock *stock)
{
    if (watched && queue_age_due(queue) <= stock->now)
        note(EVENT_AGE, twin_queue_index(watched, queue->entry.name));
    __real_queue_age(queue, stock);
    REQUIRE(queue_age_due(queue) > stock->now, "more is due at once than the twin can follow");
}

void __wrap_queue_destroy(struct queue *queue, struct stock *stock)
{
    if (watched)
        note(EVENT_END, twin_queue_index(watched, queue->entry.name));
    __real_queue_destroy(queue, stock);
}

void __wrap_engine_bury(struct engine *engine)
{
    bool is_any = watched && !list_is_empty(&engine->stock.letters);
    if (is_any)
        note(EVENT_BURY, 0);
    __real_engine_bury(engine);
    if (is_any)
        note(EVENT_BURIED, 0);
}

uint32_t __wrap_header_put_dead(unsigned char *to, const unsigned char *frame,
                                const struct dead_reason *why)
{
    if (watched) {
        struct twin_event *event = note(EVENT_LETTER, twin_queue_index(watched, why->queue));
        event->frame = memory_create(frame_size(frame));
        memcpy(event->frame, frame, frame_size(frame));
        event->deliveries = why->deliveries;
        REQUIRE(strlen(why->reason) < sizeof event->reason, "a strange reason");
        memcpy(event->reason, why->reason, strlen(why->reason) + 1);
    }
    return __real_header_put_dead(to, frame, why);
}

bool __wrap_consumer_lose(struct consumer *consumer, struct stock *stock, size_t *at, uint64_t *tag,
                          uint32_t *count)
{
    bool is_any = __real_consumer_lose(consumer, stock, at, tag, count);
    if (!is_any || !watched || !consumer->is_keeper)
        return is_any;
    struct twin_event *event =
        note(EVENT_LOSE, twin_queue_index(watched, consumer->queue->entry.name));
    event->peer = consumer->peer->id;
    event->tag = *tag;
    event->count = *count;
    return is_any;
}

void __wrap_takers_serve(struct engine *engine, struct outbox *outbox)
{
    if (watched && !list_is_empty(&engine->stock.awaited))
        note(EVENT_SERVE, 0);
    __real_takers_serve(engine, outbox);
}

void twin_watch(struct twin *twin, uint64_t now, const struct outbox *outbox)
{
    watched = twin;
    twin->now = now;
    twin->outbox = outbox;
}

static const struct twin_event *next_event(struct twin *twin)
{
    const struct twin_event *event = &twin->events[twin->events_done++];
    if (twin->is_trace)
        twin_trace_event(twin, event);
    return event;
}

/* What is buried is buried in queues as time has left them. */
void twin_on_event(struct twin *twin)
{
    const struct twin_event *event = next_event(twin);
    if (event->kind == EVENT_AGE)
        twin_age(twin, event->queue);
    if (event->kind == EVENT_END)
        twin_queue_end(twin, event->queue);
    if (event->kind == EVENT_LOSE)
        twin_on_lose(twin, event);
    if (event->kind != EVENT_BURY)
        return; /* a letter says only in which order what died is buried */
    while ((event = next_event(twin))->kind != EVENT_BURIED)
        if (event->kind == EVENT_AGE)
            twin_age(twin, event->queue);
    twin_bury(twin);
}

void twin_catch_up(struct twin *twin, uint32_t frame)
{
    while (twin->events_done < twin->events_count) {
        const struct twin_event *event = &twin->events[twin->events_done];
        if (event->effects_count > twin->effects_done &&
            (event->effects_count > twin->effects_done + 1 || event->frames_count > frame))
            return;
        twin_on_event(twin);
    }
}

void twin_forget_events(struct twin *twin)
{
    for (size_t i = 0; i < twin->events_count; i++)
        REQUIRE(!twin->events[i].frame, "a dead letter that is not buried");
    twin->events_count = twin->events_done = 0;
    watched = NULL;
}

void twin_note_tick(const struct twin *twin, uint64_t now)
{
    uint64_t deadline = engine_deadline(twin->engine);
    if (deadline == now)
        reach(REACH_TICK_DUE);
    if (deadline > now && deadline <= now + 100 * NS_PER_US)
        reach(REACH_TICK_EARLY);
    if (deadline > 0 && now > NS_PER_S && deadline < now - NS_PER_S)
        reach(REACH_TICK_LATE);
}

/* Arrivals. */

const struct queue *twin_engine_queue(const struct twin *twin, int index)
{
    struct bytes name = twin->names->queues[index];
    struct table_entry *entry =
        table_find(&twin->engine->spaces[0].queues, hash_bytes(&twin->engine->key, name), name);
    return entry ? list_entry(entry, const struct queue, entry) : NULL;
}

/* Messages that began to wait within a millisecond may share one arrival: never a later one than
 * their own. */
static void learn(struct twin_message *message, const struct segment *segment, uint32_t index)
{
    uint64_t arrival = segment_arrival(segment, index);
    REQUIRE(arrival <= message->arrived_most,
            "message %" PRIu64 " is taken for younger than it is: %" PRIu64 " ns", message->id,
            arrival - message->arrived_most);
    REQUIRE(arrival + NS_PER_MS > message->arrived_least,
            "message %" PRIu64 " is taken for %" PRIu64 " ns older than it is", message->id,
            message->arrived_least - arrival);
    message->arrived = arrival;
}

static const struct consumer *engine_consumer(const struct twin *twin, uint32_t id,
                                              uint32_t consumer)
{
    const struct peer *peer = engine_peer(twin->engine, id);
    REQUIRE(peer, "connection %u is not there", id);
    if (consumer >= TWIN_IDS)
        return keeper_of(peer, twin_engine_queue(twin, (int)consumer - TWIN_IDS));
    struct table_entry *entry = table_find(&peer->consumers, consumer, (struct bytes){0});
    REQUIRE(entry, "consumer %u of connection %u is not there", consumer, id);
    return list_entry(entry, const struct consumer, entry);
}

static const struct lease *engine_lease(const struct consumer *consumer, uint64_t tag)
{
    for (size_t i = 0; i < consumer->leases_count; i++) {
        const struct lease *lease =
            &consumer->leases[(consumer->leases_first + i) & (consumer->leases_capacity - 1)];
        if (tag >= lease->tag_first && tag - lease->tag_first < lease->count)
            return lease;
    }
    REQUIRE(false, "tag %" PRIu64 " is not leased", tag);
}

static void learn_leases(struct twin *twin)
{
    for (size_t i = 0; i < twin->news_count; i++) {
        uint64_t tag = twin->news[i].tag;
        const struct lease *lease =
            engine_lease(engine_consumer(twin, twin->news[i].peer, twin->news[i].consumer), tag);
        uint32_t at = (uint32_t)(tag - lease->tag_first);
        learn(twin->news[i].message, lease->segment,
              lease->index + (lease->is_reversed ? lease->count - 1 - at : at));
    }
    twin->news_count = 0;
}

/* Whether a lease of that age was touched. */
static bool has_touched(const struct twin_consumer *consumer, uint64_t since, uint64_t now)
{
    for (size_t i = 0; i < consumer->leases_count; i++)
        if (consumer->leases[i].before == since && consumer->leases[i].since == now)
            return true;
    return false;
}

/* A touch may begin anew what was handed out together with what it names. */
static void learn_touch(struct twin *twin, uint32_t peer, uint32_t id)
{
    struct twin_consumer *mine = &twin_peer(twin, peer)->consumers[id];
    const struct consumer *consumer = engine_consumer(twin, peer, id);
    for (size_t i = 0; i < mine->leases_count; i++) {
        struct twin_lease *lease = &mine->leases[i];
        if (lease->since != twin->now && engine_lease(consumer, lease->tag)->at == twin->now) {
            REQUIRE(has_touched(mine, lease->since, twin->now), "tag %" PRIu64 " is touched",
                    lease->tag);
            lease->since = twin->now;
        }
    }
}

static struct twin_message *next_news(const struct twin_queue *queue, struct list **link,
                                      bool from_back)
{
    while ((*link = from_back ? (*link)->prev : (*link)->next) != &queue->messages) {
        struct twin_message *message = list_entry(*link, struct twin_message, link);
        if (message->state == MESSAGE_READY)
            return message->arrived == TIME_NEVER ? message : NULL;
    }
    return NULL;
}

/* From one end on, as far as nothing is known. */
static void learn_queue(struct twin *twin, int index, bool from_back)
{
    struct twin_queue *mine = &twin->queues[index];
    struct list *at = &mine->messages;
    struct twin_message *message = next_news(mine, &at, from_back);
    if (!message)
        return;
    const struct queue *queue = twin_engine_queue(twin, index);
    REQUIRE(queue, "queue %d is not there", index);
    for (struct list *link = from_back ? queue->segments.prev : queue->segments.next;
         link != &queue->segments && message; link = from_back ? link->prev : link->next) {
        struct segment *segment = list_entry(link, struct segment, link);
        struct stretch one;
        for (uint32_t place = segment_edge(segment, from_back);
             message && segment_next_ready(segment, from_back, 1, &place, &one);
             message = next_news(mine, &at, from_back))
            learn(message, segment, one.index);
    }
    REQUIRE(!message, "queue %d holds fewer messages than it should", index);
}

void twin_learn(struct twin *twin)
{
    learn_leases(twin);
    if (twin->command && twin->command->kind == COMMAND_TOUCH && twin->touched)
        learn_touch(twin, twin->command->peer, twin->command->settle.id);
    for (int i = 0; i < TWIN_QUEUES; i++) {
        if (!twin->queues[i].is_there)
            continue;
        learn_queue(twin, i, true);
        learn_queue(twin, i, false);
    }
}

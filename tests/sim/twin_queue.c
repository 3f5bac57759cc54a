/* The twin's queues: lists of messages, one by one. */
#include "base/array.h"
#include "base/time.h"
#include "replay.h"
#include "twin.h"

#include <stdlib.h>

int twin_queue_index(const struct twin *twin, struct bytes name)
{
    for (int i = 0; i < TWIN_QUEUES; i++)
        if (bytes_equal(twin->names->queues[i], name))
            return i;
    REQUIRE(false, "a queue of a name that was never used");
}

/* Queues. */

void twin_queue_create(struct twin *twin, int index)
{
    struct twin_queue *queue = &twin->queues[index];
    *queue = (struct twin_queue){.is_there = true, .changes = queue->changes};
    list_init(&queue->messages);
    list_init(&queue->later);
    queue->first = queue->last = &queue->messages;
    twin_queue_configure(twin, index);
}

struct twin_queue *twin_queue_make(struct twin *twin, struct bytes name)
{
    int index = twin_queue_index(twin, name);
    struct twin_queue *queue = &twin->queues[index];
    if (queue->is_there)
        return queue;
    uint64_t count = 0;
    for (int i = 0; i < TWIN_QUEUES; i++)
        count += twin->queues[i].is_there;
    if (twin->config.queues_max > 0 && count >= twin->config.queues_max)
        return NULL;
    twin_queue_create(twin, index);
    return queue;
}

static void clear_list(struct list *list)
{
    for (struct list *link; (link = list_pop_front(list));)
        free(list_entry(link, struct twin_message, link));
}

void twin_queue_clear(struct twin_queue *queue)
{
    if (!queue->is_there)
        return;
    clear_list(&queue->messages);
    clear_list(&queue->later);
    free(queue->waiting);
    *queue = (struct twin_queue){.changes = queue->changes + (queue->ready > 0)};
}

bool twin_queue_is_unused(const struct twin *twin, int index)
{
    const struct twin_queue *queue = &twin->queues[index];
    return queue->is_there && !twin_is_awaited(twin, index) && !queue->is_declared &&
           !queue->is_paused && queue->consumers == 0 &&
           queue->ready + queue->leased + queue->delayed + queue->waiting_count == 0;
}

void twin_queue_end(struct twin *twin, int index)
{
    struct twin_queue *queue = &twin->queues[index];
    if (!queue->is_there || twin_is_awaited(twin, index)) /* which another was made for */
        return;
    REQUIRE(twin_queue_is_unused(twin, index), "queue %d goes away, and is in use", index);
    reach(REACH_QUEUE_GONE);
    twin_queue_clear(queue);
}

/* Bounds. */

static bool has_room(const struct twin_queue *queue, uint32_t count, uint64_t size)
{
    uint64_t held = queue->ready_size + queue->leased_size + queue->delayed_size;
    uint64_t held_count = queue->ready + queue->leased + queue->delayed;
    return held_count < queue->settings.count_max &&
           count <= queue->settings.count_max - held_count && held < queue->settings.size_max &&
           size <= queue->settings.size_max - held;
}

bool twin_queue_has_room(const struct twin_queue *queue, uint32_t size)
{
    return has_room(queue, 1, size);
}

/* Whether so much would fit if nothing were ready. */
static bool would_fit(const struct twin_queue *queue, uint32_t count, uint64_t size)
{
    struct twin_queue empty = *queue;
    empty.ready = empty.ready_size = 0;
    return has_room(&empty, count, size);
}

bool twin_queue_must_settle(const struct twin_queue *queue, uint32_t size)
{
    return size > queue->settings.size_max || twin_queue_has_room(queue, size) ||
           (queue->settings.when_full == WHEN_FULL_DROP_OLDEST && would_fit(queue, 1, size));
}

bool twin_queue_make_room(struct twin *twin, int index, uint32_t count, uint64_t size,
                          bool at_front)
{
    struct twin_queue *queue = &twin->queues[index];
    bool fits = has_room(queue, count, size);
    if (fits || queue->settings.when_full != WHEN_FULL_DROP_OLDEST)
        return fits;
    if (!would_fit(queue, count, size)) {
        reach(REACH_OVERFLOWED_NONE);
        return false;
    }
    while (!has_room(queue, count, size)) {
        struct twin_message *oldest = twin_next(queue, at_front);
        reach(at_front ? REACH_OVERFLOWED_NEWEST : REACH_OVERFLOWED);
        twin_queue_leave(queue, oldest);
        twin_die(twin, index, oldest, SETTLE_OVERFLOW);
    }
    return true;
}

/* Messages. */

static struct twin_message *message_of(struct list *link)
{
    return list_entry(link, struct twin_message, link);
}

/* Takes a ready or leased message off the list. */
static void unlink_message(struct twin_queue *queue, struct twin_message *message)
{
    if (queue->first == &message->link)
        queue->first = message->link.next;
    if (queue->last == &message->link)
        queue->last = message->link.prev;
    list_remove(&message->link);
}

void twin_queue_join(struct twin *twin, struct twin_queue *queue, struct twin_message *message,
                     bool at_front)
{
    message->state = MESSAGE_READY;
    message->arrived = TIME_NEVER;
    message->arrived_most = twin->now;
    message->deadline = TIME_NEVER;
    if (message->headers.ttl_ms > 0) {
        message->deadline = twin_after(twin->now, message->headers.ttl_ms);
        queue->has_deadlines = true;
        if (message->deadline == TIME_NEVER)
            reach(REACH_TTL_FOREVER);
    }
    message->place = at_front ? --queue->place_first : queue->place_next++;
    if (at_front)
        list_push_front(&queue->messages, &message->link);
    else
        list_push_back(&queue->messages, &message->link);
    if (at_front || queue->ready == 0)
        queue->first = &message->link;
    if (!at_front || queue->ready == 0)
        queue->last = &message->link;
    queue->ready++;
    queue->ready_size += message->size;
    queue->changes++;
}

void twin_queue_leave(struct twin_queue *queue, struct twin_message *message)
{
    REQUIRE(message->state == MESSAGE_READY, "the twin takes what is not ready");
    queue->ready--;
    queue->ready_size -= message->size;
    queue->changes++;
    unlink_message(queue, message);
}

void twin_queue_admit(struct twin *twin, struct twin_queue *queue, struct twin_message *message,
                      bool at_front)
{
    message->arrived_least = twin->now;
    queue->counters.accepted++;
    twin->totals.accepted++;
    if (message->headers.delay_ms > 0)
        twin_delay(twin, queue, message, message->headers.delay_ms, at_front);
    else
        twin_queue_join(twin, queue, message, at_front);
}

void twin_queue_accept(struct twin *twin, int index, uint64_t id, uint32_t size,
                       const struct headers *headers, bool at_front)
{
    struct twin_message *message = memory_create(sizeof *message);
    message->id = id;
    message->size = size;
    message->name = index;
    message->headers = *headers;
    twin_queue_admit(twin, &twin->queues[index], message, at_front);
    if (headers->is_there)
        reach(REACH_HEADERS);
    if (headers->dead_times > 0 || headers->dead_queue.size > 0)
        reach(REACH_HEADERS_FORGED);
    if (headers->delay_ms > 0)
        reach(REACH_DELAYED);
}

struct twin_message *twin_next(struct twin_queue *queue, bool from_back)
{
    if (queue->ready == 0)
        return NULL;
    while (message_of(queue->first)->state != MESSAGE_READY)
        queue->first = queue->first->next;
    while (message_of(queue->last)->state != MESSAGE_READY)
        queue->last = queue->last->prev;
    return message_of(from_back ? queue->last : queue->first);
}

void twin_queue_lease(struct twin_queue *queue, struct twin_message *message)
{
    REQUIRE(message->state == MESSAGE_READY, "the twin leases what is not ready");
    message->state = MESSAGE_LEASED;
    queue->changes++;
    queue->ready--;
    queue->ready_size -= message->size;
    queue->leased++;
    queue->leased_size += message->size;
}

void twin_queue_unlease(struct twin_queue *queue, struct twin_message *message)
{
    message->state = MESSAGE_READY;
    queue->changes++;
    queue->leased--;
    queue->leased_size -= message->size;
    queue->ready++;
    queue->ready_size += message->size;
    if (queue->first == &queue->messages || message->place < message_of(queue->first)->place)
        queue->first = &message->link;
    if (queue->last == &queue->messages || message->place > message_of(queue->last)->place)
        queue->last = &message->link;
}

/* Not all is known of one that has just come. */
void twin_note_delivery(const struct twin *twin, struct twin_queue *queue,
                        const struct twin_message *message)
{
    queue->counters.delivered++;
    bool is_known = message->arrived != TIME_NEVER;
    uint64_t least = twin->now - (is_known ? message->arrived : message->arrived_most);
    uint64_t most = is_known ? least : twin->now + NS_PER_MS - message->arrived_least;
    queue->waited_least = least > queue->waited_least ? least : queue->waited_least;
    queue->waited_most = most > queue->waited_most ? most : queue->waited_most;
}

void twin_take(struct twin *twin, struct twin_peer *peer, struct twin_consumer *consumer,
               struct twin_message *taken)
{
    struct twin_queue *queue = &twin->queues[consumer->queue];
    twin_note_delivery(twin, queue, taken);
    twin_queue_lease(queue, taken);
    uint64_t tag = consumer->tag_next++;
    if (consumer->no_ack) {
        twin_settle_message(twin, consumer, taken, SETTLE_ACKNOWLEDGE, 0);
        return;
    }
    consumer->leases = array_reserve(consumer->leases, &consumer->leases_capacity,
                                     consumer->leases_count + 1, sizeof *consumer->leases);
    consumer->leases[consumer->leases_count++] =
        (struct twin_lease){.tag = tag, .began = twin->now, .since = twin->now, .message = taken};
    if (taken->arrived != TIME_NEVER)
        return;
    twin->news =
        array_reserve(twin->news, &twin->news_capacity, twin->news_count + 1, sizeof *twin->news);
    twin->news[twin->news_count].message = taken;
    twin->news[twin->news_count].peer = peer->id;
    twin->news[twin->news_count].consumer = (uint32_t)(consumer - peer->consumers);
    twin->news[twin->news_count++].tag = tag;
}

/* A message comes back to its place. */
static void come_back(struct twin *twin, struct twin_queue *queue, struct twin_message *message)
{
    twin_queue_unlease(queue, message);
    reach(REACH_RETURNED);
    if (twin_expiry(queue, message) <= twin->now)
        reach(REACH_EXPIRED_LEASED);
    for (struct list *link = message->link.next; link != &queue->messages && link != queue->last;
         link = link->next)
        if (message_of(link)->state == MESSAGE_LEASED) {
            reach(REACH_RETURNED_HOLE);
            break;
        }
}

void twin_settle_message(struct twin *twin, const struct twin_consumer *consumer,
                         struct twin_message *message, enum settle how, uint64_t delay_ms)
{
    struct twin_queue *queue = &twin->queues[consumer->queue];
    uint32_t limit = queue->settings.delivery_limit;
    REQUIRE(message->state == MESSAGE_LEASED, "the twin settles what is not leased");
    if (how == SETTLE_RETURN) {
        queue->counters.settled[SETTLE_RETURN]++;
        message->deliveries += message->deliveries < 65535;
        if (limit > 0 && message->deliveries >= limit) {
            how = SETTLE_EXHAUST;
        } else if (delay_ms == 0) {
            come_back(twin, queue, message);
            return;
        }
    } else if (how == SETTLE_REJECT) {
        message->deliveries++;
    }
    queue->leased--;
    queue->leased_size -= message->size;
    unlink_message(queue, message);
    if (how == SETTLE_RETURN) {
        twin_delay(twin, queue, message, delay_ms, !consumer->from_back);
    } else if (how == SETTLE_ACKNOWLEDGE) {
        queue->counters.settled[SETTLE_ACKNOWLEDGE]++;
        free(message);
    } else {
        twin_die(twin, consumer->queue, message, how);
    }
}

uint64_t twin_purge(struct twin_queue *queue)
{
    uint64_t count = queue->ready + queue->delayed;
    queue->changes += queue->ready > 0;
    for (struct list *link = queue->messages.next, *next; link != &queue->messages; link = next) {
        next = link->next;
        if (message_of(link)->state != MESSAGE_READY)
            continue;
        unlink_message(queue, message_of(link));
        free(message_of(link));
    }
    clear_list(&queue->later);
    queue->ready = queue->ready_size = queue->delayed = queue->delayed_size = 0;
    queue->counters.purged += count;
    return count;
}

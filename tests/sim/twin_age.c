/* What time does to the twin's messages, and what becomes of those that die. */
#include "base/array.h"
#include "base/time.h"
#include "core/engine_state.h"
#include "replay.h"
#include "twin.h"

#include <stdlib.h>

enum { DEATHS_MAX = 16 };

uint64_t twin_after(uint64_t now, uint64_t ms)
{
    unsigned __int128 then = (unsigned __int128)ms * NS_PER_MS + now;
    return then < INT64_MAX ? (uint64_t)then : TIME_NEVER; /* nobody lives that long */
}

/* Until its arrival is known a message is taken for as young as it can be: it does not expire that
 * early. */
uint64_t twin_expiry(const struct twin_queue *queue, const struct twin_message *message)
{
    uint64_t arrived = message->arrived == TIME_NEVER ? message->arrived_most : message->arrived;
    uint64_t expiry =
        queue->settings.ttl_ms ? twin_after(arrived, queue->settings.ttl_ms) : TIME_NEVER;
    return message->deadline < expiry ? message->deadline : expiry;
}

/* Delay. */

void twin_delay(struct twin *twin, struct twin_queue *queue, struct twin_message *message,
                uint64_t delay_ms, bool to_front)
{
    message->state = MESSAGE_DELAYED;
    message->to_front = to_front;
    message->due = twin_after(twin->now, delay_ms);
    if (message->due == TIME_NEVER)
        reach(REACH_DELAYED_FOREVER);
    list_push_back(&queue->later, &message->link);
    queue->delayed++;
    queue->delayed_size += message->size;
}

static void promote(struct twin *twin, struct twin_queue *queue, struct twin_message *message)
{
    queue->delayed--;
    queue->delayed_size -= message->size;
    list_remove(&message->link);
    message->arrived_least = message->due;
    twin_queue_join(twin, queue, message, message->to_front);
    reach(REACH_PROMOTED);
    if (message->deliveries > 0)
        reach(message->to_front ? REACH_PROMOTED_FRONT : REACH_PROMOTED_BACK);
}

static uint64_t first_due(const struct twin_queue *queue)
{
    uint64_t due = TIME_NEVER;
    for (const struct list *link = queue->later.next; link != &queue->later; link = link->next) {
        const struct twin_message *message = list_entry(link, const struct twin_message, link);
        due = message->due < due ? message->due : due;
    }
    return due;
}

/* Those that fall due together keep their order, at either end. */
static uint64_t promote_all(struct twin *twin, struct twin_queue *queue)
{
    uint64_t count = queue->delayed;
    for (uint64_t due; (due = first_due(queue)) <= twin->now && due != TIME_NEVER;) {
        for (struct list *link = queue->later.next, *next; link != &queue->later; link = next) {
            struct twin_message *message = list_entry(link, struct twin_message, link);
            next = link->next;
            if (message->due == due && !message->to_front)
                promote(twin, queue, message);
        }
        for (struct list *link = queue->later.prev, *next; link != &queue->later; link = next) {
            struct twin_message *message = list_entry(link, struct twin_message, link);
            next = link->prev;
            if (message->due == due)
                promote(twin, queue, message);
        }
    }
    return count - queue->delayed;
}

/* Expiry. */

static bool expires(const struct twin_queue *queue)
{
    return queue->ready > 0 && (queue->settings.ttl_ms > 0 || queue->has_deadlines);
}

static uint64_t expire_all(struct twin *twin, int index)
{
    struct twin_queue *queue = &twin->queues[index];
    uint64_t count = 0;
    bool is_behind = false;
    if (!expires(queue))
        return 0;
    for (struct list *link = queue->messages.next, *next; link != &queue->messages; link = next) {
        struct twin_message *message = list_entry(link, struct twin_message, link);
        next = link->next;
        if (message->state != MESSAGE_READY)
            continue;
        if (twin_expiry(queue, message) > twin->now) {
            is_behind = true;
            continue;
        }
        reach(REACH_EXPIRED);
        if (message->deadline <= twin->now)
            reach(REACH_EXPIRED_OWN);
        if (is_behind)
            reach(REACH_EXPIRED_MIDDLE);
        twin_queue_leave(queue, message);
        twin_die(twin, index, message, SETTLE_EXPIRE);
        count++;
    }
    return count;
}

void twin_age(struct twin *twin, int index)
{
    struct twin_queue *queue = &twin->queues[index];
    if (!queue->is_there)
        return;
    uint64_t promoted = promote_all(twin, queue), expired = expire_all(twin, index);
    if (promoted > 0 && expired > 0)
        reach(REACH_PROMOTED_EXPIRING);
    if (promoted + expired > 0 && twin->command && twin->command->kind != COMMAND_PING)
        reach(REACH_AGED_APART);
}

uint64_t twin_lease_end(const struct twin *twin, const struct twin_consumer *consumer)
{
    const struct twin_queue *queue = &twin->queues[consumer->queue];
    uint64_t first = TIME_NEVER;
    for (size_t i = 0; queue->settings.lease_max_ms > 0 && i < consumer->leases_count; i++) {
        uint64_t end = twin_after(consumer->leases[i].since, queue->settings.lease_max_ms);
        first = end < first ? end : first;
    }
    return first;
}

uint64_t twin_queue_due(const struct twin_queue *queue)
{
    uint64_t due = first_due(queue);
    for (const struct list *link = queue->messages.next; link != &queue->messages && expires(queue);
         link = link->next) {
        const struct twin_message *message = list_entry(link, const struct twin_message, link);
        uint64_t expiry =
            message->state == MESSAGE_READY ? twin_expiry(queue, message) : TIME_NEVER;
        due = expiry < due ? expiry : due;
    }
    return due;
}

uint64_t twin_due(const struct twin *twin)
{
    uint64_t first = TIME_NEVER;
    for (int i = 0; i < TWIN_QUEUES; i++) {
        const struct twin_queue *queue = &twin->queues[i];
        uint64_t due = queue->is_there ? twin_queue_due(queue) : TIME_NEVER;
        first = due < first ? due : first;
    }
    for (int i = 0; i < TWIN_PEERS * TWIN_CONSUMERS; i++) {
        uint64_t due =
            twin_lease_end(twin, &twin->peers[i / TWIN_CONSUMERS].consumers[i % TWIN_CONSUMERS]);
        first = due < first ? due : first;
    }
    uint64_t takers = twin_takers_due(twin);
    return takers < first ? takers : first;
}

void twin_lose(struct twin *twin, struct twin_consumer *consumer, uint64_t tag)
{
    const struct twin_queue *queue = &twin->queues[consumer->queue];
    size_t at = 0;
    while (at < consumer->leases_count && consumer->leases[at].tag != tag)
        at++;
    REQUIRE(at < consumer->leases_count, "tag %llu is lost, which is not leased",
            (unsigned long long)tag);
    struct twin_lease lease = consumer->leases[at];
    REQUIRE(queue->settings.lease_max_ms > 0 &&
                twin_after(lease.since, queue->settings.lease_max_ms) <= twin->now,
            "tag %llu is lost too early", (unsigned long long)tag);
    memmove(&consumer->leases[at], &consumer->leases[at + 1],
            (--consumer->leases_count - at) * sizeof lease);
    consumer->lost = tag;
    reach(REACH_LOST);
    if (consumer->leases_count > 0)
        reach(REACH_LOST_PARTLY);
    uint64_t exhausted = queue->counters.settled[SETTLE_EXHAUST];
    twin_settle_message(twin, consumer, lease.message, SETTLE_RETURN, 0);
    if (queue->counters.settled[SETTLE_EXHAUST] > exhausted)
        reach(REACH_LOST_EXHAUSTED);
}

/* Death. */

static bool has_nowhere_to_go(const struct twin *twin, int index,
                              const struct twin_message *message)
{
    const struct twin_queue *queue = &twin->queues[index];
    if (message->headers.dead_times >= DEATHS_MAX) {
        reach(REACH_DIED_MOST);
        return true;
    }
    if (queue->settings.dead_letter.size > 0)
        return false;
    reach(REACH_DISCARDED_NOWHERE);
    if (!(queue->own.given & SETTING_DEAD_LETTER) &&
        twin->names->queues[index].size > FRAME_NAME_MAX - 5)
        reach(REACH_DISCARDED_UNNAMED);
    return true;
}

void twin_die(struct twin *twin, int index, struct twin_message *message, enum settle how)
{
    static const char *const reasons[SETTLE_KINDS] = {
        [SETTLE_REJECT] = "rejected",
        [SETTLE_EXPIRE] = "expired",
        [SETTLE_OVERFLOW] = "overflow",
        [SETTLE_EXHAUST] = "deliveries",
    };
    struct twin_queue *queue = &twin->queues[index];
    queue->counters.settled[how]++;
    if (how == SETTLE_REJECT)
        reach(REACH_REJECTED);
    if (how == SETTLE_EXHAUST)
        reach(REACH_EXHAUSTED);
    if (message->headers.dead_times > 0)
        reach(REACH_DIED_TWICE);
    if (twin->is_burying || has_nowhere_to_go(twin, index, message)) {
        free(message);
        return;
    }
    twin->letters = array_reserve(twin->letters, &twin->letters_capacity, twin->letters_count + 1,
                                  sizeof *twin->letters);
    twin->letters[twin->letters_count++] =
        (struct twin_letter){message, index, reasons[how], message->deliveries};
}

/* Takes out the letter that the engine wrote of what died. */
static struct twin_letter find_letter(struct twin *twin, const struct twin_event *event)
{
    for (size_t i = 0; i < twin->letters_count; i++) {
        struct twin_letter letter = twin->letters[i];
        const struct twin_message *message = letter.message;
        if (letter.from != event->queue || letter.deliveries != event->deliveries ||
            strcmp(letter.reason, event->reason) != 0 ||
            !message_is(event->frame, OP_PUSH, twin->names->queues[message->name], message->id,
                        message->size, &message->headers))
            continue;
        memmove(&twin->letters[i], &twin->letters[i + 1],
                (--twin->letters_count - i) * sizeof letter);
        return letter;
    }
    REQUIRE(false, "a dead letter of queue %d for reason %s, of what has not died", event->queue,
            event->reason);
}

/* Says on the message why it is dead. */
static void rewrite(const struct twin *twin, const struct twin_letter *letter)
{
    struct twin_message *message = letter->message;
    uint32_t before = headers_size(&message->headers);
    message->headers.is_there = message->headers.is_rewritten = true;
    message->headers.ttl_ms = message->headers.delay_ms = 0;
    message->headers.dead_times++;
    message->headers.dead_reason = letter->reason;
    message->headers.dead_queue = twin->names->queues[letter->from];
    message->headers.dead_deliveries = letter->deliveries;
    message->size += headers_size(&message->headers) - before;
    message->deliveries = 0;
}

static void bury(struct twin *twin, const struct twin_letter *letter)
{
    struct twin_queue *from = &twin->queues[letter->from];
    int index = twin_queue_index(twin, from->settings.dead_letter);
    bool is_made = !twin->queues[index].is_there;
    struct twin_queue *queue = twin_queue_make(twin, twin->names->queues[index]);
    if (!queue) {
        reach(REACH_DISCARDED_UNMADE);
        free(letter->message);
        return;
    }
    if (is_made)
        reach(REACH_BURIED_MADE);
    rewrite(twin, letter);
    bool has_room = twin_queue_has_room(queue, letter->message->size);
    if (!has_room && !twin_queue_make_room(twin, index, 1, letter->message->size, false)) {
        reach(REACH_DISCARDED_FULL);
        free(letter->message);
        return;
    }
    if (!has_room)
        reach(REACH_BURIED_OVER_OLDEST);
    reach(REACH_BURIED);
    if (index == letter->from)
        reach(letter->reason[0] == 'd' ? REACH_BURIED_EXHAUSTED_OWN : REACH_BURIED_OWN);
    from->counters.dead_lettered++;
    twin_queue_admit(twin, queue, letter->message, false);
}

void twin_bury(struct twin *twin)
{
    twin->is_burying = true;
    for (size_t i = 0; i < twin->events_count && twin->letters_count > 0; i++) {
        struct twin_event *event = &twin->events[i];
        if (event->kind != EVENT_LETTER || !event->frame)
            continue;
        struct twin_letter letter = find_letter(twin, event);
        free(event->frame);
        event->frame = NULL;
        bury(twin, &letter);
    }
    twin->is_burying = false;
    REQUIRE(twin->letters_count == 0, "no dead letter of message %llu of queue %d, for reason %s",
            (unsigned long long)twin->letters[0].message->id, twin->letters[0].from,
            twin->letters[0].reason);
}

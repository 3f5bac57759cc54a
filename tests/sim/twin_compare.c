/* The engine's state against the twin's, and the answers that tell of it. */
#include "twin.h"

#include "base/time.h"
#include "core/engine_state.h"
#include "fields.h"
#include "replay.h"

#include <inttypes.h>

/* Answers. */

static void require_number(struct bytes fields, const char *key, uint64_t expected)
{
    uint64_t value = 0;
    bool is_there = fields_number(fields, key, &value);
    REQUIRE(is_there && value == expected, "field %s is %" PRIu64 ", not %" PRIu64, key, value,
            expected);
}

static void require_bytes(struct bytes fields, const char *key, struct bytes expected)
{
    struct bytes value = {0};
    bool is_there = fields_bytes(fields, key, &value);
    REQUIRE(is_there && bytes_equal(value, expected), "field %s is wrong", key);
}

static uint64_t died(const struct queue_counters *counters)
{
    return counters->settled[SETTLE_REJECT] + counters->settled[SETTLE_EXPIRE] +
           counters->settled[SETTLE_OVERFLOW] + counters->settled[SETTLE_EXHAUST];
}

static void check_settings(const struct queue_settings *settings, struct bytes fields)
{
    static const char *const choices[] = {"refuse", "hold", "drop-oldest"};
    require_number(fields, "max-messages", settings->count_max);
    require_number(fields, "max-bytes", settings->size_max);
    require_bytes(fields, "when-full", bytes_text(choices[settings->when_full]));
    require_number(fields, "ttl", settings->ttl_ms);
    require_number(fields, "delivery-limit", settings->delivery_limit);
    require_bytes(fields, "dead-letter", settings->dead_letter);
    require_number(fields, "lease-max", settings->lease_max_ms);
    require_bytes(fields, "pop-lease", bytes_text(settings->pop_lease ? "connection" : "none"));
}

static void check_counters(const struct twin_queue *queue, struct bytes fields)
{
    const struct queue_counters *counters = &queue->counters;
    uint64_t refused = 0;
    require_number(fields, "accepted", counters->accepted);
    require_number(fields, "acknowledged", counters->settled[SETTLE_ACKNOWLEDGE]);
    require_number(fields, "dead-lettered", counters->dead_lettered);
    require_number(fields, "discarded",
                   died(counters) - counters->dead_lettered + counters->purged);
    require_number(fields, "rejected", counters->settled[SETTLE_REJECT]);
    require_number(fields, "expired", counters->settled[SETTLE_EXPIRE]);
    require_number(fields, "overflowed", counters->settled[SETTLE_OVERFLOW]);
    require_number(fields, "exhausted", counters->settled[SETTLE_EXHAUST]);
    require_number(fields, "purged", counters->purged);
    require_number(fields, "delivered", counters->delivered);
    require_number(fields, "returned", counters->settled[SETTLE_RETURN]);
    REQUIRE(fields_number(fields, "refused", &refused), "field refused is missing");
    REQUIRE(refused == counters->refused || refused == counters->refused + queue->refused_window,
            "field refused is wrong");
}

/* A number of milliseconds since the earliest of some times, or no field if there is none. The time
 * lies between two. */
static void require_age(struct bytes fields, const char *key, uint64_t now, uint64_t least,
                        uint64_t most)
{
    uint64_t value = 0;
    bool is_there = fields_number(fields, key, &value);
    REQUIRE(is_there == (most != TIME_NEVER) && (!is_there || (value >= (now - most) / NS_PER_MS &&
                                                               value <= (now - least) / NS_PER_MS)),
            "field %s is %s%" PRIu64 ", not %" PRIu64, key, is_there ? "" : "not there, ", value,
            (now - most) / NS_PER_MS);
}

/* When the oldest ready message arrived: between two times, while that is not known. */
static void find_oldest(const struct twin_queue *queue, uint64_t *least, uint64_t *most)
{
    *least = *most = TIME_NEVER;
    for (const struct list *link = queue->messages.next; link != &queue->messages;
         link = link->next) {
        const struct twin_message *message = list_entry(link, const struct twin_message, link);
        bool is_known = message->arrived != TIME_NEVER;
        uint64_t from = message->arrived_least < NS_PER_MS ? 0 : message->arrived_least - NS_PER_MS;
        from = is_known ? message->arrived : from;
        uint64_t to = is_known ? message->arrived : message->arrived_most;
        if (message->state != MESSAGE_READY)
            continue;
        *least = from < *least ? from : *least;
        *most = to < *most ? to : *most;
    }
}

static uint64_t oldest_lease(const struct twin *twin, int index)
{
    uint64_t oldest = TIME_NEVER;
    for (int i = 0; i < TWIN_PEERS; i++)
        for (uint32_t id = 0; id < TWIN_CONSUMERS; id++) {
            const struct twin_consumer *consumer = &twin->peers[i].consumers[id];
            for (size_t at = 0; consumer->queue == index && at < consumer->leases_count; at++)
                if (consumer->leases[at].since < oldest)
                    oldest = consumer->leases[at].since;
        }
    return oldest;
}

static void check_times(const struct twin *twin, int index, struct bytes fields)
{
    const struct twin_queue *queue = &twin->queues[index];
    uint64_t half = 0, nearly = 0, most = 0;
    uint64_t least, most_recent, leased = oldest_lease(twin, index);
    find_oldest(queue, &least, &most_recent);
    require_age(fields, "oldest-ready", twin->now, least, most_recent);
    require_age(fields, "oldest-leased", twin->now, leased, leased);
    if (queue->counters.delivered == 0)
        return;
    bool is_there = fields_number(fields, "waited-max", &most) &&
                    fields_number(fields, "waited-p50", &half) &&
                    fields_number(fields, "waited-p99", &nearly);
    REQUIRE(is_there && half <= nearly && most >= queue->waited_least / NS_PER_US &&
                most <= queue->waited_most / NS_PER_US,
            "field waited-max is %" PRIu64 ", not %" PRIu64, most, queue->waited_least / NS_PER_US);
}

static void check_queue_fields(const struct twin *twin, int index, struct bytes fields)
{
    const struct twin_queue *queue = &twin->queues[index];
    require_bytes(fields, "name", twin->names->queues[index]);
    require_number(fields, "declared", queue->is_declared);
    require_number(fields, "paused", queue->is_paused);
    require_number(fields, "ready", queue->ready);
    require_number(fields, "ready-bytes", queue->ready_size);
    require_number(fields, "leased", queue->leased);
    require_number(fields, "leased-bytes", queue->leased_size);
    require_number(fields, "delayed", queue->delayed);
    require_number(fields, "delayed-bytes", queue->delayed_size);
    require_number(fields, "waiting", queue->waiting_count);
    require_number(fields, "consumers", queue->consumers);
    check_settings(&queue->settings, fields);
    check_counters(queue, fields);
    check_times(twin, index, fields);
}

static const struct list *step(const struct list *link, bool from_back)
{
    return from_back ? link->prev : link->next;
}

static void check_peek(struct twin *twin, const struct effect *effect)
{
    const struct command *command = twin->command;
    int index = twin_queue_index(twin, command->name);
    const struct twin_queue *queue = &twin->queues[index];
    struct bytes answer = slice_bytes(&effect->slice);
    bool from_back = command->look.from_back;
    uint32_t count_max = command->look.count < 1000 ? command->look.count : 1000, count = 0;
    size_t offset = 0, first_size = 0;
    bool has_more = false;
    for (const struct list *link = step(&queue->messages, from_back);
         link != &queue->messages && !has_more; link = step(link, from_back)) {
        const struct twin_message *message = list_entry(link, const struct twin_message, link);
        if (message->state != MESSAGE_READY)
            continue;
        if (offset == answer.size) {
            has_more = true;
            REQUIRE(count == count_max ||
                        (count > 0 && offset - first_size + message->size > 64 * 1024) ||
                        offset + message->size > 64 * 1024,
                    "a peek of %u messages that could have had more", count);
            break;
        }
        REQUIRE(offset + message->size <= answer.size &&
                    message_is(answer.data + offset, OP_PUSH, twin->names->queues[message->name],
                               message->id, message->size, &message->headers),
                "message %u of a peek is wrong", count);
        REQUIRE(twin_expiry(queue, message) > twin->now, "a peek of what has expired");
        first_size = count == 0 ? message->size : first_size;
        offset += message->size;
        count++;
    }
    REQUIRE(offset == answer.size, "a peek with bytes behind its messages");
    REQUIRE(count <= count_max && (count < 2 || offset - first_size <= 64 * 1024),
            "a peek of too much");
    REQUIRE(effect->has_more == has_more, "a peek whose flag `more` is wrong");
    if (has_more)
        reach(REACH_PEEK_MORE);
    if (from_back && count > 1)
        reach(REACH_PEEK_BACK);
}

/* The queue whose name comes next behind `name`, or -1. */
static int queue_after(const struct twin *twin, struct bytes name)
{
    int next = -1;
    for (int i = 0; i < TWIN_QUEUES; i++)
        if (twin->queues[i].is_there && bytes_compare(twin->names->queues[i], name) > 0 &&
            (next < 0 || bytes_compare(twin->names->queues[i], twin->names->queues[next]) < 0))
            next = i;
    return next;
}

static void check_list(struct twin *twin, const struct effect *effect)
{
    struct bytes answer = slice_bytes(&effect->slice), name = twin->command->name;
    uint32_t count = 0;
    for (size_t at = 0; at < answer.size; count++) {
        uint32_t size = answer.size - at >= 4 ? load_u32(answer.data + at) : 0;
        REQUIRE(size > 4 && size <= answer.size - at, "a list with a broken record");
        int next = queue_after(twin, name);
        REQUIRE(next >= 0, "a list of a queue that is not there");
        check_queue_fields(twin, next, bytes_of(answer.data + at + 4, size - 4));
        name = twin->names->queues[next];
        at += size;
    }
    bool has_more = queue_after(twin, name) >= 0;
    REQUIRE(effect->has_more == has_more, "a list whose flag `more` is wrong");
    REQUIRE(count <= twin->command->look.count && (!has_more || count == twin->command->look.count),
            "a list of %u queues where %u were wanted", count, twin->command->look.count);
    if (has_more)
        reach(REACH_LIST_MORE);
}

/* The connection whose number comes next behind `after`, or NULL. */
static const struct twin_peer *peer_after(const struct twin *twin, uint32_t after)
{
    const struct twin_peer *next = NULL;
    for (int i = 0; i < TWIN_PEERS; i++) {
        const struct twin_peer *peer = &twin->peers[i];
        if (peer->is_there && peer->id > after && (!next || peer->id < next->id))
            next = peer;
    }
    return next;
}

static void check_client(const struct twin_peer *peer, struct bytes fields)
{
    uint64_t consumers = 0, subscriptions = 0, leased = 0;
    for (uint32_t id = 0; id < TWIN_IDS; id++) {
        consumers += peer->consumers[id].is_there;
        leased += peer->consumers[id].leases_count;
        subscriptions += peer->subscriptions[id].is_there;
    }
    for (uint32_t id = TWIN_IDS; id < TWIN_CONSUMERS; id++)
        leased += peer->consumers[id].leases_count;
    require_number(fields, "connection", peer->id);
    require_number(fields, "consumers", consumers);
    require_number(fields, "subscriptions", subscriptions);
    require_number(fields, "leased", leased);
    require_number(fields, "unsent-bytes", peer->unsent + peer->unsent_topics);
    require_number(fields, "waiting", peer->held_count);
    require_bytes(fields, "client", bytes_text((const char *)peer->client));
    require_bytes(fields, "address", bytes_text((const char *)peer->address));
}

static void check_clients(struct twin *twin, const struct effect *effect)
{
    struct bytes answer = slice_bytes(&effect->slice);
    uint32_t count = 0, after = twin->command->look.after, count_max = twin->command->look.count;
    for (size_t at = 0; at < answer.size; count++) {
        uint32_t size = answer.size - at >= 4 ? load_u32(answer.data + at) : 0;
        REQUIRE(size > 4 && size <= answer.size - at, "a listing with a broken record");
        const struct twin_peer *next = peer_after(twin, after);
        REQUIRE(next, "a listing of a connection that is not there");
        check_client(next, bytes_of(answer.data + at + 4, size - 4));
        after = next->id;
        at += size;
    }
    bool has_more = peer_after(twin, after) != NULL;
    REQUIRE(effect->has_more == has_more && count <= count_max && (!has_more || count == count_max),
            "a listing of %u connections where %u were wanted", count, count_max);
    if (has_more)
        reach(REACH_CLIENTS_MORE);
}

/* What is known of a name in TOPICS. */
struct topic_record {
    struct bytes name;
    uint64_t subscriptions, wildcards, globs, retained_size;
};

static struct bytes subscribed_name(const struct twin *twin,
                                    const struct twin_subscription *subscription)
{
    return subscription->is_wildcard || subscription->is_glob
               ? twin->names->patterns[subscription->pattern]
               : twin->names->topics[subscription->pattern];
}

/* Whether the name is listed, and behind which nothing is nearer to `after` so far. */
static bool is_nearer(const struct topic_record *next, struct bytes name, struct bytes after)
{
    return bytes_compare(name, after) > 0 &&
           (next->name.size == 0 || bytes_compare(name, next->name) < 0);
}

/* The name that comes next behind `after`; of size 0 when there is none. */
static struct topic_record topic_after(const struct twin *twin, struct bytes after)
{
    struct topic_record next = {0};
    for (int i = 0; i < TWIN_NAMES; i++)
        if (twin->retained[i].size > 0 && is_nearer(&next, twin->names->topics[i], after))
            next.name = twin->names->topics[i];
    for (int i = 0; i < TWIN_PEERS * TWIN_IDS; i++) {
        const struct twin_subscription *one =
            &twin->peers[i / TWIN_IDS].subscriptions[i % TWIN_IDS];
        if (one->is_there && !one->is_inbox && !one->is_apart &&
            is_nearer(&next, subscribed_name(twin, one), after))
            next.name = subscribed_name(twin, one);
    }
    for (int i = 0; i < TWIN_NAMES; i++)
        if (bytes_equal(twin->names->topics[i], next.name))
            next.retained_size += twin->retained[i].size;
    for (int i = 0; i < TWIN_PEERS * TWIN_IDS; i++) {
        const struct twin_subscription *one =
            &twin->peers[i / TWIN_IDS].subscriptions[i % TWIN_IDS];
        if (!one->is_there || one->is_inbox || one->is_apart ||
            !bytes_equal(subscribed_name(twin, one), next.name))
            continue;
        *(one->is_glob       ? &next.globs
          : one->is_wildcard ? &next.wildcards
                             : &next.subscriptions) += 1;
    }
    return next;
}

static void check_topics(struct twin *twin, const struct effect *effect)
{
    struct bytes answer = slice_bytes(&effect->slice), name = twin->command->name;
    uint32_t count = 0, wanted = twin->command->look.count;
    for (size_t at = 0; at < answer.size; count++) {
        uint32_t size = answer.size - at >= 4 ? load_u32(answer.data + at) : 0;
        REQUIRE(size > 4 && size <= answer.size - at, "topics with a broken record");
        struct bytes fields = bytes_of(answer.data + at + 4, size - 4), told = {0};
        struct topic_record next = topic_after(twin, name);
        REQUIRE(next.name.size > 0 && fields_bytes(fields, "name", &told) &&
                    bytes_equal(told, next.name),
                "a topic that is not the next one");
        require_number(fields, "subscriptions", next.subscriptions);
        require_number(fields, "wildcards", next.wildcards);
        require_number(fields, "globs", next.globs);
        require_number(fields, "retained-bytes", next.retained_size);
        if (next.subscriptions && next.wildcards && next.retained_size)
            reach(REACH_TOPICS_ALL);
        name = next.name;
        at += size;
    }
    bool has_more = topic_after(twin, name).name.size > 0;
    REQUIRE(effect->has_more == has_more, "topics whose flag `more` is wrong");
    REQUIRE(count <= wanted && (!has_more || count == wanted), "%u topics where %u were wanted",
            count, wanted);
    if (has_more)
        reach(REACH_TOPICS_MORE);
}

static void check_totals(struct twin *twin, const struct engine_totals *totals);

static void check_stats(struct twin *twin, struct bytes fields)
{
    struct engine_totals totals = {0};
    const struct {
        const char *key;
        uint64_t *value;
    } keys[] = {
        {"connections", &totals.connections},
        {"queues", &totals.queues},
        {"consumers", &totals.consumers},
        {"subscriptions", &totals.subscriptions},
        {"ready", &totals.ready},
        {"leased", &totals.leased},
        {"delayed", &totals.delayed},
        {"waiting", &totals.waiting},
        {"accepted", &totals.accepted},
        {"delivered", &totals.delivered},
        {"settled", &totals.settled},
        {"refused", &totals.refused},
        {"published", &totals.published},
        {"sent", &totals.sent},
        {"missed", &totals.missed},
        {"retained", &totals.retained},
        {"retained-bytes", &totals.retained_size},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        REQUIRE(fields_number(fields, keys[i].key, keys[i].value), "field %s is missing",
                keys[i].key);
    check_totals(twin, &totals);
}

void twin_on_answer(struct twin *twin, const struct effect *effect)
{
    const struct command *command = twin->command;
    struct bytes answer = slice_bytes(&effect->slice);
    switch (command->kind) {
    case COMMAND_PURGE:
    case COMMAND_REDRIVE:
        REQUIRE(answer.size == 8 && load_u64(answer.data) == twin->moved,
                "a purge or redrive of %" PRIu64 " messages, not %" PRIu64, load_u64(answer.data),
                twin->moved);
        REQUIRE(effect->has_more == (command->kind == COMMAND_REDRIVE && twin->has_more),
                "a redrive whose flag `more` is wrong");
        break;
    case COMMAND_CLIENTS: check_clients(twin, effect); break;
    case COMMAND_TOPICS: check_topics(twin, effect); break;
    case COMMAND_SETTINGS: REQUIRE(answer.size == 0, "settings that nobody gave"); break;
    case COMMAND_PEEK: check_peek(twin, effect); break;
    case COMMAND_LIST: check_list(twin, effect); break;
    case COMMAND_INFO:
        check_queue_fields(twin, twin_queue_index(twin, command->name), answer);
        break;
    case COMMAND_STATS: check_stats(twin, answer); break;
    case COMMAND_SUBSCRIBE:
        twin_learn_inbox(twin, twin_peer(twin, effect->peer), command, answer);
        break;
    default: REQUIRE(false, "an answer to a command that has none");
    }
}

/* State. */

static void check_totals(struct twin *twin, const struct engine_totals *totals)
{
    struct engine_totals mine = twin->totals;
    for (int i = 0; i < TWIN_QUEUES; i++) {
        const struct twin_queue *queue = &twin->queues[i];
        mine.queues += queue->is_there;
        mine.consumers += queue->consumers;
        mine.ready += queue->ready;
        mine.leased += queue->leased;
        mine.delayed += queue->delayed;
        mine.waiting += queue->waiting_count;
    }
    for (int i = 0; i < TWIN_PEERS; i++) {
        mine.connections += twin->peers[i].is_there;
        for (int id = 0; id < TWIN_IDS; id++)
            mine.subscriptions += twin->peers[i].subscriptions[id].is_there;
    }
    for (int i = 0; i < TWIN_NAMES; i++) {
        mine.retained += twin->retained[i].size > 0;
        mine.retained_size += twin->retained[i].size;
    }
    REQUIRE(totals->retained == mine.retained && totals->retained_size == mine.retained_size,
            "totals: %" PRIu64 " messages are retained, not %" PRIu64, totals->retained,
            mine.retained);
    REQUIRE(
        totals->queues == mine.queues && totals->consumers == mine.consumers &&
            totals->connections == mine.connections && totals->subscriptions == mine.subscriptions,
        "totals: there are %" PRIu64 " queues, not %" PRIu64 ", or wrongly many of something else",
        totals->queues, mine.queues);
    REQUIRE(totals->ready == mine.ready && totals->leased == mine.leased &&
                totals->delayed == mine.delayed && totals->waiting == mine.waiting,
            "totals: wrong ready, leased, delayed or waiting");
    REQUIRE(totals->accepted == mine.accepted && totals->delivered == mine.delivered,
            "totals: accepted %" PRIu64 " not %" PRIu64 ", delivered %" PRIu64 " not %" PRIu64,
            totals->accepted, mine.accepted, totals->delivered, mine.delivered);
    REQUIRE(totals->settled == mine.settled, "totals: settled %" PRIu64 ", not %" PRIu64,
            totals->settled, mine.settled);
    REQUIRE(totals->published == mine.published && totals->sent == mine.sent &&
                totals->missed == mine.missed,
            "totals: published %" PRIu64 " not %" PRIu64 ", sent %" PRIu64 " not %" PRIu64
            ", missed %" PRIu64 " not %" PRIu64,
            totals->published, mine.published, totals->sent, mine.sent, totals->missed,
            mine.missed);
}

static void note_segments(struct twin_queue *mine, const struct queue *queue)
{
    unsigned count = 0;
    for (const struct list *link = queue->segments.next; link != &queue->segments;
         link = link->next) {
        const struct segment *segment = list_entry(link, const struct segment, link);
        count++;
        if (segment->ready_bits)
            reach(REACH_SEGMENT_BITS);
        if (segment->frame_size == 0)
            reach(REACH_SEGMENT_MIXED);
        if (segment->deliveries)
            reach(REACH_SEGMENT_DELIVERIES);
        if (segment->block.capacity > SEGMENT_SIZE_MAX / 2)
            reach(REACH_SEGMENT_LARGE);
        size_t at = segment->order % (sizeof mine->seen / sizeof *mine->seen);
        if (mine->seen[at].order == segment->order && mine->seen[at].count > segment->count)
            reach(REACH_COMPACTED);
        mine->seen[at].order = segment->order;
        mine->seen[at].count = segment->count;
    }
    if (count >= 4)
        reach(REACH_SEGMENTS_MANY);
    if (queue->willing_count >= 3)
        reach(REACH_HEAP);
}

/* Every ready message of the queue, in its order, with its deliveries and its arrival. */
static void compare_content(const struct twin *twin, int index, const struct queue *queue)
{
    const struct twin_queue *mine = &twin->queues[index];
    const struct list *at = mine->messages.next;
    for (const struct list *link = queue->segments.next; link != &queue->segments;
         link = link->next) {
        struct segment *segment = list_entry(link, struct segment, link);
        struct stretch one;
        for (uint32_t place = segment_edge(segment, false);
             segment_next_ready(segment, false, 1, &place, &one); at = at->next) {
            while (at != &mine->messages &&
                   list_entry(at, const struct twin_message, link)->state != MESSAGE_READY)
                at = at->next;
            REQUIRE(at != &mine->messages, "a queue with too much in it");
            const struct twin_message *message = list_entry(at, const struct twin_message, link);
            const unsigned char *frame = stretch_frame(&one, 0);
            REQUIRE(one.deliveries == message->deliveries && one.size == message->size &&
                        message_is(frame, OP_PUSH, twin->names->queues[message->name], message->id,
                                   message->size, &message->headers),
                    "a ready message is not message %" PRIu64, message->id);
            REQUIRE(segment_arrival(segment, one.index) == message->arrived,
                    "message %" PRIu64 " arrived at another time than it did", message->id);
        }
    }
}

/* All that was ever accepted is somewhere. */
static void compare_counters(int index, const struct twin_queue *mine, const struct queue *queue)
{
    const struct queue_counters *counters = &queue->counters, *expected = &mine->counters;
    for (int how = 0; how < SETTLE_KINDS; how++)
        REQUIRE(counters->settled[how] == expected->settled[how],
                "queue %d has settled %" PRIu64 " in way %d, not %" PRIu64, index,
                counters->settled[how], how, expected->settled[how]);
    REQUIRE(counters->accepted == expected->accepted && counters->purged == expected->purged &&
                counters->delivered == expected->delivered &&
                counters->dead_lettered == expected->dead_lettered,
            "queue %d counts wrongly: accepted %" PRIu64 " not %" PRIu64 ", delivered %" PRIu64
            " not %" PRIu64 ", dead-lettered %" PRIu64 " not %" PRIu64,
            index, counters->accepted, expected->accepted, counters->delivered, expected->delivered,
            counters->dead_lettered, expected->dead_lettered);
    uint64_t discarded = died(counters) - counters->dead_lettered + counters->purged;
    REQUIRE(counters->accepted == mine->ready + mine->leased + mine->delayed +
                                      counters->settled[SETTLE_ACKNOWLEDGE] +
                                      counters->dead_lettered + discarded,
            "queue %d has lost sight of a message", index);
}

static void compare_queue(struct twin *twin, int index, bool is_deep)
{
    struct twin_queue *mine = &twin->queues[index];
    const struct queue *queue = twin_engine_queue(twin, index);
    REQUIRE(mine->is_there == (queue != NULL), "queue %d is %sthere", index, queue ? "" : "not ");
    if (!queue)
        return;
    REQUIRE(queue->ready_count == mine->ready && queue->ready_size == mine->ready_size,
            "queue %d has %" PRIu64 " ready messages, not %" PRIu64, index, queue->ready_count,
            mine->ready);
    REQUIRE(queue->leased_count == mine->leased && queue->leased_size == mine->leased_size,
            "queue %d has %" PRIu64 " leased messages, not %" PRIu64, index, queue->leased_count,
            mine->leased);
    REQUIRE(queue->delayed_count == mine->delayed && queue->delayed_size == mine->delayed_size,
            "queue %d has %" PRIu64 " delayed messages, not %" PRIu64, index, queue->delayed_count,
            mine->delayed);
    REQUIRE(queue->waiting_count == mine->waiting_count, "queue %d has wrong waiting", index);
    REQUIRE(queue->consumers_count == mine->consumers, "queue %d has wrong consumers", index);
    compare_counters(index, mine, queue);
    note_segments(mine, queue);
    if (is_deep)
        compare_content(twin, index, queue);
}

static void compare_consumer(const struct twin_consumer *mine, const struct consumer *consumer)
{
    REQUIRE(consumer->leased_count == mine->leases_count, "%" PRIu64 " leases, not %zu",
            consumer->leased_count, mine->leases_count);
    REQUIRE(consumer->credit_count == mine->credit_count &&
                consumer->credit_size == mine->credit_size && consumer->tag_next == mine->tag_next,
            "a consumer's credit or next tag is wrong");
    for (size_t i = 0; i < consumer->leases_count; i++) {
        const struct lease *lease =
            &consumer->leases[(consumer->leases_first + i) & (consumer->leases_capacity - 1)];
        if (lease->settled_bits)
            reach(REACH_LEASE_BITS);
        if (lease->is_reversed)
            reach(REACH_LEASE_REVERSED);
    }
}

/* Messages that the subscription is still to be told as missed. */
static uint64_t missed_by(const struct subscription *subscription)
{
    uint64_t missed = 0;
    const struct line *line = subscription->line;
    for (const struct list *link = line ? line->posts.next : NULL; link && link != &line->posts;
         link = link->next)
        missed += list_entry(link, const struct post, in_line)->missed_count;
    return missed;
}

static void compare_peer(const struct twin *twin, const struct twin_peer *mine)
{
    const struct peer *peer = engine_peer(twin->engine, mine->id);
    REQUIRE(peer, "connection %u is not there", mine->id);
    REQUIRE(peer->unsent_sizes[BLOCK_SEGMENT] == mine->unsent &&
                peer->unsent_sizes[BLOCK_CHUNK] == mine->unsent_topics &&
                peer->held_count == mine->held_count && peer->held_size == mine->held_size,
            "connection %u has wrong unsent or held bytes", mine->id);
    REQUIRE((peer->taker != NULL) == mine->taker.is_there, "connection %u waits, or does not",
            mine->id);
    for (int i = 0; i < TWIN_QUEUES; i++) {
        const struct twin_consumer *keeper = &mine->consumers[TWIN_IDS + i];
        const struct queue *queue = twin_engine_queue(twin, i);
        const struct consumer *consumer = queue ? keeper_of(peer, queue) : NULL;
        REQUIRE((consumer != NULL) == keeper->is_there &&
                    (!consumer || consumer->leased_count == keeper->leases_count),
                "connection %u keeps other messages of queue %d than it should", mine->id, i);
    }
    for (uint32_t id = 0; id < TWIN_IDS; id++) {
        struct table_entry *entry = table_find(&peer->consumers, id, (struct bytes){0});
        REQUIRE((entry != NULL) == mine->consumers[id].is_there, "consumer %u is wrong", id);
        if (entry)
            compare_consumer(&mine->consumers[id], list_entry(entry, struct consumer, entry));
        entry = table_find(&peer->subscriptions, id, (struct bytes){0});
        REQUIRE((entry != NULL) == mine->subscriptions[id].is_there, "subscription %u is wrong",
                id);
        if (!entry)
            continue;
        const struct subscription *subscription = list_entry(entry, struct subscription, entry);
        uint64_t waiting = subscription_waiting(subscription), missed = missed_by(subscription);
        REQUIRE(waiting == mine->subscriptions[id].waiting && missed == twin_missed(mine, id),
                "subscription %u has %" PRIu64 " waiting and %" PRIu64 " missed, not %" PRIu64
                " and %" PRIu64,
                id, waiting, missed, mine->subscriptions[id].waiting, twin_missed(mine, id));
    }
}

void twin_compare(struct twin *twin, bool is_deep)
{
    engine_check(twin->engine);
    for (int i = 0; i < TWIN_QUEUES; i++)
        compare_queue(twin, i, is_deep);
    for (int i = 0; i < TWIN_PEERS; i++)
        if (twin->peers[i].is_there)
            compare_peer(twin, &twin->peers[i]);
    struct engine_totals totals = engine_totals(twin->engine);
    check_totals(twin, &totals);
    REQUIRE(totals.holds == twin->holds_count, "%" PRIu64 " slices are out, not %zu", totals.holds,
            twin->holds_count);
}

#include "core/engine_state.h"

#include "base/array.h"
#include "base/time.h"
#include "frame/field.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_KEPT_MAX = 1024 * 1024 }; /* bytes of room that stay for the next answer */

unsigned char *answer_reserve(struct engine *engine, size_t size)
{
    engine->text = array_reserve(engine->text, &engine->text_capacity, engine->text_size + size, 1);
    return engine->text + engine->text_size;
}

void answer_put_number(struct engine *engine, const char *key, uint64_t value)
{
    engine->text_size += field_put_number(
        answer_reserve(engine, FIELD_HEAD_SIZE + strlen(key) + sizeof value), key, value);
}

void answer_put_bytes(struct engine *engine, const char *key, struct bytes value)
{
    engine->text_size += field_put_bytes(
        answer_reserve(engine, FIELD_HEAD_SIZE + strlen(key) + value.size), key, value);
}

size_t answer_begin_record(struct engine *engine)
{
    size_t record = engine->text_size;
    answer_reserve(engine, sizeof(uint32_t));
    engine->text_size += sizeof(uint32_t);
    return record;
}

void answer_end_record(struct engine *engine, size_t record)
{
    store_u32(engine->text + record, (uint32_t)(engine->text_size - record));
}

void answer_forget(struct engine *engine)
{
    engine->text_size = 0;
    if (engine->text_capacity <= TEXT_KEPT_MAX)
        return;
    memory_free(engine->text);
    engine->text = NULL;
    engine->text_capacity = 0;
}

struct effect *answer_bytes(struct engine *engine, const struct command *command,
                            struct bytes bytes, struct outbox *outbox)
{
    struct effect *effect = outbox_put(outbox, EFFECT_ANSWER, command->peer);
    assert(bytes.size <= UINT32_MAX);
    bytes_copy(chunk_put(&engine->chunks, &engine->arena, (uint32_t)bytes.size, &effect->slice),
               bytes);
    effect->ticket = command->ticket;
    engine->totals.holds++;
    outbox->answers_size += bytes.size;
    engine->answered_size += bytes.size;
    return effect;
}

enum status answer_send(struct engine *engine, const struct command *command, bool has_more,
                        struct outbox *outbox)
{
    bool is_sent = engine->text_size <= UINT32_MAX;
    if (is_sent)
        answer_bytes(engine, command, bytes_of(engine->text, engine->text_size), outbox)->has_more =
            has_more;
    answer_forget(engine);
    return is_sent ? STATUS_OK : STATUS_MEMORY;
}

enum status answer_purge(struct engine *engine, const struct command *command,
                         struct outbox *outbox)
{
    struct queue *queue = engine_queue(engine, command->space, command->name);
    if (!queue)
        return STATUS_NO_QUEUE;
    uint64_t count = queue_purge(queue, &engine->stock);
    engine->totals.settled += count;
    engine_touch(engine, queue);
    store_u64(answer_reserve(engine, sizeof count), count);
    engine->text_size += sizeof count;
    return answer_send(engine, command, false, outbox);
}

enum status answer_peek(struct engine *engine, const struct command *command, struct outbox *outbox)
{
    struct queue *queue = engine_queue(engine, command->space, command->name);
    if (!queue)
        return STATUS_NO_QUEUE;
    bool from_back = command->look.from_back, has_more = false;
    uint32_t count = command->look.count < LOOK_COUNT_MAX ? command->look.count : LOOK_COUNT_MAX;
    struct list *link = from_back ? queue->segments.prev : queue->segments.next;
    for (; link != &queue->segments && !has_more; link = from_back ? link->prev : link->next) {
        struct segment *segment = list_entry(link, struct segment, link);
        struct stretch one;
        for (uint32_t at = segment_edge(segment, from_back);
             !has_more && segment_next_ready(segment, from_back, 1, &at, &one);) {
            has_more = count == 0 ||
                       (engine->text_size > 0 && engine->text_size + one.size > LOOK_SIZE_MAX);
            if (has_more)
                break;
            memcpy(answer_reserve(engine, one.size), stretch_frame(&one, 0), one.size);
            engine->text_size += one.size;
            count--;
        }
    }
    return answer_send(engine, command, has_more, outbox);
}

static void put_settings(struct engine *engine, const struct queue *queue)
{
    const struct queue_settings *settings = &queue->settings;
    unsigned char buffer[DEAD_LETTER_NAME_MAX];
    answer_put_number(engine, "max-messages", settings->count_max);
    answer_put_number(engine, "max-bytes", settings->size_max);
    answer_put_bytes(engine, "when-full", bytes_text(when_full_name(settings->when_full)));
    answer_put_number(engine, "ttl", settings->ttl_ms);
    answer_put_number(engine, "delivery-limit", settings->delivery_limit);
    answer_put_bytes(engine, "dead-letter", queue_dead_letter(queue, buffer));
    answer_put_number(engine, "lease-max", settings->lease_max_ms);
    answer_put_bytes(engine, "pop-lease", bytes_text(pop_lease_name(settings->pop_lease)));
}

static void put_counters(struct engine *engine, const struct queue_counters *counters)
{
    const uint64_t *settled = counters->settled;
    uint64_t died = settled[SETTLE_REJECT] + settled[SETTLE_EXPIRE] + settled[SETTLE_OVERFLOW] +
                    settled[SETTLE_EXHAUST];
    answer_put_number(engine, "accepted", counters->accepted);
    answer_put_number(engine, "acknowledged", settled[SETTLE_ACKNOWLEDGE]);
    answer_put_number(engine, "dead-lettered", counters->dead_lettered);
    answer_put_number(engine, "discarded", died - counters->dead_lettered + counters->purged);
    answer_put_number(engine, "rejected", settled[SETTLE_REJECT]);
    answer_put_number(engine, "expired", settled[SETTLE_EXPIRE]);
    answer_put_number(engine, "overflowed", settled[SETTLE_OVERFLOW]);
    answer_put_number(engine, "exhausted", settled[SETTLE_EXHAUST]);
    answer_put_number(engine, "purged", counters->purged);
    answer_put_number(engine, "delivered", counters->delivered);
    answer_put_number(engine, "returned", settled[SETTLE_RETURN]);
    answer_put_number(engine, "refused", counters->refused);
}

/* Puts how long ago something was, unless it never was. */
static void put_age(struct engine *engine, const char *key, uint64_t at)
{
    if (at != TIME_NEVER)
        answer_put_number(engine, key, (engine->stock.now - at) / NS_PER_MS);
}

static void put_histogram(struct engine *engine, const char *p50, const char *p99, const char *max,
                          const struct histogram *times)
{
    answer_put_number(engine, p50, histogram_quantile_us(times, 500));
    answer_put_number(engine, p99, histogram_quantile_us(times, 990));
    answer_put_number(engine, max, times->max_us);
}

static void put_ages(struct engine *engine, const struct queue *queue)
{
    uint64_t leased = TIME_NEVER;
    for (const struct list *link = queue->consumers.next; link != &queue->consumers;
         link = link->next) {
        uint64_t at = consumer_oldest(list_entry(link, struct consumer, link));
        leased = at < leased ? at : leased;
    }
    put_age(engine, "oldest-ready", queue_oldest(queue));
    put_age(engine, "oldest-leased", leased);
    if (!queue->times)
        return;
    put_histogram(engine, "waited-p50", "waited-p99", "waited-max", &queue->times->waited);
    put_histogram(engine, "worked-p50", "worked-p99", "worked-max", &queue->times->worked);
}

static void put_queue(struct engine *engine, const struct queue *queue)
{
    answer_put_bytes(engine, "name", queue->entry.name);
    if (queue->space > 0)
        answer_put_number(engine, "database", queue->space);
    answer_put_number(engine, "declared", queue->is_declared);
    answer_put_number(engine, "paused", queue->is_paused);
    answer_put_number(engine, "ready", queue->ready_count);
    answer_put_number(engine, "ready-bytes", queue->ready_size);
    answer_put_number(engine, "leased", queue->leased_count);
    answer_put_number(engine, "leased-bytes", queue->leased_size);
    answer_put_number(engine, "delayed", queue->delayed_count);
    answer_put_number(engine, "delayed-bytes", queue->delayed_size);
    answer_put_number(engine, "waiting", queue->waiting_count);
    answer_put_number(engine, "consumers", queue->consumers_count);
    put_settings(engine, queue);
    put_counters(engine, &queue->counters);
    put_ages(engine, queue);
}

enum status answer_info(struct engine *engine, const struct command *command, struct outbox *outbox)
{
    const struct queue *queue = engine_queue(engine, command->space, command->name);
    if (!queue)
        return STATUS_NO_QUEUE;
    engine_bury(engine); /* whether what has died has gone to a queue is known then */
    put_queue(engine, queue);
    return answer_send(engine, command, false, outbox);
}

typedef int compare_entries(const struct table_entry *a, const struct table_entry *b);

static int by_name(const struct table_entry *a, const struct table_entry *b)
{
    return bytes_compare(a->name, b->name);
}

static int by_id(const struct table_entry *a, const struct table_entry *b)
{
    return (a->hash > b->hash) - (a->hash < b->hash);
}

static int compare_places(const void *left, const void *right, void *compare)
{
    return ((compare_entries *)compare)(*(struct table_entry *const *)left,
                                        *(struct table_entry *const *)right);
}

/* Collects the first entries behind `after`, sorted: `count_max` and one more, to tell that there
 * are more. What is gathered beyond twice that is sorted and cut. */
static size_t first_entries(const struct table *table, const struct table_entry *after,
                            compare_entries *compare, size_t count_max,
                            struct table_entry **entries)
{
    size_t count = 0;
    bool is_cut = false; /* then nothing from entries[count_max] on is wanted */
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(table, &at));) {
        if (compare(entry, after) <= 0 || (is_cut && compare(entry, entries[count_max]) >= 0))
            continue;
        entries[count++] = entry;
        if (count < 2 * (count_max + 1))
            continue;
        qsort_r(entries, count, sizeof *entries, compare_places, compare);
        count = count_max + 1;
        is_cut = true;
    }
    qsort_r(entries, count, sizeof *entries, compare_places, compare);
    return count <= count_max ? count : count_max + 1;
}

/* Records that an answer may still have. */
static uint32_t records_max(const struct command *command)
{
    return command->look.count < LOOK_COUNT_MAX ? command->look.count : LOOK_COUNT_MAX;
}

/* Puts a record for each of the first entries behind `after`, while there are some `left`; returns
 * whether there are more. */
static bool put_entries(struct engine *engine, const struct table *table,
                        const struct table_entry *after, compare_entries *compare,
                        void put_record(struct engine *, struct table_entry *), uint32_t *left)
{
    struct table_entry *entries[2 * (LOOK_COUNT_MAX + 1)];
    size_t count = first_entries(table, after, compare, *left, entries), put = 0;
    for (; put<count && * left> 0 && engine->text_size < LOOK_SIZE_MAX; put++, --*left) {
        size_t record = answer_begin_record(engine);
        put_record(engine, entries[put]);
        answer_end_record(engine, record);
    }
    return put < count;
}

static void put_queue_record(struct engine *engine, struct table_entry *entry)
{
    put_queue(engine, list_entry(entry, struct queue, entry));
}

/* Does what is due in any queue, so that the list is of one moment: what dies in one queue may be
 * buried in another, or make one. */
static void age_all(struct engine *engine)
{
    struct queue *queue;
    for (struct queue_walk walk = {0}; (queue = engine_next_queue(engine, &walk));)
        engine_age(engine, queue);
    engine_bury(engine);
}

enum status answer_list(struct engine *engine, const struct command *command, struct outbox *outbox)
{
    struct table_entry after = {.name = command->name};
    uint32_t left = records_max(command);
    unsigned space = command->space;
    bool has_more;
    age_all(engine);
    do {
        has_more = put_entries(engine, &engine->spaces[space].queues, &after, by_name,
                               put_queue_record, &left);
        after.name = (struct bytes){0};
    } while (!has_more && command->look.is_onward && ++space < SPACES_COUNT);
    return answer_send(engine, command, has_more, outbox);
}

static void put_client_record(struct engine *engine, struct table_entry *entry)
{
    const struct peer *peer = list_entry(entry, struct peer, entry);
    answer_put_number(engine, "connection", peer->id);
    answer_put_number(engine, "consumers", peer->consumers.count);
    answer_put_number(engine, "subscriptions", peer->subscriptions.count);
    answer_put_number(engine, "leased", peer->leased_count);
    answer_put_number(engine, "unsent-bytes",
                      peer->unsent_sizes[BLOCK_CHUNK] + peer->unsent_sizes[BLOCK_SEGMENT]);
    answer_put_number(engine, "backlog", peer->backlog.posts_count);
    answer_put_number(engine, "waiting", peer->held_count);
    answer_put_number(engine, "taking", peer->taker != NULL);
    answer_put_bytes(engine, "client", peer->client);
    answer_put_bytes(engine, "address", peer->address);
}

/* Answers with a record for each connection there is. */
static enum status answer_all_clients(struct engine *engine, const struct command *command,
                                      struct outbox *outbox)
{
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&engine->peers, &at));) {
        size_t record = answer_begin_record(engine);
        put_client_record(engine, entry);
        answer_end_record(engine, record);
    }
    return answer_send(engine, command, false, outbox);
}

enum status answer_clients(struct engine *engine, const struct command *command,
                           struct outbox *outbox)
{
    if (command->look.is_whole)
        return answer_all_clients(engine, command, outbox);
    const struct table_entry after = {.hash = command->look.after};
    uint32_t left = records_max(command);
    bool has_more = put_entries(engine, &engine->peers, &after, by_id, put_client_record, &left);
    return answer_send(engine, command, has_more, outbox);
}

enum status answer_settings(struct engine *engine, const struct command *command,
                            struct outbox *outbox)
{
    answer_bytes(engine, command, engine->config.settings, outbox);
    return STATUS_OK;
}

enum status answer_inbox(struct engine *engine, const struct command *command, struct bytes name,
                         struct outbox *outbox)
{
    answer_bytes(engine, command, name, outbox);
    return STATUS_OK;
}

/* How many names a space has, if any, and how many of them are to be dropped. */
static void put_space(struct engine *engine, unsigned space)
{
    char key[32];
    uint64_t count = engine_keys(engine, (uint8_t)space);
    if (count == 0)
        return;
    snprintf(key, sizeof key, "keys-%u", space);
    answer_put_number(engine, key, count);
    snprintf(key, sizeof key, "expires-%u", space);
    answer_put_number(engine, key, engine->spaces[space].lifetimes.count);
}

enum status answer_stats(struct engine *engine, const struct command *command,
                         struct outbox *outbox)
{
    struct engine_totals totals = engine_totals(engine);
    const struct {
        const char *key;
        uint64_t value;
    } fields[] = {
        {"connections", totals.connections},
        {"queues", totals.queues},
        {"consumers", totals.consumers},
        {"subscriptions", totals.subscriptions},
        {"ready", totals.ready},
        {"leased", totals.leased},
        {"delayed", totals.delayed},
        {"waiting", totals.waiting},
        {"accepted", totals.accepted},
        {"delivered", totals.delivered},
        {"settled", totals.settled},
        {"refused", totals.refused},
        {"published", totals.published},
        {"sent", totals.sent},
        {"missed", totals.missed},
        {"overflowed", totals.overflowed},
        {"retained", totals.retained},
        {"retained-bytes", totals.retained_size},
        {"values", totals.values},
        {"values-bytes", totals.values_size},
        {"topics", totals.topics},
        {"globs", totals.globs},
        {"apart", totals.apart},
        {"taking", totals.taking},
        {"message-memory", totals.memory},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        answer_put_number(engine, fields[i].key, fields[i].value);
    for (unsigned space = 0; command->has_spaces && space < SPACES_COUNT; space++)
        put_space(engine, space);
    return answer_send(engine, command, false, outbox);
}

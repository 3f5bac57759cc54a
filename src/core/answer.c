#include "core/engine_state.h"

#include "base/array.h"
#include "frame/field.h"

#include <assert.h>
#include <stdlib.h>

enum {
    LOOK_COUNT_MAX = 1000,     /* messages or queues in one answer */
    LOOK_SIZE_MAX = 64 * 1024, /* bytes of an answer beyond its first element */
};

/* Room for `size` more bytes at the end of the answer. */
static unsigned char *text_reserve(struct engine *engine, size_t size)
{
    engine->text = array_reserve(engine->text, &engine->text_capacity, engine->text_size + size, 1);
    return engine->text + engine->text_size;
}

static void put_number(struct engine *engine, const char *key, uint64_t value)
{
    engine->text_size += field_put_number(
        text_reserve(engine, FIELD_HEAD_SIZE + strlen(key) + sizeof value), key, value);
}

static void put_bytes(struct engine *engine, const char *key, struct bytes value)
{
    engine->text_size += field_put_bytes(
        text_reserve(engine, FIELD_HEAD_SIZE + strlen(key) + value.size), key, value);
}

/* Sends what was put together. */
static enum status answer(struct engine *engine, const struct command *command, bool has_more,
                          struct outbox *outbox)
{
    struct effect *effect = outbox_put(outbox, EFFECT_ANSWER, command->peer);
    unsigned char *copy =
        chunk_put(&engine->chunks, &engine->arena, (uint32_t)engine->text_size, &effect->slice);
    if (engine->text_size > 0)
        memcpy(copy, engine->text, engine->text_size);
    effect->ticket = command->ticket;
    effect->has_more = has_more;
    engine->totals.holds++;
    engine->text_size = 0;
    return STATUS_OK;
}

enum status answer_purge(struct engine *engine, const struct command *command,
                         struct outbox *outbox)
{
    struct queue *queue = engine_queue(engine, command->name);
    if (!queue)
        return STATUS_NO_QUEUE;
    uint64_t count = queue_purge(queue, &engine->arena);
    engine->totals.settled += count;
    engine_touch(engine, queue);
    store_u64(text_reserve(engine, sizeof count), count);
    engine->text_size += sizeof count;
    return answer(engine, command, false, outbox);
}

enum status answer_peek(struct engine *engine, const struct command *command, struct outbox *outbox)
{
    struct queue *queue = engine_queue(engine, command->name);
    if (!queue)
        return STATUS_NO_QUEUE;
    bool from_back = command->look.from_back, has_more = false;
    uint32_t count = command->look.count < LOOK_COUNT_MAX ? command->look.count : LOOK_COUNT_MAX;
    struct list *link = from_back ? queue->segments.prev : queue->segments.next;
    for (; link != &queue->segments && !has_more; link = from_back ? link->prev : link->next) {
        struct segment *segment = list_entry(link, struct segment, link);
        struct stretch one;
        for (uint32_t at = from_back ? UINT32_MAX : 0;
             !has_more && segment_next_ready(segment, from_back, &at, &one);) {
            has_more = count == 0 ||
                       (engine->text_size > 0 && engine->text_size + one.size > LOOK_SIZE_MAX);
            if (has_more)
                break;
            memcpy(text_reserve(engine, one.size),
                   segment->block.data + segment_offset(segment, one.index), one.size);
            engine->text_size += one.size;
            count--;
        }
    }
    return answer(engine, command, has_more, outbox);
}

static void put_queue(struct engine *engine, const struct queue *queue)
{
    const struct queue_counters *counters = &queue->counters;
    put_bytes(engine, "name", queue->entry.name);
    put_number(engine, "declared", queue->is_declared);
    put_number(engine, "paused", queue->is_paused);
    put_number(engine, "ready", queue->ready_count);
    put_number(engine, "ready-bytes", queue->ready_size);
    put_number(engine, "leased", queue->leased_count);
    put_number(engine, "leased-bytes", queue->leased_size);
    put_number(engine, "waiting", queue->waiting_count);
    put_number(engine, "consumers", queue->consumers_count);
    put_number(engine, "max-messages", queue->settings.count_max);
    put_number(engine, "max-bytes", queue->settings.size_max);
    put_bytes(engine, "when-full",
              bytes_text(queue->settings.when_full == WHEN_FULL_HOLD ? "hold" : "refuse"));
    put_number(engine, "accepted", counters->accepted);
    put_number(engine, "acknowledged", counters->acknowledged);
    put_number(engine, "rejected", counters->rejected);
    put_number(engine, "purged", counters->purged);
    put_number(engine, "delivered", counters->delivered);
    put_number(engine, "returned", counters->returned);
    put_number(engine, "refused", counters->refused);
}

enum status answer_info(struct engine *engine, const struct command *command, struct outbox *outbox)
{
    const struct queue *queue = engine_queue(engine, command->name);
    if (!queue)
        return STATUS_NO_QUEUE;
    put_queue(engine, queue);
    return answer(engine, command, false, outbox);
}

static int by_name(const void *left, const void *right)
{
    const struct queue *a = *(const struct queue *const *)left,
                       *b = *(const struct queue *const *)right;
    return bytes_compare(a->entry.name, b->entry.name);
}

/* Collects the first queues behind `after` by name, sorted: `count_max` and one more, to tell that
 * there are more. What is gathered beyond twice that is sorted and cut. */
static size_t first_queues(const struct engine *engine, struct bytes after, size_t count_max,
                           const struct queue **queues)
{
    size_t count = 0;
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&engine->queues, &at));) {
        if (bytes_compare(entry->name, after) <= 0)
            continue;
        queues[count++] = list_entry(entry, struct queue, entry);
        if (count < 2 * (count_max + 1))
            continue;
        qsort(queues, count, sizeof *queues, by_name);
        count = count_max + 1;
    }
    qsort(queues, count, sizeof *queues, by_name);
    return count <= count_max ? count : count_max + 1;
}

enum status answer_list(struct engine *engine, const struct command *command, struct outbox *outbox)
{
    const struct queue *queues[2 * (LOOK_COUNT_MAX + 1)];
    uint32_t count_max =
        command->look.count < LOOK_COUNT_MAX ? command->look.count : LOOK_COUNT_MAX;
    size_t count = first_queues(engine, command->name, count_max, queues), put = 0;
    for (; put < count && put < count_max && engine->text_size < LOOK_SIZE_MAX; put++) {
        size_t record = engine->text_size;
        text_reserve(engine, sizeof(uint32_t));
        engine->text_size += sizeof(uint32_t);
        put_queue(engine, queues[put]);
        store_u32(engine->text + record, (uint32_t)(engine->text_size - record));
    }
    return answer(engine, command, put < count, outbox);
}

enum status answer_inbox(struct engine *engine, const struct command *command, struct bytes name,
                         struct outbox *outbox)
{
    memcpy(text_reserve(engine, name.size), name.data, name.size);
    engine->text_size += name.size;
    return answer(engine, command, false, outbox);
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
        {"waiting", totals.waiting},
        {"accepted", totals.accepted},
        {"delivered", totals.delivered},
        {"settled", totals.settled},
        {"refused", totals.refused},
        {"published", totals.published},
        {"sent", totals.sent},
        {"missed", totals.missed},
        {"retained", totals.retained},
        {"retained-bytes", totals.retained_size},
        {"message-memory", totals.memory},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        put_number(engine, fields[i].key, fields[i].value);
    return answer(engine, command, false, outbox);
}

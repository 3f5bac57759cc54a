#include "sent.h"

#include "base/array.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/time.h"
#include "frame/field.h"

#include <stdlib.h>

static const struct hash_key KEY = {3, 4};

struct message {
    struct table_entry entry;
    uint64_t due;
};

static void finish(struct table *messages)
{
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(messages, &at));)
        free(entry); /* a message begins with it */
    table_finish(messages);
}

void sent_finish(struct sent *sent)
{
    finish(&sent->frames);
    finish(&sent->cores);
}

/* Of the front alone: whether the rest is right, the table sees. */
static uint64_t front_hash(struct bytes bytes)
{
    return hash_bytes(&KEY, bytes_of(bytes.data, bytes.size < 64 ? bytes.size : 64));
}

static struct table_entry *find(const struct table *messages, struct bytes bytes)
{
    return table_find(messages, front_hash(bytes), bytes);
}

static void add(struct table *messages, struct bytes bytes, uint64_t due)
{
    if (find(messages, bytes))
        return; /* due at the earlier time */
    struct message *message = memory_create(sizeof *message + bytes.size);
    message->due = due;
    message->entry.hash = front_hash(bytes);
    message->entry.name = bytes_copy(message + 1, bytes);
    table_insert(messages, &message->entry);
}

/* The keys of the headers that the broker takes off or sets anew. */
static bool is_brokers(const struct field *field)
{
    static const char *const keys[] = {"ttl",        "delay",           "dead-reason",
                                       "dead-queue", "dead-deliveries", "dead-times"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (field_is(field, keys[i]))
            return true;
    return false;
}

static size_t append(unsigned char *to, size_t at, struct bytes bytes)
{
    if (bytes.size > 0)
        memcpy(to + at, bytes.data, bytes.size);
    return at + bytes.size;
}

/* Writes the headers that stay; `*delay_ms` is the delay that they ask for. */
static size_t put_fields(unsigned char *to, size_t at, struct bytes fields, uint64_t *delay_ms)
{
    struct field field;
    for (int size; (size = field_parse(fields, &field)) != 0;
         fields = bytes_of(fields.data + size, fields.size - (size_t)size)) {
        assert(size > 0);
        if (field_is(&field, "delay"))
            *delay_ms = field.number;
        if (!is_brokers(&field))
            at = append(to, at, bytes_of(fields.data, (size_t)size));
    }
    return at;
}

/* What stays of the first frame of a run: its name, the users' headers and the message. To be
 * freed. */
static struct bytes core_of(const struct run *run, uint64_t *delay_ms)
{
    struct bytes body = run_body(run);
    unsigned char *core = memory_create(run->head.size);
    size_t size = append(core, 0, run_name(run)), block_size = 0;
    *delay_ms = 0;
    if (run->head.flags & MESSAGE_HEADERS) {
        assert(body.size >= 4);
        block_size = load_u32(body.data);
        assert(block_size >= 4 && block_size <= body.size);
        size = put_fields(core, size, bytes_of(body.data + 4, block_size - 4), delay_ms);
    }
    return bytes_of(core,
                    append(core, size, bytes_of(body.data + block_size, body.size - block_size)));
}

static void add_frame(struct sent *sent, const struct run *run, uint64_t now)
{
    uint64_t delay_ms = 0;
    if (run->head.op == OP_PUSH) {
        struct bytes core = core_of(run, &delay_ms);
        add(&sent->cores, core, 0);
        free((void *)core.data);
    }
    uint64_t delay_ns = ns_of_ms(delay_ms);
    add(&sent->frames, bytes_of(run->data, run->head.size),
        delay_ns < TIME_NEVER - 1 - now ? now + delay_ns : TIME_NEVER - 1);
}

void sent_add(struct sent *sent, const struct run *run, uint64_t now)
{
    struct run left = *run, one;
    while (run_split(&left, 1, UINT64_MAX, &one))
        add_frame(sent, &one, now);
}

bool sent_has(const struct sent *sent, struct bytes frame)
{
    return find(&sent->frames, frame);
}

bool sent_has_kin(const struct sent *sent, struct bytes frame)
{
    struct run run;
    uint64_t delay_ms;
    if (sent_has(sent, frame))
        return true;
    int size = frame_cut(frame, UINT32_MAX, &run);
    assert(size > 0 && (size_t)size == frame.size);
    struct bytes core = core_of(&run, &delay_ms);
    bool is_known = find(&sent->cores, core);
    free((void *)core.data);
    return is_known;
}

uint64_t sent_due(const struct sent *sent, struct bytes frame)
{
    const struct table_entry *entry = find(&sent->frames, frame);
    return entry ? list_entry(entry, struct message, entry)->due : 0;
}

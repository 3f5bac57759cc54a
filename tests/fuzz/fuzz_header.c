/*
 * Header blocks: they are read as a slow reader of docs/PROTOCOL.md would read them, and what
 * becomes of them when a message dies or is tried again is only what the protocol says.
 */
#include "choices.h"
#include "frame/header.h"
#include "target.h"

#include <stdlib.h>

/* The bytes alone, so that a sanitizer sees who reads or writes past them. */
static unsigned char *room_of(size_t size)
{
    unsigned char *room = malloc(size ? size : 1);
    assert(room);
    return room;
}

static bool is_key(const struct field *field, const char *key)
{
    size_t size = strlen(key);
    return field->key.size == size && memcmp(field->key.data, key, size) == 0;
}

/* A field and what is behind it; false at the end, and where there is none. */
static bool next_field(struct bytes *fields, struct field *field, struct bytes *whole)
{
    int size = field_parse(*fields, field);
    if (size <= 0)
        return false;
    *whole = bytes_of(fields->data, (size_t)size);
    *fields = bytes_of(fields->data + size, fields->size - (size_t)size);
    return true;
}

/* Whether a field may stand in a block, by the table of the protocol. */
static bool is_good(const struct field *field)
{
    static const char *const numbers[] = {"ttl", "delay", "dead-deliveries", "dead-times"};
    static const char *const texts[] = {"reply-to", "correlation-id", "traceparent", "dead-reason",
                                        "dead-queue"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (is_key(field, numbers[i]) && field->kind != FIELD_NUMBER)
            return false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (is_key(field, texts[i]) && field->kind != FIELD_BYTES)
            return false;
    bool is_named = is_key(field, "dead-queue");
    return !(is_key(field, "ttl") && field->number == 0) &&
           !(is_named && field->value.size > FRAME_NAME_MAX);
}

static bool slow_is_good(struct bytes body)
{
    struct field field;
    struct bytes whole;
    if (body.size < 4)
        return false;
    size_t size = load_u32(body.data);
    if (size < 4 || size > body.size)
        return false;
    struct bytes fields = bytes_of(body.data + 4, size - 4);
    while (next_field(&fields, &field, &whole))
        if (!is_good(&field))
            return false;
    return fields.size == 0;
}

/* The last field of that key; a zeroed one when there is none. */
static struct field find(struct bytes fields, const char *key)
{
    struct field field, found = {0};
    struct bytes whole;
    while (next_field(&fields, &field, &whole))
        if (is_key(&field, key))
            found = field;
    return found;
}

static bool has(struct bytes fields, const char *key)
{
    return find(fields, key).key.size > 0;
}

static void check_parsed(struct bytes body, const struct header *header)
{
    assert(header->size == load_u32(body.data));
    assert(bytes_equal(header->fields, bytes_of(body.data + 4, header->size - 4)));
    assert(header->ttl_ms == find(header->fields, "ttl").number);
    assert(header->delay_ms == find(header->fields, "delay").number);
    assert(header->dead_times == find(header->fields, "dead-times").number);
    assert(bytes_equal(header->dead_queue, find(header->fields, "dead-queue").value));
}

/* A frame in parts. */
struct parts {
    struct frame_head head;
    struct bytes name, message;
    struct header header;
};

static struct parts parts_of(const unsigned char *frame, size_t size)
{
    struct run run;
    int taken = frame_cut(bytes_of(frame, size), UINT32_MAX, &run);
    assert(taken > 0 && (size_t)taken == size);
    struct bytes body = run_body(&run);
    struct header header = header_of(frame);
    return (struct parts){run.head, run_name(&run),
                          bytes_of(body.data + header.size, body.size - header.size), header};
}

/* The fields of those keys that end in `keys` are gone from `after`, the others are as they were in
 * `before`, in their order, and nothing comes before them. Returns what stands behind. */
static struct bytes check_kept(struct bytes before, struct bytes after, const char *const *keys)
{
    struct field field, kept;
    struct bytes whole, kept_whole;
    while (next_field(&before, &field, &whole)) {
        bool is_gone = false;
        for (size_t i = 0; keys[i]; i++)
            is_gone |= is_key(&field, keys[i]);
        if (is_gone)
            continue;
        bool is_there = next_field(&after, &kept, &kept_whole);
        assert(is_there && bytes_equal(whole, kept_whole));
    }
    return after;
}

static void check_same(const struct parts *before, const struct parts *after)
{
    assert(after->head.op == before->head.op);
    assert(bytes_equal(after->name, before->name));
    assert(bytes_equal(after->message, before->message));
}

/* What is new in a dead letter. */
static void check_reason(struct bytes fields, const struct dead_reason *why, uint64_t times)
{
    assert(bytes_equal(find(fields, "dead-reason").value, bytes_text(why->reason)));
    assert(bytes_equal(find(fields, "dead-queue").value, why->queue));
    assert(find(fields, "dead-deliveries").number == why->deliveries);
    assert(find(fields, "dead-times").number == times);
    assert(bytes_equal(check_kept(fields, (struct bytes){0},
                                  (const char *const[]){"dead-reason", "dead-queue",
                                                        "dead-deliveries", "dead-times", NULL}),
                       (struct bytes){0}));
}

/* Lets a message die; returns the letter, to be freed. */
static unsigned char *check_dead(const unsigned char *frame, size_t size,
                                 const struct dead_reason *why)
{
    static const char *const gone[] = {
        "ttl", "delay", "dead-reason", "dead-queue", "dead-deliveries", "dead-times", NULL};
    unsigned char *letter = room_of(size + DEAD_GROWTH_MAX);
    size_t letter_size = header_put_dead(letter, frame, why);
    assert(letter_size <= size + DEAD_GROWTH_MAX);
    struct parts before = parts_of(frame, size), after = parts_of(letter, letter_size);
    check_same(&before, &after);
    assert(after.head.flags == (before.head.flags | MESSAGE_HEADERS));
    assert(after.header.ttl_ms == 0 && after.header.delay_ms == 0);
    check_reason(check_kept(before.header.fields, after.header.fields, gone), why,
                 before.header.dead_times + 1);
    return letter;
}

/* A dead letter that dies again has grown enough. */
static void check_dies_again(const unsigned char *letter, const struct dead_reason *why)
{
    size_t size = frame_size(letter);
    unsigned char *again = check_dead(letter, size, why);
    assert(frame_size(again) == size);
    free(again);
}

/* Has a message tried again. */
static void check_alive(const unsigned char *frame, size_t size)
{
    static const char *const gone[] = {"dead-reason", "dead-queue", "dead-deliveries", NULL};
    unsigned char *alive = room_of(size);
    size_t alive_size = header_put_alive(alive, frame);
    assert(alive_size <= size);
    struct parts before = parts_of(frame, size), after = parts_of(alive, alive_size);
    check_same(&before, &after);
    assert(after.head.flags == before.head.flags);
    assert(check_kept(before.header.fields, after.header.fields, gone).size == 0);
    for (size_t i = 0; gone[i]; i++)
        assert(!has(after.header.fields, gone[i]));
    free(alive);
}

/* The rest of an input as the frame of a queue. */
static unsigned char *choose_frame(struct choices *choices, unsigned flags, size_t *size)
{
    struct bytes name = choose_bytes(choices, 1 + choose_below(choices, 16));
    struct bytes body = choices->left;
    *size = FRAME_HEAD_SIZE + name.size + body.size;
    unsigned char *frame = room_of(*size);
    frame_head_store(frame, (struct frame_head){.op = OP_PUSH,
                                                .flags = (uint8_t)flags,
                                                .name_size = (uint16_t)name.size,
                                                .size = (uint32_t)*size});
    bytes_copy(frame + FRAME_HEAD_SIZE, name);
    bytes_copy(frame + FRAME_HEAD_SIZE + name.size, body);
    return frame;
}

static struct dead_reason choose_reason(struct choices *choices)
{
    static const char *const reasons[] = {"rejected", "expired", "overflow", "deliveries"};
    static const unsigned char queue[FRAME_NAME_MAX] = "a queue";
    static const size_t sizes[] = {1, 7, FRAME_NAME_MAX - 1, FRAME_NAME_MAX};
    unsigned how = choose_byte(choices);
    return (struct dead_reason){reasons[how % 4], bytes_of(queue, sizes[how / 4 % 4]),
                                choose_number(choices)};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices choices = {bytes_of(data, size)};
    const struct dead_reason why = choose_reason(&choices);
    bool has_headers = choose_below(&choices, 8) > 0;
    size_t whole;
    unsigned char *frame = choose_frame(&choices, has_headers ? MESSAGE_HEADERS : 0, &whole);
    struct header header;
    int result = header_parse(choices.left, &header);
    assert((result == 0) == slow_is_good(choices.left));
    if (result == 0)
        check_parsed(choices.left, &header);
    if (result == 0 || !has_headers) {
        unsigned char *letter = check_dead(frame, whole, &why);
        check_dies_again(letter, &why);
        check_alive(letter, frame_size(letter));
        check_alive(frame, whole);
        free(letter);
    }
    free(frame);
    return 0;
}

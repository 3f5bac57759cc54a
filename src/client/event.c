#include "client/headers.h"
#include "client/link.h"

#include <assert.h>
#include <errno.h>

/*
 * Reads what the scan left, in the order it came. Nothing is copied: an event points into the input.
 * A message costs one look at its head; everything else about it stands in the reader since its CONTEXT.
 */

static void advance(struct input *input, size_t size)
{
    input->first->read += size;
    assert(input->first->read <= input->first->scanned);
}

/* Leased messages of a connection that is gone are back in their queue, for somebody else. */
static bool is_wanted(const struct ringpost *handle, unsigned op)
{
    const struct source *source = handle->reader.source;
    if (!source)
        return false;
    if (op != (source->kind == SOURCE_CONSUMER ? OP_PUSH : OP_PUBLISH))
        return false;
    bool is_current = handle->reader.epoch == handle->epoch && handle->link.state == LINK_UP;
    return is_current || !source_is_leasing(source);
}

/* Credit of what was handed out: held by a lease, or to give back at once. */
static void count_handed(struct ringpost *handle, uint64_t count, uint64_t bytes)
{
    struct source *source = handle->reader.source;
    if (source_is_leasing(source)) {
        source->handed_count += count;
        source->handed_bytes += bytes;
        return;
    }
    if (source->is_manual || handle->reader.epoch != handle->epoch || handle->link.state != LINK_UP)
        return;
    source->due_count += count;
    source->due_bytes += bytes;
    if (!source_is_credit_due(source))
        return;
    source_mark(&handle->sources, source);
    link_note_output(handle);
    handle->link.is_output_urgent = true;
}

/* Cuts messages off the front of the block until something else comes. Returns how many. */
static uint32_t cut(const struct block *block, struct ringpost_message *messages, uint32_t capacity,
                    size_t *size)
{
    const unsigned char *first = block->data + block->read, *at = first;
    const unsigned char *end = block->data + block->scanned;
    uint32_t count = 0;
    while (count < capacity && at < end && *at == *first) {
        messages[count++] = message_read(at);
        at += frame_size(at);
    }
    *size = (size_t)(at - first);
    return count;
}

static void messages_take(struct ringpost *handle, unsigned op, struct ringpost_event *event,
                          struct ringpost_message *messages, uint32_t capacity)
{
    struct reader *reader = &handle->reader;
    const struct source *source = reader->source;
    size_t size;
    uint32_t count = cut(handle->input.first, messages, capacity, &size);
    *event = (struct ringpost_event){
        .kind = op == OP_PUSH ? RINGPOST_MESSAGE : RINGPOST_TOPIC,
        .id = source->id,
        .count = count,
        .bytes = size,
        .name = messages[0].name,
        .headers = messages[0].headers,
        .body = messages[0].body,
    };
    if (source->kind == SOURCE_CONSUMER) {
        event->tags =
            (struct ringpost_tags){reader->tag, size, count, source->id, reader->epoch, 0};
        event->deliveries = reader->deliveries;
        count_handed(handle, count, size);
    } else {
        event->first = reader->tag;
        event->retained = reader->is_retained;
    }
    reader->tag += count;
    advance(&handle->input, size);
}

static void message_skip(struct ringpost *handle, const unsigned char *frame)
{
    handle->reader.tag++;
    advance(&handle->input, frame_size(frame));
}

static bool context_take(struct ringpost *handle, unsigned flags, const unsigned char *body)
{
    handle->reader.is_retained = flags & CONTEXT_RETAINED;
    handle->reader.source = source_find(&handle->sources, load_u32(body));
    handle->reader.deliveries = load_u32(body + 4);
    handle->reader.tag = load_u64(body + 8);
    return false;
}

static bool gap_take(struct ringpost *handle, const unsigned char *body,
                     struct ringpost_event *event)
{
    uint32_t id = load_u32(body);
    const struct source *source = source_find(&handle->sources, id);
    event->kind = RINGPOST_GAP;
    event->id = id;
    event->first = load_u64(body + 8);
    event->count = load_u64(body + 16);
    event->bytes = load_u64(body + 24);
    return source && source->kind == SOURCE_SUBSCRIPTION && id != handle->inbox_id;
}

/* Leases that lasted for too long. What they had of the credit is given back. */
static bool leases_lost_take(struct ringpost *handle, const unsigned char *body,
                             struct ringpost_event *event)
{
    struct source *source = source_find(&handle->sources, load_u32(body));
    bool is_current = handle->reader.epoch == handle->epoch && handle->link.state == LINK_UP;
    uint32_t count = load_u32(body + 4);
    if (!source || !source_is_leasing(source) || !is_current || count == 0)
        return false;
    event->kind = RINGPOST_LEASES_LOST;
    event->id = source->id;
    event->count = count;
    event->tags =
        (struct ringpost_tags){load_u64(body + 8), 0, count, source->id, handle->reader.epoch, 0};
    consumer_settled(handle, source, &event->tags);
    return true;
}

static void status_set(struct ringpost_event *event, int status)
{
    event->status = status;
    event->error = status ? ringpost_status_errno(status) : -EREMOTEIO;
}

static bool error_take(const unsigned char *body, size_t size, struct ringpost_event *event)
{
    event->kind = RINGPOST_REFUSED;
    event->first = load_u64(body);
    event->count = event->first ? load_u32(body + 8) : 0;
    status_set(event, load_u16(body + 12));
    event->body = ringpost_bytes(body + 16, size - 16);
    return true;
}

static bool ended_take(struct ringpost *handle, const unsigned char *body,
                       struct ringpost_event *event)
{
    struct source *source = source_find(&handle->sources, load_u32(body));
    bool is_current = handle->reader.epoch == handle->epoch && handle->link.state == LINK_UP;
    if (!source || !is_current)
        return false;
    event->kind = RINGPOST_ENDED;
    event->id = source->id;
    status_set(event, load_u16(body + 4));
    source_destroy(handle, source);
    return true;
}

/* One ERROR can name several that start: one event each, from the same frame. */
static bool start_refused_take(struct ringpost *handle, const unsigned char *body, size_t size,
                               struct ringpost_event *event)
{
    uint64_t first = load_u64(body), last = first + load_u32(body + 8) - 1;
    struct source *source = source_find_refused(&handle->sources, first, last);
    if (!source)
        return false;
    event->kind = RINGPOST_ENDED;
    event->id = source->id;
    status_set(event, load_u16(body + 12));
    event->body = ringpost_bytes(body + 16, size - 16);
    source_destroy(handle, source);
    return true;
}

/* The end of a connection is one event, or two when pushes are unknown: that one is struck out then. */
static bool lost_take(unsigned char *body, struct ringpost_event *event)
{
    struct link_loss loss;
    memcpy(&loss, body, sizeof loss);
    if (loss.count == 0) {
        event->kind = RINGPOST_LOST;
        event->error = loss.error;
        return true;
    }
    event->kind = RINGPOST_UNKNOWN;
    event->first = loss.first;
    event->count = loss.count;
    event->error = -ECONNRESET;
    loss.count = 0;
    memcpy(body, &loss, sizeof loss);
    return true;
}

static bool reconnected_take(struct ringpost *handle, struct ringpost_event *event)
{
    handle->reader = (struct reader){.epoch = handle->reader.epoch + 1};
    event->kind = RINGPOST_RECONNECTED;
    return true;
}

/* Makes an event of a frame that is no message; false when there is nothing to tell. */
static bool notice_take(struct ringpost *handle, unsigned char *frame, struct ringpost_event *event)
{
    unsigned char *body = frame + FRAME_HEAD_SIZE;
    size_t size = frame_size(frame) - FRAME_HEAD_SIZE;
    switch (frame[0]) {
    case OP_CONTEXT: return context_take(handle, frame[1], body);
    case OP_GAP: return gap_take(handle, body, event);
    case OP_ERROR: return error_take(body, size, event);
    case OP_ENDED: return ended_take(handle, body, event);
    case OP_START_REFUSED: return start_refused_take(handle, body, size, event);
    case OP_LOST: return leases_lost_take(handle, body, event);
    case OP_LINK_LOST: return lost_take(body, event);
    case OP_WELCOME: return reconnected_take(handle, event);
    case OP_GOAWAY:
        event->kind = RINGPOST_GOAWAY;
        status_set(event, load_u16(body));
        event->body = ringpost_bytes(body + 4, size - 4);
        return true;
    default: return false;
    }
}

/* Whether more events come from the frame that was just taken. */
static bool is_unfinished(unsigned op, const struct ringpost_event *event)
{
    return (op == OP_LINK_LOST && event->kind == RINGPOST_UNKNOWN) ||
           (op == OP_START_REFUSED && event->kind == RINGPOST_ENDED);
}

static bool event_take(struct ringpost *handle, struct ringpost_event *event,
                       struct ringpost_message *messages, uint32_t capacity)
{
    unsigned char *frame;
    while ((frame = input_peek(&handle->input))) {
        unsigned op = frame[0];
        if (op == OP_PUSH || op == OP_PUBLISH) {
            if (!is_wanted(handle, op)) {
                message_skip(handle, frame);
                continue;
            }
            messages_take(handle, op, event, messages, capacity);
            return true;
        }
        *event = (struct ringpost_event){0};
        bool is_event = notice_take(handle, frame, event);
        if (!is_event || !is_unfinished(op, event))
            advance(&handle->input, frame_size(frame));
        if (is_event)
            return true;
    }
    return false;
}

static int next_batch(struct ringpost *handle, struct ringpost_event *event,
                      struct ringpost_message *messages, uint32_t capacity, int timeout_ms)
{
    if (capacity == 0)
        return -EINVAL;
    struct wait wait = wait_for(timeout_ms);
    handle->input.is_lent = false;
    if (link_is_output_late(handle)) {
        int error = link_write(handle);
        if (error)
            return error;
    }
    while (!event_take(handle, event, messages, capacity)) {
        int error = link_turn(handle, &wait);
        if (error)
            return error == -ETIMEDOUT ? 0 : error;
    }
    handle->input.is_lent = true;
    return 1;
}

int ringpost_next_batch(struct ringpost *handle, struct ringpost_event *event,
                        struct ringpost_message *messages, uint32_t capacity, int timeout_ms)
{
    handle_enter(handle);
    return handle_leave(handle, next_batch(handle, event, messages, capacity, timeout_ms));
}

int ringpost_next(struct ringpost *handle, struct ringpost_event *event, int timeout_ms)
{
    struct ringpost_message message;
    return ringpost_next_batch(handle, event, &message, 1, timeout_ms);
}

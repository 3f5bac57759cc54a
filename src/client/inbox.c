#include "client/inbox.h"

#include "client/headers.h"
#include "client/producer.h"
#include "client/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static const char PREFIX[] = "inbox:";

enum { PREFIX_SIZE = sizeof PREFIX - 1, CORRELATION_SIZE = 16 };

static struct source *inbox_create(struct ringpost *handle)
{
    static const unsigned char room[PREFIX_SIZE + FRAME_NAME_MAX];
    struct source *source = source_create(&handle->sources, SOURCE_SUBSCRIPTION, bytes_of(NULL, 0),
                                          bytes_of(room, sizeof room));
    if (!source)
        return NULL;
    source->fields_size = 0;
    source->flags = SUBSCRIBE_INBOX;
    return source;
}

int inbox_on_reply(struct source *source, struct bytes name)
{
    if (name.size == 0 || name.size > FRAME_NAME_MAX)
        return -EPROTO;
    memcpy(source->name, PREFIX, PREFIX_SIZE);
    memcpy(source->name + PREFIX_SIZE, name.data, name.size);
    source->name_size = (uint16_t)(PREFIX_SIZE + name.size);
    return 0;
}

bool inbox_on_ended(struct ringpost *handle, uint32_t id)
{
    struct source *source = source_find(&handle->sources, id);
    if (!source || id != handle->inbox_id)
        return false;
    source_destroy(handle, source);
    return true;
}

static void correlation_write(char text[CORRELATION_SIZE + 1], uint64_t correlation)
{
    snprintf(text, CORRELATION_SIZE + 1, "%016" PRIx64, correlation);
}

/* Answers to requests that were given up are of no interest. */
void inbox_on_message(struct ringpost *handle, const unsigned char *frame)
{
    struct request *request = &handle->request;
    struct ringpost_message message = message_read(frame);
    struct ringpost_header header;
    char text[CORRELATION_SIZE + 1];
    if (request->state != REQUEST_WAITING || request->correlation == 0)
        return;
    correlation_write(text, request->correlation);
    if (ringpost_header(message.headers, "correlation-id", &header) == 1 &&
        bytes_equal(bytes_from(header.bytes), bytes_text(text)))
        request_answer(request, bytes_of(frame, frame_size(frame)), false);
}

int ringpost_inbox(struct ringpost *handle, uint32_t *id, int timeout_ms)
{
    handle_enter(handle);
    struct source *source = inbox_create(handle);
    if (source)
        *id = source->id;
    return handle_leave(handle, source ? source_open(handle, source, timeout_ms) : -ENOMEM);
}

struct ringpost_bytes ringpost_inbox_address(struct ringpost *handle, uint32_t id)
{
    const struct source *source = source_find(&handle->sources, id);
    bool is_there = source && source_is_inbox(source) && id != handle->inbox_id;
    return ringpost_bytes(is_there ? source->name : NULL, is_there ? source->name_size : 0);
}

/* The inbox for answers. Nobody is told when it is refused, but the request that waits for it. */
static struct source *answers_find(struct ringpost *handle)
{
    struct source *source = source_find(&handle->sources, handle->inbox_id);
    if (source)
        return source;
    source = inbox_create(handle);
    if (!source)
        return NULL;
    source->is_awaited = true;
    handle->inbox_id = source->id;
    return source;
}

static int refusal_take(struct ringpost *handle, struct source *source)
{
    int error = source->status ? ringpost_status_errno(source->status) : -EREMOTEIO;
    source_destroy(handle, source);
    return error;
}

/* Waits until there is an inbox for answers, and copies its address. Returns its size or -errno. */
static int answers_await(struct ringpost *handle, struct wait *wait, unsigned char *address)
{
    for (;;) {
        struct source *source = answers_find(handle);
        if (!source)
            return -ENOMEM;
        if (source->state == SOURCE_REFUSED)
            return refusal_take(handle, source);
        if (source->state == SOURCE_ACTIVE) {
            memcpy(address, source->name, source->name_size);
            return source->name_size;
        }
        int error = link_turn_aside(handle, wait);
        if (error)
            return error;
    }
}

/* Puts the request out, and waits for what comes of it. */
static int ask(struct ringpost *handle, struct outgoing *outgoing,
               struct ringpost_message_options *options, struct wait *wait)
{
    unsigned char address[PREFIX_SIZE + FRAME_NAME_MAX];
    char text[CORRELATION_SIZE + 1];
    int size = answers_await(handle, wait, address);
    if (size < 0)
        return size;
    uint64_t correlation = ++handle->correlation_last;
    uint32_t epoch = handle->epoch;
    correlation_write(text, correlation);
    options->reply_to = ringpost_bytes(address, (size_t)size);
    options->correlation_id = ringpost_text(text);
    outgoing->options = options;
    request_begin(&handle->request, correlation);
    int error = produce(handle, outgoing, &handle->request.number, wait);
    /* The wait for room may have seen another connection, and the address is of the one before. */
    if (!error && handle->epoch != epoch)
        error = -ECONNRESET;
    if (!error)
        return request_finish(handle, wait);
    handle->request.state = REQUEST_NONE;
    return error;
}

int ringpost_request(struct ringpost *handle, struct ringpost_bytes address,
                     struct ringpost_bytes body, const struct ringpost_message_options *options,
                     struct ringpost_message *reply, int timeout_ms)
{
    struct ringpost_message_options taken;
    struct wait wait = wait_for(timeout_ms);
    struct outgoing outgoing = {.body = body};
    int error = options_copy(&taken, sizeof taken, options);
    if (!error)
        error = outgoing_address(&outgoing, address);
    if (error || taken.reply_to.size > 0 || taken.correlation_id.size > 0 || taken.retain)
        return -EINVAL;
    if (outgoing.op == OP_PUBLISH)
        outgoing.flags |= PUBLISH_MUST;
    handle_enter(handle);
    error = handle_leave(handle, ask(handle, &outgoing, &taken, &wait));
    if (!error)
        *reply = message_read(handle->request.reply);
    return error;
}

int ringpost_reply(struct ringpost *handle, struct ringpost_bytes headers,
                   struct ringpost_bytes body, const struct ringpost_message_options *options,
                   uint64_t *number, int timeout_ms)
{
    struct ringpost_header address, correlation;
    struct ringpost_message_options taken;
    if (options_copy(&taken, sizeof taken, options) < 0)
        return -EINVAL;
    if (ringpost_header(headers, "reply-to", &address) != 1)
        return -EDESTADDRREQ;
    if (ringpost_header(headers, "correlation-id", &correlation) == 1)
        taken.correlation_id = correlation.bytes;
    taken.size = sizeof taken;
    return ringpost_send(handle, address.bytes, body, &taken, number, timeout_ms);
}

#include "client/scan.h"

#include "client/connect.h"
#include "client/headers.h"
#include "client/inbox.h"
#include "client/request.h"

#include <errno.h>

/*
 * Every byte from the broker passes here first, and the reader trusts what was let through: a frame
 * is whole, of a size and an op that can be, and a control frame has the body its op needs. What
 * was dealt with is blanked. Numbers that stay for the reader are changed from the connection's to
 * the handle's, in place.
 */
enum { SCAN_HANDLED = 0, SCAN_KEEP = 1 };

/* Bytes of body that an op of the broker has at least. */
static size_t body_size_min(unsigned op)
{
    switch (op) {
    case OP_WELCOME: return 4;
    case OP_CONFIRM: return 12;
    case OP_ERROR:
    case OP_CONTEXT:
    case OP_LOST: return 16;
    case OP_REPLY:
    case OP_ENDED: return 8;
    case OP_GAP: return 32;
    case OP_GOAWAY: return 4;
    default: return 0;
    }
}

static void note_refusal(struct ringpost *handle, int status, struct bytes text)
{
    handle->status = status;
    text_copy(handle->text, sizeof handle->text, text);
}

/* An ERROR answers the call that waits, a consumer or subscription that starts, or else it is news. */
static int on_error(struct ringpost *handle, unsigned char *frame, struct bytes body)
{
    uint64_t first = load_u64(body.data), count = load_u32(body.data + 8);
    int status = load_u16(body.data + 12);
    note_refusal(handle, status, bytes_of(body.data + 16, body.size - 16));
    int error = status ? ringpost_status_errno(status) : -EREMOTEIO;
    if (handle->link.state == LINK_GREETING) {
        handle->scanner.is_hello_refused = true;
        return error;
    }
    if (first == 0)
        return SCAN_KEEP;
    const struct window *window = &handle->window;
    if (count == 0 || first > window->last || count - 1 > window->last - first)
        return -EPROTO;
    first += handle->base;
    uint64_t last = first + count - 1;
    store_u64(frame + FRAME_HEAD_SIZE, first);
    struct request *request = &handle->request;
    if (request->state == REQUEST_WAITING && request->number >= first && request->number <= last) {
        request->state = REQUEST_FAILED;
        request->error = error;
        return SCAN_HANDLED;
    }
    if (sources_on_error(&handle->sources, first, last, status) > 0) {
        frame[0] = OP_START_REFUSED;
        return SCAN_KEEP;
    }
    if (!handle->flush_error)
        handle->flush_error = error;
    return SCAN_KEEP;
}

/* The answer to a call that gave up waiting is of no interest. */
static int on_reply(struct ringpost *handle, struct frame_head head, struct bytes body)
{
    uint64_t number = load_u64(body.data);
    if (number == 0 || number > handle->window.last)
        return -EPROTO;
    number += handle->base;
    struct bytes data = bytes_of(body.data + 8, body.size - 8);
    if (request_is_for(&handle->request, number))
        request_answer(&handle->request, data, head.flags & REPLY_MORE);
    else if (sources_on_reply(&handle->sources, number, data) < 0)
        return -EPROTO;
    return SCAN_HANDLED;
}

static int on_control(struct ringpost *handle, unsigned char *frame, struct frame_head head)
{
    struct bytes body = bytes_of(frame + FRAME_HEAD_SIZE, head.size - FRAME_HEAD_SIZE);
    if (body.size < body_size_min(head.op))
        return -EPROTO;
    if (handle->link.state == LINK_GREETING && head.op != OP_WELCOME && head.op != OP_ERROR)
        return -EPROTO;
    switch (head.op) {
    case OP_WELCOME: return connect_on_welcome(handle, frame, head.size);
    case OP_CONFIRM:
        return window_settle(&handle->window, load_u64(body.data)) ? SCAN_HANDLED : -EPROTO;
    case OP_ERROR: return on_error(handle, frame, body);
    case OP_REPLY: return on_reply(handle, head, body);
    case OP_CONTEXT:
        handle->scanner.has_context = true;
        handle->scanner.context = load_u32(body.data);
        return SCAN_KEEP;
    case OP_ENDED: return inbox_on_ended(handle, load_u32(body.data)) ? SCAN_HANDLED : SCAN_KEEP;
    case OP_GAP:
    case OP_LOST:
    case OP_GOAWAY: return SCAN_KEEP;
    default: return SCAN_HANDLED;
    }
}

static int on_frame(struct ringpost *handle, unsigned char *frame, struct frame_head head)
{
    if (head.op == OP_PUSH || head.op == OP_PUBLISH) {
        bool is_good = handle->scanner.has_context && message_is_good(frame);
        if (is_good && handle->inbox_id && handle->inbox_id == handle->scanner.context) {
            inbox_on_message(handle, frame);
            return SCAN_HANDLED;
        }
        return is_good ? SCAN_KEEP : -EPROTO;
    }
    if (head.op >= OP_WELCOME && head.op <= OP_LOST && head.name_size != 0)
        return -EPROTO;
    return on_control(handle, frame, head);
}

int scan(struct ringpost *handle)
{
    struct block *block = handle->input.last;
    while (block->end - block->scanned >= FRAME_HEAD_SIZE) {
        unsigned char *frame = block->data + block->scanned;
        struct frame_head head = frame_head_load(frame);
        if (!(head.op & FRAME_OP_BIT) || head.size < FRAME_HEAD_SIZE ||
            head.size > handle->scanner.size_max)
            return -EPROTO;
        if (head.size > block->end - block->scanned)
            return 0;
        int kept = on_frame(handle, frame, head);
        if (kept < 0)
            return kept;
        if (kept == SCAN_HANDLED)
            input_blank(&handle->input);
        block->scanned += head.size;
    }
    bool has_part = block->end > block->scanned;
    return has_part && !(block->data[block->scanned] & FRAME_OP_BIT) ? -EPROTO : 0;
}

#include "client/cursor.h"

#include "client/headers.h"
#include "frame/field.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct ringpost_cursor *cursor_create(struct ringpost *handle, enum op op)
{
    struct ringpost_cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        return NULL;
    cursor->handle = handle;
    cursor->op = op;
    return cursor;
}

void ringpost_cursor_close(struct ringpost_cursor *cursor)
{
    if (!cursor)
        return;
    free((void *)cursor->page.data);
    free(cursor);
}

int cursor_fetch(struct ringpost_cursor *cursor, const struct question *question, int timeout_ms)
{
    struct wait wait = wait_for(timeout_ms);
    int error = request_call(cursor->handle, question, &wait);
    if (error)
        return error;
    free((void *)cursor->page.data);
    cursor->page = request_take_reply(&cursor->handle->request);
    cursor->rest = cursor->page;
    cursor->has_more = cursor->handle->request.has_more;
    return 0;
}

void cursor_skip(struct ringpost_cursor *cursor, size_t size)
{
    assert(size <= cursor->rest.size);
    cursor->rest = bytes_of(cursor->rest.data + size, cursor->rest.size - size);
}

/* Fetches the only page of a new cursor; a failure leaves no cursor. */
static int cursor_fill(struct ringpost_cursor **place, struct ringpost_cursor *cursor,
                       const struct question *question, int timeout_ms)
{
    *place = NULL;
    if (!cursor)
        return -ENOMEM;
    int error = cursor_fetch(cursor, question, timeout_ms);
    if (error)
        ringpost_cursor_close(cursor);
    else
        *place = cursor;
    return error;
}

int ringpost_peek(struct ringpost *handle, struct ringpost_bytes queue, uint32_t count, int back,
                  struct ringpost_cursor **cursor, int timeout_ms)
{
    *cursor = NULL;
    if (!name_is_valid(queue))
        return -EINVAL;
    struct question question = {
        .op = OP_PEEK,
        .flags = back ? PEEK_BACK : 0,
        .name = bytes_from(queue),
        .body_size = 4,
    };
    store_u32(question.body, count);
    return cursor_fill(cursor, cursor_create(handle, OP_PEEK), &question, timeout_ms);
}

int ringpost_peek_next(struct ringpost_cursor *cursor, struct ringpost_message *message)
{
    if (cursor->op != OP_PEEK)
        return -EINVAL;
    if (cursor->rest.size == 0)
        return 0;
    if (cursor->rest.size < FRAME_HEAD_SIZE)
        return -EPROTO;
    const unsigned char *frame = cursor->rest.data;
    struct frame_head head = frame_head_load(frame);
    if (head.op != OP_PUSH || head.size > cursor->rest.size || !message_is_good(frame))
        return -EPROTO;
    *message = message_read(frame);
    cursor_skip(cursor, head.size);
    return 1;
}

int ringpost_peek_has_more(const struct ringpost_cursor *cursor)
{
    return cursor->op == OP_PEEK && cursor->has_more;
}

int ringpost_stats(struct ringpost *handle, struct ringpost_cursor **cursor, int timeout_ms)
{
    struct question question = {.op = OP_STATS};
    return cursor_fill(cursor, cursor_create(handle, OP_STATS), &question, timeout_ms);
}

int ringpost_stats_next(struct ringpost_cursor *cursor, struct ringpost_figure *figure)
{
    if (cursor->op != OP_STATS)
        return -EINVAL;
    struct field field;
    int size = field_parse(cursor->rest, &field);
    if (size <= 0)
        return size < 0 ? -EPROTO : 0;
    *figure = (struct ringpost_figure){bytes_to(field.key), bytes_to(field.value), field.number};
    if (field.kind == FIELD_NUMBER)
        figure->text = ringpost_bytes(NULL, 0);
    cursor_skip(cursor, (size_t)size);
    return 1;
}

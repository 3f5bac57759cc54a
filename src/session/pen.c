#include "session/pen.h"

#include "frame/header.h"
#include "resp/write.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    ERROR_SIZE_MAX = 256,  /* bytes of a status, or of what stands around a client's word */
    WORD_SHOWN_MAX = 1024, /* bytes of a client's word in an error */
    LINES_MAX = 64,        /* put together at once */
};

/* Room for `size` bytes, to be filled at once. */
static unsigned char *room(struct pen *pen, size_t size)
{
    if (pen->output)
        return output_text(pen->output, size);
    if (pen->written_size)
        *pen->written_size += (uint32_t)size;
    return text_reserve(pen->text, size);
}

void pen_put(struct pen *pen, struct bytes bytes)
{
    if (bytes.size > 0)
        bytes_copy(room(pen, bytes.size), bytes);
}

void pen_simple(struct pen *pen, const char *text)
{
    struct bytes bytes = bytes_text(text);
    resp_put_simple(room(pen, bytes.size + RESP_LINE_COST), bytes);
}

void pen_error(struct pen *pen, const char *text)
{
    struct bytes bytes = bytes_text(text);
    resp_put_error(room(pen, bytes.size + RESP_LINE_COST), bytes);
}

void pen_error_with(struct pen *pen, const char *before, struct bytes word, const char *after)
{
    char error[WORD_SHOWN_MAX + ERROR_SIZE_MAX];
    struct bytes excerpt = resp_excerpt(word, WORD_SHOWN_MAX);
    snprintf(error, sizeof error, "%s%.*s%s", before, (int)excerpt.size, (const char *)excerpt.data,
             after);
    pen_error(pen, error);
}

void pen_status(struct pen *pen, enum status status)
{
    static const char *const words[STATUS_ALL_COUNT] = {
        [STATUS_WRONG_TYPE] = "WRONGTYPE Operation against a key holding the wrong kind of value",
        [STATUS_NO_KEY] = "ERR no such key",
        [STATUS_BAD_INDEX] = "ERR index out of range",
        [STATUS_NOT_A_NUMBER] = "ERR value is not an integer or out of range",
        [STATUS_OUT_OF_RANGE] = "ERR increment or decrement would overflow",
        [STATUS_MEMORY] = "OOM command not allowed when used memory > 'maxmemory'.",
        [STATUS_VALUES] = "OOM command not allowed when used memory > 'maxmemory'.",
        [STATUS_CONNECTIONS] = "ERR max number of clients reached",
    };
    char line[ERROR_SIZE_MAX];
    snprintf(line, sizeof line, "ERR %s", status_text(status));
    pen_error(pen, words[status] ? words[status] : line);
}

void pen_integer(struct pen *pen, int64_t value)
{
    unsigned char line[RESP_HEAD_SIZE_MAX];
    pen_put(pen, bytes_of(line, resp_put_integer(line, value)));
}

void pen_integers(struct pen *pen, int64_t first, uint32_t step, uint32_t count)
{
    unsigned char lines[LINES_MAX * RESP_HEAD_SIZE_MAX];
    while (count > 0) {
        uint32_t some = count < LINES_MAX ? count : LINES_MAX;
        pen_put(pen, bytes_of(lines, resp_put_integers(lines, first, step, some)));
        first += (int64_t)step * some;
        count -= some;
    }
}

void pen_bulk(struct pen *pen, struct bytes bytes)
{
    unsigned char head[RESP_HEAD_SIZE_MAX];
    size_t head_size = resp_put_bulk_head(head, bytes.size);
    unsigned char *to = room(pen, head_size + bytes.size + RESP_END_SIZE);
    bytes_copy(to, bytes_of(head, head_size));
    bytes_copy(to + head_size, bytes);
    resp_put_end(to + head_size + bytes.size);
}

void pen_digits(struct pen *pen, uint64_t value)
{
    char text[RESP_INTEGER_SIZE_MAX + 1];
    int size = snprintf(text, sizeof text, "%" PRIu64, value);
    pen_bulk(pen, bytes_of(text, (size_t)size));
}

void pen_text(struct pen *pen, struct bytes text)
{
    unsigned char line[RESP_VERBATIM_HEAD_SIZE_MAX];
    pen_put(pen, bytes_of(line, resp_put_verbatim_head(line, pen->version, text.size)));
    pen_put(pen, text);
    resp_put_end(room(pen, RESP_END_SIZE));
}

void pen_null(struct pen *pen)
{
    unsigned char line[RESP_NULL_SIZE_MAX];
    pen_put(pen, bytes_of(line, resp_put_null(line, pen->version)));
}

void pen_null_array(struct pen *pen)
{
    unsigned char line[RESP_NULL_SIZE_MAX];
    pen_put(pen, bytes_of(line, resp_put_null_array(line, pen->version)));
}

void pen_array(struct pen *pen, size_t count)
{
    unsigned char line[RESP_HEAD_SIZE_MAX];
    pen_put(pen, bytes_of(line, resp_put_array(line, count)));
}

void pen_map(struct pen *pen, size_t count)
{
    unsigned char line[RESP_HEAD_SIZE_MAX];
    pen_put(pen, bytes_of(line, resp_put_map(line, pen->version, count)));
}

void pen_set(struct pen *pen, size_t count)
{
    unsigned char line[RESP_HEAD_SIZE_MAX];
    pen_put(pen, bytes_of(line, resp_put_set(line, pen->version, count)));
}

void pen_push(struct pen *pen, size_t count)
{
    unsigned char line[RESP_HEAD_SIZE_MAX];
    pen_put(pen, bytes_of(line, resp_put_push(line, pen->version, count)));
}

/* Messages into the text, where those of a reversed slice stand the last one first. */
static void copy_frames(struct pen *pen, const struct slice *slice)
{
    struct bytes frames = slice_bytes(slice);
    if (!slice->is_reversed) {
        for (size_t at = 0; at < frames.size; at += frame_size(frames.data + at))
            pen_bulk(pen, message_body(frames.data + at));
        return;
    }
    size_t left = bulks_size(frames);
    bulks_put_reversed(room(pen, left), left, frames);
}

void pen_names(struct pen *pen, struct bytes names)
{
    size_t count = 0, size;
    for (size_t at = 0; at < names.size; at += 4 + load_u32(names.data + at))
        count++;
    pen_array(pen, count);
    for (size_t at = 0; at < names.size; at += 4 + size) {
        size = load_u32(names.data + at);
        pen_bulk(pen, bytes_of(names.data + at + 4, size));
    }
}

bool pen_frames(struct pen *pen, const struct slice *slice)
{
    if (pen->output)
        output_bulks(pen->output, slice);
    else
        copy_frames(pen, slice);
    return pen->output != NULL;
}

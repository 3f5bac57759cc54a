#include "session/output.h"

#include "base/array.h"
#include "frame/header.h"
#include "resp/write.h"

#include <assert.h>
#include <stdlib.h>

/*
 * A send is all control frames, then pieces until the quantum is full. Short slices and text are
 * copied together into one stretch; long slices are sent from where they are. The vector is only
 * made once `copied` no longer moves, so stretches of it are first noted with a NULL base.
 */

static void parcel_destroy(struct parcel *parcel)
{
    if (parcel)
        memory_free(parcel->copied);
    memory_free(parcel);
}

/* Whether the last send was complete, or there was none. */
static bool is_all_sent(const struct output *output)
{
    return !output->parcel || output->parcel->vector_first == output->parcel->vector_count;
}

static size_t sending_count(const struct output *output)
{
    return output->parcel ? output->parcel->pieces_count : 0;
}

void output_finish(struct output *output)
{
    assert(output->pieces_count == 0);
    text_finish(&output->control);
    text_finish(&output->text);
    memory_free(output->pieces);
    parcel_destroy(output->parcel);
}

unsigned char *output_control(struct output *output, size_t size)
{
    return text_reserve(&output->control, size);
}

static struct piece *piece_at(struct output *output, size_t at)
{
    return &output->pieces[(output->pieces_first + at) & (output->pieces_capacity - 1)];
}

static struct piece *put_piece(struct output *output, const struct slice *slice)
{
    if (output->pieces_count == output->pieces_capacity)
        output->pieces = ring_double(output->pieces, &output->pieces_first,
                                     &output->pieces_capacity, sizeof *output->pieces);
    struct piece *piece = piece_at(output, output->pieces_count++);
    *piece = (struct piece){.slice = *slice};
    return piece;
}

unsigned char *output_text(struct output *output, size_t size)
{
    struct piece *last = output->pieces_count > sending_count(output)
                             ? piece_at(output, output->pieces_count - 1)
                             : NULL;
    if (last && !last->slice.block)
        last->slice.size += (uint32_t)size;
    else
        put_piece(output, &(struct slice){.size = (uint32_t)size});
    return text_reserve(&output->text, size);
}

void output_slice(struct output *output, const struct slice *slice)
{
    assert(slice->block && slice->block->holds_count > 0);
    put_piece(output, slice);
}

void output_bulks(struct output *output, const struct slice *slice)
{
    assert(slice->block && slice->block->holds_count > 0);
    put_piece(output, slice)->is_bulks = true;
    output->answers_size += slice->size;
}

void output_messages(struct output *output, const struct slice *slice, struct preface *preface)
{
    assert(slice->block && slice->block->holds_count > 0 && !slice->is_reversed);
    struct piece *piece = put_piece(output, slice);
    piece->is_bulks = true;
    piece->preface = preface_ref(preface);
}

size_t output_waiting_size(const struct output *output)
{
    return output->control.size + output->text.size + output->answers_size;
}

bool output_is_empty(const struct output *output)
{
    return output->control.size == 0 && output->pieces_count == 0 && is_all_sent(output);
}

/* Room for `size` bytes more in what is copied together; they are noted as part of the vector. */
static unsigned char *copy_reserve(struct parcel *parcel, size_t size)
{
    struct iovec *last = parcel->vector_count ? &parcel->vector[parcel->vector_count - 1] : NULL;
    if (!last || last->iov_base)
        parcel->vector[parcel->vector_count++] = (struct iovec){NULL, size};
    else
        last->iov_len += size;
    parcel->copied =
        array_reserve(parcel->copied, &parcel->copied_capacity, parcel->copied_size + size, 1);
    parcel->copied_size += size;
    return parcel->copied + parcel->copied_size - size;
}

/* Copies the frames of a slice in the opposite order. */
static void copy_reversed(unsigned char *to, struct bytes frames)
{
    to += frames.size;
    for (size_t at = 0; at < frames.size;) {
        uint32_t size = frame_size(frames.data + at);
        to -= size;
        memcpy(to, frames.data + at, size);
        at += size;
    }
}

/* Adds bytes that are sent from where they are. */
static void add_vector(struct parcel *parcel, struct bytes bytes)
{
    parcel->vector[parcel->vector_count++] = (struct iovec){(void *)bytes.data, bytes.size};
}

static void add_piece(struct output *output, const struct slice *slice)
{
    struct parcel *parcel = output->parcel;
    if (!slice->block) {
        memcpy(copy_reserve(parcel, slice->size), text_bytes(&output->text).data, slice->size);
        text_take(&output->text, slice->size);
        text_rest(&output->text);
    } else if (slice->is_reversed && slice->count > 1) {
        copy_reversed(copy_reserve(parcel, slice->size), slice_bytes(slice));
    } else if (slice->size < OUTPUT_COPY_MAX) {
        memcpy(copy_reserve(parcel, slice->size), slice_bytes(slice).data, slice->size);
    } else {
        add_vector(parcel, slice_bytes(slice));
    }
}

/* Gives room back that was too much. */
static void copy_trim(struct parcel *parcel, size_t unused)
{
    parcel->vector[parcel->vector_count - 1].iov_len -= unused;
    parcel->copied_size -= unused;
}

/* Adds one message in words. Returns how many bytes that are. */
static size_t add_bulk(struct parcel *parcel, const struct preface *preface,
                       const unsigned char *frame)
{
    struct bytes body = message_body(frame);
    size_t copied = body.size < OUTPUT_COPY_MAX ? body.size : 0;
    size_t size_max = bulk_head_size_max(preface, frame) + copied + RESP_END_SIZE;
    unsigned char *to = copy_reserve(parcel, size_max);
    size_t size = bulk_put_head(to, preface, frame, body.size);
    if (copied == body.size) {
        bytes_copy(to + size, body);
        size += copied + resp_put_end(to + size + copied);
        copy_trim(parcel, size_max - size);
        return size;
    }
    copy_trim(parcel, size_max - size);
    add_vector(parcel, body);
    return size + body.size + resp_put_end(copy_reserve(parcel, RESP_END_SIZE));
}

static bool has_room(const struct parcel *parcel, size_t size)
{
    return size < OUTPUT_QUANTUM && parcel->vector_count < OUTPUT_PIECES_MAX - 2;
}

/* Adds messages in words, as many as `*size` leaves room for in the send. */
static void add_bulks(struct output *output, struct piece *piece, size_t *size)
{
    struct bytes frames = slice_bytes(&piece->slice);
    uint32_t before = piece->rendered_size;
    while (piece->rendered_size < frames.size && has_room(output->parcel, *size)) {
        const unsigned char *frame = frames.data + piece->rendered_size;
        *size += add_bulk(output->parcel, piece->preface, frame);
        piece->rendered_size += frame_size(frame);
    }
    output->answers_size -= piece->preface ? 0 : piece->rendered_size - before;
}

/* Adds all messages in words, the last one first: they can only be found from the front. */
static void add_bulks_reversed(struct output *output, struct piece *piece, size_t *size)
{
    struct bytes frames = slice_bytes(&piece->slice);
    size_t added = bulks_size(frames);
    bulks_put_reversed(copy_reserve(output->parcel, added), added, frames);
    *size += added;
    piece->rendered_size = piece->slice.size;
    output->answers_size -= piece->slice.size;
}

/* Adds the next piece, or a part of it if it has to be put into words. Returns whether it is all in the
 * send. */
static bool add_next(struct output *output, size_t *size)
{
    struct piece *piece = piece_at(output, output->parcel->pieces_count);
    if (!piece->is_bulks) {
        *size += piece->slice.size;
        add_piece(output, &piece->slice);
        return true;
    }
    if (piece->slice.is_reversed && piece->slice.count > 1)
        add_bulks_reversed(output, piece, size);
    else
        add_bulks(output, piece, size);
    return piece->rendered_size == piece->slice.size;
}

/* An empty parcel with room for what is likely to be copied together. */
static struct parcel *parcel_begin(struct output *output)
{
    if (!output->parcel)
        output->parcel = memory_create(sizeof *output->parcel);
    struct parcel *parcel = output->parcel;
    assert(parcel->pieces_count == 0);
    parcel->vector_first = parcel->vector_count = 0;
    parcel->copied_size = 0;
    size_t likely =
        output->control.size + output->text.size + output->pieces_count * OUTPUT_COPY_MAX;
    parcel->copied = array_reserve(parcel->copied, &parcel->copied_capacity,
                                   likely < OUTPUT_QUANTUM ? likely : OUTPUT_QUANTUM, 1);
    return parcel;
}

static void assemble(struct output *output)
{
    struct parcel *parcel = parcel_begin(output);
    size_t size = output->control.size;
    if (size > 0) {
        memcpy(copy_reserve(parcel, size), text_bytes(&output->control).data, size);
        text_take(&output->control, size);
        text_rest(&output->control);
    }
    while (parcel->pieces_count < output->pieces_count && has_room(parcel, size) &&
           add_next(output, &size))
        parcel->pieces_count++;
    unsigned char *copied = parcel->copied;
    for (unsigned i = 0; i < parcel->vector_count; i++)
        if (!parcel->vector[i].iov_base) {
            parcel->vector[i].iov_base = copied;
            copied += parcel->vector[i].iov_len;
        }
}

const struct iovec *output_begin(struct output *output, unsigned *count)
{
    assert(!output->is_sending);
    if (is_all_sent(output))
        assemble(output);
    struct parcel *parcel = output->parcel;
    assert(parcel->vector_first < parcel->vector_count);
    output->is_sending = true;
    *count = parcel->vector_count - parcel->vector_first;
    return parcel->vector + parcel->vector_first;
}

bool output_sent(struct output *output, size_t size)
{
    assert(output->is_sending);
    struct parcel *parcel = output->parcel;
    output->is_sending = false;
    while (parcel->vector_first < parcel->vector_count) {
        struct iovec *piece = &parcel->vector[parcel->vector_first];
        if (size < piece->iov_len) {
            piece->iov_base = (unsigned char *)piece->iov_base + size;
            piece->iov_len -= size;
            return false;
        }
        size -= piece->iov_len;
        parcel->vector_first++;
    }
    assert(size == 0);
    return true;
}

static struct slice take_piece(struct output *output)
{
    const struct piece *piece = piece_at(output, 0);
    struct slice slice = piece->slice;
    output->answers_size -=
        piece->is_bulks && !piece->preface ? slice.size - piece->rendered_size : 0;
    preface_unref(piece->preface);
    output->pieces_first = (output->pieces_first + 1) & (output->pieces_capacity - 1);
    output->pieces_count--;
    if (sending_count(output) > 0)
        output->parcel->pieces_count--;
    return slice;
}

/* An output with nothing in it keeps no memory. */
static void rest(struct output *output)
{
    memory_free(output->pieces);
    parcel_destroy(output->parcel);
    *output = (struct output){.control = output->control, .text = output->text};
}

bool output_take_sent(struct output *output, struct slice *slice)
{
    bool is_over = !output->is_sending && is_all_sent(output);
    while (is_over && sending_count(output) > 0) {
        *slice = take_piece(output);
        if (slice->block)
            return true;
    }
    if (is_over && output->pieces_count == 0)
        rest(output);
    return false;
}

bool output_take_slice(struct output *output, struct slice *slice)
{
    assert(!output->is_sending);
    while (output->pieces_count > 0) {
        *slice = take_piece(output);
        if (slice->block)
            return true;
    }
    return false;
}

#include "session/output.h"

#include "base/array.h"
#include "frame/frame.h"

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

static void put_piece(struct output *output, const struct slice *slice)
{
    if (output->pieces_count == output->pieces_capacity)
        output->pieces = ring_double(output->pieces, &output->pieces_first,
                                     &output->pieces_capacity, sizeof *output->pieces);
    *piece_at(output, output->pieces_count++) = (struct piece){*slice};
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

size_t output_waiting_size(const struct output *output)
{
    return output->control.size + output->text.size;
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
        parcel->vector[parcel->vector_count++] =
            (struct iovec){(void *)slice_bytes(slice).data, slice->size};
    }
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
    while (parcel->pieces_count < output->pieces_count && size < OUTPUT_QUANTUM &&
           parcel->vector_count < OUTPUT_PIECES_MAX - 1) {
        const struct slice *slice = &piece_at(output, parcel->pieces_count++)->slice;
        size += slice->size;
        add_piece(output, slice);
    }
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
    struct slice slice = piece_at(output, 0)->slice;
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

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

void output_finish(struct output *output)
{
    assert(output->pieces_count == 0);
    text_finish(&output->control);
    text_finish(&output->text);
    memory_free(output->pieces);
    memory_free(output->copied);
    memory_free(output->vector);
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
    struct piece *last = output->pieces_count > output->sending_count
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
    return output->control.size == 0 && output->pieces_count == 0 &&
           output->vector_first == output->vector_count;
}

/* Room for `size` bytes more in what is copied together; they are noted as part of the vector. */
static unsigned char *copy_reserve(struct output *output, size_t size)
{
    struct iovec *last = output->vector_count ? &output->vector[output->vector_count - 1] : NULL;
    if (!last || last->iov_base)
        output->vector[output->vector_count++] = (struct iovec){NULL, size};
    else
        last->iov_len += size;
    output->copied =
        array_reserve(output->copied, &output->copied_capacity, output->copied_size + size, 1);
    output->copied_size += size;
    return output->copied + output->copied_size - size;
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
    if (!slice->block) {
        memcpy(copy_reserve(output, slice->size), text_bytes(&output->text).data, slice->size);
        text_take(&output->text, slice->size);
        text_rest(&output->text);
    } else if (slice->is_reversed && slice->count > 1) {
        copy_reversed(copy_reserve(output, slice->size), slice_bytes(slice));
    } else if (slice->size < OUTPUT_COPY_MAX) {
        memcpy(copy_reserve(output, slice->size), slice_bytes(slice).data, slice->size);
    } else {
        output->vector[output->vector_count++] =
            (struct iovec){(void *)slice_bytes(slice).data, slice->size};
    }
}

static void assemble(struct output *output)
{
    size_t size = output->control.size;
    if (!output->vector)
        output->vector = memory_create(OUTPUT_PIECES_MAX * sizeof *output->vector);
    output->vector_first = output->vector_count = 0;
    output->copied_size = 0;
    size_t likely = size + output->text.size + output->pieces_count * OUTPUT_COPY_MAX;
    output->copied = array_reserve(output->copied, &output->copied_capacity,
                                   likely < OUTPUT_QUANTUM ? likely : OUTPUT_QUANTUM, 1);
    if (size > 0) {
        memcpy(copy_reserve(output, size), text_bytes(&output->control).data, size);
        text_take(&output->control, size);
        text_rest(&output->control);
    }
    while (output->sending_count < output->pieces_count && size < OUTPUT_QUANTUM &&
           output->vector_count < OUTPUT_PIECES_MAX - 1) {
        const struct slice *slice = &piece_at(output, output->sending_count++)->slice;
        size += slice->size;
        add_piece(output, slice);
    }
    unsigned char *copied = output->copied;
    for (unsigned i = 0; i < output->vector_count; i++)
        if (!output->vector[i].iov_base) {
            output->vector[i].iov_base = copied;
            copied += output->vector[i].iov_len;
        }
}

const struct iovec *output_begin(struct output *output, unsigned *count)
{
    assert(!output->is_sending);
    if (output->vector_first == output->vector_count)
        assemble(output);
    assert(output->vector_first < output->vector_count);
    output->is_sending = true;
    *count = output->vector_count - output->vector_first;
    return output->vector + output->vector_first;
}

bool output_sent(struct output *output, size_t size)
{
    assert(output->is_sending);
    output->is_sending = false;
    while (output->vector_first < output->vector_count) {
        struct iovec *piece = &output->vector[output->vector_first];
        if (size < piece->iov_len) {
            piece->iov_base = (unsigned char *)piece->iov_base + size;
            piece->iov_len -= size;
            return false;
        }
        size -= piece->iov_len;
        output->vector_first++;
    }
    assert(size == 0);
    return true;
}

static struct slice take_piece(struct output *output)
{
    struct slice slice = piece_at(output, 0)->slice;
    output->pieces_first = (output->pieces_first + 1) & (output->pieces_capacity - 1);
    output->pieces_count--;
    output->sending_count -= output->sending_count > 0;
    return slice;
}

/* An output with nothing in it keeps no memory: most connections are idle most of the time. */
static void rest(struct output *output)
{
    memory_free(output->pieces);
    memory_free(output->copied);
    memory_free(output->vector);
    *output = (struct output){.control = output->control, .text = output->text};
}

bool output_take_sent(struct output *output, struct slice *slice)
{
    while (!output->is_sending && output->vector_first == output->vector_count &&
           output->sending_count > 0) {
        *slice = take_piece(output);
        if (slice->block)
            return true;
    }
    if (!output->is_sending && output->pieces_count == 0 &&
        output->vector_first == output->vector_count)
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

/* Receive buffers of the simulated ring: what was returned is garbage at once, and out of bounds for the address sanitizer. */
#include "base/array.h"
#include "ring/sim_ring.h"

#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(from, size) ((void)(from), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(from, size) ((void)(from), (void)(size))
#endif

enum {
    BUFFERS_DEFAULT = 64,
    BUFFERS_MAX = 32768,
    BUFFER_SIZE_DEFAULT = 4096,
    GARBAGE = 0xDD,
};

unsigned char *sim_buffer_bytes(const struct ring *ring, unsigned buffer)
{
    return ring->bytes + (size_t)buffer * ring->buffer_size;
}

uint16_t sim_buffer_take(struct ring *ring, size_t size)
{
    assert(ring->buffer_free_count > 0);
    assert(size > 0 && size <= ring->buffer_size);
    uint16_t buffer = ring->buffers[--ring->buffer_free_count];
    ASAN_UNPOISON_MEMORY_REGION(sim_buffer_bytes(ring, buffer), size);
    ring->lent_sizes[buffer] = size;
    return buffer;
}

void ring_buffer_return(struct ring *ring, uint16_t buffer)
{
    assert(buffer < ring->buffer_count);
    assert(ring->lent_sizes[buffer]); /* returned twice */
    memset(sim_buffer_bytes(ring, buffer), GARBAGE, ring->lent_sizes[buffer]);
    ASAN_POISON_MEMORY_REGION(sim_buffer_bytes(ring, buffer), ring->buffer_size);
    ring->lent_sizes[buffer] = 0;
    ring->buffers[ring->buffer_free_count++] = buffer;
}

void sim_buffers_init(struct ring *ring, const struct ring_options *options)
{
    ring->buffer_count = options->buffers ? options->buffers : BUFFERS_DEFAULT;
    ring->buffer_size = options->buffer_size ? options->buffer_size : BUFFER_SIZE_DEFAULT;
    assert(ring->buffer_count <= BUFFERS_MAX && !(ring->buffer_count & (ring->buffer_count - 1)));
    ring->bytes = memory_create((size_t)ring->buffer_count * ring->buffer_size);
    ring->lent_sizes = memory_create(ring->buffer_count * sizeof *ring->lent_sizes);
    ring->buffers = memory_create(ring->buffer_count * sizeof *ring->buffers);
    for (unsigned buffer = ring->buffer_count; buffer-- > 0;)
        ring->buffers[ring->buffer_free_count++] = (uint16_t)buffer;
    ASAN_POISON_MEMORY_REGION(ring->bytes, (size_t)ring->buffer_count * ring->buffer_size);
}

void sim_buffers_finish(struct ring *ring)
{
    ASAN_UNPOISON_MEMORY_REGION(ring->bytes, (size_t)ring->buffer_count * ring->buffer_size);
    memory_free(ring->bytes);
    memory_free(ring->lent_sizes);
    memory_free(ring->buffers);
}

/* The receive buffers of a ring, in one mapping: the kernel's list of them, then their bytes. */
#ifndef RINGPOST_RING_POOL_H
#define RINGPOST_RING_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io_uring;

enum { POOL_GROUP = 0 }; /* the pool's name in submissions */

struct pool {
    struct io_uring_buf_ring *ring;
    unsigned char *bytes;
    bool *is_lent; /* by buffer */
    size_t mapping_size;
    unsigned count, buffer_size;
    unsigned returned_count; /* not yet shown to the kernel */
};

/* Registers `count` buffers, a power of two, with `uring`. Returns 0 or -errno; pool_finish is due either way. */
int pool_init(struct pool *pool, struct io_uring *uring, unsigned count, unsigned buffer_size);

/* After the end of the uring. */
void pool_finish(struct pool *pool);

/* The bytes of a buffer that the kernel has filled; lent until pool_return. */
const unsigned char *pool_lend(struct pool *pool, unsigned buffer);

void pool_return(struct pool *pool, unsigned buffer);

/* Shows the kernel what was returned. */
void pool_publish(struct pool *pool);

#endif

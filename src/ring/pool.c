#include "ring/pool.h"

#include "base/array.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { COUNT_MAX = 32768 }; /* the kernel's */

static unsigned char *buffer_bytes(const struct pool *pool, unsigned buffer)
{
    return pool->bytes + (size_t)buffer * pool->buffer_size;
}

static void list_add(struct pool *pool, unsigned buffer)
{
    io_uring_buf_ring_add(pool->ring, buffer_bytes(pool, buffer), pool->buffer_size,
                          (uint16_t)buffer, io_uring_buf_ring_mask(pool->count),
                          (int)pool->returned_count++);
}

int pool_init(struct pool *pool, struct io_uring *uring, unsigned count, unsigned buffer_size)
{
    assert(count >= 1 && count <= COUNT_MAX && !(count & (count - 1)));
    assert(buffer_size >= 1);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t head = (count * sizeof(struct io_uring_buf) + page - 1) / page * page;
    *pool = (struct pool){.mapping_size = head + (size_t)count * buffer_size,
                          .count = count,
                          .buffer_size = buffer_size};
    unsigned char *mapping =
        mmap(NULL, pool->mapping_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return -errno;
    pool->ring = (struct io_uring_buf_ring *)mapping;
    pool->bytes = mapping + head;
    if (madvise(mapping, pool->mapping_size, MADV_DONTFORK) < 0)
        return -errno;
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)mapping, .ring_entries = count, .bgid = POOL_GROUP};
    int result = io_uring_register_buf_ring(uring, &registration, 0);
    if (result < 0)
        return result;
    pool->is_lent = memory_create(count * sizeof *pool->is_lent);
    for (unsigned buffer = 0; buffer < count; buffer++)
        list_add(pool, buffer);
    pool_publish(pool);
    return 0;
}

void pool_finish(struct pool *pool)
{
    if (pool->ring)
        munmap(pool->ring, pool->mapping_size);
    memory_free(pool->is_lent);
}

const unsigned char *pool_lend(struct pool *pool, unsigned buffer)
{
    assert(buffer < pool->count);
    assert(!pool->is_lent[buffer]);
    pool->is_lent[buffer] = true;
    return buffer_bytes(pool, buffer);
}

void pool_return(struct pool *pool, unsigned buffer)
{
    assert(buffer < pool->count);
    assert(pool->is_lent[buffer]);
    pool->is_lent[buffer] = false;
    list_add(pool, buffer);
}

void pool_publish(struct pool *pool)
{
    if (pool->returned_count)
        io_uring_buf_ring_advance(pool->ring, (int)pool->returned_count);
    pool->returned_count = 0;
}

/*
 * Memory of the heap, and arrays that grow in it. It is counted, and its end aborts: for the server,
 * whose memory is budgeted at its door. A thread frees what it has allocated itself.
 */
#ifndef RINGPOST_BASE_ARRAY_H
#define RINGPOST_BASE_ARRAY_H

#include <stddef.h>
#include <stdint.h>

/* `size` zeroed bytes of the heap. Never NULL. */
void *memory_create(size_t size);

/* Frees what these have handed out; NULL is nothing. */
void memory_free(void *data);

/* Bytes that the calling thread has allocated and not freed, those of arenas included. */
uint64_t memory_used(void);

/* Counts memory that comes from elsewhere; less of it where `size` is negative. */
void memory_count(int64_t size);

/* A copy of `size` bytes, with a zero behind it. Never NULL. */
void *memory_copy(const void *data, size_t size);

/* Moves `data` to room for `count` elements of `size` bytes. Never NULL. */
void *memory_resize(void *data, size_t count, size_t size);

/* Makes room for at least `need` elements of `size` bytes, at least doubling `*capacity` when it
 * grows. */
void *array_reserve(void *data, size_t *capacity, size_t need, size_t size);

/*
 * Doubles a ring of `*capacity` elements, a power of two or none, of `size` bytes. What lay in order
 * from place `*first` on, around the end, lies from place 0 on afterwards.
 */
void *ring_double(void *data, size_t *first, size_t *capacity, size_t size);

#endif

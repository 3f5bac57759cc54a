/* Growing arrays that abort when memory ends: for the server, whose memory is budgeted at its door.
 */
#ifndef RINGPOST_BASE_ARRAY_H
#define RINGPOST_BASE_ARRAY_H

#include <stddef.h>

/* `size` zeroed bytes of the heap. Never NULL. */
void *memory_create(size_t size);

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

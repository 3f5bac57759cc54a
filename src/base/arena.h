/*
 * Memory for message bytes: pieces of 512 bytes to 256 KiB, cut from huge-page blocks and recycled
 * last in, first out, so that what is taken next is still in the cache. Larger pieces come from the
 * heap.
 */
#ifndef RINGPOST_BASE_ARENA_H
#define RINGPOST_BASE_ARENA_H

#include "base/list.h"

#include <stdint.h>

enum {
    ARENA_PIECE_MIN = 512,          /* bytes */
    ARENA_PIECE_MAX = 256 * 1024,   /* bytes; a span holds one of these */
    ARENA_BLOCK_SIZE = 2048 * 1024, /* bytes; one huge page */
    ARENA_CLASSES = 10,             /* sizes 512 << 0 to 512 << 9 */
};

/* A quarter-mebibyte of a block, cut into pieces of one size. */
struct arena_span;

struct arena {
    struct list partial[ARENA_CLASSES]; /* spans of each class with pieces to give */
    struct list spans_free;             /* spans without any class */
    size_t blocks_count, blocks_idle_count;
    size_t size; /* bytes handed out, the heap's included */
};

void arena_init(struct arena *arena);

/* All pieces must have been given back. */
void arena_finish(struct arena *arena);

/* The bytes that arena_alloc really hands out for `size`. */
size_t arena_fit(size_t size);

/*
 * Hands out arena_fit(size) bytes, not cleared, aligned to 16 at least. Never NULL. `*span` is to
 * be kept beside them for arena_free.
 */
void *arena_alloc(struct arena *arena, size_t size, struct arena_span **span);

/* Takes back what arena_alloc(arena, size, &span) handed out. */
void arena_free(struct arena *arena, void *piece, size_t size, struct arena_span *span);

#endif

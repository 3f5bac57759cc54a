#include "base/arena.h"

#include "base/array.h"

#include <assert.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/*
 * A block is one huge page of eight spans. A span is given to one size class while any of its
 * pieces is out, and to any class afterwards. Pieces that came back form a stack through their own
 * first bytes; those never handed out are not touched. A block all of whose spans are free goes
 * back to the system, except one. The address sanitizer, where there is one, is told what is out.
 */

enum { SPANS_PER_BLOCK = ARENA_BLOCK_SIZE / ARENA_PIECE_MAX, BLOCKS_IDLE_MAX = 1 };

struct block;

struct arena_span {
    struct list link; /* in partial[class], spans_free, or none when all pieces are out */
    struct block *block;
    unsigned char *base;
    void *returned;     /* stack of pieces that came back */
    uint32_t cut_count; /* pieces ever cut since the class was set */
    uint32_t out_count; /* pieces handed out now */
};

struct block {
    unsigned char *memory;
    uint32_t spans_out_count; /* spans that have a class */
    struct arena_span spans[SPANS_PER_BLOCK];
};

static unsigned class_of(size_t size)
{
    unsigned class = 0;
    while (((size_t)ARENA_PIECE_MIN << class) < size)
        class ++;
    return class;
}

size_t arena_fit(size_t size)
{
    if (size > ARENA_PIECE_MAX)
        return (size + 63) & ~(size_t)63;
    return (size_t)ARENA_PIECE_MIN << class_of(size);
}

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
    for (unsigned i = 0; i < ARENA_CLASSES; i++)
        list_init(&arena->partial[i]);
    list_init(&arena->spans_free);
}

static void block_create(struct arena *arena)
{
    struct block *block = memory_create(sizeof *block);
    /* Mapped twice as large and trimmed, so that it is aligned like the huge page it asks for. */
    unsigned char *raw = mmap(NULL, 2 * ARENA_BLOCK_SIZE, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) {
        fputs("ringpost: out of memory\n", stderr);
        abort();
    }
    size_t skip = -(uintptr_t)raw & (ARENA_BLOCK_SIZE - 1);
    if (skip > 0)
        munmap(raw, skip);
    munmap(raw + skip + ARENA_BLOCK_SIZE, ARENA_BLOCK_SIZE - skip);
    block->memory = raw + skip;
    madvise(block->memory, ARENA_BLOCK_SIZE, MADV_HUGEPAGE);
    ASAN_POISON_MEMORY_REGION(block->memory, ARENA_BLOCK_SIZE);
    for (unsigned i = SPANS_PER_BLOCK; i-- > 0;) {
        struct arena_span *span = &block->spans[i];
        span->block = block;
        span->base = block->memory + (size_t)i * ARENA_PIECE_MAX;
        list_push_front(&arena->spans_free, &span->link);
    }
    arena->blocks_count++;
    arena->blocks_idle_count++;
}

static void block_destroy(struct arena *arena, struct block *block)
{
    assert(block->spans_out_count == 0);
    for (unsigned i = 0; i < SPANS_PER_BLOCK; i++)
        list_remove(&block->spans[i].link);
    ASAN_UNPOISON_MEMORY_REGION(block->memory, ARENA_BLOCK_SIZE);
    munmap(block->memory, ARENA_BLOCK_SIZE);
    memory_free(block);
    arena->blocks_count--;
    arena->blocks_idle_count--;
}

void arena_finish(struct arena *arena)
{
    assert(arena->size == 0);
    if (!list_is_linked(&arena->spans_free))
        return;
    while (!list_is_empty(&arena->spans_free))
        block_destroy(arena, list_entry(arena->spans_free.next, struct arena_span, link)->block);
    assert(arena->blocks_count == 0);
}

static struct arena_span *span_take(struct arena *arena, unsigned class)
{
    if (list_is_empty(&arena->spans_free))
        block_create(arena);
    struct arena_span *span =
        list_entry(list_pop_front(&arena->spans_free), struct arena_span, link);
    arena->blocks_idle_count -= span->block->spans_out_count++ == 0;
    memory_count(ARENA_PIECE_MAX);
    span->returned = NULL;
    span->cut_count = span->out_count = 0;
    list_push_front(&arena->partial[class], &span->link);
    return span;
}

static void span_return(struct arena *arena, struct arena_span *span)
{
    memory_count(-ARENA_PIECE_MAX);
    list_remove(&span->link);
    list_push_front(&arena->spans_free, &span->link);
    if (--span->block->spans_out_count == 0 && ++arena->blocks_idle_count > BLOCKS_IDLE_MAX)
        block_destroy(arena, span->block);
}

void *arena_alloc(struct arena *arena, size_t size, struct arena_span **span_out)
{
    assert(size > 0);
    arena->size += arena_fit(size);
    *span_out = NULL;
    if (size > ARENA_PIECE_MAX)
        return memory_resize(NULL, arena_fit(size), 1);

    unsigned class = class_of(size);
    struct list *partial = &arena->partial[class];
    struct arena_span *span = list_is_empty(partial)
                                  ? span_take(arena, class)
                                  : list_entry(partial->next, struct arena_span, link);
    void *piece = span->returned;
    if (!piece)
        piece = span->base + ((size_t)span->cut_count++ * ARENA_PIECE_MIN << class);
    ASAN_UNPOISON_MEMORY_REGION(piece, arena_fit(size));
    if (span->returned)
        span->returned = *(void **)piece;
    if (++span->out_count == (uint32_t)(ARENA_PIECE_MAX / ARENA_PIECE_MIN) >> class)
        list_remove(&span->link);
    *span_out = span;
    return piece;
}

void arena_free(struct arena *arena, void *piece, size_t size, struct arena_span *span)
{
    assert(arena->size >= arena_fit(size));
    arena->size -= arena_fit(size);
    if (!span) {
        assert(size > ARENA_PIECE_MAX);
        memory_free(piece);
        return;
    }
    assert(span->out_count > 0);
    unsigned class = class_of(size);
    *(void **)piece = span->returned;
    span->returned = piece;
    ASAN_POISON_MEMORY_REGION(piece, arena_fit(size));
    if (!list_is_linked(&span->link))
        list_push_front(&arena->partial[class], &span->link);
    if (--span->out_count == 0)
        span_return(arena, span);
}

#include "core/chunk.h"

#include <assert.h>

static struct block *chunk_create(struct arena *arena, size_t size)
{
    struct arena_span *span;
    struct block *chunk = arena_alloc(arena, size, &span);
    *chunk = (struct block){
        .kind = BLOCK_CHUNK,
        .holds_count = 1,
        .capacity = (uint32_t)(arena_fit(size) - sizeof *chunk),
        .data = (unsigned char *)(chunk + 1),
        .span = span,
    };
    return chunk;
}

void chunk_release(struct block *chunk, struct arena *arena)
{
    assert(chunk->kind == BLOCK_CHUNK && chunk->holds_count > 0);
    if (--chunk->holds_count == 0)
        arena_free(arena, chunk, chunk->capacity + sizeof *chunk, chunk->span);
}

void chunk_store_finish(struct chunk_store *store, struct arena *arena)
{
    if (store->open)
        chunk_release(store->open, arena);
    *store = (struct chunk_store){0};
}

/* A chunk that filled up asks for a larger one next; one that was left nearly empty for a smaller.
 */
static void open_next(struct chunk_store *store, struct arena *arena, size_t need)
{
    size_t size = store->size_next ? store->size_next : CHUNK_SIZE_MIN;
    if (store->open) {
        chunk_release(store->open, arena);
        size = size * 2 < ARENA_PIECE_MAX ? size * 2 : ARENA_PIECE_MAX;
    }
    store->size_next = (uint32_t)size;
    store->open = chunk_create(arena, size > need ? size : need);
}

unsigned char *chunk_put(struct chunk_store *store, struct arena *arena, uint32_t size,
                         struct slice *slice)
{
    size_t need = sizeof(struct block) + size;
    struct block *chunk = store->open;
    if (need > ARENA_PIECE_MAX / 2) {
        chunk = chunk_create(arena, need); /* a chunk of its own */
        chunk->holds_count = 0;
    } else if (!chunk || chunk->capacity - chunk->used < size) {
        open_next(store, arena, need);
        chunk = store->open;
    }
    chunk->holds_count++;
    *slice = (struct slice){.block = chunk, .offset = chunk->used, .size = size};
    chunk->used += size;
    return chunk->data + slice->offset;
}

void chunk_store_rest(struct chunk_store *store, struct arena *arena)
{
    if (!store->open || store->open->holds_count > 1)
        return;
    chunk_release(store->open, arena);
    store->open = NULL;
    store->size_next =
        store->size_next / 2 > CHUNK_SIZE_MIN ? store->size_next / 2 : CHUNK_SIZE_MIN;
}

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

unsigned char *chunk_put(struct chunk_store *store, struct arena *arena, uint32_t size,
                         struct slice *slice)
{
    struct block *chunk = store->open;
    if (size > CHUNK_SIZE / 4) {
        chunk = chunk_create(arena, sizeof *chunk + size);
        chunk->holds_count = 0;
    } else if (!chunk || chunk->capacity - chunk->used < size) {
        chunk_store_finish(store, arena);
        store->open = chunk = chunk_create(arena, CHUNK_SIZE);
    }
    chunk->holds_count++;
    *slice = (struct slice){.block = chunk, .offset = chunk->used, .size = size};
    chunk->used += size;
    return chunk->data + slice->offset;
}

void chunk_store_rest(struct chunk_store *store, struct arena *arena)
{
    if (store->open && store->open->holds_count == 1)
        chunk_store_finish(store, arena);
}

/* Chunks: published runs, waiting pushes and answers, copied once and shared by all who are sent
 * them. */
#ifndef RINGPOST_CORE_CHUNK_H
#define RINGPOST_CORE_CHUNK_H

#include "core/slice.h"

/* The size of a shared chunk, head included; what takes more than a quarter of it gets a chunk of
 * its own. So whatever waits long keeps at most so much alive beside itself. */
enum { CHUNK_SIZE = 16 * 1024 };

/* Where small pieces of bytes are put behind one another. A zeroed store is empty. */
struct chunk_store {
    struct block *open; /* held by the store while it can take more */
};

/* Room for `size` bytes, to be filled by the caller at once: `*slice` names it and brings a hold.
 */
unsigned char *chunk_put(struct chunk_store *store, struct arena *arena, uint32_t size,
                         struct slice *slice);

/* Once a turn: lets go of the open chunk when nobody else holds it. */
void chunk_store_rest(struct chunk_store *store, struct arena *arena);

/* Lets go of the open chunk. */
void chunk_store_finish(struct chunk_store *store, struct arena *arena);

/* Ends one hold; the last one frees the chunk. */
void chunk_release(struct block *chunk, struct arena *arena);

#endif

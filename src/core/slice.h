/* Slices: stretches of messages in bytes that stay where they are while a send reads them. */
#ifndef RINGPOST_CORE_SLICE_H
#define RINGPOST_CORE_SLICE_H

#include "base/arena.h"
#include "base/bytes.h"

/* What chunks and segments begin with. Bytes below `used` do not change while there is a hold. */
struct block {
    enum block_kind { BLOCK_CHUNK, BLOCK_SEGMENT, BLOCK_KINDS } kind;
    uint32_t holds_count;    /* slices out, and others who need the bytes */
    uint32_t capacity, used; /* bytes of `data` */
    unsigned char *data;
    struct arena_span *span;
};

/* Whole frames back to back. Whoever is given one by the engine owns one hold and ends it by
 * engine_release. */
struct slice {
    struct block *block;
    uint32_t offset, size; /* bytes */
    uint32_t count;        /* frames */
    bool is_reversed;      /* to be read last frame first */
};

static inline struct bytes slice_bytes(const struct slice *slice)
{
    return bytes_of(slice->block->data + slice->offset, slice->size);
}

#endif

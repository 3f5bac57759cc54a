/* Places: the ready messages of a queue one behind the other, numbered from 0 on from the front. */
#ifndef RINGPOST_CORE_PLACES_H
#define RINGPOST_CORE_PLACES_H

#include "core/queue.h"

/* A walk over them. Making messages ready and leasing any disturbs it. */
struct places {
    struct queue *queue;
    struct segment *segment; /* NULL: at the end */
    uint32_t at;             /* as segment_next_ready has it */
    bool from_back;
};

/* Begins a walk at one end. */
void places_begin(struct places *places, struct queue *queue, bool from_back);

/* Begins one at a place where there is a message; with `from_back` it goes on to those before. */
void places_seek(struct places *places, struct queue *queue, uint64_t place, bool from_back);

/* Looks at the next messages that lie together, at most `count_max`; false when there are none. */
bool places_next(struct places *places, uint32_t count_max, struct stretch *stretch);

#endif

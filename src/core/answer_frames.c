#include "core/engine_state.h"

#include <assert.h>

void answer_slice(struct engine *engine, struct frames_answer *answer, const struct slice *slice,
                  struct outbox *outbox)
{
    struct effect *effect = outbox_put(outbox, EFFECT_FRAMES, answer->peer->id);
    answer->put += slice->count;
    assert(answer->put <= answer->total);
    effect->ticket = answer->ticket;
    effect->id = answer->which;
    effect->total = answer->total;
    effect->has_more = answer->put < answer->total;
    effect->slice = *slice;
    engine->totals.holds++;
    engine->answered_size += slice->size;
    answer->peer->unsent_sizes[slice->block->kind] += slice->size;
}

void answer_frames(struct engine *engine, struct frames_answer *answer,
                   const struct stretch *stretch, struct outbox *outbox)
{
    const struct slice slice = stretch_slice(stretch);
    slice.block->holds_count++;
    answer_slice(engine, answer, &slice, outbox);
}

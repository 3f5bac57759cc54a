#include "core/outbox.h"

#include "base/array.h"

#include <stdlib.h>

void outbox_finish(struct outbox *outbox)
{
    memory_free(outbox->effects);
    *outbox = (struct outbox){0};
}

void outbox_clear(struct outbox *outbox)
{
    outbox->count = 0;
    outbox->answers_size = 0;
}

struct effect *outbox_put(struct outbox *outbox, enum effect_kind kind, uint32_t peer)
{
    outbox->effects = array_reserve(outbox->effects, &outbox->capacity, outbox->count + 1,
                                    sizeof *outbox->effects);
    struct effect *effect = &outbox->effects[outbox->count++];
    *effect = (struct effect){.kind = kind, .peer = peer};
    return effect;
}

void outbox_settle(struct outbox *outbox, uint32_t peer, uint64_t ticket, uint32_t count,
                   enum status status)
{
    struct effect *last = outbox->count ? &outbox->effects[outbox->count - 1] : NULL;
    if (last && last->kind == EFFECT_SETTLED && last->peer == peer && last->status == status &&
        last->ticket + last->count == ticket) {
        last->count += count;
        return;
    }
    struct effect *effect = outbox_put(outbox, EFFECT_SETTLED, peer);
    effect->ticket = ticket;
    effect->count = count;
    effect->status = status;
}

void outbox_number(struct outbox *outbox, uint32_t peer, uint64_t ticket, int64_t number)
{
    outbox_numbers(outbox, peer, ticket, 1, number, 0);
}

void outbox_numbers(struct outbox *outbox, uint32_t peer, uint64_t ticket, uint32_t count,
                    int64_t first, uint32_t step)
{
    struct effect *effect = outbox_put(outbox, EFFECT_NUMBER, peer);
    effect->ticket = ticket;
    effect->numbers.count = count;
    effect->numbers.first = first;
    effect->numbers.step = step;
}

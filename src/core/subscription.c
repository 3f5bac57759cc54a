#include "core/subscription.h"

#include "base/array.h"

#include <assert.h>
#include <stdlib.h>

struct terms *subscription_terms(struct subscription *subscription)
{
    if (!subscription->terms) {
        struct terms *terms = memory_create(sizeof *terms);
        terms->count_max = SUBSCRIPTION_COUNT_DEFAULT;
        terms->size_max = SUBSCRIPTION_SIZE_DEFAULT;
        subscription->terms = terms;
    }
    return subscription->terms;
}

struct subscription *subscription_create(struct peer *peer, uint32_t id,
                                         const struct topic_settings *settings)
{
    struct subscription *subscription = memory_create(sizeof *subscription);
    subscription->entry.hash = id;
    subscription->peer = peer;
    subscription->number_next = 1;
    if (settings->count_max)
        subscription_terms(subscription)->count_max = settings->count_max;
    if (settings->size_max)
        subscription_terms(subscription)->size_max = settings->size_max;
    if (settings->has_overflow)
        subscription->overflow = (uint8_t)settings->overflow;
    return subscription;
}

void subscription_destroy(struct subscription *subscription)
{
    assert(!subscription->line && !subscription->set && !subscription_group(subscription));
    memory_free(subscription->terms);
    memory_free(subscription);
}

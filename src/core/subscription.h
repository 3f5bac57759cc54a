/* Subscriptions: what a connection listens to. There may be a million: what few of them have stands
 * beside them. */
#ifndef RINGPOST_CORE_SUBSCRIPTION_H
#define RINGPOST_CORE_SUBSCRIPTION_H

#include "base/table.h"
#include "core/settings.h"

struct group;
struct line;
struct peer;
struct subscriber_set;

/* What a subscription listens to. */
enum listening {
    LISTENING_NAME,
    LISTENING_PATTERN, /* whatever matches it */
    LISTENING_GLOB,    /* likewise */
    LISTENING_INBOX,   /* a name of its own */
    LISTENING_APART,   /* a name among those that nothing matches but itself */
};

/* Where a subscription differs from the usual. */
struct terms {
    uint32_t count_max;  /* messages that may wait */
    uint64_t size_max;   /* bytes of them */
    struct group *group; /* it is a member of, or NULL */
    uint64_t served;     /* among the group's members: when it was given something last */
};

struct subscription {
    struct table_entry entry; /* in its peer's table, by id */
    struct peer *peer;
    struct subscriber_set *set; /* the one it is in */
    uint32_t set_at;            /* its place there */
    uint8_t listening;          /* enum listening */
    uint8_t overflow;           /* enum overflow */
    uint64_t number_next;       /* of the next message that is handed out or missed */
    struct line *line;          /* what waits, or NULL */
    struct terms *terms;        /* NULL: as usual */
};
static_assert(sizeof(struct subscription) <= 72, "docs/ARCHITECTURE.md says what one costs");

static inline uint32_t subscription_id(const struct subscription *subscription)
{
    return (uint32_t)subscription->entry.hash;
}

static inline uint32_t subscription_count_max(const struct subscription *subscription)
{
    return subscription->terms ? subscription->terms->count_max : SUBSCRIPTION_COUNT_DEFAULT;
}

static inline uint64_t subscription_size_max(const struct subscription *subscription)
{
    return subscription->terms ? subscription->terms->size_max : SUBSCRIPTION_SIZE_DEFAULT;
}

static inline struct group *subscription_group(const struct subscription *subscription)
{
    return subscription->terms ? subscription->terms->group : NULL;
}

/* With the bounds and the choice of `settings`, the usual ones where nothing is given. */
struct subscription *subscription_create(struct peer *peer, uint32_t id,
                                         const struct topic_settings *settings);

/* Frees it. Nothing waits for it, and it is in no set and no group. */
void subscription_destroy(struct subscription *subscription);

/* Its terms, for changing; made when it has none. */
struct terms *subscription_terms(struct subscription *subscription);

#endif

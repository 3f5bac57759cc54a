/* Settings of queues and topics, and the policies that give them by name. */
#ifndef RINGPOST_CORE_SETTINGS_H
#define RINGPOST_CORE_SETTINGS_H

#include "frame/frame.h"

enum when_full { WHEN_FULL_REFUSE, WHEN_FULL_HOLD, WHEN_FULL_DROP_OLDEST };

/* To whom a message is leased that is popped: to nobody, it is done with; to the connection, until it
 * pops from that queue again. */
enum pop_lease { POP_LEASE_NONE, POP_LEASE_CONNECTION };

/* What happens over a subscription's bound. */
enum overflow { OVERFLOW_DROP_OLDEST, OVERFLOW_DROP_NEWEST, OVERFLOW_KEEP_LAST, OVERFLOW_CLOSE };

enum {
    QUEUE_COUNT_DEFAULT = 10000000, /* messages */
    DELIVERY_LIMIT_DEFAULT = 16,
    DELIVERY_LIMIT_MAX = UINT16_MAX,
    SUBSCRIPTION_COUNT_DEFAULT = 65536,           /* messages */
    SUBSCRIPTION_SIZE_DEFAULT = 16 * 1024 * 1024, /* bytes */
    GROUP_NAME_MAX = 255,                         /* bytes */
};
#define QUEUE_SIZE_DEFAULT (UINT64_C(1024) * 1024 * 1024) /* bytes */

/* Which settings of a queue are given. */
enum {
    SETTING_COUNT_MAX = 1 << 0,
    SETTING_SIZE_MAX = 1 << 1,
    SETTING_WHEN_FULL = 1 << 2,
    SETTING_TTL = 1 << 3,
    SETTING_DELIVERY_LIMIT = 1 << 4,
    SETTING_DEAD_LETTER = 1 << 5,
    SETTING_LEASE_MAX = 1 << 6,
    SETTING_POP_LEASE = 1 << 7,
};

struct queue_settings {
    uint64_t count_max; /* messages ready, leased and delayed */
    uint64_t size_max;  /* bytes of their frames */
    enum when_full when_full;
    uint64_t ttl_ms;         /* 0: none */
    uint32_t delivery_limit; /* 0: none */
    uint64_t lease_max_ms;   /* 0: none */
    enum pop_lease pop_lease;
    struct bytes dead_letter; /* borrowed; no bytes: nowhere; NULL: the queue's name and ".dead" */
    unsigned given;           /* SETTING_…: the others do not count */
};

struct topic_settings {
    uint32_t count_max;              /* messages that may wait for a subscription; 0: not given */
    uint64_t size_max;               /* bytes of them; 0: not given */
    bool has_overflow, has_retained; /* whether those two are given */
    enum overflow overflow;
    bool no_retained; /* messages retained before are not sent */
};

/* Settings for the names that match a pattern: tokens as in wildcard subscriptions. All borrowed. */
struct queue_policy {
    struct bytes pattern;
    struct queue_settings settings;
};
struct topic_policy {
    struct bytes pattern;
    struct topic_settings settings;
};

/* Gives one setting, SETTING_…, by number or, `when-full`, `dead-letter` and `pop-lease`, by `text`,
 * which is borrowed; false when it cannot be that. */
bool queue_setting_put(struct queue_settings *settings, unsigned setting, uint64_t number,
                       struct bytes text);

/* The choices in the protocol's words. */
const char *when_full_name(enum when_full choice);
const char *pop_lease_name(enum pop_lease choice);

/* All settings, as they are where nobody says otherwise. */
struct queue_settings queue_settings_default(void);

/* Puts those settings that are given in `from` into `to`. */
void queue_settings_merge(struct queue_settings *to, const struct queue_settings *from);

/* Whether each setting given in `wanted` is as in `has`. */
bool queue_settings_agree(const struct queue_settings *has, const struct queue_settings *wanted);

/* The choice that is called `text` in the protocol and in configurations; false when none is. */
bool overflow_named(struct bytes text, enum overflow *overflow);

/* What policies give a name: for each setting the most specific pattern that gives it, the last of
 * equals. `policies` are sorted by pattern_compare. */
void queue_policies_merge(struct queue_settings *to, const struct queue_policy *policies,
                          size_t count, struct bytes name);
void topic_policies_merge(struct topic_settings *to, const struct topic_policy *policies,
                          size_t count, struct bytes name);

#endif

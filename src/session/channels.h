/* Channels: what a session in the Redis protocol is subscribed to. */
#ifndef RINGPOST_SESSION_CHANNELS_H
#define RINGPOST_SESSION_CHANNELS_H

#include "base/hash.h"
#include "base/list.h"
#include "base/table.h"
#include "core/status.h"
#include "session/bulk.h"

/* What may wait for one where no policy says otherwise: what Redis lets lie for a client that small
 * messages are published to. */
enum {
    CHANNEL_COUNT_DEFAULT = 512 * 1024,      /* messages */
    CHANNEL_SIZE_DEFAULT = 32 * 1024 * 1024, /* bytes */
};

enum channel_kind {
    CHANNEL_NAME,
    CHANNEL_PATTERN,
    CHANNEL_SHARD, /* a name among those of its own */
    CHANNEL_KINDS,
};

struct channel {
    struct table_entry by_name; /* the name stands behind the struct */
    struct table_entry by_id;   /* the subscription's */
    struct list link;           /* in its kind; none once its end is asked for */
    struct preface *preface;    /* a pattern's own, or NULL */
    uint8_t version;            /* of the protocol, in which the preface is */
    uint8_t kind;               /* enum channel_kind */
};

/* What the engine was asked for and has not answered yet. */
struct change {
    uint64_t ticket;
    uint32_t id;
    bool is_end, is_settled;
};

/* Some of them are as they will be when the engine has done what it was asked for. */
struct channels {
    struct hash_key key;
    struct table names, ids;
    struct list kinds[CHANNEL_KINDS]; /* in the order of subscribing */
    uint32_t counts[CHANNEL_KINDS];
    uint32_t id_last;
    struct change *changes; /* a ring, in the order of asking */
    size_t changes_first, changes_count, changes_capacity;
    struct preface *prefaces[CHANNEL_KINDS]; /* of those that have none of their own */
    uint8_t versions[CHANNEL_KINDS];
};

/* `key` keeps strangers from choosing hash buckets. */
struct channels *channels_create(const struct hash_key *key);
void channels_destroy(struct channels *channels);

/* How many there are of a kind, and of that which is counted with it: names with patterns. NULL: none. */
uint32_t channels_count(const struct channels *channels, enum channel_kind kind);

static inline bool channels_are_empty(const struct channels *channels)
{
    return channels_count(channels, CHANNEL_NAME) + channels_count(channels, CHANNEL_SHARD) == 0;
}

/* The one of that kind and name, or NULL. */
struct channel *channels_find(const struct channels *channels, enum channel_kind kind,
                              struct bytes name);

/* The one that was subscribed to first, or NULL. */
struct channel *channels_first(const struct channels *channels, enum channel_kind kind);

/* The one of that subscription, or NULL; its end may have been asked for. */
struct channel *channels_of(const struct channels *channels, uint32_t id);

static inline uint32_t channel_id(const struct channel *channel)
{
    return (uint32_t)channel->by_id.hash;
}

/* Adds one that is not there, which a command with that ticket asks for. */
struct channel *channels_add(struct channels *channels, enum channel_kind kind, struct bytes name,
                             uint64_t ticket);

/* Takes one out, as a command with that ticket asks for; its messages may still come until that is done. */
void channels_end(struct channels *channels, struct channel *channel, uint64_t ticket);

/* Forgets one that the engine has ended. */
void channels_drop(struct channels *channels, struct channel *channel);

/* What `count` tickets came to. */
void channels_settle(struct channels *channels, uint64_t ticket, uint32_t count,
                     enum status status);

/* Nothing of what was asked for behind that ticket takes place. */
void channels_undo(struct channels *channels, uint64_t ticket);

/* What stands before the name of a message that comes by it. Borrowed until the next call. */
struct preface *channels_preface(struct channels *channels, struct channel *channel,
                                 uint8_t version);

#endif

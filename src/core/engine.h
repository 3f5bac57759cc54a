/*
 * The engine: what commands mean. A pure step function: commands in, effects out, time an argument.
 * The same commands at the same times give the same effects.
 *
 * Between applies and ticks it owns everything it was told; it calls nobody.
 */
#ifndef RINGPOST_CORE_ENGINE_H
#define RINGPOST_CORE_ENGINE_H

#include "base/hash.h"
#include "core/command.h"
#include "core/outbox.h"

struct engine;

/* An engine with no queues. `key` keeps strangers from choosing hash buckets. */
struct engine *engine_create(struct hash_key key);

enum { UNSENT_MAX_DEFAULT = 256 * 1024 }; /* bytes */

/* How the engine is to be. Everything it points to is borrowed until the next engine_configure. */
struct engine_config {
    const struct queue_policy *queue_policies; /* sorted by pattern_compare */
    size_t queue_policies_count;
    const struct topic_policy *topic_policies; /* likewise */
    size_t topic_policies_count;
    uint64_t
        listeners_per_peer_max; /* consumers and subscriptions of a connection; 0: any number */
    uint64_t listeners_max;     /* of all; 0: any number */
    uint64_t retained_count_max, retained_size_max; /* 0: RETAINED_COUNT_DEFAULT, …_SIZE_DEFAULT */
    uint64_t values_size_max;                       /* 0: VALUES_SIZE_DEFAULT */
    uint64_t queues_max;                            /* 0: any number */
    uint64_t memory_hard_max; /* bytes of memory_used beyond which dead letters are discarded,
                                 since they are longer than what died, and transactions are not
                                 told what is long; 0: no limit */
    uint64_t in_flight_max;   /* messages leased to one connection; 0: any number */
    uint64_t unsent_max;      /* bytes of queues, and of topics, handed to a connection and not yet
                               sent; 0: UNSENT_MAX_DEFAULT */
    struct bytes settings;    /* what SETTINGS is answered with */
};

/* Has a configuration hold, for what there is already too; limits that are passed already refuse
 * what is new. */
void engine_configure(struct engine *engine, const struct engine_config *config, uint64_t now);

/* While memory is short, pushes and publishes are refused with `memory`. */
void engine_set_pressure(struct engine *engine, bool is_pressed);

/* Messages leased to a connection, and since when it has had any without a pause. */
uint64_t engine_leased(const struct engine *engine, uint32_t peer, uint64_t *since);

/* Frees everything. All slices have been released and all peers detached. */
void engine_destroy(struct engine *engine);

/* Carries one command out. Its effects, which come now or in a later call, go to the `outbox` of
 * that call. */
void engine_apply(struct engine *engine, const struct command *command, uint64_t now,
                  struct outbox *outbox);

/* Whether commands are skipped now, those of the server too: the transaction that they are of does not
 * take place. engine_apply says so of each. */
bool engine_skips(const struct engine *engine);

/* Does what is due: admits waiting pushes, hands out messages. To be called after a turn's commands
 * and releases. */
void engine_tick(struct engine *engine, uint64_t now, struct outbox *outbox);

/* When the next tick has something to do, or TIME_NEVER. */
uint64_t engine_deadline(const struct engine *engine);

/* Ends the hold of a slice that an effect for `peer` brought, PEER_NONE for an answer; exactly
 * once, when nobody reads its bytes any more. */
void engine_release(struct engine *engine, uint32_t peer, const struct slice *slice, uint64_t now);

/* From now on hands nothing out and lets no push wait: those that wait are refused with `closing`.
 * What is leased can still be settled. */
void engine_drain(struct engine *engine, struct outbox *outbox);

/* What there is in all, for checks and statistics. */
struct engine_totals {
    uint64_t queues, consumers, connections, subscriptions;
    uint64_t ready, leased, delayed, waiting; /* messages now */
    uint64_t accepted, delivered, settled,
        refused; /* messages of queues, ever; deleted queues too */
    uint64_t published, sent,
        missed;          /* messages of topics: published, handed out, dropped at a bound */
    uint64_t overflowed; /* subscriptions that were ended over their bound */
    uint64_t retained, retained_size; /* messages kept for later subscribers, bytes of them */
    uint64_t values, values_size;     /* beside queues, and bytes that they count */
    uint64_t topics, globs, apart;    /* names, globs, and names apart that are subscribed to */
    uint64_t taking;                  /* connections that wait in a WAIT */
    uint64_t memory;                  /* bytes for messages */
    uint64_t holds;                   /* slices out */
};
struct engine_totals engine_totals(const struct engine *engine);

/* Asserts all that must hold, over everything. Slow. */
void engine_check(const struct engine *engine);

#endif

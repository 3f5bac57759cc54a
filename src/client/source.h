/*
 * What messages come from: the consumers and subscriptions of a handle, kept so that they can be
 * started again on a new connection.
 *
 *     STOPPED -> STARTING -> ACTIVE        a lost connection takes all but REFUSED back to STOPPED
 *                         -> REFUSED       until its ENDED event is read
 *                         -> ENDING        no longer the user's, until there is memory to tell the broker
 */
#ifndef RINGPOST_CLIENT_SOURCE_H
#define RINGPOST_CLIENT_SOURCE_H

#include "frame/frame.h"

struct ringpost;
struct ringpost_tags;
struct wait;

enum source_kind { SOURCE_CONSUMER, SOURCE_SUBSCRIPTION };
enum source_state {
    SOURCE_STOPPED,
    SOURCE_STARTING,
    SOURCE_ACTIVE,
    SOURCE_REFUSED,
    SOURCE_ENDING,
    SOURCE_STATES,
};

struct source {
    uint32_t id;
    uint8_t kind, state; /* enum source_kind, source_state */
    uint8_t flags;       /* of its CONSUME or SUBSCRIBE */
    bool is_manual;      /* credit comes from the user alone */
    bool is_awaited;     /* a call waits for the answer to its start, and reports it */
    bool is_dirty;       /* on the table's list of those with something to write */
    struct source *dirty_next;
    uint64_t start_number; /* of its CONSUME or SUBSCRIBE, as the handle counts */
    int status;            /* why it is REFUSED */
    uint32_t count;        /* credit of a consumer, bound of a subscription: messages ... */
    uint64_t bytes;        /* ... and bytes */

    /* A settlement that waits to be written; none while settle_count is 0. */
    uint8_t settle_op;
    uint32_t settle_count;
    uint64_t settle_first;
    uint64_t settle_delay_ms; /* of a RETURN */

    uint64_t handed_count, handed_bytes; /* given to the user over this connection, unsettled */
    uint64_t due_count, due_bytes;       /* credit to give back */

    /* The name, and the fields of a SUBSCRIBE behind it. Of an inbox its address, while there is one. */
    uint16_t name_size, fields_size;
    unsigned char name[];
};

struct source_table {
    struct source **all; /* in the order of their ids */
    size_t count, capacity;
    struct source *last;        /* found last, or NULL */
    struct source *dirty;       /* list of those with something to write */
    size_t from[SOURCE_STATES]; /* before this place none is in that state */
    uint32_t id_last;
};

void source_table_finish(struct source_table *table);

/* Adds a stopped source with a new id; the caller fills in the rest. NULL: no memory. */
struct source *source_create(struct source_table *table, enum source_kind kind, struct bytes name,
                             struct bytes fields);

/* Takes a source out and frees it. */
void source_destroy(struct ringpost *handle, struct source *source);

/*
 * Writes CANCEL or UNSUBSCRIBE to the output if the broker knows the source, and frees it. Returns 0, or -ENOMEM:
 * then it is freed later, and gone all the same.
 */
int source_end(struct ringpost *handle, struct source *source);

/* NULL when there is none of that id, or it is ending. */
struct source *source_find(struct source_table *table, uint32_t id);

void source_set_state(struct source_table *table, struct source *source, enum source_state state);

/* The first source in that state, or NULL. To ask again costs little. */
struct source *source_first(struct source_table *table, enum source_state state);

static inline bool source_is_inbox(const struct source *source)
{
    return source->kind == SOURCE_SUBSCRIPTION && (source->flags & SUBSCRIBE_INBOX);
}

static inline bool source_is_leasing(const struct source *source)
{
    return source->kind == SOURCE_CONSUMER && !(source->flags & CONSUME_NO_ACK);
}

/* Whether half of the credit waits to be given back, or any at all for a manual consumer. */
static inline bool source_is_credit_due(const struct source *source)
{
    if (source->due_count == 0 && source->due_bytes == 0)
        return false;
    return source->is_manual || source->due_count >= (source->count + 1) / 2 ||
           source->due_bytes >= (source->bytes + 1) / 2;
}

/* Puts a source on the list of those with something to write. */
void source_mark(struct source_table *table, struct source *source);

/* Writes the CONSUME or SUBSCRIBE of every stopped source to the output. Returns 0 or -ENOMEM. */
int sources_start(struct ringpost *handle);

/* Writes a frame that names tags to the output; a delay of 0 is left away. Returns 0 or -ENOMEM. */
int source_put_tags(struct ringpost *handle, const struct source *source, enum op op,
                    uint64_t first, uint32_t count, uint64_t delay_ms);

/* Writes settlements and credit that wait to the output. Return 0 or -ENOMEM, with the rest still waiting. */
int source_stage(struct ringpost *handle, struct source *source);
int sources_stage(struct ringpost *handle);

/*
 * Starts a source that was just created, and waits until the broker said yes; with a timeout of 0 does not wait.
 * On failure it is gone.
 */
int source_open(struct ringpost *handle, struct source *source, int timeout_ms);

/* Stops a source and frees it, whatever the broker says. Returns 0 or -errno. */
int source_close(struct ringpost *handle, struct source *source, struct wait *wait);

/* Messages of a consumer came to an end: gives their credit back. */
void consumer_settled(struct ringpost *handle, struct source *source,
                      const struct ringpost_tags *tags);

/* The connection is lost: forgets what was said over it. */
void sources_stop(struct ringpost *handle);

/* The broker answered a frame, as the handle counts them, with `data`. Returns 0 or -EPROTO. */
int sources_on_reply(struct source_table *table, uint64_t number, struct bytes data);

/* The broker refused the frames `first` to `last`. Returns how many sources these were to start. */
size_t sources_on_error(struct source_table *table, uint64_t first, uint64_t last, int status);

/* The first refused source whose start is among these frames and that nobody awaits, or NULL. */
struct source *source_find_refused(struct source_table *table, uint64_t first, uint64_t last);

#endif

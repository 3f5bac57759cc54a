/* Names: what has them in a space: a list, which is the ready messages of a queue, or a value; for
 * ever, or for a lifetime. */
#ifndef RINGPOST_CORE_NAME_H
#define RINGPOST_CORE_NAME_H

#include "core/engine_state.h"

struct name {
    uint8_t space;
    uint64_t hash;
    struct bytes bytes; /* borrowed */
};

struct name name_of(const struct engine *engine, uint8_t space, struct bytes bytes);
struct name name_of_queue(const struct queue *queue);

/* The queue, and the value, of that name, or NULL. */
struct queue *name_queue(const struct engine *engine, const struct name *name);
struct value *name_value(const struct engine *engine, const struct name *name);

/* What has the name as time has left it. A value hides messages that became ready under its name. */
enum key_type name_settle(struct engine *engine, const struct name *name);

/* Whether a value hides what is ready in the queue. Drops first what is over. */
bool name_hides(struct engine *engine, struct queue *queue);

/* Drops what has the name; false when nothing has. A queue loses what is ready, and stays while it is
 * needed. The name may be borrowed from what goes. */
bool name_drop(struct engine *engine, const struct name *name);

/* The last millisecond of what has the name, or TIME_NEVER. */
uint64_t name_deadline(const struct engine *engine, const struct name *name);

/* Gives what has the name another one. */
void name_set_deadline(struct engine *engine, const struct name *name, uint64_t deadline_ms);

/* Gives the name a value that fits, in place of what has it. The deadline stays. */
void name_put(struct engine *engine, const struct name *name, struct bytes bytes);

/* Gives what has the name `from` another one, that of something else included: `queues`, `full` or
 * `values` when that cannot be. Both are settled. */
enum status name_change(struct engine *engine, const struct name *from, const struct name *to);

/* Drops what is over, the earliest first, at most so many; a tick does so many. */
enum { NAMES_EXPIRED_MAX = 4096 };
void names_expire(struct engine *engine, size_t count_max);

/* When names_expire has something to do, in the engine's time. */
uint64_t names_due(const struct engine *engine);

/* The lifetime of the queue's list, which goes with it, is over. */
void name_forget(struct engine *engine, const struct queue *queue);

/* Drops all that is in a space. */
void names_flush(struct engine *engine, uint8_t space);

/* Frees all there is but queues. */
void names_finish(struct engine *engine);

/* Asserts all that must hold. */
void names_check(const struct engine *engine);

#endif

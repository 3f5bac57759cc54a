/* Deadlines: when a name is to be dropped, as clients of the Redis protocol say it. */
#ifndef RINGPOST_SESSION_DEADLINE_H
#define RINGPOST_SESSION_DEADLINE_H

#include "session/call.h"

/* How it is said. They add up. */
enum {
    DEADLINE_SECONDS = 1 << 0,  /* else milliseconds */
    DEADLINE_ABSOLUTE = 1 << 1, /* by the time of day, else from now on */
    DEADLINE_AHEAD = 1 << 2,    /* zero and less are no deadline */
};

/* Reads one into the engine's milliseconds; false when it is none, which was said then. */
bool deadline_read(struct call *call, uint32_t index, unsigned how, uint64_t *deadline_ms);

#endif

/* Facts about the broker that sessions cannot know, for those who ask. */
#ifndef RINGPOST_SESSION_FACTS_H
#define RINGPOST_SESSION_FACTS_H

#include <stdint.h>

enum { RUN_ID_SIZE = 40 }; /* digits */

struct session_facts {
    uint64_t started_ns;                    /* by the sessions' clock */
    uint64_t memory_used, memory_max;       /* bytes; 0: no limit */
    uint64_t connections_max;               /* at once; 0: no limit */
    uint64_t came_count, turned_away_count; /* connections, ever */
    uint64_t commands_count;                /* for the engine, ever */
    uint32_t process_id;
    uint16_t port;                /* of the first TCP listener; 0: there is none */
    char run_id[RUN_ID_SIZE + 1]; /* another one each time */
};

#endif

/* Random commands, with what the seed has chosen to do much, little or never. */
#ifndef RINGPOST_TESTS_SIM_COMMANDS_H
#define RINGPOST_TESTS_SIM_COMMANDS_H

#include "dice.h"
#include "twin.h"

enum {
    COMMAND_KINDS = COMMAND_SETTINGS + 1, /* those that native clients can ask for */
};

/* What a seed does, and how much of it. */
struct swarm {
    unsigned weights[COMMAND_KINDS];
    unsigned list_percent;  /* of commands that are about lists */
    unsigned wild_percent;  /* of arguments that are out of the way */
    uint32_t run_max;       /* messages of a run */
    uint32_t size_max;      /* bytes of a message */
    uint32_t bytes_max;     /* of a run, but for its last message */
    uint32_t bound_max;     /* messages of a queue */
    uint32_t credit_max;    /* messages */
    uint32_t window_max;    /* frames */
    unsigned group_percent; /* of subscriptions that have a group */
    unsigned headers_percent, settings_percent;
    uint64_t ms_max; /* of times to live, delays and leases */
};

enum { COMMANDS_POLICIES = 4 };

struct commands {
    struct random random;
    struct swarm swarm;
    struct twin_names names;
    unsigned char *frames; /* of the run of messages made last */
    size_t frames_size, frames_capacity;
    struct headers *headers; /* of each of them */
    size_t headers_capacity;
    struct bytes take_names[TWIN_TAKE_NAMES];        /* of the pop made last */
    struct queue_policy policies[COMMANDS_POLICIES]; /* of the configuration made last */
};

/* Chooses names and swarm by the seed. */
void commands_init(struct commands *commands, uint64_t seed);
void commands_finish(struct commands *commands);

/* Fills in the arguments of a command of any kind but SETTLE. Messages are numbered from `first_id`
 * on, and stay until the next call. */
void commands_fill(struct commands *commands, struct command *command, uint64_t first_id);

/* Makes a command about lists or channels, as the Redis protocol asks for them. */
void commands_list(struct commands *commands, struct command *command, uint64_t first_id);

/* A configuration, whose policies stay until the next call. */
struct engine_config commands_config(struct commands *commands);

/* The place among `count` leases from which to settle. */
size_t commands_lease(struct commands *commands, size_t count);

/* Fills in what to settle of one consumer: `tag` and some of the `count` leases from there on, or
 * anything. `tag_next` is the first that is no lease yet. */
void commands_settle(struct commands *commands, struct command *command, uint64_t tag, size_t count,
                     uint64_t tag_next);

#endif

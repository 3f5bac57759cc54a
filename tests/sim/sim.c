/* The whole server, simulated: seeds, and what they reached. */
#include "base/time.h"
#include "coverage.h"
#include "options.h"
#include "replay.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>

enum { TWICE_EVERY = 10 }; /* seeds of which one is run twice */

static const char *const names[WORLD_REACH_COUNT] = {
#define WORLD_TEXT(name, text) text,
    WORLD_COVERAGE(WORLD_TEXT)
#undef WORLD_TEXT
};

static const char *const op_names[] = {
    "said: HELLO",       "said: PUSH",    "said: PUBLISH",  "said: CONSUME",   "said: CANCEL",
    "said: CREDIT",      "said: ACK",     "said: RETURN",   "said: REJECT",    "said: SUBSCRIBE",
    "said: UNSUBSCRIBE", "said: DECLARE", "said: DELETE",   "said: PURGE",     "said: PAUSE",
    "said: RESUME",      "said: PEEK",    "said: LIST",     "said: INFO",      "said: STATS",
    "said: PING",        "said: TOUCH",   "said: SET",      "said: REDRIVE",   "said: CLIENTS",
    "said: KILL",        "said: TOPICS",  "said: SETTINGS", "said: HEARTBEAT",
};

/* The statuses that the broker can tell in the simulation. */
static const char *const status_names[STATUS_COUNT] = {
    [STATUS_PROTOCOL] = "told: protocol",
    [STATUS_UNKNOWN_OP] = "told: unknown-op",
    [STATUS_BAD_FRAME] = "told: bad-frame",
    [STATUS_BAD_NAME] = "told: bad-name",
    [STATUS_BAD_FLAGS] = "told: bad-flags",
    [STATUS_TOO_LARGE] = "told: too-large",
    [STATUS_HELLO] = "told: hello",
    [STATUS_VERSION] = "told: version",
    [STATUS_BAD_FIELD] = "told: bad-field",
    [STATUS_NO_QUEUE] = "told: no-queue",
    [STATUS_EXISTS] = "told: exists",
    [STATUS_FULL] = "told: full",
    [STATUS_DELETED] = "told: deleted",
    [STATUS_NO_CONSUMER] = "told: no-consumer",
    [STATUS_NO_SUBSCRIPTION] = "told: no-subscription",
    [STATUS_ID_IN_USE] = "told: id-in-use",
    [STATUS_NOT_LEASED] = "told: not-leased",
    [STATUS_BAD_RANGE] = "told: bad-range",
    [STATUS_CREDIT] = "told: credit",
    [STATUS_WINDOW] = "told: window",
    [STATUS_BAD_PATTERN] = "told: bad-pattern",
    [STATUS_KILLED] = "told: killed",
    [STATUS_CLOSING] = "told: closing",
    [STATUS_BAD_HEADER] = "told: bad-header",
    [STATUS_NO_READER] = "told: no-reader",
    [STATUS_OVERFLOW] = "told: overflow",
    [STATUS_RETAINED] = "told: too-many-retained",
    [STATUS_MEMORY] = "told: memory",
    [STATUS_QUEUES] = "told: too-many-queues",
    [STATUS_DEAD] = "told: dead",
    [STATUS_NO_CLIENT] = "told: no-client",
};

static uint64_t run(uint64_t seed, uint64_t ops, bool is_trace)
{
    static struct world world;
    replay_note(seed, ops);
    world_start(&world, seed, is_trace);
    for (uint64_t op = 0; op < ops; op++) {
        replay_at(op);
        world_act(&world);
    }
    world_end(&world);
    return world.trace;
}

int main(int argc, char **argv)
{
    struct sim_arguments arguments = {
        .seeds = 500, .ops = 2000, .first_seed = 1, .long_seeds = 10000};
    if (!sim_arguments_parse(&arguments, argc, argv))
        return 2;
    replay_init(argv[0]);
    for (uint64_t seed = arguments.first_seed; seed < arguments.first_seed + arguments.seeds;
         seed++) {
        uint64_t trace = run(seed, arguments.ops, arguments.is_trace);
        if (seed % TWICE_EVERY == 1)
            REQUIRE(run(seed, arguments.ops, false) == trace, "the same seed ran differently");
        if (arguments.is_verbose)
            printf("seed %" PRIu64 ": trace %016" PRIx64 "\n", seed, trace);
    }
    struct coverage coverages[] = {
        {op_names, sizeof op_names / sizeof *op_names, world_ops_said},
        {status_names, STATUS_COUNT, world_statuses_told},
        {names, WORLD_REACH_COUNT, world_reached},
        {twin_reach_names, REACH_COUNT, twin_reached},
    };
    size_t missing = 0;
    for (size_t i = 0; i < sizeof coverages / sizeof *coverages; i++) {
        coverage_print(&coverages[i]);
        missing += arguments.is_partial ? 0 : coverage_missing(&coverages[i]);
    }
    printf("sim: %" PRIu64 " seeds, %" PRIu64 " operations, %" PRIu64 " connections, %" PRIu64
           " frames taken up, %" PRIu64 " replies and %" PRIu64 " messages heard, %" PRIu64
           " of them again, %" PRIu64 " turns, %" PRIu64 " quiet points, %zu never reached\n",
           arguments.seeds, arguments.seeds * arguments.ops, world_tally.links, world_tally.taken,
           world_tally.replies_heard, world_tally.messages_heard, world_tally.redelivered,
           world_tally.turns, world_tally.quiet_points, missing);
    return missing > 0;
}

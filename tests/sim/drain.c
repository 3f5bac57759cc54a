/* How runs end: empty, with goodbye in mid-traffic, or at once. */
#include "base/time.h"
#include "core/engine_state.h"
#include "encode.h"
#include "replay.h"
#include "world.h"

#include <inttypes.h>

enum { ROUNDS_MAX = 100000 };

static void leave_all(struct world *world)
{
    for (int i = 0; i < WORLD_LINKS_MAX; i++) {
        struct link *link = &world->links[i];
        if (link->state == LINK_VANISHED)
            world_leave(world, link, LEAVE_RESET);
        if (link->state == LINK_OPEN)
            world_leave(world, link,
                        dice_chance(&world->commands.random, 50) ? LEAVE_FIN : LEAVE_RESET);
    }
}

static void say(struct link *link, const struct command *command)
{
    link_say(link, command, 0, NULL);
}

/* Has a consumer take what is in each of some queues: from `first` on, one for each id. */
static void consume_some(struct world *world, struct link *link, uint32_t first)
{
    for (uint32_t id = 0; id < TWIN_IDS && first + id < TWIN_QUEUES; id++) {
        struct bytes name = world->commands.names.queues[first + id];
        struct command consume = {.kind = COMMAND_CONSUME, .name = name};
        consume.consumer.id = id;
        consume.consumer.credit_count = UINT32_MAX / 2;
        consume.consumer.credit_size = INT64_MAX / 2;
        struct command set = {.kind = COMMAND_SET, .name = name};
        set.settings.given = SETTING_TTL | SETTING_LEASE_MAX;
        struct command resume = {.kind = COMMAND_RESUME, .name = name};
        say(link, &consume);
        say(link, &set);
        say(link, &resume);
    }
}

/* Acknowledges what it was given; returns whether there was anything. */
static bool acknowledge(struct link *link)
{
    bool is_any = false;
    for (uint32_t id = 0; id < TWIN_IDS; id++) {
        const struct tags *tags = &link->consumers[id];
        if (tags->count == 0)
            continue;
        struct command ack = {.kind = COMMAND_SETTLE};
        ack.settle.id = id;
        ack.settle.tag = tags->tags[0];
        ack.settle.count = (uint32_t)(tags->next - tags->tags[0]);
        is_any = true;
        say(link, &ack);
    }
    return is_any;
}

/* Ends the consumers, and what is not due for long. */
static void end_consumers(struct world *world, struct link *link, uint32_t first)
{
    for (uint32_t id = 0; id < TWIN_IDS && first + id < TWIN_QUEUES; id++) {
        struct command purge = {.kind = COMMAND_PURGE,
                                .name = world->commands.names.queues[first + id]};
        struct command cancel = {.kind = COMMAND_CANCEL};
        cancel.consumer.id = id;
        say(link, &purge);
        say(link, &cancel);
    }
}

/* Takes every message that is left, and acknowledges it. What dies meanwhile may go to queues that
 * were empty already. */
static void take_all(struct world *world, struct link *link)
{
    struct engine_totals totals;
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        uint32_t first = round % 2 * TWIN_IDS;
        consume_some(world, link, first);
        do
            world_settle(world);
        while (acknowledge(link));
        end_consumers(world, link, first);
        world_settle(world);
        totals = engine_totals(world->shard.engine);
        if (totals.ready + totals.leased + totals.delayed + totals.waiting == 0)
            return;
    }
    REQUIRE(false, "messages are left that nobody was given");
}

static void delete_all(struct world *world, struct link *link)
{
    for (uint32_t i = 0; i < TWIN_QUEUES; i++) {
        struct command delete = {.kind = COMMAND_DELETE, .name = world->commands.names.queues[i]};
        say(link, &delete);
    }
    world_settle(world);
}

/* Says goodbye to everyone, and sees that the server frees all it had. */
static void say_goodbye(struct world *world)
{
    world_turn(world); /* as the broker does: it is told to end in a turn */
    world->is_ending = true;
    shard_end(&world->shard);
    for (unsigned turns = 0; !shard_is_quiet(&world->shard) || sim_active_count(world->ring) > 0;
         turns++) {
        REQUIRE(turns < ROUNDS_MAX, "the server never ends");
        if (world_turn(world))
            sim_advance(world->ring, 100 * NS_PER_MS);
    }
    world_turn(world);
    REQUIRE(sim_lent_count(world->ring) == 0, "%u receive buffers are not given back",
            sim_lent_count(world->ring));
    REQUIRE(sim_descriptor_count(world->ring) == 1, "%u descriptors are still open",
            sim_descriptor_count(world->ring));
    REQUIRE(engine_totals(world->shard.engine).holds == 0, "slices are still out");
}

static void check_empty(const struct world *world)
{
    struct engine_totals totals = engine_totals(world->shard.engine);
    REQUIRE(totals.queues == 0 && totals.consumers == 0 && totals.subscriptions == 0 &&
                totals.connections == 0,
            "something is left");
    REQUIRE(totals.memory == 0, "%" PRIu64 " bytes of messages are left", totals.memory);
}

/* No limit keeps anything from ending. */
static void unlimit(struct world *world)
{
    struct engine_config config = {0};
    engine_configure(world->shard.engine, &config, world->twin.now);
    twin_configure(&world->twin, &config);
    engine_set_pressure(world->shard.engine, world->twin.is_pressed = false);
}

static void end_empty(struct world *world)
{
    unlimit(world);
    world_calm(world);
    leave_all(world);
    world_settle(world);
    REQUIRE(sim_descriptor_count(world->ring) == 1 && sim_active_count(world->ring) == 1,
            "%u descriptors and %u operations when nobody is there",
            sim_descriptor_count(world->ring), sim_active_count(world->ring));
    struct link *link = world->clients[0] = world_connect(world, true);
    take_all(world, link);
    delete_all(world, link);
    say_goodbye(world);
    REQUIRE(link->is_goodbye, "no GOAWAY was heard");
    check_empty(world);
    world_reach(WORLD_END_DRAINED);
}

/* A client comes for whom there is no descriptor: the server will try again, unless it ends. */
static void crowd(struct world *world)
{
    struct sim_options options = sim_options_calm();
    options.accept_full = 1000;
    world->swarm.has_aborts = true;
    sim_configure(world->ring, &options);
    for (int i = 0; i < WORLD_CLIENTS; i++) {
        if (world->clients[i])
            continue;
        world->clients[i] = world_connect(world, true);
        break;
    }
    world_turn(world);
    if (world->shard.listeners[0].retry_ns != TIME_NEVER)
        world_reach(WORLD_END_RETRYING);
}

void world_end(struct world *world)
{
    unsigned dice = (unsigned)random_below(&world->commands.random, 10);
    if (dice == 0) {
        world_reach(WORLD_END_SUDDEN);
    } else if (dice == 1) {
        if (dice_chance(&world->commands.random, 70))
            crowd(world);
        world_calm(world);
        say_goodbye(world);
        world_reach(WORLD_END_GOODBYE);
    } else {
        end_empty(world);
    }
    world_finish(world);
}

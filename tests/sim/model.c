/* The engine against its naive twin: random commands, every effect and all state compared after every step. */
#include "commands.h"
#include "coverage.h"
#include "options.h"
#include "replay.h"
#include "twin.h"

#include "base/time.h"
#include "core/engine_state.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    MODEL_PEERS = 6,
    HELD_MAX =
        3000, /* messages of all queues: so many fall due at once that the twin can follow, and
                        one queue may be brought the dead of all others */
};
#define LEAP_NS_MAX (NS_PER_S * 86400)

struct model {
    struct commands commands;
    struct twin twin;
    struct engine *engine;
    struct outbox outbox;
    uint64_t now, id_next, ticket_next[MODEL_PEERS];
    uint32_t peer_id_next;
    unsigned tick_percent, release_percent, leap_percent, pressure_percent; /* by swarm */
    bool has_config;
    uint64_t step_us_max;
    bool is_release_random;
};

static bool chance(struct model *model, unsigned percent)
{
    return dice_chance(&model->commands.random, percent);
}

static uint64_t below(struct model *model, uint64_t bound)
{
    return random_below(&model->commands.random, bound);
}

static void configure(struct model *model)
{
    struct engine_config config = commands_config(&model->commands);
    if (model->twin.is_trace)
        printf("configure: %" PRIu64 " queues, %" PRIu64 " in flight\n", config.queues_max,
               config.in_flight_max);
    engine_configure(model->engine, &config, model->now);
    twin_configure(&model->twin, &config);
}

/* Memory becomes short, or is there again. */
static void press(struct model *model)
{
    model->twin.is_pressed = chance(model, model->pressure_percent);
    engine_set_pressure(model->engine, model->twin.is_pressed);
}

static void start(struct model *model, uint64_t seed, bool is_trace)
{
    *model = (struct model){.id_next = 1};
    commands_init(&model->commands, seed);
    struct random *random = &model->commands.random;
    model->tick_percent = (unsigned)ONE_OF(random, 100, 50, 20, 5);
    model->release_percent = (unsigned)ONE_OF(random, 100, 50, 20, 3);
    model->is_release_random = chance(model, 50);
    model->leap_percent = (unsigned)ONE_OF(random, 0, 2, 10, 30);
    model->pressure_percent = (unsigned)ONE_OF(random, 0, 0, 20);
    model->has_config = chance(model, 30);
    model->step_us_max = ONE_OF(random, 1, 100, 1000, 1000, 20000);
    model->engine = engine_create((struct hash_key){random_next(random), seed});
    model->engine->retained.count_max = ONE_OF(random, 2, 5, 100000);
    model->engine->retained.size_max = ONE_OF(random, 500, 64 * 1024 * 1024);
    twin_init(&model->twin, model->engine, &model->commands.names);
    model->twin.is_trace = is_trace;
    if (model->has_config)
        configure(model);
}

/* Steps. */

/* Has the engine carry out a command, or with NULL tick, and the twin follow. */
static void call(struct model *model, struct twin_peer *peer, const struct command *command,
                 uint64_t first_id)
{
    twin_watch(&model->twin, model->now, &model->outbox);
    if (command)
        engine_apply(model->engine, command, model->now, &model->outbox);
    else
        engine_tick(model->engine, model->now, &model->outbox);
    twin_follow(&model->twin, peer, command, first_id);
    model->outbox.count = 0;
}

static void attach(struct model *model, int at)
{
    struct command command = {.kind = COMMAND_ATTACH, .peer = ++model->peer_id_next};
    commands_fill(&model->commands, &command, 0);
    command.attach.is_each = chance(model, 40);
    call(model, &model->twin.peers[at], &command, 0);
    model->ticket_next[at] = 1;
}

static void detach(struct model *model, int at)
{
    struct twin_peer *peer = &model->twin.peers[at];
    struct command command = {.kind = COMMAND_DETACH, .peer = peer->id};
    call(model, peer, &command, 0);
}

static void tick(struct model *model)
{
    if (model->twin.is_trace)
        printf("%" PRIu64 " tick\n", model->now);
    twin_note_tick(&model->twin, model->now);
    call(model, NULL, NULL, 0);
    twin_check_done(&model->twin, NULL);
    uint64_t deadline = engine_deadline(model->engine);
    REQUIRE(deadline > model->now, "the next tick is due at once");
    uint64_t due = twin_due(&model->twin);
    REQUIRE(deadline <= due, "the next tick comes %" PRIu64 " ns too late", deadline - due);
}

static void release(struct model *model, size_t at)
{
    struct slice slice = model->twin.holds[at].slice;
    uint32_t peer = model->twin.holds[at].peer;
    twin_release(&model->twin, at);
    engine_release(model->engine, peer, &slice, model->now);
}

/* Settles some of what a consumer of the peer has leased, if one has. */
static void fill_settle(struct model *model, const struct twin_peer *peer, struct command *command)
{
    uint32_t id = (uint32_t)below(model, TWIN_IDS);
    bool is_any = chance(model, model->commands.swarm.wild_percent);
    for (int tries = 0; tries < TWIN_IDS && !is_any && peer->consumers[id].leases_count == 0;
         tries++)
        id = (id + 1) % TWIN_IDS;
    const struct twin_consumer *consumer = &peer->consumers[id];
    size_t at = commands_lease(&model->commands, consumer->leases_count);
    uint64_t tag = consumer->leases_count ? consumer->leases[at].tag : 0;
    command->settle.id = id;
    commands_settle(&model->commands, command, tag, consumer->leases_count - at,
                    consumer->tag_next);
}

/* Empties the fullest queue, when they hold much, instead of pushing more. */
static void purge_instead(struct model *model, struct command *command)
{
    uint64_t sum = 0, most = 0;
    struct bytes fullest = {0};
    for (int i = 0; i < TWIN_QUEUES; i++) {
        const struct twin_queue *queue = &model->twin.queues[i];
        uint64_t held = queue->ready + queue->leased + queue->delayed;
        sum += held;
        if (held > most)
            fullest = model->commands.names.queues[i];
        most = held > most ? held : most;
    }
    if (sum <= HELD_MAX)
        return;
    command->kind = chance(model, 50) ? COMMAND_PURGE : COMMAND_DELETE;
    command->name = fullest;
}

/* Has a command carried out that is filled in; its messages are numbered on. */
static void carry_out(struct model *model, int at, struct command *command)
{
    struct twin_peer *peer = &model->twin.peers[at];
    uint64_t first_id = model->id_next, matched = model->engine->topics.matched_count;
    bool is_run = command->kind == COMMAND_PUSH || command->kind == COMMAND_PUBLISH;
    command->peer = peer->id;
    command->ticket = model->ticket_next[at];
    model->ticket_next[at] += command_tickets(command);
    model->id_next += is_run ? command->run.count : 1;
    call(model, peer, command, first_id);
    if (is_run)
        memset(model->commands.frames, 0xDD, command->run.size); /* borrowed for the call alone */
    if (command->kind == COMMAND_PUBLISH && model->engine->topics.matched_count == matched)
        reach(REACH_MATCH_CACHED);
}

static void apply(struct model *model, int at, struct command *command)
{
    struct twin_peer *peer = &model->twin.peers[at];
    if (command->kind == COMMAND_SETTLE || command->kind == COMMAND_TOUCH)
        fill_settle(model, peer, command);
    else
        commands_fill(&model->commands, command, model->id_next);
    if (command->kind == COMMAND_KILL)
        command->client = 1 + (uint32_t)below(model, model->peer_id_next + 1);
    else if (command->kind == COMMAND_PUSH)
        purge_instead(model, command);
    carry_out(model, at, command);
    for (int i = 0; i < MODEL_PEERS && command->kind == COMMAND_KILL; i++)
        if (model->twin.peers[i].is_there && model->twin.peers[i].id == command->client)
            detach(model, i);
}

/* A command about lists; who waits says nothing before it is served. */
static void act_on_list(struct model *model, int at, bool is_inside)
{
    struct command command = {0};
    if (model->twin.peers[at].taker.is_there)
        return;
    commands_list(&model->commands, &command, model->id_next);
    if (command.kind == COMMAND_PUSH)
        purge_instead(model, &command);
    if (command.kind == COMMAND_WAIT)
        command.take.is_now |= is_inside;
    if (!is_inside || command.kind != COMMAND_WATCH)
        carry_out(model, at, &command);
}

/* Commands that are one. */
static void transact(struct model *model, int at)
{
    struct command begin = {.kind = COMMAND_BEGIN, .is_bare = chance(model, 20)};
    struct command commit = {.kind = COMMAND_COMMIT};
    if (model->twin.peers[at].taker.is_there)
        return;
    carry_out(model, at, &begin);
    for (uint64_t count = below(model, 5); count > 0; count--)
        act_on_list(model, at, true);
    carry_out(model, at, &commit);
}

/* Time goes on: by a little, to when something is due or right before it, or far beyond. */
static void pass(struct model *model)
{
    uint64_t deadline = engine_deadline(model->engine), now = model->now;
    bool is_near = deadline > now && deadline - now < LEAP_NS_MAX;
    if (!chance(model, model->leap_percent))
        model->now += below(model, model->step_us_max) * NS_PER_US;
    else if (is_near && chance(model, 70))
        model->now = deadline - (chance(model, 20) ? NS_PER_US : 0);
    else
        model->now += below(model, 100 * model->commands.swarm.ms_max + 5000) * NS_PER_MS;
}

static void step(struct model *model)
{
    struct command command = {
        .kind = (enum command_kind)dice_weighted(&model->commands.random,
                                                 model->commands.swarm.weights, COMMAND_KINDS)};
    int at = (int)below(model, MODEL_PEERS);
    pass(model);
    if (model->pressure_percent > 0 && chance(model, 5))
        press(model);
    if (model->has_config && chance(model, 1))
        configure(model);
    if (!model->twin.peers[at].is_there)
        attach(model, at);
    else if (command.kind == COMMAND_DETACH)
        detach(model, at);
    else if (command.kind != COMMAND_ATTACH && !chance(model, model->commands.swarm.list_percent))
        apply(model, at, &command);
    else if (chance(model, 10))
        transact(model, at);
    else
        act_on_list(model, at, false);
    while (model->twin.holds_count > 0 && chance(model, model->release_percent))
        release(model, model->is_release_random ? below(model, model->twin.holds_count) : 0);
    if (chance(model, model->tick_percent))
        tick(model);
}

/* Seeds. */

static void delete_queues(struct model *model)
{
    attach(model, 0);
    struct twin_peer *peer = &model->twin.peers[0];
    for (int i = 0; i < TWIN_QUEUES; i++) {
        struct command command = {
            .kind = COMMAND_DELETE,
            .peer = peer->id,
            .ticket = model->ticket_next[0]++,
            .name = model->commands.names.queues[i],
        };
        call(model, peer, &command, 0);
    }
    detach(model, 0);
    tick(model);
}

/* Empties the engine, and sees that nothing is left. */
static void finish(struct model *model)
{
    for (int at = 0; at < MODEL_PEERS; at++)
        if (model->twin.peers[at].is_there)
            detach(model, at);
    tick(model);
    twin_compare(&model->twin, true);
    while (model->twin.holds_count > 0)
        release(model, below(model, model->twin.holds_count));
    delete_queues(model);
    twin_compare(&model->twin, true);
    REQUIRE(engine_totals(model->engine).memory == 0, "%" PRIu64 " bytes of messages are left",
            engine_totals(model->engine).memory);
    twin_finish(&model->twin);
    engine_destroy(model->engine);
    outbox_finish(&model->outbox);
    commands_finish(&model->commands);
}

static void run(uint64_t seed, uint64_t ops, bool is_trace)
{
    static struct model model;
    replay_note(seed, ops);
    start(&model, seed, is_trace);
    for (uint64_t op = 0; op < ops; op++) {
        replay_at(op);
        step(&model);
        twin_compare(&model.twin, op % 64 == 0);
    }
    finish(&model);
}

int main(int argc, char **argv)
{
    struct sim_arguments arguments = {
        .seeds = 500, .ops = 1000, .first_seed = 1, .long_seeds = 10000};
    if (!sim_arguments_parse(&arguments, argc, argv))
        return 2;
    replay_init(argv[0]);
    for (uint64_t i = 0; i < arguments.seeds; i++)
        run(arguments.first_seed + i, arguments.ops, arguments.is_trace);
    struct coverage coverage = {twin_reach_names, REACH_COUNT, twin_reached};
    if (arguments.is_verbose)
        coverage_print(&coverage);
    size_t missing = arguments.is_partial ? 0 : coverage_missing(&coverage);
    printf("model: %" PRIu64 " seeds, %" PRIu64 " commands, %d states, %zu never reached\n",
           arguments.seeds, arguments.seeds * arguments.ops, REACH_COUNT, missing);
    return missing > 0;
}

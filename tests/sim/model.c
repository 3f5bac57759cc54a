/* The engine against its naive twin: random commands, every effect and all state compared after every step. */
#include "coverage.h"
#include "model.h"
#include "options.h"
#include "replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t model_reached[REACH_COUNT];

static const char *const names[REACH_COUNT] = {
#define MODEL_TEXT(name, text) text,
    MODEL_COVERAGE(MODEL_TEXT)
#undef MODEL_TEXT
};

static void start(struct model *model, uint64_t seed, bool is_trace)
{
    *model = (struct model){.random = {seed}, .id_next = 1, .is_trace = is_trace};
    model->engine = engine_create((struct hash_key){random_next(&model->random), seed});
    model_swarm(model);
}

/* Empties the engine, and sees that nothing is left. */
static void finish(struct model *model)
{
    for (int i = 0; i < MODEL_PEERS; i++)
        if (model->peers[i].is_there)
            model_detach(model, &model->peers[i]);
    model_tick(model);
    twin_compare(model, true);
    while (model->holds_count > 0)
        twin_release(model, random_below(&model->random, model->holds_count));
    struct twin_peer *peer = &model->peers[0];
    model_attach(model, peer);
    for (int i = 0; i < MODEL_QUEUES; i++) {
        struct command command = {
            .kind = COMMAND_DELETE,
            .peer = peer->id,
            .ticket = peer->ticket_next++,
            .name = model->queue_names[i],
        };
        twin_apply(model, peer, &command, 0);
        engine_apply(model->engine, &command, model->now, &model->outbox);
        twin_on_effects(model);
    }
    model_detach(model, peer);
    model_tick(model);
    twin_compare(model, true);
    REQUIRE(engine_totals(model->engine).memory == 0, "%" PRIu64 " bytes of messages are left",
            engine_totals(model->engine).memory);
    engine_destroy(model->engine);
    outbox_finish(&model->outbox);
    for (int i = 0; i < MODEL_QUEUES; i++)
        free((void *)model->queue_names[i].data);
    for (int i = 0; i < MODEL_TOPICS; i++)
        free((void *)model->topics[i].data);
    for (int i = 0; i < MODEL_PATTERNS; i++)
        free((void *)model->patterns[i].data);
    free(model->holds);
    free(model->settled);
    free(model->frames);
}

static void run(uint64_t seed, uint64_t ops, bool is_trace)
{
    static struct model model;
    replay_note(seed, ops);
    start(&model, seed, is_trace);
    for (uint64_t op = 0; op < ops; op++) {
        replay_at(op);
        model_step(&model);
        twin_compare(&model, op % 64 == 0);
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
    struct coverage coverage = {names, REACH_COUNT, model_reached};
    if (arguments.is_verbose)
        coverage_print(&coverage);
    size_t missing = arguments.is_partial ? 0 : coverage_missing(&coverage);
    printf("model: %" PRIu64 " seeds, %" PRIu64 " commands, %d states, %zu never reached\n",
           arguments.seeds, arguments.seeds * arguments.ops, REACH_COUNT, missing);
    return missing > 0;
}

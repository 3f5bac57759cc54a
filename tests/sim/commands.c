/* Random commands, with what the seed has chosen to do much, little or never. */
#include "model.h"

#include "base/array.h"
#include "core/engine_state.h"
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>

enum { FRAMES_SIZE_MAX = 512 * 1024, WEIGHT_KINDS = COMMAND_PING + 1 };

static uint64_t below(struct model *model, uint64_t bound)
{
    return random_below(&model->random, bound);
}

static bool chance(struct model *model, unsigned percent)
{
    return below(model, 100) < percent;
}

/* Small numbers mostly, `bound` - 1 at most. */
static uint32_t skewed(struct model *model, uint32_t bound)
{
    uint32_t high = (uint32_t)below(model, bound) + 1;
    return (uint32_t)below(model, high);
}

static uint64_t one_of(struct model *model, const uint64_t *values, size_t count)
{
    return values[below(model, count)];
}
#define ONE_OF(model, ...)                         \
    one_of(model, (const uint64_t[]){__VA_ARGS__}, \
           sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* What a seed does. */

static struct bytes name_make(struct model *model, bool is_pattern)
{
    static const char *const tokens[] = {"a", "b", "ab", "", "x", "*", ">", "*a", "abc"};
    static const char *const wild[] = {"a", "*", ">", "b", "*", "ab"};
    char text[MODEL_NAME_MAX];
    size_t size = 0;
    unsigned levels =
        is_pattern && chance(model, 6) ? 31 + (unsigned)below(model, 4) : 1 + skewed(model, 4);
    for (unsigned i = 0; i < levels; i++) {
        bool is_wild = is_pattern && chance(model, 45);
        const char *token = is_wild ? wild[below(model, sizeof wild / sizeof *wild)]
                                    : tokens[below(model, chance(model, 80) ? 3 : 9)];
        int put = snprintf(text + size, sizeof text - size, "%s%s", i ? "." : "",
                           levels > 9 ? "a" : token);
        size += (size_t)put;
    }
    if (size == 0)
        text[size++] = 'a';
    unsigned char *copy = memory_create(size);
    memcpy(copy, text, size);
    return bytes_of(copy, size);
}

static void make_names(struct model *model)
{
    for (int i = 0; i < MODEL_QUEUES; i++) {
        size_t size = i == 0 ? 1 : i == 1 ? 3 : i == 2 ? FRAME_NAME_MAX : 2 + below(model, 60);
        unsigned char *name = memory_create(size);
        memset(name, 'q', size);
        name[size - 1] = (unsigned char)("\0\xff.*z"[i]);
        model->queue_names[i] = bytes_of(name, size);
    }
    for (int i = 0; i < MODEL_TOPICS; i++)
        model->topics[i] = name_make(model, false);
    for (int i = 0; i < MODEL_PATTERNS; i++)
        model->patterns[i] = name_make(model, true);
}

void model_swarm(struct model *model)
{
    static const unsigned usual[WEIGHT_KINDS] = {
        [COMMAND_ATTACH] = 3,      [COMMAND_DETACH] = 2,  [COMMAND_PUSH] = 30,
        [COMMAND_PUBLISH] = 25,    [COMMAND_CONSUME] = 8, [COMMAND_CANCEL] = 3,
        [COMMAND_CREDIT] = 10,     [COMMAND_SETTLE] = 35, [COMMAND_SUBSCRIBE] = 8,
        [COMMAND_UNSUBSCRIBE] = 4, [COMMAND_DECLARE] = 4, [COMMAND_DELETE] = 1,
        [COMMAND_PURGE] = 1,       [COMMAND_PAUSE] = 2,   [COMMAND_RESUME] = 3,
        [COMMAND_PEEK] = 2,        [COMMAND_LIST] = 1,    [COMMAND_INFO] = 1,
        [COMMAND_STATS] = 1,       [COMMAND_PING] = 3,
    };
    for (unsigned kind = 0; kind < WEIGHT_KINDS; kind++)
        model->swarm.weights[kind] = usual[kind] * (unsigned)ONE_OF(model, 0, 1, 2, 4, 4, 8);
    model->swarm.weights[COMMAND_ATTACH] += 4;
    model->swarm.weights[COMMAND_PUSH] += 4;
    model->swarm.tick_percent = (unsigned)ONE_OF(model, 100, 50, 20, 5);
    model->swarm.release_percent = (unsigned)ONE_OF(model, 100, 50, 20, 3);
    model->swarm.is_release_random = chance(model, 50);
    model->swarm.wild_percent = (unsigned)ONE_OF(model, 0, 5, 30);
    model->swarm.run_max = (uint32_t)ONE_OF(model, 1, 4, 30, 300);
    model->swarm.size_max = (uint32_t)ONE_OF(model, 1, 20, 300, 3000, 3000, 40000, 300000);
    model->swarm.bound_max = (uint32_t)ONE_OF(model, 3, 20, 300, 3000);
    model->swarm.credit_max = (uint32_t)ONE_OF(model, 2, 20, 300, 5000);
    model->swarm.window_max = (uint32_t)ONE_OF(model, 3, 50, 65536);
    make_names(model);
}

/* Runs of messages. */

static void make_run(struct model *model, struct command *command, enum op op)
{
    uint32_t count = 1 + skewed(model, model->swarm.run_max);
    uint32_t least = FRAME_HEAD_SIZE + (uint32_t)command->name.size;
    uint32_t size = least + skewed(model, model->swarm.size_max);
    unsigned vary = chance(model, 40) ? 100 : chance(model, 30) ? 5 : 0;
    bool is_mixed = false;
    model->frames_size = 0;
    for (uint32_t i = 0; i < count && model->frames_size < FRAMES_SIZE_MAX; i++) {
        uint32_t before = size;
        if (i > 0 && chance(model, vary))
            size = least + skewed(model, model->swarm.size_max);
        is_mixed |= size != before;
        model->frames =
            array_reserve(model->frames, &model->frames_capacity, model->frames_size + size, 1);
        message_write(model->frames + model->frames_size, op, command->name, model->id_next + i,
                      size);
        model->frames_size += size;
        if (size == least)
            reach(REACH_RUN_TINY);
        if (size > 256 * 1024)
            reach(REACH_RUN_LARGE);
    }
    if (is_mixed)
        reach(REACH_RUN_MIXED);
    int cut = run_cut(bytes_of(model->frames, model->frames_size), FRAME_SIZE_MAX, &command->run);
    REQUIRE(cut == (int)model->frames_size, "a run was cut at %d of %zu bytes", cut,
            model->frames_size);
}

/* Arguments. */

static uint64_t random_size(struct model *model)
{
    return chance(model, 30)
               ? below(model, 4) * model->swarm.size_max
               : 1 + below(model, 4 * (uint64_t)model->swarm.size_max * model->swarm.credit_max);
}

static void make_settle(struct model *model, struct twin_peer *peer, struct command *command)
{
    uint32_t id = command->settle.id;
    for (int tries = 0; tries < MODEL_IDS && peer->consumers[id].leases_count == 0; tries++)
        id = (id + 1) % MODEL_IDS;
    if (!chance(model, model->swarm.wild_percent))
        command->settle.id = id;
    const struct twin_consumer *consumer = &peer->consumers[command->settle.id];
    size_t leases = consumer->leases_count;
    size_t at = leases == 0 || chance(model, 50) ? 0 : below(model, leases);
    command->settle.tag =
        leases ? consumer->leases[at].tag : 1 + below(model, consumer->tag_next + 3);
    command->settle.count = 1 + skewed(model, leases - at < 2 ? 2 : (uint32_t)(leases - at));
    if (chance(model, model->swarm.wild_percent)) {
        command->settle.tag = 1 + below(model, consumer->tag_next + 2);
        command->settle.count = (uint32_t)ONE_OF(model, 1, 2, 1000, UINT32_MAX);
        if (chance(model, 20))
            command->settle.tag = UINT64_MAX - command->settle.count + 1;
    }
    command->settle.how = (enum settle)ONE_OF(model, SETTLE_ACKNOWLEDGE, SETTLE_ACKNOWLEDGE,
                                              SETTLE_ACKNOWLEDGE, SETTLE_RETURN, SETTLE_REJECT);
}

static void make_settings(struct model *model, struct queue_settings *settings)
{
    *settings = (struct queue_settings){
        .count_max = chance(model, 20) ? UINT64_MAX : 1 + below(model, model->swarm.bound_max),
        .size_max = chance(model, 50) ? 1 + below(model, (uint64_t)model->swarm.bound_max *
                                                             (model->swarm.size_max / 2 + 9))
                                      : 1024 * 1024 * 1024,
        .when_full = (enum when_full)below(model, 2),
    };
}

static void make_arguments(struct model *model, struct twin_peer *peer, struct command *command)
{
    struct bytes queue = model->queue_names[skewed(model, MODEL_QUEUES)];
    uint32_t id = (uint32_t)below(model, MODEL_IDS);
    command->name = queue;
    switch (command->kind) {
    case COMMAND_PUSH: make_run(model, command, OP_PUSH); break;
    case COMMAND_PUBLISH:
        command->name = model->topics[below(model, MODEL_TOPICS)];
        make_run(model, command, OP_PUBLISH);
        break;
    case COMMAND_CONSUME:
        command->consumer.from_back = chance(model, 30);
        command->consumer.no_ack = chance(model, 15);
        /* fall through */
    case COMMAND_CREDIT:
        command->consumer.credit_count = (uint32_t)below(model, model->swarm.credit_max);
        command->consumer.credit_size = random_size(model);
        if (chance(model, model->swarm.wild_percent))
            command->consumer.credit_count = (uint32_t)ONE_OF(model, UINT32_MAX, 0, UINT32_MAX / 2);
        if (chance(model, model->swarm.wild_percent))
            command->consumer.credit_size =
                ONE_OF(model, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1, 0);
        /* fall through */
    case COMMAND_CANCEL: command->consumer.id = id; break;
    case COMMAND_SETTLE:
        command->settle.id = id;
        make_settle(model, peer, command);
        break;
    case COMMAND_SUBSCRIBE:
        command->subscription.is_wildcard = chance(model, 60);
        command->name = command->subscription.is_wildcard
                            ? model->patterns[below(model, MODEL_PATTERNS)]
                            : model->topics[below(model, MODEL_TOPICS)];
        command->subscription.count_max = chance(model, 40) ? 0 : 1 + skewed(model, 300);
        command->subscription.size_max =
            chance(model, 60) ? 0 : 1 + below(model, 20 * model->swarm.size_max + 400);
        /* fall through */
    case COMMAND_UNSUBSCRIBE: command->subscription.id = id; break;
    case COMMAND_DECLARE: make_settings(model, &command->settings); break;
    case COMMAND_LIST:
        if (chance(model, 50))
            command->name = (struct bytes){0};
        /* fall through */
    case COMMAND_PEEK:
        command->look.count = (uint32_t)ONE_OF(model, 1, 2, 10, 5000);
        command->look.from_back = command->kind == COMMAND_PEEK && chance(model, 50);
        break;
    default: break;
    }
}

/* Steps. */

void model_attach(struct model *model, struct twin_peer *peer)
{
    struct command command = {.kind = COMMAND_ATTACH, .peer = ++model->peer_id_next};
    command.window.count = 1 + skewed(model, model->swarm.window_max);
    command.window.size =
        chance(model, 50) ? 64 * 1024 * 1024 : 1 + below(model, 20 * model->swarm.size_max + 100);
    engine_apply(model->engine, &command, model->now, &model->outbox);
    twin_attach(model, peer, &command);
    twin_on_effects(model);
}

void model_detach(struct model *model, struct twin_peer *peer)
{
    struct command command = {.kind = COMMAND_DETACH, .peer = peer->id};
    engine_apply(model->engine, &command, model->now, &model->outbox);
    twin_detach(model, peer);
    twin_on_effects(model);
}

void model_tick(struct model *model)
{
    if (model->is_trace)
        puts("tick");
    engine_tick(model->engine, model->now, &model->outbox);
    twin_on_effects(model);
    twin_drop_unused(model);
    twin_check_done(model, NULL);
}

static void apply(struct model *model, struct twin_peer *peer, struct command *command)
{
    uint64_t first_id = model->id_next, matched = model->engine->topics.matched_count;
    uint32_t count = 1;
    make_arguments(model, peer, command);
    if (command->kind == COMMAND_PUSH || command->kind == COMMAND_PUBLISH)
        count = command->run.count;
    command->peer = peer->id;
    command->ticket = peer->ticket_next;
    peer->ticket_next += count;
    model->id_next += count;
    model->command = command;
    if (model->is_trace)
        model_trace_command(model, command);
    twin_apply(model, peer, command, first_id);
    engine_apply(model->engine, command, model->now, &model->outbox);
    if (model->frames_size)
        memset(model->frames, 0xDD, model->frames_size); /* borrowed for the call alone */
    if (command->kind == COMMAND_PUBLISH && model->engine->topics.matched_count == matched)
        reach(REACH_MATCH_CACHED);
    twin_on_effects(model);
    model->command = NULL;
}

static enum command_kind draw_kind(struct model *model)
{
    unsigned sum = 0;
    for (unsigned kind = 0; kind < WEIGHT_KINDS; kind++)
        sum += model->swarm.weights[kind];
    uint64_t at = below(model, sum);
    unsigned kind = 0;
    for (; at >= model->swarm.weights[kind]; kind++)
        at -= model->swarm.weights[kind];
    return (enum command_kind)kind;
}

void model_step(struct model *model)
{
    struct command command = {.kind = draw_kind(model)};
    struct twin_peer *peer = &model->peers[below(model, MODEL_PEERS)];
    model->now += below(model, 1000);
    if (!peer->is_there)
        model_attach(model, peer);
    else if (command.kind == COMMAND_DETACH)
        model_detach(model, peer);
    else if (command.kind != COMMAND_ATTACH)
        apply(model, peer, &command);
    while (model->holds_count > 0 && chance(model, model->swarm.release_percent))
        twin_release(model, model->swarm.is_release_random ? below(model, model->holds_count) : 0);
    if (chance(model, model->swarm.tick_percent))
        model_tick(model);
}

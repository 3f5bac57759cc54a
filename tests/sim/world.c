/* The server's side of the world: its start, its turns, quiet points, its end. */
#include "base/time.h"
#include "core/engine_state.h"
#include "replay.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    SETTLE_TURNS_MAX = 100000,
    DEEP_TURNS = 64,
    LARGE = 10000, /* bytes of a message */
};
#define RETRY_NS (100 * NS_PER_MS) /* what settling waits for: accepting again */

uint64_t world_reached[WORLD_REACH_COUNT];
uint64_t world_ops_said[WORLD_OPS];
uint64_t world_statuses_told[STATUS_COUNT];
struct world_tally world_tally;

/* Accidents, by swarm: each often, seldom or never. */
static void choose_accidents(struct world *world)
{
    struct random *random = &world->commands.random;
    struct sim_options options = sim_options_wild();
    unsigned *rates[] = {
        &options.delay,        &options.reorder,     &options.completion_full,
        &options.recv_cut,     &options.recv_end,    &options.recv_starve,
        &options.send_short,   &options.accept_end,  &options.accept_full,
        &options.accept_abort, &options.cancel_late, &options.cancel_starve,
    };
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        *rates[i] = *rates[i] * (unsigned)ONE_OF(random, 0, 0, 1, 1, 3) % 1000;
    options.delay_waits_max = 1 + (unsigned)random_below(random, 12);
    options.in_size = (unsigned)ONE_OF(random, 300, 4096, 4096, 16384, 65536);
    options.out_size = (unsigned)ONE_OF(random, 300, 4096, 4096, 16384, 65536);
    if (world->commands.swarm.size_max > LARGE) { /* in crumbs they would take for ever */
        options.recv_cut /= 10;
        options.in_size = options.out_size = 65536;
    }
    world->swarm.has_resets = dice_chance(random, 40);
    if (!world->swarm.has_resets)
        options.recv_reset = options.send_reset = 0;
    world->swarm.has_aborts = options.accept_abort > 0 || options.accept_full > 0;
    sim_configure(world->ring, &options);
}

/* One by one: the order of draws must not be a compiler's to choose. */
static struct shard_options choose_options(struct world *world)
{
    struct random *random = &world->commands.random;
    bool is_large = world->commands.swarm.size_max > LARGE;
    struct shard_options options = {
        .limits = {.frame_max = WORLD_FRAME_MAX,
                   .hello_timeout_ns = WORLD_HELLO_NS,
                   .silent_timeout_ns = WORLD_SILENT_NS,
                   .liveness_ns = WORLD_LIVENESS_NS},
    };
    options.ring.buffers = (unsigned)ONE_OF(random, 2, 8, 64, 64, 256);
    options.ring.buffer_size =
        is_large ? 16384 : (unsigned)ONE_OF(random, 64, 1024, 4096, 4096, 16384);
    options.ring.seed = random_next(random);
    options.hash_key.k0 = random_next(random);
    options.hash_key.k1 = random_next(random);
    options.answer_delay_turns = (unsigned)ONE_OF(random, 0, 0, 0, 2, 5, 30);
    return options;
}

/* Has what the engine is configured with change, as the operator's doing. */
void world_configure(struct world *world)
{
    struct engine_config config = commands_config(&world->commands);
    engine_configure(world->shard.engine, &config, world->twin.now);
    twin_configure(&world->twin, &config);
}

void world_press(struct world *world)
{
    world->twin.is_pressed = dice_chance(&world->commands.random, 50);
    engine_set_pressure(world->shard.engine, world->twin.is_pressed);
}

void world_start(struct world *world, uint64_t seed, bool is_trace)
{
    *world = (struct world){.is_trace = is_trace};
    commands_init(&world->commands, seed);
    world_choose(world);
    struct shard_options options = choose_options(world);
    int result = shard_init(&world->shard, &options);
    REQUIRE(result == 0, "the shard does not start: %d", result);
    world->ring = world->shard.ring;
    struct ring_address address = {.kind = RING_ADDRESS_TCP4};
    result = shard_listen(&world->shard, &address, &world->port);
    REQUIRE(result == 0, "the shard does not listen: %d", result);
    choose_accidents(world);
    struct random *random = &world->commands.random;
    world->shard.engine->retained.count_max = ONE_OF(random, 2, 5, 100000);
    world->shard.engine->retained.size_max = ONE_OF(random, 500, 64 * 1024 * 1024);
    twin_init(&world->twin, world->shard.engine, &world->commands.names);
    world->twin.is_trace = is_trace;
    world_tap(world);
}

/* Turns. */

static void note_turn(struct world *world)
{
    if (!gate_is_empty(&world->shard.gate))
        world_reach(WORLD_GATED);
    for (int i = 0; i < WORLD_CLIENTS; i++) {
        const struct link *link = world->clients[i];
        const struct conn *conn =
            link && link->is_attached ? conn_find(&world->shard, link->peer) : NULL;
        if (conn && conn->session.is_stalled)
            world_reach(WORLD_STALLED);
        if (conn && session_is_clogged(&conn->session))
            world_reach(WORLD_CLOGGED);
    }
}

static void note_late(const struct world *world)
{
    const struct list *parting = &world->shard.timeouts[TIMEOUT_PART];
    if (!list_is_empty(parting) &&
        list_entry(parting->next, struct conn, timeout)->timeout_ns <= sim_time(world->ring))
        world_reach(WORLD_PART_LATE);
}

/* Whether anything was heard. */
static bool hear_all(struct world *world)
{
    uint64_t trace = world->trace;
    for (int i = 0; i < WORLD_CLIENTS; i++) {
        struct link *link = world->clients[i];
        if (link && link->is_reading &&
            dice_chance(&world->commands.random, world->swarm.read_percent))
            world_hear(world, link, SIZE_MAX);
    }
    return world->trace != trace;
}

static void send_all(struct world *world)
{
    for (int i = 0; i < WORLD_CLIENTS; i++)
        if (world->clients[i])
            world_send(world, world->clients[i], SIZE_MAX);
}

/* One turn, after which everything must add up; whether the server would have slept instead. */
static bool turn(struct world *world)
{
    bool was_quiet = sim_is_quiet(world->ring);
    note_late(world);
    shard_turn(&world->shard, TIME_NEVER);
    bool is_asleep = was_quiet && sim_deadline(world->ring) > sim_time(world->ring);
    REQUIRE(!is_asleep || sim_is_quiet(world->ring), "the server sleeps with work to do");
    twin_compare(&world->twin, world->shard.turns_count % DEEP_TURNS == 0);
    world_tally.turns++;
    note_turn(world);
    return is_asleep;
}

bool world_turn(struct world *world)
{
    bool is_asleep = turn(world);
    hear_all(world);
    return is_asleep;
}

/* Quiet points. */

static void check_confirmed(const struct link *link)
{
    uint64_t settled = link_settled(link), lazy_max = link->window_count / 4;
    bool is_lazy = true;
    lazy_max = lazy_max < 256 ? lazy_max : 256;
    for (uint64_t number = link->confirmed + 1; number <= settled; number++) {
        const struct said *said = link_said(link, number);
        is_lazy &= said->status != STATUS_OK || /* which ERROR has told */
                   (said->op != OP_PUSH && !link_wants_reply(said->op));
    }
    REQUIRE(settled == link->confirmed || (is_lazy && settled - link->confirmed < lazy_max),
            "frames up to %" PRIu64 " are settled, and only those up to %" PRIu64 " confirmed",
            settled, link->confirmed);
    if (settled > link->confirmed)
        world_reach(WORLD_CONFIRM_LAZY);
    if (settled < link->said_count && link_said(link, settled + 1)->op == OP_PUSH)
        world_reach(WORLD_CONFIRM_WAITS);
}

/* What must hold for a client that has sent all it said and read all there was, when the server
 * sleeps. */
static void check_link(const struct world *world, const struct link *link)
{
    uint64_t now = sim_time(world->ring);
    bool is_silent = link->spoke_ns == 0;
    bool is_unfinished = link->peer == 0 && !is_silent;
    REQUIRE(!(is_silent && link->seen_ns && now >= link->seen_ns + WORLD_SILENT_NS),
            "a silent connection is not closed");
    REQUIRE(!(is_unfinished && link->heard_ns && now >= link->heard_ns + WORLD_HELLO_NS),
            "a connection with an unfinished HELLO is not closed");
    REQUIRE(!link->is_fatal || link->is_fatal_told || buffer_size(&link->out) > 0,
            "a broken conversation goes on");
    REQUIRE(link->is_fatal || link->sent_size < link->hello_size || link->is_welcome ||
                link->hello_size == 0,
            "no WELCOME");
    if (!link->is_attached || link->is_fatal || link->is_goodbye || link->is_killed)
        return;
    if (link->redis) {
        redis_check_quiet(world, link);
        return;
    }
    REQUIRE(link->dues_count == 0, "%zu frames are due to connection %u", link->dues_count,
            link->peer);
    REQUIRE(buffer_size(&link->in) == 0, "half a frame for connection %u", link->peer);
    for (uint64_t number = link->taken + 1; number <= link->sent_count; number++)
        REQUIRE(link_said(link, number)->is_malformed,
                "frame %" PRIu64 " of connection %u is not taken up", number, link->peer);
    for (uint64_t number = 1; number <= link->sent_count; number++) {
        const struct said *said = link_said(link, number);
        REQUIRE(!said->is_settled || said->is_told || said->status == STATUS_OK,
                "no ERROR for frame %" PRIu64 " of connection %u", number, link->peer);
    }
    check_confirmed(link);
}

/* That no client which sends heartbeats keeps leases while nothing is heard of it: the broker looks
 * four times within the liveness time. */
static void check_alive(struct world *world, struct link *link)
{
    uint64_t now = sim_time(world->ring), before = link->alive_ns;
    uint64_t since, heard_again = world->leapt_ns;
    engine_leased(world->shard.engine, link->peer, &since); /* it may have had none for a while */
    heard_again = heard_again < since ? since : heard_again;
    before = before > 0 && before < heard_again ? heard_again : before;
    bool is_watched = link->is_attached && link->has_heartbeats && !link->is_killed;
    const struct twin_peer *peer = is_watched ? twin_peer(&world->twin, link->peer) : NULL;
    size_t leases = 0;
    for (int id = 0; peer && id < TWIN_IDS; id++)
        leases += peer->consumers[id].leases_count;
    link->alive_ns = 0;
    if (leases == 0)
        return;
    bool may_have_spoken = before == 0 || link->sent_ns >= before || !link->is_reading;
    link->alive_ns = may_have_spoken ? now : before;
    REQUIRE(may_have_spoken || now < before + WORLD_LIVENESS_NS + WORLD_LIVENESS_NS / 3,
            "connection %u is silent and keeps its leases", link->peer);
}

static void check_quiet(struct world *world)
{
    unsigned descriptors = 1;
    for (int i = 0; i < WORLD_LINKS_MAX; i++) {
        struct link *link = &world->links[i];
        if (link->state == LINK_LEFT) {
            REQUIRE(!link->is_attached, "connection %u is gone and still attached", link->peer);
            link_finish(link);
        }
        if (link->state == LINK_OPEN && link->is_reading && !link->is_rude)
            check_link(world, link);
        check_alive(world, link);
        if (link->state == LINK_OPEN && link->seen_ns == 0)
            link->seen_ns = sim_time(world->ring);
        if (link->state == LINK_OPEN && link->heard_ns == 0 && link->spoke_ns)
            link->heard_ns = sim_time(world->ring);
        descriptors += link->state == LINK_OPEN || link->state == LINK_VANISHED;
    }
    REQUIRE(sim_descriptor_count(world->ring) <= descriptors,
            "%u descriptors are open, and %u would do", sim_descriptor_count(world->ring),
            descriptors);
    REQUIRE(sim_lent_count(world->ring) == 0, "%u receive buffers are not given back",
            sim_lent_count(world->ring));
    REQUIRE(sim_deadline(world->ring) <= twin_due(&world->twin),
            "the server sleeps beyond what is due in a queue");
    twin_compare(&world->twin, true);
    world_tally.quiet_points++;
}

/* Whether the server waits to accept again, which comes soon. What a queue waits for can come again
 * and again. */
static bool waits_a_little(const struct world *world)
{
    for (unsigned i = 0; i < world->shard.listeners_count; i++) {
        uint64_t retry = world->shard.listeners[i].retry_ns, now = sim_time(world->ring);
        if (retry != TIME_NEVER && retry > now && retry - now <= RETRY_NS)
            return true;
    }
    return false;
}

void world_settle(struct world *world)
{
    unsigned read_percent = world->swarm.read_percent;
    world->swarm.read_percent = 100;
    for (unsigned turns = 0;; turns++) {
        REQUIRE(turns < SETTLE_TURNS_MAX, "the server never comes to rest");
        send_all(world);
        bool is_asleep = turn(world);
        bool is_heard = hear_all(world);
        if (!is_asleep || is_heard || !sim_is_quiet(world->ring))
            continue;
        if (!waits_a_little(world))
            break;
        sim_advance(world->ring, sim_deadline(world->ring) - sim_time(world->ring));
    }
    world->swarm.read_percent = read_percent;
    check_quiet(world);
}

void world_calm(struct world *world)
{
    struct sim_options options = sim_options_calm();
    sim_configure(world->ring, &options);
    world->swarm.read_percent = 100;
}

/* Adds the accidents of this run to those of all. */
static void count_accidents(const struct world *world)
{
    const struct sim_counters *now = sim_counters(world->ring);
    world_reached[WORLD_RECV_CUT] += now->recv_cuts;
    world_reached[WORLD_RECV_END] += now->recv_ends;
    world_reached[WORLD_RECV_STARVE] += now->recv_starves;
    world_reached[WORLD_RECV_OUT] += now->recv_outs;
    world_reached[WORLD_RECV_RESET] += now->recv_resets;
    world_reached[WORLD_SEND_SHORT] += now->send_shorts;
    world_reached[WORLD_SEND_BLOCK] += now->send_blocks;
    world_reached[WORLD_SEND_RESET] += now->send_resets;
    world_reached[WORLD_SEND_PIPE] += now->send_pipes;
    world_reached[WORLD_SEND_DELAY] += now->send_delays;
    world_reached[WORLD_REORDER] += now->reorders;
    world_reached[WORLD_COMPLETION_FULL] += now->completion_fulls;
    world_reached[WORLD_ACCEPT_END] += now->accept_ends;
    world_reached[WORLD_ACCEPT_FULL] += now->accept_fulls;
    world_reached[WORLD_ACCEPT_ABORT] += now->accept_aborts;
    world_reached[WORLD_CANCEL_WIN] += now->cancel_wins;
    world_reached[WORLD_CANCEL_LOSS] += now->cancel_losses;
    world_reached[WORLD_CANCEL_STARVE] += now->cancel_starves;
}

void world_finish(struct world *world)
{
    world->trace = hash_mix(world->trace ^ sim_trace_hash(world->ring));
    count_accidents(world);
    world->is_finishing = true;
    shard_finish(&world->shard);
    REQUIRE(world->twin.holds_count == 0, "%zu slices were never released",
            world->twin.holds_count);
    for (int i = 0; i < WORLD_LINKS_MAX; i++) {
        REQUIRE(!world->links[i].is_attached, "connection %u was never detached",
                world->links[i].peer);
        link_finish(&world->links[i]);
    }
    twin_finish(&world->twin);
    outbox_finish(&world->outbox);
    commands_finish(&world->commands);
    world_tap(NULL);
}

/*
 * Sessions that speak the Redis protocol on one engine, with nobody but the input in between: it
 * decides who says what and in what pieces, when a turn is over, how long an effect is under way,
 * what a socket takes of a send, who hangs up and how time passes.
 */
#include "base/array.h"
#include "base/time.h"
#include "chatter.h"
#include "core/engine.h"
#include "core/peer.h"
#include "ear.h"
#include "regime.h"
#include "sending.h"
#include "session/session.h"
#include "target.h"

#include <stdlib.h>

enum {
    WIRES = 4,
    TURNS_MAX = 4096,
    TICKS_MAX = 256, /* at one time, with as many messages due as an input can say */
};

#define TIME_FAR (TIME_NEVER / 4) /* nobody waits for what is due behind this */

/* A connection: the client's end and the session's. */
struct wire {
    bool is_there, is_attached;
    struct session session;
    struct chatter chatter;
    struct ear ear;
    struct sending sending;
};

struct world {
    struct choices choices;
    struct engine *engine;
    struct regime *regime; /* that holds */
    struct outbox outbox;
    size_t passed_count; /* effects of the outbox that reached their sessions */
    struct session_limits limits;
    uint64_t now;
    uint32_t peer_last; /* no connection is called like one before it */
    struct wire wires[WIRES];
};

static void apply(struct world *world, const struct command *command)
{
    engine_apply(world->engine, command, world->now, &world->outbox);
    engine_check(world->engine);
}

static void release(struct world *world, uint32_t peer, const struct slice *slice)
{
    engine_release(world->engine, peer, slice, world->now);
    engine_check(world->engine);
}

static void wire_connect(struct world *world, struct wire *wire)
{
    wire->is_there = true;
    session_init(&wire->session, ++world->peer_last, &world->limits, world->now);
    if (world->limits.password.size > 0)
        chatter_password(&wire->chatter, &world->choices);
}

/* The bytes are gone once they were heard, as the ring's buffers are. */
static void wire_hear(struct world *world, struct wire *wire, size_t size)
{
    struct bytes heard = chatter_take(&wire->chatter, size);
    struct command command;
    session_feed(&wire->session, heard, world->now);
    while (session_next(&wire->session, &command)) {
        wire->is_attached = true;
        apply(world, &command);
    }
    assert(!session_can_resume(&wire->session));
    free((void *)heard.data);
}

/* Ends the connection's turn: begins a send. */
static void wire_send(struct wire *wire)
{
    struct output *output = &wire->session.output;
    session_turn(&wire->session);
    if (!output->is_sending && session_wants_send(&wire->session))
        sending_begin(&wire->sending, output);
}

/* The socket took `size` bytes of the send, or all of it. */
static void wire_sent(struct world *world, struct wire *wire, size_t size)
{
    struct slice slice;
    if (!wire->session.output.is_sending)
        return;
    sending_check(&wire->sending);
    struct bytes bytes = wire->sending.bytes;
    size = size < bytes.size ? size : bytes.size;
    if (wire->session.language == LANGUAGE_RESP)
        ear_hear(&wire->ear, bytes_of(bytes.data, size));
    output_sent(&wire->session.output, size);
    while (output_take_sent(&wire->session.output, &slice))
        release(world, wire->session.peer, &slice);
    sending_finish(&wire->sending);
}

/* The connection ends, whatever is under way on it. */
static void wire_hang_up(struct world *world, struct wire *wire)
{
    struct slice slice;
    wire->session.state = SESSION_CLOSED;
    if (wire->is_attached)
        apply(world, &(struct command){.kind = COMMAND_DETACH, .peer = wire->session.peer});
    sending_check(&wire->sending);
    wire->session.output.is_sending = false;
    while (output_take_slice(&wire->session.output, &slice))
        release(world, wire->session.peer, &slice);
    session_finish(&wire->session);
    chatter_finish(&wire->chatter);
    sending_finish(&wire->sending);
    *wire = (struct wire){0};
}

static struct wire *find_wire(struct world *world, uint32_t peer)
{
    for (unsigned i = 0; i < WIRES; i++)
        if (world->wires[i].is_there && world->wires[i].session.peer == peer)
            return &world->wires[i];
    return NULL;
}

/* Lets the next effects through to their sessions. */
static void pass(struct world *world, size_t count)
{
    struct outbox *outbox = &world->outbox;
    for (; count > 0 && world->passed_count < outbox->count; count--) {
        const struct effect *effect = &outbox->effects[world->passed_count++];
        struct wire *wire = find_wire(world, effect->peer);
        bool is_taken = wire && session_effect(&wire->session, effect);
        uint32_t owner = effect->kind == EFFECT_ANSWER ? PEER_NONE : effect->peer;
        if (effect_has_slice(effect) && !is_taken)
            release(world, owner, &effect->slice);
    }
    if (world->passed_count == outbox->count)
        world->passed_count = outbox->count = 0;
}

static void tick(struct world *world)
{
    engine_tick(world->engine, world->now, &world->outbox);
    engine_check(world->engine);
}

/* A turn in which everything goes well. */
static void turn(struct world *world)
{
    for (unsigned i = 0; i < WIRES; i++)
        if (world->wires[i].is_there)
            wire_hear(world, &world->wires[i], SIZE_MAX);
    tick(world);
    pass(world, SIZE_MAX);
    for (unsigned i = 0; i < WIRES; i++)
        if (world->wires[i].is_there) {
            wire_send(&world->wires[i]);
            wire_sent(world, &world->wires[i], SIZE_MAX);
        }
}

/* Until something is due, or some time. */
static void let_time_pass(struct world *world)
{
    unsigned how = choose_byte(&world->choices), much = how / 4;
    uint64_t deadline = engine_deadline(world->engine);
    if (how % 4 == 0 && deadline > world->now && deadline < TIME_FAR)
        world->now = deadline;
    else
        world->now += how % 4 == 1 ? much * NS_PER_S : much * NS_PER_MS / 4;
    for (unsigned i = 0; i < WIRES; i++)
        if (world->wires[i].is_there)
            session_expire(&world->wires[i].session, world->now);
}

static void configure(struct world *world)
{
    struct regime *regime = regime_create(&world->choices);
    engine_configure(world->engine, &regime->config, world->now);
    free(world->regime);
    world->regime = regime;
    engine_check(world->engine);
}

/* Memory is short, or full, or neither. */
static void press(struct world *world, unsigned how)
{
    engine_set_pressure(world->engine, how > 0);
    world->limits.is_memory_short = how > 0;
    world->limits.is_memory_full = how > 1;
}

/* What only a connection that is there can do. */
static void act_on(struct world *world, struct wire *wire, unsigned what)
{
    struct choices *choices = &world->choices;
    switch (what) {
    case 0: wire_hang_up(world, wire); break;
    case 1: session_end(&wire->session, STATUS_CLOSING); break;
    case 2: chatter_raw(&wire->chatter, choices); break;
    case 3: wire_hear(world, wire, choose_byte(choices)); break;
    case 4: wire_hear(world, wire, SIZE_MAX); break;
    case 5: wire_send(wire); break;
    case 6: wire_sent(world, wire, choose_byte(choices) * UINT64_C(37)); break;
    case 7: wire_sent(world, wire, SIZE_MAX); break;
    case 8: chatter_password(&wire->chatter, choices); break;
    default: chatter_command(&wire->chatter, choices); break;
    }
}

static void act(struct world *world)
{
    unsigned what = choose_byte(&world->choices);
    struct wire *wire = &world->wires[what % WIRES];
    what /= WIRES;
    switch (what) {
    case 0:
    case 1: let_time_pass(world); break;
    case 2: tick(world); break;
    case 3: pass(world, 1 + choose_below(&world->choices, 16)); break;
    case 4: pass(world, SIZE_MAX); break;
    case 5: configure(world); break;
    case 6: press(world, choose_below(&world->choices, 3)); break;
    case 7:
    case 8:
    case 9:
    case 10:
    case 11: turn(world); break;
    default:
        if (wire->is_there)
            act_on(world, wire, what - 12);
        else
            wire_connect(world, wire);
    }
}

static bool is_quiet(const struct world *world)
{
    for (unsigned i = 0; i < WIRES; i++) {
        const struct wire *wire = &world->wires[i];
        if (wire->is_there && (wire->chatter.size > 0 || session_is_stalled(&wire->session) ||
                               !output_is_empty(&wire->session.output)))
            return false;
    }
    return world->outbox.count == 0 && engine_deadline(world->engine) > world->now;
}

/* Who is neither gone nor waits was told all it asked for. */
static void check_end(const struct wire *wire)
{
    const struct session *session = &wire->session;
    if (!wire->is_there || session->state != SESSION_OPEN || session->language != LANGUAGE_RESP)
        return;
    assert(ear_is_between(&wire->ear));
    assert(session->is_waiting == session->is_stalled);
    assert(session->is_waiting || replies_are_empty(&session->resp->replies));
}

/* Lets everybody finish, and sees that everybody could. */
static void finish(struct world *world)
{
    press(world, 0);
    for (unsigned i = 0; i < WIRES; i++)
        if (world->wires[i].is_there)
            wire_sent(world, &world->wires[i], SIZE_MAX);
    unsigned turns_count = 0;
    do {
        turn(world);
        assert(++turns_count < TURNS_MAX);
    } while (!is_quiet(world));
    for (unsigned i = 0; i < WIRES; i++)
        check_end(&world->wires[i]);
}

static void world_finish(struct world *world)
{
    assert(engine_totals(world->engine).holds == 0);
    engine_destroy(world->engine);
    free(world->regime);
    outbox_finish(&world->outbox);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.choices = {bytes_of(data, size)}, .now = NS_PER_S};
    unsigned how = choose_byte(&world.choices), ticks_count = 0;
    world.limits = (struct session_limits){
        .frame_max = how & 1 ? FRAME_HELLO_MAX : FRAME_SIZE_DEFAULT,
        .hello_timeout_ns = 5 * NS_PER_S,
        .silent_timeout_ns = 60 * NS_PER_S,
        .epoch_ns = 1000 * NS_PER_S,
        .password = bytes_text(how & 2 ? CHATTER_PASSWORD : ""),
    };
    world.engine = engine_create((struct hash_key){1, 2});
    world.regime = memory_create(sizeof *world.regime); /* as an engine begins */
    while (choices_remain(&world.choices))
        act(&world);
    finish(&world);
    for (unsigned i = 0; i < WIRES; i++)
        if (world.wires[i].is_there)
            wire_hang_up(&world, &world.wires[i]);
    do {
        tick(&world);
        assert(++ticks_count < TICKS_MAX);
    } while (engine_deadline(world.engine) <= world.now);
    pass(&world, SIZE_MAX);
    world_finish(&world);
    return 0;
}

/*
 * Sessions on one engine, with nobody but the input in between: it decides who speaks and in what
 * pieces, when a turn is over, how long an effect is under way, what a socket takes of a send, who
 * hangs up and how time passes.
 */
#include "base/array.h"
#include "base/time.h"
#include "core/engine.h"
#include "core/peer.h"
#include "hearing.h"
#include "regime.h"
#include "sending.h"
#include "session/session.h"
#include "speech.h"
#include "target.h"

#include <stdlib.h>

enum {
    WIRES = 4,
    TURNS_MAX = 4096,  /* a LIST takes a turn, and an input says no more of them */
    TICKS_MAX = 256,   /* at one time, with as many messages due as an input can say */
    AGES_MAX = 64,     /* times at which something is due that are waited for at the end */
    GROWTH_MAX = 2048, /* bytes by which what is delivered may be longer than what may be sent */
};

#define TIME_FAR (TIME_NEVER / 4) /* nobody waits for what is due behind this */

/* A connection: the client's end and the session's. */
struct wire {
    bool is_there, is_attached;
    struct session session;
    uint64_t leased_count; /* messages that its client was given */
    struct speech speech;
    struct hearing hearing;
    struct sending sending;
};

struct world {
    struct choices choices;
    struct engine *engine;
    struct regime *regime; /* that holds */
    bool is_pressed;
    uint64_t queues_count, accepted_count;
    struct outbox outbox;
    size_t passed_count; /* effects of the outbox that reached their sessions */
    struct session_limits limits;
    uint64_t now;
    uint32_t peer_last; /* no connection is called like one before it */
    struct wire wires[WIRES];
    struct sent sent;
};

/* Nobody is given what is to wait still, or what is too long. */
static void check_delivery(const struct world *world, struct bytes frames)
{
    for (size_t at = 0; at < frames.size; at += frame_size(frames.data + at)) {
        struct bytes frame = bytes_of(frames.data + at, frame_size(frames.data + at));
        assert(sent_due(&world->sent, frame) <= world->now);
        assert(frame.size <= world->limits.frame_max + GROWTH_MAX);
    }
}

/* What is over a limit, since it was less strict, does not grow. */
static void check_limit(uint64_t *count, uint64_t count_now, uint64_t limit)
{
    assert(limit == 0 || count_now <= limit || count_now <= *count);
    *count = count_now;
}

static void check_limits(struct world *world)
{
    uint64_t leased = 0, since;
    struct engine_totals totals = engine_totals(world->engine);
    const struct engine_config *config = &world->regime->config;
    for (unsigned i = 0; i < WIRES; i++) {
        struct wire *wire = &world->wires[i];
        check_limit(&wire->leased_count, engine_leased(world->engine, wire->session.peer, &since),
                    config->in_flight_max);
        assert(since <= world->now);
        leased += wire->leased_count;
    }
    assert(leased == totals.leased);
    check_limit(&world->queues_count, totals.queues, config->queues_max);
    assert(totals.accepted >= world->accepted_count);
    world->accepted_count = totals.accepted;
}

/* What the engine has just done, and how it stands now. */
static void check(struct world *world, size_t effects_before)
{
    for (size_t i = effects_before; i < world->outbox.count; i++)
        if (world->outbox.effects[i].kind == EFFECT_DELIVER)
            check_delivery(world, slice_bytes(&world->outbox.effects[i].slice));
    check_limits(world);
    engine_check(world->engine);
}

static void apply(struct world *world, const struct command *command)
{
    size_t effects_before = world->outbox.count;
    uint64_t accepted_before = world->accepted_count;
    engine_apply(world->engine, command, world->now, &world->outbox);
    check(world, effects_before);
    bool is_refused = command->kind == COMMAND_PUSH && world->is_pressed;
    assert(!is_refused || world->accepted_count == accepted_before);
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
    if (choose_below(&world->choices, 8) > 0)
        speech_hello(&wire->speech, &world->choices);
}

/* The bytes are gone once they were heard, as the ring's buffers are. */
static void wire_hear(struct world *world, struct wire *wire, size_t size)
{
    struct bytes heard = speech_take(&wire->speech, size);
    struct command command;
    session_feed(&wire->session, heard, world->now);
    while (session_next(&wire->session, &command)) {
        if (command.kind == COMMAND_PUSH || command.kind == COMMAND_PUBLISH)
            sent_add(&world->sent, &command.run, world->now);
        world->sent.are_moved |= command.kind == COMMAND_REDRIVE;
        if (command.kind != COMMAND_ATTACH)
            hearing_ask(&wire->hearing, &command);
        wire->is_attached = true;
        apply(world, &command);
    }
    assert(!session_can_resume(&wire->session));
    free((void *)heard.data);
}

/* Ends the connection's turn: begins a send, and keeps what it should say. */
static void wire_send(struct wire *wire)
{
    struct output *output = &wire->session.output;
    session_turn(&wire->session);
    if (output->is_sending || !session_wants_send(&wire->session))
        return;
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
    hearing_hear(&wire->hearing, bytes_of(bytes.data, size), wire->session.native.number_next - 1,
                 &world->sent);
    bool is_complete = output_sent(&wire->session.output, size);
    assert(is_complete == (size == bytes.size));
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
    speech_finish(&wire->speech);
    hearing_finish(&wire->hearing);
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

static void pass_effect(struct world *world, const struct effect *effect)
{
    struct wire *wire = find_wire(world, effect->peer);
    bool is_answer = effect->kind == EFFECT_ANSWER;
    if (wire && (is_answer || effect->kind == EFFECT_SETTLED))
        hearing_settle(&wire->hearing, effect);
    bool is_taken = wire && session_effect(&wire->session, effect);
    if (effect_has_slice(effect) && !is_taken)
        release(world, is_answer ? PEER_NONE : effect->peer, &effect->slice);
}

/* Lets the next effects through to their sessions. */
static void pass(struct world *world, size_t count)
{
    struct outbox *outbox = &world->outbox;
    for (; count > 0 && world->passed_count < outbox->count; count--)
        pass_effect(world, &outbox->effects[world->passed_count++]);
    if (world->passed_count == outbox->count)
        world->passed_count = outbox->count = 0;
}

static void tick(struct world *world)
{
    size_t effects_before = world->outbox.count;
    engine_tick(world->engine, world->now, &world->outbox);
    check(world, effects_before);
}

/* Ticks until nothing is due, which comes soon. */
static void tick_out(struct world *world)
{
    unsigned ticks_count = 0;
    do {
        tick(world);
        assert(++ticks_count < TICKS_MAX);
    } while (engine_deadline(world->engine) <= world->now);
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

/* Until something is due, or a little longer, or just some time. */
static void let_time_pass(struct world *world)
{
    unsigned how = choose_byte(&world->choices), much = how / 4;
    uint64_t deadline = engine_deadline(world->engine);
    bool is_due = deadline > world->now && deadline < TIME_FAR;
    switch (how % 4) {
    case 0: world->now = is_due ? deadline : world->now; break;
    case 1: world->now = (is_due ? deadline : world->now) + much * NS_PER_MS; break;
    case 2: world->now += much * NS_PER_MS / 4; break;
    default: world->now += much * NS_PER_S / 2; break;
    }
    for (unsigned i = 0; i < WIRES; i++)
        if (world->wires[i].is_there)
            session_expire(&world->wires[i].session, world->now);
}

static void configure(struct world *world, struct regime *regime)
{
    engine_configure(world->engine, &regime->config, world->now);
    free(world->regime);
    world->regime = regime;
    engine_check(world->engine);
}

static void press(struct world *world, bool is_pressed)
{
    engine_set_pressure(world->engine, is_pressed);
    world->is_pressed = is_pressed;
}

/* The client settles something near what it heard last. */
static void settle(struct wire *wire, struct choices *choices)
{
    const struct hearing *hearing = &wire->hearing;
    speech_settlement(&wire->speech, choices, hearing->context_id, hearing->context_tag);
}

/* What only a connection that is there can do. */
static void act_on(struct world *world, struct wire *wire, unsigned what)
{
    struct choices *choices = &world->choices;
    switch (what) {
    case 0: wire_hang_up(world, wire); break;
    case 1: session_end(&wire->session, STATUS_CLOSING); break;
    case 2: speech_raw(&wire->speech, choices); break;
    case 3: speech_wrong(&wire->speech, choices); break;
    case 4: wire_hear(world, wire, choose_byte(choices)); break;
    case 5: wire_hear(world, wire, SIZE_MAX); break;
    case 6: wire_send(wire); break;
    case 7: wire_sent(world, wire, choose_byte(choices) * UINT64_C(37)); break;
    case 8: wire_sent(world, wire, SIZE_MAX); break;
    case 9:
    case 10: settle(wire, choices); break;
    default: speech_frames(&wire->speech, choices); break;
    }
}

static void act(struct world *world)
{
    unsigned what = choose_byte(&world->choices);
    struct wire *wire = &world->wires[what % WIRES];
    what /= WIRES;
    switch (what) {
    case 0: let_time_pass(world); break;
    case 1: tick(world); break;
    case 2: tick_out(world); break;
    case 3:
    case 4: pass(world, 1 + choose_below(&world->choices, 16)); break;
    case 5: pass(world, SIZE_MAX); break;
    case 6:
    case 7:
    case 8: turn(world); break;
    case 9: configure(world, regime_create(&world->choices)); break;
    case 10: press(world, choose_below(&world->choices, 2)); break;
    case 11: let_time_pass(world); break;
    default:
        if (wire->is_there)
            act_on(world, wire, (what - 12) % 18);
        else
            wire_connect(world, wire);
    }
}

static bool is_quiet(const struct world *world)
{
    for (unsigned i = 0; i < WIRES; i++) {
        const struct wire *wire = &world->wires[i];
        if (wire->is_there && (wire->speech.size > 0 || session_is_stalled(&wire->session) ||
                               !output_is_empty(&wire->session.output)))
            return false;
    }
    return world->outbox.count == 0 && engine_deadline(world->engine) > world->now;
}

/* Lets everybody finish, and sees that everybody could. */
static void finish(struct world *world)
{
    for (unsigned i = 0; i < WIRES; i++)
        if (world->wires[i].is_there)
            wire_sent(world, &world->wires[i], SIZE_MAX);
    unsigned turns_count = 0;
    do {
        turn(world);
        assert(++turns_count < TURNS_MAX);
    } while (!is_quiet(world));
    for (unsigned i = 0; i < WIRES; i++)
        if (world->wires[i].is_there && world->wires[i].session.state == SESSION_OPEN)
            hearing_check_end(&world->wires[i].hearing);
}

/* Nobody is there any more: what is due comes when it is, and comes to an end. */
static void age(struct world *world)
{
    for (unsigned i = 0; i < AGES_MAX && engine_deadline(world->engine) < TIME_FAR; i++) {
        assert(engine_deadline(world->engine) > world->now);
        world->now = engine_deadline(world->engine);
        tick_out(world);
        assert(world->outbox.count == 0);
    }
}

static void world_finish(struct world *world)
{
    assert(engine_totals(world->engine).holds == 0);
    engine_destroy(world->engine);
    free(world->regime);
    outbox_finish(&world->outbox);
    sent_finish(&world->sent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.choices = {bytes_of(data, size)}, .now = NS_PER_S};
    unsigned how = choose_byte(&world.choices);
    world.limits = (struct session_limits){
        .frame_max = how & 1 ? FRAME_HELLO_MAX : FRAME_SIZE_DEFAULT,
        .hello_timeout_ns = 5 * NS_PER_S,
        .silent_timeout_ns = 60 * NS_PER_S,
        .liveness_ns = 30 * NS_PER_S,
        .password = bytes_text(how & 2 ? SPEECH_PASSWORD : ""),
    };
    world.engine = engine_create((struct hash_key){1, 2});
    world.regime = memory_create(sizeof *world.regime); /* as an engine begins */
    while (choices_remain(&world.choices))
        act(&world);
    finish(&world);
    for (unsigned i = 0; i < WIRES; i++)
        if (world.wires[i].is_there)
            wire_hang_up(&world, &world.wires[i]);
    tick_out(&world);
    pass(&world, SIZE_MAX);
    age(&world);
    world_finish(&world);
    return 0;
}

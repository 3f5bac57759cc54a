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
#include "session/session.h"
#include "speech.h"
#include "target.h"

#include <stdlib.h>

enum {
    WIRES = 4,
    TURNS_MAX = 4096, /* a LIST takes a turn, and an input says no more of them */
};

/* A connection: the client's end and the session's. */
struct wire {
    bool is_there, is_attached;
    struct session session;
    struct speech speech;
    struct hearing hearing;
    const struct iovec *vector; /* of the send in flight */
    unsigned vector_count;
    unsigned char *sending; /* its bytes as they were when it began */
    size_t sending_size;
};

struct world {
    struct choices choices;
    struct engine *engine;
    struct outbox outbox;
    size_t passed_count; /* effects of the outbox that reached their sessions */
    struct session_limits limits;
    uint64_t now;
    uint32_t peer_last; /* no connection is called like one before it */
    struct wire wires[WIRES];
    struct sent sent;
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
    if (wire->is_there)
        return;
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
            sent_add(&world->sent, &command.run);
        if (command.kind != COMMAND_ATTACH)
            hearing_ask(&wire->hearing, &command);
        wire->is_attached = true;
        apply(world, &command);
    }
    free((void *)heard.data);
}

/* Ends the connection's turn: begins a send, and keeps what it should say. */
static void wire_send(struct wire *wire)
{
    struct output *output = &wire->session.output;
    session_turn(&wire->session);
    if (output->is_sending || !session_wants_send(&wire->session))
        return;
    wire->vector = output_begin(output, &wire->vector_count);
    assert(wire->vector_count > 0 && wire->vector_count <= OUTPUT_PIECES_MAX);
    wire->sending_size = 0;
    for (unsigned i = 0; i < wire->vector_count; i++)
        wire->sending_size += wire->vector[i].iov_len;
    wire->sending = memory_create(wire->sending_size);
    for (size_t i = 0, at = 0; i < wire->vector_count; at += wire->vector[i++].iov_len)
        memcpy(wire->sending + at, wire->vector[i].iov_base, wire->vector[i].iov_len);
}

/* Nobody may have touched the bytes while the send was in flight. */
static void check_sending(const struct wire *wire)
{
    size_t at = 0;
    for (unsigned i = 0; i < wire->vector_count; i++) {
        const struct iovec *piece = &wire->vector[i];
        assert(memcmp(wire->sending + at, piece->iov_base, piece->iov_len) == 0);
        at += piece->iov_len;
    }
}

/* The socket took `size` bytes of the send, or all of it. */
static void wire_sent(struct world *world, struct wire *wire, size_t size)
{
    struct slice slice;
    if (!wire->session.output.is_sending)
        return;
    check_sending(wire);
    size = size < wire->sending_size ? size : wire->sending_size;
    hearing_hear(&wire->hearing, bytes_of(wire->sending, size), wire->session.number_next - 1,
                 &world->sent);
    bool is_complete = output_sent(&wire->session.output, size);
    assert(is_complete == (size == wire->sending_size));
    while (output_take_sent(&wire->session.output, &slice))
        release(world, wire->session.peer, &slice);
    free(wire->sending);
    wire->sending = NULL;
}

/* The connection ends, whatever is under way on it. */
static void wire_hang_up(struct world *world, struct wire *wire)
{
    struct slice slice;
    wire->session.state = SESSION_CLOSED;
    if (wire->is_attached)
        apply(world, &(struct command){.kind = COMMAND_DETACH, .peer = wire->session.peer});
    if (wire->session.output.is_sending)
        check_sending(wire);
    wire->session.output.is_sending = false;
    while (output_take_slice(&wire->session.output, &slice))
        release(world, wire->session.peer, &slice);
    session_finish(&wire->session);
    speech_finish(&wire->speech);
    hearing_finish(&wire->hearing);
    free(wire->sending);
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
    bool has_slice = is_answer || effect->kind == EFFECT_DELIVER || effect->kind == EFFECT_MESSAGE;
    if (wire && (is_answer || effect->kind == EFFECT_SETTLED))
        hearing_settle(&wire->hearing, effect);
    bool is_taken = wire && session_effect(&wire->session, effect);
    if (has_slice && !is_taken)
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

static void let_time_pass(struct world *world)
{
    world->now += NS_PER_S * choose_byte(&world->choices) / 8;
    for (unsigned i = 0; i < WIRES; i++)
        if (world->wires[i].is_there)
            session_expire(&world->wires[i].session, world->now);
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
    case 1:
    case 2: tick(world); break;
    case 3:
    case 4: pass(world, 1 + choose_below(&world->choices, 16)); break;
    case 5: pass(world, SIZE_MAX); break;
    case 6:
    case 7:
    case 8: turn(world); break;
    default:
        if (wire->is_there)
            act_on(world, wire, (what - 9) % 16);
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
    return world->outbox.count == 0 && engine_deadline(world->engine) == TIME_NEVER;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.choices = {bytes_of(data, size)}, .now = NS_PER_S};
    bool is_small = choose_below(&world.choices, 2);
    world.limits = (struct session_limits){
        .frame_max = is_small ? FRAME_HELLO_MAX : FRAME_SIZE_DEFAULT,
        .hello_timeout_ns = 5 * NS_PER_S,
        .silent_timeout_ns = 60 * NS_PER_S,
    };
    world.engine = engine_create((struct hash_key){1, 2});
    while (choices_remain(&world.choices))
        act(&world);
    finish(&world);
    for (unsigned i = 0; i < WIRES; i++)
        if (world.wires[i].is_there)
            wire_hang_up(&world, &world.wires[i]);
    tick(&world);
    pass(&world, SIZE_MAX);
    assert(engine_totals(world.engine).holds == 0);
    engine_destroy(world.engine);
    outbox_finish(&world.outbox);
    sent_finish(&world.sent);
    return 0;
}

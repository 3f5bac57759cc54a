/*
 * The tap: stands before the engine, by the linker's --wrap, so that the twin can follow what the
 * shard asks of it.
 *
 * A command must ask for exactly what a client has said, in the order in which it was said. What
 * comes of it, when the twin has found it allowed, is due at the clients.
 */
#include "base/time.h"
#include "core/engine_state.h"
#include "encode.h"
#include "replay.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>

/* What is tapped, and what stands behind the tap. The names are the linker's. */
void __real_engine_apply(struct engine *engine, const struct command *command, uint64_t now,
                         struct outbox *outbox);
void __real_engine_tick(struct engine *engine, uint64_t now, struct outbox *outbox);
void __real_engine_release(struct engine *engine, uint32_t peer, const struct slice *slice,
                           uint64_t now);
void __wrap_engine_apply(struct engine *engine, const struct command *command, uint64_t now,
                         struct outbox *outbox);
void __wrap_engine_tick(struct engine *engine, uint64_t now, struct outbox *outbox);
void __wrap_engine_release(struct engine *engine, uint32_t peer, const struct slice *slice,
                           uint64_t now);

static struct world *tapped;

void world_tap(struct world *world)
{
    tapped = world;
}

struct link *world_link(struct world *world, uint32_t peer)
{
    struct link *link = world->by_peer[peer % WORLD_LINKS_MAX];
    return link && link->peer == peer ? link : NULL;
}

/* What is taken up must be what was said. */

static bool has_name(const struct command *command)
{
    switch (command->kind) {
    case COMMAND_CANCEL:
    case COMMAND_CREDIT:
    case COMMAND_SETTLE:
    case COMMAND_TOUCH:
    case COMMAND_UNSUBSCRIBE:
    case COMMAND_CLIENTS:
    case COMMAND_KILL:
    case COMMAND_HEARTBEAT:
    case COMMAND_STATS:
    case COMMAND_SETTINGS:
    case COMMAND_PING: return false;
    default: return true;
    }
}

/* Whether the same settings are given. */
static bool is_same_settings(const struct queue_settings *a, const struct queue_settings *b)
{
    unsigned given = a->given;
    return given == b->given && (!(given & SETTING_COUNT_MAX) || a->count_max == b->count_max) &&
           (!(given & SETTING_SIZE_MAX) || a->size_max == b->size_max) &&
           (!(given & SETTING_WHEN_FULL) || a->when_full == b->when_full) &&
           (!(given & SETTING_TTL) || a->ttl_ms == b->ttl_ms) &&
           (!(given & SETTING_DELIVERY_LIMIT) || a->delivery_limit == b->delivery_limit) &&
           (!(given & SETTING_DEAD_LETTER) || bytes_equal(a->dead_letter, b->dead_letter)) &&
           (!(given & SETTING_LEASE_MAX) || a->lease_max_ms == b->lease_max_ms) &&
           (!(given & SETTING_POP_LEASE) || a->pop_lease == b->pop_lease);
}

static bool is_same_arguments(const struct command *a, const struct command *b)
{
    switch (a->kind) {
    case COMMAND_CONSUME:
        if (a->consumer.from_back != b->consumer.from_back ||
            a->consumer.no_ack != b->consumer.no_ack)
            return false;
        /* fall through */
    case COMMAND_CREDIT:
        if (a->consumer.credit_count != b->consumer.credit_count ||
            a->consumer.credit_size != b->consumer.credit_size)
            return false;
        /* fall through */
    case COMMAND_CANCEL: return a->consumer.id == b->consumer.id;
    case COMMAND_SETTLE:
        if (a->settle.how != b->settle.how || a->settle.delay_ms != b->settle.delay_ms)
            return false;
        /* fall through */
    case COMMAND_TOUCH:
        return a->settle.id == b->settle.id && a->settle.count == b->settle.count &&
               a->settle.tag == b->settle.tag;
    case COMMAND_SUBSCRIBE:
        if (a->subscription.is_wildcard != b->subscription.is_wildcard ||
            a->subscription.count_max != b->subscription.count_max ||
            a->subscription.size_max != b->subscription.size_max ||
            a->subscription.is_inbox != b->subscription.is_inbox ||
            a->subscription.no_retained != b->subscription.no_retained ||
            a->subscription.has_overflow != b->subscription.has_overflow ||
            a->subscription.overflow != b->subscription.overflow ||
            !bytes_equal(a->subscription.group, b->subscription.group))
            return false;
        /* fall through */
    case COMMAND_UNSUBSCRIBE: return a->subscription.id == b->subscription.id;
    case COMMAND_DECLARE:
    case COMMAND_SET: return is_same_settings(&a->settings, &b->settings);
    case COMMAND_REDRIVE:
        return a->redrive.count == b->redrive.count && bytes_equal(a->redrive.to, b->redrive.to);
    case COMMAND_PEEK:
    case COMMAND_TOPICS:
    case COMMAND_LIST:
    case COMMAND_CLIENTS:
        return a->look.count == b->look.count && a->look.from_back == b->look.from_back &&
               a->look.after == b->look.after;
    case COMMAND_KILL: return a->client == b->client;
    default: return true;
    }
}

static bool is_run(const struct command *command)
{
    return command->kind == COMMAND_PUSH || command->kind == COMMAND_PUBLISH;
}

/* Takes the frames up to `number` as taken: those before `first` must be such as no command comes
 * of. */
static void take_up(struct link *link, uint64_t first, uint64_t number)
{
    REQUIRE(first > link->taken, "frame %" PRIu64 " is taken up twice", first);
    REQUIRE(number <= link->said_count, "frame %" PRIu64 " is taken up, and was not said", number);
    REQUIRE(!link->is_fatal || number < link->fatal_number,
            "frame %" PRIu64 " is taken up behind the end of all sense", number);
    while (++link->taken < first)
        REQUIRE(link_said(link, link->taken)->is_malformed, "frame %" PRIu64 " is passed over",
                link->taken);
    link->taken = number;
    REQUIRE(link_said(link, number)->end <= link->sent_size, "frame %" PRIu64 " was not sent yet",
            number);
    world_tally.taken += number - first + 1;
}

static void check_run(struct world *world, const struct link *link, const struct command *command)
{
    enum op op = command->kind == COMMAND_PUSH ? OP_PUSH : OP_PUBLISH;
    const struct run *run = &command->run;
    uint32_t at = 0;
    bool is_alike = true;
    for (uint32_t i = 0; i < run->count; i++) {
        const struct said *said = link_said(link, command->ticket + i);
        struct bytes name = op == OP_PUSH ? world->commands.names.queues[said->detail]
                                          : world->commands.names.topics[said->detail];
        REQUIRE(said->op == op && !said->is_malformed && bytes_equal(name, command->name),
                "frame %" PRIu64 " is taken up as something else", command->ticket + i);
        REQUIRE(said->size <= run->size - at &&
                    message_is(run->data + at, op, name, link_message(link, command->ticket + i),
                               said->size, &said->headers) &&
                    (said->op == OP_PUSH || run->data[at + 1] == said->flags),
                "frame %" PRIu64 " is taken up with other bytes", command->ticket + i);
        at += said->size;
        is_alike &= said->size == run->head.size;
        if (i > 0 && said->is_first)
            world_reach(WORLD_RUN_JOINED);
        if (i == 0 && !said->is_first)
            world_reach(WORLD_RUN_TAKEN_APART);
    }
    REQUIRE(at == run->size && run->frame_size == (is_alike ? run->head.size : 0),
            "a run with a wrong size");
}

/* Returns the number of its first message, among all there are. */
static uint64_t check_command(struct world *world, struct link *link, const struct command *command)
{
    const struct conn *conn = conn_find(&world->shard, command->peer);
    uint64_t last = command->ticket + (is_run(command) ? command->run.count - 1 : 0);
    REQUIRE(conn && output_waiting_size(&conn->session.output) < ANSWERS_PAUSE_SIZE,
            "frame %" PRIu64 " is taken up while answers pile up unread", command->ticket);
    take_up(link, command->ticket, last);
    if (is_run(command)) {
        check_run(world, link, command);
        return link_message(link, command->ticket);
    }
    const struct said *said = link_said(link, command->ticket);
    bool is_plain = said->op != OP_PUSH && said->op != OP_PUBLISH && !said->is_malformed;
    REQUIRE(is_plain, "frame %" PRIu64 " is taken up as something else", command->ticket);
    const struct command *asked = &link->commands[said->detail];
    REQUIRE(asked->kind == command->kind && is_same_arguments(asked, command) &&
                (!has_name(asked) || bytes_equal(asked->name, command->name)),
            "frame %" PRIu64 " is taken up as something else", command->ticket);
    return link_message(link, command->ticket);
}

/* Connections. */

static struct twin_peer *free_peer(struct world *world)
{
    for (int i = 0; i < TWIN_PEERS; i++)
        if (!world->twin.peers[i].is_there)
            return &world->twin.peers[i];
    REQUIRE(false, "more connections at once than the simulation has");
}

static void on_attach(struct world *world, const struct command *command)
{
    const struct conn *conn = conn_find(&world->shard, command->peer);
    REQUIRE(conn, "a command of a connection that is not there");
    struct link *link = &world->links[sim_client(world->ring, conn->fd)];
    REQUIRE(link->state != LINK_FREE && link->peer == 0, "a connection begins twice");
    REQUIRE(link->sent_size >= link->hello_size && (!link->is_fatal || link->fatal_number > 0),
            "a connection begins without a good HELLO");
    REQUIRE(command->attach.window_count == link->window_count &&
                command->attach.window_size == link->window_size,
            "a connection begins with another window than it asked for");
    link->peer = command->peer;
    link->is_attached = true;
    world->by_peer[command->peer % WORLD_LINKS_MAX] = link;
}

static void on_detach(struct world *world, const struct command *command)
{
    struct link *link = world_link(world, command->peer);
    REQUIRE(link && link->is_attached, "a connection ends twice");
    const struct conn *conn = conn_find(&world->shard, command->peer);
    if (conn && conn->send.is_active)
        world_reach(WORLD_SENDING_GONE);
    if (conn && conn->gated_count > 0)
        world_reach(WORLD_GATED_GONE);
    if (link->is_killed && !link->is_goodbye)
        world_reach(WORLD_KILLED_UNHEARD);
    if (link->state == LINK_VANISHED && link->has_heartbeats)
        world_reach(WORLD_DEAD_VANISHED);
    link->is_attached = false;
}

/* What comes of it is due. */

static struct due *owe_reply(struct link *link, uint64_t number)
{
    struct due *due = link_owe(link, DUE_REPLY);
    due->number = number;
    return due;
}

static void owe_answer(struct link *link, const struct effect *effect)
{
    struct due *due = owe_reply(link, effect->ticket);
    struct bytes data = slice_bytes(&effect->slice);
    due->has_more = effect->has_more;
    due->size = (uint32_t)data.size;
    due->data_hash = link_hash(data);
}

static void owe_messages(struct link *link, const struct effect *effect,
                         const struct twin_hold *hold)
{
    for (uint32_t i = 0; i < effect->slice.count; i++) {
        struct due *due = link_owe(link, DUE_MESSAGE);
        due->op = (uint8_t)hold->op;
        due->is_first = i == 0;
        due->id = effect->id;
        due->deliveries = effect->deliveries;
        due->is_retained = effect->is_retained;
        due->tag = effect->tag + i;
        due->message = hold->messages[i].id;
        due->size = hold->messages[i].size;
        due->name = hold->messages[i].name;
        due->headers = hold->messages[i].headers;
        due->flags = hold->messages[i].flags;
    }
}

static void owe_gap(struct link *link, const struct effect *effect)
{
    struct due *due = link_owe(link, DUE_GAP);
    due->id = effect->id;
    due->tag = effect->tag;
    due->missed_count = effect->missed.count;
    due->missed_size = effect->missed.size;
}

static void owe_lost(struct link *link, const struct effect *effect)
{
    struct due *due = link_owe(link, DUE_LOST);
    due->id = effect->id;
    due->tag = effect->tag;
    due->size = effect->count;
}

static void owe_ended(struct link *link, const struct effect *effect)
{
    struct due *due = link_owe(link, DUE_ENDED);
    due->id = effect->id;
    due->status = (uint8_t)effect->status;
    due->is_subscription = effect->is_subscription;
}

static void note_settled(struct link *link, uint64_t number, enum status status)
{
    struct said *said = link_said(link, number);
    REQUIRE(!said->is_settled, "frame %" PRIu64 " is settled twice", number);
    said->is_settled = true;
    said->status = (uint8_t)status;
}

static void follow_settled(struct link *link, const struct effect *effect)
{
    for (uint64_t number = effect->ticket; number < effect->ticket + effect->count; number++) {
        note_settled(link, number, effect->status);
        if (effect->status == STATUS_OK && link_wants_reply(link_said(link, number)->op))
            owe_reply(link, number);
    }
}

static void follow_effect(struct link *link, const struct effect *effect,
                          const struct twin_hold *hold)
{
    switch (effect->kind) {
    case EFFECT_SETTLED: follow_settled(link, effect); break;
    case EFFECT_ANSWER:
        note_settled(link, effect->ticket, STATUS_OK);
        owe_answer(link, effect);
        break;
    case EFFECT_DELIVER:
    case EFFECT_MESSAGE: owe_messages(link, effect, hold); break;
    case EFFECT_GAP: owe_gap(link, effect); break;
    case EFFECT_LOST: owe_lost(link, effect); break;
    case EFFECT_ENDED: owe_ended(link, effect); break;
    case EFFECT_KILLED: link->is_killed = true; break;
    case EFFECT_NUMBER:
    case EFFECT_FRAMES: REQUIRE(false, "an answer to what no native frame asks for");
    }
}

static void pass_on(const struct effect *effect, struct outbox *outbox)
{
    if (effect->kind == EFFECT_SETTLED)
        outbox_settle(outbox, effect->peer, effect->ticket, effect->count, effect->status);
    else
        *outbox_put(outbox, effect->kind, effect->peer) = *effect;
}

/* The engine's clock has no more than microseconds, so that the twin can tell to the nanosecond
 * when something is due. */
static uint64_t clock_of(uint64_t now)
{
    return now - now % NS_PER_US;
}

/* Has the twin follow one call and judge its effects, and passes them on. */
static void follow(struct world *world, struct twin_peer *peer, const struct command *command,
                   uint64_t first_id, struct outbox *outbox)
{
    size_t hold = world->twin.holds_count;
    twin_follow(&world->twin, peer, command, first_id);
    for (size_t i = 0; i < world->outbox.count; i++) {
        const struct effect *effect = &world->outbox.effects[i];
        struct link *link = world_link(world, effect->peer);
        bool has_slice = effect_has_slice(effect);
        REQUIRE(link && link->is_attached, "an effect for a connection that has ended");
        const struct twin_hold *slice = has_slice ? &world->twin.holds[hold] : NULL;
        if (link->redis)
            redis_note(link, effect, slice);
        else
            follow_effect(link, effect, slice);
        hold += has_slice;
        pass_on(effect, outbox);
    }
    world->outbox.count = 0;
}

static void note_settle(struct world *world, const struct command *command)
{
    for (size_t i = 0; i < world->twin.holds_count; i++)
        if (world->twin.holds[i].peer == command->peer && world->twin.holds[i].op == OP_PUSH) {
            world_reach(WORLD_ACKED_UNSENT);
            return;
        }
}

/* Redis clients have the bounds of the engine's, which no run comes to: theirs are lowered. */
static const struct command *lower_bounds(struct world *world, const struct command *command)
{
    enum { LEAST = 40, SPREAD = 8 }; /* more than a client publishes to itself in one go */
    static struct command lowered;
    const struct link *link = world_link(world, command->peer);
    if (command->kind != COMMAND_SUBSCRIBE || !link->redis)
        return command;
    lowered = *command;
    lowered.subscription.count_max = LEAST + (uint32_t)(command->ticket % SPREAD);
    return &lowered;
}

void __wrap_engine_apply(struct engine *engine, const struct command *command, uint64_t now,
                         struct outbox *outbox)
{
    struct world *world = tapped;
    uint64_t matched = engine->topics.matched_count;
    struct twin_peer *peer = NULL;
    uint64_t first_id = 0;
    if (command->kind == COMMAND_ATTACH) {
        on_attach(world, command);
        peer = free_peer(world);
    } else {
        struct link *link = world_link(world, command->peer);
        REQUIRE(link && link->is_attached, "a command of a connection that is not there");
        if (command->kind != COMMAND_DETACH && link->redis)
            first_id = redis_take_up(world, link, command);
        else if (command->kind != COMMAND_DETACH)
            first_id = check_command(world, link, command);
        if (command->kind == COMMAND_SETTLE)
            note_settle(world, command);
        peer = twin_peer(&world->twin, command->peer);
    }
    command = lower_bounds(world, command);
    twin_watch(&world->twin, clock_of(now), &world->outbox);
    __real_engine_apply(engine, command, clock_of(now), &world->outbox);
    if (command->kind == COMMAND_DETACH)
        on_detach(world, command);
    if (command->kind == COMMAND_PUBLISH && !command->is_apart &&
        engine->topics.matched_count == matched)
        reach(REACH_MATCH_CACHED);
    follow(world, peer, command, first_id, outbox);
}

void __wrap_engine_tick(struct engine *engine, uint64_t now, struct outbox *outbox)
{
    struct world *world = tapped;
    twin_note_tick(&world->twin, clock_of(now));
    twin_watch(&world->twin, clock_of(now), &world->outbox);
    __real_engine_tick(engine, clock_of(now), &world->outbox);
    follow(world, NULL, NULL, 0, outbox);
    twin_check_done(&world->twin, NULL);
}

void __wrap_engine_release(struct engine *engine, uint32_t peer, const struct slice *slice,
                           uint64_t now)
{
    struct twin *twin = &tapped->twin;
    size_t at = 0;
    while (at < twin->holds_count && !(twin->holds[at].slice.block == slice->block &&
                                       twin->holds[at].slice.offset == slice->offset &&
                                       twin->holds[at].slice.size == slice->size &&
                                       (twin->holds[at].peer == peer || tapped->is_finishing)))
        at++;
    REQUIRE(at < twin->holds_count, "a slice is released that is not out, or not to connection %u",
            peer);
    twin_release(twin, at);
    __real_engine_release(engine, peer, slice, clock_of(now));
}

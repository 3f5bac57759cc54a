#include "server/shard.h"

#include "base/array.h"
#include "base/time.h"
#include "server/log.h"
#include "server/tuning.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A turn:   wait -> read and apply -> tick -> flush -> write
 *
 * Everything that came in one wait is read and applied before anything is handed out, and
 * everything that is handed out is written once per connection: so the busier the shard, the longer
 * the runs.
 */

enum {
    TURN_AWAY_MAX = 256,                  /* connections, at one try to accept */
    TURN_ANSWERS_SIZE = 16 * 1024 * 1024, /* bytes of answers after which nobody asks for more */
};

#define PRESS_LOG_NS (10 * NS_PER_S)      /* between lines that say that memory is short */
#define CLOCK_LOOK_NS NS_PER_S            /* between looks at the time of day */
#define ACCEPT_RETRY_NS (100 * NS_PER_MS) /* until accepting is tried again after a refusal */

/* What is known of this run from the beginning. Nobody learns the key from its name. */
static void know(struct shard *shard)
{
    struct session_facts *facts = &shard->facts;
    for (int i = 0; i < RUN_ID_SIZE; i += 8) {
        char part[32];
        snprintf(part, sizeof part, "the run's name, from digit %d", i);
        uint64_t hash = hash_bytes(&shard->options.hash_key, bytes_text(part));
        snprintf(facts->run_id + i, 9, "%08" PRIx32, (uint32_t)hash);
    }
    facts->started_ns = shard->now;
    facts->process_id = (uint32_t)getpid();
    facts->connections_max = shard->door.limits.guests_max;
    facts->memory_max = shard->options.memory_max;
    shard->options.limits.facts = facts;
}

int shard_init(struct shard *shard, const struct shard_options *options)
{
    *shard = (struct shard){.options = *options, .signal_fd = -1};
    shard->options.limits.key = options->hash_key;
    list_init(&shard->dirty);
    list_init(&shard->starved);
    list_init(&shard->resuming);
    list_init(&shard->ended);
    list_init(&shard->watched);
    for (unsigned i = 0; i < TIMEOUT_KINDS; i++)
        list_init(&shard->timeouts[i]);
    shard->random.state = options->hash_key.k0;
    shard->door.limits = options->door_limits;
    shard->door.key = options->hash_key;
    int result = ring_create(&shard->ring, &options->ring);
    if (result < 0)
        return result;
    shard->engine = engine_create(options->hash_key);
    engine_configure(shard->engine, &options->engine, 0);
    shard->now = ring_now(shard->ring);
    know(shard);
    return 0;
}

void shard_finish(struct shard *shard)
{
    if (!shard->engine)
        return;
    ring_destroy(shard->ring);
    struct gate_entry *waiting;
    for (size_t at = gate_begin(&shard->gate); (waiting = gate_next(&shard->gate, &at));
         gate_remove(&shard->gate, waiting))
        shard_discard(shard, &waiting->effect);
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&shard->conns, &at)); at = 0) {
        struct conn *conn = list_entry(entry, struct conn, entry);
        if (conn->is_attached)
            shard_apply(shard, &(struct command){.kind = COMMAND_DETACH, .peer = conn->id});
        conn->session.output.is_sending = false;
        conn_destroy(shard, conn);
    }
    for (size_t i = 0; i < shard->outbox.count; i++) /* the end of one gave others messages */
        shard_discard(shard, &shard->outbox.effects[i]);
    door_finish(&shard->door);
    gate_finish(&shard->gate);
    table_finish(&shard->conns);
    outbox_finish(&shard->outbox);
    engine_destroy(shard->engine);
    *shard = (struct shard){0};
}

int shard_listen(struct shard *shard, const struct ring_address *address, uint16_t *port)
{
    if (shard->listeners_count == LISTENERS_MAX)
        return -E2BIG;
    int fd = ring_listen(shard->ring, address);
    if (fd < 0)
        return fd;
    struct listener *listener = &shard->listeners[shard->listeners_count++];
    *listener = (struct listener){.io.kind = IO_ACCEPT, .fd = fd, .retry_ns = TIME_NEVER};
    *port = address->kind == RING_ADDRESS_UNIX ? 0 : ring_listen_port(shard->ring, fd);
    shard->facts.port = shard->facts.port ? shard->facts.port : *port;
    ring_accept(shard->ring, &listener->io, fd);
    return 0;
}

void shard_watch(struct shard *shard, int fd)
{
    shard->signal_fd = fd;
    shard->signal.kind = IO_SIGNAL;
    ring_poll(shard->ring, &shard->signal, fd);
}

void shard_configure(struct shard *shard, const struct session_limits *limits,
                     const struct door_limits *door_limits, const struct engine_config *engine,
                     uint64_t memory_max)
{
    struct session_limits told = shard->options.limits;
    shard->options.limits = *limits;
    shard->options.limits.frame_max = told.frame_max; /* as every client was told */
    shard->options.limits.liveness_ns = told.liveness_ns;
    shard->options.limits.key = told.key;
    shard->options.limits.epoch_ns = told.epoch_ns;
    shard->options.limits.facts = told.facts;
    shard->facts.connections_max = door_limits->guests_max;
    shard->facts.memory_max = memory_max;
    shard->options.memory_max = memory_max;
    shard->door.limits = *door_limits;
    engine_configure(shard->engine, engine, shard->now);
}

/* Tells sessions the time of day, which somebody may have set. */
static void look_at_clock(struct shard *shard)
{
    if (shard->clock_due_ns > shard->now)
        return;
    shard->clock_due_ns = shard->now + CLOCK_LOOK_NS;
    shard->options.limits.epoch_ns = ring_epoch(shard->ring);
}

/* Has pushes refused while memory is over its limit, until a sixteenth of it is free again; and
 * while it is over by an eighth, questions too. */
static void weigh(struct shard *shard)
{
    struct session_limits *limits = &shard->options.limits;
    uint64_t max = shard->options.memory_max, used = memory_used();
    bool is_pressed = max > 0 && used > (shard->is_pressed ? max - max / 16 : max);
    shard->facts.memory_used = used;
    limits->is_memory_short = is_pressed;
    limits->is_memory_full = is_pressed && used > max + max / 8;
    if (is_pressed == shard->is_pressed)
        return;
    shard->is_pressed = is_pressed;
    engine_set_pressure(shard->engine, is_pressed);
    if (!is_pressed || (shard->press_told_ns && shard->now < shard->press_told_ns + PRESS_LOG_NS))
        return;
    log_line("memory-limit is reached: pushes and publishes are refused until there is room");
    shard->press_told_ns = shard->now > 0 ? shard->now : 1;
}

/* Changes settings as a client asks for. */
static void configure(struct shard *shard, const struct command *command)
{
    uint32_t which = 0;
    enum setting_fault fault = tuning_change(shard->options.tuning, command, &which);
    if (fault == SETTING_OK)
        tuning_tell(shard->options.tuning, shard);
    struct effect *answer = outbox_put(&shard->outbox, EFFECT_NUMBER, command->peer);
    answer->ticket = command->ticket;
    answer->id = which;
    answer->numbers.count = 1;
    answer->numbers.first = fault;
}

/* Carries out what the engine has no part in. */
static void serve(struct shard *shard, const struct command *command)
{
    if (command->kind == COMMAND_CONFIGURE) {
        configure(shard, command);
    } else {
        ring_sleep(shard->ring, command->sleep_ns);
        outbox_settle(&shard->outbox, command->peer, command->ticket, 1, STATUS_OK);
    }
}

void shard_apply(struct shard *shard, const struct command *command)
{
    shard->facts.commands_count++;
    bool is_servers = shard->options.tuning && command->kind >= COMMAND_CONFIGURE;
    if (is_servers && !engine_skips(shard->engine))
        serve(shard, command);
    else
        engine_apply(shard->engine, command, shard->now, &shard->outbox);
    shard->options.limits.is_turn_full = shard->outbox.answers_size >= TURN_ANSWERS_SIZE;
    weigh(shard); /* one turn may bring more than there is room for */
#ifdef RINGPOST_VERIFY
    engine_check(shard->engine);
#endif
}

void shard_release(struct shard *shard, uint32_t peer, const struct slice *slice)
{
    engine_release(shard->engine, peer, slice, shard->now);
}

void shard_discard(struct shard *shard, const struct effect *effect)
{
    if (effect_has_slice(effect))
        shard_release(shard, effect->kind == EFFECT_ANSWER ? PEER_NONE : effect->peer,
                      &effect->slice);
}

/* Without descriptors accepting only fails, and at once. Those that wait are closed through the
 * ring's reserve, so that they know, and accepting is tried again a little later. */
static void turn_away(struct shard *shard, const struct listener *listener)
{
    for (unsigned i = 0; i < TURN_AWAY_MAX && ring_turn_away(shard->ring, listener->fd); i++)
        door_is_blocked(&shard->door, shard->now);
}

static void on_accept(struct shard *shard, struct listener *listener,
                      const struct ring_event *event)
{
    if (event->result >= 0)
        conn_create(shard, event->result);
    if (!event->is_last || shard->is_ending)
        return;
    bool is_refused = event->result < 0 && event->result != -ECONNABORTED;
    if (event->result == -EMFILE || event->result == -ENFILE)
        turn_away(shard, listener);
    if (is_refused)
        listener->retry_ns = shard->now + ACCEPT_RETRY_NS;
    else
        ring_accept(shard->ring, &listener->io, listener->fd);
}

static void on_event(struct shard *shard, const struct ring_event *event)
{
    struct io *io = event->io;
    switch ((enum io_kind)io->kind) {
    case IO_ACCEPT: on_accept(shard, list_entry(io, struct listener, io), event); break;
    case IO_RECV: conn_on_recv(shard, list_entry(io, struct conn, recv), event); break;
    case IO_SEND: conn_on_send(shard, list_entry(io, struct conn, send), event); break;
    case IO_SIGNAL: shard->is_signalled = true; break;
    }
}

/* The first of the watched connections, if its time has come. */
static struct conn *next_watched(struct shard *shard)
{
    struct conn *conn = list_is_empty(&shard->watched)
                            ? NULL
                            : list_entry(shard->watched.next, struct conn, watched);
    return conn && conn->watch_ns <= shard->now ? conn : NULL;
}

static void watch(struct shard *shard)
{
    struct conn *conn;
    while ((conn = next_watched(shard))) {
        list_remove(&conn->watched);
        conn_watch(shard, conn);
    }
}

static void expire(struct shard *shard)
{
    for (unsigned kind = 0; kind < TIMEOUT_KINDS; kind++)
        while (!list_is_empty(&shard->timeouts[kind])) {
            struct conn *conn = list_entry(shard->timeouts[kind].next, struct conn, timeout);
            if (conn->timeout_ns > shard->now)
                break;
            list_remove(&conn->timeout);
            conn_on_timeout(shard, conn);
        }
    for (unsigned i = 0; i < shard->listeners_count; i++)
        if (shard->listeners[i].retry_ns <= shard->now) {
            shard->listeners[i].retry_ns = TIME_NEVER;
            ring_accept(shard->ring, &shard->listeners[i].io, shard->listeners[i].fd);
        }
}

static uint64_t next_deadline(const struct shard *shard)
{
    uint64_t deadline = engine_deadline(shard->engine);
    for (unsigned kind = 0; kind < TIMEOUT_KINDS; kind++)
        if (!list_is_empty(&shard->timeouts[kind])) {
            uint64_t due = list_entry(shard->timeouts[kind].next, struct conn, timeout)->timeout_ns;
            deadline = due < deadline ? due : deadline;
        }
    if (!list_is_empty(&shard->watched)) {
        uint64_t due = list_entry(shard->watched.next, struct conn, watched)->watch_ns;
        deadline = due < deadline ? due : deadline;
    }
    for (unsigned i = 0; i < shard->listeners_count; i++)
        deadline =
            shard->listeners[i].retry_ns < deadline ? shard->listeners[i].retry_ns : deadline;
    bool is_idle = gate_is_empty(&shard->gate) && list_is_empty(&shard->dirty) &&
                   list_is_empty(&shard->resuming);
    return is_idle ? deadline : 0;
}

/* Lets an effect through to its connection, or ends what it holds when that is gone. */
static void deliver(struct shard *shard, const struct effect *effect)
{
    struct conn *conn = conn_find(shard, effect->peer);
    if (conn)
        conn_effect(shard, conn, effect);
    else
        shard_discard(shard, effect);
}

/* Lets out of the gate what has been reached, as long as nothing of the same connection stands
 * before it. */
static void pass_gate(struct shard *shard)
{
    struct gate_entry *entry;
    for (size_t at = gate_begin(&shard->gate); (entry = gate_next(&shard->gate, &at));) {
        struct conn *conn = conn_find(shard, entry->effect.peer);
        bool is_held =
            conn && (entry->mark > shard->turns_count || conn->gate_pass == shard->turns_count);
        if (is_held) {
            conn->gate_pass = shard->turns_count;
            continue;
        }
        if (conn)
            conn->gated_count--;
        deliver(shard, &entry->effect);
        gate_remove(&shard->gate, entry);
    }
}

static void flush(struct shard *shard)
{
    pass_gate(shard);
    for (size_t i = 0; i < shard->outbox.count; i++) {
        const struct effect *effect = &shard->outbox.effects[i];
        unsigned delay = shard->options.answer_delay_turns;
        uint64_t mark = delay ? shard->turns_count + random_below(&shard->random, delay) : 0;
        struct conn *conn =
            delay || !gate_is_empty(&shard->gate) ? conn_find(shard, effect->peer) : NULL;
        if (conn && (mark > shard->turns_count || conn->gated_count > 0)) {
            conn->gated_count++;
            gate_put(&shard->gate, effect, mark);
        } else {
            deliver(shard, effect);
        }
    }
    outbox_clear(&shard->outbox);
    shard->options.limits.is_turn_full = false;
}

static void write_dirty(struct shard *shard)
{
    struct list *link;
    while ((link = list_pop_front(&shard->dirty)))
        conn_write(shard, list_entry(link, struct conn, dirty));
}

/* Detaches the connections that ended in this turn, now that all they were owed has been written.
 */
static void finish_ended(struct shard *shard)
{
    struct list *link;
    while ((link = list_pop_front(&shard->ended)))
        conn_detach(shard, list_entry(link, struct conn, ended));
}

static void feed_starved(struct shard *shard)
{
    struct list *link;
    while ((link = list_pop_front(&shard->starved)))
        conn_receive(shard, list_entry(link, struct conn, starved));
}

/* Lets sessions take up the input that they kept back, each once a turn. */
static void resume(struct shard *shard)
{
    struct list *link;
    while ((link = list_pop_front(&shard->resuming)))
        conn_resume(shard, list_entry(link, struct conn, resuming));
}

void shard_turn(struct shard *shard, uint64_t deadline)
{
    static _Thread_local struct ring_event events[RING_EVENTS_MAX];
    uint64_t due = next_deadline(shard);
    unsigned count = ring_wait(shard->ring, due < deadline ? due : deadline, events);
    shard->now = ring_now(shard->ring);
    shard->turns_count++;
    look_at_clock(shard);
    weigh(shard);
    for (unsigned i = 0; i < count; i++)
        on_event(shard, &events[i]);
    resume(shard);
    expire(shard);
    watch(shard);
    engine_tick(shard->engine, shard->now, &shard->outbox);
    flush(shard);
    write_dirty(shard);
    finish_ended(shard);
    feed_starved(shard);
#ifdef RINGPOST_VERIFY
    engine_check(shard->engine);
#endif
}

static void stop_accepting(struct shard *shard)
{
    shard->is_ending = true;
    for (unsigned i = 0; i < shard->listeners_count; i++) {
        shard->listeners[i].retry_ns = TIME_NEVER;
        if (shard->listeners[i].io.is_active)
            ring_cancel(shard->ring, &shard->listeners[i].io);
    }
}

void shard_drain(struct shard *shard)
{
    struct table_entry *entry;
    stop_accepting(shard);
    engine_drain(shard->engine, &shard->outbox);
    for (size_t at = 0; (entry = table_next(&shard->conns, &at));)
        conn_announce_end(shard, list_entry(entry, struct conn, entry));
}

bool shard_is_drained(const struct shard *shard)
{
    return engine_totals(shard->engine).leased == 0;
}

void shard_end(struct shard *shard)
{
    struct table_entry *entry;
    if (!shard->is_ending)
        stop_accepting(shard);
    for (size_t at = 0; (entry = table_next(&shard->conns, &at));)
        conn_end(shard, list_entry(entry, struct conn, entry), STATUS_CLOSING);
}

bool shard_is_quiet(const struct shard *shard)
{
    return shard->conns.count == 0;
}

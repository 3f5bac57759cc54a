#include "server/conn.h"

#include "base/array.h"
#include "base/time.h"
#include "server/address.h"
#include "server/log.h"
#include "server/shard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    REFUSED_MAX = 256,   /* connections that are told why at once; the others just end */
    COMPLAINTS_MAX = 16, /* lines about clients that misbehave, in a while */
    WATCH_PARTS = 16,    /* how often within its time-out a peer that owes is looked at */
    LIFE_PARTS = 4,      /* how often within the liveness time a client that sends heartbeats is */
};

#define COMPLAINTS_NS (10 * NS_PER_S) /* for which COMPLAINTS_MAX holds */

static void set_state(struct shard *shard, struct conn *conn, enum conn_state state)
{
    static const uint8_t may_follow[] = {
        [CONN_OPEN] = 1 << CONN_DRAINING | 1 << CONN_CLOSING,
        [CONN_DRAINING] = 1 << CONN_PARTING | 1 << CONN_CLOSING,
        [CONN_PARTING] = 1 << CONN_CLOSING,
        [CONN_CLOSING] = 0,
    };
    assert(may_follow[conn->state] & 1 << state);
    conn->state = state;
    door_know(&shard->door, &conn->guest);
}

/* Deadlines of a kind nearly always come in order: only other limits can change that. */
static void set_timeout(struct shard *shard, struct conn *conn, enum timeout_kind kind,
                        uint64_t deadline)
{
    list_remove(&conn->timeout);
    conn->timeout_ns = deadline;
    struct list *head = &shard->timeouts[kind], *last = head->prev;
    while (last != head && list_entry(last, struct conn, timeout)->timeout_ns > deadline)
        last = last->prev;
    list_insert_before(last->next, &conn->timeout);
}

/* A moment `span` from now, or up to a sixteenth of it later: many are looked at together, so that
 * thousands who are idle do not wake the broker one by one. */
static uint64_t in_about(const struct shard *shard, uint64_t span)
{
    uint64_t grain = span / 16 + 1;
    return (shard->now + span + grain - 1) / grain * grain;
}

static void mark_dirty(struct shard *shard, struct conn *conn)
{
    if (!list_is_linked(&conn->dirty))
        list_push_back(&shard->dirty, &conn->dirty);
}

struct conn *conn_find(struct shard *shard, uint32_t id)
{
    if (shard->conn_memo && shard->conn_memo->id == id)
        return shard->conn_memo;
    struct table_entry *entry = table_find(&shard->conns, id, (struct bytes){0});
    if (entry)
        shard->conn_memo = list_entry(entry, struct conn, entry);
    return entry ? shard->conn_memo : NULL;
}

void conn_destroy(struct shard *shard, struct conn *conn)
{
    door_leave(&shard->door, &conn->guest);
    shard->refused_count -= conn->is_refused;
    struct slice slice;
    while (output_take_slice(&conn->session.output, &slice))
        shard_release(shard, conn->id, &slice);
    session_finish(&conn->session);
    list_remove(&conn->dirty);
    list_remove(&conn->starved);
    list_remove(&conn->resuming);
    list_remove(&conn->ended);
    list_remove(&conn->timeout);
    list_remove(&conn->watched);
    table_remove(&shard->conns, &conn->entry);
    shard->conn_memo = NULL;
    memory_free(conn);
}

/* Frees a closing connection once nothing is in flight on it any more. */
static void finish_closing(struct shard *shard, struct conn *conn)
{
    assert(conn->state == CONN_CLOSING);
    if (conn->recv.is_active || conn->send.is_active || conn->is_attached)
        return;
    ring_close(shard->ring, conn->fd);
    conn->session.output.is_sending = false;
    conn_destroy(shard, conn);
}

static void end_at_turn(struct shard *shard, struct conn *conn)
{
    if (!list_is_linked(&conn->ended))
        list_push_back(&shard->ended, &conn->ended);
}

/* Ends everything on the connection at once. It is freed later, when its ios have ended and the
 * turn is over. */
static void abandon(struct shard *shard, struct conn *conn)
{
    if (conn->state == CONN_CLOSING)
        return;
    set_state(shard, conn, CONN_CLOSING);
    conn->session.state = SESSION_CLOSED;
    list_remove(&conn->timeout);
    list_remove(&conn->starved);
    list_remove(&conn->resuming);
    list_remove(&conn->dirty);
    ring_shutdown(shard->ring, conn->fd, SHUT_RDWR);
    if (conn->recv.is_active)
        ring_cancel(shard->ring, &conn->recv);
    if (conn->send.is_active)
        ring_cancel(shard->ring, &conn->send);
    end_at_turn(shard, conn);
}

/* Where the connection comes from. */
static struct bytes address_of(struct shard *shard, const struct conn *conn,
                               char text[ADDRESS_TEXT_SIZE])
{
    struct ring_address from;
    if (ring_peer(shard->ring, conn->fd, &from) < 0)
        return bytes_text("");
    address_format(&from, from.port, text);
    return bytes_text(text);
}

/* Tells the operator of a client that did what none should; not more often than can be read. */
static void log_complaint(struct shard *shard, const struct conn *conn)
{
    char address[ADDRESS_TEXT_SIZE];
    struct bytes from = address_of(shard, conn, address);
    if (shard->now >= shard->complaints_since_ns + COMPLAINTS_NS) {
        shard->complaints_since_ns = shard->now;
        shard->complaints_count = 0;
    }
    if (shard->complaints_count++ < COMPLAINTS_MAX)
        log_line("closed a connection from %.*s: it %s", (int)from.size, (const char *)from.data,
                 conn->session.complaint);
}

/* Lets the connection say what it still has to say. */
static void drain(struct shard *shard, struct conn *conn)
{
    if (conn->state != CONN_OPEN)
        return;
    if (conn->session.complaint)
        log_complaint(shard, conn);
    set_state(shard, conn, CONN_DRAINING);
    conn->session.state = SESSION_CLOSED;
    set_timeout(shard, conn, TIMEOUT_PART, shard->now + CONN_PART_NS);
    mark_dirty(shard, conn);
    end_at_turn(shard, conn);
}

void conn_detach(struct shard *shard, struct conn *conn)
{
    if (conn->is_attached)
        shard_apply(shard, &(struct command){.kind = COMMAND_DETACH, .peer = conn->id});
    conn->is_detached |= conn->is_attached;
    conn->is_attached = false;
    if (conn->state == CONN_CLOSING)
        finish_closing(shard, conn);
    else if (conn->gated_count == 0) /* else behind the last of its answers */
        drain(shard, conn);
}

void conn_announce_end(struct shard *shard, struct conn *conn)
{
    if (conn->session.state == SESSION_OPEN) {
        session_announce_end(&conn->session);
        mark_dirty(shard, conn);
        if (conn->session.state == SESSION_CLOSED) /* it waited for what will not come */
            drain(shard, conn);
    } else {
        conn_end(shard, conn, STATUS_CLOSING);
    }
}

void conn_end(struct shard *shard, struct conn *conn, enum status status)
{
    session_end(&conn->session, status);
    drain(shard, conn);
}

/* Whether something came from a client that is not read from, since it was last looked at. */
static bool has_written_on(struct shard *shard, struct conn *conn)
{
    size_t before = conn->unread_size;
    conn->unread_size = conn->is_paused ? ring_unread(shard->ring, conn->fd) : 0;
    return conn->unread_size != before;
}

/* Looks at whether the client lives, and has that done again; a quarter too late at most. */
static void watch_life(struct shard *shard, struct conn *conn)
{
    uint64_t liveness = conn->session.limits->liveness_ns, leased_since;
    uint64_t leased = engine_leased(shard->engine, conn->id, &leased_since);
    bool has_slept = shard->now - conn->timeout_ns > liveness / LIFE_PARTS;
    if (has_slept || has_written_on(shard, conn)) /* who was not listened to was not silent */
        conn->heard_ns = shard->now;
    uint64_t quiet_since = conn->heard_ns > leased_since ? conn->heard_ns : leased_since;
    if (leased > 0 && shard->now - quiet_since >= liveness)
        conn_end(shard, conn, STATUS_DEAD);
    else
        set_timeout(shard, conn, TIMEOUT_LIVENESS, in_about(shard, liveness / LIFE_PARTS));
}

/* A connection that is neither let in nor told anything yet. */
static struct conn *create(struct shard *shard, int fd)
{
    struct conn *conn = memory_create(sizeof *conn);
    do {
        conn->id = ++shard->conn_id_next;
    } while (conn->id == 0 || conn->id == PEER_NONE ||
             table_find(&shard->conns, conn->id, (struct bytes){0}));
    conn->entry.hash = conn->id;
    conn->fd = fd;
    conn->recv.kind = IO_RECV;
    conn->send.kind = IO_SEND;
    table_insert(&shard->conns, &conn->entry);
    session_init(&conn->session, conn->id, &shard->options.limits, shard->now);
    set_timeout(shard, conn, TIMEOUT_SILENT, session_deadline(&conn->session));
    ring_recv(shard->ring, &conn->recv, fd);
    return conn;
}

void conn_create(struct shard *shard, int fd)
{
    struct ring_address from;
    struct guest guest = {0};
    bool is_counted = shard->door.limits.per_address_max && ring_peer(shard->ring, fd, &from) == 0;
    from.port = 0; /* all of a host count together */
    shard->facts.came_count++;
    enum status status = door_enter(&shard->door, &guest, is_counted ? &from : NULL, shard->now);
    shard->facts.turned_away_count += status != STATUS_OK;
    if (status != STATUS_OK && shard->refused_count == REFUSED_MAX) {
        ring_close(shard->ring, fd);
        return;
    }
    struct conn *conn = create(shard, fd);
    conn->guest = guest;
    if (status != STATUS_OK) {
        conn->is_refused = true;
        shard->refused_count++;
        session_refuse(&conn->session, status);
        set_timeout(shard, conn, TIMEOUT_HELLO, session_deadline(&conn->session));
    } else if (shard->is_ending) {
        conn_end(shard, conn, STATUS_CLOSING);
    }
}

void conn_on_timeout(struct shard *shard, struct conn *conn)
{
    uint64_t deadline = session_deadline(&conn->session);
    if (conn->state == CONN_OPEN && conn->session.state == SESSION_OPEN) {
        watch_life(shard, conn);
    } else if (conn->state == CONN_OPEN && deadline > shard->now) { /* it was changed meanwhile */
        set_timeout(shard, conn, conn->session.first_byte_ns ? TIMEOUT_HELLO : TIMEOUT_SILENT,
                    deadline);
    } else if (conn->state == CONN_OPEN) {
        session_expire(&conn->session, shard->now);
        drain(shard, conn);
    } else {
        abandon(shard, conn);
    }
}

void conn_receive(struct shard *shard, struct conn *conn)
{
    list_remove(&conn->starved);
    if (!conn->recv.is_active && !conn->is_at_end && !conn->is_paused &&
        conn->state != CONN_CLOSING)
        ring_recv(shard->ring, &conn->recv, conn->fd);
}

/* The hello is done: there is no other timeout but for a client that sends heartbeats. */
static void begin_life(struct shard *shard, struct conn *conn)
{
    list_remove(&conn->timeout);
    door_know(&shard->door, &conn->guest);
    if (conn->session.native.has_heartbeats && conn->session.limits->liveness_ns > 0)
        set_timeout(shard, conn, TIMEOUT_LIVENESS,
                    in_about(shard, conn->session.limits->liveness_ns / LIFE_PARTS));
}

/* Hands bytes that came to the session, and its commands to the engine. */
static void take_input(struct shard *shard, struct conn *conn, struct bytes input)
{
    bool was_silent = conn->session.first_byte_ns == 0;
    bool was_open = conn->session.state == SESSION_OPEN;
    struct command command;
    session_feed(&conn->session, input, shard->now);
    while (session_next(&conn->session, &command)) {
        char address[ADDRESS_TEXT_SIZE];
        if (command.kind == COMMAND_ATTACH)
            command.attach.address = address_of(shard, conn, address);
        conn->is_attached = true;
        shard_apply(shard, &command);
    }
    if (conn->session.state == SESSION_OPEN && !was_open)
        begin_life(shard, conn);
    else if (conn->session.state == SESSION_HELLO && was_silent)
        set_timeout(shard, conn, TIMEOUT_HELLO, session_deadline(&conn->session));
    else if (conn->session.state == SESSION_CLOSED)
        drain(shard, conn);
    if (conn->is_at_end && !session_is_stalled(&conn->session))
        end_at_turn(shard, conn);
    mark_dirty(shard, conn);
}

void conn_resume(struct shard *shard, struct conn *conn)
{
    if (conn->state == CONN_OPEN && !conn->is_detached)
        take_input(shard, conn, (struct bytes){0});
}

void conn_on_recv(struct shard *shard, struct conn *conn, const struct ring_event *event)
{
    if (event->result > 0) {
        conn->fed_turn = shard->turns_count;
        conn->heard_ns = shard->now;
        if (conn->state == CONN_OPEN)
            take_input(shard, conn, bytes_of(event->data, (size_t)event->result));
        ring_buffer_return(shard->ring, event->buffer);
    }
    if (conn->state == CONN_CLOSING) {
        end_at_turn(shard, conn);
    } else if (event->result == 0) {
        conn->is_at_end = true;
        if (conn->state == CONN_PARTING)
            abandon(shard, conn);
        else if (!session_is_stalled(&conn->session)) /* else once all that came has been taken */
            end_at_turn(shard, conn);
    } else if (event->result < 0 && event->result != -ECANCELED && event->result != -ENOBUFS) {
        abandon(shard, conn);
    } else if (event->is_last && !list_is_linked(&conn->starved)) {
        if (conn->fed_turn == shard->turns_count)
            list_push_back(&shard->starved, &conn->starved);
        else
            list_push_front(&shard->starved, &conn->starved);
    }
}

void conn_on_send(struct shard *shard, struct conn *conn, const struct ring_event *event)
{
    struct output *output = &conn->session.output;
    struct slice slice;
    output_sent(output, event->result > 0 ? (size_t)event->result : 0);
    while (output_take_sent(output, &slice))
        shard_release(shard, conn->id, &slice);
    if (event->result <= 0)
        abandon(shard, conn);
    if (conn->state == CONN_CLOSING)
        end_at_turn(shard, conn);
    else
        mark_dirty(shard, conn);
}

void conn_effect(struct shard *shard, struct conn *conn, const struct effect *effect)
{
    if (!session_effect(&conn->session, effect))
        shard_discard(shard, effect);
    if (conn->session.state == SESSION_CLOSED)
        drain(shard, conn);
    if (conn->state != CONN_CLOSING)
        mark_dirty(shard, conn);
    if (conn->is_at_end && !conn->is_attached)
        end_at_turn(shard, conn);
}

/* Stops receiving from a client whose requests cannot be taken yet, and goes on when they can. */
static void balance(struct shard *shard, struct conn *conn)
{
    bool is_behind = conn->state == CONN_OPEN &&
                     (session_is_clogged(&conn->session) || session_is_stalled(&conn->session));
    if (is_behind && !conn->is_paused && conn->recv.is_active)
        ring_cancel(shard->ring, &conn->recv);
    bool may_receive = conn->is_paused && !is_behind;
    conn->is_paused = is_behind;
    if (may_receive)
        conn_receive(shard, conn);
    if (session_can_resume(&conn->session) && !list_is_linked(&conn->resuming))
        list_push_back(&shard->resuming, &conn->resuming);
}

static void watch(struct shard *shard, struct conn *conn)
{
    conn->watch_ns = in_about(shard, shard->options.peer_timeout_ns / WATCH_PARTS);
    list_push_back(&shard->watched, &conn->watched);
}

/* A peer that owes nothing is left to keep-alive; one whose host is not heard any more is gone. */
void conn_watch(struct shard *shard, struct conn *conn)
{
    uint64_t silent_ns, since_ns = shard->now - conn->watch_since_ns;
    if (conn->state == CONN_CLOSING || !ring_silence(shard->ring, conn->fd, &silent_ns))
        return;
    silent_ns = silent_ns < since_ns ? silent_ns : since_ns;
    if (silent_ns >= shard->options.peer_timeout_ns)
        abandon(shard, conn);
    else
        watch(shard, conn);
}

static void send_output(struct shard *shard, struct conn *conn)
{
    unsigned count;
    const struct iovec *vector = output_begin(&conn->session.output, &count);
    ring_send(shard->ring, &conn->send, conn->fd, vector, count);
    if (shard->options.peer_timeout_ns == 0 || list_is_linked(&conn->watched))
        return;
    conn->watch_since_ns = shard->now;
    watch(shard, conn);
}

/* Ends the sending of a connection that has said its last words. */
static void part(struct shard *shard, struct conn *conn)
{
    set_state(shard, conn, CONN_PARTING);
    ring_shutdown(shard->ring, conn->fd, SHUT_WR);
    if (conn->is_at_end)
        abandon(shard, conn);
}

void conn_write(struct shard *shard, struct conn *conn)
{
    session_turn(&conn->session);
    if (conn->state == CONN_CLOSING)
        return;
    if (!conn->send.is_active && session_wants_send(&conn->session))
        send_output(shard, conn);
    else if (!conn->send.is_active && conn->state == CONN_DRAINING)
        part(shard, conn);
    if (conn->state != CONN_CLOSING)
        balance(shard, conn);
}

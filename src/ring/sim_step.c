/* What the ops do when their turn comes. */
#include "base/hash.h"
#include "ring/sim_ring.h"

#include <errno.h>
#include <poll.h>

enum {
    SMALL_CUT = 16,
    CHECKSUM_EDGE = 32,
};

int *sim_op_place(struct ring *ring, int fd, enum op_kind kind)
{
    if (kind == OP_POLL)
        return &network_outsider(ring, fd)->op;
    return &network_descriptor(ring, fd)->ops[kind];
}

uint64_t sim_pieces_checksum(const struct op *op)
{
    uint64_t sum = op->piece_count;
    for (unsigned i = 0; i < op->piece_count; i++) {
        const unsigned char *data = op->pieces[i].iov_base;
        size_t size = op->pieces[i].iov_len;
        size_t edge = size < CHECKSUM_EDGE ? size : CHECKSUM_EDGE;
        sum = sum * 31 + size;
        for (size_t at = 0; at < edge; at++)
            sum = sum * 31 + data[at] + ((uint64_t)data[size - 1 - at] << 32);
    }
    return sum;
}

static void op_end(struct ring *ring, struct op *op)
{
    int index = (int)(op - ring->ops);
    int *place = sim_op_place(ring, op->fd, op->kind);
    assert(*place == index);
    assert(op->io->is_active && op->io->number == (uint32_t)index); /* freed in flight */
    *place = NONE;
    op->io->is_active = false;
    op->io = NULL;
    op->next_free = ring->op_free;
    ring->op_free = index;
    ring->op_active_count--;
}

static void trace_fold(struct ring *ring, uint64_t value)
{
    ring->trace = hash_mix(ring->trace ^ value);
}

static struct ring_event *emit(struct ring *ring, struct batch *batch, struct op *op,
                               int32_t result, bool is_last)
{
    assert(batch->count < batch->room);
    struct ring_event *event = &batch->events[batch->count++];
    *event = (struct ring_event){.io = op->io, .result = result, .is_last = is_last};
    trace_fold(ring, ring->counters.waits);
    trace_fold(ring, (uint64_t)op->io->number << 8 | (uint64_t)op->kind << 1 | is_last);
    trace_fold(ring, (uint32_t)result);
    ring->counters.events++;
    if (is_last && op->is_cancelled && result != -ECANCELED)
        ring->counters.cancel_losses++;
    if (is_last)
        op_end(ring, op);
    return event;
}

/* Accepting. A step returns whether there is more to do at once. */

static bool step_accept(struct ring *ring, struct batch *batch, struct op *op)
{
    const struct sim_options *options = &ring->options;
    struct listener *listener = network_listener(ring, op->fd);
    if (listener->backlog_count == 0)
        return false;
    bool is_full =
        options->descriptors_max && ring->descriptor_used_count >= options->descriptors_max;
    if (is_full || sim_chance(ring, options->accept_full)) {
        ring->counters.accept_fulls++;
        emit(ring, batch, op, -EMFILE, true);
        return false;
    }
    if (sim_chance(ring, options->accept_abort)) {
        ring->counters.accept_aborts++;
        network_abort(ring, listener);
        emit(ring, batch, op, -ECONNABORTED, true);
        return false;
    }
    int fd = network_accept(ring, listener);
    bool is_last = sim_chance(ring, options->accept_end);
    ring->counters.accept_ends += is_last;
    emit(ring, batch, op, fd, is_last);
    return !is_last && listener->backlog_count > 0;
}

/* Receiving. */

static size_t recv_size(struct ring *ring, const struct wire *wire)
{
    size_t size = wire->in.count < ring->buffer_size ? wire->in.count : ring->buffer_size;
    if (size < 2 || !sim_chance(ring, ring->options.recv_cut))
        return size;
    ring->counters.recv_cuts++;
    size_t bound = random_below(&ring->random, 2) && size > SMALL_CUT ? SMALL_CUT : size - 1;
    return 1 + random_below(&ring->random, bound);
}

static bool recv_piece(struct ring *ring, struct batch *batch, struct op *op, struct wire *wire)
{
    size_t size = recv_size(ring, wire);
    uint16_t buffer = sim_buffer_take(ring, size);
    unsigned char *data = sim_buffer_bytes(ring, buffer);
    stream_pop(&wire->in, data, size);
    trace_fold(ring, (uint64_t)buffer << 16 | (uint64_t)data[0] << 8 | data[size - 1]);
    bool is_last = sim_chance(ring, ring->options.recv_end);
    ring->counters.recv_ends += is_last;
    struct ring_event *event = emit(ring, batch, op, (int32_t)size, is_last);
    event->data = data;
    event->buffer = buffer;
    return !is_last;
}

/* The result of a receive that finds no bytes and no more to come; 1: there is more to come. */
static int recv_outcome(struct ring *ring, struct wire *wire)
{
    if (wire->is_reset && !wire->is_reset_told) {
        wire->is_reset_told = true;
        ring->counters.recv_resets++;
        return -ECONNRESET;
    }
    bool is_end = wire->is_reset || wire->is_read_shut || wire->is_client_ended;
    return is_end ? 0 : 1;
}

static bool step_recv(struct ring *ring, struct batch *batch, struct op *op)
{
    struct wire *wire = network_wire(ring, op->fd);
    if (sim_chance(ring, ring->options.recv_reset))
        network_reset(ring, wire);
    while (batch->count < batch->room) {
        if (ring->buffer_free_count == 0) {
            ring->counters.recv_outs++;
            emit(ring, batch, op, -ENOBUFS, true);
            return false;
        }
        if (wire->in.count == 0) {
            int outcome = recv_outcome(ring, wire);
            if (outcome <= 0)
                emit(ring, batch, op, outcome, true);
            return false;
        }
        if (sim_chance(ring, ring->options.recv_starve)) {
            ring->counters.recv_starves++;
            emit(ring, batch, op, -ENOBUFS, true);
            return false;
        }
        if (!recv_piece(ring, batch, op, wire))
            return false;
        if (sim_chance(ring, ring->options.recv_cut))
            break;
    }
    return true;
}

/* Sending. */

/* Moves at most `size` of the bytes not sent yet. */
static void send_move(struct op *op, struct wire *wire, size_t size)
{
    size_t skip = op->sent;
    for (unsigned i = 0; i < op->piece_count && size; i++) {
        const struct iovec *piece = &op->pieces[i];
        if (skip >= piece->iov_len) {
            skip -= piece->iov_len;
            continue;
        }
        size_t part = piece->iov_len - skip < size ? piece->iov_len - skip : size;
        size_t moved = stream_push(&wire->out, (unsigned char *)piece->iov_base + skip, part);
        assert(moved == part);
        op->sent += part;
        size -= part;
        skip = 0;
    }
}

static void send_finish(struct op *op, int32_t error)
{
    op->is_done = true;
    op->result = op->sent ? (int32_t)op->sent : error;
}

static void send_fail(struct ring *ring, struct op *op, struct wire *wire)
{
    bool is_told = wire->is_reset_told || !wire->is_reset;
    wire->is_reset_told |= wire->is_reset;
    if (op->sent == 0)
        *(is_told ? &ring->counters.send_pipes : &ring->counters.send_resets) += 1;
    send_finish(op, is_told ? -EPIPE : -ECONNRESET);
}

/* A client that closed takes no more; its kernel answers the first bytes with a reset. */
static void send_to_nobody(struct ring *ring, struct op *op, struct wire *wire)
{
    network_reset(ring, wire);
    if (random_below(&ring->random, 2)) {
        send_fail(ring, op, wire);
        return;
    }
    op->sent = op->size;
    send_finish(op, 0);
}

static void send_some(struct ring *ring, struct op *op, struct wire *wire)
{
    size_t left = op->size - op->sent;
    size_t room = wire->out.size - wire->out.count;
    size_t size = left < room ? left : room;
    bool is_short = size > 1 && sim_chance(ring, ring->options.send_short);
    if (is_short)
        size = 1 + random_below(&ring->random, size - 1);
    send_move(op, wire, size);
    if (size)
        network_notify(ring, wire);
    ring->counters.send_shorts += is_short;
    if (is_short || op->sent == op->size) {
        send_finish(op, 0);
    } else if (!op->is_blocked) {
        op->is_blocked = true;
        ring->counters.send_blocks++;
    }
}

static bool step_send(struct ring *ring, struct batch *batch, struct op *op)
{
    if (!op->is_done) {
        struct wire *wire = network_wire(ring, op->fd);
        if (sim_chance(ring, ring->options.send_reset))
            network_reset(ring, wire);
        if (wire->is_reset || wire->is_write_shut)
            send_fail(ring, op, wire);
        else if (wire->is_client_gone)
            send_to_nobody(ring, op, wire);
        else
            send_some(ring, op, wire);
        if (!op->is_done)
            return false;
        if (sim_chance(ring, ring->options.delay)) {
            ring->counters.send_delays++;
            return true;
        }
    }
    assert(sim_pieces_checksum(op) == op->checksum); /* changed in flight */
    emit(ring, batch, op, op->result, true);
    return false;
}

static bool step_poll(struct ring *ring, struct batch *batch, struct op *op)
{
    if (network_outsider(ring, op->fd)->is_readable)
        emit(ring, batch, op, POLLIN, true);
    return false;
}

/* Ends a cancelled op, unless its own result is to win the race. Returns whether it has ended. */
static bool end_cancelled(struct ring *ring, struct batch *batch, struct op *op)
{
    if (op->is_done)
        return false;
    if (!op->is_cancel_late && sim_chance(ring, ring->options.cancel_late)) {
        op->is_cancel_late = true;
        return false;
    }
    if (op->sent) { /* half a send has happened */
        emit(ring, batch, op, (int32_t)op->sent, true);
        return true;
    }
    bool is_starved = op->kind == OP_RECV && sim_chance(ring, ring->options.cancel_starve);
    ring->counters.cancel_starves += is_starved;
    ring->counters.cancel_wins += !is_starved;
    op->is_cancelled = false; /* counted */
    emit(ring, batch, op, is_starved ? -ENOBUFS : -ECANCELED, true);
    return true;
}

bool sim_step(struct ring *ring, struct batch *batch, struct op *op)
{
    uint64_t wait = ring->counters.waits;
    if (op->due > wait)
        return true;
    if (sim_chance(ring, ring->options.delay)) {
        op->due = wait + 1 + random_below(&ring->random, ring->options.delay_waits_max);
        ring->counters.delays++;
        return true;
    }
    bool is_cancelled = op->is_cancelled;
    if (is_cancelled && end_cancelled(ring, batch, op))
        return false;
    bool is_more = false;
    switch (op->kind) {
    case OP_ACCEPT: is_more = step_accept(ring, batch, op); break;
    case OP_RECV: is_more = step_recv(ring, batch, op); break;
    case OP_SEND: is_more = step_send(ring, batch, op); break;
    case OP_POLL: is_more = step_poll(ring, batch, op); break;
    case OP_KINDS: assert(false);
    }
    return is_more || (is_cancelled && op->io);
}

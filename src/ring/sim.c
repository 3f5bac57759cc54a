/*
 * The simulated ring.
 *
 * Started ios are ops. Those that may have something to do stand in a queue; ring_wait lets each take one step, in the order or disorder
 * that chance wants, and writes down the events that come of it. A send's bytes move in one step and its event may come in a later one.
 * All that chance decides comes from one stream of random numbers, drawn in an order that depends on nothing but the calls made.
 */
#include "ring/sim.h"

#include "base/array.h"
#include "base/time.h"
#include "ring/sim_ring.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PIECES_MAX = 1024,
    PORT_FIRST = 20000,
    EVENTS_FEW = 4, /* in a wait whose completion queue is full */
};

#define TIME_START (UINT64_C(1000) * NS_PER_S)

/* Options. */

struct sim_options sim_options_calm(void)
{
    return (struct sim_options){.in_size = 64 * 1024, .out_size = 64 * 1024};
}

struct sim_options sim_options_wild(void)
{
    return (struct sim_options){
        .delay = 200,
        .delay_waits_max = 8,
        .reorder = 700,
        .completion_full = 50,
        .recv_cut = 300,
        .recv_end = 30,
        .recv_starve = 10,
        .recv_reset = 1,
        .send_short = 100,
        .send_reset = 1,
        .accept_end = 100,
        .accept_full = 20,
        .accept_abort = 20,
        .cancel_late = 500,
        .cancel_starve = 300,
        .in_size = 4096,
        .out_size = 4096,
    };
}

void sim_configure(struct ring *ring, const struct sim_options *options)
{
    assert(options->delay < 1000);
    assert(options->in_size && options->out_size);
    ring->options = *options;
}

const struct sim_counters *sim_counters(const struct ring *ring)
{
    return &ring->counters;
}

uint64_t sim_trace_hash(const struct ring *ring)
{
    return ring->trace;
}

uint64_t sim_time(const struct ring *ring)
{
    return ring->time;
}

void sim_advance(struct ring *ring, uint64_t ns)
{
    ring->time += ns;
}

uint64_t sim_deadline(const struct ring *ring)
{
    return ring->deadline;
}

bool sim_is_quiet(const struct ring *ring)
{
    return ring->queue_count == 0;
}

unsigned sim_descriptor_count(const struct ring *ring)
{
    return ring->descriptor_used_count;
}

unsigned sim_lent_count(const struct ring *ring)
{
    return ring->buffer_count - ring->buffer_free_count;
}

unsigned sim_active_count(const struct ring *ring)
{
    return ring->op_active_count;
}

uint64_t ring_now(const struct ring *ring)
{
    return ring->now;
}

/* Only the test moves the clock. */
void ring_sleep(struct ring *ring, uint64_t ns)
{
    (void)ring;
    (void)ns;
}

uint64_t ring_epoch(const struct ring *ring)
{
    (void)ring;
    return UINT64_C(1000000000) * NS_PER_S; /* its world began in 2001 */
}

/* Ops. */

void sim_op_wake(struct ring *ring, int index)
{
    if (index == NONE || ring->ops[index].is_queued)
        return;
    ring->ops[index].is_queued = true;
    ring->queue = array_reserve(ring->queue, &ring->queue_capacity, ring->queue_count + 1,
                                sizeof *ring->queue);
    ring->queue[ring->queue_count++] = index;
}

static struct op *op_start(struct ring *ring, struct io *io, int fd, enum op_kind kind)
{
    int *place = sim_op_place(ring, fd, kind);
    assert(!io->is_active);
    assert(*place == NONE); /* two of a kind on one descriptor: their order would be chance */
    int index = ring->op_free;
    if (index == NONE) {
        ring->ops =
            array_reserve(ring->ops, &ring->op_capacity, ring->op_count + 1, sizeof *ring->ops);
        index = (int)ring->op_count++;
    } else {
        ring->op_free = ring->ops[index].next_free;
    }
    struct op *op = &ring->ops[index];
    *op = (struct op){.io = io, .kind = kind, .fd = fd};
    *place = index;
    io->is_active = true;
    io->number = (uint32_t)index;
    ring->op_active_count++;
    sim_op_wake(ring, index);
    return op;
}

/* Turns. */

static void queue_run(struct ring *ring, struct batch *batch, bool is_random)
{
    size_t kept = 0;
    /* Steps can wake further ops, which then stand at the end. */
    for (size_t i = 0; i < ring->queue_count; i++) {
        size_t pick = is_random ? i + random_below(&ring->random, ring->queue_count - i) : i;
        int index = ring->queue[pick];
        ring->queue[pick] = ring->queue[i];
        bool stays = batch->count == batch->room || sim_step(ring, batch, &ring->ops[index]);
        if (stays)
            ring->queue[kept++] = index;
        else
            ring->ops[index].is_queued = false;
    }
    ring->queue_count = kept;
}

unsigned ring_wait(struct ring *ring, uint64_t deadline, struct ring_event *events)
{
    ring->now = ring->time;
    ring->deadline = deadline;
    ring->counters.waits++;
    struct batch batch = {.events = events, .room = RING_EVENTS_MAX};
    if (sim_chance(ring, ring->options.completion_full))
        batch.room = EVENTS_FEW;
    bool is_random = ring->queue_count > 1 && sim_chance(ring, ring->options.reorder);
    ring->counters.reorders += is_random;
    queue_run(ring, &batch, is_random);
    ring->counters.completion_fulls += batch.count == batch.room && ring->queue_count > 0;
    return batch.count;
}

/* Starting. */

void ring_accept(struct ring *ring, struct io *io, int fd)
{
    (void)network_listener(ring, fd);
    op_start(ring, io, fd, OP_ACCEPT);
}

void ring_recv(struct ring *ring, struct io *io, int fd)
{
    (void)network_wire(ring, fd);
    op_start(ring, io, fd, OP_RECV);
}

void ring_send(struct ring *ring, struct io *io, int fd, const struct iovec *pieces, unsigned count)
{
    assert(count >= 1 && count <= PIECES_MAX);
    (void)network_wire(ring, fd);
    struct op *op = op_start(ring, io, fd, OP_SEND);
    op->pieces = pieces;
    op->piece_count = count;
    for (unsigned i = 0; i < count; i++)
        op->size += pieces[i].iov_len;
    assert(op->size > 0 && op->size <= INT32_MAX);
    op->checksum = sim_pieces_checksum(op);
}

void ring_poll(struct ring *ring, struct io *io, int fd)
{
    op_start(ring, io, fd, OP_POLL);
}

void ring_cancel(struct ring *ring, struct io *io)
{
    assert(io->is_active && io->number < ring->op_count);
    struct op *op = &ring->ops[io->number];
    assert(op->io == io);
    op->is_cancelled = true;
    sim_op_wake(ring, (int)io->number);
}

/* Life. */

int ring_create(struct ring **out, const struct ring_options *options)
{
    struct ring *ring = memory_create(sizeof *ring);
    *ring = (struct ring){
        .options = sim_options_calm(),
        .random = {options->seed},
        .time = TIME_START,
        .now = TIME_START,
        .deadline = TIME_NEVER,
        .op_free = NONE,
        .descriptor_free = NONE,
        .wire_free = NONE,
        .port_next = PORT_FIRST,
    };
    sim_buffers_init(ring, options);
    *out = ring;
    return 0;
}

void ring_destroy(struct ring *ring)
{
    if (!ring)
        return;
    network_finish(ring);
    sim_buffers_finish(ring);
    memory_free(ring->ops);
    memory_free(ring->queue);
    memory_free(ring);
}

void ring_explain(int error, char *text, size_t size)
{
    assert(size > 0);
    snprintf(text, size, "The simulated ring fails with %s.\n", strerror(-error));
}

int ring_check(char *text, size_t size)
{
    assert(size > 0);
    snprintf(text, size, "simulated ring\n");
    return 0;
}

#include "base/array.h"
#include "ring/sim_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Streams. */

static void stream_init(struct stream *stream, size_t size)
{
    assert(size > 0);
    if (stream->size != size) {
        memory_free(stream->data);
        stream->data = memory_create(size);
    }
    *stream = (struct stream){.data = stream->data, .size = size};
}

size_t stream_push(struct stream *stream, const unsigned char *data, size_t size)
{
    size_t room = stream->size - stream->count;
    size = size < room ? size : room;
    size_t tail = (stream->head + stream->count) % stream->size;
    size_t first = size < stream->size - tail ? size : stream->size - tail;
    if (first)
        memcpy(stream->data + tail, data, first);
    if (size > first)
        memcpy(stream->data, data + first, size - first);
    stream->count += size;
    return size;
}

size_t stream_pop(struct stream *stream, unsigned char *data, size_t size)
{
    size = size < stream->count ? size : stream->count;
    size_t first = stream->size - stream->head;
    first = size < first ? size : first;
    if (first)
        memcpy(data, stream->data + stream->head, first);
    if (size > first)
        memcpy(data + first, stream->data, size - first);
    stream->head = (stream->head + size) % stream->size;
    stream->count -= size;
    return size;
}

void stream_clear(struct stream *stream)
{
    stream->head = stream->count = 0;
}

/* Descriptors. A number that was closed is the next to come again, as in Linux. */

struct descriptor *network_descriptor(struct ring *ring, int fd)
{
    size_t index = (size_t)(fd - DESCRIPTOR_FIRST);
    assert(fd >= DESCRIPTOR_FIRST && index < ring->descriptor_count);
    struct descriptor *descriptor = &ring->descriptors[index];
    assert(descriptor->kind != DESCRIPTOR_FREE);
    return descriptor;
}

struct wire *network_wire(struct ring *ring, int fd)
{
    const struct descriptor *descriptor = network_descriptor(ring, fd);
    assert(descriptor->kind == DESCRIPTOR_WIRE);
    return &ring->wires[descriptor->index];
}

struct listener *network_listener(struct ring *ring, int fd)
{
    const struct descriptor *descriptor = network_descriptor(ring, fd);
    assert(descriptor->kind == DESCRIPTOR_LISTENER);
    return &ring->listeners[descriptor->index];
}

static int descriptor_open(struct ring *ring, int kind, int index)
{
    int place = ring->descriptor_free;
    if (place == NONE) {
        ring->descriptors = array_reserve(ring->descriptors, &ring->descriptor_capacity,
                                          ring->descriptor_count + 1, sizeof *ring->descriptors);
        place = (int)ring->descriptor_count++;
    } else {
        ring->descriptor_free = ring->descriptors[place].next_free;
    }
    struct descriptor *descriptor = &ring->descriptors[place];
    *descriptor = (struct descriptor){.kind = kind, .index = index};
    for (int op = 0; op < OP_KINDS; op++)
        descriptor->ops[op] = NONE;
    ring->descriptor_used_count++;
    return DESCRIPTOR_FIRST + place;
}

static void descriptor_close(struct ring *ring, int fd)
{
    struct descriptor *descriptor = network_descriptor(ring, fd);
    for (int op = 0; op < OP_KINDS; op++)
        assert(descriptor->ops[op] == NONE); /* closed with an io in flight */
    descriptor->kind = DESCRIPTOR_FREE;
    descriptor->next_free = ring->descriptor_free;
    ring->descriptor_free = fd - DESCRIPTOR_FIRST;
    ring->descriptor_used_count--;
}

/* Wires. */

static int wire_take(struct ring *ring)
{
    int index = ring->wire_free;
    if (index == NONE) {
        ring->wires = array_reserve(ring->wires, &ring->wire_capacity, ring->wire_count + 1,
                                    sizeof *ring->wires);
        index = (int)ring->wire_count++;
        ring->wires[index] = (struct wire){0};
    } else {
        ring->wire_free = ring->wires[index].next_free;
    }
    struct wire *wire = &ring->wires[index];
    *wire = (struct wire){
        .in = wire->in, .out = wire->out, .is_ready = wire->is_ready, .fd = NONE, .is_used = true};
    stream_init(&wire->in, ring->options.in_size);
    stream_init(&wire->out, ring->options.out_size);
    return index;
}

void network_wire_drop(struct ring *ring, struct wire *wire)
{
    if (!wire->is_client_gone || !wire->is_server_closed)
        return;
    assert(wire->is_used);
    wire->is_used = false;
    wire->next_free = ring->wire_free;
    ring->wire_free = (int)(wire - ring->wires);
}

void network_notify(struct ring *ring, struct wire *wire)
{
    if (wire->is_ready || wire->is_client_gone || wire->is_vanished)
        return;
    wire->is_ready = true;
    ring->ready = array_reserve(ring->ready, &ring->ready_capacity, ring->ready_count + 1,
                                sizeof *ring->ready);
    ring->ready[ring->ready_count++] = (int)(wire - ring->wires);
}

void network_wake(struct ring *ring, const struct wire *wire, enum op_kind kind)
{
    if (wire->fd != NONE)
        sim_op_wake(ring, network_descriptor(ring, wire->fd)->ops[kind]);
}

void network_reset(struct ring *ring, struct wire *wire)
{
    if (wire->is_reset)
        return;
    wire->is_reset = true;
    stream_clear(&wire->out);
    if (random_below(&ring->random, 2)) /* what came before the reset may be read, or not */
        stream_clear(&wire->in);
    network_wake(ring, wire, OP_RECV);
    network_wake(ring, wire, OP_SEND);
    network_notify(ring, wire);
}

int network_connect(struct ring *ring, struct listener *listener)
{
    int index = wire_take(ring);
    listener->backlog = array_reserve(listener->backlog, &listener->backlog_capacity,
                                      listener->backlog_count + 1, sizeof *listener->backlog);
    listener->backlog[listener->backlog_count++] = index;
    sim_op_wake(ring, network_descriptor(ring, listener->fd)->ops[OP_ACCEPT]);
    return index;
}

static struct wire *backlog_pop(struct ring *ring, struct listener *listener)
{
    assert(listener->backlog_head < listener->backlog_count);
    int index = listener->backlog[listener->backlog_head++];
    if (listener->backlog_head == listener->backlog_count)
        listener->backlog_head = listener->backlog_count = 0;
    return &ring->wires[index];
}

int network_accept(struct ring *ring, struct listener *listener)
{
    struct wire *wire = backlog_pop(ring, listener);
    wire->fd = descriptor_open(ring, DESCRIPTOR_WIRE, (int)(wire - ring->wires));
    return wire->fd;
}

void network_abort(struct ring *ring, struct listener *listener)
{
    struct wire *wire = backlog_pop(ring, listener);
    network_reset(ring, wire);
    wire->is_server_closed = true;
    network_wire_drop(ring, wire);
}

/* Listeners. */

static bool is_same_address(const struct ring_address *a, const struct ring_address *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == RING_ADDRESS_UNIX)
        return strcmp(a->path, b->path) == 0;
    size_t host_size = a->kind == RING_ADDRESS_TCP4 ? 4 : 16;
    return a->port == b->port && memcmp(a->host, b->host, host_size) == 0;
}

int ring_listen(struct ring *ring, const struct ring_address *address)
{
    struct ring_address own = *address;
    if (own.kind != RING_ADDRESS_UNIX && own.port == 0)
        own.port = ring->port_next++;
    size_t place = ring->listener_count;
    for (size_t i = 0; i < ring->listener_count; i++) {
        if (ring->listeners[i].fd == NONE)
            place = i;
        else if (is_same_address(&ring->listeners[i].address, &own))
            return -EADDRINUSE;
    }
    if (place == ring->listener_count) {
        ring->listeners = array_reserve(ring->listeners, &ring->listener_capacity, place + 1,
                                        sizeof *ring->listeners);
        ring->listener_count++;
    }
    int fd = descriptor_open(ring, DESCRIPTOR_LISTENER, (int)place);
    ring->listeners[place] = (struct listener){.address = own, .fd = fd};
    return fd;
}

uint16_t ring_listen_port(struct ring *ring, int fd)
{
    return network_listener(ring, fd)->address.port;
}

/* A vanished client has never been heard. */
bool ring_silence(struct ring *ring, int fd, uint64_t *silent_ns)
{
    const struct wire *wire = network_wire(ring, fd);
    *silent_ns = wire->is_vanished ? ring->time : 0;
    return wire->out.count > 0;
}

size_t ring_unread(struct ring *ring, int fd)
{
    return network_wire(ring, fd)->in.count;
}

int ring_peer(struct ring *ring, int fd, struct ring_address *address)
{
    assert(network_wire(ring, fd)->is_used);
    *address = (struct ring_address){.host = {127, 0, 0, 1}};
    return 0;
}

bool ring_turn_away(struct ring *ring, int fd)
{
    struct listener *listener = network_listener(ring, fd);
    assert(network_descriptor(ring, fd)->ops[OP_ACCEPT] == NONE);
    if (listener->backlog_count == 0)
        return false;
    network_abort(ring, listener);
    return true;
}

static void listener_close(struct ring *ring, struct listener *listener)
{
    while (listener->backlog_head < listener->backlog_count)
        network_abort(ring, listener);
    memory_free(listener->backlog);
    *listener = (struct listener){.fd = NONE};
}

/* The server's calls on connections. */

void ring_shutdown(struct ring *ring, int fd, int how)
{
    struct wire *wire = network_wire(ring, fd);
    assert(how == SHUT_WR || how == SHUT_RDWR);
    wire->is_write_shut = true;
    wire->is_read_shut |= how == SHUT_RDWR;
    network_wake(ring, wire, OP_SEND);
    network_wake(ring, wire, OP_RECV);
    network_notify(ring, wire);
}

static void wire_close(struct ring *ring, struct wire *wire)
{
    bool is_unread = wire->in.count > 0;
    wire->fd = NONE;
    wire->is_server_closed = true;
    wire->is_write_shut = true;
    wire->is_reset |= is_unread; /* Linux breaks a connection that is closed with bytes unread */
    network_notify(ring, wire);
    network_wire_drop(ring, wire);
}

void ring_close(struct ring *ring, int fd)
{
    if (fd < DESCRIPTOR_FIRST) {
        assert(network_outsider(ring, fd)->op == NONE);
        (void)close(fd);
        return;
    }
    const struct descriptor descriptor = *network_descriptor(ring, fd);
    descriptor_close(ring, fd);
    if (descriptor.kind == DESCRIPTOR_WIRE)
        wire_close(ring, &ring->wires[descriptor.index]);
    else
        listener_close(ring, &ring->listeners[descriptor.index]);
}

struct outsider *network_outsider(struct ring *ring, int fd)
{
    assert(fd < DESCRIPTOR_FIRST);
    for (size_t i = 0; i < ring->outsider_count; i++)
        if (ring->outsiders[i].fd == fd)
            return &ring->outsiders[i];
    ring->outsiders = array_reserve(ring->outsiders, &ring->outsider_capacity,
                                    ring->outsider_count + 1, sizeof *ring->outsiders);
    struct outsider *outsider = &ring->outsiders[ring->outsider_count++];
    *outsider = (struct outsider){.fd = fd, .op = NONE};
    return outsider;
}

void network_finish(struct ring *ring)
{
    for (size_t i = 0; i < ring->wire_count; i++) {
        memory_free(ring->wires[i].in.data);
        memory_free(ring->wires[i].out.data);
    }
    for (size_t i = 0; i < ring->listener_count; i++)
        memory_free(ring->listeners[i].backlog);
    memory_free(ring->wires);
    memory_free(ring->listeners);
    memory_free(ring->descriptors);
    memory_free(ring->ready);
    memory_free(ring->outsiders);
}

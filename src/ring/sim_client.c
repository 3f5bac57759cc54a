#include "ring/sim_ring.h"

#include <errno.h>

static struct wire *client_wire(const struct ring *ring, int client)
{
    assert(client >= 0 && (size_t)client < ring->wire_count);
    struct wire *wire = &ring->wires[client];
    assert(wire->is_used && !wire->is_client_gone);
    return wire;
}

int sim_connect(struct ring *ring, uint16_t port)
{
    for (size_t i = 0; i < ring->listener_count; i++) {
        struct listener *listener = &ring->listeners[i];
        if (listener->fd != NONE && listener->address.kind != RING_ADDRESS_UNIX &&
            listener->address.port == port)
            return network_connect(ring, listener);
    }
    return -ECONNREFUSED;
}

int sim_connect_path(struct ring *ring, const char *path)
{
    for (size_t i = 0; i < ring->listener_count; i++) {
        struct listener *listener = &ring->listeners[i];
        if (listener->fd != NONE && listener->address.kind == RING_ADDRESS_UNIX &&
            strcmp(listener->address.path, path) == 0)
            return network_connect(ring, listener);
    }
    return -ECONNREFUSED;
}

int sim_client(struct ring *ring, int fd)
{
    return (int)(network_wire(ring, fd) - ring->wires);
}

size_t sim_send(struct ring *ring, int client, const void *data, size_t size)
{
    struct wire *wire = client_wire(ring, client);
    if (wire->is_vanished || wire->is_reset || wire->is_client_ended || size == 0)
        return 0;
    if (wire->is_server_closed) { /* the server's kernel answers with a reset */
        wire->is_reset = true;
        network_notify(ring, wire);
        return 0;
    }
    size_t count = stream_push(&wire->in, data, size);
    network_wake(ring, wire, OP_RECV);
    return count;
}

size_t sim_recv(struct ring *ring, int client, void *data, size_t size)
{
    struct wire *wire = client_wire(ring, client);
    if (wire->is_vanished)
        return 0;
    size_t count = stream_pop(&wire->out, data, size);
    if (count)
        network_wake(ring, wire, OP_SEND);
    return count;
}

size_t sim_recv_size(const struct ring *ring, int client)
{
    const struct wire *wire = client_wire(ring, client);
    return wire->is_vanished ? 0 : wire->out.count;
}

enum sim_state sim_state(const struct ring *ring, int client)
{
    const struct wire *wire = client_wire(ring, client);
    if (wire->is_vanished)
        return SIM_OPEN;
    if (wire->is_reset)
        return SIM_RESET;
    return wire->is_write_shut && wire->out.count == 0 ? SIM_ENDED : SIM_OPEN;
}

void sim_shutdown(struct ring *ring, int client)
{
    struct wire *wire = client_wire(ring, client);
    if (wire->is_vanished)
        return;
    wire->is_client_ended = true;
    network_wake(ring, wire, OP_RECV);
}

static void client_drop(struct ring *ring, struct wire *wire)
{
    wire->is_client_gone = true;
    network_wake(ring, wire, OP_RECV);
    network_wake(ring, wire, OP_SEND);
    network_wire_drop(ring, wire);
}

void sim_close(struct ring *ring, int client)
{
    struct wire *wire = client_wire(ring, client);
    assert(!wire->is_vanished); /* nothing comes from it any more: sim_break */
    wire->is_client_ended = true;
    if (wire->out.count) /* closed with bytes unread */
        wire->is_reset = true;
    client_drop(ring, wire);
}

void sim_break(struct ring *ring, int client)
{
    struct wire *wire = client_wire(ring, client);
    network_reset(ring, wire);
    client_drop(ring, wire);
}

void sim_vanish(struct ring *ring, int client)
{
    client_wire(ring, client)->is_vanished = true;
}

int sim_ready(struct ring *ring)
{
    while (ring->ready_count) {
        int client = ring->ready[--ring->ready_count];
        struct wire *wire = &ring->wires[client];
        wire->is_ready = false;
        if (wire->is_used && !wire->is_client_gone && !wire->is_vanished)
            return client;
    }
    return NONE;
}

void sim_set_readable(struct ring *ring, int fd, bool is_readable)
{
    struct outsider *outsider = network_outsider(ring, fd);
    outsider->is_readable = is_readable;
    if (is_readable)
        sim_op_wake(ring, outsider->op);
}

/* Connections from the client's side: how they begin, what is sent on them, how they end. */
#include "encode.h"
#include "replay.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>

enum { WINDOW_COUNT_CAP = 65536, WINDOW_SIZE_CAP = 64 * 1024 * 1024 };

static void say_hello(struct world *world, struct link *link)
{
    struct random *random = &world->commands.random;
    struct command wish = {.kind = COMMAND_ATTACH};
    commands_fill(&world->commands, &wish, 0);
    uint64_t count =
        dice_chance(random, 30) ? ONE_OF(random, 0, UINT64_MAX) : wish.attach.window_count;
    uint64_t size =
        dice_chance(random, 30) ? ONE_OF(random, 0, UINT64_MAX) : wish.attach.window_size;
    link->has_heartbeats = dice_chance(random, 40);
    encode_hello(&link->out, count, size, link->has_heartbeats);
    link->hello_size = link->out_size = buffer_size(&link->out);
    link->window_count = count > 0 && count < WINDOW_COUNT_CAP ? count : WINDOW_COUNT_CAP;
    link->window_size = size > 0 && size < WINDOW_SIZE_CAP ? size : WINDOW_SIZE_CAP;
    world_ops_said[OP_HELLO - OP_HELLO]++;
}

struct link *world_connect(struct world *world, bool is_hello_due)
{
    int wire = sim_connect(world->ring, world->port);
    REQUIRE(wire >= 0 && wire < WORLD_LINKS_MAX, "cannot connect: %d", wire);
    struct link *link = &world->links[wire];
    REQUIRE(link->state == LINK_FREE || (link->state == LINK_LEFT && !link->is_attached),
            "a connection is closed and still attached");
    link_finish(link);
    link_open(link, wire, ++world->serial_next, sim_time(world->ring));
    world_tally.links++;
    if (world->is_trace)
        printf("link %u opens\n", link->serial);
    if (is_hello_due)
        say_hello(world, link);
    return link;
}

struct link *world_connect_redis(struct world *world)
{
    struct link *link = world_connect(world, false);
    link->redis = redis_create();
    link->window_count = WINDOW_COUNT_CAP;
    link->window_size = WINDOW_SIZE_CAP;
    return link;
}

static void note_sent(struct link *link, uint64_t before)
{
    size_t count = link->sent_count;
    while (link->sent_count < link->said_count &&
           link->said[link->sent_count].end <= link->sent_size)
        link->sent_count++;
    uint64_t whole = link->sent_count ? link->said[link->sent_count - 1].end : link->hello_size;
    if (link->sent_count - count >= 3)
        world_reach(WORLD_FRAMES_TOGETHER);
    if (!link->redis && link->sent_size > whole && link->sent_size > link->hello_size)
        world_reach(WORLD_FRAME_CUT);
    if (link->sent_size < link->hello_size)
        world_reach(WORLD_HELLO_CUT);
    if (before == 0 && link->sent_count > 0)
        world_reach(WORLD_HELLO_PIPELINED);
}

void world_send(struct world *world, struct link *link, size_t size_max)
{
    uint64_t before = link->sent_size, left = link->send_limit - before;
    size_t size = buffer_size(&link->out);
    size = size < size_max ? size : size_max;
    size = size < left ? size : left;
    if (link->state != LINK_OPEN || size == 0)
        return;
    size = sim_send(world->ring, link->wire, buffer_front(&link->out), size);
    if (size == 0)
        return;
    buffer_take(&link->out, size);
    link->sent_size += size;
    uint64_t now = sim_time(world->ring);
    link->was_silent |= link->sent_ns > 0 && now >= link->sent_ns + WORLD_LIVENESS_NS;
    link->sent_ns = now;
    if (link->spoke_ns == 0)
        link->spoke_ns = sim_time(world->ring);
    note_sent(link, before);
}

static void note_leave(const struct link *link)
{
    uint64_t whole = link->sent_count ? link->said[link->sent_count - 1].end : link->hello_size;
    if (!link->redis && link->sent_size > whole)
        world_reach(WORLD_LEFT_MID_FRAME);
    for (size_t i = 0; i < link->dues_count; i++)
        if (link->dues[link->dues_first + i].kind == DUE_MESSAGE) {
            world_reach(WORLD_LEFT_UNREAD);
            break;
        }
    for (int id = 0; id < TWIN_IDS; id++)
        if (link->consumers[id].count > 0)
            world_reach(WORLD_LEFT_WITH_LEASES);
}

/* The client forgets the connection. What the broker does with it is still followed. */
static void forget(struct world *world, struct link *link)
{
    for (int i = 0; i < WORLD_CLIENTS; i++)
        if (world->clients[i] == link)
            world->clients[i] = NULL;
}

void world_leave(struct world *world, struct link *link, enum leave how)
{
    static const char *const names[] = {"FIN", "RST", "vanishes", "half"};
    static const enum world_reach reaches[] = {WORLD_LEFT_FIN, WORLD_LEFT_RESET,
                                               WORLD_LEFT_VANISHED, WORLD_LEFT_HALF};
    assert(link->state == LINK_OPEN || (link->state == LINK_VANISHED && how == LEAVE_RESET));
    if (world->is_trace)
        printf("link %u (conn %u) %s\n", link->serial, link->peer, names[how]);
    world_reach(reaches[how]);
    if (link->state == LINK_OPEN && how != LEAVE_HALF)
        note_leave(link);
    switch (how) {
    case LEAVE_HALF:
        link->is_half_closed = true;
        link->half_ns = sim_time(world->ring);
        sim_shutdown(world->ring, link->wire);
        return;
    case LEAVE_FIN: sim_close(world->ring, link->wire); break;
    case LEAVE_RESET: sim_break(world->ring, link->wire); break;
    case LEAVE_VANISH: sim_vanish(world->ring, link->wire); break;
    }
    link->state = how == LEAVE_VANISH ? LINK_VANISHED : LINK_LEFT;
    forget(world, link);
}

/* What clients do: what the seed has chosen, much, little or never. */
#include "base/time.h"
#include "encode.h"
#include "replay.h"
#include "world.h"

enum action {
    ACT_COMMAND,
    ACT_BAD,
    ACT_FLOOD,
    ACT_STOP_READING,
    ACT_LEAVE_FIN,
    ACT_LEAVE_RESET,
    ACT_LEAVE_VANISH,
    ACT_LEAVE_HALF,
    ACT_WAIT,
    ACT_SETTLE,
    ACT_CONFIGURE,
    ACT_PRESS,
    ACTIONS,
};

enum {
    OUT_SIZE_MAX = 128 * 1024, /* bytes that a client says before it has sent some */
    LINKS_MANY = TWIN_PEERS - 2,
    VANISHED_MAX = 4,
    FLOOD = 300,
    FLOOD_OF_LARGE = 12,
    STEPS_MAX = 40, /* of waiting awake */
};

#define LEAP_NS_MAX (NS_PER_S * 86400) /* what is due later is never */

static uint64_t below(struct world *world, uint64_t bound)
{
    return random_below(&world->commands.random, bound);
}

static bool chance(struct world *world, unsigned percent)
{
    return dice_chance(&world->commands.random, percent);
}

static void choose_sizes(struct world *world)
{
    struct random *random = &world->commands.random;
    struct swarm *swarm = &world->commands.swarm;
    swarm->weights[COMMAND_ATTACH] = swarm->weights[COMMAND_DETACH] = 0;
    swarm->size_max = (uint32_t)ONE_OF(random, 1, 20, 20, 60, 60, 100, 300, 300, 3000);
    swarm->run_max = (uint32_t)ONE_OF(random, 1, 3, 3, 10, 10, 40, 100);
    swarm->bytes_max = 2000;
    if (chance(world, 3)) {
        swarm->size_max = (uint32_t)ONE_OF(random, 20000, 40000, 300000);
        swarm->bytes_max = 40000;
    }
    if (chance(world, 50))
        swarm->window_max = 65536;
}

void world_choose(struct world *world)
{
    static const unsigned usual[ACTIONS] = {
        [ACT_COMMAND] = 2000,    [ACT_BAD] = 60,       [ACT_FLOOD] = 1,
        [ACT_STOP_READING] = 10, [ACT_LEAVE_FIN] = 6,  [ACT_LEAVE_RESET] = 4,
        [ACT_LEAVE_VANISH] = 2,  [ACT_LEAVE_HALF] = 5, [ACT_WAIT] = 1,
        [ACT_SETTLE] = 10,       [ACT_CONFIGURE] = 2,  [ACT_PRESS] = 6,
    };
    struct random *random = &world->commands.random;
    for (unsigned action = 0; action < ACTIONS; action++)
        world->swarm.weights[action] = usual[action] * (unsigned)ONE_OF(random, 0, 1, 1, 3);
    world->swarm.weights[ACT_COMMAND] = usual[ACT_COMMAND];
    if (chance(world, 70))
        world->swarm.weights[ACT_CONFIGURE] = world->swarm.weights[ACT_PRESS] = 0;
    world->swarm.may_press = world->swarm.weights[ACT_PRESS] > 0;
    world->swarm.redis_percent = (unsigned)ONE_OF(random, 0, 0, 20, 50);
    world->swarm.turn_percent = (unsigned)ONE_OF(random, 100, 50, 50, 20, 5);
    world->swarm.read_percent = (unsigned)ONE_OF(random, 100, 100, 50, 10);
    world->swarm.write_percent = (unsigned)ONE_OF(random, 100, 100, 50, 20);
    world->swarm.step_ns_max = ONE_OF(random, NS_PER_US, NS_PER_MS, NS_PER_MS, 20 * NS_PER_MS);
    choose_sizes(world);
}

/* Connections. */

static unsigned links_count(const struct world *world, enum link_state state)
{
    unsigned count = 0;
    for (int i = 0; i < WORLD_LINKS_MAX; i++)
        count += world->links[i].state == state;
    return count;
}

static void break_vanished(struct world *world)
{
    for (int i = 0; i < WORLD_LINKS_MAX; i++)
        if (world->links[i].state == LINK_VANISHED) {
            world_leave(world, &world->links[i], LEAVE_RESET);
            return;
        }
}

static void connect_client(struct world *world, int client)
{
    bool is_odd = chance(world, 10), is_redis = chance(world, world->swarm.redis_percent);
    if (links_count(world, LINK_FREE) <= WORLD_LINKS_MAX - LINKS_MANY)
        world_settle(world);
    if (is_redis) {
        world->clients[client] = world_connect_redis(world);
        world->clients[client]->is_rude = is_odd && chance(world, 30);
        return;
    }
    struct link *link = world->clients[client] = world_connect(world, !is_odd || chance(world, 30));
    link->is_rude = is_odd && chance(world, 30);
    if (!is_odd)
        return;
    if (link->hello_size > 0)
        link->send_limit = below(world, link->hello_size); /* never whole */
    else if (chance(world, 80))
        world_say_bad_hello(world, link);
}

/* Whether the client may say more. */
static bool may_speak(const struct link *link)
{
    bool has_begun = link->redis ? !link->redis->is_leaving : link->hello_size > 0;
    return !link->is_half_closed && !link->is_fatal && has_begun &&
           link->send_limit == UINT64_MAX && buffer_size(&link->out) < OUT_SIZE_MAX;
}

/* Commands. */

/* One of the link's consumers, by chance one that has tags to settle if `has_tags`; any id if there is none such. */
static uint32_t some_consumer(struct world *world, const struct link *link, bool has_tags)
{
    uint32_t id = (uint32_t)below(world, TWIN_IDS);
    bool is_any = chance(world, world->commands.swarm.wild_percent);
    for (uint32_t i = 0; i < TWIN_IDS && !is_any; i++) {
        uint32_t next = (id + i) % TWIN_IDS;
        if (has_tags ? link->consumers[next].count > 0 : link->consumers[next].is_there)
            return next;
    }
    return id;
}

static void fill_settle(struct world *world, const struct link *link, struct command *command)
{
    struct commands *commands = &world->commands;
    uint32_t id = some_consumer(world, link, true);
    const struct tags *tags = &link->consumers[id];
    size_t at = commands_lease(commands, tags->count);
    command->settle.id = id;
    commands_settle(commands, command, tags->count ? tags->tags[at] : 0, tags->count - at,
                    tags->next);
}

/* Who has nothing to settle gives credit, and who has no consumer makes one; mostly. */
static enum command_kind sensible(struct world *world, const struct link *link,
                                  enum command_kind kind)
{
    bool has_tags = false, has_consumer = false;
    for (uint32_t id = 0; id < TWIN_IDS; id++) {
        has_tags |= link->consumers[id].count > 0;
        has_consumer |= link->consumers[id].is_there;
    }
    if (chance(world, 20))
        return kind;
    if (kind == COMMAND_SETTLE && !has_tags)
        kind = COMMAND_CREDIT;
    if ((kind == COMMAND_CREDIT || kind == COMMAND_CANCEL) && !has_consumer)
        kind = COMMAND_CONSUME;
    return kind;
}

/* Which queue or topic a message is for. */
static uint32_t name_index(const struct world *world, const struct command *command)
{
    const struct twin_names *names = &world->commands.names;
    bool is_push = command->kind == COMMAND_PUSH;
    const struct bytes *all = is_push ? names->queues : names->topics;
    uint32_t index = 0;
    while (!bytes_equal(all[index], command->name))
        index++;
    return index;
}

/* A connection, by chance one that is there. */
static uint32_t some_connection(struct world *world)
{
    const struct link *link = world->clients[below(world, WORLD_CLIENTS)];
    return link && link->is_attached && chance(world, 60) ? link->peer
                                                          : (uint32_t)below(world, 1000);
}

static void say_command(struct world *world, struct link *link, enum command_kind kind)
{
    struct command command = {.kind = kind};
    if (kind == COMMAND_SETTLE || kind == COMMAND_TOUCH)
        fill_settle(world, link, &command);
    else
        commands_fill(&world->commands, &command, link_message(link, link->said_count + 1));
    if (kind == COMMAND_CREDIT)
        command.consumer.id = some_consumer(world, link, false);
    if (kind == COMMAND_KILL)
        command.client = some_connection(world);
    if (kind == COMMAND_REDRIVE && bytes_equal(command.redrive.to, command.name))
        command.redrive.to = (struct bytes){0};
    bool is_message = kind == COMMAND_PUSH || kind == COMMAND_PUBLISH;
    size_t count = link->said_count;
    link_say(link, &command, is_message ? name_index(world, &command) : 0, world->commands.headers);
    world_ops_said[encode_op(&command) - OP_HELLO] += link->said_count - count;
    world_tally.said += link->said_count - count;
}

/* Asks for much and reads nothing of it. */
static void flood(struct world *world, struct link *link)
{
    enum command_kind kind = (enum command_kind)ONE_OF(&world->commands.random, COMMAND_PEEK,
                                                       COMMAND_LIST, COMMAND_STATS);
    link->is_reading = false;
    for (int i = kind == COMMAND_PEEK ? FLOOD_OF_LARGE : FLOOD; i > 0; i--)
        say_command(world, link, kind);
}

static void speak(struct world *world, struct link *link, enum action action)
{
    if (!may_speak(link))
        return;
    if (link->redis) {
        redis_say(world, link);
        return;
    }
    if (action == ACT_BAD)
        world_say_bad(world, link);
    else if (action == ACT_FLOOD)
        flood(world, link);
    else
        say_command(world, link,
                    sensible(world, link,
                             (enum command_kind)dice_weighted(&world->commands.random,
                                                              world->commands.swarm.weights,
                                                              COMMAND_KINDS)));
}

/* Lets time pass moment by moment, long enough for silence to be noticed. */
static void wait_awake(struct world *world)
{
    uint64_t end = sim_time(world->ring) + 2 * WORLD_LIVENESS_NS, deadline;
    for (unsigned step = 0; step < STEPS_MAX && sim_time(world->ring) < end; step++) {
        world_settle(world);
        deadline = sim_deadline(world->ring);
        deadline = deadline < end ? deadline : end;
        if (deadline > sim_time(world->ring))
            sim_advance(world->ring, deadline - sim_time(world->ring));
    }
}

/* Lets time pass to the next moment that the server waits for, or right before it, or in one leap.
 */
static void wait_long(struct world *world)
{
    if (chance(world, 30)) {
        wait_awake(world);
        return;
    }
    uint64_t deadline = sim_deadline(world->ring), now = sim_time(world->ring);
    if (deadline > now && deadline - now < LEAP_NS_MAX)
        sim_advance(world->ring, deadline - now - chance(world, 30));
    else
        sim_advance(world->ring, below(world, 70 * NS_PER_S));
    world->leapt_ns = sim_time(world->ring);
}

static void act_on(struct world *world, struct link *link, enum action action)
{
    if (!link->is_reading && chance(world, 15))
        link->is_reading = true;
    switch (action) {
    case ACT_STOP_READING:
        link->is_reading = false;
        world_reach(WORLD_READER_STOPS);
        break;
    case ACT_LEAVE_FIN: world_leave(world, link, LEAVE_FIN); break;
    case ACT_LEAVE_RESET: world_leave(world, link, LEAVE_RESET); break;
    case ACT_LEAVE_HALF:
        if (!link->is_half_closed)
            world_leave(world, link, LEAVE_HALF);
        break;
    case ACT_LEAVE_VANISH:
        if (links_count(world, LINK_VANISHED) < VANISHED_MAX)
            world_leave(world, link, LEAVE_VANISH);
        else
            break_vanished(world);
        break;
    default: speak(world, link, action); break;
    }
}

static size_t random_cut(struct world *world, const struct link *link)
{
    return chance(world, 75) ? SIZE_MAX : 1 + below(world, buffer_size(&link->out) + 1);
}

void world_act(struct world *world)
{
    enum action action =
        (enum action)dice_weighted(&world->commands.random, world->swarm.weights, ACTIONS);
    int client = (int)below(world, WORLD_CLIENTS);
    if (!world->clients[client])
        connect_client(world, client);
    struct link *link = world->clients[client];
    if (action == ACT_WAIT)
        wait_long(world);
    else if (action == ACT_SETTLE)
        world_settle(world);
    else if (action == ACT_CONFIGURE)
        world_configure(world);
    else if (action == ACT_PRESS)
        world_press(world);
    else
        act_on(world, link, action);
    if (world->clients[client] == link && chance(world, world->swarm.write_percent))
        world_send(world, link, random_cut(world, link));
    sim_advance(world->ring, below(world, world->swarm.step_ns_max));
    if (chance(world, world->swarm.turn_percent))
        world_turn(world);
}

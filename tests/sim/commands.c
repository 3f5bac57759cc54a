#include "commands.h"

#include "base/array.h"
#include "core/pattern.h"
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    NAME_MAX_USUAL = 96, /* bytes of all names but the longest */
    QUEUES_ALIVE = 5,    /* the other names are those of their dead letters' queues */
    FORGED = 4,          /* names of inboxes that nobody was given */
    INBOX_SIZE = 32,
};

static uint64_t below(struct commands *commands, uint64_t bound)
{
    return random_below(&commands->random, bound);
}

static bool chance(struct commands *commands, unsigned percent)
{
    return dice_chance(&commands->random, percent);
}

static uint32_t skewed(struct commands *commands, uint32_t bound)
{
    return dice_skewed(&commands->random, bound);
}

/* What a seed does. */

static struct bytes name_make(struct commands *commands, bool is_pattern)
{
    static const char *const tokens[] = {"a", "b", "ab", "", "x", "*", ">", "*a", "abc"};
    static const char *const wild[] = {"a", "*", ">", "b", "*", "ab"};
    char text[NAME_MAX_USUAL];
    size_t size = 0;
    unsigned levels = is_pattern && chance(commands, 6) ? 31 + (unsigned)below(commands, 4)
                                                        : 1 + skewed(commands, 4);
    for (unsigned i = 0; i < levels; i++) {
        bool is_wild = is_pattern && chance(commands, 45);
        const char *token = is_wild ? wild[below(commands, sizeof wild / sizeof *wild)]
                                    : tokens[below(commands, chance(commands, 80) ? 3 : 9)];
        int put = snprintf(text + size, sizeof text - size, "%s%s", i ? "." : "",
                           levels > 9 ? "a" : token);
        size += (size_t)put;
    }
    if (size == 0)
        text[size++] = 'a';
    unsigned char *copy = memory_create(size);
    memcpy(copy, text, size);
    return bytes_of(copy, size);
}

static void make_queue_names(struct commands *commands)
{
    static const char suffix[] = ".dead";
    struct bytes *names = commands->names.queues;
    int dead = QUEUES_ALIVE;
    for (int i = 0; i < QUEUES_ALIVE; i++) {
        size_t size = i == 0 ? 1 : i == 1 ? 3 : i == 2 ? FRAME_NAME_MAX : 2 + below(commands, 60);
        unsigned char *name = memory_create(size);
        memset(name, 'q', size);
        name[size - 1] = (unsigned char)("\0\xff.*z"[i]);
        names[i] = bytes_of(name, size);
        if (size == FRAME_NAME_MAX)
            continue;
        unsigned char *other = memory_create(size + sizeof suffix);
        memcpy(other, name, size);
        memcpy(other + size, suffix, strlen(suffix));
        names[dead++] = bytes_of(other, size + strlen(suffix));
    }
    assert(dead == TWIN_QUEUES);
}

static void make_names(struct commands *commands)
{
    make_queue_names(commands);
    for (int i = 0; i < TWIN_TOPICS; i++)
        commands->names.topics[i] = name_make(commands, false);
    for (int i = TWIN_NAMES - FORGED; i < TWIN_NAMES; i++) {
        unsigned char *name = memory_create(INBOX_SIZE);
        for (int at = 0; at < INBOX_SIZE; at++)
            name[at] = (unsigned char)"0123456789abcdef"[below(commands, 16)];
        commands->names.topics[i] = bytes_of(name, INBOX_SIZE);
    }
    for (int i = 0; i < TWIN_PATTERNS; i++)
        commands->names.patterns[i] = name_make(commands, true);
}

int names_learn(struct twin_names *names, struct bytes name)
{
    if (names->inboxes_count == TWIN_INBOXES - FORGED)
        return -1;
    unsigned char *copy = memory_create(name.size);
    memcpy(copy, name.data, name.size);
    names->topics[TWIN_TOPICS + names->inboxes_count] = bytes_of(copy, name.size);
    return TWIN_TOPICS + names->inboxes_count++;
}

static void choose(struct commands *commands)
{
    struct swarm *swarm = &commands->swarm;
    static const unsigned usual[COMMAND_KINDS] = {
        [COMMAND_ATTACH] = 3,      [COMMAND_DETACH] = 2,  [COMMAND_PUSH] = 30,
        [COMMAND_PUBLISH] = 25,    [COMMAND_CONSUME] = 8, [COMMAND_CANCEL] = 3,
        [COMMAND_CREDIT] = 10,     [COMMAND_SETTLE] = 35, [COMMAND_SUBSCRIBE] = 8,
        [COMMAND_UNSUBSCRIBE] = 4, [COMMAND_DECLARE] = 4, [COMMAND_DELETE] = 1,
        [COMMAND_PURGE] = 1,       [COMMAND_PAUSE] = 2,   [COMMAND_RESUME] = 3,
        [COMMAND_PEEK] = 2,        [COMMAND_LIST] = 1,    [COMMAND_INFO] = 1,
        [COMMAND_STATS] = 1,       [COMMAND_PING] = 3,    [COMMAND_TOUCH] = 4,
        [COMMAND_SET] = 4,         [COMMAND_KILL] = 1,    [COMMAND_HEARTBEAT] = 1,
        [COMMAND_REDRIVE] = 3,     [COMMAND_CLIENTS] = 1, [COMMAND_SETTINGS] = 1,
        [COMMAND_TOPICS] = 1,
    };
    for (unsigned kind = 0; kind < COMMAND_KINDS; kind++)
        swarm->weights[kind] = usual[kind] * (unsigned)ONE_OF(&commands->random, 0, 1, 2, 4, 4, 8);
    swarm->weights[COMMAND_ATTACH] += 4;
    swarm->weights[COMMAND_PUSH] += 4;
    swarm->wild_percent = (unsigned)ONE_OF(&commands->random, 0, 5, 30);
    swarm->run_max = (uint32_t)ONE_OF(&commands->random, 1, 4, 30, 300);
    swarm->size_max = (uint32_t)ONE_OF(&commands->random, 1, 20, 300, 3000, 3000, 40000, 300000);
    swarm->bytes_max = 512 * 1024;
    swarm->bound_max = (uint32_t)ONE_OF(&commands->random, 3, 20, 300, 3000);
    swarm->credit_max = (uint32_t)ONE_OF(&commands->random, 2, 20, 300, 5000);
    swarm->group_percent = (unsigned)ONE_OF(&commands->random, 0, 25, 80);
    swarm->window_max = (uint32_t)ONE_OF(&commands->random, 3, 50, 65536);
    swarm->headers_percent = (unsigned)ONE_OF(&commands->random, 0, 0, 10, 50);
    swarm->settings_percent = (unsigned)ONE_OF(&commands->random, 5, 20, 60);
    swarm->list_percent = (unsigned)ONE_OF(&commands->random, 0, 20, 50);
    swarm->ms_max = ONE_OF(&commands->random, 2, 20, 20, 300, 300, 5000, 100000);
}

void commands_init(struct commands *commands, uint64_t seed)
{
    *commands = (struct commands){.random = {seed}};
    choose(commands);
    make_names(commands);
}

void commands_finish(struct commands *commands)
{
    for (int i = 0; i < TWIN_QUEUES; i++)
        free((void *)commands->names.queues[i].data);
    for (int i = 0; i < TWIN_NAMES; i++)
        free((void *)commands->names.topics[i].data);
    for (int i = 0; i < TWIN_PATTERNS; i++)
        free((void *)commands->names.patterns[i].data);
    free(commands->frames);
    free(commands->headers);
}

/* Milliseconds: few, many, or more than there can be. */
static uint64_t random_ms(struct commands *commands)
{
    uint64_t ms = 1 + below(commands, commands->swarm.ms_max);
    bool is_wild = chance(commands, commands->swarm.wild_percent / 2);
    return is_wild ? ONE_OF(&commands->random, UINT64_MAX, UINT64_MAX / 1000000, 1) : ms;
}

/* Runs of messages. */

static struct headers make_headers(struct commands *commands)
{
    struct headers headers = {.is_there = true};
    if (chance(commands, 40))
        headers.ttl_ms = random_ms(commands);
    if (chance(commands, 30))
        headers.delay_ms = random_ms(commands);
    if (chance(commands, 30))
        headers.extra = 1 + skewed(commands, HEADERS_EXTRA_MAX);
    if (chance(commands, 15))
        headers.dead_times = ONE_OF(&commands->random, 1, 14, 15, 16, 1000);
    if (chance(commands, 15))
        headers.dead_queue = commands->names.queues[below(commands, TWIN_QUEUES)];
    return headers;
}

/* The headers of message `at` of a run. */
static const struct headers *next_headers(struct commands *commands, uint32_t at, bool is_headed)
{
    commands->headers = array_reserve(commands->headers, &commands->headers_capacity, at + 1,
                                      sizeof *commands->headers);
    commands->headers[at] = is_headed ? make_headers(commands) : (struct headers){0};
    return &commands->headers[at];
}

static void add_message(struct commands *commands, enum op op, struct bytes name, uint64_t id,
                        uint32_t size, uint8_t flags, const struct headers *headers)
{
    commands->frames = array_reserve(commands->frames, &commands->frames_capacity,
                                     commands->frames_size + size, 1);
    message_write(commands->frames + commands->frames_size, op, name, id, size, headers);
    commands->frames[commands->frames_size + 1] |= flags;
    commands->frames_size += size;
    if (size == FRAME_HEAD_SIZE + name.size)
        reach(REACH_RUN_TINY);
    if (size > 256 * 1024)
        reach(REACH_RUN_LARGE);
}

static void make_run(struct commands *commands, struct command *command, enum op op, uint8_t flags,
                     uint64_t first_id)
{
    uint32_t count = 1 + skewed(commands, commands->swarm.run_max);
    uint32_t least = FRAME_HEAD_SIZE + (uint32_t)command->name.size;
    uint32_t body = skewed(commands, commands->swarm.size_max), first_size = 0;
    unsigned vary = chance(commands, 40) ? 100 : chance(commands, 30) ? 5 : 0;
    bool is_mixed = false;
    bool is_headed = op == OP_PUSH && chance(commands, commands->swarm.headers_percent);
    commands->frames_size = 0;
    for (uint32_t i = 0; i < count && commands->frames_size < commands->swarm.bytes_max; i++) {
        const struct headers *headers = next_headers(commands, i, is_headed);
        if (i > 0 && chance(commands, vary))
            body = skewed(commands, commands->swarm.size_max);
        uint32_t size = least + headers_size(headers) + body;
        first_size = i == 0 ? size : first_size;
        is_mixed |= size != first_size;
        add_message(commands, op, command->name, first_id + i, size, flags, headers);
    }
    if (is_mixed)
        reach(REACH_RUN_MIXED);
    int cut =
        run_cut(bytes_of(commands->frames, commands->frames_size), FRAME_SIZE_MAX, &command->run);
    REQUIRE(cut == (int)commands->frames_size, "a run was cut at %d of %zu bytes", cut,
            commands->frames_size);
}

/* Arguments. */

static uint64_t random_size(struct commands *commands)
{
    return chance(commands, 30) ? below(commands, 4) * commands->swarm.size_max
                                : 1 + below(commands, 4 * (uint64_t)commands->swarm.size_max *
                                                          commands->swarm.credit_max);
}

size_t commands_lease(struct commands *commands, size_t count)
{
    return count == 0 || chance(commands, 50) ? 0 : below(commands, count);
}

void commands_settle(struct commands *commands, struct command *command, uint64_t tag, size_t count,
                     uint64_t tag_next)
{
    bool is_wild = chance(commands, commands->swarm.wild_percent);
    command->settle.tag = count > 0 ? tag : 1 + below(commands, tag_next + 3);
    command->settle.count = 1 + skewed(commands, count < 2 ? 2 : (uint32_t)count);
    if (is_wild) {
        command->settle.tag = 1 + below(commands, tag_next + 2);
        command->settle.count = (uint32_t)ONE_OF(&commands->random, 1, 2, 1000, UINT32_MAX);
        if (chance(commands, 20))
            command->settle.tag = UINT64_MAX - command->settle.count + 1;
    }
    command->settle.how =
        (enum settle)ONE_OF(&commands->random, SETTLE_ACKNOWLEDGE, SETTLE_ACKNOWLEDGE,
                            SETTLE_ACKNOWLEDGE, SETTLE_RETURN, SETTLE_REJECT);
    if (command->kind == COMMAND_SETTLE && command->settle.how == SETTLE_RETURN &&
        chance(commands, 30))
        command->settle.delay_ms = random_ms(commands);
}

/* Some settings. */
static void make_settings(struct commands *commands, struct queue_settings *settings)
{
    const struct swarm *swarm = &commands->swarm;
    uint64_t size_max = (uint64_t)swarm->bound_max * (swarm->size_max / 2 + 9);
    for (unsigned setting = 1; setting <= SETTING_POP_LEASE; setting *= 2)
        if (chance(commands, setting <= SETTING_WHEN_FULL ? 60 : swarm->settings_percent))
            settings->given |= setting;
    settings->count_max = chance(commands, 20) ? UINT64_MAX : 1 + below(commands, swarm->bound_max);
    settings->size_max = chance(commands, 50) ? 1 + below(commands, size_max) : 1024 * 1024 * 1024;
    settings->when_full = (enum when_full)below(commands, 3);
    settings->ttl_ms = chance(commands, 20) ? 0 : random_ms(commands);
    settings->delivery_limit =
        (uint32_t)ONE_OF(&commands->random, 0, 1, 2, 3, DELIVERY_LIMIT_DEFAULT, DELIVERY_LIMIT_MAX);
    settings->lease_max_ms = chance(commands, 20) ? 0 : random_ms(commands);
    settings->pop_lease = (enum pop_lease)below(commands, 2);
    settings->dead_letter = chance(commands, 20)
                                ? bytes_of("", 0)
                                : commands->names.queues[below(commands, TWIN_QUEUES)];
}

struct engine_config commands_config(struct commands *commands)
{
    const struct bytes patterns[COMMANDS_POLICIES] = {
        bytes_text(">"), bytes_text("*"), bytes_text("*.dead"), commands->names.queues[1]};
    for (int i = 0; i < COMMANDS_POLICIES; i++) {
        commands->policies[i] = (struct queue_policy){.pattern = patterns[i]};
        if (chance(commands, 40))
            make_settings(commands, &commands->policies[i].settings);
        REQUIRE(i == 0 || pattern_compare(patterns[i - 1], patterns[i]) < 0, "patterns not sorted");
    }
    return (struct engine_config){
        .queue_policies = commands->policies,
        .queue_policies_count = COMMANDS_POLICIES,
        .queues_max = chance(commands, 30) ? 1 + below(commands, TWIN_QUEUES) : 0,
        .in_flight_max = chance(commands, 30) ? 1 + below(commands, 100) : 0,
    };
}

/* What is asked about a queue's messages, or about many things. */
static void fill_look(struct commands *commands, struct command *command)
{
    command->look.count = (uint32_t)ONE_OF(&commands->random, 1, 2, 10, 5000);
    command->look.from_back = command->kind == COMMAND_PEEK && chance(commands, 50);
    if (command->kind == COMMAND_CLIENTS)
        command->look.after = (uint32_t)below(commands, 40) * (uint32_t)below(commands, 2);
    if (command->kind == COMMAND_TOPICS)
        command->name = commands->names.topics[below(commands, TWIN_TOPICS)];
    if (command->kind == COMMAND_CLIENTS || (command->kind != COMMAND_PEEK && chance(commands, 50)))
        command->name = (struct bytes){0};
}

static void fill_redrive(struct commands *commands, struct command *command)
{
    if (chance(commands, 70))
        command->name =
            commands->names.queues[QUEUES_ALIVE + skewed(commands, TWIN_QUEUES - QUEUES_ALIVE)];
    command->redrive.count = (uint32_t)ONE_OF(&commands->random, 0, 1, 10, 100);
    if (chance(commands, 30))
        command->redrive.to = commands->names.queues[below(commands, TWIN_QUEUES)];
    if (chance(commands, 10))
        command->redrive.to = command->name;
}

/* Topics. */

static struct bytes some_inbox(struct commands *commands)
{
    const struct twin_names *names = &commands->names;
    int at = (int)below(commands, (uint64_t)names->inboxes_count + FORGED);
    return names->topics[at < names->inboxes_count ? TWIN_TOPICS + at
                                                   : TWIN_NAMES - 1 - at + names->inboxes_count];
}

static void fill_publish(struct commands *commands, struct command *command, uint64_t first_id)
{
    bool is_inbox = chance(commands, 12);
    uint8_t flags = is_inbox ? PUBLISH_INBOX : 0;
    if (!is_inbox && chance(commands, 12))
        flags |= PUBLISH_RETAIN;
    if (chance(commands, 15))
        flags |= PUBLISH_MUST;
    command->name = commands->names.topics[below(commands, TWIN_TOPICS)];
    if (chance(commands, is_inbox ? 85 : 2))
        command->name = some_inbox(commands);
    make_run(commands, command, OP_PUBLISH, flags, first_id);
}

static void fill_subscribe(struct commands *commands, struct command *command)
{
    static const char *const groups[] = {"group-a", "b"};
    command->subscription.is_inbox = chance(commands, 12);
    command->subscription.is_wildcard = !command->subscription.is_inbox && chance(commands, 60);
    command->name = command->subscription.is_inbox ? (struct bytes){0}
                    : command->subscription.is_wildcard
                        ? commands->names.patterns[below(commands, TWIN_PATTERNS)]
                        : commands->names.topics[below(commands, TWIN_TOPICS)];
    command->subscription.count_max = chance(commands, 40) ? 0 : 1 + skewed(commands, 300);
    command->subscription.size_max =
        chance(commands, 60) ? 0 : 1 + below(commands, 20 * commands->swarm.size_max + 400);
    command->subscription.has_overflow = chance(commands, 60);
    if (command->subscription.has_overflow)
        command->subscription.overflow = (enum overflow)below(commands, OVERFLOW_CLOSE + 1);
    command->subscription.no_retained = chance(commands, 25);
    if (!command->subscription.is_inbox && chance(commands, commands->swarm.group_percent))
        command->subscription.group = bytes_text(groups[below(commands, TWIN_GROUPS)]);
}

/* Lists. */

static void fill_push(struct commands *commands, struct command *command, uint64_t first_id)
{
    make_run(commands, command, OP_PUSH, 0, first_id);
    command->at_front = chance(commands, 50);
    command->is_whole = chance(commands, 40);
    command->wants_number = command->run.count == 1 || !(command->run.head.flags & MESSAGE_HEADERS);
    command->only_there = command->wants_number && chance(commands, 15);
}

static void fill_take(struct commands *commands, struct command *command)
{
    command->take.count = (uint32_t)ONE_OF(&commands->random, 0, 1, 1, 2, 5, 100);
    command->take.from_back = chance(commands, 40);
    command->take.is_each = command->take.count > 0 && chance(commands, 40);
}

static void fill_wait(struct commands *commands, struct command *command)
{
    command->take.names = commands->take_names;
    command->take.is_move = chance(commands, 40);
    command->take.names_count =
        command->take.is_move ? 1 : 1 + (uint32_t)below(commands, TWIN_TAKE_NAMES);
    for (uint32_t i = 0; i < command->take.names_count; i++)
        commands->take_names[i] = commands->names.queues[below(commands, TWIN_QUEUES)];
    command->take.count =
        command->take.is_move ? 1 : (uint32_t)ONE_OF(&commands->random, 1, 1, 1, 3, 50);
    command->take.from_back = chance(commands, 40);
    command->take.to_front = chance(commands, 50);
    command->take.to = command->take.is_move ? command->name : (struct bytes){0};
    command->take.is_now = chance(commands, 20);
    if (chance(commands, 60))
        command->take.timeout_ns = chance(commands, 90)
                                       ? 1000 * (1 + below(commands, 1000 * commands->swarm.ms_max))
                                       : UINT64_MAX;
    command->name = (struct bytes){0};
}

static void fill_finish(struct commands *commands, struct command *command)
{
    command->finish.how = chance(commands, 50) ? SETTLE_ACKNOWLEDGE : SETTLE_RETURN;
    command->finish.is_all = chance(commands, 20);
    if (command->finish.how == SETTLE_RETURN && chance(commands, 30))
        command->finish.delay_ms = random_ms(commands);
    if (command->finish.is_all)
        command->name = (struct bytes){0};
}

/* One message, whose receivers are counted. */
static void fill_counted(struct commands *commands, struct command *command, uint64_t first_id)
{
    uint32_t run_max = commands->swarm.run_max;
    command->name = commands->names.topics[below(commands, TWIN_TOPICS)];
    commands->swarm.run_max = 1;
    make_run(commands, command, OP_PUBLISH, 0, first_id);
    commands->swarm.run_max = run_max;
    command->wants_number = true;
    command->is_apart = chance(commands, 30);
}

static void fill_listen(struct commands *commands, struct command *command)
{
    command->subscription.id = (uint32_t)below(commands, TWIN_IDS);
    command->subscription.is_glob = chance(commands, 60);
    command->subscription.is_apart = !command->subscription.is_glob && chance(commands, 50);
    command->subscription.no_retained = true;
    if (command->subscription.is_apart)
        command->subscription.id = 0; /* no session has one twice */
    command->name = command->subscription.is_glob
                        ? commands->names.patterns[below(commands, TWIN_PATTERNS)]
                        : commands->names.topics[below(commands, TWIN_TOPICS)];
}

void commands_list(struct commands *commands, struct command *command, uint64_t first_id)
{
    command->kind = (enum command_kind)ONE_OF(
        &commands->random, COMMAND_PUSH, COMMAND_PUSH, COMMAND_PUSH, COMMAND_TAKE, COMMAND_TAKE,
        COMMAND_WAIT, COMMAND_WAIT, COMMAND_FINISH, COMMAND_LENGTH, COMMAND_RANGE, COMMAND_WATCH,
        COMMAND_UNWATCH, COMMAND_PUBLISH, COMMAND_SUBSCRIBE);
    command->name = commands->names.queues[skewed(commands, TWIN_QUEUES)];
    switch (command->kind) {
    case COMMAND_PUSH: fill_push(commands, command, first_id); break;
    case COMMAND_TAKE: fill_take(commands, command); break;
    case COMMAND_PUBLISH: fill_counted(commands, command, first_id); break;
    case COMMAND_SUBSCRIBE: fill_listen(commands, command); break;
    case COMMAND_WAIT: fill_wait(commands, command); break;
    case COMMAND_FINISH: fill_finish(commands, command); break;
    case COMMAND_RANGE:
        command->range.start = (int64_t)below(commands, 40) - 20;
        command->range.stop = (int64_t)below(commands, 40) - 20;
        if (chance(commands, 20))
            command->range.stop = chance(commands, 50) ? INT64_MAX : INT64_MIN;
        break;
    default: break;
    }
}

void commands_fill(struct commands *commands, struct command *command, uint64_t first_id)
{
    struct bytes queue = commands->names.queues[skewed(commands, TWIN_QUEUES)];
    uint32_t id = (uint32_t)below(commands, TWIN_IDS);
    command->name = queue;
    switch (command->kind) {
    case COMMAND_ATTACH:
        command->name = (struct bytes){0};
        command->attach.window_count = 1 + skewed(commands, commands->swarm.window_max);
        command->attach.window_size =
            chance(commands, 50) ? 64 * 1024 * 1024
                                 : 1 + below(commands, 20 * commands->swarm.size_max + 100);
        command->attach.client = bytes_text("sim");
        command->attach.address = bytes_text("127.0.0.1");
        break;
    case COMMAND_PUSH: make_run(commands, command, OP_PUSH, 0, first_id); break;
    case COMMAND_PUBLISH: fill_publish(commands, command, first_id); break;
    case COMMAND_CONSUME:
        command->consumer.from_back = chance(commands, 30);
        command->consumer.no_ack = chance(commands, 15);
        /* fall through */
    case COMMAND_CREDIT:
        command->consumer.credit_count = (uint32_t)below(commands, commands->swarm.credit_max);
        command->consumer.credit_size = random_size(commands);
        if (chance(commands, commands->swarm.wild_percent))
            command->consumer.credit_count =
                (uint32_t)ONE_OF(&commands->random, UINT32_MAX, 0, UINT32_MAX / 2);
        if (chance(commands, commands->swarm.wild_percent))
            command->consumer.credit_size =
                ONE_OF(&commands->random, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1, 0);
        /* fall through */
    case COMMAND_CANCEL: command->consumer.id = id; break;
    case COMMAND_SUBSCRIBE: fill_subscribe(commands, command); /* fall through */
    case COMMAND_UNSUBSCRIBE: command->subscription.id = id; break;
    case COMMAND_DECLARE:
    case COMMAND_SET: make_settings(commands, &command->settings); break;
    case COMMAND_LIST:
    case COMMAND_PEEK:
    case COMMAND_TOPICS:
    case COMMAND_CLIENTS: fill_look(commands, command); break;
    case COMMAND_REDRIVE: fill_redrive(commands, command); break;
    default: break;
    }
}

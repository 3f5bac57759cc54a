/* What the broker asks its engine for clients of the Redis protocol. */
#include "redis.h"
#include "replay.h"
#include "world.h"

#include <inttypes.h>

/* A time-out is read as a fraction of a second, and rounded up. */
static bool is_same_timeout(const struct command *a, const struct command *b)
{
    uint64_t said = a->take.timeout_ns, asked = b->take.timeout_ns;
    return a->take.is_now ||
           (asked >= said && asked - said <= NS_PER_MS && (said > 0) == (asked > 0));
}

static bool is_same_wait(const struct command *a, const struct bytes *names,
                         const struct command *b)
{
    for (uint32_t i = 0; i < a->take.names_count && i < b->take.names_count; i++)
        if (!bytes_equal(names[i], b->take.names[i]))
            return false;
    return a->take.names_count == b->take.names_count && a->take.count == b->take.count &&
           a->take.from_back == b->take.from_back && a->take.is_now == b->take.is_now &&
           a->take.is_move == b->take.is_move && a->take.to_front == b->take.to_front &&
           is_same_timeout(a, b) && bytes_equal(a->take.to, b->take.to);
}

static bool is_same(const struct ask *ask, const struct command *b)
{
    const struct command *a = &ask->command;
    if (a->kind != b->kind || a->space != b->space || !bytes_equal(a->name, b->name))
        return false;
    switch (a->kind) {
    case COMMAND_PUSH:
        return b->wants_number && a->at_front == b->at_front && a->is_whole == b->is_whole &&
               a->only_there == b->only_there;
    case COMMAND_TAKE:
        return a->take.from_back == b->take.from_back && a->take.is_each == b->take.is_each &&
               (a->take.is_each || a->take.count == b->take.count);
    case COMMAND_WAIT: return is_same_wait(a, ask->names, b);
    case COMMAND_RANGE: return a->range.start == b->range.start && a->range.stop == b->range.stop;
    case COMMAND_FINISH:
        return a->finish.how == b->finish.how && a->finish.is_all == b->finish.is_all;
    case COMMAND_SET:
        return b->settings.given == SETTING_POP_LEASE &&
               a->settings.pop_lease == b->settings.pop_lease;
    case COMMAND_PUBLISH: return b->wants_number && a->is_apart == b->is_apart;
    case COMMAND_SUBSCRIBE:
        if (a->subscription.is_glob != b->subscription.is_glob ||
            a->subscription.is_apart != b->subscription.is_apart ||
            a->subscription.has_overflow != b->subscription.has_overflow ||
            !b->subscription.no_retained || b->subscription.is_wildcard)
            return false;
        /* fall through */
    case COMMAND_UNSUBSCRIBE: return a->subscription.id == b->subscription.id;
    case COMMAND_BEGIN:
    case COMMAND_COMMIT: return a->is_bare == b->is_bare;
    default: return true;
    }
}

/* Checks the messages of one ask, the first of which stands at `at` in the run; returns where they end. */
static uint32_t check_messages(const struct link *link, const struct ask *ask,
                               const struct command *command, uint32_t at)
{
    static const struct headers none;
    enum op op = command->kind == COMMAND_PUSH ? OP_PUSH : OP_PUBLISH;
    uint32_t size = FRAME_HEAD_SIZE + (uint32_t)command->name.size + ask->body_size;
    for (uint32_t i = 0; i < ask->messages_count; i++, at += size)
        REQUIRE(at + size <= command->run.size &&
                    message_is(command->run.data + at, op, command->name,
                               link_message(link, ask->message + i), size, &none),
                "message %" PRIu64 " is pushed with other bytes", ask->message + i);
    return at;
}

uint64_t redis_take_up(const struct world *world, struct link *link, const struct command *command)
{
    struct redis *redis = link->redis;
    uint32_t tickets = command_tickets(command), at = 0;
    if (command->kind == COMMAND_UNWATCH) {
        REQUIRE(redis->is_watching, "names are forgotten that nobody watches");
        redis->forgotten++;
        return 0;
    }
    const struct ask *first = &redis->asks[redis->asks_taken];
    for (uint32_t i = 0; i < tickets; i++) {
        REQUIRE(redis->asks_taken < redis->asks_count, "something is asked that was not said");
        struct ask *ask = &redis->asks[redis->asks_taken++];
        REQUIRE(is_same(ask, command), "command %d is asked where %d was said", command->kind,
                ask->command.kind);
        ask->ticket = command->ticket + i;
        if (ask->messages_count > 0)
            at = check_messages(link, ask, command, at);
    }
    bool is_run = command->kind == COMMAND_PUSH || command->kind == COMMAND_PUBLISH;
    REQUIRE(!is_run || at == command->run.size, "a push of something else");
    if (tickets > 1)
        world_reach(is_run ? WORLD_REDIS_PUSHES : WORLD_REDIS_POPS);
    (void)world;
    return link_message(link, first->message);
}

/* The ask that was given that ticket, or NULL: tickets are given in order. */
static struct ask *find(struct redis *redis, uint64_t ticket)
{
    size_t low = 0, high = redis->asks_taken;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (redis->asks[middle].ticket < ticket)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < redis->asks_taken && redis->asks[low].ticket == ticket;
    return is_there ? &redis->asks[low] : NULL;
}

/* An ask that has no answer yet. */
static struct ask *unanswered(struct redis *redis, uint64_t ticket)
{
    struct ask *ask = find(redis, ticket);
    REQUIRE(ask && ask->answer == ANSWER_NONE,
            "ticket %" PRIu64 " is answered twice, or was not asked", ticket);
    return ask;
}

static void note_status(struct redis *redis, uint64_t ticket, enum status status)
{
    if (redis->forgotten > 0 && !find(redis, ticket)) {
        redis->forgotten--;
        return;
    }
    struct ask *ask = unanswered(redis, ticket);
    ask->answer = ANSWER_STATUS;
    ask->status = status;
}

static void put_messages(struct ask *ask, uint32_t total, const struct twin_held *messages,
                         uint32_t count)
{
    if (ask->answer == ANSWER_NONE)
        ask->messages = memory_create(total * sizeof *messages);
    ask->answer = ANSWER_FRAMES;
    ask->total = total;
    memcpy(ask->messages + ask->put, messages, count * sizeof *messages);
    ask->put += count;
}

/* Pops of one message each share an answer. */
static void note_messages(struct redis *redis, const struct effect *effect,
                          const struct twin_hold *hold)
{
    struct ask *ask = find(redis, effect->ticket);
    const struct twin_held *messages = hold->messages;
    REQUIRE(ask, "messages for ticket %" PRIu64 ", which was not asked", effect->ticket);
    ask->which = effect->id;
    if (!ask->command.take.is_each || ask->command.kind != COMMAND_TAKE) {
        put_messages(ask, effect->total, messages, effect->slice.count);
        return;
    }
    uint32_t given = 0;
    while (ask[given].answer == ANSWER_FRAMES)
        given++;
    REQUIRE(given + effect->slice.count <= effect->total, "more messages than were popped");
    for (uint32_t i = 0; i < effect->slice.count; i++)
        put_messages(&ask[given + i], 1, &messages[i], 1);
}

void redis_note(struct link *link, const struct effect *effect, const struct twin_hold *hold)
{
    struct redis *redis = link->redis;
    switch (effect->kind) {
    case EFFECT_SETTLED:
        for (uint32_t i = 0; i < effect->count; i++)
            note_status(redis, effect->ticket + i, effect->status);
        break;
    case EFFECT_NUMBER:
        for (uint32_t i = 0; i < effect->numbers.count; i++) {
            struct ask *ask = unanswered(redis, effect->ticket + i);
            ask->answer = ANSWER_NUMBER;
            ask->number = effect->numbers.first + (int64_t)i * effect->numbers.step;
        }
        break;
    case EFFECT_FRAMES: note_messages(redis, effect, hold); break;
    case EFFECT_MESSAGE:
    case EFFECT_GAP:
    case EFFECT_ENDED: redis_owe(link, effect, hold); break;
    case EFFECT_KILLED: link->is_killed = true; break;
    default: REQUIRE(false, "effect %d for a client of the Redis protocol", effect->kind);
    }
}

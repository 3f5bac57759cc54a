/* What clients of the Redis protocol say: commands about the lists that are queues of native clients too. */
#include "base/array.h"
#include "message.h"
#include "redis.h"
#include "replay.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORDS_MAX = 16, WORD_MAX = 32, MESSAGES_MAX = 6 };

/* A command being said. */
struct saying {
    struct world *world;
    struct link *link;
    struct random *random;
    struct bytes words[WORDS_MAX];
    char texts[WORDS_MAX][WORD_MAX];
    uint32_t words_count;
    struct ask ask;
    enum reply_shape shape;
};

struct redis *redis_create(void)
{
    struct redis *redis = memory_create(sizeof *redis);
    redis->version = 2;
    return redis;
}

void redis_destroy(struct redis *redis)
{
    if (!redis)
        return;
    for (size_t i = 0; i < redis->asks_count; i++)
        free(redis->asks[i].messages);
    free(redis->asks);
    free(redis->wants);
    free(redis->queue);
    buffer_finish(&redis->heard_next);
    free(redis);
}

/* Words. */

static void add_word(struct saying *saying, struct bytes word)
{
    assert(saying->words_count < WORDS_MAX);
    saying->words[saying->words_count++] = word;
}

static void add_text(struct saying *saying, const char *text)
{
    add_word(saying, bytes_text(text));
}

static void add_number(struct saying *saying, int64_t number)
{
    char *text = saying->texts[saying->words_count];
    snprintf(text, WORD_MAX, "%" PRId64, number);
    add_text(saying, text);
}

static bool chance(struct saying *saying, unsigned percent)
{
    return dice_chance(saying->random, percent);
}

static struct bytes some_queue(struct saying *saying)
{
    return saying->world->commands.names.queues[dice_skewed(saying->random, TWIN_QUEUES)];
}

static void put(struct buffer *out, struct bytes bytes)
{
    bytes_copy(buffer_room(out, bytes.size + 1), bytes);
    buffer_grow(out, bytes.size);
}

static void put_head(struct buffer *out, char type, size_t size)
{
    char line[WORD_MAX];
    snprintf(line, sizeof line, "%c%zu\r\n", type, size);
    put(out, bytes_text(line));
}

/* Writes the words, and behind them the bodies of the messages that the ask pushes. */
static void write_words(struct saying *saying)
{
    struct buffer *out = &saying->link->out;
    const struct ask *ask = &saying->ask;
    size_t before = buffer_size(out);
    put_head(out, '*', saying->words_count + ask->messages_count);
    for (uint32_t i = 0; i < saying->words_count; i++) {
        put_head(out, '$', saying->words[i].size);
        put(out, saying->words[i]);
        put(out, bytes_text("\r\n"));
    }
    for (uint32_t i = 0; i < ask->messages_count; i++) {
        put_head(out, '$', ask->body_size);
        message_write_body(buffer_room(out, ask->body_size + sizeof(uint64_t)),
                           link_message(saying->link, ask->message + i), ask->body_size);
        buffer_grow(out, ask->body_size);
        put(out, bytes_text("\r\n"));
    }
    saying->link->out_size += buffer_size(out) - before;
}

/* What is to come of it. */

static void want(struct link *link, struct want want)
{
    struct redis *redis = link->redis;
    want.end = link->out_size;
    want.version = redis->version;
    redis->wants = array_reserve(redis->wants, &redis->wants_capacity, redis->wants_count + 1,
                                 sizeof *redis->wants);
    redis->wants[redis->wants_count++] = want;
}

static void want_text(struct link *link, const char *text)
{
    want(link, (struct want){.shape = SHAPE_TEXT, .text = text});
}

/* Returns the place of the ask. */
static size_t add_ask(struct redis *redis, const struct ask *ask)
{
    redis->asks = array_reserve(redis->asks, &redis->asks_capacity, redis->asks_count + 1,
                                sizeof *redis->asks);
    redis->asks[redis->asks_count] = *ask;
    return redis->asks_count++;
}

static size_t add_ask_of(struct redis *redis, enum command_kind kind, bool is_bare)
{
    struct ask ask = {.command = {.kind = kind}};
    if (kind == COMMAND_BEGIN || kind == COMMAND_COMMIT)
        ask.command.is_bare = is_bare;
    return add_ask(redis, &ask);
}

/* Says a command that asks one thing; at once, or in a transaction later. */
static void finish(struct saying *saying)
{
    struct redis *redis = saying->link->redis;
    write_words(saying);
    world_tally.said++;
    if (!redis->is_queuing) {
        size_t ask = add_ask(redis, &saying->ask);
        want(saying->link, (struct want){.shape = saying->shape, .ask = ask, .count = 1});
        return;
    }
    redis->queue = array_reserve(redis->queue, &redis->queue_capacity, redis->queue_count + 1,
                                 sizeof *redis->queue);
    redis->queue[redis->queue_count++] = (struct queued){saying->ask, saying->shape};
    want_text(saying->link, "+QUEUED\r\n");
}

/* Lists. */

static void say_push(struct saying *saying)
{
    struct ask *ask = &saying->ask;
    struct redis *redis = saying->link->redis;
    bool at_front = chance(saying, 50), only_there = chance(saying, 10);
    add_text(saying,
             at_front ? (only_there ? "LPUSHX" : "lpush") : (only_there ? "RPUSHX" : "RPush"));
    ask->command.kind = COMMAND_PUSH;
    ask->command.name = some_queue(saying);
    add_word(saying, ask->command.name);
    ask->messages_count = chance(saying, 60) ? 1 : 1 + dice_skewed(saying->random, MESSAGES_MAX);
    ask->command.at_front = at_front;
    ask->command.only_there = only_there;
    ask->command.is_whole = ask->messages_count > 1;
    ask->body_size = dice_skewed(saying->random, saying->world->commands.swarm.size_max);
    saying->shape = SHAPE_NUMBER;
    for (uint64_t count = ask->command.is_whole ? 1 : 1 + dice_skewed(saying->random, 5); count > 0;
         count--) { /* several alike, which may become one run */
        ask->message = redis->messages + 1;
        redis->messages += ask->messages_count;
        finish(saying);
    }
}

static void say_pop(struct saying *saying)
{
    struct ask *ask = &saying->ask;
    ask->command.kind = COMMAND_TAKE;
    ask->command.name = some_queue(saying);
    ask->command.take.from_back = chance(saying, 50);
    add_text(saying, ask->command.take.from_back ? "RPOP" : "LPOP");
    add_word(saying, ask->command.name);
    ask->command.take.is_each = chance(saying, 60);
    saying->shape = SHAPE_BULK;
    if (!ask->command.take.is_each) {
        ask->command.take.count = (uint32_t)ONE_OF(saying->random, 0, 1, 2, 5, 1000);
        add_number(saying, ask->command.take.count);
        saying->shape = SHAPE_LIST_OR_NULL;
    }
    uint64_t count = ask->command.take.is_each ? 1 + dice_skewed(saying->random, 4) : 1;
    for (; count > 0; count--)
        finish(saying);
}

/* Waits for so long, in milliseconds; not in a transaction. */
static void add_timeout(struct saying *saying)
{
    uint64_t ms = chance(saying, 20) ? 0 : 1 + random_below(saying->random, 20000);
    char *text = saying->texts[saying->words_count];
    snprintf(text, WORD_MAX, "%" PRIu64 ".%03" PRIu64, ms / 1000, ms % 1000);
    add_text(saying, text);
    saying->ask.command.take.timeout_ns = ms * NS_PER_MS;
}

static void add_names(struct saying *saying)
{
    struct ask *ask = &saying->ask;
    ask->command.take.names_count = 1 + dice_skewed(saying->random, TWIN_TAKE_NAMES);
    for (uint32_t i = 0; i < ask->command.take.names_count; i++)
        add_word(saying, ask->names[i] = some_queue(saying));
}

/* BLPOP and BRPOP, LMPOP and BLMPOP. */
static void say_pop_first(struct saying *saying)
{
    struct command *command = &saying->ask.command;
    bool is_several = chance(saying, 40), is_inside = saying->link->redis->is_queuing;
    bool is_now = is_several && chance(saying, 50);
    command->kind = COMMAND_WAIT;
    command->take.count = 1;
    command->take.from_back = chance(saying, 50);
    command->take.is_now = is_now || is_inside;
    saying->shape = is_several ? SHAPE_POPPED_LIST : SHAPE_POPPED;
    if (!is_several) {
        add_text(saying, command->take.from_back ? "BRPOP" : "BLPOP");
        add_names(saying);
        add_timeout(saying);
    } else {
        add_text(saying, is_now ? "LMPOP" : "BLMPOP");
        if (!is_now)
            add_timeout(saying);
        uint32_t count = saying->words_count;
        add_number(saying, 0);
        add_names(saying);
        snprintf(saying->texts[count], WORD_MAX, "%u", command->take.names_count);
        add_text(saying, command->take.from_back ? "RIGHT" : "LEFT");
        add_text(saying, "COUNT");
        command->take.count = 1 + (uint32_t)random_below(saying->random, 5);
        add_number(saying, command->take.count);
    }
    finish(saying);
}

static void say_move(struct saying *saying)
{
    struct ask *ask = &saying->ask;
    struct command *command = &ask->command;
    bool is_blocking = chance(saying, 60), is_inside = saying->link->redis->is_queuing;
    command->kind = COMMAND_WAIT;
    command->take.count = command->take.names_count = 1;
    command->take.is_move = true;
    command->take.is_now = !is_blocking || is_inside;
    command->take.from_back = chance(saying, 50);
    command->take.to_front = chance(saying, 50);
    ask->names[0] = some_queue(saying);
    command->take.to = some_queue(saying);
    add_text(saying, is_blocking ? "BLMOVE" : "LMOVE");
    add_word(saying, ask->names[0]);
    add_word(saying, command->take.to);
    add_text(saying, command->take.from_back ? "RIGHT" : "LEFT");
    add_text(saying, command->take.to_front ? "LEFT" : "RIGHT");
    if (is_blocking)
        add_timeout(saying);
    saying->shape = command->take.is_now ? SHAPE_BULK : SHAPE_MOVED;
    finish(saying);
}

static void say_look(struct saying *saying)
{
    struct command *command = &saying->ask.command;
    command->name = some_queue(saying);
    if (chance(saying, 40)) {
        add_text(saying, "LLEN");
        add_word(saying, command->name);
        command->kind = COMMAND_LENGTH;
        saying->shape = SHAPE_NUMBER;
    } else {
        bool is_one = chance(saying, 30);
        add_text(saying, is_one ? "LINDEX" : "LRANGE");
        add_word(saying, command->name);
        command->kind = COMMAND_RANGE;
        command->range.start = (int64_t)random_below(saying->random, 20) - 10;
        command->range.stop =
            is_one ? command->range.start : (int64_t)random_below(saying->random, 20) - 10;
        add_number(saying, command->range.start);
        if (!is_one)
            add_number(saying, command->range.stop);
        saying->shape = is_one ? SHAPE_BULK : SHAPE_LIST;
    }
    finish(saying);
}

/* RP.ACK, RP.RETURN and RP.QUEUE SET. */
static void say_extra(struct saying *saying)
{
    struct command *command = &saying->ask.command;
    bool is_return = chance(saying, 40);
    command->kind = COMMAND_FINISH;
    command->finish.how = is_return ? SETTLE_RETURN : SETTLE_ACKNOWLEDGE;
    command->finish.is_all = chance(saying, 30);
    add_text(saying, is_return ? "RP.RETURN" : "RP.ACK");
    if (!command->finish.is_all)
        add_word(saying, command->name = some_queue(saying));
    saying->shape = SHAPE_NUMBER;
    finish(saying);
}

static void say_setting(struct saying *saying)
{
    struct command *command = &saying->ask.command;
    bool is_leased = chance(saying, 70);
    command->kind = COMMAND_SET;
    command->name = some_queue(saying);
    command->settings.pop_lease = is_leased ? POP_LEASE_CONNECTION : POP_LEASE_NONE;
    add_text(saying, "RP.QUEUE");
    add_text(saying, "SET");
    add_word(saying, command->name);
    add_text(saying, "pop-lease");
    add_text(saying, is_leased ? "connection" : "none");
    saying->shape = SHAPE_OK;
    finish(saying);
}

/* Channels. */

static void say_publish(struct saying *saying)
{
    struct ask *ask = &saying->ask;
    ask->command.kind = COMMAND_PUBLISH;
    ask->command.is_apart = chance(saying, 30);
    ask->command.name =
        saying->world->commands.names.topics[random_below(saying->random, TWIN_TOPICS)];
    add_text(saying, ask->command.is_apart ? "SPUBLISH" : "PUBLISH");
    add_word(saying, ask->command.name);
    ask->messages_count = 1;
    ask->body_size = dice_skewed(saying->random, saying->world->commands.swarm.size_max);
    saying->shape = SHAPE_NUMBER;
    for (uint64_t count = 1 + dice_skewed(saying->random, 5); count > 0; count--) {
        ask->message = ++saying->link->redis->messages;
        finish(saying);
    }
}

/* How many there are of a kind, and of that which is counted with it. */
static uint32_t count_channels(const struct redis *redis, int kind)
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < TWIN_IDS; id++)
        count += redis->channels[id].is_there &&
                 (redis->channels[id].kind == SAID_SHARD) == (kind == SAID_SHARD);
    return count;
}

bool redis_is_listening(const struct redis *redis)
{
    return redis->version == 2 &&
           count_channels(redis, SAID_NAME) + count_channels(redis, SAID_SHARD) > 0;
}

/* The one of that kind and name; 0 when there is none. */
static uint32_t find_channel(const struct redis *redis, int kind, struct bytes name)
{
    for (uint32_t id = 1; id < TWIN_IDS; id++)
        if (redis->channels[id].is_there && (int)redis->channels[id].kind == kind &&
            bytes_equal(redis->channels[id].name, name))
            return id;
    return 0;
}

/* Wants to hear of a change that the engine is asked for, if any is. */
static void want_change(struct saying *saying, uint32_t id, const char *word, bool is_asked)
{
    struct redis *redis = saying->link->redis;
    struct want change = {.shape = SHAPE_CHANGE, .text = word, .channel = id, .count = is_asked};
    change.channels = count_channels(redis, (int)redis->channels[id].kind);
    if (is_asked)
        change.ask = add_ask(redis, &saying->ask);
    want(saying->link, change);
}

static void say_subscribe(struct saying *saying)
{
    static const char *const words[] = {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"};
    static const char *const replies[] = {"subscribe", "psubscribe", "ssubscribe"};
    struct redis *redis = saying->link->redis;
    const struct twin_names *names = &saying->world->commands.names;
    int kind = (int)random_below(saying->random, 3);
    struct bytes name = kind == SAID_PATTERN
                            ? names->patterns[random_below(saying->random, TWIN_PATTERNS)]
                            : names->topics[random_below(saying->random, TWIN_TOPICS)];
    uint32_t id = find_channel(redis, kind, name);
    bool is_new = id == 0;
    add_text(saying, words[kind]);
    add_word(saying, name);
    write_words(saying);
    if (is_new) {
        struct command *command = &saying->ask.command;
        id = ++redis->channels_count;
        redis->channels[id] = (struct channel_said){kind, name, true};
        command->kind = COMMAND_SUBSCRIBE;
        command->name = name;
        command->subscription.id = id;
        command->subscription.is_glob = kind == SAID_PATTERN;
        command->subscription.is_apart = kind == SAID_SHARD;
        command->subscription.has_overflow = redis->version == 2;
    }
    want_change(saying, id, replies[kind], is_new);
}

static void say_unsubscribe(struct saying *saying)
{
    static const char *const words[] = {"UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"};
    static const char *const replies[] = {"unsubscribe", "punsubscribe", "sunsubscribe"};
    struct redis *redis = saying->link->redis;
    uint32_t any = 1 + (uint32_t)random_below(saying->random, redis->channels_count);
    struct channel_said *channel = &redis->channels[any];
    uint32_t id = find_channel(redis, (int)channel->kind, channel->name);
    add_text(saying, words[channel->kind]);
    add_word(saying, channel->name);
    write_words(saying);
    if (id > 0) {
        saying->ask.command.kind = COMMAND_UNSUBSCRIBE;
        saying->ask.command.subscription.id = id;
        redis->channels[id].is_there = false;
    }
    want_change(saying, any, replies[channel->kind], id > 0);
}

/* Subscribes or not any more, or sees whether anybody is there. */
static void say_channel(struct saying *saying)
{
    struct redis *redis = saying->link->redis;
    if (redis->channels_count > 0 && chance(saying, 30)) {
        say_unsubscribe(saying);
    } else if (redis->channels_count < TWIN_IDS - 1) {
        say_subscribe(saying);
    } else {
        bool is_listening = redis_is_listening(redis);
        add_text(saying, "PING");
        write_words(saying);
        want_text(saying->link, is_listening ? "*2\r\n$4\r\npong\r\n$0\r\n\r\n" : "+PONG\r\n");
    }
}

/* Transactions. */

static void say_plain(struct saying *saying, const char *word, const char *reply)
{
    add_text(saying, word);
    write_words(saying);
    world_tally.said++;
    want_text(saying->link, reply);
}

static void say_multi(struct saying *saying)
{
    say_plain(saying, "MULTI", "+OK\r\n");
    saying->link->redis->is_queuing = true;
}

static void say_watch(struct saying *saying)
{
    struct redis *redis = saying->link->redis;
    uint32_t count = 1 + (uint32_t)random_below(saying->random, 2);
    size_t first = redis->asks_count;
    add_text(saying, "WATCH");
    if (count > 1)
        add_ask_of(redis, COMMAND_BEGIN, true);
    for (uint32_t i = 0; i < count; i++) {
        struct ask ask = {.command = {.kind = COMMAND_WATCH, .name = some_queue(saying)}};
        add_word(saying, ask.command.name);
        add_ask(redis, &ask);
    }
    if (count > 1)
        add_ask_of(redis, COMMAND_COMMIT, true);
    write_words(saying);
    redis->is_watching = true;
    uint32_t asks = (uint32_t)(redis->asks_count - first);
    want(saying->link, (struct want){.shape = SHAPE_OK, .ask = first, .count = asks});
}

static void carry_out(struct link *link)
{
    struct redis *redis = link->redis;
    size_t begin = add_ask_of(redis, COMMAND_BEGIN, false);
    uint32_t count = (uint32_t)redis->queue_count;
    want(link, (struct want){.shape = SHAPE_EXEC, .ask = begin, .count = count});
    for (size_t i = 0; i < redis->queue_count; i++) {
        size_t ask = add_ask(redis, &redis->queue[i].ask);
        want(link, (struct want){.shape = redis->queue[i].shape, .ask = ask, .count = 1});
    }
    add_ask_of(redis, COMMAND_COMMIT, false);
}

static void say_end_of_multi(struct saying *saying)
{
    struct redis *redis = saying->link->redis;
    bool is_exec = chance(saying, 85);
    add_text(saying, is_exec ? "EXEC" : "DISCARD");
    write_words(saying);
    redis->is_queuing = false;
    if (!is_exec)
        want_text(saying->link, "+OK\r\n");
    else if (redis->is_broken)
        want(saying->link, (struct want){.shape = SHAPE_ERROR});
    else
        carry_out(saying->link);
    redis->queue_count = 0;
    redis->is_broken = false;
}

/* What is refused before anybody is asked. */
static void say_wrong(struct saying *saying)
{
    static const char *const wrong[] = {"LPUSH", "FROBNICATE", "BLPOP", "WATCH"};
    add_text(saying, wrong[random_below(saying->random, sizeof wrong / sizeof *wrong)]);
    write_words(saying);
    saying->link->redis->is_broken |= saying->link->redis->is_queuing;
    want(saying->link, (struct want){.shape = SHAPE_ERROR});
    world_reach(WORLD_REDIS_WRONG);
}

/* What the connection ends with. */
static void say_last(struct saying *saying)
{
    struct link *link = saying->link;
    link->redis->is_leaving = true;
    if (chance(saying, 50) || link->redis->is_queuing) {
        put(&link->out, bytes_text("*1\r\n!nonsense\r\n"));
        link->out_size += strlen("*1\r\n!nonsense\r\n");
        want(link, (struct want){.shape = SHAPE_ERROR});
        world_reach(WORLD_REDIS_BROKEN);
        return;
    }
    add_text(saying, "QUIT");
    saying->ask.command.kind = COMMAND_FINISH;
    saying->ask.command.finish.how = SETTLE_ACKNOWLEDGE;
    saying->ask.command.finish.is_all = true;
    write_words(saying);
    add_ask(link->redis, &saying->ask);
    want_text(link, "+OK\r\n");
    world_reach(WORLD_REDIS_QUIT);
}

static void say_hello(struct saying *saying)
{
    add_text(saying, "HELLO");
    add_text(saying, "3");
    write_words(saying);
    saying->link->redis->version = 3;
    want(saying->link, (struct want){.shape = SHAPE_ANY});
}

void redis_say(struct world *world, struct link *link)
{
    static void (*const sayings[])(struct saying *) = {
        say_push,  say_pop,     say_pop_first, say_move,  say_look,  say_publish,
        say_extra, say_setting, say_multi,     say_watch, say_wrong, say_last,
    };
    static const unsigned weights[] = {30, 20, 15, 10, 10, 15, 5, 3, 6, 4, 1, 1};
    struct saying saying = {.world = world, .link = link, .random = &world->commands.random};
    if (link->out_size == 0 && chance(&saying, 50)) {
        say_hello(&saying);
        return;
    }
    bool may_listen = !link->redis->is_queuing && !world->swarm.may_press;
    if (redis_is_listening(link->redis) ||
        (may_listen && chance(&saying, link->redis->channels_count > 0 ? 3 : 8))) {
        say_channel(&saying);
        return;
    }
    unsigned at = dice_weighted(saying.random, weights, sizeof weights / sizeof *weights);
    bool is_inside = link->redis->is_queuing;
    if (is_inside && (chance(&saying, 25) || sayings[at] == say_multi || sayings[at] == say_watch))
        say_end_of_multi(&saying);
    else
        sayings[at](&saying);
}

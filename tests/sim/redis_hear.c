/* What clients of the Redis protocol hear: every value must be the reply that is wanted. */
#include "message.h"
#include "redis.h"
#include "replay.h"
#include "resp/number.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINE_MAX = 32 };

/* What is wanted, in bytes. */

static void put(struct buffer *buffer, struct bytes bytes)
{
    bytes_copy(buffer_room(buffer, bytes.size + 1), bytes);
    buffer_grow(buffer, bytes.size);
}

static void put_text(struct buffer *buffer, const char *text)
{
    put(buffer, bytes_text(text));
}

static void put_line(struct buffer *buffer, char type, int64_t number)
{
    char line[LINE_MAX];
    snprintf(line, sizeof line, "%c%" PRId64 "\r\n", type, number);
    put_text(buffer, line);
}

static void put_bulk(struct buffer *buffer, struct bytes bytes)
{
    put_line(buffer, '$', (int64_t)bytes.size);
    put(buffer, bytes);
    put_text(buffer, "\r\n");
}

static void put_message(struct buffer *buffer, const struct twin_held *message)
{
    size_t size = message->size - FRAME_HEAD_SIZE - message->name.size -
                  (message->headers.is_there ? headers_size(&message->headers) : 0);
    put_line(buffer, '$', (int64_t)size);
    message_write_body(buffer_room(buffer, size + sizeof(uint64_t)), message->id, size);
    buffer_grow(buffer, size);
    put_text(buffer, "\r\n");
}

static void put_messages(struct buffer *buffer, const struct ask *ask)
{
    put_line(buffer, '*', ask->total);
    for (uint32_t i = 0; i < ask->total; i++)
        put_message(buffer, &ask->messages[i]);
}

static void put_frames(struct buffer *buffer, enum reply_shape shape, const struct ask *ask)
{
    if (shape == SHAPE_POPPED || shape == SHAPE_POPPED_LIST) {
        put_line(buffer, '*', 2);
        put_bulk(buffer, ask->names[ask->which]);
    }
    if (shape == SHAPE_LIST || shape == SHAPE_LIST_OR_NULL || shape == SHAPE_POPPED_LIST)
        put_messages(buffer, ask);
    else
        put_message(buffer, ask->messages);
}

/* What stands before a message, or a gap, of a subscription. */
static void put_preface(struct buffer *buffer, const struct redis *redis,
                        const struct channel_said *channel, bool is_gap)
{
    static const char *const words[][2] = {
        {"message", "gap"}, {"pmessage", "pgap"}, {"smessage", "sgap"}};
    bool has_pattern = channel->kind == SAID_PATTERN && !is_gap;
    put_line(buffer, redis->version == 3 ? '>' : '*', is_gap || has_pattern ? 4 : 3);
    put_bulk(buffer, bytes_text(words[channel->kind][is_gap]));
    if (has_pattern || is_gap)
        put_bulk(buffer, channel->name);
}

void redis_owe(struct link *link, const struct effect *effect, const struct twin_hold *hold)
{
    struct redis *redis = link->redis;
    const struct channel_said *channel = &redis->channels[effect->id];
    if (redis->version == 2 && effect->kind != EFFECT_MESSAGE) {
        link->is_killed = true;
        world_reach(WORLD_REDIS_SLOW);
        return;
    }
    REQUIRE(effect->kind != EFFECT_ENDED, "a subscription ends that nobody ends");
    for (uint32_t i = 0; effect->kind == EFFECT_MESSAGE && i < effect->slice.count; i++) {
        put_preface(&redis->heard_next, redis, channel, false);
        put_bulk(&redis->heard_next, hold->messages[i].name);
        put_message(&redis->heard_next, &hold->messages[i]);
    }
    if (effect->kind != EFFECT_GAP)
        return;
    put_preface(&redis->heard_next, redis, channel, true);
    put_line(&redis->heard_next, ':', (int64_t)effect->missed.count);
    put_line(&redis->heard_next, ':', (int64_t)effect->missed.size);
    world_reach(WORLD_REDIS_GAP);
}

/* Whether a value is a message of a subscription, or a gap, by its first word. */
static bool is_message(const struct buffer *heard)
{
    static const char *const words[] = {"$7\r\nmessage\r\n",  "$8\r\npmessage\r\n",
                                        "$8\r\nsmessage\r\n", "$3\r\ngap\r\n",
                                        "$4\r\npgap\r\n",     "$4\r\nsgap\r\n"};
    enum { HEAD = 4 }; /* bytes of an array's */
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i]);
        if (buffer_size(heard) > HEAD + size &&
            memcmp(buffer_front(heard) + HEAD, words[i], size) == 0)
            return true;
    }
    return false;
}

static void hear_message(struct link *link, const struct buffer *heard)
{
    struct buffer *due = &link->redis->heard_next;
    size_t size = buffer_size(heard);
    REQUIRE(size <= buffer_size(due) && memcmp(buffer_front(heard), buffer_front(due), size) == 0,
            "a message that is not due: %.20s", (const char *)buffer_front(heard));
    buffer_take(due, size);
    world_reach(WORLD_REDIS_HEARS);
    world_tally.messages_heard++;
}

/* Nothing there. */
static void put_nothing(struct buffer *buffer, const struct want *want, enum status status)
{
    bool is_list =
        want->shape == SHAPE_LIST || (want->shape == SHAPE_LIST_OR_NULL && status == STATUS_OK);
    bool is_bulk = want->shape == SHAPE_BULK || want->shape == SHAPE_NUMBER;
    if (is_list)
        put_text(buffer, "*0\r\n");
    else if (want->version == 3)
        put_text(buffer, "_\r\n");
    else
        put_text(buffer, is_bulk ? "$-1\r\n" : "*-1\r\n");
}

static void put_answer(struct buffer *buffer, const struct want *want, const struct ask *ask)
{
    REQUIRE(ask->answer != ANSWER_NONE && ask->put == ask->total,
            "a reply before the engine has answered");
    if (ask->answer == ANSWER_NUMBER)
        put_line(buffer, ':', ask->number);
    else if (ask->answer == ANSWER_FRAMES)
        put_frames(buffer, want->shape, ask);
    else if (ask->status == STATUS_OK || ask->status == STATUS_NO_KEY)
        put_nothing(buffer, want, ask->status);
    else
        put_text(buffer, "-\r\n");
}

static void put_joined(struct buffer *buffer, const struct want *want, const struct ask *asks)
{
    bool is_ok = true;
    for (uint32_t i = 0; i < want->count; i++) {
        REQUIRE(asks[i].answer == ANSWER_STATUS, "a reply before the engine has answered");
        is_ok &= asks[i].status == STATUS_OK;
    }
    put_text(buffer, is_ok ? "+OK\r\n" : "-\r\n");
}

/* That the client is, or is not, subscribed to something. */
static void put_change(struct buffer *buffer, const struct redis *redis, const struct want *want)
{
    put_line(buffer, want->version == 3 ? '>' : '*', 3);
    put_bulk(buffer, bytes_text(want->text));
    put_bulk(buffer, redis->channels[want->channel].name);
    put_line(buffer, ':', want->channels);
}

/* Puts a reply; returns how many wants it is. */
static size_t put_reply(struct buffer *buffer, const struct redis *redis, size_t at)
{
    const struct want *want = &redis->wants[at];
    const struct ask *ask = &redis->asks[want->ask];
    size_t wants = 1;
    switch (want->shape) {
    case SHAPE_TEXT: put_text(buffer, want->text); break;
    case SHAPE_ERROR: put_text(buffer, "-\r\n"); break;
    case SHAPE_CHANGE:
        REQUIRE(want->count == 0 || ask->answer == ANSWER_STATUS,
                "a reply before the engine has answered");
        put_change(buffer, redis, want);
        break;
    case SHAPE_OK: put_joined(buffer, want, ask); break;
    case SHAPE_EXEC:
        REQUIRE(ask->answer == ANSWER_STATUS, "a reply before the engine has answered");
        if (ask->status == STATUS_CHANGED) {
            put_text(buffer, want->version == 3 ? "_\r\n" : "*-1\r\n");
            world_reach(WORLD_REDIS_CHANGED);
            return 1 + want->count;
        }
        put_line(buffer, '*', want->count);
        for (uint32_t i = 0; i < want->count; i++)
            wants += put_reply(buffer, redis, at + wants);
        world_reach(WORLD_REDIS_EXEC);
        break;
    default: put_answer(buffer, want, ask);
    }
    return wants;
}

/* What is heard. */

/* Reads a line; returns its size with its end, 0 when it is not whole. */
static size_t line_size(struct bytes in)
{
    const unsigned char *end = in.size > 0 ? memchr(in.data, '\n', in.size) : NULL;
    return end ? (size_t)(end - in.data) + 1 : 0;
}

/* Cuts what follows a line off `in` and copies it: a bulk's bytes. Returns its size, -1 when it is not
 * whole. */
static int64_t cut_bulk(struct bytes in, int64_t size, struct buffer *copy)
{
    if (size < 0)
        return 0;
    if (in.size < (size_t)size + 2)
        return -1;
    put(copy, bytes_of(in.data, (size_t)size + 2));
    return size + 2;
}

/* How many values belong to one that begins with this. */
static int64_t members_of(unsigned char type, int64_t number)
{
    bool is_aggregate = type == '*' || type == '>' || type == '~' || type == '%';
    if (!is_aggregate || number < 0)
        return 0;
    return type == '%' ? 2 * number : number;
}

/* Cuts one value off `in` and copies it, but for the words of errors; returns its size, 0 when it is not
 * whole. As with Redis, what a transaction publishes to its own connection stands in the midst of its
 * replies, and goes to `pushes`. */
static size_t cut_value(struct bytes in, struct buffer *copy, struct buffer *pushes)
{
    size_t at = 0;
    for (int64_t left = 1; left > 0; left--) {
        struct bytes rest = bytes_of(in.data + at, in.size - at);
        size_t size = line_size(rest);
        int64_t number = 0;
        if (size == 0)
            return 0;
        unsigned char type = rest.data[0];
        if (type == '>' && at > 0) {
            size = cut_value(rest, pushes, pushes);
            if (size == 0)
                return 0;
            at += size;
            left++;
            continue;
        }
        REQUIRE(size >= 3 && rest.data[size - 2] == '\r', "a line that does not end as it should");
        bool is_counted = strchr("*>~%$", type);
        REQUIRE(!is_counted || resp_integer(bytes_of(rest.data + 1, size - 3), &number),
                "a strange number");
        put(copy, type == '-' ? bytes_text("-\r\n") : bytes_of(rest.data, size));
        at += size;
        int64_t more =
            type == '$' ? cut_bulk(bytes_of(in.data + at, in.size - at), number, copy) : 0;
        if (more < 0)
            return 0;
        at += (size_t)more;
        left += members_of(type, number);
    }
    return at;
}

static void compare(struct link *link, const struct buffer *heard)
{
    struct redis *redis = link->redis;
    const struct want *want = &redis->wants[redis->wants_heard];
    struct buffer wanted = {0};
    if (want->shape == SHAPE_ANY) {
        redis->wants_heard++;
        return;
    }
    redis->wants_heard += put_reply(&wanted, redis, redis->wants_heard);
    size_t size = buffer_size(&wanted), same = 0;
    while (same < size && same < buffer_size(heard) &&
           buffer_front(&wanted)[same] == buffer_front(heard)[same])
        same++;
    REQUIRE(same == size && same == buffer_size(heard),
            "a reply of shape %d is other than wanted from byte %zu on: %.20s", want->shape, same,
            (const char *)buffer_front(heard));
    buffer_finish(&wanted);
}

bool redis_hear(struct world *world, struct link *link)
{
    struct redis *redis = link->redis;
    struct buffer heard = {0}, pushes = {0};
    struct bytes in = bytes_of(buffer_front(&link->in), buffer_size(&link->in));
    size_t size = cut_value(in, &heard, &pushes);
    if (size > 0 && buffer_size(&pushes) > 0) {
        hear_message(link, &pushes);
        world_reach(WORLD_REDIS_INSIDE);
    }
    if (size > 0 && is_message(&heard)) {
        hear_message(link, &heard);
    } else if (size > 0) {
        REQUIRE(redis->wants_heard < redis->wants_count, "a reply where none is wanted: %.20s",
                (const char *)buffer_front(&heard));
        compare(link, &heard);
        world->trace = hash_mix(world->trace ^ size);
        world_tally.replies_heard++;
    }
    buffer_take(&link->in, size);
    buffer_finish(&heard);
    buffer_finish(&pushes);
    return size > 0;
}

void redis_check_quiet(const struct world *world, const struct link *link)
{
    const struct redis *redis = link->redis;
    REQUIRE(buffer_size(&link->in) == 0, "half a reply for connection %u", link->peer);
    REQUIRE(buffer_size(&redis->heard_next) == 0, "messages are due to connection %u", link->peer);
    if (redis->wants_heard == redis->wants_count)
        return;
    const struct want *want = &redis->wants[redis->wants_heard];
    if (want->end > link->sent_size)
        return;
    const struct ask *ask = &redis->asks[want->ask];
    const struct twin_peer *peer = NULL;
    for (int i = 0; i < TWIN_PEERS; i++)
        if (world->twin.peers[i].is_there && world->twin.peers[i].id == link->peer)
            peer = &world->twin.peers[i];
    REQUIRE(peer && peer->taker.is_there && ask->ticket == peer->taker.ticket,
            "a reply is due to connection %u", link->peer);
    world_reach(WORLD_REDIS_WAITS);
}

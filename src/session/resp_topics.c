#include "session/resp_topics.h"

#include "session/channels.h"
#include "session/resp.h"
#include "session/resp_table.h"
#include "session/say.h"
#include "session/session.h"

/*
 * Each channel that is subscribed to, or not any more, is a command of its own to the engine. What is
 * said of it is noted when it is asked for: the client's count goes by the order of its commands.
 */

/* Subscribing. */

/* What a reply says: | verb u8 | kind u8 | count u32 | name … | */
enum { NOTE_HEAD_SIZE = 6 };
enum verb { VERB_SUBSCRIBE, VERB_UNSUBSCRIBE };

static void put_change(struct pen *pen, enum verb verb, enum channel_kind kind)
{
    static const char *const words[][CHANNEL_KINDS] = {
        {"subscribe", "psubscribe", "ssubscribe"},
        {"unsubscribe", "punsubscribe", "sunsubscribe"},
    };
    pen_push(pen, 3);
    pen_bulk(pen, bytes_text(words[verb][kind]));
}

/* That the client is, or is not, subscribed; a name of no bytes stands for none. */
static void say_change(struct pen *pen, const struct effect *effect)
{
    const unsigned char *note = pen->note.data;
    enum verb verb = note[0];
    if (verb == VERB_SUBSCRIBE && effect->status != STATUS_OK) {
        pen_status(pen, effect->status);
        return;
    }
    put_change(pen, verb, note[1]);
    pen_bulk(pen, bytes_of(note + NOTE_HEAD_SIZE, pen->note.size - NOTE_HEAD_SIZE));
    pen_integer(pen, load_u32(note + 2));
}

/* Expects what comes of a change. */
static void expect_change(struct call *call, enum verb verb, enum channel_kind kind,
                          struct bytes name)
{
    struct resp *resp = call->resp;
    unsigned char head[NOTE_HEAD_SIZE] = {(unsigned char)verb, (unsigned char)kind};
    store_u32(head + 2, channels_count(resp->channels, kind));
    call_expect(call, 1, say_change);
    replies_note(&resp->replies, bytes_of(head, sizeof head));
    replies_note(&resp->replies, name);
}

/* Says at once that nothing had to be changed. */
static void say_unchanged(struct call *call, enum verb verb, enum channel_kind kind,
                          struct bytes name)
{
    struct pen pen = call_pen(call);
    put_change(&pen, verb, kind);
    if (name.data)
        pen_bulk(&pen, name);
    else
        pen_null(&pen);
    pen_integer(&pen, channels_count(call->resp->channels, kind));
}

static void ask_subscribe(struct call *call, struct command *command, enum channel_kind kind,
                          struct bytes name)
{
    struct resp *resp = call->resp;
    struct channel *channel = channels_add(resp->channels, kind, name, command->ticket);
    command->kind = COMMAND_SUBSCRIBE;
    command->name = name;
    command->subscription.id = channel_id(channel);
    command->subscription.is_glob = kind == CHANNEL_PATTERN;
    command->subscription.is_apart = kind == CHANNEL_SHARD;
    command->subscription.no_retained = true;
    command->subscription.count_default = CHANNEL_COUNT_DEFAULT;
    command->subscription.size_default = CHANNEL_SIZE_DEFAULT;
    /* Nobody reads gaps in version 2. */
    command->subscription.has_overflow = resp->version == 2;
    command->subscription.overflow = OVERFLOW_CLOSE;
    expect_change(call, VERB_SUBSCRIBE, kind, name);
}

/* Whether the word at `at` needs the engine, and is not settled by what is known. */
static bool is_new(struct call *call, uint32_t at, enum channel_kind kind)
{
    struct bytes name = call_word(call, at);
    const char *fault = call_name_fault(call, at);
    if (fault) {
        call_fail(call, fault);
        return false;
    }
    if (!channels_find(call->resp->channels, kind, name))
        return true;
    say_unchanged(call, VERB_SUBSCRIBE, kind, name);
    return false;
}

/* The word to look at next: the handler's context is that, once it has looked at any. */
static uint32_t next_word(const struct call *call)
{
    return call->context > 0 ? (uint32_t)call->context : 1;
}

/* The call has looked at the words up to that one. */
static enum outcome looked(struct call *call, uint32_t at)
{
    call->context = at + 1;
    return at + 1 < call->words_count ? CALL_ASKS : CALL_LAST;
}

static enum outcome subscribe(struct call *call, struct command *command, enum channel_kind kind)
{
    struct resp *resp = call->resp;
    if (!resp->channels)
        resp->channels = channels_create(&call->session->limits->key);
    for (uint32_t at = next_word(call); at < call->words_count; at++) {
        if (is_new(call, at, kind)) {
            ask_subscribe(call, command, kind, call_word(call, at));
            return looked(call, at);
        }
    }
    return CALL_DONE;
}

static void ask_unsubscribe(struct call *call, struct command *command, struct channel *channel)
{
    command->kind = COMMAND_UNSUBSCRIBE;
    command->subscription.id = channel_id(channel);
    channels_end(call->resp->channels, channel, command->ticket);
}

/* The end of all of a kind. */
static enum outcome unsubscribe_all(struct call *call, struct command *command,
                                    enum channel_kind kind)
{
    struct channels *channels = call->resp->channels;
    struct channel *channel = channels ? channels_first(channels, kind) : NULL;
    if (!channel) {
        say_unchanged(call, VERB_UNSUBSCRIBE, kind, (struct bytes){0});
        return CALL_DONE;
    }
    ask_unsubscribe(call, command, channel);
    expect_change(call, VERB_UNSUBSCRIBE, kind, channel->by_name.name);
    return channels_first(channels, kind) ? CALL_ASKS : CALL_LAST;
}

static enum outcome unsubscribe(struct call *call, struct command *command, enum channel_kind kind)
{
    struct channels *channels = call->resp->channels;
    if (call->words_count == 1)
        return unsubscribe_all(call, command, kind);
    for (uint32_t at = next_word(call); at < call->words_count; at++) {
        struct bytes name = call_word(call, at);
        struct channel *channel = channels ? channels_find(channels, kind, name) : NULL;
        if (channel) {
            ask_unsubscribe(call, command, channel);
            expect_change(call, VERB_UNSUBSCRIBE, kind, name);
            return looked(call, at);
        }
        say_unchanged(call, VERB_UNSUBSCRIBE, kind, name);
    }
    return CALL_DONE;
}

bool resp_topics_leave(struct call *call, struct command *command)
{
    struct channels *channels = call->resp->channels;
    struct channel *channel = NULL;
    for (int kind = 0; channels && !channel && kind < CHANNEL_KINDS; kind++)
        channel = channels_first(channels, kind);
    if (!channel)
        return false;
    ask_unsubscribe(call, command, channel);
    call_expect(call, 1, say_nothing);
    return true;
}

/* Publishing. */

static enum outcome publish(struct call *call, struct command *command, bool is_apart)
{
    struct composer *composer = &call->resp->composer;
    const char *fault = call_name_fault(call, 1);
    if (fault)
        return call_fail(call, fault);
    command->kind = COMMAND_PUBLISH;
    command->name = call_word(call, 1);
    if (!call_compose(call, OP_PUBLISH, command->name, 2, 2))
        return CALL_DONE;
    call_compose_alike(call, command->name);
    command->run = composer_run(composer);
    command->wants_number = true;
    command->is_apart = is_apart;
    call_expect(call, composer->count, say_integer);
    return CALL_LAST;
}

static enum outcome publish_to_topic(struct call *call, struct command *command)
{
    return publish(call, command, false);
}

static enum outcome publish_to_shard(struct call *call, struct command *command)
{
    return publish(call, command, true);
}

/* Looking. */

static enum outcome channels(struct call *call, struct command *command, bool is_apart)
{
    if (call->words_count > 3)
        return call_fail_arguments(call);
    if (call->words_count == 3 && !call_glob(call, 2, command))
        return CALL_DONE;
    command->kind = COMMAND_CHANNELS;
    command->names.is_apart = is_apart;
    call_expect(call, 1, say_names);
    call_stall(call);
    return CALL_LAST;
}

static enum outcome pubsub_channels(struct call *call, struct command *command)
{
    return channels(call, command, false);
}

static enum outcome pubsub_shardchannels(struct call *call, struct command *command)
{
    return channels(call, command, true);
}

/* The name that was noted, and a number. */
static void say_counted(struct pen *pen, const struct effect *effect)
{
    pen_bulk(pen, pen->note);
    say_integer(pen, effect);
}

/* The same of what may not be a name. */
static void say_no_listeners(struct pen *pen, const struct effect *effect)
{
    (void)effect;
    pen_bulk(pen, pen->note);
    pen_integer(pen, 0);
}

static enum outcome count_none(struct call *call)
{
    struct pen pen = call_pen(call);
    pen_array(&pen, 0);
    return CALL_DONE;
}

static enum outcome numsub(struct call *call, struct command *command, bool is_apart)
{
    uint32_t at = call->context > 0 ? (uint32_t)call->context : 2;
    if (call->words_count == 2)
        return count_none(call);
    bool is_name = !call_name_fault(call, at);
    command->kind = is_name ? COMMAND_LISTENERS : COMMAND_HEARTBEAT;
    command->name = is_name ? call_word(call, at) : (struct bytes){0};
    command->names.is_apart = is_apart;
    struct reply *reply = call_expect(call, 1, is_name ? say_counted : say_no_listeners);
    reply->opens_count = at == 2 ? 2 * (call->words_count - 2) : 0;
    replies_note(&call->resp->replies, call_word(call, at));
    return looked(call, at);
}

static enum outcome pubsub_numsub(struct call *call, struct command *command)
{
    return numsub(call, command, false);
}

static enum outcome pubsub_shardnumsub(struct call *call, struct command *command)
{
    return numsub(call, command, true);
}

static enum outcome pubsub_numpat(struct call *call, struct command *command)
{
    return call_ask(call, command, COMMAND_GLOBS, say_integer);
}

static enum outcome pubsub_help(struct call *call, struct command *command)
{
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a <pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level channel(s)",
        NULL,
    };
    (void)command;
    return call_help(call, lines);
}

/* What comes by subscriptions. */

/* Tells what is missing: | `gap`, `pgap` or `sgap` | name or pattern | messages | bytes |. */
static void tell_gap(struct session *session, const struct channel *channel,
                     const struct effect *effect)
{
    static const char *const words[CHANNEL_KINDS] = {"gap", "pgap", "sgap"};
    struct pen pen = {.output = &session->output, .version = session->resp->version};
    pen_push(&pen, 4);
    pen_bulk(&pen, bytes_text(words[channel->kind]));
    pen_bulk(&pen, channel->by_name.name);
    pen_integer(&pen, (int64_t)effect->missed.count);
    pen_integer(&pen, (int64_t)effect->missed.size);
}

/* Tells that the broker has ended a subscription, as if the client had asked for it. */
static void tell_end(struct session *session, struct channel *channel)
{
    struct channels *channels = session->resp->channels;
    struct pen pen = {.output = &session->output, .version = session->resp->version};
    enum channel_kind kind = channel->kind;
    put_change(&pen, VERB_UNSUBSCRIBE, kind);
    pen_bulk(&pen, channel->by_name.name);
    channels_drop(channels, channel);
    pen_integer(&pen, channels_count(channels, kind));
}

bool resp_topics_effect(struct session *session, const struct effect *effect)
{
    struct resp *resp = session->resp;
    struct channel *channel = channels_of(resp->channels, effect->id);
    assert(channel);
    if (effect->kind == EFFECT_MESSAGE) {
        output_messages(&session->output, &effect->slice,
                        channels_preface(resp->channels, channel, resp->version));
        return true;
    }
    if (resp->version == 2) { /* which has no words for what is lost */
        session->complaint = "reads what it subscribed to too slowly";
        session->state = SESSION_CLOSED;
    } else if (effect->kind == EFFECT_GAP) {
        tell_gap(session, channel, effect);
    } else {
        tell_end(session, channel);
    }
    return false;
}

#define LISTENING (ROW_PUBSUB | ROW_NOSCRIPT | ROW_LOADING | ROW_STALE | ROW_SUBSCRIBED)
#define TALKING (ROW_PUBSUB | ROW_LOADING | ROW_STALE | ROW_FAST)
#define LOOKING (ROW_PUBSUB | ROW_LOADING | ROW_STALE)

static enum outcome subscribe_name(struct call *call, struct command *command)
{
    return subscribe(call, command, CHANNEL_NAME);
}

static enum outcome subscribe_pattern(struct call *call, struct command *command)
{
    return subscribe(call, command, CHANNEL_PATTERN);
}

static enum outcome subscribe_shard(struct call *call, struct command *command)
{
    if (call->is_inside)
        return call_fail(call, "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
    return subscribe(call, command, CHANNEL_SHARD);
}

static enum outcome unsubscribe_name(struct call *call, struct command *command)
{
    return unsubscribe(call, command, CHANNEL_NAME);
}

static enum outcome unsubscribe_pattern(struct call *call, struct command *command)
{
    return unsubscribe(call, command, CHANNEL_PATTERN);
}

static enum outcome unsubscribe_shard(struct call *call, struct command *command)
{
    return unsubscribe(call, command, CHANNEL_SHARD);
}

static const struct row pubsub_rows[] = {
    {.name = "channels",
     .arity = -2,
     .flags = LOOKING,
     .handler = pubsub_channels,
     .summary = "The names that are subscribed to, those that a pattern matches.",
     .differs = "Native subscriptions to a name count too."},
    {.name = "help",
     .arity = 2,
     .flags = ROW_LOADING | ROW_STALE,
     .handler = pubsub_help,
     .summary = "What subcommands there are."},
    {.name = "numpat",
     .arity = 2,
     .flags = LOOKING,
     .handler = pubsub_numpat,
     .summary = "How many patterns are subscribed to."},
    {.name = "numsub",
     .arity = -2,
     .flags = LOOKING,
     .handler = pubsub_numsub,
     .summary = "How many subscriptions names have.",
     .differs = "Native subscriptions to a name count too."},
    {.name = "shardchannels",
     .arity = -2,
     .flags = LOOKING,
     .handler = pubsub_shardchannels,
     .summary = "The shard channels that are subscribed to, those that a pattern matches."},
    {.name = "shardnumsub",
     .arity = -2,
     .flags = LOOKING,
     .handler = pubsub_shardnumsub,
     .summary = "How many subscriptions shard channels have."},
};

#define SLOW                                                                                        \
    "A client that reads too slowly misses messages over the bound of a subscription: in RESP3 it " \
    "is told in their place, as a push of `gap`, `pgap` or `sgap`, the name or pattern, how many "  \
    "messages and bytes; in RESP2 its connection is closed."

static const struct row rows[] = {
    {.name = "psubscribe",
     .arity = -2,
     .flags = LISTENING,
     .handler = subscribe_pattern,
     .summary = "Subscribes to names that match patterns.",
     .differs = SLOW},
    {.name = "publish",
     .arity = 3,
     .flags = TALKING,
     .handler = publish_to_topic,
     .summary = "Publishes a message.",
     .differs = "Counts native subscribers too: a connection, or a group, once."},
    {.name = "pubsub",
     .arity = -2,
     .subcommands = pubsub_rows,
     .subcommands_count = sizeof pubsub_rows / sizeof *pubsub_rows,
     .summary = "Commands about subscriptions."},
    {.name = "punsubscribe",
     .arity = -1,
     .flags = LISTENING,
     .handler = unsubscribe_pattern,
     .summary = "Ends subscriptions to patterns, without any to all of them."},
    {.name = "spublish",
     .arity = 3,
     .flags = TALKING,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .handler = publish_to_shard,
     .summary = "Publishes a message in a shard channel."},
    {.name = "ssubscribe",
     .arity = -2,
     .flags = LISTENING,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .handler = subscribe_shard,
     .summary = "Subscribes to shard channels.",
     .differs = SLOW},
    {.name = "subscribe",
     .arity = -2,
     .flags = LISTENING,
     .handler = subscribe_name,
     .summary = "Subscribes to names.",
     .differs = SLOW},
    {.name = "sunsubscribe",
     .arity = -1,
     .flags = LISTENING,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .handler = unsubscribe_shard,
     .summary = "Ends subscriptions to shard channels, without any to all of them."},
    {.name = "unsubscribe",
     .arity = -1,
     .flags = LISTENING,
     .handler = unsubscribe_name,
     .summary = "Ends subscriptions to names, without any to all of them."},
};

const struct row_group topic_rows = {"Topics", "pubsub", rows, sizeof rows / sizeof *rows};

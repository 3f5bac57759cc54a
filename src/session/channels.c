#include "session/channels.h"

#include "base/array.h"
#include "frame/frame.h"
#include "resp/write.h"

#include <assert.h>

/*
 * The client's count and what it may do next follow from what it asked for, so a channel is there, or
 * gone, at once; its subscription is what the engine makes of it. Changes remember which is ahead of
 * which. One that is refused is taken back when that is known, and those of a transaction that does
 * not take place are from the last to the first.
 */

struct channels *channels_create(const struct hash_key *key)
{
    struct channels *channels = memory_create(sizeof *channels);
    channels->key = *key;
    for (int kind = 0; kind < CHANNEL_KINDS; kind++)
        list_init(&channels->kinds[kind]);
    return channels;
}

static void channel_destroy(struct channel *channel)
{
    preface_unref(channel->preface);
    memory_free(channel);
}

void channels_destroy(struct channels *channels)
{
    struct table_entry *entry;
    if (!channels)
        return;
    for (size_t at = 0; (entry = table_next(&channels->ids, &at));)
        channel_destroy(list_entry(entry, struct channel, by_id));
    for (int kind = 0; kind < CHANNEL_KINDS; kind++)
        preface_unref(channels->prefaces[kind]);
    table_finish(&channels->names);
    table_finish(&channels->ids);
    memory_free(channels->changes);
    memory_free(channels);
}

uint32_t channels_count(const struct channels *channels, enum channel_kind kind)
{
    if (!channels)
        return 0;
    return kind == CHANNEL_SHARD
               ? channels->counts[CHANNEL_SHARD]
               : channels->counts[CHANNEL_NAME] + channels->counts[CHANNEL_PATTERN];
}

/* Names of different kinds are different. */
static uint64_t hash_of(const struct channels *channels, enum channel_kind kind, struct bytes name)
{
    return hash_bytes(&channels->key, name) + kind;
}

struct channel *channels_find(const struct channels *channels, enum channel_kind kind,
                              struct bytes name)
{
    struct table_entry *entry = table_find(&channels->names, hash_of(channels, kind, name), name);
    return entry ? list_entry(entry, struct channel, by_name) : NULL;
}

struct channel *channels_first(const struct channels *channels, enum channel_kind kind)
{
    const struct list *head = &channels->kinds[kind];
    return list_is_empty(head) ? NULL : list_entry(head->next, struct channel, link);
}

struct channel *channels_of(const struct channels *channels, uint32_t id)
{
    struct table_entry *entry = table_find(&channels->ids, id, (struct bytes){0});
    return entry ? list_entry(entry, struct channel, by_id) : NULL;
}

/* Puts a channel among those that the client knows of, or takes it out. */
static void enlist(struct channels *channels, struct channel *channel)
{
    table_insert(&channels->names, &channel->by_name);
    list_push_back(&channels->kinds[channel->kind], &channel->link);
    channels->counts[channel->kind]++;
}

static void delist(struct channels *channels, struct channel *channel)
{
    if (!list_is_linked(&channel->link))
        return;
    table_remove(&channels->names, &channel->by_name);
    list_remove(&channel->link);
    channels->counts[channel->kind]--;
}

void channels_drop(struct channels *channels, struct channel *channel)
{
    delist(channels, channel);
    table_remove(&channels->ids, &channel->by_id);
    channel_destroy(channel);
}

static struct change *change_at(const struct channels *channels, size_t at)
{
    return &channels->changes[(channels->changes_first + at) & (channels->changes_capacity - 1)];
}

static void note_change(struct channels *channels, struct change change)
{
    if (channels->changes_count == channels->changes_capacity)
        channels->changes = ring_double(channels->changes, &channels->changes_first,
                                        &channels->changes_capacity, sizeof *channels->changes);
    *change_at(channels, channels->changes_count++) = change;
}

struct channel *channels_add(struct channels *channels, enum channel_kind kind, struct bytes name,
                             uint64_t ticket)
{
    struct channel *channel = memory_create(sizeof *channel + name.size);
    assert(!channels_find(channels, kind, name));
    while (channels_of(channels, ++channels->id_last)) /* after 2^32 of them */
        ;
    channel->kind = (uint8_t)kind;
    channel->by_id.hash = channels->id_last;
    channel->by_name =
        (struct table_entry){hash_of(channels, kind, name), bytes_copy(channel + 1, name)};
    table_insert(&channels->ids, &channel->by_id);
    enlist(channels, channel);
    note_change(channels, (struct change){.ticket = ticket, .id = channels->id_last});
    return channel;
}

void channels_end(struct channels *channels, struct channel *channel, uint64_t ticket)
{
    delist(channels, channel);
    note_change(channels,
                (struct change){.ticket = ticket, .id = channel_id(channel), .is_end = true});
}

/* What a change came to. */
static void conclude(struct channels *channels, struct change *change, enum status status)
{
    struct channel *channel = channels_of(channels, change->id);
    if (channel && (change->is_end || status != STATUS_OK))
        channels_drop(channels, channel);
    change->is_settled = true;
}

void channels_settle(struct channels *channels, uint64_t ticket, uint32_t count, enum status status)
{
    if (!channels || status == STATUS_SKIPPED)
        return;
    for (size_t at = 0; at < channels->changes_count; at++) {
        struct change *change = change_at(channels, at);
        if (change->ticket >= ticket + count)
            break;
        if (change->ticket >= ticket && !change->is_settled)
            conclude(channels, change, status);
    }
    while (channels->changes_count > 0 && change_at(channels, 0)->is_settled) {
        channels->changes_first = (channels->changes_first + 1) & (channels->changes_capacity - 1);
        channels->changes_count--;
    }
}

void channels_undo(struct channels *channels, uint64_t ticket)
{
    while (channels && channels->changes_count > 0) {
        const struct change *change = change_at(channels, channels->changes_count - 1);
        if (change->ticket <= ticket)
            break;
        struct channel *channel = channels_of(channels, change->id);
        if (channel && change->is_end)
            enlist(channels, channel);
        else if (channel)
            channels_drop(channels, channel);
        channels->changes_count--;
    }
}

static struct preface *preface_make(const struct channel *channel, uint8_t version)
{
    static const char *const words[] = {"message", "pmessage", "smessage"};
    unsigned char text[2 * RESP_BULK_COST + RESP_HEAD_SIZE_MAX + 8 + FRAME_NAME_MAX];
    bool has_pattern = channel->kind == CHANNEL_PATTERN;
    size_t size = resp_put_push(text, version, has_pattern ? 4 : 3);
    size += resp_put_bulk(text + size, bytes_text(words[channel->kind]));
    if (has_pattern)
        size += resp_put_bulk(text + size, channel->by_name.name);
    return preface_create(bytes_of(text, size));
}

struct preface *channels_preface(struct channels *channels, struct channel *channel,
                                 uint8_t version)
{
    bool is_own = channel->kind == CHANNEL_PATTERN;
    struct preface **preface = is_own ? &channel->preface : &channels->prefaces[channel->kind];
    uint8_t *known = is_own ? &channel->version : &channels->versions[channel->kind];
    if (!*preface || *known != version) {
        preface_unref(*preface);
        *preface = preface_make(channel, version);
        *known = version;
    }
    return *preface;
}

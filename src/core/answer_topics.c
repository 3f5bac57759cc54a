#include "core/engine_state.h"

#include "base/array.h"
#include "core/glob.h"

#include <stdlib.h>

/*
 * TOPICS: names that are subscribed to, as names, patterns or globs, and names of retained messages,
 * as one sorted list. Each stands in a table of its own, none of which is sorted: the first names behind
 * the one that was asked for are gathered from all of them, and what is too much is cut off in
 * between.
 */

struct listed {
    struct bytes name;
    unsigned char *copy; /* of the name, where it stands nowhere else; or NULL */
    uint64_t names, patterns, globs, retained_size;
};

struct listing {
    struct listed listed[2 * (LOOK_COUNT_MAX + 1)];
    size_t count, count_max;
    struct bytes after;
};

static int by_name(const void *left, const void *right)
{
    return bytes_compare(((const struct listed *)left)->name, ((const struct listed *)right)->name);
}

/* Adds what another table says of the name. */
static void join(struct listed *to, const struct listed *one)
{
    to->names += one->names;
    to->patterns += one->patterns;
    to->globs += one->globs;
    to->retained_size += one->retained_size;
    memory_free(one->copy);
}

/* Sorts, makes one of what has the same name, and leaves one more than are wanted, to tell that
 * there are more. */
static void cut(struct listing *listing)
{
    size_t count = 0;
    qsort(listing->listed, listing->count, sizeof *listing->listed, by_name);
    for (size_t i = 0; i < listing->count; i++) {
        const struct listed one = listing->listed[i];
        if (count > 0 && bytes_equal(listing->listed[count - 1].name, one.name))
            join(&listing->listed[count - 1], &one);
        else if (count <= listing->count_max)
            listing->listed[count++] = one;
        else
            memory_free(one.copy);
    }
    listing->count = count;
}

static void add(struct listing *listing, struct listed one)
{
    if (bytes_compare(one.name, listing->after) <= 0)
        return;
    if (listing->count == 2 * (listing->count_max + 1))
        cut(listing);
    listing->listed[listing->count++] = one;
}

static void add_patterns(struct listing *listing, const struct trie *patterns)
{
    unsigned char room[FRAME_NAME_MAX];
    struct bytes name;
    uint32_t at = 0, count;
    while ((count = trie_next(patterns, &at, room, &name)) > 0) {
        if (bytes_compare(name, listing->after) <= 0)
            continue;
        unsigned char *copy = memory_create(name.size);
        memcpy(copy, name.data, name.size);
        add(listing, (struct listed){bytes_of(copy, name.size), .copy = copy, .patterns = count});
    }
}

static void gather(struct engine *engine, struct listing *listing)
{
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(&engine->topics.names, &at));)
        add(listing, (struct listed){.name = entry->name,
                                     .names = list_entry(entry, struct topic, entry)->set.count});
    for (size_t at = 0; (entry = table_next(&engine->topics.globs.globs, &at));)
        add(listing, (struct listed){.name = entry->name,
                                     .globs = list_entry(entry, struct glob, entry)->set.count});
    for (size_t at = 0; (entry = table_next(&engine->retained.messages, &at));)
        add(listing,
            (struct listed){.name = entry->name,
                            .retained_size = list_entry(entry, struct retained, entry)->size});
    add_patterns(listing, &engine->topics.patterns);
    cut(listing);
}

static void put_listed(struct engine *engine, const struct listed *one)
{
    size_t record = answer_begin_record(engine);
    answer_put_bytes(engine, "name", one->name);
    answer_put_number(engine, "subscriptions", one->names);
    answer_put_number(engine, "wildcards", one->patterns);
    answer_put_number(engine, "globs", one->globs);
    answer_put_number(engine, "retained-bytes", one->retained_size);
    answer_end_record(engine, record);
}

enum status answer_topics(struct engine *engine, const struct command *command,
                          struct outbox *outbox)
{
    struct listing *listing = memory_create(sizeof *listing);
    uint32_t count = command->look.count;
    listing->count_max = count < LOOK_COUNT_MAX ? count : LOOK_COUNT_MAX;
    listing->after = command->name;
    gather(engine, listing);
    size_t put = 0;
    for (; put < listing->count && put < listing->count_max && engine->text_size < LOOK_SIZE_MAX;
         put++)
        put_listed(engine, &listing->listed[put]);
    bool has_more = put < listing->count;
    for (size_t i = 0; i < listing->count; i++)
        memory_free(listing->listed[i].copy);
    memory_free(listing);
    return answer_send(engine, command, has_more, outbox);
}

enum status answer_channels(struct engine *engine, const struct command *command,
                            struct outbox *outbox)
{
    bool is_apart = command->names.is_apart, has_glob = command->names.has_glob;
    const struct table *table = is_apart ? &engine->topics.apart : &engine->topics.names;
    struct table_entry *entry;
    for (size_t at = 0; (entry = table_next(table, &at));) {
        struct bytes name = entry->name;
        if (has_glob && !glob_matches(command->names.glob, name))
            continue;
        unsigned char *to = answer_reserve(engine, sizeof(uint32_t) + name.size);
        store_u32(to, (uint32_t)name.size);
        bytes_copy(to + sizeof(uint32_t), name);
        engine->text_size += sizeof(uint32_t) + name.size;
    }
    return answer_send(engine, command, false, outbox);
}

enum status answer_listeners(struct engine *engine, const struct command *command,
                             struct outbox *outbox)
{
    const struct subscriber_set *set = command->names.is_apart
                                           ? topics_apart(&engine->topics, command->name)
                                           : topics_named(&engine->topics, command->name);
    outbox_number(outbox, command->peer, command->ticket, set ? set->count : 0);
    return STATUS_OK;
}

enum status answer_globs(struct engine *engine, const struct command *command,
                         struct outbox *outbox)
{
    outbox_number(outbox, command->peer, command->ticket,
                  (int64_t)engine->topics.globs.globs.count);
    return STATUS_OK;
}

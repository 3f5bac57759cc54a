#include "core/glob.h"
#include "core/name.h"

#include "base/time.h"

#include <assert.h>

enum {
    KEYS_ALL_SIZE_MAX = 256 * 1024 * 1024, /* bytes of an answer of all names */
    KEYS_SIZE_MAX = 1024 * 1024,           /* bytes of one of some names beyond its last piece */
    KEYS_PIECES_PER_NAME = 10, /* looked at for each name that is asked for: some have none */
};

static uint64_t now_ms(const struct engine *engine)
{
    return engine->stock.now / NS_PER_MS;
}

static bool may_expire(unsigned conditions, uint64_t before_ms, uint64_t deadline_ms)
{
    return !((conditions & EXPIRE_NEW) && before_ms != TIME_NEVER) &&
           !((conditions & EXPIRE_THERE) && before_ms == TIME_NEVER) &&
           !((conditions & EXPIRE_LATER) && deadline_ms <= before_ms) &&
           !((conditions & EXPIRE_EARLIER) && deadline_ms >= before_ms);
}

static bool expire(struct engine *engine, const struct name *name, const struct command *command)
{
    uint64_t deadline_ms = command->key.deadline_ms;
    if (!may_expire(command->key.conditions, name_deadline(engine, name), deadline_ms))
        return false;
    if (deadline_ms <= now_ms(engine))
        name_drop(engine, name);
    else
        name_set_deadline(engine, name, deadline_ms);
    return true;
}

static bool persist(struct engine *engine, const struct name *name)
{
    if (name_deadline(engine, name) == TIME_NEVER)
        return false;
    name_set_deadline(engine, name, TIME_NEVER);
    return true;
}

static int64_t time_left(const struct engine *engine, const struct name *name)
{
    uint64_t deadline_ms = name_deadline(engine, name);
    return deadline_ms == TIME_NEVER ? -1 : (int64_t)(deadline_ms - now_ms(engine));
}

/* What a command comes to that is answered with a number. */
static int64_t number(struct engine *engine, const struct command *command)
{
    const struct name name = name_of(engine, command->space, command->name);
    enum key_type type = name_settle(engine, &name);
    bool is_there = type != KEY_NONE;
    switch (command->kind) {
    case COMMAND_EXISTS: return is_there;
    case COMMAND_TYPE: return type;
    case COMMAND_DROP: return name_drop(engine, &name);
    case COMMAND_EXPIRE: return is_there && expire(engine, &name, command);
    case COMMAND_PERSIST: return is_there && persist(engine, &name);
    default: assert(command->kind == COMMAND_TTL);
    }
    return is_there ? time_left(engine, &name) : -2;
}

static enum status rename_key(struct engine *engine, const struct command *command,
                              struct outbox *outbox)
{
    const struct name from = name_of(engine, command->space, command->name);
    const struct name to = name_of(engine, command->space, command->key.to);
    enum status status = STATUS_OK;
    if (name_settle(engine, &from) == KEY_NONE)
        return STATUS_NO_KEY;
    if (!bytes_equal(from.bytes, to.bytes)) {
        name_settle(engine, &to);
        status = name_change(engine, &from, &to);
    }
    if (status == STATUS_OK)
        outbox_settle(outbox, command->peer, command->ticket, 1, STATUS_OK);
    return status;
}

static bool is_list(struct engine *engine, struct queue *queue)
{
    engine_age(engine, queue);
    return queue->ready_count > 0 && !queue->is_shadowed;
}

/* Puts a name, if it is of the type, and matches the glob, that a command asks for. */
static void put_name(struct engine *engine, const struct command *command, enum key_type type,
                     struct bytes name)
{
    enum key_type wanted = command->names.type;
    if (wanted != KEY_NONE && wanted != type)
        return;
    if (command->names.has_glob && !glob_matches(command->names.glob, name))
        return;
    unsigned char *to = answer_reserve(engine, sizeof(uint32_t) + name.size);
    store_u32(to, (uint32_t)name.size);
    bytes_copy(to + sizeof(uint32_t), name);
    engine->text_size += sizeof(uint32_t) + name.size;
}

static void put_queue(struct engine *engine, const struct command *command,
                      struct table_entry *entry)
{
    if (is_list(engine, list_entry(entry, struct queue, entry)))
        put_name(engine, command, KEY_LIST, entry->name);
}

/* Puts the names of one piece of both tables, and moves `*from` behind it. Returns how many it has. */
static uint64_t put_piece(struct engine *engine, const struct command *command, uint64_t *from)
{
    const struct space *space = &engine->spaces[command->space];
    uint64_t last = table_piece_last(&space->queues, *from);
    uint64_t other_last = table_piece_last(&space->values, *from), count = 0;
    last = last < other_last ? last : other_last;
    struct table_piece queues = {.first = *from, .last = last}, values = queues;
    struct table_entry *entry;
    for (; (entry = table_piece_next(&space->queues, &queues)); count++)
        put_queue(engine, command, entry);
    for (; (entry = table_piece_next(&space->values, &values)); count++)
        put_name(engine, command, KEY_VALUE, entry->name);
    *from = last + 1;
    return count;
}

/* Puts about as many names as are asked for. Returns where to go on. */
static uint64_t put_some(struct engine *engine, const struct command *command)
{
    uint64_t from = command->names.from, count = 0, count_max = command->names.count;
    uint64_t pieces = KEYS_PIECES_PER_NAME * count_max;
    do {
        count += put_piece(engine, command, &from);
    } while (from != 0 && count < count_max && --pieces > 0 && engine->text_size < KEYS_SIZE_MAX);
    return from;
}

/* Puts them all, which is quicker in the order of the tables; false when they are too many. */
static bool put_all(struct engine *engine, const struct command *command)
{
    const struct space *space = &engine->spaces[command->space];
    size_t queues = 0, values = 0;
    struct table_entry *entry;
    while (engine->text_size < KEYS_ALL_SIZE_MAX && (entry = table_next(&space->queues, &queues)))
        put_queue(engine, command, entry);
    while (engine->text_size < KEYS_ALL_SIZE_MAX && (entry = table_next(&space->values, &values)))
        put_name(engine, command, KEY_VALUE, entry->name);
    return engine->text_size < KEYS_ALL_SIZE_MAX;
}

static enum status answer_keys(struct engine *engine, const struct command *command,
                               struct outbox *outbox)
{
    uint64_t next = 0;
    names_expire(engine, SIZE_MAX);
    answer_reserve(engine, sizeof next);
    engine->text_size = sizeof next;
    if (command->names.count > 0) {
        next = put_some(engine, command);
    } else if (!put_all(engine, command)) {
        answer_forget(engine);
        return STATUS_MEMORY;
    }
    store_u64(engine->text, next);
    return answer_send(engine, command, false, outbox);
}

uint64_t engine_keys(struct engine *engine, uint8_t space)
{
    struct table_entry *entry;
    names_expire(engine, SIZE_MAX);
    uint64_t count = engine->spaces[space].values.count;
    for (size_t at = 0; (entry = table_next(&engine->spaces[space].queues, &at));)
        count += is_list(engine, list_entry(entry, struct queue, entry));
    return count;
}

static void flush(struct engine *engine, const struct command *command)
{
    for (unsigned space = 0; space < SPACES_COUNT; space++)
        if (command->is_every_space || space == command->space)
            names_flush(engine, (uint8_t)space);
}

enum status apply_key(struct engine *engine, const struct command *command, struct outbox *outbox)
{
    switch (command->kind) {
    case COMMAND_RENAME: return rename_key(engine, command, outbox);
    case COMMAND_KEYS: return answer_keys(engine, command, outbox);
    case COMMAND_FLUSH:
        flush(engine, command);
        outbox_settle(outbox, command->peer, command->ticket, 1, STATUS_OK);
        break;
    case COMMAND_KEYS_COUNT:
        outbox_number(outbox, command->peer, command->ticket,
                      (int64_t)engine_keys(engine, command->space));
        break;
    default: outbox_number(outbox, command->peer, command->ticket, number(engine, command));
    }
    return STATUS_OK;
}

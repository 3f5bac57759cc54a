#include "client/cursor.h"
#include "client/info.h"

#include <errno.h>

/*
 * Answers that are records: queues, connections, topics and settings. Each page begins behind the last record
 * given out, and each record must come behind it, or the walk would not end.
 */
enum { PAGE = 1000 /* records asked for at once, the most there can be */ };

static int listing_create(struct ringpost *handle, enum op op, struct ringpost_cursor **cursor)
{
    *cursor = cursor_create(handle, op);
    if (!*cursor)
        return -ENOMEM;
    (*cursor)->has_more = true;
    return 0;
}

static struct bytes last_name(const struct ringpost_cursor *cursor)
{
    return bytes_of(cursor->last, cursor->last_size);
}

static int fetch(struct ringpost_cursor *cursor, int timeout_ms)
{
    struct question question = {.op = cursor->op, .name = last_name(cursor)};
    if (cursor->op != OP_SETTINGS) {
        store_u32(question.body, PAGE);
        question.body_size = 4;
    }
    if (cursor->op == OP_CLIENTS || cursor->op == OP_LIST) {
        store_u32(question.body + 4, cursor->after);
        question.body_size = 8;
    }
    int error = cursor_fetch(cursor, &question, timeout_ms);
    if (error)
        return error;
    return cursor->rest.size == 0 && cursor->has_more ? -EPROTO : 0;
}

/* Returns 1 with the fields of the next record, 0 at the end, or -errno. */
static int record_next(struct ringpost_cursor *cursor, enum op op, struct bytes *fields,
                       int timeout_ms)
{
    if (cursor->op != op)
        return -EINVAL;
    if (cursor->rest.size == 0 && cursor->has_more) {
        int error = fetch(cursor, timeout_ms);
        if (error)
            return error;
    }
    if (cursor->rest.size == 0)
        return 0;
    uint32_t size = cursor->rest.size >= 4 ? load_u32(cursor->rest.data) : 0;
    if (size < 4 || size > cursor->rest.size)
        return -EPROTO;
    *fields = bytes_of(cursor->rest.data + 4, size - 4);
    cursor_skip(cursor, size);
    return 1;
}

static int go_behind(struct ringpost_cursor *cursor, struct bytes name)
{
    if (name.size == 0 || name.size > FRAME_NAME_MAX || bytes_compare(last_name(cursor), name) >= 0)
        return -EPROTO;
    memcpy(cursor->last, name.data, name.size);
    cursor->last_size = name.size;
    return 0;
}

/* The same in a list of queues, which goes on behind the last name in the next database. */
static int go_behind_queue(struct ringpost_cursor *cursor, const struct ringpost_info *queue)
{
    if (queue->database < cursor->after || queue->database > UINT32_MAX)
        return -EPROTO;
    if (queue->database > cursor->after)
        cursor->last_size = 0;
    cursor->after = (uint32_t)queue->database;
    return go_behind(cursor, bytes_from(queue->name));
}

int ringpost_list(struct ringpost *handle, struct ringpost_cursor **cursor)
{
    return listing_create(handle, OP_LIST, cursor);
}

int ringpost_list_next(struct ringpost_cursor *cursor, struct ringpost_info *info, int timeout_ms)
{
    struct bytes fields;
    int got = record_next(cursor, OP_LIST, &fields, timeout_ms);
    if (got <= 0)
        return got;
    struct ringpost_info full;
    int error = info_parse(&full, fields);
    if (!error)
        error = go_behind_queue(cursor, &full);
    if (!error)
        error = info_give(info, &full);
    return error ? error : 1;
}

int ringpost_clients(struct ringpost *handle, struct ringpost_cursor **cursor)
{
    return listing_create(handle, OP_CLIENTS, cursor);
}

int ringpost_clients_next(struct ringpost_cursor *cursor, struct ringpost_client *client,
                          int timeout_ms)
{
    static const struct figure figures[] = {
        {"connection", FIELD_NUMBER, offsetof(struct ringpost_client, connection)},
        {"client", FIELD_BYTES, offsetof(struct ringpost_client, client)},
        {"address", FIELD_BYTES, offsetof(struct ringpost_client, address)},
        {"consumers", FIELD_NUMBER, offsetof(struct ringpost_client, consumers)},
        {"subscriptions", FIELD_NUMBER, offsetof(struct ringpost_client, subscriptions)},
        {"leased", FIELD_NUMBER, offsetof(struct ringpost_client, leased)},
        {"unsent-bytes", FIELD_NUMBER, offsetof(struct ringpost_client, unsent_bytes)},
        {"backlog", FIELD_NUMBER, offsetof(struct ringpost_client, backlog)},
        {"waiting", FIELD_NUMBER, offsetof(struct ringpost_client, waiting)},
    };
    struct ringpost_client known = {0};
    struct bytes fields;
    int got = record_next(cursor, OP_CLIENTS, &fields, timeout_ms);
    if (got <= 0)
        return got;
    int error = figures_parse(fields, figures, sizeof figures / sizeof *figures, &known);
    if (!error && (known.connection <= cursor->after || known.connection > UINT32_MAX))
        error = -EPROTO;
    if (error)
        return error;
    cursor->after = (uint32_t)known.connection;
    error = figures_give(client, client->size, &known, sizeof known);
    return error ? error : 1;
}

int ringpost_kill(struct ringpost *handle, uint32_t connection, int timeout_ms)
{
    struct wait wait = wait_for(timeout_ms);
    struct question question = {.op = OP_KILL, .body_size = 4};
    store_u32(question.body, connection);
    return request_call(handle, &question, &wait);
}

int ringpost_topics(struct ringpost *handle, struct ringpost_cursor **cursor)
{
    return listing_create(handle, OP_TOPICS, cursor);
}

int ringpost_topics_next(struct ringpost_cursor *cursor, struct ringpost_topic *topic,
                         int timeout_ms)
{
    static const struct figure figures[] = {
        {"name", FIELD_BYTES, offsetof(struct ringpost_topic, name)},
        {"subscriptions", FIELD_NUMBER, offsetof(struct ringpost_topic, subscriptions)},
        {"wildcards", FIELD_NUMBER, offsetof(struct ringpost_topic, wildcards)},
        {"retained-bytes", FIELD_NUMBER, offsetof(struct ringpost_topic, retained_bytes)},
        {"globs", FIELD_NUMBER, offsetof(struct ringpost_topic, globs)},
    };
    struct ringpost_topic known = {0};
    struct bytes fields;
    int got = record_next(cursor, OP_TOPICS, &fields, timeout_ms);
    if (got <= 0)
        return got;
    int error = figures_parse(fields, figures, sizeof figures / sizeof *figures, &known);
    if (!error)
        error = go_behind(cursor, bytes_from(known.name));
    if (!error)
        error = figures_give(topic, topic->size, &known, sizeof known);
    return error ? error : 1;
}

int ringpost_config(struct ringpost *handle, struct ringpost_cursor **cursor)
{
    return listing_create(handle, OP_SETTINGS, cursor);
}

int ringpost_config_next(struct ringpost_cursor *cursor, struct ringpost_setting *setting,
                         int timeout_ms)
{
    static const struct figure figures[] = {
        {"key", FIELD_BYTES, offsetof(struct ringpost_setting, key)},
        {"value", FIELD_BYTES, offsetof(struct ringpost_setting, value)},
        {"origin", FIELD_BYTES, offsetof(struct ringpost_setting, origin)},
    };
    struct ringpost_setting known = {0};
    struct bytes fields;
    int got = record_next(cursor, OP_SETTINGS, &fields, timeout_ms);
    if (got <= 0)
        return got;
    int error = figures_parse(fields, figures, sizeof figures / sizeof *figures, &known);
    if (!error)
        error = figures_give(setting, setting->size, &known, sizeof known);
    return error ? error : 1;
}

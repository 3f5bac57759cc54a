#include "core/name.h"

#include "base/time.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum { NUMBER_TEXT_SIZE = 24 }; /* room for any number, written */

/* The value that a command is about, or NULL; `wrong-type` when a list has its name. */
static enum status find(struct engine *engine, const struct name *name, struct value **value)
{
    if (name_settle(engine, name) == KEY_LIST)
        return STATUS_WRONG_TYPE;
    *value = name_value(engine, name);
    return STATUS_OK;
}

/* The same for a command that writes. */
static enum status find_to_write(struct engine *engine, const struct name *name,
                                 struct value **value)
{
    return engine->is_pressed ? STATUS_MEMORY : find(engine, name, value);
}

static enum status answer_get(struct engine *engine, const struct command *command,
                              struct outbox *outbox)
{
    const struct name name = name_of(engine, command->space, command->name);
    struct value *value;
    enum status status = find(engine, &name, &value);
    if (status != STATUS_OK || !value)
        return status != STATUS_OK ? status : STATUS_NO_KEY;
    answer_bytes(engine, command, value_bytes(value), outbox)->is_grown = value->is_grown;
    if (command->value.is_dropped)
        name_drop(engine, &name);
    return STATUS_OK;
}

static bool is_met(enum put_condition condition, enum key_type there)
{
    return condition == PUT_ALWAYS || (condition == PUT_THERE) == (there != KEY_NONE);
}

static void put(struct engine *engine, const struct name *name, const struct command *command)
{
    name_put(engine, name, command->value.value);
    if (!command->value.keeps_deadline)
        name_set_deadline(engine, name, command->value.deadline_ms);
}

static enum status answer_put(struct engine *engine, const struct command *command,
                              struct outbox *outbox)
{
    const struct name name = name_of(engine, command->space, command->name);
    struct bytes bytes = command->value.value;
    enum key_type there = name_settle(engine, &name);
    const struct value *old = name_value(engine, &name);
    bool wants_old = command->value.wants_old, is_put = is_met(command->value.condition, there);
    enum status status =
        is_put ? value_fits(&engine->values, old, name.bytes, bytes.size) : STATUS_OK;
    if (engine->is_pressed)
        return STATUS_MEMORY;
    if (wants_old && there == KEY_LIST)
        return STATUS_WRONG_TYPE;
    if (status != STATUS_OK)
        return status;
    if (wants_old && old)
        answer_bytes(engine, command, value_bytes(old), outbox);
    if (is_put)
        put(engine, &name, command);
    if (wants_old)
        return there == KEY_NONE ? STATUS_NO_KEY : STATUS_OK;
    if (!is_put)
        return STATUS_UNMET;
    outbox_settle(outbox, command->peer, command->ticket, 1, STATUS_OK);
    return STATUS_OK;
}

static enum status answer_append(struct engine *engine, const struct command *command,
                                 struct outbox *outbox)
{
    const struct name name = name_of(engine, command->space, command->name);
    struct bytes bytes = command->value.value;
    struct value *value;
    enum status status = find_to_write(engine, &name, &value);
    if (status == STATUS_OK && value)
        status = value_append(&engine->values, value, bytes);
    else if (status == STATUS_OK)
        status = value_fits(&engine->values, NULL, name.bytes, bytes.size);
    if (status != STATUS_OK)
        return status;
    if (!value)
        name_put(engine, &name, bytes);
    watch_touch(engine, name.space, name.bytes);
    outbox_number(outbox, command->peer, command->ticket, (int64_t)name_value(engine, &name)->size);
    return STATUS_OK;
}

static enum status answer_add(struct engine *engine, const struct command *command,
                              struct outbox *outbox)
{
    const struct name name = name_of(engine, command->space, command->name);
    struct value *value;
    int64_t sum = 0;
    char text[NUMBER_TEXT_SIZE];
    enum status status = find_to_write(engine, &name, &value);
    if (status != STATUS_OK)
        return status;
    if (value && !value_number(value, &sum))
        return STATUS_NOT_A_NUMBER;
    if (__builtin_add_overflow(sum, command->value.by, &sum))
        return STATUS_OUT_OF_RANGE;
    int size = snprintf(text, sizeof text, "%" PRId64, sum);
    assert(size > 0 && size < NUMBER_TEXT_SIZE);
    status = value_fits(&engine->values, value, name.bytes, (size_t)size);
    if (status != STATUS_OK)
        return status;
    name_put(engine, &name, bytes_of(text, (size_t)size));
    outbox_number(outbox, command->peer, command->ticket, sum);
    return STATUS_OK;
}

static enum status answer_size(struct engine *engine, const struct command *command,
                               struct outbox *outbox)
{
    const struct name name = name_of(engine, command->space, command->name);
    struct value *value;
    enum status status = find(engine, &name, &value);
    if (status == STATUS_OK)
        outbox_number(outbox, command->peer, command->ticket, value ? (int64_t)value->size : 0);
    return status;
}

enum status apply_value(struct engine *engine, const struct command *command, struct outbox *outbox)
{
    switch (command->kind) {
    case COMMAND_GET: return answer_get(engine, command, outbox);
    case COMMAND_PUT: return answer_put(engine, command, outbox);
    case COMMAND_APPEND: return answer_append(engine, command, outbox);
    case COMMAND_ADD: return answer_add(engine, command, outbox);
    default: assert(command->kind == COMMAND_SIZE);
    }
    return answer_size(engine, command, outbox);
}

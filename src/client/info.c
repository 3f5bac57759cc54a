#include "client/info.h"

#include "client/queue.h"
#include "client/request.h"

#include <errno.h>

/* What the fields fill, and words among them that stand for a number. */
struct known {
    struct ringpost_info info;
    struct ringpost_bytes when_full, pop_lease;
};

#define NUMBER(key, member)                                    \
    {                                                          \
        key, FIELD_NUMBER, offsetof(struct known, info.member) \
    }

static const struct figure FIGURES[] = {
    {"name", FIELD_BYTES, offsetof(struct known, info.name)},
    NUMBER("database", database),
    NUMBER("declared", declared),
    NUMBER("paused", paused),
    NUMBER("ready", ready),
    NUMBER("ready-bytes", ready_bytes),
    NUMBER("leased", leased),
    NUMBER("leased-bytes", leased_bytes),
    NUMBER("delayed", delayed),
    NUMBER("delayed-bytes", delayed_bytes),
    NUMBER("waiting", waiting),
    NUMBER("consumers", consumers),
    NUMBER("max-messages", max_messages),
    NUMBER("max-bytes", max_bytes),
    {"when-full", FIELD_BYTES, offsetof(struct known, when_full)},
    NUMBER("ttl", ttl_ms),
    NUMBER("delivery-limit", delivery_limit),
    {"dead-letter", FIELD_BYTES, offsetof(struct known, info.dead_letter)},
    NUMBER("lease-max", lease_max_ms),
    {"pop-lease", FIELD_BYTES, offsetof(struct known, pop_lease)},
    NUMBER("accepted", accepted),
    NUMBER("acknowledged", acknowledged),
    NUMBER("dead-lettered", dead_lettered),
    NUMBER("discarded", discarded),
    NUMBER("rejected", rejected),
    NUMBER("expired", expired),
    NUMBER("overflowed", overflowed),
    NUMBER("exhausted", exhausted),
    NUMBER("purged", purged),
    NUMBER("delivered", delivered),
    NUMBER("returned", returned),
    NUMBER("refused", refused),
    NUMBER("oldest-ready", oldest_ready_ms),
    NUMBER("oldest-leased", oldest_leased_ms),
    NUMBER("waited-p50", waited_p50_us),
    NUMBER("waited-p99", waited_p99_us),
    NUMBER("waited-max", waited_max_us),
    NUMBER("worked-p50", worked_p50_us),
    NUMBER("worked-p99", worked_p99_us),
    NUMBER("worked-max", worked_max_us),
};

static const struct figure *figure_find(const struct figure *figures, size_t count,
                                        const struct field *field)
{
    for (size_t i = 0; i < count; i++) {
        if (figures[i].kind == field->kind && field_is(field, figures[i].key))
            return &figures[i];
    }
    return NULL;
}

int figures_parse(struct bytes fields, const struct figure *figures, size_t count, void *to)
{
    int size;
    struct field field;
    while ((size = field_parse(fields, &field)) > 0) {
        fields = bytes_of(fields.data + size, fields.size - (size_t)size);
        const struct figure *figure = figure_find(figures, count, &field);
        struct ringpost_bytes value = {field.value.data, field.value.size};
        if (figure && figure->kind == FIELD_NUMBER)
            memcpy((char *)to + figure->offset, &field.number, sizeof field.number);
        else if (figure)
            memcpy((char *)to + figure->offset, &value, sizeof value);
    }
    return size < 0 ? -EPROTO : 0;
}

int figures_give(void *to, size_t to_size, void *from, size_t from_size)
{
    if (to_size < sizeof to_size)
        return -EINVAL;
    memcpy(from, &to_size, sizeof to_size);
    memcpy(to, from, to_size < from_size ? to_size : from_size);
    return 0;
}

int info_parse(struct ringpost_info *info, struct bytes fields)
{
    struct known known = {
        .info = {.oldest_ready_ms = RINGPOST_NONE, .oldest_leased_ms = RINGPOST_NONE}};
    int error = figures_parse(fields, FIGURES, sizeof FIGURES / sizeof *FIGURES, &known);
    if (error)
        return error;
    known.info.when_full = (uint64_t)when_full_parse(bytes_from(known.when_full));
    known.info.pop_lease = (uint64_t)pop_lease_parse(bytes_from(known.pop_lease));
    *info = known.info;
    return 0;
}

int info_give(struct ringpost_info *to, struct ringpost_info *info)
{
    if (to->size < offsetof(struct ringpost_info, declared))
        return -EINVAL;
    return figures_give(to, to->size, info, sizeof *info);
}

int ringpost_info(struct ringpost *handle, struct ringpost_bytes queue, struct ringpost_info *info,
                  int timeout_ms)
{
    struct wait wait = wait_for(timeout_ms);
    struct question question = {.op = OP_INFO, .name = bytes_from(queue)};
    if (!name_is_valid(queue))
        return -EINVAL;
    int error = request_call(handle, &question, &wait);
    struct ringpost_info full;
    if (!error)
        error = info_parse(&full, bytes_of(handle->request.reply, handle->request.reply_size));
    if (!error)
        error = info_give(info, &full);
    if (!error)
        info->name = queue;
    return error;
}

#include "client/info.h"

#include "client/request.h"
#include "frame/field.h"

#include <errno.h>

static const struct figure {
    const char *key;
    size_t offset;
} FIGURES[] = {
    {"declared", offsetof(struct ringpost_info, declared)},
    {"paused", offsetof(struct ringpost_info, paused)},
    {"ready", offsetof(struct ringpost_info, ready)},
    {"ready-bytes", offsetof(struct ringpost_info, ready_bytes)},
    {"leased", offsetof(struct ringpost_info, leased)},
    {"leased-bytes", offsetof(struct ringpost_info, leased_bytes)},
    {"waiting", offsetof(struct ringpost_info, waiting)},
    {"consumers", offsetof(struct ringpost_info, consumers)},
    {"max-messages", offsetof(struct ringpost_info, max_messages)},
    {"max-bytes", offsetof(struct ringpost_info, max_bytes)},
    {"accepted", offsetof(struct ringpost_info, accepted)},
    {"acknowledged", offsetof(struct ringpost_info, acknowledged)},
    {"rejected", offsetof(struct ringpost_info, rejected)},
    {"purged", offsetof(struct ringpost_info, purged)},
    {"delivered", offsetof(struct ringpost_info, delivered)},
    {"returned", offsetof(struct ringpost_info, returned)},
    {"refused", offsetof(struct ringpost_info, refused)},
};

static void number_set(struct ringpost_info *info, const struct field *field)
{
    for (size_t i = 0; i < sizeof FIGURES / sizeof *FIGURES; i++) {
        if (!field_is(field, FIGURES[i].key))
            continue;
        memcpy((char *)info + FIGURES[i].offset, &field->number, sizeof field->number);
        return;
    }
}

static void bytes_set(struct ringpost_info *info, const struct field *field)
{
    if (field_is(field, "name"))
        info->name = bytes_to(field->value);
    else if (field_is(field, "when-full") && bytes_equal(field->value, bytes_text("hold")))
        info->when_full = RINGPOST_WHEN_FULL_HOLD;
    else if (field_is(field, "when-full") && bytes_equal(field->value, bytes_text("refuse")))
        info->when_full = RINGPOST_WHEN_FULL_REFUSE;
}

int info_parse(struct ringpost_info *info, struct bytes fields)
{
    struct ringpost_info known = {.size = info->size};
    if (info->size < offsetof(struct ringpost_info, declared))
        return -EINVAL;
    int size;
    struct field field;
    while ((size = field_parse(fields, &field)) > 0) {
        fields = bytes_of(fields.data + size, fields.size - (size_t)size);
        if (field.kind == FIELD_NUMBER)
            number_set(&known, &field);
        else
            bytes_set(&known, &field);
    }
    if (size < 0)
        return -EPROTO;
    memcpy(info, &known, info->size < sizeof known ? info->size : sizeof known);
    return 0;
}

int ringpost_info(struct ringpost *handle, struct ringpost_bytes queue, struct ringpost_info *info,
                  int timeout_ms)
{
    struct wait wait = wait_for(timeout_ms);
    struct question question = {.op = OP_INFO, .name = bytes_from(queue)};
    if (!name_is_valid(queue))
        return -EINVAL;
    int error = request_call(handle, &question, &wait);
    if (!error)
        error = info_parse(info, bytes_of(handle->request.reply, handle->request.reply_size));
    if (!error)
        info->name = queue;
    return error;
}

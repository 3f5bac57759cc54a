#include "client/request.h"
#include "frame/field.h"

#include <errno.h>

static const char *const OVERFLOWS[] = {
    [RINGPOST_OVERFLOW_DROP_OLDEST] = "drop-oldest",
    [RINGPOST_OVERFLOW_DROP_NEWEST] = "drop-newest",
    [RINGPOST_OVERFLOW_KEEP_LAST] = "keep-last",
    [RINGPOST_OVERFLOW_CLOSE] = "close",
};

enum {
    OVERFLOW_COUNT = sizeof OVERFLOWS / sizeof *OVERFLOWS,
    GROUP_MAX = 255,  /* bytes */
    FIELDS_MAX = 512, /* bytes */
};

static bool options_are_valid(const struct ringpost_subscribe_options *options)
{
    return options->overflow >= 0 && options->overflow < OVERFLOW_COUNT &&
           options->group.size <= GROUP_MAX;
}

static size_t put_fields(unsigned char *to, const struct ringpost_subscribe_options *options)
{
    size_t size = 0;
    if (options->group.size > 0)
        size += field_put_bytes(to + size, "group", bytes_from(options->group));
    if (options->overflow)
        size += field_put_bytes(to + size, "overflow", bytes_text(OVERFLOWS[options->overflow]));
    if (options->no_retained)
        size += field_put_number(to + size, "retained", 0);
    return size;
}

static int subscribe(struct ringpost *handle, struct ringpost_bytes topic,
                     const struct ringpost_subscribe_options *options, uint32_t *id, int timeout_ms)
{
    struct ringpost_subscribe_options taken;
    unsigned char fields[FIELDS_MAX];
    int error = options_copy(&taken, sizeof taken, options);
    if (error || !name_is_valid(topic) || !options_are_valid(&taken))
        return -EINVAL;
    struct source *source = source_create(&handle->sources, SOURCE_SUBSCRIPTION, bytes_from(topic),
                                          bytes_of(fields, put_fields(fields, &taken)));
    if (!source)
        return -ENOMEM;
    source->flags = taken.wildcard ? SUBSCRIBE_WILDCARD : 0;
    source->count = taken.max_messages;
    source->bytes = taken.max_bytes;
    *id = source->id;
    return source_open(handle, source, timeout_ms);
}

int ringpost_subscribe(struct ringpost *handle, struct ringpost_bytes topic,
                       const struct ringpost_subscribe_options *options, uint32_t *id,
                       int timeout_ms)
{
    handle_enter(handle);
    return handle_leave(handle, subscribe(handle, topic, options, id, timeout_ms));
}

static int unsubscribe(struct ringpost *handle, uint32_t id, int timeout_ms)
{
    struct source *source = source_find(&handle->sources, id);
    struct wait wait = wait_for(timeout_ms);
    if (!source || source->kind != SOURCE_SUBSCRIPTION || id == handle->inbox_id)
        return -ENOENT;
    return source_close(handle, source, &wait);
}

int ringpost_unsubscribe(struct ringpost *handle, uint32_t id, int timeout_ms)
{
    handle_enter(handle);
    return handle_leave(handle, unsubscribe(handle, id, timeout_ms));
}

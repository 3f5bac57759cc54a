#include "client/request.h"

#include <errno.h>

static int subscribe(struct ringpost *handle, struct ringpost_bytes topic,
                     const struct ringpost_subscribe_options *options, uint32_t *id, int timeout_ms)
{
    struct ringpost_subscribe_options taken;
    int error = options_copy(&taken, sizeof taken, options);
    if (error || !name_is_valid(topic))
        return -EINVAL;
    struct source *source = source_create(&handle->sources, SOURCE_SUBSCRIPTION, bytes_from(topic));
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
    if (!source || source->kind != SOURCE_SUBSCRIPTION)
        return -ENOENT;
    return source_close(handle, source, &wait);
}

int ringpost_unsubscribe(struct ringpost *handle, uint32_t id, int timeout_ms)
{
    handle_enter(handle);
    return handle_leave(handle, unsubscribe(handle, id, timeout_ms));
}

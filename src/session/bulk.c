#include "session/bulk.h"

#include "base/array.h"
#include "frame/header.h"
#include "resp/write.h"

struct preface *preface_create(struct bytes text)
{
    struct preface *preface = memory_create(sizeof *preface + text.size);
    preface->refs_count = 1;
    preface->size = (uint32_t)bytes_copy(preface->text, text).size;
    return preface;
}

struct preface *preface_ref(struct preface *preface)
{
    preface->refs_count++;
    return preface;
}

void preface_unref(struct preface *preface)
{
    if (!preface)
        return;
    assert(preface->refs_count > 0);
    if (--preface->refs_count == 0)
        memory_free(preface);
}

size_t bulk_head_size_max(const struct preface *preface, const unsigned char *frame)
{
    size_t size = RESP_HEAD_SIZE_MAX;
    return preface ? size + preface->size + frame_name(frame).size + RESP_BULK_COST : size;
}

size_t bulk_put_head(unsigned char *to, const struct preface *preface, const unsigned char *frame,
                     size_t body_size)
{
    size_t size = 0;
    if (preface) {
        size = bytes_copy(to, bytes_of(preface->text, preface->size)).size;
        size += resp_put_bulk(to + size, frame_name(frame));
    }
    return size + resp_put_bulk_head(to + size, body_size);
}

size_t bulks_size(struct bytes frames)
{
    size_t size = 0;
    unsigned char head[RESP_HEAD_SIZE_MAX];
    for (size_t at = 0; at < frames.size; at += frame_size(frames.data + at)) {
        struct bytes body = message_body(frames.data + at);
        size += resp_put_bulk_head(head, body.size) + body.size + RESP_END_SIZE;
    }
    return size;
}

void bulks_put_reversed(unsigned char *to, size_t size, struct bytes frames)
{
    unsigned char head[RESP_HEAD_SIZE_MAX];
    for (size_t at = 0; at < frames.size; at += frame_size(frames.data + at)) {
        struct bytes body = message_body(frames.data + at);
        size_t head_size = resp_put_bulk_head(head, body.size);
        size -= head_size + body.size + RESP_END_SIZE;
        bytes_copy(to + size, bytes_of(head, head_size));
        bytes_copy(to + size + head_size, body);
        resp_put_end(to + size + head_size + body.size);
    }
}

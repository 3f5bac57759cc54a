#include "frame/frame.h"

#include <errno.h>

/* Whether a next frame of `size` bytes stands whole between `at` and `end` and can belong to the
 * run of `first`. */
static inline bool continues(const unsigned char *first, const unsigned char *at,
                             const unsigned char *end, uint32_t name_size)
{
    uint32_t size = frame_size(at);
    return size >= FRAME_HEAD_SIZE + name_size && size <= (size_t)(end - at) &&
           memcmp(first + FRAME_HEAD_SIZE, at + FRAME_HEAD_SIZE, name_size) == 0;
}

struct run frame_run(const unsigned char *frame)
{
    struct frame_head head = frame_head_load(frame);
    return (struct run){frame, head.size, 1, head.size, head};
}

int frame_cut(struct bytes in, uint32_t frame_max, struct run *run)
{
    if (in.size < FRAME_HEAD_SIZE)
        return in.size > 0 && !(in.data[0] & FRAME_OP_BIT) ? -EBADMSG : 0;
    struct frame_head head = frame_head_load(in.data);
    if (!(head.op & FRAME_OP_BIT) || head.size < FRAME_HEAD_SIZE)
        return -EBADMSG;
    if (head.size > frame_max)
        return -EMSGSIZE;
    if (head.size > in.size)
        return 0;
    *run = frame_run(in.data);
    return (int)head.size;
}

int run_cut(struct bytes in, uint32_t frame_max, struct run *run)
{
    int result = frame_cut(in, frame_max, run);
    if (result <= 0 || run->head.size < FRAME_HEAD_SIZE + (uint32_t)run->head.name_size)
        return result;
    uint32_t count = 1, like_count = 1, kind = load_u32(in.data);
    const unsigned char *at = in.data + run->size, *end = in.data + in.size;
    while (end - at >= FRAME_HEAD_SIZE && load_u32(at) == kind && frame_size(at) <= frame_max &&
           continues(in.data, at, end, run->head.name_size)) {
        like_count += frame_size(at) == run->head.size;
        at += frame_size(at);
        count++;
    }
    run->size = (uint32_t)(at - in.data);
    run->count = count;
    run->frame_size = like_count == count ? run->head.size : 0;
    return (int)run->size;
}

bool run_split(struct run *run, uint32_t count_max, uint64_t size_max, struct run *prefix)
{
    uint32_t count = 0, size = 0;
    if (run->frame_size) {
        uint64_t fit = size_max / run->frame_size;
        count = run->count < count_max ? run->count : count_max;
        count = count < fit ? count : (uint32_t)fit;
        size = count * run->frame_size;
    } else {
        while (count < run->count && count < count_max &&
               size + (uint64_t)frame_size(run->data + size) <= size_max) {
            size += frame_size(run->data + size);
            count++;
        }
    }
    *prefix = *run;
    prefix->size = size;
    prefix->count = count;
    run->data += size;
    run->size -= size;
    run->count -= count;
    if (run->count > 0)
        run->head = frame_head_load(run->data);
    return count > 0;
}

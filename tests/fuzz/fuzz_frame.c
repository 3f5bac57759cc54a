/*
 * The frame stream: whatever the bytes and however they arrive, runs, frames and fields are cut as
 * a slow reader of docs/PROTOCOL.md would cut them.
 */
#include "base/random.h"
#include "choices.h"
#include "frame/field.h"
#include "frame/frame.h"
#include "target.h"

#include <errno.h>
#include <stdlib.h>

/* What the first bytes of an input decide; the rest is the stream. */
struct setting {
    uint32_t frame_max;
    unsigned arrival_max;  /* bytes that arrive at once, at most */
    struct random arrival; /* how many each time, and where runs are split */
};

/* How far a stream was cut, and why no further. */
struct cutting {
    size_t frames_count, size;
    int end; /* 0: it is at its end, or the rest is a part of a frame */
};

/* The bytes alone, so that a sanitizer sees who reads past them. */
static struct bytes copy_of(struct bytes bytes)
{
    unsigned char *copy = malloc(bytes.size ? bytes.size : 1);
    assert(copy);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return bytes_of(copy, bytes.size);
}

static struct bytes bytes_behind(struct bytes bytes, size_t size)
{
    assert(size <= bytes.size);
    return bytes_of(bytes.data + size, bytes.size - size);
}

/* As frame_cut, by the words of the protocol. */
static int slow_cut(struct bytes in, uint32_t frame_max)
{
    if (in.size > 0 && in.data[0] < 0x80)
        return -EBADMSG;
    if (in.size < 8)
        return 0;
    uint64_t size = in.data[4] + 256 * in.data[5] + 65536 * in.data[6] + 16777216UL * in.data[7];
    if (size < 8)
        return -EBADMSG;
    if (size > frame_max)
        return -EMSGSIZE;
    return size > in.size ? 0 : (int)size;
}

static size_t slow_name_size(const unsigned char *frame)
{
    return frame[2] + 256 * (size_t)frame[3];
}

/* Whether two whole frames belong to one run. */
static bool are_alike(struct bytes one, struct bytes two)
{
    size_t size = 8 + slow_name_size(one.data);
    if (size > one.size || size > two.size)
        return false;
    for (size_t i = 0; i < size; i++) {
        bool is_size = i >= 4 && i < 8;
        if (!is_size && one.data[i] != two.data[i])
            return false;
    }
    return true;
}

static void check_frame_cut(struct bytes in, uint32_t frame_max)
{
    struct run run;
    int size = frame_cut(in, frame_max, &run);
    assert(size == slow_cut(in, frame_max));
    if (size <= 0)
        return;
    assert(run.data == in.data && run.size == (uint32_t)size);
    assert(run.count == 1 && run.frame_size == run.size);
    assert(run.head.op == in.data[0] && run.head.flags == in.data[1]);
    assert(run.head.name_size == slow_name_size(in.data) && run.head.size == run.size);
}

/* The run must be the longest, and what it says of itself true. */
static void check_run(struct bytes in, uint32_t frame_max, const struct run *run)
{
    int first = slow_cut(in, frame_max);
    size_t at = (size_t)first, count = 1;
    bool is_alike = true;
    for (int size; (size = slow_cut(bytes_behind(in, at), frame_max)) > 0; count++) {
        struct bytes frame = bytes_of(in.data + at, (size_t)size);
        if (!are_alike(bytes_of(in.data, (size_t)first), frame))
            break;
        is_alike &= size == first;
        at += frame.size;
    }
    assert(run->data == in.data && run->size == at && run->count == count);
    assert(run->frame_size == (is_alike ? (uint32_t)first : 0));
    assert(run->head.size == (uint32_t)first && run->head.op == in.data[0]);
    size_t name_size = slow_name_size(in.data);
    if (8 + name_size > (size_t)first)
        return;
    assert(bytes_equal(run_name(run), bytes_of(in.data + 8, name_size)));
    assert(bytes_equal(run_body(run),
                       bytes_of(in.data + 8 + name_size, (size_t)first - 8 - name_size)));
}

/* The longest prefix of `run` within the bounds: its frames, and their bytes. */
static uint32_t slow_split(const struct run *run, uint32_t count_max, uint64_t size_max,
                           uint32_t *size)
{
    uint32_t count = 0;
    *size = 0;
    while (count < run->count && count < count_max) {
        uint32_t next = frame_size(run->data + *size);
        if (next > size_max - *size)
            break;
        *size += next;
        count++;
    }
    return count;
}

/* Takes a run apart, until a bound is too tight for its next frame. */
static void check_split(struct run run, struct random *random)
{
    for (bool has_prefix = true; has_prefix && run.count > 0;) {
        uint32_t count_max = (uint32_t)random_below(random, run.count + 2);
        uint64_t size_max = random_below(random, 4) ? run.size : random_below(random, run.size);
        struct run whole = run, prefix;
        uint32_t size, count = slow_split(&whole, count_max, size_max, &size);
        has_prefix = run_split(&run, count_max, size_max, &prefix);
        assert(has_prefix == (count > 0));
        assert(prefix.data == whole.data && prefix.count == count && prefix.size == size);
        assert(run.data == whole.data + size);
        assert(run.count == whole.count - count && run.size == whole.size - size);
        assert(prefix.frame_size == whole.frame_size && run.frame_size == whole.frame_size);
        assert(prefix.head.size == whole.head.size);
        assert(run.count == 0 || run.head.size == frame_size(run.data));
    }
}

/* Cuts the front off what has arrived. */
static int cut(struct bytes arrived, struct setting *setting, struct cutting *cutting)
{
    struct bytes in = copy_of(arrived);
    struct run run;
    check_frame_cut(in, setting->frame_max);
    int size = run_cut(in, setting->frame_max, &run);
    if (size > 0) {
        check_run(in, setting->frame_max, &run);
        check_split(run, &setting->arrival);
        cutting->frames_count += run.count;
        cutting->size += (size_t)size;
    } else {
        assert(size == slow_cut(in, setting->frame_max));
        cutting->end = size;
    }
    free((void *)in.data);
    return size;
}

/* Cuts the stream as it arrives, a piece after the other. */
static struct cutting cut_pieces(struct bytes stream, struct setting *setting)
{
    struct cutting cutting = {0};
    size_t arrived = 0;
    for (int size = 0; size >= 0 && (size > 0 || arrived < stream.size);) {
        size_t left = stream.size - arrived;
        size_t piece = 1 + random_below(&setting->arrival, setting->arrival_max);
        arrived += size > 0 ? 0 : piece < left ? piece : left;
        size = cut(bytes_of(stream.data + cutting.size, arrived - cutting.size), setting, &cutting);
    }
    return cutting;
}

static struct cutting slow_pieces(struct bytes stream, uint32_t frame_max)
{
    struct cutting cutting = {0};
    while ((cutting.end = slow_cut(bytes_behind(stream, cutting.size), frame_max)) > 0) {
        cutting.frames_count++;
        cutting.size += (size_t)cutting.end;
    }
    return cutting;
}

/* As field_parse, by the words of the protocol. */
static int slow_field(struct bytes in)
{
    if (in.size == 0)
        return 0;
    if (in.size < 4)
        return -EBADMSG;
    size_t key_size = in.data[0], value_size = in.data[2] + 256 * (size_t)in.data[3];
    bool is_number = in.data[1] == 0 && value_size == 8, is_bytes = in.data[1] == 1;
    bool is_good = key_size >= 1 && key_size <= 64 && (is_number || is_bytes) &&
                   4 + key_size + value_size <= in.size;
    return is_good ? (int)(4 + key_size + value_size) : -EBADMSG;
}

/* A field that was read is written as it stood there. */
static void check_written(const struct field *field, struct bytes from)
{
    char key[FIELD_KEY_MAX + 1] = {0};
    memcpy(key, field->key.data, field->key.size);
    if (strlen(key) != field->key.size)
        return;
    assert(field_is(field, key));
    unsigned char *to = malloc(from.size);
    assert(to);
    size_t size = field->kind == FIELD_NUMBER ? field_put_number(to, key, field->number)
                                              : field_put_bytes(to, key, field->value);
    assert(bytes_equal(bytes_of(to, size), from));
    free(to);
}

static void check_fields(struct bytes stream)
{
    struct bytes in = copy_of(stream), rest = in;
    struct field field;
    int size;
    do {
        size = field_parse(rest, &field);
        assert(size == slow_field(rest));
        if (size > 0) {
            check_written(&field, bytes_of(rest.data, (size_t)size));
            rest = bytes_behind(rest, (size_t)size);
        }
    } while (size > 0);
    free((void *)in.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t frame_maxes[] = {FRAME_SIZE_DEFAULT, FRAME_HELLO_MAX, 64, 8};
    struct choices choices = {bytes_of(data, size)};
    struct setting setting = {.frame_max = frame_maxes[choose_below(&choices, 4)]};
    setting.arrival_max = 1 + choose_byte(&choices);
    setting.arrival.state = choose_byte(&choices);

    struct bytes stream = choices.left;
    struct cutting fast = cut_pieces(stream, &setting),
                   slow = slow_pieces(stream, setting.frame_max);
    assert(fast.frames_count == slow.frames_count && fast.size == slow.size);
    assert(fast.end == slow.end);
    check_fields(stream);
    return 0;
}

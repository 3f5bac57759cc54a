#include "frame/frame.h"

#include "check.h"
#include "seed.h"

#include <errno.h>

static struct random seed;

/* A stream of frames under construction. */
struct stream {
    unsigned char data[1 << 16];
    size_t size;
};

/* Appends a frame; its announced sizes can be made to lie. */
static void put_raw(struct stream *stream, struct frame_head head, const char *name,
                    size_t body_size)
{
    unsigned char *at = stream->data + stream->size;
    size_t name_size = strlen(name);
    assert_true(stream->size + FRAME_HEAD_SIZE + name_size + body_size <= sizeof stream->data);
    frame_head_store(at, head);
    memcpy(at + FRAME_HEAD_SIZE, name, name_size);
    memset(at + FRAME_HEAD_SIZE + name_size, 'b', body_size);
    stream->size += FRAME_HEAD_SIZE + name_size + body_size;
}

static void put(struct stream *stream, uint8_t op, uint8_t flags, const char *name,
                size_t body_size)
{
    size_t name_size = strlen(name), size = FRAME_HEAD_SIZE + name_size + body_size;
    put_raw(stream, (struct frame_head){op, flags, (uint16_t)name_size, (uint32_t)size}, name,
            body_size);
}

/* Cuts a copy of just its own size, so that a sanitizer sees a read past the end. The run's data is not to be followed. */
static int cut(const void *data, size_t size, uint32_t frame_max, struct run *run)
{
    unsigned char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    int result = run_cut(bytes_of(copy, size), frame_max, run);
    free(copy);
    return result;
}

static int cut_stream(const struct stream *stream, struct run *run)
{
    return cut(stream->data, stream->size, FRAME_SIZE_DEFAULT, run);
}

static void the_layout_is_the_protocols(void **state)
{
    (void)state;
    struct stream s = {0};
    put(&s, OP_PUSH, 3, "orders", 2);
    assert_int_equal(s.size, 16);
    assert_memory_equal(s.data, "\x81\x03\x06\x00\x10\x00\x00\x00ordersbb", 16);
    struct frame_head head = frame_head_load(s.data);
    assert_int_equal(head.op, OP_PUSH);
    assert_int_equal(head.flags, 3);
    assert_int_equal(head.name_size, 6);
    assert_int_equal(head.size, 16);
    assert_int_equal(frame_size(s.data), 16);
}

static void one_frame_is_a_run_of_one(void **state)
{
    (void)state;
    struct stream s = {0};
    struct run run;
    put(&s, OP_PUSH, 0, "orders", 5);
    assert_int_equal(run_cut(bytes_of(s.data, s.size), FRAME_SIZE_DEFAULT, &run), s.size);
    assert_ptr_equal(run.data, s.data);
    assert_int_equal(run.size, s.size);
    assert_int_equal(run.count, 1);
    assert_int_equal(run.frame_size, s.size);
    assert_int_equal(run.head.op, OP_PUSH);
    assert_true(bytes_equal(run_name(&run), bytes_text("orders")));
    assert_true(bytes_equal(run_body(&run), bytes_text("bbbbb")));
}

static void frames_without_name_and_body_make_a_run(void **state)
{
    (void)state;
    struct stream s = {0};
    struct run run;
    for (int i = 0; i < 3; i++)
        put(&s, OP_PING, 0, "", 0);
    assert_int_equal(run_cut(bytes_of(s.data, s.size), FRAME_SIZE_DEFAULT, &run), 24);
    assert_int_equal(run.count, 3);
    assert_int_equal(run.frame_size, FRAME_HEAD_SIZE);
    assert_int_equal(run_name(&run).size, 0);
    assert_int_equal(run_body(&run).size, 0);
}

static void equal_frames_make_one_run(void **state)
{
    (void)state;
    struct stream s = {0};
    struct run run;
    for (int i = 0; i < 1000; i++)
        put(&s, OP_PUSH, 0, "q", 20);
    assert_int_equal(cut_stream(&s, &run), s.size);
    assert_int_equal(run.count, 1000);
    assert_int_equal(run.frame_size, 29);
}

static void frames_of_different_sizes_make_one_run_without_a_frame_size(void **state)
{
    (void)state;
    struct stream s = {0};
    struct run run;
    for (size_t i = 0; i < 10; i++)
        put(&s, OP_PUSH, 0, "q", i == 9 ? 4 : 3);
    assert_int_equal(cut_stream(&s, &run), s.size);
    assert_int_equal(run.count, 10);
    assert_int_equal(run.frame_size, 0);
}

static void a_run_ends_where_op_flags_or_name_differ(void **state)
{
    (void)state;
    static const struct {
        uint8_t op, flags;
        const char *name;
    } other[] = {
        {OP_PUBLISH, 0, "name"}, {OP_PUSH, 1, "name"},  {OP_PUSH, 0, "nama"}, {OP_PUSH, 0, "bame"},
        {OP_PUSH, 0, "nam"},     {OP_PUSH, 0, "names"}, {OP_PUSH, 0, ""},
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        struct stream s = {0};
        struct run run;
        put(&s, OP_PUSH, 0, "name", 6);
        put(&s, OP_PUSH, 0, "name", 6);
        put(&s, other[i].op, other[i].flags, other[i].name, 6);
        put(&s, OP_PUSH, 0, "name", 6);
        assert_int_equal(cut_stream(&s, &run), 36);
        assert_int_equal(run.count, 2);
        assert_int_equal(run.frame_size, 18);
    }
}

/* "ab" + "c…" and "abc" + "…" are the same bytes after the head, and still two names. */
static void names_are_told_apart_by_size_even_when_the_bytes_agree(void **state)
{
    (void)state;
    struct stream s = {0};
    struct run run;
    put(&s, OP_PUSH, 0, "bb", 5);
    put(&s, OP_PUSH, 0, "bbb", 4);
    assert_int_equal(cut_stream(&s, &run), 15);
    assert_int_equal(run.count, 1);
}

static void a_name_past_the_end_of_its_frame_is_a_run_of_its_own(void **state)
{
    (void)state;
    struct run run;
    struct frame_head liar = {OP_PUSH, 0, 5, 12};
    for (int is_first = 0; is_first < 2; is_first++) {
        struct stream s = {0};
        if (!is_first)
            put(&s, OP_PUSH, 0, "bbbbb", 1);
        size_t before = s.size;
        put_raw(&s, liar, "bbbb", 0);
        put_raw(&s, liar, "bbbb", 0);
        put(&s, OP_PUSH, 0, "bbbbb", 1);
        if (!is_first)
            assert_int_equal(cut_stream(&s, &run), before);
        assert_int_equal(cut(s.data + before, s.size - before, FRAME_SIZE_DEFAULT, &run), 12);
        assert_int_equal(run.count, 1);
        assert_int_equal(run.frame_size, 12);
        assert_int_equal(run.head.name_size, 5);
    }
}

/* The byte behind the lying frame is the next one's op, so that both names seem to be the same five bytes. */
static void a_lying_frame_does_not_take_its_neighbour_along(void **state)
{
    (void)state;
    struct stream s = {0};
    struct run run;
    put_raw(&s, (struct frame_head){OP_PUSH, 0, 5, 12}, "bbbb", 0);
    put(&s, OP_PUSH, 0, "bbbb\x81", 1);
    assert_int_equal(cut_stream(&s, &run), 12);
    assert_int_equal(run.count, 1);
}

static void a_byte_without_the_op_bit_is_refused_at_once(void **state)
{
    (void)state;
    struct run run;
    assert_int_equal(cut("*1\r\n", 1, FRAME_SIZE_DEFAULT, &run), -EBADMSG);
    assert_int_equal(cut("\x16\x03\x01", 3, FRAME_SIZE_DEFAULT, &run), -EBADMSG);
    assert_int_equal(cut("GET / HTTP/1.1\r\n", 16, FRAME_SIZE_DEFAULT, &run), -EBADMSG);
}

static void a_size_under_the_head_is_refused(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < FRAME_HEAD_SIZE; size++) {
        struct stream s = {0};
        struct run run;
        put_raw(&s, (struct frame_head){OP_PUSH, 0, 0, size}, "", 100);
        assert_int_equal(cut_stream(&s, &run), -EBADMSG);
    }
}

static void a_size_over_the_limit_is_refused_before_it_has_come(void **state)
{
    (void)state;
    struct stream s = {0};
    struct run run;
    put(&s, OP_PUSH, 0, "q", 91);
    assert_int_equal(cut(s.data, s.size, 100, &run), 100);
    assert_int_equal(cut(s.data, s.size, 99, &run), -EMSGSIZE);
    assert_int_equal(cut(s.data, FRAME_HEAD_SIZE, 99, &run), -EMSGSIZE);
    store_u32(s.data + 4, UINT32_MAX);
    assert_int_equal(cut(s.data, s.size, FRAME_SIZE_MAX, &run), -EMSGSIZE);
    assert_int_equal(cut(s.data, s.size, UINT32_MAX, &run), 0);
}

static void a_run_ends_before_what_is_refused(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 7, 9, 101, UINT32_MAX};
    for (int i = 0; i < 5; i++) {
        struct stream s = {0};
        struct run run;
        put(&s, OP_PUSH, 0, "bb", 10);
        put(&s, OP_PUSH, 0, "bb", 10);
        size_t whole = s.size;
        put_raw(&s, (struct frame_head){OP_PUSH, 0, 2, sizes[i]}, "bb", 200);
        assert_int_equal(cut(s.data, s.size, 100, &run), whole);
        assert_int_equal(run.count, 2);
    }
}

static void a_stream_cut_at_every_byte_gives_the_whole_frames_before_it(void **state)
{
    (void)state;
    struct stream s = {0};
    size_t ends[20], frames_count = 0;
    for (size_t i = 0; i < 20; i++) {
        put(&s, OP_PUSH, 0, "queue", i % 7);
        ends[i] = s.size;
    }
    for (size_t size = 0; size <= s.size; size++) {
        struct run run = {0};
        if (frames_count < 20 && size == ends[frames_count])
            frames_count++;
        int taken = cut(s.data, size, FRAME_SIZE_DEFAULT, &run);
        assert_int_equal(taken, frames_count ? ends[frames_count - 1] : 0);
        assert_int_equal(run.count, frames_count);
    }
}

static void a_frame_can_be_cut_off_its_run(void **state)
{
    (void)state;
    struct stream s = {0};
    struct run run;
    for (int i = 0; i < 3; i++)
        put(&s, OP_PUSH, 0, "q", 4);
    assert_int_equal(frame_cut(bytes_of(s.data, s.size), FRAME_SIZE_DEFAULT, &run), 13);
    assert_ptr_equal(run.data, s.data);
    assert_int_equal(run.size, 13);
    assert_int_equal(run.count, 1);
    assert_int_equal(run.frame_size, 13);
    assert_int_equal(frame_cut(bytes_of(s.data, 12), FRAME_SIZE_DEFAULT, &run), 0);
    assert_int_equal(frame_cut(bytes_of(s.data, s.size), 12, &run), -EMSGSIZE);
    assert_int_equal(frame_cut(bytes_text("GET /"), FRAME_SIZE_DEFAULT, &run), -EBADMSG);
}

/* What run_cut promises, frame by frame, without a thought for speed. */

static int64_t whole_frame(const unsigned char *data, size_t size, uint32_t frame_max)
{
    if (size > 0 && data[0] < 0x80)
        return -EBADMSG;
    if (size < 8)
        return 0;
    uint32_t announced = (uint32_t)data[4] | (uint32_t)data[5] << 8 | (uint32_t)data[6] << 16 |
                         (uint32_t)data[7] << 24;
    if (announced < 8)
        return -EBADMSG;
    if (announced > frame_max)
        return -EMSGSIZE;
    return announced <= size ? announced : 0;
}

static bool is_alike(const unsigned char *a, int64_t a_size, const unsigned char *b, int64_t b_size)
{
    int64_t a_name = a[2] | a[3] << 8, b_name = b[2] | b[3] << 8;
    return a[0] == b[0] && a[1] == b[1] && a_name == b_name && a_name + 8 <= a_size &&
           b_name + 8 <= b_size && memcmp(a + 8, b + 8, (size_t)a_name) == 0;
}

static int64_t naive_cut(const unsigned char *data, size_t size, uint32_t frame_max,
                         uint32_t *count, uint32_t *frame_size_out)
{
    int64_t first = whole_frame(data, size, frame_max), end = first;
    if (first <= 0)
        return first;
    *count = 1;
    *frame_size_out = (uint32_t)first;
    for (;;) {
        int64_t next = whole_frame(data + end, size - (size_t)end, frame_max);
        if (next <= 0 || !is_alike(data, first, data + end, next))
            return end;
        if (next != first)
            *frame_size_out = 0;
        end += next;
        (*count)++;
    }
}

/* A few names, ops and sizes, so that runs form; now and then a byte of a head is spoiled. */
static void put_random(struct stream *stream)
{
    static const char *names[] = {"", "a", "b", "ab", "orders", "order"};
    uint8_t op = random_below(&seed, 10) ? OP_PUSH : (uint8_t)(0x80 + random_below(&seed, 4));
    uint8_t flags = (uint8_t)(random_below(&seed, 20) == 0);
    const char *name = names[random_below(&seed, 8) ? 4 : random_below(&seed, 6)];
    size_t body_size = random_below(&seed, 4) ? 5 : random_below(&seed, 30);
    unsigned char *at = stream->data + stream->size;
    put(stream, op, flags, name, body_size);
    if (random_below(&seed, 60) == 0)
        at[random_below(&seed, FRAME_HEAD_SIZE)] = (unsigned char)random_below(&seed, 256);
    else if (random_below(&seed, 30) == 0)
        store_u16(at + 2, (uint16_t)random_below(&seed, 40));
}

static void it_agrees_with_the_naive_cut_on_random_streams(void **state)
{
    (void)state;
    static struct stream s;
    for (int round = 0; round < 3000; round++) {
        s.size = 0;
        for (uint64_t frames = random_below(&seed, 60); frames > 0; frames--)
            put_random(&s);
        size_t size = random_below(&seed, 3) ? s.size : random_below(&seed, s.size + 1);
        uint32_t frame_max = random_below(&seed, 4) ? 4096 : 20 + (uint32_t)random_below(&seed, 20);
        for (size_t at = 0;;) {
            struct run run = {0};
            uint32_t count = 0, frame_size_expected = 0;
            int64_t expected =
                naive_cut(s.data + at, size - at, frame_max, &count, &frame_size_expected);
            int taken = cut(s.data + at, size - at, frame_max, &run);
            assert_int_equal(taken, expected);
            if (taken <= 0)
                break;
            assert_int_equal(run.count, count);
            assert_int_equal(run.frame_size, frame_size_expected);
            assert_int_equal(run.size, taken);
            assert_memory_equal(&run.head, s.data + at, FRAME_HEAD_SIZE);
            at += (size_t)taken;
        }
    }
}

static struct run run_of(const struct stream *stream)
{
    struct run run;
    assert_int_equal(run_cut(bytes_of(stream->data, stream->size), FRAME_SIZE_DEFAULT, &run),
                     stream->size);
    return run;
}

static void a_split_takes_as_many_frames_as_both_limits_let(void **state)
{
    (void)state;
    for (int is_mixed = 0; is_mixed < 2; is_mixed++) {
        struct stream s = {0};
        size_t ends[11] = {0};
        for (size_t i = 0; i < 10; i++) {
            put(&s, OP_PUSH, 0, "q", is_mixed ? i : 4);
            ends[i + 1] = s.size;
        }
        for (uint32_t count_max = 0; count_max <= 12; count_max++) {
            for (uint64_t size_max = 0; size_max <= s.size + 5; size_max++) {
                struct run run = run_of(&s), prefix;
                uint32_t fit = 0;
                while (fit < 10 && fit < count_max && ends[fit + 1] <= size_max)
                    fit++;
                assert_int_equal(run_split(&run, count_max, size_max, &prefix), fit > 0);
                assert_int_equal(prefix.count, fit);
                assert_int_equal(prefix.size, ends[fit]);
                assert_ptr_equal(prefix.data, s.data);
                assert_int_equal(run.count, 10 - fit);
                assert_int_equal(run.size, s.size - ends[fit]);
                assert_ptr_equal(run.data, s.data + ends[fit]);
                if (run.count > 0)
                    assert_memory_equal(&run.head, run.data, FRAME_HEAD_SIZE);
            }
        }
    }
}

static void a_split_without_limits_takes_all(void **state)
{
    (void)state;
    struct stream s = {0};
    struct run prefix;
    put(&s, OP_PUSH, 0, "q", 1);
    put(&s, OP_PUSH, 0, "q", 2);
    struct run run = run_of(&s);
    assert_true(run_split(&run, UINT32_MAX, UINT64_MAX, &prefix));
    assert_int_equal(prefix.count, 2);
    assert_int_equal(run.count, 0);
    assert_int_equal(run.size, 0);
}

static void the_parts_of_a_run_are_the_run(void **state)
{
    (void)state;
    struct stream s = {0};
    for (size_t i = 0; i < 100; i++)
        put(&s, OP_PUSH, 0, "q", i % 5);
    struct run rest = run_of(&s), part;
    size_t at = 0, count = 0;
    while (rest.count > 0) {
        assert_true(run_split(&rest, 1 + (uint32_t)random_below(&seed, 5), UINT64_MAX, &part));
        assert_ptr_equal(part.data, s.data + at);
        assert_memory_equal(&part.head, part.data, FRAME_HEAD_SIZE);
        assert_true(bytes_equal(run_name(&part), bytes_text("q")));
        at += part.size;
        count += part.count;
    }
    assert_int_equal(at, s.size);
    assert_int_equal(count, 100);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_the_protocols),
        cmocka_unit_test(one_frame_is_a_run_of_one),
        cmocka_unit_test(frames_without_name_and_body_make_a_run),
        cmocka_unit_test(equal_frames_make_one_run),
        cmocka_unit_test(frames_of_different_sizes_make_one_run_without_a_frame_size),
        cmocka_unit_test(a_run_ends_where_op_flags_or_name_differ),
        cmocka_unit_test(names_are_told_apart_by_size_even_when_the_bytes_agree),
        cmocka_unit_test(a_name_past_the_end_of_its_frame_is_a_run_of_its_own),
        cmocka_unit_test(a_lying_frame_does_not_take_its_neighbour_along),
        cmocka_unit_test(a_byte_without_the_op_bit_is_refused_at_once),
        cmocka_unit_test(a_size_under_the_head_is_refused),
        cmocka_unit_test(a_size_over_the_limit_is_refused_before_it_has_come),
        cmocka_unit_test(a_run_ends_before_what_is_refused),
        cmocka_unit_test(a_stream_cut_at_every_byte_gives_the_whole_frames_before_it),
        cmocka_unit_test(a_frame_can_be_cut_off_its_run),
        cmocka_unit_test(it_agrees_with_the_naive_cut_on_random_streams),
        cmocka_unit_test(a_split_takes_as_many_frames_as_both_limits_let),
        cmocka_unit_test(a_split_without_limits_takes_all),
        cmocka_unit_test(the_parts_of_a_run_are_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

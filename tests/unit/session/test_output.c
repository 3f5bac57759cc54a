#include "session/output.h"

#include "check.h"
#include "frame/frame.h"
#include "seed.h"
#include "session/talk.h"

#include <stdio.h>

enum { SLICES_MAX = 4096 };

static struct random seed;

/*
 * An output, the slices lent to it and what went out. Everything is frames with a number: those of
 * control are c1, c2 …, those of text and slices together m1, m2 …, as they are to be read.
 */
struct bench {
    struct output output;
    struct block blocks[SLICES_MAX];
    size_t lent_count, returned_count; /* slices, which come back in order */
    uint32_t controls_count, messages_count;
    struct script sent;
};

static struct bench *open(void)
{
    return calloc(1, sizeof(struct bench));
}

/* Takes back the slices whose bytes are all sent, and frees their bytes. */
static void take_sent(struct bench *bench)
{
    struct slice slice;
    while (output_take_sent(&bench->output, &slice)) {
        assert_ptr_equal(slice.block, &bench->blocks[bench->returned_count]);
        bench->returned_count++;
        free(slice.block->data);
    }
}

static const struct iovec *begin(struct bench *bench, unsigned *count)
{
    const struct iovec *vector = output_begin(&bench->output, count);
    assert_in_range(*count, 1, OUTPUT_PIECES_MAX);
    return vector;
}

/* Finishes the send, of which at most `size` bytes went out. Returns whether it is complete. */
static bool finish(struct bench *bench, const struct iovec *vector, unsigned count, size_t size)
{
    size_t left = size;
    for (unsigned i = 0; i < count && left > 0; i++) {
        size_t part = vector[i].iov_len < left ? vector[i].iov_len : left;
        script_put(&bench->sent, vector[i].iov_base, part);
        left -= part;
    }
    size_t returned_count = bench->returned_count;
    bool is_complete = output_sent(&bench->output, size - left);
    take_sent(bench);
    assert_true(is_complete || bench->returned_count == returned_count);
    return is_complete;
}

static bool send_some(struct bench *bench, size_t size)
{
    unsigned count;
    const struct iovec *vector = begin(bench, &count);
    return finish(bench, vector, count, size);
}

static void send_all(struct bench *bench)
{
    while (!output_is_empty(&bench->output))
        send_some(bench, SIZE_MAX);
}

static void close(struct bench *bench)
{
    send_all(bench);
    assert_int_equal(bench->returned_count, bench->lent_count);
    output_finish(&bench->output);
    script_finish(&bench->sent);
    free(bench);
}

static void put_frame(unsigned char *to, enum op op, uint32_t number, uint32_t size)
{
    memset(to, (int)number, size);
    frame_head_store(to, (struct frame_head){(uint8_t)op, 0, 0, size});
    store_u32(to + FRAME_HEAD_SIZE, number);
}

static void put_control(struct bench *bench, uint32_t size)
{
    put_frame(output_control(&bench->output, size), OP_ERROR, ++bench->controls_count, size);
}

static void put_text(struct bench *bench, uint32_t size)
{
    put_frame(output_text(&bench->output, size), OP_REPLY, ++bench->messages_count, size);
}

/* Lends a slice of frames of `size`, `size` + 1, `size` + 2 … bytes. */
static void put_slice(struct bench *bench, uint32_t count, uint32_t size, bool is_reversed)
{
    assert_true(bench->lent_count < SLICES_MAX);
    uint32_t sum = count * size + count * (count - 1) / 2, first = bench->messages_count + 1;
    struct block *block = &bench->blocks[bench->lent_count++];
    *block = (struct block){.holds_count = 1, .data = malloc(sum)};
    unsigned char *to = block->data;
    for (uint32_t i = 0; i < count; to += size + i, i++)
        put_frame(to, OP_PUSH, first + (is_reversed ? count - 1 - i : i), size + i);
    bench->messages_count += count;
    output_slice(&bench->output, &(struct slice){block, 0, sum, count, is_reversed});
}

/* Tells what was sent as "c1 m1 m2"; frames that follow their like are counted: "m1-9". */
static void tell(struct bench *bench, char *text, size_t size)
{
    size_t used = 0, at = 0;
    char kind = 0;
    uint32_t first = 0, last = 0;
    text[0] = '\0';
    while (at < bench->sent.size) {
        const unsigned char *frame = bench->sent.data + at;
        uint32_t number = load_u32(frame + FRAME_HEAD_SIZE), length = frame_size(frame);
        char letter = frame[0] == OP_ERROR ? 'c' : 'm';
        for (uint32_t i = FRAME_HEAD_SIZE + 4; i < length; i++)
            assert_int_equal(frame[i], (unsigned char)number);
        first = letter == kind && number == last + 1 ? first : number;
        if (first == number)
            used += strlen(text + used);
        last = number;
        kind = letter;
        snprintf(text + used, size - used, first < last ? "%s%c%u-%u" : "%s%c%u", used ? " " : "",
                 kind, first, last);
        at += length;
    }
    assert_int_equal(at, bench->sent.size);
}

static void expect_sent(struct bench *bench, const char *expected)
{
    char text[4096];
    tell(bench, text, sizeof text);
    assert_string_equal(text, expected);
}

static void text_and_slices_keep_their_order(void **state)
{
    (void)state;
    struct bench *b = open();
    put_text(b, 20);
    put_slice(b, 3, 100, false);
    put_text(b, 30);
    put_text(b, 12);
    put_slice(b, 1, 5000, false);
    put_slice(b, 2, 50, false);
    send_all(b);
    expect_sent(b, "m1-9");
    close(b);
}

static void control_frames_overtake_what_waits(void **state)
{
    (void)state;
    struct bench *b = open();
    put_text(b, 20);
    put_slice(b, 2, 100, false);
    put_control(b, 12);
    put_control(b, 30);
    send_all(b);
    expect_sent(b, "c1-2 m1-3");
    close(b);
}

static void short_slices_are_copied_together(void **state)
{
    (void)state;
    struct bench *b = open();
    unsigned count;
    put_control(b, 20);
    for (int i = 0; i < 10; i++) {
        put_text(b, 30);
        put_slice(b, 1, OUTPUT_COPY_MAX - 1, false);
    }
    const struct iovec *vector = begin(b, &count);
    assert_int_equal(count, 1);
    assert_true(finish(b, vector, count, SIZE_MAX));
    expect_sent(b, "c1 m1-20");
    close(b);
}

static void long_slices_are_sent_from_where_they_lie(void **state)
{
    (void)state;
    struct bench *b = open();
    unsigned count;
    put_slice(b, 1, 50, false);
    put_slice(b, 1, OUTPUT_COPY_MAX, false);
    put_slice(b, 1, 9000, false);
    put_slice(b, 1, 60, false);
    const struct iovec *vector = begin(b, &count);
    assert_int_equal(count, 4);
    assert_ptr_equal(vector[1].iov_base, b->blocks[1].data);
    assert_ptr_equal(vector[2].iov_base, b->blocks[2].data);
    assert_true(finish(b, vector, count, SIZE_MAX));
    expect_sent(b, "m1-4");
    close(b);
}

static void a_reversed_slice_is_read_from_its_end(void **state)
{
    (void)state;
    struct bench *b = open();
    put_slice(b, 3, 20, true);
    put_slice(b, 5, 3000, true);
    put_slice(b, 2, 20, false);
    send_all(b);
    expect_sent(b, "m1-10");
    close(b);
}

static void a_reversed_slice_of_one_long_frame_is_not_copied(void **state)
{
    (void)state;
    struct bench *b = open();
    unsigned count;
    put_slice(b, 1, 50000, true);
    const struct iovec *vector = begin(b, &count);
    assert_ptr_equal(vector[0].iov_base, b->blocks[0].data);
    finish(b, vector, count, SIZE_MAX);
    close(b);
}

/* Something of every kind. */
static void put_mixture(struct bench *bench)
{
    put_text(bench, 20);
    put_slice(bench, 3, 40, false);
    put_control(bench, 15);
    put_slice(bench, 1, 3000, false);
    put_slice(bench, 2, 50, true);
    put_text(bench, 17);
}

static void a_send_that_is_cut_short_anywhere_goes_on_there(void **state)
{
    (void)state;
    enum { SIZE = 20 + (40 + 41 + 42) + 15 + 3000 + (50 + 51) + 17 };
    for (size_t cut = 0; cut < SIZE; cut++) {
        struct bench *b = open();
        put_mixture(b);
        assert_false(send_some(b, cut));
        assert_int_equal(b->sent.size, cut);
        assert_true(send_some(b, SIZE_MAX));
        assert_int_equal(b->sent.size, SIZE);
        expect_sent(b, "c1 m1-8");
        close(b);
    }
}

static void a_send_may_take_one_byte_at_a_time(void **state)
{
    (void)state;
    struct bench *b = open();
    put_mixture(b);
    while (!send_some(b, 1))
        assert_false(output_is_empty(&b->output));
    assert_true(output_is_empty(&b->output));
    expect_sent(b, "c1 m1-8");
    close(b);
}

/* The rest of a control frame is still to be sent when there is nothing else. */
static void the_residue_of_control_frames_alone_is_sent(void **state)
{
    (void)state;
    struct bench *b = open();
    put_control(b, 20);
    assert_false(send_some(b, 7));
    assert_false(output_is_empty(&b->output));
    assert_true(send_some(b, SIZE_MAX));
    assert_true(output_is_empty(&b->output));
    expect_sent(b, "c1");
    close(b);
}

static void a_residue_goes_before_control_frames_that_came_later(void **state)
{
    (void)state;
    struct bench *b = open();
    put_mixture(b);
    send_some(b, 100);
    put_control(b, 30);
    put_text(b, 30);
    assert_true(send_some(b, SIZE_MAX));
    expect_sent(b, "c1 m1-8");
    send_all(b);
    expect_sent(b, "c1 m1-8 c2 m9");
    close(b);
}

static void what_comes_during_a_send_waits_for_the_next(void **state)
{
    (void)state;
    struct bench *b = open();
    unsigned count;
    put_text(b, 30);
    const struct iovec *vector = begin(b, &count);
    put_text(b, 40);
    put_control(b, 50);
    put_slice(b, 1, 60, false);
    assert_int_equal(output_waiting_size(&b->output), 90);
    assert_true(finish(b, vector, count, SIZE_MAX));
    expect_sent(b, "m1");
    send_all(b);
    expect_sent(b, "m1 c1 m2-3");
    close(b);
}

static void a_slice_is_given_back_when_its_send_is_complete(void **state)
{
    (void)state;
    struct bench *b = open();
    put_slice(b, 1, 50, false);
    put_slice(b, 1, 5000, false);
    assert_false(send_some(b, 5049));
    assert_int_equal(b->returned_count, 0);
    put_slice(b, 1, 50, false);
    assert_true(send_some(b, 1));
    assert_int_equal(b->returned_count, 2);
    close(b);
}

static void a_send_takes_no_piece_behind_its_quantum(void **state)
{
    (void)state;
    struct bench *b = open();
    put_slice(b, 1, OUTPUT_QUANTUM - 1, false);
    put_slice(b, 1, 100000, false);
    put_slice(b, 1, 20, false);
    assert_true(send_some(b, SIZE_MAX));
    assert_int_equal(b->sent.size, OUTPUT_QUANTUM - 1 + 100000);
    put_control(b, 20);
    send_all(b);
    expect_sent(b, "m1-2 c1 m3");
    close(b);
}

static void a_send_has_a_bounded_number_of_pieces(void **state)
{
    (void)state;
    struct bench *b = open();
    unsigned count, sends = 0;
    put_control(b, 20);
    for (int i = 0; i < 200; i++)
        put_slice(b, 1, i % 2 ? OUTPUT_COPY_MAX : 20, false);
    for (; !output_is_empty(&b->output); sends++) {
        const struct iovec *vector = begin(b, &count);
        finish(b, vector, count, SIZE_MAX);
    }
    assert_in_range(sends, 2, 10);
    expect_sent(b, "c1 m1-200");
    close(b);
}

static void an_output_with_nothing_in_it_keeps_no_memory(void **state)
{
    (void)state;
    struct bench *b = open();
    struct output empty = {0};
    put_mixture(b);
    send_all(b);
    assert_memory_equal(&b->output, &empty, sizeof empty);
    close(b);
}

static void at_the_end_every_slice_is_given_back(void **state)
{
    (void)state;
    struct bench *b = open();
    struct slice slice;
    put_mixture(b);
    put_slice(b, 1, 100000, false);
    put_slice(b, 1, 20, false);
    send_some(b, 100);
    for (; output_take_slice(&b->output, &slice); b->returned_count++) {
        assert_ptr_equal(slice.block, &b->blocks[b->returned_count]);
        free(slice.block->data);
    }
    assert_int_equal(b->returned_count, b->lent_count);
    output_finish(&b->output);
    script_finish(&b->sent);
    free(b);
}

static void put_any(struct bench *bench)
{
    uint32_t size = 12 + (uint32_t)random_below(&seed, random_below(&seed, 8) ? 100 : 9000);
    switch (random_below(&seed, 4)) {
    case 0: put_control(bench, size); break;
    case 1: put_text(bench, size); break;
    default:
        put_slice(bench, 1 + (uint32_t)random_below(&seed, 4), size, random_below(&seed, 3) == 0);
    }
}

/* Sends of any length, with more coming while they are in flight. */
static void every_frame_goes_out_whole_and_in_order(void **state)
{
    (void)state;
    struct bench *b = open();
    for (int step = 0; step < 1500; step++) {
        unsigned count;
        put_any(b);
        if (random_below(&seed, 2) || output_is_empty(&b->output))
            continue;
        const struct iovec *vector = begin(b, &count);
        put_any(b);
        finish(b, vector, count, random_below(&seed, random_below(&seed, 2) ? 300 : 200000));
    }
    send_all(b);
    uint32_t controls_count = 0, messages_count = 0;
    for (size_t at = 0; at < b->sent.size; at += frame_size(b->sent.data + at)) {
        const unsigned char *frame = b->sent.data + at;
        uint32_t *kind_count = frame[0] == OP_ERROR ? &controls_count : &messages_count;
        assert_int_equal(load_u32(frame + FRAME_HEAD_SIZE), ++*kind_count);
    }
    assert_int_equal(controls_count, b->controls_count);
    assert_int_equal(messages_count, b->messages_count);
    close(b);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_slices_keep_their_order),
        cmocka_unit_test(control_frames_overtake_what_waits),
        cmocka_unit_test(short_slices_are_copied_together),
        cmocka_unit_test(long_slices_are_sent_from_where_they_lie),
        cmocka_unit_test(a_reversed_slice_is_read_from_its_end),
        cmocka_unit_test(a_reversed_slice_of_one_long_frame_is_not_copied),
        cmocka_unit_test(a_send_that_is_cut_short_anywhere_goes_on_there),
        cmocka_unit_test(a_send_may_take_one_byte_at_a_time),
        cmocka_unit_test(the_residue_of_control_frames_alone_is_sent),
        cmocka_unit_test(a_residue_goes_before_control_frames_that_came_later),
        cmocka_unit_test(what_comes_during_a_send_waits_for_the_next),
        cmocka_unit_test(a_slice_is_given_back_when_its_send_is_complete),
        cmocka_unit_test(a_send_takes_no_piece_behind_its_quantum),
        cmocka_unit_test(a_send_has_a_bounded_number_of_pieces),
        cmocka_unit_test(an_output_with_nothing_in_it_keeps_no_memory),
        cmocka_unit_test(at_the_end_every_slice_is_given_back),
        cmocka_unit_test(every_frame_goes_out_whole_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

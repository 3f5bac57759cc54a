#include "session/bulk.h"

#include "check.h"
#include "core/frames.h"
#include "session/output.h"
#include "session/talk.h"

#include <stdio.h>
#include <stdlib.h>

/* Messages in Redis's words, as an output puts them together for a send. */

enum { SLICES_MAX = 8 };

/* An output, the slices lent to it and what went out. */
struct bench {
    struct output output;
    struct block blocks[SLICES_MAX];
    struct run runs[SLICES_MAX];
    size_t lent_count, returned_count, sends_count;
    unsigned vector_count; /* of the last send */
    struct script sent;
};

/* Lends frames, as frames_run understands their words. */
static struct slice lend(struct bench *bench, struct run run)
{
    struct block *block = &bench->blocks[bench->lent_count];
    bench->runs[bench->lent_count++] = run;
    *block = (struct block){.holds_count = 1, .data = (unsigned char *)run.data};
    return (struct slice){block, 0, run.size, run.count, false};
}

static void take_back(struct bench *bench, const struct slice *slice)
{
    assert_ptr_equal(slice->block, &bench->blocks[bench->returned_count]);
    frames_free(&bench->runs[bench->returned_count++]);
}

static void send_one(struct bench *bench)
{
    struct slice slice;
    unsigned count;
    const struct iovec *vector = output_begin(&bench->output, &count);
    size_t size = 0;
    assert_in_range(count, 1, OUTPUT_PIECES_MAX);
    for (unsigned i = 0; i < count; i++) {
        script_put(&bench->sent, vector[i].iov_base, vector[i].iov_len);
        size += vector[i].iov_len;
    }
    bench->vector_count = count;
    bench->sends_count++;
    assert_true(output_sent(&bench->output, size));
    while (output_take_sent(&bench->output, &slice))
        take_back(bench, &slice);
}

/* Sends all there is; `expected` has `|` for the end of a line. */
static void expect(struct bench *bench, const char *expected)
{
    while (!output_is_empty(&bench->output))
        send_one(bench);
    assert_int_equal(bench->returned_count, bench->lent_count);
    assert_int_equal(output_waiting_size(&bench->output), 0);
    char *text = malloc(bench->sent.size + 1);
    size_t used = 0;
    for (size_t at = 0; at < bench->sent.size; at++)
        if (bench->sent.data[at] != '\n')
            text[used++] = bench->sent.data[at] == '\r' ? '|' : (char)bench->sent.data[at];
    text[used] = '\0';
    assert_string_equal(text, expected);
    free(text);
    bench->sent.size = 0;
}

static void finish(struct bench *bench)
{
    struct slice slice;
    while (output_take_slice(&bench->output, &slice))
        take_back(bench, &slice);
    output_finish(&bench->output);
    script_finish(&bench->sent);
}

static void bodies_go_out_alone(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct slice slice = lend(&bench, frames_run(OP_PUSH, "q", "a bb:21 c"));
    output_bulks(&bench.output, &slice);
    expect(&bench, "$1|a|$12|bb----------|$1|c|");
    finish(&bench);
}

static void a_reversed_slice_is_said_from_its_end(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct slice slice = lend(&bench, frames_run(OP_PUSH, "q", "a bb:21 c"));
    slice.is_reversed = true;
    output_bulks(&bench.output, &slice);
    expect(&bench, "$1|c|$12|bb----------|$1|a|");
    finish(&bench);
}

static void headers_stay_here(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct slice slice = lend(&bench, frames_headed(OP_PUSH, "q", "ttl=9000 x-a=b", "word"));
    output_bulks(&bench.output, &slice);
    expect(&bench, "$4|word|");
    finish(&bench);
}

static void messages_stand_behind_their_preface_and_name(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct slice slice = lend(&bench, frames_run(OP_PUBLISH, "news", "a b"));
    struct preface *preface = preface_create(bytes_text("*3\r\n$7\r\nmessage\r\n"));
    output_messages(&bench.output, &slice, preface);
    assert_int_equal(preface->refs_count, 2);
    preface_unref(preface);
    expect(&bench, "*3|$7|message|$4|news|$1|a|*3|$7|message|$4|news|$1|b|");
    finish(&bench);
}

static void long_bodies_are_sent_from_where_they_lie(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct slice slice = lend(&bench, frames_run(OP_PUSH, "q", "a b:2057 c"));
    output_bulks(&bench.output, &slice);
    unsigned count;
    const struct iovec *vector = output_begin(&bench.output, &count);
    assert_int_equal(count, 3);
    assert_int_equal(vector[1].iov_len, 2048);
    assert_memory_equal(vector[0].iov_base, "$1\r\na\r\n$2048\r\n", vector[0].iov_len);
    assert_memory_equal(vector[2].iov_base, "\r\n$1\r\nc\r\n", vector[2].iov_len);
    bench.output.is_sending = false;
    finish(&bench);
}

/* No more is put into words than a send takes, and what is not sent counts as unread. */
static void a_send_takes_a_quantum_of_a_long_slice(void **state)
{
    (void)state;
    struct bench bench = {0};
    char words[64 * 1024];
    size_t used = 0;
    for (int i = 0; i < 4000; i++)
        used += (size_t)snprintf(words + used, sizeof words - used, "w:90 ");
    struct slice slice = lend(&bench, frames_run(OP_PUSH, "q", words));
    output_bulks(&bench.output, &slice);
    assert_int_equal(output_waiting_size(&bench.output), slice.size);
    send_one(&bench);
    assert_in_range(bench.sent.size, OUTPUT_QUANTUM, OUTPUT_QUANTUM + 200);
    assert_in_range(output_waiting_size(&bench.output), slice.size - OUTPUT_QUANTUM - 3000,
                    slice.size - OUTPUT_QUANTUM);
    assert_int_equal(bench.returned_count, 0);
    while (!output_is_empty(&bench.output))
        send_one(&bench);
    assert_int_equal(bench.sent.size, 4000 * (5 + 81 + 2));
    assert_int_equal(bench.sends_count, (bench.sent.size + OUTPUT_QUANTUM - 1) / OUTPUT_QUANTUM);
    assert_int_equal(bench.returned_count, 1);
    finish(&bench);
}

/* Many long bodies need more places than a send has. */
static void a_send_takes_as_many_long_bodies_as_it_has_places(void **state)
{
    (void)state;
    struct bench bench = {0};
    for (int i = 0; i < 3; i++) {
        struct slice slice = lend(&bench, frames_run(OP_PUSH, "q",
                                                     "a:2100 b:2100 c:2100 d:2100 e:2100 f:2100 "
                                                     "g:2100 h:2100 i:2100 j:2100 k:2100 l:2100"));
        output_bulks(&bench.output, &slice);
    }
    while (!output_is_empty(&bench.output))
        send_one(&bench);
    assert_int_equal(bench.sent.size, 36 * (7 + 2091 + 2));
    assert_int_equal(bench.sends_count, 2);
    finish(&bench);
}

static void slices_half_said_can_be_taken_back(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct preface *preface = preface_create(bytes_text("x"));
    struct slice slice = lend(&bench, frames_run(OP_PUBLISH, "n", "a:40000 b:40000 c:40000"));
    output_messages(&bench.output, &slice, preface);
    send_one(&bench);
    assert_int_equal(bench.returned_count, 0);
    finish(&bench);
    assert_int_equal(bench.returned_count, 1);
    assert_int_equal(preface->refs_count, 1);
    preface_unref(preface);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_go_out_alone),
        cmocka_unit_test(a_reversed_slice_is_said_from_its_end),
        cmocka_unit_test(headers_stay_here),
        cmocka_unit_test(messages_stand_behind_their_preface_and_name),
        cmocka_unit_test(long_bodies_are_sent_from_where_they_lie),
        cmocka_unit_test(a_send_takes_a_quantum_of_a_long_slice),
        cmocka_unit_test(a_send_takes_as_many_long_bodies_as_it_has_places),
        cmocka_unit_test(slices_half_said_can_be_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "session/replies.h"

#include "check.h"
#include "core/frames.h"
#include "session/say.h"
#include "session/talk.h"

/* Replies in the order of what asked for them, whatever comes first. */

struct bench {
    struct replies replies;
    struct output output;
};

static void settle(struct bench *bench, uint64_t ticket, uint32_t count, enum status status)
{
    struct effect effect = {.kind = EFFECT_SETTLED, .ticket = ticket, .status = status};
    effect.count = count;
    assert_false(replies_settle(&bench->replies, &bench->output, &effect));
}

static void answer(struct bench *bench, uint64_t ticket, uint32_t count, int64_t first)
{
    struct effect effect = {.kind = EFFECT_NUMBER, .ticket = ticket};
    effect.numbers.count = count;
    effect.numbers.first = first;
    effect.numbers.step = 1;
    replies_settle(&bench->replies, &bench->output, &effect);
}

/* Answers with some of `total` messages; returns whether they were taken. */
static bool bring(struct bench *bench, uint64_t ticket, const struct run *run, struct block *block,
                  uint32_t total, bool has_more)
{
    *block = (struct block){.holds_count = 1, .data = (unsigned char *)run->data};
    struct effect effect = {
        .kind = EFFECT_FRAMES, .ticket = ticket, .total = total, .has_more = has_more};
    effect.slice = (struct slice){block, 0, run->size, run->count, false};
    return replies_settle(&bench->replies, &bench->output, &effect);
}

static void say_word(struct bench *bench, const char *word)
{
    struct pen pen = replies_pen(&bench->replies, &bench->output, 2);
    pen_simple(&pen, word);
}

/* What has been said since the last time, with `|` for the end of a line. */
static void expect(struct bench *bench, const char *expected)
{
    struct script said = {0};
    struct slice slice;
    unsigned count;
    while (!output_is_empty(&bench->output)) {
        const struct iovec *vector = output_begin(&bench->output, &count);
        size_t size = 0;
        for (unsigned i = 0; i < count; size += vector[i++].iov_len)
            script_put(&said, vector[i].iov_base, vector[i].iov_len);
        output_sent(&bench->output, size);
        while (output_take_sent(&bench->output, &slice))
            slice.block->holds_count--;
    }
    size_t used = 0;
    for (size_t at = 0; at < said.size; at++)
        if (said.data[at] != '\n')
            said.data[used++] = said.data[at] == '\r' ? '|' : said.data[at];
    script_put(&said, "", 1);
    said.data[used] = '\0';
    assert_string_equal((char *)said.data, expected);
    script_finish(&said);
}

static void close(struct bench *bench)
{
    expect(bench, "");
    replies_finish(&bench->replies);
    output_finish(&bench->output);
}

static void what_is_owed_comes_in_order_whatever_is_answered_first(void **state)
{
    (void)state;
    struct bench bench = {0};
    replies_expect(&bench.replies, 1, 1, 2, say_integer);
    say_word(&bench, "A");
    replies_expect(&bench.replies, 2, 1, 2, say_ok);
    replies_expect(&bench.replies, 3, 2, 2, say_integer);
    say_word(&bench, "B");
    say_word(&bench, "C");
    answer(&bench, 3, 1, 30);
    settle(&bench, 2, 1, STATUS_OK);
    expect(&bench, "");
    answer(&bench, 1, 1, 10);
    expect(&bench, ":10|+A|+OK|:30|");
    answer(&bench, 4, 1, 40);
    expect(&bench, ":40|+B|+C|");
    say_word(&bench, "D");
    expect(&bench, "+D|");
    close(&bench);
}

static void a_run_is_answered_with_numbers_that_grow(void **state)
{
    (void)state;
    struct bench bench = {0};
    replies_expect(&bench.replies, 1, 4, 2, say_integer);
    answer(&bench, 1, 2, 7);
    settle(&bench, 3, 1, STATUS_FULL);
    answer(&bench, 4, 1, 9);
    expect(&bench, ":7|:8|-ERR the queue is full|:9|");
    close(&bench);
}

static void what_is_joined_comes_to_a_sum_or_the_first_failure(void **state)
{
    (void)state;
    struct bench bench = {0};
    for (uint64_t first = 1; first < 13; first += 4)
        replies_expect(&bench.replies, first, 4, 2, say_integer)->is_joined = true;
    replies_last(&bench.replies)->say = say_ok;
    settle(&bench, 1, 1, STATUS_OK);
    answer(&bench, 2, 2, 5);
    expect(&bench, "");
    settle(&bench, 4, 1, STATUS_OK);
    settle(&bench, 5, 1, STATUS_OK);
    answer(&bench, 6, 1, 1);
    settle(&bench, 7, 1, STATUS_WRONG_TYPE);
    settle(&bench, 8, 1, STATUS_FULL);
    settle(&bench, 9, 4, STATUS_OK);
    expect(&bench, ":11|-WRONGTYPE Operation against a key holding the wrong kind of value|+OK|");
    close(&bench);
}

static void messages_at_their_turn_are_taken_as_they_are(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct run run = frames_run(OP_PUSH, "q", "a b");
    struct block blocks[2];
    replies_expect(&bench.replies, 1, 1, 2, say_list);
    assert_true(bring(&bench, 1, &run, &blocks[0], 4, true));
    assert_false(replies_are_empty(&bench.replies));
    assert_true(bring(&bench, 1, &run, &blocks[1], 4, false));
    assert_true(replies_are_empty(&bench.replies));
    expect(&bench, "*4|$1|a|$1|b|$1|a|$1|b|");
    assert_int_equal(blocks[0].holds_count + blocks[1].holds_count, 0);
    close(&bench);
    frames_free(&run);
}

static void messages_before_their_turn_are_copied(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct run run = frames_run(OP_PUSH, "q", "a bb");
    struct block block;
    replies_expect(&bench.replies, 1, 1, 2, say_integer);
    replies_expect(&bench.replies, 2, 1, 2, say_list);
    assert_false(bring(&bench, 2, &run, &block, 2, false));
    frames_free(&run);
    expect(&bench, "");
    answer(&bench, 1, 1, 1);
    expect(&bench, ":1|*2|$1|a|$2|bb|");
    close(&bench);
}

static void messages_for_a_ticket_each_settle_as_many(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct run run = frames_run(OP_PUSH, "q", "a b");
    struct block block;
    replies_expect(&bench.replies, 1, 3, 3, say_bulk)->is_each = true;
    assert_true(bring(&bench, 1, &run, &block, 2, false));
    settle(&bench, 3, 1, STATUS_NO_KEY);
    expect(&bench, "$1|a|$1|b|_|");
    close(&bench);
    frames_free(&run);
}

static void a_note_is_there_when_its_reply_is_said(void **state)
{
    (void)state;
    struct bench bench = {0};
    struct run run = frames_run(OP_PUSH, "q", "a");
    struct block block;
    replies_expect(&bench.replies, 1, 1, 2, say_popped);
    say_note_name(&bench.replies, bytes_text("first"));
    replies_expect(&bench.replies, 2, 1, 2, say_popped);
    say_note_name(&bench.replies, bytes_text("second"));
    say_word(&bench, "A");
    bring(&bench, 2, &run, &block, 1, false);
    assert_true(bring(&bench, 1, &run, &block, 1, false));
    expect(&bench, "*2|$5|first|$1|a|*2|$6|second|$1|a|+A|");
    close(&bench);
    frames_free(&run);
}

/* Three replies inside, one of them words alone. */
static void expect_transaction(struct bench *bench)
{
    replies_expect(&bench->replies, 1, 1, 2, say_nothing)->role = REPLY_BEGIN;
    replies_expect(&bench->replies, 2, 1, 2, say_integer);
    say_word(bench, "A");
    replies_expect(&bench->replies, 3, 2, 2, say_integer)->is_joined = true;
    replies_expect(&bench->replies, 5, 1, 2, say_nothing)->role = REPLY_COMMIT;
    say_word(bench, "B");
}

static void nothing_is_said_of_a_transaction_that_does_not_take_place(void **state)
{
    (void)state;
    struct bench bench = {0};
    expect_transaction(&bench);
    settle(&bench, 1, 1, STATUS_CHANGED);
    settle(&bench, 2, 3, STATUS_SKIPPED);
    settle(&bench, 5, 1, STATUS_OK);
    expect(&bench, "-ERR what was watched has changed|+B|");
    expect_transaction(&bench);
    settle(&bench, 1, 1, STATUS_OK);
    answer(&bench, 2, 3, 1);
    settle(&bench, 5, 1, STATUS_OK);
    expect(&bench, ":1|+A|:5|+B|");
    close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_owed_comes_in_order_whatever_is_answered_first),
        cmocka_unit_test(a_run_is_answered_with_numbers_that_grow),
        cmocka_unit_test(what_is_joined_comes_to_a_sum_or_the_first_failure),
        cmocka_unit_test(messages_at_their_turn_are_taken_as_they_are),
        cmocka_unit_test(messages_before_their_turn_are_copied),
        cmocka_unit_test(messages_for_a_ticket_each_settle_as_many),
        cmocka_unit_test(a_note_is_there_when_its_reply_is_said),
        cmocka_unit_test(nothing_is_said_of_a_transaction_that_does_not_take_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/segment.h"

#include "check.h"
#include "core/frames.h"
#include "seed.h"

static struct random seed;

/* A segment with room for just so many bytes of frames. */
struct bench {
    struct arena arena;
    struct segment *segment;
};

static void open(struct bench *bench, size_t size)
{
    arena_init(&bench->arena);
    bench->segment = segment_create(&bench->arena, segment_head_size() + size);
}

static void close(struct bench *bench)
{
    segment_destroy(&bench->arena, bench->segment);
    arena_finish(&bench->arena);
}

/* Appends frames of one word each; returns how many there was room for. */
static uint32_t append(struct bench *bench, const char *words)
{
    struct run run = frames_run(OP_PUSH, "q", words), rest = run;
    uint32_t appended = segment_append(bench->segment, &rest, 0);
    assert_int_equal(appended + rest.count, run.count);
    assert_ptr_equal(rest.data + rest.size, run.data + run.size);
    frames_free(&run);
    segment_check(bench->segment);
    return appended;
}

static void expect_words(struct segment *segment, uint32_t index, uint32_t count,
                         const char *expected)
{
    char words[4096];
    const unsigned char *data = segment->block.data + segment_offset(segment, index);
    frames_tell(bytes_of(data, segment_size(segment, index, count)), false, words, sizeof words);
    assert_string_equal(words, expected);
}

/* Leases at one end and sees that it is these words, as they lie, delivered so often before. */
static void expect_lease(struct bench *bench, bool from_back, uint32_t count_max, uint64_t size_max,
                         const char *expected, uint32_t deliveries)
{
    struct stretch stretch;
    assert_true(segment_lease(bench->segment, from_back, count_max, size_max, &stretch));
    segment_check(bench->segment);
    assert_ptr_equal(stretch.segment, bench->segment);
    assert_int_equal(stretch.size, segment_size(bench->segment, stretch.index, stretch.count));
    assert_int_equal(stretch.deliveries, deliveries);
    expect_words(bench->segment, stretch.index, stretch.count, expected);
}

static void expect_no_lease(struct bench *bench, bool from_back, uint32_t count_max,
                            uint64_t size_max)
{
    struct stretch stretch;
    assert_false(segment_lease(bench->segment, from_back, count_max, size_max, &stretch));
    segment_check(bench->segment);
}

static void put_back(struct bench *bench, uint32_t index, uint32_t count)
{
    segment_return(bench->segment, index, count);
    segment_check(bench->segment);
}

static void appended_messages_are_ready_in_order(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    assert_int_equal(append(&b, "a b"), 2);
    assert_int_equal(append(&b, "c"), 1);
    assert_int_equal(b.segment->ready_count, 3);
    expect_lease(&b, false, 10, 1000, "a b c", 0);
    close(&b);
}

static void only_the_frames_that_fit_are_appended(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 300);
    uint32_t room = b.segment->block.capacity;
    char words[64];
    snprintf(words, sizeof words, "a:%u b:100 c", room - 100);
    assert_int_equal(append(&b, words), 2);
    assert_int_equal(b.segment->block.used, room);
    assert_int_equal(append(&b, "c"), 0);
    expect_lease(&b, false, 10, 1000, "a b", 0);
    close(&b);
}

static void a_frame_one_byte_too_large_is_not_appended(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 300);
    char words[64];
    snprintf(words, sizeof words, "a:%u", b.segment->block.capacity + 1);
    assert_int_equal(append(&b, words), 0);
    assert_int_equal(b.segment->count, 0);
    close(&b);
}

static void the_smallest_frames_fill_a_segment(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 300);
    struct run run = frames_alike(OP_PUSH, "q", 1000, FRAME_HEAD_SIZE + 1), rest = run;
    uint32_t count = b.segment->block.capacity / (FRAME_HEAD_SIZE + 1);
    assert_int_equal(segment_append(b.segment, &rest, 0), count);
    expect_no_lease(&b, false, 0, 1000);
    struct stretch stretch;
    assert_true(segment_lease(b.segment, true, 1, 1000, &stretch));
    assert_true(segment_lease(b.segment, true, 1, 1000, &stretch));
    put_back(&b, count - 1, 1);
    assert_non_null(b.segment->ready_bits);
    put_back(&b, count - 2, 1);
    assert_null(b.segment->ready_bits);
    frames_free(&run);
    close(&b);
}

static void frames_of_one_size_need_no_offsets(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b");
    append(&b, "c d e");
    assert_int_equal(b.segment->frame_size, 10);
    assert_int_equal(segment_offset(b.segment, 3), 30);
    assert_int_equal(segment_offset(b.segment, 5), 50);
    assert_null(b.segment->offsets);
    close(&b);
}

static void frames_of_different_sizes_are_found_all_the_same(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a bb ccc");
    assert_int_equal(segment_offset(b.segment, 1), 10);
    append(&b, "dddd e");
    assert_int_equal(segment_offset(b.segment, 2), 21);
    assert_int_equal(segment_offset(b.segment, 4), 46);
    assert_int_equal(segment_offset(b.segment, 5), 56);
    assert_int_equal(segment_size(b.segment, 1, 3), 36);
    close(&b);
}

/* The equal frames before it were never given offsets. */
static void a_frame_of_another_size_comes_behind_equal_ones(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b c");
    append(&b, "dd ee");
    assert_int_equal(b.segment->frame_size, 0);
    assert_int_equal(segment_offset(b.segment, 3), 30);
    assert_int_equal(segment_offset(b.segment, 4), 41);
    close(&b);
}

static void a_lease_takes_the_oldest_or_from_the_back_the_newest(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b c d e");
    expect_lease(&b, false, 2, 1000, "a b", 0);
    expect_lease(&b, true, 2, 1000, "d e", 0);
    expect_lease(&b, true, 2, 1000, "c", 0);
    expect_no_lease(&b, false, 2, 1000);
    assert_int_equal(b.segment->leased_count, 5);
    close(&b);
}

static void a_lease_keeps_to_its_bytes(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b c d e");
    expect_no_lease(&b, false, 9, 9);
    expect_no_lease(&b, true, 9, 9);
    expect_lease(&b, false, 9, 29, "a b", 0);
    expect_lease(&b, true, 9, 20, "d e", 0);
    close(&b);
}

static void a_lease_of_different_sizes_keeps_to_its_bytes(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a:20 b:30 c:40 d:50 e:60");
    expect_no_lease(&b, false, 9, 19);
    expect_no_lease(&b, true, 9, 59);
    expect_lease(&b, false, 9, 89, "a b", 0);
    expect_lease(&b, true, 9, 110, "d e", 0);
    expect_lease(&b, true, 9, UINT64_MAX, "c", 0);
    close(&b);
}

static void a_returned_message_is_ready_and_counts_its_delivery(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b");
    expect_lease(&b, false, 2, 1000, "a b", 0);
    put_back(&b, 0, 2);
    expect_lease(&b, false, 2, 1000, "a b", 1);
    put_back(&b, 0, 2);
    expect_lease(&b, true, 2, 1000, "a b", 2);
    close(&b);
}

static void a_return_leaves_a_hole_where_others_are_leased(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b c d e f");
    expect_lease(&b, false, 4, 1000, "a b c d", 0);
    put_back(&b, 1, 1);
    assert_int_equal(b.segment->ready_count, 3);
    expect_lease(&b, false, 9, 1000, "b", 1);
    expect_lease(&b, false, 9, 1000, "e f", 0);
    close(&b);
}

static void a_hole_ends_a_lease_from_the_back(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b c d e f");
    expect_lease(&b, true, 4, 1000, "c d e f", 0);
    put_back(&b, 4, 1);
    expect_lease(&b, true, 9, 1000, "e", 1);
    expect_lease(&b, true, 9, 1000, "a b", 0);
    close(&b);
}

static void a_hole_that_closes_is_forgotten(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b c d");
    expect_lease(&b, false, 3, 1000, "a b c", 0);
    put_back(&b, 0, 1);
    assert_non_null(b.segment->ready_bits);
    put_back(&b, 1, 2);
    assert_null(b.segment->ready_bits);
    expect_lease(&b, false, 9, 1000, "a b c", 1);
    close(&b);
}

static void a_hole_that_is_leased_away_is_forgotten(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b c d");
    expect_lease(&b, false, 3, 1000, "a b c", 0);
    put_back(&b, 0, 1);
    expect_lease(&b, true, 1, 1000, "d", 0);
    assert_null(b.segment->ready_bits);
    assert_int_equal(b.segment->ready_end, 1);
    close(&b);
}

static void messages_are_appended_behind_a_hole(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b c");
    expect_lease(&b, false, 3, 1000, "a b c", 0);
    put_back(&b, 0, 1);
    append(&b, "d e");
    expect_lease(&b, true, 9, 1000, "d e", 0);
    expect_lease(&b, true, 9, 1000, "a", 1);
    close(&b);
}

static void a_lease_ends_where_deliveries_differ(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b c d");
    expect_lease(&b, false, 2, 1000, "a b", 0);
    put_back(&b, 0, 2);
    expect_lease(&b, false, 1, 1000, "a", 1);
    put_back(&b, 0, 1);
    expect_lease(&b, false, 9, 1000, "a", 2);
    expect_lease(&b, true, 9, 1000, "c d", 0);
    expect_lease(&b, true, 9, 1000, "b", 1);
    close(&b);
}

static void counting_deliveries_stops_at_its_end(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a");
    for (uint32_t i = 0; i < DELIVERIES_MAX + 2; i++) {
        expect_lease(&b, false, 1, 1000, "a", i < DELIVERIES_MAX ? i : DELIVERIES_MAX);
        put_back(&b, 0, 1);
    }
    close(&b);
}

static void purging_leaves_what_is_leased(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b c d e");
    expect_lease(&b, false, 3, 1000, "a b c", 0);
    put_back(&b, 1, 1);
    segment_purge(b.segment);
    segment_check(b.segment);
    expect_no_lease(&b, false, 9, 1000);
    assert_int_equal(b.segment->leased_count, 2);
    put_back(&b, 0, 1);
    append(&b, "f");
    expect_lease(&b, false, 9, 1000, "a", 1);
    expect_lease(&b, false, 9, 1000, "f", 0);
    close(&b);
}

static void the_size_of_what_is_ready_leaves_holes_out(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a:20 b:30 c:40 d:50 e:60");
    assert_int_equal(b.segment->ready_size, 200);
    expect_lease(&b, false, 4, 1000, "a b c d", 0);
    put_back(&b, 1, 1);
    put_back(&b, 3, 1);
    assert_int_equal(b.segment->ready_size, 30 + 50 + 60);
    segment_purge(b.segment);
    assert_int_equal(b.segment->ready_size, 0);
    close(&b);
}

/* Tells what segment_next_ready meets. */
static void expect_walk(struct bench *bench, bool from_back, const char *expected)
{
    char met[256] = "";
    size_t used = 0;
    struct stretch one;
    for (uint32_t at = segment_edge(bench->segment, from_back);
         segment_next_ready(bench->segment, from_back, 1, &at, &one);) {
        assert_int_equal(one.count, 1);
        met[used++] = (char)stretch_frame(&one, 0)[9];
        met[used++] = (char)('0' + one.deliveries);
    }
    assert_string_equal(met, expected);
}

static void a_walk_meets_each_ready_message_once(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    expect_walk(&b, false, "");
    expect_walk(&b, true, "");
    append(&b, "a bb c d e");
    expect_walk(&b, false, "a0b0c0d0e0");
    expect_walk(&b, true, "e0d0c0b0a0");
    expect_lease(&b, false, 4, 1000, "a bb c d", 0);
    put_back(&b, 0, 1);
    put_back(&b, 2, 1);
    expect_walk(&b, false, "a1c1e0");
    expect_walk(&b, true, "e0c1a1");
    close(&b);
}

/* A segment that grows at the front of the queue, with these words. */
static void open_reversed(struct bench *bench, const char *words)
{
    open(bench, 1000);
    bench->segment->is_reversed = true;
    append(bench, words);
}

static void the_front_of_a_reversed_segment_is_its_last_message(void **state)
{
    (void)state;
    struct bench b;
    open_reversed(&b, "d c b a");
    expect_walk(&b, false, "a0b0c0d0");
    expect_walk(&b, true, "d0c0b0a0");
    expect_lease(&b, false, 2, 1000, "b a", 0);
    append(&b, "x");
    expect_lease(&b, true, 1, 1000, "d", 0);
    put_back(&b, 3, 1);
    expect_walk(&b, false, "x0a1c0");
    close(&b);
}

static void a_stretch_says_in_which_order_it_is_read(void **state)
{
    (void)state;
    struct bench b;
    struct stretch stretch;
    open_reversed(&b, "d c bb a");
    assert_true(segment_lease(b.segment, false, 2, 1000, &stretch));
    assert_true(stretch.is_reversed);
    assert_int_equal(stretch_frame(&stretch, 0)[9], 'a');
    assert_int_equal(stretch_frame(&stretch, 1)[9], 'b');
    struct slice slice = stretch_slice(&stretch);
    assert_int_equal(slice.offset, 20);
    assert_int_equal(slice.size, 21);
    assert_true(slice.is_reversed);
    assert_true(segment_lease(b.segment, true, 2, 1000, &stretch));
    assert_false(stretch.is_reversed);
    assert_int_equal(stretch_frame(&stretch, 0)[9], 'd');
    close(&b);
}

static void a_lease_of_a_reversed_segment_keeps_to_its_bytes_and_deliveries(void **state)
{
    (void)state;
    struct bench b;
    open_reversed(&b, "d:40 c:30 b:20 a:10");
    expect_lease(&b, false, 9, 35, "b a", 0);
    put_back(&b, 2, 2);
    assert_int_equal(segment_count_alike(b.segment, 0, 4), 2);
    expect_lease(&b, false, 9, 1000, "b a", 1);
    expect_lease(&b, false, 9, 69, "c", 0);
    expect_lease(&b, false, 9, 70, "d", 0);
    close(&b);
}

static void a_segment_is_done_when_nobody_needs_it(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 1000);
    append(&b, "a b");
    assert_false(segment_is_done(b.segment));
    expect_lease(&b, false, 2, 1000, "a b", 0);
    assert_false(segment_is_done(b.segment));
    b.segment->block.holds_count = 1;
    segment_settle(b.segment, 0, 2);
    assert_false(segment_is_done(b.segment));
    b.segment->block.holds_count = 0;
    assert_true(segment_is_done(b.segment));
    close(&b);
}

/* Replaces the segment by its compact copy. */
static void compact(struct bench *bench)
{
    struct segment *old = bench->segment;
    bench->segment = segment_move(old, &bench->arena, 0);
    assert_int_equal(old->ready_count, 0);
    segment_check(old);
    segment_destroy(&bench->arena, old);
    segment_check(bench->segment);
}

/* Sees what has moved, from message `index` on, and what has stayed. */
static void expect_moved(struct bench *bench, uint32_t index, const char *moved, const char *stayed)
{
    struct segment *old = bench->segment;
    bench->segment = segment_move(old, &bench->arena, index);
    segment_check(bench->segment);
    segment_check(old);
    expect_walk(bench, false, moved);
    segment_destroy(&bench->arena, bench->segment);
    bench->segment = old;
    expect_walk(bench, false, stayed);
}

static void what_is_ready_from_a_message_on_moves(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 10000);
    append(&b, "a bb c d e f");
    expect_moved(&b, 4, "e0f0", "a0b0c0d0");
    expect_lease(&b, false, 3, 1000, "a bb c", 0);
    put_back(&b, 0, 2);
    expect_moved(&b, 1, "b1d0", "a1");
    put_back(&b, 2, 1);
    assert_non_null(b.segment->ready_bits);
    expect_moved(&b, 2, "c1", "a1");
    assert_null(b.segment->ready_bits);
    expect_moved(&b, 0, "a1", "");
    close(&b);
}

static void what_moves_out_of_a_reversed_segment_is_what_stands_before(void **state)
{
    (void)state;
    struct bench b;
    open_reversed(&b, "e d c b a");
    expect_moved(&b, 3, "a0b0", "c0d0e0");
    close(&b);
}

static void copies_of_several_segments_stand_in_one(void **state)
{
    (void)state;
    struct bench b, other;
    open(&b, 1000);
    open(&other, 1000);
    append(&b, "a b");
    append(&other, "cc dd:30 e");
    expect_lease(&other, false, 1, 1000, "cc", 0);
    put_back(&other, 0, 1);
    segment_copy(b.segment, other.segment);
    segment_check(b.segment);
    expect_walk(&b, false, "a0b0c1d0e0");
    assert_int_equal(b.segment->frame_size, 0);
    assert_int_equal(segment_size(b.segment, 0, 5), 10 + 10 + 11 + 30 + 10);
    close(&b);
    close(&other);
}

static void compaction_keeps_what_is_ready_and_nothing_else(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 10000);
    append(&b, "a bb ccc dddd e");
    expect_lease(&b, false, 4, 1000, "a bb ccc dddd", 0);
    put_back(&b, 1, 1);
    put_back(&b, 3, 1);
    segment_settle(b.segment, 0, 1);
    segment_settle(b.segment, 2, 1);
    compact(&b);
    assert_int_equal(b.segment->count, 3);
    assert_int_equal(b.segment->block.used, 11 + 13 + 10);
    assert_int_equal(b.segment->block.capacity + segment_head_size(), SEGMENT_SIZE_MIN);
    expect_lease(&b, false, 9, 1000, "bb dddd", 1);
    expect_lease(&b, false, 9, 1000, "e", 0);
    close(&b);
}

static void a_compact_segment_goes_on_like_any_other(void **state)
{
    (void)state;
    struct bench b;
    open(&b, 10000);
    append(&b, "a b c");
    expect_lease(&b, false, 1, 1000, "a", 0);
    put_back(&b, 0, 1);
    expect_lease(&b, true, 1, 1000, "c", 0);
    segment_settle(b.segment, 2, 1);
    compact(&b);
    append(&b, "d");
    assert_int_equal(b.segment->frame_size, 10);
    expect_lease(&b, true, 9, 1000, "b d", 0);
    put_back(&b, 2, 1);
    expect_lease(&b, false, 9, 1000, "a", 1);
    expect_lease(&b, false, 9, 1000, "d", 1);
    close(&b);
}

/* What a segment does, said message by message. */
struct naive {
    enum { READY, LEASED, SETTLED } state[512];
    uint32_t deliveries[512], size[512], offset[512], count;
};

/* How many messages a lease at one end takes, and where it begins. */
static uint32_t naive_lease(struct naive *naive, bool from_back, uint32_t count_max,
                            uint64_t size_max, uint32_t *index)
{
    int step = from_back ? -1 : 1;
    int64_t at = from_back ? (int64_t)naive->count - 1 : 0;
    while (at >= 0 && at < naive->count && naive->state[at] != READY)
        at += step;
    uint32_t count = 0;
    uint64_t size = 0;
    int64_t first = at;
    for (; at >= 0 && at < naive->count && count < count_max; at += step, count++) {
        size += naive->size[at];
        if (naive->state[at] != READY || size > size_max ||
            naive->deliveries[at] != naive->deliveries[first])
            break;
    }
    *index = (uint32_t)(from_back ? first - count + 1 : first);
    for (uint32_t i = 0; i < count; i++)
        naive->state[*index + i] = LEASED;
    return count;
}

static void lease_both(struct bench *bench, struct naive *naive)
{
    bool from_back = random_below(&seed, 2);
    uint32_t count_max = (uint32_t)random_below(&seed, 12), index;
    uint64_t size_max = random_below(&seed, 200);
    struct stretch stretch = {0};
    bool is_any = segment_lease(bench->segment, from_back, count_max, size_max, &stretch);
    uint32_t count =
        naive_lease(naive, from_back != bench->segment->is_reversed, count_max, size_max, &index);
    assert_int_equal(is_any ? stretch.count : 0, count);
    if (!is_any)
        return;
    assert_int_equal(stretch.index, index);
    assert_int_equal(stretch.deliveries, naive->deliveries[index]);
    assert_int_equal(segment_offset(bench->segment, index), naive->offset[index]);
}

/* Returns or settles some leased messages that lie together. */
static void end_leases(struct bench *bench, struct naive *naive)
{
    bool is_return = random_below(&seed, 2);
    uint32_t first = (uint32_t)random_below(&seed, naive->count + 1), end;
    while (first < naive->count && naive->state[first] != LEASED)
        first++;
    for (end = first; end < naive->count && naive->state[end] == LEASED && end - first < 5; end++) {
        naive->state[end] = is_return ? READY : SETTLED;
        naive->deliveries[end] += is_return;
    }
    if (first == end)
        return;
    if (is_return)
        segment_return(bench->segment, first, end - first);
    else
        segment_settle(bench->segment, first, end - first);
}

static void append_both(struct bench *bench, struct naive *naive, bool is_alike)
{
    struct run run = frames_alike(OP_PUSH, "q", 3, 20 + (is_alike ? 0 : random_below(&seed, 9)));
    struct run rest = run;
    uint32_t appended = segment_append(bench->segment, &rest, 0);
    for (uint32_t i = 0; i < appended; i++, naive->count++) {
        naive->state[naive->count] = READY;
        naive->deliveries[naive->count] = 0;
        naive->size[naive->count] = run.frame_size;
        naive->offset[naive->count] =
            naive->count ? naive->offset[naive->count - 1] + naive->size[naive->count - 1] : 0;
    }
    frames_free(&run);
}

static void it_agrees_with_a_list_of_messages(void **state)
{
    (void)state;
    for (int round = 0; round < 40; round++) {
        struct bench b;
        struct naive naive = {.count = 0};
        open(&b, 3900);
        b.segment->is_reversed = round % 4 > 1;
        for (int step = 0; step < 400; step++) {
            if (random_below(&seed, 10) == 0)
                append_both(&b, &naive, round % 2);
            else if (random_below(&seed, 2))
                lease_both(&b, &naive);
            else
                end_leases(&b, &naive);
            segment_check(b.segment);
        }
        close(&b);
    }
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_messages_are_ready_in_order),
        cmocka_unit_test(only_the_frames_that_fit_are_appended),
        cmocka_unit_test(a_frame_one_byte_too_large_is_not_appended),
        cmocka_unit_test(the_smallest_frames_fill_a_segment),
        cmocka_unit_test(frames_of_one_size_need_no_offsets),
        cmocka_unit_test(frames_of_different_sizes_are_found_all_the_same),
        cmocka_unit_test(a_frame_of_another_size_comes_behind_equal_ones),
        cmocka_unit_test(a_lease_takes_the_oldest_or_from_the_back_the_newest),
        cmocka_unit_test(a_lease_keeps_to_its_bytes),
        cmocka_unit_test(a_lease_of_different_sizes_keeps_to_its_bytes),
        cmocka_unit_test(a_returned_message_is_ready_and_counts_its_delivery),
        cmocka_unit_test(a_return_leaves_a_hole_where_others_are_leased),
        cmocka_unit_test(a_hole_ends_a_lease_from_the_back),
        cmocka_unit_test(a_hole_that_closes_is_forgotten),
        cmocka_unit_test(a_hole_that_is_leased_away_is_forgotten),
        cmocka_unit_test(messages_are_appended_behind_a_hole),
        cmocka_unit_test(a_lease_ends_where_deliveries_differ),
        cmocka_unit_test(counting_deliveries_stops_at_its_end),
        cmocka_unit_test(purging_leaves_what_is_leased),
        cmocka_unit_test(the_size_of_what_is_ready_leaves_holes_out),
        cmocka_unit_test(a_walk_meets_each_ready_message_once),
        cmocka_unit_test(the_front_of_a_reversed_segment_is_its_last_message),
        cmocka_unit_test(a_stretch_says_in_which_order_it_is_read),
        cmocka_unit_test(a_lease_of_a_reversed_segment_keeps_to_its_bytes_and_deliveries),
        cmocka_unit_test(a_segment_is_done_when_nobody_needs_it),
        cmocka_unit_test(compaction_keeps_what_is_ready_and_nothing_else),
        cmocka_unit_test(a_compact_segment_goes_on_like_any_other),
        cmocka_unit_test(what_is_ready_from_a_message_on_moves),
        cmocka_unit_test(what_moves_out_of_a_reversed_segment_is_what_stands_before),
        cmocka_unit_test(copies_of_several_segments_stand_in_one),
        cmocka_unit_test(it_agrees_with_a_list_of_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

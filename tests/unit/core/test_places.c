#include "core/places.h"

#include "check.h"
#include "core/bench.h"
#include "core/frames.h"

/* Tells the first letters of what a walk meets, `count_max` messages at a time at most. */
static void tell(struct places *places, uint32_t count_max, char *text)
{
    struct stretch stretch;
    while (places_next(places, count_max, &stretch)) {
        for (uint32_t i = 0; i < stretch.count; i++)
            *text++ = (char)stretch_frame(&stretch, i)[FRAME_HEAD_SIZE + 1];
        *text++ = ' ';
    }
    *text = '\0';
}

static void expect(struct places places, uint32_t count_max, const char *expected)
{
    char text[256];
    tell(&places, count_max, text);
    assert_string_equal(text, expected);
}

static struct places from(struct bench *bench, uint64_t place, bool from_back)
{
    struct places places;
    places_seek(&places, bench->queue, place, from_back);
    return places;
}

static struct places from_end(struct bench *bench, bool from_back)
{
    struct places places;
    places_begin(&places, bench->queue, from_back);
    return places;
}

static void push(struct bench *bench, const char *words, unsigned how)
{
    struct run run = frames_run(OP_PUSH, "q", words), rest = run;
    assert_int_equal(queue_push(bench->queue, &bench->stock, &rest, how), run.count);
    frames_free(&run);
    queue_check(bench->queue);
}

static void an_empty_queue_has_none(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    expect(from_end(&b, false), ALL, "");
    expect(from_end(&b, true), ALL, "");
    bench_close(&b);
}

static void they_are_met_from_either_end_and_in_pieces(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    push(&b, "d e f", 0);
    push(&b, "c b a", PUSH_FRONT);
    expect(from_end(&b, false), ALL, "abc def ");
    expect(from_end(&b, true), ALL, "fed cba ");
    expect(from_end(&b, false), 2, "ab c de f ");
    expect(from_end(&b, true), 1, "f e d c b a ");
    bench_close(&b);
}

static void a_walk_begins_at_any_place(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    push(&b, "d e f", 0);
    push(&b, "c b a", PUSH_FRONT);
    expect(from(&b, 0, false), ALL, "abc def ");
    expect(from(&b, 1, false), ALL, "bc def ");
    expect(from(&b, 3, false), ALL, "def ");
    expect(from(&b, 5, false), ALL, "f ");
    expect(from(&b, 0, true), ALL, "a ");
    expect(from(&b, 2, true), ALL, "cba ");
    expect(from(&b, 4, true), ALL, "ed cba ");
    expect(from(&b, 5, true), ALL, "fed cba ");
    bench_close(&b);
}

/* Leases six and returns every other. */
static void make_holes(struct bench *bench)
{
    struct stretch taken = bench_lease(bench, false, 6);
    for (uint32_t i = 0; i < 6; i++) {
        struct stretch one = taken;
        one.index += i;
        one.count = 1;
        bench_settle(bench, one, i % 2 ? SETTLE_RETURN : SETTLE_ACKNOWLEDGE);
    }
}

static void what_is_not_ready_has_no_place(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    push(&b, "a b c d e f g h", 0);
    make_holes(&b);
    expect(from_end(&b, false), ALL, "b d fgh ");
    expect(from(&b, 1, false), ALL, "d fgh ");
    expect(from(&b, 3, false), ALL, "gh ");
    expect(from(&b, 4, true), ALL, "hgf d b ");
    expect(from(&b, 1, true), ALL, "d b ");
    expect(from(&b, 0, true), ALL, "b ");
    bench_close(&b);
}

static void places_of_a_reversed_segment_leave_holes_out_too(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b);
    push(&b, "h g f e d c b a", PUSH_FRONT);
    make_holes(&b);
    expect(from_end(&b, false), ALL, "a c e gh ");
    expect(from(&b, 2, false), ALL, "e gh ");
    expect(from(&b, 2, true), ALL, "e c a ");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_queue_has_none),
        cmocka_unit_test(they_are_met_from_either_end_and_in_pieces),
        cmocka_unit_test(a_walk_begins_at_any_place),
        cmocka_unit_test(what_is_not_ready_has_no_place),
        cmocka_unit_test(places_of_a_reversed_segment_leave_holes_out_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/time.h"
#include "core/bench.h"
#include "core/places.h"

#include "check.h"
#include "core/frames.h"
#include "seed.h"

#include <stdio.h>

static struct random seed;

#define START (1000 * NS_PER_S)

/* A queue with these words at its back, and these at its front, the last of them first. */
static void open(struct bench *bench, const char *back, const char *front)
{
    bench_open(bench);
    bench->stock.now = START;
    if (*back)
        bench_push(bench, back);
    struct run run = *front ? frames_run(OP_PUSH, "q", front) : (struct run){0}, rest = run;
    if (*front)
        queue_push(bench->queue, &bench->stock, &rest, PUSH_FRONT);
    frames_free(&run);
    queue_check(bench->queue);
}

static void expect(struct bench *bench, const char *expected)
{
    char text[4096] = "";
    size_t used = 0;
    struct places places;
    struct stretch one;
    places_begin(&places, bench->queue, false);
    while (places_next(&places, 1, &one)) {
        frames_tell(bytes_of(stretch_frame(&one, 0), one.size), false, text + used,
                    sizeof text - used);
        used += strlen(text + used);
        text[used++] = ' ';
        text[used] = '\0';
    }
    assert_string_equal(text, expected);
}

static struct stretch at_place(struct bench *bench, uint64_t place)
{
    struct places places;
    struct stretch one;
    places_seek(&places, bench->queue, place, false);
    assert_true(places_next(&places, 1, &one));
    return one;
}

/* Inserts a word before or behind the message at a place. */
static void insert(struct bench *bench, uint64_t place, bool is_before, const char *word)
{
    struct run run = frames_run(OP_PUSH, "q", word);
    struct stretch one = at_place(bench, place);
    queue_insert_beside(bench->queue, &bench->stock, &one, is_before, run.data);
    frames_free(&run);
    queue_check(bench->queue);
}

static void replace(struct bench *bench, uint64_t place, const char *word)
{
    struct run run = frames_run(OP_PUSH, "q", word);
    struct stretch one = at_place(bench, place);
    queue_replace(bench->queue, &bench->stock, &one, run.data);
    frames_free(&run);
    queue_check(bench->queue);
}

static void a_message_is_inserted_before_another_or_behind_it(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "a b c", "");
    insert(&b, 1, true, "x");
    expect(&b, "a x b c ");
    insert(&b, 1, false, "yy");
    expect(&b, "a x yy b c ");
    insert(&b, 0, true, "first");
    insert(&b, 5, false, "last");
    expect(&b, "first a x yy b c last ");
    assert_int_equal(b.queue->counters.accepted, 7);
    bench_close(&b);
}

static void a_message_is_inserted_in_what_grew_at_the_front(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "m", "c b a");
    insert(&b, 1, true, "x");
    insert(&b, 2, false, "y");
    insert(&b, 0, true, "first");
    expect(&b, "first a x b y c m ");
    insert(&b, 5, false, "z");
    expect(&b, "first a x b y c z m ");
    bench_close(&b);
}

static void a_message_takes_the_place_of_another(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "d e f", "c b a");
    for (uint64_t place = 0; place < 6; place++)
        replace(&b, place, place % 2 ? "longer" : "x");
    expect(&b, "x longer x longer x longer ");
    assert_int_equal(b.queue->counters.purged, 6);
    assert_int_equal(b.queue->counters.accepted, 12);
    bench_close(&b);
}

static void the_only_message_is_replaced(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "a", "");
    replace(&b, 0, "b");
    expect(&b, "b ");
    bench_take(&b, false, ALL, "b");
    assert_true(queue_is_unused(b.queue));
    bench_close(&b);
}

static void what_a_slice_refers_to_stays_as_it_is(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "a b c d", "");
    struct stretch all = at_place(&b, 0);
    all.count = 4;
    all.size = 40;
    bench_hold(all);
    replace(&b, 1, "x");
    insert(&b, 2, true, "y");
    expect(&b, "a x y c d ");
    bench_expect(all, "a b c d");
    bench_release(&b, all);
    expect(&b, "a x y c d ");
    bench_close(&b);
}

static void what_is_being_sent_of_segments_that_are_empty_stays(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "a:250", "");
    bench_push(&b, "b:700");
    assert_int_equal(bench_segments(&b), 2);
    struct stretch first = at_place(&b, 0), second = at_place(&b, 1);
    bench_hold(first);
    bench_hold(second);
    bench_take(&b, false, 1, "a");
    replace(&b, 0, "x:5000");
    expect(&b, "x ");
    bench_expect(first, "a");
    bench_expect(second, "b");
    bench_release(&b, first);
    bench_release(&b, second);
    bench_close(&b);
}

static void what_is_leased_comes_back_before_the_place_of_an_edit(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "a b c d", "");
    struct stretch a = bench_lease(&b, false, 1), b_c = bench_lease(&b, false, 2);
    bench_settle(&b, a, SETTLE_RETURN);
    insert(&b, 1, true, "x");
    expect(&b, "a x d ");
    bench_settle(&b, b_c, SETTLE_RETURN);
    expect(&b, "a b c x d ");
    bench_close(&b);
}

static void a_list_that_is_edited_all_the_time_lies_in_few_segments(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "", "");
    bench_push_alike(&b, 2000, 40);
    for (int i = 0; i < 2000; i++) {
        uint64_t place = random_below(&seed, b.queue->ready_count);
        if (i % 2)
            replace(&b, place, "word:50");
        else
            insert(&b, place, i % 4, "word");
    }
    assert_true(bench_segments(&b) < 80);
    assert_true(b.arena.size < 600000);
    bench_close(&b);
}

static void one_place_takes_any_number_of_messages(void **state)
{
    (void)state;
    for (int is_before = 0; is_before < 2; is_before++) {
        struct bench b;
        open(&b, "a b", "");
        for (int i = 0; i < 5000; i++)
            insert(&b, is_before ? b.queue->ready_count - 1 : 0, is_before, "word");
        assert_true(bench_segments(&b) < 40);
        bench_close(&b);
    }
}

static void segments_are_numbered_wherever_they_come_between(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "", "");
    for (int i = 0; i < 60; i++)
        bench_push(&b, "large:9000");
    for (int i = 0; i < 60; i++)
        insert(&b, (uint64_t)(i * 37 % 60), i % 2, "large:9000");
    assert_int_equal(b.queue->ready_count, 120);
    assert_true(bench_segments(&b) > 60);
    bench_close(&b);
}

static void messages_are_as_old_as_they_are_wherever_they_stand(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "a b c", "");
    b.stock.now += 10 * NS_PER_MS;
    insert(&b, 1, true, "x");
    assert_int_equal(bench_segments(&b), 1);
    b.stock.now += 5 * NS_PER_MS;
    bench_push(&b, "d");
    static const uint64_t ages_ms[] = {15, 5, 15, 15, 0};
    for (uint64_t place = 0; place < 5; place++) {
        struct stretch one = at_place(&b, place);
        assert_int_equal(b.stock.now - segment_arrival(one.segment, one.index),
                         ages_ms[place] * NS_PER_MS);
    }
    bench_take(&b, false, 1, "a");
    assert_int_equal(queue_oldest(b.queue), START);
    bench_close(&b);
}

static void the_older_expires_first_wherever_it_stands(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "", "");
    b.queue->settings.ttl_ms = 10;
    bench_push(&b, "a b");
    bench_age(&b, START + 5 * NS_PER_MS);
    insert(&b, 0, true, "x");
    assert_int_equal(queue_age_due(b.queue), START + 10 * NS_PER_MS);
    bench_age(&b, START + 10 * NS_PER_MS);
    expect(&b, "x ");
    bench_age(&b, START + 15 * NS_PER_MS);
    expect(&b, "");
    bench_close(&b);
}

static void another_ttl_finds_the_oldest_wherever_it_stands(void **state)
{
    (void)state;
    struct bench b;
    open(&b, "a", "");
    bench_push_headed(&b, "ttl=1000000", "own");
    b.stock.now += 5 * NS_PER_MS;
    insert(&b, 0, true, "x");
    assert_int_equal(bench_segments(&b), 1);
    struct queue_settings settings = b.queue->settings;
    settings.ttl_ms = 10;
    queue_configure(b.queue, &settings);
    queue_check(b.queue);
    assert_int_equal(queue_age_due(b.queue), START + 10 * NS_PER_MS);
    bench_close(&b);
}

/* Any edits, said message by message: what the ready ones say, how often they were delivered and when
 * they arrived. */
enum { MESSAGES = 3000, LEASES = 6, SLICES = 4, VALUES = 30 };

struct message {
    uint32_t value, deliveries;
    uint64_t arrived;
};

struct crowd {
    struct message ready[MESSAGES];
    uint64_t count;
    struct stretch leases[LEASES];
    struct message leased[LEASES][MESSAGES];
    struct stretch slices[SLICES];
    unsigned char *copies[SLICES];
};

static void splice(struct crowd *crowd, uint64_t place, const struct message *message)
{
    memmove(crowd->ready + place + 1, crowd->ready + place,
            (crowd->count - place) * sizeof *message);
    crowd->ready[place] = *message;
    crowd->count++;
}

static void erase(struct crowd *crowd, uint64_t place)
{
    crowd->count--;
    memmove(crowd->ready + place, crowd->ready + place + 1,
            (crowd->count - place) * sizeof *crowd->ready);
}

/* A frame whose body is a value, and is as long as that says. */
static struct run frame_for(uint32_t value)
{
    struct run run = frames_alike(OP_PUSH, "q", 1, 13 + value * (value % 7 == 0 ? 100 : 2));
    store_u32((unsigned char *)run.data + 9, value);
    return run;
}

static uint32_t value_of(const unsigned char *frame)
{
    return load_u32(frame + 9);
}

static struct message new_message(const struct bench *bench)
{
    return (struct message){(uint32_t)random_below(&seed, VALUES), 0, bench->stock.now};
}

static void push_some(struct bench *bench, struct crowd *crowd)
{
    bool at_front = random_below(&seed, 2);
    const struct message message = new_message(bench);
    for (uint64_t i = random_below(&seed, 20); i > 0 && crowd->count < MESSAGES / 2; i--) {
        struct run run = frame_for(message.value), rest = run;
        assert_int_equal(queue_push(bench->queue, &bench->stock, &rest, at_front ? PUSH_FRONT : 0),
                         1);
        splice(crowd, at_front ? 0 : crowd->count, &message);
        frames_free(&run);
    }
}

static void lease_some(struct bench *bench, struct crowd *crowd, uint64_t at)
{
    bool from_back = random_below(&seed, 2);
    struct stretch *lease = &crowd->leases[at];
    *lease = bench_lease(bench, from_back, 1 + (uint32_t)random_below(&seed, 60));
    for (uint32_t i = 0; i < lease->count; i++) {
        uint64_t place = from_back ? crowd->count - 1 : 0;
        assert_int_equal(value_of(stretch_frame(lease, i)), crowd->ready[place].value);
        crowd->leased[at][i] = crowd->ready[place];
        erase(crowd, place);
    }
}

/* What is returned stands anywhere, since what was ready beside it may have moved; but in one piece, or
 * with others between, in its order. */
static void find_returned(struct bench *bench, struct crowd *crowd, uint64_t at)
{
    struct stretch *lease = &crowd->leases[at];
    struct places places;
    struct stretch one;
    uint64_t place = 0;
    places_begin(&places, bench->queue, false);
    for (; places_next(&places, 1, &one); place++) {
        if (one.segment != lease->segment || one.index < lease->index ||
            one.index >= lease->index + lease->count)
            continue;
        uint32_t i = one.index - lease->index;
        i = lease->is_reversed ? lease->count - 1 - i : i;
        struct message *message = &crowd->leased[at][i];
        message->deliveries++;
        splice(crowd, place, message);
    }
}

static void settle_some(struct bench *bench, struct crowd *crowd, uint64_t at)
{
    bool is_return = random_below(&seed, 2);
    struct stretch *lease = &crowd->leases[at];
    lease->segment->block.holds_count++; /* it is looked at, and not made anew */
    bench_settle(bench, *lease, is_return ? SETTLE_RETURN : SETTLE_ACKNOWLEDGE);
    if (is_return)
        find_returned(bench, crowd, at);
    bench_release(bench, *lease);
    lease->count = 0;
}

/* Begins a slice, or ends it and sees that its bytes have not changed. */
static void slice_some(struct bench *bench, struct crowd *crowd)
{
    uint64_t at = random_below(&seed, SLICES);
    struct stretch *slice = &crowd->slices[at];
    if (slice->count > 0) {
        struct slice bytes = stretch_slice(slice);
        assert_memory_equal(slice_bytes(&bytes).data, crowd->copies[at], slice->size);
        free(crowd->copies[at]);
        bench_release(bench, *slice);
        slice->count = 0;
    } else if (crowd->count > 0) {
        struct places places;
        places_seek(&places, bench->queue, random_below(&seed, crowd->count), false);
        assert_true(places_next(&places, ALL, slice));
        struct slice bytes = stretch_slice(slice);
        crowd->copies[at] = malloc(slice->size);
        bytes_copy(crowd->copies[at], slice_bytes(&bytes));
        bench_hold(*slice);
    }
}

static void edit_one(struct bench *bench, struct crowd *crowd)
{
    uint64_t place = random_below(&seed, crowd->count);
    struct stretch one = at_place(bench, place);
    const struct message message = new_message(bench);
    struct run run = frame_for(message.value);
    bool is_before = random_below(&seed, 2);
    if (random_below(&seed, 2)) {
        queue_replace(bench->queue, &bench->stock, &one, run.data);
        crowd->ready[place] = message;
    } else {
        queue_insert_beside(bench->queue, &bench->stock, &one, is_before, run.data);
        splice(crowd, is_before ? place : place + 1, &message);
    }
    frames_free(&run);
}

static void remove_some(struct bench *bench, struct crowd *crowd)
{
    struct run run = frame_for((uint32_t)random_below(&seed, VALUES));
    uint32_t value = value_of(run.data);
    bool from_back = random_below(&seed, 2);
    uint64_t count_max = 1 + random_below(&seed, 3), removed = 0, count = crowd->count;
    for (uint64_t i = 0; i < count && removed < count_max; i++) {
        uint64_t place = from_back ? count - 1 - i : i - removed;
        if (crowd->ready[place].value != value)
            continue;
        erase(crowd, place);
        removed++;
    }
    assert_int_equal(
        queue_remove(bench->queue, &bench->stock, run_body(&run), from_back, count_max), removed);
    frames_free(&run);
}

static void shorten_some(struct bench *bench, struct crowd *crowd)
{
    bool from_back = random_below(&seed, 2);
    uint64_t count = random_below(&seed, (crowd->count < 40 ? crowd->count : 40) + 1);
    queue_shorten(bench->queue, &bench->stock, from_back, count);
    for (uint64_t i = 0; i < count; i++)
        erase(crowd, from_back ? crowd->count - 1 : 0);
}

/* Sees that the queue is what it should be, looked at from one end. */
static void compare(struct bench *bench, const struct crowd *crowd, bool from_back)
{
    struct places places;
    struct stretch one;
    uint64_t oldest = TIME_NEVER, told_oldest = queue_oldest(bench->queue);
    queue_check(bench->queue);
    assert_int_equal(bench->queue->ready_count, crowd->count);
    places_begin(&places, bench->queue, from_back);
    for (uint64_t i = 0; i < crowd->count; i++) {
        const struct message *message = &crowd->ready[from_back ? crowd->count - 1 - i : i];
        assert_true(places_next(&places, 1, &one));
        assert_int_equal(value_of(stretch_frame(&one, 0)), message->value);
        assert_int_equal(one.deliveries, message->deliveries);
        uint64_t told = segment_arrival(one.segment, one.index);
        assert_true(told <= message->arrived && message->arrived - told <= NS_PER_MS);
        oldest = told < oldest ? told : oldest;
    }
    assert_false(places_next(&places, 1, &one));
    assert_int_equal(told_oldest, oldest);
}

static void do_something(struct bench *bench, struct crowd *crowd)
{
    uint64_t at = random_below(&seed, LEASES);
    switch (random_below(&seed, 16)) {
    case 0:
    case 1: push_some(bench, crowd); break;
    case 2: remove_some(bench, crowd); break;
    case 3: shorten_some(bench, crowd); break;
    case 4:
    case 5: slice_some(bench, crowd); break;
    case 6:
    case 7:
        if (crowd->leases[at].count > 0)
            settle_some(bench, crowd, at);
        else
            lease_some(bench, crowd, at);
        break;
    default:
        if (crowd->count > 0 && crowd->count < MESSAGES / 2)
            edit_one(bench, crowd);
    }
    bench->stock.now += random_below(&seed, random_below(&seed, 4) ? 1000 : 3 * NS_PER_MS);
    if (random_below(&seed, 300) == 0)
        bench->stock.now += 3600 * NS_PER_S;
}

static void any_edits_agree_with_a_list_of_messages(void **state)
{
    (void)state;
    static struct crowd crowd;
    for (int round = 0; round < 20; round++) {
        struct bench b;
        memset(&crowd, 0, sizeof crowd);
        bench_open(&b);
        b.stock.now = START;
        b.queue->settings.ttl_ms = round % 2 ? UINT32_MAX : 0;
        for (int step = 0; step < 1000; step++) {
            do_something(&b, &crowd);
            compare(&b, &crowd, random_below(&seed, 2));
        }
        for (uint64_t at = 0; at < LEASES; at++)
            if (crowd.leases[at].count > 0)
                settle_some(&b, &crowd, at);
        for (int i = 0; i < SLICES; i++)
            if (crowd.slices[i].count > 0) {
                free(crowd.copies[i]);
                bench_release(&b, crowd.slices[i]);
            }
        compare(&b, &crowd, false);
        bench_close(&b);
    }
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_inserted_before_another_or_behind_it),
        cmocka_unit_test(a_message_is_inserted_in_what_grew_at_the_front),
        cmocka_unit_test(a_message_takes_the_place_of_another),
        cmocka_unit_test(the_only_message_is_replaced),
        cmocka_unit_test(what_a_slice_refers_to_stays_as_it_is),
        cmocka_unit_test(what_is_being_sent_of_segments_that_are_empty_stays),
        cmocka_unit_test(what_is_leased_comes_back_before_the_place_of_an_edit),
        cmocka_unit_test(a_list_that_is_edited_all_the_time_lies_in_few_segments),
        cmocka_unit_test(one_place_takes_any_number_of_messages),
        cmocka_unit_test(segments_are_numbered_wherever_they_come_between),
        cmocka_unit_test(messages_are_as_old_as_they_are_wherever_they_stand),
        cmocka_unit_test(the_older_expires_first_wherever_it_stands),
        cmocka_unit_test(another_ttl_finds_the_oldest_wherever_it_stands),
        cmocka_unit_test(any_edits_agree_with_a_list_of_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

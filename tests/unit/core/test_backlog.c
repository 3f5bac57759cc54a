#include "core/backlog.h"

#include "check.h"
#include "core/chunk.h"
#include "core/frames.h"
#include "seed.h"

#include <stdio.h>

static struct random seed;
static const struct hash_key key = {1, 2};

/* One connection's backlog, and what it is made of. */
struct bench {
    struct arena arena;
    struct chunk_store chunks;
    struct backlog_store store;
    struct backlog backlog;
    struct subscription *one, *two;
    uint64_t order; /* of what is published */
};

static void open(struct bench *bench)
{
    const struct topic_settings usual = {0};
    *bench = (struct bench){.one = subscription_create(NULL, 1, &usual),
                            .two = subscription_create(NULL, 2, &usual)};
    arena_init(&bench->arena);
    backlog_store_init(&bench->store, &bench->arena, &key);
    list_init(&bench->backlog.posts);
}

static void bound(struct subscription *subscription, uint32_t count_max, uint64_t size_max)
{
    if (count_max)
        subscription_terms(subscription)->count_max = count_max;
    if (size_max)
        subscription_terms(subscription)->size_max = size_max;
}

/* Drops all that waits; returns what is missed by it. */
static struct missed drop(struct bench *bench, struct subscription *subscription)
{
    struct missed missed = {0};
    while (subscription->line) {
        struct post post = backlog_take_of(&bench->backlog, &bench->store, subscription);
        missed.count += post.missed_count + post.slice.count;
        missed.size += post.missed_size + post.slice.size;
        if (post.slice.block)
            chunk_release(post.slice.block, &bench->arena);
        backlog_check(&bench->backlog);
    }
    return missed;
}

static void close(struct bench *bench)
{
    drop(bench, bench->one);
    drop(bench, bench->two);
    subscription_destroy(bench->one);
    subscription_destroy(bench->two);
    assert_int_equal(bench->backlog.posts_count, 0);
    backlog_store_finish(&bench->store);
    chunk_store_finish(&bench->chunks, &bench->arena);
    arena_finish(&bench->arena);
}

/* Lets messages of topic `name` wait that were published as number `order`; returns how many were
 * dropped. */
static uint64_t add_in_order(struct bench *bench, struct subscription *subscription,
                             const char *name, const char *words, uint64_t order)
{
    struct run run = frames_run(OP_PUBLISH, name, words);
    struct batch batch = {.order = order};
    memcpy(chunk_put(&bench->chunks, &bench->arena, run.size, &batch.slice), run.data, run.size);
    batch.slice.count = run.count;
    uint64_t dropped = backlog_add(&bench->backlog, &bench->store, subscription, &batch);
    chunk_release(batch.slice.block, &bench->arena);
    if (list_is_empty(&bench->store.over))
        backlog_check(&bench->backlog);
    frames_free(&run);
    return dropped;
}

static uint64_t add_named(struct bench *bench, struct subscription *subscription, const char *name,
                          const char *words)
{
    return add_in_order(bench, subscription, name, words, ++bench->order);
}

static uint64_t add(struct bench *bench, struct subscription *subscription, const char *words)
{
    return add_named(bench, subscription, "t", words);
}

/* Takes the first post and sees what it is: "1: a b", or with a gap before it "1: -2, 30: a". */
static void take(struct bench *bench, const char *expected)
{
    char line[1024], words[512] = "";
    struct post post = backlog_take(&bench->backlog, &bench->store);
    struct subscription *of = post.subscription;
    if (post.slice.count > 0)
        frames_tell(slice_bytes(&post.slice), false, words, sizeof words);
    if (post.missed_count > 0)
        snprintf(line, sizeof line, "%u: -%lu, %lu: %s", subscription_id(of), post.missed_count,
                 post.missed_size, words);
    else
        snprintf(line, sizeof line, "%u: %s", subscription_id(of), words);
    if (post.slice.count > 0)
        chunk_release(post.slice.block, &bench->arena);
    backlog_check(&bench->backlog);
    assert_string_equal(line, expected);
}

static void order_holds_over_all_subscriptions(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, b.one, "a b");
    add(&b, b.two, "c");
    add(&b, b.one, "d");
    take(&b, "1: a b");
    take(&b, "2: c");
    take(&b, "1: d");
    assert_int_equal(b.backlog.posts_count, 0);
    assert_int_equal(subscription_waiting(b.one), 0);
    close(&b);
}

static void messages_that_go_on_in_one_chunk_are_one_post(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, b.one, "a b");
    add(&b, b.one, "c");
    assert_int_equal(b.backlog.posts_count, 1);
    assert_int_equal(subscription_waiting(b.one), 3);
    take(&b, "1: a b c");
    close(&b);
}

static void messages_of_two_chunks_are_two_posts(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, b.one, "a");
    add(&b, b.one, "b:200000");
    add(&b, b.one, "c");
    assert_int_equal(b.backlog.posts_count, 3);
    take(&b, "1: a");
    take(&b, "1: b");
    take(&b, "1: c");
    close(&b);
}

/* The second begins in its chunk where the first ends in another. */
static void messages_at_places_that_go_on_in_two_chunks_are_two_posts(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, b.one, "a");
    chunk_store_finish(&b.chunks, &b.arena);
    add(&b, b.two, "x");
    drop(&b, b.two);
    add(&b, b.one, "b");
    assert_int_equal(b.backlog.posts_count, 2);
    take(&b, "1: a");
    take(&b, "1: b");
    close(&b);
}

static void a_post_keeps_its_bytes_until_the_last_hold(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add(&b, b.one, "a");
    add(&b, b.two, "b:200000");
    chunk_store_rest(&b.chunks, &b.arena);
    assert_true(b.arena.size > 200000);
    struct post first = backlog_take(&b.backlog, &b.store);
    drop(&b, b.two);
    assert_true(b.arena.size < 200000);
    assert_memory_equal(slice_bytes(&first.slice).data + FRAME_HEAD_SIZE, "ta", 2);
    chunk_release(first.slice.block, &b.arena);
    close(&b);
}

static void over_the_bound_the_oldest_are_dropped(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 3, 0);
    assert_int_equal(add(&b, b.one, "a b c"), 0);
    assert_int_equal(add(&b, b.one, "d e"), 2);
    take(&b, "1: -2, 20: c d e");
    close(&b);
}

static void the_bound_counts_bytes_too(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 0, 100);
    assert_int_equal(add(&b, b.one, "a:30 b:30 c:40"), 0);
    assert_int_equal(add(&b, b.one, "d:31"), 2);
    assert_int_equal(b.one->line->size, 71);
    take(&b, "1: -2, 60: c d");
    close(&b);
}

static void a_run_longer_than_the_bound_keeps_its_end(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 2, 0);
    add(&b, b.one, "a");
    assert_int_equal(add(&b, b.one, "b c d e"), 3);
    take(&b, "1: -3, 30: d e");
    close(&b);
}

static void a_message_larger_than_the_bound_leaves_the_place_of_its_gap(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 0, 50);
    assert_int_equal(add(&b, b.one, "a:60"), 1);
    add(&b, b.two, "b");
    add(&b, b.one, "c");
    assert_int_equal(b.backlog.posts_count, 3);
    take(&b, "1: -1, 60: ");
    take(&b, "2: b");
    take(&b, "1: c");
    close(&b);
}

static void a_gap_grows_while_it_waits(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 1, 0);
    add(&b, b.one, "a");
    add(&b, b.two, "x");
    add(&b, b.one, "b");
    add(&b, b.two, "y");
    add(&b, b.one, "c:30");
    take(&b, "2: x");
    take(&b, "2: y");
    take(&b, "1: -2, 20: c");
    close(&b);
}

static void the_place_of_a_gap_goes_when_a_later_one_takes_it_over(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 0, 50);
    add(&b, b.one, "a:60");
    add(&b, b.two, "x");
    add(&b, b.one, "b:50");
    add(&b, b.two, "y");
    assert_int_equal(add(&b, b.one, "c:40"), 1);
    take(&b, "2: x");
    take(&b, "2: y");
    take(&b, "1: -2, 110: c");
    close(&b);
}

static void one_subscriptions_bound_is_nothing_to_another(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 1, 0);
    add(&b, b.two, "x y z");
    add(&b, b.one, "a");
    add(&b, b.one, "b");
    take(&b, "2: x y z");
    take(&b, "1: -1, 10: b");
    close(&b);
}

static void dropping_all_counts_it_as_missed(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 2, 0);
    add(&b, b.one, "a b c");
    add(&b, b.two, "x");
    struct missed missed = drop(&b, b.one);
    assert_int_equal(missed.count, 3);
    assert_int_equal(missed.size, 30);
    take(&b, "2: x");
    close(&b);
}

static void dropping_all_takes_the_place_of_a_gap_along(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 0, 50);
    add(&b, b.one, "a:60");
    add(&b, b.one, "b");
    struct missed missed = drop(&b, b.one);
    assert_int_equal(b.backlog.posts_count, 0);
    assert_int_equal(missed.count, 2);
    assert_int_equal(missed.size, 70);
    close(&b);
}

static void where_the_newest_are_dropped_the_gap_stands_behind_what_waits(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 2, 0);
    b.one->overflow = OVERFLOW_DROP_NEWEST;
    assert_int_equal(add(&b, b.one, "a b c"), 1);
    add(&b, b.two, "x");
    assert_int_equal(add(&b, b.one, "d:30"), 1);
    take(&b, "1: a b");
    assert_int_equal(add(&b, b.one, "e"), 0);
    take(&b, "1: -2, 40: ");
    take(&b, "2: x");
    take(&b, "1: e");
    close(&b);
}

static void what_still_fits_waits_behind_what_was_too_large(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 0, 50);
    b.one->overflow = OVERFLOW_DROP_NEWEST;
    assert_int_equal(add(&b, b.one, "a b:60 c d:60 e"), 2);
    take(&b, "1: a");
    take(&b, "1: -1, 60: ");
    take(&b, "1: c");
    take(&b, "1: -1, 60: ");
    take(&b, "1: e");
    close(&b);
}

static void the_last_of_a_name_takes_the_place_of_the_one_before(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    b.one->overflow = OVERFLOW_KEEP_LAST;
    add_named(&b, b.one, "t", "a");
    add_named(&b, b.one, "u", "b");
    add(&b, b.two, "x");
    assert_int_equal(add_named(&b, b.one, "t", "c:30"), 1);
    assert_int_equal(add_named(&b, b.one, "t", "d e"), 2);
    assert_int_equal(subscription_waiting(b.one), 2);
    take(&b, "1: -3, 50: e");
    take(&b, "1: b");
    take(&b, "2: x");
    assert_int_equal(add_named(&b, b.one, "t", "f"), 0);
    take(&b, "1: f");
    close(&b);
}

static void of_too_many_names_the_oldest_message_is_dropped(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 2, 0);
    b.one->overflow = OVERFLOW_KEEP_LAST;
    add_named(&b, b.one, "t", "a");
    add_named(&b, b.one, "u", "b");
    assert_int_equal(add_named(&b, b.one, "v", "c"), 1);
    assert_int_equal(add_named(&b, b.one, "t", "d"), 1);
    take(&b, "1: -2, 20: c");
    take(&b, "1: d");
    close(&b);
}

static void an_older_message_that_comes_late_replaces_none(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    b.one->overflow = OVERFLOW_KEEP_LAST;
    add_in_order(&b, b.one, "t", "new", 7);
    assert_int_equal(add_in_order(&b, b.one, "t", "old:30", 3), 1);
    take(&b, "1: -1, 30: new");
    close(&b);
}

static void a_line_over_its_bound_is_listed_and_keeps_everything(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 2, 0);
    b.one->overflow = OVERFLOW_CLOSE;
    assert_int_equal(add(&b, b.one, "a b"), 0);
    assert_true(list_is_empty(&b.store.over));
    assert_int_equal(add(&b, b.one, "c"), 0);
    assert_ptr_equal(b.store.over.next, &b.one->line->over);
    assert_ptr_equal(line_subscription(b.one->line), b.one);
    assert_int_equal(drop(&b, b.one).count, 3);
    assert_true(list_is_empty(&b.store.over));
    close(&b);
}

/* As when a member has left its group. */
static void older_messages_that_come_late_find_their_place(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    add_in_order(&b, b.one, "t", "b", 2);
    add(&b, b.two, "x");
    add_in_order(&b, b.one, "t", "d", 4);
    add_in_order(&b, b.one, "t", "c", 3);
    add_in_order(&b, b.one, "t", "a", 1);
    take(&b, "1: a");
    take(&b, "1: b");
    take(&b, "2: x");
    take(&b, "1: c");
    take(&b, "1: d");
    close(&b);
}

static void what_comes_late_and_finds_no_room_is_missing_in_its_place(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 2, 0);
    b.one->overflow = OVERFLOW_DROP_NEWEST;
    add_in_order(&b, b.one, "t", "a", 1);
    add_in_order(&b, b.two, "t", "x", 2);
    add_in_order(&b, b.one, "t", "c", 4);
    assert_int_equal(add_in_order(&b, b.one, "t", "b:30", 3), 1);
    take(&b, "1: a");
    take(&b, "2: x");
    take(&b, "1: -1, 30: c");
    close(&b);
}

/* Lets messages wait that were published as numbers `first`, `first` + 2 and so on. */
static void add_every_other(struct bench *bench, uint64_t first, uint64_t count)
{
    struct run run = frames_run(OP_PUBLISH, "t", "a");
    for (uint64_t order = first; order < first + 2 * count; order += 2) {
        struct batch batch = {.order = order};
        /* Something between them, lest they join. */
        memcpy(chunk_put(&bench->chunks, &bench->arena, run.size + 1, &batch.slice), run.data,
               run.size);
        batch.slice.size = run.size;
        batch.slice.count = 1;
        assert_int_equal(backlog_add(&bench->backlog, &bench->store, bench->one, &batch), 0);
        chunk_release(batch.slice.block, &bench->arena);
    }
    frames_free(&run);
}

/* If each were looked for among all that are newer, this would take longer than a test may. */
static void many_that_come_late_each_find_their_place_at_once(void **state)
{
    enum { MANY = 200000 };
    (void)state;
    struct bench b;
    open(&b);
    bound(b.one, 2 * MANY, 0);
    add_every_other(&b, 2, MANY);
    add_every_other(&b, 1, MANY);
    for (uint64_t order = 1; order <= 2 * MANY; order++) {
        struct post post = backlog_take(&b.backlog, &b.store);
        assert_int_equal(post.order, order);
        chunk_release(post.slice.block, &b.arena);
    }
    close(&b);
}

/* What waits, message by message. */
struct naive {
    struct {
        uint32_t of, number, size;
    } messages[10000];
    uint32_t count;
    uint64_t missed[3];
};

static void naive_bound(struct naive *naive, const struct subscription *of)
{
    uint32_t id = subscription_id(of);
    for (;;) {
        uint64_t count = 0, size = 0;
        uint32_t oldest = UINT32_MAX;
        for (uint32_t i = naive->count; i-- > 0;)
            if (naive->messages[i].of == id) {
                count++;
                size += naive->messages[i].size;
                oldest = i;
            }
        if (count <= subscription_count_max(of) && size <= subscription_size_max(of))
            return;
        memmove(&naive->messages[oldest], &naive->messages[oldest + 1],
                (--naive->count - oldest) * sizeof naive->messages[0]);
        naive->missed[id]++;
    }
}

static void add_both(struct bench *bench, struct naive *naive, uint32_t *number)
{
    struct subscription *of = random_below(&seed, 2) ? bench->one : bench->two;
    char words[200];
    size_t used = 0;
    for (uint64_t some = 1 + random_below(&seed, 5); some > 0; some--, ++*number) {
        uint32_t size = 20 + (uint32_t)random_below(&seed, 30);
        used += (size_t)snprintf(words + used, sizeof words - used, "%u:%u ", *number, size);
        naive->messages[naive->count].of = subscription_id(of);
        naive->messages[naive->count].number = *number;
        naive->messages[naive->count++].size = size;
    }
    uint64_t before = naive->missed[subscription_id(of)];
    naive_bound(naive, of);
    assert_int_equal(add(bench, of, words), naive->missed[subscription_id(of)] - before);
}

/* Takes a post, whose messages are the naive one's next; before them what was missed of it. */
static void take_both(struct bench *bench, struct naive *naive)
{
    struct post post = backlog_take(&bench->backlog, &bench->store);
    uint32_t id = subscription_id(post.subscription), at = 0;
    assert_int_equal(post.missed_count, naive->missed[id]);
    naive->missed[id] = 0;
    for (; at < post.slice.count; at++) {
        assert_int_equal(naive->messages[at].of, id);
        const unsigned char *frame = slice_bytes(&post.slice).data;
        assert_int_equal(strtoul((const char *)frame + FRAME_HEAD_SIZE + 1, NULL, 10),
                         naive->messages[at].number);
        post.slice.offset += frame_size(frame);
    }
    if (at > 0)
        chunk_release(post.slice.block, &bench->arena);
    naive->count -= at;
    memmove(naive->messages, naive->messages + at, naive->count * sizeof naive->messages[0]);
}

static void it_agrees_with_a_list_of_messages(void **state)
{
    (void)state;
    static struct naive naive;
    struct bench b;
    uint32_t number = 0;
    open(&b);
    bound(b.one, 12, 0);
    bound(b.two, 0, 300);
    for (int step = 0; step < 3000; step++) {
        if (random_below(&seed, 3) < 2 && naive.count < 1000)
            add_both(&b, &naive, &number);
        else if (b.backlog.posts_count > 0)
            take_both(&b, &naive);
        chunk_store_rest(&b.chunks, &b.arena);
    }
    while (b.backlog.posts_count > 0)
        take_both(&b, &naive);
    assert_int_equal(naive.count, 0);
    close(&b);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_holds_over_all_subscriptions),
        cmocka_unit_test(messages_that_go_on_in_one_chunk_are_one_post),
        cmocka_unit_test(messages_of_two_chunks_are_two_posts),
        cmocka_unit_test(messages_at_places_that_go_on_in_two_chunks_are_two_posts),
        cmocka_unit_test(a_post_keeps_its_bytes_until_the_last_hold),
        cmocka_unit_test(over_the_bound_the_oldest_are_dropped),
        cmocka_unit_test(the_bound_counts_bytes_too),
        cmocka_unit_test(a_run_longer_than_the_bound_keeps_its_end),
        cmocka_unit_test(a_message_larger_than_the_bound_leaves_the_place_of_its_gap),
        cmocka_unit_test(a_gap_grows_while_it_waits),
        cmocka_unit_test(the_place_of_a_gap_goes_when_a_later_one_takes_it_over),
        cmocka_unit_test(one_subscriptions_bound_is_nothing_to_another),
        cmocka_unit_test(dropping_all_counts_it_as_missed),
        cmocka_unit_test(dropping_all_takes_the_place_of_a_gap_along),
        cmocka_unit_test(where_the_newest_are_dropped_the_gap_stands_behind_what_waits),
        cmocka_unit_test(what_still_fits_waits_behind_what_was_too_large),
        cmocka_unit_test(the_last_of_a_name_takes_the_place_of_the_one_before),
        cmocka_unit_test(of_too_many_names_the_oldest_message_is_dropped),
        cmocka_unit_test(an_older_message_that_comes_late_replaces_none),
        cmocka_unit_test(a_line_over_its_bound_is_listed_and_keeps_everything),
        cmocka_unit_test(older_messages_that_come_late_find_their_place),
        cmocka_unit_test(what_comes_late_and_finds_no_room_is_missing_in_its_place),
        cmocka_unit_test(many_that_come_late_each_find_their_place_at_once),
        cmocka_unit_test(it_agrees_with_a_list_of_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

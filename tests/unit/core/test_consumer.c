#include "core/consumer.h"

#include "check.h"
#include "core/frames.h"
#include "seed.h"

enum { ALL = UINT32_MAX };

static struct random seed;

/* A queue, and a consumer of it with all the credit there is. */
struct bench {
    struct arena arena;
    struct stock stock;
    struct queue *queue;
    struct consumer *consumer;
};

static struct consumer *consume(struct bench *bench, uint32_t count, uint64_t size)
{
    struct consumer *consumer = consumer_create(bench->queue, NULL, 1);
    assert_true(consumer_credit(consumer, count, size));
    return consumer;
}

static void open(struct bench *bench)
{
    arena_init(&bench->arena);
    bench->stock = (struct stock){.arena = &bench->arena};
    list_init(&bench->stock.letters);
    bench->queue = queue_create(bytes_text("q"), 7);
    bench->queue->settings.dead_letter = bytes_text(""); /* nowhere */
    bench->queue->settings.delivery_limit = 0;
    bench->consumer = consume(bench, UINT32_MAX, CREDIT_SIZE_MAX);
}

static void close(struct bench *bench)
{
    if (bench->consumer)
        consumer_destroy(bench->consumer, &bench->stock);
    queue_check(bench->queue);
    queue_destroy(bench->queue, &bench->stock);
    arena_finish(&bench->arena);
}

static void push(struct bench *bench, const char *words)
{
    struct run run = frames_run(OP_PUSH, "q", words), rest = run;
    assert_int_equal(queue_push(bench->queue, &bench->stock, &rest, 0), run.count);
    frames_free(&run);
}

static void check(struct consumer *consumer)
{
    consumer_check(consumer);
    queue_check(consumer->queue);
}

/* The words of a stretch in the order of their tags. Its slice is sent at once. */
static void tell_and_release(struct bench *bench, const struct consumer *consumer,
                             const struct stretch *stretch, char *words, size_t size)
{
    struct block *block = &stretch->segment->block;
    uint32_t offset = segment_offset(stretch->segment, stretch->index);
    frames_tell(bytes_of(block->data + offset, stretch->size), consumer->from_back, words, size);
    assert_true(block->holds_count > 0);
    block->holds_count--;
    queue_release(stretch->segment, &bench->stock);
}

/* Has the consumer take at most `count_max` messages and sees that it is these words, from tag
 * `first` on. */
static void take(struct bench *bench, struct consumer *consumer, uint32_t count_max, uint64_t first,
                 const char *expected)
{
    char words[4096];
    struct stretch stretch;
    uint64_t tag;
    assert_true(consumer_take(consumer, &bench->stock, count_max, UINT64_MAX, &stretch, &tag));
    check(consumer);
    assert_int_equal(tag, first);
    tell_and_release(bench, consumer, &stretch, words, sizeof words);
    assert_string_equal(words, expected);
}

static void take_nothing(struct bench *bench, struct consumer *consumer)
{
    struct stretch stretch;
    uint64_t tag;
    assert_false(consumer_take(consumer, &bench->stock, ALL, UINT64_MAX, &stretch, &tag));
    check(consumer);
}

static uint64_t settle(struct bench *bench, uint64_t tag, uint32_t count, enum settle how)
{
    uint64_t settled = consumer_settle(bench->consumer, &bench->stock, tag, count,
                                       &(struct settlement){.how = how});
    check(bench->consumer);
    return settled;
}

/* Takes everything that is ready and sees that it is these words; a stretch may end between any. */
static void take_all(struct bench *bench, const char *expected)
{
    char words[4096];
    size_t used = 0;
    struct stretch stretch;
    uint64_t tag;
    words[0] = '\0';
    while (bench->queue->ready_count > 0 &&
           consumer_take(bench->consumer, &bench->stock, ALL, UINT64_MAX, &stretch, &tag)) {
        if (used > 0)
            words[used++] = ' ';
        tell_and_release(bench, bench->consumer, &stretch, words + used, sizeof words - used);
        used += strlen(words + used);
    }
    check(bench->consumer);
    assert_string_equal(words, expected);
}

static void credit_adds_up_to_its_bound(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct consumer *c = consume(&b, UINT32_MAX - 1, CREDIT_SIZE_MAX - 1);
    assert_true(consumer_credit(c, 1, 1));
    assert_false(consumer_credit(c, 1, 0));
    assert_false(consumer_credit(c, 0, 1));
    assert_int_equal(c->credit_count, UINT32_MAX);
    assert_true(c->credit_size == CREDIT_SIZE_MAX);
    consumer_destroy(c, &b.stock);
    close(&b);
}

static void credit_that_is_refused_changes_nothing(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct consumer *c = consume(&b, 5, 500);
    assert_false(consumer_credit(c, UINT32_MAX, 1));
    assert_false(consumer_credit(c, 1, CREDIT_SIZE_MAX));
    assert_false(consumer_credit(c, 1, UINT64_MAX));
    assert_int_equal(c->credit_count, 5);
    assert_int_equal(c->credit_size, 500);
    consumer_destroy(c, &b.stock);
    close(&b);
}

static void without_credit_for_messages_there_is_none(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct consumer *c = consume(&b, 0, 500);
    assert_false(consumer_has_credit(c));
    consumer_credit(c, 1, 0);
    assert_true(consumer_has_credit(c));
    consumer_destroy(c, &b.stock);
    close(&b);
}

static void without_credit_for_bytes_there_is_some_while_nothing_is_leased(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct consumer *c = consume(&b, 10, 0);
    push(&b, "a b");
    assert_true(consumer_has_credit(c));
    take(&b, c, ALL, 1, "a");
    assert_false(consumer_has_credit(c));
    assert_int_equal(
        consumer_settle(c, &b.stock, 1, 1, &(struct settlement){.how = SETTLE_ACKNOWLEDGE}), 1);
    assert_true(consumer_has_credit(c));
    consumer_destroy(c, &b.stock);
    close(&b);
}

static void taking_lowers_the_credit_and_counts_the_tags(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct consumer *c = consume(&b, 5, 1000);
    push(&b, "a bb c d e f");
    take(&b, c, 2, 1, "a bb");
    assert_int_equal(c->credit_count, 3);
    assert_int_equal(c->credit_size, 1000 - 21);
    take(&b, c, ALL, 3, "c d e");
    assert_int_equal(c->credit_count, 0);
    assert_int_equal(c->leased_count, 5);
    consumer_destroy(c, &b.stock);
    close(&b);
}

static void a_stretch_keeps_to_the_byte_credit(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct consumer *c = consume(&b, 10, 250);
    push(&b, "a:100 b:100 c:100");
    take(&b, c, ALL, 1, "a b");
    assert_int_equal(c->credit_size, 50);
    take_nothing(&b, c);
    consumer_credit(c, 0, 50);
    take(&b, c, ALL, 3, "c");
    assert_int_equal(c->credit_size, 0);
    consumer_destroy(c, &b.stock);
    close(&b);
}

static void a_message_over_the_byte_credit_goes_out_alone_when_nothing_is_leased(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct consumer *c = consume(&b, 10, 50);
    push(&b, "a:30 b:100 c:100");
    take(&b, c, ALL, 1, "a");
    take_nothing(&b, c);
    assert_int_equal(
        consumer_settle(c, &b.stock, 1, 1, &(struct settlement){.how = SETTLE_ACKNOWLEDGE}), 1);
    take(&b, c, ALL, 2, "b");
    assert_int_equal(c->credit_size, 0);
    consumer_destroy(c, &b.stock);
    close(&b);
}

static void without_acks_a_message_is_done_when_it_is_taken(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    b.consumer->no_ack = true;
    push(&b, "a b c");
    take(&b, b.consumer, 2, 1, "a b");
    assert_int_equal(b.queue->counters.settled[SETTLE_ACKNOWLEDGE], 2);
    assert_int_equal(b.consumer->leased_count, 0);
    assert_int_equal(settle(&b, 1, 2, SETTLE_RETURN), 0);
    take(&b, b.consumer, 2, 3, "c");
    assert_int_equal(b.arena.size, 0);
    close(&b);
}

static void tags_are_settled_in_any_parts_and_each_once(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b c d e f g h");
    take(&b, b.consumer, ALL, 1, "a b c d e f g h");
    assert_int_equal(settle(&b, 4, 2, SETTLE_ACKNOWLEDGE), 2); /* d e */
    assert_int_equal(settle(&b, 4, 2, SETTLE_ACKNOWLEDGE), 0);
    assert_int_equal(settle(&b, 3, 4, SETTLE_ACKNOWLEDGE), 2); /* c f */
    assert_int_equal(settle(&b, 1, 1, SETTLE_ACKNOWLEDGE), 1); /* a */
    assert_int_equal(settle(&b, 1, 2, SETTLE_ACKNOWLEDGE), 1); /* b */
    assert_int_equal(settle(&b, 8, 100, SETTLE_ACKNOWLEDGE), 1);
    assert_int_equal(settle(&b, 1, 100, SETTLE_ACKNOWLEDGE), 1);
    assert_int_equal(b.queue->counters.settled[SETTLE_ACKNOWLEDGE], 8);
    assert_int_equal(b.consumer->leases_count, 0);
    close(&b);
}

static void tags_that_were_never_given_out_are_not_settled(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    assert_int_equal(settle(&b, 1, 5, SETTLE_ACKNOWLEDGE), 0);
    push(&b, "a b");
    take(&b, b.consumer, ALL, 1, "a b");
    assert_int_equal(settle(&b, 3, 5, SETTLE_ACKNOWLEDGE), 0);
    assert_int_equal(settle(&b, 2, UINT32_MAX, SETTLE_ACKNOWLEDGE), 1);
    assert_int_equal(settle(&b, UINT64_MAX, 1, SETTLE_ACKNOWLEDGE), 0);
    assert_int_equal(settle(&b, UINT64_MAX - 3, UINT32_MAX, SETTLE_ACKNOWLEDGE), 0);
    close(&b);
}

static void a_range_reaches_over_many_deliveries(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a:400");
    push(&b, "b:900 c");
    push(&b, "d:3000");
    take_all(&b, "a b c d");
    assert_int_equal(b.consumer->leases_count, 3);
    assert_int_equal(settle(&b, 2, 2, SETTLE_ACKNOWLEDGE), 2);
    assert_int_equal(settle(&b, 1, 4, SETTLE_RETURN), 2);
    assert_int_equal(b.consumer->leases_count, 0);
    take_all(&b, "a d");
    close(&b);
}

static void deliveries_that_go_on_are_one_lease(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b c d e f");
    take(&b, b.consumer, 2, 1, "a b");
    take(&b, b.consumer, 2, 3, "c d");
    assert_int_equal(b.consumer->leases_count, 1);
    assert_int_equal(settle(&b, 1, 1, SETTLE_ACKNOWLEDGE), 1);
    take(&b, b.consumer, 1, 5, "e");
    assert_int_equal(b.consumer->leases_count, 1);
    assert_int_equal(settle(&b, 3, 1, SETTLE_ACKNOWLEDGE), 1);
    take(&b, b.consumer, 1, 6, "f");
    assert_int_equal(b.consumer->leases_count, 2);
    assert_int_equal(settle(&b, 1, 6, SETTLE_RETURN), 4);
    take_all(&b, "b d e f");
    close(&b);
}

static void what_lies_apart_is_no_one_lease(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b c d");
    take(&b, b.consumer, 1, 1, "a");
    b.consumer->from_back = true;
    take(&b, b.consumer, 1, 2, "d");
    b.consumer->from_back = false;
    take(&b, b.consumer, 1, 3, "b");
    assert_int_equal(b.consumer->leases_count, 3);
    settle(&b, 1, 3, SETTLE_RETURN);
    take_all(&b, "a b c d");
    close(&b);
}

static void returned_messages_are_in_order_again_with_holes_between(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b c d e f g h");
    take(&b, b.consumer, 6, 1, "a b c d e f");
    settle(&b, 5, 1, SETTLE_RETURN);
    settle(&b, 2, 1, SETTLE_RETURN);
    settle(&b, 3, 1, SETTLE_ACKNOWLEDGE);
    take_all(&b, "b e g h");
    settle(&b, 1, 100, SETTLE_RETURN);
    take_all(&b, "a b d e f g h");
    close(&b);
}

static void from_the_back_the_first_tag_is_the_last_message(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    b.consumer->from_back = true;
    push(&b, "a b c d e");
    take(&b, b.consumer, 4, 1, "e d c b");
    assert_int_equal(settle(&b, 1, 1, SETTLE_ACKNOWLEDGE), 1); /* e */
    assert_int_equal(settle(&b, 3, 1, SETTLE_ACKNOWLEDGE), 1); /* c */
    assert_int_equal(settle(&b, 1, 4, SETTLE_RETURN), 2);
    take_all(&b, "d b a");
    close(&b);
}

static void from_the_back_a_lease_is_settled_from_its_front_on(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    b.consumer->from_back = true;
    push(&b, "a b c d e");
    take(&b, b.consumer, ALL, 1, "e d c b a");
    assert_int_equal(settle(&b, 1, 2, SETTLE_ACKNOWLEDGE), 2);
    assert_int_equal(settle(&b, 3, 1, SETTLE_RETURN), 1);
    assert_int_equal(settle(&b, 4, 1, SETTLE_RETURN), 1);
    take_all(&b, "c b");
    settle(&b, 1, 100, SETTLE_RETURN);
    take_all(&b, "c b a");
    close(&b);
}

static void ending_a_consumer_returns_what_it_has_leased(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "a b c d e");
    take(&b, b.consumer, 4, 1, "a b c d");
    settle(&b, 2, 1, SETTLE_ACKNOWLEDGE);
    consumer_destroy(b.consumer, &b.stock);
    assert_int_equal(b.queue->ready_count, 4);
    assert_int_equal(b.queue->counters.settled[SETTLE_RETURN], 3);
    b.consumer = consume(&b, UINT32_MAX, CREDIT_SIZE_MAX);
    take_all(&b, "a c d e");
    close(&b);
}

/* Small leases in great number, settled out of order, so that their ring grows while turned. */
static void many_leases_are_found_by_their_tags(void **state)
{
    (void)state;
    enum { ROUNDS = 60 };
    struct bench b;
    open(&b);
    b.consumer->from_back = true;
    uint64_t next = 1, oldest = 1;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        for (uint32_t j = 0; j <= i % 7; j++, next++) {
            push(&b, "a");
            take(&b, b.consumer, 1, next, "a");
        }
        for (; oldest + 5 < next; oldest += 2) {
            assert_int_equal(settle(&b, oldest + 1, 1, SETTLE_ACKNOWLEDGE), 1);
            assert_int_equal(settle(&b, oldest, 1, SETTLE_ACKNOWLEDGE), 1);
        }
    }
    assert_true(b.consumer->leases_capacity >= 8);
    assert_int_equal(settle(&b, 1, ALL, SETTLE_ACKNOWLEDGE), next - oldest);
    close(&b);
}

/* The least laden of those who are willing; of the equally laden the one not served for longest. */
static const struct consumer *least(struct consumer *const *all, const bool *is_willing, int count)
{
    const struct consumer *best = NULL;
    for (int i = 0; i < count; i++) {
        const struct consumer *c = all[i];
        if (is_willing[i] && (!best || c->leased_count < best->leased_count ||
                              (c->leased_count == best->leased_count && c->served < best->served)))
            best = c;
    }
    return best;
}

static void leases_behind_one_that_lives_on_are_forgotten(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    push(&b, "long");
    take(&b, b.consumer, 1, 1, "long");
    for (uint64_t tag = 2; tag < 1000; tag++) {
        push(&b, "a b:40");
        take(&b, b.consumer, 1, tag, "a");
        assert_int_equal(queue_purge(b.queue, &b.stock),
                         1); /* so that no two leases lie together */
        assert_int_equal(settle(&b, tag, 1, SETTLE_ACKNOWLEDGE), 1);
    }
    assert_true(b.consumer->leases_capacity <= 8);
    assert_int_equal(settle(&b, 1, 1, SETTLE_ACKNOWLEDGE), 1);
    close(&b);
}

static void without_acks_byte_credit_ends_deliveries_all_the_same(void **state)
{
    (void)state;
    struct bench b;
    open(&b);
    struct consumer *c = consume(&b, 10, 50);
    c->no_ack = true;
    push(&b, "a:30 b:100 c:100");
    take(&b, c, ALL, 1, "a");
    take(&b, c, ALL, 2, "b");
    assert_int_equal(c->credit_size, 0);
    assert_false(consumer_has_credit(c));
    consumer_destroy(c, &b.stock);
    close(&b);
}

static void the_least_laden_who_is_willing_comes_first(void **state)
{
    (void)state;
    enum { COUNT = 20, STEPS = 3000 };
    struct bench b;
    struct consumer *all[COUNT];
    bool is_willing[COUNT] = {0};
    uint64_t served = 0;
    open(&b);
    for (int i = 0; i < COUNT; i++)
        (all[i] = consume(&b, 1, 1))->served = served++;
    for (int step = 0; step < STEPS; step++) {
        int i = (int)random_below(&seed, COUNT);
        all[i]->leased_count = random_below(&seed, 5);
        if (random_below(&seed, 2))
            all[i]->served = served++;
        is_willing[i] = random_below(&seed, 4) > 0;
        consumer_rank(all[i], is_willing[i]);
        assert_ptr_equal(b.queue->willing_count ? b.queue->willing[0] : NULL,
                         least(all, is_willing, COUNT));
    }
    for (int i = 0; i < COUNT; i++) {
        all[i]->leased_count = 0;
        consumer_destroy(all[i], &b.stock);
    }
    assert_int_equal(b.queue->willing_count, 0);
    close(&b);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credit_adds_up_to_its_bound),
        cmocka_unit_test(credit_that_is_refused_changes_nothing),
        cmocka_unit_test(without_credit_for_messages_there_is_none),
        cmocka_unit_test(without_credit_for_bytes_there_is_some_while_nothing_is_leased),
        cmocka_unit_test(taking_lowers_the_credit_and_counts_the_tags),
        cmocka_unit_test(a_stretch_keeps_to_the_byte_credit),
        cmocka_unit_test(a_message_over_the_byte_credit_goes_out_alone_when_nothing_is_leased),
        cmocka_unit_test(without_acks_a_message_is_done_when_it_is_taken),
        cmocka_unit_test(tags_are_settled_in_any_parts_and_each_once),
        cmocka_unit_test(tags_that_were_never_given_out_are_not_settled),
        cmocka_unit_test(a_range_reaches_over_many_deliveries),
        cmocka_unit_test(deliveries_that_go_on_are_one_lease),
        cmocka_unit_test(what_lies_apart_is_no_one_lease),
        cmocka_unit_test(returned_messages_are_in_order_again_with_holes_between),
        cmocka_unit_test(from_the_back_the_first_tag_is_the_last_message),
        cmocka_unit_test(from_the_back_a_lease_is_settled_from_its_front_on),
        cmocka_unit_test(ending_a_consumer_returns_what_it_has_leased),
        cmocka_unit_test(many_leases_are_found_by_their_tags),
        cmocka_unit_test(leases_behind_one_that_lives_on_are_forgotten),
        cmocka_unit_test(without_acks_byte_credit_ends_deliveries_all_the_same),
        cmocka_unit_test(the_least_laden_who_is_willing_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

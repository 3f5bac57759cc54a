#include "fake.h"

#include "frame/field.h"

#include <errno.h>

static int setup(void **state)
{
    struct fake *fake = fake_create();
    fake_open(fake, NULL);
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    fake_destroy(*state);
    return 0;
}

static void subscribe_says_what_is_asked_for(void **state)
{
    struct fake *fake = *state;
    struct ringpost_subscribe_options options = {
        .size = sizeof options, .wildcard = 1, .max_messages = 5, .max_bytes = 600};
    uint32_t id;
    fake_put_reply(fake, 1, false, bytes_of(NULL, 0));
    assert_int_equal(ringpost_subscribe(fake->handle, ringpost_text("a.*"), &options, &id, WAIT_MS),
                     0);
    struct taken taken = fake_take(fake, OP_SUBSCRIBE);
    assert_int_equal(taken.head.flags, SUBSCRIBE_WILDCARD);
    assert_bytes(bytes_to(taken.name), "a.*");
    assert_int_equal(load_u32(taken.body.data), id);
    assert_int_equal(load_u32(taken.body.data + 4), 5);
    assert_int_equal(load_u64(taken.body.data + 8), 600);
}

/* The broker's refusals may overtake its other answers. */
static void a_refusal_ends_the_subscription_that_it_names(void **state)
{
    struct fake *fake = *state;
    uint32_t ids[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(ringpost_subscribe(fake->handle, ringpost_text("t"), NULL, &ids[i], 0), 0);
    fake_put_error(fake, 2, 1, RINGPOST_STATUS_TOO_MANY_SUBSCRIPTIONS, "too many");
    fake_put_reply(fake, 1, false, bytes_of(NULL, 0));
    fake_put_reply(fake, 3, false, bytes_of(NULL, 0));
    assert_int_equal(fake_next(fake, RINGPOST_ENDED).id, ids[1]);
    for (int i = 0; i < 3; i += 2) {
        fake_put_context(fake, ids[i], 0, 1);
        fake_put_publish(fake, "t", "a");
        assert_int_equal(fake_next(fake, RINGPOST_TOPIC).id, ids[i]);
    }
    assert_null(source_first(&fake->handle->sources, SOURCE_STARTING));
}

/* A walk over all that there are for each new one would not end within the time of a test. */
static void many_subscriptions_start_as_soon_as_few(void **state)
{
    enum { COUNT = 150000 };
    struct fake *fake = *state;
    uint32_t id;
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(ringpost_subscribe(fake->handle, ringpost_text("t"), NULL, &id, 0), 0);
    assert_int_equal(fake_number(fake), COUNT + 1);
}

static void subscribe_can_say_more(void **state)
{
    struct fake *fake = *state;
    static char group[256];
    struct ringpost_subscribe_options options = {
        .size = sizeof options,
        .overflow = RINGPOST_OVERFLOW_KEEP_LAST,
        .group = ringpost_text("workers"),
        .no_retained = 1,
    };
    unsigned char fields[128];
    size_t size = field_put_bytes(fields, "group", bytes_text("workers"));
    size += field_put_bytes(fields + size, "overflow", bytes_text("keep-last"));
    size += field_put_number(fields + size, "retained", 0);
    uint32_t id;
    assert_int_equal(ringpost_subscribe(fake->handle, ringpost_text("t"), &options, &id, 0), 0);
    struct taken taken = fake_take(fake, OP_SUBSCRIBE);
    assert_int_equal(taken.body.size, 16 + size);
    assert_memory_equal(taken.body.data + 16, fields, size);
    options.overflow = 5;
    assert_int_equal(ringpost_subscribe(fake->handle, ringpost_text("t"), &options, &id, 0),
                     -EINVAL);
    options.overflow = 0;
    options.group = ringpost_bytes(group, sizeof group);
    assert_int_equal(ringpost_subscribe(fake->handle, ringpost_text("t"), &options, &id, 0),
                     -EINVAL);
}

static void the_default_bound_is_the_brokers(void **state)
{
    struct fake *fake = *state;
    uint32_t id;
    assert_int_equal(ringpost_subscribe(fake->handle, ringpost_text("t"), NULL, &id, 0), 0);
    struct taken taken = fake_take(fake, OP_SUBSCRIBE);
    assert_int_equal(taken.head.flags, 0);
    assert_int_equal(load_u32(taken.body.data + 4), 0);
    assert_int_equal(load_u64(taken.body.data + 8), 0);
    assert_int_equal(ringpost_subscribe(fake->handle, ringpost_text(""), NULL, &id, 0), -EINVAL);
    struct ringpost_subscribe_options options = {.size = 4};
    assert_int_equal(ringpost_subscribe(fake->handle, ringpost_text("t"), &options, &id, 0),
                     -EINVAL);
}

static void messages_and_gaps_come_in_their_order(void **state)
{
    struct fake *fake = *state;
    uint32_t id = fake_subscribe(fake, "t", false);
    fake_put_context(fake, id, 0, 0);
    fake_put_publish(fake, "t", "a");
    fake_put_gap(fake, id, 2, 7, 700);
    fake_put_publish(fake, "t", "b");
    struct ringpost_event event = fake_next(fake, RINGPOST_TOPIC);
    assert_int_equal(event.id, id);
    assert_int_equal(event.count, 1);
    assert_int_equal(event.bytes, 10);
    assert_int_equal(event.tags.count, 0);
    assert_bytes(event.name, "t");
    assert_bytes(event.body, "a");
    event = fake_next(fake, RINGPOST_GAP);
    assert_int_equal(event.id, id);
    assert_int_equal(event.first, 2);
    assert_int_equal(event.count, 7);
    assert_int_equal(event.bytes, 700);
    assert_bytes(fake_next(fake, RINGPOST_TOPIC).body, "b");
    fake_next_none(fake);
}

static void a_gap_is_its_subscriptions_alone(void **state)
{
    struct fake *fake = *state;
    uint32_t consumer = fake_consume(fake, NULL);
    fake_put_gap(fake, consumer, 2, 1, 10);
    fake_put_gap(fake, 99, 2, 1, 10);
    fake_next_none(fake);
}

static void messages_of_the_other_kind_are_passed_over(void **state)
{
    struct fake *fake = *state;
    uint32_t consumer = fake_consume(fake, NULL), topic = fake_subscribe(fake, "t", false);
    fake_put_context(fake, consumer, 0, 1);
    fake_put_publish(fake, "t", "x");
    fake_put_context(fake, topic, 0, 0);
    fake_put_push(fake, "jobs", "x");
    fake_put_publish(fake, "t", "good");
    assert_bytes(fake_next(fake, RINGPOST_TOPIC).body, "good");
    fake_next_none(fake);
}

static void what_comes_behind_unsubscribe_is_dropped(void **state)
{
    struct fake *fake = *state;
    uint32_t id = fake_subscribe(fake, "t", false);
    fake_put_context(fake, id, 0, 0);
    fake_put_publish(fake, "t", "a");
    fake_put_publish(fake, "t", "b");
    fake_next(fake, RINGPOST_TOPIC);
    fake_put_gap(fake, id, 2, 1, 10);
    fake_put_reply(fake, fake_number(fake), false, bytes_of(NULL, 0));
    assert_int_equal(ringpost_unsubscribe(fake->handle, id, WAIT_MS), 0);
    assert_int_equal(load_u32(fake_take(fake, OP_UNSUBSCRIBE).body.data), id);
    fake_next_none(fake);
    assert_int_equal(ringpost_unsubscribe(fake->handle, id, WAIT_MS), -ENOENT);
}

static void a_subscription_is_no_consumer(void **state)
{
    struct fake *fake = *state;
    uint32_t consumer = fake_consume(fake, NULL), topic = fake_subscribe(fake, "t", false);
    assert_int_equal(ringpost_cancel(fake->handle, topic, 0), -ENOENT);
    assert_int_equal(ringpost_unsubscribe(fake->handle, consumer, 0), -ENOENT);
    assert_int_equal(ringpost_credit(fake->handle, topic, 1, 1), -ENOENT);
    fake_take_none(fake);
}

/* Its end waits for memory when the connection is lost: the new one knows nothing of it. */
static void a_subscription_that_ends_is_not_started_again(void **state)
{
    struct fake *fake = *state;
    struct source_table *sources = &fake->handle->sources;
    uint32_t first = fake_subscribe(fake, "a", false), second = fake_subscribe(fake, "b", false);
    source_set_state(sources, source_find(sources, first), SOURCE_ENDING);
    sources->last = NULL;
    fake_drop(fake);
    fake_next(fake, RINGPOST_LOST);
    assert_int_equal(sources->count, 1);
    fake_welcome(fake, 10, 1000, FRAME_SIZE_DEFAULT);
    fake_step(fake);
    assert_int_equal(load_u32(fake_take(fake, OP_SUBSCRIBE).body.data), second);
    fake_take_none(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_refusal_ends_the_subscription_that_it_names, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(many_subscriptions_start_as_soon_as_few, setup, teardown),
        cmocka_unit_test_setup_teardown(subscribe_can_say_more, setup, teardown),
        cmocka_unit_test_setup_teardown(subscribe_says_what_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(the_default_bound_is_the_brokers, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_and_gaps_come_in_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gap_is_its_subscriptions_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_of_the_other_kind_are_passed_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_comes_behind_unsubscribe_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_subscription_is_no_consumer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_subscription_that_ends_is_not_started_again, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "fake.h"

#include <errno.h>

static int setup(void **state)
{
    *state = fake_create();
    return 0;
}

static int teardown(void **state)
{
    fake_destroy(*state);
    return 0;
}

static void assert_settlement(struct fake *fake, enum op op, uint32_t id, uint64_t tag,
                              uint32_t count)
{
    struct taken taken = fake_take(fake, op);
    assert_int_equal(taken.body.size, 16);
    assert_int_equal(load_u32(taken.body.data), id);
    assert_int_equal(load_u32(taken.body.data + 4), count);
    assert_int_equal(load_u64(taken.body.data + 8), tag);
}

static void consume_says_what_is_asked_for(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    struct ringpost_consume_options options = {
        .size = sizeof options, .messages = 5, .bytes = 600, .back = 1, .no_ack = 1};
    uint32_t id;
    fake_put_reply(fake, 1, false, bytes_of(NULL, 0));
    assert_int_equal(ringpost_consume(fake->handle, ringpost_text("jobs"), &options, &id, WAIT_MS),
                     0);
    struct taken taken = fake_take(fake, OP_CONSUME);
    assert_int_equal(taken.head.flags, CONSUME_BACK | CONSUME_NO_ACK);
    assert_bytes(bytes_to(taken.name), "jobs");
    assert_int_equal(load_u32(taken.body.data), id);
    assert_int_equal(load_u32(taken.body.data + 4), 5);
    assert_int_equal(load_u64(taken.body.data + 8), 600);
}

static void the_default_credit_is_the_handles(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id;
    assert_int_equal(ringpost_consume(fake->handle, ringpost_text("jobs"), NULL, &id, 0), 0);
    struct taken taken = fake_take(fake, OP_CONSUME);
    assert_int_equal(load_u32(taken.body.data + 4), 1024);
    assert_int_equal(load_u64(taken.body.data + 8), 1 << 20);
}

static void messages_carry_tags_that_count_up(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id = fake_consume(fake, NULL);
    fake_put_context(fake, id, 0, 10);
    fake_put_push(fake, "jobs", "a");
    fake_put_push(fake, "other", "b");
    fake_put_context(fake, id, 2, 3);
    fake_put_push(fake, "jobs", "c");
    struct ringpost_event event = fake_next(fake, RINGPOST_MESSAGE);
    assert_int_equal(event.id, id);
    assert_int_equal(event.tags.first, 10);
    assert_int_equal(event.tags.count, 1);
    assert_int_equal(event.tags.bytes, 13);
    assert_int_equal(event.tags.consumer, id);
    assert_int_equal(event.tags.epoch, 1);
    assert_int_equal(event.deliveries, 0);
    assert_bytes(event.name, "jobs");
    assert_bytes(event.body, "a");
    event = fake_next(fake, RINGPOST_MESSAGE);
    assert_int_equal(event.tags.first, 11);
    assert_bytes(event.name, "other");
    event = fake_next(fake, RINGPOST_MESSAGE);
    assert_int_equal(event.tags.first, 3);
    assert_int_equal(event.deliveries, 2);
    fake_next_none(fake);
}

static void a_batch_is_what_stands_in_a_row(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id = fake_consume(fake, NULL);
    fake_put_context(fake, id, 0, 1);
    fake_put_push(fake, "jobs", "a");
    fake_put_push(fake, "jobs", "bb");
    fake_put_push(fake, "else", "ccc");
    fake_put_context(fake, id, 1, 9);
    fake_put_push(fake, "jobs", "d");
    struct ringpost_event event;
    struct ringpost_message messages[10];
    assert_int_equal(ringpost_next_batch(fake->handle, &event, messages, 0, 0), -EINVAL);
    assert_int_equal(ringpost_next_batch(fake->handle, &event, messages, 10, WAIT_MS), 1);
    assert_int_equal(event.kind, RINGPOST_MESSAGE);
    assert_int_equal(event.count, 3);
    assert_int_equal(event.tags.count, 3);
    assert_int_equal(event.tags.bytes, 13 + 14 + 15);
    assert_bytes(messages[1].body, "bb");
    assert_bytes(messages[2].name, "else");
    struct ringpost_tags tags = ringpost_tags_at(&event, messages, 1);
    assert_int_equal(tags.first, 2);
    assert_int_equal(tags.count, 1);
    assert_int_equal(tags.bytes, 14);
    assert_int_equal(ringpost_next_batch(fake->handle, &event, messages, 10, 0), 1);
    assert_int_equal(event.count, 1);
    assert_int_equal(event.tags.first, 9);
}

static void a_batch_ends_at_its_capacity(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    fake_put_context(fake, fake_consume(fake, NULL), 0, 1);
    for (int i = 0; i < 5; i++)
        fake_put_push(fake, "jobs", "x");
    struct ringpost_event event;
    struct ringpost_message messages[2];
    static const unsigned counts[] = {2, 2, 1};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ringpost_next_batch(fake->handle, &event, messages, 2, 0), 1);
        assert_int_equal(event.count, counts[i]);
    }
}

static void adjacent_settlements_become_one_frame(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id = fake_consume(fake, NULL);
    fake_put_context(fake, id, 0, 1);
    for (int i = 0; i < 6; i++)
        fake_put_push(fake, "jobs", "x");
    for (int i = 0; i < 6; i++) {
        struct ringpost_event event = fake_next(fake, RINGPOST_MESSAGE);
        int error = i < 3    ? ringpost_ack(fake->handle, &event.tags)
                    : i == 4 ? ringpost_reject(fake->handle, &event.tags)
                             : ringpost_return(fake->handle, &event.tags);
        assert_int_equal(error, 0);
    }
    fake_next_none(fake);
    assert_settlement(fake, OP_ACK, id, 1, 3);
    assert_settlement(fake, OP_RETURN, id, 4, 1);
    assert_settlement(fake, OP_REJECT, id, 5, 1);
    assert_settlement(fake, OP_RETURN, id, 6, 1);
    fake_take_none(fake);
}

static void settlements_of_two_consumers_do_not_cut_each_other(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t one = fake_consume(fake, NULL), two = fake_consume(fake, NULL);
    struct ringpost_tags tags = {.count = 1, .epoch = 1};
    for (tags.first = 1; tags.first <= 10; tags.first++) {
        tags.consumer = one;
        assert_int_equal(ringpost_ack(fake->handle, &tags), 0);
        tags.consumer = two;
        assert_int_equal(ringpost_ack(fake->handle, &tags), 0);
    }
    fake_step(fake);
    assert_settlement(fake, OP_ACK, two, 1, 10);
    assert_settlement(fake, OP_ACK, one, 1, 10);
    fake_take_none(fake);
}

static void settlements_that_cannot_be_are_refused(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id = fake_consume(fake, NULL), topic = fake_subscribe(fake, "t", false);
    struct ringpost_consume_options no_ack = {.size = sizeof no_ack, .no_ack = 1};
    uint32_t loose = fake_consume(fake, &no_ack);
    struct ringpost_tags tags = {.first = 1, .count = 0, .consumer = id, .epoch = 1};
    assert_int_equal(ringpost_ack(fake->handle, &tags), -EINVAL);
    tags = (struct ringpost_tags){.first = 0, .count = 1, .consumer = id, .epoch = 1};
    assert_int_equal(ringpost_ack(fake->handle, &tags), -EINVAL);
    tags = (struct ringpost_tags){.first = UINT64_MAX, .count = 2, .consumer = id, .epoch = 1};
    assert_int_equal(ringpost_ack(fake->handle, &tags), -EINVAL);
    tags = (struct ringpost_tags){.first = 1, .count = 1, .consumer = 99, .epoch = 1};
    assert_int_equal(ringpost_ack(fake->handle, &tags), -ENOENT);
    tags.consumer = topic;
    assert_int_equal(ringpost_ack(fake->handle, &tags), -ENOENT);
    tags.consumer = loose;
    assert_int_equal(ringpost_ack(fake->handle, &tags), -EINVAL);
    fake_step(fake);
    fake_take_none(fake);
}

static void credit_comes_back_by_half(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    struct ringpost_consume_options options = {
        .size = sizeof options, .messages = 4, .bytes = 100000};
    uint32_t id = fake_consume(fake, &options);
    fake_put_context(fake, id, 0, 1);
    for (int i = 0; i < 4; i++)
        fake_put_push(fake, "jobs", "x");
    struct ringpost_event event = fake_next(fake, RINGPOST_MESSAGE);
    assert_int_equal(ringpost_ack(fake->handle, &event.tags), 0);
    fake_step(fake);
    assert_settlement(fake, OP_ACK, id, 1, 1);
    fake_take_none(fake);
    event = fake_next(fake, RINGPOST_MESSAGE);
    assert_int_equal(ringpost_ack(fake->handle, &event.tags), 0);
    fake_take_none(fake);
    /* It is due, so it does not wait until the messages run out. */
    fake_next(fake, RINGPOST_MESSAGE);
    assert_settlement(fake, OP_ACK, id, 2, 1);
    struct taken taken = fake_take(fake, OP_CREDIT);
    assert_int_equal(load_u32(taken.body.data), id);
    assert_int_equal(load_u32(taken.body.data + 4), 2);
    assert_int_equal(load_u64(taken.body.data + 8), 26);
}

static void credit_comes_back_by_half_of_the_bytes(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    struct ringpost_consume_options options = {
        .size = sizeof options, .messages = 100, .bytes = 26};
    fake_put_context(fake, fake_consume(fake, &options), 0, 1);
    fake_put_push(fake, "jobs", "x");
    struct ringpost_event event = fake_next(fake, RINGPOST_MESSAGE);
    assert_int_equal(ringpost_ack(fake->handle, &event.tags), 0);
    fake_step(fake);
    fake_take(fake, OP_ACK);
    struct taken taken = fake_take(fake, OP_CREDIT);
    assert_int_equal(load_u32(taken.body.data + 4), 1);
    assert_int_equal(load_u64(taken.body.data + 8), 13);
}

static void tags_without_bytes_give_back_an_average(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    struct ringpost_consume_options options = {
        .size = sizeof options, .messages = 4, .bytes = 1000};
    uint32_t id = fake_consume(fake, &options);
    fake_put_context(fake, id, 0, 1);
    for (int i = 0; i < 3; i++)
        fake_put_push(fake, "jobs", "x");
    for (int i = 0; i < 3; i++)
        fake_next(fake, RINGPOST_MESSAGE);
    struct ringpost_tags tags = {.first = 1, .count = 2, .consumer = id, .epoch = 1};
    assert_int_equal(ringpost_ack(fake->handle, &tags), 0);
    fake_step(fake);
    fake_take(fake, OP_ACK);
    assert_int_equal(load_u64(fake_take(fake, OP_CREDIT).body.data + 8), 26);
    /* Wrong tags give back no more than is out. */
    tags.count = 1000;
    tags.bytes = 100000;
    assert_int_equal(ringpost_ack(fake->handle, &tags), 0);
    const struct source *source = source_find(&fake->handle->sources, id);
    assert_int_equal(source->due_count, 1);
    assert_int_equal(source->due_bytes, 13);
}

static void without_acks_credit_comes_back_as_messages_are_taken(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    struct ringpost_consume_options options = {.size = sizeof options, .messages = 4, .no_ack = 1};
    fake_put_context(fake, fake_consume(fake, &options), 0, 1);
    for (int i = 0; i < 4; i++)
        fake_put_push(fake, "jobs", "x");
    for (int i = 0; i < 2; i++)
        fake_next(fake, RINGPOST_MESSAGE);
    fake_take_none(fake);
    fake_next(fake, RINGPOST_MESSAGE);
    assert_int_equal(load_u32(fake_take(fake, OP_CREDIT).body.data + 4), 2);
}

static void a_manual_consumer_gets_what_it_is_given(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    struct ringpost_consume_options options = {.size = sizeof options, .manual = 1};
    uint32_t id;
    assert_int_equal(ringpost_consume(fake->handle, ringpost_text("jobs"), &options, &id, 0), 0);
    struct taken taken = fake_take(fake, OP_CONSUME);
    assert_int_equal(load_u32(taken.body.data + 4), 0);
    assert_int_equal(load_u64(taken.body.data + 8), 0);
    assert_int_equal(ringpost_credit(fake->handle, id, 3, 300), 0);
    assert_int_equal(ringpost_credit(fake->handle, id, 1, 100), 0);
    assert_int_equal(ringpost_credit(fake->handle, id, UINT32_MAX, 0), -EOVERFLOW);
    assert_int_equal(ringpost_credit(fake->handle, id, 0, UINT64_MAX), -EOVERFLOW);
    assert_int_equal(ringpost_credit(fake->handle, 99, 1, 1), -ENOENT);
    fake_step(fake);
    taken = fake_take(fake, OP_CREDIT);
    assert_int_equal(load_u32(taken.body.data + 4), 4);
    assert_int_equal(load_u64(taken.body.data + 8), 400);
    fake_put_context(fake, id, 0, 1);
    fake_put_push(fake, "jobs", "x");
    struct ringpost_event event = fake_next(fake, RINGPOST_MESSAGE);
    assert_int_equal(ringpost_ack(fake->handle, &event.tags), 0);
    fake_step(fake);
    fake_take(fake, OP_ACK);
    fake_take_none(fake);
    assert_int_equal(ringpost_credit(fake->handle, fake_consume(fake, NULL), 1, 1), -EINVAL);
}

/* The new one begins with the first credit. */
static void credit_without_a_connection_is_none(void **state)
{
    struct fake *fake = *state;
    struct ringpost_consume_options options = {.size = sizeof options, .messages = 2, .manual = 1};
    fake_open(fake, NULL);
    uint32_t id = fake_consume(fake, &options);
    fake_drop(fake);
    fake_next(fake, RINGPOST_LOST);
    assert_int_equal(ringpost_credit(fake->handle, id, 5, 500), 0);
    fake_welcome(fake, 10, 1 << 20, FRAME_SIZE_DEFAULT);
    fake_step(fake);
    assert_int_equal(load_u32(fake_take(fake, OP_CONSUME).body.data + 4), 2);
    fake_take_none(fake);
}

static void late_settlements_are_written_though_messages_are_left(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    fake_put_context(fake, fake_consume(fake, NULL), 0, 1);
    for (int i = 0; i < 3; i++)
        fake_put_push(fake, "jobs", "x");
    struct ringpost_event event = fake_next(fake, RINGPOST_MESSAGE);
    assert_int_equal(ringpost_ack(fake->handle, &event.tags), 0);
    fake_next(fake, RINGPOST_MESSAGE);
    fake_take_none(fake);
    fake_coarse_ms += 10;
    fake_next(fake, RINGPOST_MESSAGE);
    fake_take(fake, OP_ACK);
}

static void a_refused_consumer_does_not_exist(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id;
    fake_put_error(fake, 1, 1, RINGPOST_STATUS_TOO_MANY_SUBSCRIPTIONS, "enough");
    assert_int_equal(ringpost_consume(fake->handle, ringpost_text("jobs"), NULL, &id, WAIT_MS),
                     -EDQUOT);
    assert_int_equal(fake->handle->sources.count, 0);
    assert_string_equal(ringpost_status_name(ringpost_status(fake->handle)),
                        "too-many-subscriptions");
    assert_int_equal(ringpost_consume(fake->handle, ringpost_text(""), NULL, &id, WAIT_MS),
                     -EINVAL);
    fake_next_none(fake);
    assert_int_equal(ringpost_flush(fake->handle, 0), -ETIMEDOUT);
    fake_put_confirm(fake, 1);
    assert_int_equal(ringpost_flush(fake->handle, 0), 0);
}

static void consumers_that_were_not_awaited_end_by_an_event(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t ids[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(ringpost_consume(fake->handle, ringpost_text("jobs"), NULL, &ids[i], 0),
                         0);
    fake_put_error(fake, 1, 2, RINGPOST_STATUS_TOO_MANY_SUBSCRIPTIONS, "enough");
    fake_put_reply(fake, 3, false, bytes_of(NULL, 0));
    for (int i = 0; i < 2; i++) {
        struct ringpost_event event = fake_next(fake, RINGPOST_ENDED);
        assert_int_equal(event.id, ids[i]);
        assert_int_equal(event.status, RINGPOST_STATUS_TOO_MANY_SUBSCRIPTIONS);
        assert_int_equal(event.error, -EDQUOT);
        assert_bytes(event.body, "enough");
    }
    fake_next_none(fake);
    assert_int_equal(fake->handle->sources.count, 1);
}

static void a_consume_that_takes_too_long_is_taken_back(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id;
    assert_int_equal(ringpost_consume(fake->handle, ringpost_text("jobs"), NULL, &id, 5),
                     -ETIMEDOUT);
    fake_step(fake);
    fake_take(fake, OP_CONSUME);
    assert_int_equal(load_u32(fake_take(fake, OP_CANCEL).body.data), id);
    fake_put_reply(fake, 1, false, bytes_of(NULL, 0));
    fake_put_context(fake, id, 0, 1);
    fake_put_push(fake, "jobs", "x");
    fake_put_reply(fake, 2, false, bytes_of(NULL, 0));
    fake_next_none(fake);
}

static void cancel_drops_what_is_not_taken_yet(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id = fake_consume(fake, NULL);
    fake_put_context(fake, id, 0, 1);
    for (int i = 0; i < 3; i++)
        fake_put_push(fake, "jobs", "x");
    struct ringpost_event event = fake_next(fake, RINGPOST_MESSAGE);
    assert_int_equal(ringpost_ack(fake->handle, &event.tags), 0);
    fake_put_reply(fake, fake_number(fake) + 1, false, bytes_of(NULL, 0));
    assert_int_equal(ringpost_cancel(fake->handle, id, WAIT_MS), 0);
    fake_take(fake, OP_ACK);
    assert_int_equal(load_u32(fake_take(fake, OP_CANCEL).body.data), id);
    fake_next_none(fake);
    assert_int_equal(ringpost_ack(fake->handle, &event.tags), -ENOENT);
    assert_int_equal(ringpost_cancel(fake->handle, id, 0), -ENOENT);
}

static void a_deleted_queue_ends_its_consumer(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id = fake_consume(fake, NULL);
    fake_put_ended(fake, id, RINGPOST_STATUS_DELETED);
    fake_put_ended(fake, 77, RINGPOST_STATUS_DELETED);
    struct ringpost_event event = fake_next(fake, RINGPOST_ENDED);
    assert_int_equal(event.id, id);
    assert_int_equal(event.error, -EIDRM);
    fake_next_none(fake);
    assert_int_equal(fake->handle->sources.count, 0);
}

static void a_new_connection_starts_the_consumers_again(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    struct ringpost_consume_options options = {.size = sizeof options, .messages = 7, .back = 1};
    uint32_t id = fake_consume(fake, &options), topic = fake_subscribe(fake, "a.*", true);
    fake_drop(fake);
    fake_next(fake, RINGPOST_LOST);
    fake_welcome(fake, 10, 1 << 20, FRAME_SIZE_DEFAULT);
    fake_step(fake);
    struct taken taken = fake_take(fake, OP_CONSUME);
    assert_int_equal(taken.head.flags, CONSUME_BACK);
    assert_bytes(bytes_to(taken.name), "jobs");
    assert_int_equal(load_u32(taken.body.data), id);
    assert_int_equal(load_u32(taken.body.data + 4), 7);
    taken = fake_take(fake, OP_SUBSCRIBE);
    assert_int_equal(taken.head.flags, SUBSCRIBE_WILDCARD);
    assert_int_equal(load_u32(taken.body.data), topic);
    fake_put_reply(fake, 1, false, bytes_of(NULL, 0));
    fake_put_error(fake, 2, 1, RINGPOST_STATUS_TOO_MANY_SUBSCRIPTIONS, "");
    fake_next(fake, RINGPOST_RECONNECTED);
    assert_int_equal(fake_next(fake, RINGPOST_ENDED).id, topic);
    fake_put_context(fake, id, 1, 1);
    fake_put_push(fake, "jobs", "again");
    assert_int_equal(fake_next(fake, RINGPOST_MESSAGE).tags.epoch, 2);
}

static void tags_of_an_earlier_connection_settle_nothing(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id = fake_consume(fake, NULL);
    fake_put_context(fake, id, 0, 1);
    fake_put_push(fake, "jobs", "x");
    struct ringpost_event event = fake_next(fake, RINGPOST_MESSAGE);
    fake_drop(fake);
    fake_next(fake, RINGPOST_LOST);
    assert_int_equal(ringpost_ack(fake->handle, &event.tags), 0);
    fake_welcome(fake, 10, 1 << 20, FRAME_SIZE_DEFAULT);
    assert_int_equal(ringpost_ack(fake->handle, &event.tags), 0);
    fake_step(fake);
    fake_take(fake, OP_CONSUME);
    fake_take_none(fake);
}

static void leased_messages_of_a_lost_connection_are_not_handed_out(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    struct ringpost_consume_options no_ack = {.size = sizeof no_ack, .no_ack = 1};
    uint32_t leased = fake_consume(fake, NULL), loose = fake_consume(fake, &no_ack);
    uint32_t topic = fake_subscribe(fake, "t", false);
    fake_put_context(fake, leased, 0, 1);
    fake_put_push(fake, "jobs", "goes back");
    fake_put_context(fake, loose, 0, 1);
    fake_put_push(fake, "jobs", "would be lost");
    fake_put_context(fake, topic, 0, 0);
    fake_put_publish(fake, "t", "would be lost too");
    fake_put_raw(fake, "\x82", 1);
    fake_drop(fake);
    fake_step(fake);
    fake_step(fake);
    assert_int_equal(fake_next(fake, RINGPOST_MESSAGE).id, loose);
    assert_int_equal(fake_next(fake, RINGPOST_TOPIC).id, topic);
    fake_next(fake, RINGPOST_LOST);
    fake_next_none(fake);
}

static void a_consume_cut_off_by_a_loss_fails(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    fake_drop(fake);
    uint32_t id;
    assert_int_equal(ringpost_consume(fake->handle, ringpost_text("jobs"), NULL, &id, WAIT_MS),
                     -ECONNRESET);
    assert_int_equal(fake->handle->sources.count, 0);
}

static void consumers_may_be_named_before_the_connection_is_up(void **state)
{
    struct fake *fake = *state;
    fake_open_idle(fake, NULL);
    uint32_t id;
    assert_int_equal(ringpost_consume(fake->handle, ringpost_text("jobs"), NULL, &id, 0), 0);
    fake_welcome(fake, 10, 1 << 20, FRAME_SIZE_DEFAULT);
    fake_step(fake);
    assert_int_equal(load_u32(fake_take(fake, OP_CONSUME).body.data), id);
}

static void many_consumers_are_found_by_their_ids(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t ids[500];
    for (int i = 0; i < 500; i++)
        assert_int_equal(ringpost_consume(fake->handle, ringpost_text("jobs"), NULL, &ids[i], 0),
                         0);
    for (int i = 0; i < 500; i += 2)
        assert_int_equal(ringpost_cancel(fake->handle, ids[i], 0), 0);
    for (int i = 0; i < 500; i++) {
        struct source *source = source_find(&fake->handle->sources, ids[i]);
        assert_int_equal(source != NULL, i % 2);
        assert_true(!source || source->id == ids[i]);
    }
}

static void a_delayed_return_says_for_how_long(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id = fake_consume(fake, NULL);
    fake_put_context(fake, id, 0, 1);
    struct ringpost_tags tags[4];
    for (int i = 0; i < 4; i++) {
        fake_put_push(fake, "jobs", "x");
        tags[i] = fake_next(fake, RINGPOST_MESSAGE).tags;
    }
    assert_int_equal(ringpost_return_later(fake->handle, &tags[0], 500), 0);
    assert_int_equal(ringpost_return_later(fake->handle, &tags[1], 500), 0);
    assert_int_equal(ringpost_return_later(fake->handle, &tags[2], 600), 0);
    assert_int_equal(ringpost_return(fake->handle, &tags[3]), 0);
    fake_step(fake);
    static const struct {
        uint32_t count;
        size_t size;
        uint64_t delay_ms;
    } expected[] = {{2, 24, 500}, {1, 24, 600}, {1, 16, 0}};
    for (int i = 0; i < 3; i++) {
        struct taken taken = fake_take(fake, OP_RETURN);
        assert_int_equal(taken.body.size, expected[i].size);
        assert_int_equal(load_u32(taken.body.data + 4), expected[i].count);
        if (expected[i].delay_ms > 0)
            assert_int_equal(load_u64(taken.body.data + 16), expected[i].delay_ms);
    }
}

static void touch_settles_nothing(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t id = fake_consume(fake, NULL);
    fake_put_context(fake, id, 0, 5);
    fake_put_push(fake, "jobs", "x");
    struct ringpost_tags tags = fake_next(fake, RINGPOST_MESSAGE).tags;
    assert_int_equal(ringpost_touch(fake->handle, &tags), 0);
    fake_step(fake);
    assert_settlement(fake, OP_TOUCH, id, 5, 1);
    assert_int_equal(ringpost_ack(fake->handle, &tags), 0);
    fake_step(fake);
    assert_settlement(fake, OP_ACK, id, 5, 1);
    tags.count = 0;
    assert_int_equal(ringpost_touch(fake->handle, &tags), -EINVAL);
}

static void leases_that_are_lost_give_their_credit_back(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    struct ringpost_consume_options options = {.size = sizeof options, .messages = 2};
    uint32_t id = fake_consume(fake, &options);
    fake_put_context(fake, id, 0, 1);
    fake_put_push(fake, "jobs", "x");
    fake_put_push(fake, "jobs", "y");
    fake_put_lost(fake, id, 1, 2);
    fake_put_lost(fake, 99, 1, 2);
    fake_put_lost(fake, id, 1, 0);
    fake_next(fake, RINGPOST_MESSAGE);
    fake_next(fake, RINGPOST_MESSAGE);
    struct ringpost_event event = fake_next(fake, RINGPOST_LEASES_LOST);
    assert_int_equal(event.id, id);
    assert_int_equal(event.count, 2);
    assert_int_equal(event.tags.first, 1);
    assert_int_equal(event.tags.count, 2);
    fake_next_none(fake);
    struct taken taken = fake_take(fake, OP_CREDIT);
    assert_int_equal(load_u32(taken.body.data + 4), 2);
    assert_int_equal(load_u64(taken.body.data + 8), 2 * (8 + 4 + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_delayed_return_says_for_how_long, setup, teardown),
        cmocka_unit_test_setup_teardown(touch_settles_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(leases_that_are_lost_give_their_credit_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(consume_says_what_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(the_default_credit_is_the_handles, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_carry_tags_that_count_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_is_what_stands_in_a_row, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_ends_at_its_capacity, setup, teardown),
        cmocka_unit_test_setup_teardown(adjacent_settlements_become_one_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(settlements_of_two_consumers_do_not_cut_each_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(settlements_that_cannot_be_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(credit_comes_back_by_half, setup, teardown),
        cmocka_unit_test_setup_teardown(credit_comes_back_by_half_of_the_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(tags_without_bytes_give_back_an_average, setup, teardown),
        cmocka_unit_test_setup_teardown(without_acks_credit_comes_back_as_messages_are_taken, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_manual_consumer_gets_what_it_is_given, setup, teardown),
        cmocka_unit_test_setup_teardown(credit_without_a_connection_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(late_settlements_are_written_though_messages_are_left,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_consumer_does_not_exist, setup, teardown),
        cmocka_unit_test_setup_teardown(consumers_that_were_not_awaited_end_by_an_event, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_consume_that_takes_too_long_is_taken_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(cancel_drops_what_is_not_taken_yet, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deleted_queue_ends_its_consumer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_connection_starts_the_consumers_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tags_of_an_earlier_connection_settle_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(leased_messages_of_a_lost_connection_are_not_handed_out,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_consume_cut_off_by_a_loss_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(consumers_may_be_named_before_the_connection_is_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(many_consumers_are_found_by_their_ids, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

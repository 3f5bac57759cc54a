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

/* A message to an inbox, with a correlation id unless that is NULL. */
static void put_answer(struct fake *fake, uint32_t id, const char *correlation, const char *body)
{
    unsigned char block[128];
    size_t size = 4;
    fake_put_context(fake, id, 0, 1);
    if (correlation)
        size += field_put_bytes(block + size, "correlation-id", bytes_text(correlation));
    store_u32(block, (uint32_t)size);
    memcpy(block + size, body, strlen(body));
    fake_put(fake, OP_PUBLISH, MESSAGE_HEADERS, bytes_text("box"),
             bytes_of(block, size + strlen(body)));
}

static void assert_header(struct taken taken, const char *key, const char *value)
{
    struct ringpost_header header;
    uint32_t size = load_u32(taken.body.data);
    struct ringpost_bytes fields = ringpost_bytes(taken.body.data + 4, size - 4);
    assert_int_equal(ringpost_header(fields, key, &header), 1);
    assert_bytes(header.bytes, value);
}

static int ask(struct fake *fake, const char *address, struct ringpost_message *reply,
               int timeout_ms)
{
    return ringpost_request(fake->handle, ringpost_text(address), ringpost_text("2+2"), NULL, reply,
                            timeout_ms);
}

/* The first id that the client uses, and the numbers of its first frames, are known. */
static void a_request_waits_for_its_answer_alone(void **state)
{
    struct fake *fake = *state;
    struct ringpost_message reply;
    fake_put_reply(fake, 1, false, bytes_text("secret"));
    put_answer(fake, 1, NULL, "who is that for?");
    put_answer(fake, 1, "0000000000000009", "late");
    put_answer(fake, 1, "0000000000000001", "early");
    assert_int_equal(ask(fake, "topic:sums", &reply, 0), -ETIMEDOUT);
    struct taken taken = fake_take(fake, OP_SUBSCRIBE);
    assert_int_equal(taken.head.flags, SUBSCRIBE_INBOX);
    assert_int_equal(taken.body.size, 16);
    taken = fake_take(fake, OP_PUBLISH);
    assert_int_equal(taken.head.flags, MESSAGE_HEADERS | PUBLISH_MUST);
    assert_bytes(bytes_to(taken.name), "sums");
    assert_header(taken, "reply-to", "inbox:secret");
    assert_header(taken, "correlation-id", "0000000000000001");
    put_answer(fake, 1, "0000000000000001", "given up");
    put_answer(fake, 1, "0000000000000002", "4");
    assert_int_equal(ask(fake, "queue:sums", &reply, WAIT_MS), 0);
    assert_bytes(reply.body, "4");
    assert_header(fake_take(fake, OP_PUSH), "correlation-id", "0000000000000002");
    fake_next_none(fake);
}

static void other_events_wait_meanwhile(void **state)
{
    struct fake *fake = *state;
    struct ringpost_message reply;
    uint32_t topic = fake_subscribe(fake, "t", false);
    fake_put_context(fake, topic, 0, 1);
    fake_put_publish(fake, "t", "a");
    fake_put_reply(fake, 2, false, bytes_text("secret"));
    put_answer(fake, topic + 1, "0000000000000001", "not before it was asked");
    fake_put_gap(fake, topic + 1, 2, 1, 1);
    fake_put_context(fake, topic, 0, 2);
    fake_put_publish(fake, "t", "b");
    assert_int_equal(ask(fake, "topic:sums", &reply, 0), -ETIMEDOUT);
    assert_bytes(fake_next(fake, RINGPOST_TOPIC).body, "a");
    assert_bytes(fake_next(fake, RINGPOST_TOPIC).body, "b");
    fake_next_none(fake);
}

static void nobody_there_is_told_at_once(void **state)
{
    struct fake *fake = *state;
    struct ringpost_message reply;
    fake_put_reply(fake, 1, false, bytes_text("secret"));
    assert_int_equal(ask(fake, "topic:sums", &reply, 0), -ETIMEDOUT);
    fake_put_error(fake, 3, 1, RINGPOST_STATUS_NO_READER, "nobody is there");
    assert_int_equal(ask(fake, "topic:sums", &reply, WAIT_MS), -ENOENT);
    assert_int_equal(ringpost_status(fake->handle), RINGPOST_STATUS_NO_READER);
    fake_next_none(fake);
}

/* A call that writes much reads as well, lest broker and client both wait to be read. */
static void what_comes_while_a_request_is_written_is_its_answer(void **state)
{
    static const char large[150 * 1024];
    struct fake *fake = *state;
    struct ringpost_message reply;
    struct ringpost_bytes body = ringpost_bytes(large, sizeof large);
    struct ringpost_bytes address = ringpost_text("topic:sums");
    fake_put_reply(fake, 1, false, bytes_text("secret"));
    assert_int_equal(ask(fake, "topic:sums", &reply, 0), -ETIMEDOUT);
    fake_take(fake, OP_SUBSCRIBE);
    fake_take(fake, OP_PUBLISH);
    assert_int_equal(ringpost_push(fake->handle, ringpost_text("q"), body, NULL, WAIT_MS), 0);
    fake_take(fake, OP_PUSH);
    fake_put_error(fake, 4, 1, RINGPOST_STATUS_NO_READER, "nobody is there");
    assert_int_equal(ringpost_request(fake->handle, address, body, NULL, &reply, WAIT_MS), -ENOENT);
    fake_next_none(fake);
}

static void a_lost_connection_is_no_answer(void **state)
{
    struct fake *fake = *state;
    struct ringpost_message reply;
    fake_put_reply(fake, 1, false, bytes_text("secret"));
    fake_drop(fake);
    assert_int_equal(ask(fake, "topic:sums", &reply, WAIT_MS), -ECONNRESET);
}

static void the_inbox_for_answers_is_nobodys_to_end(void **state)
{
    struct fake *fake = *state;
    struct ringpost_message reply;
    fake_put_reply(fake, 1, false, bytes_text("secret"));
    assert_int_equal(ask(fake, "topic:sums", &reply, 0), -ETIMEDOUT);
    assert_int_equal(ringpost_unsubscribe(fake->handle, 1, 0), -ENOENT);
    assert_int_equal(ringpost_inbox_address(fake->handle, 1).size, 0);
}

static void an_inbox_that_is_refused_or_ends_is_made_anew(void **state)
{
    struct fake *fake = *state;
    struct ringpost_message reply;
    fake_put_error(fake, 1, 1, RINGPOST_STATUS_TOO_MANY_SUBSCRIPTIONS, "too many");
    assert_int_equal(ask(fake, "topic:sums", &reply, WAIT_MS), -EDQUOT);
    fake_put_reply(fake, 2, false, bytes_text("secret"));
    assert_int_equal(ask(fake, "topic:sums", &reply, 0), -ETIMEDOUT);
    fake_put_ended(fake, 2, RINGPOST_STATUS_OVERFLOW);
    fake_step(fake);
    fake_put_reply(fake, 4, false, bytes_text("another"));
    put_answer(fake, 3, "0000000000000002", "not before it was asked");
    assert_int_equal(ask(fake, "topic:sums", &reply, 0), -ETIMEDOUT);
    fake_next_none(fake);
    assert_int_equal(fake_take(fake, OP_SUBSCRIBE).body.size, 16);
    assert_int_equal(fake_take(fake, OP_SUBSCRIBE).body.size, 16);
    assert_header(fake_take(fake, OP_PUBLISH), "reply-to", "inbox:secret");
    assert_int_equal(fake_take(fake, OP_SUBSCRIBE).body.size, 16);
    assert_header(fake_take(fake, OP_PUBLISH), "reply-to", "inbox:another");
}

static void what_cannot_be_asked_is_refused_here(void **state)
{
    struct fake *fake = *state;
    struct ringpost_message reply;
    static const char *const addresses[] = {"", "sums", "topic:", "mail:sums", "Topic:sums"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        assert_int_equal(ask(fake, addresses[i], &reply, WAIT_MS), -EINVAL);
    struct ringpost_message_options options = {.size = sizeof options,
                                               .reply_to = ringpost_text("topic:x")};
    assert_int_equal(ringpost_request(fake->handle, ringpost_text("topic:x"), ringpost_text(""),
                                      &options, &reply, WAIT_MS),
                     -EINVAL);
    fake_take_none(fake);
}

static void an_inbox_of_ones_own_has_an_address(void **state)
{
    struct fake *fake = *state;
    uint32_t id;
    fake_put_reply(fake, 1, false, bytes_text("secret"));
    assert_int_equal(ringpost_inbox(fake->handle, &id, WAIT_MS), 0);
    assert_bytes(ringpost_inbox_address(fake->handle, id), "inbox:secret");
    assert_int_equal(ringpost_inbox_address(fake->handle, id + 1).size, 0);
    put_answer(fake, id, "mine", "4");
    struct ringpost_event event = fake_next(fake, RINGPOST_TOPIC);
    assert_int_equal(event.id, id);
    assert_bytes(event.body, "4");
    fake_drop(fake);
    fake_next(fake, RINGPOST_LOST);
    assert_int_equal(ringpost_inbox_address(fake->handle, id).size, 0);
    fake_welcome(fake, 100, 1000000, FRAME_SIZE_DEFAULT);
    assert_int_equal(fake_take(fake, OP_SUBSCRIBE).head.name_size, 0);
    fake_put_reply(fake, 1, false, bytes_text("another"));
    fake_next(fake, RINGPOST_RECONNECTED);
    fake_next_none(fake);
    assert_bytes(ringpost_inbox_address(fake->handle, id), "inbox:another");
}

static void an_inbox_without_a_name_ends_the_connection(void **state)
{
    struct fake *fake = *state;
    uint32_t id;
    fake_put_reply(fake, 1, false, bytes_of(NULL, 0));
    assert_int_equal(ringpost_inbox(fake->handle, &id, WAIT_MS), -ECONNRESET);
    assert_int_equal(fake_next(fake, RINGPOST_LOST).error, -EPROTO);
}

static void an_answer_goes_where_it_is_wanted(void **state)
{
    struct fake *fake = *state;
    unsigned char fields[128];
    size_t size = field_put_bytes(fields, "reply-to", bytes_text("inbox:secret"));
    size += field_put_bytes(fields + size, "correlation-id", bytes_text("17"));
    struct ringpost_bytes headers = ringpost_bytes(fields, size);
    assert_int_equal(ringpost_reply(fake->handle, headers, ringpost_text("4"), NULL, NULL, 0), 0);
    fake_step(fake);
    struct taken taken = fake_take(fake, OP_PUBLISH);
    assert_int_equal(taken.head.flags, MESSAGE_HEADERS | PUBLISH_INBOX);
    assert_bytes(bytes_to(taken.name), "secret");
    assert_header(taken, "correlation-id", "17");
    size = field_put_bytes(fields, "reply-to", bytes_text("queue:results"));
    headers.size = size;
    assert_int_equal(ringpost_reply(fake->handle, headers, ringpost_text("4"), NULL, NULL, 0), 0);
    fake_step(fake);
    taken = fake_take(fake, OP_PUSH);
    assert_int_equal(taken.head.flags, 0);
    assert_bytes(bytes_to(taken.name), "results");
    headers.size = field_put_bytes(fields, "reply-to", bytes_text("nowhere"));
    assert_int_equal(ringpost_reply(fake->handle, headers, ringpost_text("4"), NULL, NULL, 0),
                     -EINVAL);
    headers.size = 0;
    assert_int_equal(ringpost_reply(fake->handle, headers, ringpost_text("4"), NULL, NULL, 0),
                     -EDESTADDRREQ);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_waits_for_its_answer_alone),
        TEST(other_events_wait_meanwhile),
        TEST(nobody_there_is_told_at_once),
        TEST(what_comes_while_a_request_is_written_is_its_answer),
        TEST(a_lost_connection_is_no_answer),
        TEST(the_inbox_for_answers_is_nobodys_to_end),
        TEST(an_inbox_that_is_refused_or_ends_is_made_anew),
        TEST(what_cannot_be_asked_is_refused_here),
        TEST(an_inbox_of_ones_own_has_an_address),
        TEST(an_inbox_without_a_name_ends_the_connection),
        TEST(an_answer_goes_where_it_is_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

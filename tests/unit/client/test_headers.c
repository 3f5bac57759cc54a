#include "fake.h"

#include "frame/field.h"

#include <errno.h>
#include <stdlib.h>

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

static void headers_stand_before_the_body(void **state)
{
    struct fake *fake = *state;
    struct ringpost_header own[] = {
        {.key = ringpost_text("x-price"), .number = 42},
        {.key = ringpost_text("x-color"), .bytes = ringpost_text("red")},
    };
    struct ringpost_message_options options = {
        .size = sizeof options,
        .ttl_ms = 1000,
        .delay_ms = 50,
        .reply_to = ringpost_text("topic:answers"),
        .correlation_id = ringpost_text("7"),
        .traceparent = ringpost_text("00-trace"),
        .headers = own,
        .header_count = 2,
    };
    unsigned char block[256];
    size_t size = 4;
    size += field_put_number(block + size, "ttl", 1000);
    size += field_put_number(block + size, "delay", 50);
    size += field_put_bytes(block + size, "reply-to", bytes_text("topic:answers"));
    size += field_put_bytes(block + size, "correlation-id", bytes_text("7"));
    size += field_put_bytes(block + size, "traceparent", bytes_text("00-trace"));
    size += field_put_number(block + size, "x-price", 42);
    size += field_put_bytes(block + size, "x-color", bytes_text("red"));
    store_u32(block, (uint32_t)size);
    uint64_t number;
    assert_int_equal(ringpost_push_with(fake->handle, ringpost_text("jobs"), ringpost_text("body"),
                                        &options, &number, 0),
                     0);
    assert_int_equal(number, 1);
    fake_step(fake);
    struct taken taken = fake_take(fake, OP_PUSH);
    assert_int_equal(taken.head.flags, MESSAGE_HEADERS);
    assert_bytes(bytes_to(taken.name), "jobs");
    assert_int_equal(taken.body.size, size + 4);
    assert_memory_equal(taken.body.data, block, size);
    assert_memory_equal(taken.body.data + size, "body", 4);
}

static void without_headers_there_is_no_block(void **state)
{
    struct fake *fake = *state;
    struct ringpost_message_options options = {.size = sizeof options, .retain = 1, .must = 1};
    struct ringpost_bytes name = ringpost_text("t"), body = ringpost_text("b");
    assert_int_equal(ringpost_publish_with(fake->handle, name, body, &options, NULL, 0), 0);
    assert_int_equal(ringpost_publish_with(fake->handle, name, body, NULL, NULL, 0), 0);
    fake_step(fake);
    struct taken taken = fake_take(fake, OP_PUBLISH);
    assert_int_equal(taken.head.flags, PUBLISH_RETAIN | PUBLISH_MUST);
    assert_bytes(bytes_to(taken.body), "b");
    assert_int_equal(fake_take(fake, OP_PUBLISH).head.flags, 0);
}

static void what_cannot_be_is_refused_here(void **state)
{
    struct fake *fake = *state;
    static char large[UINT16_MAX + 1];
    static const char *const keys[] = {"price", "x", "", "ttl"};
    struct ringpost_header own = {.number = 1};
    struct ringpost_message_options options = {
        .size = sizeof options, .headers = &own, .header_count = 1};
    struct ringpost_bytes name = ringpost_text("q"), body = ringpost_text("b");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        own.key = ringpost_text(keys[i]);
        assert_int_equal(ringpost_push_with(fake->handle, name, body, &options, NULL, 0), -EINVAL);
    }
    own = (struct ringpost_header){.key = ringpost_text("x-large"),
                                   .bytes = ringpost_bytes(large, UINT16_MAX)};
    assert_int_equal(ringpost_push_with(fake->handle, name, body, &options, NULL, 0), -EMSGSIZE);
    options = (struct ringpost_message_options){.size = sizeof options,
                                                .reply_to = ringpost_bytes(large, sizeof large)};
    assert_int_equal(ringpost_push_with(fake->handle, name, body, &options, NULL, 0), -EMSGSIZE);
    options = (struct ringpost_message_options){.size = sizeof options, .must = 1};
    assert_int_equal(ringpost_push_with(fake->handle, name, body, &options, NULL, 0), -EINVAL);
    fake_step(fake);
    fake_take_none(fake);
}

/* A message whose headers are a number and bytes. */
static void put_message(struct fake *fake, enum op op, const char *body)
{
    unsigned char whole[128];
    size_t size = 4;
    size += field_put_number(whole + size, "dead-times", 3);
    size += field_put_bytes(whole + size, "dead-reason", bytes_text("expired"));
    store_u32(whole, (uint32_t)size);
    memcpy(whole + size, body, strlen(body));
    fake_put(fake, op, MESSAGE_HEADERS, bytes_text("jobs"), bytes_of(whole, size + strlen(body)));
}

static void headers_of_a_message_are_found_and_walked(void **state)
{
    struct fake *fake = *state;
    struct ringpost_header header;
    fake_put_context(fake, fake_consume(fake, NULL), 0, 1);
    put_message(fake, OP_PUSH, "late");
    struct ringpost_event event = fake_next(fake, RINGPOST_MESSAGE);
    assert_bytes(event.name, "jobs");
    assert_bytes(event.body, "late");
    assert_int_equal(ringpost_header(event.headers, "dead-reason", &header), 1);
    assert_bytes(header.bytes, "expired");
    assert_int_equal(ringpost_header(event.headers, "x-none", &header), 0);
    assert_int_equal(ringpost_header_next(&event.headers, &header), 1);
    assert_bytes(header.key, "dead-times");
    assert_null(header.bytes.data);
    assert_int_equal(header.number, 3);
    assert_int_equal(ringpost_header_next(&event.headers, &header), 1);
    assert_int_equal(ringpost_header_next(&event.headers, &header), 0);
}

static void a_message_with_headers_counts_with_them(void **state)
{
    struct fake *fake = *state;
    struct ringpost_message messages[4];
    struct ringpost_event event;
    fake_put_context(fake, fake_consume(fake, NULL), 0, 1);
    put_message(fake, OP_PUSH, "a");
    fake_put_push(fake, "jobs", "b");
    assert_int_equal(ringpost_next_batch(fake->handle, &event, messages, 4, 0), 1);
    assert_int_equal(event.count, 2);
    uint64_t first = ringpost_tags_at(&event, messages, 0).bytes;
    assert_int_equal(first, 8 + 4 + 4 + (4 + 10 + 8) + (4 + 11 + 7) + 1);
    assert_int_equal(first + ringpost_tags_at(&event, messages, 1).bytes, event.bytes);
    assert_null(messages[1].headers.data);
}

static void messages_of_a_topic_have_numbers(void **state)
{
    struct fake *fake = *state;
    unsigned char context[16] = {0};
    uint32_t id = fake_subscribe(fake, "jobs", false);
    store_u32(context, id);
    store_u64(context + 8, 1);
    fake_put(fake, OP_CONTEXT, CONTEXT_RETAINED, bytes_of(NULL, 0), bytes_of(context, 16));
    put_message(fake, OP_PUBLISH, "old");
    fake_put_context(fake, id, 0, 9);
    fake_put_publish(fake, "jobs", "new");
    fake_put_publish(fake, "jobs", "newer");
    struct ringpost_event event = fake_next(fake, RINGPOST_TOPIC);
    assert_int_equal(event.first, 1);
    assert_int_equal(event.retained, 1);
    assert_int_equal(event.headers.size, 44);
    event = fake_next(fake, RINGPOST_TOPIC);
    assert_int_equal(event.first, 9);
    assert_int_equal(event.retained, 0);
    assert_int_equal(fake_next(fake, RINGPOST_TOPIC).first, 10);
}

static void headers_that_cannot_be_end_the_connection(void **state)
{
    struct fake *fake = *state;
    static const struct {
        const char *data;
        size_t size;
    } blocks[] = {
        {"", 0},
        {"\4\0\0", 3},
        {"\3\0\0\0", 4},
        {"\5\0\0\0", 4},
        {"\6\0\0\0\1\0", 6},
        {"\11\0\0\0\1\2\0\0k", 9},
        {"\11\0\0\0\0\1\0\0k", 9},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        fake_put_context(fake, fake_consume(fake, NULL), 0, 1);
        fake_put(fake, OP_PUSH, MESSAGE_HEADERS, bytes_text("jobs"),
                 bytes_of(blocks[i].data, blocks[i].size));
        assert_int_equal(fake_next(fake, RINGPOST_LOST).error, -EPROTO);
        fake_drop(fake);
        ringpost_close(fake->handle);
        fake_open(fake, NULL);
    }
}

static void peeking_shows_headers(void **state)
{
    struct fake *fake = *state;
    struct ringpost_cursor *cursor;
    struct ringpost_message message;
    fake_put_reply(fake, 1, false, bytes_of("\x81\1\1\0\23\0\0\0q\11\0\0\0\1\1\0\0kb", 19));
    assert_int_equal(ringpost_peek(fake->handle, ringpost_text("q"), 1, 0, &cursor, WAIT_MS), 0);
    assert_int_equal(ringpost_peek_next(cursor, &message), 1);
    assert_int_equal(message.headers.size, 5);
    assert_bytes(message.body, "b");
    ringpost_cursor_close(cursor);
    fake_put_reply(fake, 2, false, bytes_of("\x81\1\1\0\12\0\0\0qm", 10));
    assert_int_equal(ringpost_peek(fake->handle, ringpost_text("q"), 1, 0, &cursor, WAIT_MS), 0);
    assert_int_equal(ringpost_peek_next(cursor, &message), -EPROTO);
    ringpost_cursor_close(cursor);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(headers_stand_before_the_body),
        TEST(without_headers_there_is_no_block),
        TEST(what_cannot_be_is_refused_here),
        TEST(headers_of_a_message_are_found_and_walked),
        TEST(a_message_with_headers_counts_with_them),
        TEST(messages_of_a_topic_have_numbers),
        TEST(headers_that_cannot_be_end_the_connection),
        TEST(peeking_shows_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

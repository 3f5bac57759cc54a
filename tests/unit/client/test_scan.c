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

/* A frame of a broker's that cannot be, or not now. */
struct wrong {
    const char *what;
    const char *frame;
    size_t size;
};
#define WRONG(what, frame)             \
    {                                  \
        what, frame, sizeof(frame) - 1 \
    }

static const struct wrong wrongs[] = {
    WRONG("a text protocol", "-ERR unknown command\r\n"),
    WRONG("the first byte of one", "+"),
    WRONG("a size under a head's", "\xc1\0\0\0\x07\0\0\0"),
    WRONG("a size over all bounds", "\xc3\0\0\0\xff\xff\xff\xff"),
    WRONG("a second WELCOME", "\xc0\0\0\0\x0c\0\0\0\1\0\0\0"),
    WRONG("a CONFIRM with half a number", "\xc1\0\0\0\x0c\0\0\0\0\0\0\0"),
    WRONG("a CONFIRM of what was never sent", "\xc1\0\0\0\x14\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0"),
    WRONG("a CONFIRM with a name", "\xc1\0\1\0\x15\0\0\0n\0\0\0\0\0\0\0\0\1\0\0\0"),
    WRONG("an ERROR without its text's place", "\xc2\0\0\0\x10\0\0\0\1\0\0\0\0\0\0\0"),
    WRONG("an ERROR of no frame", "\xc2\0\0\0\x18\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\x0c\0\0\0"),
    WRONG("an ERROR of what was never sent",
          "\xc2\0\0\0\x18\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0\x0c\0\0\0"),
    WRONG("an ERROR that runs on behind what was sent",
          "\xc2\0\0\0\x18\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\x0c\0\0\0"),
    WRONG("a REPLY to no number", "\xc3\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0"),
    WRONG("a REPLY to what was never sent", "\xc3\0\0\0\x10\0\0\0\2\0\0\0\0\0\0\0"),
    WRONG("half a CONTEXT", "\xc4\0\0\0\x10\0\0\0\1\0\0\0\0\0\0\0"),
    WRONG("half a GAP", "\xc5\0\0\0\x10\0\0\0\1\0\0\0\0\0\0\0"),
    WRONG("half an ENDED", "\xc6\0\0\0\x0c\0\0\0\1\0\0\0"),
    WRONG("a GOAWAY without a status", "\xc7\0\0\0\x08\0\0\0"),
    WRONG("half a LOST", "\xc8\0\0\0\x10\0\0\0\1\0\0\0\1\0\0\0"),
    WRONG("a message that is nobody's", "\x81\0\1\0\x09\0\0\0q"),
    WRONG("a published one", "\x82\0\1\0\x09\0\0\0t"),
};

/* Sends something wrong over a connection with one push on it: the connection must end for it. */
static void see_the_end(struct fake *fake, const struct wrong *wrong)
{
    uint64_t number;
    fake_open(fake, NULL);
    assert_int_equal(ringpost_push(fake->handle, ringpost_text("q"), ringpost_text(""), &number, 0),
                     0);
    fake_step(fake);
    fake_put_raw(fake, wrong->frame, wrong->size);
    fake_step(fake);
    if (fake->handle->link.state == LINK_UP)
        fail_msg("%s is taken", wrong->what);
    assert_int_equal(fake_next(fake, RINGPOST_UNKNOWN).first, number);
    assert_int_equal(fake_next(fake, RINGPOST_LOST).error, -EPROTO);
    ringpost_close(fake->handle);
    fake->handle = NULL;
    fake_drop(fake);
}

static void what_cannot_be_ends_the_connection(void **state)
{
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++)
        see_the_end(*state, &wrongs[i]);
}

static void messages_that_cannot_be_end_the_connection(void **state)
{
    struct fake *fake = *state;
    static const char name[FRAME_NAME_MAX + 1];
    fake_open(fake, NULL);
    fake_put_context(fake, 1, 0, 1);
    fake_put(fake, OP_PUSH, 0, bytes_of(name, FRAME_NAME_MAX), bytes_of(NULL, 0));
    fake_step(fake);
    assert_int_equal(fake->handle->link.state, LINK_UP);
    fake_put(fake, OP_PUSH, 0, bytes_of(name, FRAME_NAME_MAX + 1), bytes_of(NULL, 0));
    fake_step(fake);
    fake_next(fake, RINGPOST_LOST);
    fake_drop(fake);
    fake_welcome(fake, 10, 1000, FRAME_SIZE_DEFAULT);
    fake_put_context(fake, 1, 0, 1);
    fake_put_raw(fake, "\x81\0\2\0\x09\0\0\0q", 9);
    fake_next(fake, RINGPOST_RECONNECTED);
    fake_next(fake, RINGPOST_LOST);
}

static void nothing_but_welcome_greets(void **state)
{
    struct fake *fake = *state;
    fake_open_idle(fake, NULL);
    fake_accept(fake);
    fake_put_confirm(fake, 0);
    fake_step(fake);
    assert_int_equal(fake->handle->link.error, -EPROTO);
    fake_drop(fake);
    fake_accept(fake);
    fake_put(fake, OP_WELCOME, 0, bytes_of(NULL, 0), bytes_of("\2\0\0\0", 4));
    fake_step(fake);
    assert_int_equal(fake->handle->link.error, -EPROTO);
    assert_int_equal(ringpost_frame_max(fake->handle), 0);
}

static void ops_of_tomorrow_are_passed_over(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    fake_put(fake, 0xc9, 3, bytes_text("name"), bytes_text("body"));
    fake_put(fake, 0xff, 0, bytes_of(NULL, 0), bytes_of(NULL, 0));
    fake_put(fake, OP_LINK_LOST, 0, bytes_of(NULL, 0), bytes_of(NULL, 0));
    fake_put(fake, OP_START_REFUSED, 0, bytes_of(NULL, 0), bytes_of(NULL, 0));
    fake_put(fake, OP_PING, 0, bytes_of(NULL, 0), bytes_of(NULL, 0));
    fake_next_none(fake);
    assert_int_equal(fake->handle->link.state, LINK_UP);
}

/* One of everything, as the broker says it. */
static void put_conversation(struct fake *fake, uint32_t consumer, uint32_t topic)
{
    fake_put_context(fake, consumer, 1, 5);
    fake_put_push(fake, "jobs", "a");
    fake_put_push(fake, "jobs", "bb");
    fake_put_confirm(fake, 2);
    fake_put_context(fake, topic, 0, 0);
    fake_put_publish(fake, "t", "news");
    fake_put_gap(fake, topic, 2, 3, 30);
    fake_put_error(fake, 3, 1, RINGPOST_STATUS_FULL, "no room");
    fake_put(fake, 0xc9, 0, bytes_of(NULL, 0), bytes_text("tomorrow"));
    fake_put_ended(fake, consumer, RINGPOST_STATUS_DELETED);
    fake_put_goaway(fake, RINGPOST_STATUS_CLOSING, "bye");
}

static void a_conversation_may_be_split_at_every_byte(void **state)
{
    struct fake *fake = *state;
    fake_open(fake, NULL);
    uint32_t consumer = fake_consume(fake, NULL), topic = fake_subscribe(fake, "t", false);
    assert_int_equal(ringpost_push(fake->handle, ringpost_text("q"), ringpost_text(""), NULL, 0),
                     0);
    fake->is_recording = true;
    put_conversation(fake, consumer, topic);
    fake->is_recording = false;
    for (size_t i = 0; i < fake->record_size; i++) {
        fake_put_raw(fake, fake->record + i, 1);
        fake_step(fake);
    }
    struct ringpost_event event = fake_next(fake, RINGPOST_MESSAGE);
    assert_int_equal(event.tags.first, 5);
    assert_bytes(fake_next(fake, RINGPOST_MESSAGE).body, "bb");
    assert_bytes(fake_next(fake, RINGPOST_TOPIC).body, "news");
    assert_int_equal(fake_next(fake, RINGPOST_GAP).count, 3);
    assert_int_equal(fake_next(fake, RINGPOST_REFUSED).first, 3);
    assert_int_equal(fake_next(fake, RINGPOST_ENDED).id, consumer);
    assert_bytes(fake_next(fake, RINGPOST_GOAWAY).body, "bye");
    fake_next_none(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_cannot_be_ends_the_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_that_cannot_be_end_the_connection, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_but_welcome_greets, setup, teardown),
        cmocka_unit_test_setup_teardown(ops_of_tomorrow_are_passed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_conversation_may_be_split_at_every_byte, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

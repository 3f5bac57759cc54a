#include "frame/header.h"

#include "check.h"
#include "seed.h"

#include <errno.h>

static struct random seed;

/* A header block that grows field by field, and a message behind it. */
struct block {
    unsigned char data[8192];
    size_t size;
};

static struct block block_of_nothing(void)
{
    return (struct block){.size = HEADER_SIZE_MIN};
}

static void add_number(struct block *block, const char *key, uint64_t value)
{
    block->size += field_put_number(block->data + block->size, key, value);
}

static void add_bytes(struct block *block, const char *key, struct bytes value)
{
    block->size += field_put_bytes(block->data + block->size, key, value);
}

/* Parses a copy of just its own size, so that a sanitizer sees a read past the end. */
static int parse(const unsigned char *data, size_t size, struct header *header)
{
    unsigned char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    int result = header_parse(bytes_of(copy, size), header);
    free(copy);
    return result;
}

static int parse_block(struct block *block, struct header *header)
{
    store_u32(block->data, (uint32_t)block->size);
    return parse(block->data, block->size, header);
}

/* A PUSH to "q", of the block unless it is NULL, and a message. The caller frees it. */
static unsigned char *frame_of(struct block *block, const char *message)
{
    size_t size = FRAME_HEAD_SIZE + 1 + (block ? block->size : 0) + strlen(message);
    unsigned char *frame = malloc(size), *at = frame + FRAME_HEAD_SIZE;
    uint8_t flags = block ? MESSAGE_HEADERS : 0;
    frame_head_store(frame, (struct frame_head){OP_PUSH, flags, 1, (uint32_t)size});
    *at++ = 'q';
    if (block) {
        store_u32(block->data, (uint32_t)block->size);
        memcpy(at, block->data, block->size);
        at += block->size;
    }
    memcpy(at, message, strlen(message));
    return frame;
}

/* Sees that a frame is the one that `frame_of` makes of these, and frees both. */
static void expect_frame(unsigned char *frame, struct block *block, const char *message)
{
    unsigned char *expected = frame_of(block, message);
    assert_int_equal(frame_size(frame), frame_size(expected));
    assert_memory_equal(frame, expected, frame_size(expected));
    free(expected);
    free(frame);
}

/* The frame as a dead letter, in as much room as the header promises to need. */
static unsigned char *dead(const unsigned char *frame, const struct dead_reason *why)
{
    unsigned char *letter = malloc(frame_size(frame) + DEAD_GROWTH_MAX);
    uint32_t size = header_put_dead(letter, frame, why);
    assert_int_equal(size, frame_size(letter));
    assert_true(size <= frame_size(frame) + DEAD_GROWTH_MAX);
    return letter;
}

static unsigned char *alive(const unsigned char *frame)
{
    unsigned char *copy = malloc(frame_size(frame));
    uint32_t size = header_put_alive(copy, frame);
    assert_int_equal(size, frame_size(copy));
    assert_true(size <= frame_size(frame));
    return copy;
}

static void a_block_of_no_fields_says_nothing(void **state)
{
    (void)state;
    struct block b = block_of_nothing();
    struct header header;
    assert_int_equal(parse_block(&b, &header), 0);
    assert_int_equal(header.size, HEADER_SIZE_MIN);
    assert_int_equal(header.fields.size, 0);
    assert_true(header.ttl_ms == 0 && header.delay_ms == 0 && header.dead_times == 0);
    assert_int_equal(header.dead_queue.size, 0);
}

static void what_the_broker_acts_upon_is_read(void **state)
{
    (void)state;
    struct block b = block_of_nothing();
    struct header header;
    add_number(&b, "ttl", UINT64_MAX);
    add_bytes(&b, "reply-to", bytes_text("inbox:x"));
    add_number(&b, "delay", 7);
    add_number(&b, "dead-times", 3);
    add_bytes(&b, "dead-queue", bytes_text("jobs"));
    size_t size = b.size;
    memcpy(b.data + b.size, "the message", 11);
    store_u32(b.data, (uint32_t)size);
    assert_int_equal(header_parse(bytes_of(b.data, size + 11), &header), 0);
    assert_int_equal(header.size, size);
    assert_true(bytes_equal(header.fields, bytes_of(b.data + 4, size - 4)));
    assert_true(header.ttl_ms == UINT64_MAX && header.delay_ms == 7 && header.dead_times == 3);
    assert_true(bytes_equal(header.dead_queue, bytes_text("jobs")));
}

static void keys_that_the_protocol_does_not_define_may_be_anything(void **state)
{
    (void)state;
    struct block b = block_of_nothing();
    struct header header;
    add_number(&b, "x-ttl", 0);
    add_bytes(&b, "x-trace", bytes_text(""));
    add_bytes(&b, "ttl-of-mine", bytes_text("soon"));
    add_number(&b, "Reply-To", 5);
    assert_int_equal(parse_block(&b, &header), 0);
    assert_true(header.ttl_ms == 0);
}

static void a_block_cut_short_is_refused_at_every_byte(void **state)
{
    (void)state;
    struct block b = block_of_nothing();
    struct header header;
    add_number(&b, "ttl", 5);
    add_bytes(&b, "correlation-id", bytes_text("12"));
    store_u32(b.data, (uint32_t)b.size);
    for (size_t cut = 0; cut < b.size; cut++)
        assert_int_equal(parse(b.data, cut, &header), -EBADMSG);
    assert_int_equal(parse(b.data, b.size, &header), 0);
}

static void a_size_that_cuts_a_field_is_refused(void **state)
{
    (void)state;
    struct block b = block_of_nothing();
    struct header header;
    add_bytes(&b, "x-a", bytes_text("12"));
    size_t between = b.size;
    add_number(&b, "delay", 5);
    for (uint32_t size = 0; size < b.size; size++) {
        bool is_whole = size == HEADER_SIZE_MIN || size == between;
        store_u32(b.data, size);
        assert_int_equal(parse(b.data, b.size, &header), is_whole ? 0 : -EBADMSG);
    }
    store_u32(b.data, (uint32_t)b.size + 1);
    assert_int_equal(parse(b.data, b.size, &header), -EBADMSG);
    store_u32(b.data, UINT32_MAX);
    assert_int_equal(parse(b.data, b.size, &header), -EBADMSG);
}

/* Section 1 of docs/PROTOCOL.md. */
static const char *const number_keys[] = {"ttl", "delay", "dead-deliveries", "dead-times"};
static const char *const bytes_keys[] = {"reply-to", "correlation-id", "traceparent", "dead-reason",
                                         "dead-queue"};

static void a_known_key_of_another_kind_is_refused(void **state)
{
    (void)state;
    struct header header;
    for (int i = 0; i < 4; i++) {
        struct block b = block_of_nothing(), good = block_of_nothing();
        add_number(&good, number_keys[i], 1);
        assert_int_equal(parse_block(&good, &header), 0);
        add_bytes(&b, number_keys[i], bytes_text("12345678"));
        assert_int_equal(parse_block(&b, &header), -EBADMSG);
    }
    for (int i = 0; i < 5; i++) {
        struct block b = block_of_nothing(), good = block_of_nothing();
        add_bytes(&good, bytes_keys[i], bytes_text("1"));
        assert_int_equal(parse_block(&good, &header), 0);
        add_number(&b, bytes_keys[i], 1);
        assert_int_equal(parse_block(&b, &header), -EBADMSG);
    }
}

static void a_value_out_of_range_is_refused(void **state)
{
    (void)state;
    static const unsigned char name[FRAME_NAME_MAX + 1];
    struct header header;
    struct block ttl = block_of_nothing(), delay = block_of_nothing();
    add_number(&ttl, "ttl", 0);
    assert_int_equal(parse_block(&ttl, &header), -EBADMSG);
    add_number(&delay, "delay", 0);
    assert_int_equal(parse_block(&delay, &header), 0);
    struct block longest = block_of_nothing(), longer = block_of_nothing();
    add_bytes(&longest, "dead-queue", bytes_of(name, FRAME_NAME_MAX));
    assert_int_equal(parse_block(&longest, &header), 0);
    add_bytes(&longer, "dead-queue", bytes_of(name, FRAME_NAME_MAX + 1));
    assert_int_equal(parse_block(&longer, &header), -EBADMSG);
}

/* The second field is as wrong as the first. */
static void what_is_wrong_behind_good_fields_is_refused(void **state)
{
    (void)state;
    struct block b = block_of_nothing();
    struct header header;
    add_number(&b, "ttl", 5);
    add_number(&b, "ttl", 0);
    assert_int_equal(parse_block(&b, &header), -EBADMSG);
}

static void a_frame_without_headers_has_none(void **state)
{
    (void)state;
    /* A message that would be a block. */
    unsigned char *frame = frame_of(NULL, "\x05 x");
    struct header header = header_of(frame);
    assert_true(header.size == 0 && header.fields.size == 0 && header.dead_times == 0);
    free(frame);
}

static void a_frame_without_headers_dies_with_four(void **state)
{
    (void)state;
    const struct dead_reason why = {"rejected", bytes_text("jobs"), 2};
    struct block expected = block_of_nothing();
    unsigned char *frame = frame_of(NULL, "message");
    add_bytes(&expected, "dead-reason", bytes_text("rejected"));
    add_bytes(&expected, "dead-queue", bytes_text("jobs"));
    add_number(&expected, "dead-deliveries", 2);
    add_number(&expected, "dead-times", 1);
    expect_frame(dead(frame, &why), &expected, "message");
    free(frame);
}

static void the_dead_keep_what_is_not_about_their_time(void **state)
{
    (void)state;
    const struct dead_reason why = {"expired", bytes_text("retries"), 0};
    struct block was = block_of_nothing(), expected = block_of_nothing();
    add_number(&was, "ttl", 100);
    add_bytes(&was, "reply-to", bytes_text("queue:answers"));
    add_bytes(&was, "dead-reason", bytes_text("rejected"));
    add_number(&was, "x-own", 9);
    add_number(&was, "dead-times", 4);
    add_number(&was, "delay", 100);
    add_bytes(&was, "dead-queue", bytes_text("jobs"));
    add_number(&was, "dead-deliveries", 16);
    add_bytes(&was, "correlation-id", bytes_text(""));
    unsigned char *frame = frame_of(&was, "message");
    add_bytes(&expected, "reply-to", bytes_text("queue:answers"));
    add_number(&expected, "x-own", 9);
    add_bytes(&expected, "correlation-id", bytes_text(""));
    add_bytes(&expected, "dead-reason", bytes_text("expired"));
    add_bytes(&expected, "dead-queue", bytes_text("retries"));
    add_number(&expected, "dead-deliveries", 0);
    add_number(&expected, "dead-times", 5);
    expect_frame(dead(frame, &why), &expected, "message");
    free(frame);
}

static void a_frame_grows_by_the_most_at_most(void **state)
{
    (void)state;
    static const unsigned char name[FRAME_NAME_MAX];
    const struct dead_reason why = {"deliveries", bytes_of(name, sizeof name), UINT64_MAX};
    unsigned char *frame = frame_of(NULL, "");
    unsigned char *letter = dead(frame, &why); /* sees to it */
    assert_true(frame_size(letter) - frame_size(frame) > FRAME_NAME_MAX);
    static_assert(DEAD_GROWTH_MAX <= 2048, "what docs/PROTOCOL.md promises, section 4");
    free(letter);
    free(frame);
}

static void what_lives_again_keeps_how_often_it_died(void **state)
{
    (void)state;
    struct block was = block_of_nothing(), expected = block_of_nothing();
    add_bytes(&was, "dead-reason", bytes_text("rejected"));
    add_number(&was, "x-own", 9);
    add_bytes(&was, "dead-queue", bytes_text("jobs"));
    add_number(&was, "dead-deliveries", 16);
    add_number(&was, "dead-times", 4);
    unsigned char *frame = frame_of(&was, "message");
    add_number(&expected, "x-own", 9);
    add_number(&expected, "dead-times", 4);
    expect_frame(alive(frame), &expected, "message");
    free(frame);
}

static void what_was_never_dead_lives_on_as_it_is(void **state)
{
    (void)state;
    struct block b = block_of_nothing();
    add_number(&b, "ttl", 5);
    add_number(&b, "delay", 6);
    unsigned char *bare = frame_of(NULL, "message"), *headed = frame_of(&b, "message");
    expect_frame(alive(bare), NULL, "message");
    expect_frame(alive(headed), &b, "message");
    free(bare);
    free(headed);
}

/* Adds fields of all sorts; to `kept` those that death leaves. */
static void add_any(struct block *block, struct block *kept)
{
    static const char *const keys[] = {"x-a",        "reply-to",    "ttl",        "delay",
                                       "dead-times", "dead-reason", "dead-queue", "other"};
    for (uint64_t count = random_below(&seed, 8); count > 0; count--) {
        static const unsigned char value[64] = "value";
        size_t at = random_below(&seed, 8), size = random_below(&seed, sizeof value);
        bool is_number = at >= 2 && at <= 4;
        bool is_kept = at < 2 || at == 7;
        if (is_number)
            add_number(block, keys[at], 1 + random_below(&seed, 9));
        else
            add_bytes(block, keys[at], bytes_of(value, size));
        if (is_kept)
            add_bytes(kept, keys[at], bytes_of(value, size));
    }
}

static void fields_and_message_survive_every_death(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct block b = block_of_nothing(), kept = block_of_nothing();
        add_any(&b, &kept);
        unsigned char *frame = frame_of(&b, "message");
        uint64_t times = header_of(frame).dead_times;
        unsigned char *letter = dead(frame, &(struct dead_reason){"expired", bytes_text("q"), 3});
        struct header header = header_of(letter);
        assert_true(header.ttl_ms == 0 && header.delay_ms == 0);
        assert_true(header.dead_times == times + 1);
        assert_true(bytes_equal(header.dead_queue, bytes_text("q")));
        add_number(&kept, "dead-times", times + 1);
        expect_frame(alive(letter), &kept, "message");
        free(letter);
        free(frame);
    }
}

static void whatever_is_parsed_lies_within_the_body(void **state)
{
    (void)state;
    int parsed_count = 0;
    for (int round = 0; round < 200000; round++) {
        unsigned char data[48];
        size_t size = random_below(&seed, sizeof data + 1);
        for (size_t i = 0; i < size; i++)
            data[i] = (unsigned char)random_below(&seed, i < 4 && i > 0 ? 1 : 12);
        if (size > 0)
            data[0] = (unsigned char)random_below(&seed, sizeof data);
        struct header header;
        if (header_parse(bytes_of(data, size), &header) != 0)
            continue;
        parsed_count++;
        assert_in_range(header.size, HEADER_SIZE_MIN, size);
        assert_true(header.fields.size == header.size - HEADER_SIZE_MIN);
    }
    assert_true(parsed_count > 100);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_of_no_fields_says_nothing),
        cmocka_unit_test(what_the_broker_acts_upon_is_read),
        cmocka_unit_test(keys_that_the_protocol_does_not_define_may_be_anything),
        cmocka_unit_test(a_block_cut_short_is_refused_at_every_byte),
        cmocka_unit_test(a_size_that_cuts_a_field_is_refused),
        cmocka_unit_test(a_known_key_of_another_kind_is_refused),
        cmocka_unit_test(a_value_out_of_range_is_refused),
        cmocka_unit_test(what_is_wrong_behind_good_fields_is_refused),
        cmocka_unit_test(a_frame_without_headers_has_none),
        cmocka_unit_test(a_frame_without_headers_dies_with_four),
        cmocka_unit_test(the_dead_keep_what_is_not_about_their_time),
        cmocka_unit_test(a_frame_grows_by_the_most_at_most),
        cmocka_unit_test(what_lives_again_keeps_how_often_it_died),
        cmocka_unit_test(what_was_never_dead_lives_on_as_it_is),
        cmocka_unit_test(fields_and_message_survive_every_death),
        cmocka_unit_test(whatever_is_parsed_lies_within_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

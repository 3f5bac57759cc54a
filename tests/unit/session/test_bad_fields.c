#include "session/culprit.h"

#include "check.h"
#include "core/frames.h"
#include "frame/field.h"
#include "frame/header.h"

#include <stdlib.h>

/* The rows about fields in the table in section 9 of docs/PROTOCOL.md. */

static void expect_fields(struct talk *talk, int op, const char *fields, const char *status)
{
    struct script script = {0};
    script_fields(&script, op, "q", fields);
    culprit_expect_stays(talk, &script, status);
}

/* A field that holds bytes, whatever they look like. */
static void expect_bytes(struct talk *talk, int op, const char *key, const void *value, size_t size,
                         const char *status)
{
    struct script script = {0};
    unsigned char body[2048];
    size_t skip = op == OP_REDRIVE ? 4 : 0;
    memset(body, 0, skip);
    script_frame(&script, op, 0, "q", body,
                 skip + field_put_bytes(body + skip, key, bytes_of(value, size)));
    culprit_expect_stays(talk, &script, status);
}

/* What DECLARE and SET have in common. */
static const int ops[] = {OP_DECLARE, OP_SET};

static void settings_with_broken_fields_stay(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < 2 * BROKEN_FIELDS; i++) {
        struct script s = {0};
        unsigned char body[256];
        const struct broken_fields *broken = &broken_fields[i / 2];
        size_t size = field_put_number(body, "max-messages", 5);
        memcpy(body + size, broken->data, broken->size);
        script_frame(&s, ops[i % 2], 0, "q", body, size + broken->size);
        culprit_expect_stays(t, &s, "bad-frame");
    }
    assert_int_equal(engine_totals(t->engine).queues, 0);
    culprit_close(t);
}

static void a_setting_that_is_not_known_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < 2; i++) {
        expect_fields(t, ops[i], "max-message=1", "bad-field");
        expect_fields(t, ops[i], "Max-messages=1", "bad-field");
        expect_fields(t, ops[i], "when-fully=hold", "bad-field");
        expect_fields(t, ops[i], "ttl=5 x-own=1", "bad-field");
        expect_fields(t, ops[i], "name=q", "bad-field");
    }
    culprit_close(t);
}

static void a_setting_of_the_wrong_kind_stays(void **state)
{
    (void)state;
    static const char *const numbers[] = {"max-messages", "max-bytes", "ttl", "delivery-limit",
                                          "lease-max"};
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < 10; i++)
        expect_bytes(t, ops[i % 2], numbers[i / 2], "12345678", 8, "bad-field");
    for (int i = 0; i < 2; i++) {
        expect_fields(t, ops[i], "when-full=1", "bad-field");
        expect_fields(t, ops[i], "dead-letter=1", "bad-field");
        expect_fields(t, ops[i], "pop-lease=1", "bad-field");
    }
    culprit_close(t);
}

static void a_setting_out_of_range_stays(void **state)
{
    (void)state;
    static const char name[FRAME_NAME_MAX + 1] = "n";
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < 2; i++) {
        expect_fields(t, ops[i], "max-messages=0", "bad-field");
        expect_fields(t, ops[i], "max-bytes=0", "bad-field");
        expect_fields(t, ops[i], "delivery-limit=65536", "bad-field");
        expect_fields(t, ops[i], "delivery-limit=18446744073709551615", "bad-field");
        expect_fields(t, ops[i], "when-full=", "bad-field");
        expect_fields(t, ops[i], "when-full=holds", "bad-field");
        expect_fields(t, ops[i], "when-full=Hold", "bad-field");
        expect_fields(t, ops[i], "pop-lease=connections", "bad-field");
        expect_bytes(t, ops[i], "dead-letter", name, sizeof name, "bad-field");
    }
    assert_int_equal(engine_totals(t->engine).queues, 0);
    culprit_close(t);
}

/* It is not set in part. */
static void a_good_setting_before_a_bad_one_is_not_set(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_fields(&s, OP_DECLARE, "q", "ttl=5");
    talk_play(t, CULPRIT, &s);
    expect_fields(t, OP_SET, "ttl=6 max-bytes=0", "bad-field");
    script_fields(&s, OP_DECLARE, "q", "ttl=5");
    talk_play(t, CULPRIT, &s);
    talk_expect(t, CULPRIT, "CONFIRM 4\nREPLY 4\n");
    culprit_close(t);
}

static void settings_of_no_queue_stay(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    expect_fields(t, OP_SET, "ttl=5", "no-queue");
    culprit_close(t);
}

static void a_redrive_without_its_count_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (size_t size = 0; size < 4; size++) {
        struct script s = {0};
        script_frame(&s, OP_REDRIVE, 0, "q", "\0\0\0", size);
        culprit_expect_stays(t, &s, "bad-frame");
    }
    culprit_close(t);
}

static void a_redrive_with_broken_fields_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < BROKEN_FIELDS; i++) {
        struct script s = {0};
        unsigned char body[256] = {0};
        size_t size = 4 + field_put_bytes(body + 4, "to", bytes_text("r"));
        memcpy(body + size, broken_fields[i].data, broken_fields[i].size);
        script_frame(&s, OP_REDRIVE, 0, "q", body, size + broken_fields[i].size);
        culprit_expect_stays(t, &s, "bad-frame");
    }
    culprit_close(t);
}

static void a_redrive_with_a_bad_field_stays(void **state)
{
    (void)state;
    static const char name[FRAME_NAME_MAX + 1] = "n";
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    unsigned char body[64] = {0};
    script_frame(&s, OP_REDRIVE, 0, "q", body, 4 + field_put_number(body + 4, "to", 1));
    culprit_expect_stays(t, &s, "bad-field");
    expect_bytes(t, OP_REDRIVE, "To", "r", 1, "bad-field");
    expect_bytes(t, OP_REDRIVE, "to", "", 0, "bad-field");
    expect_bytes(t, OP_REDRIVE, "to", name, sizeof name, "bad-field");
    expect_bytes(t, OP_REDRIVE, "to", "q", 1, "bad-field"); /* itself */
    culprit_close(t);
}

static void a_redrive_of_no_queue_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_numbers(&s, OP_REDRIVE, 0, "q", "4", 0);
    talk_play(t, CULPRIT, &s);
    talk_expect(t, CULPRIT, "ERROR 1+1 no-queue\nCONFIRM 1\n");
    culprit_close(t);
}

static void a_kill_of_nobody_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_numbers(&s, OP_KILL, 0, "", "4", 77);
    culprit_expect_stays(t, &s, "no-client");
    culprit_close(t);
}

/* Has the culprit send a message whose body is these bytes and should be a block with headers and
 * more. */
static void expect_bad_header(struct talk *talk, const void *body, size_t size)
{
    static const int message_ops[] = {OP_PUSH, OP_PUBLISH};
    for (int i = 0; i < 2; i++) {
        struct script script = {0};
        script_frame(&script, message_ops[i], MESSAGE_HEADERS, "q", body, size);
        culprit_expect_stays(talk, &script, "bad-header");
    }
}

static void a_header_block_of_a_wrong_size_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    unsigned char body[64] = {0};
    size_t block = HEADER_SIZE_MIN + field_put_number(body + HEADER_SIZE_MIN, "x-a", 5);
    for (uint32_t size = 0; size < block; size++) {
        store_u32(body, size);
        if (size != HEADER_SIZE_MIN)
            expect_bad_header(t, body, block);
    }
    store_u32(body, (uint32_t)block + 1);
    expect_bad_header(t, body, block);
    store_u32(body, UINT32_MAX);
    expect_bad_header(t, body, block);
    store_u32(body, (uint32_t)block);
    for (size_t size = 0; size < block; size++)
        expect_bad_header(t, body, size);
    assert_int_equal(engine_totals(t->engine).queues, 0);
    culprit_close(t);
}

static void a_header_block_with_broken_fields_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < BROKEN_FIELDS; i++) {
        unsigned char body[256];
        size_t size = HEADER_SIZE_MIN;
        size += field_put_number(body + size, "ttl", 5);
        memcpy(body + size, broken_fields[i].data, broken_fields[i].size);
        size += broken_fields[i].size;
        store_u32(body, (uint32_t)size);
        expect_bad_header(t, body, size);
    }
    culprit_close(t);
}

static void expect_bad_headers(struct talk *talk, const char *headers)
{
    unsigned char body[256];
    size_t size = HEADER_SIZE_MIN + frames_put_fields(body + HEADER_SIZE_MIN, headers);
    store_u32(body, (uint32_t)size);
    expect_bad_header(talk, body, size);
}

static void a_header_of_another_kind_or_out_of_range_stays(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "ttl=soon",          "ttl=0",         "delay=later",        "reply-to=1",
        "correlation-id=1",  "traceparent=1", "dead-reason=1",      "dead-queue=1",
        "dead-deliveries=x", "dead-times=x",  "x-good=1 ttl=never",
    };
    struct talk *t = culprit_open_with_hello();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_bad_headers(t, bad[i]);
    culprit_close(t);
}

/* The longest block there may be, and one byte more. */
static void a_header_block_over_64_kib_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    unsigned char *body = calloc(1, HEADER_SIZE_MAX + 2);
    unsigned char *at = body + HEADER_SIZE_MIN;
    size_t value = HEADER_SIZE_MAX - HEADER_SIZE_MIN - FIELD_HEAD_SIZE - 3;
    field_put_bytes(at, "x-a", bytes_text(""));
    store_u16(at + 2, (uint16_t)(value + 1));
    store_u32(body, HEADER_SIZE_MAX + 1);
    expect_bad_header(t, body, HEADER_SIZE_MAX + 1);
    store_u16(at + 2, (uint16_t)value);
    store_u32(body, HEADER_SIZE_MAX);
    script_frame(&s, OP_PUSH, MESSAGE_HEADERS, "q", body, HEADER_SIZE_MAX + 1);
    talk_play(t, CULPRIT, &s);
    talk_expect(t, CULPRIT, "CONFIRM 5\n");
    free(body);
    culprit_close(t);
}

/* Its neighbours are none of that. */
static void a_bad_header_is_the_fault_of_one_message(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_headed(&s, OP_PUSH, "q", "ttl=5", "a");
    script_headed(&s, OP_PUSH, "q", "ttl=0", "b");
    script_headed(&s, OP_PUSH, "q", "ttl=5", "c");
    talk_play(t, CULPRIT, &s);
    talk_expect(t, CULPRIT, "ERROR 2+1 bad-header\nCONFIRM 3\n");
    assert_int_equal(engine_totals(t->engine).ready, 2);
    culprit_close(t);
}

/* Without the flag it is the message's own business. */
static void bytes_that_are_no_header_block_are_a_message(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_frame(&s, OP_PUSH, 0, "q", "\xff\xff\xff\xff", 4);
    talk_play(t, CULPRIT, &s);
    talk_expect(t, CULPRIT, "CONFIRM 1\n");
    culprit_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_with_broken_fields_stay),
        cmocka_unit_test(a_setting_that_is_not_known_stays),
        cmocka_unit_test(a_setting_of_the_wrong_kind_stays),
        cmocka_unit_test(a_setting_out_of_range_stays),
        cmocka_unit_test(a_good_setting_before_a_bad_one_is_not_set),
        cmocka_unit_test(settings_of_no_queue_stay),
        cmocka_unit_test(a_redrive_without_its_count_stays),
        cmocka_unit_test(a_redrive_with_broken_fields_stays),
        cmocka_unit_test(a_redrive_with_a_bad_field_stays),
        cmocka_unit_test(a_redrive_of_no_queue_stays),
        cmocka_unit_test(a_kill_of_nobody_stays),
        cmocka_unit_test(a_header_block_of_a_wrong_size_stays),
        cmocka_unit_test(a_header_block_with_broken_fields_stays),
        cmocka_unit_test(a_header_of_another_kind_or_out_of_range_stays),
        cmocka_unit_test(a_header_block_over_64_kib_stays),
        cmocka_unit_test(a_bad_header_is_the_fault_of_one_message),
        cmocka_unit_test(bytes_that_are_no_header_block_are_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

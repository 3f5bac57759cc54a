/* Section 9, the rows of SUBSCRIBE and PUBLISH: the connection goes on. */
#include "check.h"
#include "frame/field.h"
#include "session/talk.h"

enum { CLIENT = 1 };

static struct talk *open(void)
{
    struct talk *talk = talk_open();
    talk_hello(talk, CLIENT);
    return talk;
}

/* A SUBSCRIBE of topic t with these fields. */
static void expect_subscribe(struct talk *t, const void *fields, size_t size, const char *status)
{
    struct script s = {0};
    unsigned char body[512] = {7};
    memcpy(body + 16, fields, size);
    script_frame(&s, OP_SUBSCRIBE, 0, "t", body, 16 + size);
    talk_expect_refusal(t, CLIENT, &s, status);
}

static void a_subscribe_with_broken_fields_stays(void **state)
{
    (void)state;
    struct talk *t = open();
    expect_subscribe(t, "\x01", 1, "bad-frame");
    expect_subscribe(t, "\x05\x01\x00\x00gr", 6, "bad-frame");
    expect_subscribe(t, "\x05\x01\x02\x00groupg", 10, "bad-frame");
    expect_subscribe(t, "\x05\x02\x01\x00groupg", 10, "bad-frame");
    expect_subscribe(t, "\x08\x00\x01\x00retained0", 13, "bad-frame");
    assert_int_equal(engine_totals(t->engine).subscriptions, 0);
    talk_close(t);
}

static void a_subscribe_with_a_field_or_value_it_does_not_know_stays(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text; /* NULL: the number */
        uint64_t number;
    } fields[] = {
        {"groups", "a", 0},      {"group", "", 0},      {"group", NULL, 1},
        {"overflow", "drop", 0}, {"overflow", "", 0},   {"overflow", NULL, 1},
        {"retained", "1", 0},    {"retained", NULL, 2}, {"max-messages", NULL, 1},
    };
    struct talk *t = open();
    unsigned char body[512], group[256];
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t size = fields[i].text
                          ? field_put_bytes(body, fields[i].key, bytes_text(fields[i].text))
                          : field_put_number(body, fields[i].key, fields[i].number);
        expect_subscribe(t, body, size, "bad-field");
    }
    memset(group, 'g', sizeof group);
    expect_subscribe(t, body, field_put_bytes(body, "group", bytes_of(group, sizeof group)),
                     "bad-field");
    talk_close(t);
}

static void an_inbox_with_a_name_a_pattern_or_a_group_stays(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    unsigned char body[64] = {7};
    script_numbers(&s, OP_SUBSCRIBE, SUBSCRIBE_INBOX, "mine", "448", 7, 0, UINT64_C(0));
    talk_expect_refusal(t, CLIENT, &s, "bad-name");
    script_numbers(&s, OP_SUBSCRIBE, SUBSCRIBE_INBOX | SUBSCRIBE_WILDCARD, "", "448", 7, 0,
                   UINT64_C(0));
    talk_expect_refusal(t, CLIENT, &s, "bad-flags");
    script_frame(&s, OP_SUBSCRIBE, SUBSCRIBE_INBOX, "", body,
                 16 + field_put_bytes(body + 16, "group", bytes_text("g")));
    talk_expect_refusal(t, CLIENT, &s, "bad-field");
    talk_close(t);
}

static void a_message_to_be_retained_in_an_inbox_stays(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_frame(&s, OP_PUBLISH, PUBLISH_RETAIN | PUBLISH_INBOX, "i", "m", 1);
    talk_expect_refusal(t, CLIENT, &s, "bad-flags");
    talk_close(t);
}

static void a_publish_that_must_have_a_reader_stays(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_frame(&s, OP_PUBLISH, PUBLISH_MUST, "t", "m", 1);
    talk_expect_refusal(t, CLIENT, &s, "no-reader");
    script_frame(&s, OP_PUBLISH, PUBLISH_MUST | PUBLISH_RETAIN, "t", "m", 1);
    talk_expect_refusal(t, CLIENT, &s, "no-reader");
    script_frame(&s, OP_PUBLISH, PUBLISH_MUST | PUBLISH_INBOX, "forged", "m", 1);
    talk_expect_refusal(t, CLIENT, &s, "no-reader");
    assert_int_equal(engine_totals(t->engine).retained, 0);
    talk_close(t);
}

static void topics_of_nothing_stay(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_numbers(&s, OP_TOPICS, 0, "", "4", 0);
    talk_expect_refusal(t, CLIENT, &s, "bad-range");
    script_numbers(&s, OP_TOPICS, 0, "t", "8", UINT64_C(1));
    talk_expect_refusal(t, CLIENT, &s, "bad-frame");
    script_numbers(&s, OP_TOPICS, 1, "t", "4", 1);
    talk_expect_refusal(t, CLIENT, &s, "bad-flags");
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subscribe_with_broken_fields_stays),
        cmocka_unit_test(a_subscribe_with_a_field_or_value_it_does_not_know_stays),
        cmocka_unit_test(an_inbox_with_a_name_a_pattern_or_a_group_stays),
        cmocka_unit_test(a_message_to_be_retained_in_an_inbox_stays),
        cmocka_unit_test(a_publish_that_must_have_a_reader_stays),
        cmocka_unit_test(topics_of_nothing_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

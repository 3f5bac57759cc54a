#include "base/time.h"
#include "core/consumer.h"

#include "check.h"
#include "frame/field.h"
#include "session/culprit.h"

#include <stdio.h>
#include <stdlib.h>

/* The table in section 9 of docs/PROTOCOL.md, row by row and in its order; those about fields are in
 * test_bad_fields.c. */

/* Section 3: what a client may send. */
static const struct shape {
    enum op op;
    const char *name; /* "" where none belongs */
    int flags;        /* the bits that are listed */
    int body_size;    /* -1: the message or fields */
} shapes[] = {
    {OP_PUSH, "q", 1, -1},    {OP_PUBLISH, "t", 15, -1},  {OP_CONSUME, "q", 3, 16},
    {OP_CANCEL, "", 0, 4},    {OP_CREDIT, "", 0, 16},     {OP_ACK, "", 0, 16},
    {OP_RETURN, "", 0, 16},   {OP_REJECT, "", 0, 16},     {OP_SUBSCRIBE, "t", 3, 16},
    {OP_DECLARE, "q", 0, -1}, {OP_UNSUBSCRIBE, "", 0, 4}, {OP_DELETE, "q", 0, 0},
    {OP_PURGE, "q", 0, 0},    {OP_PAUSE, "q", 0, 0},      {OP_RESUME, "q", 0, 0},
    {OP_PEEK, "q", 1, 4},     {OP_LIST, "", 0, 4},        {OP_INFO, "q", 0, 0},
    {OP_STATS, "", 0, 0},     {OP_PING, "", 0, 0},        {OP_TOUCH, "", 0, 16},
    {OP_SET, "q", 0, -1},     {OP_REDRIVE, "q", 0, -1},   {OP_CLIENTS, "", 0, 8},
    {OP_TOPICS, "", 0, 4},    {OP_KILL, "", 0, 4},        {OP_SETTINGS, "", 0, 0},
    {OP_HEARTBEAT, "", 0, 0},
};
enum { SHAPES_COUNT = sizeof shapes / sizeof *shapes };

static bool is_known(int op)
{
    for (int i = 0; i < SHAPES_COUNT; i++)
        if ((int)shapes[i].op == op)
            return true;
    return op == OP_HELLO;
}

/* The ops whose body is a consumer, a count and a tag. */
static const int tag_ops[] = {OP_ACK, OP_RETURN, OP_REJECT, OP_TOUCH};
enum { TAG_OPS_COUNT = sizeof tag_ops / sizeof *tag_ops };

static const unsigned char ones[2048] = {1};

/* Has the culprit say `script` and a good frame behind it; the broker names the status and takes
 * nothing more. */
static void expect_closed(struct talk *talk, struct script *script, const char *status)
{
    char expected[64];
    script_messages(script, OP_PUSH, "marker", "a");
    talk_play(talk, CULPRIT, script);
    snprintf(expected, sizeof expected, "ERROR 0+0 %s\n", status);
    talk_expect(talk, CULPRIT, expected);
    assert_int_equal(talk_session(talk, CULPRIT)->state, SESSION_CLOSED);
    assert_int_equal(engine_totals(talk->engine).queues, 0);
}

/* A new connection that says `script` first. */
static void expect_closed_first(struct script *script, const char *status)
{
    struct talk *talk = culprit_open();
    talk_connect(talk, CULPRIT);
    expect_closed(talk, script, status);
    culprit_close(talk);
}

static void a_first_frame_that_is_not_hello_closes(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES_COUNT; i++) {
        struct script s = {0};
        script_frame(&s, shapes[i].op, 0, shapes[i].name, ones,
                     shapes[i].body_size < 0 ? 0 : (size_t)shapes[i].body_size);
        expect_closed_first(&s, "hello");
    }
    for (int op = 0x80; op <= 0xff; op++) {
        struct script s = {0};
        if (is_known(op))
            continue;
        script_frame(&s, op, 0, "", "", 0);
        expect_closed_first(&s, "hello");
    }
}

static void a_first_frame_over_4096_bytes_closes_whatever_it_is(void **state)
{
    (void)state;
    struct script s = {0};
    script_messages(&s, OP_PUSH, "q", "a:4097");
    expect_closed_first(&s, "too-large");
}

static void a_hello_over_4096_bytes_closes(void **state)
{
    (void)state;
    unsigned char body[FRAME_HELLO_MAX] = {PROTOCOL_VERSION};
    struct script s = {0};
    script_frame(&s, OP_HELLO, 0, "", body, FRAME_HELLO_MAX - FRAME_HEAD_SIZE + 1);
    expect_closed_first(&s, "too-large");
}

/* The head alone says enough. */
static void a_hello_that_will_be_too_large_closes_at_once(void **state)
{
    (void)state;
    struct script s = {0};
    unsigned char head[FRAME_HEAD_SIZE];
    frame_head_store(head, (struct frame_head){OP_HELLO, 0, 0, UINT32_MAX});
    script_put(&s, head, sizeof head);
    expect_closed_first(&s, "too-large");
}

static void a_hello_shorter_than_12_bytes_closes(void **state)
{
    (void)state;
    for (size_t size = 0; size < 4; size++) {
        struct script s = {0};
        script_frame(&s, OP_HELLO, 0, "", ones, size);
        expect_closed_first(&s, "bad-frame");
    }
}

/* Behind a field that is good. */
static void a_hello_with_broken_fields_closes(void **state)
{
    (void)state;
    for (int i = 0; i < BROKEN_FIELDS; i++) {
        struct script s = {0};
        unsigned char body[256];
        size_t size = 4;
        store_u32(body, PROTOCOL_VERSION);
        size += field_put_number(body + size, "window", 5);
        memcpy(body + size, broken_fields[i].data, broken_fields[i].size);
        script_frame(&s, OP_HELLO, 0, "", body, size + broken_fields[i].size);
        expect_closed_first(&s, "bad-frame");
    }
}

static void a_hello_with_a_name_closes(void **state)
{
    (void)state;
    struct script s = {0};
    script_numbers(&s, OP_HELLO, 0, "x", "4", PROTOCOL_VERSION);
    expect_closed_first(&s, "bad-name");
}

static void a_hello_with_flags_closes(void **state)
{
    (void)state;
    for (int bit = 0; bit < 8; bit++) {
        struct script s = {0};
        script_numbers(&s, OP_HELLO, 1 << bit, "", "4", PROTOCOL_VERSION);
        expect_closed_first(&s, "bad-flags");
    }
}

static void a_hello_of_another_version_closes(void **state)
{
    (void)state;
    static const unsigned versions[] = {0, 2, 256, UINT32_MAX};
    for (int i = 0; i < 4; i++) {
        struct script s = {0};
        script_numbers(&s, OP_HELLO, 0, "", "4", versions[i]);
        expect_closed_first(&s, "version");
    }
}

static void a_hello_that_is_not_complete_5_s_after_its_first_byte_closes(void **state)
{
    (void)state;
    struct talk *t = culprit_open();
    struct script s = {0};
    talk_connect(t, CULPRIT);
    t->now += 50 * NS_PER_S;
    talk_hear(t, CULPRIT, bytes_of("\x80", 1));
    t->now += 3 * NS_PER_S;
    talk_hear(t, CULPRIT, bytes_of("\x00\x00\x00", 3));
    assert_true(session_deadline(talk_session(t, CULPRIT)) == t->now + 2 * NS_PER_S);
    session_expire(talk_session(t, CULPRIT), t->now + 2 * NS_PER_S - 1);
    talk_expect(t, CULPRIT, "");
    session_expire(talk_session(t, CULPRIT), t->now + 2 * NS_PER_S);
    expect_closed(t, &s, "hello");
    culprit_close(t);
}

static void nothing_sent_for_60_s_closes_without_a_word(void **state)
{
    (void)state;
    struct talk *t = culprit_open();
    talk_connect(t, CULPRIT);
    struct session *session = talk_session(t, CULPRIT);
    assert_true(session_deadline(session) == t->now + 60 * NS_PER_S);
    session_expire(session, t->now + 60 * NS_PER_S - 1);
    assert_int_equal(session->state, SESSION_HELLO);
    session_expire(session, t->now + 60 * NS_PER_S);
    assert_int_equal(session->state, SESSION_CLOSED);
    talk_expect(t, CULPRIT, "");
    culprit_close(t);
}

static void a_second_hello_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_hello(&s);
    culprit_expect_stays(t, &s, "hello");
    script_numbers(&s, OP_HELLO, 7, "name", "4", 9);
    culprit_expect_stays(t, &s, "hello");
    culprit_close(t);
}

static void a_later_byte_in_the_place_of_an_op_without_its_top_bit_closes(void **state)
{
    (void)state;
    for (int byte = 0; byte < 0x80; byte += 9) {
        struct talk *t = culprit_open_with_hello();
        struct script s = {0};
        unsigned char wrong = (unsigned char)byte;
        script_put(&s, &wrong, 1);
        expect_closed(t, &s, "protocol");
        culprit_close(t);
    }
}

static void a_size_under_8_closes(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < FRAME_HEAD_SIZE; size++)
        for (int is_first = 0; is_first < 2; is_first++) {
            struct talk *t = culprit_open();
            struct script s = {0};
            unsigned char head[FRAME_HEAD_SIZE];
            uint8_t op = is_first ? OP_HELLO : OP_PUSH;
            frame_head_store(head, (struct frame_head){op, 0, 0, size});
            script_put(&s, head, sizeof head);
            talk_connect(t, CULPRIT);
            if (!is_first) {
                struct script hello = {0};
                script_hello(&hello);
                talk_play(t, CULPRIT, &hello);
                talk_turn(t);
                talk_skip(t, CULPRIT);
            }
            expect_closed(t, &s, "protocol");
            culprit_close(t);
        }
}

static void a_size_over_the_frame_max_closes_before_it_has_come(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {FRAME_SIZE_DEFAULT + 1, 1u << 31, UINT32_MAX};
    for (int i = 0; i < 3; i++) {
        struct talk *t = culprit_open_with_hello();
        struct script s = {0};
        unsigned char head[FRAME_HEAD_SIZE];
        frame_head_store(head, (struct frame_head){OP_PUSH, 0, 1, sizes[i]});
        script_put(&s, head, sizeof head);
        expect_closed(t, &s, "too-large");
        culprit_close(t);
    }
}

static void an_unknown_op_or_one_of_the_brokers_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (int op = 0x80; op <= 0xff; op++) {
        struct script s = {0};
        if (is_known(op))
            continue;
        script_frame(&s, op, op & 7, op & 1 ? "name" : "", ones, (size_t)op & 15);
        culprit_expect_stays(t, &s, "unknown-op");
    }
    culprit_close(t);
}

static void a_name_past_the_end_of_its_frame_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < SHAPES_COUNT; i++) {
        struct script s = {0};
        unsigned char frame[12] = {0};
        frame_head_store(frame, (struct frame_head){(uint8_t)shapes[i].op, 0, 5, sizeof frame});
        script_put(&s, frame, sizeof frame);
        culprit_expect_stays(t, &s, "bad-frame");
    }
    culprit_close(t);
}

/* A frame of that shape but for its name. */
static void put_named(struct script *script, const struct shape *shape, const char *name)
{
    size_t size = shape->body_size < 0 ? 0 : (size_t)shape->body_size;
    script_frame(script, shape->op, 0, name, ones, size);
}

static void a_name_that_is_empty_where_one_is_needed_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < SHAPES_COUNT; i++) {
        struct script s = {0};
        if (!*shapes[i].name)
            continue;
        put_named(&s, &shapes[i], "");
        culprit_expect_stays(t, &s, "bad-name");
    }
    culprit_close(t);
}

static void a_name_over_1024_bytes_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    char name[FRAME_NAME_MAX + 2];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < SHAPES_COUNT; i++) {
        struct script s = {0};
        put_named(&s, &shapes[i], name);
        culprit_expect_stays(t, &s, "bad-name");
    }
    culprit_close(t);
}

static void a_name_where_none_belongs_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < SHAPES_COUNT; i++) {
        struct script s = {0};
        if (*shapes[i].name || shapes[i].op == OP_LIST || shapes[i].op == OP_TOPICS)
            continue;
        put_named(&s, &shapes[i], "x");
        culprit_expect_stays(t, &s, "bad-name");
    }
    culprit_close(t);
}

static void a_flag_that_is_not_listed_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < SHAPES_COUNT; i++)
        for (int bit = 1; bit < 256; bit *= 2) {
            struct script s = {0};
            size_t size = shapes[i].body_size < 0 ? 0 : (size_t)shapes[i].body_size;
            if (shapes[i].flags & bit)
                continue;
            script_frame(&s, shapes[i].op, shapes[i].flags | bit, shapes[i].name, ones, size);
            culprit_expect_stays(t, &s, "bad-flags");
        }
    culprit_close(t);
}

static void a_body_that_is_not_of_its_ops_size_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < SHAPES_COUNT; i++)
        for (int size = 0; size < 30; size++) {
            struct script s = {0};
            if (shapes[i].body_size < 0 || shapes[i].body_size == size)
                continue;
            if (shapes[i].op == OP_RETURN && size == 24) /* with a delay */
                continue;
            if (shapes[i].op == OP_LIST && size == 8) /* with a database */
                continue;
            script_frame(&s, shapes[i].op, 0, shapes[i].name, ones, (size_t)size);
            culprit_expect_stays(t, &s, "bad-frame");
        }
    culprit_close(t);
}

static void an_id_already_in_use_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_numbers(&s, OP_CONSUME, 0, "q", "448", 7, 0, UINT64_C(0));
    script_numbers(&s, OP_SUBSCRIBE, 0, "t", "448", 7, 0, UINT64_C(0));
    talk_play(t, CULPRIT, &s);
    script_numbers(&s, OP_CONSUME, 0, "other", "448", 7, 0, UINT64_C(0));
    culprit_expect_stays(t, &s, "id-in-use");
    script_numbers(&s, OP_SUBSCRIBE, 0, "other", "448", 7, 0, UINT64_C(0));
    culprit_expect_stays(t, &s, "id-in-use");
    culprit_close(t);
}

static void no_such_consumer_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_numbers(&s, OP_CANCEL, 0, "", "4", 7);
    culprit_expect_stays(t, &s, "no-consumer");
    script_numbers(&s, OP_CREDIT, 0, "", "448", 7, 1, UINT64_C(1));
    culprit_expect_stays(t, &s, "no-consumer");
    for (int i = 0; i < TAG_OPS_COUNT; i++) {
        script_numbers(&s, tag_ops[i], 0, "", "448", 7, 1, UINT64_C(1));
        culprit_expect_stays(t, &s, "no-consumer");
    }
    culprit_close(t);
}

static void no_such_subscription_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_numbers(&s, OP_UNSUBSCRIBE, 0, "", "4", 7);
    culprit_expect_stays(t, &s, "no-subscription");
    culprit_close(t);
}

static void credit_beyond_its_sum_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_numbers(&s, OP_CONSUME, 0, "q", "448", 7, UINT32_MAX, CREDIT_SIZE_MAX);
    talk_play(t, CULPRIT, &s);
    script_numbers(&s, OP_CREDIT, 0, "", "448", 7, 1, UINT64_C(0));
    culprit_expect_stays(t, &s, "credit");
    script_numbers(&s, OP_CREDIT, 0, "", "448", 7, 0, UINT64_C(1));
    culprit_expect_stays(t, &s, "credit");
    script_numbers(&s, OP_CREDIT, 0, "", "448", 7, UINT32_MAX, UINT64_MAX);
    culprit_expect_stays(t, &s, "credit");
    script_numbers(&s, OP_CONSUME, 0, "r", "448", 8, 1, UINT64_C(1) << 63);
    culprit_expect_stays(t, &s, "credit");
    culprit_close(t);
}

static void an_empty_or_wrapping_range_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    for (int i = 0; i < TAG_OPS_COUNT; i++) {
        struct script s = {0};
        int op = tag_ops[i];
        script_numbers(&s, op, 0, "", "448", 7, 0, UINT64_C(1));
        culprit_expect_stays(t, &s, "bad-range");
        script_numbers(&s, op, 0, "", "448", 7, 1, UINT64_C(0));
        culprit_expect_stays(t, &s, "bad-range");
        script_numbers(&s, op, 0, "", "448", 7, 2, UINT64_MAX);
        culprit_expect_stays(t, &s, "bad-range");
        script_numbers(&s, op, 0, "", "448", 7, UINT32_MAX, UINT64_MAX - UINT32_MAX + 2);
        culprit_expect_stays(t, &s, "bad-range");
        script_numbers(&s, op, 0, "", "448", 7, 1, UINT64_MAX);
        culprit_expect_stays(t, &s, "no-consumer");
        script_numbers(&s, op, 0, "", "448", 7, UINT32_MAX, UINT64_MAX - UINT32_MAX + 1);
        culprit_expect_stays(t, &s, "no-consumer");
    }
    culprit_close(t);
}

static void tags_that_are_not_leased_stay(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_messages(&s, OP_PUSH, "q", "a b c");
    script_numbers(&s, OP_CONSUME, 0, "q", "448", 7, 3, UINT64_C(1000));
    talk_play(t, CULPRIT, &s);
    talk_turn(t);
    for (int i = 0; i < TAG_OPS_COUNT; i++) {
        script_numbers(&s, tag_ops[i], 0, "", "448", 7, 1, UINT64_C(4));
        culprit_expect_stays(t, &s, "not-leased");
    }
    script_numbers(&s, OP_ACK, 0, "", "448", 7, 2, UINT64_C(1));
    talk_play(t, CULPRIT, &s);
    for (int i = 0; i < TAG_OPS_COUNT; i++) {
        script_numbers(&s, tag_ops[i], 0, "", "448", 7, 1, UINT64_C(2));
        culprit_expect_stays(t, &s, "not-leased");
    }
    culprit_close(t);
}

/* It is answered before the PING behind it is looked at. */
static void expect_bad_pattern(struct talk *talk, const char *pattern, unsigned number)
{
    struct script script = {0};
    char expected[128];
    talk_turn(talk);
    talk_skip(talk, CULPRIT);
    script_numbers(&script, OP_SUBSCRIBE, SUBSCRIBE_WILDCARD, pattern, "448", 7, 0, UINT64_C(0));
    script_numbers(&script, OP_PING, 0, "", "");
    talk_play(talk, CULPRIT, &script);
    snprintf(expected, sizeof expected,
             "ERROR %u+1 bad-pattern\nCONFIRM %u\nCONFIRM %u\nREPLY %u\n", number, number,
             number + 1, number + 1);
    talk_expect(talk, CULPRIT, expected);
}

static void a_bad_pattern_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    char deep[66];
    for (size_t i = 0; i < 65; i++)
        deep[i] = i % 2 ? '.' : 'x';
    deep[65] = '\0';
    expect_bad_pattern(t, "a.>.b", 1);
    expect_bad_pattern(t, deep, 3);
    culprit_close(t);
}

static void put_declare(struct script *script, const char *queue, uint64_t count_max,
                        uint64_t size_max, const char *when_full)
{
    unsigned char body[256];
    size_t size = field_put_number(body, "max-messages", count_max);
    size += field_put_number(body + size, "max-bytes", size_max);
    size += field_put_bytes(body + size, "when-full", bytes_text(when_full));
    script_frame(script, OP_DECLARE, 0, queue, body, size);
}

static void a_push_over_the_bound_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    put_declare(&s, "q", 1, 100, "refuse");
    put_declare(&s, "h", 1, 100, "hold");
    script_messages(&s, OP_PUSH, "q", "a");
    talk_play(t, CULPRIT, &s);
    script_messages(&s, OP_PUSH, "q", "b");
    culprit_expect_stays(t, &s, "full");
    script_messages(&s, OP_PUSH, "h", "c:101");
    culprit_expect_stays(t, &s, "full");
    culprit_close(t);
}

static void a_push_beyond_the_window_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open();
    struct script s = {0};
    unsigned char body[64];
    size_t size = 4;
    store_u32(body, PROTOCOL_VERSION);
    size += field_put_number(body + size, "window", 2);
    script_frame(&s, OP_HELLO, 0, "", body, size);
    put_declare(&s, "h", 1, 100, "hold");
    script_messages(&s, OP_PUSH, "h", "a b c d");
    talk_connect(t, CULPRIT);
    talk_play(t, CULPRIT, &s);
    talk_expect(t, CULPRIT, "WELCOME\nERROR 5+1 window\nCONFIRM 2\nREPLY 1\n");
    script_numbers(&s, OP_DELETE, 0, "h", "");
    talk_play(t, CULPRIT, &s);
    talk_expect(t, CULPRIT, "ERROR 3+2 deleted\nCONFIRM 6\nREPLY 6\n");
    culprit_close(t);
}

static void to_look_at_nothing_stays(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct script s = {0};
    script_numbers(&s, OP_PEEK, 0, "q", "4", 0);
    culprit_expect_stays(t, &s, "bad-range");
    script_numbers(&s, OP_LIST, 0, "", "4", 0);
    culprit_expect_stays(t, &s, "bad-range");
    script_numbers(&s, OP_LIST, 0, "", "44", 0, 15);
    culprit_expect_stays(t, &s, "bad-range");
    script_numbers(&s, OP_LIST, 0, "", "44", 1, 16);
    culprit_expect_stays(t, &s, "bad-range");
    script_numbers(&s, OP_CLIENTS, 0, "", "44", 0, 7);
    culprit_expect_stays(t, &s, "bad-range");
    culprit_close(t);
}

static void answers_that_are_not_read_stop_the_reading(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct session *session = talk_session(t, CULPRIT);
    struct script s = {0};
    t->conns[CULPRIT].is_blocked = true;
    for (int i = 0; i < 3000; i++)
        script_numbers(&s, OP_STATS, 0, "", "");
    size_t size = s.size;
    talk_play(t, CULPRIT, &s);
    talk_turn(t);
    assert_true(session_is_clogged(session) && session_is_stalled(session));
    assert_in_range(output_waiting_size(&session->output), ANSWERS_PAUSE_SIZE,
                    3 * ANSWERS_PAUSE_SIZE);
    assert_in_range(session->input.kept.size, 1, size);
    talk_unblock(t, CULPRIT);
    assert_false(session_is_clogged(session) || session_is_stalled(session));
    assert_int_equal(session->native.number_next, 3001);
    talk_skip(t, CULPRIT);
    culprit_close(t);
}

static void a_frame_that_never_ends_costs_the_bytes_that_came(void **state)
{
    (void)state;
    struct talk *t = culprit_open_with_hello();
    struct session *session = talk_session(t, CULPRIT);
    unsigned char head[FRAME_HEAD_SIZE], part[1000] = {0};
    frame_head_store(head, (struct frame_head){OP_PUSH, 0, 1, FRAME_SIZE_DEFAULT});
    talk_hear(t, CULPRIT, bytes_of(head, sizeof head));
    for (size_t came = sizeof head; came + sizeof part < FRAME_SIZE_DEFAULT; came += sizeof part) {
        assert_int_equal(session->input.kept.size, came);
        assert_true(session->input.kept.capacity <= 2 * came + 128);
        talk_hear(t, CULPRIT, bytes_of(part, sizeof part));
    }
    talk_expect(t, CULPRIT, "");
    culprit_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_frame_that_is_not_hello_closes),
        cmocka_unit_test(a_first_frame_over_4096_bytes_closes_whatever_it_is),
        cmocka_unit_test(a_hello_over_4096_bytes_closes),
        cmocka_unit_test(a_hello_that_will_be_too_large_closes_at_once),
        cmocka_unit_test(a_hello_shorter_than_12_bytes_closes),
        cmocka_unit_test(a_hello_with_broken_fields_closes),
        cmocka_unit_test(a_hello_with_a_name_closes),
        cmocka_unit_test(a_hello_with_flags_closes),
        cmocka_unit_test(a_hello_of_another_version_closes),
        cmocka_unit_test(a_hello_that_is_not_complete_5_s_after_its_first_byte_closes),
        cmocka_unit_test(nothing_sent_for_60_s_closes_without_a_word),
        cmocka_unit_test(a_second_hello_stays),
        cmocka_unit_test(a_later_byte_in_the_place_of_an_op_without_its_top_bit_closes),
        cmocka_unit_test(a_size_under_8_closes),
        cmocka_unit_test(a_size_over_the_frame_max_closes_before_it_has_come),
        cmocka_unit_test(an_unknown_op_or_one_of_the_brokers_stays),
        cmocka_unit_test(a_name_past_the_end_of_its_frame_stays),
        cmocka_unit_test(a_name_that_is_empty_where_one_is_needed_stays),
        cmocka_unit_test(a_name_over_1024_bytes_stays),
        cmocka_unit_test(a_name_where_none_belongs_stays),
        cmocka_unit_test(a_flag_that_is_not_listed_stays),
        cmocka_unit_test(a_body_that_is_not_of_its_ops_size_stays),
        cmocka_unit_test(an_id_already_in_use_stays),
        cmocka_unit_test(no_such_consumer_stays),
        cmocka_unit_test(no_such_subscription_stays),
        cmocka_unit_test(credit_beyond_its_sum_stays),
        cmocka_unit_test(an_empty_or_wrapping_range_stays),
        cmocka_unit_test(tags_that_are_not_leased_stay),
        cmocka_unit_test(a_bad_pattern_stays),
        cmocka_unit_test(a_push_over_the_bound_stays),
        cmocka_unit_test(a_push_beyond_the_window_stays),
        cmocka_unit_test(to_look_at_nothing_stays),
        cmocka_unit_test(answers_that_are_not_read_stop_the_reading),
        cmocka_unit_test(a_frame_that_never_ends_costs_the_bytes_that_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

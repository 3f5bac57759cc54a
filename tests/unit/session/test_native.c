#include "session/native.h"

#include "check.h"
#include "core/frames.h"
#include "frame/field.h"
#include "seed.h"
#include "session/talk.h"

#include <stdio.h>

/* What is said, and when: connection 1 is the one that is looked at. */
enum { CLIENT = 1, OTHER = 2, LOTS = 1000000 };

static struct random seed;

static struct talk *open(void)
{
    struct talk *talk = talk_open();
    talk_hello(talk, CLIENT);
    talk_hello(talk, OTHER);
    return talk;
}

/* Commands of a peer, heard at once and answered when the turn ends. */

static void push(struct talk *talk, uint32_t peer, const char *queue, const char *words)
{
    struct script script = {0};
    script_messages(&script, OP_PUSH, queue, words);
    talk_play(talk, peer, &script);
}

static void publish(struct talk *talk, uint32_t peer, const char *topic, const char *words)
{
    struct script script = {0};
    script_messages(&script, OP_PUBLISH, topic, words);
    talk_play(talk, peer, &script);
}

/* An op whose body is an id, a count and a size or tag. */
static void range(struct talk *talk, uint32_t peer, int op, int flags, const char *name,
                  uint32_t id, uint32_t count, uint64_t size)
{
    struct script script = {0};
    script_numbers(&script, op, flags, name, "448", id, count, size);
    talk_play(talk, peer, &script);
}

static void consume(struct talk *talk, uint32_t peer, uint32_t id, const char *queue)
{
    range(talk, peer, OP_CONSUME, 0, queue, id, LOTS, LOTS);
}

static void subscribe(struct talk *talk, uint32_t peer, uint32_t id, const char *topic)
{
    range(talk, peer, OP_SUBSCRIBE, 0, topic, id, 0, 0);
}

/* An op whose body is one number, or with a `shape` of "" nothing. */
static void ask(struct talk *talk, uint32_t peer, int op, const char *name, const char *shape,
                uint32_t number)
{
    struct script script = {0};
    script_numbers(&script, op, 0, name, shape, number);
    talk_play(talk, peer, &script);
}

static void ping(struct talk *talk, uint32_t peer)
{
    ask(talk, peer, OP_PING, "", "", 0);
}

static void declare_holding(struct talk *talk, uint32_t peer, const char *queue, uint64_t count_max)
{
    struct script script = {0};
    unsigned char body[128];
    size_t size = field_put_number(body, "max-messages", count_max);
    size += field_put_bytes(body + size, "when-full", bytes_text("hold"));
    script_frame(&script, OP_DECLARE, 0, queue, body, size);
    talk_play(talk, peer, &script);
    talk_turn(talk);
    talk_skip(talk, peer);
}

/* Lets everything be said, and throws it away. */
static void settle_down(struct talk *talk)
{
    talk_turn(talk);
    talk_skip(talk, CLIENT);
    talk_skip(talk, OTHER);
}

/* Says hello with these fields and tells those of WELCOME. */
static void expect_welcome(const unsigned char *fields, size_t size, const char *expected)
{
    struct talk *talk = talk_open();
    struct script script = {0};
    unsigned char body[512];
    char text[512];
    store_u32(body, PROTOCOL_VERSION);
    if (size > 0)
        memcpy(body + 4, fields, size);
    script_frame(&script, OP_HELLO, 0, "", body, 4 + size);
    talk_connect(talk, CLIENT);
    talk_play(talk, CLIENT, &script);
    talk_turn(talk);
    const struct script *said = &talk->conns[CLIENT].said;
    struct frame_head head = frame_head_load(said->data);
    assert_int_equal(head.op, OP_WELCOME);
    assert_int_equal(head.size, said->size);
    assert_int_equal(load_u32(said->data + FRAME_HEAD_SIZE), PROTOCOL_VERSION);
    frames_tell_fields(bytes_of(said->data + 12, said->size - 12), text, sizeof text);
    assert_string_equal(text, expected);
    talk_close(talk);
}

#define WELCOME "server=ringpost/" RINGPOST_VERSION " connection=1 frame-max=1048576 "

static void welcome_says_what_holds(void **state)
{
    (void)state;
    expect_welcome(NULL, 0, WELCOME "window=65536 window-bytes=67108864 liveness=30000");
}

static void a_smaller_window_is_granted(void **state)
{
    (void)state;
    unsigned char fields[256];
    size_t size = field_put_bytes(fields, "client", bytes_text("test"));
    size += field_put_number(fields + size, "window", 10);
    size += field_put_number(fields + size, "window-bytes", 2000);
    expect_welcome(fields, size, WELCOME "window=10 window-bytes=2000 liveness=30000");
}

static void a_larger_window_is_cut_to_the_cap(void **state)
{
    (void)state;
    unsigned char fields[256];
    size_t size = field_put_number(fields, "window", UINT64_MAX);
    size += field_put_number(fields + size, "window-bytes", WINDOW_SIZE_MAX + 1);
    expect_welcome(fields, size, WELCOME "window=65536 window-bytes=67108864 liveness=30000");
}

static void a_window_that_says_nothing_is_passed_over(void **state)
{
    (void)state;
    unsigned char fields[256];
    size_t size = field_put_number(fields, "window", 0);
    size += field_put_bytes(fields + size, "window-bytes", bytes_text("12345678"));
    size += field_put_number(fields + size, "windows", 3);
    expect_welcome(fields, size, WELCOME "window=65536 window-bytes=67108864 liveness=30000");
}

/* Says hello with this password, or without any, to a broker whose password is `secret`. */
static void expect_admission(const char *given, enum status expected)
{
    struct talk *talk = talk_open();
    struct script script = {0};
    unsigned char body[256];
    talk->limits.password = bytes_text("secret");
    store_u32(body, PROTOCOL_VERSION);
    size_t size = 4 + (given ? field_put_bytes(body + 4, "password", bytes_text(given)) : 0);
    script_frame(&script, OP_HELLO, 0, "", body, size);
    talk_connect(talk, CLIENT);
    talk_play(talk, CLIENT, &script);
    talk_turn(talk);
    const unsigned char *said = talk->conns[CLIENT].said.data;
    bool is_open = talk->conns[CLIENT].session.state == SESSION_OPEN;
    assert_int_equal(said[0], expected == STATUS_OK ? OP_WELCOME : OP_ERROR);
    assert_true(expected == STATUS_OK || load_u16(said + FRAME_HEAD_SIZE + 12) == expected);
    assert_true(is_open == (expected == STATUS_OK));
    talk_close(talk);
}

static void a_password_is_asked_for_and_must_be_right(void **state)
{
    (void)state;
    expect_admission("secret", STATUS_OK);
    expect_admission(NULL, STATUS_DENIED);
    expect_admission("", STATUS_DENIED);
    expect_admission("secre", STATUS_DENIED);
    expect_admission("secretsecret", STATUS_DENIED);
    expect_admission("Secret", STATUS_DENIED);
    expect_admission("secreT", STATUS_DENIED);
}

static void every_request_but_the_frequent_has_a_reply(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_frame(&s, OP_DECLARE, 0, "q", "", 0);
    script_numbers(&s, OP_CONSUME, 0, "q", "448", 7, 1, UINT64_C(100));
    script_numbers(&s, OP_CREDIT, 0, "", "448", 7, 1, UINT64_C(1));
    script_numbers(&s, OP_SUBSCRIBE, 0, "t", "448", 7, 1, UINT64_C(1));
    script_numbers(&s, OP_UNSUBSCRIBE, 0, "", "4", 7);
    script_numbers(&s, OP_CANCEL, 0, "", "4", 7);
    script_numbers(&s, OP_PAUSE, 0, "q", "");
    script_numbers(&s, OP_RESUME, 0, "q", "");
    script_messages(&s, OP_PUSH, "q", "a");
    script_numbers(&s, OP_PURGE, 0, "q", "");
    script_numbers(&s, OP_DELETE, 0, "q", "");
    script_numbers(&s, OP_PING, 0, "", "");
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT,
                "CONFIRM 12\nREPLY 1\nREPLY 2\nREPLY 4\nREPLY 5\nREPLY 6\nREPLY 7\n"
                "REPLY 8\nREPLY 10: 8 bytes\nREPLY 11\nREPLY 12\n");
    talk_close(t);
}

static void each_look_is_answered_with_data(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    push(t, OTHER, "q", "a b");
    push(t, OTHER, "r", "c");
    settle_down(t);
    script_numbers(&s, OP_PEEK, 0, "q", "4", 1);
    script_numbers(&s, OP_PEEK, PEEK_BACK, "q", "4", 2);
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "CONFIRM 1\nREPLY 1: 10 bytes more\nCONFIRM 2\nREPLY 2: 20 bytes\n");
    script_numbers(&s, OP_LIST, 0, "", "4", 1);
    talk_play(t, CLIENT, &s);
    talk_tell(t, CLIENT);
    assert_memory_equal(t->text, "CONFIRM 3\nREPLY 3: ", 19);
    assert_non_null(strstr(t->text, "bytes more"));
    talk_close(t);
}

static void an_error_names_the_frames_of_a_run(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    push(t, CLIENT, "q", "a b");
    for (int i = 0; i < 3; i++)
        script_frame(&s, OP_PUSH, 4, "q", "x", 1);
    script_frame(&s, OP_PUSH, 0, "", "x", 1);
    script_messages(&s, OP_PUSH, "q", "c");
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "ERROR 3+3 bad-flags\nERROR 6+1 bad-name\nCONFIRM 7\n");
    talk_close(t);
}

static void an_error_names_frames_of_one_op_and_name_only(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_numbers(&s, OP_PURGE, 0, "q", "");
    script_numbers(&s, OP_PURGE, 0, "r", "");
    script_numbers(&s, OP_DELETE, 0, "r", "");
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT,
                "ERROR 1+1 no-queue\nERROR 2+1 no-queue\nERROR 3+1 no-queue\nCONFIRM 3\n");
    talk_close(t);
}

static void pushes_of_a_turn_have_one_confirm(void **state)
{
    (void)state;
    struct talk *t = open();
    push(t, CLIENT, "q", "a b c");
    push(t, CLIENT, "r", "d");
    push(t, CLIENT, "q", "e");
    talk_expect(t, CLIENT, "CONFIRM 5\n");
    talk_expect(t, CLIENT, "");
    talk_close(t);
}

static void publishes_alone_bring_no_confirm_until_there_are_256(void **state)
{
    (void)state;
    struct talk *t = open();
    for (int i = 0; i < CONFIRM_LAZY_COUNT - 1; i++) {
        publish(t, CLIENT, "t", "a");
        talk_expect(t, CLIENT, "");
    }
    publish(t, CLIENT, "t", "a");
    talk_expect(t, CLIENT, "CONFIRM 256\n");
    publish(t, CLIENT, "t", "a b c");
    talk_expect(t, CLIENT, "");
    talk_close(t);
}

static void of_a_small_window_a_quarter_is_enough(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    struct script s = {0};
    unsigned char body[64];
    size_t size = 4;
    store_u32(body, PROTOCOL_VERSION);
    size += field_put_number(body + size, "window", 12);
    script_frame(&s, OP_HELLO, 0, "", body, size);
    talk_connect(t, CLIENT);
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "WELCOME\n");
    publish(t, CLIENT, "t", "a b");
    talk_expect(t, CLIENT, "");
    publish(t, CLIENT, "t", "c");
    talk_expect(t, CLIENT, "CONFIRM 3\n");
    talk_close(t);
}

static void acknowledgements_and_credit_bring_no_confirm_of_their_own(void **state)
{
    (void)state;
    struct talk *t = open();
    push(t, OTHER, "q", "a b c");
    consume(t, CLIENT, 7, "q");
    settle_down(t);
    range(t, CLIENT, OP_ACK, 0, "", 7, 1, 1);
    range(t, CLIENT, OP_REJECT, 0, "", 7, 1, 2);
    range(t, CLIENT, OP_CREDIT, 0, "", 7, 5, 500);
    talk_expect(t, CLIENT, "");
    talk_close(t);
}

static void they_are_confirmed_with_whatever_is_sent_next(void **state)
{
    (void)state;
    struct talk *t = open();
    push(t, OTHER, "q", "a");
    consume(t, CLIENT, 7, "q");
    settle_down(t);
    range(t, CLIENT, OP_ACK, 0, "", 7, 1, 1);
    talk_expect(t, CLIENT, "");
    push(t, OTHER, "q", "b");
    talk_expect(t, CLIENT, "CONFIRM 2\nPUSH q: b\n");
    range(t, CLIENT, OP_ACK, 0, "", 7, 1, 2);
    talk_expect(t, CLIENT, "");
    ping(t, CLIENT);
    talk_expect(t, CLIENT, "CONFIRM 4\nREPLY 4\n");
    talk_close(t);
}

static void an_acknowledgement_that_fails_is_told_at_once(void **state)
{
    (void)state;
    struct talk *t = open();
    consume(t, CLIENT, 7, "q");
    settle_down(t);
    publish(t, CLIENT, "t", "a");
    range(t, CLIENT, OP_ACK, 0, "", 7, 1, 1);
    talk_expect(t, CLIENT, "ERROR 3+1 not-leased\nCONFIRM 3\n");
    talk_close(t);
}

static void confirm_stops_before_a_push_that_waits(void **state)
{
    (void)state;
    struct talk *t = open();
    declare_holding(t, OTHER, "h", 2);
    push(t, CLIENT, "h", "a b c d");
    ping(t, CLIENT);
    talk_expect(t, CLIENT, "CONFIRM 2\nREPLY 5\n");
    range(t, OTHER, OP_CONSUME, CONSUME_NO_ACK, "h", 7, 1, LOTS);
    talk_expect(t, CLIENT, "CONFIRM 3\n");
    range(t, OTHER, OP_CREDIT, 0, "", 7, 1, 0);
    talk_expect(t, CLIENT, "CONFIRM 5\n");
    talk_close(t);
}

static void frames_behind_a_push_that_waits_are_carried_out(void **state)
{
    (void)state;
    struct talk *t = open();
    declare_holding(t, OTHER, "h", 1);
    push(t, CLIENT, "h", "a b");
    push(t, CLIENT, "q", "c");
    ask(t, CLIENT, OP_DELETE, "nothing", "", 0);
    talk_expect(t, CLIENT, "ERROR 4+1 no-queue\nCONFIRM 1\n");
    ask(t, CLIENT, OP_DELETE, "h", "", 0);
    talk_expect(t, CLIENT, "ERROR 2+1 deleted\nCONFIRM 5\nREPLY 5\n");
    talk_close(t);
}

static void frames_refused_while_a_push_waits_are_confirmed_in_their_turn(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    declare_holding(t, OTHER, "h", 1);
    push(t, CLIENT, "h", "a b");
    script_frame(&s, 0xbf, 0, "", "", 0);
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "ERROR 3+1 unknown-op\nCONFIRM 1\n");
    ask(t, OTHER, OP_PURGE, "h", "", 0);
    talk_expect(t, CLIENT, "CONFIRM 3\n");
    talk_close(t);
}

static void the_middle_of_a_run_may_be_refused_while_its_neighbours_wait(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    unsigned char body[128];
    size_t size = field_put_number(body, "max-bytes", 100);
    size += field_put_bytes(body + size, "when-full", bytes_text("hold"));
    script_frame(&s, OP_DECLARE, 0, "h", body, size);
    talk_play(t, OTHER, &s);
    settle_down(t);
    push(t, CLIENT, "h", "a:100 b:60 c:101 d:60 e:101 f");
    talk_expect(t, CLIENT, "ERROR 3+1 full\nERROR 5+1 full\nCONFIRM 1\n");
    range(t, OTHER, OP_CONSUME, CONSUME_NO_ACK, "h", 7, 1, LOTS);
    talk_expect(t, CLIENT, "CONFIRM 3\n");
    range(t, OTHER, OP_CREDIT, 0, "", 7, 1, 0);
    talk_expect(t, CLIENT, "CONFIRM 6\n");
    talk_close(t);
}

/* Three queues that hold, taken from at random: CONFIRM is always at the first push that waits. */
static void confirm_is_right_however_pushes_wait(void **state)
{
    (void)state;
    enum { STEPS = 400, QUEUES = 3 };
    static const char *const names[QUEUES] = {"x", "y", "z"};
    struct talk *t = open();
    uint32_t waiting[QUEUES][4 * STEPS], first[QUEUES] = {0}, end[QUEUES] = {0};
    uint64_t number = 0;
    for (int i = 0; i < QUEUES; i++) {
        declare_holding(t, OTHER, names[i], 1);
        push(t, OTHER, names[i], "x");
        range(t, OTHER, OP_CONSUME, CONSUME_NO_ACK, names[i], (uint32_t)i, 0, LOTS);
    }
    for (int step = 0; step < STEPS; step++) {
        int i = (int)random_below(&seed, QUEUES);
        if (random_below(&seed, 3) == 0) {
            push(t, CLIENT, names[i], "a b c");
            for (int k = 0; k < 3; k++)
                waiting[i][end[i]++] = (uint32_t)++number;
        } else if (first[i] < end[i]) {
            range(t, OTHER, OP_CREDIT, 0, "", (uint32_t)i, 1, 0);
            first[i]++;
        }
        talk_turn(t);
        uint64_t settled = number;
        for (int k = 0; k < QUEUES; k++)
            if (first[k] < end[k] && waiting[k][first[k]] <= settled)
                settled = waiting[k][first[k]] - 1;
        assert_int_equal(talk_session(t, CLIENT)->native.confirmed, settled);
    }
    talk_close(t);
}

static void context_is_sent_when_it_changes_and_only_then(void **state)
{
    (void)state;
    struct talk *t = open();
    consume(t, CLIENT, 7, "q");
    consume(t, CLIENT, 8, "r");
    settle_down(t);
    push(t, OTHER, "q", "a b");
    talk_expect(t, CLIENT, "CONTEXT 7 @1\nPUSH q: a\nPUSH q: b\n");
    push(t, OTHER, "q", "c");
    talk_expect(t, CLIENT, "PUSH q: c\n");
    push(t, OTHER, "r", "x");
    talk_expect(t, CLIENT, "CONTEXT 8 @1\nPUSH r: x\n");
    push(t, OTHER, "q", "d");
    talk_expect(t, CLIENT, "CONTEXT 7 @4\nPUSH q: d\n");
    talk_close(t);
}

static void context_tells_redelivered_messages_from_new_ones(void **state)
{
    (void)state;
    struct talk *t = open();
    consume(t, CLIENT, 7, "q");
    push(t, OTHER, "q", "a b");
    settle_down(t);
    range(t, CLIENT, OP_RETURN, 0, "", 7, 1, 2);
    push(t, OTHER, "q", "c");
    talk_expect(t, CLIENT, "CONFIRM 2\nCONTEXT 7 @3 again 1\nPUSH q: b\nCONTEXT 7 @4\nPUSH q: c\n");
    push(t, OTHER, "q", "d");
    talk_expect(t, CLIENT, "PUSH q: d\n");
    talk_close(t);
}

static void what_stands_between_deliveries_leaves_the_context_alone(void **state)
{
    (void)state;
    struct talk *t = open();
    consume(t, CLIENT, 7, "q");
    push(t, OTHER, "q", "a");
    settle_down(t);
    ping(t, CLIENT);
    ask(t, CLIENT, OP_DELETE, "nothing", "", 0);
    push(t, OTHER, "q", "b");
    talk_expect(t, CLIENT, "ERROR 3+1 no-queue\nCONFIRM 3\nREPLY 2\nPUSH q: b\n");
    talk_close(t);
}

static void a_new_consumer_of_an_old_id_has_a_context_of_its_own(void **state)
{
    (void)state;
    struct talk *t = open();
    consume(t, CLIENT, 7, "q");
    push(t, OTHER, "q", "a");
    settle_down(t);
    range(t, CLIENT, OP_ACK, 0, "", 7, 1, 1);
    ask(t, CLIENT, OP_CANCEL, "", "4", 7);
    consume(t, CLIENT, 7, "r");
    push(t, OTHER, "r", "x");
    talk_expect(t, CLIENT, "CONFIRM 4\nREPLY 3\nREPLY 4\nCONTEXT 7 @1\nPUSH r: x\n");
    talk_close(t);
}

static void messages_of_a_topic_have_the_context_of_their_subscription(void **state)
{
    (void)state;
    struct talk *t = open();
    subscribe(t, CLIENT, 5, "t");
    subscribe(t, CLIENT, 6, "u");
    settle_down(t);
    publish(t, OTHER, "t", "a b");
    publish(t, OTHER, "u", "c");
    talk_expect(t, CLIENT,
                "CONTEXT 5 @1\nPUBLISH t: a\nPUBLISH t: b\nCONTEXT 6 @1\nPUBLISH u: c\n");
    publish(t, OTHER, "u", "d");
    talk_expect(t, CLIENT, "PUBLISH u: d\n");
    talk_close(t);
}

static void a_consumer_and_a_subscription_of_one_id_are_told_apart(void **state)
{
    (void)state;
    struct talk *t = open();
    consume(t, CLIENT, 7, "q");
    subscribe(t, CLIENT, 7, "t");
    settle_down(t);
    publish(t, OTHER, "t", "a");
    push(t, OTHER, "q", "b");
    talk_tell(t, CLIENT);
    assert_non_null(strstr(t->text, "CONTEXT 7 @1\nPUBLISH t: a\n"));
    assert_non_null(strstr(t->text, "CONTEXT 7 @1\nPUSH q: b\n"));
    talk_close(t);
}

static void from_the_back_tags_count_in_the_order_of_reading(void **state)
{
    (void)state;
    struct talk *t = open();
    push(t, OTHER, "q", "a bb ccc d");
    settle_down(t);
    range(t, CLIENT, OP_CONSUME, CONSUME_BACK, "q", 7, 3, LOTS);
    talk_expect(t, CLIENT,
                "CONFIRM 1\nREPLY 1\nCONTEXT 7 @1\nPUSH q: d\nPUSH q: ccc\nPUSH q: bb\n");
    range(t, CLIENT, OP_ACK, 0, "", 7, 1, 1);
    range(t, CLIENT, OP_RETURN, 0, "", 7, 1, 2);
    range(t, CLIENT, OP_CREDIT, 0, "", 7, 5, 0);
    talk_expect(t, CLIENT,
                "CONFIRM 4\nCONTEXT 7 @4 again 1\nPUSH q: ccc\nCONTEXT 7 @5\nPUSH q: a\n");
    talk_close(t);
}

static void a_gap_stands_where_messages_are_missing(void **state)
{
    (void)state;
    struct talk *t = open();
    range(t, CLIENT, OP_SUBSCRIBE, 0, "t", 5, 2, 0);
    settle_down(t);
    publish(t, OTHER, "t", "a b:30 c d");
    talk_expect(t, CLIENT, "GAP 5 @1: 2, 40 bytes\nCONTEXT 5 @3\nPUBLISH t: c\nPUBLISH t: d\n");
    publish(t, OTHER, "t", "e f g");
    talk_expect(t, CLIENT, "GAP 5 @5: 1, 10 bytes\nCONTEXT 5 @6\nPUBLISH t: f\nPUBLISH t: g\n");
    publish(t, OTHER, "t", "h");
    talk_expect(t, CLIENT, "PUBLISH t: h\n");
    talk_close(t);
}

/* A SUBSCRIBE with one field. */
static void subscribe_with(struct talk *t, int flags, const char *name, uint32_t id,
                           uint32_t count_max, const char *key, const char *value)
{
    struct script script = {0};
    unsigned char body[128] = {0};
    store_u32(body, id);
    store_u32(body + 4, count_max);
    size_t size = 16 + field_put_bytes(body + 16, key, bytes_text(value));
    script_frame(&script, OP_SUBSCRIBE, flags, name, body, size);
    talk_play(t, CLIENT, &script);
}

static void publish_flags(struct talk *t, const char *name, int flags, const char *word)
{
    struct script script = {0};
    script_frame(&script, OP_PUBLISH, flags, name, word, strlen(word));
    talk_play(t, OTHER, &script);
}

static void retained_messages_come_behind_the_reply_and_are_told_from_others(void **state)
{
    (void)state;
    struct talk *t = open();
    publish_flags(t, "t", PUBLISH_RETAIN, "a");
    publish_flags(t, "t", PUBLISH_RETAIN, "b");
    settle_down(t);
    subscribe(t, CLIENT, 5, "t");
    publish_flags(t, "t", 0, "c");
    talk_expect(t, CLIENT,
                "CONFIRM 1\nREPLY 1\nCONTEXT 5 @1 retained\nPUBLISH t: b\n"
                "CONTEXT 5 @2\nPUBLISH t: c\n");
    publish_flags(t, "t", PUBLISH_RETAIN, "d");
    talk_expect(t, CLIENT, "PUBLISH t: d\n");
    talk_close(t);
}

static void a_subscription_that_chose_it_is_ended_by_too_much(void **state)
{
    (void)state;
    struct talk *t = open();
    subscribe_with(t, 0, "t", 5, 2, "overflow", "close");
    settle_down(t);
    publish(t, OTHER, "t", "a b c");
    talk_expect(t, CLIENT, "GAP 5 @1: 3, 30 bytes\nENDED subscription 5 overflow\n");
    subscribe(t, CLIENT, 5, "t");
    talk_expect(t, CLIENT, "CONFIRM 2\nREPLY 2\n");
    talk_close(t);
}

static void members_of_a_group_share_what_comes(void **state)
{
    (void)state;
    struct talk *t = open();
    subscribe_with(t, 0, "t", 5, 0, "group", "g");
    subscribe_with(t, SUBSCRIBE_WILDCARD, "*", 6, 0, "group", "g");
    settle_down(t);
    publish(t, OTHER, "t", "a");
    publish(t, OTHER, "t", "b");
    talk_expect(t, CLIENT, "CONTEXT 5 @1\nPUBLISH t: a\nCONTEXT 6 @1\nPUBLISH t: b\n");
    talk_close(t);
}

static void an_inbox_is_named_in_the_reply_and_reached_by_that_name_alone(void **state)
{
    (void)state;
    struct talk *t = open();
    char expected[256], name[33] = "";
    subscribe_with(t, SUBSCRIBE_WILDCARD, ">", 4, 0, "overflow", "close");
    settle_down(t);
    range(t, CLIENT, OP_SUBSCRIBE, SUBSCRIBE_INBOX, "", 5, 0, 0);
    talk_turn(t);
    const struct script *said = &t->conns[CLIENT].said;
    memcpy(name, said->data + said->size - 32, 32);
    talk_expect(t, CLIENT, "CONFIRM 2\nREPLY 2: 32 bytes\n");
    publish_flags(t, name, PUBLISH_INBOX, "a");
    snprintf(expected, sizeof expected, "CONTEXT 5 @1\nPUBLISH %s: a\n", name);
    talk_expect(t, CLIENT, expected);
    publish_flags(t, name, 0, "b");
    snprintf(expected, sizeof expected, "CONTEXT 4 @1\nPUBLISH %s: b\n", name);
    talk_expect(t, CLIENT, expected);
    ask(t, CLIENT, OP_UNSUBSCRIBE, "", "4", 5);
    publish_flags(t, name, PUBLISH_INBOX, "c");
    talk_expect(t, CLIENT, "CONFIRM 3\nREPLY 3\n");
    talk_close(t);
}

static void behind_the_answer_to_an_end_nothing_of_it_follows(void **state)
{
    (void)state;
    struct talk *t = open();
    subscribe(t, CLIENT, 5, "t");
    consume(t, CLIENT, 7, "q");
    settle_down(t);
    publish(t, OTHER, "t", "a");
    push(t, OTHER, "q", "b");
    ping(t, CLIENT);
    ask(t, CLIENT, OP_UNSUBSCRIBE, "", "4", 5);
    ask(t, CLIENT, OP_CANCEL, "", "4", 7);
    publish(t, OTHER, "t", "c");
    push(t, OTHER, "q", "d");
    talk_expect(t, CLIENT,
                "CONFIRM 5\nCONTEXT 7 @1\nPUSH q: b\nREPLY 3\nGAP 5 @1: 1, 10 bytes\n"
                "REPLY 4\nREPLY 5\n");
    talk_close(t);
}

static void a_consumer_is_told_that_its_queue_is_deleted(void **state)
{
    (void)state;
    struct talk *t = open();
    consume(t, CLIENT, 7, "q");
    push(t, OTHER, "q", "a");
    ask(t, OTHER, OP_PING, "", "", 0);
    settle_down(t);
    ask(t, OTHER, OP_DELETE, "q", "", 0);
    talk_expect(t, CLIENT, "ENDED 7 deleted\n");
    talk_expect(t, OTHER, "CONFIRM 3\nREPLY 3\n");
    talk_close(t);
}

static void errors_and_confirms_overtake_deliveries_that_wait(void **state)
{
    (void)state;
    struct talk *t = open();
    consume(t, CLIENT, 7, "q");
    settle_down(t);
    t->conns[CLIENT].is_blocked = true;
    push(t, OTHER, "q", "a");
    talk_turn(t);
    push(t, OTHER, "q", "b c");
    push(t, CLIENT, "r", "x");
    ask(t, CLIENT, OP_DELETE, "nothing", "", 0);
    ping(t, CLIENT);
    talk_turn(t);
    talk_unblock(t, CLIENT);
    talk_expect(t, CLIENT,
                "CONTEXT 7 @1\nPUSH q: a\n"
                "ERROR 3+1 no-queue\nCONFIRM 4\nPUSH q: b\nPUSH q: c\nREPLY 4\n");
    talk_close(t);
}

/* The socket takes one byte at a time. */
static void what_is_said_survives_the_shortest_sends(void **state)
{
    (void)state;
    struct talk *t = open();
    t->conns[CLIENT].send_size_max = 1;
    consume(t, CLIENT, 7, "q");
    push(t, OTHER, "q", "a:3000 b");
    push(t, CLIENT, "r", "x");
    ask(t, CLIENT, OP_DELETE, "nothing", "", 0);
    ping(t, CLIENT);
    talk_expect(t, CLIENT,
                "ERROR 3+1 no-queue\nCONFIRM 4\nREPLY 1\nCONTEXT 7 @1\nPUSH q: a\nPUSH q: b\n"
                "REPLY 4\n");
    talk_close(t);
}

static void a_message_is_delivered_as_it_was_sent_byte_for_byte(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    unsigned char body[300];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (unsigned char)(i * 7);
    script_frame(&s, OP_PUSH, 0, "q\x01\xff name", body, sizeof body);
    talk_hear(t, OTHER, bytes_of(s.data, s.size));
    consume(t, CLIENT, 7, "q\x01\xff name");
    talk_turn(t);
    const struct script *said = &t->conns[CLIENT].said;
    assert_memory_equal(said->data + said->size - s.size, s.data, s.size);
    script_finish(&s);
    talk_close(t);
}

int main(int argc, char **argv)
{
    seed = seed_from(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(welcome_says_what_holds),
        cmocka_unit_test(a_smaller_window_is_granted),
        cmocka_unit_test(a_larger_window_is_cut_to_the_cap),
        cmocka_unit_test(a_window_that_says_nothing_is_passed_over),
        cmocka_unit_test(a_password_is_asked_for_and_must_be_right),
        cmocka_unit_test(every_request_but_the_frequent_has_a_reply),
        cmocka_unit_test(each_look_is_answered_with_data),
        cmocka_unit_test(an_error_names_the_frames_of_a_run),
        cmocka_unit_test(an_error_names_frames_of_one_op_and_name_only),
        cmocka_unit_test(pushes_of_a_turn_have_one_confirm),
        cmocka_unit_test(publishes_alone_bring_no_confirm_until_there_are_256),
        cmocka_unit_test(of_a_small_window_a_quarter_is_enough),
        cmocka_unit_test(acknowledgements_and_credit_bring_no_confirm_of_their_own),
        cmocka_unit_test(they_are_confirmed_with_whatever_is_sent_next),
        cmocka_unit_test(an_acknowledgement_that_fails_is_told_at_once),
        cmocka_unit_test(confirm_stops_before_a_push_that_waits),
        cmocka_unit_test(frames_behind_a_push_that_waits_are_carried_out),
        cmocka_unit_test(frames_refused_while_a_push_waits_are_confirmed_in_their_turn),
        cmocka_unit_test(the_middle_of_a_run_may_be_refused_while_its_neighbours_wait),
        cmocka_unit_test(confirm_is_right_however_pushes_wait),
        cmocka_unit_test(context_is_sent_when_it_changes_and_only_then),
        cmocka_unit_test(context_tells_redelivered_messages_from_new_ones),
        cmocka_unit_test(what_stands_between_deliveries_leaves_the_context_alone),
        cmocka_unit_test(a_new_consumer_of_an_old_id_has_a_context_of_its_own),
        cmocka_unit_test(messages_of_a_topic_have_the_context_of_their_subscription),
        cmocka_unit_test(a_consumer_and_a_subscription_of_one_id_are_told_apart),
        cmocka_unit_test(from_the_back_tags_count_in_the_order_of_reading),
        cmocka_unit_test(a_gap_stands_where_messages_are_missing),
        cmocka_unit_test(retained_messages_come_behind_the_reply_and_are_told_from_others),
        cmocka_unit_test(a_subscription_that_chose_it_is_ended_by_too_much),
        cmocka_unit_test(members_of_a_group_share_what_comes),
        cmocka_unit_test(an_inbox_is_named_in_the_reply_and_reached_by_that_name_alone),
        cmocka_unit_test(behind_the_answer_to_an_end_nothing_of_it_follows),
        cmocka_unit_test(a_consumer_is_told_that_its_queue_is_deleted),
        cmocka_unit_test(errors_and_confirms_overtake_deliveries_that_wait),
        cmocka_unit_test(what_is_said_survives_the_shortest_sends),
        cmocka_unit_test(a_message_is_delivered_as_it_was_sent_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

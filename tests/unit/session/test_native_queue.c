#include "session/native.h"

#include "base/time.h"
#include "check.h"
#include "core/frames.h"
#include "frame/field.h"
#include "frame/header.h"
#include "session/talk.h"

#include <stdlib.h>

/* What is said about queues that age, and by whom: connection 1 is the one that is looked at. */
enum { CLIENT = 1, OTHER = 2, LOTS = 1000000 };

static struct talk *open(void)
{
    struct talk *talk = talk_open();
    talk_hello(talk, CLIENT);
    talk_hello(talk, OTHER);
    return talk;
}

static void play(struct talk *talk, uint32_t peer, struct script *script)
{
    talk_play(talk, peer, script);
    talk_turn(talk);
}

static void fields(struct talk *talk, uint32_t peer, int op, const char *name, const char *text)
{
    struct script script = {0};
    script_fields(&script, op, name, text);
    play(talk, peer, &script);
}

static void push(struct talk *talk, const char *queue, const char *words)
{
    struct script script = {0};
    script_messages(&script, OP_PUSH, queue, words);
    play(talk, OTHER, &script);
}

static void push_headed(struct talk *talk, const char *queue, const char *headers, const char *word)
{
    struct script script = {0};
    script_headed(&script, OP_PUSH, queue, headers, word);
    play(talk, OTHER, &script);
}

/* An op whose body is a consumer, a count and a tag or size. */
static void range(struct talk *talk, int op, const char *name, uint32_t id, uint32_t count,
                  uint64_t last)
{
    struct script script = {0};
    script_numbers(&script, op, 0, name, "448", id, count, last);
    play(talk, CLIENT, &script);
}

/* Lets it be so many milliseconds later. */
static void pass(struct talk *talk, uint64_t ms)
{
    talk->now += ms * NS_PER_MS;
    talk_turn(talk);
}

/* The data of the first REPLY that the connection was sent and not asked for yet. */
static struct bytes reply_of(const struct talk *talk, uint32_t peer)
{
    const struct script *said = &talk->conns[peer].said;
    for (size_t at = 0; at < said->size; at += frame_size(said->data + at))
        if (frame_head_load(said->data + at).op == OP_REPLY)
            return bytes_of(said->data + at + FRAME_HEAD_SIZE + 8,
                            frame_size(said->data + at) - FRAME_HEAD_SIZE - 8);
    fail_msg("no REPLY");
    return (struct bytes){0};
}

/* Sees that INFO of "q" holds these fields, side by side. */
static void expect_info(struct talk *talk, const char *expected)
{
    char text[4096];
    struct script script = {0};
    talk_skip(talk, OTHER);
    script_frame(&script, OP_INFO, 0, "q", "", 0);
    play(talk, OTHER, &script);
    frames_tell_fields(reply_of(talk, OTHER), text, sizeof text);
    assert_non_null(strstr(text, expected));
    talk_skip(talk, OTHER);
}

static void every_setting_is_declared_up_to_its_extremes(void **state)
{
    (void)state;
    static const char *const extremes[] = {
        "max-messages=1 max-bytes=1 when-full=hold ttl=0 delivery-limit=0 dead-letter= lease-max=0 "
        "pop-lease=none",
        "max-messages=18446744073709551615 max-bytes=18446744073709551615 when-full=drop-oldest "
        "ttl=18446744073709551615 delivery-limit=65535 dead-letter=x "
        "lease-max=18446744073709551615 pop-lease=connection",
    };
    for (int i = 0; i < 4; i++) {
        struct talk *t = open();
        int op = i % 2 ? OP_SET : OP_DECLARE;
        fields(t, CLIENT, OP_DECLARE, "q", i % 2 ? "" : extremes[i / 2]);
        if (op == OP_SET)
            fields(t, CLIENT, OP_SET, "q", extremes[i / 2]);
        talk_expect(t, CLIENT,
                    i % 2 ? "CONFIRM 1\nREPLY 1\nCONFIRM 2\nREPLY 2\n" : "CONFIRM 1\nREPLY 1\n");
        expect_info(t, extremes[i / 2]);
        talk_close(t);
    }
}

static void dead_letters_may_go_to_the_longest_name(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    unsigned char body[FRAME_NAME_MAX + 64], name[FRAME_NAME_MAX];
    memset(name, 'n', sizeof name);
    script_frame(&s, OP_DECLARE, 0, "q", body,
                 field_put_bytes(body, "dead-letter", bytes_of(name, sizeof name)));
    play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "CONFIRM 1\nREPLY 1\n");
    push(t, "q", "a");
    range(t, OP_CONSUME, "q", 7, 1, LOTS);
    range(t, OP_REJECT, "", 7, 1, 1);
    expect_info(t, " dead-lettered=1 ");
    talk_close(t);
}

static void what_is_declared_differently_is_told(void **state)
{
    (void)state;
    struct talk *t = open();
    fields(t, CLIENT, OP_DECLARE, "q", "ttl=5");
    fields(t, CLIENT, OP_DECLARE, "q", "ttl=5 dead-letter=q.dead");
    fields(t, CLIENT, OP_DECLARE, "q", "ttl=6");
    talk_expect(t, CLIENT, "CONFIRM 1\nREPLY 1\nCONFIRM 2\nREPLY 2\nERROR 3+1 exists\nCONFIRM 3\n");
    talk_close(t);
}

static void a_message_with_headers_is_delivered_as_it_was_sent_byte_for_byte(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_headed(&s, OP_PUSH, "q", "ttl=5000 x-a=b reply-to=inbox:r delay=0", "word");
    talk_hear(t, OTHER, bytes_of(s.data, s.size));
    range(t, OP_CONSUME, "q", 7, LOTS, LOTS);
    const struct script *said = &t->conns[CLIENT].said;
    assert_memory_equal(said->data + said->size - s.size, s.data, s.size);
    script_finish(&s);
    talk_close(t);
}

static void messages_with_headers_and_without_keep_their_order(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_messages(&s, OP_PUSH, "q", "a b");
    script_headed(&s, OP_PUSH, "q", "x-a=1", "c");
    script_headed(&s, OP_PUSH, "q", "ttl=9000", "d");
    script_messages(&s, OP_PUSH, "q", "e");
    play(t, OTHER, &s);
    range(t, OP_CONSUME, "q", 7, LOTS, LOTS);
    talk_expect(t, OTHER, "CONFIRM 5\n");
    talk_expect(t, CLIENT,
                "CONFIRM 1\nREPLY 1\n"
                "CONTEXT 7 @1\nPUSH q: a\nPUSH q: b\nPUSH q: c\nPUSH q: d\nPUSH q: e\n");
    talk_close(t);
}

static void a_delayed_push_is_confirmed_at_once(void **state)
{
    (void)state;
    struct talk *t = open();
    range(t, OP_CONSUME, "q", 7, LOTS, LOTS);
    talk_skip(t, CLIENT);
    push_headed(t, "q", "delay=5", "a");
    talk_expect(t, OTHER, "CONFIRM 1\n");
    pass(t, 4);
    talk_expect(t, CLIENT, "");
    pass(t, 1);
    talk_expect(t, CLIENT, "CONTEXT 7 @1\nPUSH q: a\n");
    talk_close(t);
}

/* A return with a delay, which may be nothing. */
static void put_return(struct script *script, uint64_t tag, uint64_t delay_ms)
{
    script_numbers(script, OP_RETURN, 0, "", "4488", 7, 1, tag, delay_ms);
}

static void a_return_may_have_a_delay(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    push(t, "q", "a b c");
    range(t, OP_CONSUME, "q", 7, 3, LOTS);
    put_return(&s, 1, 5);
    put_return(&s, 2, 0);
    range(t, OP_CREDIT, "", 7, LOTS, 0);
    talk_skip(t, CLIENT);
    play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "CONFIRM 4\nCONTEXT 7 @4 again 1\nPUSH q: b\n");
    pass(t, 5);
    talk_expect(t, CLIENT, "PUSH q: a\n");
    talk_close(t);
}

static void the_longest_delay_of_a_return_is_taken(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    push(t, "q", "a");
    range(t, OP_CONSUME, "q", 7, 9, LOTS);
    put_return(&s, 1, UINT64_MAX);
    talk_skip(t, CLIENT);
    play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "");
    expect_info(t, " delayed=1 ");
    talk_close(t);
}

static void who_loses_a_lease_is_told_its_tags(void **state)
{
    (void)state;
    struct talk *t = open();
    fields(t, CLIENT, OP_DECLARE, "q", "lease-max=5");
    push(t, "q", "a b c d");
    range(t, OP_CONSUME, "q", 7, 4, LOTS);
    range(t, OP_ACK, "", 7, 1, 2);
    talk_skip(t, CLIENT);
    pass(t, 5);
    talk_expect(t, CLIENT, "CONFIRM 3\nLOST 7 @1 x1\nLOST 7 @3 x2\n");
    range(t, OP_ACK, "", 7, 3, 2);
    talk_expect(t, CLIENT, "ERROR 4+1 not-leased\nCONFIRM 4\n");
    talk_close(t);
}

/* What was lost comes again to the same consumer: its tags go on. */
static void what_is_lost_comes_again_with_new_tags(void **state)
{
    (void)state;
    struct talk *t = open();
    fields(t, CLIENT, OP_DECLARE, "q", "lease-max=5");
    push(t, "q", "a");
    range(t, OP_CONSUME, "q", 7, 9, LOTS);
    talk_skip(t, CLIENT);
    pass(t, 5);
    talk_expect(t, CLIENT, "LOST 7 @1 x1\nCONTEXT 7 @2 again 1\nPUSH q: a\n");
    talk_close(t);
}

static void touching_is_confirmed_with_what_is_sent_next(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    fields(t, CLIENT, OP_DECLARE, "q", "lease-max=5");
    push(t, "q", "a");
    range(t, OP_CONSUME, "q", 7, 1, LOTS);
    pass(t, 4);
    talk_skip(t, CLIENT);
    range(t, OP_TOUCH, "", 7, 1, 1);
    pass(t, 4);
    talk_expect(t, CLIENT, "");
    script_frame(&s, OP_PING, 0, "", "", 0);
    play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "CONFIRM 4\nREPLY 4\n");
    pass(t, 1);
    talk_expect(t, CLIENT, "LOST 7 @1 x1\n");
    talk_close(t);
}

static void redriving_is_answered_with_how_many(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    push(t, "q", "a b c");
    range(t, OP_CONSUME, "q", 7, 3, LOTS);
    range(t, OP_REJECT, "", 7, 3, 1);
    talk_skip(t, CLIENT);
    script_numbers(&s, OP_REDRIVE, 0, "q.dead", "4", 2);
    play(t, CLIENT, &s);
    assert_int_equal(load_u64(reply_of(t, CLIENT).data), 2);
    talk_expect(t, CLIENT, "CONFIRM 3\nREPLY 3: 8 bytes more\n");
    talk_close(t);
}

static void redriving_may_name_a_queue(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    unsigned char body[64] = {0};
    push(t, "q", "a");
    range(t, OP_CONSUME, "r", 7, LOTS, LOTS);
    talk_skip(t, CLIENT);
    script_frame(&s, OP_REDRIVE, 0, "q", body,
                 4 + field_put_bytes(body + 4, "to", bytes_text("r")));
    play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "CONFIRM 2\nREPLY 2: 8 bytes\nCONTEXT 7 @1\nPUSH q: a\n");
    talk_close(t);
}

/* Says hello with these fields and sees whether the client is taken to send heartbeats. */
static void expect_heartbeats(const char *hello, bool is_expected)
{
    struct talk *talk = talk_open();
    struct script script = {0};
    unsigned char body[128];
    store_u32(body, PROTOCOL_VERSION);
    script_frame(&script, OP_HELLO, 0, "", body, 4 + frames_put_fields(body + 4, hello));
    talk_connect(talk, CLIENT);
    play(talk, CLIENT, &script);
    assert_int_equal(talk_session(talk, CLIENT)->native.has_heartbeats, is_expected);
    talk_close(talk);
}

static void a_client_says_whether_it_sends_heartbeats(void **state)
{
    (void)state;
    expect_heartbeats("", false);
    expect_heartbeats("heartbeats=1", true);
    expect_heartbeats("heartbeats=0", false);
    expect_heartbeats("heartbeats=yes", false);
    expect_heartbeats("client=heartbeats", false);
}

static void a_heartbeat_brings_no_answer_of_its_own(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    for (int i = 0; i < 3; i++)
        script_frame(&s, OP_HEARTBEAT, 0, "", "", 0);
    play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "");
    script_frame(&s, OP_PING, 0, "", "", 0);
    play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "CONFIRM 4\nREPLY 4\n");
    talk_close(t);
}

static void who_is_killed_is_told_goodbye(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    push(t, "q", "a");
    range(t, OP_CONSUME, "q", 7, 1, LOTS);
    talk_skip(t, CLIENT);
    talk_skip(t, OTHER);
    script_numbers(&s, OP_KILL, 0, "", "4", CLIENT);
    play(t, OTHER, &s);
    talk_expect(t, OTHER, "CONFIRM 2\nREPLY 2\n");
    talk_expect(t, CLIENT, "GOAWAY killed\n");
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
    range(t, OP_ACK, "", 7, 1, 1); /* nobody listens */
    assert_int_equal(engine_totals(t->engine).leased, 1);
    talk_close(t);
}

static void clients_are_listed_by_the_name_they_gave(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    struct script s = {0};
    unsigned char body[256], name[100];
    char text[1024];
    memset(name, 'n', sizeof name);
    store_u32(body, PROTOCOL_VERSION);
    script_frame(&s, OP_HELLO, 0, "", body,
                 4 + field_put_bytes(body + 4, "client", bytes_of(name, sizeof name)));
    talk_connect(t, CLIENT);
    script_numbers(&s, OP_CLIENTS, 0, "", "44", 10, 0);
    play(t, CLIENT, &s);
    struct bytes records = reply_of(t, CLIENT);
    assert_int_equal(load_u32(records.data), records.size);
    frames_tell_fields(bytes_of(records.data + 4, records.size - 4), text, sizeof text);
    assert_non_null(strstr(text, "connection=1 consumers=0"));
    const char *client = strstr(text, "client=");
    assert_int_equal(strspn(client + 7, "n"), 64);
    talk_close(t);
}

static void settings_are_answered_even_with_none(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_frame(&s, OP_SETTINGS, 0, "", "", 0);
    play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "CONFIRM 1\nREPLY 1\n");
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_is_declared_up_to_its_extremes),
        cmocka_unit_test(dead_letters_may_go_to_the_longest_name),
        cmocka_unit_test(what_is_declared_differently_is_told),
        cmocka_unit_test(a_message_with_headers_is_delivered_as_it_was_sent_byte_for_byte),
        cmocka_unit_test(messages_with_headers_and_without_keep_their_order),
        cmocka_unit_test(a_delayed_push_is_confirmed_at_once),
        cmocka_unit_test(a_return_may_have_a_delay),
        cmocka_unit_test(the_longest_delay_of_a_return_is_taken),
        cmocka_unit_test(who_loses_a_lease_is_told_its_tags),
        cmocka_unit_test(what_is_lost_comes_again_with_new_tags),
        cmocka_unit_test(touching_is_confirmed_with_what_is_sent_next),
        cmocka_unit_test(redriving_is_answered_with_how_many),
        cmocka_unit_test(redriving_may_name_a_queue),
        cmocka_unit_test(a_client_says_whether_it_sends_heartbeats),
        cmocka_unit_test(a_heartbeat_brings_no_answer_of_its_own),
        cmocka_unit_test(who_is_killed_is_told_goodbye),
        cmocka_unit_test(clients_are_listed_by_the_name_they_gave),
        cmocka_unit_test(settings_are_answered_even_with_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "session/session.h"

#include "base/time.h"
#include "check.h"
#include "frame/field.h"
#include "session/talk.h"

#include <stdio.h>
#include <stdlib.h>

/* How bytes become commands, however they come. */
enum { CLIENT = 1, OTHER = 2 };

static struct talk *open(void)
{
    struct talk *talk = talk_open();
    talk_hello(talk, CLIENT);
    return talk;
}

static void put_declare(struct script *script, const char *queue, uint64_t count_max)
{
    unsigned char body[128];
    size_t size = field_put_number(body, "max-messages", count_max);
    size += field_put_bytes(body + size, "when-full", bytes_text("hold"));
    script_frame(script, OP_DECLARE, 0, queue, body, size);
}

/* Something of everything. PING has messages handed out, so that there is something to settle. */
static void put_conversation(struct script *s)
{
    script_hello(s);
    put_declare(s, "q", 3);
    script_messages(s, OP_PUSH, "q", "a bb:100 c d e");
    script_numbers(s, OP_CONSUME, 0, "q", "448", 7, 2, UINT64_C(1000));
    script_numbers(s, OP_PING, 0, "", "");
    script_numbers(s, OP_ACK, 0, "", "448", 7, 1, UINT64_C(1));
    script_numbers(s, OP_RETURN, 0, "", "448", 7, 1, UINT64_C(2));
    script_numbers(s, OP_TOUCH, 0, "", "448", 7, 1, UINT64_C(1));
    script_numbers(s, OP_RETURN, 0, "", "4488", 7, 1, UINT64_C(1), UINT64_C(5));
    script_fields(s, OP_SET, "q", "max-messages=4 lease-max=9000 dead-letter=");
    script_headed(s, OP_PUSH, "q", "ttl=9000 x-a=b", "h");
    script_headed(s, OP_PUSH, "q", "ttl=0", "i");
    script_numbers(s, OP_SUBSCRIBE, SUBSCRIBE_WILDCARD, "t.*", "448", 5, 2, UINT64_C(0));
    script_messages(s, OP_PUBLISH, "t.x", "m n o");
    script_messages(s, OP_PUBLISH, "t.y", "p");
    script_frame(s, OP_PUSH, 9, "q", "x", 1);
    script_frame(s, 0xbf, 0, "", "", 0);
    script_numbers(s, OP_PEEK, 0, "q", "4", 10);
    script_numbers(s, OP_LIST, 0, "", "4", 10);
    script_numbers(s, OP_CREDIT, 0, "", "448", 7, 1, UINT64_C(1000));
    script_numbers(s, OP_PING, 0, "", "");
    script_numbers(s, OP_REJECT, 0, "", "448", 7, 5, UINT64_C(3));
    script_numbers(s, OP_INFO, 0, "q", "");
    script_numbers(s, OP_STATS, 0, "", "");
    script_numbers(s, OP_CLIENTS, 0, "", "44", 5, 0);
    script_numbers(s, OP_SETTINGS, 0, "", "");
    script_numbers(s, OP_HEARTBEAT, 0, "", "");
    script_numbers(s, OP_KILL, 0, "", "4", 77);
    script_numbers(s, OP_REDRIVE, 0, "q", "4", 1);
    script_numbers(s, OP_PAUSE, 0, "q", "");
    script_numbers(s, OP_CONSUME, CONSUME_BACK | CONSUME_NO_ACK, "q", "448", 8, 9, UINT64_C(900));
    script_numbers(s, OP_RESUME, 0, "q", "");
    script_numbers(s, OP_PING, 0, "", "");
    script_numbers(s, OP_UNSUBSCRIBE, 0, "", "4", 5);
    script_numbers(s, OP_CANCEL, 0, "", "4", 7);
    script_numbers(s, OP_PURGE, 0, "q", "");
    script_numbers(s, OP_DELETE, 0, "q", "");
}

enum { CONVERSATION_FRAMES = 42 };

/* Has a new client say the conversation in two pieces within one turn; tells what was answered. */
static void converse(struct talk *talk, struct bytes words, size_t cut)
{
    talk_connect(talk, CLIENT);
    talk_hear(talk, CLIENT, bytes_of(words.data, cut));
    talk_hear(talk, CLIENT, bytes_of(words.data + cut, words.size - cut));
    talk_tell(talk, CLIENT);
    assert_int_equal(talk_session(talk, CLIENT)->native.number_next, CONVERSATION_FRAMES + 1);
    assert_int_equal(talk_session(talk, CLIENT)->native.confirmed, CONVERSATION_FRAMES);
}

static void a_conversation_split_at_any_byte_is_answered_the_same(void **state)
{
    (void)state;
    struct script s = {0};
    put_conversation(&s);
    struct talk *whole = talk_open();
    converse(whole, bytes_of(s.data, s.size), s.size);
    assert_memory_equal(whole->text, "WELCOME\n", 8);
    for (size_t cut = 0; cut < s.size; cut++) {
        struct talk *t = talk_open();
        converse(t, bytes_of(s.data, s.size), cut);
        assert_string_equal(t->text, whole->text);
        talk_close(t);
    }
    talk_close(whole);
    script_finish(&s);
}

static void a_conversation_byte_by_byte_is_answered_the_same(void **state)
{
    (void)state;
    struct script s = {0};
    put_conversation(&s);
    struct talk *whole = talk_open(), *t = talk_open();
    converse(whole, bytes_of(s.data, s.size), s.size);
    talk_connect(t, CLIENT);
    for (size_t at = 0; at < s.size; at++)
        talk_hear(t, CLIENT, bytes_of(s.data + at, 1));
    talk_expect(t, CLIENT, whole->text);
    talk_close(t);
    talk_close(whole);
    script_finish(&s);
}

/* Whatever the broker said by then is whole frames, and nothing remains when it hangs up. */
static void a_conversation_may_end_at_any_byte(void **state)
{
    (void)state;
    struct script s = {0};
    put_conversation(&s);
    for (size_t end = 0; end < s.size; end++) {
        struct talk *t = talk_open();
        talk_connect(t, CLIENT);
        talk_hear(t, CLIENT, bytes_of(s.data, end));
        if (end % 2)
            talk_tell(t, CLIENT);
        talk_close(t);
    }
    script_finish(&s);
}

static void a_conversation_may_be_damaged_at_any_byte(void **state)
{
    (void)state;
    static const unsigned char damages[] = {0x01, 0x80, 0xff};
    struct script s = {0};
    put_conversation(&s);
    for (size_t at = 0; at < s.size; at++)
        for (int i = 0; i < 3; i++) {
            struct talk *t = talk_open();
            s.data[at] ^= damages[i];
            talk_connect(t, CLIENT);
            talk_hello(t, OTHER);
            talk_hear(t, CLIENT, bytes_of(s.data, s.size));
            talk_tell(t, CLIENT);
            talk_expect(t, OTHER, "");
            talk_close(t);
            s.data[at] ^= damages[i];
        }
    script_finish(&s);
}

static void what_stands_behind_hello_is_taken_with_it(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    struct script s = {0};
    script_hello(&s);
    script_messages(&s, OP_PUSH, "q", "a b");
    script_numbers(&s, OP_PING, 0, "", "");
    talk_connect(t, CLIENT);
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "WELCOME\nCONFIRM 3\nREPLY 3\n");
    talk_close(t);
}

static void a_hello_of_4096_bytes_is_taken(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    struct script s = {0};
    unsigned char body[FRAME_HELLO_MAX], value[FRAME_HELLO_MAX] = {0};
    size_t value_size = FRAME_HELLO_MAX - FRAME_HEAD_SIZE - 4 - FIELD_HEAD_SIZE - 1;
    store_u32(body, PROTOCOL_VERSION);
    size_t size = 4 + field_put_bytes(body + 4, "x", bytes_of(value, value_size));
    script_frame(&s, OP_HELLO, 0, "", body, size);
    assert_int_equal(s.size, FRAME_HELLO_MAX);
    talk_connect(t, CLIENT);
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "WELCOME\n");
    talk_close(t);
}

/* In one piece, and with its head cut in two, so that it has to be put together. */
static void a_frame_of_exactly_the_frame_max_is_taken(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < 8; cut += 7) {
        struct talk *t = open();
        struct script s = {0};
        script_messages(&s, OP_PUSH, "q", "a:1048576 b");
        talk_hear(t, CLIENT, bytes_of(s.data, cut));
        talk_hear(t, CLIENT, bytes_of(s.data + cut, s.size - cut));
        talk_expect(t, CLIENT, "CONFIRM 2\n");
        script_finish(&s);
        script_numbers(&s, OP_CONSUME, 0, "q", "448", 7, 2, UINT64_C(2000000));
        talk_play(t, CLIENT, &s);
        talk_expect(t, CLIENT, "CONFIRM 3\nREPLY 3\nCONTEXT 7 @1\nPUSH q: a\nPUSH q: b\n");
        talk_close(t);
    }
}

static void a_head_over_the_frame_max_is_refused_however_it_was_cut(void **state)
{
    (void)state;
    unsigned char head[FRAME_HEAD_SIZE];
    frame_head_store(head, (struct frame_head){OP_PUSH, 0, 1, FRAME_SIZE_DEFAULT + 1});
    for (size_t cut = 0; cut < FRAME_HEAD_SIZE; cut++) {
        struct talk *t = open();
        talk_hear(t, CLIENT, bytes_of(head, cut));
        talk_hear(t, CLIENT, bytes_of(head + cut, FRAME_HEAD_SIZE - cut));
        talk_expect(t, CLIENT, "ERROR 0+0 too-large\n");
        talk_close(t);
    }
}

/* With its head cut in two, in small pieces, and the next frame behind its end. */
static void a_large_frame_that_is_not_whole_is_refused_when_memory_is_short(void **state)
{
    (void)state;
    for (size_t piece = 5; piece < 6000; piece = 2 * piece + 1) {
        struct talk *t = open();
        struct script s = {0};
        t->limits.is_memory_short = true;
        script_messages(&s, OP_PUSH, "q", "a:5000");
        script_numbers(&s, OP_PING, 0, "", "");
        for (size_t at = 0; at < s.size; at += piece) {
            talk_hear(t, CLIENT, bytes_of(s.data + at, s.size - at < piece ? s.size - at : piece));
            assert_true(talk_session(t, CLIENT)->input.kept.size <= FRAME_HEAD_SIZE);
        }
        talk_expect(t, CLIENT, "ERROR 1+1 memory\nCONFIRM 2\nREPLY 2\n");
        script_finish(&s);
        talk_close(t);
    }
}

static void a_small_frame_is_waited_for_when_memory_is_short(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    t->limits.is_memory_short = true;
    script_messages(&s, OP_PUSH, "q", "a:4000");
    talk_hear(t, CLIENT, bytes_of(s.data, 3000));
    talk_hear(t, CLIENT, bytes_of(s.data + 3000, s.size - 3000));
    talk_expect(t, CLIENT, "CONFIRM 1\n");
    script_finish(&s);
    talk_close(t);
}

static void when_memory_is_full_nothing_is_answered_with_data(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    t->limits.is_memory_short = t->limits.is_memory_full = true;
    script_numbers(&s, OP_LIST, 0, "", "4", 1);
    script_numbers(&s, OP_PEEK, 0, "q", "4", 1);
    script_numbers(&s, OP_INFO, 0, "q", "");
    script_numbers(&s, OP_STATS, 0, "", "");
    script_numbers(&s, OP_PING, 0, "", "");
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT,
                "ERROR 1+1 memory\nERROR 2+1 memory\nERROR 3+1 memory\n"
                "ERROR 4+1 memory\nCONFIRM 5\nREPLY 5\n");
    talk_close(t);
}

static void a_name_of_1024_bytes_is_taken(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    char name[FRAME_NAME_MAX + 1];
    memset(name, 'n', FRAME_NAME_MAX);
    name[FRAME_NAME_MAX] = '\0';
    script_frame(&s, OP_PUSH, 0, name, "", 0);
    script_numbers(&s, OP_LIST, 0, name, "4", 1);
    script_numbers(&s, OP_DELETE, 0, name, "");
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "CONFIRM 2\nREPLY 2\nCONFIRM 3\nREPLY 3\n");
    talk_close(t);
}

static void messages_of_no_bytes_are_messages(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    for (int i = 0; i < 3; i++)
        script_frame(&s, OP_PUSH, 0, "q", "", 0);
    script_numbers(&s, OP_CONSUME, 0, "q", "448", 7, 5, UINT64_C(100));
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "CONFIRM 4\nREPLY 4\nCONTEXT 7 @1\nPUSH q: \nPUSH q: \nPUSH q: \n");
    talk_close(t);
}

static void what_stands_behind_a_large_request_waits_for_its_answer(void **state)
{
    (void)state;
    static const int ops[] = {OP_PEEK, OP_LIST, OP_STATS};
    for (int i = 0; i < 3; i++) {
        struct talk *t = open();
        struct session *session = talk_session(t, CLIENT);
        struct script s = {0};
        script_numbers(&s, ops[i], 0, i ? "" : "q", i == 2 ? "" : "4", 5);
        script_messages(&s, OP_PUSH, "q", "a b");
        talk_play(t, CLIENT, &s);
        assert_int_equal(session->native.number_next, 2);
        assert_true(session_is_stalled(session));
        talk_turn(t);
        assert_int_equal(session->native.number_next, 4);
        assert_false(session_is_stalled(session));
        talk_close(t);
    }
}

static void what_comes_while_it_waits_is_kept_in_order(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_numbers(&s, OP_LIST, 0, "", "4", 1);
    script_messages(&s, OP_PUSH, "q", "a b");
    talk_hear(t, CLIENT, bytes_of(s.data, 20));
    for (size_t at = 20; at < s.size; at++)
        talk_hear(t, CLIENT, bytes_of(s.data + at, 1));
    script_finish(&s);
    script_messages(&s, OP_PUSH, "q", "c d");
    script_numbers(&s, OP_CONSUME, 0, "q", "448", 7, 9, UINT64_C(1000));
    talk_hear(t, CLIENT, bytes_of(s.data, 15));
    talk_turn(t);
    talk_hear(t, CLIENT, bytes_of(s.data + 15, s.size - 15));
    talk_tell(t, CLIENT);
    assert_non_null(strstr(t->text, "PUSH q: a\nPUSH q: b\nPUSH q: c\nPUSH q: d\n"));
    script_finish(&s);
    talk_close(t);
}

static void a_turn_takes_a_bounded_number_of_commands(void **state)
{
    (void)state;
    struct talk *t = open();
    struct session *session = talk_session(t, CLIENT);
    struct script s = {0};
    t->is_unchecked = true;
    for (uint32_t i = 0; i < 2 * COMMANDS_TURN_MAX + 5; i++)
        script_messages(&s, OP_PUSH, i % 2 ? "q" : "r", "a");
    talk_play(t, CLIENT, &s);
    assert_int_equal(session->native.number_next, COMMANDS_TURN_MAX + 1);
    assert_true(session_is_stalled(session));
    assert_false(session_can_resume(session));
    session_turn(session);
    assert_true(session_can_resume(session));
    talk_turn(t);
    assert_int_equal(session->native.confirmed, 2 * COMMANDS_TURN_MAX + 5);
    talk_close(t);
}

static void a_session_that_keeps_nothing_keeps_no_memory(void **state)
{
    (void)state;
    struct talk *t = open();
    struct session *session = talk_session(t, CLIENT);
    struct script s = {0};
    script_messages(&s, OP_PUSH, "q", "a:50000 b:50000");
    talk_hear(t, CLIENT, bytes_of(s.data, 70000));
    assert_int_equal(session->input.kept.size, 20000);
    talk_hear(t, CLIENT, bytes_of(s.data + 70000, s.size - 70000));
    assert_int_equal(session->input.kept.capacity, 0);
    script_finish(&s);
    talk_close(t);
}

static void what_comes_behind_the_end_is_ignored(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    talk_hear(t, CLIENT, bytes_of("GET ", 4));
    talk_expect(t, CLIENT, "ERROR 0+0 protocol\n");
    script_messages(&s, OP_PUSH, "q", "a");
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "");
    assert_int_equal(engine_totals(t->engine).accepted, 0);
    assert_int_equal(talk_session(t, CLIENT)->input.kept.capacity, 0);
    talk_close(t);
}

/* Their fate is not known any more: the connection is lost. */
static void what_stands_before_lost_framing_is_carried_out(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_messages(&s, OP_PUSH, "q", "a b");
    script_put(&s, "x", 1);
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "ERROR 0+0 protocol\n");
    assert_int_equal(engine_totals(t->engine).accepted, 2);
    talk_close(t);
}

static void what_was_settled_by_then_is_confirmed_before_lost_framing_is_told(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_messages(&s, OP_PUBLISH, "t", "a b");
    talk_play(t, CLIENT, &s);
    talk_expect(t, CLIENT, "");
    talk_hear(t, CLIENT, bytes_of("x", 1));
    talk_expect(t, CLIENT, "CONFIRM 2\nERROR 0+0 protocol\n");
    talk_close(t);
}

static void an_open_session_has_no_deadline(void **state)
{
    (void)state;
    struct talk *t = open();
    assert_true(session_deadline(talk_session(t, CLIENT)) == TIME_NEVER);
    session_expire(talk_session(t, CLIENT), UINT64_MAX - 1);
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_OPEN);
    talk_close(t);
}

static void a_deadline_runs_from_the_first_byte_even_at_time_zero(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    t->now = 0;
    talk_connect(t, CLIENT);
    talk_hear(t, CLIENT, bytes_of("\x80", 1));
    assert_in_range(session_deadline(talk_session(t, CLIENT)), 5 * NS_PER_S, 5 * NS_PER_S + 1);
    talk_close(t);
}

static void at_the_end_of_the_broker_a_session_says_goodbye(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    script_messages(&s, OP_PUBLISH, "t", "a b");
    talk_play(t, CLIENT, &s);
    talk_turn(t);
    session_end(talk_session(t, CLIENT), STATUS_CLOSING);
    session_end(talk_session(t, CLIENT), STATUS_CLOSING);
    talk_expect(t, CLIENT, "CONFIRM 2\nGOAWAY closing\n");
    talk_close(t);
}

/* Until its hello has come it is not known to understand a goodbye, and is told all the same. */
static void a_stranger_is_told_goodbye_too_once_it_has_spoken(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct talk *t = talk_open();
        talk_connect(t, CLIENT);
        if (i == 1)
            talk_hear(t, CLIENT, bytes_text("\x80"));
        session_end(talk_session(t, CLIENT), STATUS_CLOSING);
        talk_expect(t, CLIENT, i == 1 ? "GOAWAY closing\n" : "");
        assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
        talk_close(t);
    }
}

static void who_is_not_let_in_is_told_so_once_it_has_spoken(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    talk_connect(t, CLIENT);
    session_refuse(talk_session(t, CLIENT), STATUS_STRANGERS);
    assert_int_equal(session_deadline(talk_session(t, CLIENT)), t->now + 5 * NS_PER_S);
    talk_expect(t, CLIENT, "");
    talk_hear(t, CLIENT, bytes_text("\x80"));
    talk_expect(t, CLIENT, "ERROR 0+0 too-many-strangers\n");
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
    talk_close(t);
}

static void messages_for_a_session_that_is_over_are_given_back(void **state)
{
    (void)state;
    struct talk *t = open();
    struct script s = {0};
    talk_hello(t, OTHER);
    script_numbers(&s, OP_CONSUME, 0, "q", "448", 7, 9, UINT64_C(1000));
    talk_play(t, CLIENT, &s);
    talk_turn(t);
    session_end(talk_session(t, CLIENT), STATUS_CLOSING);
    script_messages(&s, OP_PUSH, "q", "a");
    talk_play(t, OTHER, &s);
    talk_turn(t);
    talk_expect(t, CLIENT, "CONFIRM 1\nREPLY 1\nGOAWAY closing\n");
    assert_int_equal(engine_totals(t->engine).holds, 0);
    talk_hang_up(t, CLIENT);
    assert_int_equal(engine_totals(t->engine).ready, 1);
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_conversation_split_at_any_byte_is_answered_the_same),
        cmocka_unit_test(a_conversation_byte_by_byte_is_answered_the_same),
        cmocka_unit_test(a_conversation_may_end_at_any_byte),
        cmocka_unit_test(a_conversation_may_be_damaged_at_any_byte),
        cmocka_unit_test(what_stands_behind_hello_is_taken_with_it),
        cmocka_unit_test(a_hello_of_4096_bytes_is_taken),
        cmocka_unit_test(a_frame_of_exactly_the_frame_max_is_taken),
        cmocka_unit_test(a_head_over_the_frame_max_is_refused_however_it_was_cut),
        cmocka_unit_test(a_large_frame_that_is_not_whole_is_refused_when_memory_is_short),
        cmocka_unit_test(a_small_frame_is_waited_for_when_memory_is_short),
        cmocka_unit_test(when_memory_is_full_nothing_is_answered_with_data),
        cmocka_unit_test(a_name_of_1024_bytes_is_taken),
        cmocka_unit_test(messages_of_no_bytes_are_messages),
        cmocka_unit_test(what_stands_behind_a_large_request_waits_for_its_answer),
        cmocka_unit_test(what_comes_while_it_waits_is_kept_in_order),
        cmocka_unit_test(a_turn_takes_a_bounded_number_of_commands),
        cmocka_unit_test(a_session_that_keeps_nothing_keeps_no_memory),
        cmocka_unit_test(what_comes_behind_the_end_is_ignored),
        cmocka_unit_test(what_stands_before_lost_framing_is_carried_out),
        cmocka_unit_test(what_was_settled_by_then_is_confirmed_before_lost_framing_is_told),
        cmocka_unit_test(an_open_session_has_no_deadline),
        cmocka_unit_test(a_deadline_runs_from_the_first_byte_even_at_time_zero),
        cmocka_unit_test(at_the_end_of_the_broker_a_session_says_goodbye),
        cmocka_unit_test(a_stranger_is_told_goodbye_too_once_it_has_spoken),
        cmocka_unit_test(who_is_not_let_in_is_told_so_once_it_has_spoken),
        cmocka_unit_test(messages_for_a_session_that_is_over_are_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "session/resp.h"

#include "base/time.h"
#include "check.h"
#include "session/chat.h"

/* How commands become replies, however they come. */
enum { CLIENT = 1, OTHER = 2 };

#define NIL "$-1|"

static void commands_are_replied_to(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "PING", "+PONG|");
    chat(t, CLIENT, "RPUSH q a bb\nLPUSH q z\nLLEN q", ":2|:3|:3|");
    chat(t, CLIENT, "LRANGE q 0 -1", "*3|$1|z|$1|a|$2|bb|");
    chat(t, CLIENT, "LPOP q\nRPOP q\nLPOP q\nLPOP q", "$1|z|$2|bb|$1|a|" NIL);
    chat(t, CLIENT, "LPOP q 2\nRPUSH q a b c\nLPOP q 0\nRPOP q 2", "*-1|:3|*0|*2|$1|c|$1|b|");
    chat(t, CLIENT, "nonsense a b\nllen",
         "-ERR unknown command 'nonsense', with args beginning with: "
         "'a' 'b' |-ERR wrong number of arguments for 'llen' command|");
    talk_close(t);
}

static void version_3_has_other_words(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "LPOP q\nHELLO 3\nLPOP q\nLPOP q 1",
         NIL "%7|$6|server|$8|ringpost|$7|version|$5|7.2.0|$5|proto|:3|$2|id|:1|"
             "$4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|_|_|");
    talk_close(t);
}

static void lines_are_commands_too(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    talk_connect(t, CLIENT);
    talk_hear(t, CLIENT, bytes_text("PING\r\n\r\nrpush q \"a b\"\nLPOP q\r\n"));
    chat_expect(t, CLIENT, "+PONG|:1|$3|a b|");
    talk_close(t);
}

/* Something of everything that one connection can say. */
static const char conversation[] = "PING\n"
                                   "RPUSH q a\nRPUSH q bb\nRPUSH q ccc\nRPUSH q ccc\n"
                                   "LPUSH q z\nLPUSH q y\n"
                                   "RPUSH q d e x*3000\n"
                                   "LRANGE q 0 -1\n"
                                   "LPOP q\nLPOP q\nLPOP q\nRPOP q\n"
                                   "LPOP q 2\n"
                                   "FOO\n"
                                   "BLPOP p q 0\n"
                                   "LMOVE q p LEFT RIGHT\n"
                                   "MULTI\nRPUSH p f\nLPOP p\nBLPOP p q 0\nPING\nEXEC\n"
                                   "LMPOP 2 p q LEFT COUNT 2\n"
                                   "LMPOP 2 p q LEFT COUNT 2\n"
                                   "WATCH p q\nMULTI\nPING\nEXEC\n"
                                   "SELECT 3\nLLEN q\n"
                                   "ECHO x\n";

static void converse(struct talk *talk, struct bytes words, size_t cut)
{
    talk_connect(talk, CLIENT);
    talk_hear(talk, CLIENT, bytes_of(words.data, cut));
    talk_hear(talk, CLIENT, bytes_of(words.data + cut, words.size - cut));
    talk_turn(talk);
}

static void put_conversation(struct script *s)
{
    for (const char *line = conversation; *line; line += strcspn(line, "\n") + 1)
        chat_put(s, line);
}

static void a_conversation_split_at_any_byte_is_answered_the_same(void **state)
{
    (void)state;
    struct script s = {0};
    put_conversation(&s);
    struct talk *whole = talk_open();
    converse(whole, bytes_of(s.data, s.size), s.size);
    const struct script *said = &whole->conns[CLIENT].said;
    assert_memory_equal(said->data + said->size - 5, "$1\r\nx\r\n" + 2, 5);
    for (size_t cut = 0; cut < s.size; cut++) {
        struct talk *t = talk_open();
        converse(t, bytes_of(s.data, s.size), cut);
        assert_int_equal(t->conns[CLIENT].said.size, said->size);
        assert_memory_equal(t->conns[CLIENT].said.data, said->data, said->size);
        talk_close(t);
    }
    talk_close(whole);
    script_finish(&s);
}

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
            talk_turn(t);
        talk_close(t);
    }
    script_finish(&s);
}

/* The next command of the session that hears `commands`. */
static struct command command_of(struct session *session, const struct script *commands)
{
    struct command command = {0};
    session_feed(session, bytes_of(commands->data, commands->size), NS_PER_S);
    assert_true(session_next(session, &command) && command.kind == COMMAND_ATTACH);
    assert_true(session_next(session, &command));
    return command;
}

static void pushes_alike_are_one_run(void **state)
{
    (void)state;
    struct session_limits limits = {.frame_max = FRAME_SIZE_DEFAULT};
    struct session session;
    struct script s = {0};
    struct command command;
    session_init(&session, CLIENT, &limits, NS_PER_S);
    for (int i = 0; i < 3; i++)
        chat_put(&s, "LPUSH q aa");
    chat_put(&s, "LPUSH q b");
    chat_put(&s, "RPUSH q b");
    command = command_of(&session, &s);
    assert_true(command.kind == COMMAND_PUSH && command.at_front && command.wants_number);
    assert_int_equal(command.run.count, 4);
    assert_int_equal(command.run.size, 3 * (8 + 1 + 2) + 8 + 1 + 1);
    assert_true(session_next(&session, &command) && !command.at_front);
    assert_int_equal(command.ticket, 5);
    assert_false(session_next(&session, &command));
    session_finish(&session);
    script_finish(&s);
}

static void pops_alike_are_one_take(void **state)
{
    (void)state;
    struct session_limits limits = {.frame_max = FRAME_SIZE_DEFAULT};
    struct session session;
    struct script s = {0};
    session_init(&session, CLIENT, &limits, NS_PER_S);
    for (int i = 0; i < 3; i++)
        chat_put(&s, "RPOP q");
    chat_put(&s, "RPOP p");
    struct command command = command_of(&session, &s);
    assert_true(command.kind == COMMAND_TAKE && command.take.is_each && command.take.from_back);
    assert_int_equal(command.take.count, 3);
    assert_true(session_next(&session, &command));
    assert_int_equal(command.take.count, 1);
    assert_false(session_next(&session, &command));
    session_finish(&session);
    script_finish(&s);
}

static void who_waits_is_served_and_nothing_else_of_it_is_taken_before(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "BLPOP p q 0\nPING", "");
    assert_true(talk_session(t, CLIENT)->is_waiting);
    assert_false(session_is_stalled(talk_session(t, CLIENT)));
    chat(t, OTHER, "RPUSH q a b", ":2|");
    chat_expect(t, CLIENT, "*2|$1|q|$1|a|+PONG|");
    assert_false(talk_session(t, CLIENT)->is_waiting);
    talk_close(t);
}

static void a_transaction_is_carried_out_together(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "MULTI\nRPUSH q a\nLPOP q\nBLPOP q 0\nSELECT 2\nEXEC",
         "+OK|+QUEUED|+QUEUED|+QUEUED|+QUEUED|*4|:1|$1|a|*-1|+OK|");
    chat(t, CLIENT, "LLEN q\nMULTI\nFOO\nEXEC",
         ":0|+OK|-ERR unknown command 'FOO', with args "
         "beginning with: |-EXECABORT Transaction discarded "
         "because of previous errors.|");
    talk_close(t);
}

static void a_transaction_does_not_take_place_when_something_watched_has_changed(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "WATCH q p\nMULTI\nLPUSH p x\nPING\nSELECT 5\nECHO y",
         "+OK|+OK|+QUEUED|+QUEUED|+QUEUED|+QUEUED|");
    chat(t, OTHER, "LPUSH q a", ":1|");
    chat(t, CLIENT, "EXEC\nLLEN p\nLLEN q\nPING", "*-1|:0|:1|+PONG|");
    talk_close(t);
}

static void without_the_password_little_can_be_said(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    t->limits.password = bytes_text("secret");
    chat(t, CLIENT, "PING\nFOO\nAUTH x",
         "-NOAUTH Authentication required.|-ERR unknown command 'FOO', with args beginning with: |"
         "-WRONGPASS invalid username-password pair or user is disabled.|");
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_HELLO);
    chat(t, CLIENT, "AUTH secret\nPING", "+OK|+PONG|");
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_OPEN);
    chat(t, OTHER, "ECHO x*5000", "-ERR Protocol error: unauthenticated bulk length|");
    assert_int_equal(talk_session(t, OTHER)->state, SESSION_CLOSED);
    talk_close(t);
}

static void a_stranger_s_name_is_forgotten_without_the_engine(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    t->limits.password = bytes_text("secret");
    chat(t, CLIENT, "HELLO 2 SETNAME w FOO\nRESET",
         "-ERR Syntax error in HELLO option 'FOO'|+RESET|");
    chat(t, CLIENT, "AUTH secret\nCLIENT GETNAME", "+OK|$-1|");
    talk_close(t);
}

static void what_is_no_command_closes_behind_what_is_owed(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    struct script s = {0};
    talk_connect(t, CLIENT);
    chat_put(&s, "RPUSH q a");
    script_put(&s, "*1\r\nPING\r\n", 10);
    talk_play(t, CLIENT, &s);
    chat_expect(t, CLIENT, ":1|-ERR Protocol error: expected '$', got 'P'|");
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
    talk_close(t);
}

static void what_a_broker_that_is_ending_would_forget_is_not_taken(void **state)
{
    (void)state;
    static const char *const refused[] = {"RPUSH q b", "SET k v", "PUBLISH c x", "EXEC"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct talk *t = talk_open();
        chat(t, CLIENT, "RPUSH q a\nMULTI\nRPUSH q b", ":1|+OK|+QUEUED|");
        if (i < 3)
            chat(t, CLIENT, "DISCARD", "+OK|");
        chat(t, OTHER, "BLPOP p 0", "");
        session_announce_end(talk_session(t, OTHER));
        assert_int_equal(talk_session(t, OTHER)->state, SESSION_CLOSED);
        session_announce_end(talk_session(t, CLIENT));
        chat_say(t, CLIENT, "PING");
        chat_say(t, CLIENT, refused[i]);
        chat(t, CLIENT, "PING", i < 3 ? "+PONG|" : "+QUEUED|");
        assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
        assert_int_equal(engine_totals(t->engine).ready, 1);
        talk_close(t);
    }
}

static void a_worker_of_a_broker_that_is_ending_acknowledges_by_its_next_pop(void **state)
{
    (void)state;
    static const char *const pops[] = {"LPOP q", "BLPOP p q 0", "LMPOP 1 q LEFT"};
    for (size_t i = 0; i < sizeof pops / sizeof *pops; i++) {
        struct talk *t = talk_open();
        chat(t, CLIENT, "RP.QUEUE SET q pop-lease connection\nRPUSH q a b\nLPOP q", "+OK|:2|$1|a|");
        assert_int_equal(engine_totals(t->engine).leased, 1);
        engine_drain(t->engine, &t->outbox);
        session_announce_end(talk_session(t, CLIENT));
        chat(t, CLIENT, pops[i], "");
        assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
        assert_int_equal(engine_totals(t->engine).leased, 0);
        assert_int_equal(engine_totals(t->engine).ready, 1);
        talk_close(t);
    }
}

static void a_pop_from_a_broker_that_is_ending_closes_behind_what_is_owed(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "RPUSH q a b", ":2|");
    chat(t, OTHER, "PING", "+PONG|");
    engine_drain(t->engine, &t->outbox);
    chat(t, CLIENT, "LLEN q\nLPOP q\nPING", ":2|");
    chat(t, OTHER, "LLEN q\nBLPOP q 0\nPING", ":2|");
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
    assert_int_equal(talk_session(t, OTHER)->state, SESSION_CLOSED);
    talk_close(t);
}

static void web_browsers_are_closed_without_a_word(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    talk_connect(t, CLIENT);
    talk_hear(t, CLIENT, bytes_text("POST / HTTP/1.1\r\nHost: x\r\n\r\nPING\r\n"));
    chat_expect(t, CLIENT, "");
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
    assert_non_null(talk_session(t, CLIENT)->complaint);
    talk_close(t);
}

static void while_memory_is_short_the_end_of_what_is_long_is_not_waited_for(void **state)
{
    (void)state;
    struct script s = {0};
    chat_put(&s, "LPUSH q x*9000");
    chat_put(&s, "MULTI");
    chat_put(&s, "LPUSH q x*9000");
    chat_put(&s, "EXEC");
    chat_put(&s, "PING");
    for (size_t cut = 40; cut < 4000; cut += 97) {
        struct talk *t = talk_open();
        chat(t, CLIENT, "PING", "+PONG|");
        t->limits.is_memory_short = true;
        for (size_t at = 0; at < s.size; at += cut) {
            talk_hear(t, CLIENT, bytes_of(s.data + at, cut < s.size - at ? cut : s.size - at));
            assert_true(talk_session(t, CLIENT)->input.kept.size <= SHORT_SIZE_MAX);
        }
        chat_expect(t, CLIENT,
                    "-OOM command not allowed when used memory > 'maxmemory'.|+OK|"
                    "-OOM command not allowed when used memory > 'maxmemory'.|"
                    "-EXECABORT Transaction discarded because of previous errors.|"
                    "+PONG|");
        talk_close(t);
    }
    script_finish(&s);
}

/* As much as one command may be, and less while memory is short. */
static void what_comes_behind_a_wait_is_kept_within_a_bound(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    struct session *session = &t->conns[CLIENT].session;
    chat(t, CLIENT, "BLPOP q 0\nECHO x*3000", "");
    assert_false(session_is_stalled(session));
    t->limits.is_memory_short = true;
    assert_false(session_is_stalled(session));
    chat(t, CLIENT, "ECHO x*3000", "");
    assert_true(session_is_stalled(session));
    t->limits.is_memory_short = false;
    assert_false(session_is_stalled(session) || session_can_resume(session));
    chat(t, OTHER, "LPUSH q a", ":1|");
    talk_turn(t);
    assert_false(session_is_stalled(session));
    assert_int_equal(session->input.kept.size, 0);
    talk_close(t);
}

static void a_long_answer_is_awaited_before_more_is_taken(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    struct session *session = &t->conns[CLIENT].session;
    chat(t, CLIENT, "RPUSH q a b", ":2|");
    chat_say(t, CLIENT, "LRANGE q 0 1\nLRANGE q 0 -1\nPING");
    assert_true(session->is_stalled && session_is_stalled(session));
    assert_false(session->is_waiting);
    chat_expect(t, CLIENT, "*2|$1|a|$1|b|*2|$1|a|$1|b|+PONG|");
    assert_false(session->is_stalled);
    talk_close(t);
}

static void who_reads_nothing_is_not_read_from(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    struct session *session = &t->conns[CLIENT].session;
    chat(t, CLIENT, "RPUSH q x*100000\nRPUSH q x*100000\nRPUSH q x*100000", ":1|:2|:3|");
    t->conns[CLIENT].is_blocked = true;
    chat_say(t, CLIENT, "PING");
    talk_turn(t); /* is on its way */
    chat_say(t, CLIENT, "LRANGE q 0 2\nPING");
    talk_turn(t);
    assert_true(session_is_clogged(session));
    chat_say(t, CLIENT, "PING");
    assert_true(session_is_stalled(session) && !session_can_resume(session));
    talk_unblock(t, CLIENT);
    assert_false(session_is_clogged(session) || session_is_stalled(session));
    talk_close(t);
}

static void quitting_ends_behind_what_is_owed(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "RPUSH q a\nQUIT\nRPUSH q b", ":1|+OK|");
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
    chat(t, OTHER, "LLEN q", ":1|");
    talk_close(t);
}

static void who_is_not_let_in_is_told_so_in_its_language(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    talk_connect(t, CLIENT);
    session_refuse(talk_session(t, CLIENT), STATUS_CONNECTIONS);
    chat(t, CLIENT, "PING", "-ERR max number of clients reached|");
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
    talk_close(t);
}

static void a_first_command_that_does_not_end_is_closed_without_a_word(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    talk_connect(t, CLIENT);
    talk_hear(t, CLIENT, bytes_text("*1\r\n$4\r\nPI"));
    assert_int_equal(session_deadline(talk_session(t, CLIENT)), t->now + 5 * NS_PER_S);
    session_expire(talk_session(t, CLIENT), t->now + 5 * NS_PER_S);
    chat_expect(t, CLIENT, "");
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
    talk_close(t);
}

static void a_stranger_that_does_not_listen_is_not_heard_on(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    struct script s = {0};
    t->limits.password = bytes_text("secret");
    for (int i = 0; i < 1000; i++)
        chat_put(&s, "PING");
    talk_connect(t, CLIENT);
    t->conns[CLIENT].is_blocked = true;
    talk_play(t, CLIENT, &s);
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
    assert_int_equal(talk_session(t, CLIENT)->input.kept.capacity, 0);
    assert_true(output_waiting_size(&talk_session(t, CLIENT)->output) < 2 * SHORT_SIZE_MAX);
    talk_unblock(t, CLIENT);
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_replied_to),
        cmocka_unit_test(version_3_has_other_words),
        cmocka_unit_test(lines_are_commands_too),
        cmocka_unit_test(a_conversation_split_at_any_byte_is_answered_the_same),
        cmocka_unit_test(a_conversation_may_end_at_any_byte),
        cmocka_unit_test(pushes_alike_are_one_run),
        cmocka_unit_test(pops_alike_are_one_take),
        cmocka_unit_test(who_waits_is_served_and_nothing_else_of_it_is_taken_before),
        cmocka_unit_test(a_transaction_is_carried_out_together),
        cmocka_unit_test(a_transaction_does_not_take_place_when_something_watched_has_changed),
        cmocka_unit_test(without_the_password_little_can_be_said),
        cmocka_unit_test(a_stranger_s_name_is_forgotten_without_the_engine),
        cmocka_unit_test(what_is_no_command_closes_behind_what_is_owed),
        cmocka_unit_test(what_a_broker_that_is_ending_would_forget_is_not_taken),
        cmocka_unit_test(a_worker_of_a_broker_that_is_ending_acknowledges_by_its_next_pop),
        cmocka_unit_test(a_pop_from_a_broker_that_is_ending_closes_behind_what_is_owed),
        cmocka_unit_test(web_browsers_are_closed_without_a_word),
        cmocka_unit_test(while_memory_is_short_the_end_of_what_is_long_is_not_waited_for),
        cmocka_unit_test(what_comes_behind_a_wait_is_kept_within_a_bound),
        cmocka_unit_test(a_long_answer_is_awaited_before_more_is_taken),
        cmocka_unit_test(who_reads_nothing_is_not_read_from),
        cmocka_unit_test(quitting_ends_behind_what_is_owed),
        cmocka_unit_test(who_is_not_let_in_is_told_so_in_its_language),
        cmocka_unit_test(a_first_command_that_does_not_end_is_closed_without_a_word),
        cmocka_unit_test(a_stranger_that_does_not_listen_is_not_heard_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

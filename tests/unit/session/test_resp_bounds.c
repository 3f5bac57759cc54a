#include "session/chat.h"

#include "check.h"

/* What one client can have the broker do, and keep, at a time. */
enum { CLIENT = 1, MIB = 1024 * 1024 };

/* Has the client hear the same command so many times. */
static void say_often(struct talk *talk, const char *command, unsigned count)
{
    struct script script = {0};
    while (count-- > 0)
        chat_put(&script, command);
    talk_play(talk, CLIENT, &script);
}

/* Ends the turn; what the client is sent is thrown away. */
static void end_turn(struct talk *talk)
{
    talk_turn(talk);
    talk_skip(talk, CLIENT);
}

static size_t waiting_size(struct talk *talk)
{
    const struct session *session = talk_session(talk, CLIENT);
    return output_waiting_size(&session->output) + replies_waiting_size(&session->resp->replies);
}

static void commands_that_ask_nothing_of_the_engine_have_turns_too(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "PING", "+PONG|");
    say_often(t, "PING", 2 * COMMANDS_TURN_MAX);
    assert_int_equal(waiting_size(t), strlen("+PONG\r\n") * COMMANDS_TURN_MAX);
    talk_turn(t);
    assert_int_equal(t->conns[CLIENT].said.size, strlen("+PONG\r\n") * 2 * COMMANDS_TURN_MAX);
    talk_close(t);
}

static void words_that_a_transaction_replies_are_bounded(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "MULTI", "+OK|");
    say_often(t, "COMMAND", 10 * 1000);
    end_turn(t);
    chat_say(t, CLIENT, "EXEC");
    assert_in_range(waiting_size(t), MULTI_REPLIES_SIZE_MAX, MULTI_REPLIES_SIZE_MAX + MIB);
    end_turn(t);
    chat(t, CLIENT, "PING", "+PONG|");
    talk_close(t);
}

static void data_that_a_transaction_is_answered_with_is_bounded(void **state)
{
    (void)state;
    enum { BOUND = 256 * MIB };
    struct talk *t = talk_open();
    chat(t, CLIENT, "RPUSH q x*1000000\nMULTI", ":1|+OK|");
    say_often(t, "LRANGE q 0 -1", 300);
    chat_say(t, CLIENT, "LPOP q");
    end_turn(t);
    chat_say(t, CLIENT, "EXEC");
    talk_turn(t);
    assert_in_range(t->conns[CLIENT].said.size, BOUND, BOUND + 3 * MIB);
    talk_skip(t, CLIENT);
    chat(t, CLIENT, "LLEN q", ":0|");
    talk_close(t);
}

static void room_for_many_names_is_given_back(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "LMPOP 20 a b c d e f g h i j k l m n o p q r s t LEFT", "*-1|");
    assert_in_range(talk_session(t, CLIENT)->resp->names_capacity, 0, RESP_NAMES_KEPT_MAX);
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_that_ask_nothing_of_the_engine_have_turns_too),
        cmocka_unit_test(words_that_a_transaction_replies_are_bounded),
        cmocka_unit_test(data_that_a_transaction_is_answered_with_is_bounded),
        cmocka_unit_test(room_for_many_names_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

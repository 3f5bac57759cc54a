#include "session/chat.h"

#include "base/time.h"
#include "check.h"

enum { CLIENT = 1 };

static void the_time_of_day_is_told(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    t->now = 5 * NS_PER_S + 1999;
    t->limits.epoch_ns = 1000 * NS_PER_S + 42 * NS_PER_MS;
    chat(t, CLIENT, "TIME\nTIME x",
         "*2|$4|1005|$5|42001|-ERR wrong number of arguments for 'time' command|");
    talk_close(t);
}

static void nothing_is_slow(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "SLOWLOG GET\nSLOWLOG GET -1\nSLOWLOG LEN\nSLOWLOG RESET", "*0|*0|:0|+OK|");
    chat(t, CLIENT, "SLOWLOG GET -2\nSLOWLOG GET x\nSLOWLOG GET 5 5\nSLOWLOG FOO\nSLOWLOG",
         "-ERR count should be greater than or equal to -1|"
         "-ERR count should be greater than or equal to -1|"
         "-ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.|"
         "-ERR unknown subcommand 'FOO'. Try SLOWLOG HELP.|"
         "-ERR wrong number of arguments for 'slowlog' command|");
    talk_close(t);
}

static void there_are_no_functions(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "FUNCTION FLUSH\nFUNCTION FLUSH async\nFUNCTION FLUSH SYNC", "+OK|+OK|+OK|");
    chat(t, CLIENT, "FUNCTION FLUSH X\nFUNCTION FLUSH SYNC X\nFUNCTION LOAD x",
         "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option|"
         "-ERR unknown subcommand or wrong number of arguments for 'FLUSH'. Try FUNCTION HELP.|"
         "-ERR unknown subcommand 'LOAD'. Try FUNCTION HELP.|");
    talk_close(t);
}

static void everything_stops_only_where_that_is_allowed(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(
        t, CLIENT, "DEBUG SLEEP 0.1",
        "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
        "can run it from a local connection, otherwise you need to set this option in the "
        "configuration file, and then restart the server.|");
    t->limits.may_debug = true;
    chat(t, CLIENT, "DEBUG SLEEP 0.1\nDEBUG sleep x\nDEBUG SLEEP -1", "+OK|+OK|+OK|");
    chat(t, CLIENT, "DEBUG SLEEP\nDEBUG FOO 1\nDEBUG",
         "-ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.|"
         "-ERR unknown subcommand or wrong number of arguments for 'FOO'. Try DEBUG HELP.|"
         "-ERR wrong number of arguments for 'debug' command|");
    talk_close(t);
}

/* What the session asks for. */
static void expect_sleep(const char *words, uint64_t ms)
{
    struct session_limits limits = {.frame_max = FRAME_SIZE_DEFAULT, .may_debug = true};
    struct session session;
    struct script s = {0};
    struct command command = {0};
    session_init(&session, CLIENT, &limits, 1);
    chat_put(&s, words);
    session_feed(&session, bytes_of(s.data, s.size), 1);
    assert_true(session_next(&session, &command) && command.kind == COMMAND_ATTACH);
    assert_true(session_next(&session, &command) && command.kind == COMMAND_SLEEP);
    assert_int_equal(command.sleep_ns, ms * NS_PER_MS);
    session_next(&session, &command);
    session_finish(&session);
    script_finish(&s);
}

static void it_stops_for_a_while(void **state)
{
    (void)state;
    expect_sleep("DEBUG SLEEP 0.25", 250);
    expect_sleep("DEBUG SLEEP 1e9", 60000);
    expect_sleep("DEBUG SLEEP none", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_of_day_is_told),
        cmocka_unit_test(nothing_is_slow),
        cmocka_unit_test(there_are_no_functions),
        cmocka_unit_test(everything_stops_only_where_that_is_allowed),
        cmocka_unit_test(it_stops_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

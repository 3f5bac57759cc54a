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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_of_day_is_told),
        cmocka_unit_test(nothing_is_slow),
        cmocka_unit_test(there_are_no_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "session/chat.h"

#include "base/time.h"
#include "check.h"

enum { CLIENT = 1, OTHER = 2 };

#define OK "+OK|"
#define NIL "$-1|"
#define SYNTAX "-ERR syntax error|"
#define NOT_INTEGER "-ERR value is not an integer or out of range|"
#define OVERFLOWS "-ERR increment or decrement would overflow|"
#define WRONG "-WRONGTYPE Operation against a key holding the wrong kind of value|"
#define BAD_TIME(command) "-ERR invalid expire time in '" command "' command|"

static struct talk *open(void)
{
    struct talk *talk = talk_open();
    talk->now = 100 * NS_PER_S;
    talk->limits.epoch_ns = 1000 * NS_PER_S;
    return talk;
}

static void a_value_is_what_was_put(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "GET a\nSET a v\nGET a\nSTRLEN a\nSTRLEN n\nSET a _\nGET a\nGETDEL a\nGETDEL a",
         NIL OK "$1|v|:1|:0|" OK "$0||$0||" NIL);
    chat(t, CLIENT, "APPEND a xy\nAPPEND a z\nGET a\nGETSET a 5\nGETSET n 6",
         ":2|:3|$3|xyz|$3|xyz|" NIL);
    talk_close(t);
}

static void a_value_is_put_on_conditions(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "SET a 1 XX\nSET a 1 nx\nSET a 2 NX\nSET a 3 xx\nGET a", NIL OK NIL OK "$1|3|");
    chat(t, CLIENT, "SET a 4 GET\nSET n 1 GET\nSET a 5 NX GET\nGET a\nSET m 1 XX GET\nGET m",
         "$1|3|" NIL "$1|4|$1|4|" NIL NIL);
    chat(t, CLIENT, "SETNX a 6\nSETNX o 7\nGET o", ":0|:1|$1|7|");
    talk_close(t);
}

static void options_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "SET a 1 NX XX\nSET a 1 XX NX\nSET a 1 EX 1 PX 1\nSET a 1 EX 1 KEEPTTL",
         SYNTAX SYNTAX SYNTAX SYNTAX);
    chat(t, CLIENT, "SET a 1 KEEPTTL PX 1\nSET a 1 EX\nSET a 1 FOO\nSET a 1 NX NX\nSET a 2 GET GET",
         SYNTAX SYNTAX SYNTAX OK "$1|1|");
    talk_close(t);
}

static void a_value_is_put_for_a_time(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "SET a 1 EX 10\nTTL a\nSET a 2 KEEPTTL\nTTL a\nSET a 3\nTTL a",
         OK ":10|" OK ":10|" OK ":-1|");
    chat(t, CLIENT,
         "SET a 1 px 1500\nPTTL a\nSET a 1 EXAT 1103\nPTTL a\nSET a 1 PXAT 1100001\nPTTL a",
         OK ":1500|" OK ":3000|" OK ":1|");
    chat(t, CLIENT, "SETEX a 10 v\nTTL a\nPSETEX a 20 v\nPTTL a\nSET a 1 EXAT 1\nEXISTS a",
         OK ":10|" OK ":20|" OK ":0|");
    talk_close(t);
}

static void times_that_are_none_are_refused(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "SET a 1 EX 0\nSET a 1 PX -1\nSET a 1 EXAT 0\nSET a 1 EX x",
         BAD_TIME("set") BAD_TIME("set") BAD_TIME("set") NOT_INTEGER);
    chat(t, CLIENT, "SET a 1 EX 9223372036854775807\nSET a 1 PX 9223372036854775807",
         BAD_TIME("set") BAD_TIME("set"));
    chat(t, CLIENT, "SETEX a 0 v\nPSETEX a -1 v\nSETEX a x v\nEXISTS a",
         BAD_TIME("setex") BAD_TIME("psetex") NOT_INTEGER ":0|");
    talk_close(t);
}

static void values_count(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "INCR n\nINCRBY n 5\nDECR n\nDECRBY n 7\nGET n\nDECRBY n -3",
         ":1|:6|:5|:-2|$2|-2|:1|");
    chat(t, CLIENT, "INCRBY n x\nSET n 9223372036854775807\nINCR n\nDECRBY n -9223372036854775808",
         NOT_INTEGER OK OVERFLOWS "-ERR decrement would overflow|");
    chat(t, CLIENT, "SET n 01\nINCR n\nSET n _\nDECR n\nSET n -9223372036854775808\nDECR n",
         OK NOT_INTEGER OK NOT_INTEGER OK OVERFLOWS);
    talk_close(t);
}

static void several_values_are_read_and_put_at_once(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "MSET a 1 b 2 a 3\nRPUSH l x\nMGET a l b n\nMGET a\nMSET c 4\nMGET c",
         OK ":1|*4|$1|3|" NIL "$1|2|" NIL "*1|$1|3|" OK "*1|$1|4|");
    chat(t, CLIENT, "MSET a 1 b\nMGET\nMSET a",
         "-ERR wrong number of arguments for 'mset' command|"
         "-ERR wrong number of arguments for 'mget' command|"
         "-ERR wrong number of arguments for 'mset' command|");
    chat(t, CLIENT, "MULTI\nMSET a 5 b 6\nMGET a b\nEXEC",
         OK "+QUEUED|+QUEUED|*2|" OK "*2|$1|5|$1|6|");
    talk_close(t);
}

static void a_list_is_no_value_until_one_is_put(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT,
         "RPUSH l a\nGET l\nGETDEL l\nSTRLEN l\nAPPEND l x\nINCR l\nSET l 1 GET\nSET l 1 NX",
         ":1|" WRONG WRONG WRONG WRONG WRONG WRONG NIL);
    chat(t, CLIENT, "SET l v\nGET l\nRPUSH l a\nLLEN l", OK "$1|v|" WRONG WRONG);
    talk_close(t);
}

static void values_are_within_a_bound(void **state)
{
    (void)state;
    struct talk *t = open();
    engine_configure(t->engine, &(struct engine_config){.values_size_max = 2000}, t->now);
    chat(t, CLIENT, "SET a x*1500\nSET b x*1500\nAPPEND a x*1500\nSET a x",
         OK "-OOM command not allowed when used memory > 'maxmemory'.|"
            "-OOM command not allowed when used memory > 'maxmemory'.|" OK);
    chat(t, CLIENT, "MSET a x*1000 b x*1500\nSTRLEN a\nEXISTS b",
         "-OOM command not allowed when used memory > 'maxmemory'.|:1000|:0|");
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_what_was_put),
        cmocka_unit_test(a_value_is_put_on_conditions),
        cmocka_unit_test(options_that_do_not_go_together_are_refused),
        cmocka_unit_test(a_value_is_put_for_a_time),
        cmocka_unit_test(times_that_are_none_are_refused),
        cmocka_unit_test(values_count),
        cmocka_unit_test(several_values_are_read_and_put_at_once),
        cmocka_unit_test(a_list_is_no_value_until_one_is_put),
        cmocka_unit_test(values_are_within_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "session/chat.h"

#include "base/time.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLIENT = 1, NEW = 2 };

#define OK "+OK|"
#define NIL "$-1|"
#define SYNTAX "-ERR syntax error|"
#define NOT_INTEGER "-ERR value is not an integer or out of range|"

/* Long after the broker's start, at the time of day that the clients know. */
static struct talk *open(void)
{
    struct talk *talk = talk_open();
    talk->now = 100 * NS_PER_S;
    talk->limits.epoch_ns = 1000 * NS_PER_S;
    return talk;
}

static void pass(struct talk *talk, uint64_t ms)
{
    talk->now += ms * NS_PER_MS;
}

static void names_are_of_lists_and_values(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "RPUSH l a b\nSET s v\nTYPE l\nTYPE s\nTYPE n\nDBSIZE",
         ":2|" OK "+list|+string|+none|:2|");
    chat(t, CLIENT, "EXISTS l s l n\nEXISTS n\nDEL l s n\nUNLINK l\nDBSIZE", ":3|:0|:2|:0|:0|");
    chat(t, CLIENT, "EXISTS\nDEL\nTYPE a b",
         "-ERR wrong number of arguments for 'exists' command|"
         "-ERR wrong number of arguments for 'del' command|"
         "-ERR wrong number of arguments for 'type' command|");
    talk_close(t);
}

static void a_name_is_changed(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "RPUSH l a\nSET s v\nRENAME l s\nTYPE s\nRENAME l s\nRENAME s s\nRENAME s",
         ":1|" OK OK "+list|-ERR no such key|" OK
         "-ERR wrong number of arguments for 'rename' command|");
    talk_close(t);
}

static void names_are_listed(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "KEYS *\nSCAN 0", "*0|*2|$1|0|*0|");
    chat(t, CLIENT, "RPUSH la a\nSET sa v\nSELECT 1\nSET other v\nSELECT 0", ":1|" OK OK OK OK);
    chat(t, CLIENT, "KEYS l*\nKEYS ?a\nKEYS [", "*1|$2|la|*2|$2|la|$2|sa|*0|");
    chat(t, CLIENT, "SCAN 0 MATCH s* COUNT 100\nSCAN 0 TYPE LIST\nSCAN 0 TYPE hash",
         "*2|$1|0|*1|$2|sa|*2|$1|0|*1|$2|la|*2|$1|0|*0|");
    talk_close(t);
}

static void a_pattern_is_no_longer_than_a_name(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "KEYS x*1024", "*0|");
    chat(t, CLIENT,
         "KEYS x*1025\nSCAN 0 MATCH x*1025\nPUBSUB CHANNELS x*1025\n"
         "COMMAND LIST FILTERBY PATTERN x*1025",
         "-ERR a pattern is longer than 1024 bytes|-ERR a pattern is longer than 1024 bytes|"
         "-ERR a pattern is longer than 1024 bytes|-ERR a pattern is longer than 1024 bytes|");
    talk_close(t);
}

/* How many names a scan returns that asks for so many at a time, until it is over. */
static unsigned scan_all(struct talk *talk, unsigned step)
{
    unsigned names = 0, cursor_size;
    char cursor[24] = "0", line[64];
    do {
        snprintf(line, sizeof line, "SCAN %s COUNT %u", cursor, step);
        chat_say(talk, CLIENT, line);
        talk_turn(talk);
        const struct script *said = &talk->conns[CLIENT].said;
        char *text = strndup((const char *)said->data, said->size);
        assert_int_equal(sscanf(text, "*2\r\n$%u\r\n%20s\r\n", &cursor_size, cursor), 2);
        assert_int_equal(strlen(cursor), cursor_size);
        for (const char *at = text; (at = strstr(at, "\r\nname-")); at++)
            names++;
        free(text);
        talk_skip(talk, CLIENT);
    } while (strcmp(cursor, "0") != 0);
    return names;
}

static void a_scan_goes_on_where_it_was(void **state)
{
    (void)state;
    struct talk *t = open();
    char line[32];
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, i % 2 ? "SET name-%d v" : "RPUSH name-%d v", i);
        chat_say(t, CLIENT, line);
    }
    talk_turn(t);
    talk_skip(t, CLIENT);
    assert_int_equal(scan_all(t, 1), 100);
    assert_int_equal(scan_all(t, 7), 100);
    assert_int_equal(scan_all(t, 1000), 100);
    talk_close(t);
}

static void a_scan_is_read_as_redis_does(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "SCAN x\nSCAN -\nSCAN 0x\nSCAN 18446744073709551616",
         "-ERR invalid cursor|-ERR invalid cursor|-ERR invalid cursor|-ERR invalid cursor|");
    chat(t, CLIENT, "SCAN _\nSCAN +00\nSCAN -1", "*2|$1|0|*0|*2|$1|0|*0|*2|$1|0|*0|");
    chat(t, CLIENT, "SCAN 0 COUNT 0\nSCAN 0 COUNT x\nSCAN 0 FOO\nSCAN 0 MATCH\nSCAN 0 TYPE",
         SYNTAX NOT_INTEGER SYNTAX SYNTAX SYNTAX);
    talk_close(t);
}

static void everything_is_dropped_in_one_database_or_in_all(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "SET a v\nSELECT 1\nSET b v\nFLUSHDB\nDBSIZE\nSELECT 0\nDBSIZE",
         OK OK OK OK ":0|" OK ":1|");
    chat(t, CLIENT, "SELECT 1\nFLUSHALL async\nSELECT 0\nDBSIZE\nFLUSHDB SYNC", OK OK OK ":0|" OK);
    chat(t, CLIENT, "FLUSHDB x\nFLUSHALL SYNC ASYNC", SYNTAX SYNTAX);
    talk_close(t);
}

static void a_name_is_dropped_in_time(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "RPUSH l a\nTTL l\nPTTL n\nEXPIRE n 5\nEXPIRE l 2\nTTL l\nPTTL l",
         ":1|:-1|:-2|:0|:1|:2|:2000|");
    pass(t, 501);
    chat(t, CLIENT, "TTL l\nPTTL l", ":1|:1499|");
    pass(t, 999);
    chat(t, CLIENT, "TTL l\nPERSIST l\nPERSIST l\nTTL l\nPEXPIRE l 10", ":1|:1|:0|:-1|:1|");
    pass(t, 11);
    chat(t, CLIENT, "EXISTS l\nTTL l", ":0|:-2|");
    talk_close(t);
}

static void a_name_is_dropped_at_a_time_of_day(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "SET a v\nEXPIREAT a 1102\nPTTL a\nPEXPIREAT a 1100500\nPTTL a",
         OK ":1|:2000|:1|:500|");
    chat(t, CLIENT, "EXPIREAT a 1099\nEXISTS a\nEXPIREAT a 1099\nSET a v\nPEXPIREAT a -1\nEXISTS a",
         ":1|:0|:0|" OK ":1|:0|");
    talk_close(t);
}

static void what_is_past_drops_at_once(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT,
         "SET a v\nEXPIRE a 0\nEXISTS a\nSET a v\nPEXPIRE a -9223372036854775808\nDBSIZE",
         OK ":1|:0|" OK ":1|:0|");
    talk_close(t);
}

static void conditions_of_a_lifetime(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "SET a v\nEXPIRE a 9 xx\nEXPIRE a 9 GT\nEXPIRE a 9 LT\nEXPIRE a 8 nx",
         OK ":0|:0|:1|:0|");
    chat(t, CLIENT, "EXPIRE a 8 gt\nEXPIRE a 10 gt xx\nEXPIRE a 11 lt\nEXPIRE a 7 LT\nTTL a",
         ":0|:1|:0|:1|:7|");
    chat(t, CLIENT, "EXPIRE a 7 NX XX\nEXPIRE a 7 NX GT\nEXPIRE a 7 GT LT\nEXPIRE a x FOO",
         "-ERR NX and XX, GT or LT options at the same time are not compatible|"
         "-ERR NX and XX, GT or LT options at the same time are not compatible|"
         "-ERR GT and LT options at the same time are not compatible|"
         "-ERR Unsupported option FOO|");
    talk_close(t);
}

static void a_lifetime_beyond_64_bits_is_refused(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "SET a v\nEXPIRE a 9223372036854775\nEXPIRE a 9223372036854776",
         OK "-ERR invalid expire time in 'expire' command|"
            "-ERR invalid expire time in 'expire' command|");
    chat(t, CLIENT, "PEXPIRE a 9223372036854775807\nEXPIREAT a 9223372036854775807\nEXPIRE a x",
         "-ERR invalid expire time in 'pexpire' command|"
         "-ERR invalid expire time in 'expireat' command|" NOT_INTEGER);
    chat(t, CLIENT, "PEXPIREAT a 9223372036854775807\nPTTL a", ":1|:9223372036853675807|");
    talk_close(t);
}

static void encodings_are_as_redis_has_them(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "SET i 12\nSET e 012\nSET r x*45\nRPUSH l a", OK OK OK ":1|");
    chat(t, CLIENT, "OBJECT ENCODING i\nOBJECT encoding e\nOBJECT ENCODING r\nOBJECT ENCODING l",
         "$3|int|$6|embstr|$3|raw|$9|quicklist|");
    chat(t, CLIENT, "APPEND i 2\nOBJECT ENCODING i\nRENAME i j\nOBJECT ENCODING j\nINCR j",
         ":3|$3|raw|+OK|$3|raw|:123|");
    chat(t, CLIENT, "OBJECT ENCODING j", "$3|int|");
    chat(t, CLIENT, "OBJECT ENCODING n\nOBJECT FOO a\nOBJECT ENCODING",
         NIL "-ERR unknown subcommand 'FOO'. Try OBJECT HELP.|"
             "-ERR wrong number of arguments for 'object|encoding' command|");
    chat_say(t, NEW, "HELLO 3");
    talk_turn(t);
    talk_skip(t, NEW);
    chat(t, NEW, "OBJECT ENCODING n\nSCAN 0 TYPE none", "_|*2|$1|0|*0|");
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_of_lists_and_values),
        cmocka_unit_test(a_name_is_changed),
        cmocka_unit_test(names_are_listed),
        cmocka_unit_test(a_pattern_is_no_longer_than_a_name),
        cmocka_unit_test(a_scan_goes_on_where_it_was),
        cmocka_unit_test(a_scan_is_read_as_redis_does),
        cmocka_unit_test(everything_is_dropped_in_one_database_or_in_all),
        cmocka_unit_test(a_name_is_dropped_in_time),
        cmocka_unit_test(a_name_is_dropped_at_a_time_of_day),
        cmocka_unit_test(what_is_past_drops_at_once),
        cmocka_unit_test(conditions_of_a_lifetime),
        cmocka_unit_test(a_lifetime_beyond_64_bits_is_refused),
        cmocka_unit_test(encodings_are_as_redis_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

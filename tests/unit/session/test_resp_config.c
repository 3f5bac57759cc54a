#include "session/chat.h"

#include "check.h"
#include "frame/field.h"

#include <stdio.h>

enum { CLIENT = 1, NEW = 2 };

#define FIXED(name) \
    "-ERR CONFIG SET failed (possibly related to argument '" name "') - can't set immutable config|"

/* As the server has the engine know its settings. */
static size_t put_record(unsigned char *to, const char *key, const char *value)
{
    size_t size = 4;
    size += field_put_bytes(to + size, "key", bytes_text(key));
    size += field_put_bytes(to + size, "value", bytes_text(value));
    size += field_put_bytes(to + size, "origin", bytes_text("default"));
    store_u32(to, (uint32_t)size);
    return size;
}

static struct talk *open(void)
{
    static unsigned char settings[1024];
    struct talk *talk = talk_open();
    size_t size = put_record(settings, "max-connections", "65536");
    size += put_record(settings + size, "memory-limit", "3mb");
    size += put_record(settings + size, "frame-max", "1048577");
    engine_configure(talk->engine, &(struct engine_config){.settings = bytes_of(settings, size)},
                     0);
    return talk;
}

static void settings_have_names_of_redis_and_their_own(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "CONFIG GET save\nCONFIG GET nosuch\nCONFIG GET maxclients",
         "*2|$4|save|$0||*0|*2|$10|maxclients|$5|65536|");
    chat(t, CLIENT, "CONFIG GET max-* MaxMem*",
         "*6|$9|maxmemory|$7|3145728|$16|maxmemory-policy|$10|noeviction|"
         "$15|max-connections|$5|65536|");
    chat(t, CLIENT, "CONFIG GET proto-max-bulk-len frame-max memory-limit",
         "*6|$18|proto-max-bulk-len|$7|1048577|$12|memory-limit|$3|3mb|$9|frame-max|$7|1048577|");
    chat_say(t, NEW, "HELLO 3");
    talk_turn(t);
    talk_skip(t, NEW);
    chat(t, NEW, "CONFIG GET appendonly save\nCONFIG GET nosuch",
         "%2|$10|appendonly|$2|no|$4|save|$0||%0|");
    talk_close(t);
}

/* The settings that a session asks to have, told as "a=b c=d". */
static void expect_asked(const char *words, const char *expected)
{
    struct session_limits limits = {.frame_max = FRAME_SIZE_DEFAULT};
    struct session session;
    struct script s = {0};
    struct command command = {0};
    char told[512] = "";
    session_init(&session, CLIENT, &limits, 1);
    chat_put(&s, words);
    session_feed(&session, bytes_of(s.data, s.size), 1);
    assert_true(session_next(&session, &command) && command.kind == COMMAND_ATTACH);
    assert_true(session_next(&session, &command) && command.kind == COMMAND_CONFIGURE);
    for (uint32_t i = 0, used = 0; i < command.configure.count; i++) {
        const struct bytes *pair = &command.configure.pairs[2 * i];
        used += (uint32_t)snprintf(told + used, sizeof told - used, "%s%.*s=%.*s", i ? " " : "",
                                   (int)pair[0].size, (const char *)pair[0].data, (int)pair[1].size,
                                   (const char *)pair[1].data);
    }
    assert_string_equal(told, expected);
    session_next(&session, &command);
    session_finish(&session);
    script_finish(&s);
}

static void names_of_redis_are_the_brokers_own_then(void **state)
{
    (void)state;
    expect_asked("CONFIG SET maxmemory 100mb", "memory-limit=100mb");
    expect_asked("config set MAXCLIENTS 7 save _ max-queues 5", "max-connections=7 max-queues=5");
}

static void what_is_always_so_may_be_set_to_that(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "CONFIG SET save _\nCONFIG SET appendonly NO maxmemory-policy noeviction",
         "+OK|+OK|");
    chat(t, CLIENT, "CONFIG SET appendonly yes\nCONFIG SET save _ databases 17",
         FIXED("appendonly") FIXED("databases"));
    talk_close(t);
}

static void what_cannot_be_read_is_refused(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "CONFIG SET a b c\nCONFIG SET a\nCONFIG GET\nCONFIG FOO\nCONFIG",
         "-ERR syntax error|-ERR wrong number of arguments for 'config|set' command|"
         "-ERR wrong number of arguments for 'config|get' command|"
         "-ERR unknown subcommand 'FOO'. Try CONFIG HELP.|"
         "-ERR wrong number of arguments for 'config' command|");
    chat(t, CLIENT, "CONFIG SET maxmemory 1 maxmemory 2",
         "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate "
         "parameter|");
    talk_close(t);
}

/* The engine alone changes nothing. */
static void a_setting_that_stays_is_named(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "CONFIG SET save _ maxmemory 1", FIXED("maxmemory"));
    talk_close(t);
}

/* What the server may answer, to the second of two. */
static void expect_said(enum setting_fault fault, const char *expected)
{
    struct talk *t = open();
    struct session *session;
    chat(t, CLIENT, "PING", "+PONG|");
    session = talk_session(t, CLIENT);
    struct script s = {0};
    struct command command = {0};
    chat_put(&s, "CONFIG SET max-queues 1 nosuch 2");
    session_feed(session, bytes_of(s.data, s.size), t->now);
    assert_true(session_next(session, &command) && command.kind == COMMAND_CONFIGURE);
    assert_false(session_next(session, &command));
    struct effect answer = {.kind = EFFECT_NUMBER, .peer = CLIENT, .ticket = 1, .id = 1};
    answer.numbers.count = 1;
    answer.numbers.first = fault;
    session_effect(session, &answer);
    chat_expect(t, CLIENT, expected);
    script_finish(&s);
    talk_close(t);
}

static void what_the_server_answers_is_said(void **state)
{
    (void)state;
    expect_said(SETTING_OK, "+OK|");
    expect_said(SETTING_UNKNOWN,
                "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'|");
    expect_said(SETTING_FIXED, FIXED("nosuch"));
    expect_said(SETTING_BAD_VALUE, "-ERR CONFIG SET failed (possibly related to argument 'nosuch') "
                                   "- argument is none that it takes|");
}

static void statistics_and_the_file_stay(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "CONFIG RESETSTAT\nCONFIG REWRITE\nCONFIG RESETSTAT x",
         "+OK|-ERR The server is running without a config file|"
         "-ERR wrong number of arguments for 'config|resetstat' command|");
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_have_names_of_redis_and_their_own),
        cmocka_unit_test(names_of_redis_are_the_brokers_own_then),
        cmocka_unit_test(what_is_always_so_may_be_set_to_that),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(a_setting_that_stays_is_named),
        cmocka_unit_test(what_the_server_answers_is_said),
        cmocka_unit_test(statistics_and_the_file_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "session/chat.h"

#include "base/time.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLIENT = 1, NEW = 2 };

static const struct session_facts facts = {
    .started_ns = 100 * NS_PER_S,
    .memory_used = 1536,
    .memory_max = UINT64_C(3) << 30,
    .connections_max = 99,
    .came_count = 7,
    .turned_away_count = 2,
    .commands_count = 12,
    .process_id = 4711,
    .port = 7464,
    .run_id = "0123456789012345678901234567890123456789",
};

static struct talk *open(void)
{
    struct talk *talk = talk_open();
    talk->now = 100 * NS_PER_S + 90000 * NS_PER_S;
    talk->limits.epoch_ns = 1000 * NS_PER_S;
    talk->limits.facts = &facts;
    return talk;
}

static void what_is_known_is_told_by_sections(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "INFO memory",
         "$147|# Memory|used_memory:1536|used_memory_human:1.50K|maxmemory:3221225472|"
         "maxmemory_human:3.00G|maxmemory_policy:noeviction|mem_allocator:libc||");
    chat(t, CLIENT, "INFO CLIENTS",
         "$66|# Clients|connected_clients:1|maxclients:99|blocked_clients:0||");
    chat(t, CLIENT, "INFO replication",
         "$126|# Replication|role:master|connected_slaves:0|"
         "master_replid:0123456789012345678901234567890123456789|master_repl_offset:0||");
    chat(t, CLIENT, "INFO nosuch", "$0||");
    talk_close(t);
}

static void several_sections_come_in_their_order(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "INFO modules foo cluster modules",
         "$43|# Modules||# Cluster|cluster_enabled:0||");
    talk_close(t);
}

static void names_are_counted_by_database(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, CLIENT, "INFO keyspace", "$12|# Keyspace||");
    chat(t, CLIENT, "RPUSH l a\nSET s v EX 5\nSELECT 15\nSET s v", ":1|+OK|+OK|+OK|");
    chat(t, CLIENT, "INFO keyspace",
         "$77|# Keyspace|db0:keys=2,expires=1,avg_ttl=0|db15:keys=1,expires=0,avg_ttl=0||");
    talk_close(t);
}

static void version_3_has_it_as_a_text(void **state)
{
    (void)state;
    struct talk *t = open();
    chat_say(t, NEW, "HELLO 3");
    talk_turn(t);
    talk_skip(t, NEW);
    chat(t, NEW, "INFO nosuch\nINFO modules", "=4|txt:|=15|txt:# Modules||");
    talk_close(t);
}

/* Whether a line is among what the client is told. */
static void expect_line(struct talk *talk, const char *command, const char *line)
{
    chat_say(talk, CLIENT, command);
    talk_turn(talk);
    const struct script *said = &talk->conns[CLIENT].said;
    char *text = strndup((const char *)said->data, said->size);
    char whole[128];
    snprintf(whole, sizeof whole, "\r\n%s\r\n", line);
    if (!strstr(text, whole))
        fail_msg("no %s in:\n%s", line, text);
    free(text);
    talk_skip(talk, CLIENT);
}

static void without_a_section_all_are_told(void **state)
{
    (void)state;
    static const char *const lines[] = {"# Server",
                                        "redis_version:7.2.0",
                                        "server:ringpost",
                                        "redis_mode:standalone",
                                        "process_id:4711",
                                        "tcp_port:7464",
                                        "uptime_in_seconds:90000",
                                        "uptime_in_days:1",
                                        "server_time_usec:91100000000",
                                        "loading:0",
                                        "rdb_last_save_time:1100",
                                        "total_connections_received:7",
                                        "rejected_connections:2",
                                        "total_commands_processed:12",
                                        "role:master",
                                        "# Ringpost",
                                        "globs:0"};
    struct talk *t = open();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect_line(t, i % 2 ? "INFO" : "INFO all", lines[i]);
    talk_close(t);
}

static void subscriptions_and_their_overflows_are_counted(void **state)
{
    (void)state;
    struct talk *t = open();
    chat_say(t, NEW, "SUBSCRIBE a b\nPSUBSCRIBE a* b* c*\nSSUBSCRIBE s");
    talk_turn(t);
    expect_line(t, "INFO stats", "pubsub_channels:2");
    expect_line(t, "INFO stats", "pubsub_patterns:3");
    expect_line(t, "INFO stats", "pubsubshard_channels:1");
    expect_line(t, "INFO stats", "client_output_buffer_limit_disconnections:0");
    talk_close(t);
}

static void those_who_wait_are_counted(void **state)
{
    (void)state;
    struct talk *t = open();
    chat_say(t, NEW, "BLPOP q 0");
    talk_turn(t);
    expect_line(t, "INFO clients", "blocked_clients:1");
    talk_close(t);
}

static void what_is_not_known_is_left_empty(void **state)
{
    (void)state;
    struct talk *t = open();
    t->limits.facts = NULL;
    expect_line(t, "INFO", "process_id:0");
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_is_told_by_sections),
        cmocka_unit_test(several_sections_come_in_their_order),
        cmocka_unit_test(names_are_counted_by_database),
        cmocka_unit_test(version_3_has_it_as_a_text),
        cmocka_unit_test(without_a_section_all_are_told),
        cmocka_unit_test(subscriptions_and_their_overflows_are_counted),
        cmocka_unit_test(those_who_wait_are_counted),
        cmocka_unit_test(what_is_not_known_is_left_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

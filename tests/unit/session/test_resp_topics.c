#include "session/chat.h"

#include "check.h"

#include <stdio.h>

/* OLD speaks version 2, NEW version 3; NATIVE speaks frames. */
enum { OLD = 1, NEW = 2, OTHER = 3, NATIVE = 4 };

/* Ends the turn; what a peer was sent in it is not looked at. */
static void end_turn(struct talk *talk, uint32_t peer)
{
    talk_turn(talk);
    talk_skip(talk, peer);
}

static struct talk *open(void)
{
    struct talk *talk = talk_open();
    chat(talk, OLD, "PING", "+PONG|");
    chat(talk, OTHER, "PING", "+PONG|");
    chat_say(talk, NEW, "HELLO 3");
    end_turn(talk, NEW);
    return talk;
}

static void names_and_patterns_are_counted_together_and_shards_apart(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OLD, "SUBSCRIBE a b", "*3|$9|subscribe|$1|a|:1|*3|$9|subscribe|$1|b|:2|");
    chat(t, OLD, "SUBSCRIBE a", "*3|$9|subscribe|$1|a|:2|");
    chat(t, OLD, "PSUBSCRIBE a", "*3|$10|psubscribe|$1|a|:3|");
    chat(t, OLD, "SSUBSCRIBE a a", "*3|$10|ssubscribe|$1|a|:1|*3|$10|ssubscribe|$1|a|:1|");
    chat(t, OLD, "UNSUBSCRIBE a c", "*3|$11|unsubscribe|$1|a|:2|*3|$11|unsubscribe|$1|c|:2|");
    chat(t, OLD, "PUNSUBSCRIBE", "*3|$12|punsubscribe|$1|a|:1|");
    chat(t, OLD, "PUNSUBSCRIBE", "*3|$12|punsubscribe|$-1|:1|");
    chat(t, OLD, "SUNSUBSCRIBE\nUNSUBSCRIBE\nLLEN q",
         "*3|$12|sunsubscribe|$1|a|:0|*3|$11|unsubscribe|$1|b|:0|:0|");
    assert_int_equal(engine_totals(t->engine).subscriptions, 0);
    talk_close(t);
}

static void version_3_pushes(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, NEW, "SUBSCRIBE a\nPSUBSCRIBE a*\nSSUBSCRIBE a\nLLEN q",
         ">3|$9|subscribe|$1|a|:1|>3|$10|psubscribe|$2|a*|:2|>3|$10|ssubscribe|$1|a|:1|:0|");
    chat(t, OTHER, "PUBLISH a x\nPUBLISH ab y\nPUBLISH b z\nSPUBLISH a s", ":2|:1|:0|:1|");
    chat_expect(t, NEW,
                ">3|$7|message|$1|a|$1|x|>4|$8|pmessage|$2|a*|$1|a|$1|x|"
                ">4|$8|pmessage|$2|a*|$2|ab|$1|y|>3|$8|smessage|$1|a|$1|s|");
    chat(t, NEW, "UNSUBSCRIBE x", ">3|$11|unsubscribe|$1|x|:2|");
    chat(t, NEW, "SUNSUBSCRIBE\nSUNSUBSCRIBE",
         ">3|$12|sunsubscribe|$1|a|:0|>3|$12|sunsubscribe|_|:0|");
    talk_close(t);
}

static void version_2_may_do_little_while_subscribed(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OLD, "SSUBSCRIBE a", "*3|$10|ssubscribe|$1|a|:1|");
    chat(
        t, OLD, "PUBLISH a x",
        "-ERR Can't execute 'publish': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
        "are allowed in this context|");
    chat(t, OLD, "PING\nPUBSUB",
         "*2|$4|pong|$0||-ERR wrong number of arguments for 'pubsub' command|");
    chat(t, OLD, "SUNSUBSCRIBE a\nPUBLISH a x\nPING", "*3|$12|sunsubscribe|$1|a|:0|:0|+PONG|");
    talk_close(t);
}

static void a_connection_hears_itself_before_it_is_answered(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, NEW, "SUBSCRIBE a\nPUBLISH a 1\nPUBLISH a 2\nUNSUBSCRIBE a\nPUBLISH a 3",
         ">3|$9|subscribe|$1|a|:1|>3|$7|message|$1|a|$1|1|:1|>3|$7|message|$1|a|$1|2|:1|"
         ">3|$11|unsubscribe|$1|a|:0|:0|");
    talk_close(t);
}

static void publishes_alike_are_one_run(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OLD, "SUBSCRIBE a", "*3|$9|subscribe|$1|a|:1|");
    chat(t, OTHER, "PUBLISH a 1\nPUBLISH a 22\nPUBLISH b 3\nPUBLISH a 4", ":1|:1|:0|:1|");
    chat_expect(t, OLD,
                "*3|$7|message|$1|a|$1|1|*3|$7|message|$1|a|$2|22|*3|$7|message|$1|a|$1|4|");
    assert_int_equal(t->engine ? engine_totals(t->engine).published : 0, 4);
    talk_close(t);
}

static void messages_come_before_a_reply_not_within_it(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OTHER, "SET k 1\nSET l 2", "+OK|+OK|");
    chat(t, NEW, "SUBSCRIBE a", ">3|$9|subscribe|$1|a|:1|");
    const char *const asked[][2] = {
        {"MGET k l", "*2|$1|1|$1|2|"},
        {"MGET k", "*1|$1|1|"},
        {"PUBSUB NUMSUB _ a", "*4|$0||:0|$1|a|:1|"},
    };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        char expected[128];
        chat_say(t, OTHER, "PUBLISH a x");
        engine_tick(t->engine, t->now, &t->outbox); /* the message is under way before it asks */
        snprintf(expected, sizeof expected, ">3|$7|message|$1|a|$1|x|%s", asked[i][1]);
        chat(t, NEW, asked[i][0], expected);
        talk_skip(t, OTHER);
    }
    talk_close(t);
}

static void native_subscribers_hear_and_count_too(void **state)
{
    (void)state;
    struct script s = {0};
    struct talk *t = open();
    talk_hello(t, NATIVE);
    script_numbers(&s, OP_SUBSCRIBE, 0, "a", "4 4 8", 7, 0, 0l);
    talk_play(t, NATIVE, &s);
    end_turn(t, NATIVE);
    chat(t, OLD, "SUBSCRIBE a", "*3|$9|subscribe|$1|a|:1|");
    chat(t, OTHER, "PUBLISH a x\nPUBSUB NUMSUB a", ":2|*2|$1|a|:2|");
    talk_expect(t, NATIVE, "CONTEXT 7 @1\nPUBLISH a: x\n");
    end_turn(t, OLD);
    script_messages(&s, OP_PUBLISH, "a", "y");
    talk_play(t, NATIVE, &s);
    chat_expect(t, OLD, "*3|$7|message|$1|a|$1|y|");
    talk_close(t);
}

static void what_is_subscribed_to_can_be_asked(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OTHER, "PUBSUB CHANNELS\nPUBSUB NUMSUB\nPUBSUB NUMPAT", "*0|*0|:0|");
    chat_say(t, NEW, "SUBSCRIBE a bc\nPSUBSCRIBE a* b*\nSSUBSCRIBE s");
    chat_say(t, OLD, "SUBSCRIBE a\nPSUBSCRIBE a*");
    talk_turn(t);
    chat(t, OTHER, "PUBSUB CHANNELS b*\nPUBSUB NUMSUB a x bc _ a\nPUBSUB NUMPAT",
         "*1|$2|bc|*10|$1|a|:2|$1|x|:0|$2|bc|:1|$0||:0|$1|a|:2|:2|");
    chat(t, OTHER, "PUBSUB SHARDCHANNELS\nPUBSUB SHARDNUMSUB s a", "*1|$1|s|*4|$1|s|:1|$1|a|:0|");
    chat(t, OTHER, "PUBSUB CHANNELS a b\nPUBSUB foo\nPUBSUB NUMPAT x",
         "-ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.|"
         "-ERR unknown subcommand 'foo'. Try PUBSUB HELP.|"
         "-ERR wrong number of arguments for 'pubsub|numpat' command|");
    talk_close(t);
}

static void help_is_as_redis_has_it(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OTHER, "PUBSUB HELP",
         "*14|+PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:|"
         "+CHANNELS [<pattern>]|"
         "+    Return the currently active channels matching a <pattern> (default: '*').|"
         "+NUMPAT|+    Return number of subscriptions to patterns.|"
         "+NUMSUB [<channel> ...]|"
         "+    Return the number of subscribers for the specified channels, excluding|"
         "+    pattern subscriptions(default: no channels).|"
         "+SHARDCHANNELS [<pattern>]|"
         "+    Return the currently active shard level channels matching a <pattern> (default: "
         "'*').|"
         "+SHARDNUMSUB [<shardchannel> ...]|"
         "+    Return the number of subscribers for the specified shard level channel(s)|"
         "+HELP|+    Prints this help.|");
    talk_close(t);
}

static void a_transaction_may_subscribe_and_hear_itself(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OLD, "MULTI\nSUBSCRIBE a b\nPUBLISH a x\nPING\nSSUBSCRIBE s\nUNSUBSCRIBE\nEXEC",
         "+OK|+QUEUED|+QUEUED|+QUEUED|+QUEUED|+QUEUED|*5|*3|$9|subscribe|$1|a|:1|"
         "*3|$9|subscribe|$1|b|:2|*3|$7|message|$1|a|$1|x|:1|*2|$4|pong|$0||"
         "-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client|"
         "*3|$11|unsubscribe|$1|a|:1|*3|$11|unsubscribe|$1|b|:0|");
    talk_close(t);
}

static void a_transaction_that_does_not_take_place_leaves_subscriptions_alone(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, NEW, "SUBSCRIBE a\nWATCH q", ">3|$9|subscribe|$1|a|:1|+OK|");
    chat(t, OTHER, "RPUSH q x", ":1|");
    chat(t, NEW, "MULTI\nSUBSCRIBE b\nUNSUBSCRIBE a\nSUBSCRIBE a\nUNSUBSCRIBE\nEXEC\nSUBSCRIBE c a",
         "+OK|+QUEUED|+QUEUED|+QUEUED|+QUEUED|_|>3|$9|subscribe|$1|c|:2|>3|$9|subscribe|$1|a|:2|");
    chat(t, OTHER, "PUBLISH a 1\nPUBLISH b 2\nPUBLISH c 3", ":1|:0|:1|");
    chat_expect(t, NEW, ">3|$7|message|$1|a|$1|1|>3|$7|message|$1|c|$1|3|");
    talk_close(t);
}

static void a_refused_subscription_does_not_count(void **state)
{
    (void)state;
    struct talk *t = open();
    engine_configure(t->engine, &(struct engine_config){.listeners_per_peer_max = 2}, 0);
    chat(t, OLD, "SUBSCRIBE a b c\nUNSUBSCRIBE c b\nSUBSCRIBE c",
         "*3|$9|subscribe|$1|a|:1|*3|$9|subscribe|$1|b|:2|"
         "-ERR max-subscriptions-per-connection is reached|"
         "*3|$11|unsubscribe|$1|c|:2|*3|$11|unsubscribe|$1|b|:1|*3|$9|subscribe|$1|c|:2|");
    chat(t, OTHER, "PUBLISH c x", ":1|");
    chat_expect(t, OLD, "*3|$7|message|$1|c|$1|x|");
    talk_close(t);
}

static void a_name_that_is_too_long_is_refused_alone(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OLD, "SUBSCRIBE _ a x*1025",
         "-ERR a name is empty|*3|$9|subscribe|$1|a|:1|"
         "-ERR a name is longer than 1024 bytes|");
    chat(t, OTHER, "PUBLISH _ x\nPUBLISH x*1025 x",
         "-ERR a name is empty|-ERR a name is longer than 1024 bytes|");
    talk_close(t);
}

static void what_was_retained_is_not_sent(void **state)
{
    (void)state;
    struct script s = {0};
    struct talk *t = open();
    talk_hello(t, NATIVE);
    script_frame(&s, OP_PUBLISH, PUBLISH_RETAIN, "a", "x", 1);
    talk_play(t, NATIVE, &s);
    chat(t, OLD, "SUBSCRIBE a", "*3|$9|subscribe|$1|a|:1|");
    talk_close(t);
}

/* What the session asks for behind its first command. */
static void expect_bounds(const char *commands, bool is_closing)
{
    struct session_limits limits = {.frame_max = FRAME_SIZE_DEFAULT};
    struct session session;
    struct script s = {0};
    struct slice slice;
    struct command command = {0};
    session_init(&session, OLD, &limits, 1);
    chat_put(&s, commands);
    chat_put(&s, "SUBSCRIBE a");
    session_feed(&session, bytes_of(s.data, s.size), 1);
    assert_true(session_next(&session, &command) && command.kind == COMMAND_ATTACH);
    assert_true(session_next(&session, &command) && command.kind == COMMAND_SUBSCRIBE);
    assert_int_equal(command.subscription.count_max + command.subscription.size_max, 0);
    assert_int_equal(command.subscription.count_default, CHANNEL_COUNT_DEFAULT);
    assert_int_equal(command.subscription.size_default, 32 << 20);
    assert_int_equal(command.subscription.has_overflow, is_closing);
    session_next(&session, &command);
    while (output_take_slice(&session.output, &slice))
        ;
    session_finish(&session);
    script_finish(&s);
}

static void as_much_may_wait_as_redis_lets_lie(void **state)
{
    (void)state;
    expect_bounds("PING", true);
    expect_bounds("HELLO 3", false);
}

/* Bounds of a message each, so that what waits is soon too much. */
static const struct topic_policy narrow = {.pattern = {(const unsigned char *)">", 1},
                                           .settings = {.count_max = 1}};

static struct talk *open_narrow(void)
{
    struct talk *talk = open();
    engine_configure(talk->engine,
                     &(struct engine_config){
                         .topic_policies = &narrow, .topic_policies_count = 1, .unsent_max = 1},
                     0);
    return talk;
}

static void a_slow_reader_is_told_of_gaps_in_version_3(void **state)
{
    (void)state;
    struct talk *t = open_narrow();
    chat_say(t, NEW, "SUBSCRIBE a\nPSUBSCRIBE b*\nSSUBSCRIBE s");
    end_turn(t, NEW);
    t->conns[NEW].is_blocked = true;
    chat_say(t, OTHER, "PUBLISH a 0");
    talk_turn(t);
    chat_say(t, OTHER,
             "PUBLISH a 1\nPUBLISH a 2\nPUBLISH a 3\nPUBLISH b 1\nPUBLISH b 2\nSPUBLISH s 1");
    chat_say(t, OTHER, "SPUBLISH s 2");
    talk_turn(t);
    talk_unblock(t, NEW);
    chat_expect(t, NEW,
                ">3|$7|message|$1|a|$1|0|>4|$3|gap|$1|a|:2|:20|>3|$7|message|$1|a|$1|3|"
                ">4|$4|pgap|$2|b*|:1|:10|>4|$8|pmessage|$2|b*|$1|b|$1|2|"
                ">4|$4|sgap|$1|s|:1|:10|>3|$8|smessage|$1|s|$1|2|");
    talk_close(t);
}

static void a_slow_reader_is_closed_in_version_2(void **state)
{
    (void)state;
    struct talk *t = open_narrow();
    chat_say(t, OLD, "SUBSCRIBE a");
    end_turn(t, OLD);
    t->conns[OLD].is_blocked = true;
    chat_say(t, OTHER, "PUBLISH a 0");
    talk_turn(t);
    chat_say(t, OTHER, "PUBLISH a 1\nPUBLISH a 2");
    talk_turn(t);
    assert_int_equal(talk_session(t, OLD)->state, SESSION_CLOSED);
    assert_string_equal(talk_session(t, OLD)->complaint, "reads what it subscribed to too slowly");
    assert_int_equal(engine_totals(t->engine).overflowed, 1);
    talk_close(t);
}

static void a_slow_reader_that_goes_back_to_version_2_is_closed_too(void **state)
{
    (void)state;
    struct talk *t = open_narrow();
    chat_say(t, NEW, "SUBSCRIBE a\nHELLO 2");
    end_turn(t, NEW);
    t->conns[NEW].is_blocked = true;
    chat_say(t, OTHER, "PUBLISH a 0");
    talk_turn(t);
    chat_say(t, OTHER, "PUBLISH a 1\nPUBLISH a 2");
    talk_turn(t);
    assert_int_equal(talk_session(t, NEW)->state, SESSION_OPEN);
    talk_unblock(t, NEW);
    talk_turn(t);
    assert_int_equal(talk_session(t, NEW)->state, SESSION_CLOSED);
    talk_close(t);
}

static void the_end_of_a_subscription_is_told_in_version_3(void **state)
{
    (void)state;
    struct talk *t = open();
    const struct topic_policy closing = {
        .pattern = bytes_text(">"),
        .settings = {.count_max = 1, .has_overflow = true, .overflow = OVERFLOW_CLOSE}};
    engine_configure(t->engine,
                     &(struct engine_config){.topic_policies = &closing, .topic_policies_count = 1},
                     0);
    chat(t, NEW, "SUBSCRIBE a b", ">3|$9|subscribe|$1|a|:1|>3|$9|subscribe|$1|b|:2|");
    chat(t, OTHER, "PUBLISH a 1\nPUBLISH a 2", ":1|:1|");
    chat_expect(t, NEW, ">4|$3|gap|$1|a|:2|:20|>3|$11|unsubscribe|$1|a|:1|");
    chat(t, NEW, "SUBSCRIBE a", ">3|$9|subscribe|$1|a|:2|");
    talk_close(t);
}

static void words_of_another_version_stand_before_messages_after_hello(void **state)
{
    (void)state;
    struct talk *t = open();
    chat_say(t, NEW, "SUBSCRIBE a\nPSUBSCRIBE a*");
    chat_say(t, OTHER, "PUBLISH a 1");
    end_turn(t, NEW);
    chat_say(t, NEW, "HELLO 2");
    end_turn(t, NEW);
    chat_say(t, OTHER, "PUBLISH a 2");
    chat_expect(t, NEW, "*3|$7|message|$1|a|$1|2|*4|$8|pmessage|$2|a*|$1|a|$1|2|");
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_patterns_are_counted_together_and_shards_apart),
        cmocka_unit_test(version_3_pushes),
        cmocka_unit_test(version_2_may_do_little_while_subscribed),
        cmocka_unit_test(a_connection_hears_itself_before_it_is_answered),
        cmocka_unit_test(publishes_alike_are_one_run),
        cmocka_unit_test(messages_come_before_a_reply_not_within_it),
        cmocka_unit_test(native_subscribers_hear_and_count_too),
        cmocka_unit_test(what_is_subscribed_to_can_be_asked),
        cmocka_unit_test(help_is_as_redis_has_it),
        cmocka_unit_test(a_transaction_may_subscribe_and_hear_itself),
        cmocka_unit_test(a_transaction_that_does_not_take_place_leaves_subscriptions_alone),
        cmocka_unit_test(a_refused_subscription_does_not_count),
        cmocka_unit_test(a_name_that_is_too_long_is_refused_alone),
        cmocka_unit_test(what_was_retained_is_not_sent),
        cmocka_unit_test(as_much_may_wait_as_redis_lets_lie),
        cmocka_unit_test(a_slow_reader_is_told_of_gaps_in_version_3),
        cmocka_unit_test(a_slow_reader_is_closed_in_version_2),
        cmocka_unit_test(a_slow_reader_that_goes_back_to_version_2_is_closed_too),
        cmocka_unit_test(the_end_of_a_subscription_is_told_in_version_3),
        cmocka_unit_test(words_of_another_version_stand_before_messages_after_hello),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

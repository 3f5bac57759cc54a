#include "session/chat.h"
#include "session/resp_table.h"

#include "check.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { OLD = 1, NEW = 2 };

static struct talk *open(void)
{
    struct talk *talk = talk_open();
    chat_say(talk, NEW, "HELLO 3");
    talk_turn(talk);
    talk_skip(talk, NEW);
    return talk;
}

/* Rows of one list: in order, in lower case, with all that people and machines are told. */
static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        if (i > 0 && strcmp(rows[i - 1].name, row->name) >= 0)
            fail_msg("%s comes before %s", rows[i - 1].name, row->name);
        for (const char *at = row->name; *at; at++)
            assert_false(isupper((unsigned char)*at));
        if (!row->summary || row->arity == 0)
            fail_msg("%s lacks something", row->name);
        if (!row->handler && row->subcommands_count == 0)
            fail_msg("nobody carries %s out", row->name);
        check_rows(row->subcommands, row->subcommands_count);
    }
}

static void the_table_is_whole_and_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < resp_groups_count; i++) {
        check_rows(resp_groups[i]->rows, resp_groups[i]->rows_count);
        for (size_t at = 0; at < resp_groups[i]->rows_count; at++) {
            const struct row *row = &resp_groups[i]->rows[at];
            assert_ptr_equal(resp_row(bytes_text(row->name)), row);
        }
    }
}

static void what_commands_need_is_told(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OLD, "COMMAND INFO gEt nosuch",
         "*2|*10|$3|get|:2|*2|+readonly|+fast|:1|:1|:1|*3|+@string|+@read|+@fast|*0|*0|*0|$-1|");
    chat(t, NEW, "COMMAND INFO lmpop",
         "*1|*10|$5|lmpop|:-4|~2|+write|+movablekeys|:0|:0|:0|~3|+@list|+@write|+@slow|~0|~0|~0|");
    chat(t, OLD, "COMMAND INFO object|encoding object|nosuch",
         "*2|*10|$15|object|encoding|:3|*1|+readonly|:2|:2|:1|*3|+@keyspace|+@read|+@slow|*0|*0|*0|"
         "$-1|");
    chat(t, OLD, "COMMAND INFO function",
         "*1|*10|$8|function|:-2|*0|:0|:0|:0|*1|+@slow|*0|*0|*2|"
         "*10|$14|function|flush|:-2|*2|+write|+noscript|:0|:0|:0|*2|+@write|+@slow|*0|*0|*0|"
         "*10|$13|function|help|:2|*2|+loading|+stale|:0|:0|:0|*1|+@slow|*0|*0|*0|");
    talk_close(t);
}

/* Whether the peer was sent something that begins so; it is thrown away. */
static void expect_begin(struct talk *talk, uint32_t peer, const char *command, const char *begin)
{
    chat_say(talk, peer, command);
    talk_turn(talk);
    const struct script *said = &talk->conns[peer].said;
    assert_true(said->size > strlen(begin));
    assert_memory_equal(said->data, begin, strlen(begin));
    talk_skip(talk, peer);
}

static void all_commands_are_told_of_when_none_is_named(void **state)
{
    (void)state;
    struct talk *t = open();
    char begin[64];
    size_t count = 0, all;
    for (size_t i = 0; i < resp_groups_count; i++)
        count += resp_groups[i]->rows_count;
    all = count;
    for (size_t i = 0; i < resp_groups_count; i++)
        for (size_t at = 0; at < resp_groups[i]->rows_count; at++)
            all += resp_groups[i]->rows[at].subcommands_count;
    snprintf(begin, sizeof begin, ":%zu|", count);
    chat(t, OLD, "COMMAND COUNT", begin);
    snprintf(begin, sizeof begin, "*%zu\r\n*10\r\n$4\r\nauth\r\n", count);
    expect_begin(t, OLD, "COMMAND", begin);
    expect_begin(t, OLD, "COMMAND INFO", begin);
    snprintf(begin, sizeof begin, "%%%zu\r\n$4\r\nauth\r\n", count);
    expect_begin(t, NEW, "COMMAND DOCS", begin);
    snprintf(begin, sizeof begin, "*%zu\r\n$4\r\nauth\r\n", all);
    expect_begin(t, OLD, "COMMAND LIST", begin);
    talk_close(t);
}

static void what_commands_do_is_told(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OLD, "COMMAND DOCS echo nosuch",
         "*2|$4|echo|*4|$7|summary|$21|Returns its argument.|$5|group|$11|Connections|");
    chat(t, NEW, "COMMAND DOCS nosuch", "%0|");
    chat(t, NEW, "COMMAND DOCS slowlog|len",
         "%1|$11|slowlog|len|%3|$7|summary|$2|0.|$5|group|$6|Server|$7|differs|$28|No command is "
         "noted as slow.|");
    expect_begin(
        t, NEW, "COMMAND DOCS pubsub",
        "%1\r\n$6\r\npubsub\r\n%3\r\n$7\r\nsummary\r\n$29\r\nCommands about subscriptions.\r\n"
        "$5\r\ngroup\r\n$6\r\nTopics\r\n$11\r\nsubcommands\r\n%6\r\n$15\r\npubsub|channels\r\n%3");
    talk_close(t);
}

static void commands_are_listed_by_what_is_asked(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OLD, "COMMAND LIST FILTERBY PATTERN l[r]*", "*2|$6|lrange|$4|lrem|");
    chat(t, OLD, "COMMAND LIST filterby aclcat transaction",
         "*5|$7|discard|$4|exec|$5|multi|$7|unwatch|$5|watch|");
    chat(t, OLD, "COMMAND LIST FILTERBY MODULE x\nCOMMAND LIST FILTERBY ACLCAT x", "*0|*0|");
    chat(t, OLD, "COMMAND LIST FOO\nCOMMAND LIST FILTERBY PATTERN\nCOMMAND LIST FILTERBY FOO x",
         "-ERR syntax error|-ERR syntax error|-ERR syntax error|");
    talk_close(t);
}

static void names_in_commands_are_found(void **state)
{
    (void)state;
    struct talk *t = open();
    chat(t, OLD, "COMMAND GETKEYS get a\nCOMMAND GETKEYS MSET a 1 b 2\nCOMMAND GETKEYS del a b c",
         "*1|$1|a|*2|$1|a|$1|b|*3|$1|a|$1|b|$1|c|");
    chat(
        t, OLD,
        "COMMAND GETKEYS blpop a b 0\nCOMMAND GETKEYS object encoding a\nCOMMAND GETKEYS rename a b",
        "*2|$1|a|$1|b|*1|$1|a|*2|$1|a|$1|b|");
    chat(t, OLD, "COMMAND GETKEYS lmpop 2 a b LEFT\nCOMMAND GETKEYS blmpop 0 1 a LEFT",
         "*2|$1|a|$1|b|*1|$1|a|");
    chat(
        t, OLD,
        "COMMAND GETKEYS lmpop 3 a b LEFT\nCOMMAND GETKEYS lmpop x a b\nCOMMAND GETKEYS lmpop 0 a b",
        "*3|$1|a|$1|b|$4|LEFT|-ERR Invalid arguments specified for command|"
        "-ERR Invalid arguments specified for command|");
    chat(t, OLD, "COMMAND GETKEYS nosuch a\nCOMMAND GETKEYS ping a\nCOMMAND GETKEYS get a b",
         "-ERR Invalid command specified|-ERR The command has no key arguments|"
         "-ERR Invalid number of arguments specified for command|");
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_whole_and_in_order),
        cmocka_unit_test(what_commands_need_is_told),
        cmocka_unit_test(all_commands_are_told_of_when_none_is_named),
        cmocka_unit_test(what_commands_do_is_told),
        cmocka_unit_test(commands_are_listed_by_what_is_asked),
        cmocka_unit_test(names_in_commands_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "session/resp.h"

#include "base/time.h"
#include "check.h"
#include "session/chat.h"

/* Commands about the connection itself, and others. */
enum { CLIENT = 1, OTHER = 2, NATIVE = 3 };

static void a_name_can_be_given_and_taken(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "CLIENT GETNAME\nCLIENT SETNAME one\nCLIENT GETNAME", "$-1|+OK|$3|one|");
    chat(t, CLIENT, "CLIENT SETNAME _\nCLIENT GETNAME\nCLIENT ID", "+OK|$-1|:1|");
    chat(t, CLIENT, "CLIENT SETNAME a\x01",
         "-ERR Client names cannot contain spaces, newlines or "
         "special characters.|");
    talk_close(t);
}

/* What a program of Redis may read of a client, and is not known. */
#define UNKNOWN                                                                                  \
    " laddr= fd=-1 age=-1 idle=-1 psub=-1 ssub=-1 qbuf=-1 qbuf-free=-1 argv-mem=-1 multi-mem=-1" \
    " rbs=-1 rbp=-1 obl=-1 oll=-1 tot-mem=-1 events=r cmd=NULL redir=-1"
#define UNKNOWN_OF_OTHERS " db=-1 multi=-1 resp=-1"

static void listings_tell_of_all_clients(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    talk_hello(t, NATIVE);
    chat(t, CLIENT, "CLIENT SETNAME one", "+OK|");
    chat(t, OTHER, "BLPOP q 0", "");
    chat(t, CLIENT, "CLIENT LIST ID 2 7",
         "$230|id=2 addr= name= flags=b sub=0 omem=0 user=default" UNKNOWN UNKNOWN_OF_OTHERS "\n|");
    chat(t, CLIENT, "CLIENT LIST ID 9 2 4 2 -1",
         "$230|id=2 addr= name= flags=b sub=0 omem=0 user=default" UNKNOWN UNKNOWN_OF_OTHERS "\n|");
    chat(t, CLIENT, "CLIENT LIST TYPE pubsub", "$0||");
    chat(t, CLIENT, "CLIENT LIST TYPE replica", "$0||");
    chat(t, CLIENT, "CLIENT SETINFO LIB-NAME x\nCLIENT INFO",
         "+OK|$251|id=1 addr= name=one flags=N sub=0 omem=0 user=default" UNKNOWN
         " db=0 multi=-1 resp=2 lib-name=x lib-ver=\n|");
    chat(t, CLIENT, "HELLO 3 SETNAME n\nCLIENT LIST ID 1",
         "%7|$6|server|$8|ringpost|$7|version|$5|7.2.0|$5|proto|:3|"
         "$2|id|:1|$4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|"
         "=235|txt:id=1 addr= name=n flags=N sub=0 omem=0 user=default" UNKNOWN UNKNOWN_OF_OTHERS
         "\n|");
    chat(t, CLIENT, "CLIENT LIST TYPE x\nCLIENT LIST FOO\nCLIENT LIST ID x",
         "-ERR Unknown client type 'x'|-ERR syntax error|-ERR Invalid client ID|");
    talk_close(t);
}

static void clients_can_be_ended(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "PING", "+PONG|");
    chat(t, OTHER, "BLPOP q 0", "");
    chat(t, CLIENT, "CLIENT KILL ID 2 LADDR x\nCLIENT KILL ID 2", ":0|:1|");
    assert_int_equal(talk_session(t, OTHER)->state, SESSION_CLOSED);
    chat(t, CLIENT, "CLIENT KILL nobody:1\nCLIENT KILL ID 1", "-ERR No such client|:0|");
    chat(
        t, CLIENT,
        "CLIENT KILL ID 0\nCLIENT KILL ID 1 SKIPME x\nCLIENT KILL USER x\nCLIENT KILL ID 1 ADDR",
        "-ERR client-id should be greater than 0|-ERR syntax error|-ERR No such user 'x'|-ERR syntax error|");
    chat(t, CLIENT, "CLIENT KILL ID 1 SKIPME NO", ":1|");
    assert_int_equal(talk_session(t, CLIENT)->state, SESSION_CLOSED);
    talk_close(t);
}

static void reset_forgets_everything(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "CLIENT SETNAME one\nSELECT 3\nWATCH a\nMULTI\nPING\nRESET",
         "+OK|+OK|+OK|+OK|+QUEUED|+RESET|");
    chat(t, CLIENT, "CLIENT GETNAME\nEXEC\nLPUSH q a", "$-1|-ERR EXEC without MULTI|:1|");
    chat(t, OTHER, "LLEN q", ":1|");
    talk_close(t);
}

static void names_are_of_1_to_1024_bytes(void **state)
{
    (void)state;
    struct talk *t = talk_open();
    chat(t, CLIENT, "LLEN n*1024\nLLEN n*1025\nLLEN _",
         ":0|-ERR a name is longer than 1024 bytes|-ERR a name is empty|");
    chat(
        t, CLIENT, "BLPOP a _ 0\nLMPOP 2 a _ LEFT\nMULTI\nLPUSH _ x\nEXEC",
        "-ERR a name is empty|-ERR a name is empty|+OK|-ERR a name is empty|-EXECABORT Transaction discarded because of previous errors.|");
    talk_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_can_be_given_and_taken),
        cmocka_unit_test(listings_tell_of_all_clients),
        cmocka_unit_test(clients_can_be_ended),
        cmocka_unit_test(reset_forgets_everything),
        cmocka_unit_test(names_are_of_1_to_1024_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

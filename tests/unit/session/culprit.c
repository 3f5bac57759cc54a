#include "session/culprit.h"

#include "check.h"

#include <stdio.h>

const struct broken_fields broken_fields[BROKEN_FIELDS] = {
    {"\x01", 1},
    {"\x01\x01\x00", 3},
    {"\x05\x01\x00\x00"
     "abcd",
     8},
    {"\x01\x01\x05\x00kabcd", 9},
    {"\x01\x00\x04\x00kabcd", 9},
    {"\x01\x00\x09\x00kabcdefghi", 14},
    {"\x01\x02\x00\x00k", 5},
    {"\x00\x01\x01\x00v", 5},
    {"\x41\x01\x00\x00"
     "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
     69},
};

struct talk *culprit_open(void)
{
    struct talk *talk = talk_open();
    talk_hello(talk, WITNESS);
    return talk;
}

struct talk *culprit_open_with_hello(void)
{
    struct talk *talk = culprit_open();
    talk_hello(talk, CULPRIT);
    return talk;
}

void culprit_close(struct talk *talk)
{
    struct script script = {0};
    uint64_t number = talk_session(talk, WITNESS)->native.number_next;
    char expected[64];
    script_numbers(&script, OP_PING, 0, "", "");
    talk_play(talk, WITNESS, &script);
    snprintf(expected, sizeof expected, "CONFIRM %lu\nREPLY %lu\n", number, number);
    talk_expect(talk, WITNESS, expected);
    talk_close(talk);
}

void culprit_expect_stays(struct talk *talk, struct script *script, const char *status)
{
    talk_expect_refusal(talk, CULPRIT, script, status);
}

/* Chats: talks in the Redis protocol, told as text. */
#ifndef RINGPOST_TESTS_UNIT_SESSION_CHAT_H
#define RINGPOST_TESTS_UNIT_SESSION_CHAT_H

#include "session/talk.h"

/* Appends a command, whose words stand between spaces: "LPUSH q a". A word as "_" is empty, and one as
 * "x*5" has so many of the letter. */
void chat_put(struct script *script, const char *words);

/* Has the peer, which is connected if need be, hear commands; each is on a line of its own. */
void chat_say(struct talk *talk, uint32_t peer, const char *commands);

/* Ends the turn, and fails unless the peer was sent `expected`, in which `|` stands for the end of a
 * line: ":1|*2|$1|a|$1|b|". */
void chat_expect(struct talk *talk, uint32_t peer, const char *expected);

/* Has it hear commands and be sent what is expected. */
void chat(struct talk *talk, uint32_t peer, const char *commands, const char *expected);

#endif

/* What is said of answers: how commands of the Redis protocol reply to what comes of them. */
#ifndef RINGPOST_SESSION_SAY_H
#define RINGPOST_SESSION_SAY_H

#include "session/replies.h"

/* Nothing, unless it failed. */
reply_say say_nothing;

/* `OK`. */
reply_say say_ok;

/* A number; nil when there is no such key. */
reply_say say_integer;

/* One message, or a value; nil when there is none. */
reply_say say_bulk;

/* Messages as an array; an empty one, or nil, when there is no such key. */
reply_say say_list;
reply_say say_list_or_null;

/* Which key, whose names are noted by say_note_names, and one message, or an array of them; nil when there are
 * none. */
reply_say say_popped;
reply_say say_popped_list;

/* One message; nil in an array's words when there was none in time. */
reply_say say_moved;

/* Places of messages: an array of numbers. */
reply_say say_places;

/* Names, as an array. */
reply_say say_names;

/* Notes names for say_popped. */
void say_note_name(struct replies *replies, struct bytes name);

/* The noted name of that number. */
struct bytes say_noted_name(const struct pen *pen, uint32_t number);

#endif

/* What sessions in the Redis protocol are subscribed to, as others see it. */
#ifndef RINGPOST_SESSION_RESP_TOPICS_H
#define RINGPOST_SESSION_RESP_TOPICS_H

#include "session/call.h"

/* Puts messages of topics, gaps among them, and ends of subscriptions into words; false when the
 * effect's slice is not taken. */
bool resp_topics_effect(struct session *session, const struct effect *effect);

/* Asks for the end of one subscription, of which nothing is said; false when there is none. */
bool resp_topics_leave(struct call *call, struct command *command);

#endif

/* What queues are told and asked. */
#ifndef RINGPOST_CLIENT_QUEUE_H
#define RINGPOST_CLIENT_QUEUE_H

#include "base/bytes.h"

/* The enum ringpost_when_full that a word of the protocol stands for; its default for any other. */
int when_full_parse(struct bytes word);

/* The same of enum ringpost_pop_lease. */
int pop_lease_parse(struct bytes word);

#endif

/* Which commands of the Redis protocol are carried out now: the checks before all handlers, in Redis's order. */
#ifndef RINGPOST_SESSION_RESP_ADMIT_H
#define RINGPOST_SESSION_RESP_ADMIT_H

#include "session/resp_table.h"

/* The row of a call that is to be carried out. NULL when it is not: it was refused, or queued, and that was
 * said. */
const struct row *resp_admit(struct call *call);

/* The row of a call whose words were admitted before. */
const struct row *resp_admitted(struct call *call);

#endif

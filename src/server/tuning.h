/* Tuning: what the broker is set to, as its parts are told it, and changes that clients ask for. */
#ifndef RINGPOST_SERVER_TUNING_H
#define RINGPOST_SERVER_TUNING_H

#include "server/options.h"
#include "server/shard.h"

struct tuning {
    struct options *options; /* borrowed */
    struct bytes settings;   /* as SETTINGS is answered; the heap's */
};

void tuning_finish(struct tuning *tuning);

/* What a shard is started with. It borrows from the tuning. */
struct shard_options tuning_shard_options(struct tuning *tuning);

/* Has the shard keep to the options as they are now. */
void tuning_tell(struct tuning *tuning, struct shard *shard);

/* Carries a CONFIGURE out, all of it or nothing; `*which` is the pair that cannot be. */
enum setting_fault tuning_change(struct tuning *tuning, const struct command *command,
                                 uint32_t *which);

#endif

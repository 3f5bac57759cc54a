#include "server/tuning.h"

#include "base/array.h"
#include "base/time.h"
#include "server/keys.h"
#include "server/records.h"
#include "server/reload.h"

void tuning_finish(struct tuning *tuning)
{
    memory_free((void *)tuning->settings.data);
    tuning->settings = (struct bytes){0};
}

static struct session_limits limits_of(const struct options *options)
{
    return (struct session_limits){
        .frame_max = (uint32_t)options->frame_max,
        .hello_timeout_ns = options->hello_timeout_ns,
        .silent_timeout_ns = options->idle_hello_timeout_ns,
        .hello_max = (uint32_t)options->hello_max,
        .liveness_ns = options->liveness_ns,
        .may_debug = options->may_debug,
        .password = bytes_of(options->password.data, options->password.size),
    };
}

static struct door_limits door_limits_of(const struct options *options)
{
    return (struct door_limits){
        .guests_max = options->connections_max,
        .per_address_max = options->connections_per_address_max,
        .strangers_max = options->strangers_max,
    };
}

/* What the engine is told; it borrows from the options and from `settings`. */
static struct engine_config engine_config_of(struct tuning *tuning)
{
    const struct options *options = tuning->options;
    struct records records;
    memory_free((void *)tuning->settings.data);
    records_init(&records, options);
    tuning->settings = records_encode(&records);
    records_finish(&records);
    return (struct engine_config){
        .queue_policies = options->policies.queues,
        .queue_policies_count = options->policies.queues_count,
        .queues_max = options->queues_max,
        .memory_hard_max = options->memory_max + options->memory_max / 8,
        .in_flight_max = options->in_flight_max,
        .unsent_max = options->unsent_max,
        .topic_policies = options->policies.topics,
        .topic_policies_count = options->policies.topics_count,
        .listeners_per_peer_max = options->subscriptions_per_connection_max,
        .listeners_max = options->subscriptions_max,
        .retained_count_max = options->retained_max ? options->retained_max : UINT64_MAX,
        .retained_size_max = options->retained_size_max ? options->retained_size_max : UINT64_MAX,
        .values_size_max = options->values_size_max ? options->values_size_max : UINT64_MAX,
        .settings = tuning->settings,
    };
}

struct shard_options tuning_shard_options(struct tuning *tuning)
{
    const struct options *options = tuning->options;
    return (struct shard_options){
        .ring = {.is_base_only = options->is_base_ring,
                 .peer_timeout_s = (unsigned)(options->tcp_timeout_ns / NS_PER_S)},
        .limits = limits_of(options),
        .door_limits = door_limits_of(options),
        .engine = engine_config_of(tuning),
        .memory_max = options->memory_max,
        .peer_timeout_ns = options->tcp_timeout_ns,
        .tuning = tuning,
    };
}

void tuning_tell(struct tuning *tuning, struct shard *shard)
{
    struct session_limits limits = limits_of(tuning->options);
    struct door_limits door_limits = door_limits_of(tuning->options);
    struct engine_config engine = engine_config_of(tuning);
    shard_configure(shard, &limits, &door_limits, &engine, tuning->options->memory_max);
}

/* Gives a key the value that a client wants. Files are the operator's alone. */
static enum setting_fault set_key(struct options *options, struct bytes name, struct bytes value)
{
    char text[KEY_TEXT_SIZE];
    const struct key *key = key_find(name);
    if (!key)
        return SETTING_UNKNOWN;
    if (key->needs_restart || key->kind == KEY_PATH || key->kind == KEY_LISTEN)
        return SETTING_FIXED;
    if (value.size >= sizeof text || (value.size > 0 && memchr(value.data, '\0', value.size)))
        return SETTING_BAD_VALUE;
    text[bytes_copy(text, value).size] = '\0';
    bool is_good = key_set(key, options, text, (struct origin){ORIGIN_CLIENT, 0}) == 0;
    return is_good ? SETTING_OK : SETTING_BAD_VALUE;
}

enum setting_fault tuning_change(struct tuning *tuning, const struct command *command,
                                 uint32_t *which)
{
    struct options next = *tuning->options; /* policies and the like stay the same */
    const struct bytes *pairs = command->configure.pairs;
    for (uint32_t at = 0; at < command->configure.count; at++) {
        enum setting_fault fault = set_key(&next, pairs[2 * at], pairs[2 * at + 1]);
        *which = at;
        if (fault != SETTING_OK)
            return fault;
    }
    reload_log(tuning->options, &next);
    *tuning->options = next;
    return SETTING_OK;
}

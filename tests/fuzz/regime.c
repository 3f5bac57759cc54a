#include "regime.h"

#include "base/array.h"
#include "core/pattern.h"
#include "frame/field.h"

#include <stdlib.h>

/* Settings that are given by the bits of a choice. */
static void choose_settings(struct queue_settings *settings, struct choices *choices,
                            char *dead_letter)
{
    static const char *const when_full[] = {"refuse", "hold", "drop-oldest"};
    static const char *const dead_letters[] = {"", "a", "dead", "a.dead"};
    const struct bytes none = {0};
    unsigned how = choose_byte(choices);
    struct bytes choice = bytes_text(when_full[choose_below(choices, 3)]);
    struct bytes name = bytes_text(dead_letters[choose_below(choices, 4)]);
    queue_setting_put(settings, how & SETTING_COUNT_MAX, 1 + choose_below(choices, 9), none);
    queue_setting_put(settings, how & SETTING_SIZE_MAX, 1 + 40 * choose_byte(choices), none);
    queue_setting_put(settings, how & SETTING_WHEN_FULL, 0, choice);
    queue_setting_put(settings, how & SETTING_TTL, choose_number(choices), none);
    queue_setting_put(settings, how & SETTING_DELIVERY_LIMIT, choose_below(choices, 8), none);
    queue_setting_put(settings, how & SETTING_DEAD_LETTER, 0, bytes_copy(dead_letter, name));
    queue_setting_put(settings, how & SETTING_LEASE_MAX, choose_number(choices), none);
    queue_setting_put(settings, how & SETTING_POP_LEASE, 0,
                      bytes_text(how & 1 ? "connection" : "none"));
}

static void choose_policy(struct queue_policy *policy, struct choices *choices, char *dead_letter)
{
    static const char *const patterns[] = {"a", "b", "a.*", "*.dead", "*", ">"};
    policy->pattern = bytes_text(patterns[choose_below(choices, 6)]);
    choose_settings(&policy->settings, choices, dead_letter);
}

static int compare(const void *left, const void *right)
{
    const struct queue_policy *a = left, *b = right;
    return pattern_compare(a->pattern, b->pattern);
}

/* One record of what SETTINGS is answered with. */
static struct bytes put_record(unsigned char *to)
{
    size_t size = 4;
    size += field_put_bytes(to + size, "key", bytes_text("max-queues"));
    size += field_put_bytes(to + size, "value", bytes_text("4"));
    size += field_put_bytes(to + size, "origin", bytes_text("flag"));
    store_u32(to, (uint32_t)size);
    return bytes_of(to, size);
}

struct regime *regime_create(struct choices *choices)
{
    struct regime *regime = memory_create(sizeof *regime);
    unsigned how = choose_byte(choices);
    size_t count = how % (POLICIES_MAX + 1);
    for (size_t i = 0; i < count; i++)
        choose_policy(&regime->policies[i], choices, regime->dead_letters[i]);
    qsort(regime->policies, count, sizeof *regime->policies, compare);
    regime->config = (struct engine_config){
        .queue_policies = regime->policies,
        .queue_policies_count = count,
        .queues_max = how & 32 ? 1 + choose_below(choices, 6) : 0,
        .in_flight_max = how & 64 ? 1 + choose_below(choices, 8) : 0,
        .unsent_max = how & 128 ? 1 + UINT64_C(100) * choose_below(choices, 8) : 0,
        .settings = put_record(regime->settings),
    };
    return regime;
}

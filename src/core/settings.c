#include "core/settings.h"

#include "core/pattern.h"

struct queue_settings queue_settings_default(void)
{
    return (struct queue_settings){
        .count_max = QUEUE_COUNT_DEFAULT,
        .size_max = QUEUE_SIZE_DEFAULT,
        .delivery_limit = DELIVERY_LIMIT_DEFAULT,
    };
}

static const char *const when_full_names[] = {
    [WHEN_FULL_REFUSE] = "refuse",
    [WHEN_FULL_HOLD] = "hold",
    [WHEN_FULL_DROP_OLDEST] = "drop-oldest",
    NULL,
};

static const char *const pop_lease_names[] = {
    [POP_LEASE_NONE] = "none",
    [POP_LEASE_CONNECTION] = "connection",
    NULL,
};

static const char *const overflow_names[] = {
    [OVERFLOW_DROP_OLDEST] = "drop-oldest",
    [OVERFLOW_DROP_NEWEST] = "drop-newest",
    [OVERFLOW_KEEP_LAST] = "keep-last",
    [OVERFLOW_CLOSE] = "close",
    NULL,
};

const char *when_full_name(enum when_full choice)
{
    return when_full_names[choice];
}

const char *pop_lease_name(enum pop_lease choice)
{
    return pop_lease_names[choice];
}

/* Finds the choice that is called `text`; false when none is. */
static bool choice_named(const char *const *names, struct bytes text, unsigned *choice)
{
    for (unsigned i = 0; names[i]; i++)
        if (bytes_equal(text, bytes_text(names[i]))) {
            *choice = i;
            return true;
        }
    return false;
}

bool queue_setting_put(struct queue_settings *settings, unsigned setting, uint64_t number,
                       struct bytes text)
{
    settings->given |= setting;
    switch (setting) {
    case SETTING_COUNT_MAX: settings->count_max = number; return number > 0;
    case SETTING_SIZE_MAX: settings->size_max = number; return number > 0;
    case SETTING_WHEN_FULL: return choice_named(when_full_names, text, &settings->when_full);
    case SETTING_TTL: settings->ttl_ms = number; return true;
    case SETTING_DELIVERY_LIMIT:
        settings->delivery_limit = (uint32_t)number;
        return number <= DELIVERY_LIMIT_MAX;
    case SETTING_DEAD_LETTER: settings->dead_letter = text; return text.size <= FRAME_NAME_MAX;
    case SETTING_LEASE_MAX: settings->lease_max_ms = number; return true;
    case SETTING_POP_LEASE: return choice_named(pop_lease_names, text, &settings->pop_lease);
    default: return false;
    }
}

void queue_settings_merge(struct queue_settings *to, const struct queue_settings *from)
{
    to->given |= from->given;
    if (from->given & SETTING_COUNT_MAX)
        to->count_max = from->count_max;
    if (from->given & SETTING_SIZE_MAX)
        to->size_max = from->size_max;
    if (from->given & SETTING_WHEN_FULL)
        to->when_full = from->when_full;
    if (from->given & SETTING_TTL)
        to->ttl_ms = from->ttl_ms;
    if (from->given & SETTING_DELIVERY_LIMIT)
        to->delivery_limit = from->delivery_limit;
    if (from->given & SETTING_DEAD_LETTER)
        to->dead_letter = from->dead_letter;
    if (from->given & SETTING_LEASE_MAX)
        to->lease_max_ms = from->lease_max_ms;
    if (from->given & SETTING_POP_LEASE)
        to->pop_lease = from->pop_lease;
}

bool queue_settings_agree(const struct queue_settings *has, const struct queue_settings *wanted)
{
    struct queue_settings both = *has;
    queue_settings_merge(&both, wanted);
    return both.count_max == has->count_max && both.size_max == has->size_max &&
           both.when_full == has->when_full && both.ttl_ms == has->ttl_ms &&
           both.delivery_limit == has->delivery_limit && both.lease_max_ms == has->lease_max_ms &&
           both.pop_lease == has->pop_lease && bytes_equal(both.dead_letter, has->dead_letter);
}

void queue_policies_merge(struct queue_settings *to, const struct queue_policy *policies,
                          size_t count, struct bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (pattern_matches(policies[i].pattern, name))
            queue_settings_merge(to, &policies[i].settings);
}

bool overflow_named(struct bytes text, enum overflow *overflow)
{
    return choice_named(overflow_names, text, overflow);
}

void topic_policies_merge(struct topic_settings *to, const struct topic_policy *policies,
                          size_t count, struct bytes name)
{
    for (size_t i = 0; i < count; i++) {
        const struct topic_settings *from = &policies[i].settings;
        if (!pattern_matches(policies[i].pattern, name))
            continue;
        if (from->count_max)
            to->count_max = from->count_max;
        if (from->size_max)
            to->size_max = from->size_max;
        if (from->has_overflow)
            to->overflow = from->overflow;
        to->has_overflow |= from->has_overflow;
        if (from->has_retained)
            to->no_retained = from->no_retained;
        to->has_retained |= from->has_retained;
    }
}

#include "server/policies.h"

#include "base/array.h"
#include "base/time.h"
#include "core/pattern.h"
#include "frame/frame.h"
#include "server/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Settings of topics, as SETTING_… names those of queues; and what both have. */
enum { TOPIC_COUNT_MAX, TOPIC_SIZE_MAX, TOPIC_OVERFLOW, TOPIC_RETAINED, SECTION_PATTERN = -1 };

/* What a section may say. */
static const struct policy_key {
    enum policy_kind kind;
    const char *name, *takes;
    int setting;
    enum { VALUE_TEXT, VALUE_COUNT, VALUE_SIZE, VALUE_MS } value;
} policy_keys[] = {
    {POLICY_QUEUE, "max-messages", "a COUNT of at least 1", SETTING_COUNT_MAX, VALUE_COUNT},
    {POLICY_QUEUE, "max-bytes", "a SIZE of at least 1", SETTING_SIZE_MAX, VALUE_SIZE},
    {POLICY_QUEUE, "when-full", "refuse, hold or drop-oldest", SETTING_WHEN_FULL, VALUE_TEXT},
    {POLICY_QUEUE, "ttl", "a DURATION such as 500ms or 2m, or 0", SETTING_TTL, VALUE_MS},
    {POLICY_QUEUE, "delivery-limit", "a COUNT of 0 to 65535", SETTING_DELIVERY_LIMIT, VALUE_COUNT},
    {POLICY_QUEUE, "dead-letter", "a queue's NAME, or nothing", SETTING_DEAD_LETTER, VALUE_TEXT},
    {POLICY_QUEUE, "lease-max", "a DURATION such as 500ms or 2m, or 0", SETTING_LEASE_MAX,
     VALUE_MS},
    {POLICY_QUEUE, "pop-lease", "none or connection", SETTING_POP_LEASE, VALUE_TEXT},
    {POLICY_QUEUE, "pattern", "a PATTERN", SECTION_PATTERN, VALUE_TEXT},
    {POLICY_TOPIC, "max-messages", "a COUNT of 1 to 4294967295", TOPIC_COUNT_MAX, VALUE_COUNT},
    {POLICY_TOPIC, "max-bytes", "a SIZE of at least 1", TOPIC_SIZE_MAX, VALUE_SIZE},
    {POLICY_TOPIC, "overflow", "drop-oldest, drop-newest, keep-last or close", TOPIC_OVERFLOW,
     VALUE_TEXT},
    {POLICY_TOPIC, "retained", "on or off", TOPIC_RETAINED, VALUE_TEXT},
    {POLICY_TOPIC, "pattern", "a PATTERN", SECTION_PATTERN, VALUE_TEXT},
};

static int read_number(const struct policy_key *key, const char *text, uint64_t *number)
{
    int result = 0;
    *number = 0;
    switch (key->value) {
    case VALUE_TEXT: break;
    case VALUE_COUNT: return units_read(UNIT_COUNT, text, number);
    case VALUE_SIZE: return units_read(UNIT_SIZE, text, number);
    case VALUE_MS: result = units_read(UNIT_DURATION, text, number); *number /= NS_PER_MS;
    }
    return result;
}

static bool put_topic(struct topic_settings *settings, int setting, uint64_t number,
                      struct bytes text)
{
    switch (setting) {
    case TOPIC_COUNT_MAX:
        settings->count_max = (uint32_t)number;
        return number > 0 && number <= UINT32_MAX;
    case TOPIC_SIZE_MAX: settings->size_max = number; return number > 0;
    case TOPIC_OVERFLOW:
        settings->has_overflow = overflow_named(text, &settings->overflow);
        return settings->has_overflow;
    case TOPIC_RETAINED:
        settings->has_retained = true;
        settings->no_retained = bytes_equal(text, bytes_text("off"));
        return settings->no_retained || bytes_equal(text, bytes_text("on"));
    default: return false;
    }
}

/* Gives a section one of its settings. It borrows the text. */
static bool put(struct section *section, const struct policy_key *key, const char *value)
{
    uint64_t number;
    struct bytes text = bytes_text(value);
    if (read_number(key, value, &number) < 0)
        return false;
    if (key->setting == SECTION_PATTERN) { /* that did not fit between brackets */
        memory_free((void *)section->pattern.data);
        section->pattern = bytes_of(memory_copy(value, text.size), text.size);
        return true;
    }
    return section->kind == POLICY_QUEUE
               ? queue_setting_put(&section->queue, (unsigned)key->setting, number, text)
               : put_topic(&section->topic, key->setting, number, text);
}

static const char *kind_name(enum policy_kind kind)
{
    return kind == POLICY_QUEUE ? "queue" : "topic";
}

static void section_finish(struct section *section)
{
    memory_free((void *)section->pattern.data);
    for (unsigned i = 0; i < POLICY_KEYS_MAX; i++)
        memory_free(section->entries[i].value);
}

void policies_finish(struct policies *policies)
{
    for (size_t i = 0; i < policies->sections_count; i++)
        section_finish(&policies->sections[i]);
    memory_free(policies->sections);
    memory_free(policies->queues);
    memory_free(policies->topics);
    *policies = (struct policies){0};
}

void policies_open(struct policies *policies, enum policy_kind kind, struct bytes pattern,
                   unsigned line)
{
    policies->sections = array_reserve(policies->sections, &policies->sections_capacity,
                                       policies->sections_count + 1, sizeof *policies->sections);
    policies->sections[policies->sections_count++] = (struct section){
        .kind = kind,
        .line = line,
        .pattern = bytes_of(memory_copy(pattern.data, pattern.size), pattern.size),
    };
}

static const struct policy_key *find_key(enum policy_kind kind, const char *name)
{
    for (size_t i = 0; i < sizeof policy_keys / sizeof *policy_keys; i++)
        if (policy_keys[i].kind == kind && strcmp(policy_keys[i].name, name) == 0)
            return &policy_keys[i];
    return NULL;
}

int policies_set(struct policies *policies, const char *name, const char *value, unsigned line,
                 char problem[POLICY_PROBLEM_SIZE])
{
    assert(policies->sections_count > 0);
    struct section *section = &policies->sections[policies->sections_count - 1];
    const struct policy_key *key = find_key(section->kind, name);
    struct section_entry *entry = section->entries;
    if (!key) {
        snprintf(problem, POLICY_PROBLEM_SIZE, "unknown key '%s' of a %s", name,
                 kind_name(section->kind));
        return -EINVAL;
    }
    while (entry->key && strcmp(entry->key, name) != 0)
        entry++;
    assert(entry < section->entries + POLICY_KEYS_MAX);
    if (entry->key) {
        snprintf(problem, POLICY_PROBLEM_SIZE, "%s is given in line %u already", name, entry->line);
        return -EINVAL;
    }
    *entry = (struct section_entry){key->name, memory_copy(value, strlen(value)), line};
    if (put(section, key, entry->value))
        return 0;
    snprintf(problem, POLICY_PROBLEM_SIZE, "%s takes %s, not '%s'", name, key->takes, value);
    return -EINVAL;
}

/* Sections of one pattern become neighbours, in the order of the file. */
static int compare_sections(const void *left, const void *right)
{
    const struct section *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int order = pattern_compare(a->pattern, b->pattern);
    if (order == 0)
        order = bytes_compare(a->pattern, b->pattern);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

void policies_sort(struct policies *policies)
{
    if (policies->sections_count > 0)
        qsort(policies->sections, policies->sections_count, sizeof *policies->sections,
              compare_sections);
}

int policies_check(const struct policies *policies, size_t index, char problem[POLICY_PROBLEM_SIZE])
{
    const struct section *section = &policies->sections[index];
    const struct section *before = index > 0 ? section - 1 : NULL;
    if (section->pattern.size > FRAME_NAME_MAX || !pattern_is_valid(section->pattern)) {
        snprintf(problem, POLICY_PROBLEM_SIZE,
                 "a pattern has 1 to %d bytes and at most %d levels, and '>' stands last in it",
                 FRAME_NAME_MAX, TOPIC_LEVELS_MAX);
        return -EINVAL;
    }
    if (!before || before->kind != section->kind || !bytes_equal(before->pattern, section->pattern))
        return 0;
    snprintf(problem, POLICY_PROBLEM_SIZE, "this %s pattern has a section in line %u already",
             kind_name(section->kind), before->line);
    return -EINVAL;
}

void policies_complete(struct policies *policies)
{
    size_t count = policies->sections_count;
    if (count == 0)
        return;
    policies->queues = memory_create(count * sizeof *policies->queues);
    policies->topics = memory_create(count * sizeof *policies->topics);
    for (size_t i = 0; i < count; i++) {
        const struct section *section = &policies->sections[i];
        if (section->kind == POLICY_QUEUE)
            policies->queues[policies->queues_count++] =
                (struct queue_policy){section->pattern, section->queue};
        else
            policies->topics[policies->topics_count++] =
                (struct topic_policy){section->pattern, section->topic};
    }
}

/* Whether some name matches both patterns. */
static bool overlap(struct bytes a, struct bytes b)
{
    struct tokens left = tokens_of(a), right = tokens_of(b);
    struct bytes from_left, from_right;
    while (tokens_next(&left, &from_left)) {
        if (!tokens_next(&right, &from_right))
            return false;
        if (token_is_rest(from_left) || token_is_rest(from_right))
            return true;
        if (!token_is_star(from_left) && !token_is_star(from_right) &&
            !bytes_equal(from_left, from_right))
            return false;
    }
    return right.is_over;
}

bool policies_is_behind(const struct section *section, const char *key, const struct section *other)
{
    if (other->kind != section->kind || compare_sections(other, section) <= 0 ||
        !overlap(section->pattern, other->pattern))
        return false;
    for (unsigned i = 0; i < POLICY_KEYS_MAX && other->entries[i].key; i++)
        if (strcmp(other->entries[i].key, key) == 0)
            return true;
    return false;
}

#include "server/policies.h"

#include "base/array.h"
#include "base/time.h"
#include "core/pattern.h"
#include "frame/frame.h"
#include "server/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const when_full_choices[] = {"refuse", "hold", "drop-oldest", NULL};

/* What a section may say. Each row sets one setting, and says so. */
struct policy_key {
    enum policy_kind kind;
    const char *name, *takes;
    int (*set)(struct section *section, const char *value);
};

static int read_number(enum unit_kind unit, const char *value, uint64_t min, uint64_t max,
                       uint64_t *number)
{
    if (units_read(unit, value, number) < 0 || *number < min || *number > max)
        return -EINVAL;
    return 0;
}

static int read_milliseconds(const char *value, uint64_t *ms)
{
    uint64_t ns;
    if (units_read(UNIT_DURATION, value, &ns) < 0)
        return -EINVAL;
    *ms = ns / NS_PER_MS;
    return 0;
}

static int read_choice(const char *const *choices, const char *value)
{
    for (int i = 0; choices[i]; i++)
        if (strcmp(choices[i], value) == 0)
            return i;
    return -EINVAL;
}

static int set_queue_count(struct section *section, const char *value)
{
    section->queue.given |= SETTING_COUNT_MAX;
    return read_number(UNIT_COUNT, value, 1, UINT64_MAX, &section->queue.count_max);
}

static int set_queue_size(struct section *section, const char *value)
{
    section->queue.given |= SETTING_SIZE_MAX;
    return read_number(UNIT_SIZE, value, 1, UINT64_MAX, &section->queue.size_max);
}

static int set_when_full(struct section *section, const char *value)
{
    int choice = read_choice(when_full_choices, value);
    section->queue.given |= SETTING_WHEN_FULL;
    section->queue.when_full = choice < 0 ? WHEN_FULL_REFUSE : (enum when_full)choice;
    return choice < 0 ? choice : 0;
}

static int set_ttl(struct section *section, const char *value)
{
    section->queue.given |= SETTING_TTL;
    return read_milliseconds(value, &section->queue.ttl_ms);
}

static int set_delivery_limit(struct section *section, const char *value)
{
    uint64_t limit = 0;
    int result = read_number(UNIT_COUNT, value, 0, DELIVERY_LIMIT_MAX, &limit);
    section->queue.given |= SETTING_DELIVERY_LIMIT;
    section->queue.delivery_limit = (uint32_t)limit;
    return result;
}

/* The bytes stay the section's. */
static int set_dead_letter(struct section *section, const char *value)
{
    section->queue.given |= SETTING_DEAD_LETTER;
    section->queue.dead_letter = bytes_text(value);
    return 0;
}

static int set_lease_max(struct section *section, const char *value)
{
    section->queue.given |= SETTING_LEASE_MAX;
    return read_milliseconds(value, &section->queue.lease_max_ms);
}

static int set_topic_count(struct section *section, const char *value)
{
    uint64_t count = 0;
    int result = read_number(UNIT_COUNT, value, 1, UINT32_MAX, &count);
    section->topic.count_max = (uint32_t)count;
    return result;
}

static int set_topic_size(struct section *section, const char *value)
{
    return read_number(UNIT_SIZE, value, 1, UINT64_MAX, &section->topic.size_max);
}

static int set_overflow(struct section *section, const char *value)
{
    section->topic.has_overflow = overflow_named(bytes_text(value), &section->topic.overflow);
    return section->topic.has_overflow ? 0 : -EINVAL;
}

/* For patterns that do not fit between brackets. */
static int set_pattern(struct section *section, const char *value)
{
    memory_free((void *)section->pattern.data);
    section->pattern = bytes_of(memory_copy(value, strlen(value)), strlen(value));
    return 0;
}

static const struct policy_key policy_keys[] = {
    {POLICY_QUEUE, "max-messages", "a COUNT of at least 1", set_queue_count},
    {POLICY_QUEUE, "max-bytes", "a SIZE of at least 1", set_queue_size},
    {POLICY_QUEUE, "when-full", "refuse, hold or drop-oldest", set_when_full},
    {POLICY_QUEUE, "ttl", "a DURATION such as 500ms or 2m, or 0", set_ttl},
    {POLICY_QUEUE, "delivery-limit", "a COUNT of 0 to 65535", set_delivery_limit},
    {POLICY_QUEUE, "dead-letter", "a queue's NAME, or nothing", set_dead_letter},
    {POLICY_QUEUE, "lease-max", "a DURATION such as 500ms or 2m, or 0", set_lease_max},
    {POLICY_QUEUE, "pattern", "a PATTERN", set_pattern},
    {POLICY_TOPIC, "max-messages", "a COUNT of 1 to 4294967295", set_topic_count},
    {POLICY_TOPIC, "max-bytes", "a SIZE of at least 1", set_topic_size},
    {POLICY_TOPIC, "overflow", "drop-oldest, drop-newest, keep-last or close", set_overflow},
    {POLICY_TOPIC, "pattern", "a PATTERN", set_pattern},
};

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
    if (key->set(section, entry->value) == 0)
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

/* Settings by name: the sections [queue PATTERN] and [topic PATTERN] of a configuration file. */
#ifndef RINGPOST_SERVER_POLICIES_H
#define RINGPOST_SERVER_POLICIES_H

#include "core/settings.h"

enum policy_kind { POLICY_QUEUE, POLICY_TOPIC };

enum {
    POLICY_KEYS_MAX = 9,
    POLICY_PROBLEM_SIZE = 512,
    POLICY_KEY_SIZE = 1200, /* room for `queue PATTERN KEY` */
};

/* A section as it stands in the file. */
struct section {
    enum policy_kind kind;
    unsigned line;
    struct bytes pattern; /* its own copy */
    struct section_entry {
        const char *key; /* NULL: not given */
        char *value;     /* its own copy, as written */
        unsigned line;
    } entries[POLICY_KEYS_MAX];
    union {
        struct queue_settings queue;
        struct topic_settings topic;
    };
};

/* Zeroed, there are none. */
struct policies {
    struct section *sections; /* once sorted: by kind, the most specific pattern last */
    size_t sections_count, sections_capacity;
    struct queue_policy
        *queues; /* once complete: as the engine takes them, borrowed from the sections */
    struct topic_policy *topics;
    size_t queues_count, topics_count;
};

void policies_finish(struct policies *policies);

/* Begins a section, to which policies_set adds. Its pattern is looked at when all is complete. */
void policies_open(struct policies *policies, enum policy_kind kind, struct bytes pattern,
                   unsigned line);

/* Gives a key of the last section a value. Returns 0, or -EINVAL with a sentence. */
int policies_set(struct policies *policies, const char *name, const char *value, unsigned line,
                 char problem[POLICY_PROBLEM_SIZE]);

/* Sorts the sections. */
void policies_sort(struct policies *policies);

/* Looks at a section after sorting. Returns 0, or -EINVAL with a sentence why it cannot stand. */
int policies_check(const struct policies *policies, size_t index,
                   char problem[POLICY_PROBLEM_SIZE]);

/* Makes policies of sections that are sorted and can stand. */
void policies_complete(struct policies *policies);

/* Whether for some of the names that `section` gives a key to, `other` gives it and goes before. */
bool policies_is_behind(const struct section *section, const char *key,
                        const struct section *other);

#endif

#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sim_arguments_parse(struct sim_arguments *arguments, int argc, char **argv)
{
    uint64_t seeds_default = arguments->seeds, ops_default = arguments->ops;
    const struct {
        const char *name;
        uint64_t *value;
    } numbers[] = {
        {"--seeds", &arguments->seeds},
        {"--ops", &arguments->ops},
        {"--first-seed", &arguments->first_seed},
    };
    for (int i = 1; i < argc; i++) {
        bool is_known = true;
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--trace") == 0) {
            arguments->is_trace = true;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            arguments->is_verbose = true;
        } else if (strcmp(argv[i], "--long") == 0) {
            arguments->seeds = arguments->long_seeds;
        } else if (strcmp(argv[i], "--seed") == 0) {
            arguments->first_seed = strtoull(value, NULL, 0);
            arguments->seeds = 1;
            i++;
        } else {
            is_known = false;
        }
        for (size_t at = 0; !is_known && at < sizeof numbers / sizeof *numbers; at++)
            if (strcmp(argv[i], numbers[at].name) == 0) {
                char *end;
                *numbers[at].value = strtoull(value, &end, 0);
                is_known = *value && !*end;
                i++;
                break;
            }
        if (!is_known) {
            fprintf(stderr, "%s: what is %s?\n", argv[0], argv[i < argc ? i : argc - 1]);
            return false;
        }
    }
    arguments->is_partial = arguments->seeds < seeds_default || arguments->ops < ops_default;
    return true;
}

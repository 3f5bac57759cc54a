/* What a simulation is told on its command line. */
#ifndef RINGPOST_TESTS_SIM_OPTIONS_H
#define RINGPOST_TESTS_SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct sim_arguments {
    uint64_t seeds, ops, first_seed, long_seeds;
    bool is_trace, is_verbose;
    bool is_partial; /* too little is run to demand that everything is reached */
};

/*
 * Reads --seeds N, --ops N, --first-seed S, --seed S (that one alone), --long, --trace and --verbose, over what the caller has set.
 * Returns false, with a message, for anything else.
 */
bool sim_arguments_parse(struct sim_arguments *arguments, int argc, char **argv);

#endif

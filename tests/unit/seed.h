/* The seed of a random test: printed, and taken from --seed. */
#ifndef RINGPOST_TESTS_UNIT_SEED_H
#define RINGPOST_TESTS_UNIT_SEED_H

#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* What `--seed N` says; else a new seed every time. */
static inline struct random seed_from(int argc, char **argv)
{
    struct random random = {0};
    if (argc == 3 && strcmp(argv[1], "--seed") == 0)
        random.state = strtoull(argv[2], NULL, 0);
    else if (getrandom(&random.state, 4, 0) != 4)
        abort();
    printf("--seed %llu\n", (unsigned long long)random.state);
    fflush(stdout);
    return random;
}

#endif

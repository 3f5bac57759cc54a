/* The commands, in one table: what runs, what is explained, and what shells complete. */
#ifndef RINGPOST_TOOLS_RINGPOST_COMMANDS_H
#define RINGPOST_TOOLS_RINGPOST_COMMANDS_H

#include "cli.h"

struct command {
    const char *name; /* one word, or two */
    const char *arguments;
    int count_min, count_max; /* of arguments */
    unsigned options;         /* set of enum option_set */
    command_run *run;
    const char *help;
};

/* The commands, one after another: NULL behind the last. `*place` begins at 0. */
const struct command *commands_next(size_t *place);

/* The command that the first words say, and how many of them it took; or NULL. */
const struct command *commands_find(const char *const *words, int count, int *taken);

/* The size of the word that groups commands, such as "queue"; 0 for one that stands alone. */
size_t command_group_size(const struct command *command);

/* Writes the second words of a group as a list in a sentence. Returns how many there are. */
int commands_write_group(char *to, size_t room, const char *group);

#endif

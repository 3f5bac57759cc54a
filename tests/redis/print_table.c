/* Prints the table of the Redis protocol's commands: a line each, its parts divided by tabs. */
#include "session/resp_table.h"

#include <stdio.h>

static void print_row(const char *group, const char *container, const struct row *row)
{
    printf("%s\t%s%s%s\t%s\t%s\n", group, container ? container : "", container ? " " : "",
           row->name, row->summary, row->differs ? row->differs : "");
    for (size_t i = 0; i < row->subcommands_count; i++)
        print_row(group, row->name, &row->subcommands[i]);
}

int main(void)
{
    for (size_t i = 0; i < resp_groups_count; i++)
        for (size_t at = 0; at < resp_groups[i]->rows_count; at++)
            print_row(resp_groups[i]->name, NULL, &resp_groups[i]->rows[at]);
    return 0;
}

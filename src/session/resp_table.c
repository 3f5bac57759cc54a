#include "session/resp_table.h"

#include "session/word.h"

const struct row_group *const resp_groups[] = {
    &connection_rows, &client_rows, &command_rows, &server_rows, &info_rows,        &config_rows,
    &key_rows,        &list_rows,   &value_rows,   &topic_rows,  &transaction_rows, &extra_rows,
};
const size_t resp_groups_count = sizeof resp_groups / sizeof *resp_groups;

static const struct row *find(const struct row *rows, size_t count, struct bytes name)
{
    for (size_t i = 0; i < count; i++)
        if (word_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

const struct row *resp_row(struct bytes name)
{
    const struct row *row = NULL;
    for (size_t i = 0; i < resp_groups_count && !row; i++)
        row = find(resp_groups[i]->rows, resp_groups[i]->rows_count, name);
    return row;
}

const struct row *resp_subcommand(const struct row *row, struct bytes name)
{
    return find(row->subcommands, row->subcommands_count, name);
}

bool row_takes(const struct row *row, uint32_t words_count)
{
    int64_t count = words_count;
    return row->arity < 0 ? count >= -row->arity : count == row->arity;
}

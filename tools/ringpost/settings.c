#include "cli.h"
#include "print.h"

#include <errno.h>
#include <string.h>

typedef const char *choice_word(uint64_t choice);

/* Finds the choice up to `last` that is called `text`; no text is the default, 0. */
static bool choice_parse(const char *text, choice_word *word, int last, int *choice)
{
    *choice = 0;
    for (int i = 1; text && i <= last; i++) {
        if (strcmp(text, word((uint64_t)i)) == 0)
            *choice = i;
    }
    return !text || *choice > 0;
}

typedef int configure_call(struct ringpost *handle, struct ringpost_bytes queue,
                           const struct ringpost_settings *settings, int timeout_ms);

static int configure(struct cli *cli, const char *what, configure_call *call)
{
    const struct options *options = &cli->options;
    struct ringpost_settings settings = {
        .size = sizeof settings,
        .max_messages = options->max_messages,
        .max_bytes = options->max_bytes,
        .ttl_ms = options->ttl_ms,
        .delivery_limit = options->delivery_limit,
        .lease_max_ms = options->lease_max_ms,
    };
    if (options->dead_letter)
        settings.dead_letter = ringpost_text(options->dead_letter);
    if (!choice_parse(options->when_full, when_full_word, RINGPOST_WHEN_FULL_DROP_OLDEST,
                      &settings.when_full))
        return cli_usage("--when-full is refuse, hold or drop-oldest, not %s", options->when_full);
    if (!choice_parse(options->pop_lease, pop_lease_word, RINGPOST_POP_LEASE_CONNECTION,
                      &settings.pop_lease))
        return cli_usage("--pop-lease is none or connection, not %s", options->pop_lease);
    int code = cli_open(cli, false);
    if (code)
        return code;
    return cli_done(cli, what, call(cli->handle, cli_name(cli, 0), &settings, options->timeout_ms));
}

int queue_declare_run(struct cli *cli)
{
    return configure(cli, "queue declare", ringpost_declare);
}

int queue_set_run(struct cli *cli)
{
    return configure(cli, "queue set", ringpost_set);
}

int queue_redrive_run(struct cli *cli)
{
    const struct options *options = &cli->options;
    struct ringpost_redrive_options redrive = {.size = sizeof redrive};
    uint64_t count;
    int has_more;
    if (options->count > UINT32_MAX)
        return cli_usage("--count %llu is too much", (unsigned long long)options->count);
    redrive.count = (uint32_t)options->count;
    if (options->to)
        redrive.to = ringpost_text(options->to);
    int code = cli_open(cli, false);
    if (code)
        return code;
    int error = ringpost_redrive(cli->handle, cli_name(cli, 0), &redrive, &count, &has_more,
                                 options->timeout_ms);
    if (error)
        return cli_fail(cli, "queue redrive", error);
    struct print print;
    print_begin(&print, options->is_json);
    print_number(&print, "redriven", count);
    print_flag(&print, "more", has_more);
    print_end(&print);
    return EX_OK;
}

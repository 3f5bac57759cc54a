#include "cli.h"
#include "print.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char *when_full_word(uint64_t when_full)
{
    switch (when_full) {
    case RINGPOST_WHEN_FULL_REFUSE: return "refuse";
    case RINGPOST_WHEN_FULL_HOLD: return "hold";
    default: return "unknown";
    }
}

static void print_info(const struct ringpost_info *info, bool is_json)
{
    struct print print;
    print_begin(&print, is_json);
    print_bytes(&print, "name", info->name);
    print_flag(&print, "declared", info->declared);
    print_flag(&print, "paused", info->paused);
    print_number(&print, "ready", info->ready);
    print_number(&print, "ready_bytes", info->ready_bytes);
    print_number(&print, "leased", info->leased);
    print_number(&print, "leased_bytes", info->leased_bytes);
    print_number(&print, "waiting", info->waiting);
    print_number(&print, "consumers", info->consumers);
    print_number(&print, "max_messages", info->max_messages);
    print_number(&print, "max_bytes", info->max_bytes);
    print_bytes(&print, "when_full", ringpost_text(when_full_word(info->when_full)));
    print_number(&print, "accepted", info->accepted);
    print_number(&print, "acknowledged", info->acknowledged);
    print_number(&print, "rejected", info->rejected);
    print_number(&print, "purged", info->purged);
    print_number(&print, "delivered", info->delivered);
    print_number(&print, "returned", info->returned);
    print_number(&print, "refused", info->refused);
    print_end(&print);
}

static void print_row(const struct ringpost_info *info)
{
    printf("%12" PRIu64 " %12" PRIu64 " %14" PRIu64 " %9" PRIu64 " %-8s ", info->ready,
           info->leased, info->ready_bytes + info->leased_bytes, info->consumers,
           info->paused     ? "paused"
           : info->declared ? "declared"
                            : "-");
    print_name(info->name);
    putchar('\n');
}

int queue_list_run(struct cli *cli)
{
    int code = cli_open(cli, false);
    if (code)
        return code;
    struct ringpost_cursor *cursor;
    int got = ringpost_list(cli->handle, &cursor);
    if (got < 0)
        return cli_fail(cli, "queue ls", got);
    if (!cli->options.is_json)
        printf("%12s %12s %14s %9s %-8s %s\n", "READY", "LEASED", "BYTES", "CONSUMERS", "STATE",
               "NAME");
    struct ringpost_info info = {.size = sizeof info};
    while ((got = ringpost_list_next(cursor, &info, cli->options.timeout_ms)) > 0) {
        if (cli->options.is_json)
            print_info(&info, true);
        else
            print_row(&info);
    }
    if (got < 0)
        code = cli_fail(cli, "queue ls", got);
    ringpost_cursor_close(cursor);
    return code;
}

int queue_info_run(struct cli *cli)
{
    int code = cli_open(cli, false);
    if (code)
        return code;
    struct ringpost_info info = {.size = sizeof info};
    int error = ringpost_info(cli->handle, cli_name(cli, 0), &info, cli->options.timeout_ms);
    if (error)
        return cli_fail(cli, "queue info", error);
    print_info(&info, cli->options.is_json);
    return EX_OK;
}

/* What a command that only does something says as JSON; for people, silence means that it is done. */
static int done(struct cli *cli, const char *what, int error)
{
    struct print print;
    if (error)
        return cli_fail(cli, what, error);
    if (!cli->options.is_json)
        return EX_OK;
    print_begin(&print, true);
    print_flag(&print, "done", true);
    print_end(&print);
    return EX_OK;
}

int queue_declare_run(struct cli *cli)
{
    const struct options *options = &cli->options;
    struct ringpost_settings settings = {
        .size = sizeof settings,
        .max_messages = options->max_messages,
        .max_bytes = options->max_bytes,
    };
    if (options->when_full && strcmp(options->when_full, "hold") == 0)
        settings.when_full = RINGPOST_WHEN_FULL_HOLD;
    else if (options->when_full && strcmp(options->when_full, "refuse") == 0)
        settings.when_full = RINGPOST_WHEN_FULL_REFUSE;
    else if (options->when_full)
        return cli_usage("--when-full is refuse or hold, not %s", options->when_full);
    int code = cli_open(cli, false);
    if (code)
        return code;
    return done(cli, "queue declare",
                ringpost_declare(cli->handle, cli_name(cli, 0), &settings, options->timeout_ms));
}

typedef int queue_call(struct ringpost *handle, struct ringpost_bytes queue, int timeout_ms);

static int call(struct cli *cli, const char *what, queue_call *ask)
{
    int code = cli_open(cli, false);
    if (code)
        return code;
    return done(cli, what, ask(cli->handle, cli_name(cli, 0), cli->options.timeout_ms));
}

int queue_delete_run(struct cli *cli)
{
    return call(cli, "queue delete", ringpost_delete);
}

int queue_pause_run(struct cli *cli)
{
    return call(cli, "queue pause", ringpost_pause);
}

int queue_resume_run(struct cli *cli)
{
    return call(cli, "queue resume", ringpost_resume);
}

int queue_purge_run(struct cli *cli)
{
    int code = cli_open(cli, false);
    if (code)
        return code;
    uint64_t count;
    int error = ringpost_purge(cli->handle, cli_name(cli, 0), &count, cli->options.timeout_ms);
    if (error)
        return cli_fail(cli, "queue purge", error);
    struct print print;
    print_begin(&print, cli->options.is_json);
    print_number(&print, "purged", count);
    print_end(&print);
    return EX_OK;
}

int peek_run(struct cli *cli)
{
    int code = cli_open(cli, false);
    if (code)
        return code;
    uint64_t wanted = cli->options.count ? cli->options.count : 1, shown = 0;
    struct ringpost_cursor *cursor;
    int got = ringpost_peek(cli->handle, cli_name(cli, 0),
                            wanted < UINT32_MAX ? (uint32_t)wanted : UINT32_MAX,
                            cli->options.is_back, &cursor, cli->options.timeout_ms);
    if (got == -ENOENT) /* as good as empty: a queue comes and goes with its messages */
        return EXIT_EMPTY;
    if (got < 0)
        return cli_fail(cli, "peek", got);
    struct ringpost_message message;
    for (; (got = ringpost_peek_next(cursor, &message)) > 0; shown++) {
        struct print print;
        if (!cli->options.is_json) {
            print_body(message.body);
            continue;
        }
        print_begin(&print, true);
        print_bytes(&print, "queue", cli_name(cli, 0));
        print_bytes(&print, "body", message.body);
        print_end(&print);
    }
    if (shown < wanted && ringpost_peek_has_more(cursor))
        fprintf(stderr, "ringpost: there are more than fit into one answer\n");
    ringpost_cursor_close(cursor);
    if (got < 0)
        return cli_fail(cli, "peek", got);
    return shown > 0 ? EX_OK : EXIT_EMPTY;
}

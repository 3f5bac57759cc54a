#include "cli.h"
#include "print.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>

const char *when_full_word(uint64_t when_full)
{
    switch (when_full) {
    case RINGPOST_WHEN_FULL_REFUSE: return "refuse";
    case RINGPOST_WHEN_FULL_HOLD: return "hold";
    case RINGPOST_WHEN_FULL_DROP_OLDEST: return "drop-oldest";
    default: return "unknown";
    }
}

const char *pop_lease_word(uint64_t pop_lease)
{
    switch (pop_lease) {
    case RINGPOST_POP_LEASE_NONE: return "none";
    case RINGPOST_POP_LEASE_CONNECTION: return "connection";
    default: return "unknown";
    }
}

enum { MS_PER_S = 1000, US_PER_S = 1000000 };

/* A setting of which 0 means that there is none. */
static void print_limit(struct print *print, const char *key, uint64_t limit, uint64_t parts)
{
    if (!print->is_json && limit == 0)
        print_text(print, key, "none");
    else if (parts > 0)
        print_period(print, key, limit, parts);
    else
        print_number(print, key, limit);
}

static void print_settings(struct print *print, const struct ringpost_info *info)
{
    print_number(print, "max_messages", info->max_messages);
    print_number(print, "max_bytes", info->max_bytes);
    print_text(print, "when_full", when_full_word(info->when_full));
    print_limit(print, "ttl", info->ttl_ms, MS_PER_S);
    print_limit(print, "delivery_limit", info->delivery_limit, 0);
    print_bytes(print, "dead_letter", info->dead_letter);
    print_limit(print, "lease_max", info->lease_max_ms, MS_PER_S);
    print_text(print, "pop_lease", pop_lease_word(info->pop_lease));
}

/* Everything that ever came, and what became of it. */
static void print_counters(struct print *print, const struct ringpost_info *info)
{
    print_number(print, "accepted", info->accepted);
    print_number(print, "acknowledged", info->acknowledged);
    print_number(print, "dead_lettered", info->dead_lettered);
    print_number(print, "discarded", info->discarded);
    print_number(print, "rejected", info->rejected);
    print_number(print, "expired", info->expired);
    print_number(print, "overflowed", info->overflowed);
    print_number(print, "exhausted", info->exhausted);
    print_number(print, "purged", info->purged);
    print_number(print, "delivered", info->delivered);
    print_number(print, "returned", info->returned);
    print_number(print, "refused", info->refused);
}

static void print_times(struct print *print, const struct ringpost_info *info)
{
    if (info->oldest_ready_ms != RINGPOST_NONE)
        print_period(print, "oldest_ready", info->oldest_ready_ms, MS_PER_S);
    if (info->oldest_leased_ms != RINGPOST_NONE)
        print_period(print, "oldest_leased", info->oldest_leased_ms, MS_PER_S);
    print_period(print, "waited_p50", info->waited_p50_us, US_PER_S);
    print_period(print, "waited_p99", info->waited_p99_us, US_PER_S);
    print_period(print, "waited_max", info->waited_max_us, US_PER_S);
    print_period(print, "worked_p50", info->worked_p50_us, US_PER_S);
    print_period(print, "worked_p99", info->worked_p99_us, US_PER_S);
    print_period(print, "worked_max", info->worked_max_us, US_PER_S);
}

static void print_info(const struct ringpost_info *info, bool is_json)
{
    struct print print;
    print_begin(&print, is_json);
    print_bytes(&print, "name", info->name);
    if (info->database > 0)
        print_number(&print, "database", info->database);
    print_flag(&print, "declared", info->declared);
    print_flag(&print, "paused", info->paused);
    print_number(&print, "ready", info->ready);
    print_number(&print, "ready_bytes", info->ready_bytes);
    print_number(&print, "leased", info->leased);
    print_number(&print, "leased_bytes", info->leased_bytes);
    print_number(&print, "delayed", info->delayed);
    print_number(&print, "delayed_bytes", info->delayed_bytes);
    print_number(&print, "waiting", info->waiting);
    print_number(&print, "consumers", info->consumers);
    print_settings(&print, info);
    print_counters(&print, info);
    print_times(&print, info);
    print_end(&print);
}

static void print_row(const struct ringpost_info *info)
{
    printf("%12" PRIu64 " %9" PRIu64 " %9" PRIu64 " %14" PRIu64 " %9" PRIu64 " %-8s ", info->ready,
           info->leased, info->delayed,
           info->ready_bytes + info->leased_bytes + info->delayed_bytes, info->consumers,
           info->paused     ? "paused"
           : info->declared ? "declared"
                            : "-");
    print_name(info->name);
    if (info->database > 0)
        printf(" (database %" PRIu64 ")", info->database);
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
        printf("%12s %9s %9s %14s %9s %-8s %s\n", "READY", "LEASED", "DELAYED", "BYTES",
               "CONSUMERS", "STATE", "NAME");
    struct ringpost_info info = {.size = sizeof info};
    while ((got = ringpost_list_next(cursor, &info, cli->options.timeout_ms)) > 0) {
        if (!text_is_like(info.name, cli->argument_count > 0 ? cli->arguments[0] : NULL))
            continue;
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

typedef int queue_call(struct ringpost *handle, struct ringpost_bytes queue, int timeout_ms);

static int call(struct cli *cli, const char *what, queue_call *ask)
{
    int code = cli_open(cli, false);
    if (code)
        return code;
    return cli_done(cli, what, ask(cli->handle, cli_name(cli, 0), cli->options.timeout_ms));
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
        print_headers(&print, message.headers);
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

#include "cli.h"
#include "print.h"
#include "text.h"

#include <inttypes.h>

/* What there is on the broker besides queues: connections, topics and settings. */

static const char *pattern_of(const struct cli *cli)
{
    return cli->argument_count > 0 ? cli->arguments[0] : NULL;
}

static void print_client(const struct ringpost_client *client, bool is_json)
{
    struct print print;
    if (!is_json) {
        printf("%10" PRIu64 " %9" PRIu64 " %13" PRIu64 " %7" PRIu64 " %7" PRIu64 " %8" PRIu64 " ",
               client->connection, client->consumers, client->subscriptions, client->leased,
               client->waiting, client->backlog);
        print_name(client->address);
        fputs("  ", stdout);
        print_name(client->client);
        putchar('\n');
        return;
    }
    print_begin(&print, true);
    print_number(&print, "connection", client->connection);
    print_bytes(&print, "client", client->client);
    print_bytes(&print, "address", client->address);
    print_number(&print, "consumers", client->consumers);
    print_number(&print, "subscriptions", client->subscriptions);
    print_number(&print, "leased", client->leased);
    print_number(&print, "unsent_bytes", client->unsent_bytes);
    print_number(&print, "backlog", client->backlog);
    print_number(&print, "waiting", client->waiting);
    print_end(&print);
}

int client_list_run(struct cli *cli)
{
    struct ringpost_cursor *cursor;
    struct ringpost_client client = {.size = sizeof client};
    int code = cli_open(cli, false);
    if (code)
        return code;
    int got = ringpost_clients(cli->handle, &cursor);
    if (got < 0)
        return cli_fail(cli, "client ls", got);
    if (!cli->options.is_json)
        printf("%10s %9s %13s %7s %7s %8s %s\n", "CONNECTION", "CONSUMERS", "SUBSCRIPTIONS",
               "LEASED", "WAITING", "BACKLOG", "ADDRESS  CLIENT");
    while ((got = ringpost_clients_next(cursor, &client, cli->options.timeout_ms)) > 0)
        print_client(&client, cli->options.is_json);
    ringpost_cursor_close(cursor);
    return got < 0 ? cli_fail(cli, "client ls", got) : EX_OK;
}

int client_kill_run(struct cli *cli)
{
    uint64_t id;
    if (!text_parse_number(cli->arguments[0], &id) || id > UINT32_MAX)
        return cli_usage("client kill needs the number of a connection, not %s", cli->arguments[0]);
    int code = cli_open(cli, false);
    if (code)
        return code;
    return cli_done(cli, "client kill",
                    ringpost_kill(cli->handle, (uint32_t)id, cli->options.timeout_ms));
}

static void print_topic(const struct ringpost_topic *topic, bool is_json)
{
    struct print print;
    if (!is_json) {
        printf("%13" PRIu64 " %9" PRIu64 " %5" PRIu64 " %14" PRIu64 " ", topic->subscriptions,
               topic->wildcards, topic->globs, topic->retained_bytes);
        print_name(topic->name);
        putchar('\n');
        return;
    }
    print_begin(&print, true);
    print_bytes(&print, "name", topic->name);
    print_number(&print, "subscriptions", topic->subscriptions);
    print_number(&print, "wildcards", topic->wildcards);
    print_number(&print, "globs", topic->globs);
    print_number(&print, "retained_bytes", topic->retained_bytes);
    print_end(&print);
}

int topic_list_run(struct cli *cli)
{
    struct ringpost_cursor *cursor;
    struct ringpost_topic topic = {.size = sizeof topic};
    int code = cli_open(cli, false);
    if (code)
        return code;
    int got = ringpost_topics(cli->handle, &cursor);
    if (got < 0)
        return cli_fail(cli, "topic ls", got);
    if (!cli->options.is_json)
        printf("%13s %9s %5s %14s %s\n", "SUBSCRIPTIONS", "WILDCARDS", "GLOBS", "RETAINED-BYTES",
               "NAME");
    while ((got = ringpost_topics_next(cursor, &topic, cli->options.timeout_ms)) > 0) {
        if (text_is_like(topic.name, pattern_of(cli)))
            print_topic(&topic, cli->options.is_json);
    }
    ringpost_cursor_close(cursor);
    return got < 0 ? cli_fail(cli, "topic ls", got) : EX_OK;
}

static void print_setting(const struct ringpost_setting *setting, bool is_json)
{
    struct print print;
    if (!is_json) {
        print_name(setting->key);
        fputs(" = ", stdout);
        print_name(setting->value);
        fputs("  (", stdout);
        print_name(setting->origin);
        puts(")");
        return;
    }
    print_begin(&print, true);
    print_bytes(&print, "key", setting->key);
    print_bytes(&print, "value", setting->value);
    print_bytes(&print, "origin", setting->origin);
    print_end(&print);
}

int config_show_run(struct cli *cli)
{
    struct ringpost_cursor *cursor;
    struct ringpost_setting setting = {.size = sizeof setting};
    int code = cli_open(cli, false);
    if (code)
        return code;
    int got = ringpost_config(cli->handle, &cursor);
    if (got < 0)
        return cli_fail(cli, "config show", got);
    while ((got = ringpost_config_next(cursor, &setting, cli->options.timeout_ms)) > 0) {
        if (text_is_like(setting.key, pattern_of(cli)))
            print_setting(&setting, cli->options.is_json);
    }
    ringpost_cursor_close(cursor);
    return got < 0 ? cli_fail(cli, "config show", got) : EX_OK;
}

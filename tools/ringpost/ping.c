#include "cli.h"
#include "print.h"

int ping_run(struct cli *cli)
{
    int code = cli_open(cli, false);
    if (code)
        return code;
    uint64_t count = cli->options.count ? cli->options.count : 1;
    struct ringpost_bytes server = ringpost_text(ringpost_server_name(cli->handle));
    for (uint64_t i = 0; i < count; i++) {
        uint64_t round_trip_ns;
        int error = ringpost_ping(cli->handle, &round_trip_ns, cli->options.timeout_ms);
        if (error)
            return cli_fail(cli, "ping", error);
        double ms = (double)round_trip_ns / 1e6;
        struct print print;
        if (cli->options.is_json) {
            print_begin(&print, true);
            print_bytes(&print, "server", server);
            print_real(&print, "round_trip_ms", ms);
            print_end(&print);
        } else {
            print_name(server);
            printf(" answered in %.3f ms\n", ms);
        }
        if (!print_flush())
            return EX_OK;
    }
    return EX_OK;
}

int stats_run(struct cli *cli)
{
    int code = cli_open(cli, false);
    if (code)
        return code;
    struct ringpost_cursor *cursor;
    int error = ringpost_stats(cli->handle, &cursor, cli->options.timeout_ms);
    if (error)
        return cli_fail(cli, "stats", error);
    struct print print;
    struct ringpost_figure figure;
    print_begin(&print, cli->options.is_json);
    while ((error = ringpost_stats_next(cursor, &figure)) > 0) {
        char key[65];
        size_t size = figure.key.size < sizeof key ? figure.key.size : sizeof key - 1;
        for (size_t i = 0; i < size; i++) {
            char byte = ((const char *)figure.key.data)[i];
            key[i] = byte == '-' ? '_' : byte >= '0' && byte <= 'z' ? byte : '?';
        }
        key[size] = 0;
        if (figure.text.data)
            print_bytes(&print, key, figure.text);
        else
            print_number(&print, key, figure.number);
    }
    print_end(&print);
    ringpost_cursor_close(cursor);
    return error ? cli_fail(cli, "stats", error) : EX_OK;
}

#include "cli.h"
#include "print.h"

#include <inttypes.h>
#include <string.h>

enum { BATCH = 256 };

struct sub {
    struct cli *cli;
    uint64_t taken;
    bool is_over; /* nobody reads the standard output any more */
};

static void print_topic(const struct sub *sub, const struct ringpost_message *message)
{
    const struct options *options = &sub->cli->options;
    struct print print;
    if (!options->is_json && options->is_wildcard) {
        print_name(message->name);
        putchar('\t');
    }
    if (!options->is_json) {
        print_body(message->body);
        return;
    }
    print_begin(&print, true);
    print_bytes(&print, "topic", message->name);
    print_headers(&print, message->headers);
    print_bytes(&print, "body", message->body);
    print_end(&print);
}

static void print_gap(const struct sub *sub, const struct ringpost_event *event)
{
    struct print print;
    if (!sub->cli->options.is_json) {
        fprintf(stderr, "ringpost: too slow: missed %" PRIu64 " messages, %" PRIu64 " bytes\n",
                event->count, event->bytes);
        return;
    }
    print_begin(&print, true);
    print_number(&print, "missed_from", event->first);
    print_number(&print, "missed_messages", event->count);
    print_number(&print, "missed_bytes", event->bytes);
    print_end(&print);
}

static int on_event(struct sub *sub, const struct ringpost_event *event,
                    const struct ringpost_message *messages)
{
    switch (event->kind) {
    case RINGPOST_TOPIC:
        for (uint32_t i = 0; i < event->count; i++)
            print_topic(sub, &messages[i]);
        sub->taken += event->count;
        break;
    case RINGPOST_GAP: print_gap(sub, event); break;
    case RINGPOST_ENDED:
    case RINGPOST_REFUSED: return cli_fail_event("sub", event);
    case RINGPOST_LOST: fputs("ringpost: connection lost; trying again\n", stderr); break;
    case RINGPOST_RECONNECTED:
        fputs("ringpost: connected again; what was published in between is missed\n", stderr);
        break;
    default: break;
    }
    sub->is_over = !print_flush();
    return 0;
}

static int loop(struct sub *sub)
{
    const struct options *options = &sub->cli->options;
    int wait_ms = options->wait_ms == WAIT_NONE ? WAIT_FOREVER : options->wait_ms;
    struct ringpost_message messages[BATCH];
    struct ringpost_event event;
    while (!sub->is_over && (options->count == 0 || sub->taken < options->count)) {
        uint64_t left = options->count ? options->count - sub->taken : BATCH;
        uint32_t capacity = left < BATCH ? (uint32_t)left : BATCH;
        int got = ringpost_next_batch(sub->cli->handle, &event, messages, capacity, wait_ms);
        if (got < 0)
            return cli_fail(sub->cli, "sub", got);
        if (got == 0)
            return sub->taken > 0 ? EX_OK : EX_TEMPFAIL;
        int code = on_event(sub, &event, messages);
        if (code)
            return code;
    }
    return EX_OK;
}

static bool overflow_parse(const char *text, int *overflow)
{
    static const char *const words[] = {
        [RINGPOST_OVERFLOW_DROP_OLDEST] = "drop-oldest",
        [RINGPOST_OVERFLOW_DROP_NEWEST] = "drop-newest",
        [RINGPOST_OVERFLOW_KEEP_LAST] = "keep-last",
        [RINGPOST_OVERFLOW_CLOSE] = "close",
    };
    *overflow = RINGPOST_OVERFLOW_DEFAULT;
    for (int i = RINGPOST_OVERFLOW_DROP_OLDEST; text && i <= RINGPOST_OVERFLOW_CLOSE; i++) {
        if (strcmp(text, words[i]) == 0)
            *overflow = i;
    }
    return !text || *overflow != RINGPOST_OVERFLOW_DEFAULT;
}

int sub_run(struct cli *cli)
{
    struct sub sub = {.cli = cli};
    struct ringpost_subscribe_options options = {
        .size = sizeof options,
        .wildcard = cli->options.is_wildcard,
        .max_bytes = cli->options.max_bytes,
        .no_retained = cli->options.is_fresh,
    };
    if (cli->options.max_messages > UINT32_MAX)
        return cli_usage("--max-messages is at most %u", UINT32_MAX);
    options.max_messages = (uint32_t)cli->options.max_messages;
    if (cli->options.group)
        options.group = ringpost_text(cli->options.group);
    if (!overflow_parse(cli->options.overflow, &options.overflow))
        return cli_usage("--overflow is drop-oldest, drop-newest, keep-last or close, not %s",
                         cli->options.overflow);
    int code = cli_open(cli, true);
    if (code)
        return code;
    uint32_t id;
    int error =
        ringpost_subscribe(cli->handle, cli_name(cli, 0), &options, &id, cli->options.timeout_ms);
    return error ? cli_fail(cli, "sub", error) : loop(&sub);
}

#include "cli.h"
#include "input.h"
#include "message.h"
#include "print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One run of push or pub. */
struct push {
    struct cli *cli;
    struct ringpost_bytes name;
    bool is_publish;
    struct message message; /* what is said besides the body */
    uint64_t count;         /* given to the library */
    uint64_t confirmed, refused;
};

static int send_message(struct push *push, struct ringpost_bytes body)
{
    struct ringpost *handle = push->cli->handle;
    int timeout_ms = push->cli->options.timeout_ms;
    int error = push->is_publish ? ringpost_publish_with(handle, push->name, body,
                                                         &push->message.options, NULL, timeout_ms)
                                 : ringpost_push_with(handle, push->name, body,
                                                      &push->message.options, NULL, timeout_ms);
    if (error)
        return cli_fail(push->cli, push->is_publish ? "publish" : "push", error);
    push->count++;
    return 0;
}

/* Waits until the broker has settled everything, and counts what it took and refused. */
static int settle(struct push *push)
{
    struct ringpost *handle = push->cli->handle;
    int error = ringpost_flush(handle, push->cli->options.timeout_ms);
    bool is_settled = error != -ETIMEDOUT;
    struct ringpost_event event;
    while (ringpost_next(handle, &event, 0) > 0) {
        if (event.kind == RINGPOST_REFUSED)
            push->refused += event.count;
        is_settled &= event.kind != RINGPOST_UNKNOWN;
    }
    if (is_settled)
        push->confirmed = push->count - push->refused;
    if (!error)
        return 0;
    char what[96];
    int size = snprintf(what, sizeof what, "%s", push->is_publish ? "publish" : "push");
    if (push->refused > 0 && push->count > 1)
        snprintf(what + size, sizeof what - (size_t)size,
                 ": %" PRIu64 " of %" PRIu64 " messages were not taken", push->refused,
                 push->count);
    return cli_fail(push->cli, what, error);
}

static int send_whole_input(struct push *push)
{
    struct input input = {0};
    int error = input_read_all(&input);
    int code = error ? cli_fail(push->cli, "standard input", error)
                     : send_message(push, ringpost_bytes(input.data, input.size));
    free(input.data);
    return code;
}

/* Sends the whole lines that were read, and keeps the rest. */
static int send_lines(struct push *push, struct input *input)
{
    char *at = input->data, *end = input->data + input->size, *line_end;
    int code = 0;
    while (code == 0 && (line_end = memchr(at, '\n', (size_t)(end - at)))) {
        code = send_message(push, ringpost_bytes(at, (size_t)(line_end - at)));
        at = line_end + 1;
    }
    input->size = (size_t)(end - at);
    memmove(input->data, at, input->size);
    return code;
}

/* Settles after each read, so that a slow writer's lines do not wait here, and the first refusal stops it. */
static int send_all_lines(struct push *push)
{
    struct input input = {0};
    int more, code = 0;
    while (code == 0 && (more = input_read(&input)) > 0) {
        code = send_lines(push, &input);
        if (code == 0)
            code = settle(push);
    }
    if (code == 0 && more < 0)
        code = cli_fail(push->cli, "standard input", more);
    if (code == 0 && input.size > 0)
        code = send_message(push, ringpost_bytes(input.data, input.size));
    free(input.data);
    return code;
}

static void print_counts(const struct push *push)
{
    struct print print;
    print_begin(&print, true);
    print_number(&print, push->is_publish ? "published" : "pushed", push->confirmed);
    print_number(&print, "refused", push->refused);
    print_number(&print, "unconfirmed", push->count - push->confirmed - push->refused);
    print_end(&print);
}

static int run(struct cli *cli, bool is_publish)
{
    struct push push = {.cli = cli, .name = cli_name(cli, 0), .is_publish = is_publish};
    if (cli->options.is_lines && cli->argument_count > 1)
        return cli_usage("--lines takes its messages from the standard input, not MESSAGE");
    int code = message_take(&push.message, &cli->options);
    if (code == 0)
        code = cli_open(cli, false);
    if (code)
        return code;
    if (cli->options.is_lines)
        code = send_all_lines(&push);
    else if (cli->argument_count > 1)
        code = send_message(&push, ringpost_text(cli->arguments[1]));
    else
        code = send_whole_input(&push);
    if (code == 0)
        code = settle(&push);
    else if (code == EX_DATAERR) /* no message for a broker, but those before it were */
        (void)settle(&push);
    if (cli->options.is_json)
        print_counts(&push);
    return code;
}

int push_run(struct cli *cli)
{
    return run(cli, false);
}

int pub_run(struct cli *cli)
{
    return run(cli, true);
}

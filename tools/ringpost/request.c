#include "cli.h"
#include "exec.h"
#include "input.h"
#include "message.h"
#include "print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An address on the command line: a topic, unless it says what it is. */
enum { ADDRESS_SIZE = 1024 + 8 };

static const char *const PREFIXES[] = {"topic:", "queue:", "inbox:"};

/* Returns the address in full, with its name behind the sixth character; or NULL: it is too long. */
static const char *address_take(char full[ADDRESS_SIZE], const char *given)
{
    bool is_full = false;
    for (size_t i = 0; i < sizeof PREFIXES / sizeof *PREFIXES; i++)
        is_full |= strncmp(given, PREFIXES[i], strlen(PREFIXES[i])) == 0;
    int size = snprintf(full, ADDRESS_SIZE, "%s%s", is_full ? "" : PREFIXES[0], given);
    return size < ADDRESS_SIZE ? full : NULL;
}

/* What a command's exit status is told as in an answer, when it is not 0. */
static const char EXIT_HEADER[] = "x-exit";

static int print_answer(struct cli *cli, const struct ringpost_message *answer)
{
    struct ringpost_header header;
    if (cli->options.is_json) {
        struct print print;
        print_begin(&print, true);
        print_headers(&print, answer->headers);
        print_bytes(&print, "body", answer->body);
        print_end(&print);
    } else {
        print_body(answer->body);
    }
    if (ringpost_header(answer->headers, EXIT_HEADER, &header) != 1 || header.number == 0)
        return EX_OK;
    fprintf(stderr, "ringpost: request: the command that answered ended with %llu\n",
            (unsigned long long)header.number);
    return EX_TEMPFAIL;
}

static int ask(struct cli *cli, const char *address, struct ringpost_bytes body,
               const struct message *message)
{
    struct ringpost_message answer;
    int error = ringpost_request(cli->handle, ringpost_text(address), body, &message->options,
                                 &answer, cli->options.timeout_ms);
    return error ? cli_fail(cli, "request", error) : print_answer(cli, &answer);
}

int request_run(struct cli *cli)
{
    char full[ADDRESS_SIZE];
    struct message message;
    struct input input = {0};
    const char *address = address_take(full, cli->arguments[0]);
    if (!address)
        return cli_usage("this address is too long");
    int code = message_take(&message, &cli->options);
    if (code == 0)
        code = cli_open(cli, false);
    if (code)
        return code;
    int error = cli->argument_count > 1 ? 0 : input_read_all(&input);
    struct ringpost_bytes body = cli->argument_count > 1 ? ringpost_text(cli->arguments[1])
                                                         : ringpost_bytes(input.data, input.size);
    code = error ? cli_fail(cli, "standard input", error) : ask(cli, address, body, &message);
    free(input.data);
    return code;
}

struct reply {
    struct cli *cli;
    const char *address;
    uint64_t taken;
    bool has_failed; /* a command */
};

static bool is_queue(const struct reply *reply)
{
    return reply->address[0] == 'q';
}

/* Sends the answer, if somebody wants one. */
static int answer(struct reply *reply, const struct ringpost_event *event,
                  const struct output *output, int status)
{
    struct ringpost_header failure = {.key = ringpost_text(EXIT_HEADER),
                                      .number = (uint64_t)status};
    struct ringpost_message_options options = {
        .size = sizeof options, .headers = &failure, .header_count = status != 0};
    int error = ringpost_reply(reply->cli->handle, event->headers,
                               ringpost_bytes(output->data, output->size), &options, NULL,
                               reply->cli->options.timeout_ms);
    /* An address that cannot be is the asker's mistake. */
    return error == -EDESTADDRREQ || error == -EINVAL ? 0 : error;
}

/* A command that failed is told to whoever asked; but a job is tried again. */
static int finish(struct reply *reply, const struct ringpost_event *event,
                  const struct output *output, int status)
{
    if (status != 0)
        fprintf(stderr, "ringpost: reply: the command ended with %d\n", status);
    reply->has_failed |= status != 0;
    if (is_queue(reply) && status != 0)
        return ringpost_return(reply->cli->handle, &event->tags);
    int error = answer(reply, event, output, status);
    if (!error && is_queue(reply))
        error = ringpost_ack(reply->cli->handle, &event->tags);
    return error;
}

static int take(struct reply *reply, const struct ringpost_event *event)
{
    struct output output = {0};
    char name[ADDRESS_SIZE], deliveries[16];
    snprintf(name, sizeof name, "%.*s", (int)event->name.size, (const char *)event->name.data);
    snprintf(deliveries, sizeof deliveries, "%u", event->deliveries);
    if (setenv(is_queue(reply) ? "RINGPOST_QUEUE" : "RINGPOST_TOPIC", name, 1) < 0 ||
        setenv("RINGPOST_DELIVERIES", deliveries, 1) < 0)
        return EX_OSERR;
    int status = exec_run(reply->cli->options.exec, event->body, &output);
    int error = status < 0 ? 0 : finish(reply, event, &output, status);
    free(output.data);
    reply->taken++;
    if (status >= 0)
        return error ? cli_fail(reply->cli, "reply", error) : 0;
    fprintf(stderr, "ringpost: cannot run a command: %s\n", strerror(-status));
    return EX_OSERR;
}

static int on_event(struct reply *reply, const struct ringpost_event *event)
{
    switch (event->kind) {
    case RINGPOST_MESSAGE:
    case RINGPOST_TOPIC: return take(reply, event);
    case RINGPOST_ENDED: return cli_fail_event("reply", event);
    case RINGPOST_REFUSED: /* an answer that nobody takes any more */
        (void)cli_fail_event("reply", event);
        return 0;
    case RINGPOST_LOST: fputs("ringpost: connection lost; trying again\n", stderr); return 0;
    default: return 0;
    }
}

static int loop(struct reply *reply)
{
    const struct options *options = &reply->cli->options;
    int wait_ms = options->wait_ms == WAIT_NONE ? WAIT_FOREVER : options->wait_ms;
    struct ringpost_event event;
    while (options->count == 0 || reply->taken < options->count) {
        int got = ringpost_next(reply->cli->handle, &event, wait_ms);
        if (got < 0)
            return cli_fail(reply->cli, "reply", got);
        if (got == 0)
            return reply->taken > 0 ? EX_OK : EX_TEMPFAIL;
        int code = on_event(reply, &event);
        if (code)
            return code;
    }
    int error = ringpost_flush(reply->cli->handle, options->timeout_ms);
    if (error)
        return cli_fail(reply->cli, "reply", error);
    return reply->has_failed ? EX_TEMPFAIL : EX_OK;
}

/* One at a time: while a command runs, the next request is for another who answers. */
static int listen(struct reply *reply)
{
    const struct options *options = &reply->cli->options;
    struct ringpost_bytes name = ringpost_text(strchr(reply->address, ':') + 1);
    struct ringpost_consume_options consume = {.size = sizeof consume, .messages = 1};
    struct ringpost_subscribe_options subscribe = {.size = sizeof subscribe};
    uint32_t id;
    if (options->group)
        subscribe.group = ringpost_text(options->group);
    return is_queue(reply)
               ? ringpost_consume(reply->cli->handle, name, &consume, &id, options->timeout_ms)
               : ringpost_subscribe(reply->cli->handle, name, &subscribe, &id, options->timeout_ms);
}

int reply_run(struct cli *cli)
{
    char full[ADDRESS_SIZE];
    struct reply reply = {.cli = cli, .address = address_take(full, cli->arguments[0])};
    if (!cli->options.exec)
        return cli_usage("reply needs --exec COMMAND");
    if (!reply.address || reply.address[0] == 'i')
        return cli_usage("reply needs a topic, or queue:NAME, not %s", cli->arguments[0]);
    int code = cli_open(cli, true);
    if (code)
        return code;
    int error = listen(&reply);
    return error ? cli_fail(cli, "reply", error) : loop(&reply);
}

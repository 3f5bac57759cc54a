#include "cli.h"
#include "exec.h"
#include "print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Credit is given for exactly the messages that are wanted, so that no other message is leased and
 * returned. Without --wait, a PING tells that nothing more is there: ready messages come before its
 * answer.
 */
enum {
    ROUND_MESSAGES = 256,          /* credit at a time */
    ROUND_BYTES = 8 * 1024 * 1024, /* a larger message comes alone */
};

enum ack { ACK_AUTO, ACK_MANUAL, ACK_NONE };

struct pop {
    struct cli *cli;
    enum ack ack;
    uint32_t id;
    uint32_t round;  /* the most credit at a time */
    uint64_t given;  /* credit that is out */
    uint64_t wanted; /* messages still to take */
    uint64_t taken;
    bool is_over;    /* the standard input, or output, has ended */
    bool has_failed; /* a command did not take its message */
};

typedef int settle_call(struct ringpost *handle, const struct ringpost_tags *tags);

static bool ack_parse(const char *text, enum ack *ack)
{
    static const char *const words[] = {"auto", "manual", "none"};
    *ack = ACK_AUTO;
    for (int i = 0; text && i < 3; i++) {
        if (strcmp(text, words[i]) != 0)
            continue;
        *ack = (enum ack)i;
        return true;
    }
    return text == NULL;
}

/* What a person or program says about the message it was shown; its end says return. */
static settle_call *ask(struct pop *pop)
{
    static const struct {
        const char *word;
        settle_call *call;
    } answers[] = {
        {"ack", ringpost_ack},
        {"return", ringpost_return},
        {"reject", ringpost_reject},
    };
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
            if (strcmp(line, answers[i].word) == 0)
                return answers[i].call;
        }
        fputs("ringpost: answer with a line 'ack', 'return' or 'reject'\n", stderr);
    }
    pop->is_over = true;
    return ringpost_return;
}

static void print_message(const struct pop *pop, const struct ringpost_event *event,
                          const struct ringpost_message *message, uint64_t tag)
{
    struct print print;
    if (!pop->cli->options.is_json) {
        print_body(message->body);
        return;
    }
    print_begin(&print, true);
    print_bytes(&print, "queue", cli_name(pop->cli, 0));
    print_number(&print, "deliveries", event->deliveries);
    if (pop->ack == ACK_MANUAL)
        print_number(&print, "tag", tag);
    print_headers(&print, message->headers);
    print_bytes(&print, "body", message->body);
    print_end(&print);
}

static void print_end_of_command(const struct pop *pop, const struct ringpost_event *event,
                                 int status)
{
    struct print print;
    if (status != 0)
        fprintf(stderr, "ringpost: pop: the command ended with %d; its message went back\n",
                status);
    if (!pop->cli->options.is_json)
        return;
    print_begin(&print, true);
    print_bytes(&print, "queue", cli_name(pop->cli, 0));
    print_number(&print, "deliveries", event->deliveries);
    print_number(&print, "exit", (uint64_t)status);
    print_end(&print);
    (void)print_flush();
}

/* Runs the command for a message. Returns how it ended, or -errno when it could not be run. */
static int execute(struct pop *pop, const struct ringpost_event *event)
{
    char deliveries[16];
    snprintf(deliveries, sizeof deliveries, "%u", event->deliveries);
    if (setenv("RINGPOST_QUEUE", pop->cli->arguments[0], 1) < 0 ||
        setenv("RINGPOST_DELIVERIES", deliveries, 1) < 0)
        return -errno;
    int status = exec_run(pop->cli->options.exec, event->body, NULL);
    if (status >= 0)
        print_end_of_command(pop, event, status);
    pop->has_failed |= status != 0;
    return status;
}

/* Shows messages of the broker and settles them. Returns 0, or what to exit with. */
static int take(struct pop *pop, const struct ringpost_event *event,
                const struct ringpost_message *messages)
{
    settle_call *settle = ringpost_ack;
    if (pop->cli->options.exec) {
        int status = execute(pop, event);
        if (status < 0) {
            fprintf(stderr, "ringpost: cannot run a command: %s\n", strerror(-status));
            return EX_OSERR;
        }
        settle = status == 0 ? ringpost_ack : ringpost_return;
    } else {
        for (uint32_t i = 0; i < event->count; i++)
            print_message(pop, event, &messages[i], event->tags.first + i);
        if (!print_flush()) {
            pop->is_over = true;
            return 0;
        }
        if (pop->ack == ACK_MANUAL)
            settle = ask(pop);
    }
    int error = pop->ack == ACK_NONE ? 0 : settle(pop->cli->handle, &event->tags);
    pop->taken += event->count;
    pop->wanted -= event->count < pop->wanted ? event->count : pop->wanted;
    pop->given -= event->count < pop->given ? event->count : pop->given;
    uint64_t more = pop->wanted < pop->round ? pop->wanted : pop->round;
    more = more > pop->given ? more - pop->given : 0;
    pop->given += more;
    if (!error)
        error = ringpost_credit(pop->cli->handle, pop->id, (uint32_t)more, event->bytes);
    return error ? cli_fail(pop->cli, "pop", error) : 0;
}

static int on_event(struct pop *pop, const struct ringpost_event *event,
                    const struct ringpost_message *messages)
{
    switch (event->kind) {
    case RINGPOST_MESSAGE: return take(pop, event, messages);
    case RINGPOST_ENDED: return cli_fail_event("pop", event);
    case RINGPOST_REFUSED:
        if (event->status != RINGPOST_STATUS_NOT_LEASED)
            return cli_fail_event("pop", event);
        pop->has_failed = true; /* too late, as RINGPOST_LEASES_LOST said */
        return 0;
    case RINGPOST_LOST:
        if (pop->cli->options.wait_ms == WAIT_NONE && !pop->cli->options.is_follow)
            return cli_fail(pop->cli, "connection", event->error);
        fputs("ringpost: connection lost; trying again\n", stderr);
        return 0;
    case RINGPOST_LEASES_LOST:
        fputs("ringpost: the lease took too long; its message went back\n", stderr);
        return 0;
    case RINGPOST_RECONNECTED: pop->given = pop->round; return 0;
    default: return 0;
    }
}

/* Takes what comes within `timeout_ms` of each other. Returns 0 at its end, or what to exit with. */
static int take_all(struct pop *pop, int timeout_ms)
{
    struct ringpost_message messages[ROUND_MESSAGES];
    struct ringpost_event event;
    while (pop->wanted > 0 && !pop->is_over) {
        uint32_t capacity = pop->wanted < pop->round ? (uint32_t)pop->wanted : pop->round;
        int got = ringpost_next_batch(pop->cli->handle, &event, messages, capacity, timeout_ms);
        if (got < 0)
            return cli_fail(pop->cli, "pop", got);
        if (got == 0)
            return 0;
        int code = on_event(pop, &event, messages);
        if (code)
            return code;
    }
    return 0;
}

/* Takes what is there. Credit must have reached the broker before the PING is sent. */
static int take_ready(struct pop *pop)
{
    struct ringpost *handle = pop->cli->handle;
    int timeout_ms = pop->cli->options.timeout_ms;
    uint64_t before;
    do {
        before = pop->taken;
        int error = ringpost_flush(handle, timeout_ms);
        if (!error)
            error = ringpost_ping(handle, NULL, timeout_ms);
        if (error)
            return cli_fail(pop->cli, "pop", error);
        int code = take_all(pop, 0);
        if (code)
            return code;
    } while (pop->taken > before && pop->wanted > 0 && !pop->is_over);
    return 0;
}

static int start(struct pop *pop)
{
    const struct options *options = &pop->cli->options;
    bool is_slow = options->exec || pop->ack == ACK_MANUAL;
    pop->wanted = options->count ? options->count : options->is_follow ? UINT64_MAX : 1;
    pop->round = is_slow ? 1 : ROUND_MESSAGES;
    if (pop->wanted < pop->round)
        pop->round = (uint32_t)pop->wanted;
    pop->given = pop->round;
    struct ringpost_consume_options consume = {
        .size = sizeof consume,
        .messages = pop->round,
        .bytes = ROUND_BYTES,
        .back = options->is_back,
        .no_ack = pop->ack == ACK_NONE,
        .manual = 1,
    };
    int error = ringpost_consume(pop->cli->handle, cli_name(pop->cli, 0), &consume, &pop->id,
                                 options->timeout_ms);
    return error ? cli_fail(pop->cli, "pop", error) : 0;
}

int pop_run(struct cli *cli)
{
    struct pop pop = {.cli = cli};
    const struct options *options = &cli->options;
    if (!ack_parse(options->ack, &pop.ack))
        return cli_usage("--ack is auto, manual or none, not %s", options->ack);
    if (options->exec && options->ack)
        return cli_usage("--exec settles by the command's exit: leave --ack away");
    if (options->is_follow && options->count)
        return cli_usage("--follow has no end: leave --count away");
    bool is_waiting = options->is_follow || options->wait_ms != WAIT_NONE;
    int wait_ms = options->wait_ms == WAIT_NONE ? WAIT_FOREVER : options->wait_ms;
    int code = cli_open(cli, is_waiting);
    if (code == 0)
        code = start(&pop);
    if (code == 0)
        code = is_waiting ? take_all(&pop, wait_ms) : take_ready(&pop);
    if (code)
        return code;
    int error = ringpost_flush(cli->handle, options->timeout_ms);
    if (error)
        return cli_fail(cli, "acknowledge", error);
    /* Credit may be left, for which nothing should come while the connection ends. */
    error = ringpost_cancel(cli->handle, pop.id, options->timeout_ms);
    if (error)
        return cli_fail(cli, "pop", error);
    if (pop.taken == 0 && !pop.is_over)
        return is_waiting ? EX_TEMPFAIL : EXIT_EMPTY;
    return pop.has_failed ? EX_TEMPFAIL : EX_OK;
}

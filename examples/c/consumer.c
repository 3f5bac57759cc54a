/*
 * Takes messages out of a queue and prints them, until COUNT are done: consumer [QUEUE [COUNT]]
 *
 *     cc consumer.c $(pkg-config --cflags --libs ringpost) -o consumer
 *
 * The broker is $RINGPOST_SERVER, or else 127.0.0.1:7464.
 */
#include <ringpost.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 10000, FOREVER_MS = -1 };

static int fail(const char *what, int error)
{
    fprintf(stderr, "consumer: %s: %s\n", what, strerror(-error));
    return EXIT_FAILURE;
}

/* Prints a message and acknowledges it: until then it is ours, and comes to another if we die. */
static int handle(struct ringpost *broker, const struct ringpost_event *event)
{
    printf("%.*s\n", (int)event->body.size, (const char *)event->body.data);
    fflush(stdout);
    return ringpost_ack(broker, &event->tags);
}

/* Takes `wanted` messages. A lost connection is made anew, and its messages come again. */
static int take(struct ringpost *broker, unsigned long wanted)
{
    struct ringpost_event event;
    while (wanted > 0) {
        int got = ringpost_next(broker, &event, FOREVER_MS);
        if (got < 0)
            return got;
        if (event.kind == RINGPOST_ENDED)
            return event.error;
        if (event.kind != RINGPOST_MESSAGE)
            continue;
        int error = handle(broker, &event);
        if (error)
            return error;
        wanted--;
    }
    return ringpost_flush(broker, TIMEOUT_MS);
}

int main(int count, char **arguments)
{
    const char *queue = count > 1 ? arguments[1] : "orders";
    unsigned long wanted = count > 2 ? strtoul(arguments[2], NULL, 10) : 10;
    struct ringpost *broker;
    int error = ringpost_open(&broker, NULL, TIMEOUT_MS);
    if (error)
        return fail("connect", error);
    uint32_t consumer;
    error = ringpost_consume(broker, ringpost_text(queue), NULL, &consumer, TIMEOUT_MS);
    if (!error)
        error = take(broker, wanted);
    ringpost_close(broker);
    return error ? fail("consume", error) : EXIT_SUCCESS;
}

/*
 * Pushes numbered messages into a queue: producer [QUEUE [COUNT]]
 *
 *     cc producer.c $(pkg-config --cflags --libs ringpost) -o producer
 *
 * The broker is $RINGPOST_SERVER, or else 127.0.0.1:7464.
 */
#include <ringpost.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 10000 };

static int fail(const char *what, int error)
{
    fprintf(stderr, "producer: %s: %s\n", what, strerror(-error));
    return EXIT_FAILURE;
}

/* Pushes without waiting for the message before; waits at the end until all are settled. */
static int push_all(struct ringpost *broker, struct ringpost_bytes queue, unsigned long count)
{
    char text[64];
    for (unsigned long i = 0; i < count; i++) {
        int size = snprintf(text, sizeof text, "message %lu", i);
        struct ringpost_bytes body = ringpost_bytes(text, (size_t)size);
        int error = ringpost_push(broker, queue, body, NULL, TIMEOUT_MS);
        if (error)
            return error;
    }
    return ringpost_flush(broker, TIMEOUT_MS);
}

/* Which messages did not arrive; their numbers begin with 1. */
static void print_failures(struct ringpost *broker)
{
    struct ringpost_event event;
    while (ringpost_next(broker, &event, 0) > 0) {
        const char *what = event.kind == RINGPOST_REFUSED   ? "refused"
                           : event.kind == RINGPOST_UNKNOWN ? "perhaps not done"
                                                            : NULL;
        if (what)
            fprintf(stderr, "producer: %s: %llu messages from number %llu on\n", what,
                    (unsigned long long)event.count, (unsigned long long)event.first);
    }
}

int main(int count, char **arguments)
{
    const char *queue = count > 1 ? arguments[1] : "orders";
    unsigned long messages = count > 2 ? strtoul(arguments[2], NULL, 10) : 10;
    struct ringpost *broker;
    int error = ringpost_open(&broker, NULL, TIMEOUT_MS);
    if (error)
        return fail("connect", error);
    error = push_all(broker, ringpost_text(queue), messages);
    if (error)
        print_failures(broker);
    ringpost_close(broker);
    if (error)
        return fail("push", error);
    printf("%lu messages are in %s\n", messages, queue);
    return EXIT_SUCCESS;
}

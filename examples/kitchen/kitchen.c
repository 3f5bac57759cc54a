/*
 * A kitchen: cooks put dishes on a counter that has room for ten, eaters take them, and everyone
 * waits for everyone. The counter is a queue that holds its producers while it is full.
 *
 *     cc kitchen.c $(pkg-config --cflags --libs ringpost) -o kitchen
 *
 *     kitchen                    three cooks with twenty dishes each, and two eaters
 *     kitchen cook NAME DISHES   one cook
 *     kitchen eat NAME           one eater, until the kitchen closes
 *     kitchen close EATERS       tells so many eaters to go home when everything is eaten
 *
 * kitchen.py is the same in Python, and both can work at one counter. The broker is
 * $RINGPOST_SERVER, or else 127.0.0.1:7464.
 */
#include <ringpost.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 10, COOKS = 3, DISHES = 20, EATERS = 2, TIMEOUT_MS = 10000, FOREVER_MS = -1 };

static const char COUNTER[] = "counter";

static int fail(const char *who, int error)
{
    fprintf(stderr, "kitchen: %s: %s\n", who, strerror(-error));
    return EXIT_FAILURE;
}

/* Comes in. Whoever is first puts up the counter. */
static int enter(struct ringpost **broker)
{
    struct ringpost_settings settings = {
        .size = sizeof settings,
        .max_messages = ROOM,
        .when_full = RINGPOST_WHEN_FULL_HOLD,
    };
    int error = ringpost_open(broker, NULL, TIMEOUT_MS);
    return error ? error : ringpost_declare(*broker, ringpost_text(COUNTER), &settings, TIMEOUT_MS);
}

/* Returns once it stands on the counter. While that is full, this waits. */
static int serve(struct ringpost *broker, struct ringpost_bytes dish)
{
    int error = ringpost_push(broker, ringpost_text(COUNTER), dish, NULL, FOREVER_MS);
    return error ? error : ringpost_flush(broker, FOREVER_MS);
}

static int cook(const char *name, unsigned long dishes)
{
    struct ringpost *broker;
    int error = enter(&broker);
    for (unsigned long i = 1; i <= dishes && !error; i++) {
        char dish[128];
        int size = snprintf(dish, sizeof dish, "dish %lu of %.64s", i, name);
        error = serve(broker, ringpost_bytes(dish, (size_t)size));
        if (!error)
            printf("%s serves dish %lu\n", name, i);
    }
    ringpost_close(broker);
    return error;
}

/* An empty plate says that the kitchen is closed. */
static int close_kitchen(unsigned long eaters)
{
    struct ringpost *broker;
    int error = enter(&broker);
    for (unsigned long i = 0; i < eaters && !error; i++)
        error = serve(broker, ringpost_text(""));
    ringpost_close(broker);
    return error;
}

/* Takes one dish at a time. Until it is acknowledged it still stands on the counter, as a lease. */
static int eat(const char *name)
{
    struct ringpost_consume_options options = {.size = sizeof options, .messages = 1};
    struct ringpost *broker;
    uint32_t consumer;
    int error = enter(&broker);
    if (!error)
        error = ringpost_consume(broker, ringpost_text(COUNTER), &options, &consumer, TIMEOUT_MS);
    for (int is_open = 1; is_open && !error;) {
        struct ringpost_event event;
        int got = ringpost_next(broker, &event, FOREVER_MS);
        if (got < 0 || event.kind == RINGPOST_ENDED)
            error = got < 0 ? got : event.error;
        if (error || event.kind != RINGPOST_MESSAGE)
            continue;
        is_open = event.body.size > 0;
        if (is_open)
            printf("%s eats %.*s\n", name, (int)event.body.size, (const char *)event.body.data);
        error = ringpost_ack(broker, &event.tags);
    }
    /* What is acknowledged makes room in our hands, and nothing more should come into them. */
    if (!error)
        error = ringpost_cancel(broker, consumer, TIMEOUT_MS);
    ringpost_close(broker);
    return error;
}

/* Somebody in the whole kitchen: a cook, or with no dishes to cook an eater. */
struct person {
    const char *name;
    unsigned long dishes;
    int error;
    pthread_t thread;
};

static void *work(void *argument)
{
    struct person *person = argument;
    person->error = person->dishes ? cook(person->name, person->dishes) : eat(person->name);
    return NULL;
}

static int await(struct person *person)
{
    pthread_join(person->thread, NULL);
    return person->error ? fail(person->name, person->error) : EXIT_SUCCESS;
}

static int whole_kitchen(void)
{
    struct person people[COOKS + EATERS] = {
        {.name = "anna", .dishes = DISHES},
        {.name = "bob", .dishes = DISHES},
        {.name = "cleo", .dishes = DISHES},
        {.name = "dave"},
        {.name = "eve"},
    };
    int code = EXIT_SUCCESS;
    for (int i = 0; i < COOKS + EATERS; i++) {
        if (pthread_create(&people[i].thread, NULL, work, &people[i]) != 0)
            abort();
    }
    for (int i = 0; i < COOKS; i++)
        code |= await(&people[i]);
    int error = close_kitchen(EATERS);
    if (error)
        return fail("close", error);
    for (int i = COOKS; i < COOKS + EATERS; i++)
        code |= await(&people[i]);
    return code;
}

static int usage(void)
{
    fputs("usage: kitchen [cook NAME DISHES | eat NAME | close EATERS]\n", stderr);
    return EXIT_FAILURE;
}

int main(int count, char **words)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    int error;
    if (count == 1)
        return whole_kitchen();
    if (count == 4 && strcmp(words[1], "cook") == 0)
        error = cook(words[2], strtoul(words[3], NULL, 10));
    else if (count == 3 && strcmp(words[1], "eat") == 0)
        error = eat(words[2]);
    else if (count == 3 && strcmp(words[1], "close") == 0)
        error = close_kitchen(strtoul(words[2], NULL, 10));
    else
        return usage();
    return error ? fail(words[1], error) : EXIT_SUCCESS;
}

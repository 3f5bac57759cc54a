/*
 * What a million subscriptions cost: bytes of each, the time of a match, and that of one beside others
 * that come and go. tests/speed/topics [--assert]: with it, a figure that misses its mark is a failure.
 *
 * A thousand tenants have a thousand devices each; every device's name has one subscriber, spread over a
 * thousand connections. Two connections more listen to each tenant by two patterns, and one to everything,
 * so that a message goes to four.
 */
#include "base/array.h"
#include "base/random.h"
#include "core/engine_state.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    TENANTS = 1000,
    DEVICES = 1000, /* of each tenant; as many connections */
    SUBSCRIPTIONS = TENANTS * DEVICES,
    NAME_SIZE = 32,
    SAMPLE = 256 * 1024, /* names that are matched, drawn beforehand */
    HOT = 1024,          /* names that stay in the cache */
    ROUNDS = 5,          /* the best counts: what disturbs only adds */
    CHURN = 1000,        /* subscriptions that come and go in a second */
    CHURN_ROUND_MS = 400,
};

struct name {
    unsigned char size;
    char text[NAME_SIZE - 1];
};

struct bench {
    struct engine *engine;
    struct outbox outbox;
    struct random random;
    struct name *sample;
    uint64_t tickets; /* given out */
    bool has_missed;  /* a mark */
};

/* Of this process alone: others on the machine take none of it. */
static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double heap_size(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)info.uordblks + (double)info.hblkhd;
}

static double resident_size(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*u %lu", &pages) != 1)
        abort();
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void report(struct bench *bench, const char *what, double value, const char *unit,
                   double mark)
{
    bool is_missed = mark > 0 && value > mark;
    printf("%-58s %9.1f %-6s", what, value, unit);
    if (mark > 0)
        printf(" asked: at most %g%s", mark, is_missed ? "  MISSED" : "");
    putchar('\n');
    bench->has_missed |= is_missed;
}

/* Subscriptions. */

static void apply(struct bench *bench, struct command command)
{
    command.ticket = ++bench->tickets;
    engine_apply(bench->engine, &command, 0, &bench->outbox);
    bench->outbox.count = 0;
}

static void subscribe(struct bench *bench, uint32_t peer, uint32_t id, const char *name,
                      bool is_wildcard)
{
    struct command command = {.kind = COMMAND_SUBSCRIBE, .peer = peer, .name = bytes_text(name)};
    command.subscription.id = id;
    command.subscription.is_wildcard = is_wildcard;
    apply(bench, command);
}

static void unsubscribe(struct bench *bench, uint32_t peer, uint32_t id)
{
    struct command command = {.kind = COMMAND_UNSUBSCRIBE, .peer = peer};
    command.subscription.id = id;
    apply(bench, command);
}

static uint32_t below(struct bench *bench, uint32_t bound)
{
    return (uint32_t)random_below(&bench->random, bound);
}

static void start(struct bench *bench)
{
    *bench = (struct bench){.random = {1}};
    bench->engine = engine_create((struct hash_key){1, 2});
    for (uint32_t peer = 0; peer < DEVICES + 3; peer++)
        apply(bench, (struct command){.kind = COMMAND_ATTACH, .peer = peer});
}

static void finish(struct bench *bench)
{
    for (uint32_t peer = 0; peer < DEVICES + 3; peer++)
        apply(bench, (struct command){.kind = COMMAND_DETACH, .peer = peer});
    engine_destroy(bench->engine);
    outbox_finish(&bench->outbox);
    free(bench->sample);
}

static void subscribe_watchers(struct bench *bench)
{
    char name[NAME_SIZE];
    for (uint32_t tenant = 0; tenant < TENANTS; tenant++) {
        snprintf(name, sizeof name, "tenant-%u.>", tenant);
        subscribe(bench, DEVICES, tenant, name, true);
        snprintf(name, sizeof name, "tenant-%u.*.temp", tenant);
        subscribe(bench, DEVICES + 1, tenant, name, true);
    }
    subscribe(bench, DEVICES + 2, 0, ">", true);
}

/* Everybody subscribes, to names or to patterns of the same length; tells what that costs. */
static void subscribe_all(struct bench *bench, const char *last, const char *what, double mark)
{
    char name[NAME_SIZE], line[80];
    bool is_wildcard = last[0] == '*';
    double heap = heap_size(), resident = resident_size(), start = now_ns();
    for (uint32_t at = 0; at < SUBSCRIPTIONS; at++) {
        snprintf(name, sizeof name, "tenant-%u.device-%u.%s", at / DEVICES, at % DEVICES, last);
        subscribe(bench, at % DEVICES, at / DEVICES, name, is_wildcard);
    }
    double ns = (now_ns() - start) / SUBSCRIPTIONS;
    subscribe_watchers(bench);
    double all = SUBSCRIPTIONS + 2 * TENANTS + 1;
    snprintf(line, sizeof line, "a million %s, each by malloc", what);
    report(bench, line, (heap_size() - heap) / all, "bytes", mark);
    snprintf(line, sizeof line, "a million %s, each by RSS", what);
    report(bench, line, (resident_size() - resident) / all, "bytes", mark);
    snprintf(line, sizeof line, "subscribing to one of the %s", what);
    report(bench, line, ns, "ns", 0);
}

/* Matches. */

static void draw_sample(struct bench *bench)
{
    bench->sample = memory_create(SAMPLE * sizeof *bench->sample);
    for (size_t i = 0; i < SAMPLE; i++) {
        struct name *name = &bench->sample[i];
        name->size =
            (unsigned char)snprintf(name->text, sizeof name->text, "tenant-%u.device-%u.temp",
                                    below(bench, TENANTS), below(bench, DEVICES));
    }
}

/* Matches `count` names of the sample; returns the time of one. */
static double match_names(struct bench *bench, size_t names_count, size_t count)
{
    struct match *memo = NULL;
    uint64_t reached = 0;
    double start = now_ns();
    for (size_t i = 0; i < count; i++) {
        const struct name *name = &bench->sample[i & (names_count - 1)];
        reached +=
            topics_match(&bench->engine->topics, bytes_of(name->text, name->size), &memo)->count;
    }
    double ns = (now_ns() - start) / (double)count;
    if (reached != 4 * count)
        abort();
    match_unref(memo);
    return ns;
}

static double match_best(struct bench *bench, size_t names_count, size_t count)
{
    double best = match_names(bench, names_count, count);
    for (int round = 1; round < ROUNDS; round++) {
        double ns = match_names(bench, names_count, count);
        best = ns < best ? ns : best;
    }
    return best;
}

/* One subscription to a device's name goes, and comes again. */
static void churn(struct bench *bench)
{
    char name[NAME_SIZE];
    uint32_t tenant = below(bench, TENANTS), device = below(bench, DEVICES);
    snprintf(name, sizeof name, "tenant-%u.device-%u.temp", tenant, device);
    unsubscribe(bench, device, tenant);
    subscribe(bench, device, tenant, name, false);
}

/* Matches for a while, `per_second` subscriptions changing beside it; returns the time of a match,
 * theirs included. */
static double match_beside(struct bench *bench, size_t names_count, double per_second)
{
    enum { STEP = 256 };
    size_t count = 0, at = 0;
    double churned = 0, start = now_ns(), passed;
    while ((passed = now_ns() - start) < CHURN_ROUND_MS * 1e6) {
        struct match *memo = NULL;
        for (; churned < passed * 1e-9 * per_second; churned++)
            churn(bench);
        for (size_t i = 0; i < STEP; i++, at++) {
            const struct name *name = &bench->sample[at & (names_count - 1)];
            topics_match(&bench->engine->topics, bytes_of(name->text, name->size), &memo);
        }
        match_unref(memo);
        count += STEP;
    }
    return passed / (double)count;
}

/* By how many percent a match gets slower; rounds with and without alternate. */
static double churn_cost(struct bench *bench, size_t names_count)
{
    double without = 1e9, with = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double ns = match_beside(bench, names_count, 0);
        without = ns < without ? ns : without;
        ns = match_beside(bench, names_count, CHURN);
        with = ns < with ? ns : with;
    }
    return 100 * (with / without - 1);
}

static void measure_matches(struct bench *bench)
{
    draw_sample(bench);
    report(bench, "match of a name drawn from all", match_best(bench, SAMPLE, SAMPLE), "ns", 1500);
    report(bench, "match of one of 1,024 names", match_best(bench, HOT, 8 * SAMPLE), "ns", 100);
    report(bench, "match of the name before", match_best(bench, 1, 64 * SAMPLE), "ns", 15);
    report(bench, "names drawn from all, 1,000 changes a second", churn_cost(bench, SAMPLE), "%",
           10);
    report(bench, "one of 1,024 names, 1,000 changes a second", churn_cost(bench, HOT), "%", 10);
}

int main(int argc, char **argv)
{
    struct bench bench;
    bool has_missed;
    start(&bench);
    subscribe_all(&bench, "*", "patterns", 200);
    finish(&bench);
    malloc_trim(0);
    start(&bench);
    subscribe_all(&bench, "temp", "names", 200);
    measure_matches(&bench);
    has_missed = bench.has_missed;
    finish(&bench);
    return argc > 1 && strcmp(argv[1], "--assert") == 0 && has_missed;
}

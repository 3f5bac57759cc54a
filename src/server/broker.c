#include "server/broker.h"

#include "base/array.h"
#include "base/heap.h"
#include "base/time.h"
#include "server/address.h"
#include "server/keys.h"
#include "server/log.h"
#include "server/reload.h"
#include "server/shard.h"
#include "server/tuning.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#define TRIM_NS NS_PER_S              /* until memory that was freed goes back */
#define END_TIMEOUT_NS (3 * NS_PER_S) /* for the last words to all connections */

/* Shards come as an array, each to be run by a thread of its own; today there is one, run by this
 * thread. */
struct broker {
    struct options *options;
    struct tuning tuning;
    struct shard shard;
    struct heap heap;
    uint64_t trim_ns; /* when memory goes back; TIME_NEVER: there is none to give */
    int signal_fd;
    unsigned end_signals_count; /* the first has it end in peace, the second at once */
    char addresses[OPTIONS_LISTEN_MAX][ADDRESS_TEXT_SIZE]; /* as they were got */
};

/* Every connection is a descriptor, so all that may be had are wanted. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* then it is as it was */
    }
}

/* TERM, INT and HUP are read as events; a peer that goes away is an error of a send, not a signal.
 */
static int open_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int start_shard(struct broker *broker)
{
    struct shard_options options = tuning_shard_options(&broker->tuning);
    if (getrandom(&options.hash_key, sizeof options.hash_key, 0) != sizeof options.hash_key) {
        log_line("no random numbers: %s", strerror(errno));
        return EX_OSERR;
    }
    int result = shard_init(&broker->shard, &options);
    if (result < 0) {
        char text[1024];
        ring_explain(result, text, sizeof text);
        log_line("%s", text);
        return EX_CONFIG;
    }
    return EX_OK;
}

/* Nobody asked for the default addresses, and not every machine has IPv6. */
static bool may_be_missing(const struct options *options, unsigned index, int error)
{
    const struct key *listen = key_find(bytes_text("listen"));
    return key_origin(listen, options)->kind == ORIGIN_DEFAULT &&
           options->listen[index].kind == RING_ADDRESS_TCP6 &&
           (error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL);
}

static int listen_all(struct broker *broker)
{
    const struct options *options = broker->options;
    for (unsigned i = 0; i < options->listen_count; i++) {
        uint16_t port;
        int result = shard_listen(&broker->shard, &options->listen[i], &port);
        address_format(&options->listen[i], result < 0 ? options->listen[i].port : port,
                       broker->addresses[i]);
        if (may_be_missing(options, i, result)) {
            broker->addresses[i][0] = '\0';
            continue;
        }
        if (result < 0) {
            log_line("cannot listen on %s: %s", broker->addresses[i], strerror(-result));
            return EX_UNAVAILABLE;
        }
        log_line("listening on %s", broker->addresses[i]);
    }
    return EX_OK;
}

/* Written beside and renamed, so that whoever sees the file sees it whole. */
static int write_ready_file(const struct broker *broker)
{
    const char *path = broker->options->ready_file;
    char draft[OPTIONS_PATH_SIZE + 16];
    if (!path[0])
        return EX_OK;
    snprintf(draft, sizeof draft, "%s.%d", path, (int)getpid());
    FILE *file = fopen(draft, "we");
    for (unsigned i = 0; file && i < broker->options->listen_count; i++)
        if (broker->addresses[i][0])
            fprintf(file, "%s\n", broker->addresses[i]);
    if (!file || fclose(file) != 0 || rename(draft, path) < 0) {
        log_line("cannot write %s: %s", path, strerror(errno));
        return EX_CANTCREAT;
    }
    return EX_OK;
}

static void take_options(struct broker *broker)
{
    if (reload(broker->options))
        tuning_tell(&broker->tuning, &broker->shard);
}

/* Does what signals ask for, as they come. */
static void take_signals(struct broker *broker)
{
    struct signalfd_siginfo signal;
    broker->shard.is_signalled = false;
    while (read(broker->signal_fd, &signal, sizeof signal) == sizeof signal) {
        if (signal.ssi_signo == SIGHUP)
            take_options(broker);
        else
            broker->end_signals_count++;
    }
    shard_watch(&broker->shard, broker->signal_fd);
}

/* Gives memory back to the system, a while after much of it was freed. */
static void trim(struct broker *broker)
{
    uint64_t now = broker->shard.now;
    if (!heap_has_shrunk(&broker->heap)) {
        broker->trim_ns = TIME_NEVER;
    } else if (broker->trim_ns == TIME_NEVER) {
        broker->trim_ns = now + TRIM_NS;
    } else if (broker->trim_ns <= now) {
        heap_trim(&broker->heap);
        broker->trim_ns = TIME_NEVER;
    }
}

static void turn(struct broker *broker, uint64_t deadline)
{
    shard_turn(&broker->shard, deadline);
    if (broker->shard.is_signalled)
        take_signals(broker);
}

/* Lets consumers settle what is leased to them. What was refused is told in a turn of its own. */
static void drain(struct broker *broker)
{
    uint64_t deadline = broker->shard.now + broker->options->drain_timeout_ns;
    shard_drain(&broker->shard);
    do
        turn(broker, deadline);
    while (!shard_is_drained(&broker->shard) && broker->shard.now < deadline &&
           broker->end_signals_count == 1);
}

static void say_goodbye(struct broker *broker)
{
    uint64_t deadline = broker->shard.now + END_TIMEOUT_NS;
    shard_end(&broker->shard);
    while (!shard_is_quiet(&broker->shard) && broker->shard.now < deadline &&
           broker->end_signals_count == 1)
        turn(broker, deadline);
}

static void run(struct broker *broker)
{
    shard_watch(&broker->shard, broker->signal_fd);
    while (broker->end_signals_count == 0) {
        turn(broker, broker->trim_ns);
        trim(broker);
    }
    log_line("ending");
    drain(broker);
    say_goodbye(broker);
}

int broker_run(struct options *options)
{
    struct broker broker = {
        .options = options,
        .tuning = {.options = options},
        .trim_ns = TIME_NEVER,
        .signal_fd = open_signals(),
    };
    raise_descriptors();
    int code = start_shard(&broker);
    if (code == EX_OK)
        code = listen_all(&broker);
    if (code == EX_OK)
        code = write_ready_file(&broker);
    if (code == EX_OK)
        run(&broker);
    shard_finish(&broker.shard);
    tuning_finish(&broker.tuning);
    close(broker.signal_fd);
    return code;
}

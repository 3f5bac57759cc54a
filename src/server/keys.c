#include "server/keys.h"

#include "base/time.h"
#include "frame/frame.h"
#include "server/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT_MAX 1000000000
#define BYTES_MAX (UINT64_C(1) << 50)
#define TIMEOUT_MIN (100 * NS_PER_MS)
#define TIMEOUT_MAX (3600 * NS_PER_S)
#define LIVENESS_MIN (50 * NS_PER_MS) /* clients are not quicker */

#define LISTEN_DEFAULT_4 "127.0.0.1:7464"
#define LISTEN_DEFAULT_6 "[::1]:7464"

#define FIELD(name) offsetof(struct options, name)

/* Defaults are text, so that they are read like any other value. */
static const struct key keys[] = {
    {"listen", "ADDRESS",
     "HOST:PORT, [HOST]:PORT or unix:PATH; may be repeated; port 0 takes a free one",
     .kind = KEY_LISTEN, .needs_restart = true, .fallback = LISTEN_DEFAULT_4 " " LISTEN_DEFAULT_6},
    {"frame-max", "SIZE", "the largest frame taken", .kind = KEY_NUMBER, .unit = UNIT_SIZE,
     .needs_restart = true, .at = FIELD(frame_max), .min = FRAME_HELLO_MAX, .max = FRAME_SIZE_MAX,
     .fallback = "1mb"},
    {"liveness", "DURATION",
     "how long a client that sends heartbeats may be silent while it has leases; 0: for ever",
     .kind = KEY_NUMBER, .unit = UNIT_DURATION, .needs_restart = true, .at = FIELD(liveness_ns),
     .may_be_none = true, .min = LIVENESS_MIN, .max = 3600 * NS_PER_S, .fallback = "30s"},
    {"ready-file", "FILE", "once listening, write the addresses there, a line each",
     .kind = KEY_PATH, .needs_restart = true, .at = FIELD(ready_file), .fallback = ""},
    {"ring-features", "all|6.1", "use all there is of io_uring, or only what Linux 6.1 offers",
     .kind = KEY_CHOICE, .needs_restart = true, .at = FIELD(is_base_ring), .fallback = "all"},
    {"password-file", "FILE",
     "have clients say the password in its first line; others may not read it", .kind = KEY_PATH,
     .at = FIELD(password_file), .fallback = ""},
    {"insecure", "no|yes", "listen for other machines although there is no password",
     .kind = KEY_SWITCH, .needs_restart = true, .at = FIELD(is_insecure), .fallback = "no"},
    {"max-connections", "COUNT", "connections at once; 0: no limit", .kind = KEY_NUMBER,
     .at = FIELD(connections_max), .max = COUNT_MAX, .fallback = "65536"},
    {"max-connections-per-address", "COUNT",
     "connections at once from one address, over TCP; 0: no limit", .kind = KEY_NUMBER,
     .at = FIELD(connections_per_address_max), .max = COUNT_MAX, .fallback = "0"},
    {"max-queues", "COUNT", "queues at once; 0: no limit", .kind = KEY_NUMBER,
     .at = FIELD(queues_max), .max = COUNT_MAX, .fallback = "1000000"},
    {"max-in-flight", "COUNT",
     "messages leased to one connection at once, which is then given no more; 0: no limit",
     .kind = KEY_NUMBER, .at = FIELD(in_flight_max), .max = COUNT_MAX, .fallback = "1000000"},
    {"max-unsent", "SIZE",
     "bytes of queues, and of topics, handed to a connection that does not read them",
     .kind = KEY_NUMBER, .unit = UNIT_SIZE, .at = FIELD(unsent_max), .min = 4096, .max = UINT32_MAX,
     .fallback = "256kb"},
    {"max-subscriptions-per-connection", "COUNT",
     "subscriptions and consumers at once of one connection; 0: no limit", .kind = KEY_NUMBER,
     .at = FIELD(subscriptions_per_connection_max), .max = COUNT_MAX, .fallback = "100000"},
    {"max-subscriptions", "COUNT", "subscriptions and consumers at once in all; 0: no limit",
     .kind = KEY_NUMBER, .at = FIELD(subscriptions_max), .max = COUNT_MAX, .fallback = "2000000"},
    {"max-retained", "COUNT", "messages retained at once; 0: no limit", .kind = KEY_NUMBER,
     .at = FIELD(retained_max), .max = COUNT_MAX, .fallback = "100000"},
    {"max-retained-bytes", "SIZE", "bytes of them; 0: no limit", .kind = KEY_NUMBER,
     .unit = UNIT_SIZE, .at = FIELD(retained_size_max), .max = BYTES_MAX, .fallback = "64mb"},
    {"max-values-bytes", "SIZE",
     "bytes of values (SET and the like), with names and what keeping them takes; 0: no limit",
     .kind = KEY_NUMBER, .unit = UNIT_SIZE, .at = FIELD(values_size_max), .max = BYTES_MAX,
     .fallback = "64mb"},
    {"memory-limit", "SIZE",
     "allocated bytes over which pushes and publishes are refused; 0: no limit", .kind = KEY_NUMBER,
     .unit = UNIT_SIZE, .at = FIELD(memory_max), .max = BYTES_MAX, .fallback = "0"},
    {"max-strangers", "COUNT", "connections at once whose hello is not complete; 0: no limit",
     .kind = KEY_NUMBER, .at = FIELD(strangers_max), .max = COUNT_MAX, .fallback = "8192"},
    {"hello-timeout", "DURATION", "from a connection's first byte to the end of its hello",
     .kind = KEY_NUMBER, .unit = UNIT_DURATION, .at = FIELD(hello_timeout_ns), .min = TIMEOUT_MIN,
     .max = TIMEOUT_MAX, .fallback = "5s"},
    {"idle-hello-timeout", "DURATION", "how long a connection may send nothing at all",
     .kind = KEY_NUMBER, .unit = UNIT_DURATION, .at = FIELD(idle_hello_timeout_ns),
     .min = TIMEOUT_MIN, .max = TIMEOUT_MAX, .fallback = "1m"},
    {"hello-max", "SIZE", "the largest hello taken", .kind = KEY_NUMBER, .unit = UNIT_SIZE,
     .at = FIELD(hello_max), .min = 256, .max = 65536, .fallback = "4kb"},
    {"tcp-timeout", "DURATION", "after which a host that does not answer over TCP is gone",
     .kind = KEY_NUMBER, .unit = UNIT_DURATION, .needs_restart = true, .at = FIELD(tcp_timeout_ns),
     .min = NS_PER_S, .max = TIMEOUT_MAX, .fallback = "30s"},
    {"enable-debug-command", "no|yes", "let Redis clients stop everything for a while: DEBUG SLEEP",
     .kind = KEY_SWITCH, .needs_restart = true, .at = FIELD(may_debug), .fallback = "no"},
    {"drain-timeout", "DURATION", "how long the end waits for what is leased to be settled",
     .kind = KEY_NUMBER, .unit = UNIT_DURATION, .at = FIELD(drain_timeout_ns), .max = TIMEOUT_MAX,
     .fallback = "10s"},
};

enum { KEYS_COUNT = sizeof keys / sizeof *keys };
static_assert((int)KEYS_COUNT <= (int)OPTIONS_KEYS_MAX, "each has an origin");

const struct key *key_at(size_t index)
{
    return index < KEYS_COUNT ? &keys[index] : NULL;
}

size_t key_index(const struct key *key)
{
    return (size_t)(key - keys);
}

const struct key *key_find(struct bytes name)
{
    for (size_t i = 0; i < KEYS_COUNT; i++)
        if (bytes_equal(bytes_text(keys[i].name), name))
            return &keys[i];
    return NULL;
}

const struct origin *key_origin(const struct key *key, const struct options *options)
{
    return &options->origins[key_index(key)];
}

static uint64_t *number_of(const struct key *key, struct options *options)
{
    return (uint64_t *)((char *)options + key->at);
}

static uint64_t number_in(const struct key *key, const struct options *options)
{
    return *(const uint64_t *)((const char *)options + key->at);
}

/* The choice at a place, without bytes behind the last. */
static struct bytes choice_at(const struct key *key, uint64_t index)
{
    const char *choice = key->takes;
    while (index-- > 0) {
        choice += strcspn(choice, "|");
        choice += *choice == '|';
    }
    return bytes_of(choice, strcspn(choice, "|"));
}

static int choose(const struct key *key, const char *value, uint64_t *chosen)
{
    struct bytes choice;
    for (*chosen = 0; (choice = choice_at(key, *chosen)).size > 0; ++*chosen)
        if (bytes_equal(choice, bytes_text(value)))
            return 0;
    return -EINVAL;
}

static int read_number(const struct key *key, const char *value, uint64_t *number)
{
    if (key->kind != KEY_NUMBER)
        return choose(key, value, number);
    if (units_read(key->unit, value, number) < 0 || *number > key->max)
        return -EINVAL;
    bool is_none = key->may_be_none && *number == 0;
    return is_none || *number >= key->min ? 0 : -EINVAL;
}

static int set_number(const struct key *key, struct options *options, const char *value,
                      bool is_kept)
{
    uint64_t number;
    int result = read_number(key, value, &number);
    if (result == 0 && is_kept)
        *number_of(key, options) = number;
    return result;
}

static int set_path(const struct key *key, struct options *options, const char *value, bool is_kept)
{
    size_t size = strlen(value);
    if (size >= OPTIONS_PATH_SIZE)
        return -EINVAL;
    if (is_kept)
        memcpy((char *)options + key->at, value, size + 1);
    return 0;
}

static int add_listen(struct options *options, const char *value, bool is_kept)
{
    struct ring_address address;
    unsigned count = options->listen_count;
    if (address_parse(value, &address) < 0 || (is_kept && count == OPTIONS_LISTEN_MAX))
        return -EINVAL;
    if (is_kept)
        options->listen[options->listen_count++] = address;
    return 0;
}

int key_set(const struct key *key, struct options *options, const char *value, struct origin origin)
{
    struct origin *has = &options->origins[key_index(key)];
    bool is_kept = origin.kind >= has->kind;
    int result = -EINVAL;
    if (key->kind == KEY_LISTEN && origin.kind > has->kind)
        options->listen_count = 0;
    switch (key->kind) {
    case KEY_LISTEN: result = add_listen(options, value, is_kept); break;
    case KEY_PATH: result = set_path(key, options, value, is_kept); break;
    case KEY_SWITCH:
    case KEY_CHOICE:
    case KEY_NUMBER: result = set_number(key, options, value, is_kept); break;
    }
    if (is_kept && result == 0)
        *has = origin;
    return result;
}

void keys_reset(struct options *options)
{
    struct origin origin = {ORIGIN_DEFAULT, 0};
    for (size_t i = 0; i < KEYS_COUNT; i++) {
        int result =
            keys[i].kind == KEY_LISTEN ? 0 : key_set(&keys[i], options, keys[i].fallback, origin);
        assert(result == 0);
    }
    int result = add_listen(options, LISTEN_DEFAULT_4, true);
    assert(result == 0);
    result = add_listen(options, LISTEN_DEFAULT_6, true);
    assert(result == 0);
}

void key_copy(const struct key *key, struct options *to, const struct options *from)
{
    size_t size = key->kind == KEY_PATH ? OPTIONS_PATH_SIZE : sizeof(uint64_t);
    to->origins[key_index(key)] = from->origins[key_index(key)];
    if (key->kind == KEY_LISTEN) {
        memcpy(to->listen, from->listen, sizeof to->listen);
        to->listen_count = from->listen_count;
    } else {
        memcpy((char *)to + key->at, (const char *)from + key->at, size);
    }
}

static void format_listen(const struct options *options, char text[KEY_TEXT_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < options->listen_count; i++) {
        char address[ADDRESS_TEXT_SIZE];
        address_format(&options->listen[i], options->listen[i].port, address);
        used += (size_t)snprintf(text + used, KEY_TEXT_SIZE - used, "%s%s", i ? " " : "", address);
        assert(used < KEY_TEXT_SIZE);
    }
}

void key_format(const struct key *key, const struct options *options, char text[KEY_TEXT_SIZE])
{
    struct bytes choice;
    switch (key->kind) {
    case KEY_LISTEN: format_listen(options, text); break;
    case KEY_PATH: snprintf(text, KEY_TEXT_SIZE, "%s", (const char *)options + key->at); break;
    case KEY_NUMBER: units_write(key->unit, number_in(key, options), text); break;
    case KEY_SWITCH:
    case KEY_CHOICE:
        choice = choice_at(key, number_in(key, options));
        snprintf(text, KEY_TEXT_SIZE, "%.*s", (int)choice.size, (const char *)choice.data);
        break;
    }
}

void key_describe(const struct key *key, char text[KEY_TEXT_SIZE])
{
    char min[UNITS_TEXT_SIZE] = "", max[UNITS_TEXT_SIZE] = "";
    bool is_number = key->kind == KEY_NUMBER;
    if (is_number) {
        units_write(key->unit, key->min, min);
        units_write(key->unit, key->max, max);
    }
    snprintf(text, KEY_TEXT_SIZE, "%s%s%s%s%s%s", key->takes, is_number ? " of " : "",
             key->may_be_none ? "0 or " : "", min, is_number ? " to " : "", max);
}

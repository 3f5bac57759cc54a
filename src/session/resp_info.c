#include "base/time.h"
#include "frame/field.h"
#include "session/resp.h"
#include "session/resp_table.h"
#include "session/session.h"
#include "session/word.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/*
 * INFO: lines of what is known, by sections. What the session knows is noted when it is asked; the rest
 * is what the engine's statistics say.
 */

/* What an INFO is made of. */
struct report {
    struct text text;
    struct bytes stats; /* fields */
    struct session_facts facts;
    uint64_t now, epoch_ns;
    unsigned sections; /* that are wanted, by place */
};

/* Lines. */

__attribute__((format(printf, 2, 3))) static void put(struct report *report, const char *format,
                                                      ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert(size >= 0 && (size_t)size < sizeof line);
    bytes_copy(text_reserve(&report->text, (size_t)size), bytes_of(line, (size_t)size));
    bytes_copy(text_reserve(&report->text, 2), bytes_text("\r\n"));
}

static void put_number(struct report *report, const char *key, uint64_t value)
{
    put(report, "%s:%" PRIu64, key, value);
}

/* A size, and the same for people's eyes. */
static void put_size(struct report *report, const char *key, uint64_t size)
{
    static const char units[] = "BKMGT";
    double rest = (double)size;
    size_t unit = 0;
    for (; rest >= 1024 && units[unit + 1]; unit++)
        rest /= 1024;
    put_number(report, key, size);
    if (unit == 0)
        put(report, "%s_human:%" PRIu64 "B", key, size);
    else
        put(report, "%s_human:%.2f%c", key, rest, units[unit]);
}

/* A number of the statistics; 0 when there is none of that key. */
static uint64_t stat_of(const struct report *report, const char *key)
{
    struct field field;
    for (struct bytes rest = report->stats; field_take(&rest, &field) > 0;)
        if (field_is(&field, key))
            return field.number;
    return 0;
}

static void put_stat(struct report *report, const char *key, const char *stat)
{
    put_number(report, key, stat_of(report, stat));
}

/* Sections. */

static void put_server(struct report *report)
{
    const struct session_facts *facts = &report->facts;
    uint64_t up_s = (report->now - facts->started_ns) / NS_PER_S;
    put(report, "redis_version:%s", RESP_SERVER_VERSION);
    put(report, "server:ringpost");
    put(report, "ringpost_version:%s", RINGPOST_VERSION);
    put(report, "redis_mode:standalone");
    put(report, "os:Linux");
    put_number(report, "arch_bits", 8 * sizeof(void *));
    put(report, "multiplexing_api:io_uring");
    put_number(report, "process_id", facts->process_id);
    put(report, "run_id:%s", facts->run_id);
    put_number(report, "tcp_port", facts->port);
    put_number(report, "server_time_usec", (report->now + report->epoch_ns) / 1000);
    put_number(report, "uptime_in_seconds", up_s);
    put_number(report, "uptime_in_days", up_s / (24 * 3600));
}

static void put_clients(struct report *report)
{
    put_stat(report, "connected_clients", "connections");
    put_number(report, "maxclients", report->facts.connections_max);
    put_stat(report, "blocked_clients", "taking");
}

static void put_memory(struct report *report)
{
    put_size(report, "used_memory", report->facts.memory_used);
    put_size(report, "maxmemory", report->facts.memory_max);
    put(report, "maxmemory_policy:noeviction");
    put(report, "mem_allocator:libc");
}

static void put_persistence(struct report *report)
{
    put(report, "loading:0");
    put(report, "rdb_changes_since_last_save:0");
    put(report, "rdb_bgsave_in_progress:0");
    put_number(report, "rdb_last_save_time",
               (report->facts.started_ns + report->epoch_ns) / NS_PER_S);
    put(report, "rdb_last_bgsave_status:ok");
    put(report, "aof_enabled:0");
}

static void put_stats(struct report *report)
{
    put_number(report, "total_connections_received", report->facts.came_count);
    put_number(report, "total_commands_processed", report->facts.commands_count);
    put_number(report, "rejected_connections", report->facts.turned_away_count);
    put(report, "evicted_keys:0");
    put_stat(report, "pubsub_channels", "topics");
    put_stat(report, "pubsub_patterns", "globs");
    put_stat(report, "pubsubshard_channels", "apart");
    put_stat(report, "client_output_buffer_limit_disconnections", "overflowed");
}

static void put_replication(struct report *report)
{
    put(report, "role:master");
    put(report, "connected_slaves:0");
    put(report, "master_replid:%s", report->facts.run_id);
    put(report, "master_repl_offset:0");
}

static void put_modules(struct report *report)
{
    (void)report;
}

static void put_cluster(struct report *report)
{
    put(report, "cluster_enabled:0");
}

static void put_keyspace(struct report *report)
{
    for (unsigned space = 0; space < SPACES_COUNT; space++) {
        char keys[32], expires[32];
        snprintf(keys, sizeof keys, "keys-%u", space);
        snprintf(expires, sizeof expires, "expires-%u", space);
        if (stat_of(report, keys) > 0)
            put(report, "db%u:keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=0", space,
                stat_of(report, keys), stat_of(report, expires));
    }
}

/* All that the broker counts, by its own names. */
static void put_ringpost(struct report *report)
{
    struct field field;
    for (struct bytes rest = report->stats; field_take(&rest, &field) > 0;)
        put(report, "%.*s:%" PRIu64, (int)field.key.size, (const char *)field.key.data,
            field.number);
}

static const struct section {
    const char *name, *title;
    void (*put)(struct report *report);
} sections[] = {
    {"server", "Server", put_server},       {"clients", "Clients", put_clients},
    {"memory", "Memory", put_memory},       {"persistence", "Persistence", put_persistence},
    {"stats", "Stats", put_stats},          {"replication", "Replication", put_replication},
    {"modules", "Modules", put_modules},    {"cluster", "Cluster", put_cluster},
    {"keyspace", "Keyspace", put_keyspace}, {"ringpost", "Ringpost", put_ringpost},
};

enum {
    SECTIONS_COUNT = sizeof sections / sizeof *sections,
    SECTIONS_ALL = (1 << SECTIONS_COUNT) - 1
};

/* Saying it. */

static void put_sections(struct report *report)
{
    for (size_t i = 0; i < SECTIONS_COUNT; i++) {
        if (!(report->sections & 1u << i))
            continue;
        if (report->text.size > 0)
            bytes_copy(text_reserve(&report->text, 2), bytes_text("\r\n"));
        put(report, "# %s", sections[i].title);
        sections[i].put(report);
    }
}

static void say_info(struct pen *pen, const struct effect *effect)
{
    struct report report;
    if (effect->kind != EFFECT_ANSWER) {
        pen_status(pen, effect->status);
        return;
    }
    assert(pen->note.size == sizeof report);
    memcpy(&report, pen->note.data, sizeof report);
    report.stats = slice_bytes(&effect->slice);
    put_sections(&report);
    pen_text(pen, text_bytes(&report.text));
    text_finish(&report.text);
}

static unsigned sections_named(struct bytes word)
{
    if (word_is(word, "all") || word_is(word, "everything") || word_is(word, "default"))
        return SECTIONS_ALL;
    for (size_t i = 0; i < SECTIONS_COUNT; i++)
        if (word_is(word, sections[i].name))
            return 1u << i;
    return 0;
}

static enum outcome info(struct call *call, struct command *command)
{
    const struct session_limits *limits = call->session->limits;
    struct report report = {
        .now = call->session->now,
        .epoch_ns = limits->epoch_ns,
        .sections = call->words_count == 1 ? SECTIONS_ALL : 0,
    };
    if (limits->facts)
        report.facts = *limits->facts;
    for (uint32_t i = 1; i < call->words_count; i++)
        report.sections |= sections_named(call_word(call, i));
    command->kind = COMMAND_STATS;
    command->has_spaces = true;
    call_expect(call, 1, say_info);
    replies_note(&call->resp->replies, bytes_of(&report, sizeof report));
    return CALL_LAST;
}

static const struct row rows[] = {
    {.name = "info",
     .arity = -1,
     .flags = ROW_LOADING | ROW_STALE,
     .handler = info,
     .summary = "What is known of the broker, by sections.",
     .differs = "What does not exist here is left out, and `ringpost` is a section of its own."},
};

const struct row_group info_rows = {"Information", NULL, rows, sizeof rows / sizeof *rows};

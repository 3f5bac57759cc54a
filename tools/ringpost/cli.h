/* What all commands share: the invocation, the connection, and how failure is told. */
#ifndef RINGPOST_TOOLS_RINGPOST_CLI_H
#define RINGPOST_TOOLS_RINGPOST_CLI_H

#include "options.h"

#include <ringpost.h>

#include <sysexits.h>

enum { EXIT_EMPTY = 1 /* nothing was there, and nobody asked to wait */ };

struct cli {
    struct options options;
    const char *const *arguments; /* behind the command's name */
    int argument_count;
    struct ringpost *handle; /* after cli_open */
};

/* Commands return what the program exits with. */
typedef int command_run(struct cli *cli);

command_run push_run, pub_run, pop_run, peek_run, sub_run, request_run, reply_run;
command_run queue_list_run, queue_info_run, queue_declare_run, queue_set_run, queue_redrive_run,
    queue_delete_run, queue_purge_run, queue_pause_run, queue_resume_run;
command_run topic_list_run, client_list_run, client_kill_run, config_show_run, stats_run, top_run,
    ping_run, completion_run;

/* Connects. Returns 0, or what to exit with, after saying why. */
int cli_open(struct cli *cli, bool is_reconnecting);

/* Says on stderr that `what` failed with `error` (-errno of a call on the handle). Returns what to exit with. */
int cli_fail(const struct cli *cli, const char *what, int error);

/* The same for a refusal or an end that came as an event. */
int cli_fail_event(const char *what, const struct ringpost_event *event);

/* Says on stderr what is wrong with the command line. Returns EX_USAGE. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What a command that only does something says as JSON; for people, silence means that it is done. */
int cli_done(struct cli *cli, const char *what, int error);

/* The words for RINGPOST_WHEN_FULL_… and RINGPOST_POP_LEASE_…, or `unknown`. */
const char *when_full_word(uint64_t when_full);
const char *pop_lease_word(uint64_t pop_lease);

/* Argument `index` as a name. */
struct ringpost_bytes cli_name(const struct cli *cli, int index);

#endif

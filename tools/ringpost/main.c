#include "cli.h"
#include "print.h"

#include <signal.h>
#include <string.h>

static const struct command {
    const char *name; /* one word, or two */
    const char *arguments;
    int count_min, count_max; /* of arguments */
    unsigned options;         /* set of enum option_set */
    command_run *run;
    const char *help;
} COMMANDS[] = {
    {"push", "QUEUE [MESSAGE]", 1, 2, OPTION_LINES, push_run,
     "append MESSAGE, or the whole standard input, to a queue"},
    {"pop", "QUEUE", 1, 1, OPTION_COUNT | OPTION_WAIT | OPTION_ACK | OPTION_EXEC | OPTION_BACK,
     pop_run, "take messages from a queue (one, or --count); exits 1 when it is empty"},
    {"peek", "QUEUE", 1, 1, OPTION_COUNT | OPTION_BACK, peek_run,
     "show messages of a queue and leave them there"},
    {"pub", "TOPIC [MESSAGE]", 1, 2, OPTION_LINES, pub_run,
     "publish MESSAGE, or the whole standard input, to a topic"},
    {"sub", "TOPIC", 1, 1, OPTION_WILDCARD | OPTION_COUNT | OPTION_WAIT, sub_run,
     "show what is published to a topic"},
    {"queue ls", "", 0, 0, 0, queue_list_run, "list all queues"},
    {"queue info", "QUEUE", 1, 1, 0, queue_info_run, "show the figures of a queue"},
    {"queue declare", "QUEUE", 1, 1, OPTIONS_BOUND, queue_declare_run,
     "make a queue that stays, with its bounds"},
    {"queue delete", "QUEUE", 1, 1, 0, queue_delete_run, "discard a queue and all in it"},
    {"queue purge", "QUEUE", 1, 1, 0, queue_purge_run, "discard the ready messages of a queue"},
    {"queue pause", "QUEUE", 1, 1, 0, queue_pause_run, "stop deliveries from a queue"},
    {"queue resume", "QUEUE", 1, 1, 0, queue_resume_run, "start them again"},
    {"ping", "", 0, 0, OPTION_COUNT, ping_run, "see whether the broker answers, and how soon"},
    {"stats", "", 0, 0, 0, stats_run, "show figures about the broker"},
};

enum { COMMAND_COUNT = sizeof COMMANDS / sizeof *COMMANDS };

/* Whether the words say the command; how many of them it took goes to `taken`. */
static bool is_command(const struct command *command, const struct options *options, int *taken)
{
    const char *space = strchr(command->name, ' ');
    if (!space) {
        *taken = 1;
        return strcmp(command->name, options->arguments[0]) == 0;
    }
    size_t size = (size_t)(space - command->name);
    const char *group = options->arguments[0];
    *taken = 2;
    return options->argument_count > 1 && strlen(group) == size &&
           memcmp(group, command->name, size) == 0 && strcmp(space + 1, options->arguments[1]) == 0;
}

static void help_all(FILE *to)
{
    fputs("usage: ringpost COMMAND [OPTION]… [ARGUMENT]…\n\n"
          "Talks to a ringpost broker.\n\n",
          to);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", COMMANDS[i].name, COMMANDS[i].arguments);
        fprintf(to, "  %-22s %s\n", left, COMMANDS[i].help);
    }
    fputs("\nEvery command takes:\n", to);
    options_help(to, OPTIONS_COMMON);
    fputs(
        "\nringpost COMMAND --help tells more. Behind -- everything is an argument.\n\n"
        "Exit codes: 0 done; 1 pop or peek found nothing; 64 wrong usage; 65 the broker does not do\n"
        "that with this name or message; 69 no broker; 70 broken; 71 the system refused; 74 the output\n"
        "cannot be written; 75 not now: time over, queue full, or a command that failed; 78 wrong\n"
        "environment.\n",
        to);
}

static void help_command(FILE *to, const struct command *command)
{
    fprintf(to, "usage: ringpost %s [OPTION]…%s%s\n\n%s\n\n", command->name,
            command->arguments[0] ? " " : "", command->arguments, command->help);
    options_help(to, command->options | OPTIONS_COMMON);
}

/* Says that there is no such command, or which ones begin like it. */
static int unknown_command(const struct options *options)
{
    const char *word = options->arguments[0];
    if (strcmp(word, "queue") != 0)
        return cli_usage("no command %s; see ringpost --help", word);
    if (options->argument_count > 1)
        return cli_usage("no command queue %s; there are ls, info, declare, delete, purge, pause "
                         "and resume",
                         options->arguments[1]);
    if (!options->is_help)
        return cli_usage("queue needs ls, info, declare, delete, purge, pause or resume behind it");
    help_all(stdout);
    return EX_OK;
}

static int run(struct cli *cli, const struct command *command)
{
    if (cli->options.is_help) {
        help_command(stdout, command);
        return EX_OK;
    }
    if (cli->argument_count < command->count_min)
        return cli_usage("%s needs %s", command->name, command->arguments);
    if (cli->argument_count > command->count_max)
        return cli_usage("%s takes no %s", command->name, cli->arguments[command->count_max]);
    int code = command->run(cli);
    ringpost_close(cli->handle);
    return code;
}

static int dispatch(struct cli *cli, int count, char **texts)
{
    const struct options *options = &cli->options;
    if (options->is_version) {
        puts("ringpost " RINGPOST_VERSION);
        return EX_OK;
    }
    if (options->argument_count == 0) {
        help_all(options->is_help ? stdout : stderr);
        return options->is_help ? EX_OK : EX_USAGE;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        int taken;
        if (!is_command(&COMMANDS[i], options, &taken))
            continue;
        if (!options_check(count, texts, COMMANDS[i].options, COMMANDS[i].name))
            return EX_USAGE;
        cli->arguments = options->arguments + taken;
        cli->argument_count = options->argument_count - taken;
        return run(cli, &COMMANDS[i]);
    }
    return unknown_command(options);
}

int main(int count, char **texts)
{
    /* A reader that left is seen when writing, and ends the program without noise. */
    signal(SIGPIPE, SIG_IGN);
    struct cli cli = {0};
    if (!options_parse(&cli.options, count - 1, texts + 1))
        return EX_USAGE;
    int code = dispatch(&cli, count - 1, texts + 1);
    (void)print_flush();
    return code;
}

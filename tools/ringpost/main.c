#include "commands.h"
#include "print.h"

#include <signal.h>
#include <string.h>

static void help_all(FILE *to)
{
    fputs("usage: ringpost COMMAND [OPTION]… [ARGUMENT]…\n\n"
          "Talks to a ringpost broker.\n\n",
          to);
    size_t place = 0;
    for (const struct command *command; (command = commands_next(&place));) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", command->name, command->arguments);
        fprintf(to, "  %-25s %s\n", left, command->help);
    }
    fputs("\nEvery command takes:\n", to);
    options_help(to, OPTIONS_COMMON);
    fputs(
        "\nSECONDS can have a fraction, or another unit: 500ms, 5m, 2h, 7d; SIZE as well: 64kb, 1gb.\n"
        "ringpost COMMAND --help tells more. Behind -- everything is an argument.\n\n"
        "Exit codes: 0 done; 1 pop or peek found nothing; 64 wrong usage; 65 the broker does not do\n"
        "that with this name or message; 66 no password file; 67 nobody is there; 69 no broker; 70\n"
        "broken; 71 the system refused; 74 the output cannot be written; 75 not now: time over, queue\n"
        "full, or a command that failed; 77 the password is missing or wrong; 78 wrong environment.\n",
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
    char names[128];
    const char *word = options->arguments[0];
    if (commands_write_group(names, sizeof names, word) == 0)
        return cli_usage("no command %s; see ringpost --help", word);
    if (options->argument_count > 1)
        return cli_usage("no command %s %s; there is %s", word, options->arguments[1], names);
    if (!options->is_help)
        return cli_usage("%s needs %s behind it", word, names);
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
    int taken;
    const struct command *command =
        commands_find(options->arguments, options->argument_count, &taken);
    if (command) {
        if (!options_check(count, texts, command->options, command->name))
            return EX_USAGE;
        cli->arguments = options->arguments + taken;
        cli->argument_count = options->argument_count - taken;
        return run(cli, command);
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

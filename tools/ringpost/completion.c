#include "commands.h"

#include <stdio.h>
#include <string.h>

/*
 * Scripts that make a shell complete commands and options, from the tables that run them. Both shells use one
 * function of bash; zsh reads it through bashcompinit.
 */

/* The first words of all commands, each once. */
static void write_first_words(void)
{
    char before[32] = "";
    size_t place = 0;
    for (const struct command *command; (command = commands_next(&place));) {
        size_t size = command_group_size(command);
        char word[32];
        snprintf(word, sizeof word, "%.*s", (int)(size ? size : strlen(command->name)),
                 command->name);
        if (strcmp(word, before) != 0)
            printf(" %s", word);
        memcpy(before, word, sizeof before);
    }
}

/* One line for each group: its second words. */
static void write_groups(void)
{
    char before[32] = "";
    size_t place = 0;
    for (const struct command *command; (command = commands_next(&place));) {
        size_t size = command_group_size(command);
        if (size == 0)
            continue;
        bool is_new = strlen(before) != size || memcmp(before, command->name, size) != 0;
        if (is_new)
            printf("%s    %.*s) words=\"", before[0] ? "\" ;;\n" : "", (int)size, command->name);
        printf("%s%s", is_new ? "" : " ", command->name + size + 1);
        snprintf(before, sizeof before, "%.*s", (int)size, command->name);
    }
    puts("\" ;;");
}

/* One line for each command: its options. */
static void write_options(void)
{
    size_t place = 0;
    for (const struct command *command; (command = commands_next(&place));) {
        size_t at = 0;
        const char *between = "";
        /* Two words with a space between, or one with whatever behind it. */
        printf("    '%s'%s) words=\"", command->name, command_group_size(command) ? "" : "' '*");
        for (const struct option_entry *option;
             (option = options_next(command->options | OPTIONS_COMMON, &at));) {
            printf("%s--%s", between, option->name);
            between = " ";
        }
        puts("\" ;;");
    }
}

static void write_bash(void)
{
    fputs(
        "# Completion of ringpost. Written by: ringpost completion bash\n"
        "_ringpost_words() {\n"
        "    local now=${COMP_WORDS[COMP_CWORD]} one=${COMP_WORDS[1]} two=${COMP_WORDS[2]-} words=\n"
        "    if ((COMP_CWORD == 1)); then\n"
        "        words=\"",
        stdout);
    write_first_words();
    fputs("\"\n"
          "    elif [[ $now != -* ]] && ((COMP_CWORD == 2)); then\n"
          "    case $one in\n",
          stdout);
    write_groups();
    fputs("    esac\n"
          "    fi\n"
          "    [[ $now != -* ]] || case \"$one $two\" in\n",
          stdout);
    write_options();
    fputs("    esac\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$now\"))\n"
          "}\n"
          "complete -o default -F _ringpost_words ringpost\n",
          stdout);
}

static void write_zsh(void)
{
    fputs("#compdef ringpost\n"
          "autoload -U +X bashcompinit && bashcompinit\n",
          stdout);
    write_bash();
    puts("_bash_complete -o default -F _ringpost_words");
}

int completion_run(struct cli *cli)
{
    if (strcmp(cli->arguments[0], "bash") == 0)
        write_bash();
    else if (strcmp(cli->arguments[0], "zsh") == 0)
        write_zsh();
    else
        return cli_usage("completion is for bash or zsh, not %s", cli->arguments[0]);
    return EX_OK;
}

#include "commands.h"

#include <stdio.h>
#include <string.h>

static const struct command COMMANDS[] = {
    {"push", "QUEUE [MESSAGE]", 1, 2,
     OPTION_LINES | OPTIONS_PUSH | OPTIONS_MESSAGE | OPTIONS_ANSWER, push_run,
     "append MESSAGE, or the whole standard input, to a queue"},
    {"pop", "QUEUE", 1, 1,
     OPTION_COUNT | OPTION_FOLLOW | OPTION_WAIT | OPTION_ACK | OPTION_EXEC | OPTION_BACK, pop_run,
     "take messages from a queue (one, or --count); exits 1 when it is empty"},
    {"peek", "QUEUE", 1, 1, OPTION_COUNT | OPTION_BACK, peek_run,
     "show messages of a queue and leave them there"},
    {"pub", "TOPIC [MESSAGE]", 1, 2,
     OPTION_LINES | OPTIONS_PUBLISH | OPTIONS_MESSAGE | OPTIONS_ANSWER, pub_run,
     "publish MESSAGE, or the whole standard input, to a topic"},
    {"sub", "TOPIC", 1, 1,
     OPTION_WILDCARD | OPTION_GROUP | OPTION_COUNT | OPTION_WAIT | OPTIONS_SUBSCRIBE, sub_run,
     "show what is published to a topic"},
    {"request", "ADDRESS [MESSAGE]", 1, 2, OPTIONS_MESSAGE, request_run,
     "ask whoever listens to a topic (or queue:NAME), and show the answer"},
    {"reply", "ADDRESS", 1, 1, OPTION_EXEC | OPTION_GROUP | OPTION_COUNT | OPTION_WAIT, reply_run,
     "answer requests to a topic (or queue:NAME) by --exec"},
    {"queue ls", "[PATTERN]", 0, 1, 0, queue_list_run, "list all queues, or those like 'jobs.*'"},
    {"queue info", "QUEUE", 1, 1, 0, queue_info_run, "show the figures of a queue"},
    {"queue declare", "QUEUE", 1, 1, OPTIONS_BOUND | OPTIONS_QUEUE, queue_declare_run,
     "make a queue that stays, with its bounds"},
    {"queue set", "QUEUE", 1, 1, OPTIONS_BOUND | OPTIONS_QUEUE, queue_set_run,
     "change settings of a queue"},
    {"queue redrive", "QUEUE", 1, 1, OPTION_COUNT | OPTION_TO, queue_redrive_run,
     "put dead letters back to where they were"},
    {"queue delete", "QUEUE", 1, 1, 0, queue_delete_run, "discard a queue and all in it"},
    {"queue purge", "QUEUE", 1, 1, 0, queue_purge_run,
     "discard the ready and delayed messages of a queue"},
    {"queue pause", "QUEUE", 1, 1, 0, queue_pause_run, "stop deliveries from a queue"},
    {"queue resume", "QUEUE", 1, 1, 0, queue_resume_run, "start them again"},
    {"topic ls", "[PATTERN]", 0, 1, 0, topic_list_run, "list what is subscribed to, or retained"},
    {"client ls", "", 0, 0, 0, client_list_run, "list all connections"},
    {"client kill", "ID", 1, 1, 0, client_kill_run, "end a connection"},
    {"config show", "[PATTERN]", 0, 1, 0, config_show_run,
     "show the broker's settings, and where they are from"},
    {"stats", "", 0, 0, 0, stats_run, "show figures about the broker"},
    {"top", "", 0, 0, OPTION_ONCE, top_run, "watch the queues, those that wait longest first"},
    {"ping", "", 0, 0, OPTION_COUNT, ping_run, "see whether the broker answers, and how soon"},
    {"completion", "SHELL", 1, 1, 0, completion_run, "write what makes bash or zsh complete"},
};

enum { COMMAND_COUNT = sizeof COMMANDS / sizeof *COMMANDS };

const struct command *commands_next(size_t *place)
{
    return *place < COMMAND_COUNT ? &COMMANDS[(*place)++] : NULL;
}

size_t command_group_size(const struct command *command)
{
    const char *space = strchr(command->name, ' ');
    return space ? (size_t)(space - command->name) : 0;
}

static bool is_in_group(const struct command *command, const char *group)
{
    size_t size = command_group_size(command);
    return size > 0 && strlen(group) == size && memcmp(group, command->name, size) == 0;
}

const struct command *commands_find(const char *const *words, int count, int *taken)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = &COMMANDS[i];
        size_t size = command_group_size(command);
        *taken = size > 0 ? 2 : 1;
        bool is_it = size > 0 ? count > 1 && is_in_group(command, words[0]) &&
                                    strcmp(command->name + size + 1, words[1]) == 0
                              : strcmp(command->name, words[0]) == 0;
        if (is_it)
            return command;
    }
    return NULL;
}

int commands_write_group(char *to, size_t room, const char *group)
{
    int count = 0, all = 0;
    size_t size = 0;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        all += is_in_group(&COMMANDS[i], group);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (!is_in_group(&COMMANDS[i], group))
            continue;
        count++;
        const char *between = count == 1 ? "" : count == all ? " or " : ", ";
        int wrote =
            snprintf(to + size, room - size, "%s%s", between, strchr(COMMANDS[i].name, ' ') + 1);
        size += (size_t)wrote < room - size ? (size_t)wrote : room - size - 1;
    }
    return all;
}

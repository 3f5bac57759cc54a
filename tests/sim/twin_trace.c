#include "twin.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const kinds[] = {
    [COMMAND_ATTACH] = "attach",       [COMMAND_DETACH] = "detach",
    [COMMAND_PUSH] = "push",           [COMMAND_PUBLISH] = "publish",
    [COMMAND_CONSUME] = "consume",     [COMMAND_CANCEL] = "cancel",
    [COMMAND_CREDIT] = "credit",       [COMMAND_SETTLE] = "settle",
    [COMMAND_SUBSCRIBE] = "subscribe", [COMMAND_UNSUBSCRIBE] = "unsubscribe",
    [COMMAND_DECLARE] = "declare",     [COMMAND_DELETE] = "delete",
    [COMMAND_PURGE] = "purge",         [COMMAND_PAUSE] = "pause",
    [COMMAND_RESUME] = "resume",       [COMMAND_PEEK] = "peek",
    [COMMAND_LIST] = "list",           [COMMAND_INFO] = "info",
    [COMMAND_STATS] = "stats",         [COMMAND_PING] = "ping",
};

static int queue_of(const struct twin *twin, struct bytes name)
{
    for (int i = 0; i < TWIN_QUEUES; i++)
        if (bytes_equal(twin->names->queues[i], name))
            return i;
    return -1;
}

void twin_trace_command(const struct twin *twin, const struct command *command)
{
    printf("%s conn %u number %" PRIu64, kinds[command->kind], command->peer, command->ticket);
    int queue = queue_of(twin, command->name);
    if (queue >= 0)
        printf(" queue %d", queue);
    else if (command->name.size > 0)
        printf(" name %.*s", (int)command->name.size, (const char *)command->name.data);
    switch (command->kind) {
    case COMMAND_PUSH:
    case COMMAND_PUBLISH:
        printf(" %u frames %u bytes, first %u", command->run.count, command->run.size,
               command->run.head.size);
        printf(" flags %u", command->run.head.flags);
        break;
    case COMMAND_CONSUME:
    case COMMAND_CREDIT:
    case COMMAND_CANCEL:
        printf(" id %u credit %u, %" PRIu64 " bytes%s%s", command->consumer.id,
               command->consumer.credit_count, command->consumer.credit_size,
               command->consumer.from_back ? " back" : "",
               command->consumer.no_ack ? " no-ack" : "");
        break;
    case COMMAND_SETTLE:
        printf(" id %u %s %" PRIu64 " + %u", command->settle.id,
               (const char *const[]){"ack", "return", "reject"}[command->settle.how],
               command->settle.tag, command->settle.count);
        break;
    case COMMAND_SUBSCRIBE:
    case COMMAND_UNSUBSCRIBE:
        printf(" id %u max %u, %" PRIu64 " bytes%s", command->subscription.id,
               command->subscription.count_max, command->subscription.size_max,
               command->subscription.is_wildcard ? " wildcard" : "");
        printf("%s overflow %d group %.*s", command->subscription.is_inbox ? " inbox" : "",
               command->subscription.has_overflow ? (int)command->subscription.overflow : 0,
               (int)command->subscription.group.size,
               (const char *)command->subscription.group.data);
        break;
    case COMMAND_DECLARE:
        printf(" max %" PRIu64 ", %" PRIu64 " bytes, %s", command->settings.count_max,
               command->settings.size_max,
               command->settings.when_full == WHEN_FULL_HOLD ? "hold" : "refuse");
        break;
    default: break;
    }
    putchar('\n');
}

void twin_trace_effect(const struct twin *twin, const struct effect *effect)
{
    (void)twin;
    printf("    conn %u ", effect->peer);
    switch (effect->kind) {
    case EFFECT_SETTLED:
        printf("settled %" PRIu64 " + %u: %d\n", effect->ticket, effect->count, effect->status);
        break;
    case EFFECT_ANSWER:
        printf("answer %" PRIu64 ", %u bytes\n", effect->ticket, effect->slice.size);
        break;
    case EFFECT_DELIVER:
        printf("deliver id %u tag %" PRIu64 " + %u, %u bytes, delivered %u\n", effect->id,
               effect->tag, effect->slice.count, effect->slice.size, effect->deliveries);
        break;
    case EFFECT_MESSAGE:
        printf("message id %u number %" PRIu64 " + %u, %u bytes%s\n", effect->id, effect->tag,
               effect->slice.count, effect->slice.size, effect->is_retained ? ", retained" : "");
        break;
    case EFFECT_GAP:
        printf("gap id %u from %" PRIu64 ": %" PRIu64 ", %" PRIu64 " bytes\n", effect->id,
               effect->tag, effect->missed.count, effect->missed.size);
        break;
    case EFFECT_ENDED: printf("ended id %u: %d\n", effect->id, effect->status); break;
    }
}

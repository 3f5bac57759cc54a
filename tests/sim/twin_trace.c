#include "twin.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const kinds[] = {
    [COMMAND_ATTACH] = "attach",
    [COMMAND_DETACH] = "detach",
    [COMMAND_PUSH] = "push",
    [COMMAND_PUBLISH] = "publish",
    [COMMAND_CONSUME] = "consume",
    [COMMAND_CANCEL] = "cancel",
    [COMMAND_CREDIT] = "credit",
    [COMMAND_SETTLE] = "settle",
    [COMMAND_TOUCH] = "touch",
    [COMMAND_SUBSCRIBE] = "subscribe",
    [COMMAND_UNSUBSCRIBE] = "unsubscribe",
    [COMMAND_DECLARE] = "declare",
    [COMMAND_SET] = "set",
    [COMMAND_DELETE] = "delete",
    [COMMAND_PAUSE] = "pause",
    [COMMAND_RESUME] = "resume",
    [COMMAND_KILL] = "kill",
    [COMMAND_HEARTBEAT] = "heartbeat",
    [COMMAND_PING] = "ping",
    [COMMAND_PURGE] = "purge",
    [COMMAND_REDRIVE] = "redrive",
    [COMMAND_PEEK] = "peek",
    [COMMAND_LIST] = "list",
    [COMMAND_INFO] = "info",
    [COMMAND_CLIENTS] = "clients",
    [COMMAND_TOPICS] = "topics",
    [COMMAND_STATS] = "stats",
    [COMMAND_SETTINGS] = "settings",
    [COMMAND_TAKE] = "take",
    [COMMAND_WAIT] = "wait",
    [COMMAND_FINISH] = "finish",
    [COMMAND_LENGTH] = "length",
    [COMMAND_RANGE] = "range",
    [COMMAND_WATCH] = "watch",
    [COMMAND_UNWATCH] = "unwatch",
    [COMMAND_BEGIN] = "begin",
    [COMMAND_COMMIT] = "commit",
};

static int queue_of(const struct twin *twin, struct bytes name)
{
    for (int i = 0; i < TWIN_QUEUES; i++)
        if (bytes_equal(twin->names->queues[i], name))
            return i;
    return -1;
}

static void print_settings(const struct twin *twin, const struct queue_settings *settings)
{
    static const char *const choices[] = {"refuse", "hold", "drop-oldest"};
    unsigned given = settings->given;
    if (given & SETTING_COUNT_MAX)
        printf(" max %" PRIu64, settings->count_max);
    if (given & SETTING_SIZE_MAX)
        printf(" %" PRIu64 " bytes", settings->size_max);
    if (given & SETTING_WHEN_FULL)
        printf(" %s", choices[settings->when_full]);
    if (given & SETTING_TTL)
        printf(" ttl %" PRIu64, settings->ttl_ms);
    if (given & SETTING_DELIVERY_LIMIT)
        printf(" limit %u", settings->delivery_limit);
    if (given & SETTING_DEAD_LETTER)
        printf(" dead-letter %d", queue_of(twin, settings->dead_letter));
    if (given & SETTING_LEASE_MAX)
        printf(" lease-max %" PRIu64, settings->lease_max_ms);
    if (given & SETTING_POP_LEASE)
        printf(" pop-lease %d", (int)settings->pop_lease);
}

static void print_frames(const struct run *run)
{
    struct headers headers = headers_read(run->data);
    printf(" %u frames %u bytes, first %u", run->count, run->size, run->head.size);
    if (headers.is_there)
        printf(", ttl %" PRIu64 " delay %" PRIu64 " dead %" PRIu64, headers.ttl_ms,
               headers.delay_ms, headers.dead_times);
}

void twin_trace_command(const struct twin *twin, const struct command *command)
{
    printf("%" PRIu64 " %s conn %u number %" PRIu64, twin->now, kinds[command->kind], command->peer,
           command->ticket);
    int queue = queue_of(twin, command->name);
    if (queue >= 0)
        printf(" queue %d", queue);
    else if (command->name.size > 0)
        printf(" name %.*s", (int)command->name.size, (const char *)command->name.data);
    switch (command->kind) {
    case COMMAND_PUSH:
    case COMMAND_PUBLISH:
        print_frames(&command->run);
        printf(" flags %u%s%s%s", command->run.head.flags, command->at_front ? " front" : "",
               command->is_whole ? " whole" : "", command->only_there ? " only there" : "");
        break;
    case COMMAND_WAIT:
        for (uint32_t i = 0; i < command->take.names_count; i++)
            printf(" queue %d", queue_of(twin, command->take.names[i]));
        if (command->take.is_move)
            printf(" to %d%s", queue_of(twin, command->take.to),
                   command->take.to_front ? " front" : "");
        /* fall through */
    case COMMAND_TAKE:
        printf(" %u%s%s%s", command->take.count, command->take.from_back ? " back" : "",
               command->take.is_each ? " each" : "", command->take.is_now ? " now" : "");
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
    case COMMAND_TOUCH:
        printf(" id %u %s %" PRIu64 " + %u delay %" PRIu64, command->settle.id,
               (const char *const[]){"ack", "return", "reject"}[command->settle.how],
               command->settle.tag, command->settle.count, command->settle.delay_ms);
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
    case COMMAND_SET: print_settings(twin, &command->settings); break;
    case COMMAND_REDRIVE:
        printf(" %u to %d", command->redrive.count, queue_of(twin, command->redrive.to));
        break;
    case COMMAND_KILL: printf(" conn %u", command->client); break;
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
    case EFFECT_LOST:
        printf("lost id %u tag %" PRIu64 " + %u\n", effect->id, effect->tag, effect->count);
        break;
    case EFFECT_KILLED: printf("killed: %d\n", effect->status); break;
    case EFFECT_NUMBER:
        printf("number %" PRIu64 " + %u: %" PRId64 "\n", effect->ticket, effect->numbers.count,
               effect->numbers.first);
        break;
    case EFFECT_FRAMES:
        printf("frames %" PRIu64 ", %u of %u\n", effect->ticket, effect->slice.count,
               effect->total);
        break;
    case EFFECT_ENDED: printf("ended id %u: %d\n", effect->id, effect->status); break;
    }
}

void twin_trace_event(const struct twin *twin, const struct twin_event *event)
{
    (void)twin;
    switch (event->kind) {
    case EVENT_AGE: printf("    queue %d ages\n", event->queue); break;
    case EVENT_LETTER: printf("    queue %d: a letter: %s\n", event->queue, event->reason); break;
    case EVENT_BURY: puts("    burial"); break;
    case EVENT_END: printf("    queue %d goes away\n", event->queue); break;
    case EVENT_LOSE:
        printf("    conn %u loses tag %" PRIu64 " + %u of queue %d\n", event->peer, event->tag,
               event->count, event->queue);
        break;
    case EVENT_SERVE: puts("    those who wait are looked at"); break;
    case EVENT_BURIED: break;
    }
}

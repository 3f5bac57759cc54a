/* Lists: what is ready in a queue, by place; and transactions. */
#include "replay.h"
#include "twin.h"

/* Which places a range names: the first, and how many. */
static uint64_t clip(const struct command *command, uint64_t length, uint64_t *count)
{
    int64_t first = command->range.start, last = command->range.stop, end = (int64_t)length;
    first = first < 0 ? first + end : first;
    last = last < 0 ? last + end : last;
    first = first < 0 ? 0 : first;
    last = last >= end ? end - 1 : last;
    *count = last < first ? 0 : (uint64_t)(last - first) + 1;
    return (uint64_t)first;
}

static void range(struct twin *twin, struct twin_peer *peer, const struct command *command,
                  int index)
{
    const struct twin_queue *queue = &twin->queues[index];
    uint64_t count, first = clip(command, queue->ready, &count), place = 0;
    reach(count > 0 ? REACH_RANGE : REACH_RANGE_EMPTY);
    if (count == 0) {
        twin_foretell(twin, peer->id, command->ticket, STATUS_OK);
        return;
    }
    struct twin_settled *frames =
        twin_foretell_frames(twin, peer->id, command->ticket, index, (uint32_t)count);
    for (const struct list *link = queue->messages.next; link != &queue->messages;
         link = link->next) {
        const struct twin_message *message = list_entry(link, const struct twin_message, link);
        if (message->state != MESSAGE_READY)
            continue;
        if (place >= first && place - first < count)
            frames->messages[place - first] =
                (struct twin_held){.id = message->id,
                                   .size = message->size,
                                   .name = twin->names->queues[message->name],
                                   .headers = message->headers};
        place++;
    }
}

void twin_apply_list(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    int index = twin_queue_index(twin, command->name);
    uint64_t length = twin->queues[index].ready;
    if (command->kind == COMMAND_LENGTH)
        twin_foretell_number(twin, peer->id, command->ticket, (int64_t)length);
    else if (length == 0)
        twin_foretell(twin, peer->id, command->ticket, STATUS_NO_KEY);
    else
        range(twin, peer, command, index);
}

/* Transactions. */

static enum status begin(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    bool is_watching = false, is_changed = false;
    for (int i = 0; i < TWIN_QUEUES && !command->is_bare; i++) {
        is_watching |= peer->watches[i].is_there;
        is_changed |=
            peer->watches[i].is_there && peer->watches[i].changes != twin->queues[i].changes;
        peer->watches[i].is_there = false;
    }
    twin->transaction = peer->id;
    twin->is_skipped = is_changed;
    if (is_watching)
        reach(is_changed ? REACH_CHANGED : REACH_UNCHANGED);
    return is_changed ? STATUS_CHANGED : STATUS_OK;
}

static enum status watch(struct twin *twin, struct twin_peer *peer, const struct command *command)
{
    int index = twin_queue_index(twin, command->name);
    if (twin->is_pressed)
        return STATUS_MEMORY;
    if (!peer->watches[index].is_there)
        peer->watches[index].changes = twin->queues[index].changes;
    peer->watches[index].is_there = true;
    return STATUS_OK;
}

void twin_apply_transaction(struct twin *twin, struct twin_peer *peer,
                            const struct command *command)
{
    enum status status = STATUS_OK;
    switch (command->kind) {
    case COMMAND_WATCH: status = watch(twin, peer, command); break;
    case COMMAND_BEGIN: status = begin(twin, peer, command); break;
    case COMMAND_COMMIT:
        twin->transaction = 0;
        twin->is_skipped = false;
        break;
    default:
        for (int i = 0; i < TWIN_QUEUES; i++)
            peer->watches[i].is_there = false;
    }
    twin_foretell(twin, peer->id, command->ticket, status);
}

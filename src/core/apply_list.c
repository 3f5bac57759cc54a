#include "core/engine_state.h"
#include "core/places.h"
#include "frame/header.h"

#include <assert.h>

/*
 * Lists: the ready messages of a queue by place. What is asked for is answered with slices of the
 * segments it lies in; only where others lie between is it copied together, so that an answer has no
 * more pieces than there are segments.
 */

enum { FIND_COUNT_MAX = 1 << 28 }; /* places in one answer */

/* Which of `length` places a range names: the first, and how many. */
static uint64_t clip(const struct command *command, uint64_t length, uint64_t *count)
{
    int64_t end = (int64_t)length, first = command->range.start, last = command->range.stop;
    first += first < 0 ? end : 0;
    last += last < 0 ? end : 0;
    first = first < 0 ? 0 : first;
    last = last < end ? last : end - 1;
    *count = first <= last ? (uint64_t)(last - first) + 1 : 0;
    return (uint64_t)first;
}

static void copy_frames(struct engine *engine, const struct stretch *stretch)
{
    for (uint32_t i = 0; i < stretch->count; i++) {
        const unsigned char *frame = stretch_frame(stretch, i);
        bytes_copy(answer_reserve(engine, frame_size(frame)), bytes_of(frame, frame_size(frame)));
        engine->text_size += frame_size(frame);
    }
}

/* Answers with the frames copied since the last time. */
static void answer_copies(struct engine *engine, struct frames_answer *answer, uint32_t count,
                          struct outbox *outbox)
{
    struct slice slice;
    struct bytes copies = bytes_of(engine->text, engine->text_size);
    if (count == 0)
        return;
    bytes_copy(chunk_put(&engine->chunks, &engine->arena, (uint32_t)copies.size, &slice), copies);
    slice.count = count;
    engine->text_size = 0;
    answer_slice(engine, answer, &slice, outbox);
}

static void answer_range(struct engine *engine, struct places *places, struct frames_answer *answer,
                         struct outbox *outbox)
{
    uint32_t copied = 0;
    struct stretch stretch;
    while (answer->put + copied < answer->total &&
           places_next(places, answer->total - answer->put - copied, &stretch)) {
        bool is_scattered = stretch.segment->ready_bits;
        if (!is_scattered || engine->text_size > LOOK_SIZE_MAX) {
            answer_copies(engine, answer, copied, outbox);
            copied = 0;
        }
        if (is_scattered) {
            copy_frames(engine, &stretch);
            copied += stretch.count;
        } else {
            answer_frames(engine, answer, &stretch, outbox);
        }
    }
    answer_copies(engine, answer, copied, outbox);
}

static void range(struct engine *engine, struct peer *peer, const struct command *command,
                  struct queue *queue, struct outbox *outbox)
{
    uint64_t count, first = clip(command, queue->ready_count, &count);
    struct frames_answer answer = {.peer = peer, .ticket = command->ticket};
    struct places places;
    if (count == 0) {
        outbox_settle(outbox, peer->id, command->ticket, 1, STATUS_OK);
        return;
    }
    answer.total = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
    places_seek(&places, queue, first, false);
    answer_range(engine, &places, &answer, outbox);
}

/* A search for messages that say `body`. */
struct search {
    struct places places;
    struct stretch stretch; /* being looked at */
    uint32_t at;            /* in it */
    struct bytes body;
    uint64_t looked_count, looked_max;
};

/* Moves on to the next message; NULL at the end. */
static const unsigned char *look_at_next(struct search *search)
{
    if (search->looked_count == search->looked_max)
        return NULL;
    if (search->at == search->stretch.count) {
        if (!places_next(&search->places, UINT32_MAX, &search->stretch))
            return NULL;
        search->at = 0;
    }
    search->looked_count++;
    return stretch_frame(&search->stretch, search->at++);
}

/* Finds the next one. */
static bool find_next(struct search *search, uint64_t *place)
{
    const unsigned char *frame;
    do {
        frame = look_at_next(search);
        if (!frame)
            return false;
    } while (!bytes_equal(message_body(frame), search->body));
    const struct places *places = &search->places;
    *place = places->from_back ? places->queue->ready_count - search->looked_count
                               : search->looked_count - 1;
    return true;
}

/* Puts the places that are asked for together. */
static void put_places(struct engine *engine, const struct command *command, struct queue *queue)
{
    struct search search = {.body = command->edit.body, .looked_max = UINT64_MAX};
    int64_t rank = command->edit.rank, count = command->edit.count;
    uint64_t skip = (rank < 0 ? 0 - (uint64_t)rank : (uint64_t)rank) - 1, place;
    uint64_t left = count > 0 && count < FIND_COUNT_MAX ? (uint64_t)count : FIND_COUNT_MAX;
    if (command->edit.look_max > 0)
        search.looked_max = command->edit.look_max;
    if (!command->edit.has_count)
        left = 1;
    places_begin(&search.places, queue, rank < 0);
    for (; skip > 0 && find_next(&search, &place); skip--)
        ;
    for (; left > 0 && find_next(&search, &place); left--) {
        store_u64(answer_reserve(engine, sizeof place), place);
        engine->text_size += sizeof place;
    }
}

/* `queue` is NULL when there is no list. */
static void find(struct engine *engine, const struct command *command, struct queue *queue,
                 struct outbox *outbox)
{
    assert(command->edit.rank != 0);
    if (queue)
        put_places(engine, command, queue);
    if (command->edit.has_count) {
        answer_send(engine, command, false, outbox);
    } else if (engine->text_size > 0) {
        engine->text_size = 0;
        outbox_number(outbox, command->peer, command->ticket, (int64_t)load_u64(engine->text));
    } else {
        outbox_settle(outbox, command->peer, command->ticket, 1, STATUS_NO_KEY);
    }
}

/* Takes note of messages that were discarded. */
static void count_discarded(struct engine *engine, struct queue *queue, uint64_t count)
{
    engine->totals.settled += count;
    engine_touch(engine, queue); /* it has room, or nothing at all */
}

/* Whether a message may come into the list, beside or instead of one of `size_before` bytes. */
static enum status may_accept(struct engine *engine, struct queue *queue, uint32_t size,
                              uint32_t size_before)
{
    uint64_t held = queue_held_size(queue), size_max = queue->settings.size_max;
    bool is_full = size_before == 0 && queue_held_count(queue) >= queue->settings.count_max;
    if (!engine->is_pressed && !is_full &&
        (size <= size_before || held + (size - size_before) <= size_max))
        return STATUS_OK;
    queue->counters.refused++;
    engine->totals.refused++;
    return engine->is_pressed ? STATUS_MEMORY : STATUS_FULL;
}

static enum status insert(struct engine *engine, const struct command *command, struct queue *queue,
                          struct outbox *outbox)
{
    struct search search = {.body = command->edit.body, .looked_max = UINT64_MAX};
    const struct run *run = &command->edit.run;
    uint64_t place;
    places_begin(&search.places, queue, false);
    if (!find_next(&search, &place)) {
        outbox_number(outbox, command->peer, command->ticket, -1);
        return STATUS_OK;
    }
    enum status status = may_accept(engine, queue, run->size, 0);
    if (status != STATUS_OK)
        return status;
    const struct stretch one = stretch_part(&search.stretch, search.at - 1, 1);
    queue_insert_beside(queue, &engine->stock, &one, command->edit.is_before, run->data);
    engine->totals.accepted++;
    engine_touch(engine, queue); /* when it expires may matter */
    outbox_number(outbox, command->peer, command->ticket, (int64_t)queue->ready_count);
    return STATUS_OK;
}

static enum status replace(struct engine *engine, const struct command *command,
                           struct queue *queue, struct outbox *outbox)
{
    int64_t length = (int64_t)queue->ready_count, index = command->edit.index;
    struct places places;
    struct stretch one;
    index += index < 0 ? length : 0;
    if (index < 0 || index >= length)
        return STATUS_BAD_INDEX;
    places_seek(&places, queue, (uint64_t)index, false);
    bool is_any = places_next(&places, 1, &one);
    assert(is_any);
    enum status status = may_accept(engine, queue, command->edit.run.size, one.size);
    if (status != STATUS_OK)
        return status;
    queue_replace(queue, &engine->stock, &one, command->edit.run.data);
    engine->totals.accepted++;
    count_discarded(engine, queue, 1);
    outbox_settle(outbox, command->peer, command->ticket, 1, STATUS_OK);
    return STATUS_OK;
}

static void remove_alike(struct engine *engine, const struct command *command, struct queue *queue,
                         struct outbox *outbox)
{
    int64_t count = command->edit.count;
    uint64_t count_max = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
    uint64_t removed = queue_remove(queue, &engine->stock, command->edit.body, count < 0,
                                    count_max ? count_max : UINT64_MAX);
    count_discarded(engine, queue, removed);
    outbox_number(outbox, command->peer, command->ticket, (int64_t)removed);
}

static void trim(struct engine *engine, const struct command *command, struct queue *queue,
                 struct outbox *outbox)
{
    uint64_t length = queue->ready_count, count, first = clip(command, length, &count);
    uint64_t before = count > 0 ? first : length;
    queue_shorten(queue, &engine->stock, false, before);
    queue_shorten(queue, &engine->stock, true, length - before - count);
    count_discarded(engine, queue, length - count);
    watch_touch(engine, command->space, command->name); /* even when nothing was taken away */
    outbox_settle(outbox, command->peer, command->ticket, 1, STATUS_OK);
}

/* Answers about a name that is no list. */
static void answer_none(struct engine *engine, const struct command *command, struct outbox *outbox)
{
    switch (command->kind) {
    case COMMAND_LENGTH:
    case COMMAND_INSERT:
    case COMMAND_REMOVE: outbox_number(outbox, command->peer, command->ticket, 0); break;
    case COMMAND_FIND: find(engine, command, NULL, outbox); break;
    case COMMAND_TRIM: outbox_settle(outbox, command->peer, command->ticket, 1, STATUS_OK); break;
    default: outbox_settle(outbox, command->peer, command->ticket, 1, STATUS_NO_KEY);
    }
}

/* Answers about a list, unless it comes to what is returned. */
static enum status answer_about(struct engine *engine, struct peer *peer,
                                const struct command *command, struct queue *queue,
                                struct outbox *outbox)
{
    switch (command->kind) {
    case COMMAND_RANGE: range(engine, peer, command, queue, outbox); break;
    case COMMAND_FIND: find(engine, command, queue, outbox); break;
    case COMMAND_REMOVE: remove_alike(engine, command, queue, outbox); break;
    case COMMAND_TRIM: trim(engine, command, queue, outbox); break;
    case COMMAND_INSERT: return insert(engine, command, queue, outbox);
    case COMMAND_REPLACE: return replace(engine, command, queue, outbox);
    default:
        assert(command->kind == COMMAND_LENGTH);
        outbox_number(outbox, peer->id, command->ticket, (int64_t)queue->ready_count);
    }
    return STATUS_OK;
}

void apply_list(struct engine *engine, struct peer *peer, const struct command *command,
                struct outbox *outbox)
{
    struct queue *queue;
    enum status status = engine_list(engine, command->space, command->name, &queue);
    if (status == STATUS_NO_KEY) {
        answer_none(engine, command, outbox);
        return;
    }
    if (status == STATUS_OK)
        status = answer_about(engine, peer, command, queue, outbox);
    if (status != STATUS_OK)
        outbox_settle(outbox, peer->id, command->ticket, 1, status);
}

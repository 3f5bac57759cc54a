#include "core/engine_state.h"
#include "core/places.h"

#include <assert.h>

/*
 * Lists: the ready messages of a queue by place. What is asked for is answered with slices of the
 * segments it lies in; only where others lie between is it copied together, so that an answer has no
 * more pieces than there are segments.
 */

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

/* Answers about a name that is no list. */
static void answer_none(const struct command *command, enum status status, struct outbox *outbox)
{
    if (status == STATUS_NO_KEY && command->kind == COMMAND_LENGTH)
        outbox_number(outbox, command->peer, command->ticket, 0);
    else
        outbox_settle(outbox, command->peer, command->ticket, 1, status);
}

void apply_list(struct engine *engine, struct peer *peer, const struct command *command,
                struct outbox *outbox)
{
    struct queue *queue;
    enum status status = engine_list(engine, command->space, command->name, &queue);
    if (status != STATUS_OK) {
        answer_none(command, status, outbox);
        return;
    }
    switch (command->kind) {
    case COMMAND_LENGTH:
        outbox_number(outbox, peer->id, command->ticket, (int64_t)queue->ready_count);
        break;
    default: assert(command->kind == COMMAND_RANGE); range(engine, peer, command, queue, outbox);
    }
}

#include "session/replies.h"

#include "base/array.h"
#include "session/say.h"

#include <assert.h>

/*
 * Tickets grow from reply to reply. A reply of words alone has none; it bears the next one's, so that
 * they never shrink.
 */

enum { CAPACITY_IDLE_MAX = 64, NOTES_IDLE_MAX = 1024 };

void replies_finish(struct replies *replies)
{
    for (size_t i = 0; i < replies->count; i++)
        text_finish(&replies->ring[(replies->first + i) & (replies->capacity - 1)].kept);
    memory_free(replies->ring);
    text_finish(&replies->notes);
    *replies = (struct replies){0};
}

static struct reply *reply_at(const struct replies *replies, size_t at)
{
    return &replies->ring[(replies->first + at) & (replies->capacity - 1)];
}

struct reply *replies_expect(struct replies *replies, uint64_t ticket, uint32_t count,
                             uint8_t version, reply_say *say)
{
    if (replies->count == replies->capacity)
        replies->ring =
            ring_double(replies->ring, &replies->first, &replies->capacity, sizeof *replies->ring);
    struct reply *reply = reply_at(replies, replies->count++);
    *reply = (struct reply){.ticket = ticket, .count = count, .version = version, .say = say};
    return reply;
}

struct reply *replies_last(struct replies *replies)
{
    assert(replies->count > 0);
    return reply_at(replies, replies->count - 1);
}

void replies_note(struct replies *replies, struct bytes note)
{
    replies_last(replies)->note_size += (uint32_t)note.size;
    bytes_copy(text_reserve(&replies->notes, note.size), note);
}

struct pen replies_pen(struct replies *replies, struct output *output, uint8_t version)
{
    struct pen pen = {.version = version};
    if (replies->count == 0) {
        pen.output = output;
        return pen;
    }
    struct reply *last = replies_last(replies);
    if (last->count > 0)
        last = replies_expect(replies, last->ticket + last->count, 0, version, NULL);
    pen.text = &replies->notes;
    pen.written_size = &last->note_size;
    return pen;
}

/* The place of the reply to a ticket that is not settled. */
static size_t find(const struct replies *replies, uint64_t ticket)
{
    size_t low = 0, high = replies->count;
    while (low < high) {
        size_t middle = low > 0 ? low + (high - low) / 2 : 0; /* as a rule it is the first */
        const struct reply *reply = reply_at(replies, middle);
        if (reply->ticket + reply->count <= ticket)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low < replies->count && reply_at(replies, low)->ticket <= ticket);
    return low;
}

static struct bytes note_at(const struct replies *replies, size_t at)
{
    size_t offset = 0;
    if (reply_at(replies, at)->note_size == 0)
        return (struct bytes){0};
    for (size_t i = 0; i < at; i++)
        offset += reply_at(replies, i)->note_size;
    return bytes_of(text_bytes(&replies->notes).data + offset, reply_at(replies, at)->note_size);
}

/* A pen for what is said of the reply at `at`. */
static struct pen pen_at(struct replies *replies, size_t at, struct output *output)
{
    struct reply *reply = reply_at(replies, at);
    return (struct pen){.output = at == 0 ? output : NULL,
                        .text = &reply->kept,
                        .version = reply->version,
                        .note = note_at(replies, at)};
}

static bool is_settled(const struct reply *reply)
{
    return reply->settled_count == reply->count;
}

/* An idle session keeps little memory. */
static void rest(struct replies *replies)
{
    if (replies->count > 0)
        return;
    if (replies->capacity > CAPACITY_IDLE_MAX) {
        memory_free(replies->ring);
        replies->ring = NULL;
        replies->first = replies->capacity = 0;
    }
    if (replies->notes.capacity > NOTES_IDLE_MAX)
        text_finish(&replies->notes);
}

/* Says what was kept of the replies whose turn it is now. */
static void let_out(struct replies *replies, struct output *output)
{
    while (replies->count > 0) {
        struct reply *reply = reply_at(replies, 0);
        struct pen pen = pen_at(replies, 0, output);
        pen_put(&pen, text_bytes(&reply->kept));
        text_finish(&reply->kept);
        if (!is_settled(reply))
            return;
        if (reply->count == 0 && !reply->is_skipped)
            pen_put(&pen, pen.note);
        text_take(&replies->notes, reply->note_size);
        replies->large_count -= reply->is_large;
        replies->first = (replies->first + 1) & (replies->capacity - 1);
        replies->count--;
    }
    rest(replies);
}

/* A transaction does not take place: what was to be said of its commands is not. */
static void skip_transaction(struct replies *replies, size_t at)
{
    while (++at < replies->count && reply_at(replies, at)->role != REPLY_COMMIT)
        reply_at(replies, at)->is_skipped = true;
}

/* Puts one ticket of several to the others; says what they have come to when it is the last. */
static void join(struct reply *reply, struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_NUMBER) {
        reply->has_number = true;
        reply->sum += effect->numbers.first;
    } else if (reply->failure == STATUS_OK) {
        reply->failure = effect->status;
    }
    if (reply->settled_count < reply->count - 1)
        return;
    struct effect all = {.kind = EFFECT_SETTLED, .status = reply->failure, .count = 1};
    if (reply->failure == STATUS_OK && reply->has_number) {
        all.kind = EFFECT_NUMBER;
        all.numbers.count = 1;
        all.numbers.first = reply->sum;
    }
    reply->say(pen, &all);
}

/* Settles one ticket. */
static void settle(struct replies *replies, uint64_t ticket, struct output *output,
                   const struct effect *effect)
{
    size_t at = find(replies, ticket);
    struct reply *reply = reply_at(replies, at);
    assert(reply->is_joined || ticket == reply->ticket + reply->settled_count);
    struct pen pen = pen_at(replies, at, output);
    bool is_silent =
        reply->is_skipped || (effect->kind == EFFECT_SETTLED && effect->status == STATUS_SKIPPED);
    if (reply->opens_count > 0 && reply->settled_count == 0 && !is_silent)
        pen_array(&pen, reply->opens_count);
    if (reply->is_joined && !is_silent)
        join(reply, &pen, effect);
    else if (!is_silent)
        reply->say(&pen, effect);
    if (reply->role == REPLY_BEGIN && effect->status == STATUS_CHANGED)
        skip_transaction(replies, at);
    reply->settled_count++;
}

/* Puts messages to the reply that they are for. */
static bool settle_frames(struct replies *replies, struct output *output,
                          const struct effect *effect)
{
    size_t at = find(replies, effect->ticket);
    struct reply *reply = reply_at(replies, at);
    struct pen pen = pen_at(replies, at, output);
    if (reply->frames_left == 0) {
        reply->frames_left = effect->total;
        reply->say(&pen, effect);
    }
    assert(reply->frames_left >= effect->slice.count);
    reply->frames_left -= effect->slice.count;
    bool is_taken = pen_frames(&pen, &effect->slice);
    if (reply->frames_left == 0)
        reply->settled_count += reply->is_each ? effect->total : 1;
    let_out(replies, output);
    return is_taken;
}

/* Settles as many tickets as one reply has that are answered with numbers alike. Returns how many. */
static uint32_t settle_numbers(struct replies *replies, uint64_t ticket, struct output *output,
                               const struct effect *effect, uint32_t count)
{
    size_t at = find(replies, ticket);
    struct reply *reply = reply_at(replies, at);
    uint32_t left = reply->count - reply->settled_count;
    if (reply->say != say_integer || reply->is_joined || reply->is_skipped)
        return 0;
    count = count < left ? count : left;
    struct pen pen = pen_at(replies, at, output);
    pen_integers(&pen, effect->numbers.first, effect->numbers.step, count);
    reply->settled_count += count;
    return count;
}

bool replies_settle(struct replies *replies, struct output *output, const struct effect *effect)
{
    if (effect->kind == EFFECT_FRAMES)
        return settle_frames(replies, output, effect);
    uint32_t count = effect->kind == EFFECT_SETTLED  ? effect->count
                     : effect->kind == EFFECT_NUMBER ? effect->numbers.count
                                                     : 1;
    struct effect one = *effect;
    for (uint32_t i = 0, some; i < count; i += some) {
        uint64_t ticket = effect->ticket + i;
        bool is_number = effect->kind == EFFECT_NUMBER;
        some = is_number ? settle_numbers(replies, ticket, output, &one, count - i) : 0;
        if (some == 0)
            settle(replies, ticket, output, &one);
        some += some == 0;
        if (is_number)
            one.numbers.first += (int64_t)effect->numbers.step * some;
        if (is_settled(reply_at(replies, 0)))
            let_out(replies, output);
    }
    return false;
}

size_t replies_waiting_size(const struct replies *replies)
{
    return replies->notes.size;
}

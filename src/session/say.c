#include "session/say.h"

void say_nothing(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_SETTLED && effect->status != STATUS_OK)
        pen_status(pen, effect->status);
}

void say_ok(struct pen *pen, const struct effect *effect)
{
    if (effect->status == STATUS_OK)
        pen_simple(pen, "OK");
    else
        pen_status(pen, effect->status);
}

/* Whether there simply was nothing. */
static bool is_nothing(const struct effect *effect)
{
    return effect->kind == EFFECT_SETTLED &&
           (effect->status == STATUS_OK || effect->status == STATUS_NO_KEY ||
            effect->status == STATUS_UNMET);
}

void say_integer(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_NUMBER)
        pen_integer(pen, effect->numbers.first);
    else if (is_nothing(effect))
        pen_null(pen);
    else
        pen_status(pen, effect->status);
}

void say_bulk(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_ANSWER)
        pen_bulk(pen, slice_bytes(&effect->slice));
    else if (is_nothing(effect))
        pen_null(pen);
    else if (effect->kind == EFFECT_SETTLED)
        pen_status(pen, effect->status);
}

void say_list(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_FRAMES)
        pen_array(pen, effect->total);
    else if (is_nothing(effect))
        pen_array(pen, 0);
    else
        pen_status(pen, effect->status);
}

void say_list_or_null(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_SETTLED && effect->status == STATUS_NO_KEY)
        pen_null_array(pen);
    else
        say_list(pen, effect);
}

void say_note_name(struct replies *replies, struct bytes name)
{
    unsigned char size[4];
    store_u32(size, (uint32_t)name.size);
    replies_note(replies, bytes_of(size, sizeof size));
    replies_note(replies, name);
}

struct bytes say_noted_name(const struct pen *pen, uint32_t number)
{
    size_t at = 0;
    while (number-- > 0)
        at += 4 + load_u32(pen->note.data + at);
    assert(at + 4 <= pen->note.size);
    return bytes_of(pen->note.data + at + 4, load_u32(pen->note.data + at));
}

void say_popped(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_FRAMES) {
        pen_array(pen, 2);
        pen_bulk(pen, say_noted_name(pen, effect->id));
    } else if (is_nothing(effect)) {
        pen_null_array(pen);
    } else {
        pen_status(pen, effect->status);
    }
}

void say_popped_list(struct pen *pen, const struct effect *effect)
{
    say_popped(pen, effect);
    if (effect->kind == EFFECT_FRAMES)
        pen_array(pen, effect->total);
}

void say_moved(struct pen *pen, const struct effect *effect)
{
    if (is_nothing(effect))
        pen_null_array(pen);
    else
        say_bulk(pen, effect);
}

void say_places(struct pen *pen, const struct effect *effect)
{
    if (effect->kind != EFFECT_ANSWER) {
        say_list(pen, effect);
        return;
    }
    struct bytes places = slice_bytes(&effect->slice);
    pen_array(pen, places.size / 8);
    for (size_t at = 0; at < places.size; at += 8)
        pen_integer(pen, (int64_t)load_u64(places.data + at));
}

void say_names(struct pen *pen, const struct effect *effect)
{
    if (effect->kind == EFFECT_ANSWER)
        pen_names(pen, slice_bytes(&effect->slice));
    else
        pen_status(pen, effect->status);
}

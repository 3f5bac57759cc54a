#include "session/text.h"

#include "base/array.h"

#include <assert.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 128 }; /* bytes: a few words, or lines */

unsigned char *text_reserve(struct text *text, size_t size)
{
    bool is_worth_moving = text->first > 0 && text->first >= text->size;
    if (is_worth_moving && text->first + text->size + size > text->capacity) {
        memmove(text->data, text->data + text->first, text->size);
        text->first = 0;
    }
    size_t capacity = text->capacity, need = text->first + text->size + size;
    need = need > CAPACITY_MIN ? need : CAPACITY_MIN;
    text->data = array_reserve(text->data, &capacity, need, 1);
    assert(capacity <= UINT32_MAX);
    text->capacity = (uint32_t)capacity;
    unsigned char *at = text->data + text->first + text->size;
    text->size += (uint32_t)size;
    return at;
}

void text_take(struct text *text, size_t size)
{
    assert(size <= text->size);
    text->first += (uint32_t)size;
    text->size -= (uint32_t)size;
}

void text_rest(struct text *text)
{
    if (text->size == 0)
        text_finish(text);
}

void text_set(struct text *text, struct bytes bytes)
{
    text_finish(text);
    if (bytes.size > 0)
        bytes_copy(text_reserve(text, bytes.size), bytes);
}

void text_finish(struct text *text)
{
    memory_free(text->data);
    *text = (struct text){0};
}

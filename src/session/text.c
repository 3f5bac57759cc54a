#include "session/text.h"

#include "base/array.h"

#include <assert.h>
#include <stdlib.h>

unsigned char *text_reserve(struct text *text, size_t size)
{
    if (text->first > 0 && text->first + text->size + size > text->capacity) {
        memmove(text->data, text->data + text->first, text->size);
        text->first = 0;
    }
    text->data = array_reserve(text->data, &text->capacity, text->first + text->size + size, 1);
    unsigned char *at = text->data + text->first + text->size;
    text->size += size;
    return at;
}

void text_take(struct text *text, size_t size)
{
    assert(size <= text->size);
    text->first += size;
    text->size -= size;
}

void text_rest(struct text *text)
{
    if (text->size == 0)
        text_finish(text);
}

void text_finish(struct text *text)
{
    memory_free(text->data);
    *text = (struct text){0};
}

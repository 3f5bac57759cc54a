/* Bytes that grow at their end and go from their front. */
#ifndef RINGPOST_SESSION_TEXT_H
#define RINGPOST_SESSION_TEXT_H

#include "base/bytes.h"

/* `size` bytes from `first` on. A zeroed text is empty. */
struct text {
    unsigned char *data;
    uint32_t first, size, capacity;
};

/* Room for `size` bytes at the end, to be filled at once. */
unsigned char *text_reserve(struct text *text, size_t size);

/* Takes `size` bytes off the front. They stay readable until the next text_reserve or text_rest. */
void text_take(struct text *text, size_t size);

/* Gives the memory back if nothing is in it. */
void text_rest(struct text *text);

/* Holds a copy of these bytes, and nothing else. */
void text_set(struct text *text, struct bytes bytes);

/* Forgets everything and gives the memory back. */
void text_finish(struct text *text);

static inline struct bytes text_bytes(const struct text *text)
{
    return text->size > 0 ? bytes_of(text->data + text->first, text->size) : (struct bytes){0};
}

#endif

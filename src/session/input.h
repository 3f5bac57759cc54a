/* What came from a client and is not taken yet: lent for a moment, or kept. */
#ifndef RINGPOST_SESSION_INPUT_H
#define RINGPOST_SESSION_INPUT_H

#include "session/text.h"

/* A zeroed input is empty. */
struct input {
    struct bytes fed; /* borrowed */
    struct text kept; /* stands before that: what is not whole, or could not be taken yet */
};

void input_finish(struct input *input);

/* What can be looked at without another copy: what was kept, else all that is there. */
static inline struct bytes input_there(const struct input *input)
{
    return input->kept.size > 0 ? text_bytes(&input->kept) : input->fed;
}

/* Grows what is kept from what was fed, until it has `size` bytes; false when there are not enough. */
bool input_complete(struct input *input, size_t size);

/* Takes the front of what is there. It stays readable until more is kept. */
void input_take(struct input *input, size_t size);

/* Keeps all of it. */
void input_keep(struct input *input);

/* Forgets all of it. */
void input_drop(struct input *input);

#endif

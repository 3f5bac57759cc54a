/* The standard input, as messages. */
#ifndef RINGPOST_TOOLS_RINGPOST_INPUT_H
#define RINGPOST_TOOLS_RINGPOST_INPUT_H

#include <stddef.h>

/* What was read and not yet used; the caller's to free. */
struct input {
    char *data;
    size_t size, capacity;
};

/* Reads once more. Returns 1, 0 at the end, or -errno: -EMSGSIZE for more than any broker takes. */
int input_read(struct input *input);

/* Reads to the end. Returns 0 or -errno. */
int input_read_all(struct input *input);

#endif

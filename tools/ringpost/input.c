#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    READ_SIZE = 64 * 1024,
    MESSAGE_SIZE_MAX = 64 * 1024 * 1024, /* no broker takes more */
};

int input_read(struct input *input)
{
    if (input->capacity - input->size < READ_SIZE) {
        if (input->size > MESSAGE_SIZE_MAX)
            return -EMSGSIZE;
        size_t capacity = input->capacity * 2 + READ_SIZE;
        char *data = realloc(input->data, capacity);
        if (!data)
            return -ENOMEM;
        input->data = data;
        input->capacity = capacity;
    }
    ssize_t size;
    do
        size = read(STDIN_FILENO, input->data + input->size, input->capacity - input->size);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return -errno;
    input->size += (size_t)size;
    return size > 0;
}

int input_read_all(struct input *input)
{
    int more;
    while ((more = input_read(input)) > 0)
        continue;
    return more;
}

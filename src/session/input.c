#include "session/input.h"

void input_finish(struct input *input)
{
    text_finish(&input->kept);
}

bool input_complete(struct input *input, size_t size)
{
    size_t missing = size > input->kept.size ? size - input->kept.size : 0;
    size_t take = missing < input->fed.size ? missing : input->fed.size;
    if (take > 0) {
        memcpy(text_reserve(&input->kept, take), input->fed.data, take);
        input->fed = bytes_of(input->fed.data + take, input->fed.size - take);
    }
    return take == missing;
}

void input_take(struct input *input, size_t size)
{
    if (input->kept.size > 0)
        text_take(&input->kept, size);
    else
        input->fed = bytes_of(input->fed.data + size, input->fed.size - size);
}

void input_keep(struct input *input)
{
    input_complete(input, input->kept.size + input->fed.size);
    text_rest(&input->kept);
}

void input_drop(struct input *input)
{
    input->fed = (struct bytes){0};
    text_finish(&input->kept);
}

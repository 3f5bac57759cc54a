#include "resp/write.h"

size_t resp_put_end(unsigned char *to)
{
    to[0] = '\r';
    to[1] = '\n';
    return RESP_END_SIZE;
}

static size_t put_line(unsigned char *to, char kind, struct bytes text)
{
    to[0] = (unsigned char)kind;
    bytes_copy(to + 1, text);
    return 1 + text.size + resp_put_end(to + 1 + text.size);
}

static size_t put_head(unsigned char *to, char kind, int64_t number)
{
    to[0] = (unsigned char)kind;
    size_t size = 1 + resp_put_digits(to + 1, number);
    return size + resp_put_end(to + size);
}

size_t resp_put_simple(unsigned char *to, struct bytes text)
{
    return put_line(to, '+', text);
}

size_t resp_put_error(unsigned char *to, struct bytes text)
{
    size_t size = put_line(to, '-', text);
    for (size_t i = 1; i < size - RESP_END_SIZE; i++)
        if (to[i] == '\r' || to[i] == '\n')
            to[i] = ' ';
    return size;
}

struct bytes resp_excerpt(struct bytes word, size_t size_max)
{
    size_t size = word.size < size_max ? word.size : size_max;
    const unsigned char *zero = size > 0 ? memchr(word.data, 0, size) : NULL;
    return bytes_of(word.data, zero ? (size_t)(zero - word.data) : size);
}

size_t resp_put_integer(unsigned char *to, int64_t value)
{
    return put_head(to, ':', value);
}

/* Adds one to the number of a line of `size` bytes; false when it would have another size. */
static bool count_up(unsigned char *line, size_t size)
{
    unsigned char *digit = line + size - RESP_END_SIZE - 1;
    for (; *digit == '9'; digit--)
        *digit = '0';
    *digit += digit > line;
    return digit > line;
}

size_t resp_put_integers(unsigned char *to, int64_t first, uint32_t step, size_t count)
{
    unsigned char *at = to;
    size_t size = 0;
    for (size_t i = 0; i < count; i++, at += size, first += step) {
        bool is_like_last = i > 0 && step <= 1 && first > 0;
        if (is_like_last)
            memcpy(at, at - size, size);
        if (!is_like_last || (step == 1 && !count_up(at, size)))
            size = resp_put_integer(at, first);
    }
    return (size_t)(at - to);
}

size_t resp_put_bulk(unsigned char *to, struct bytes bytes)
{
    size_t size = resp_put_bulk_head(to, bytes.size);
    bytes_copy(to + size, bytes);
    size += bytes.size;
    return size + resp_put_end(to + size);
}

size_t resp_put_bulk_head(unsigned char *to, size_t size)
{
    return put_head(to, '$', (int64_t)size);
}

size_t resp_put_verbatim_head(unsigned char *to, unsigned version, size_t size)
{
    if (version < 3)
        return resp_put_bulk_head(to, size);
    static const char format[] = {'t', 'x', 't', ':'};
    size_t head_size = put_head(to, '=', (int64_t)(size + sizeof format));
    return head_size + bytes_copy(to + head_size, bytes_of(format, sizeof format)).size;
}

size_t resp_put_null(unsigned char *to, unsigned version)
{
    return bytes_copy(to, bytes_text(version < 3 ? "$-1\r\n" : "_\r\n")).size;
}

size_t resp_put_null_array(unsigned char *to, unsigned version)
{
    return bytes_copy(to, bytes_text(version < 3 ? "*-1\r\n" : "_\r\n")).size;
}

size_t resp_put_array(unsigned char *to, size_t count)
{
    return put_head(to, '*', (int64_t)count);
}

size_t resp_put_map(unsigned char *to, unsigned version, size_t count)
{
    return version < 3 ? resp_put_array(to, 2 * count) : put_head(to, '%', (int64_t)count);
}

size_t resp_put_set(unsigned char *to, unsigned version, size_t count)
{
    return put_head(to, version < 3 ? '*' : '~', (int64_t)count);
}

size_t resp_put_push(unsigned char *to, unsigned version, size_t count)
{
    return put_head(to, version < 3 ? '*' : '>', (int64_t)count);
}

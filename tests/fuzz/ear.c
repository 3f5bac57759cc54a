#include "ear.h"

#include <stdlib.h>

/* One reply, or one part of another, is whole; and what it completes. */
static void complete(struct ear *ear)
{
    while (ear->open_count > 0) {
        uint64_t *left = &ear->open[ear->open_count - 1];
        if (--*left > 0)
            return;
        ear->open_count--;
    }
    ear->replies_count++;
}

static void open(struct ear *ear, uint64_t count)
{
    if (count == 0) {
        complete(ear);
        return;
    }
    assert(ear->open_count < NESTED_MAX);
    ear->open[ear->open_count++] = count;
}

/* Acts upon a line, without its end. */
static void take_line(struct ear *ear)
{
    char *end;
    ear->line[ear->line_size] = '\0';
    char kind = (char)ear->line[0];
    long long number = strtoll((char *)ear->line + 1, &end, 10);
    bool has_number = !ear->is_long && ear->line_size > 1 && *end == '\0';
    switch (kind) {
    case '+':
    case '-': complete(ear); break;
    case '_':
        assert(ear->line_size == 1);
        complete(ear);
        break;
    case ':':
        assert(has_number);
        complete(ear);
        break;
    case '$':
    case '=':
        assert(has_number && number >= -1);
        if (number < 0)
            complete(ear);
        else
            ear->bulk_left = (uint64_t)number + 2;
        break;
    case '*':
    case '~':
        assert(has_number && number >= -1);
        open(ear, number < 0 ? 0 : (uint64_t)number);
        break;
    case '%':
        assert(has_number && number >= 0);
        open(ear, 2 * (uint64_t)number);
        break;
    case '>':
        assert(has_number && number > 0);
        if (ear->open_count > 0)
            ear->open[ear->open_count - 1]++; /* it is no part of that */
        open(ear, (uint64_t)number);
        break;
    default: assert(!"a line that no reply has");
    }
    ear->line_size = 0;
    ear->is_long = false;
}

static void hear_byte(struct ear *ear, unsigned char byte)
{
    if (byte != '\r' && byte != '\n') {
        if (ear->line_size < sizeof ear->line - 1)
            ear->line[ear->line_size++] = byte;
        else
            ear->is_long = true;
    } else if (byte == '\n') {
        assert(ear->line_size > 0);
        take_line(ear);
    }
}

void ear_hear(struct ear *ear, struct bytes bytes)
{
    for (size_t at = 0; at < bytes.size; at++) {
        if (ear->bulk_left == 0) {
            hear_byte(ear, bytes.data[at]);
            continue;
        }
        ear->bulk_left--;
        if (ear->bulk_left < 2)
            assert(bytes.data[at] == (ear->bulk_left == 1 ? '\r' : '\n'));
        if (ear->bulk_left == 0)
            complete(ear);
    }
}

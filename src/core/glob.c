#include "core/glob.h"

/* Only the last star is ever tried again with more: each other part takes one byte, so what an
 * earlier star could take more of is lost for the last one all the same. */

static bool is_in_range(unsigned char from, unsigned char to, unsigned char byte)
{
    int8_t first = (int8_t)from, last = (int8_t)to, value = (int8_t)byte;
    return first <= last ? first <= value && value <= last : last <= value && value <= first;
}

/* Whether the member of a class at `*at`, which is moved behind it, has the byte. */
static bool member_has(struct bytes glob, size_t *at, unsigned char byte)
{
    const unsigned char *member = glob.data + *at;
    size_t left = glob.size - *at;
    if (left >= 2 && member[0] == '\\') {
        *at += 2;
        return member[1] == byte;
    }
    if (left >= 3 && member[1] == '-') {
        *at += 3;
        return is_in_range(member[0], member[2], byte);
    }
    *at += 1;
    return member[0] == byte;
}

/* The same of a class, whose bracket `*at` is behind. All of it is read, whatever its first members
 * say. */
static bool class_has(struct bytes glob, size_t *at, unsigned char byte)
{
    bool is_negated = *at < glob.size && glob.data[*at] == '^', is_there = false;
    *at += is_negated ? 1 : 0;
    while (*at < glob.size && glob.data[*at] != ']')
        if (member_has(glob, at, byte))
            is_there = true;
    *at += *at < glob.size ? 1 : 0;
    return is_there != is_negated;
}

/* The same of what is no star. */
static bool part_has(struct bytes glob, size_t *at, unsigned char byte)
{
    unsigned char part = glob.data[(*at)++];
    if (part == '?')
        return true;
    if (part == '[')
        return class_has(glob, at, byte);
    if (part == '\\' && *at < glob.size)
        part = glob.data[(*at)++];
    return part == byte;
}

static bool is_star(struct bytes glob, size_t at)
{
    return at < glob.size && glob.data[at] == '*';
}

bool glob_matches(struct bytes glob, struct bytes name)
{
    size_t at = 0, read = 0;            /* parts, and bytes of the name, that are matched */
    size_t star_end = 0, star_read = 0; /* likewise with what the last star has taken */
    if (name.size == 0)
        return glob.size == 0;
    while (read < name.size) {
        if (is_star(glob, at)) {
            star_end = ++at;
            star_read = read;
        } else if (at < glob.size && part_has(glob, &at, name.data[read])) {
            read++;
        } else if (star_end > 0) {
            at = star_end;
            read = ++star_read;
        } else {
            return false;
        }
    }
    while (is_star(glob, at))
        at++;
    return at == glob.size;
}

struct bytes glob_prefix(struct bytes glob)
{
    size_t size = 0;
    while (size < glob.size && !memchr("*?[\\", glob.data[size], 4))
        size++;
    return bytes_of(glob.data, size);
}

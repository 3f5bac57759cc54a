/* Patterns and globs, by their definition. */
#include "twin.h"

static struct bytes cut_token(struct bytes *rest, bool *is_last)
{
    size_t size = 0;
    while (size < rest->size && rest->data[size] != '.')
        size++;
    struct bytes token = bytes_of(rest->data, size);
    *is_last = size == rest->size;
    *rest = *is_last ? bytes_of(rest->data + size, 0)
                     : bytes_of(rest->data + size + 1, rest->size - size - 1);
    return token;
}

static bool is_text(struct bytes token, char text)
{
    return token.size == 1 && token.data[0] == (unsigned char)text;
}

bool twin_is_pattern(struct bytes pattern)
{
    bool is_last = false;
    for (int levels = 1; !is_last; levels++) {
        struct bytes token = cut_token(&pattern, &is_last);
        if (levels > 32 || (is_text(token, '>') && !is_last))
            return false;
    }
    return true;
}

bool twin_matches(struct bytes pattern, bool is_wildcard, struct bytes name)
{
    if (!is_wildcard)
        return bytes_equal(pattern, name);
    bool is_pattern_end, is_name_end;
    do {
        struct bytes wanted = cut_token(&pattern, &is_pattern_end);
        struct bytes token = cut_token(&name, &is_name_end);
        if (is_text(wanted, '>') && is_pattern_end)
            return true;
        if (!is_text(wanted, '*') && !bytes_equal(wanted, token))
            return false;
    } while (!is_pattern_end && !is_name_end);
    return is_pattern_end && is_name_end;
}

bool twin_is_glob_of(struct bytes glob, struct bytes name)
{
    if (glob.size == 0)
        return name.size == 0;
    struct bytes rest = bytes_of(glob.data + 1, glob.size - 1);
    if (glob.data[0] != '*')
        return name.size > 0 && name.data[0] == glob.data[0] &&
               twin_is_glob_of(rest, bytes_of(name.data + 1, name.size - 1));
    for (size_t skip = 0; skip <= name.size; skip++)
        if (twin_is_glob_of(rest, bytes_of(name.data + skip, name.size - skip)))
            return true;
    return false;
}

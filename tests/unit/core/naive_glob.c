#include "core/naive_glob.h"

/* What a part of a glob that is no star takes: a set of bytes. */
struct part {
    size_t size; /* bytes of the glob */
    bool has[256];
};

static struct bytes behind(struct bytes bytes, size_t size)
{
    return bytes_of(bytes.data + size, bytes.size - size);
}

static void add_range(struct part *part, signed char first, signed char last)
{
    for (int value = first; value <= last; value++)
        part->has[(unsigned char)value] = true;
    for (int value = last; value <= first; value++)
        part->has[(unsigned char)value] = true;
}

static void read_members(struct part *part, struct bytes glob)
{
    while (part->size < glob.size) {
        struct bytes rest = behind(glob, part->size);
        bool is_escape = rest.size >= 2 && rest.data[0] == '\\';
        bool is_range = !is_escape && rest.size >= 3 && rest.data[1] == '-';
        if (rest.data[0] == ']') {
            part->size++;
            return;
        }
        if (is_range)
            add_range(part, (signed char)rest.data[0], (signed char)rest.data[2]);
        else
            part->has[rest.data[is_escape ? 1 : 0]] = true;
        part->size += is_range ? 3 : is_escape ? 2 : 1;
    }
}

static struct part read_part(struct bytes glob)
{
    struct part part = {.size = 1};
    bool is_negated = glob.size > 1 && glob.data[0] == '[' && glob.data[1] == '^';
    if (glob.data[0] == '?') {
        memset(part.has, true, sizeof part.has);
    } else if (glob.data[0] == '[') {
        part.size += is_negated;
        read_members(&part, glob);
        for (int byte = 0; byte < 256; byte++)
            part.has[byte] = part.has[byte] != is_negated;
    } else {
        part.size += glob.data[0] == '\\' && glob.size > 1;
        part.has[glob.data[part.size - 1]] = true;
    }
    return part;
}

static bool rest_matches(struct bytes glob, struct bytes name)
{
    if (glob.size == 0)
        return name.size == 0;
    if (glob.data[0] == '*')
        return rest_matches(behind(glob, 1), name) ||
               (name.size > 0 && rest_matches(glob, behind(name, 1)));
    struct part part = read_part(glob);
    return name.size > 0 && part.has[name.data[0]] &&
           rest_matches(behind(glob, part.size), behind(name, 1));
}

bool naive_glob_matches(struct bytes glob, struct bytes name)
{
    return name.size > 0 ? rest_matches(glob, name) : glob.size == 0;
}

#include "core/naive_pattern.h"

#include <string.h>

bool naive_matches(const char *pattern, const char *name)
{
    size_t token = strcspn(pattern, "."), word = strcspn(name, ".");
    if (token == 1 && *pattern == '>')
        return true;
    bool is_same = token == word && memcmp(pattern, name, token) == 0;
    if (!is_same && !(token == 1 && *pattern == '*'))
        return false;
    if (!pattern[token] || !name[word])
        return !pattern[token] && !name[word];
    return naive_matches(pattern + token + 1, name + word + 1);
}

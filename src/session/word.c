#include "session/word.h"

static unsigned char lower(unsigned char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (unsigned char)(letter + 'a' - 'A') : letter;
}

struct bytes word_lower(struct bytes word, unsigned char *to)
{
    for (size_t i = 0; i < word.size; i++)
        to[i] = lower(word.data[i]);
    return bytes_of(to, word.size);
}

bool word_is(struct bytes word, const char *text)
{
    for (size_t i = 0; i < word.size; i++) {
        unsigned char letter = lower(word.data[i]);
        if (text[i] == '\0' || letter != (unsigned char)text[i])
            return false;
    }
    return text[word.size] == '\0';
}

void word_upper(const char *name, char *to, size_t size)
{
    size_t at = 0;
    for (; name[at] && at + 1 < size; at++)
        to[at] = (char)(name[at] >= 'a' && name[at] <= 'z' ? name[at] - 'a' + 'A' : name[at]);
    to[at] = '\0';
}

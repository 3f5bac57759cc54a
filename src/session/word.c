#include "session/word.h"

bool word_is(struct bytes word, const char *text)
{
    for (size_t i = 0; i < word.size; i++) {
        unsigned char letter = word.data[i];
        if (letter >= 'A' && letter <= 'Z')
            letter += 'a' - 'A';
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

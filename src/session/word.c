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

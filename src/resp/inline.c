#include "resp/inline.h"

#include <errno.h>

static bool is_space(unsigned char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* A word without quotes goes on over tabs and feeds that are not horizontal, as in Redis. */
static bool is_end_of_word(unsigned char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_quote(unsigned char byte)
{
    return byte == '"' || byte == '\'';
}

static int hexadecimal(unsigned char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static unsigned char unescaped(unsigned char letter)
{
    switch (letter) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return letter;
    }
}

/* Takes what stands for one byte between double quotes. */
static unsigned char take_double_quoted(struct inline_text *text)
{
    const unsigned char *at = text->at;
    ptrdiff_t left = text->end - at;
    if (at[0] != '\\' || left < 2) {
        text->at++;
        return at[0];
    }
    if (left >= 4 && at[1] == 'x' && hexadecimal(at[2]) >= 0 && hexadecimal(at[3]) >= 0) {
        text->at += 4;
        return (unsigned char)(hexadecimal(at[2]) * 16 + hexadecimal(at[3]));
    }
    text->at += 2;
    return unescaped(at[1]);
}

/* Takes what stands for one byte between single quotes, where only these are escaped. */
static unsigned char take_single_quoted(struct inline_text *text)
{
    if (text->at[0] == '\\' && text->end - text->at >= 2 && text->at[1] == '\'')
        text->at++;
    return *text->at++;
}

/* Takes what is between quotes, and them; false when they are not closed, or not at a word's end. */
static bool take_quoted(struct inline_text *text)
{
    unsigned char quote = *text->at++;
    while (text->at < text->end && *text->at != quote)
        *text->to++ = quote == '"' ? take_double_quoted(text) : take_single_quoted(text);
    if (text->at == text->end)
        return false;
    text->at++;
    return text->at == text->end || is_space(*text->at);
}

int inline_word(struct inline_text *text, struct bytes *word)
{
    while (text->at < text->end && is_space(*text->at))
        text->at++;
    if (text->at == text->end)
        return 0;
    const unsigned char *begin = text->to;
    while (text->at < text->end && !is_end_of_word(*text->at) && !is_quote(*text->at))
        *text->to++ = *text->at++;
    bool has_quotes = text->at < text->end && is_quote(*text->at);
    if (has_quotes && !take_quoted(text))
        return -EBADMSG;
    *word = bytes_of(begin, (size_t)(text->to - begin));
    return 1;
}

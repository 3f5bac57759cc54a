#include "resp/line.h"

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
static unsigned char take_double_quoted(struct line *line)
{
    const unsigned char *at = line->at;
    ptrdiff_t left = line->end - at;
    if (at[0] != '\\' || left < 2) {
        line->at++;
        return at[0];
    }
    if (left >= 4 && at[1] == 'x' && hexadecimal(at[2]) >= 0 && hexadecimal(at[3]) >= 0) {
        line->at += 4;
        return (unsigned char)(hexadecimal(at[2]) * 16 + hexadecimal(at[3]));
    }
    line->at += 2;
    return unescaped(at[1]);
}

/* Takes what stands for one byte between single quotes, where only these are escaped. */
static unsigned char take_single_quoted(struct line *line)
{
    if (line->at[0] == '\\' && line->end - line->at >= 2 && line->at[1] == '\'')
        line->at++;
    return *line->at++;
}

/* Takes what is between quotes, and them; false when they are not closed, or not at a word's end. */
static bool take_quoted(struct line *line)
{
    unsigned char quote = *line->at++;
    while (line->at < line->end && *line->at != quote)
        *line->to++ = quote == '"' ? take_double_quoted(line) : take_single_quoted(line);
    if (line->at == line->end)
        return false;
    line->at++;
    return line->at == line->end || is_space(*line->at);
}

int line_word(struct line *line, struct bytes *word)
{
    while (line->at < line->end && is_space(*line->at))
        line->at++;
    if (line->at == line->end)
        return 0;
    const unsigned char *begin = line->to;
    while (line->at < line->end && !is_end_of_word(*line->at)) {
        bool is_quote = *line->at == '"' || *line->at == '\'';
        if (!is_quote) {
            *line->to++ = *line->at++;
            continue;
        }
        if (!take_quoted(line))
            return -EBADMSG;
        break;
    }
    *word = bytes_of(begin, (size_t)(line->to - begin));
    return 1;
}

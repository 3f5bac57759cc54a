#include "slow_resp.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHORT_LINE = 8 }; /* bytes of a line that is read even if a command becomes too large */

/* How far the reader is. */
struct reader {
    struct bytes in;
    const struct resp_limits *limits;
    size_t at;
    struct verdict verdict;
};

static bool refuse(struct reader *reader, const char *error)
{
    snprintf(reader->verdict.error, sizeof reader->verdict.error, "%s", error);
    reader->verdict.result = -EBADMSG;
    return false;
}

static void add(struct reader *reader, struct bytes word)
{
    struct verdict *verdict = &reader->verdict;
    verdict->words = realloc(verdict->words, (verdict->words_count + 1) * sizeof word);
    assert(verdict->words);
    verdict->words[verdict->words_count++] = word;
}

/* Reads up to `end`, unless a zero comes before it; false when it is not there, or too far. */
static bool read_up_to(struct reader *reader, unsigned char end, const char *too_far,
                       struct bytes *line)
{
    size_t size_max = reader->limits->size_max, start = reader->at;
    bool is_hidden = false;
    for (size_t i = start;; i++) {
        if (i - start > RESP_LINE_MAX || (i - start > SHORT_LINE && i > size_max))
            return refuse(reader, too_far);
        if (i == reader->in.size)
            return false;
        is_hidden |= reader->in.data[i] == 0;
        if (reader->in.data[i] != end || is_hidden)
            continue;
        *line = bytes_of(reader->in.data + start, i - start);
        reader->at = i + 1;
        return true;
    }
}

/* A number is what would be written so. */
static bool read_number(struct bytes text, long long *value)
{
    char copy[32], again[32];
    if (text.size >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    *value = strtoll(copy, NULL, 10);
    snprintf(again, sizeof again, "%lld", *value);
    return bytes_equal(text, bytes_text(again));
}

/* Reads a line of an array, and the byte behind its return. */
static bool read_head(struct reader *reader, const char *too_far, struct bytes *line)
{
    return read_up_to(reader, '\r', too_far, line) && reader->at++ < reader->in.size;
}

static bool read_count(struct reader *reader, long long *count)
{
    struct bytes line;
    if (!read_head(reader, "too big mbulk count string", &line))
        return false;
    if (!read_number(bytes_of(line.data + 1, line.size - 1), count) ||
        *count > reader->limits->words_max)
        return refuse(reader, "invalid multibulk length");
    if (reader->limits->is_stranger && *count > 10)
        return refuse(reader, "unauthenticated multibulk length");
    return true;
}

static bool read_word(struct reader *reader)
{
    struct bytes line;
    long long size;
    if (!read_head(reader, "too big bulk count string", &line))
        return false;
    if (line.data[0] != '$') {
        refuse(reader, "expected '$', got ' '");
        *strrchr(reader->verdict.error, ' ') = (char)line.data[0];
        return false;
    }
    if (!read_number(bytes_of(line.data + 1, line.size - 1), &size) || size < 0 ||
        size > reader->limits->word_size_max)
        return refuse(reader, "invalid bulk length");
    size_t end = reader->at + (size_t)size + 2;
    bool is_stranger = reader->limits->is_stranger;
    if (end > reader->limits->size_max || (is_stranger && size > 16384))
        return refuse(reader, is_stranger ? "unauthenticated bulk length" : "invalid bulk length");
    if (end > reader->in.size)
        return false;
    add(reader, bytes_of(reader->in.data + reader->at, (size_t)size));
    reader->at = end;
    return true;
}

static bool read_array(struct reader *reader)
{
    long long count;
    if (!read_count(reader, &count))
        return false;
    for (; count > 0; count--)
        if (!read_word(reader))
            return false;
    return true;
}

static bool is_hexadecimal(int a, int b)
{
    return isxdigit(a) && isxdigit(b);
}

/* What a backslash between double quotes and the zero-ended text behind it stand for. Returns how
 * many bytes of that there are. */
static size_t unescape(const unsigned char *text, unsigned char *byte)
{
    static const char letters[] = "nrtba", meanings[] = "\n\r\t\b\a";
    if (text[0] == 'x' && is_hexadecimal(text[1], text[1] ? text[2] : 0)) {
        char digits[3] = {(char)text[1], (char)text[2], 0};
        *byte = (unsigned char)strtol(digits, NULL, 16);
        return 3;
    }
    const char *letter = text[0] ? strchr(letters, text[0]) : NULL;
    *byte = letter ? (unsigned char)meanings[letter - letters] : text[0];
    return 1;
}

/* Splits a line, which ends with a zero, into words; false when its quotes are not in order. */
static bool split(struct reader *reader, const unsigned char *text, unsigned char *to)
{
    while (*text) {
        if (isspace(*text)) {
            text++;
            continue;
        }
        unsigned char *word = to;
        int quote = 0;
        for (; *text && (quote || !strchr(" \t\r\n", *text)); text++) {
            bool opens = !quote && (*text == '"' || *text == '\'');
            if (opens) {
                quote = *text;
            } else if (quote && *text == quote) {
                if (text[1] && !isspace(text[1]))
                    return false;
                quote = 0;
                text++;
                break;
            } else if (quote == '"' && *text == '\\' && text[1]) {
                text += unescape(text + 1, to++);
            } else {
                text += quote == '\'' && *text == '\\' && text[1] == '\'';
                *to++ = *text;
            }
        }
        if (quote)
            return false;
        add(reader, bytes_of(word, (size_t)(to - word)));
    }
    return true;
}

static bool read_line(struct reader *reader)
{
    struct bytes line;
    if (!read_up_to(reader, '\n', "too big inline request", &line))
        return false;
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    char *text = strndup((const char *)line.data, line.size);
    reader->verdict.unquoted = malloc(line.size + 1);
    assert(text && reader->verdict.unquoted);
    bool is_split = split(reader, (unsigned char *)text, reader->verdict.unquoted);
    free(text);
    if (reader->limits->is_stranger && reader->verdict.words_count > 10)
        return refuse(reader, "unauthenticated multibulk length");
    return is_split || refuse(reader, "unbalanced quotes in request");
}

struct verdict slow_parse(struct bytes in, const struct resp_limits *limits)
{
    struct reader reader = {.in = in, .limits = limits};
    bool is_whole = in.size > 0 && (in.data[0] == '*' ? read_array(&reader) : read_line(&reader));
    if (is_whole)
        reader.verdict.result = (int)reader.at;
    return reader.verdict;
}

void verdict_free(struct verdict *verdict)
{
    free(verdict->words);
    free(verdict->unquoted);
}

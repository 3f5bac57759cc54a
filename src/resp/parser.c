/*
 * What is not whole is left where it is, and read on later: `position` is behind the last line or
 * word, and `searched` spares the bytes of a long line from being looked at again. So the cost is
 * that of the bytes, however they are cut. Memory grows with words that came, never with a count
 * that was announced: a word has 6 bytes at least, and its span 8.
 */
#include "resp/parser.h"

#include "base/array.h"
#include "resp/inline.h"
#include "resp/number.h"

#include <errno.h>
#include <stdio.h>

enum {
    END_SIZE = 2,     /* of a line, of a word */
    SHORT_DIGITS = 7, /* of a number that is read without looking for its line's end */
};

/* What came of looking for something. */
enum { MORE = 0, THERE = 1 };

static int want(struct resp_parser *parser, size_t size)
{
    parser->wanted = (uint32_t)size;
    return MORE;
}

static int fail(struct resp_parser *parser, const char *error)
{
    snprintf(parser->error, sizeof parser->error, "%s", error);
    return -EBADMSG;
}

static int fail_kind(struct resp_parser *parser, unsigned char kind)
{
    snprintf(parser->error, sizeof parser->error, "expected '$', got '%c'", kind);
    return -EBADMSG;
}

static void add_word(struct resp_parser *parser, size_t offset, size_t size)
{
    if (parser->words_count == parser->words_capacity)
        parser->words = array_reserve(parser->words, &parser->words_capacity,
                                      parser->words_capacity + 1, sizeof *parser->words);
    parser->words[parser->words_count++] =
        (struct resp_span){.offset = (uint32_t)offset, .size = (uint32_t)size};
}

/* Where the line that begins at `start` has to end at last. A short one may end in any case, so that
 * the same comes of it whether it is there at once or not. */
static size_t line_bound(size_t start, const struct resp_limits *limits)
{
    size_t short_end = start + 1 + SHORT_DIGITS, long_end = start + RESP_LINE_MAX;
    if (limits->size_max < short_end)
        return short_end;
    return limits->size_max < long_end ? limits->size_max : long_end;
}

/*
 * Looks for the `end` of the line at `position`; returns MORE, THERE with the line's size, or
 * -EBADMSG with `too_big`. A zero hides what follows it, as it does from Redis, so that the line
 * goes on until it is too big.
 */
static int find_end(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits,
                    char end, const char *too_big, size_t *size)
{
    size_t start = parser->position;
    size_t stop = line_bound(start, limits) + 1;
    size_t at = parser->searched > start ? parser->searched : start;
    size_t until = in.size < stop ? in.size : stop;
    bool is_hidden = at < until && in.data[at] == '\0';
    if (at < until && !is_hidden) {
        const unsigned char *found = memchr(in.data + at, end, until - at);
        size_t seen = found ? (size_t)(found - in.data) : until;
        const unsigned char *zero = memchr(in.data + at, '\0', seen - at);
        parser->searched = (uint32_t)(zero ? (size_t)(zero - in.data) : seen);
        *size = parser->searched - start;
        if (found && !zero)
            return THERE;
    }
    return in.size >= stop ? fail(parser, too_big) : want(parser, in.size + 1);
}

/* Takes the line at `position`, whose end are two bytes, as only the first of them matters. */
static int take_line(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits,
                     const char *too_big, struct bytes *line)
{
    size_t size, start = parser->position;
    int result = find_end(parser, in, limits, '\r', too_big, &size);
    if (result != THERE)
        return result;
    if (in.size < start + size + END_SIZE)
        return want(parser, start + size + END_SIZE);
    parser->position += (uint32_t)size + END_SIZE;
    *line = bytes_of(in.data + start, size);
    return THERE;
}

/* Takes a line of `kind` and a number if it is there, short and in order, which it is as a rule. */
static inline bool take_short(struct resp_parser *parser, struct bytes in, char kind,
                              int64_t *number)
{
    const unsigned char *at = in.data + parser->position;
    if (in.size - parser->position < 1 + SHORT_DIGITS + END_SIZE || at[0] != kind || at[1] == '0')
        return false;
    uint32_t digits = 0, value = 0;
    for (unsigned digit; (digit = at[1 + digits] - (unsigned)'0') <= 9; digits++) {
        if (digits == SHORT_DIGITS)
            return false;
        value = value * 10 + digit;
    }
    if (digits == 0 || at[1 + digits] != '\r')
        return false;
    parser->position += 1 + digits + END_SIZE;
    *number = value;
    return true;
}

static int take_any_count(struct resp_parser *parser, struct bytes in,
                          const struct resp_limits *limits, int64_t *count)
{
    struct bytes line;
    int result = take_line(parser, in, limits, "too big mbulk count string", &line);
    if (result != THERE)
        return result;
    bool is_number = resp_integer(bytes_of(line.data + 1, line.size - 1), count);
    return is_number ? THERE : fail(parser, "invalid multibulk length");
}

/* How many words there are, found to be within the limits. */
static int take_count(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits)
{
    int64_t count;
    int result =
        take_short(parser, in, '*', &count) ? THERE : take_any_count(parser, in, limits, &count);
    if (result != THERE)
        return result;
    if (count > limits->words_max)
        return fail(parser, "invalid multibulk length");
    if (limits->is_stranger && count > RESP_STRANGER_WORDS_MAX)
        return fail(parser, "unauthenticated multibulk length");
    parser->words_left = count > 0 ? (uint32_t)count : 0;
    parser->has_count = true;
    return THERE;
}

static int take_any_size(struct resp_parser *parser, struct bytes in,
                         const struct resp_limits *limits, int64_t *size)
{
    struct bytes line;
    int result = take_line(parser, in, limits, "too big bulk count string", &line);
    if (result != THERE)
        return result;
    unsigned char kind = line.data[0]; /* of an empty line its end */
    if (kind != '$')
        return fail_kind(parser, kind);
    bool is_number = resp_integer(bytes_of(line.data + 1, line.size - 1), size);
    return is_number ? THERE : fail(parser, "invalid bulk length");
}

/* A word's size, found to be within the limits. */
static int take_size(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits)
{
    int64_t size;
    int result =
        take_short(parser, in, '$', &size) ? THERE : take_any_size(parser, in, limits, &size);
    if (result != THERE)
        return result;
    bool is_possible = size >= 0 && size <= limits->word_size_max;
    bool is_fitting =
        is_possible && parser->position + (uint64_t)size + END_SIZE <= limits->size_max;
    if (!is_possible || (!is_fitting && !limits->is_stranger))
        return fail(parser, "invalid bulk length");
    if (limits->is_stranger && (!is_fitting || size > RESP_STRANGER_WORD_MAX))
        return fail(parser, "unauthenticated bulk length");
    parser->word_size = (uint32_t)size;
    parser->has_size = true;
    return THERE;
}

/* Takes a word and the two bytes behind it, whatever they are. */
static int take_word(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits)
{
    int result = parser->has_size ? THERE : take_size(parser, in, limits);
    if (result != THERE)
        return result;
    size_t end = (size_t)parser->position + parser->word_size + END_SIZE;
    if (in.size < end)
        return want(parser, end);
    add_word(parser, parser->position, parser->word_size);
    parser->words_left--;
    parser->has_size = false;
    parser->position = (uint32_t)end;
    return THERE;
}

static int take_array(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits)
{
    int result = parser->has_count ? THERE : take_count(parser, in, limits);
    while (result == THERE && parser->words_left > 0)
        result = take_word(parser, in, limits);
    return result;
}

/* Splits a line into words, which then lie in `unquoted`. */
static int split(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits)
{
    parser->unquoted = memory_resize(NULL, in.size + 1, 1);
    struct inline_text text = {in.data, in.data + in.size, parser->unquoted};
    struct bytes word;
    int result;
    while ((result = inline_word(&text, &word)) > 0) {
        if (limits->is_stranger && parser->words_count == RESP_STRANGER_WORDS_MAX)
            return fail(parser, "unauthenticated multibulk length");
        add_word(parser, (size_t)(word.data - parser->unquoted), word.size);
    }
    return result == 0 ? THERE : fail(parser, "unbalanced quotes in request");
}

/* Takes a line, which ends with a line feed; a return before it is a space like others. */
static int take_inline(struct resp_parser *parser, struct bytes in,
                       const struct resp_limits *limits)
{
    size_t size;
    int result = find_end(parser, in, limits, '\n', "too big inline request", &size);
    if (result != THERE)
        return result;
    parser->position = (uint32_t)size + 1;
    return split(parser, bytes_of(in.data, size), limits);
}

int resp_parse(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits)
{
    assert(limits->size_max <= RESP_SIZE_MAX);
    assert(in.size >= parser->position);
    if (in.size == 0)
        return want(parser, 1);
    int result =
        in.data[0] == '*' ? take_array(parser, in, limits) : take_inline(parser, in, limits);
    return result == THERE ? (int)parser->position : result;
}

/* Passes over as much of a word as there is. */
static int skip_word(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits)
{
    int result = parser->has_size ? THERE : take_size(parser, in, limits);
    if (result != THERE)
        return result;
    if (parser->skip_size == 0)
        parser->skip_size = parser->word_size + END_SIZE;
    size_t there = in.size - parser->position;
    uint32_t passed = parser->skip_size < there ? parser->skip_size : (uint32_t)there;
    parser->position += passed;
    parser->skip_size -= passed;
    if (parser->skip_size > 0)
        return want(parser, in.size + 1);
    parser->words_left--;
    parser->has_size = false;
    return THERE;
}

int resp_skip(struct resp_parser *parser, struct bytes in, const struct resp_limits *limits)
{
    assert(parser->has_count && in.size >= parser->position);
    int result = THERE;
    while (result == THERE && parser->words_left > 0)
        result = skip_word(parser, in, limits);
    uint32_t passed = parser->position;
    parser->position = parser->words_count = 0;
    parser->searched = parser->searched > passed ? parser->searched - passed : 0;
    return result < 0 ? result : (int)passed;
}

/* Field by field: what is read soon after it was written in one go makes the processor wait. */
void resp_parser_reset(struct resp_parser *parser)
{
    if (parser->unquoted) {
        memory_free(parser->unquoted);
        parser->unquoted = NULL;
    }
    if (parser->words_capacity > RESP_WORDS_KEPT_MAX) {
        memory_free(parser->words);
        parser->words = NULL;
        parser->words_capacity = 0;
    }
    parser->words_count = parser->words_left = 0;
    parser->position = parser->searched = 0;
    parser->has_count = parser->has_size = false;
}

void resp_parser_finish(struct resp_parser *parser)
{
    memory_free(parser->unquoted);
    memory_free(parser->words);
    *parser = (struct resp_parser){0};
}

#include "text.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <strings.h>

enum { WAIT_MS_MAX = 2000001000, FRACTION_DIGITS_MAX = 9 };

static bool is_continued(const unsigned char *at, size_t count)
{
    for (size_t i = 1; i <= count; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return false;
    }
    return true;
}

/* The size of the UTF-8 character at the front, 0 when there is none; its code point goes to `point`. */
static size_t character_size(const unsigned char *at, size_t size, uint32_t *point)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    size_t more = at[0] < 0x80 ? 0 : at[0] < 0xc0 ? 4 : at[0] < 0xe0 ? 1 : at[0] < 0xf0 ? 2 : 3;
    if (more > 3 || at[0] > 0xf4 || more >= size || !is_continued(at, more))
        return 0;
    *point = more == 0 ? at[0] : at[0] & (0x3fu >> more);
    for (size_t i = 1; i <= more; i++)
        *point = *point << 6 | (at[i] & 0x3fu);
    if (*point < least[more] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff))
        return 0;
    return more + 1;
}

bool text_is_utf8(struct ringpost_bytes bytes)
{
    const unsigned char *data = bytes.data;
    uint32_t point;
    for (size_t at = 0, size; at < bytes.size; at += size) {
        size = character_size(data + at, bytes.size - at, &point);
        if (size == 0)
            return false;
    }
    return true;
}

static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

static void write_hex(FILE *to, const unsigned char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        fprintf(to, "\\x%02x", at[i]);
}

static void write_character(FILE *to, const unsigned char *at, size_t size, uint32_t point,
                            bool is_body)
{
    bool is_plain = is_body && (point == '\n' || point == '\t' || point == '\\');
    if (is_plain || (!is_control(point) && point != '\\'))
        fwrite(at, 1, size, to);
    else if (point == '\n')
        fputs("\\n", to);
    else if (point == '\t')
        fputs("\\t", to);
    else if (point == '\\')
        fputs("\\\\", to);
    else
        write_hex(to, at, size);
}

void text_write_escaped(FILE *to, struct ringpost_bytes bytes, bool is_body)
{
    const unsigned char *data = bytes.data;
    for (size_t at = 0; at < bytes.size;) {
        uint32_t point;
        size_t size = character_size(data + at, bytes.size - at, &point);
        if (size == 0)
            write_hex(to, data + at, 1);
        else
            write_character(to, data + at, size, point, is_body);
        at += size ? size : 1;
    }
}

char *text_base64(struct ringpost_bytes bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *data = bytes.data;
    char *text = malloc((bytes.size + 2) / 3 * 4 + 1), *to = text;
    if (!text)
        return NULL;
    for (size_t at = 0; at < bytes.size; at += 3) {
        size_t left = bytes.size - at;
        uint32_t group = (uint32_t)data[at] << 16;
        if (left > 1)
            group |= (uint32_t)data[at + 1] << 8;
        if (left > 2)
            group |= data[at + 2];
        *to++ = digits[group >> 18];
        *to++ = digits[group >> 12 & 0x3f];
        *to++ = left > 1 ? digits[group >> 6 & 0x3f] : '=';
        *to++ = left > 2 ? digits[group & 0x3f] : '=';
    }
    *to = 0;
    return text;
}

char *text_copy_ended(struct ringpost_bytes bytes)
{
    char *copy = malloc(bytes.size + 1);
    if (!copy)
        return NULL;
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = 0;
    return copy;
}

bool text_is_like(struct ringpost_bytes name, const char *pattern)
{
    char *text = pattern ? text_copy_ended(name) : NULL;
    bool is_like = !pattern || (text && fnmatch(pattern, text, 0) == 0);
    free(text);
    return is_like;
}

/* Reads digits off the front; false when there are none or they are too many. */
static bool take_digits(const char **text, uint64_t *number)
{
    const char *at = *text;
    *number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (*number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    bool is_number = at > *text;
    *text = at;
    return is_number;
}

bool text_parse_number(const char *text, uint64_t *number)
{
    return take_digits(&text, number) && *text == 0;
}

bool text_parse_size(const char *text, uint64_t *size)
{
    static const char units[] = "kmg";
    if (!take_digits(&text, size))
        return false;
    const char *unit = *text ? strchr(units, *text | 0x20) : NULL;
    unsigned bits = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    bool is_end = strcasecmp(unit ? text + 1 : text, "b") == 0 || text[unit != NULL] == 0;
    if (!is_end || *size > UINT64_MAX >> bits)
        return false;
    *size <<= bits;
    return true;
}

/* The milliseconds of a unit of time; 0 when there is no such unit. */
static uint64_t unit_ms(const char *name)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(units[i].name, name) == 0)
            return units[i].ms;
    }
    return 0;
}

bool text_parse_period(const char *text, uint64_t max_ms, uint64_t *ms)
{
    uint64_t whole = 0, fraction = 0, scale = 1;
    bool has_whole = take_digits(&text, &whole);
    if (*text == '.') {
        const char *begin = ++text;
        bool has_fraction = take_digits(&text, &fraction);
        if (text - begin > FRACTION_DIGITS_MAX || (!has_fraction && !has_whole))
            return false;
        for (; begin < text; begin++)
            scale *= 10;
    } else if (!has_whole) {
        return false;
    }
    uint64_t unit = unit_ms(text);
    if (unit == 0 || whole >= max_ms / unit)
        return false;
    *ms = whole * unit + (fraction * unit + scale - 1) / scale;
    return true;
}

bool text_parse_seconds(const char *text, int *ms)
{
    uint64_t parsed;
    bool is_parsed = text_parse_period(text, WAIT_MS_MAX, &parsed);
    if (is_parsed)
        *ms = (int)parsed;
    return is_parsed;
}

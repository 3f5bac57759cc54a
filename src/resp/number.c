#include "resp/number.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

bool resp_integer(struct bytes text, int64_t *value)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    size_t size = text.size - is_negative;
    const unsigned char *digits = text.data + is_negative;
    if (size == 0 || text.size > RESP_INTEGER_SIZE_MAX)
        return false;
    if (digits[0] == '0') {
        *value = 0;
        return text.size == 1;
    }
    uint64_t sum = 0, most = (uint64_t)INT64_MAX + is_negative;
    for (size_t i = 0; i < size; i++) {
        unsigned digit = digits[i] - (unsigned)'0';
        if (digit > 9 || sum > (most - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = (int64_t)(is_negative ? -sum : sum);
    return true;
}

size_t resp_put_digits(unsigned char *to, int64_t value)
{
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value; /* of 19 digits at most */
    size_t size = 1 + (value < 0);
    for (uint64_t bound = 10; rest >= bound; bound *= 10)
        size++;
    to[0] = '-';
    unsigned char *at = to + size;
    do
        *--at = (unsigned char)('0' + rest % 10);
    while (rest /= 10);
    return size;
}

/* Whether a number that reads as zero has other digits: it was too small. */
static bool has_vanished(const char *text)
{
    text += strspn(text, "+-");
    bool is_hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    text += is_hexadecimal ? 2 : 0;
    text += strspn(text, "0.");
    return *text != '\0' && !strchr(is_hexadecimal ? "pP" : "eE", *text);
}

/* Reads a floating-point number as strtold does in the locale "C", which no program here leaves;
 * refuses what is too large or too small for one. */
static bool read_float(struct bytes text, long double *value)
{
    char copy[RESP_FLOAT_SIZE_MAX + 1], *end;
    if (text.size == 0 || text.size > RESP_FLOAT_SIZE_MAX || strchr(" \t\n\v\f\r", text.data[0]))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    *value = strtold(copy, &end);
    if (end != copy + text.size || isnan(*value))
        return false;
    if (isinf(*value))
        return strpbrk(copy, "iI") != NULL;
    return *value != 0 || !has_vanished(copy);
}

int resp_timeout(struct bytes text, int64_t *timeout_ms)
{
    long double seconds;
    if (!read_float(text, &seconds))
        return -EINVAL;
    long double exact = seconds * 1000;
    if (!(exact > -1 && exact < 0x1p63L))
        return -ERANGE;
    int64_t whole = (int64_t)exact;
    *timeout_ms = whole + (whole < exact);
    return 0;
}

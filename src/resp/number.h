/* Numbers of the Redis protocol, which is stricter about them than C is. */
#ifndef RINGPOST_RESP_NUMBER_H
#define RINGPOST_RESP_NUMBER_H

#include "base/bytes.h"

enum {
    RESP_INTEGER_SIZE_MAX = 20, /* bytes: the least has a sign and 19 digits */
    RESP_FLOAT_SIZE_MAX = 5119, /* bytes, as Redis has it */
};

/* Reads a whole number: digits with a minus at most, no zero before others. False when `text` is
 * something else, or beyond 64 bits. */
bool resp_integer(struct bytes text, int64_t *value);

/* Writes a number, of RESP_INTEGER_SIZE_MAX bytes at most; returns its size. */
size_t resp_put_digits(unsigned char *to, int64_t value);

/* Reads how long a client wants to wait: seconds, as a floating-point number, into milliseconds,
 * rounded up. Returns 0, -EINVAL when `text` is no number, or -ERANGE when it is negative or 64 bits
 * do not hold it, which is the same to Redis. */
int resp_timeout(struct bytes text, int64_t *timeout_ms);

#endif

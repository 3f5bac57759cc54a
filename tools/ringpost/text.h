/* Bytes that strangers chose, made fit for a terminal or for JSON. */
#ifndef RINGPOST_TOOLS_RINGPOST_TEXT_H
#define RINGPOST_TOOLS_RINGPOST_TEXT_H

#include <ringpost.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Whether the bytes are UTF-8 as RFC 3629 has it: shortest forms, no surrogates, up to U+10FFFF. */
bool text_is_utf8(struct ringpost_bytes bytes);

/*
 * Writes bytes so that they cannot steer a terminal: control characters, and what is not UTF-8, become
 * \n, \t or \xHH, a backslash two of them. With `is_body` line ends, tabs and backslashes stay as they are.
 */
void text_write_escaped(FILE *to, struct ringpost_bytes bytes, bool is_body);

/* Base64 with padding, ended with a zero byte. NULL: no memory. The caller frees it. */
char *text_base64(struct ringpost_bytes bytes);

/* A copy that ends with a zero byte. NULL: no memory. The caller frees it. */
char *text_copy_ended(struct ringpost_bytes bytes);

/* Whether a name is like a pattern of the shell's, which may be NULL: then it is. */
bool text_is_like(struct ringpost_bytes name, const char *pattern);

/*
 * Parse a whole text; false when it is no such number, or too large a one. Sizes may end in k, m or g, with b
 * behind it. Seconds may have a fraction, or another unit (ms, m, h, d), and come out as milliseconds, rounded up;
 * a period is below `max_ms`.
 */
bool text_parse_number(const char *text, uint64_t *number);
bool text_parse_size(const char *text, uint64_t *size);
bool text_parse_period(const char *text, uint64_t max_ms, uint64_t *ms);
bool text_parse_seconds(const char *text, int *ms);

#endif

/* What goes to the standard output: messages and figures, for people or as JSON. */
#ifndef RINGPOST_TOOLS_RINGPOST_PRINT_H
#define RINGPOST_TOOLS_RINGPOST_PRINT_H

#include <ringpost.h>

#include <stdbool.h>

/* One object for the output: a line of JSON, or lines "key: value". Made member by member. */
struct print {
    bool is_json;
    struct cJSON *object; /* JSON only */
};

void print_begin(struct print *print, bool is_json);
void print_number(struct print *print, const char *key, uint64_t number);
void print_real(struct print *print, const char *key, double number);
void print_flag(struct print *print, const char *key, bool is_set);

/* Bytes that need not be text. As JSON they stand under KEY if they are UTF-8 without zero bytes, else under KEY_base64. */
void print_bytes(struct print *print, const char *key, struct ringpost_bytes bytes);

/* Bytes that are a word or a list of words from us. */
void print_text(struct print *print, const char *key, const char *text);

/* A time in so many parts of a second; for people in the unit that suits it. */
void print_period(struct print *print, const char *key, uint64_t time, uint64_t parts);

/* Headers, if there are any, as an object of their own; only as JSON. */
void print_headers(struct print *print, struct ringpost_bytes headers);
void print_end(struct print *print);

/* A body on its own, for people: as it is, unless it goes to a terminal; then a line end. */
void print_body(struct ringpost_bytes body);

/* A time in microseconds, in the unit that suits it, such as "1.5 s". */
enum { PERIOD_SIZE = 24 };
const char *period_text(char text[PERIOD_SIZE], uint64_t us);

/* A name in front of something else on its line, for people. */
void print_name(struct ringpost_bytes name);

/* Sends everything on its way. False when nobody reads any more. Ends the program when it cannot be written. */
bool print_flush(void);

#endif

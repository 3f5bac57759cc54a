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
void print_end(struct print *print);

/* A body on its own, for people: as it is, unless it goes to a terminal; then a line end. */
void print_body(struct ringpost_bytes body);

/* A name in front of something else on its line, for people. */
void print_name(struct ringpost_bytes name);

/* Sends everything on its way. False when nobody reads any more. Ends the program when it cannot be written. */
bool print_flush(void);

#endif

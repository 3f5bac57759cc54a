/* Reads the fields of control frames, by docs/PROTOCOL.md alone. */
#ifndef RINGPOST_TESTS_SIM_FIELDS_H
#define RINGPOST_TESTS_SIM_FIELDS_H

#include "base/bytes.h"

/* The value of a number field; false when there is none of that key, or the bytes are no fields. */
bool fields_number(struct bytes fields, const char *key, uint64_t *value);

/* The value of a bytes field, likewise. */
bool fields_bytes(struct bytes fields, const char *key, struct bytes *value);

/* Write a field and return its bytes. */
size_t fields_put_number(unsigned char *to, const char *key, uint64_t value);
size_t fields_put_bytes(unsigned char *to, const char *key, struct bytes value);

#endif

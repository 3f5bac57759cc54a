/* Fields: the self-describing keys and values that control frames carry. Source: docs/PROTOCOL.md,
 * section 1. */
#ifndef RINGPOST_FRAME_FIELD_H
#define RINGPOST_FRAME_FIELD_H

#include "base/bytes.h"

/* | key_size u8 | kind u8 | value_size u16 | key … | value … | */
enum { FIELD_HEAD_SIZE = 4, FIELD_KEY_MAX = 64 };

enum field_kind { FIELD_NUMBER = 0, FIELD_BYTES = 1 };

struct field {
    struct bytes key;
    enum field_kind kind;
    uint64_t number;    /* of a FIELD_NUMBER */
    struct bytes value; /* of a FIELD_BYTES, borrowed */
};

/* Reads one field off the front of `in`. Returns its bytes, 0 when `in` is empty, -EBADMSG when it
 * is not a field. */
int field_parse(struct bytes in, struct field *field);

/* Takes one field off the front of `*rest`. Returns 1, 0 when there is none left, -EBADMSG when what
 * is there is not a field. */
int field_take(struct bytes *rest, struct field *field);

/* Whether the field's key is `key`. */
bool field_is(const struct field *field, const char *key);

/* Write one field at `to`, which has room for FIELD_HEAD_SIZE + key + value bytes, and return its
 * bytes. */
size_t field_put_number(unsigned char *to, const char *key, uint64_t value);
size_t field_put_bytes(unsigned char *to, const char *key, struct bytes value);

#endif

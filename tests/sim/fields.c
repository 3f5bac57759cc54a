#include "fields.h"

/* | key_size u8 | kind u8 | value_size u16 | key … | value … | */

static bool find(struct bytes fields, const char *key, unsigned kind, struct bytes *value)
{
    size_t key_size = strlen(key);
    for (size_t at = 0; at + 4 <= fields.size;) {
        const unsigned char *field = fields.data + at;
        size_t name_size = field[0], value_size = (size_t)field[2] | (size_t)field[3] << 8;
        if (name_size == 0 || name_size > 64 || at + 4 + name_size + value_size > fields.size)
            return false;
        if (name_size == key_size && memcmp(field + 4, key, key_size) == 0) {
            *value = bytes_of(field + 4 + name_size, value_size);
            return field[1] == kind;
        }
        at += 4 + name_size + value_size;
    }
    return false;
}

bool fields_number(struct bytes fields, const char *key, uint64_t *value)
{
    struct bytes bytes;
    if (!find(fields, key, 0, &bytes) || bytes.size != 8)
        return false;
    *value = 0;
    for (int i = 8; i-- > 0;)
        *value = *value << 8 | bytes.data[i];
    return true;
}

bool fields_bytes(struct bytes fields, const char *key, struct bytes *value)
{
    return find(fields, key, 1, value);
}

static size_t put(unsigned char *to, const char *key, unsigned char kind, struct bytes value)
{
    size_t key_size = strlen(key);
    to[0] = (unsigned char)key_size;
    to[1] = kind;
    to[2] = (unsigned char)value.size;
    to[3] = (unsigned char)(value.size >> 8);
    memcpy(to + 4, key, key_size);
    if (value.size)
        memcpy(to + 4 + key_size, value.data, value.size);
    return 4 + key_size + value.size;
}

size_t fields_put_number(unsigned char *to, const char *key, uint64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
    return put(to, key, 0, bytes_of(bytes, sizeof bytes));
}

size_t fields_put_bytes(unsigned char *to, const char *key, struct bytes value)
{
    return put(to, key, 1, value);
}

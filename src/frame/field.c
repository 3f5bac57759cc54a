#include "frame/field.h"

#include <assert.h>
#include <errno.h>

int field_parse(struct bytes in, struct field *field)
{
    if (in.size == 0)
        return 0;
    if (in.size < FIELD_HEAD_SIZE)
        return -EBADMSG;
    size_t key_size = in.data[0], value_size = load_u16(in.data + 2);
    unsigned kind = in.data[1];
    if (key_size == 0 || key_size > FIELD_KEY_MAX ||
        in.size < FIELD_HEAD_SIZE + key_size + value_size)
        return -EBADMSG;
    if (kind > FIELD_BYTES || (kind == FIELD_NUMBER && value_size != sizeof field->number))
        return -EBADMSG;
    const unsigned char *value = in.data + FIELD_HEAD_SIZE + key_size;
    *field = (struct field){
        .key = bytes_of(in.data + FIELD_HEAD_SIZE, key_size),
        .kind = kind,
        .number = kind == FIELD_NUMBER ? load_u64(value) : 0,
        .value = bytes_of(value, kind == FIELD_BYTES ? value_size : 0),
    };
    return (int)(FIELD_HEAD_SIZE + key_size + value_size);
}

int field_take(struct bytes *rest, struct field *field)
{
    int size = field_parse(*rest, field);
    if (size <= 0)
        return size;
    *rest = bytes_of(rest->data + size, rest->size - (size_t)size);
    return 1;
}

bool field_is(const struct field *field, const char *key)
{
    return bytes_equal(field->key, bytes_text(key));
}

static size_t put(unsigned char *to, const char *key, enum field_kind kind, struct bytes value)
{
    size_t key_size = strlen(key);
    assert(key_size > 0 && key_size <= FIELD_KEY_MAX);
    assert(value.size <= UINT16_MAX);
    to[0] = (unsigned char)key_size;
    to[1] = (unsigned char)kind;
    store_u16(to + 2, (uint16_t)value.size);
    memcpy(to + FIELD_HEAD_SIZE, key, key_size);
    if (value.size > 0)
        memcpy(to + FIELD_HEAD_SIZE + key_size, value.data, value.size);
    return FIELD_HEAD_SIZE + key_size + value.size;
}

size_t field_put_number(unsigned char *to, const char *key, uint64_t value)
{
    return put(to, key, FIELD_NUMBER, bytes_of(&value, sizeof value));
}

size_t field_put_bytes(unsigned char *to, const char *key, struct bytes value)
{
    return put(to, key, FIELD_BYTES, value);
}

/* Borrowed stretches of bytes, and little-endian numbers in them at any alignment. */
#ifndef RINGPOST_BASE_BYTES_H
#define RINGPOST_BASE_BYTES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "numbers are stored as the machine has them");

/* Always borrowed: whoever lends it says for how long. */
struct bytes {
    const unsigned char *data;
    size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){data, size};
}

/* The characters of a C string, without its end. */
static inline struct bytes bytes_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Below, equal or above zero as `a` sorts before, with or behind `b`, byte by byte, shorter first.
 */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static inline uint16_t load_u16(const void *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline uint32_t load_u32(const void *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline uint64_t load_u64(const void *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline void store_u16(void *to, uint16_t value)
{
    memcpy(to, &value, sizeof value);
}

static inline void store_u32(void *to, uint32_t value)
{
    memcpy(to, &value, sizeof value);
}

static inline void store_u64(void *to, uint64_t value)
{
    memcpy(to, &value, sizeof value);
}

/* Copies `bytes` to `to`, which has room for them, and names the copy. */
static inline struct bytes bytes_copy(void *to, struct bytes bytes)
{
    if (bytes.size > 0)
        memcpy(to, bytes.data, bytes.size);
    return bytes_of(to, bytes.size);
}

#endif

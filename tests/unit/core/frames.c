#include "core/frames.h"

#include "check.h"
#include "frame/field.h"
#include "frame/header.h"

#include <stdio.h>
#include <stdlib.h>

enum { PADDING = '-' };

/* One frame at `to`; returns its bytes. With `to` NULL only counts. */
static uint32_t put_frame(unsigned char *to, enum op op, const char *name, struct bytes word,
                          uint32_t size)
{
    uint32_t name_size = (uint32_t)strlen(name),
             least = FRAME_HEAD_SIZE + name_size + (uint32_t)word.size;
    size = size ? size : least;
    assert_true(size >= least);
    if (!to)
        return size;
    memset(to, PADDING, size);
    frame_head_store(to, (struct frame_head){(uint8_t)op, 0, (uint16_t)name_size, size});
    memcpy(to + FRAME_HEAD_SIZE, name, name_size);
    if (word.size > 0)
        memcpy(to + FRAME_HEAD_SIZE + name_size, word.data, word.size);
    return size;
}

/* Cuts "word" or "word:size" off the front of `*words`; false at the end. */
static bool next_word(const char **words, struct bytes *word, uint32_t *size)
{
    *words += strspn(*words, " ");
    size_t length = strcspn(*words, " :");
    *word = bytes_of(*words, length);
    *words += length;
    *size = 0;
    if (**words == ':') {
        char *end;
        *size = (uint32_t)strtoul(*words + 1, &end, 10);
        *words = end;
    }
    return length > 0;
}

static struct run cut(unsigned char *data, size_t size)
{
    struct run run;
    assert_int_equal(run_cut(bytes_of(data, size), UINT32_MAX, &run), size);
    return run;
}

struct run frames_run(enum op op, const char *name, const char *words)
{
    struct bytes word;
    uint32_t size, sum = 0;
    for (const char *at = words; next_word(&at, &word, &size);)
        sum += put_frame(NULL, op, name, word, size);
    unsigned char *data = malloc(sum), *to = data;
    for (const char *at = words; next_word(&at, &word, &size);)
        to += put_frame(to, op, name, word, size);
    return cut(data, sum);
}

struct run frames_alike(enum op op, const char *name, uint32_t count, uint32_t size)
{
    unsigned char *data = malloc((size_t)count * size);
    for (uint32_t i = 0; i < count; i++)
        put_frame(data + (size_t)i * size, op, name, bytes_of("", 0), size);
    return cut(data, (size_t)count * size);
}

size_t frames_put_fields(unsigned char *to, const char *fields)
{
    size_t used = 0;
    while (*(fields += strspn(fields, " "))) {
        char key[FIELD_KEY_MAX + 1] = "";
        size_t key_size = strcspn(fields, "="),
               digits = strspn(fields + key_size + 1, "0123456789");
        struct bytes value = bytes_of(fields + key_size + 1, strcspn(fields + key_size + 1, " "));
        assert_true(key_size < sizeof key);
        memcpy(key, fields, key_size);
        if (value.size > 0 && digits == value.size)
            used += field_put_number(to + used, key, strtoull(fields + key_size + 1, NULL, 10));
        else
            used += field_put_bytes(to + used, key, value);
        fields = (const char *)value.data + value.size;
    }
    return used;
}

struct run frames_headed(enum op op, const char *name, const char *headers, const char *word)
{
    unsigned char block[4096];
    size_t skip = FRAME_HEAD_SIZE + strlen(name);
    size_t block_size = HEADER_SIZE_MIN + frames_put_fields(block + HEADER_SIZE_MIN, headers);
    assert_true(block_size <= sizeof block);
    store_u32(block, (uint32_t)block_size);
    size_t size = skip + block_size + strlen(word);
    unsigned char *data = malloc(size);
    frame_head_store(data, (struct frame_head){(uint8_t)op, MESSAGE_HEADERS, (uint16_t)strlen(name),
                                               (uint32_t)size});
    memcpy(data + FRAME_HEAD_SIZE, name, strlen(name));
    memcpy(data + skip, block, block_size);
    memcpy(data + skip + block_size, word, strlen(word));
    return cut(data, size);
}

void frames_free(const struct run *run)
{
    free((void *)run->data);
}

static struct bytes word_of(const unsigned char *frame)
{
    struct frame_head head = frame_head_load(frame);
    size_t skip = FRAME_HEAD_SIZE + head.name_size + header_of(frame).size, end = head.size;
    while (end > skip && frame[end - 1] == PADDING)
        end--;
    return bytes_of(frame + skip, end - skip);
}

void frames_tell(struct bytes frames, bool is_reversed, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t at = 0; at < frames.size; at += frame_size(frames.data + at)) {
        struct bytes word = word_of(frames.data + at);
        size_t grown = used + word.size + (used > 0);
        assert_true(grown < size);
        if (is_reversed && used > 0) {
            memmove(text + word.size + 1, text, used);
            text[word.size] = ' ';
        } else if (used > 0) {
            text[used++] = ' ';
        }
        memcpy(is_reversed ? text : text + used, word.data, word.size);
        used = grown;
        text[used] = '\0';
    }
}

void frames_tell_headers(const unsigned char *frame, char *text, size_t size)
{
    assert_true(frame_head_load(frame).flags & MESSAGE_HEADERS);
    frames_tell_fields(header_of(frame).fields, text, size);
}

void frames_tell_fields(struct bytes fields, char *text, size_t size)
{
    struct field field;
    size_t used = 0;
    text[0] = '\0';
    for (int parsed; (parsed = field_parse(fields, &field)) != 0;) {
        assert_true(parsed > 0);
        used += (size_t)snprintf(text + used, size - used, "%s%.*s=", used ? " " : "",
                                 (int)field.key.size, (const char *)field.key.data);
        if (field.kind == FIELD_NUMBER)
            used += (size_t)snprintf(text + used, size - used, "%lu", field.number);
        else
            used += (size_t)snprintf(text + used, size - used, "%.*s", (int)field.value.size,
                                     (const char *)field.value.data);
        assert_true(used < size);
        fields = bytes_of(fields.data + parsed, fields.size - (size_t)parsed);
    }
}

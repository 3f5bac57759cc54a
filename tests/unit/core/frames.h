/* Runs of frames for tests, made from words, and frames told in words again. */
#ifndef RINGPOST_TESTS_UNIT_CORE_FRAMES_H
#define RINGPOST_TESTS_UNIT_CORE_FRAMES_H

#include "frame/frame.h"

/*
 * A run of one frame for each word: the word is its body, and "a:100" is padded to a frame of 100
 * bytes. The bytes are freed by frames_free, and hold nothing else, so that a sanitizer sees who
 * reads past them.
 */
struct run frames_run(enum op op, const char *name, const char *words);
void frames_free(const struct run *run);

/* `count` equal frames of `size` bytes in all. */
struct run frames_alike(enum op op, const char *name, uint32_t count, uint32_t size);

/*
 * A run of one frame: a header block and a word. The headers are told as "ttl=5 x-a=word": a value
 * of digits is a number.
 */
struct run frames_headed(enum op op, const char *name, const char *headers, const char *word);

/* Writes fields at `to`, as frames_headed takes them; returns their bytes. */
size_t frames_put_fields(unsigned char *to, const char *fields);

/* Writes the messages of frames, without their headers and padding and in the order of reading, as words. */
void frames_tell(struct bytes frames, bool is_reversed, char *text, size_t size);

/* Writes the headers of a frame, which has some, as frames_headed takes them. */
void frames_tell_headers(const unsigned char *frame, char *text, size_t size);

/* Writes fields as "key=value key=value". */
void frames_tell_fields(struct bytes fields, char *text, size_t size);

#endif

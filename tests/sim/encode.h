/* Client frames in bytes, by docs/PROTOCOL.md alone. */
#ifndef RINGPOST_TESTS_SIM_ENCODE_H
#define RINGPOST_TESTS_SIM_ENCODE_H

#include "buffer.h"
#include "core/command.h"

enum { ENCODE_FIELDS_MAX = 2048 }; /* bytes of a frame's fields */

/* Appends the head and name of a frame, and returns where its body goes. */
unsigned char *encode_frame(struct buffer *out, uint8_t op, uint8_t flags, struct bytes name,
                            size_t body_size);

/* Writes numbers of `size` bytes, one behind the other. */
void encode_number(unsigned char **to, uint64_t value, int size);

/* The op that asks for a command. */
enum op encode_op(const struct command *command);

/* Appends the frame that asks for a command of any kind but PUSH and PUBLISH, ATTACH and DETACH. */
void encode_command(struct buffer *out, const struct command *command);

/* Appends HELLO: the fields it has are those that are not zero. */
void encode_hello(struct buffer *out, uint64_t window_count, uint64_t window_size,
                  bool has_heartbeats);

#endif

/* Messages of the simulation: frames whose every byte follows from their number, so that each can be known again and checked. */
#ifndef RINGPOST_TESTS_SIM_MESSAGE_H
#define RINGPOST_TESTS_SIM_MESSAGE_H

#include "frame/frame.h"

enum { MESSAGE_BODY_MIN = 4 }; /* bytes of a body that a number can be read from */

/* Writes the frame of message `id`, `size` bytes with its head. The first four bytes of a body say the number. */
void message_write(unsigned char *to, enum op op, struct bytes name, uint64_t id, uint32_t size);

/* Whether the frame is that of message `id`, byte for byte. */
bool message_is(const unsigned char *frame, enum op op, struct bytes name, uint64_t id,
                uint32_t size);

/* The number in a frame whose body has room for one; else false. */
bool message_id(const unsigned char *frame, uint32_t *id);

#endif

/* Messages of the simulation: frames whose every byte follows from their number and headers, so that
 * each can be known again and checked. */
#ifndef RINGPOST_TESTS_SIM_MESSAGE_H
#define RINGPOST_TESTS_SIM_MESSAGE_H

#include "frame/frame.h"

enum {
    HEADERS_SIZE_MAX = 4096, /* bytes of a block that the simulation makes */
    HEADERS_EXTRA_MAX = 300, /* bytes of the users' own */
};

/* The headers of a message. A key that is zero or empty is not there. */
struct headers {
    bool is_there;     /* a block is */
    bool is_rewritten; /* the broker has, and may have put its fields in any order */
    uint32_t extra;    /* bytes of a header of the users' own */
    uint64_t ttl_ms, delay_ms, dead_times;
    const char *dead_reason; /* with it comes dead_deliveries */
    uint64_t dead_deliveries;
    struct bytes dead_queue; /* borrowed */
};

/* Bytes of the block. */
uint32_t headers_size(const struct headers *headers);

/* The headers of a client's frame; `dead_queue` lies in it. */
struct headers headers_read(const unsigned char *frame);

/* Writes the body of message `id`. */
void message_write_body(unsigned char *to, uint64_t id, size_t size);

/* Writes the frame of message `id`, `size` bytes with its head. The first bytes of a body say the
 * number. */
void message_write(unsigned char *to, enum op op, struct bytes name, uint64_t id, uint32_t size,
                   const struct headers *headers);

/* Whether the frame is that of message `id`, byte for byte, but for the order of headers that the
 * broker wrote. */
bool message_is(const unsigned char *frame, enum op op, struct bytes name, uint64_t id,
                uint32_t size, const struct headers *headers);

#endif

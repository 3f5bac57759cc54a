/*
 * The bytes that came from the broker: received into blocks, scanned once as they come, read once as
 * events. Nothing that stands in front of the read mark moves, so what was lent from it stays put.
 *
 *     first                           last
 *     |#######|lent|unread frames| -> |unread frames|part of a frame|        room        |notice|
 *             read ^      scanned ^           scanned ^           end ^        INPUT_NOTICE_SIZE
 */
#ifndef RINGPOST_CLIENT_INPUT_H
#define RINGPOST_CLIENT_INPUT_H

#include "frame/frame.h"

enum {
    INPUT_BLOCK_SIZE = 256 * 1024,
    /* A receive asks for no less, unless it completes a large frame. */
    INPUT_ROOM_MIN = 64 * 1024,
    /* Kept free at the end of the last block while connected, for what the library has to say. */
    INPUT_NOTICE_SIZE = 64,
};

/*
 * Ops that never come over the wire: the scan turns all ops it does not know into OP_NONE. NONE is
 * passed over; START_REFUSED is an ERROR that names a CONSUME or SUBSCRIBE; LINK_LOST: see link.h.
 */
enum { OP_NONE = 0xF8, OP_START_REFUSED = 0xF9, OP_LINK_LOST = 0xFA };

struct block {
    struct block *next;
    size_t capacity; /* of data, with the room for a notice */
    size_t read, scanned, end;
    size_t blank; /* bytes of OP_NONE frames between read and scanned */
    unsigned char data[];
};

struct input {
    struct block *first, *last; /* never empty */
    struct block *spare;        /* one of INPUT_BLOCK_SIZE, or NULL */
    bool is_lent;               /* an event points in front of the read mark */
};

/* Returns 0 or -ENOMEM. */
int input_init(struct input *input);
void input_finish(struct input *input);

/*
 * Makes room to receive into, at the end of the last block. `size_max` bounds a frame. Returns the room
 * in bytes, or -ENOMEM.
 */
int input_reserve(struct input *input, uint32_t size_max);

/* Where to receive to, once input_reserve made room. */
static inline unsigned char *input_room(struct input *input)
{
    return input->last->data + input->last->end;
}

/* Drops the part of a frame at the end: its rest will not come. */
void input_truncate(struct input *input);

/* Appends a frame of the library's own, which fits INPUT_NOTICE_SIZE, behind input_truncate. */
void input_notice(struct input *input, unsigned op, const void *body, size_t body_size);

/* Takes note that the frame just scanned (the last block's at `scanned`) needs no reading. */
void input_blank(struct input *input);

/* The next frame to read, or NULL when all was read. Nothing may be lent. */
unsigned char *input_peek(struct input *input);

/* Bytes that wait to be read. */
uint64_t input_backlog(const struct input *input);

#endif

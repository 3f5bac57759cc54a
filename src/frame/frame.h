/* Native frames: their head, the ops and the runs that a stream of them falls into. Source:
 * docs/PROTOCOL.md. */
#ifndef RINGPOST_FRAME_FRAME_H
#define RINGPOST_FRAME_FRAME_H

#include "base/bytes.h"

/*
 *  0        1       2          4        8         8 + name_size      size
 *  | op     | flags | name_size | size   | name … | body …           |
 */
enum {
    FRAME_HEAD_SIZE = 8,
    FRAME_NAME_MAX = 1024,             /* bytes */
    FRAME_SIZE_DEFAULT = 1024 * 1024,  /* bytes, the usual limit of a whole frame */
    FRAME_SIZE_MAX = 64 * 1024 * 1024, /* bytes, the largest limit that can be set */
    FRAME_HELLO_MAX = 4096,            /* bytes a stranger may send before its hello is complete */
    FRAME_OP_BIT = 0x80,               /* set in every op */
    FRAME_OP_BROKER = 0xC0,            /* ops from here on are the broker's */
    PROTOCOL_VERSION = 1,
};

enum op {
    OP_HELLO = 0x80,
    OP_PUSH = 0x81,
    OP_PUBLISH = 0x82,
    OP_CONSUME = 0x83,
    OP_CANCEL = 0x84,
    OP_CREDIT = 0x85,
    OP_ACK = 0x86,
    OP_RETURN = 0x87,
    OP_REJECT = 0x88,
    OP_SUBSCRIBE = 0x89,
    OP_UNSUBSCRIBE = 0x8A,
    OP_DECLARE = 0x8B,
    OP_DELETE = 0x8C,
    OP_PURGE = 0x8D,
    OP_PAUSE = 0x8E,
    OP_RESUME = 0x8F,
    OP_PEEK = 0x90,
    OP_LIST = 0x91,
    OP_INFO = 0x92,
    OP_STATS = 0x93,
    OP_PING = 0x94,
    OP_TOUCH = 0x95,
    OP_SET = 0x96,
    OP_REDRIVE = 0x97,
    OP_CLIENTS = 0x98,
    OP_KILL = 0x99,
    OP_TOPICS = 0x9A,
    OP_SETTINGS = 0x9B,
    OP_HEARTBEAT = 0x9C,

    OP_WELCOME = 0xC0,
    OP_CONFIRM = 0xC1,
    OP_ERROR = 0xC2,
    OP_REPLY = 0xC3,
    OP_CONTEXT = 0xC4,
    OP_GAP = 0xC5,
    OP_ENDED = 0xC6,
    OP_GOAWAY = 0xC7,
    OP_LOST = 0xC8,
};

enum { /* flags, each of its ops */
       MESSAGE_HEADERS = 1,
       PUBLISH_RETAIN = 2,
       PUBLISH_MUST = 4,
       PUBLISH_INBOX = 8,
       CONSUME_BACK = 1,
       CONSUME_NO_ACK = 2,
       SUBSCRIBE_WILDCARD = 1,
       SUBSCRIBE_INBOX = 2,
       PEEK_BACK = 1,
       REPLY_MORE = 1,
       CONTEXT_REDELIVERED = 1,
       CONTEXT_RETAINED = 2,
       ENDED_SUBSCRIPTION = 1,
};

struct frame_head {
    uint8_t op, flags;
    uint16_t name_size;
    uint32_t size; /* of the whole frame */
};
static_assert(sizeof(struct frame_head) == FRAME_HEAD_SIZE, "a head is stored as it is in memory");

static inline struct frame_head frame_head_load(const unsigned char *frame)
{
    struct frame_head head;
    memcpy(&head, frame, sizeof head);
    return head;
}

static inline void frame_head_store(unsigned char *frame, struct frame_head head)
{
    memcpy(frame, &head, sizeof head);
}

static inline uint32_t frame_size(const unsigned char *frame)
{
    return load_u32(frame + 4);
}

/* The name of a frame that was found to hold it. */
static inline struct bytes frame_name(const unsigned char *frame)
{
    return bytes_of(frame + FRAME_HEAD_SIZE, frame_head_load(frame).name_size);
}

/* Consecutive frames with the same op, flags and name, back to back; their sizes may differ. */
struct run {
    const unsigned char *data; /* borrowed: the first frame's head */
    uint32_t size;             /* bytes of all frames */
    uint32_t count;            /* frames, at least 1 */
    uint32_t frame_size;       /* bytes of every frame when they are all alike, else 0 */
    struct frame_head head;    /* of the first frame */
};

/* The name of a run whose frames were found to hold it. */
static inline struct bytes run_name(const struct run *run)
{
    return bytes_of(run->data + FRAME_HEAD_SIZE, run->head.name_size);
}

/* What stands behind the name in the first frame. */
static inline struct bytes run_body(const struct run *run)
{
    size_t skip = FRAME_HEAD_SIZE + (size_t)run->head.name_size;
    return bytes_of(run->data + skip, run->head.size - skip);
}

/*
 * Cuts the longest run off the front of `in`. Returns its bytes, or 0 when not one frame is whole
 * yet, -EBADMSG when the op lacks its top bit or the size is under a head's, -EMSGSIZE when the
 * size is over `frame_max`. A frame whose name runs past its end is a run of its own: look at
 * head.name_size before run_name.
 */
int run_cut(struct bytes in, uint32_t frame_max, struct run *run);

/* Like run_cut, but cuts one frame only. */
int frame_cut(struct bytes in, uint32_t frame_max, struct run *run);

/* One frame that was found to be good, as a run. */
struct run frame_run(const unsigned char *frame);

/* Cuts the longest prefix of at most `count_max` frames and `size_max` bytes off `run` into
 * `prefix`; false when not even one frame fits. */
bool run_split(struct run *run, uint32_t count_max, uint64_t size_max, struct run *prefix);

#endif

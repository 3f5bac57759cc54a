#include "babble.h"

#include "frame/field.h"
#include "frame/frame.h"

#include <sys/socket.h>

enum { FRAME_ROOM = 65536 }; /* bytes, for the largest frame that is said */

/* What does not fit into the socket is not said. */
static void say(int fd, const void *data, size_t size)
{
    if (fd >= 0 && size > 0)
        (void)!send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say_frame(int fd, unsigned op, unsigned flags, const char *name, struct bytes body)
{
    static unsigned char frame[FRAME_ROOM];
    size_t name_size = strlen(name), size = FRAME_HEAD_SIZE + name_size + body.size;
    assert(size <= sizeof frame);
    frame_head_store(frame, (struct frame_head){(uint8_t)op, (uint8_t)flags, (uint16_t)name_size,
                                                (uint32_t)size});
    memcpy(frame + FRAME_HEAD_SIZE, name, name_size);
    if (body.size > 0)
        memcpy(frame + FRAME_HEAD_SIZE + name_size, body.data, body.size);
    say(fd, frame, size);
}

void babble_welcome(int fd, struct choices *choices)
{
    unsigned char body[128];
    size_t size = 4;
    store_u32(body, PROTOCOL_VERSION);
    size += field_put_number(body + size, "window", 1 + choose_below(choices, 8));
    size += field_put_number(body + size, "window-bytes", 10000);
    size += field_put_number(body + size, "frame-max", 70000);
    say_frame(fd, OP_WELCOME, 0, "", bytes_of(body, size));
}

void babble_message(int fd, struct choices *choices, unsigned op)
{
    static const unsigned char body[60000] = {[0 ... 59999] = 'm'};
    static const size_t sizes[] = {0, 1, 40, 60000};
    size_t size = sizes[choose_below(choices, 4)];
    say_frame(fd, op, 0, "q", bytes_of(body, size));
}

void babble_letter(int fd, struct choices *choices, unsigned op)
{
    static const char *const keys[] = {"reply-to", "correlation-id", "x-k"};
    static const char *const values[] = {"inbox:b", "topic:t", "queue:", "0000000000000001"};
    unsigned char body[256];
    unsigned how = choose_byte(choices);
    size_t size = 4;
    for (unsigned i = 0; i < how % 4; i++) {
        const char *value = values[choose_below(choices, 4)];
        size += field_put_bytes(body + size, keys[choose_below(choices, 3)], bytes_text(value));
    }
    store_u32(body, (uint32_t)(size + (how & 64 ? choose_byte(choices) : 0)));
    say_frame(fd, op, MESSAGE_HEADERS, "q", bytes_of(body, size + (how & 32 ? 5 : 0)));
}

void babble_head(int fd, struct choices *choices, unsigned op)
{
    unsigned char frame[FRAME_HEAD_SIZE + 32] = {0};
    frame_head_store(frame, (struct frame_head){
                                .op = (uint8_t)op,
                                .name_size = (uint16_t)choose_byte(choices),
                                .size = choose_byte(choices),
                            });
    say(fd, frame, FRAME_HEAD_SIZE + choose_below(choices, 33));
}

void babble_control(int fd, struct choices *choices)
{
    static const struct {
        uint8_t op;
        const char *numbers; /* their sizes */
    } phrases[] = {
        {OP_CONFIRM, "84"}, {OP_ERROR, "8422"}, {OP_REPLY, "8"},   {OP_CONTEXT, "448"},
        {OP_GAP, "44888"},  {OP_ENDED, "422"},  {OP_GOAWAY, "22"}, {OP_LOST, "448"},
    };
    unsigned which = choose_below(choices, sizeof phrases / sizeof *phrases);
    unsigned char body[64];
    size_t size = 0;
    for (const char *number = phrases[which].numbers; *number; size += (size_t)(*number++ - '0'))
        store_u64(body + size, choose_number(choices));
    unsigned how = choose_byte(choices);
    size -= how >> 6 < size ? how >> 6 : 0;
    struct bytes more = choose_bytes(choices, how >> 1 & 31);
    if (more.size > 0)
        memcpy(body + size, more.data, more.size);
    say_frame(fd, phrases[which].op, how & 1, "", bytes_of(body, size + more.size));
}

void babble_raw(int fd, struct choices *choices)
{
    struct bytes bytes = choose_bytes(choices, choose_byte(choices));
    say(fd, bytes.data, bytes.size);
}

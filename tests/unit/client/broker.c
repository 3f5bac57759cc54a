#include "broker.h"

#include "frame/field.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct broker *answering;

int __real_poll(struct pollfd *watched, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms);

int __wrap_poll(struct pollfd *watched, nfds_t count, int timeout_ms)
{
    struct pollfd client = {.fd = answering ? answering->fake->fd : -1, .events = POLLIN};
    if (answering && answering->is_patient)
        __real_poll(&client, 1, WAIT_MS);
    if (answering)
        broker_turn(answering);
    return __real_poll(watched, count, timeout_ms);
}

void broker_init(struct broker *broker, struct fake *fake)
{
    *broker = (struct broker){.fake = fake,
                              .confirm_max = UINT64_MAX,
                              .messages_max = 3,
                              .message_size = 10,
                              .window = 1000};
    fake->is_recording = true;
    answering = broker;
}

void broker_finish(struct broker *broker)
{
    assert_ptr_equal(answering, broker);
    answering = NULL;
}

void broker_drop(struct broker *broker)
{
    fake_drop(broker->fake);
}

/* Frames that it was not written go with the connection before. */
static void accept_client(struct broker *broker)
{
    struct fake *fake = broker->fake;
    fake->fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fake->fd < 0)
        return;
    fake->taken_start = fake->taken_end = fake->record_size = 0;
    broker->told_size = broker->number = 0;
    broker->consumers_count = broker->listened_count = 0;
    broker->inbox = 0;
    broker->connections_count++;
}

static void take_message(struct broker *broker, struct bytes body)
{
    char text[24];
    size_t size = (size_t)snprintf(text, sizeof text, "%" PRIu64, ++broker->taken_count);
    assert_true(body.size >= size);
    assert_memory_equal(body.data, text, size);
}

static void put_messages(struct broker *broker, enum op op, uint32_t id)
{
    static char text[FAKE_BUFFER_SIZE / 4];
    assert_true(broker->message_size < sizeof text);
    memset(text, 'm', broker->message_size);
    for (uint32_t i = 0; i < broker->messages_max; i++) {
        fake_put_context(broker->fake, id, 0, op == OP_PUSH ? i + 1 : 0);
        fake_put(broker->fake, op, 0, bytes_text("x"), bytes_of(text, broker->message_size));
    }
}

static void put_reply(struct broker *broker, bool has_more, struct bytes data)
{
    fake_put_reply(broker->fake, broker->number, has_more, data);
}

static size_t put_queue(unsigned char *to, const char *name)
{
    size_t size = 4;
    size += field_put_bytes(to + size, "name", bytes_text(name));
    size += field_put_number(to + size, "ready", 5);
    store_u32(to, (uint32_t)size);
    return size;
}

/* Two queues, each a page of its own. */
static void answer_list(struct broker *broker, struct bytes name)
{
    unsigned char record[64];
    bool is_first = name.size == 0;
    put_reply(broker, is_first, bytes_of(record, put_queue(record, is_first ? "a" : "b")));
}

static void answer_info(struct broker *broker)
{
    unsigned char record[64];
    size_t size = put_queue(record, "a");
    put_reply(broker, false, bytes_of(record + 4, size - 4));
}

static void answer_peek(struct broker *broker)
{
    unsigned char frame[FRAME_HEAD_SIZE + 2] = "\x81\x00\x01\x00\x0a\x00\x00\x00qm";
    put_reply(broker, true, bytes_of(frame, sizeof frame));
}

/* Sends to the inbox what was asked, headers and all. */
static void answer_request(struct broker *broker, struct frame_head head, struct bytes name,
                           struct bytes body)
{
    if (broker->inbox == 0)
        return;
    fake_put_context(broker->fake, broker->inbox, 0, 1);
    fake_put(broker->fake, OP_PUBLISH, head.flags & MESSAGE_HEADERS, name, body);
}

static void make_inbox(struct broker *broker, uint32_t id)
{
    broker->inbox = id;
    put_reply(broker, false, bytes_text("box"));
}

/* Answers what has an answer of its own. */
static void answer(struct broker *broker, struct frame_head head, struct bytes name,
                   struct bytes body)
{
    uint32_t id = body.size >= 4 ? load_u32(body.data) : 0;
    switch (head.op) {
    case OP_PUSH:
    case OP_PUBLISH:
        if (head.flags & MESSAGE_HEADERS)
            answer_request(broker, head, name, body);
        else
            take_message(broker, body);
        return;
    case OP_TOUCH:
    case OP_CREDIT: return;
    case OP_HEARTBEAT: broker->heartbeats_count++; return;
    case OP_ACK:
    case OP_RETURN:
    case OP_REJECT: broker->settled_count += load_u32(body.data + 4); return;
    case OP_LIST: answer_list(broker, name); return;
    case OP_INFO:
    case OP_STATS: answer_info(broker); return;
    case OP_PEEK: answer_peek(broker); return;
    case OP_SUBSCRIBE:
        if (head.flags & SUBSCRIBE_INBOX) {
            make_inbox(broker, id);
            return;
        }
        put_reply(broker, false, bytes_of(NULL, 0));
        break;
    case OP_PURGE: put_reply(broker, false, bytes_of("\7\0\0\0\0\0\0\0", 8)); return;
    default: put_reply(broker, false, bytes_of(NULL, 0)); break;
    }
    broker->consumers_count += (head.op == OP_CONSUME) - (head.op == OP_CANCEL);
    broker->listened_count += (head.op == OP_SUBSCRIBE) - (head.op == OP_UNSUBSCRIBE);
    if (head.op == OP_CONSUME || head.op == OP_SUBSCRIBE)
        put_messages(broker, head.op == OP_CONSUME ? OP_PUSH : OP_PUBLISH, id);
}

static void take_frame(struct broker *broker, const unsigned char *frame)
{
    struct frame_head head = frame_head_load(frame);
    size_t skip = FRAME_HEAD_SIZE + (size_t)head.name_size;
    if (head.op == OP_HELLO) {
        fake_put_welcome(broker->fake, broker->window, 64 * 1024 * 1024, FRAME_SIZE_DEFAULT);
        return;
    }
    broker->number++;
    answer(broker, head, bytes_of(frame + FRAME_HEAD_SIZE, head.name_size),
           bytes_of(frame + skip, head.size - skip));
}

/* Takes the frames that are here whole. Returns whether there were any. */
static bool take_frames(struct broker *broker)
{
    struct fake *fake = broker->fake;
    bool has_taken = false;
    struct run run;
    while (frame_cut(bytes_of(fake->taken + fake->taken_start, fake->taken_end - fake->taken_start),
                     UINT32_MAX, &run) > 0) {
        take_frame(broker, run.data);
        fake->taken_start += run.size;
        has_taken = true;
    }
    if (fake->taken_start == fake->taken_end)
        fake->taken_start = fake->taken_end = 0;
    return has_taken;
}

static void tell(struct broker *broker)
{
    struct fake *fake = broker->fake;
    ssize_t size = send(fake->fd, fake->record + broker->told_size,
                        fake->record_size - broker->told_size, MSG_NOSIGNAL | MSG_DONTWAIT);
    broker->told_size += size > 0 ? (size_t)size : 0;
    if (broker->told_size == fake->record_size)
        broker->told_size = fake->record_size = 0;
}

void broker_turn(struct broker *broker)
{
    struct fake *fake = broker->fake;
    if (fake->fd < 0)
        accept_client(broker);
    if (fake->fd < 0)
        return;
    ssize_t size;
    while ((size = recv(fake->fd, fake->taken + fake->taken_end, FAKE_BUFFER_SIZE - fake->taken_end,
                        MSG_DONTWAIT)) > 0)
        fake->taken_end += (size_t)size;
    bool is_gone = size == 0, has_taken = take_frames(broker);
    uint64_t confirmed =
        broker->number < broker->confirm_max ? broker->number : broker->confirm_max;
    if (has_taken && confirmed > 0)
        fake_put_confirm(fake, confirmed);
    tell(broker);
    bool is_leaving = broker->is_leaving && broker->taken_count > 0;
    broker->is_leaving &= !is_leaving;
    if (is_gone || is_leaving)
        broker_drop(broker);
}

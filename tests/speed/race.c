/*
 * race: what a delivered message costs the server, in its CPU time, beside a bare relay ("floor")
 * that is given the same frames.
 *
 *   race queue|topic PORT PID native|floor SUBSCRIBERS BODY_SIZE COUNT
 *
 * One thread: a producer connection, one or more consumer connections, a window and credit of
 * 1,024, refilled at half. With the floor the window counts what the consumers have received;
 * natively it counts confirms, the consumer acknowledges what it gets, and topics are confirmed
 * lazily so their window counts receipts too. Prints: server nanoseconds per delivery, deliveries
 * per second, share of the time that the server was busy.
 */
#include "frame/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WINDOW = 1024, BATCH_MIN = 256, BUFFER_SIZE = 1 << 18, CONSUMERS_MAX = 128 };

static const char name[] = "bench.queue.name.020";

struct consumer {
    int fd;
    size_t rest; /* bytes of an incomplete frame at the front of the buffer */
    uint64_t received, acknowledged, credited;
    unsigned char buffer[BUFFER_SIZE];
};

static struct consumer consumers[CONSUMERS_MAX];
static unsigned consumers_count;
static bool is_native, is_queue;
static uint64_t confirmed;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int dial(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void send_all(int fd, const void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t sent = send(fd, (const char *)data + at, size - at, MSG_NOSIGNAL);
        if (sent < 0)
            fail("send");
        at += (size_t)sent;
    }
}

static void send_frame(int fd, enum op op, uint8_t flags, const char *of, const void *body,
                       size_t body_size)
{
    unsigned char frame[256];
    size_t name_size = strlen(of);
    frame_head_store(frame,
                     (struct frame_head){(uint8_t)op, flags, (uint16_t)name_size,
                                         (uint32_t)(FRAME_HEAD_SIZE + name_size + body_size)});
    memcpy(frame + FRAME_HEAD_SIZE, of, name_size);
    memcpy(frame + FRAME_HEAD_SIZE + name_size, body, body_size);
    send_all(fd, frame, FRAME_HEAD_SIZE + name_size + body_size);
}

static void hello(int fd)
{
    send_frame(fd, OP_HELLO, 0, "", &(uint32_t){PROTOCOL_VERSION}, 4);
}

static void settle(struct consumer *consumer)
{
    struct {
        uint32_t id, count;
        uint64_t value;
    } body = {1, (uint32_t)(consumer->received - consumer->acknowledged),
              consumer->acknowledged + 1};
    send_frame(consumer->fd, OP_ACK, 0, "", &body, sizeof body);
    consumer->acknowledged = consumer->received;
    if (consumer->received - consumer->credited < WINDOW / 2)
        return;
    body.count = (uint32_t)(consumer->received - consumer->credited);
    body.value = (uint64_t)body.count << 16;
    send_frame(consumer->fd, OP_CREDIT, 0, "", &body, sizeof body);
    consumer->credited = consumer->received;
}

/* Reads what is there; returns whether there was anything. */
static bool consume(struct consumer *consumer)
{
    ssize_t got = recv(consumer->fd, consumer->buffer + consumer->rest,
                       BUFFER_SIZE - consumer->rest, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            fail("recv");
        return false;
    }
    size_t size = consumer->rest + (size_t)got, at = 0;
    uint64_t before = consumer->received;
    while (size - at >= FRAME_HEAD_SIZE && frame_size(consumer->buffer + at) <= size - at) {
        consumer->received += consumer->buffer[at] == OP_PUSH || consumer->buffer[at] == OP_PUBLISH;
        at += frame_size(consumer->buffer + at);
    }
    memmove(consumer->buffer, consumer->buffer + at, size - at);
    consumer->rest = size - at;
    if (is_native && is_queue && consumer->received > before)
        settle(consumer);
    return true;
}

static bool read_confirms(int fd)
{
    static unsigned char buffer[4096];
    static size_t rest;
    ssize_t got = recv(fd, buffer + rest, sizeof buffer - rest, MSG_DONTWAIT);
    if (got <= 0)
        return false;
    size_t size = rest + (size_t)got, at = 0;
    for (; size - at >= FRAME_HEAD_SIZE && frame_size(buffer + at) <= size - at;
         at += frame_size(buffer + at))
        if (buffer[at] == OP_CONFIRM)
            confirmed = load_u64(buffer + at + FRAME_HEAD_SIZE);
    memmove(buffer, buffer + at, size - at);
    rest = size - at;
    return true;
}

static uint64_t least_received(void)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < consumers_count; i++)
        least = consumers[i].received < least ? consumers[i].received : least;
    return least;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t server_ns(const char *pid)
{
    char path[64];
    unsigned long long ns = 0;
    snprintf(path, sizeof path, "/proc/%s/schedstat", pid);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%llu", &ns) != 1)
        fail(path);
    fclose(file);
    return ns;
}

static void connect_consumer(struct consumer *consumer, int port)
{
    struct {
        uint32_t id, count;
        uint64_t size;
    } body = {1, WINDOW, (uint64_t)WINDOW << 16};
    consumer->fd = dial(port);
    if (!is_native)
        return;
    hello(consumer->fd);
    send_frame(consumer->fd, is_queue ? OP_CONSUME : OP_SUBSCRIBE, 0, name, &body, sizeof body);
    struct pollfd waiting = {consumer->fd, POLLIN, 0};
    for (bool is_ready = false; !is_ready;) { /* until the REPLY */
        poll(&waiting, 1, -1);
        ssize_t got = recv(consumer->fd, consumer->buffer, BUFFER_SIZE, 0);
        for (ssize_t at = 0; at < got; at += frame_size(consumer->buffer + at))
            is_ready |= consumer->buffer[at] == OP_REPLY;
    }
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fputs("usage: race queue|topic PORT PID native|floor SUBSCRIBERS BODY_SIZE COUNT\n",
              stderr);
        return 64;
    }
    int port = (int)strtol(argv[2], NULL, 10);
    is_queue = strcmp(argv[1], "queue") == 0;
    is_native = strcmp(argv[4], "native") == 0;
    consumers_count = (unsigned)(int)strtol(argv[5], NULL, 10);
    uint64_t count = strtoull(argv[7], NULL, 10), sent = 0;
    for (unsigned i = 0; i < consumers_count; i++)
        connect_consumer(&consumers[i], port);
    int producer = dial(port);
    if (is_native)
        hello(producer);

    size_t size = FRAME_HEAD_SIZE + strlen(name) + (size_t)(int)strtol(argv[6], NULL, 10);
    unsigned char *frames = calloc(WINDOW, size);
    for (unsigned i = 0; i < WINDOW; i++) {
        frame_head_store(frames + i * size,
                         (struct frame_head){is_queue ? OP_PUSH : OP_PUBLISH, 0,
                                             (uint16_t)strlen(name), (uint32_t)size});
        memcpy(frames + i * size + FRAME_HEAD_SIZE, name, strlen(name));
    }
    uint64_t start_ns = now_ns(), start_cpu = server_ns(argv[3]);
    while (least_received() < count) {
        bool is_moving = false;
        for (unsigned i = 0; i < consumers_count; i++)
            is_moving |= consume(&consumers[i]);
        is_moving |= is_native && read_confirms(producer);
        uint64_t settled = is_native && is_queue ? confirmed : least_received();
        uint64_t room = WINDOW - (sent - settled), left = count - sent;
        room = room < left ? room : left;
        if (room >= BATCH_MIN || (room > 0 && room == left)) {
            send_all(producer, frames, room * size);
            sent += room;
            is_moving = true;
        }
        if (!is_moving && consumers_count > 8) {
            struct pollfd any[CONSUMERS_MAX];
            for (unsigned i = 0; i < consumers_count; i++)
                any[i] = (struct pollfd){consumers[i].fd, POLLIN, 0};
            poll(any, consumers_count, -1);
        }
    }
    double ns = (double)(now_ns() - start_ns), cpu = (double)(server_ns(argv[3]) - start_cpu);
    double deliveries = (double)count * consumers_count;
    printf("%.1f %.0f %.2f\n", cpu / deliveries, deliveries / ns * 1e9, cpu / ns);
    free(frames);
    return 0;
}

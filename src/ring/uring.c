/*
 * The ring on io_uring.
 *
 * A started io takes a slot; user_data is the slot's index and generation, so that neither a late completion nor a late cancel
 * can meet the next user of the slot. liburing sets up and maps; entering the kernel is done here, since liburing's calls leave
 * out GETEVENTS when nothing is to be waited for, and DEFER_TASKRUN completes nothing without it.
 *
 * The index array of the submission queue maps each place to itself since liburing's set-up, and is never touched again.
 */
#include "ring/ring.h"

#include "base/array.h"
#include "base/time.h"
#include "ring/kernel.h"
#include "ring/pool.h"
#include "ring/socket.h"
#include "ring/uring_defs.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ENTRIES_DEFAULT = 1024,
    COMPLETIONS_DEFAULT = 16384,
    BUFFERS_DEFAULT = 64,
    BUFFER_SIZE_DEFAULT = 32 * 1024,
    PEER_TIMEOUT_S_DEFAULT = 30,
    PIECES_MAX = 1024,      /* the kernel's UIO_MAXIOV */
    SLOTS_END = UINT32_MAX, /* ends the list of free slots */
};

#define NO_MEMORY_WAIT_NS NS_PER_MS

#define USER_DATA_NONE UINT64_MAX /* a completion that nobody wants to see */

enum slot_op { SLOT_FREE, SLOT_ACCEPT, SLOT_OTHER };

struct slot {
    union {
        struct io *io;
        uint32_t next_free;
    };
    uint32_t generation;
    uint32_t op;
};

struct ring {
    struct io_uring uring;
    unsigned enter_flags;
    unsigned peer_timeout_s;
    uint64_t now;
    struct pool pool;
    struct msghdr *headers; /* by place in the submission queue */
    struct slot *slots;
    size_t slot_count, slot_capacity;
    uint32_t slot_free;
    struct socket_path *paths;
    size_t path_count, path_capacity;
    int reserve_fd; /* for ring_turn_away; -1 when it could not be had again */
};

static uint64_t clock_now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* Slots. */

static uint64_t slot_take(struct ring *ring, struct io *io, enum slot_op op)
{
    assert(!io->is_active);
    uint32_t index = ring->slot_free;
    if (index == SLOTS_END) {
        ring->slots = array_reserve(ring->slots, &ring->slot_capacity, ring->slot_count + 1,
                                    sizeof *ring->slots);
        index = (uint32_t)ring->slot_count++;
        ring->slots[index] = (struct slot){.next_free = SLOTS_END};
    }
    struct slot *slot = &ring->slots[index];
    ring->slot_free = slot->next_free;
    slot->io = io;
    slot->op = op;
    io->number = index;
    io->is_active = true;
    return (uint64_t)slot->generation << 32 | index;
}

static void slot_give(struct ring *ring, uint32_t index)
{
    struct slot *slot = &ring->slots[index];
    slot->generation++;
    slot->op = SLOT_FREE;
    slot->next_free = ring->slot_free;
    ring->slot_free = index;
}

/* NULL if the completion speaks of a request that is over. */
static struct slot *slot_find(struct ring *ring, uint64_t user_data)
{
    uint32_t index = (uint32_t)user_data;
    if (user_data == USER_DATA_NONE || index >= ring->slot_count)
        return NULL;
    struct slot *slot = &ring->slots[index];
    return slot->op != SLOT_FREE && slot->generation == user_data >> 32 ? slot : NULL;
}

/* Entering the kernel. */

static unsigned submission_count(const struct ring *ring)
{
    return ring->uring.sq.sqe_tail - IO_URING_READ_ONCE(*ring->uring.sq.khead);
}

/* Completes what can be completed, and waits for `wait_count` completions at most `wait_ns`. */
static void enter(struct ring *ring, unsigned submit_count, unsigned wait_count, uint64_t wait_ns)
{
    struct __kernel_timespec wait = {.tv_sec = (long long)(wait_ns / NS_PER_S),
                                     .tv_nsec = (long long)(wait_ns % NS_PER_S)};
    struct io_uring_getevents_arg argument = {0};
    if (wait_count && wait_ns != TIME_NEVER)
        argument.ts = (uintptr_t)&wait;
    int result = io_uring_enter2((unsigned)ring->uring.enter_ring_fd, submit_count, wait_count,
                                 ring->enter_flags, (sigset_t *)&argument, sizeof argument);
    /* The wait was cut short, the kernel had no memory, or completions must be taken first. */
    bool is_passing = result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY;
    assert(result >= 0 || is_passing);
}

static void submit(struct ring *ring, unsigned wait_count, uint64_t wait_ns)
{
    struct io_uring_sq *sq = &ring->uring.sq;
    sq->sqe_head = sq->sqe_tail;
    io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
    enter(ring, submission_count(ring), wait_count, wait_ns);
    bool is_refused = submission_count(ring) > 0; /* the kernel has no memory for them */
    if (is_refused)                               /* what completes gives some back */
        enter(ring, 0, io_uring_cq_ready(&ring->uring) + 1, NO_MEMORY_WAIT_NS);
}

/* However long the kernel has no memory: nothing else could be done, and nothing is lost. */
static struct io_uring_sqe *submission_take(struct ring *ring)
{
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(&ring->uring)))
        submit(ring, 0, 0);
    return sqe;
}

/* Fills `event` from a completion. Returns false if there is nothing to tell. */
static bool event_take(struct ring *ring, const struct io_uring_cqe *cqe, struct ring_event *event)
{
    bool has_buffer = cqe->flags & IORING_CQE_F_BUFFER;
    uint16_t buffer = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    struct slot *slot = slot_find(ring, cqe->user_data);
    const unsigned char *data = has_buffer ? pool_lend(&ring->pool, buffer) : NULL;
    if (data && (!slot || cqe->res <= 0)) {
        pool_return(&ring->pool, buffer);
        data = NULL;
    }
    if (!slot)
        return false;
    *event = (struct ring_event){.io = slot->io, .result = cqe->res, .data = data};
    event->buffer = data ? buffer : 0;
    event->is_last = !(cqe->flags & IORING_CQE_F_MORE);
    if (event->is_last) {
        slot->io->is_active = false;
        slot_give(ring, (uint32_t)cqe->user_data);
    }
    return true;
}

static unsigned events_take(struct ring *ring, struct ring_event *events)
{
    unsigned event_count = 0;
    unsigned completion_count = 0;
    unsigned head;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(&ring->uring, head, cqe)
    {
        if (event_count == RING_EVENTS_MAX)
            break;
        event_count += event_take(ring, cqe, &events[event_count]);
        completion_count++;
    }
    io_uring_cq_advance(&ring->uring, completion_count);
    return event_count;
}

unsigned ring_wait(struct ring *ring, uint64_t deadline, struct ring_event *events)
{
    pool_publish(&ring->pool);
    uint64_t wait_ns = 0;
    if (io_uring_cq_ready(&ring->uring) == 0 && deadline > ring->now) {
        uint64_t now = deadline == TIME_NEVER ? 0 : clock_now(CLOCK_MONOTONIC);
        wait_ns = deadline == TIME_NEVER ? TIME_NEVER : deadline > now ? deadline - now : 0;
    }
    unsigned flags = IO_URING_READ_ONCE(*ring->uring.sq.kflags);
    if (wait_ns || submission_count(ring) || flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW))
        submit(ring, wait_ns ? 1 : 0, wait_ns);
    ring->now = clock_now(CLOCK_MONOTONIC);
    return events_take(ring, events);
}

uint64_t ring_now(const struct ring *ring)
{
    return ring->now;
}

void ring_sleep(struct ring *ring, uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
    (void)ring;
    while (nanosleep(&time, &time) < 0 && errno == EINTR)
        ;
}

uint64_t ring_epoch(const struct ring *ring)
{
    (void)ring;
    return clock_now(CLOCK_REALTIME) - clock_now(CLOCK_MONOTONIC);
}

/* Starting and ending. */

static void options_complete(struct ring_options *options)
{
    options->entries = options->entries ? options->entries : ENTRIES_DEFAULT;
    options->completions = options->completions ? options->completions : COMPLETIONS_DEFAULT;
    options->buffers = options->buffers ? options->buffers : BUFFERS_DEFAULT;
    options->buffer_size = options->buffer_size ? options->buffer_size : BUFFER_SIZE_DEFAULT;
    options->peer_timeout_s =
        options->peer_timeout_s ? options->peer_timeout_s : PEER_TIMEOUT_S_DEFAULT;
    if (options->completions < options->entries) /* which the kernel refuses */
        options->completions = options->entries;
}

/* What ring_turn_away gives up for a moment. */
static int reserve_open(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int ring_create(struct ring **out, const struct ring_options *given)
{
    struct ring_options options = *given;
    options_complete(&options);
    struct ring *ring = memory_create(sizeof *ring);
    ring->slot_free = SLOTS_END;
    ring->reserve_fd = reserve_open();
    int result = ring->reserve_fd < 0 ? -errno : 0;
    if (result < 0)
        goto free_ring;
    result = kernel_ring_init(&ring->uring, options.entries, options.completions);
    if (result < 0)
        goto close_reserve;
    result = io_uring_ring_dontfork(&ring->uring);
    if (result < 0)
        goto exit_uring;
    result = io_uring_register_ring_fd(&ring->uring);
    if (result < 0)
        goto exit_uring;
    result = pool_init(&ring->pool, &ring->uring, options.buffers, options.buffer_size);
    if (result < 0)
        goto exit_uring;
    ring->enter_flags =
        IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | IORING_ENTER_REGISTERED_RING;
    if (ring->uring.features & IORING_FEAT_NO_IOWAIT && !options.is_base_only)
        ring->enter_flags |= IORING_ENTER_NO_IOWAIT;
    ring->headers = memory_create(ring->uring.sq.ring_entries * sizeof *ring->headers);
    ring->peer_timeout_s = options.peer_timeout_s;
    ring->now = clock_now(CLOCK_MONOTONIC);
    *out = ring;
    return 0;
exit_uring:
    io_uring_queue_exit(&ring->uring);
    pool_finish(&ring->pool);
close_reserve:
    close(ring->reserve_fd);
free_ring:
    memory_free(ring);
    *out = NULL;
    return result;
}

/* Ends what is in flight before the ring's descriptor goes, so that no socket stays open in the kernel for a while. */
static void flight_end(struct ring *ring)
{
    struct io_uring_sync_cancel_reg all = {.flags =
                                               IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
                                           .timeout = {.tv_nsec = 100 * (long long)NS_PER_MS}};
    (void)io_uring_register_sync_cancel(&ring->uring, &all); /* the exit does it, only later */
    enter(ring, 0, 0, 0); /* what was not submitted yet never will be */
    unsigned head;
    unsigned count = 0;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(&ring->uring, head, cqe)
    {
        const struct slot *slot = slot_find(ring, cqe->user_data);
        if (slot && slot->op == SLOT_ACCEPT && cqe->res >= 0)
            close(cqe->res);
        count++;
    }
    io_uring_cq_advance(&ring->uring, count);
}

void ring_destroy(struct ring *ring)
{
    if (!ring)
        return;
    flight_end(ring);
    for (size_t i = 0; i < ring->path_count; i++)
        socket_path_remove(&ring->paths[i]);
    io_uring_queue_exit(&ring->uring);
    pool_finish(&ring->pool);
    if (ring->reserve_fd >= 0)
        close(ring->reserve_fd);
    memory_free(ring->paths);
    memory_free(ring->slots);
    memory_free(ring->headers);
    memory_free(ring);
}

/* Operations. */

void ring_buffer_return(struct ring *ring, uint16_t buffer)
{
    pool_return(&ring->pool, buffer);
}

void ring_accept(struct ring *ring, struct io *io, int fd)
{
    socket_set_stream_options(fd, ring->peer_timeout_s);
    struct io_uring_sqe *sqe = submission_take(ring);
    io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = slot_take(ring, io, SLOT_ACCEPT);
}

void ring_recv(struct ring *ring, struct io *io, int fd)
{
    struct io_uring_sqe *sqe = submission_take(ring);
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = POOL_GROUP;
    sqe->user_data = slot_take(ring, io, SLOT_OTHER);
}

/* The kernel copies a message header when it takes the submission (SUBMIT_STABLE), so it lives as long as the place there. */
void ring_send(struct ring *ring, struct io *io, int fd, const struct iovec *pieces, unsigned count)
{
    assert(count >= 1 && count <= PIECES_MAX);
    struct io_uring_sqe *sqe = submission_take(ring);
    int flags = MSG_WAITALL | MSG_NOSIGNAL;
    if (count == 1) {
        io_uring_prep_send(sqe, fd, pieces->iov_base, pieces->iov_len, flags);
    } else {
        struct msghdr *header = &ring->headers[sqe - ring->uring.sq.sqes];
        *header = (struct msghdr){.msg_iov = (struct iovec *)pieces, .msg_iovlen = count};
        io_uring_prep_sendmsg(sqe, fd, header, (unsigned)flags);
    }
    sqe->user_data = slot_take(ring, io, SLOT_OTHER);
}

void ring_poll(struct ring *ring, struct io *io, int fd)
{
    struct io_uring_sqe *sqe = submission_take(ring);
    io_uring_prep_poll_add(sqe, fd, POLLIN);
    sqe->user_data = slot_take(ring, io, SLOT_OTHER);
}

void ring_cancel(struct ring *ring, struct io *io)
{
    assert(io->is_active);
    const struct slot *slot = &ring->slots[io->number];
    assert(slot->io == io);
    uint64_t target = (uint64_t)slot->generation << 32 | io->number;
    struct io_uring_sqe *sqe = submission_take(ring);
    io_uring_prep_cancel64(sqe, target, 0);
    sqe->user_data = USER_DATA_NONE;
}

int ring_listen(struct ring *ring, const struct ring_address *address)
{
    ring->paths =
        array_reserve(ring->paths, &ring->path_capacity, ring->path_count + 1, sizeof *ring->paths);
    int fd = socket_listen(address, &ring->paths[ring->path_count]);
    if (fd >= 0 && address->kind == RING_ADDRESS_UNIX)
        ring->path_count++;
    return fd;
}

bool ring_turn_away(struct ring *ring, int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    if (ring->reserve_fd < 0)
        ring->reserve_fd = reserve_open();
    if (ring->reserve_fd < 0 || poll(&waiting, 1, 0) != 1) /* accept4 would wait for one */
        return false;
    close(ring->reserve_fd);
    int taken = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (taken >= 0)
        close(taken);
    ring->reserve_fd = reserve_open();
    return taken >= 0;
}

void ring_close(struct ring *ring, int fd)
{
    for (size_t i = 0; i < ring->path_count; i++) {
        if (ring->paths[i].fd != fd)
            continue;
        socket_path_remove(&ring->paths[i]);
        ring->paths[i] = ring->paths[--ring->path_count];
        break;
    }
    (void)close(fd); /* Linux frees the descriptor whatever it answers */
}

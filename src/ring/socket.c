/* The sockets block: io_uring waits by itself on those, and answers -EAGAIN on others. */
#include "ring/socket.h"

#include "base/time.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    BACKLOG = 4096, /* the kernel cuts it to net.core.somaxconn */
    BIND_TRIES = 25,
    BIND_PAUSE_MS = 10,
    KEEP_COUNT = 3, /* questions that an idle peer may leave unanswered */
};

union socket_name {
    struct sockaddr any;
    struct sockaddr_in tcp4;
    struct sockaddr_in6 tcp6;
    struct sockaddr_un local;
};

/* Returns the size of `name`, or -errno. */
static int name_of(const struct ring_address *address, union socket_name *name)
{
    memset(name, 0, sizeof *name);
    switch (address->kind) {
    case RING_ADDRESS_TCP4:
        name->tcp4.sin_family = AF_INET;
        name->tcp4.sin_port = htons(address->port);
        memcpy(&name->tcp4.sin_addr, address->host, 4);
        return sizeof name->tcp4;
    case RING_ADDRESS_TCP6:
        name->tcp6.sin6_family = AF_INET6;
        name->tcp6.sin6_port = htons(address->port);
        memcpy(&name->tcp6.sin6_addr, address->host, 16);
        return sizeof name->tcp6;
    case RING_ADDRESS_UNIX:
        if (address->path[0] == 0 ||
            strnlen(address->path, sizeof address->path) == sizeof address->path)
            return -EINVAL;
        name->local.sun_family = AF_UNIX;
        memcpy(name->local.sun_path, address->path, sizeof name->local.sun_path);
        return sizeof name->local;
    }
    return -EINVAL;
}

static void set_number(int fd, int level, int option, int number)
{
    /* A failure costs delay, not correctness: the option does not exist for this kind of socket. */
    (void)setsockopt(fd, level, option, &number, sizeof number);
}

/*
 * Linux hands all of these from the listener on to the sockets it accepts. An idle peer is asked at half of the time, and
 * three times in the other half. Keep-alive never asks one that owes an acknowledgement: see socket_silence.
 */
void socket_set_stream_options(int fd, unsigned timeout_s)
{
    int interval = (int)timeout_s / (2 * KEEP_COUNT);
    set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, timeout_s > 1 ? (int)timeout_s / 2 : 1);
    set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval > 0 ? interval : 1);
    set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT);
    set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/*
 * TCP_USER_TIMEOUT would do this in the kernel, but it also ends a connection to a living peer that does not read: Linux counts
 * the time that the peer's window is closed, although its host answers every probe. So what counts here is what goes
 * unanswered: data sent again, or a second probe of the window.
 */
bool socket_silence(int fd, uint64_t *silent_ns)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
        return false; /* not TCP */
    bool is_unheard = (info.tcpi_unacked > 0 && info.tcpi_retransmits > 0) || info.tcpi_probes > 1;
    int unsent = 0;
    *silent_ns = is_unheard ? info.tcpi_last_ack_recv * NS_PER_MS : 0;
    return info.tcpi_unacked > 0 || (ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0);
}

static int option_failure(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof on) < 0 ? -errno : 0;
}

/* Removes a socket file that nobody listens on. Returns 0 if the path is free, or -errno. */
static int clear_stale_path(const union socket_name *name, int name_size)
{
    struct stat status;
    if (lstat(name->local.sun_path, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -ENOTSOCK;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return -errno;
    int error = connect(probe, &name->any, (socklen_t)name_size) < 0 ? errno : 0;
    close(probe);
    if (error == 0 || error == EAGAIN)
        return -EADDRINUSE;
    if (error != ECONNREFUSED && error != ENOENT)
        return -error;
    return unlink(name->local.sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_once(int fd, const union socket_name *name, int name_size)
{
    if (name->any.sa_family == AF_UNIX) {
        int result = clear_stale_path(name, name_size);
        if (result < 0)
            return result;
    }
    return bind(fd, &name->any, (socklen_t)name_size) < 0 ? -errno : 0;
}

static int bind_patiently(int fd, const union socket_name *name, int name_size)
{
    int result = bind_once(fd, name, name_size);
    for (int tries = 1; result == -EADDRINUSE && tries < BIND_TRIES; tries++) {
        (void)poll(NULL, 0, BIND_PAUSE_MS); /* nobody tells when an address gets free */
        result = bind_once(fd, name, name_size);
    }
    return result;
}

static int prepare(int fd, int family)
{
    switch (family) {
    case AF_UNIX:
        /* bind() gives the file the mode of the socket, so that it is never open to others. */
        return fchmod(fd, 0600) < 0 ? -errno : 0;
    case AF_INET6: {
        int result = option_failure(fd, IPPROTO_IPV6, IPV6_V6ONLY);
        return result < 0 ? result : option_failure(fd, SOL_SOCKET, SO_REUSEADDR);
    }
    default: return option_failure(fd, SOL_SOCKET, SO_REUSEADDR);
    }
}

static int path_init(struct socket_path *path, int fd, const char *name)
{
    struct stat status;
    if (lstat(name, &status) < 0)
        return -errno;
    *path = (struct socket_path){.fd = fd, .device = status.st_dev, .inode = status.st_ino};
    memcpy(path->path, name, sizeof path->path);
    return 0;
}

int socket_listen(const struct ring_address *address, struct socket_path *path)
{
    union socket_name name;
    int name_size = name_of(address, &name);
    if (name_size < 0)
        return name_size;
    int family = name.any.sa_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = prepare(fd, family);
    if (result < 0)
        goto close_fd;
    result = bind_patiently(fd, &name, name_size);
    if (result < 0)
        goto close_fd;
    if (family == AF_UNIX) {
        result = path_init(path, fd, address->path);
        if (result < 0)
            goto close_fd;
    }
    if (listen(fd, BACKLOG) == 0)
        return fd;
    result = -errno;
    if (family == AF_UNIX)
        socket_path_remove(path);
close_fd:
    close(fd);
    return result;
}

void socket_path_remove(const struct socket_path *path)
{
    struct stat status;
    if (lstat(path->path, &status) == 0 && status.st_dev == path->device &&
        status.st_ino == path->inode)
        (void)unlink(path->path);
}

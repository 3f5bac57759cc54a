/* What sockets tell, without the ring. */
#include "ring/ring.h"
#include "ring/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

union name {
    struct sockaddr any;
    struct sockaddr_in tcp4;
    struct sockaddr_in6 tcp6;
    struct sockaddr_storage room;
};

uint16_t ring_listen_port(struct ring *ring, int fd)
{
    (void)ring;
    union name name = {0};
    socklen_t size = sizeof name;
    if (getsockname(fd, &name.any, &size) < 0)
        return 0;
    return ntohs(name.any.sa_family == AF_INET6 ? name.tcp6.sin6_port : name.tcp4.sin_port);
}

bool ring_silence(struct ring *ring, int fd, uint64_t *silent_ns)
{
    (void)ring;
    return socket_silence(fd, silent_ns);
}

size_t ring_unread(struct ring *ring, int fd)
{
    (void)ring;
    int size = 0;
    return ioctl(fd, FIONREAD, &size) == 0 ? (size_t)size : 0;
}

int ring_peer(struct ring *ring, int fd, struct ring_address *address)
{
    (void)ring;
    union name name = {0};
    socklen_t size = sizeof name;
    *address = (struct ring_address){.kind = RING_ADDRESS_UNIX};
    if (getpeername(fd, &name.any, &size) < 0)
        return -errno;
    if (name.any.sa_family == AF_INET) {
        address->kind = RING_ADDRESS_TCP4;
        memcpy(address->host, &name.tcp4.sin_addr, 4);
        address->port = ntohs(name.tcp4.sin_port);
    } else if (name.any.sa_family == AF_INET6) {
        address->kind = RING_ADDRESS_TCP6;
        memcpy(address->host, &name.tcp6.sin6_addr, 16);
        address->port = ntohs(name.tcp6.sin6_port);
    }
    return 0;
}

void ring_shutdown(struct ring *ring, int fd, int how)
{
    (void)ring;
    (void)shutdown(fd, how); /* fails if the peer has gone, which a receive tells too */
}

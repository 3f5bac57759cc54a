/* Listening sockets, made by plain system calls. */
#ifndef RINGPOST_RING_SOCKET_H
#define RINGPOST_RING_SOCKET_H

#include "ring/ring.h"

#include <sys/types.h>

/* The file of a unix listener. */
struct socket_path {
    int fd;
    dev_t device;
    ino_t inode;
    char path[108];
};

/*
 * A socket that listens on `address`, or -errno. For a unix address `*path` names the file that it made. What a process that
 * is just ending still holds is waited for, a quarter of a second.
 */
int socket_listen(const struct ring_address *address, struct socket_path *path);

/* Lets the connections that `fd` accepts start with no delay, and with a keep-alive that finds a vanished idle peer within
 * `timeout_s`; does nothing to a unix socket. */
void socket_set_stream_options(int fd, unsigned timeout_s);

/* See ring_silence. */
bool socket_silence(int fd, uint64_t *silent_ns);

/* Removes the file, unless somebody has replaced it. */
void socket_path_remove(const struct socket_path *path);

#endif

/* Where the broker may be: a list of addresses as users write them, and the sockets they stand for. */
#ifndef RINGPOST_CLIENT_ADDRESS_H
#define RINGPOST_CLIENT_ADDRESS_H

#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Written: HOST:PORT, HOST, [V6]:PORT or unix:PATH, separated by commas. */
struct address_list {
    char *text;       /* each address ends with a zero byte, the last with two */
    const char *next; /* the address to look up next */
    struct addrinfo *found,
        *candidate; /* what the address before it stands for, and what is left of that */
};

/* Returns 0, -EINVAL when `text` is not such a list, or -ENOMEM. */
int address_list_init(struct address_list *list, const char *text);
void address_list_finish(struct address_list *list);

/*
 * The next place to try. Returns 1 with `*address` filled, 0 when all were given out and the next call starts
 * over, or -errno when one address could not be looked up; the next call goes on behind it, or after -ENOMEM tries it
 * again. Looks up at most one name.
 */
int address_list_next(struct address_list *list, struct sockaddr_storage *address, socklen_t *size);

/* Starts over with the first address. */
void address_list_rewind(struct address_list *list);

#endif

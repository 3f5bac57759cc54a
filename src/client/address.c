#include "client/address.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const char PORT_DEFAULT[] = "7464";
static const char UNIX_PREFIX[] = "unix:";

enum { HOST_SIZE = 256 };

/* One address taken apart. For a unix socket `host` is its path. */
struct place {
    bool is_unix;
    char host[HOST_SIZE];
    char port[6];
};

static bool copy_text(char *to, size_t room, const char *from, size_t size)
{
    if (size == 0 || size >= room)
        return false;
    memcpy(to, from, size);
    to[size] = 0;
    return true;
}

static bool is_port(const char *text)
{
    size_t size = strlen(text);
    if (size == 0 || size > 5 || strspn(text, "0123456789") != size)
        return false;
    unsigned long port = strtoul(text, NULL, 10);
    return port > 0 && port <= 65535;
}

static bool place_parse(const char *text, struct place *place)
{
    size_t prefix = sizeof UNIX_PREFIX - 1;
    place->is_unix = strncmp(text, UNIX_PREFIX, prefix) == 0;
    if (place->is_unix) {
        size_t size = strlen(text + prefix);
        return size < sizeof((struct sockaddr_un *)0)->sun_path &&
               copy_text(place->host, sizeof place->host, text + prefix, size);
    }
    const char *host = text, *host_end, *colon;
    if (*text == '[') {
        host = text + 1;
        host_end = strchr(host, ']');
        if (!host_end || (host_end[1] && host_end[1] != ':'))
            return false;
        colon = host_end[1] ? host_end + 1 : NULL;
    } else {
        colon = strchr(text, ':');
        host_end = colon ? colon : text + strlen(text);
    }
    const char *port = colon ? colon + 1 : PORT_DEFAULT;
    return copy_text(place->host, sizeof place->host, host, (size_t)(host_end - host)) &&
           is_port(port) && copy_text(place->port, sizeof place->port, port, strlen(port));
}

int address_list_init(struct address_list *list, const char *text)
{
    *list = (struct address_list){0};
    size_t size = strlen(text);
    char *copy = malloc(size + 2);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, text, size + 1);
    copy[size + 1] = 0;
    for (char *comma = copy; (comma = strchr(comma, ',')); comma++)
        *comma = 0;
    struct place place;
    for (const char *at = copy; at <= copy + size; at += strlen(at) + 1) {
        if (!place_parse(at, &place)) {
            free(copy);
            return -EINVAL;
        }
    }
    list->text = copy;
    list->next = copy;
    return 0;
}

static void found_drop(struct address_list *list)
{
    if (list->found)
        freeaddrinfo(list->found);
    list->found = list->candidate = NULL;
}

void address_list_finish(struct address_list *list)
{
    found_drop(list);
    free(list->text);
    *list = (struct address_list){0};
}

static int lookup_errno(int error)
{
    switch (error) {
    case EAI_MEMORY: return -ENOMEM;
    case EAI_SYSTEM: return errno ? -errno : -EIO;
    case EAI_AGAIN: return -EAGAIN;
    default: return -EHOSTUNREACH;
    }
}

/* A numeric address is taken without asking anybody. */
static int lookup(const struct place *place, struct addrinfo **found)
{
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
    };
    int error = getaddrinfo(place->host, place->port, &hints, found);
    if (error == EAI_NONAME) {
        hints.ai_flags = AI_NUMERICSERV;
        error = getaddrinfo(place->host, place->port, &hints, found);
    }
    return error ? lookup_errno(error) : 0;
}

static int candidate_take(struct address_list *list, struct sockaddr_storage *address,
                          socklen_t *size)
{
    const struct addrinfo *candidate = list->candidate;
    if (candidate->ai_addrlen > sizeof *address)
        return -EAFNOSUPPORT;
    memcpy(address, candidate->ai_addr, candidate->ai_addrlen);
    *size = candidate->ai_addrlen;
    list->candidate = candidate->ai_next;
    return 1;
}

int address_list_next(struct address_list *list, struct sockaddr_storage *address, socklen_t *size)
{
    if (list->candidate)
        return candidate_take(list, address, size);
    found_drop(list);
    if (!*list->next) {
        list->next = list->text;
        return 0;
    }
    struct place place;
    int error = place_parse(list->next, &place) ? 0 : -EINVAL;
    if (!error && !place.is_unix)
        error = lookup(&place, &list->found);
    if (error == -ENOMEM)
        return error;
    list->next += strlen(list->next) + 1;
    if (error)
        return error;
    if (place.is_unix) {
        struct sockaddr_un *path = (struct sockaddr_un *)address;
        *path = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(path->sun_path, place.host, strlen(place.host) + 1);
        *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(place.host) + 1);
        return 1;
    }
    list->candidate = list->found;
    return candidate_take(list, address, size);
}

void address_list_rewind(struct address_list *list)
{
    found_drop(list);
    list->next = list->text;
}

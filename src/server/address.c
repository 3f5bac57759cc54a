#include "server/address.h"

#include "server/units.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

static int parse_port(const char *text, uint16_t *port)
{
    uint64_t value;
    if (units_read(UNIT_COUNT, text, &value) < 0 || value > UINT16_MAX)
        return -EINVAL;
    *port = (uint16_t)value;
    return 0;
}

int address_parse(const char *text, struct ring_address *address)
{
    *address = (struct ring_address){0};
    if (strncmp(text, "unix:", 5) == 0) {
        size_t size = strlen(text + 5);
        if (size == 0 || size >= sizeof address->path)
            return -EINVAL;
        address->kind = RING_ADDRESS_UNIX;
        memcpy(address->path, text + 5, size + 1);
        return 0;
    }
    const char *colon = strrchr(text, ':');
    char host[64];
    if (!colon || (size_t)(colon - text) >= sizeof host ||
        parse_port(colon + 1, &address->port) < 0)
        return -EINVAL;
    bool is_bracketed = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
    size_t size = (size_t)(colon - text) - (is_bracketed ? 2 : 0);
    memcpy(host, text + (is_bracketed ? 1 : 0), size);
    host[size] = '\0';
    address->kind = is_bracketed ? RING_ADDRESS_TCP6 : RING_ADDRESS_TCP4;
    if (!is_bracketed && strcmp(host, "localhost") == 0)
        memcpy(host, "127.0.0.1", sizeof "127.0.0.1");
    return inet_pton(is_bracketed ? AF_INET6 : AF_INET, host, address->host) == 1 ? 0 : -EINVAL;
}

void address_format(const struct ring_address *address, uint16_t port, char text[ADDRESS_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "";
    switch (address->kind) {
    case RING_ADDRESS_UNIX: snprintf(text, ADDRESS_TEXT_SIZE, "unix:%s", address->path); return;
    case RING_ADDRESS_TCP4: inet_ntop(AF_INET, address->host, host, sizeof host); break;
    case RING_ADDRESS_TCP6: inet_ntop(AF_INET6, address->host, host, sizeof host); break;
    }
    snprintf(text, ADDRESS_TEXT_SIZE, address->kind == RING_ADDRESS_TCP6 ? "[%s]:%u" : "%s:%u",
             host, port);
}

bool address_is_local(const struct ring_address *address)
{
    static const unsigned char loopback6[16] = {[15] = 1};
    switch (address->kind) {
    case RING_ADDRESS_UNIX: return true;
    case RING_ADDRESS_TCP4: return address->host[0] == 127;
    case RING_ADDRESS_TCP6: return memcmp(address->host, loopback6, sizeof loopback6) == 0;
    }
    return false;
}

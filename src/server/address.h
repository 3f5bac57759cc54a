/* Where to listen, as people write it. */
#ifndef RINGPOST_SERVER_ADDRESS_H
#define RINGPOST_SERVER_ADDRESS_H

#include "ring/ring.h"

enum { PORT_DEFAULT = 7464, ADDRESS_TEXT_SIZE = 128 };

/* Reads HOST:PORT, [HOST]:PORT or unix:PATH. Returns 0 or -EINVAL. */
int address_parse(const char *text, struct ring_address *address);

/* Writes an address as address_parse reads it, with `port` for a TCP one. */
void address_format(const struct ring_address *address, uint16_t port,
                    char text[ADDRESS_TEXT_SIZE]);

/* Whether only processes of this machine can reach it. */
bool address_is_local(const struct ring_address *address);

#endif

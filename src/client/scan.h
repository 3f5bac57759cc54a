/* Looks once at every frame that came: acts on those that settle and answer, leaves the rest to the reader. */
#ifndef RINGPOST_CLIENT_SCAN_H
#define RINGPOST_CLIENT_SCAN_H

#include "client/handle.h"

/* Scans what is whole. Returns 0, or -errno when the connection has to end: -EPROTO, or why the broker refused the hello. */
int scan(struct ringpost *handle);

#endif

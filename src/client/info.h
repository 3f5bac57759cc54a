/* The figures of a queue, read from the fields that carry them. */
#ifndef RINGPOST_CLIENT_INFO_H
#define RINGPOST_CLIENT_INFO_H

#include "base/bytes.h"
#include "ringpost.h"

/*
 * Fills `info`, of which only info->size bytes are the caller's. Fields it does not know are passed over. Returns 0,
 * -EPROTO when these are not fields, or -EINVAL when info->size cannot be.
 */
int info_parse(struct ringpost_info *info, struct bytes fields);

#endif

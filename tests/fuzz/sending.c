#include "sending.h"

#include "base/array.h"

#include <stdlib.h>

void sending_begin(struct sending *sending, struct output *output)
{
    size_t size = 0;
    sending->vector = output_begin(output, &sending->vector_count);
    assert(sending->vector_count > 0 && sending->vector_count <= OUTPUT_PIECES_MAX);
    for (unsigned i = 0; i < sending->vector_count; i++)
        size += sending->vector[i].iov_len;
    unsigned char *copy = memory_create(size);
    for (size_t i = 0, at = 0; i < sending->vector_count; at += sending->vector[i++].iov_len)
        memcpy(copy + at, sending->vector[i].iov_base, sending->vector[i].iov_len);
    sending->bytes = bytes_of(copy, size);
}

void sending_finish(struct sending *sending)
{
    free((void *)sending->bytes.data);
    *sending = (struct sending){0};
}

void sending_check(const struct sending *sending)
{
    size_t at = 0;
    for (unsigned i = 0; i < sending->vector_count; i++) {
        const struct iovec *piece = &sending->vector[i];
        assert(memcmp(sending->bytes.data + at, piece->iov_base, piece->iov_len) == 0);
        at += piece->iov_len;
    }
}

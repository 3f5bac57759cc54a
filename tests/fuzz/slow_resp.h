/* A slow reader of the Redis protocol: the whole of what came, from its first byte, every time. */
#ifndef RINGPOST_TESTS_FUZZ_SLOW_RESP_H
#define RINGPOST_TESTS_FUZZ_SLOW_RESP_H

#include "resp/parser.h"

/* What came of a command: as resp_parse has it, and the words where there are some. */
struct verdict {
    int result;
    char error[64];
    struct bytes *words;
    uint32_t words_count;
    unsigned char *unquoted; /* where words lie that had quotes */
};

/* The verdict on `in`, to be freed. */
struct verdict slow_parse(struct bytes in, const struct resp_limits *limits);

void verdict_free(struct verdict *verdict);

#endif

/* What libFuzzer, or replay.c, calls with each input. A target stops on what it finds wrong. */
#ifndef RINGPOST_TESTS_FUZZ_TARGET_H
#define RINGPOST_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

/* What a client says, as an input chooses: frames of every op, mostly good ones. */
#ifndef RINGPOST_TESTS_FUZZ_SPEECH_H
#define RINGPOST_TESTS_FUZZ_SPEECH_H

#include "choices.h"

/* Bytes that were said and not heard yet. A zeroed speech is silent. */
struct speech {
    unsigned char *data;
    size_t size, capacity;
    size_t said_size; /* in all, ever */
    uint32_t serial;  /* makes messages differ */
};

void speech_finish(struct speech *speech);

/* HELLO, with a small window or without one, and mostly with the password. */
#define SPEECH_PASSWORD "sesame"
void speech_hello(struct speech *speech, struct choices *choices);

/* One frame of an op, or a run of messages. */
void speech_frames(struct speech *speech, struct choices *choices);

/* Settles or touches messages of consumer `id`, some tags before `tag_next` and on. */
void speech_settlement(struct speech *speech, struct choices *choices, uint32_t id,
                       uint64_t tag_next);

/* One frame or run with one byte wrong. */
void speech_wrong(struct speech *speech, struct choices *choices);

/* Bytes as they stand in the input. */
void speech_raw(struct speech *speech, struct choices *choices);

/* Takes `size` bytes off the front, or all there are, into memory of their own for the caller to free. */
struct bytes speech_take(struct speech *speech, size_t size);

#endif

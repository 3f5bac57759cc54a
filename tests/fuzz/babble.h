/* What a broker says into a socket, as an input chooses: right or wrong, called for or not. */
#ifndef RINGPOST_TESTS_FUZZ_BABBLE_H
#define RINGPOST_TESTS_FUZZ_BABBLE_H

#include "choices.h"

/* WELCOME, with a small window. */
void babble_welcome(int fd, struct choices *choices);

/* A message, OP_PUSH or OP_PUBLISH. */
void babble_message(int fd, struct choices *choices, unsigned op);

/* A message with headers, which may be wrong. */
void babble_letter(int fd, struct choices *choices, unsigned op);

/* A message whose sizes may be wrong. */
void babble_head(int fd, struct choices *choices, unsigned op);

/* A control frame, with numbers in its body, at times too few and at times something behind them. */
void babble_control(int fd, struct choices *choices);

/* Bytes as they stand in the input. */
void babble_raw(int fd, struct choices *choices);

#endif

/* How a failing run says what failed, and what one command replays it. */
#ifndef RINGPOST_TESTS_SIM_REPLAY_H
#define RINGPOST_TESTS_SIM_REPLAY_H

#include <stdint.h>

/* Notes what is being run, for whatever fails next: an assertion and a signal too. */
void replay_init(const char *program);
void replay_note(uint64_t seed, uint64_t ops);

/* Adds a place within the run to what a failure says. */
void replay_at(uint64_t step);

/* Says what failed and how to replay it, and ends the process. */
void replay_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

/* Fails unless `condition` holds; the rest is a format and its values. */
#define REQUIRE(condition, ...)                           \
    do {                                                  \
        if (!(condition))                                 \
            replay_fail(__FILE__, __LINE__, __VA_ARGS__); \
    } while (0)

#endif

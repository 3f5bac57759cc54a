#include "replay.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *program;
    char command[512];
    uint64_t step;
    bool is_failing;
} replay;

static void say_command(void)
{
    char text[640];
    int size = snprintf(text, sizeof text, "at step %" PRIu64 "\nreplay: %s\n", replay.step,
                        replay.command);
    if (size > 0 && write(STDERR_FILENO, text, (size_t)size) < 0)
        _exit(2);
}

/* An assertion of the code under test ends here. */
static void on_signal(int number)
{
    (void)signal(number, SIG_DFL);
    if (!replay.is_failing)
        say_command();
    _exit(1);
}

void replay_init(const char *program)
{
    replay.program = program;
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        (void)signal(signals[i], on_signal);
}

void replay_note(uint64_t seed, uint64_t ops)
{
    replay.step = 0;
    snprintf(replay.command, sizeof replay.command, "%s --seed %" PRIu64 " --ops %" PRIu64,
             replay.program, seed, ops);
}

void replay_at(uint64_t step)
{
    replay.step = step;
}

void replay_fail(const char *file, int line, const char *format, ...)
{
    replay.is_failing = true;
    const char *name = strrchr(file, '/');
    fflush(stdout);
    fprintf(stderr, "FAILED %s:%d: ", name ? name + 1 : file, line);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    say_command();
    _exit(1);
}

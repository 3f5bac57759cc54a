#include "screen.h"

#include "sample.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS_DEFAULT = 80, LINES_DEFAULT = 24 };

/* The alternate screen without a cursor, and back. */
static const char ENTER[] = "\x1b[?1049h\x1b[?25l", LEAVE[] = "\x1b[?25h\x1b[?1049l";

static struct termios saved;
static bool has_input; /* the standard input is a terminal, whose keys are read */
static volatile sig_atomic_t is_ended;

static void on_end(int signal)
{
    (void)signal;
    is_ended = 1;
}

/* It only interrupts the wait. */
static void on_resize(int signal)
{
    (void)signal;
}

static void handle(int signal, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigaction(signal, &action, NULL);
}

static void say(const char *text, size_t size)
{
    fwrite(text, 1, size, stdout);
    fflush(stdout);
}

bool screen_is_there(void)
{
    return isatty(STDOUT_FILENO);
}

void screen_open(void)
{
    has_input = tcgetattr(STDIN_FILENO, &saved) == 0;
    handle(SIGINT, on_end);
    handle(SIGTERM, on_end);
    handle(SIGHUP, on_end);
    handle(SIGWINCH, on_resize);
    handle(SIGTSTP, SIG_IGN);
    if (has_input) {
        struct termios keys = saved;
        keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &keys);
    }
    say(ENTER, sizeof ENTER - 1);
}

void screen_close(void)
{
    say(LEAVE, sizeof LEAVE - 1);
    if (has_input)
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

struct screen_size screen_size(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
        return (struct screen_size){COLUMNS_DEFAULT, LINES_DEFAULT};
    return (struct screen_size){size.ws_col, size.ws_row};
}

void screen_draw(const char *text, size_t size)
{
    fputs("\x1b[H", stdout);
    for (const char *at = text, *end = text + size; at < end;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t line = line_end ? (size_t)(line_end - at) : (size_t)(end - at);
        printf("%.*s\x1b[K%s", (int)line, at, at + line + 1 < end ? "\n" : "");
        at += line + 1;
    }
    say("\x1b[J", 3);
}

/* A key ends it when it is q; so does the end of input. */
static bool read_keys(void)
{
    char keys[64];
    ssize_t size = read(STDIN_FILENO, keys, sizeof keys);
    if (size <= 0)
        return size == 0 || errno != EINTR;
    return memchr(keys, 'q', (size_t)size) != NULL;
}

/* The signals are blocked between the look at what they set and the wait, so that none is missed. */
bool screen_wait(uint64_t until_ns)
{
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGWINCH);
    sigprocmask(SIG_BLOCK, &signals, &before);
    uint64_t now = sample_clock_ns(), left = until_ns > now ? until_ns - now : 0;
    struct timespec timeout = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
    struct pollfd watched = {.fd = has_input ? STDIN_FILENO : -1, .events = POLLIN};
    int ready = is_ended ? 0 : ppoll(&watched, 1, &timeout, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return is_ended || (ready > 0 && read_keys());
}

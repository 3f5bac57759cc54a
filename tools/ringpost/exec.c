#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024, OUTPUT_SIZE_MAX = 64 * 1024 * 1024 };

/* The two ends of a pipe, -1 once closed. */
struct pipe_ends {
    int read, write;
};

static void end_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int pipe_open(struct pipe_ends *ends)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    *ends = (struct pipe_ends){fds[0], fds[1]};
    return 0;
}

/* A child with these as its standard input and output, and the signals as every program expects them. */
static int spawn(const char *command, int input, int output, pid_t *child)
{
    char *const arguments[] = {"sh", "-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return -error;
    error = posix_spawnattr_init(&attributes);
    if (error)
        goto destroy_actions;
    error = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    if (!error && output >= 0)
        error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (!error)
        error = posix_spawnattr_setsigdefault(&attributes, &signals);
    if (!error)
        error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    if (!error)
        error = posix_spawn(child, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
destroy_actions:
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

/* Writes some of `body` on; a command need not read what it is given. */
static void feed(int *fd, struct ringpost_bytes *body)
{
    ssize_t size = write(*fd, body->data, body->size);
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (size > 0)
        *body = ringpost_bytes((const char *)body->data + size, body->size - (size_t)size);
    if (size < 0 || body->size == 0)
        end_close(fd);
}

/* Reads some more. */
static int collect(int *fd, struct output *output)
{
    if (output->capacity - output->size < READ_SIZE) {
        if (output->size > OUTPUT_SIZE_MAX)
            return -EMSGSIZE;
        size_t capacity = output->capacity * 2 + READ_SIZE;
        char *data = realloc(output->data, capacity);
        if (!data)
            return -ENOMEM;
        output->data = data;
        output->capacity = capacity;
    }
    ssize_t size = read(*fd, output->data + output->size, output->capacity - output->size);
    if (size > 0)
        output->size += (size_t)size;
    if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN))
        end_close(fd);
    return 0;
}

/* Feeds and collects, whichever the command is ready for, until it wants and says no more. */
static int converse(int *input, int *output_fd, struct ringpost_bytes body, struct output *output)
{
    int error = 0;
    fcntl(*input, F_SETFL, O_NONBLOCK);
    if (body.size == 0)
        end_close(input);
    while (!error && (*input >= 0 || *output_fd >= 0)) {
        struct pollfd watched[] = {{.fd = *input, .events = POLLOUT},
                                   {.fd = *output_fd, .events = POLLIN}};
        if (poll(watched, 2, -1) < 0 && errno != EINTR)
            return -errno;
        if (watched[0].revents)
            feed(input, &body);
        if (watched[1].revents)
            error = collect(output_fd, output);
    }
    return error;
}

static int await_end(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int exec_run(const char *command, struct ringpost_bytes body, struct output *output)
{
    struct pipe_ends in = {-1, -1}, out = {-1, -1};
    pid_t child = -1;
    int error = pipe_open(&in);
    if (!error && output)
        error = pipe_open(&out);
    if (!error)
        error = spawn(command, in.read, out.write, &child);
    end_close(&in.read);
    end_close(&out.write);
    if (!error)
        error = converse(&in.write, &out.read, body, output);
    end_close(&in.write);
    end_close(&out.read);
    int status = child > 0 ? await_end(child) : 0;
    return error ? error : status;
}

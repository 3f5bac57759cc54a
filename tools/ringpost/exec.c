#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child with `input` as its standard input and the signals as every program expects them. */
static int spawn(const char *command, int input, pid_t *child)
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

/* A command need not read what it is given. */
static void feed(int fd, struct ringpost_bytes body)
{
    const char *data = body.data;
    size_t done = 0;
    while (done < body.size) {
        ssize_t size = write(fd, data + done, body.size - done);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return;
        done += (size_t)size;
    }
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

int exec_run(const char *command, struct ringpost_bytes body)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t child = -1;
    int error = spawn(command, ends[0], &child);
    close(ends[0]);
    if (!error)
        feed(ends[1], body);
    close(ends[1]);
    return error ? error : await_end(child);
}

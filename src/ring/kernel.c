/*
 * Features are found by trial, never by version: distributions carry them backwards, containers take them away. The version is
 * named to the operator only.
 */
#include "ring/kernel.h"
#include "ring/ring.h"
#include "ring/uring_defs.h"

#include <errno.h>
#include <liburing.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

/* All of Linux 6.1. Without any one of them the turn of a shard is another one. */
#define SETUP_BASE                                                                         \
    (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN | \
     IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |           \
     IORING_SETUP_CLAMP)
#define FEATURES_BASE (IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_EXT_ARG)

#define SYSCTL_PATH "/proc/sys/kernel/io_uring_disabled"

int kernel_ring_init(struct io_uring *uring, unsigned entries, unsigned completions)
{
    struct io_uring_params params = {.flags = SETUP_BASE, .cq_entries = completions};
    int result = io_uring_queue_init_params(entries, uring, &params);
    if (result < 0 || (uring->features & FEATURES_BASE) == FEATURES_BASE)
        return result;
    io_uring_queue_exit(uring);
    return -EINVAL;
}

/* Text that is cut where its room ends. */
struct text {
    char *data;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *text, const char *format,
                                                           ...)
{
    va_list arguments;
    va_start(arguments, format);
    int need = vsnprintf(text->data + text->used, text->size - text->used, format, arguments);
    va_end(arguments);
    assert(need >= 0);
    size_t room = text->size - text->used;
    text->used += (size_t)need < room ? (size_t)need : room - 1;
}

static struct text text_start(char *data, size_t size)
{
    assert(size > 0);
    data[0] = 0;
    return (struct text){data, size, 0};
}

/* The number that follows `key` at the start of a line of the file, or -1. */
static int number_in_file(const char *path, const char *key)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    int number = -1;
    char line[256];
    while (number < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            sscanf(line + strlen(key), "%d", &number);
    fclose(file);
    return number;
}

static bool is_in_container(void)
{
    return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0 ||
           getenv("KUBERNETES_SERVICE_HOST") || getenv("container");
}

/* A container's runtime is named too when the process cannot see whether it has a filter. Returns whether it may be the cause. */
static bool explain_filter(struct text *text)
{
    int seccomp = number_in_file("/proc/self/status", "Seccomp:");
    bool is_container = is_in_container();
    if (seccomp != 2 && !(seccomp < 0 && is_container))
        return false;
    text_add(text, "This process runs under a seccomp filter%s, which can refuse io_uring.\n",
             is_container ? " (in a container)" : "");
    text_add(text, "Docker, Podman: --security-opt seccomp=PROFILE, a profile that allows\n"
                   "io_uring_setup, io_uring_enter and io_uring_register (or seccomp=unconfined).\n"
                   "Kubernetes: the same profile as securityContext.seccompProfile.\n"
                   "systemd: SystemCallFilter= must hold @io-event and those three.\n");
    return true;
}

static void explain_denied(struct text *text)
{
    int disabled = number_in_file(SYSCTL_PATH, "");
    if (disabled == 2)
        text_add(text, "The sysctl kernel.io_uring_disabled is 2: nobody may use io_uring.\n"
                       "Allow it: sysctl -w kernel.io_uring_disabled=0\n");
    else if (disabled == 1)
        text_add(text,
                 "The sysctl kernel.io_uring_disabled is 1: io_uring is for CAP_SYS_ADMIN and\n"
                 "for the group in kernel.io_uring_group only. Name this user's group there,\n"
                 "or allow it to all: sysctl -w kernel.io_uring_disabled=0\n");
    else
        text_add(text, "The sysctl kernel.io_uring_disabled is %s, so it allows io_uring.\n",
                 disabled == 0 ? "0" : "absent");
    if (!explain_filter(text) && disabled <= 0)
        text_add(text, "No seccomp filter is in force either: look for a denial by AppArmor or\n"
                       "SELinux in the kernel's log (dmesg).\n");
}

static void explain_memory(struct text *text)
{
    struct rlimit limit = {0};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    text_add(text, "The memory that this process may lock has ended: RLIMIT_MEMLOCK is ");
    if (limit.rlim_cur == RLIM_INFINITY)
        text_add(text,
                 "unlimited,\nso a memory limit of the cgroup or of the machine is the cause.\n");
    else
        text_add(text,
                 "%llu KiB.\nRaise it: LimitMEMLOCK= (systemd), --ulimit memlock= (Docker), "
                 "ulimit -l (shell);\nor raise the memory limit of the cgroup.\n",
                 (unsigned long long)limit.rlim_cur / 1024);
}

static void explain_version(struct text *text)
{
    struct utsname system = {0};
    uname(&system);
    text_add(text, "Linux %s found, 6.1 or newer needed.\n", system.release);
}

void ring_explain(int error, char *buffer, size_t size)
{
    struct text text = text_start(buffer, size);
    const char *name = strerrorname_np(-error);
    text_add(&text, "io_uring is not available: the kernel answers %s (%s).\n",
             name ? name : "an unknown error", strerror(-error));
    switch (-error) {
    case EPERM:
    case EACCES: explain_denied(&text); break;
    case ENOSYS:
        text_add(&text, "This kernel has no io_uring, or a filter pretends so.\n");
        (void)explain_filter(&text);
        break;
    case EINVAL:
        text_add(&text, "This kernel's io_uring is too old: it lacks DEFER_TASKRUN or provided\n"
                        "buffer rings. Boot a newer kernel.\n");
        break;
    case ENOMEM: explain_memory(&text); break;
    case EMFILE:
    case ENFILE:
        text_add(&text, "No descriptor is free. Raise LimitNOFILE= (systemd) or ulimit -n.\n");
        break;
    default: break;
    }
    explain_version(&text);
}

int ring_check(char *buffer, size_t size)
{
    struct text text = text_start(buffer, size);
    struct ring *ring = NULL;
    int result = ring_create(&ring, &(struct ring_options){0});
    ring_destroy(ring);
    struct io_uring uring;
    if (result == 0)
        result = kernel_ring_init(&uring, 8, 16);
    if (result < 0) {
        ring_explain(result, buffer, size);
        return result;
    }
    explain_version(&text);
    text_add(&text, "base ring (6.1): yes\n");
    text_add(&text, "waiting not counted as iowait (6.15): %s\n",
             uring.features & IORING_FEAT_NO_IOWAIT ? "yes" : "no");
    io_uring_queue_exit(&uring);
    return 0;
}

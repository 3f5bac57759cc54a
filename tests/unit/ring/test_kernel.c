/* What is said about a kernel, good or bad. */
#include "ring/kernel.h"
#include "ring/ring.h"

#include "base/time.h"

#include "check.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIPPED = 77 };

static void explain_holds(int error, const char *word)
{
    char text[2000];
    ring_explain(error, text, sizeof text);
    if (!strstr(text, word))
        fail_msg("no \"%s\" in:\n%s", word, text);
    assert_non_null(strstr(text, "6.1 or newer needed"));
}

static void a_refusal_is_explained_with_its_remedy(void **state)
{
    (void)state;
    explain_holds(-EPERM, "EPERM");
    explain_holds(-EPERM, "kernel.io_uring_disabled is ");
    explain_holds(-ENOSYS, "no io_uring");
    explain_holds(-EINVAL, "too old");
    explain_holds(-ENOMEM, "RLIMIT_MEMLOCK");
    explain_holds(-EMFILE, "LimitNOFILE");
    explain_holds(-EIO, "EIO");
    char small[20];
    ring_explain(-EPERM, small, sizeof small);
    assert_int_equal(strlen(small), sizeof small - 1);
}

static void a_seccomp_filter_that_refuses_is_named(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog filter = {.len = sizeof code / sizeof *code, .filter = code};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
            _exit(SKIPPED);
        char text[2000];
        bool is_named = ring_check(text, sizeof text) == -EPERM && strstr(text, "seccomp filter") &&
                        strstr(text, "--security-opt");
        _exit(is_named ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIPPED)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_check_lists_what_the_kernel_offers(void **state)
{
    (void)state;
    char text[2000];
    if (ring_check(text, sizeof text) < 0) {
        printf("%s", text);
        exit(SKIPPED);
    }
    assert_non_null(strstr(text, "base ring (6.1): yes"));
}

/* Behind the check, which skips where there is no ring. */
static void the_time_of_day_is_the_systems(void **state)
{
    (void)state;
    struct ring *ring;
    struct ring_event events[RING_EVENTS_MAX];
    assert_int_equal(ring_create(&ring, &(struct ring_options){0}), 0);
    time_t before = time(NULL);
    assert_int_equal(ring_wait(ring, 0, events), 0);
    uint64_t day = (ring_now(ring) + ring_epoch(ring)) / NS_PER_S;
    assert_in_range(day, before - 1, time(NULL) + 1);
    ring_destroy(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_is_explained_with_its_remedy),
        cmocka_unit_test(a_seccomp_filter_that_refuses_is_named),
        cmocka_unit_test(a_check_lists_what_the_kernel_offers),
        cmocka_unit_test(the_time_of_day_is_the_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

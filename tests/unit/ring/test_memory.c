/* The ring on a kernel that has no memory for its submissions. */
#include "base/time.h"
#include "ring/ring.h"

#include "check.h"

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SKIPPED = 77, ENTRIES = 4, POLLS = 10 };

static unsigned refusals_left, waits_count;

int __real_io_uring_enter2(unsigned fd, unsigned submit_count, unsigned wait_count, unsigned flags,
                           sigset_t *argument, size_t size);
int __wrap_io_uring_enter2(unsigned fd, unsigned submit_count, unsigned wait_count, unsigned flags,
                           sigset_t *argument, size_t size);

/* Refuses submissions as the kernel does: before it looks whether to wait. */
int __wrap_io_uring_enter2(unsigned fd, unsigned submit_count, unsigned wait_count, unsigned flags,
                           sigset_t *argument, size_t size)
{
    if (submit_count > 0 && refusals_left > 0) {
        refusals_left--;
        return -EAGAIN;
    }
    waits_count += submit_count == 0 && wait_count > 0;
    return __real_io_uring_enter2(fd, submit_count, wait_count, flags, argument, size);
}

static void submissions_that_the_kernel_has_no_memory_for_wait_until_it_has(void **state)
{
    static struct ring_event events[RING_EVENTS_MAX];
    struct io ios[POLLS] = {0};
    struct ring *ring;
    int fds[POLLS];
    unsigned count = 0;
    (void)state;
    int result = ring_create(&ring, &(struct ring_options){.entries = ENTRIES});
    if (result < 0)
        exit(SKIPPED);
    refusals_left = 1100;
    for (int i = 0; i < POLLS; i++) {
        fds[i] = eventfd(1, EFD_CLOEXEC);
        ring_poll(ring, &ios[i], fds[i]);
    }
    assert_int_equal(refusals_left, 0);
    assert_true(waits_count >= 1100);
    while (count < POLLS)
        count += ring_wait(ring, ring_now(ring) + 10 * NS_PER_S, events);
    refusals_left = 3;
    ring_poll(ring, &ios[0], fds[0]);
    for (count = 0; count == 0;)
        count = ring_wait(ring, ring_now(ring) + 10 * NS_PER_S, events);
    assert_ptr_equal(events[0].io, &ios[0]);
    assert_int_equal(refusals_left, 0);
    ring_destroy(ring);
    for (int i = 0; i < POLLS; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(submissions_that_the_kernel_has_no_memory_for_wait_until_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

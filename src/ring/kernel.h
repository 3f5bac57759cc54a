/* What the kernel offers of io_uring. */
#ifndef RINGPOST_RING_KERNEL_H
#define RINGPOST_RING_KERNEL_H

struct io_uring;

/* Sets up `uring` with all that Linux 6.1 knows. Returns 0 or -errno; -EINVAL: the kernel is older. */
int kernel_ring_init(struct io_uring *uring, unsigned entries, unsigned completions);

#endif

/* Constants of io_uring that the header of liburing 2.3 (Debian 12) does not know yet. */
#ifndef RINGPOST_RING_URING_DEFS_H
#define RINGPOST_RING_URING_DEFS_H

#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17) /* Linux 6.15 */
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif

#endif

"""Memory groups: a bound that the kernel keeps on what processes take."""

import errno
import os
from contextlib import contextmanager
from pathlib import Path

from environment import wait_until

# A hierarchy's folder, and its files with the bound and with what became of it.
KINDS = [
    (Path("/sys/fs/cgroup"), "memory.max", "memory.events"),
    (Path("/sys/fs/cgroup/unified"), "memory.max", "memory.events"),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.oom_control"),
]


class MemoryGroup:
    def __init__(self, path, events):
        self.members, self.events = path / "cgroup.procs", path / events

    def wrap(self):
        """What a command that is to be in it is put behind."""
        return ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self.members)]

    def killed(self):
        """How many of its processes the kernel has killed for want of memory."""
        lines = self.events.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def remove(self):
        wait_until(lambda: not self.members.read_text(), "all have left the group")
        self.members.parent.rmdir()


class AddressSpace:
    """The next best where no group can be made: one process whose mappings are bounded."""

    def __init__(self, size):
        self.size = size

    def wrap(self):
        return ["prlimit", f"--as={self.size}"]

    def killed(self):
        return 0  # it is told that there is no memory, and ends by itself

    def remove(self):
        pass


def make(size):
    reasons = []
    for root, bound, events in KINDS:
        path = root / f"ringpost-test-{os.getpid()}"
        try:
            path.mkdir()
            try:
                with open(path / bound, "r+") as file:  # there if this is a hierarchy of memory
                    file.write(str(size))
                return MemoryGroup(path, events)
            except OSError:
                path.rmdir()
                raise
        except OSError as error:
            reasons.append(f"{root}: {errno.errorcode[error.errno]}")
    print(f"        no memory group can be made here ({'; '.join(reasons)}): its address space is bounded instead")
    return AddressSpace(size)


@contextmanager
def memory_group(size):
    group = make(size)
    try:
        yield group
    finally:
        group.remove()

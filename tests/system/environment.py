"""What the system tests are run with, and what all of them need.

    RINGPOST_BUILD   where the programs are; default: build, in the root of the tree
    RINGPOST_WRAP    put before the broker's command, such as `valgrind -q --error-exitcode=99`
    RINGPOSTD_FLAGS  more options for each broker

Nothing here measures time: deadlines only end what would otherwise hang.
"""

import itertools
import os
import select
import shlex
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "python"))
sys.dont_write_bytecode = True

BUILD = Path(os.environ.get("RINGPOST_BUILD") or ROOT / "build").absolute()
RINGPOSTD = BUILD / "ringpostd"
RINGPOST = BUILD / "ringpost"
WRAP = shlex.split(os.environ.get("RINGPOST_WRAP", ""))
FLAGS = shlex.split(os.environ.get("RINGPOSTD_FLAGS", ""))
DEADLINE_S = 180 if WRAP else 30
PAUSE_MS = 5

EX_SKIP = 77  # of a test that cannot be run here


def is_sanitized():
    """Whether the broker's memory is not its own alone: under a wrapper, or built with the address sanitizer."""
    return bool(WRAP) or b"__asan_init" in RINGPOSTD.read_bytes()


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Until condition() is true, and returns what it returned."""
    deadline = time.monotonic() + deadline_s
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        select.select([], [], [], PAUSE_MS / 1000)
    return result


def wait_for_exit(process, what, deadline_s=DEADLINE_S):
    """Until a process that was started here has ended, and returns its exit code."""
    watched = os.pidfd_open(process.pid)
    try:
        ended, _, _ = select.select([watched], [], [], deadline_s)
    finally:
        os.close(watched)
    assert ended, f"{what} did not end"
    return process.wait()


_numbers = itertools.count(1)


def unique(name="queue"):
    """A name that no other test of this file uses."""
    return f"{name}-{next(_numbers)}".encode()

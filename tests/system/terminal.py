"""A terminal with a program on it, read and typed at as a person would."""

import fcntl
import os
import pty
import re
import select
import struct
import termios

from environment import DEADLINE_S


class Terminal:
    """A terminal of its own, with what start(**pipes) returns on it, a cli.Process; a context manager that ends that."""

    def __init__(self, start, columns=80, lines=24):
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(self.master)
        self.resize(columns, lines)
        self.running = start(stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.said = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running.process.stdin = self.running.process.stdout = None
        self.running.__exit__()
        os.close(self.master)

    def resize(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys)

    def read(self):
        """More of what is drawn; false at the end."""
        ready, _, _ = select.select([self.master], [], [], DEADLINE_S)
        assert ready, f"it draws nothing more behind {self.said[-200:]!r}"
        try:
            self.said += os.read(self.master, 1 << 16)
        except OSError:  # the other end is closed
            return False
        return True

    def read_until(self, text):
        """What is drawn until the first `text`, which is read too, without what moves the cursor."""
        while text not in self.said:
            assert self.read(), f"it ended: {self.said!r}"
        before, _, self.said = self.said.partition(text)
        return re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]|\r", b"", before).decode()

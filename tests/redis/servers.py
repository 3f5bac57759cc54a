"""The servers that are compared: redis-server, and ringpostd. Both speak over a unix socket in a folder of their own.

What these tests use of tests/system is imported here.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

from environment import DEADLINE_S, EX_SKIP, is_sanitized, wait_until  # noqa: E402, F401
from harness import Broker, long_test, main, test  # noqa: E402, F401

# It has no file and keeps nothing; its clock ticks fast, so that time-outs end when they should.
REDIS_FLAGS = ["--port", "0", "--save", "", "--appendonly", "no", "--hz", "500", "--enable-debug-command", "yes"]
RINGPOST_FLAGS = ["--enable-debug-command"]
REDIS = shutil.which("redis-server")


class Redis:
    """A redis-server, a context manager that ends it, with what the harness asks of a broker."""

    def __init__(self, *flags, password=None):
        if not REDIS:
            print("redis-server is not installed")
            sys.exit(EX_SKIP)
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.path = str(self.folder / "socket")
        with open(self.folder / "log", "wb") as log:
            command = [REDIS, *REDIS_FLAGS, "--unixsocket", self.path, "--dir", self.folder, *flags]
            command += ["--requirepass", password] if password else []
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: "now ready to accept" in self.said() or self.process.poll() is not None, "redis-server listens")
        assert self.process.poll() is None, self.said()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    kill = stop

    def is_running(self):
        return self.process.poll() is None

    def close_connections(self):
        """It has none: these tests open theirs."""

    def said(self):
        return (self.folder / "log").read_text(errors="replace")

    def connect(self):
        return connect(self.path)


class Ringpost(Broker):
    """A ringpostd on a unix socket."""

    def __init__(self, *flags, password=None):
        self.sockets = tempfile.TemporaryDirectory(prefix="ringpost-")
        with tempfile.NamedTemporaryFile(prefix="password-") as file:
            if password:
                file.write(password + b"\n")
                file.flush()
                flags += ("--password-file", file.name)
            super().__init__(*RINGPOST_FLAGS, *flags, listen=[f"unix:{self.sockets.name}/socket"])

    def connect(self):
        return connect(f"{self.sockets.name}/socket")


def connect(path):
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(path)
    return stream


def take_subject():
    """What `--against` names in the command line, of which it is taken out."""
    if "--against" not in sys.argv:
        return Ringpost
    place = sys.argv.index("--against")
    _, name = sys.argv[place : place + 2]
    del sys.argv[place : place + 2]
    return {"ringpost": Ringpost, "redis": Redis}[name]

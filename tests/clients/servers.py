"""The server that clients are tried with: ringpostd, or redis-server for comparison with `--against redis`.

Both listen on a free port and on a socket file, and end as tests/system/harness.py has it. Import this first: what
tests/system has is found from then on.
"""

import itertools
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

import harness
import redis
from cli import Process
from connections import connect_socket
from environment import BUILD, DEADLINE_S, ROOT, unique, wait_for_exit, wait_until
from harness import long_test, test

PORT_TRIES_MAX = 20
SOCKETS = tempfile.TemporaryDirectory(prefix="ringpost-")
_numbers = itertools.count(1)


def option(name, default):
    """What the command line has behind an option, which is taken out of it."""
    if name not in sys.argv:
        return default
    place = sys.argv.index(name)
    _, value = sys.argv[place : place + 2]
    del sys.argv[place : place + 2]
    return value


IS_REDIS = {"ringpost": False, "redis": True}[option("--against", "ringpost")]


def free_places():
    return "127.0.0.1:0", f"unix:{SOCKETS.name}/{next(_numbers)}"


class Ringpost(harness.Broker):
    """A broker that listens on TCP and on a socket file, of its own or where one did before."""

    def __init__(self, *flags, listen=None):
        super().__init__(*flags, listen=listen or free_places())


class Redis:
    """A redis-server that keeps nothing, with what tests use of a broker."""

    def __init__(self, listen=None):
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.connections = []
        self.is_over = False
        place, self.unix_address = listen or free_places()
        for _ in range(PORT_TRIES_MAX):
            self.address = free_address() if place.endswith(":0") else place
            if self.begin():
                break
        else:
            said = self.said()
            self.kill()
            raise AssertionError(f"redis-server does not start: {said}")
        self.addresses = [self.address, self.unix_address]
        self.pid = self.process.pid

    def begin(self):
        """Starts it; returns whether it answers, and not somebody else on that port."""
        port = self.address.rpartition(":")[2]
        command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--unixsocket", self.unix_address[5:]]
        command += ["--save", "", "--dir", self.folder, "--enable-debug-command", "local"]
        with open(self.folder / "stdout", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.process.poll() is not None or "Ready to accept" in self.said(), "redis-server listens")
        return self.process.poll() is None

    def said(self):
        return (self.folder / "stdout").read_text(errors="replace")

    def is_running(self):
        return self.process.poll() is None

    def close_connections(self):
        while self.connections:
            self.connections.pop().close()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait_for_end(self):
        code = wait_for_exit(self.process, "redis-server")
        assert code == 0, f"redis-server exited with {code}: {self.said()}"
        self.kill()

    def stop(self):
        if not self.is_over:
            self.terminate()
            self.wait_for_end()

    def kill(self):
        self.is_over = True
        self.close_connections()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.kill() if kind else self.stop()


def free_address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def start(**options):
    return (Redis if IS_REDIS else Ringpost)(**options)


class Client(redis.Redis):
    """A client of redis-py that close() leaves no connection of."""

    def __init__(self, server, **options):
        host, _, port = server.address.rpartition(":")
        super().__init__(host, int(port), socket_timeout=DEADLINE_S, **options)

    def close(self):
        super().close()
        self.connection_pool.disconnect()


def connect(server, **options):
    """A client that is closed before the server is to end."""
    client = Client(server, **options)
    server.connections.append(client)
    return client


def main():
    """Runs the tests of the file with a server that they share."""
    harness.main(start)

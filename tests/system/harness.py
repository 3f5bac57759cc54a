"""Starts the real broker, talks to it over loopback, ends it, and runs the tests of a file.

A test is a function under @test, its name a sentence. One that takes an argument gets a broker that the tests of the
file share, so it names its queues with unique(); one that takes none starts its own with Broker().

    RINGPOST_BUILD   where the programs are; default: build, in the root of the tree
    RINGPOST_WRAP    put before the broker's command, such as `valgrind -q --error-exitcode=99`
    RINGPOSTD_FLAGS  more options for each broker
    RINGPOST_LONG    1: also what takes a minute

Nothing here measures time: deadlines only end what would otherwise hang.
"""

import inspect
import itertools
import os
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections import namedtuple
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "python"))
sys.dont_write_bytecode = True

import ringpost  # noqa: E402
from ringpost import Connection, Delivery, Gap, Publication, Refused, pack_frame  # noqa: E402

BUILD = Path(os.environ.get("RINGPOST_BUILD") or ROOT / "build").absolute()
RINGPOSTD = BUILD / "ringpostd"
RINGPOST = BUILD / "ringpost"
WRAP = shlex.split(os.environ.get("RINGPOST_WRAP", ""))
FLAGS = shlex.split(os.environ.get("RINGPOSTD_FLAGS", ""))
IS_LONG = os.environ.get("RINGPOST_LONG") == "1"
DEADLINE_S = 180 if WRAP else 30
PAUSE_MS = 5
QUIET_TURNS = 50

EX_OK, EX_USAGE, EX_UNAVAILABLE, EX_CONFIG, EX_SKIP = 0, 64, 69, 78, 77

Frame = namedtuple("Frame", "op flags name body")
Error = namedtuple("Error", "first count status text")


class Skip(Exception):
    """This test cannot be run here; the text says why."""


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


class Broker:
    """A running ringpostd; a context manager that ends it with TERM and sees that it exits 0.

    It listens on a free port of 127.0.0.1 unless `listen` says otherwise. `prepare` is called in the new process.
    """

    def __init__(self, *flags, listen=("127.0.0.1:0",), prepare=None):
        self.folder = Path(tempfile.mkdtemp(prefix="ringpost-"))
        self.connections = []
        self.is_over = False
        ready = self.folder / "ready"
        places = [word for address in listen for word in ("--listen", address)]
        command = [*WRAP, RINGPOSTD, *places, "--ready-file", ready, *FLAGS, *flags]
        with open(self.folder / "stderr", "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=prepare
            )
        self.pid = self.process.pid
        try:
            wait_until(lambda: ready.exists() or self.process.poll() is not None, "the broker listens")
            assert ready.exists(), f"the broker exited with {self.process.returncode}: {self.said()}"
        except BaseException:
            self.kill()
            raise
        self.addresses = ready.read_text().split()
        self.address = self.addresses[0]
        self.descriptors = self.count_descriptors()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.kill()
        else:
            self.stop()

    def said(self):
        return (self.folder / "stderr").read_text(errors="replace")

    def connect(self, **options):
        """A connection of the Python client."""
        connection = Connection(options.pop("address", self.address), **{"timeout": DEADLINE_S, **options})
        self.connections.append(connection)
        return connection

    def raw(self, **options):
        """A connection that is spoken to in bytes."""
        connection = Raw(options.pop("address", self.address), **options)
        self.connections.append(connection)
        return connection

    def close_connections(self):
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def is_running(self):
        return self.process.poll() is None

    def count_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_kib(self):
        """What the broker has of memory, in KiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("the broker has no memory")

    @contextmanager
    def stopped(self):
        """What comes from clients meanwhile is there all at once when the broker goes on."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def terminate(self):
        os.kill(self.pid, signal.SIGTERM)

    def wait_for_end(self):
        """It must end, and exit with 0."""
        code = wait_for_exit(self.process, "the broker")
        assert code == EX_OK, f"the broker exited with {code}: {self.said()}"
        self.kill()

    def stop(self):
        """Ends it as an operator does. It must have kept no descriptor, and exit with 0."""
        if self.is_over:
            return
        try:
            self.close_connections()
            wait_until(
                lambda: not self.is_running() or self.count_descriptors() <= self.descriptors,
                "the broker has closed the descriptors of the connections that ended",
            )
            assert self.is_running(), f"the broker had ended by itself with {self.process.returncode}: {self.said()}"
            self.terminate()
            self.wait_for_end()
        finally:
            self.kill()

    def kill(self):
        """Ends it in any case; stop() has nothing left to do then."""
        self.is_over = True
        self.close_connections()
        if self.is_running():
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def run_broker(*flags, before=()):
    """Runs a broker that is to end by itself; returns what subprocess.run does."""
    return subprocess.run(
        [*before, RINGPOSTD, *flags], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S
    )


class Raw:
    """A connection that is spoken to in bytes. It says HELLO unless told not to."""

    def __init__(self, address, hello=True, receive_buffer=None, **fields):
        host, _, port = address.rpartition(":")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = bytearray()
        if hello:
            self.send(hello_frame(**fields))
            assert self.read().op == ringpost.WELCOME

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def fill(self, data, size_max, turn):
        """Sends `data` over and over until `size_max` bytes are taken, or none although the broker did many a turn(); how many."""
        sent, quiet, data = 0, 0, memoryview(data)
        self.socket.setblocking(False)
        while sent < size_max and quiet < QUIET_TURNS:
            try:
                sent += self.socket.send(data[sent % len(data) :])
                quiet = 0
            except BlockingIOError:
                turn()
                quiet += 1
        self.socket.settimeout(DEADLINE_S)
        return sent

    def read(self):
        """The next frame, or None at the end of the connection."""
        while True:
            for op, flags, name, body, end in ringpost.unpack_frames(self.input):
                del self.input[:end]
                return Frame(op, flags, name, body)
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                assert not self.input, f"the connection ended inside a frame: {bytes(self.input[:40])!r}"
                return None
            self.input += data

    def read_until(self, *ops):
        """The next frame with one of these ops; those before it are skipped."""
        while (frame := self.read()) is not None:
            if frame.op in ops:
                return frame
        raise AssertionError("the connection ended")

    def read_error(self):
        return unpack_error(self.read_until(ringpost.ERROR))


def hello_frame(version=1, **fields):
    body = struct.pack("<I", version) + ringpost.pack_fields({"client": "tests/system", **fields})
    return pack_frame(ringpost.HELLO, body=body)


def unpack_error(frame):
    first, count, status = struct.unpack_from("<QIH", frame.body)
    return Error(first, count, ringpost.status_name(status), frame.body[16:].decode())


# What tests say often.


def push(connection, queue, *messages):
    """Pushes messages and waits until they are confirmed."""
    for message in messages:
        connection.push(queue, message)
    connection.flush()


def take(connection, count):
    """The next `count` deliveries."""
    events = [connection.receive(DEADLINE_S) for _ in range(count)]
    for event in events:
        assert isinstance(event, Delivery), event
    return events


def heard(connection, count):
    """The messages of the next `count` publications."""
    events = [connection.receive(DEADLINE_S) for _ in range(count)]
    for event in events:
        assert isinstance(event, Publication), event
    return [event.message for event in events]


def messages(deliveries):
    return [delivery.message for delivery in deliveries]


def assert_quiet(connection):
    """Nothing was sent to it that it has not received yet: deliveries keep their order with the REPLY to PING."""
    connection.ping()
    event = connection.receive(0)
    assert event is None, event


@contextmanager
def refused(status):
    """The block must be refused with this status."""
    try:
        yield
    except Refused as error:
        assert error.status == status, f"refused with {error.status}, not {status}: {error}"
        assert error.text and "\n" not in error.text, "an error is explained in a line"
    else:
        raise AssertionError(f"not refused with {status}")


# Running


_tests = []


def test(function):
    _tests.append(function)
    return function


def sentence(function):
    return function.__name__.replace("_", " ").strip()


def run_one(function, shared):
    """Runs a test; returns the shared broker, None when a new one is needed."""
    if not inspect.signature(function).parameters:
        function()
        return shared
    shared = shared or Broker()
    try:
        function(shared)
        shared.close_connections()
        assert shared.is_running(), f"the broker exited with {shared.process.returncode}"
    except Skip:
        shared.close_connections()
        raise
    except BaseException:
        print("".join(f"    | {line}\n" for line in shared.said().splitlines()[-40:]), end="")
        shared.kill()
        raise
    return shared


def refuse_without_io_uring():
    checked = subprocess.run([RINGPOSTD, "--check-kernel"], capture_output=True, text=True)
    if checked.returncode == EX_CONFIG:
        said = checked.stdout + checked.stderr
        reasons = [line for line in said.splitlines() if "not available" in line] or ["io_uring is refused here"]
        print(f"{said}\n{reasons[0]}")
        sys.exit(EX_SKIP)


def main():
    """Runs the tests of the file, or those whose names contain the word given; a line each."""
    assert RINGPOSTD.exists(), f"there is no {RINGPOSTD}: set RINGPOST_BUILD"
    refuse_without_io_uring()
    pattern = "_".join(sys.argv[1:]).replace(" ", "_")
    chosen = [function for function in _tests if pattern in function.__name__]
    shared, passed, failed, skipped = None, 0, 0, 0
    for function in chosen:
        try:
            shared = run_one(function, shared)
            passed += 1
            print(f"ok      {sentence(function)}", flush=True)
        except Skip as skip:
            skipped += 1
            print(f"skipped {sentence(function)}: {skip}", flush=True)
        except Exception:
            shared = None if inspect.signature(function).parameters else shared
            failed += 1
            print(f"FAILED  {sentence(function)}\n{traceback.format_exc()}", flush=True)
    if shared:
        try:
            shared.stop()
        except Exception:
            failed += 1
            print(f"FAILED  the broker that the tests shared ends cleanly\n{traceback.format_exc()}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not chosen else 0)

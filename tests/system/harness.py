"""Starts the real broker, talks to it over loopback, ends it, and runs the tests of a file.

A test is a function under @test, its name a sentence; under @long_test it runs only with --long. One that takes an
argument gets a broker that the tests of the file share, so it names its queues with unique(); one that takes none
starts its own with Broker().
"""

import inspect
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import contextmanager
from pathlib import Path

from connections import Client, Raw
from environment import DEADLINE_S, EX_SKIP, FLAGS, RINGPOSTD, WRAP, wait_for_exit, wait_until
from ringpost import Delivery, Publication, Refused


class Broker:
    """A running ringpostd; a context manager that ends it with TERM and sees that it exits 0.

    It listens on a free port of 127.0.0.1 unless `listen` says otherwise, and may have `nofile` descriptors.
    `before` is put before its command.
    """

    def __init__(self, *flags, listen=("127.0.0.1:0",), nofile=None, before=()):
        self.folder = Path(tempfile.mkdtemp(prefix="ringpost-"))
        self.connections = []
        self.is_over = False
        ready = self.folder / "ready"
        places = [word for address in listen for word in ("--listen", address)]
        command = [*before, *WRAP, RINGPOSTD, *places, "--ready-file", ready, *FLAGS, *flags]
        with open(self.folder / "stderr", "wb") as log:
            limit = nofile and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile)))
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=limit)
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
        connection = Client(options.pop("address", self.address), **options)
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

    def resident_kib(self, field="VmRSS"):
        """What the broker has of memory, in KiB; or the most that it has ever had, with VmHWM."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
        raise AssertionError("the broker has no memory")

    def processor_s(self):
        """The processor time that it has taken, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def limit_descriptors(self, count):
        """For accepts that begin from now on: one that waits already keeps the limit it began with (see `nofile`)."""
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (count, count))

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
        assert code == os.EX_OK, f"the broker exited with {code}: {self.said()}"
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
    event = connection.poll()
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


_tests, _long_tests = [], []


def test(function):
    _tests.append(function)
    return function


def bare_test(function):
    """A test for a broker that runs bare. Valgrind refuses to close descriptors beyond the limit that it was started with."""
    return function if WRAP else test(function)


def long_test(function):
    _long_tests.append(function)
    return function


def sentence(function):
    return function.__name__.replace("_", " ").strip()


def run_one(function, shared, start):
    """Runs a test; returns the shared broker, None when a new one is needed."""
    if not inspect.signature(function).parameters:
        function()
        return shared
    shared = shared or start()
    try:
        function(shared)
        shared.close_connections()
        assert shared.is_running(), f"the broker exited with {shared.process.returncode}"
    except BaseException:
        print("".join(f"    | {line}\n" for line in shared.said().splitlines()[-40:]), end="")
        shared.kill()
        raise
    return shared


def refuse_without_io_uring():
    checked = subprocess.run([RINGPOSTD, "--check-kernel"], capture_output=True, text=True)
    if checked.returncode == os.EX_CONFIG:
        said = checked.stdout + checked.stderr
        reasons = [line for line in said.splitlines() if "not available" in line] or ["io_uring is refused here"]
        print(f"{said}\n{reasons[0]}")
        sys.exit(EX_SKIP)


def main(start=Broker):
    """Runs the tests of the file, or with --long its long ones, or those whose names contain the words given."""
    assert RINGPOSTD.exists(), f"there is no {RINGPOSTD}: set RINGPOST_BUILD"
    refuse_without_io_uring()
    pattern = "_".join(word for word in sys.argv[1:] if word != "--long").replace(" ", "_")
    tests = _long_tests if "--long" in sys.argv else _tests
    chosen = [function for function in tests if pattern in function.__name__]
    shared, passed, failed = None, 0, 0
    for function in chosen:
        try:
            shared = run_one(function, shared, start)
            passed += 1
            print(f"ok      {sentence(function)}", flush=True)
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
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not chosen else 0)

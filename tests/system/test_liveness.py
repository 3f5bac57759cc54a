#!/usr/bin/python3
"""Whose work goes to another: that of a process that stopped and of a host that vanished, when they were silent for long
enough; not that of one who is busy.

The workers are `ringpost pop --exec`, which is the library with a job that blocks. The long tests print their times.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress

from connections import Client
from environment import EX_SKIP, RINGPOST, wait_for_exit, wait_until
from harness import Broker, assert_quiet, long_test, main, push, take, test
from hosts import HERE, NoHosts, at, hosts, inside

BEAT = 1 / 3  # of the liveness time: how old the last sign of life may be when a worker goes silent
LATE_S = 1


class Worker:
    """Takes one message of a queue and does a job with it, in a process group of its own."""

    def __init__(self, address, queue, job, before=()):
        command = [*before, RINGPOST, "--server", address, "pop", queue.decode(), "--exec", job]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def lively_broker(liveness_s, *flags, listen=(), before=()):
    """A broker at a unix socket, and a client of it with a message in the queue `jobs`."""
    with tempfile.TemporaryDirectory() as folder:
        listen = (f"unix:{folder}/socket", *listen)
        with Broker("--liveness", f"{int(1000 * liveness_s)}ms", *flags, listen=listen, before=before) as broker:
            c = broker.connect()
            push(c, b"jobs", b"three cups")
            yield broker, c


def wait_for_lease(c):
    wait_until(lambda: c.info(b"jobs")["leased"] == 1, "somebody works on it")


def wait_for_return(c, began):
    """Until the message is the client's; returns the seconds since then."""
    c.consume(b"jobs", 1, 1)
    (delivery,) = take(c, 1)
    assert (delivery.message, delivery.deliveries) == (b"three cups", 1)
    c.ack(1, delivery.tag)
    return time.monotonic() - began


def stop_worker(liveness_s):
    with lively_broker(liveness_s) as (broker, c), Worker(broker.address, b"jobs", "exec sleep 60") as worker:
        wait_for_lease(c)
        began = time.monotonic()
        worker.process.send_signal(signal.SIGSTOP)
        return wait_for_return(c, began)


@test
def the_work_of_a_stopped_process_goes_to_another_and_not_before():
    assert stop_worker(liveness_s=1) >= 1 - BEAT


@long_test
def the_work_of_a_stopped_process_goes_to_another_in_time():
    took = stop_worker(liveness_s=3)
    print(f"        liveness 3 s; stopped; its work was with another after {took:.2f} s")
    assert 3 * (1 - BEAT) <= took <= 3 + LATE_S


@long_test
def the_work_of_a_busy_process_stays_its_own():
    with lively_broker(2) as (broker, c), Worker(broker.address, b"jobs", "exec sleep 7") as worker:
        wait_for_lease(c)
        c.consume(b"jobs", 1, 1)
        assert wait_for_exit(worker.process, "the worker") == os.EX_OK
        wait_until(lambda: not c.has_queue(b"jobs") or c.info(b"jobs")["acknowledged"] == 1, "its job is done")
        assert_quiet(c)
        assert c.info(b"jobs")["returned"] == 0
        print("        liveness 2 s; busy for 7 s; its work stayed its own")


@contextmanager
def far_broker(liveness_s, *flags):
    """A broker in a network with a far host; yields those, and a client beside the broker."""
    with hosts() as made:
        flags = ("--insecure", *flags)
        with lively_broker(liveness_s, *flags, listen=(f"{HERE}:0",), before=at(made.here)) as (broker, c):
            yield made, broker, c


@long_test
def the_work_of_a_vanished_host_goes_to_another_in_time():
    with far_broker(3) as (made, broker, c):
        with Worker(broker.addresses[1], b"jobs", "exec sleep 60", before=at(made.far)):
            wait_for_lease(c)
            began = time.monotonic()
            made.close_road()
            took = wait_for_return(c, began)
        print(f"        liveness 3 s; host vanished; its work was with another after {took:.2f} s")
        assert 3 * (1 - BEAT) <= took <= 3 + LATE_S
        made.open_road()


@long_test
def the_work_of_a_vanished_host_that_promised_no_heartbeats_goes_to_another_when_tcp_gives_up():
    """Whether nothing was on its way to it, or something was."""
    for is_owing in (False, True):
        with far_broker(1, "--tcp-timeout", "6s") as (made, broker, c):
            with inside(made.far):
                silent = Client(broker.addresses[1])
            silent.consume(b"jobs", 1, 2)
            take(silent, 1)
            began = time.monotonic()
            made.close_road()
            if is_owing:
                push(c, b"jobs", b"a kettle")
            took = wait_for_return(c, began)
            print(f"        tcp-timeout 6 s; host vanished, {'owing' if is_owing else 'idle'}; with another after {took:.2f} s")
            assert 5 <= took <= 9
            silent.close()


if __name__ == "__main__":
    if "--long" in sys.argv:
        try:
            with hosts():
                pass
        except NoHosts as error:
            print(f"no hosts can be made here: {error}")
            sys.exit(EX_SKIP)
    main()

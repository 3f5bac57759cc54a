#!/usr/bin/python3
"""Clients that mean harm: that come and go, that drip, that take every descriptor. Others do not feel them, and they leave nothing.

The long tests are the same at full size, with time taken; they print what they measured.
"""

import multiprocessing
import select
import socket
import statistics
import struct
import time
from contextlib import contextmanager

from connections import Frame, connect_socket, hello_frame, unpack_error
from environment import DEADLINE_S, is_sanitized, wait_until
from harness import Broker, long_test, main, test
from ringpost import ERROR, PING, PUSH, WELCOME, pack_frame, unpack_frames

STAYS_KIB_MAX = 5 * 1024  # a huge page, a MiB of the heap, receive buffers once used
HELLO_TIMEOUT_S, EARLY_S = 5, 0.01  # the broker's; what clocks may differ by
NOFILE = 64
PARTS = 100  # of a pause, in each of which some say their byte

# What one says before it goes.
WORDS = [
    b"",
    hello_frame(),
    hello_frame()[:7],
    b"GET / HTTP/1.1\r\n\r\n",
    hello_frame() + pack_frame(PUSH, b"passing", b"by"),
    hello_frame() + pack_frame(PING) * 20,
]
RESET = struct.pack("ii", 1, 0)


class Figures:
    """What the broker has, to be as it was once hostile clients are gone."""

    def __init__(self, broker):
        self.broker, self.descriptors, self.resident = broker, broker.count_descriptors(), broker.resident_kib()

    def wait_until_back(self):
        wait_until(lambda: self.broker.count_descriptors() <= self.descriptors, "all descriptors are closed")
        if not is_sanitized():
            wait_until(lambda: self.broker.resident_kib() - self.resident < STAYS_KIB_MAX, "the memory goes back")


def come_and_go(address, count):
    """Connects and closes, every second time with a reset."""
    host, _, port = address.rpartition(":")
    address = host, int(port)
    for number in range(count):
        stream = socket.socket()
        stream.connect(address)
        words = WORDS[number // 2 % len(WORDS)]
        if words:
            stream.send(words)
        if number % 2:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        stream.close()


def churn(broker, c, count):
    figures = Figures(broker)
    began = time.monotonic()
    come_and_go(broker.address, count)
    wait_until(lambda: c.stats()["connections"] == 1, "they are gone")
    took = time.monotonic() - began
    c.purge(b"passing")
    figures.wait_until_back()
    return took


@contextmanager
def warm_broker(*flags, **limits):
    """A broker that has been through it once, and a client of it."""
    with Broker(*flags, **limits) as broker:
        c = broker.connect()
        come_and_go(broker.address, 100 * len(WORDS))
        wait_until(lambda: c.stats()["connections"] == 1, "they are gone")
        yield broker, c


@test
def ten_thousand_that_come_and_go_leave_nothing():
    with warm_broker() as (broker, c):
        churn(broker, c, 10_000)


@long_test
def a_hundred_thousand_that_come_and_go_leave_nothing_within_30_s():
    with warm_broker() as (broker, c):
        took = churn(broker, c, 100_000)
        print(f"        100,000 connections in {took:.1f} s, half of them reset; broker {broker.processor_s():.1f} s of a processor")
        assert took <= 30
        assert_asleep(broker)


def assert_asleep(broker, seconds=3):
    """No timer is left that wakes it, once memory has gone back and it was seen that what was sent has arrived."""
    select.select([], [], [], 4)
    before = wakes(broker)
    select.select([], [], [], seconds)
    assert wakes(broker) == before, f"it woke {wakes(broker) - before} times in {seconds} s"


def wakes(broker):
    with open(f"/proc/{broker.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))


# Slowly.


class Drip:
    """Connections that say a byte of their hello each `pause_s`, all in a process of their own, evenly over time."""

    def __init__(self, address, count, pause_s):
        self.ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=drip, args=(address, count, pause_s, theirs))
        self.process.start()
        self.wait_for_next()  # all are connected

    def is_over(self):
        return self.ours.poll()

    def wait_for_next(self):
        assert self.ours.poll(DEADLINE_S), "the slow clients are not done"
        return self.ours.recv()

    def lives(self):
        """How long each lived from its first byte on, in seconds, and what it was told at its end."""
        lives = self.wait_for_next()
        self.process.join()
        return lives


def drip(address, count, pause_s, told):
    slow = {stream.fileno(): Slow(stream) for stream in (connect_socket(address) for _ in range(count))}
    ends, lives, parts = select.poll(), [], [list(slow)[part::PARTS] for part in range(PARTS)]
    for number in slow:
        ends.register(number, select.POLLIN)
    told.send("connected")
    began, turn = time.monotonic(), 0
    while slow and time.monotonic() < began + DEADLINE_S:
        for number in parts[turn % PARTS]:
            if number in slow:
                slow[number].say_more()
        turn += 1
        left = max(0, began + turn * pause_s / PARTS - time.monotonic())
        for number, _ in ends.poll(left * 1000):
            ends.unregister(number)
            lives.append(slow.pop(number).end())
    told.send(lives)


class Slow:
    def __init__(self, stream):
        self.stream, self.said, self.began = stream, 0, None

    def say_more(self):
        self.began = self.began or time.monotonic()
        try:
            self.stream.send(hello_frame()[self.said : self.said + 1])
        except ConnectionError:
            pass  # its end comes next
        self.said += 1

    def end(self):
        lived = time.monotonic() - self.began
        said = self.stream.recv(4096)
        self.stream.close()
        return lived, [unpack_error(Frame(*frame)).status for *frame, _ in unpack_frames(said) if frame[0] == ERROR]


def assert_closed_in_time(lives, count, timeout_s, late_s):
    """Not before the time-out; and `late_s` after it at most, which is time that passed here."""
    assert len(lives) == count, f"{count - len(lives)} of {count} live on"
    assert all(words == ["hello"] for _, words in lives), lives
    assert min(lives)[0] >= timeout_s - EARLY_S, min(lives)
    assert max(lives)[0] <= timeout_s + late_s, max(lives)


@test
def those_who_say_a_byte_at_a_time_are_closed_at_their_deadline():
    with warm_broker("--hello-timeout", "500ms") as (broker, c):
        figures = Figures(broker)
        drip = Drip(broker.address, 200, 0.1)
        assert_closed_in_time(drip.lives(), 200, 0.5, DEADLINE_S)
        c.ping()
        figures.wait_until_back()


def round_trips(stream, is_over):
    """How long each of many pings takes, in microseconds, until is_over()."""
    ping, times = pack_frame(PING), []
    while not is_over():
        for _ in range(100):
            began = time.perf_counter_ns()
            stream.sendall(ping)
            stream.recv(4096)
            times.append((time.perf_counter_ns() - began) / 1000)
    return times


def p99(times):
    return statistics.quantiles(times, n=100)[98]


@long_test
def two_thousand_that_say_a_byte_a_second_are_closed_and_others_do_not_feel_them():
    with warm_broker() as (broker, c):
        figures, good = Figures(broker), broker.raw().socket
        quiet, busy = [], []
        for _ in range(5):
            quiet_until = time.monotonic() + 3
            quiet.append(p99(round_trips(good, lambda: time.monotonic() > quiet_until)))
            drip = Drip(broker.address, 2000, 1)
            busy.append(p99(round_trips(good, drip.is_over)))
            lives = drip.lives()
            assert_closed_in_time(lives, 2000, HELLO_TIMEOUT_S, 1)
            print(f"        p99 of a ping {quiet[-1]:.0f} us, beside 2,000 slow ones {busy[-1]:.0f} us; they lived", end=" ")
            print(f"{min(lives)[0]:.2f} to {max(lives)[0]:.2f} s", flush=True)
        assert statistics.median(busy) <= 2 * statistics.median(quiet), (quiet, busy)
        good.close()
        figures.wait_until_back()
        assert_asleep(broker)


# All of the descriptors.


@contextmanager
def exhausted(broker):
    """There is no descriptor left, and more want one."""
    crowd = [connect_socket(broker.address) for _ in range(NOFILE + 40)]

    def has_none():  # some may have been turned away for descriptors that were about to be free
        crowd.append(connect_socket(broker.address))
        return broker.count_descriptors() >= NOFILE - 1

    try:
        wait_until(has_none, "it has no descriptor left")
        yield
    finally:
        for one in crowd:
            one.close()


@long_test
def without_descriptors_it_does_not_spin_and_recovers_within_a_second():
    with warm_broker(nofile=NOFILE) as (broker, c):
        figures = Figures(broker)
        with exhausted(broker):
            before, began = broker.processor_s(), time.monotonic()
            select.select([], [], [], 3)
            share = (broker.processor_s() - before) / (time.monotonic() - began)
            c.ping()
        began = time.monotonic()
        wait_until(lambda: is_welcome(broker), "there is room again")
        took = time.monotonic() - began
        print(f"        {100 * share:.1f} % of a processor without descriptors; room again after {1000 * took:.0f} ms")
        assert share < 0.05 and took <= 1
        figures.wait_until_back()
        assert_asleep(broker)


def is_welcome(broker):
    with connect_socket(broker.address) as stream:
        stream.sendall(hello_frame())
        try:
            return WELCOME in [op for op, *_ in unpack_frames(stream.recv(4096))]
        except ConnectionError:
            return False


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""What the broker's memory costs: idle connections, waiting messages, queues; and that it goes back to the system.

Each test prints what was held and how many bytes of resident memory each took.
"""

import select
import tempfile
from contextlib import contextmanager

from connections import connect_many, connect_socket, hello_frame
from environment import wait_until
from harness import Broker, long_test, main, test
from ringpost import PUSH, pack_frame

CONNECTIONS, CONNECTION_SIZE_MAX = 10_000, 1024
IDLE_S, IDLE_CPU_MAX = 10, 0.01
QUEUES, QUEUE_SIZE_MAX = 10_000, 2048
MESSAGES, OVERHEAD_MAX = 3_000_000, 2
NAMES = [b"q", b"orders.europe.north"]
BODY = b"x" * 64
RUN_COUNT = 1000
STAYS_KIB_MAX = 5 * 1024  # a huge page, a MiB of the heap, receive buffers once used


@contextmanager
def warm_broker():
    """A broker and a client of it, behind all that takes memory only once. It listens at a unix socket, and at TCP."""
    with tempfile.TemporaryDirectory() as folder, Broker(listen=(f"unix:{folder}/socket", "127.0.0.1:0")) as broker:
        c = broker.connect()
        push_runs(broker, b"warm", 2 * RUN_COUNT)
        c.delete(b"warm")
        c.stats()
        yield broker, c


def push_runs(broker, queue, count):
    stream, run = speak(broker), pack_frame(PUSH, queue, BODY) * RUN_COUNT
    for _ in range(count // RUN_COUNT):
        stream.sendall(run)
    return stream


def push_one_a_turn(broker, queue, count):
    """Each message waits for the confirm of the one before."""
    stream, frame = speak(broker), pack_frame(PUSH, queue, BODY)
    for _ in range(count):
        stream.sendall(frame)
        stream.recv(4096)
    return stream


def speak(broker):
    stream = connect_socket(broker.address)
    stream.sendall(hello_frame())
    stream.recv(4096)
    return stream


class Weight:
    """What the broker's resident memory grows by, from here on."""

    def __init__(self, broker):
        self.broker, self.before = broker, broker.resident_kib()

    def of_each(self, count, what):
        size = (self.broker.resident_kib() - self.before) * 1024 / count
        print(f"        {count:>9,} {what:<50}{size:>8.1f} B each", flush=True)
        return size

    def wait_until_gone(self):
        wait_until(lambda: self.broker.resident_kib() - self.before < STAYS_KIB_MAX, "the memory goes back")
        print(f"        {self.broker.resident_kib() - self.before:>9,} KiB of it stay", flush=True)


def weigh_idle_connections(broker, c):
    weight = Weight(broker)
    with connect_many(broker.addresses[1], CONNECTIONS):
        wait_until(lambda: c.stats()["connections"] == CONNECTIONS + 1, "all are connected")
        assert weight.of_each(CONNECTIONS, "idle connections") <= CONNECTION_SIZE_MAX
        yield
    weight.wait_until_gone()


def weigh_messages(push, count, how):
    for name in NAMES:
        with warm_broker() as (broker, c):
            weight = Weight(broker)
            stream = push(broker, name, count)
            wait_until(lambda: c.info(name)["ready"] == count, "all are there")
            frame = pack_frame(PUSH, name, BODY)
            what = f"messages in frames of {len(frame)} bytes, {how}"
            assert weight.of_each(count, what) <= len(frame) + OVERHEAD_MAX
            stream.close()
            c.delete(name)
            weight.wait_until_gone()


@test
def ten_thousand_idle_connections_cost_a_kibibyte_each():
    with warm_broker() as (broker, c):
        for _ in weigh_idle_connections(broker, c):
            pass


@long_test
def ten_thousand_idle_connections_cost_no_time():
    with warm_broker() as (broker, c):
        for _ in weigh_idle_connections(broker, c):
            before = broker.processor_s()
            select.select([], [], [], IDLE_S)
            share = (broker.processor_s() - before) / IDLE_S
            print(f"        {100 * share:.2f} % of a processor over {IDLE_S} s")
            assert share < IDLE_CPU_MAX


@test
def waiting_messages_cost_their_frame_when_pushed_in_runs():
    weigh_messages(push_runs, MESSAGES, "in runs")


@long_test
def waiting_messages_cost_their_frame_when_pushed_one_a_turn():
    weigh_messages(push_one_a_turn, MESSAGES, "one a turn")


@test
def queues_of_one_message_cost_two_kibibytes_each():
    with warm_broker() as (broker, c):
        weight = Weight(broker)
        names = [b"orders-%d" % i for i in range(QUEUES)]
        with speak(broker) as stream:
            stream.sendall(b"".join(pack_frame(PUSH, name, BODY) for name in names))
            wait_until(lambda: c.stats()["queues"] == QUEUES, "all are there")
        assert weight.of_each(QUEUES, "queues of one message") <= QUEUE_SIZE_MAX
        for name in names:
            c.delete(name)
        weight.wait_until_gone()


if __name__ == "__main__":
    main()

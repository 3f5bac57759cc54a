#!/usr/bin/python3
"""More than there is memory for, in a memory group that the broker must not leave: four times more is pushed than is taken;
frames are large and do not end; answers are not read. The broker refuses in words, and loses nothing.
"""

import os
import random
import struct
import time
from collections import Counter
from contextlib import contextmanager

from connections import connect_many
from environment import is_sanitized, wait_until
from harness import Broker, long_test, main, push, test
from memory_group import memory_group
from ringpost import CONFIRM, ERROR, PEEK, PING, PUSH, REPLY, Delivery, pack_frame, unpack_frames

MIB = 1 << 20
GROUP_SIZE, LIMIT_SIZE = 256 * MIB, 128 * MIB
ROUND, EXCESS = 250, 4  # messages taken in a round; times as many are pushed
QUEUES = [b"orders", b"invoices", b"letters"]
SIZE_MAX = 16 * 1024
STAYS_KIB_MAX = 8 * 1024  # huge pages kept for the next messages, receive buffers once used
REFUSED_FEW = 10_000
LARGE = 1000 * 1000  # bytes of a message, near the largest


class Producer:
    """Pushes numbered messages, and knows which were confirmed."""

    def __init__(self, broker, ledger, dice):
        self.c, self.ledger, self.dice = broker.connect(), ledger, dice

    def push(self, count):
        """Sends messages without waiting; returns which number's frame holds which message."""
        sent = {}
        for _ in range(count):
            message = self.ledger.next()
            body = b"%d " % message + bytes(self.dice.randrange(SIZE_MAX))
            sent[self.c.push(self.dice.choice(QUEUES), body)] = message
        return sent

    def settle(self, sent):
        """Every frame is confirmed, or refused with `memory`."""
        self.c.ping()
        wait_until(lambda: self.c.ping() or self.c.settled >= max(sent), "all is settled")
        for number, message in sent.items():
            refusal = self.c.refused.pop(number, None)
            assert refusal is None or refusal.status == "memory", refusal
            self.ledger.settle(message, is_confirmed=refusal is None)


class Consumer:
    def __init__(self, broker, ledger):
        self.c, self.ledger = broker.connect(), ledger
        for consumer, queue in enumerate(QUEUES):
            self.c.consume(queue, consumer, ROUND)

    def take(self, count):
        """Takes as many messages as come, `count` at most, and acknowledges them."""
        taken = Counter()
        while sum(taken.values()) < count and (event := self.c.poll()):
            assert isinstance(event, Delivery), event
            self.ledger.take(int(event.message.split(b" ", 1)[0]))
            self.c.ack(event.consumer, event.tag)
            taken[event.consumer] += 1
        for consumer, times in taken.items():
            self.c.credit(consumer, times)


class Ledger:
    """What became of each message."""

    def __init__(self):
        self.confirmed, self.taken = bytearray(), bytearray()
        self.count = self.confirmed_count = self.taken_count = 0

    def next(self):
        self.count += 1
        self.confirmed.append(0)
        self.taken.append(0)
        return self.count - 1

    def settle(self, message, is_confirmed):
        self.confirmed[message] = is_confirmed
        self.confirmed_count += is_confirmed

    def take(self, message):
        assert not self.taken[message], f"message {message} came twice"
        self.taken[message] = 1
        self.taken_count += 1

    def is_even(self):
        """Each confirmed message was taken once, and no other."""
        return self.taken == self.confirmed


def overload(broker, ledger, dice, is_enough):
    """Rounds of pushing and taking, until is_enough(); then takes all that is left."""
    producers = [Producer(broker, ledger, dice) for _ in range(EXCESS)]
    consumers = [Consumer(broker, ledger) for _ in range(2)]
    while not is_enough():
        sent = [(producer, producer.push(ROUND)) for producer in producers]
        for consumer in consumers:
            consumer.take(ROUND // len(consumers))
        for producer, messages in sent:
            producer.settle(messages)
    watch = broker.connect()
    while any(queue["ready"] + queue["leased"] for queue in watch.list_all()):
        for consumer in consumers:
            consumer.take(ROUND)
            consumer.c.ping()


@contextmanager
def limited_broker():
    """A broker with a memory limit, in a memory group; it must not be killed, and give its memory back."""
    with memory_group(GROUP_SIZE) as group:
        with Broker("--memory-limit", "128mb", before=group.wrap()) as broker:
            before = broker.resident_kib()
            yield broker
            wait_until(lambda: broker.resident_kib() < before + STAYS_KIB_MAX, "the memory goes back")
            stays = broker.resident_kib() - before
            print(f"        {broker.resident_kib('VmHWM') // 1024} MiB resident at most, {stays} KiB stay", flush=True)
        assert group.killed() == 0


def survive(is_enough, seed):
    """Overloads a broker, and looks at what became of it and of the messages."""
    ledger, dice = Ledger(), random.Random(seed)
    with limited_broker() as broker:
        overload(broker, ledger, dice, lambda: is_enough(ledger))
        assert ledger.is_even(), "a confirmed message was lost, or a refused one came"
        refused = ledger.count - ledger.confirmed_count
        print(f"        {ledger.count:,} pushed, {ledger.confirmed_count:,} confirmed and taken, {refused:,} refused")


def seed():
    number = int(os.environ.get("RINGPOST_SEED") or time.time_ns() % 1_000_000)
    print(f"        RINGPOST_SEED={number}")
    return number


@test
def over_its_memory_limit_it_refuses_in_words_and_loses_nothing():
    survive(lambda ledger: ledger.count - ledger.confirmed_count >= REFUSED_FEW, seed())


@test
def large_frames_that_do_not_end_do_not_pass_the_limit():
    """Each is refused, or confirmed, when its end has come."""
    with limited_broker() as broker, connect_many(broker.address, 400) as streams:
        frame = pack_frame(PUSH, b"large", bytes(LARGE))
        for stream in streams:
            stream.sendall(frame[:-1])
        refused = sum(is_refused(stream, frame[-1:]) for stream in streams)
        assert 0 < refused < len(streams), "there was room for some"
        c = broker.connect()
        assert c.purge(b"large") == len(streams) - refused


def is_refused(stream, end):
    """Whether the push that ends with these bytes is refused, when it is settled."""
    stream.sendall(end)
    said = bytearray()
    while not (ops := [op for op, *_ in unpack_frames(said)]) or CONFIRM not in ops:
        said += stream.recv(4096)
    return ERROR in ops


@test
def answers_that_are_not_read_do_not_pass_the_limit():
    with limited_broker() as broker, connect_many(broker.address, 600) as streams:
        c = broker.connect()
        push(c, b"large", bytes(LARGE))
        for stream in streams:
            stream.sendall(pack_frame(PEEK, b"large", struct.pack("<I", 1)) * 8)
        c.ping()
        c.purge(b"large")


@long_test
def five_minutes_of_overload_lose_nothing():
    end = time.monotonic() + 300
    survive(lambda ledger: time.monotonic() > end, seed())


@test
def dead_letters_do_not_pass_the_memory_limit():
    """They are many times longer than the empty messages that expire here all at once."""
    with Broker("--memory-limit", "64mb") as broker:
        c, raw = broker.connect(), broker.raw()
        c.declare(b"q")
        raw.send(pack_frame(PUSH, b"q", b"") * 3_000_000, pack_frame(PING))
        raw.read_until(REPLY)
        ready = c.info(b"q")["ready"]
        c.set(b"q", ttl=1)
        wait_until(lambda: (fields := c.info(b"q"))["ready"] == 0 and fields["expired"] == ready, "all have expired")
        fields = c.info(b"q")
        assert fields["dead-lettered"] + fields["discarded"] == ready and fields["discarded"] > 0, fields
        assert is_sanitized() or broker.resident_kib() < 100 * 1024, broker.resident_kib()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Confirms, errors by number, pushes that are held, and the window."""

import socket
import struct

from connections import unpack_error
from environment import DEADLINE_S, unique, wait_until
from harness import Broker, assert_quiet, main, messages, push, refused, take, test
import ringpost
from ringpost import pack_frame

NUMBERS = [b"%d" % number for number in range(10)]
PING = pack_frame(ringpost.PING)


def push_frame(queue, message=b""):
    return pack_frame(ringpost.PUSH, queue, message)


def settlement(op, consumer, tag, count=1):
    return pack_frame(op, body=ringpost.RANGE.pack(consumer, count, tag))


def confirmed(frame):
    settled, level = struct.unpack("<QI", frame.body)
    assert level == 1, frame
    return settled


def held_queue(broker, room=1):
    """A queue that is full and holds its producers."""
    queue, c = unique("held"), broker.connect()
    c.declare(queue, max_messages=room, when_full=b"hold")
    push(c, queue, *[b"first"] * room)
    return queue


@test
def each_push_is_confirmed_without_asking(broker):
    queue, c = unique(), broker.connect()
    for number in range(100):
        assert c.push(queue, b"") == number + 1
        c.wait(number + 1)
        assert (c.settled, c.level) == (number + 1, 1)


@test
def a_confirm_covers_many_pushes_and_never_goes_down(broker):
    queue, raw = unique(), broker.raw()
    raw.send(push_frame(queue) * 20_000)
    settled = confirms = 0
    while settled < 20_000:
        now = confirmed(raw.read_until(ringpost.CONFIRM))
        assert now > settled, "a confirm says something new"
        settled, confirms = now, confirms + 1
    assert settled == 20_000 and confirms < 5000, confirms


@test
def a_confirmed_push_can_be_consumed_by_others(broker):
    queue, producer, other = unique(), broker.connect(), broker.connect()
    for number in range(50):
        push(producer, queue, b"")
        assert other.info(queue)["ready"] == number + 1


@test
def publishes_and_settlements_alone_are_confirmed_by_256(broker):
    topic, raw = unique("topic"), broker.raw()
    raw.send(pack_frame(ringpost.PUBLISH, topic) * 256)
    assert confirmed(raw.read()) == 256
    raw.send(pack_frame(ringpost.PUBLISH, topic) * 255)
    raw.send(PING)
    frames = {frame.op: frame for frame in (raw.read(), raw.read())}
    assert set(frames) == {ringpost.CONFIRM, ringpost.REPLY}, frames
    assert confirmed(frames[ringpost.CONFIRM]) >= 511


@test
def they_are_confirmed_by_a_quarter_of_a_small_window(broker):
    raw = broker.raw(window=40)
    raw.send(pack_frame(ringpost.PUBLISH, unique("topic")) * 10)
    assert confirmed(raw.read()) == 10


@test
def a_ping_brings_the_confirm_of_a_single_settlement(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 10)
    take(c, 10)
    for tag in range(1, 11):
        number = c.ack(1, tag)
        c.ping()
        c.wait(number)


@test
def an_error_names_its_frame_and_comes_before_the_confirm(broker):
    queue, raw = unique(), broker.raw()
    raw.send(pack_frame(ringpost.DECLARE, queue, ringpost.pack_fields({"max-messages": 3})))
    raw.send(push_frame(queue) * 10)
    named, settled = set(), 0
    while settled < 11:
        frame = raw.read_until(ringpost.ERROR, ringpost.CONFIRM)
        if frame.op == ringpost.CONFIRM:
            settled = confirmed(frame)
            assert named >= set(range(5, settled + 1)), "the errors come before the confirm"
        else:
            error = unpack_error(frame)
            assert error.status == "full", error
            named |= set(range(error.first, error.first + error.count))
    assert named == set(range(5, 12))


@test
def errors_for_different_queues_are_told_apart(broker):
    first, second, raw = unique(), unique(), broker.raw()
    for queue in (first, second):
        raw.send(pack_frame(ringpost.DECLARE, queue, ringpost.pack_fields({"max-messages": 1})))
        raw.send(push_frame(queue))
    raw.send((push_frame(first) + push_frame(second)) * 3)
    numbers = []
    while len(numbers) < 6:
        error = raw.read_error()
        assert error.count == 1 and error.status == "full", error
        numbers.append(error.first)
    assert numbers == [5, 6, 7, 8, 9, 10]


@test
def a_reply_names_its_frame(broker):
    raw = broker.raw()
    for number in range(1, 50):
        raw.send(PING)
        assert raw.read_until(ringpost.REPLY).body == struct.pack("<Q", number)


@test
def a_held_push_is_confirmed_only_when_there_is_room(broker):
    queue, c, consumer = held_queue(broker), broker.connect(), broker.connect()
    number = c.push(queue, b"second")
    c.ping()
    fields = c.info(queue)
    assert c.settled < number and number not in c.refused
    assert (fields["ready"], fields["waiting"], fields["accepted"]) == (1, 1, 1), fields
    consumer.consume(queue, 1, 1)
    take(consumer, 1)
    c.ping()
    assert c.settled < number, "leased messages count towards the bound"
    consumer.ack(1, 1)
    c.wait(number)
    fields = c.info(queue)
    assert (fields["ready"], fields["waiting"], fields["accepted"]) == (1, 0, 2), fields


@test
def frames_behind_a_held_push_are_carried_out_at_once_but_not_confirmed(broker):
    held, other, c = held_queue(broker), unique(), broker.connect()
    c.subscribe(other, 1)
    number = c.push(held, b"held")
    behind = [c.push(other, message) for message in NUMBERS]
    c.publish(other, b"published")
    assert c.receive(DEADLINE_S).message == b"published"
    c.consume(other, 1, 10)
    assert messages(take(c, 10)) == NUMBERS
    c.ack(1, 1, 10)
    c.ping()
    assert c.info(other)["acknowledged"] == 10
    assert c.settled == number - 1 < behind[0]
    c.purge(held)
    c.flush()
    assert c.settled >= behind[-1]


@test
def an_error_behind_a_held_push_is_told_at_once(broker):
    held, c = held_queue(broker), broker.connect()
    number = c.push(held, b"held")
    with refused("no-consumer"):
        c.cancel(99)
    c.ack(99, 1)
    c.ping()
    assert number + 2 in c.refused and c.settled < number


@test
def held_pushes_of_a_connection_are_accepted_in_order(broker):
    queue, c, consumer = held_queue(broker), broker.connect(), broker.connect()
    for message in NUMBERS:
        c.push(queue, message)
    c.ping()
    assert c.info(queue)["waiting"] == 10
    consumer.consume(queue, 1, 100)
    got = []
    for _ in range(11):
        got += take(consumer, 1)
        consumer.ack(1, got[-1].tag)
    assert messages(got) == [b"first"] + NUMBERS
    c.flush()
    assert c.info(queue)["waiting"] == 0


@test
def held_pushes_of_several_connections_all_come_each_in_order(broker):
    queue, producers, consumer = held_queue(broker, 3), [broker.connect() for _ in range(3)], broker.connect()
    for number in range(30):
        for who, producer in enumerate(producers):
            producer.push(queue, struct.pack("<II", who, number))
    for producer in producers:
        producer.ping()
    consumer.consume(queue, 1, 1000)
    got = []
    for _ in range(93):
        got += take(consumer, 1)
        consumer.ack(1, got[-1].tag)
    parts = [struct.unpack("<II", d.message) for d in got if d.message != b"first"]
    for who in range(3):
        assert [number for by, number in parts if by == who] == list(range(30))
    for producer in producers:
        producer.flush()


@test
def delete_refuses_the_waiting_pushes_and_confirms_go_on(broker):
    queue, c, other = held_queue(broker), broker.connect(), broker.connect()
    numbers = [c.push(queue, message) for message in NUMBERS]
    c.ping()
    other.delete(queue)
    for number in numbers:
        with refused("deleted"):
            c.wait(number)
    push(c, queue, b"anew")
    assert c.info(queue)["declared"] == 0


@test
def the_end_of_a_connection_forgets_its_waiting_pushes(broker):
    queue, c, other = held_queue(broker), broker.connect(), broker.connect()
    c.push(queue, b"never")
    c.ping()
    c.close()
    wait_until(lambda: other.info(queue)["waiting"] == 0, "nothing waits")
    other.purge(queue)
    assert other.info(queue)["ready"] == 0


@test
def purge_makes_room_for_waiting_pushes(broker):
    queue, c = held_queue(broker), broker.connect()
    number = c.push(queue, b"waits")
    c.ping()
    assert c.purge(queue) == 1
    c.wait(number)
    assert c.peek(queue, 9) == ([b"waits"], False)


@test
def a_push_larger_than_the_whole_bound_is_refused_even_if_the_queue_holds(broker):
    queue, c = unique("held"), broker.connect()
    c.declare(queue, max_bytes=100, when_full=b"hold")
    c.push(queue, b"L" * 100)
    with refused("full"):
        c.flush()
    push(c, queue, b"fits")


@test
def pushes_beyond_the_window_in_frames_are_refused_and_those_within_wait(broker):
    queue, raw, c = held_queue(broker), broker.raw(window=5), broker.connect()
    raw.send(push_frame(queue, b"x") * 8)
    named = set()
    while len(named) < 3:
        error = raw.read_error()
        assert error.status == "window", error
        named |= set(range(error.first, error.first + error.count))
    assert named == {6, 7, 8}
    assert c.info(queue)["waiting"] == 5
    c.declare(queue, max_messages=1, when_full=b"hold")
    for _ in range(6):
        c.purge(queue)
    assert confirmed(raw.read_until(ringpost.CONFIRM)) >= 1
    raw.send(PING)
    raw.read_until(ringpost.REPLY)
    assert c.info(queue)["accepted"] == 6


@test
def pushes_beyond_the_window_in_bytes_are_refused(broker):
    queue, c = held_queue(broker), broker.connect()
    frame = push_frame(queue, b"x" * 1000)
    raw = broker.raw(window_bytes=3 * len(frame))
    raw.send(frame * 5)
    named = set()
    while len(named) < 2:
        error = raw.read_error()
        assert error.status == "window", error
        named |= set(range(error.first, error.first + error.count))
    assert named == {4, 5}
    assert c.info(queue)["waiting"] == 3


@test
def a_client_that_keeps_to_its_window_is_never_refused(broker):
    queue, c, consumer = held_queue(broker, 4), broker.connect(window=16), broker.connect()
    assert c.welcome["window"] == 16
    consumer.consume(queue, 1, 100_000)
    numbers, got = [], []
    for number in range(200):
        while c.sent - c.settled >= 16:
            got += take(consumer, 1)
            consumer.ack(1, got[-1].tag)
            c.wait(c.settled + 1)
        numbers.append(c.push(queue, b"%d" % number))
    while len(got) < 204:
        got += take(consumer, 1)
        consumer.ack(1, got[-1].tag)
    c.flush()
    assert messages(got)[4:] == [b"%d" % number for number in range(200)]


@test
def the_window_is_what_was_asked_for_up_to_the_cap(broker):
    welcome = broker.connect().welcome
    assert (welcome["window"], welcome["window-bytes"]) == (65_536, 64 << 20), welcome
    welcome = broker.connect(window=7, window_bytes=5000).welcome
    assert (welcome["window"], welcome["window-bytes"]) == (7, 5000), welcome
    welcome = broker.connect(window=1 << 40, window_bytes=1 << 60).welcome
    assert (welcome["window"], welcome["window-bytes"]) == (65_536, 64 << 20), welcome


@test
def settling_some_of_a_range_settles_the_others_and_names_the_frame(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 10)
    take(c, 10)
    c.ack(1, 5)
    c.flush()
    number = c.ack(1, 4, 3)
    with refused("not-leased"):
        c.wait(number)
    number = c.ack(1, 8, 100)
    with refused("not-leased"):
        c.wait(number)
    fields = c.info(queue)
    assert (fields["leased"], fields["acknowledged"]) == (4, 6), fields


@test
def frames_split_at_every_byte_are_the_same_frames(broker):
    queue, raw = unique(), broker.raw()
    consume = pack_frame(ringpost.CONSUME, queue, ringpost.RANGE.pack(1, 10, 1 << 20))
    for byte in push_frame(queue, b"one") + push_frame(queue, b"two") + consume:
        raw.send(bytes([byte]))
    assert [raw.read_until(ringpost.PUSH).body for _ in range(2)] == [b"one", b"two"]
    for byte in settlement(ringpost.ACK, 1, 1, 2) + PING:
        raw.send(bytes([byte]))
    frame = raw.read_until(ringpost.REPLY, ringpost.ERROR)
    assert frame.op == ringpost.REPLY and frame.body == struct.pack("<Q", 5), frame


@test
def what_was_sent_before_the_end_of_a_connection_is_carried_out_and_answered(broker):
    first, second, raw, count = unique(), unique(), broker.raw(), 3000
    peek = pack_frame(ringpost.PEEK, first, struct.pack("<I", 1))
    with broker.stopped():
        raw.send((push_frame(first) + push_frame(second)) * (count // 2), (peek + push_frame(first)) * 20)
        raw.socket.shutdown(socket.SHUT_WR)
    answers, settled = 0, 0
    while frame := raw.read():
        answers += frame.op == ringpost.REPLY
        settled = confirmed(frame) if frame.op == ringpost.CONFIRM else settled
    assert (answers, settled) == (20, count + 40)
    assert broker.connect().info(first)["ready"] == count // 2 + 20


@test
def a_push_is_delivered_exactly_as_it_was_sent(broker):
    queue, raw = unique(), broker.raw()
    sent = [push_frame(queue, bytes(range(n))) for n in (0, 1, 7, 250)]
    raw.send(*sent, pack_frame(ringpost.CONSUME, queue, ringpost.RANGE.pack(1, 10, 1 << 20)))
    got = [raw.read_until(ringpost.PUSH) for _ in sent]
    assert [pack_frame(f.op, f.name, f.body, f.flags) for f in got] == sent


@test
def stats_are_numbers_about_the_whole_broker():
    with Broker() as broker:
        c, other = broker.connect(), broker.connect()
        queue = unique()
        push(c, queue, *NUMBERS)
        c.consume(queue, 1, 4)
        other.subscribe(queue, 1)
        c.publish(queue, b"")
        take(c, 4)
        c.ack(1, 1, 3)
        c.flush()
        stats = c.stats()
        assert all(isinstance(value, int) for value in stats.values()), stats
        expected = {"connections": 2, "queues": 1, "consumers": 1, "subscriptions": 1, "ready": 6, "leased": 1}
        assert {key: stats.get(key) for key in expected} == expected, stats
        assert_quiet(c)


if __name__ == "__main__":
    main()

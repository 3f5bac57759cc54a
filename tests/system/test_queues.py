#!/usr/bin/python3
"""Queues: order, leases, what comes back and where, competing consumers, credit, bounds, and what is told of them."""

import subprocess
import sys

from connections import Raw
from environment import DEADLINE_S, ROOT, unique, wait_until
from harness import Broker, assert_quiet, main, messages, push, refused, take, test
import ringpost
from ringpost import pack_frame

NUMBERS = [b"%d" % number for number in range(10)]


def frame_size(queue, message):
    return len(pack_frame(ringpost.PUSH, queue, message))


def counts(fields):
    """The totals of INFO must add up."""
    settled = fields["acknowledged"] + fields["rejected"] + fields["purged"]
    assert fields["accepted"] == fields["ready"] + fields["leased"] + settled, fields
    return fields


@test
def messages_come_out_in_the_order_they_were_pushed(broker):
    queue, c = unique(), broker.connect()
    expected = [b"%d" % number for number in range(3000)]
    push(c, queue, *expected)
    c.consume(queue, 1, 3000)
    got = take(c, 3000)
    assert messages(got) == expected
    assert [d.tag for d in got] == list(range(1, 3001))
    assert all((d.consumer, d.deliveries, d.queue) == (1, 0, queue) for d in got)


@test
def messages_of_any_bytes_and_of_size_zero_and_the_largest_come_out_as_they_were_pushed(broker):
    queue, c = b"\x00 \xff\n" + unique(), broker.connect()
    largest = bytes(range(256)) * 4096
    expected = [b"", b"\x00", bytes(range(256)), largest[: c.welcome["frame-max"] - 8 - len(queue)]]
    push(c, queue, *expected)
    c.consume(queue, 1, 10)
    assert messages(take(c, 4)) == expected


@test
def a_consumer_that_was_there_first_gets_what_is_pushed_later(broker):
    queue, producer, consumer = unique(), broker.connect(), broker.connect()
    consumer.consume(queue, 1, 10)
    assert_quiet(consumer)
    for message in NUMBERS:
        push(producer, queue, message)
        assert messages(take(consumer, 1)) == [message]


@test
def what_is_leased_is_not_given_to_another_and_counts_as_leased(broker):
    queue, c, other = unique(), broker.connect(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 10)
    take(c, 10)
    other.consume(queue, 1, 10)
    assert_quiet(other)
    fields = counts(other.info(queue))
    assert (fields["ready"], fields["leased"], fields["delivered"]) == (0, 10, 10), fields
    assert fields["leased-bytes"] == 10 * frame_size(queue, b"0")


@test
def acknowledged_messages_are_gone(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 10)
    take(c, 10)
    c.ack(1, 3, 4)
    c.ack(1, 1, 2)
    c.ack(1, 7, 4)
    c.flush()
    fields = counts(c.info(queue))
    assert (fields["ready"], fields["leased"], fields["acknowledged"]) == (0, 0, 10), fields


@test
def rejected_messages_are_gone_and_counted(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 10)
    take(c, 10)
    c.reject(1, 4, 3)
    c.flush()
    fields = counts(c.info(queue))
    assert (fields["leased"], fields["rejected"], fields["acknowledged"]) == (7, 3, 0), fields


@test
def returned_messages_come_again_in_order_before_the_others_and_say_so(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 5)
    take(c, 5)
    c.return_(1, 2, 3)
    c.credit(1, 8)
    got = take(c, 8)
    assert messages(got) == NUMBERS[1:4] + NUMBERS[5:]
    assert [d.deliveries for d in got] == [1, 1, 1, 0, 0, 0, 0, 0]
    assert [d.tag for d in got] == list(range(6, 14))
    assert counts(c.info(queue))["returned"] == 3


@test
def each_return_counts_one_delivery_more(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue, delivery_limit=0)
    push(c, queue, b"again")
    c.consume(queue, 1, 300)
    for turn in range(300):
        (got,) = take(c, 1)
        assert (got.tag, got.deliveries) == (turn + 1, turn), got
        c.return_(1, got.tag)


@test
def ranges_returned_in_any_order_are_in_order_again(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 10)
    take(c, 10)
    for tag, count in ((5, 2), (1, 1), (9, 2), (2, 3), (7, 2)):
        c.return_(1, tag, count)
    c.flush()
    assert c.peek(queue, 20) == (NUMBERS, False)


@test
def a_consumer_from_the_back_takes_the_newest_first_and_returns_it_there(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 3, back=True)
    assert messages(take(c, 3)) == [b"9", b"8", b"7"]
    c.return_(1, 1, 3)
    c.flush()
    assert c.peek(queue, 20) == (NUMBERS, False)
    c.credit(1, 4)
    got = take(c, 4)
    assert messages(got) == [b"9", b"8", b"7", b"6"]
    assert [d.deliveries for d in got] == [1, 1, 1, 0]


@test
def consumers_of_both_ends_meet_and_each_returns_to_its_own(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 5)
    assert messages(take(c, 5)) == NUMBERS[:5]
    c.consume(queue, 2, 5, back=True)
    assert messages(take(c, 5)) == NUMBERS[:4:-1]
    c.cancel(2)
    c.return_(1, 1, 5)
    c.flush()
    assert c.peek(queue, 20) == (NUMBERS, False)


@test
def no_ack_messages_are_done_when_they_are_delivered(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 4, no_ack=True)
    assert messages(take(c, 4)) == NUMBERS[:4]
    assert_quiet(c)
    fields = counts(c.info(queue))
    assert (fields["ready"], fields["leased"], fields["delivered"]) == (6, 0, 4), fields
    c.ack(1, 1)
    with refused("not-leased"):
        c.flush()


@test
def cancel_returns_what_was_leased_and_nothing_follows_its_reply(broker):
    queue, c, other = unique(), broker.connect(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 5)
    c.cancel(1)
    take(c, 5)
    push(other, queue, b"later")
    assert_quiet(c)
    assert counts(c.info(queue))["consumers"] == 0
    other.consume(queue, 1, 20)
    got = take(other, 11)
    assert messages(got) == NUMBERS + [b"later"]
    assert [d.deliveries for d in got] == [1] * 5 + [0] * 6
    c.consume(queue, 1, 1)  # the id is free again


def dies(broker, end):
    """What one consumer leased comes to another, in order and counted, when `end` is done to the first."""
    queue, c, consumer = unique(), broker.connect(), broker.raw()
    push(c, queue, *NUMBERS)
    consumer.send(pack_frame(ringpost.CONSUME, queue, ringpost.RANGE.pack(7, 6, 1 << 20)))
    for _ in range(6):
        consumer.read_until(ringpost.PUSH)
    c.consume(queue, 1, 100)
    assert messages(take(c, 4)) == NUMBERS[6:]
    end(consumer)
    got = take(c, 6)
    assert messages(got) == NUMBERS[:6]
    assert [d.deliveries for d in got] == [1] * 6
    assert counts(c.info(queue))["consumers"] == 1


@test
def a_closed_connection_gives_back_what_it_leased(broker):
    dies(broker, Raw.close)


@test
def a_connection_that_is_reset_gives_back_what_it_leased(broker):
    dies(broker, Raw.reset)


@test
def a_consumer_killed_with_9_gives_back_what_it_leased(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from harness import Client\n"
        "c = Client(sys.argv[2]); c.consume(sys.argv[3].encode(), 1, 100)\n"
        "while True: print(c.receive().message.decode(), flush=True)"
    )
    command = [sys.executable, "-c", code, ROOT / "tests" / "system", broker.address, queue.decode()]
    consumer = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert [consumer.stdout.readline().strip() for _ in range(10)] == NUMBERS
    finally:
        consumer.kill()  # KILL
        consumer.communicate()
    c.consume(queue, 1, 100)
    got = take(c, 10)
    assert messages(got) == NUMBERS
    assert [d.deliveries for d in got] == [1] * 10


@test
def deaths_in_turn_are_counted_each(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"unlucky")
    for deaths in range(5):
        victim = broker.connect()
        victim.consume(queue, 1, 1)
        (got,) = take(victim, 1)
        assert got.deliveries == deaths, got
        victim.close()


@test
def competing_consumers_share_the_messages_and_none_gets_one_twice(broker):
    queue, producer = unique(), broker.connect()
    consumers = [broker.connect() for _ in range(3)]
    for consumer in consumers:
        consumer.consume(queue, 1, 1000)
    got = [[], [], []]
    for turn in range(30):
        push(producer, queue, *(b"%d" % (turn * 10 + number) for number in range(10)))
    for taken, consumer in zip(got, consumers):
        consumer.ping()
        while (event := consumer.poll()) is not None:
            taken.append(int(event.message))
    assert sorted(sum(got, [])) == list(range(300))
    for taken in got:
        assert taken == sorted(taken), "each gets its part in order"
        assert taken, "nobody gets nothing"


@test
def the_consumer_with_the_fewest_unsettled_messages_gets_the_next(broker):
    queue, c = unique(), broker.connect()
    c.consume(queue, 1, 100)
    c.consume(queue, 2, 100)
    unsettled = {1: 0, 2: 0}
    for number in range(20):
        push(c, queue, b"%d" % number)
        (got,) = take(c, 1)
        assert unsettled[got.consumer] == min(unsettled.values()), (unsettled, got)
        unsettled[got.consumer] += 1
        if number == 9:  # only one of the two settles
            c.ack(1, 1, unsettled[1])
            unsettled[1] = 0


@test
def credit_in_messages_is_kept_to_and_added_to(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 0)
    assert_quiet(c)
    c.credit(1, 2)
    take(c, 2)
    assert_quiet(c)
    c.credit(1, 1)
    c.credit(1, 3)
    assert messages(take(c, 4)) == NUMBERS[2:6]
    assert_quiet(c)
    c.ack(1, 1, 6)  # settling gives no credit
    assert_quiet(c)


@test
def credit_in_bytes_is_kept_to_at_frame_size(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    size = frame_size(queue, b"0")
    c.consume(queue, 1, 100, size=3 * size)
    take(c, 3)
    assert_quiet(c)
    c.credit(1, 0, 2 * size - 1)
    take(c, 1)
    assert_quiet(c)
    c.credit(1, 0, 1)
    take(c, 1)
    assert_quiet(c)


@test
def a_message_larger_than_the_byte_credit_comes_when_nothing_is_unsettled(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"small", b"L" * 5000, b"next", b"last")
    c.consume(queue, 1, 100, size=frame_size(queue, b"small") + 10)
    assert messages(take(c, 1)) == [b"small"]
    assert_quiet(c)
    c.ack(1, 1)
    assert messages(take(c, 1)) == [b"L" * 5000]
    assert_quiet(c)
    c.credit(1, 0, frame_size(queue, b"next"))  # the large one has left none of the old credit, and owes nothing
    assert messages(take(c, 1)) == [b"next"]
    assert_quiet(c)


@test
def pause_stops_deliveries_and_resume_starts_them_again(broker):
    queue, c = unique(), broker.connect()
    c.consume(queue, 1, 100)
    c.pause(queue)
    push(c, queue, *NUMBERS)
    assert_quiet(c)
    assert counts(c.info(queue))["paused"] == 1
    c.resume(queue)
    assert messages(take(c, 10)) == NUMBERS
    assert c.info(queue)["paused"] == 0


@test
def a_paused_queue_without_anything_else_stays(broker):
    queue, c = unique(), broker.connect()
    c.consume(queue, 1, 0)
    c.pause(queue)
    c.cancel(1)
    assert c.info(queue)["paused"] == 1
    c.resume(queue)
    with refused("no-queue"):
        c.info(queue)


@test
def purge_discards_the_ready_messages_alone_and_counts_them(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    c.consume(queue, 1, 3)
    take(c, 3)
    assert c.purge(queue) == 7
    fields = counts(c.info(queue))
    assert (fields["ready"], fields["leased"], fields["purged"]) == (0, 3, 7), fields
    c.return_(1, 1, 3)
    c.flush()
    assert c.peek(queue, 20) == (NUMBERS[:3], False)
    assert c.purge(queue) == 3
    assert c.purge(queue) == 0


@test
def delete_discards_everything_and_ends_the_consumers(broker):
    queue, c, other = unique(), broker.connect(), broker.connect()
    push(c, queue, *NUMBERS)
    other.consume(queue, 5, 3)
    take(other, 3)
    c.delete(queue)
    assert other.receive(DEADLINE_S) == ringpost.Ended(5, "deleted")
    other.ack(5, 1)
    with refused("no-consumer"):
        other.flush()
    with refused("no-queue"):
        c.info(queue)
    other.consume(queue, 5, 3)  # the id is free, and the queue is a new one
    assert_quiet(other)


@test
def an_undeclared_queue_lives_as_long_as_it_is_used(broker):
    queue, c = unique(), broker.connect()
    for call in (c.info, c.purge, c.delete, c.pause, c.resume, c.peek):
        with refused("no-queue"):
            call(queue)
    push(c, queue, b"one")
    c.consume(queue, 1, 1, no_ack=True)
    take(c, 1)
    assert c.info(queue)["declared"] == 0
    c.cancel(1)
    with refused("no-queue"):
        c.info(queue)
    c.declare(queue)
    assert c.info(queue)["declared"] == 1


@test
def a_queue_is_declared_again_with_the_same_settings_only(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue, max_messages=5, when_full=b"hold")
    c.declare(queue, max_messages=5, when_full=b"hold")
    with refused("exists"):
        c.declare(queue, max_messages=6, when_full=b"hold")
    with refused("exists"):
        c.declare(queue, max_messages=5, when_full=b"refuse")
    c.declare(queue)  # settings that are not given say nothing
    fields = c.info(queue)
    assert (fields["max-messages"], fields["max-bytes"], fields["when-full"]) == (5, 1 << 30, b"hold"), fields


@test
def settings_for_a_queue_that_exists_undeclared_take_effect(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"one", b"two")
    fields = c.info(queue)
    assert (fields["max-messages"], fields["max-bytes"], fields["when-full"]) == (10_000_000, 1 << 30, b"refuse")
    c.declare(queue, max_messages=2)
    c.push(queue, b"three")
    with refused("full"):
        c.flush()
    assert c.peek(queue, 9) == ([b"one", b"two"], False)


@test
def a_bound_in_messages_refuses_and_counts_leased_ones(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue, max_messages=3)
    c.consume(queue, 1, 1)
    numbers = [c.push(queue, b"%d" % number) for number in range(5)]
    c.wait(numbers[2])
    for number in numbers[3:]:
        with refused("full"):
            c.wait(number)
    take(c, 1)
    c.push(queue, b"still full")
    with refused("full"):
        c.flush()
    c.ack(1, 1)
    push(c, queue, b"fits")
    fields = counts(c.info(queue))
    assert (fields["ready"], fields["refused"], fields["accepted"]) == (3, 3, 4), fields


@test
def a_bound_in_bytes_counts_frames_and_refuses(broker):
    queue, c = unique(), broker.connect()
    size = frame_size(queue, b"0123456789")
    c.declare(queue, max_bytes=3 * size)
    push(c, queue, *[b"0123456789"] * 3)
    assert c.info(queue)["ready-bytes"] == 3 * size
    c.push(queue, b"")
    with refused("full"):
        c.flush()


@test
def a_refused_push_does_not_hinder_the_pushes_around_it(broker):
    full, other, c = unique(), unique(), broker.connect()
    c.declare(full, max_messages=1)
    c.push(full, b"1")
    numbers = []
    for message in NUMBERS:
        numbers.append(c.push(full, message))
        c.push(other, message)
    for number in numbers:
        with refused("full"):
            c.wait(number)
    c.flush()
    assert c.peek(other, 20) == (NUMBERS, False)


@test
def peek_shows_messages_of_both_ends_and_takes_none(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *NUMBERS)
    assert c.peek(queue, 3) == (NUMBERS[:3], True)
    assert c.peek(queue, 3, back=True) == (NUMBERS[:6:-1], True)
    assert c.peek(queue, 10) == (NUMBERS, False)
    assert c.peek(queue, 4_000_000_000, back=True) == (NUMBERS[::-1], False)
    fields = counts(c.info(queue))
    assert (fields["ready"], fields["delivered"]) == (10, 0), fields


@test
def peek_shows_at_most_1000_messages_and_64_kib_beyond_the_first(broker):
    many, large, c = unique(), unique(), broker.connect()
    push(c, many, *(b"%d" % number for number in range(1001)))
    shown, more = c.peek(many, 2000)
    assert len(shown) == 1000 and more
    push(c, large, *[b"L" * 100_000] * 3)
    assert c.peek(large, 3) == ([b"L" * 100_000], True)


@test
def list_gives_every_queue_once_sorted_over_any_number_of_pages():
    with Broker() as broker:
        c = broker.connect()
        assert list(c.list_all()) == []
        names = sorted(b"%d" % number for number in range(2500)) + [b"\xff" * 1024]
        push_all = [c.push(name, name) for name in names]
        c.wait(push_all[-1])
        for page in (7, 1000, 4_000_000_000):
            found = list(c.list_all(page))
            assert [fields["name"] for fields in found] == names
        info = c.info(names[0])
        assert found[0].keys() == info.keys() and found[0]["accepted"] == info["accepted"] == 1
        for name in names:
            c.purge(name)
        assert list(c.list_all()) == []


@test
def the_totals_of_a_busy_queue_add_up(broker):
    queue, c, other = unique(), broker.connect(), broker.connect()
    c.declare(queue, max_messages=50)
    for number in range(60):
        c.push(queue, b"%d" % number)
    c.ping()
    c.consume(queue, 1, 20)
    other.consume(queue, 1, 10, back=True)
    take(c, 20), take(other, 10)
    c.ack(1, 1, 5)
    c.reject(1, 6, 5)
    c.return_(1, 11, 3)
    other.close()
    fields = wait_until(lambda: (f := c.info(queue))["consumers"] == 1 and f, "the other consumer is gone")
    expected = {"ready": 33, "leased": 7, "acknowledged": 5, "rejected": 5, "accepted": 50, "refused": 10}
    assert {key: counts(fields)[key] for key in expected} == expected, fields
    assert (fields["delivered"], fields["returned"]) == (30, 13), fields


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Topics: what matches, once each, in order; and a subscriber that is slow loses the oldest, is told, and harms nobody."""

from contextlib import contextmanager
from pathlib import Path
import struct
from tempfile import TemporaryDirectory

from connections import connect_socket
from environment import DEADLINE_S, is_sanitized, unique, wait_until
from harness import Broker, assert_quiet, heard, long_test, main, push, refused, take, test
import ringpost
from ringpost import Gap, Publication, pack_fields, pack_frame

MANY = 1_000_000


def said_to(subscriber, publisher, topics):
    """Publishes to each of these topics in turn; returns the ones that reached the subscriber."""
    for topic in topics:
        publisher.publish(topic, topic)
    publisher.publish(b"the end", b"")
    got = []
    while (event := subscriber.receive(DEADLINE_S)).topic != b"the end":
        assert event.message == event.topic, event
        got.append(event.topic)
    return got


def listener(broker):
    """A connection that hears where `said_to` ends."""
    connection = broker.connect()
    connection.subscribe(b"the end", 1000)
    return connection


@test
def a_message_reaches_everyone_who_subscribed_to_its_topic(broker):
    topic, publisher = unique("topic"), broker.connect()
    subscribers = [broker.connect() for _ in range(5)]
    for number, subscriber in enumerate(subscribers):
        subscriber.subscribe(topic, 10 + number)
    publisher.publish(topic, b"news")
    for number, subscriber in enumerate(subscribers):
        assert subscriber.receive(DEADLINE_S) == Publication(10 + number, topic, b"news")


@test
def a_publisher_hears_itself_if_it_subscribed(broker):
    topic, c = unique("topic"), broker.connect()
    c.subscribe(topic, 1)
    c.publish(topic, b"me")
    assert heard(c, 1) == [b"me"]


@test
def a_topic_that_nobody_subscribed_to_is_no_error(broker):
    c = broker.connect()
    for _ in range(1000):
        c.publish(unique("nobody"), b"")
    c.flush()
    assert not c.refused


@test
def a_literal_subscription_matches_the_same_bytes_alone(broker):
    subscriber, publisher = listener(broker), broker.connect()
    for number, topic in enumerate([b"lit.a", b"lit.*", b"lit.>", b"lit.\x00\xff"]):
        subscriber.subscribe(topic, number)
    topics = [b"lit.a", b"lit.b", b"lit", b"lit.a.b", b"lit.*", b"lit.>", b"LIT.A", b"lit.\x00\xff", b"lit.\x00", b"lit.a."]
    assert said_to(subscriber, publisher, topics) == [b"lit.a", b"lit.*", b"lit.>", b"lit.\x00\xff"]


PATTERNS = {  # pattern: topics that match it, topics that do not
    b"w.*": ([b"w.a", b"w.", b"w.*"], [b"w", b"w.a.b", b"x.a", b"w.a."]),
    b"*.end": ([b"a.end", b".end"], [b"end", b"a.b.end"]),
    b"a.*.c": ([b"a.b.c", b"a..c"], [b"a.c", b"a.b.b.c", b"a.b.d"]),
    b"deep.>": ([b"deep.a", b"deep.a.b.c", b"deep.", b"deep.a.."], [b"deep", b"deeper.a"]),
    b"mix.*.>": ([b"mix.a.b", b"mix.a.b.c", b"mix..."], [b"mix.a", b"mix"]),
    b"plain.word": ([b"plain.word"], [b"plain", b"plain.words", b"plain.word.more"]),
    b"part.a*": ([b"part.a*"], [b"part.ab", b"part.a"]),
    b"..": ([b".."], [b".", b"...", b"a.."]),
}


@test
def a_wildcard_stands_for_a_whole_token_and_the_tail_for_one_or_more(broker):
    publisher = broker.connect()
    for pattern, (matching, others) in PATTERNS.items():
        subscriber = listener(broker)
        subscriber.subscribe(pattern, 1, wildcard=True)
        assert said_to(subscriber, publisher, matching + others) == matching, pattern


@test
def the_pattern_of_the_tail_alone_matches_every_topic(broker):
    subscriber, publisher = broker.connect(), broker.connect()
    subscriber.subscribe(b">", 1, wildcard=True)
    topics = [b"a", b".", b"a.b.c", b"." * 1024, b"\xff", b"the end"]
    for topic in topics:
        publisher.publish(topic, b"")
    assert [subscriber.receive(DEADLINE_S).topic for _ in topics] == topics


@test
def a_topic_of_more_than_32_tokens_matches_a_tail(broker):
    subscriber, publisher = listener(broker), broker.connect()
    deep = b"many" + b".x" * 31
    subscriber.subscribe(b"many.>", 1, wildcard=True)
    subscriber.subscribe(b"many" + b".*" * 31, 2, wildcard=True)
    assert said_to(subscriber, publisher, [deep, deep + b".x", deep + b".x" * 400]) == [deep, deep + b".x", deep + b".x" * 400]


@test
def a_connection_gets_a_message_once_however_many_subscriptions_match_by_the_lowest_id(broker):
    subscriber, publisher = broker.connect(), broker.connect()
    for number, pattern in ((9, b"once.*"), (4, b"once.>"), (7, b"*.here"), (5, b"once.here")):
        subscriber.subscribe(pattern, number, wildcard=pattern != b"once.here")
    publisher.publish(b"once.here", b"1")
    publisher.publish(b"else.here", b"2")
    publisher.publish(b"once.there", b"3")
    got = [subscriber.receive(DEADLINE_S) for _ in range(3)]
    assert [(p.subscription, p.message) for p in got] == [(4, b"1"), (7, b"2"), (4, b"3")]
    subscriber.unsubscribe(4)
    publisher.publish(b"once.here", b"4")
    assert subscriber.receive(DEADLINE_S) == Publication(5, b"once.here", b"4")
    assert_quiet(subscriber)


@test
def messages_of_one_publisher_arrive_in_order_over_all_its_topics(broker):
    subscriber, publisher = broker.connect(), broker.connect()
    subscriber.subscribe(b"order.>", 1, wildcard=True)
    for number in range(3000):
        publisher.publish(b"order.%d" % (number % 7), b"%d" % number)
    assert heard(subscriber, 3000) == [b"%d" % number for number in range(3000)]


@test
def messages_of_two_publishers_arrive_each_in_order(broker):
    topic, subscriber, publishers = unique("topic"), broker.connect(), [broker.connect() for _ in range(2)]
    subscriber.subscribe(topic, 1)
    for number in range(500):
        for who, publisher in enumerate(publishers):
            publisher.publish(topic, struct.pack("<II", who, number))
    got = [struct.unpack("<II", message) for message in heard(subscriber, 1000)]
    for who in range(2):
        assert [number for by, number in got if by == who] == list(range(500))


@test
def nothing_follows_the_reply_to_unsubscribe_and_the_id_is_free(broker):
    topic, subscriber, publisher = unique("topic"), broker.connect(), broker.connect()
    subscriber.subscribe(topic, 1)
    for _ in range(100):
        publisher.publish(topic, b"before")
    publisher.flush()
    subscriber.unsubscribe(1)
    publisher.publish(topic, b"after")
    publisher.flush()
    subscriber.subscribe(topic, 1)
    publisher.publish(topic, b"again")
    rest = []
    while (event := subscriber.receive(DEADLINE_S)) != Publication(1, topic, b"again"):
        rest.append(event)
    assert all(isinstance(event, Gap) or event.message == b"before" for event in rest), rest
    assert sum(event.messages if isinstance(event, Gap) else 1 for event in rest) == 100


@test
def the_same_number_may_name_a_consumer_and_a_subscription(broker):
    name, c = unique(), broker.connect()
    c.subscribe(name, 1)
    c.consume(name, 1, 10)
    c.publish(name, b"topic")
    assert c.receive(DEADLINE_S) == Publication(1, name, b"topic")
    push(c, name, b"queue")
    assert take(c, 1)[0].message == b"queue"
    assert_quiet(c)


@test
def a_topic_and_a_queue_of_one_name_are_strangers(broker):
    name, c = unique(), broker.connect()
    c.consume(name, 1, 10)
    c.publish(name, b"")
    c.flush()
    assert_quiet(c)


@test
def the_end_of_a_connection_ends_its_subscriptions():
    with Broker() as broker:
        c = broker.connect()
        for end in ("close", "reset"):
            raw = broker.raw()
            raw.send(pack_frame(ringpost.SUBSCRIBE, b"left.*", ringpost.RANGE.pack(1, 0, 0), ringpost.WILDCARD))
            raw.read_until(ringpost.REPLY)
            assert c.stats()["subscriptions"] == 1
            getattr(raw, end)()
            wait_until(lambda: c.stats()["subscriptions"] == 0, "the subscription is gone")


# A subscriber that does not read. Message i holds i and as much as fills the kernel's buffers soon.

SLOW_COUNT, SLOW_SIZE = 3000, 8000


def slow_message(number):
    return struct.pack("<Q", number).ljust(SLOW_SIZE, b".")


def slow_subscriber(broker, topic, max_messages=0, max_bytes=0):
    slow = broker.raw(receive_buffer=4096)
    slow.send(pack_frame(ringpost.SUBSCRIBE, topic, ringpost.RANGE.pack(3, max_messages, max_bytes)))
    slow.read_until(ringpost.REPLY)
    return slow


def publish_slowly_read(publisher, topic):
    for number in range(SLOW_COUNT):
        publisher.publish(topic, slow_message(number))
    publisher.flush()


def read_slowly(slow, topic, count):
    """Reads until `count` messages came or were told as missed; returns the gaps, as (where, messages).

    Every message must be the next one, and every gap must tell exactly what is missing in its place.
    """
    size, expected, gaps = len(pack_frame(ringpost.PUBLISH, topic, slow_message(0))), 0, []
    while expected < count:
        frame = slow.read_until(ringpost.PUBLISH, ringpost.GAP)
        if frame.op == ringpost.PUBLISH:
            assert struct.unpack_from("<Q", frame.body)[0] == expected, (frame.body[:8], expected, gaps)
            expected += 1
            continue
        subscription, zero, first, messages, missed = struct.unpack("<IIQQQ", frame.body)
        assert (subscription, zero, missed) == (3, 0, messages * size), frame
        assert (first - 1 - expected) % SLOW_COUNT == 0, "the gap begins with the next message"
        assert messages > 0, "a gap tells of something"
        gaps.append((expected, messages))
        expected += messages
    assert expected == count
    return gaps


@test
def a_slow_subscriber_loses_the_oldest_and_is_told_exactly_how_many(broker):
    topic, publisher = unique("slow"), broker.connect()
    slow = slow_subscriber(broker, topic, max_messages=10)
    publish_slowly_read(publisher, topic)
    gaps = read_slowly(slow, topic, SLOW_COUNT)
    assert gaps, "more was published than can wait"
    where, missed = gaps[-1]
    assert where + missed <= SLOW_COUNT - 10, "the newest ten waited"
    publisher.publish(topic, slow_message(SLOW_COUNT))
    assert slow.read_until(ringpost.PUBLISH).body == slow_message(SLOW_COUNT)


@test
def a_bound_in_bytes_drops_the_oldest_too(broker):
    topic, publisher = unique("slow"), broker.connect()
    slow = slow_subscriber(broker, topic, max_bytes=100_000)
    publish_slowly_read(publisher, topic)
    assert read_slowly(slow, topic, SLOW_COUNT)


@test
def others_lose_nothing_and_do_not_wait_for_a_slow_subscriber(broker):
    topic, publisher, quick = unique("slow"), broker.connect(), broker.connect()
    quick.subscribe(topic, 1)
    slow = slow_subscriber(broker, topic, max_messages=10)
    for start in range(0, SLOW_COUNT, 500):
        for number in range(start, start + 500):
            publisher.publish(topic, slow_message(number))
        assert heard(quick, 500) == [slow_message(number) for number in range(start, start + 500)]
    # Only now does the slow one begin to read.
    assert read_slowly(slow, topic, SLOW_COUNT)


@test
def a_slow_subscriber_goes_on_being_served_after_each_gap(broker):
    topic, publisher = unique("slow"), broker.connect()
    slow = slow_subscriber(broker, topic, max_messages=5)
    for _ in range(3):
        publish_slowly_read(publisher, topic)
        read_slowly(slow, topic, SLOW_COUNT)


@test
def within_its_bound_a_slow_subscriber_loses_nothing(broker):
    topic, publisher = unique("slow"), broker.connect()
    slow = slow_subscriber(broker, topic, max_messages=SLOW_COUNT, max_bytes=1 << 30)
    publish_slowly_read(publisher, topic)
    assert read_slowly(slow, topic, SLOW_COUNT) == []


@test
def a_gap_is_of_one_subscription_and_the_other_of_the_connection_loses_nothing(broker):
    lossy, whole, publisher = unique("lossy"), unique("whole"), broker.connect()
    slow = slow_subscriber(broker, lossy, max_messages=10)
    slow.send(pack_frame(ringpost.SUBSCRIBE, whole, ringpost.RANGE.pack(4, 0, 0)))
    slow.read_until(ringpost.REPLY)
    for number in range(SLOW_COUNT):
        publisher.publish(lossy, slow_message(number))
        publisher.publish(whole, b"%d" % number)
    publisher.flush()
    context, got, missed, last = None, [], 0, -1
    while len(got) < SLOW_COUNT or last + 1 < SLOW_COUNT:
        frame = slow.read_until(ringpost.CONTEXT, ringpost.PUBLISH, ringpost.GAP)
        if frame.op == ringpost.CONTEXT:
            context = ringpost.RANGE.unpack(frame.body)
            assert context[1] == 0 and frame.flags == 0, frame
        elif frame.op == ringpost.GAP:
            assert frame.body[:4] == struct.pack("<I", 3)
            missed += struct.unpack_from("<Q", frame.body, 16)[0]
            last += struct.unpack_from("<Q", frame.body, 16)[0]
        elif frame.name == whole:
            assert context[0] == 4
            got.append(frame.body)
        else:
            assert context[0] == 3
            last += 1
            assert struct.unpack_from("<Q", frame.body)[0] == last
    assert got == [b"%d" % number for number in range(SLOW_COUNT)]
    assert missed


@test
def what_waits_at_unsubscribe_is_dropped_and_told_before_the_reply(broker):
    topic, publisher = unique("slow"), broker.connect()
    slow = slow_subscriber(broker, topic)
    publish_slowly_read(publisher, topic)
    slow.send(pack_frame(ringpost.UNSUBSCRIBE, body=struct.pack("<I", 3)))
    publisher.flush()
    count = 0
    while (frame := slow.read_until(ringpost.PUBLISH, ringpost.GAP, ringpost.REPLY)).op != ringpost.REPLY:
        count += 1 if frame.op == ringpost.PUBLISH else struct.unpack_from("<Q", frame.body, 16)[0]
    assert count == SLOW_COUNT
    publisher.publish(topic, b"")
    publisher.flush()
    slow.send(pack_frame(ringpost.PING))
    assert slow.read_until(ringpost.PUBLISH, ringpost.GAP, ringpost.REPLY).op == ringpost.REPLY


@test
def a_message_larger_than_the_bound_of_a_subscription_is_delivered_or_told(broker):
    topic, publisher, subscriber = unique("topic"), broker.connect(), broker.connect()
    subscriber.subscribe(topic, 1, max_bytes=100)
    publisher.publish(topic, b"small")
    assert heard(subscriber, 1) == [b"small"]
    publisher.publish(topic, b"L" * 1000)
    event = subscriber.receive(DEADLINE_S)
    size = len(pack_frame(ringpost.PUBLISH, topic, b"L" * 1000))
    assert event in (Publication(1, topic, b"L" * 1000), Gap(1, 2, 1, size)), event
    publisher.publish(topic, b"small")
    assert heard(subscriber, 1) == [b"small"]


@test
def a_subscription_id_in_use_is_refused_and_the_old_one_goes_on(broker):
    topic, c = unique("topic"), broker.connect()
    c.subscribe(topic, 1)
    with refused("id-in-use"):
        c.subscribe(unique("topic"), 1)
    c.publish(topic, b"still")
    assert heard(c, 1) == [b"still"]


# Groups, what is kept, and very many subscriptions.


@test
def what_waits_for_a_member_that_dies_goes_to_another_in_order(broker):
    topic, publisher = unique("group"), broker.connect()
    slow = broker.raw(receive_buffer=4096)
    slow.send(pack_frame(ringpost.SUBSCRIBE, topic, ringpost.RANGE.pack(3, 0, 0) + pack_fields({"group": b"g"})))
    slow.read_until(ringpost.REPLY)
    publish_slowly_read(publisher, topic)  # more than the socket takes
    other = broker.connect()
    other.subscribe(topic, 1, group=b"g")
    slow.close()
    numbers = [struct.unpack_from("<Q", other.receive(DEADLINE_S).message)[0]]
    while numbers[-1] != SLOW_COUNT - 1:
        numbers.append(struct.unpack_from("<Q", other.receive(DEADLINE_S).message)[0])
    assert numbers == list(range(numbers[0], SLOW_COUNT)), "none twice, none missing, in order"


@test
def retained_messages_come_in_the_order_of_their_names_before_what_is_new(broker):
    base, publisher = unique("kept"), broker.connect()
    for name in (b"c", b"a", b"b", b"a"):
        publisher.publish(base + b"." + name, b"old", retain=True)
    publisher.flush()
    raw = broker.raw()
    raw.send(subscribe_frame(base + b".*", ringpost.WILDCARD))
    raw.read_until(ringpost.REPLY)
    publisher.publish(base + b".d", b"new")
    heard_frames = [raw.read_until(ringpost.CONTEXT, ringpost.PUBLISH) for _ in range(6)]
    contexts = [(f.flags, ringpost.RANGE.unpack(f.body)) for f in heard_frames if f.op == ringpost.CONTEXT]
    assert contexts == [(2, (7, 0, 1)), (0, (7, 0, 4))], contexts
    names = [f.name.rpartition(b".")[2] for f in heard_frames if f.op == ringpost.PUBLISH]
    assert names == [b"a", b"b", b"c", b"d"]
    for name in (b"a", b"b", b"c"):
        publisher.publish(base + b"." + name, b"", retain=True)
    publisher.flush()


def subscribe_frame(topic, flags=0, subscription=7):
    return pack_frame(ringpost.SUBSCRIBE, topic, ringpost.RANGE.pack(subscription, 0, 0), flags)


@long_test
def a_million_subscriptions_of_one_connection_cost_200_bytes_each_and_end_with_it():
    with Broker("--max-subscriptions-per-connection", "0") as broker:
        c, other = broker.raw(), broker.connect()
        before, at_once = broker.resident_kib(), 1000
        for first in range(0, MANY, at_once):
            c.send(*(subscribe_frame(b"tenant-%d.device-%d.temp" % (n // 1000, n % 1000), 0, n) for n in range(first, first + at_once)))
            for _ in range(at_once):
                c.read_until(ringpost.REPLY)
        each = (broker.resident_kib() - before) * 1024 / MANY
        print(f"        {each:.0f} bytes each")
        assert each <= 200 or is_sanitized(), each
        other.publish(b"tenant-999.device-999.temp", b"last")
        assert c.read_until(ringpost.PUBLISH).body == b"last"
        c.close()
        wait_until(lambda: other.stats()["subscriptions"] == 0, "they end with their connection")
        if not is_sanitized():
            wait_until(lambda: broker.resident_kib() < before + 10 * 1024, "their memory goes back to the system")


NARROW = """[topic >]
max-messages = 100
"""


@contextmanager
def slow_redis_subscriber(hello):
    """A broker whose topics have narrow bounds, and what a client of Redis sees that did not read in time."""
    topic, body = b"slow", b"x" * 10_000
    with TemporaryDirectory(prefix="ringpost-") as folder:
        path = Path(folder) / "ringpost.conf"
        path.write_text(NARROW)
        with Broker("--config", path) as broker, connect_socket(broker.address, receive_buffer=4096) as slow:
            slow.sendall(hello + b"SUBSCRIBE slow\r\n")
            with slow.makefile("rb") as said:
                while said.readline() != b":1\r\n":
                    pass
                publisher = broker.connect()
                for _ in range(1000):
                    publisher.publish(topic, body)
                publisher.flush()
                wait_until(lambda: publisher.stats()["missed"] > 0, "something is missed")
                yield broker, publisher, said


@test
def a_slow_redis_subscriber_is_closed_and_log_and_counter_say_why():
    with slow_redis_subscriber(b"") as (broker, publisher, said):
        wait_until(lambda: "it reads what it subscribed to too slowly" in broker.said(), "the log says why")
        assert publisher.stats()["overflowed"] == 1
        got = said.read()
        assert b"gap" not in got and got.count(b"$7\r\nmessage\r\n") < 1000, got[:1000]


@test
def a_slow_redis_subscriber_of_version_3_is_told_of_its_gap():
    with slow_redis_subscriber(b"HELLO 3\r\n") as (broker, publisher, said):
        got, missed = 0, 0
        while got + missed < 1000:
            line = said.readline()
            if line == b"message\r\n":
                got += 1
            elif line == b"gap\r\n":
                assert (said.readline(), said.readline()) == (b"$4\r\n", b"slow\r\n")
                messages, size = (int(said.readline()[1:]) for _ in range(2))
                assert size == messages * (10_000 + len("slow") + 8), (messages, size)
                missed += messages
        assert missed > 0 and publisher.stats()["missed"] == missed
        assert "too slowly" not in broker.said()


if __name__ == "__main__":
    main()

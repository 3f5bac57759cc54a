#!/usr/bin/python3
"""examples/python: the client does every operation of docs/PROTOCOL.md, and its two programs do what they say."""

import ast
import re
import subprocess
import sys
import tempfile

from connections import Client, connect_socket
from environment import DEADLINE_S, ROOT, unique, wait_until
from harness import Broker, main, messages, refused, take, test
import ringpost
from ringpost import ACK, REJECT, RETURN, TOUCH, Connection, Delivery, Ended, Gap, Goaway, Lost, Publication
from ringpost import unpack_headers

PYTHON = ROOT / "examples" / "python"
SLOW_COUNT, SLOW_MESSAGE = 1000, b"x" * 16_000


def read_ops():
    """The ops of section 3 of the page, each with its name: from the client, and from the broker."""
    section = (ROOT / "docs" / "PROTOCOL.md").read_text().partition("\n## 3. ")[2].partition("\n## ")[0]
    tables = section.split("### From broker to client")
    rows = [re.findall(r"^\| (0x\w\w) \| (\w+) \|", table, re.M) for table in tables]
    return [{int(op, 16): name for op, name in table} for table in rows]


class Recording(Connection):
    """The client as it is; notes which ops it sends and receives."""

    def __init__(self, stream, **options):
        self.ops_sent, self.ops_received = {ringpost.HELLO}, set()
        super().__init__(stream, **options)

    def send(self, op, *rest, **more):
        self.ops_sent.add(op)
        return super().send(op, *rest, **more)

    def _take(self, op, *rest):
        self.ops_received.add(op)
        super()._take(op, *rest)


@test
def the_client_is_short_and_needs_nothing_but_sockets():
    text = (PYTHON / "ringpost.py").read_text()
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name for node in imports for alias in node.names}
    assert names == {"collections", "select", "struct", "time"}, names
    assert text.count("\n") <= 295


@test
def its_numbers_are_those_of_the_page():
    for table in read_ops():
        for op, name in table.items():
            assert getattr(ringpost, name) == op, name
    rows = re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", (ROOT / "docs" / "PROTOCOL.md").read_text(), re.M)
    assert {int(number): name for number, name in rows} == {n: s for n, s in ringpost.STATUSES.items() if n > 0}


def do_queue_operations(c, queue):
    c.declare(queue, max_messages=100, max_bytes=1 << 20, when_full=b"refuse")
    for number in range(6):
        c.push(queue, b"%d" % number)
    c.flush()
    assert c.level == 1
    assert c.peek(queue, 2) == ([b"0", b"1"], True)
    assert c.peek(queue, 2, back=True) == ([b"5", b"4"], True)
    c.consume(queue, 1, count=3)
    assert messages(take(c, 3)) == [b"0", b"1", b"2"]
    c.settle(ACK, 1, 1)
    c.settle(RETURN, 1, 2)
    c.settle(REJECT, 1, 3)
    c.credit(1, count=1)
    assert take(c, 1) == [Delivery(1, 4, 1, queue, b"1")]
    c.cancel(1)
    c.consume(queue, 2, count=1, back=True, no_ack=True)
    assert messages(take(c, 1)) == [b"5"]


def do_dead_letters(c, queue):
    c.declare(queue, dead_letter=b"morgue", lease_max=200)
    c.set(queue, max_messages=10)
    c.push(queue, b"dull", x_colour=b"grey")
    c.consume(queue, 3, count=1)
    c.settle(TOUCH, 3, take(c, 1)[0].tag)
    assert c.receive(DEADLINE_S) == Lost(3, 1, 1)
    c.set(queue, lease_max=0)
    c.credit(3, 1)
    c.settle(REJECT, 3, take(c, 1)[0].tag)
    headers, message = unpack_headers(c.peek(b"morgue")[0][0])
    assert message == b"dull" and headers["x-colour"] == b"grey" and headers["dead-reason"] == b"rejected", headers
    c.cancel(3)
    assert c.redrive(b"morgue") == (1, False) and c.purge(queue) == 1
    c.delete(queue)


def do_operators_work(c, victim):
    fields = {record["key"]: record["value"] for record in c.settings()}
    assert fields[b"frame-max"] == b"1mb", fields
    (mine, other), more = c.clients()
    assert (mine["client"], other["connection"], more) == (b"test", victim.welcome["connection"], False)
    c.kill(other["connection"])
    assert victim.receive(DEADLINE_S).status == "killed"
    c.heartbeat()
    c.flush()


def do_administration(c, queue):
    c.pause(queue)
    assert c.info(queue)["paused"] == 1
    c.resume(queue)
    fields = c.info(queue)
    assert (fields["ready"], fields["acknowledged"], fields["rejected"], fields["returned"]) == (3, 2, 1, 2), fields
    queues, more = c.list()
    assert [fields["name"] for fields in queues] == [queue, queue + b".dead"] and not more
    assert c.list(after=queue + b".dead") == ([], False)
    assert c.stats()["queues"] == 2
    assert c.purge(queue) == 3
    c.delete(queue)
    assert c.receive(DEADLINE_S) == Ended(2, "deleted")
    c.settle(ACK, 1, 1)
    with refused("no-consumer"):
        c.flush()


def do_topic_operations(c, publisher):
    c.subscribe(b"news.*", 7, wildcard=True, max_messages=10)
    (listed,), more = c.topics()
    assert (listed["name"], listed["wildcards"], more) == (b"news.*", 1, False), listed
    c.publish(b"news.today", b"sun")
    assert c.receive(DEADLINE_S) == Publication(7, b"news.today", b"sun")
    for _ in range(SLOW_COUNT):  # which it does not read
        publisher.publish(b"news.slow", SLOW_MESSAGE)
    publisher.flush()
    c.unsubscribe(7)
    events = []
    while sum(event.messages if isinstance(event, Gap) else 1 for event in events) < SLOW_COUNT:
        events.append(c.receive(DEADLINE_S))
    assert any(isinstance(event, Gap) and event.subscription == 7 for event in events), "more than 10 waited"


@test
def it_does_every_operation_of_the_protocol():
    from_client, from_broker = read_ops()
    with Broker() as broker, connect_socket(broker.address, receive_buffer=4096) as stream:
        c = Recording(stream, client=b"test", window=1000)
        assert c.welcome["window"] == 1000
        do_queue_operations(c, b"orders")
        do_administration(c, b"orders")
        do_dead_letters(c, b"tried")
        do_operators_work(c, broker.connect())
        do_topic_operations(c, broker.connect())
        broker.terminate()
        event = c.receive(DEADLINE_S)
        assert isinstance(event, Goaway) and event.status == "closing", event
        stream.close()
        broker.close_connections()
        broker.wait_for_end()
    missing = [from_client[op] for op in from_client.keys() - c.ops_sent]
    missing += [from_broker[op] for op in from_broker.keys() - c.ops_received]
    assert not missing, f"never sent or received: {missing}"


@test
def it_asks_and_answers_and_hears_what_was_retained(broker):
    c, other, topic = broker.connect(), broker.connect(), unique()
    with refused("no-reader"):
        c.publish(topic, b"?", must=True)
        c.flush()
    other.subscribe(topic, 1, group=b"all")
    address = c.inbox(2)
    c.publish(topic, b"2+2", must=True, reply_to=address, correlation_id=b"17")
    headers, question = unpack_headers(other.receive(DEADLINE_S).message)
    assert (question, headers) == (b"2+2", {"reply-to": address, "correlation-id": b"17"})
    other.post(headers["reply-to"], b"4", correlation_id=headers["correlation-id"])
    answer = c.receive(DEADLINE_S)
    assert answer.subscription == 2 and unpack_headers(answer.message) == ({"correlation-id": b"17"}, b"4")
    c.publish(topic, b"kept", retain=True)
    c.flush()
    c.subscribe(topic, 3)
    assert c.receive(DEADLINE_S) == Publication(3, topic, b"kept")
    c.publish(topic, b"", retain=True)


@test
def it_speaks_over_a_unix_socket_as_over_tcp():
    with tempfile.TemporaryDirectory() as folder, Broker(listen=[f"unix:{folder}/socket"]) as broker:
        c = broker.connect()
        c.push(b"q", b"over unix")
        c.flush()
        assert c.peek(b"q") == ([b"over unix"], False)


@test
def it_keeps_to_its_window_in_frames_and_in_bytes(broker):
    for queue, options in ((unique(), {"window": 8}), (unique(), {"window_bytes": 300})):
        c, consumer = Client(broker.address, **options), broker.connect()
        consumer.declare(queue, max_messages=1, when_full=b"hold")
        c.timeout = 0  # a push that has to wait tells so
        sent = 0
        try:
            while sent < 100:
                c.push(queue, b"%02d" % sent)
                sent += 1
        except TimeoutError:
            pass
        assert 1 < sent < 20, sent
        c.timeout = DEADLINE_S
        consumer.consume(queue, 1, 100)
        for number in range(sent):
            (delivery,) = take(consumer, 1)
            assert delivery.message == b"%02d" % number
            consumer.ack(1, delivery.tag)
        c.flush()
        c.close()


@test
def a_peer_that_is_no_broker_is_told_from_one(broker):
    with connect_socket(broker.address) as stream:
        stream.send(b"\xff" + bytes(7))  # a frame shorter than its own head
        try:
            Connection(stream)
            raise AssertionError("a connection without a welcome")
        except ringpost.Refused as error:
            assert (error.first, error.status) == (0, "protocol"), error


def run_example(name, *arguments, **options):
    command = [sys.executable, PYTHON / name, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def see_end(process, code=0):
    out, error = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == code, (process.returncode, out, error)
    return out, error


@test
def the_producer_pushes_and_the_consumer_takes(broker):
    queue, address = unique().decode(), broker.address.split(":")
    assert see_end(run_example("producer.py", queue, "25", *address)) == (f"25 messages are in {queue}\n", "")
    expected = "".join(f"message {number}\n" for number in range(25))
    assert see_end(run_example("consumer.py", queue, "25", *address)) == (expected, "")
    c = broker.connect()
    wait_until(lambda: not c.has_queue(queue.encode()), "all were taken")


@test
def the_producer_says_what_was_refused_and_the_consumer_that_the_queue_went(broker):
    queue, c = unique(), broker.connect()
    address = broker.address.split(":")
    c.declare(queue, max_messages=1)
    out, error = see_end(run_example("producer.py", queue.decode(), "3", *address), code=1)
    assert out == "" and "full" in error and error.count("\n") == 1, error
    consumer = run_example("consumer.py", queue.decode(), "3", *address)
    assert consumer.stdout.readline() == "message 0\n"
    wait_until(lambda: c.info(queue)["acknowledged"] == 1, "it acknowledged")
    c.delete(queue)
    out, error = see_end(consumer, code=1)
    assert out == "" and "deleted" in error, error


if __name__ == "__main__":
    main()

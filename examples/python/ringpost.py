"""A client of the ringpost message broker, written from docs/PROTOCOL.md alone, with Python's standard library.

Pushes are pipelined: flush() waits until all is settled. What is delivered comes from receive(). All names are bytes.
See producer.py and consumer.py. One thread at a time may use a Connection."""

import collections
import select
import struct
import time

HELLO, PUSH, PUBLISH, CONSUME, CANCEL, CREDIT, ACK, RETURN, REJECT, SUBSCRIBE, UNSUBSCRIBE = range(0x80, 0x8B)
DECLARE, DELETE, PURGE, PAUSE, RESUME, PEEK, LIST, INFO, STATS, PING, TOUCH, SET, REDRIVE = range(0x8B, 0x98)
CLIENTS, KILL, TOPICS, SETTINGS, HEARTBEAT = range(0x98, 0x9D)
WELCOME, CONFIRM, ERROR, REPLY, CONTEXT, GAP, ENDED, GOAWAY, LOST = range(0xC0, 0xC9)
HEADERS, BACK, NO_ACK, WILDCARD, MORE = 1, 1, 2, 1, 1  # flags, each of its own ops
RETAIN, MUST, TO_INBOX, INBOX = 2, 4, 8, 2
HEAD = struct.Struct("<BBHI")  # op, flags, name_size, size
FIELD = struct.Struct("<BBH")  # key_size, kind, value_size
RANGE = struct.Struct("<IIQ")  # consumer or subscription, count, and bytes or tag
STATUSES = dict(enumerate("""none protocol unknown-op bad-frame bad-name bad-flags too-large hello version bad-field
    no-queue exists full deleted no-consumer no-subscription id-in-use not-leased bad-range credit window bad-pattern
    killed closing bad-header no-reader memory denied overflow too-many-connections
    too-many-from-address too-many-strangers too-many-queues too-many-subscriptions
    too-many-subscriptions-in-all too-many-retained dead no-client wrong-type""".split()))

# What a connection receives. `deliveries` says how often a message was delivered before.
Delivery = collections.namedtuple("Delivery", "consumer tag deliveries queue message")
Publication = collections.namedtuple("Publication", "subscription topic message")
Gap = collections.namedtuple("Gap", "subscription first messages bytes")  # so much was dropped in this place
Ended = collections.namedtuple("Ended", "consumer status")
Lost = collections.namedtuple("Lost", "consumer tag count")  # they were leased for too long, and went back
Goaway = collections.namedtuple("Goaway", "status text")  # the broker will close the connection


class Refused(Exception):
    """The broker's ERROR for `count` frames from number `first` on; first 0 is the connection itself."""

    def __init__(self, first, count, status, text):
        super().__init__(f"frame {first}: {status}: {text}")
        self.first, self.count, self.status, self.text = first, count, status, text


def pack_frame(op, name=b"", body=b"", flags=0):
    return HEAD.pack(op, flags, len(name), HEAD.size + len(name) + len(body)) + name + body


def unpack_frames(data):
    """Yields op, flags, name, body and the offset behind it, for each whole frame in `data`."""
    end = 0
    while len(data) - end >= HEAD.size:
        op, flags, name_size, size = HEAD.unpack_from(data, end)
        if size < HEAD.size + name_size:
            raise ConnectionError("this is no ringpost broker")
        if len(data) - end < size:
            return
        name, body, end = end + HEAD.size, end + HEAD.size + name_size, end + size
        yield op, flags, bytes(data[name:body]), bytes(data[body:end]), end


def pack_fields(fields):
    """From a dict: an int is a number, bytes are bytes. Keys may have _ for -."""
    packed = b""
    for key, value in fields.items():
        kind, value = (0, struct.pack("<Q", value)) if isinstance(value, int) else (1, value)
        packed += FIELD.pack(len(key), kind, len(value)) + key.replace("_", "-").encode() + value
    return packed


def unpack_fields(data):
    fields, end = {}, 0
    while end < len(data):
        key_size, kind, value_size = FIELD.unpack_from(data, end)
        key, value = end + FIELD.size, end + FIELD.size + key_size
        end = value + value_size
        fields[data[key:value].decode()] = data[value:end] if kind else int.from_bytes(data[value:end], "little")
    return fields


def pack_headers(headers):
    """The header block that goes before a message; an empty dict makes none."""
    fields = pack_fields(headers)
    return struct.pack("<I", 4 + len(fields)) + fields if headers else b""


def unpack_headers(message):
    """The headers of a message that was delivered with some, and the message behind them."""
    size = int.from_bytes(message[:4], "little")
    return unpack_fields(message[4:size]), message[size:]


def unpack_records(data):
    """Yields the fields of each record."""
    while data:
        size = int.from_bytes(data[:4], "little")
        yield unpack_fields(data[4:size])
        data = data[size:]


def request(op, unpack=lambda body: None):
    """A method that asks with nothing but the name of a queue, if any, and returns what the REPLY holds."""
    return lambda self, queue=b"": unpack(self.call(op, queue)[1])


class Connection:
    """What is said over a connected socket, which stays the caller's. `timeout` bounds, in seconds, each wait.

    Push, publish, credit and settle return the number of their frame at once. When one is refused, `refused[number]`
    holds the error until `flush` raises it. The other calls wait for their REPLY."""

    def __init__(self, stream, timeout=10.0, **fields):
        self.stream, self.timeout, self.welcome = stream, timeout, {}
        self.sent = self.settled = self.level = 0  # the last frame's number; what CONFIRM said
        self.refused, self._replies = {}, {}  # by number: a Refused; flags and body
        self._sizes, self._unsettled = collections.deque(), 0  # of the frames that are not settled, and their sum
        self._events, self._context = collections.deque(), None  # CONTEXT: consumer, deliveries, tag
        hello = pack_frame(HELLO, body=struct.pack("<I", 1) + pack_fields(fields))
        self._input, self._output = bytearray(), bytearray(hello)
        stream.setblocking(False)
        self._wait(lambda: self.welcome, timeout)

    def push(self, queue, message, **headers):
        """Appends a message to a queue; waits only while the window is full. Headers: ttl, delay (ms), reply_to …"""
        message = pack_headers(headers) + message
        frames, size = self.welcome["window"], self.welcome["window-bytes"] - len(pack_frame(PUSH, queue, message))
        self._wait(lambda: not self._sizes or len(self._sizes) < frames and self._unsettled <= size, self.timeout)
        return self.send(PUSH, queue, message, HEADERS * bool(headers))

    def publish(self, topic, message, retain=False, must=False, inbox=False, **headers):
        """With `must` it is refused when nobody is there; with `inbox` the name is an inbox's."""
        flags = HEADERS * bool(headers) | RETAIN * retain | MUST * must | TO_INBOX * inbox
        return self.send(PUBLISH, topic, pack_headers(headers) + message, flags)

    def post(self, address, message, **headers):
        """To what a header `reply-to` says: b"queue:NAME", b"topic:NAME" or b"inbox:NAME"."""
        kind, _, name = address.partition(b":")
        if kind == b"queue":
            return self.push(name, message, **headers)
        return self.publish(name, message, inbox=kind == b"inbox", **headers)

    def flush(self):
        """Until everything sent is settled; raises the first refusal that was not raised yet, if there is one."""
        self.ping()  # brings the CONFIRM that publishes and settlements alone do not
        self._wait(lambda: self.settled == self.sent, self.timeout)
        if self.refused:
            raise self.refused.pop(min(self.refused))

    def consume(self, queue, consumer, count, size=1 << 30, back=False, no_ack=False):
        """Starts a consumer, under an id of your choice, with credit for `count` messages and `size` bytes."""
        self.call(CONSUME, queue, RANGE.pack(consumer, count, size), BACK * back | NO_ACK * no_ack)

    def credit(self, consumer, count, size=0):
        return self.send(CREDIT, body=RANGE.pack(consumer, count, size))

    def settle(self, op, consumer, tag, count=1, delay=0):
        """ACK, RETURN (after `delay` ms), REJECT or TOUCH for the messages `tag` to `tag + count - 1`."""
        return self.send(op, body=RANGE.pack(consumer, count, tag) + (struct.pack("<Q", delay) if delay else b""))

    def cancel(self, consumer):
        self.call(CANCEL, body=struct.pack("<I", consumer))

    def subscribe(self, topic, subscription, wildcard=False, max_messages=0, max_bytes=0, **fields):
        """To a topic, or a pattern, under an id of your choice. The bounds are of what waits in the broker. Fields: group,
        overflow (b"drop-oldest", b"drop-newest", b"keep-last", b"close"), retained (0: nothing from before)."""
        body = RANGE.pack(subscription, max_messages, max_bytes) + pack_fields(fields)
        self.call(SUBSCRIBE, topic, body, WILDCARD * wildcard)

    def inbox(self, subscription):
        """Subscribes to a name that nobody can guess; returns it as what a header `reply-to` says."""
        return b"inbox:" + self.call(SUBSCRIBE, body=RANGE.pack(subscription, 0, 0), flags=INBOX)[1]

    def unsubscribe(self, subscription):
        self.call(UNSUBSCRIBE, body=struct.pack("<I", subscription))

    def declare(self, queue, **fields):
        """Fields: max_messages, max_bytes, when_full (b"refuse", b"hold", b"drop-oldest"), ttl, dead_letter, pop_lease …"""
        self.call(DECLARE, queue, pack_fields(fields))

    def set(self, queue, **fields):
        """Changes the settings of a queue that exists."""
        self.call(SET, queue, pack_fields(fields))

    def redrive(self, queue, count=0, **fields):
        """Tries dead letters again where they came from, or `to` a queue; how many, and whether some are left."""
        flags, body = self.call(REDRIVE, queue, struct.pack("<I", count) + pack_fields(fields))
        return int.from_bytes(body, "little"), bool(flags & MORE)

    def topics(self, after=b"", count=1000):
        """Returns the fields of names that are subscribed to or retained, and whether there are more."""
        flags, body = self.call(TOPICS, after, struct.pack("<I", count))
        return list(unpack_records(body)), bool(flags & MORE)

    def clients(self, after=0, count=1000):
        """Returns the fields of connections whose numbers are above `after`, and whether there are more."""
        flags, body = self.call(CLIENTS, body=struct.pack("<II", count, after))
        return list(unpack_records(body)), bool(flags & MORE)

    def kill(self, connection):
        self.call(KILL, body=struct.pack("<I", connection))

    def heartbeat(self):
        return self.send(HEARTBEAT)

    delete, pause, resume, ping = request(DELETE), request(PAUSE), request(RESUME), request(PING)
    purge = request(PURGE, lambda body: int.from_bytes(body, "little"))  # how many messages
    info, stats = request(INFO, unpack_fields), request(STATS, unpack_fields)
    settings = request(SETTINGS, lambda body: list(unpack_records(body)))

    def peek(self, queue, count=1, back=False):
        """Returns messages, which stay in the queue, and whether there are more than these."""
        flags, body = self.call(PEEK, queue, struct.pack("<I", count), BACK * back)
        return [message for _, _, _, message, _ in unpack_frames(body)], bool(flags & MORE)

    def list(self, after=b"", count=1000):
        """Returns the fields of queues whose names come after `after`, sorted, and whether there are more."""
        flags, body = self.call(LIST, after, struct.pack("<I", count))
        return list(unpack_records(body)), bool(flags & MORE)

    def receive(self, timeout=None):
        """The next event. Raises TimeoutError when `timeout` seconds bring none."""
        self._wait(lambda: self._events, timeout)
        return self._events.popleft()

    def send(self, op, name=b"", body=b"", flags=0):
        """Sends a frame, reading meanwhile what comes, and returns its number."""
        frame = pack_frame(op, name, body, flags)
        self._output += frame
        self._sizes.append(len(frame))
        self._unsettled += len(frame)
        self.sent += 1
        self._wait(lambda: not self._output, self.timeout)
        return self.sent

    def call(self, op, name=b"", body=b"", flags=0):
        """Sends a frame that a REPLY answers, and returns the flags and the rest of that."""
        number = self.send(op, name, body, flags)
        self._wait(lambda: number in self._replies or number in self.refused, self.timeout)
        if number in self.refused:
            raise self.refused.pop(number)
        return self._replies.pop(number)

    def _wait(self, condition, timeout):
        """Reads and writes until condition() holds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not condition():
            left = deadline and max(0, deadline - time.monotonic())
            readable, writable, _ = select.select([self.stream], [self.stream] if self._output else [], [], left)
            if not readable and not writable:
                raise TimeoutError("nothing came in time")
            if readable:
                data, end = self.stream.recv(1 << 18), 0
                if not data:
                    raise ConnectionError("the broker has closed the connection")
                self._input += data
                for *frame, end in unpack_frames(self._input):
                    self._take(*frame)
                del self._input[:end]
            if writable:
                del self._output[: self.stream.send(self._output)]

    def _take(self, op, flags, name, body):
        """One frame from the broker. Ops that are not known are skipped."""
        if op == PUSH:
            consumer, deliveries, tag = self._context
            self._context = consumer, deliveries, tag + 1
            self._events.append(Delivery(consumer, tag, deliveries, name, body))
        elif op == PUBLISH:
            self._events.append(Publication(self._context[0], name, body))
        elif op == CONTEXT:
            self._context = RANGE.unpack(body)
        elif op == CONFIRM:
            before, (self.settled, self.level) = self.settled, struct.unpack("<QI", body)
            self._unsettled -= sum(self._sizes.popleft() for _ in range(self.settled - before))
        elif op == ERROR:
            first, count, status = struct.unpack_from("<QIH", body)
            refusal = Refused(first, count, STATUSES.get(status, status), body[16:].decode())
            if first == 0:
                raise refusal
            self.refused.update(dict.fromkeys(range(first, first + count), refusal))
        elif op == REPLY:
            self._replies[int.from_bytes(body[:8], "little")] = flags, body[8:]
        elif op == GAP:
            self._events.append(Gap(*struct.unpack("<I4xQQQ", body)))
        elif op == LOST:
            consumer, count, tag = RANGE.unpack(body)
            self._events.append(Lost(consumer, tag, count))
        elif op == ENDED:
            consumer, status = struct.unpack("<IH2x", body)
            self._events.append(Ended(consumer, STATUSES.get(status, status)))
        elif op == GOAWAY:
            status = int.from_bytes(body[:2], "little")
            self._events.append(Goaway(STATUSES.get(status, status), body[4:].decode()))
        elif op == WELCOME:
            self.welcome = unpack_fields(body[4:])

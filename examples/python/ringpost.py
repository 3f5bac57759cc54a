"""A client of the ringpost message broker, written from docs/PROTOCOL.md alone, with Python's standard library.

    with Connection("127.0.0.1:7464") as broker:
        broker.push("orders", b"two apples")  # on its way at once: pushes are pipelined
        broker.flush()  # everything is settled now, or Refused was raised
        broker.consume("orders", consumer=1, count=100)
        for event in broker:  # Delivery, Publication, Gap, Ended, Goaway
            broker.ack(event.consumer, event.tag)

Names of queues and topics are bytes; a str is taken as UTF-8. One thread at a time may use a Connection.
"""

import collections
import select
import socket
import struct
import time

HELLO, PUSH, PUBLISH, CONSUME, CANCEL, CREDIT, ACK, RETURN, REJECT, SUBSCRIBE, UNSUBSCRIBE = range(0x80, 0x8B)
DECLARE, DELETE, PURGE, PAUSE, RESUME, PEEK, LIST, INFO, STATS, PING = range(0x8B, 0x95)
WELCOME, CONFIRM, ERROR, REPLY, CONTEXT, GAP, ENDED, GOAWAY = range(0xC0, 0xC8)
BACK, NO_ACK, WILDCARD, MORE, REDELIVERED = 1, 2, 1, 1, 1  # flags, each of its own ops

VERSION = 1
HEAD = struct.Struct("<BBHI")  # op, flags, name_size, size
FIELD = struct.Struct("<BBH")  # key_size, kind, value_size
RANGE = struct.Struct("<IIQ")  # consumer or subscription, count, and bytes or tag
STATUSES = (
    "ok protocol unknown-op bad-frame bad-name bad-flags too-large hello version bad-field no-queue exists full deleted"
    " no-consumer no-subscription id-in-use not-leased bad-range credit window bad-pattern limit closing"
).split()

# What a connection receives. `deliveries` says how often a message was delivered before.
Delivery = collections.namedtuple("Delivery", "consumer tag deliveries redelivered queue message")
Publication = collections.namedtuple("Publication", "subscription topic message")
Gap = collections.namedtuple("Gap", "subscription messages bytes")  # so much was dropped in this place
Ended = collections.namedtuple("Ended", "consumer status")
Goaway = collections.namedtuple("Goaway", "status text")  # the broker will close the connection


class Refused(Exception):
    """The broker's ERROR for the frame `number`; 0 is the connection itself."""

    def __init__(self, number, status, text):
        super().__init__(f"frame {number}: {status}: {text}" if number else f"{status}: {text}")
        self.number, self.status, self.text = number, status, text


def as_bytes(name):
    return name.encode() if isinstance(name, str) else bytes(name)


def status_name(status):
    return STATUSES[status] if status < len(STATUSES) else str(status)


def pack_frame(op, name=b"", body=b"", flags=0):
    return HEAD.pack(op, flags, len(name), HEAD.size + len(name) + len(body)) + name + body


def unpack_frames(data):
    """Yields op, flags, name, body and the offset behind it, for each whole frame in `data`."""
    end = 0
    while len(data) - end >= HEAD.size:
        start = end
        op, flags, name_size, size = HEAD.unpack_from(data, start)
        if size < HEAD.size + name_size:
            raise ConnectionError("this is not a ringpost broker")
        if len(data) - start < size:
            return
        body, end = start + HEAD.size + name_size, start + size
        yield op, flags, bytes(data[start + HEAD.size : body]), bytes(data[body:end]), end


def pack_fields(fields):
    """From a dict. Keys may have _ for -; an int is a number, bytes and str are bytes."""
    packed = b""
    for key, value in fields.items():
        key = key.replace("_", "-").encode()
        kind, value = (0, struct.pack("<Q", value)) if isinstance(value, int) else (1, as_bytes(value))
        packed += FIELD.pack(len(key), kind, len(value)) + key + value
    return packed


def unpack_fields(data):
    fields, end = {}, 0
    while end < len(data):
        key_size, kind, value_size = FIELD.unpack_from(data, end)
        start = end + FIELD.size
        key, end = data[start : start + key_size].decode(), start + key_size + value_size
        value = data[end - value_size : end]
        fields[key] = int.from_bytes(value, "little") if kind == 0 else value
    return fields


def connect_socket(address):
    """To HOST:PORT, [HOST]:PORT or unix:PATH."""
    if address.startswith("unix:"):
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(address.removeprefix("unix:"))
        return stream
    host, _, port = address.rpartition(":")
    stream = socket.create_connection((host.strip("[]"), int(port)))
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


class Connection:
    """A connection that has said HELLO. `timeout` bounds, in seconds, each wait for an answer.

    Push, publish, credit and the settlements return the number of their frame at once. When one is refused,
    `refused[number]` holds the error until `wait` or `flush` raises it. The other calls wait for their REPLY.
    """

    def __init__(self, address="127.0.0.1:7464", client="ringpost.py", timeout=10.0, **fields):
        self.timeout = timeout
        self.sent = self.settled = self.level = 0  # the last frame's number; what CONFIRM said
        self.refused = {}  # number → Refused
        self.failure = None  # the ERROR that speaks of the connection itself
        self.is_closed = False
        self.welcome = {}
        self._events = collections.deque()
        self._replies = {}  # number → (flags, body), until the caller takes it
        self._pushes, self._pushes_size = collections.deque(), 0  # (number, size) of those unsettled
        self._context = None  # what CONTEXT said of the next delivery
        self._input, self._output = bytearray(), bytearray()
        self._socket = connect_socket(address)
        self._socket.setblocking(False)
        self._output += pack_frame(HELLO, body=struct.pack("<I", VERSION) + pack_fields({"client": client, **fields}))
        self._wait_for(lambda: self.welcome)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """What its consumers have leased goes back to the queues."""
        self.is_closed = True
        self._socket.close()

    def fileno(self):
        return self._socket.fileno()

    def push(self, queue, message):
        """Appends a message to a queue; waits only while the window is full."""
        frame = pack_frame(PUSH, as_bytes(queue), message)
        self._wait_for(lambda: not self._pushes or self._fits_window(len(frame)))
        self._pushes.append((self.send(frame), len(frame)))
        self._pushes_size += len(frame)
        return self.sent

    def publish(self, topic, message):
        return self.send(pack_frame(PUBLISH, as_bytes(topic), message))

    def wait(self, number):
        """Until that push is settled; raises Refused if it was refused."""
        self._wait_for(lambda: self.settled >= number or number in self.refused)
        if number in self.refused:
            raise self.refused.pop(number)

    def flush(self):
        """Until everything sent is settled; raises the first refusal that was not raised yet, if there is one."""
        last = self.sent
        if self.settled < last:
            self.call(PING)  # brings the CONFIRM that publishes and settlements alone do not
            self._wait_for(lambda: self.settled >= last)
        if self.refused:
            raise self.refused.pop(min(self.refused))

    def consume(self, queue, consumer, count, size=1 << 30, back=False, no_ack=False):
        """Starts a consumer, under an id of your choice, with credit for `count` messages and `size` bytes."""
        flags = (BACK if back else 0) | (NO_ACK if no_ack else 0)
        self.call(CONSUME, queue, RANGE.pack(consumer, count, size), flags)

    def credit(self, consumer, count, size=0):
        return self.send(pack_frame(CREDIT, body=RANGE.pack(consumer, count, size)))

    def ack(self, consumer, tag, count=1):
        """Done: the messages `tag` to `tag + count - 1` of a consumer."""
        return self.send(pack_frame(ACK, body=RANGE.pack(consumer, count, tag)))

    def return_(self, consumer, tag, count=1):
        """Back to the end of the queue they were taken from."""
        return self.send(pack_frame(RETURN, body=RANGE.pack(consumer, count, tag)))

    def reject(self, consumer, tag, count=1):
        """Discarded."""
        return self.send(pack_frame(REJECT, body=RANGE.pack(consumer, count, tag)))

    def cancel(self, consumer):
        self.call(CANCEL, body=struct.pack("<I", consumer))

    def subscribe(self, topic, subscription, wildcard=False, max_messages=0, max_bytes=0):
        """To a literal topic, or a pattern; the bounds are of what waits in the broker, 0 for its default."""
        self.call(SUBSCRIBE, topic, RANGE.pack(subscription, max_messages, max_bytes), WILDCARD if wildcard else 0)

    def unsubscribe(self, subscription):
        self.call(UNSUBSCRIBE, body=struct.pack("<I", subscription))

    def declare(self, queue, **fields):
        """Fields: max_messages, max_bytes, when_full ("refuse" or "hold")."""
        self.call(DECLARE, queue, pack_fields(fields))

    def delete(self, queue):
        self.call(DELETE, queue)

    def purge(self, queue):
        """Discards the ready messages and returns how many they were."""
        return int.from_bytes(self.call(PURGE, queue)[1], "little")

    def pause(self, queue):
        self.call(PAUSE, queue)

    def resume(self, queue):
        self.call(RESUME, queue)

    def peek(self, queue, count=1, back=False):
        """Returns messages, which stay in the queue, and whether there are more than these."""
        flags, body = self.call(PEEK, queue, struct.pack("<I", count), BACK if back else 0)
        return [message for _, _, _, message, _ in unpack_frames(body)], bool(flags & MORE)

    def list(self, page=1000):
        """Yields the fields of every queue, sorted by name, asking for `page` of them at a time."""
        flags, last = MORE, b""
        while flags & MORE:
            flags, body = self.call(LIST, last, struct.pack("<I", page))
            while body:
                size = int.from_bytes(body[:4], "little")
                fields, body = unpack_fields(body[4:size]), body[size:]
                last = fields["name"]
                yield fields

    def info(self, queue):
        return unpack_fields(self.call(INFO, queue)[1])

    def stats(self):
        return unpack_fields(self.call(STATS)[1])

    def ping(self):
        self.call(PING)

    def receive(self, timeout=None):
        """The next event, or None when `timeout` seconds bring none. Raises once the connection has ended."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._events:
            if not self._turn(deadline):
                return None
        return self._events.popleft()

    def __iter__(self):
        while True:
            yield self.receive()

    def call(self, op, name=b"", body=b"", flags=0):
        """Sends a frame that a REPLY answers, and returns the flags and the rest of that."""
        number = self.send(pack_frame(op, as_bytes(name), body, flags))
        self._wait_for(lambda: number in self._replies or number in self.refused)
        if number in self.refused:
            raise self.refused.pop(number)
        return self._replies.pop(number)

    def send(self, frame):
        """Sends a packed frame, reading meanwhile what comes, and returns its number."""
        if len(frame) > self.welcome["frame-max"]:
            raise ValueError(f"a frame of {len(frame)} bytes is more than the broker takes")
        self._output += frame
        self.sent += 1
        number = self.sent
        self._wait_for(lambda: not self._output)
        return number

    def _fits_window(self, size):
        welcome = self.welcome
        return len(self._pushes) < welcome["window"] and self._pushes_size + size <= welcome["window-bytes"]

    def _wait_for(self, condition):
        deadline = time.monotonic() + self.timeout
        while not condition():
            if not self._turn(deadline):
                raise TimeoutError("the broker did not answer in time")

    def _turn(self, deadline):
        """Waits for the socket, writes what waits and takes what came. Returns False when the deadline came first."""
        if self.is_closed:
            raise ConnectionError(f"the connection is closed: {self.failure or 'by its other end'}")
        left = None if deadline is None else max(0, deadline - time.monotonic())
        readable, writable, _ = select.select([self], [self] if self._output else [], [], left)
        try:
            if writable:
                del self._output[: self._socket.send(self._output)]
            if readable:
                data = self._socket.recv(1 << 18)
                self._input += data
                self.is_closed = not data
        except ConnectionError:
            self.is_closed = True
        end = 0
        for op, flags, name, body, end in unpack_frames(self._input):
            self._take(op, flags, name, body)
        del self._input[:end]
        return bool(readable or writable)

    def _take(self, op, flags, name, body):
        """One frame from the broker. Ops that are not known are skipped."""
        if op == PUSH:
            consumer, deliveries, tag, is_redelivered = self._context
            self._context = consumer, deliveries, tag + 1, is_redelivered
            self._events.append(Delivery(consumer, tag, deliveries, is_redelivered, name, body))
        elif op == PUBLISH:
            self._events.append(Publication(self._context[0], name, body))
        elif op == CONTEXT:
            self._context = *RANGE.unpack_from(body), bool(flags & REDELIVERED)
        elif op == CONFIRM:
            self.settled, self.level = struct.unpack_from("<QI", body)
            while self._pushes and self._pushes[0][0] <= self.settled:
                self._pushes_size -= self._pushes.popleft()[1]
        elif op == ERROR:
            self._take_error(*struct.unpack_from("<QIH", body), body[16:].decode(errors="replace"))
        elif op == REPLY:
            self._replies[int.from_bytes(body[:8], "little")] = flags, body[8:]
        elif op == GAP:
            subscription, _, messages, size = struct.unpack_from("<IIQQ", body)
            self._events.append(Gap(subscription, messages, size))
        elif op == ENDED:
            consumer, status = struct.unpack_from("<IH", body)
            self._events.append(Ended(consumer, status_name(status)))
        elif op == GOAWAY:
            status, text = int.from_bytes(body[:2], "little"), body[4:].decode(errors="replace")
            self._events.append(Goaway(status_name(status), text))
        elif op == WELCOME:
            self.welcome = unpack_fields(body[4:])

    def _take_error(self, first, count, status, text):
        if first == 0:
            self.failure = Refused(0, status_name(status), text)
        for number in range(max(first, 1), first + count):
            self.refused[number] = Refused(number, status_name(status), text)

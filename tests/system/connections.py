"""The broker's other end: connections of the example client, and connections that are spoken to in bytes."""

import resource
import select
import socket
import struct
from collections import namedtuple
from contextlib import ExitStack, contextmanager

from environment import DEADLINE_S
from ringpost import (
    ACK,
    CONTEXT,
    ERROR,
    HELLO,
    REJECT,
    RETURN,
    STATUSES,
    WELCOME,
    Connection,
    pack_fields,
    pack_frame,
    unpack_frames,
)

QUIET_TURNS = 50  # of the broker in which it reads nothing, if it reads nothing more

Frame = namedtuple("Frame", "op flags name body")
Error = namedtuple("Error", "first count status text")


def connect_socket(address, receive_buffer=0):
    """To HOST:PORT, [HOST]:PORT or unix:PATH. A small receive buffer is soon full."""
    if address.startswith("unix:"):
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(address.removeprefix("unix:"))
        return stream
    host, _, port = address.rpartition(":")
    stream = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET)
    if receive_buffer:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    stream.settimeout(DEADLINE_S)
    stream.connect((host.strip("[]"), int(port)))
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


@contextmanager
def connect_many(address, count):
    """Connections that were welcomed, more of them than select() takes: a list of sockets."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    hello, streams = hello_frame(), []
    with ExitStack() as opened:
        for _ in range(count):
            streams.append(opened.enter_context(connect_socket(address)))
            streams[-1].sendall(hello)
            assert streams[-1].recv(4096)
        yield streams


class Client(Connection):
    """The example client, connected, with what tests ask besides."""

    def __init__(self, address, **fields):
        super().__init__(connect_socket(address), DEADLINE_S, client=b"tests/system", **fields)

    def close(self):
        self.stream.close()

    def wait(self, number):
        """Until that frame is settled; raises Refused if it was refused."""
        self._wait(lambda: self.settled >= number or number in self.refused, self.timeout)
        if number in self.refused:
            raise self.refused.pop(number)

    def poll(self):
        """The next event if it has come already, or None."""
        try:
            return self.receive(0)
        except TimeoutError:
            return None

    def ack(self, *tags):
        return self.settle(ACK, *tags)

    def return_(self, *tags):
        return self.settle(RETURN, *tags)

    def reject(self, *tags):
        return self.settle(REJECT, *tags)

    def list_all(self, page=1000):
        """Yields the fields of every queue, `page` of them at a time."""
        queues, has_more = self.list(count=page)
        yield from queues
        while has_more:
            queues, has_more = self.list(queues[-1]["name"], page)
            yield from queues

    def has_queue(self, name):
        return any(fields["name"] == name for fields in self.list_all())

    def _take(self, op, flags, name, body):
        super()._take(op, flags, name, body)
        if op == CONTEXT:
            assert flags & 1 == (self._context[1] > 0), "the flag says whether it was delivered before"


class Raw:
    """A connection that is spoken to in bytes. It says HELLO unless told not to."""

    def __init__(self, address, hello=True, receive_buffer=0, **fields):
        self.socket = connect_socket(address, receive_buffer)
        self.input = bytearray()
        if hello:
            self.send(hello_frame(**fields))
            assert self.read().op == WELCOME

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def fill(self, data, size_max, turn):
        """Sends `data` over and over until `size_max` bytes are taken, or no more for many a turn(); returns how many."""
        sent, quiet, data = 0, 0, memoryview(data)
        self.socket.setblocking(False)
        while sent < size_max and quiet < QUIET_TURNS:
            try:
                sent += self.socket.send(data[sent % len(data) :])
                quiet = 0
            except BlockingIOError:
                turn()
                quiet += 1
        self.socket.settimeout(DEADLINE_S)
        return sent

    def read(self):
        """The next frame, or None at the end of the connection."""
        while True:
            for op, flags, name, body, end in unpack_frames(self.input):
                del self.input[:end]
                return Frame(op, flags, name, body)
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                assert not self.input, f"the connection ended inside a frame: {bytes(self.input[:40])!r}"
                return None
            self.input += data

    def read_until(self, *ops):
        """The next frame with one of these ops; those before it are skipped."""
        while (frame := self.read()) is not None:
            if frame.op in ops:
                return frame
        raise AssertionError("the connection ended")

    def read_error(self):
        return unpack_error(self.read_until(ERROR))


def hello_frame(version=1, **fields):
    body = struct.pack("<I", version) + pack_fields({"client": b"tests/system", **fields})
    return pack_frame(HELLO, body=body)


def unpack_error(frame):
    first, count, status = struct.unpack_from("<QIH", frame.body)
    return Error(first, count, STATUSES[status], frame.body[16:].decode())

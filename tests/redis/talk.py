"""A connection that speaks the Redis protocol, a command and its reply at a time."""

from resp import pack, parse, reply_end
from servers import DEADLINE_S

RECV_SIZE = 1 << 18


class Talk:
    """Over a connected socket; a context manager that closes it."""

    def __init__(self, stream):
        self.stream, self.input = stream, bytearray()
        stream.settimeout(DEADLINE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()

    def send(self, data):
        """Bytes; an end that comes meanwhile is found when it is read."""
        try:
            self.stream.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def say(self, data):
        """The same, but no more than is taken now."""
        self.stream.settimeout(0)
        try:
            self.stream.send(data)
        except (BrokenPipeError, ConnectionResetError, BlockingIOError):
            pass
        self.stream.settimeout(DEADLINE_S)

    def read(self):
        """The next reply, as its bytes; None at the end of the connection."""
        while not (end := self.input and reply_end(self.input)):
            try:
                data = self.stream.recv(RECV_SIZE)
            except ConnectionResetError:
                data = b""
            if not data:
                assert not self.input, f"the connection ended inside a reply: {bytes(self.input[:80])!r}"
                return None
            self.input += data
        reply = bytes(self.input[:end])
        del self.input[:end]
        return reply

    def ask(self, *words):
        """The reply to a command, as its bytes."""
        self.send(pack([word if isinstance(word, bytes) else str(word).encode() for word in words]))
        return self.read()

    def content(self, *words):
        """What the reply says: bytes, a list of nodes, or None."""
        return parse(self.ask(*words)).content

    def refused(self, *words):
        """The error's text, which it must be."""
        reply = self.ask(*words)
        assert reply.startswith(b"-"), f"{words} is answered with {reply!r}"
        return reply[1:-2].decode()

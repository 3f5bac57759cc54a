"""Plays sequences on a server, and on another whose replies are to be the same.

Each step is done with before the next begins, without waiting for any length of time:

- Where the server leads, an observer's two PINGs are the proof. Redis takes all that is there in one turn of its loop and
  writes the replies at the turn's end; what came before the first PING is in the PING's turn or an earlier one, and the
  second PING is in a later one, so by its reply all that the step had caused is in our sockets (they are unix sockets).
- Where it follows, as much must come as came from the leader. Where nothing was to come, the two PINGs are the proof
  again; elsewhere what comes too much is found in the next step.

Whether a connection waits is asked of the observer.
"""

import re
import select
import time
from dataclasses import dataclass, field

from resp import NESTS, count_replies, pack, parse, reply_end, split
from steps import Open, Raw, Rescue, Scan, Send

PATIENCE_S = 5
RECV_SIZE = 1 << 18
SCANS_MAX = 1000
PING, PONG = b"PING\r\n", b"+PONG\r\n"
TURN_SIZE = 16 << 10  # what Redis reads of a connection in one turn


@dataclass
class Heard:
    """What a step brought about: bytes by connection, whose connections ended, whether its own waits."""

    said: dict = field(default_factory=dict)
    ended: set = field(default_factory=set)
    waits: bool = False


class Link:
    """A connection, and what came of it in this step."""

    def __init__(self, stream):
        self.stream, self.heard, self.has_ended = stream, bytearray(), False

    def send(self, data):
        try:
            self.stream.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # that it ended is found when it is read

    def receive(self):
        """Takes what is there, or comes."""
        try:
            data = self.stream.recv(RECV_SIZE)
        except ConnectionResetError:
            data = b""
        self.heard += data
        self.has_ended = not data


class Player:
    """Plays on one server. `connect` gives sockets; `patience_s` is how long it waits for what must come.

    Where there is a password the observer says it, and the connections are strangers.
    """

    def __init__(self, connect, patience_s=PATIENCE_S, password=None):
        self.connect, self.patience_s = connect, patience_s
        self.observer = Link(connect())
        self.observer.stream.settimeout(PATIENCE_S)
        self.links, self.descriptors, self.ids, self.poll = {}, {}, {}, select.poll()
        if password:
            assert self._ask(b"AUTH", password) == b"+OK\r\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for who in list(self.links):
            self._close(who)
        self.observer.stream.close()

    def clear(self):
        """As if nothing had ever been played."""
        for who in list(self.links):
            self._close(who)
        deadline = time.monotonic() + PATIENCE_S
        while self._ask(b"CLIENT", b"LIST").count(b"id=") > 1:
            assert time.monotonic() < deadline, "connections that were closed are still there"
        assert self._ask(b"FLUSHALL") == b"+OK\r\n"

    def lead(self, step):
        """Plays a step and returns what is Heard."""
        self._begin()
        self._do(step)
        self._settle(1 + self._turns(step))
        link = self.links.get(step.who)
        if isinstance(step, Send) and (step.awaits or step.kinds) and link:
            self._wait(lambda: link.has_ended or (link.heard and None not in map(reply_end, split(link.heard))))
        return self._end(step, self._waits(step))

    def follow(self, step, heard):
        """Plays it and waits until as much is heard as was elsewhere; returns what is Heard here."""
        self._begin()
        self._do(step)
        for who, data in heard.said.items():
            self._wait_for(who, data, step)
        for who in heard.ended:
            self._wait(lambda link=self.links[who]: link.has_ended)
        if step.who not in heard.said or step.may_block:
            self._settle(2)
        if step.may_block:
            self._wait(lambda: self._waits(step) == heard.waits)
        return self._end(step, self._waits(step))

    # Steps

    def _begin(self):
        for link in self.links.values():
            link.heard.clear()

    def _end(self, step, waits):
        said = {who: bytes(link.heard) for who, link in self.links.items() if link.heard}
        ended = {who for who, link in self.links.items() if link.has_ended}
        return Heard(said, ended, waits)

    def _do(self, step):
        if isinstance(step, Open):
            self._open(step.who)
            return
        if isinstance(step, Rescue):
            for who in [who for who, link in self.links.items() if link.has_ended]:
                self._open(who)
            return
        link = self.links.get(step.who)
        if link is None or link.has_ended:
            return
        if isinstance(step, Scan):
            self._scan(link, step)
            return
        data = step.encode(self.ids)
        if step.cut:
            link.send(data[: step.cut])
            self._settle(2)
        link.send(data[step.cut :])

    def _open(self, who):
        self._close(who)
        link = self.links[who] = Link(self.connect())
        link.stream.settimeout(PATIENCE_S)
        self.poll.register(link.stream, select.POLLIN)
        self.descriptors[link.stream.fileno()] = link
        link.send(pack([b"CLIENT", b"ID"]))
        link.receive()
        self.ids[who] = int(link.heard[1:]) if link.heard.startswith(b":") else 0
        link.heard.clear()

    def _close(self, who):
        link = self.links.pop(who, None)
        if link:
            if not link.has_ended:
                self.poll.unregister(link.stream)
            link.stream.close()

    def _scan(self, link, step):
        """All of an iteration, as if it were one reply, in order; or the reply, if it is another."""
        cursor, elements = b"0", set()
        for _ in range(SCANS_MAX):
            link.heard.clear()
            link.send(pack([b"SCAN", cursor, *step.words]))
            self._wait(lambda: link.has_ended or (link.heard and reply_end(link.heard)))
            if not reply_end(link.heard) or (reply := parse(link.heard)).kind.encode() not in NESTS:
                return
            cursor, found = reply.content[0].content, reply.content[1].content
            elements.update(element.content for element in found)
            if cursor == b"0":
                break
        link.heard[:] = pack([cursor, *sorted(elements)])

    # Waiting

    def _ask(self, *words):
        observer = self.observer
        observer.heard.clear()
        observer.send(pack(words))
        while not (observer.heard and reply_end(observer.heard)):
            observer.receive()
            assert not observer.has_ended, "the observer's connection ended"
        return bytes(observer.heard)

    def _settle(self, turns):
        """The proof above, then all that came is taken."""
        for _ in range(turns):
            self.observer.stream.sendall(PING)
            pong = self.observer.stream.recv(RECV_SIZE)
            assert pong == PONG, pong
        self._take(0)

    def _turns(self, step):
        return 1 + len(step.encode(self.ids)) // TURN_SIZE if isinstance(step, (Send, Raw)) else 1

    def _take(self, timeout_ms):
        """All that has come; of a connection that was closed, also the end."""
        for descriptor, events in self.poll.poll(timeout_ms):
            link = self.descriptors[descriptor]
            link.receive()
            while events & select.POLLHUP and not link.has_ended:
                link.receive()
            if link.has_ended:
                self.poll.unregister(descriptor)

    def _wait(self, condition):
        deadline = time.monotonic() + self.patience_s
        while not condition() and time.monotonic() < deadline:
            self._take(1)

    def _wait_for(self, who, data, step):
        link = self.links[who]
        if step.kinds and who == step.who:
            count = count_replies(data)
            self._wait(lambda: link.has_ended or count_replies(link.heard) >= count)
        else:
            self._wait(lambda: link.has_ended or len(link.heard) >= len(data))

    def _waits(self, step):
        if not step.may_block or step.who not in self.links:
            return False
        flags = re.search(rb" flags=(\S*)", self._ask(b"CLIENT", b"LIST", b"ID", b"%d" % self.ids[step.who]))
        return bool(flags and b"b" in flags[1])

"""Workers that die: processes that take job after job off a list with BLPOP, do it, and note both in a file.

A job is bytes of one size, so that a note has one size too. What a worker noted is there however it died.
"""

import hashlib
import os
import signal
import struct
import tempfile
import traceback
from collections import Counter
from socket import SO_LINGER, SOL_SOCKET

from servers import connect_socket

JOB_SIZE = 8
STOP = b"no more!"
LIST = b"jobs"
BLPOP = b"*3\r\n$5\r\nBLPOP\r\n$%d\r\n%s\r\n$1\r\n0\r\n" % (len(LIST), LIST)
POPPED = b"*2\r\n$%d\r\n%s\r\n$%d\r\n" % (len(LIST), LIST, JOB_SIZE)
QUIT = b"*1\r\n$4\r\nQUIT\r\n"
BEGUN, DONE = b"+", b"-"
NOTE_SIZE = 1 + JOB_SIZE + 1


class Notes:
    """What the workers noted."""

    def __init__(self):
        self.file = tempfile.TemporaryFile()

    def close(self):
        self.file.close()

    def add(self, kind, job):
        os.write(self.file.fileno(), kind + job + b"\n")  # whole: the workers share one place in the file

    def size(self):
        """How many notes there are."""
        return os.fstat(self.file.fileno()).st_size // NOTE_SIZE

    def count(self, kind):
        """How often each job was noted so."""
        data = os.pread(self.file.fileno(), self.size() * NOTE_SIZE, 0)
        notes = (data[place : place + NOTE_SIZE] for place in range(0, len(data), NOTE_SIZE))
        return Counter(note[1:-1] for note in notes if note[:1] == kind)


def pop(stream):
    stream.sendall(BLPOP)
    reply = b""
    while len(reply) < len(POPPED) + JOB_SIZE + 2:
        more = stream.recv(1 << 12)
        assert more, "the server has closed the connection"
        reply += more
    assert reply.startswith(POPPED), reply
    return reply[len(POPPED) : -2]


def do(job):
    for _ in range(100):
        job = hashlib.sha256(job).digest()


def work(address, notes, do):
    stream = connect_socket(address)
    stream.settimeout(None)

    def leave(number, _):
        if number == signal.SIGUSR2:  # it closes with RST then, instead of FIN
            stream.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
        os._exit(0)

    signal.signal(signal.SIGUSR1, leave)
    signal.signal(signal.SIGUSR2, leave)
    while (job := pop(stream)) != STOP:
        notes.add(BEGUN, job)
        do(job)
        notes.add(DONE, job)
    stream.sendall(QUIT)
    stream.recv(1 << 12)
    stream.close()


def hold(_):
    """A job that is never done: signals are all that can happen to its worker."""
    while True:
        signal.pause()


class Worker:
    """Takes jobs and does them, until it dies or finds that there are no more."""

    def __init__(self, address, notes, do=do):
        self.pid = os.fork()
        if self.pid:
            return
        try:
            work(address, notes, do)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)

    def signal(self, number):
        os.kill(self.pid, number)

    def die(self, number):
        """Ends by KILL, by USR1 (it closes with FIN) or by USR2 (with RST)."""
        self.signal(number)
        os.waitpid(self.pid, 0)

    def end(self):
        """Until it has ended by itself, as it should."""
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        assert code == 0, f"a worker exited with {code}"

#!/usr/bin/python3
"""Clients of the Redis protocol that mean harm. They are told so in Redis's words, cost what they sent, and others are served.

With `--against redis`, what a redis-server makes of them.
"""

from contextlib import ExitStack

from resp import pack
from servers import Ringpost, is_sanitized, main, take_subject, test, wait_until
from talk import Talk

SUBJECT = take_subject()
IS_MEASURED = SUBJECT is Ringpost and not is_sanitized()
KIB, MIB = 1024, 1024 * 1024

SLACK_KIB = 4 * KIB  # that memory may grow by for no reason: blocks of the allocator, receive buffers once used
SUBSCRIPTIONS = 4096 if is_sanitized() else 65_536  # with -Dverify each is looked at behind each command
SUBSCRIPTION_SIZE_MAX = 400
QUEUED, QUEUED_KIB_MAX = 1_000_000, 64 * KIB
STARS = b"*a" * 511 + b"*"
HALVES, HALF_SIZE = 200, 100 * KIB
STRANGERS, STRANGER_KIB_MAX = 800, 8
VALUE_MIB = 16
PASSWORD = b"open, sesame"


class Memory:
    """What a server has of it, and what it has more later."""

    def __init__(self, server):
        self.server, self.before_kib = server, server.resident_kib() if IS_MEASURED else 0

    def grown_kib(self):
        return self.server.resident_kib() - self.before_kib if IS_MEASURED else 0

    def assert_grown_at_most(self, kib, what):
        grown = self.grown_kib()
        assert grown <= kib, f"{what} made memory grow by {grown} KiB, not at most {kib}"

    def wait_until_back(self):
        wait_until(lambda: self.grown_kib() <= SLACK_KIB, "the memory is given back")


def talk(server):
    return Talk(server.connect())


def assert_served(server):
    with talk(server) as other:
        assert other.ask("LPUSH", "served", "x") == b":1\r\n"
        assert other.ask("RPOP", "served") == b"$1\r\nx\r\n"


@test
def a_billion_arguments_that_are_announced_cost_nothing(server):
    memory = Memory(server)
    with talk(server) as client:
        client.send(b"*1000000000\r\n$4\r\nPING\r\n")
        assert_served(server)
        memory.assert_grown_at_most(SLACK_KIB, "a promise")


@test
def arguments_cost_what_they_are(server):
    memory = Memory(server)
    data = b"$0\r\n\r\n" * (MIB // 6)
    with talk(server) as client:
        client.send(b"*2147483647\r\n")
        for _ in range(10):
            client.send(data)
        assert_served(server)
        memory.assert_grown_at_most(50 * KIB, "10 MiB of arguments")
    memory.wait_until_back()


@test
def an_argument_of_512_mb_is_refused_before_it_comes(server):
    memory = Memory(server)
    with talk(server) as client:
        client.send(b"*2\r\n$4\r\nECHO\r\n$536870912\r\n")
        assert client.read() == b"-ERR Protocol error: invalid bulk length\r\n"
        assert client.read() is None
        memory.assert_grown_at_most(SLACK_KIB, "a promise")


@test
def browsers_are_shut_out_and_the_log_says_so():
    for words in b"POST / HTTP/1.1\r\nHost: x\r\n\r\nPING\r\n", b"Host: x\r\nPING\r\n":
        with SUBJECT() as server, talk(server) as client:
            client.send(words)
            assert client.read() is None
            wait_until(lambda: "POST" in server.said() and "Host:" in server.said(), "the log says so")


@test
def halves_of_commands_cost_what_they_are(server):
    memory = Memory(server)
    half = b"*3\r\n$5\r\nLPUSH\r\n$1\r\nq\r\n$%d\r\n" % (MIB // 2) + b"x" * HALF_SIZE
    with ExitStack() as opened:
        for _ in range(HALVES):
            opened.enter_context(talk(server)).send(half)
        assert_served(server)
        memory.assert_grown_at_most(2 * HALVES * HALF_SIZE // KIB, "halves")
    memory.wait_until_back()


@test
def subscriptions_by_the_ten_thousands_cost_little_each(server):
    memory = Memory(server)
    with talk(server) as client, talk(server) as other:
        for first in range(0, SUBSCRIPTIONS, 1024):
            client.send(pack([b"SUBSCRIBE", *(b"channel:%d" % number for number in range(first, first + 1024))]))
            for number in range(first, first + 1024):
                name = b"channel:%d" % number
                expected = b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:%d\r\n" % (len(name), name, number + 1)
                assert (reply := client.read()) == expected, reply
        memory.assert_grown_at_most(SUBSCRIPTIONS * SUBSCRIPTION_SIZE_MAX // KIB, "subscriptions")
        last = b"channel:%d" % (SUBSCRIPTIONS - 1)
        assert other.ask("PUBLISH", last, "x") == b":1\r\n"
        assert client.read() == pack([b"message", last, b"x"])
        client.close()
        wait_until(lambda: other.ask("PUBLISH", last, "x") == b":0\r\n", "the subscriptions have ended")


@test
def a_transaction_of_a_million_commands_is_refused_and_forgotten(server):
    memory = Memory(server)
    commands = pack([b"LPUSH", b"q", b"x"]) * 1000
    with talk(server) as client:
        assert client.ask("MULTI") == b"+OK\r\n"
        replies = []
        for _ in range(QUEUED // 1000):
            client.send(commands)
            replies += [client.read() for _ in range(1000)]
        queued = replies.count(b"+QUEUED\r\n")
        assert all(reply.startswith(b"-OOM ") for reply in replies[queued:]), set(replies)
        assert_served(server)
        memory.assert_grown_at_most(QUEUED_KIB_MAX, "a transaction")
        if SUBJECT is Ringpost:
            assert queued < QUEUED, "all were queued"
            assert client.refused("EXEC") == "EXECABORT Transaction discarded because of previous errors."
            assert client.ask("LLEN", "q") == b":0\r\n"
    memory.wait_until_back()


@test
def a_glob_of_512_stars_takes_no_more_than_its_length_times_the_name(server):
    name = b"a" * 1023 + b"b"
    glob = STARS + b"c"
    with talk(server) as client, talk(server) as other:
        client.ask("SUBSCRIBE", name)
        for _ in range(20):
            assert other.ask("PUBSUB", "CHANNELS", glob) == b"*0\r\n"
        other.ask("SET", name, "x")
        for _ in range(20):
            assert other.ask("KEYS", glob) == b"*0\r\n"
            assert other.ask("SCAN", "0", "MATCH", glob) == b"*2\r\n$1\r\n0\r\n*0\r\n"
        other.ask("DEL", name)
        with talk(server) as third:
            assert third.ask("PSUBSCRIBE", glob[-1000:]).startswith(b"*3")
            for _ in range(20):
                assert other.ask("PUBLISH", name, "x") == b":1\r\n"


@test
def who_reads_no_replies_is_not_read_from(server):
    """What waits for it is bounded, and others are served."""
    with talk(server) as client, talk(server) as other:
        for _ in range(100):
            other.ask("RPUSH", "long", *["x" * 1000] * 10)
        memory = Memory(server)
        client.stream.settimeout(0)
        sent, ask = 0, pack([b"LRANGE", b"long", b"0", b"-1"]) * 100
        for _ in range(200):
            try:
                sent += client.stream.send(ask)
            except BlockingIOError:
                assert other.ask("PING") == b"+PONG\r\n"
        assert_served(server)
        if SUBJECT is Ringpost:
            memory.assert_grown_at_most(8 * KIB, "replies that nobody reads")
        other.ask("DEL", "long")


@test
def much_data_asked_for_again_and_again_is_answered_a_little_at_a_time(server):
    with talk(server) as client, talk(server) as other:
        for _ in range(VALUE_MIB):
            other.ask("APPEND", "long", "x" * MIB)
        memory = Memory(server)
        client.send(pack([b"GET", b"long"]) * 100)
        assert_served(server)
        memory.assert_grown_at_most(10 * VALUE_MIB * KIB, f"100 times {VALUE_MIB} MiB that nobody reads")
        other.ask("DEL", "long")


# What strangers say: all that they may, and more.
STRANGERS_SAY = [
    b"*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$4000\r\n" + b"x" * 3900,
    b"*3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$16384\r\n" + b"x" * 16000,
    b"*10\r\n" + (b"$16384\r\n" + b"x" * 16384 + b"\r\n") * 9,
    b"*10\r\n" + b"$300\r\n" + b"x" * 290,
    b"AUTH " + b"x" * 60000,
    b"*1\r\n$4\r\nPING\r\n" * 10000,
    b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n" * 5000,
    b"*5\r\n" + b"$0\r\n\r\n" * 4,
]


@test
def strangers_cost_little_each_whatever_they_say():
    for words in STRANGERS_SAY:
        with SUBJECT(password=PASSWORD) as server, talk(server) as friend, ExitStack() as opened:
            assert friend.ask("AUTH", PASSWORD) == b"+OK\r\n"
            memory = Memory(server)
            for _ in range(STRANGERS):
                opened.enter_context(talk(server)).say(words)
            assert friend.ask("PING") == b"+PONG\r\n"
            memory.assert_grown_at_most(STRANGERS * STRANGER_KIB_MAX, f"strangers that say {words[:30]!r}")


if __name__ == "__main__":
    main(SUBJECT)

#!/usr/bin/python3
"""What the configuration gives queues by name, and the limits that keep one client from taking everything."""

import os
import signal
import struct
import tempfile
from contextlib import contextmanager

from environment import wait_until
from harness import Broker, assert_quiet, heard, main, messages, push, refused, take, test
import ringpost
from ringpost import RANGE, pack_fields, pack_frame

RETAIN = 2  # flag of PUBLISH


@contextmanager
def configured(text):
    """A broker with a configuration file, and what writes it anew and has it read again."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:

        def write(new):
            file.seek(0)
            file.truncate()
            file.write(new)
            file.flush()

        def rewrite(new, said):
            before = len(broker.said())
            write(new)
            os.kill(broker.pid, signal.SIGHUP)
            wait_until(lambda: said in broker.said()[before:], f"the broker says: {said}")

        write(text)
        with Broker("--config", file.name) as broker:
            yield broker, rewrite


def settings_of(c):
    """What SETTINGS is answered with: value and origin by key."""
    return {f["key"].decode(): (f["value"].decode(), f["origin"].decode()) for f in c.settings()}


@test
def queues_have_what_the_most_specific_pattern_gives():
    with configured("[queue a.>]\nmax-messages = 3\nttl = 1h\n[queue a.b]\nmax-messages = 2\n") as (broker, _):
        c = broker.connect()
        for name, bound, ttl in ((b"a.b", 2, 3600000), (b"a.c", 3, 3600000), (b"b", 10000000, 0)):
            push(c, name, b"1", b"2")
            info = c.info(name)
            assert (info["max-messages"], info["ttl"]) == (bound, ttl), info
        with refused("full"):
            c.wait(c.push(b"a.b", b"3"))
        c.declare(b"a.d", max_messages=9)
        assert c.info(b"a.d")["max-messages"] == 9


@test
def hup_reaches_queues_that_are_there():
    with configured("[queue a]\nmax-messages = 1\n") as (broker, rewrite):
        c = broker.connect()
        push(c, b"a", b"1")
        with refused("full"):
            c.wait(c.push(b"a", b"2"))
        rewrite("[queue a]\nmax-messages = 2\ndead-letter = graves\n", "queue a dead-letter: was '', is 'graves'")
        push(c, b"a", b"2")
        assert c.info(b"a")["dead-letter"] == b"graves"
        rewrite("", "queue a max-messages: was '2', is not set")
        push(c, b"a", b"3")
        assert c.info(b"a")["dead-letter"] == b"a.dead"


@test
def settings_are_what_show_config_says_and_follow_hup():
    with configured("max-queues = 5\n[queue a.>]\nttl = 1h\n[queue a.b]\nttl = 1s\n") as (broker, rewrite):
        c = broker.connect()
        settings = settings_of(c)
        assert settings["max-queues"][0] == "5" and settings["max-queues"][1].endswith(".conf:1"), settings
        assert settings["listen"][1] == "flag" and settings["frame-max"] == ("1mb", "default"), settings
        assert settings["queue a.> ttl"][1].endswith(".conf:3, behind a.b"), settings
        rewrite("max-queues = 6\n", "max-queues: was '5', is '6'")
        settings = settings_of(c)
        assert settings["max-queues"][0] == "6" and "queue a.> ttl" not in settings, settings


@test
def there_may_be_so_many_queues():
    with Broker("--max-queues", "2") as broker:
        c = broker.connect()
        push(c, b"a", b"1")
        c.declare(b"b")
        for ask in (
            lambda: c.wait(c.push(b"c", b"1")),
            lambda: c.declare(b"c"),
            lambda: c.consume(b"c", 1, 1),
        ):
            with refused("too-many-queues"):
                ask()
        push(c, b"a", b"2")
        c.delete(b"a")
        push(c, b"c", b"1")


@test
def so_many_messages_are_leased_to_one_connection():
    with Broker("--max-in-flight", "3") as broker:
        c, other = broker.connect(), broker.connect()
        push(c, b"q", *(b"%d" % number for number in range(8)))
        c.consume(b"q", 1, 100)
        assert messages(take(c, 3)) == [b"0", b"1", b"2"]
        assert_quiet(c)
        other.consume(b"q", 1, 100)
        assert messages(take(other, 3)) == [b"3", b"4", b"5"]
        c.ack(1, 1, 2)
        assert messages(take(c, 2)) == [b"6", b"7"]


@test
def over_the_memory_limit_pushes_are_refused_and_consuming_goes_on():
    with Broker("--memory-limit", "24mb") as broker:
        c = broker.connect()
        numbers = []
        while not c.refused:
            numbers.append(c.push(b"q", b"x" * 100000))
            c.ping()
        assert {error.status for error in c.refused.values()} == {"memory"}
        accepted = len(numbers) - len(c.refused)
        assert 100 < accepted < 240, accepted
        c.refused.clear()
        for send in (lambda: c.push(b"q", b"x"), lambda: c.publish(b"t", b"x")):
            with refused("memory"):
                c.wait(send())
        c.consume(b"q", 1, 1000)
        taken = take(c, accepted)
        c.ack(1, taken[0].tag, accepted)
        c.flush()
        wait_until(lambda: takes(c), "pushes are accepted again")
        assert broker.said().count("memory-limit is reached") == 1, broker.said()


def takes(c):
    number = c.push(b"other", b"x")
    c.ping()
    return not c.refused.pop(number, None)


@test
def subscriptions_have_what_the_policies_give_and_they_do_not_ask_for():
    with configured("[topic t.>]\nmax-messages = 2\noverflow = drop-newest\n") as (broker, rewrite):
        c, usual, own = broker.connect(), broker.raw(), broker.raw()
        usual.send(pack_frame(ringpost.SUBSCRIBE, b"t.a", RANGE.pack(1, 0, 0)))
        fields = pack_fields({"overflow": b"drop-oldest"})
        own.send(pack_frame(ringpost.SUBSCRIBE, b"t.a", RANGE.pack(1, 3, 0) + fields))
        for raw in (usual, own):
            raw.read_until(ringpost.REPLY)
        with broker.stopped():
            for number in range(5):
                c.publish(b"t.a", b"%d" % number)
        c.ping()
        assert gap_of(usual) == (3, 3), "the newest three were dropped"
        assert gap_of(own) == (1, 2), "the oldest two were dropped"


@test
def subscriptions_are_not_sent_what_was_retained_where_that_is_off():
    with configured("[topic t.>]\nretained = off\n[topic t.on]\nretained = on\n") as (broker, _):
        c = broker.connect()
        for name in (b"t.a", b"t.on", b"u"):
            c.send(ringpost.PUBLISH, name, b"kept", RETAIN)
        c.flush()
        c.subscribe(b"t.a", 1)
        assert_quiet(c)
        for number, name in enumerate((b"t.on", b"u"), 2):
            c.subscribe(name, number)
            assert heard(c, 1) == [b"kept"]


def gap_of(raw):
    """The first message that the next GAP says is missing, and how many are."""
    raw.send(pack_frame(ringpost.PUBLISH, b"t.a", b"last"))
    return struct.unpack_from("<8xQQ", raw.read_until(ringpost.GAP).body)


@test
def there_may_be_so_many_subscriptions_and_consumers():
    for flag, status in (
        ("--max-subscriptions-per-connection", "too-many-subscriptions"),
        ("--max-subscriptions", "too-many-subscriptions-in-all"),
    ):
        with Broker(flag, "2") as broker:
            c, other = broker.connect(), broker.connect()
            c.subscribe(b"t", 1)
            c.consume(b"q", 1, 1)
            for ask in (lambda: c.subscribe(b"t", 2), lambda: c.consume(b"q", 2, 1)):
                with refused(status):
                    ask()
            if status == "too-many-subscriptions":
                other.subscribe(b"t", 1)
                other.unsubscribe(1)
            c.unsubscribe(1)
            other.consume(b"q", 1, 1)
            c.close()
            wait_until(lambda: other.stats()["connections"] == 1, "the connection is gone")
            other.subscribe(b"t", 1)
            with refused(status):
                other.subscribe(b"t", 2)


@test
def so_much_is_retained():
    for flags in (["--max-retained", "2"], ["--max-retained-bytes", "100"]):
        with Broker(*flags) as broker:
            c = broker.connect()
            c.send(ringpost.PUBLISH, b"a", b"x" * 30, RETAIN)
            c.send(ringpost.PUBLISH, b"b", b"x" * 30, RETAIN)
            c.flush()
            with refused("too-many-retained"):
                c.wait(c.send(ringpost.PUBLISH, b"c", b"x" * 30, RETAIN))
                c.ping()
            c.send(ringpost.PUBLISH, b"a", b"y" * 30, RETAIN)
            c.send(ringpost.PUBLISH, b"b", b"", RETAIN)
            c.send(ringpost.PUBLISH, b"c", b"x" * 30, RETAIN)
            c.flush()


if __name__ == "__main__":
    main()

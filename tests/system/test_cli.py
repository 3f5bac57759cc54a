#!/usr/bin/python3
"""build/ringpost: push, and topics."""

import base64
import io
import json
import os
import re
import signal
import subprocess

from cli import BODIES, Running, cli, cli_json
from environment import unique, wait_until
from harness import Broker, main, push, test

ODD = b"odd \n\t\x1b[31m\xff\\\xc3\xa9\xc2\x9b"
ODD_ESCAPED = b"odd \\n\\t\\x1b[31m\\xff\\\\\xc3\xa9\\xc2\\x9b"


def has_subscriptions(c, count):
    return lambda: c.stats()["subscriptions"] == count


def counts(refused=0, unconfirmed=0, **done):
    return {**done, "refused": refused, "unconfirmed": unconfirmed}


# push


@test
def push_takes_its_message_from_the_command_line(broker):
    queue = unique()
    assert cli(broker, "push", queue, "two cups") == b""
    assert cli(broker, "push", queue, "") == b""
    assert cli(broker, "push", queue, "--", "--json") == b""
    assert broker.connect().peek(queue, 9) == ([b"two cups", b"", b"--json"], False)


@test
def push_takes_the_whole_standard_input_as_one_message(broker):
    queue, large = unique(), os.urandom(1_000_000)
    for message in [*BODIES, large]:
        cli(broker, "push", queue, given=message)
    c = broker.connect()
    assert c.peek(queue, 9)[0] == BODIES
    assert c.peek(queue, 1, back=True)[0] == [large]


@test
def push_lines_takes_each_line_as_a_message(broker):
    queue, lines = unique(), [b"%d" % number for number in range(20_000)]
    assert cli(broker, "push", queue, "--lines", given=b"a\n\nb\n\xff\nlast") == b""
    assert broker.connect().peek(queue, 9) == ([b"a", b"", b"b", b"\xff", b"last"], False)
    queue = unique()
    cli(broker, "push", "-l", queue, given=b"\n".join(lines) + b"\n")
    c = broker.connect()
    assert c.info(queue)["ready"] == len(lines)
    assert c.peek(queue, 1000)[0] == lines[:1000] and c.peek(queue, 1, back=True)[0] == lines[-1:]
    assert cli(broker, "push", queue, "-l", given=b"") == b""


@test
def push_lines_does_not_wait_for_the_end_of_its_input(broker):
    queue, c = unique(), broker.connect()
    with Running(broker, "push", queue, "--lines") as command:
        for message in (b"first", b"second"):
            command.say(message + b"\n")
            wait_until(lambda: c.has_queue(queue) and c.peek(queue, 1, back=True)[0] == [message], "it is there")


@test
def push_json_counts(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue, max_messages=3)
    assert cli_json(broker, "push", queue, "one") == [counts(pushed=1)]
    said = b"push: 2 of 4 messages were not taken: full: "
    got = cli_json(broker, "push", queue, "-l", given=b"a\nb\nc\nd\n", code=os.EX_TEMPFAIL, error=said)
    assert got == [counts(pushed=2, refused=2)]


@test
def push_to_a_full_queue_is_a_failure_for_now(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue, max_messages=1)
    push(c, queue, b"only")
    assert cli(broker, "push", queue, "more", code=os.EX_TEMPFAIL, error=b"push: full: ") == b""


@test
def push_waits_while_a_queue_holds_and_gives_up_in_time(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue, max_messages=1, when_full=b"hold")
    push(c, queue, b"only")
    said = b"push: no answer in time"
    got = cli_json(broker, "push", queue, "x", "--timeout", "0.1", code=os.EX_TEMPFAIL, error=said)
    assert got == [counts(pushed=0, unconfirmed=1)]
    with Running(broker, "push", queue, "waits") as command:
        wait_until(lambda: c.info(queue)["waiting"] == 1, "it waits")
        c.purge(queue)
        assert command.end() == (b"", b"")
    assert c.peek(queue, 9) == ([b"waits"], False)


@test
def push_of_what_no_broker_takes_is_a_failure_and_what_went_before_is_confirmed(broker):
    queue, too_large, said = unique(), b"x" * 1_100_000, b"Message too long"
    for arguments in (["push", queue], ["pub", queue]):
        cli(broker, *arguments, given=too_large, code=os.EX_DATAERR, error=said)
    cli(broker, "push", "x" * 1025, "m", code=os.EX_DATAERR, error=b"push: ")
    cli(broker, "push", "", "m", code=os.EX_DATAERR, error=b"push: ")
    got = cli_json(broker, "push", queue, "-l", given=b"good\n" + too_large, code=os.EX_DATAERR, error=said)
    assert got == [counts(pushed=1)]
    assert broker.connect().peek(queue, 9) == ([b"good"], False)


# pub and sub


@test
def pub_reaches_sub(broker):
    topic, c = unique("topic"), broker.connect()
    with Running(broker, "sub", topic, "--count", "3") as command:
        wait_until(has_subscriptions(c, 1), "it listens")
        assert cli(broker, "pub", topic, "snow") == b""
        assert command.line() == b"snow\n"
        assert cli_json(broker, "pub", topic, "--lines", given=b"1\n2\n") == [counts(published=2)]
        assert command.end() == (b"1\n2\n", b"")


@test
def sub_to_a_pattern_says_the_topic_of_each(broker):
    c, name = broker.connect(), b"w." + ODD
    text = Running(broker, "sub", "w.*", "--wildcard", "-n", "1")
    objects = Running(broker, "sub", "w.>", "--wildcard", "-n", "2", "--json")
    with text, objects:
        wait_until(has_subscriptions(c, 2), "they listen")
        cli(broker, "pub", name, "body")
        cli(broker, "pub", "w.a", given=b"\xff")
        assert text.end() == (b"w." + ODD_ESCAPED + b"\tbody\n", b"")
        out, error = objects.end()
    encoded = base64.b64encode(name).decode()
    assert out.splitlines() == [
        b'{"topic_base64":"%s","body":"body"}' % encoded.encode(),
        b'{"topic":"w.a","body_base64":"/w=="}',
    ]
    assert error == b""


@test
def sub_waits_for_each_message_as_long_as_it_is_told(broker):
    topic, c = unique("topic"), broker.connect()
    cli(broker, "sub", topic, "--wait", "0.05", code=os.EX_TEMPFAIL)
    with Running(broker, "sub", topic, "--wait", "0.3", "-n", "9") as command:
        wait_until(has_subscriptions(c, 1), "it listens")
        c.publish(topic, b"one")
        c.flush()
        assert command.end() == (b"one\n", b"")


@test
def sub_ends_by_a_signal_and_has_written_all_that_came(broker):
    topic, c = unique("topic"), broker.connect()
    for number in (signal.SIGINT, signal.SIGTERM):
        with Running(broker, "sub", topic) as command:
            wait_until(has_subscriptions(c, 1), "it listens")
            for message in (b"one", b"two"):
                c.publish(topic, message)
            c.flush()
            assert [command.line(), command.line()] == [b"one\n", b"two\n"]
            command.signal(number)
            assert command.end(-number) == (b"", b"")
        wait_until(has_subscriptions(c, 0), "it is gone")


@test
def sub_ends_when_its_reader_leaves(broker):
    topic, c = unique("topic"), broker.connect()
    with Running(broker, "sub", topic) as command:
        wait_until(has_subscriptions(c, 1), "it listens")
        command.process.stdout.close()
        command.process.stdout = None
        c.publish(topic, b"unread")
        c.flush()
        assert command.wait() == os.EX_OK
        assert command.process.stderr.read() == b""


def overrun(c, topic, command):
    """Publishes more than can wait, while the subscriber is stopped."""
    wait_until(has_subscriptions(c, 1), "it listens")
    command.signal(signal.SIGSTOP)
    for _ in range(3000):
        c.publish(topic, b"x" * 20_000)
    c.flush()
    command.signal(signal.SIGCONT)


@test
def sub_tells_what_it_missed(broker):
    topic, c = unique("topic"), broker.connect()
    with Running(broker, "sub", topic, stdout=subprocess.DEVNULL) as command:
        overrun(c, topic, command)
        assert re.fullmatch(rb"ringpost: too slow: missed \d+ messages, \d+ bytes\n", command.line("stderr"))
    wait_until(has_subscriptions(c, 0), "it is gone")
    with Running(broker, "sub", topic, "--json") as command:
        overrun(c, topic, command)
        missed = next(line for line in io.BufferedReader(command.process.stdout) if b"missed" in line)
        assert json.loads(missed).keys() == {"missed_from", "missed_messages", "missed_bytes"}, missed


@test
def sub_goes_on_when_the_broker_comes_back():
    with Broker() as broker:
        with Running(broker, "sub", "topic", "-n", "2") as command:
            c = broker.connect()
            wait_until(has_subscriptions(c, 1), "it listens")
            c.publish(b"topic", b"before")
            c.flush()
            assert command.line() == b"before\n"
            broker.kill()
            with Broker(listen=[broker.address]) as again:
                c = again.connect()
                wait_until(has_subscriptions(c, 1), "it listens again")
                c.publish(b"topic", b"after")
                c.flush()
                out, error = command.end()
        assert out == b"after\n"
        assert error.splitlines()[0] == b"ringpost: connection lost; trying again"
        assert b"what was published in between is missed" in error


if __name__ == "__main__":
    main()

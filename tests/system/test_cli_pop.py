#!/usr/bin/python3
"""build/ringpost: messages out of queues, and how they are shown."""

import base64
import json
import os
import pty
import signal
import tempfile
from pathlib import Path

from cli import BODIES, EX_EMPTY, Running, cli, cli_json
from environment import unique, wait_until
from harness import Broker, main, push, test


def has_consumer(c, queue):
    return any(fields["name"] == queue and fields["consumers"] for fields in c.list_all())


def body(record):
    """A message in JSON, as text or as base64."""
    return record["body"].encode() if "body" in record else base64.b64decode(record["body_base64"])


@test
def pop_takes_one_message_and_acknowledges_it(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue)
    push(c, queue, b"one", b"two", b"three")
    assert cli(broker, "pop", queue) == b"one\n"
    assert cli(broker, "pop", queue, "--back") == b"three\n"
    fields = c.info(queue)
    assert (fields["ready"], fields["acknowledged"], fields["returned"]) == (1, 2, 0), fields


@test
def pop_follow_goes_on_until_it_is_ended(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"here")
    with Running(broker, "pop", "-f", queue) as command:
        assert command.line() == b"here\n"
        for message in (b"later", b"last"):
            push(c, queue, message)
            assert command.line() == message + b"\n"
        wait_until(lambda: not c.has_queue(queue) or c.info(queue)["acknowledged"] == 3, "all are acknowledged")
        command.signal(signal.SIGTERM)
        assert command.wait() == -signal.SIGTERM


@test
def pop_follow_goes_on_when_a_lease_took_too_long(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue, lease_max=50)
    push(c, queue, b"work")
    with tempfile.TemporaryDirectory(prefix="ringpost-") as folder:
        gate = f"{folder}/gate"
        os.mkfifo(gate)
        with Running(broker, "pop", "-f", queue, "--exec", f"echo begun; read line < {gate}") as command:
            assert command.line() == b"begun\n"
            wait_until(lambda: c.info(queue)["returned"] == 1, "the lease is over")
            c.set(queue, lease_max=0)
            Path(gate).write_text("done\n")
            assert command.line("stderr") == b"ringpost: the lease took too long; its message went back\n"
            assert command.line() == b"begun\n"
            Path(gate).write_text("done\n")
            wait_until(lambda: c.info(queue)["acknowledged"] == 1, "it is acknowledged the second time")


@test
def pop_of_nothing_exits_1_without_a_word(broker):
    queue, c = unique(), broker.connect()
    assert cli(broker, "pop", queue, code=EX_EMPTY) == b""
    wait_until(lambda: not c.has_queue(queue), "nothing is left")
    c.declare(queue)
    assert cli_json(broker, "pop", queue, "--count", "5", code=EX_EMPTY) == []


@test
def pop_count_takes_so_many_and_no_more(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue)
    lines = [b"%d" % number for number in range(1000)]
    push(c, queue, *lines)
    assert cli(broker, "pop", queue, "-n", "3").splitlines() == lines[:3]
    assert cli(broker, "pop", queue, "--count=700").splitlines() == lines[3:703]
    assert c.info(queue)["returned"] == 0, "nothing was leased that was not wanted"
    assert cli(broker, "pop", queue, "--count", "9999").splitlines() == lines[703:]


@test
def pop_writes_bodies_as_they_are_and_json_says_all(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *BODIES)
    assert cli(broker, "pop", queue, "-n", "99") == b"".join(message + b"\n" for message in BODIES)
    push(c, queue, *BODIES)
    records = cli_json(broker, "pop", queue, "-n", "99")
    assert [body(record) for record in records] == BODIES
    assert all(record["queue"] == queue.decode() and record["deliveries"] == 0 for record in records)
    assert "body_base64" in records[2] and "body" in records[3]


@test
def pop_wait_waits_for_a_message_and_not_longer(broker):
    queue, c = unique(), broker.connect()
    assert cli(broker, "pop", queue, "--wait", "0.05", code=os.EX_TEMPFAIL) == b""
    for duration in ("forever", "60"):
        with Running(broker, "pop", queue, "--wait", duration) as command:
            wait_until(lambda: has_consumer(c, queue), "it waits")
            push(c, queue, b"at last")
            assert command.end() == (b"at last\n", b"")
    push(c, queue, b"one")
    assert cli(broker, "pop", queue, "-n", "2", "-w", "0.05") == b"one\n"


@test
def pop_ack_none_takes_and_forgets(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue)
    push(c, queue, b"one", b"two")
    assert cli(broker, "pop", queue, "--ack", "none") == b"one\n"
    fields = c.info(queue)
    assert (fields["ready"], fields["leased"], fields["delivered"]) == (1, 0, 1), fields


@test
def pop_ack_manual_settles_as_it_is_told(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue)
    push(c, queue, b"good", b"bad", b"later")
    with Running(broker, "pop", queue, "--ack", "manual", "-n", "4", "--json") as command:
        for message, answer in ("good", "ack\n"), ("bad", "reject\n"), ("later", "return\n"), ("later", "ack"):
            assert json.loads(command.line())["body"] == message
            command.say(answer.encode())
        command.process.stdin.close()
        command.process.stdin = None
        assert command.end() == (b"", b"")
    fields = c.info(queue)
    assert (fields["acknowledged"], fields["rejected"], fields["returned"], fields["ready"]) == (2, 1, 1, 0), fields


@test
def pop_ack_manual_returns_what_nobody_answered_for_and_asks_again_for_nonsense(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"undecided")
    hint = b"answer with a line 'ack', 'return' or 'reject'"
    assert cli(broker, "pop", queue, "--ack", "manual", given=b"perhaps\n", error=hint) == b"undecided\n"
    assert cli_json(broker, "pop", queue, "--ack", "manual", given=b"ack\n")[0]["deliveries"] == 1


@test
def pop_exec_runs_a_command_for_each_message(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"one", b"two")
    show = "printf '%s %s ' $RINGPOST_QUEUE $RINGPOST_DELIVERIES; cat; echo"
    assert cli(broker, "pop", queue, "-n", "2", "--exec", show) == b"%s 0 one\n%s 0 two\n" % (queue, queue)
    push(c, queue, b"again")
    for command, said in ("cat; exit 3", b"ended with 3; its message went back"), ("cat; kill $$", b"ended with 143; "):
        assert cli(broker, "pop", queue, "-e", command, code=os.EX_TEMPFAIL, error=said) == b"again"
    assert cli(broker, "pop", queue, "--exec", show) == b"%s 2 again\n" % queue
    assert cli(broker, "pop", queue, "--exec", "echo never", code=EX_EMPTY) == b""


@test
def pop_exec_json_tells_how_each_command_ended(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"1", b"3")
    expected = [{"queue": queue.decode(), "deliveries": 0, "exit": 1}]
    assert cli_json(broker, "pop", queue, "-e", "exit $(cat)", code=os.EX_TEMPFAIL, error=b"ended with 1;") == expected
    assert cli_json(broker, "pop", queue, "-e", "true") == [{"queue": queue.decode(), "deliveries": 1, "exit": 0}]


@test
def pop_exec_does_not_mind_a_command_that_reads_nothing(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"x" * 1_000_000)
    assert cli(broker, "pop", queue, "--exec", "echo taken") == b"taken\n"


@test
def pop_that_is_killed_gives_its_message_back(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"slow")
    for number in (signal.SIGINT, signal.SIGTERM):
        with Running(broker, "pop", queue, "--ack", "manual") as command:
            assert command.line() == b"slow\n"
            command.signal(number)
            assert command.wait() == -number
        wait_until(lambda: c.info(queue)["ready"] == 1, "the message is back")


@test
def pop_whose_reader_left_acknowledges_nothing_that_was_not_read(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue)
    push(c, queue, *[b"x" * 1000] * 1000)
    with Running(broker, "pop", queue, "-n", "1000", "-w", "60") as command:
        command.line()
        command.process.stdout.close()
        command.process.stdout = None
        assert command.wait() == os.EX_OK
        assert command.process.stderr.read() == b""
    fields = wait_until(lambda: (f := c.info(queue))["consumers"] == 0 and f, "it is gone")
    assert 0 < fields["ready"] and fields["leased"] == 0 and fields["rejected"] == 0, fields


@test
def what_cannot_be_written_is_not_acknowledged(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue)
    push(c, queue, b"precious")
    with open("/dev/full", "wb") as full, Running(broker, "pop", queue, stdout=full) as command:
        _, error = command.end(os.EX_IOERR)
    assert error == b"ringpost: standard output: No space left on device\n"
    wait_until(lambda: c.info(queue)["ready"] == 1, "the message is back")


@test
def pop_goes_on_when_the_broker_comes_back_and_takes_no_more_than_was_asked():
    queue = "queue"
    with Broker() as broker:
        with Running(broker, "pop", queue, "--count", "3", "--wait", "forever") as command:
            wait_until(lambda: has_consumer(broker.connect(), b"queue"), "it waits")
            push(broker.connect(), b"queue", b"1")
            assert command.line() == b"1\n"
            broker.kill()
            with Broker(listen=[broker.address]) as again:
                push(again.connect(), b"queue", b"2", b"3", b"4", b"5", b"6")
                out, error = command.end()
                assert out == b"2\n3\n", out
                assert error == b"ringpost: connection lost; trying again\n", error
                c = again.connect()
                wait_until(lambda: c.info(b"queue")["consumers"] == 0, "it is gone")
                assert c.peek(b"queue", 9) == ([b"4", b"5", b"6"], False)


# peek


@test
def peek_shows_messages_and_leaves_them(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"1", b"2", b"3")
    assert cli(broker, "peek", queue) == b"1\n"
    assert cli(broker, "peek", queue, "-n", "9") == b"1\n2\n3\n"
    assert cli(broker, "peek", queue, "-n", "2", "--back") == b"3\n2\n"
    assert cli_json(broker, "peek", queue, "-n", "2") == [{"queue": queue.decode(), "body": text} for text in "12"]
    assert c.info(queue)["delivered"] == 0


@test
def peek_of_nothing_exits_1(broker):
    queue = unique()
    assert cli(broker, "peek", queue, code=EX_EMPTY) == b""
    broker.connect().declare(queue)
    assert cli(broker, "peek", queue, code=EX_EMPTY) == b""


@test
def peek_says_when_there_is_more_than_an_answer_holds(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, *(b"%d" % number for number in range(1001)))
    assert cli(broker, "peek", queue, "-n", "2000", error=b"there are more").count(b"\n") == 1000
    assert cli(broker, "peek", queue, "-n", "1000").count(b"\n") == 1000


# On a terminal


@test
def nothing_that_others_chose_can_steer_a_terminal(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"line\n\ttab \x1b[31mred\x1b[0m \xff \\ \x00 \xc2\x9b " + "grüße".encode())
    master, slave = pty.openpty()
    try:
        with Running(broker, "pop", queue, stdout=slave) as command:
            assert command.wait() == os.EX_OK
        shown = os.read(master, 10_000).replace(b"\r\n", b"\n")
    finally:
        os.close(master)
        os.close(slave)
    assert shown == b"line\n\ttab \\x1b[31mred\\x1b[0m \\xff \\ \\x00 \\xc2\\x9b " + "grüße".encode() + b"\n", shown


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""build/ringpost: what topics do besides, and requests with their answers."""

import os
import select

from cli import Running, cli, cli_json
from environment import DEADLINE_S, unique, wait_until
from harness import main, test

EX_NOUSER = 67


def listening(c, count):
    wait_until(lambda: c.stats()["subscriptions"] == count, f"{count} listen")


# Topics


@test
def a_retained_message_is_there_for_who_comes_later(broker):
    topic = unique("kept").decode()
    cli(broker, "pub", topic, "first", "--retain")
    cli(broker, "pub", topic, "second", "--retain", "-H", "x-a=b")
    (record,) = cli_json(broker, "sub", topic, "-n1")
    assert record == {"topic": topic, "headers": {"x-a": "b"}, "body": "second"}, record
    cli(broker, "sub", topic, "--no-retained", "-n1", "--wait", "0.05", code=os.EX_TEMPFAIL)
    (listed,) = cli_json(broker, "topic", "ls", topic)
    assert (listed["subscriptions"], listed["wildcards"]) == (0, 0) and listed["retained_bytes"] > 6, listed
    cli(broker, "pub", topic, "", "--retain")
    cli(broker, "sub", topic, "-n1", "--wait", "0.05", code=os.EX_TEMPFAIL)


@test
def a_publish_that_must_reach_somebody_says_when_nobody_is_there(broker):
    topic, c = unique("must").decode(), broker.connect()
    cli(broker, "pub", topic, "hello", "--must", code=EX_NOUSER, error=b"publish: no-reader: ")
    with Running(broker, "sub", topic) as command:
        listening(c, 1)
        cli(broker, "pub", topic, "hello", "--must")
        assert command.line() == b"hello\n"


@test
def of_a_group_one_gets_each_message(broker):
    topic, c = unique("group").decode(), broker.connect()
    with Running(broker, "sub", topic, "--group", "g") as one, Running(broker, "sub", topic, "-gg") as other:
        listening(c, 2)
        heard = {one.process.stdout: [], other.process.stdout: []}
        for number in range(10):
            cli(broker, "pub", topic, str(number))
            (stream, *more), _, _ = select.select([*heard], [], [], DEADLINE_S)
            assert not more, "both got it"
            heard[stream].append(stream.readline())
    assert sorted(sum(heard.values(), [])) == [b"%d\n" % number for number in range(10)], heard


@test
def a_subscription_over_its_bound_is_ended_when_that_was_chosen(broker):
    topic, c = unique("close").decode(), broker.connect()
    with Running(broker, "sub", topic, "--overflow", "close", "--max-messages", "1") as command:
        listening(c, 1)
        cli(broker, "pub", topic, "--lines", given=b"x\n" * 1000)
        _, error = command.end(os.EX_TEMPFAIL)
    assert error.endswith(b"ringpost: sub: overflow\n"), error


@test
def topic_ls_tells_who_listens(broker):
    c, prefix = broker.connect(), unique("listed").decode()
    with Running(broker, "sub", f"{prefix}.a"), Running(broker, "sub", f"{prefix}.*", "--wildcard"):
        listening(c, 2)
        rows = [tuple(record.values()) for record in cli_json(broker, "topic", "ls", f"{prefix}.?")]
        assert sorted(rows) == [(f"{prefix}.*", 0, 1, 0, 0), (f"{prefix}.a", 1, 0, 0, 0)], rows
        text = cli(broker, "topic", "ls").decode().splitlines()
        assert text[0].split() == ["SUBSCRIPTIONS", "WILDCARDS", "GLOBS", "RETAINED-BYTES", "NAME"], text
        assert any(line.split() == ["1", "0", "0", "0", f"{prefix}.a"] for line in text), text


# Requests


@test
def a_request_is_answered_by_a_command(broker):
    topic, c = unique("sums").decode(), broker.connect()
    with Running(broker, "reply", topic, "--exec", "read a b; echo -n $((a * b)) for $RINGPOST_TOPIC", "-n", "3") as command:
        listening(c, 1)
        assert cli(broker, "request", topic, "2 3") == b"6 for %s\n" % topic.encode()
        assert cli(broker, "request", f"topic:{topic}", given=b"3 3\n") == b"9 for %s\n" % topic.encode()
        assert cli_json(broker, "request", topic, "1 1")[0]["body"] == f"1 for {topic}"
        assert command.end() == (b"", b"")


@test
def a_large_request_has_a_large_answer(broker):
    topic, c, body = unique("large").decode(), broker.connect(), os.urandom(500_000)
    with Running(broker, "reply", topic, "-e", "cat"):
        listening(c, 1)
        assert cli(broker, "request", topic, given=body) == body + b"\n"


@test
def nobody_there_is_told_at_once_and_an_answer_that_does_not_come_in_time(broker):
    topic, c = unique("nobody").decode(), broker.connect()
    cli(broker, "request", topic, "?", "--timeout", "3600", code=EX_NOUSER, error=b"request: no-reader: ")
    with Running(broker, "sub", topic):
        listening(c, 1)
        cli(broker, "request", topic, "?", "--timeout", "1", code=os.EX_TEMPFAIL, error=b"no answer in time")


@test
def a_command_that_fails_is_told_to_who_asked(broker):
    topic, c = unique("fails").decode(), broker.connect()
    with Running(broker, "reply", topic, "--exec", "echo sorry; exit 3", "-n1") as command:
        listening(c, 1)
        said = b"the command that answered ended with 3"
        assert cli(broker, "request", topic, "?", code=os.EX_TEMPFAIL, error=said) == b"sorry\n\n"
        assert command.end(os.EX_TEMPFAIL) == (b"", b"ringpost: reply: the command ended with 3\n")


@test
def a_job_of_a_queue_brings_its_result_back(broker):
    queue = unique().decode()
    with Running(broker, "request", f"queue:{queue}", "job") as asking:
        wait_until(lambda: broker.connect().has_queue(queue.encode()), "it waits for somebody")
        with Running(broker, "reply", f"queue:{queue}", "--exec", "tr a-z A-Z", "-n1") as command:
            assert asking.end() == (b"JOB\n", b"")
            assert command.end() == (b"", b"")
    c = broker.connect()
    wait_until(lambda: not c.has_queue(queue.encode()), "it was acknowledged")


@test
def a_job_whose_command_fails_is_tried_again_and_who_wants_no_answer_gets_none(broker):
    queue, c = unique().decode(), broker.connect()
    cli(broker, "push", queue, "job")
    with Running(broker, "reply", f"queue:{queue}", "--exec", "test $RINGPOST_DELIVERIES = 1", "-n2") as command:
        assert command.end(os.EX_TEMPFAIL) == (b"", b"ringpost: reply: the command ended with 1\n")
    wait_until(lambda: not c.has_queue(queue.encode()), "the second time it did not fail")


@test
def answers_go_to_queues_and_topics_as_well(broker):
    queue, c = unique().decode(), broker.connect()
    cli(broker, "push", queue, "2 3", "--reply-to", f"queue:{queue}.results", "--correlation-id", "five")
    cli(broker, "push", queue, "2 4", "--reply-to", "nowhere at all")
    with Running(broker, "reply", f"queue:{queue}", "--exec", "read a b; echo -n $((a + b))", "-n2") as command:
        assert command.end() == (b"", b"")
    (result,) = cli_json(broker, "pop", f"{queue}.results")
    assert result["body"] == "5" and result["headers"] == {"correlation-id": "five"}, result
    wait_until(lambda: not c.has_queue(queue.encode()), "both are done")


if __name__ == "__main__":
    main()

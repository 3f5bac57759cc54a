#!/usr/bin/python3
"""build/ringpost: what queues do for messages, dead letters, and who may do what to whom."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from cli import EX_EMPTY, Running, cli, cli_json, environment
from environment import DEADLINE_S, RINGPOST, unique, wait_until
from harness import Broker, main, push, test


def info(broker, queue):
    (record,) = cli_json(broker, "queue", "info", queue)
    return record


# Messages


@test
def headers_are_pushed_and_shown(broker):
    queue = unique()
    given = "-H x-color=red --header x-empty= --ttl 60 --reply-to topic:answers --correlation-id 7".split()
    cli(broker, "push", queue, "body", *given)
    cli(broker, "push", queue, "plain")
    headers = {"ttl": 60000, "reply-to": "topic:answers", "correlation-id": "7", "x-color": "red", "x-empty": ""}
    (peeked,) = cli_json(broker, "peek", queue)
    assert peeked == {"queue": queue.decode(), "headers": headers, "body": "body"}, peeked
    first, second = cli_json(broker, "pop", queue, "-n2")
    assert first["headers"] == headers and first["body"] == "body", first
    assert "headers" not in second and second["body"] == "plain", second


@test
def headers_that_are_too_large_are_no_message_for_a_broker(broker):
    many = [f"--header=x-{number}={'v' * 30_000}" for number in range(3)]
    cli(broker, "push", unique(), "m", *many, code=os.EX_DATAERR, error=b"push: ")


@test
def a_delayed_message_is_there_later_and_an_expired_one_is_dead(broker):
    queue, c = unique(), broker.connect()
    cli(broker, "push", queue, "late", "--delay", "0.05")
    assert cli(broker, "pop", queue, "--wait", "30") == b"late\n"
    cli(broker, "push", queue, "gone", "--delay", "3600")
    assert cli(broker, "pop", queue, code=EX_EMPTY) == b""
    assert info(broker, queue)["delayed"] == 1
    assert cli(broker, "queue", "purge", queue) == b"purged: 1\n"
    cli(broker, "push", queue, "short", "--ttl", "0.001")
    wait_until(lambda: c.has_queue(queue + b".dead"), "it expired")
    (dead,) = cli_json(broker, "peek", queue + b".dead")
    assert (dead["body"], dead["headers"]["dead-reason"]) == ("short", "expired"), dead


# Settings


@test
def sizes_and_times_have_the_units_of_the_configuration(broker):
    queue = unique()
    for size, number in (("3", 3), ("3b", 3), ("2K", 2048), ("64mb", 64 << 20), ("1GB", 1 << 30)):
        cli(broker, "queue", "declare", size + queue.decode(), "--max-bytes", size)
        assert info(broker, size + queue.decode())["max_bytes"] == number, size
    cli(broker, "queue", "declare", queue)
    for time, ms in (("250ms", 250), ("1.5s", 1500), ("5m", 300_000), ("0.25h", 900_000), ("30d", 30 * 86_400_000)):
        cli(broker, "queue", "set", queue, "--ttl", time)
        assert info(broker, queue)["ttl"] == ms, time
    for option, value in (("--max-bytes", "1kk"), ("--max-bytes", "b"), ("--ttl", "1min"), ("--ttl", "9" * 18 + "d")):
        cli(broker, "queue", "set", queue, option, value, code=os.EX_USAGE, error=option.encode())


@test
def settings_are_declared_and_changed(broker):
    queue = unique()
    first = "--max-messages 7 --max-bytes 2k --when-full drop-oldest --ttl 30 --delivery-limit 3 --lease-max 1.5 --pop-lease connection"
    cli(broker, "queue", "declare", queue, *first.split(), "--dead-letter", "morgue")
    expected = {"max_messages": 7, "max_bytes": 2048, "when_full": "drop-oldest", "ttl": 30000, "delivery_limit": 3}
    expected |= {"lease_max": 1500, "dead_letter": "morgue", "pop_lease": "connection"}
    assert expected.items() <= info(broker, queue).items(), info(broker, queue)
    assert "ttl: 30 s\n" in cli(broker, "queue", "info", queue).decode()
    none = "--ttl none --delivery-limit none --lease-max none --when-full hold --pop-lease none"
    assert cli(broker, "queue", "set", queue, *none.split(), "--dead-letter", "") == b""
    expected |= {"when_full": "hold", "ttl": 0, "delivery_limit": 0, "lease_max": 0, "dead_letter": "", "pop_lease": "none"}
    assert expected.items() <= info(broker, queue).items(), info(broker, queue)
    assert "ttl: none\n" in cli(broker, "queue", "info", queue).decode()
    assert cli_json(broker, "queue", "set", queue, "--ttl", "1") == [{"done": True}]
    cli(broker, "queue", "set", unique(), "--ttl", "1", code=os.EX_DATAERR, error=b"queue set: no-queue: ")


@test
def dead_letters_are_tried_again(broker):
    queue = unique()
    dead = queue + b".dead"
    cli(broker, "queue", "declare", queue, "--delivery-limit", "1")
    for message in ("a", "b", "c"):
        cli(broker, "push", queue, message)
    failed = b"its message went back"
    for _ in range(3):
        cli(broker, "pop", queue, "--exec", "false", code=os.EX_TEMPFAIL, error=failed)
    assert info(broker, queue)["dead_lettered"] == 3
    assert cli_json(broker, "queue", "redrive", dead, "--count", "1") == [{"redriven": 1, "more": True}]
    assert cli(broker, "pop", queue) == b"a\n"
    assert cli(broker, "queue", "redrive", dead, "--to", queue + b".other") == b"redriven: 2\nmore: no\n"
    assert cli(broker, "pop", queue + b".other", "-n", "9") == b"b\nc\n"
    cli(broker, "queue", "redrive", unique(), code=os.EX_DATAERR, error=b"queue redrive: no-queue: ")


@test
def a_lease_that_took_too_long_is_told(broker):
    queue, c = unique(), broker.connect()
    cli(broker, "queue", "declare", queue, "--lease-max", "0.05")
    push(c, queue, b"slow")
    with Running(broker, "pop", queue, "--follow", "--ack", "manual") as command:
        assert command.line() == b"slow\n"
        wait_until(lambda: c.info(queue)["returned"] == 1, "the lease is over")
        command.say(b"ack\n")
        assert b"the lease took too long" in command.line("stderr")


# Connections and settings of the broker


@test
def client_ls_tells_who_is_there_and_kill_ends_it(broker):
    queue, c = unique(), broker.connect()
    with Running(broker, "sub", "some.topic") as command:
        wait_until(lambda: c.stats()["subscriptions"] == 1, "it listens")
        push(c, queue, b"1", b"2")
        c.consume(queue, 1, 2)
        wait_until(lambda: c.info(queue)["leased"] == 2, "two are leased")
        rows = {record["connection"]: record for record in cli_json(broker, "client", "ls")}
        mine = rows[c.welcome["connection"]]
        assert (mine["client"], mine["consumers"], mine["leased"]) == ("tests/system", 1, 2), mine
        (other,) = (record for record in rows.values() if record["subscriptions"] == 1)
        assert other["client"].startswith("ringpost ") and other["address"].startswith("127.0.0.1:"), other
        text = cli(broker, "client", "ls").decode().splitlines()
        assert text[0].split()[:3] == ["CONNECTION", "CONSUMERS", "SUBSCRIPTIONS"], text
        assert any(line.split()[0] == str(c.welcome["connection"]) for line in text[1:]), text
        assert cli(broker, "client", "kill", str(other["connection"])) == b""
        assert b"connection lost" in command.line("stderr"), "and it comes back"
    cli(broker, "client", "kill", "4294967295", code=os.EX_DATAERR, error=b"client kill: no-client: ")


@test
def config_show_tells_each_setting_and_where_it_is_from():
    with Broker("--max-queues", "77") as broker:
        records = {record["key"]: record for record in cli_json(broker, "config", "show")}
        assert records["max-queues"] == {"key": "max-queues", "value": "77", "origin": "flag"}, records
        assert records["frame-max"]["origin"] == "default", records
        text = cli(broker, "config", "show", "max-q*")
        assert text == b"max-queues = 77  (flag)\n", text


@test
def a_password_lets_in():
    with tempfile.TemporaryDirectory() as folder:
        right, wrong, empty, long = (Path(folder, name) for name in ("right", "wrong", "empty", "long"))
        right.write_text("sesame\n")
        wrong.write_text("simsim\n")
        empty.touch()
        long.write_text("x" * 1025)
        for file in (right, wrong, empty, long):
            file.chmod(0o600)
        with Broker("--password-file", right) as broker:
            assert b"answered" in cli(broker, "ping", "--password-file", right)
            env = {**environment(broker), "RINGPOST_PASSWORD_FILE": str(right)}
            done = subprocess.run([RINGPOST, "ping"], capture_output=True, env=env, timeout=DEADLINE_S)
            assert b"answered" in done.stdout, done
            denied = b"cannot connect to "
            cli(broker, "ping", code=os.EX_NOPERM, error=denied)
            cli(broker, "ping", "--password-file", wrong, code=os.EX_NOPERM, error=denied)
            cli(broker, "ping", "--password-file", empty, code=os.EX_NOINPUT, error=b"first line is empty")
            cli(broker, "ping", "--password-file", long, code=os.EX_NOINPUT, error=b"first line is too long")
            cli(broker, "ping", "--password-file", f"{folder}/none", code=os.EX_NOINPUT, error=b"No such file")


# Leases


@test
def work_may_take_longer_than_a_broker_waits_for_silent_clients():
    with Broker("--liveness", "600ms") as broker:
        c, queue = broker.connect(), b"long"
        push(c, queue, b"work")
        with Running(broker, "pop", queue, "--follow", "--ack", "manual") as command:
            assert command.line() == b"work\n"
            watched = wait_until(lambda: c.info(queue).get("oldest-leased", 0) > 1500 and c.info(queue), "it worked for long")
            assert (watched["leased"], watched["returned"]) == (1, 0), "it is busy, and lives"
            command.signal(signal.SIGSTOP)
            wait_until(lambda: c.info(queue)["returned"] == 1, "it is stopped, and its work goes back")
            command.signal(signal.SIGCONT)
            command.say(b"ack\n")
            assert b"connection lost" in command.line("stderr")


if __name__ == "__main__":
    main()
